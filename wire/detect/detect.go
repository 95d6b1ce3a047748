// Package detect says which service a request is for, in which protocol, and
// how S3's host-style addressing reads as a path. It only reads: whether the
// signature fits the service found is sigv4's and the front door's to check.
//
// What speaks loudest comes first: the X-Amz-Target header or the Smithy RPC
// path, the scope of the signature, the host, Action and Version of a form, the
// path. What is left without any sign is S3's, whose paths mean nothing to
// others.
package detect

import (
	"net/http"
	"slices"
	"strings"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/cbor"
)

// Index knows the services that requests can be for. It does not change after
// New.
type Index struct {
	hosts     []string
	targets   map[string]*schema.Service
	signing   map[string][]*schema.Service
	endpoints map[string][]*schema.Service
	versions  map[string][]*schema.Service // of the query protocols, by API version
	paths     map[string][]*schema.Service // of the REST protocols, by a path's first literal
	s3        *schema.Service
}

// New makes an index. hosts are names of this server, without ports, in front
// of which a service's or bucket's name may stand; localhost always is one.
func New(models []*schema.Service, hosts ...string) *Index {
	x := &Index{
		hosts:     []string{"localhost"},
		targets:   map[string]*schema.Service{},
		signing:   map[string][]*schema.Service{},
		endpoints: map[string][]*schema.Service{},
		versions:  map[string][]*schema.Service{},
		paths:     map[string][]*schema.Service{},
	}
	for _, h := range hosts {
		x.hosts = append(x.hosts, strings.ToLower(h))
	}
	for _, m := range models {
		if m.TargetPrefix != "" {
			x.targets[m.TargetPrefix] = m
			// Smithy's SDKs send the last part of CloudTrail's.
			x.targets[m.TargetPrefix[strings.LastIndexByte(m.TargetPrefix, '.')+1:]] = m
		}
		x.signing[m.SigningName] = append(x.signing[m.SigningName], m)
		x.endpoints[m.EndpointPrefix] = append(x.endpoints[m.EndpointPrefix], m)
		switch {
		case Speaks(m, schema.Query) || Speaks(m, schema.EC2):
			x.versions[m.APIVersion] = append(x.versions[m.APIVersion], m)
		case isREST(m):
			for i := range m.Operations {
				first := firstSegment(m.Operations[i].URI)
				if l := x.paths[first]; first != "" && !strings.HasPrefix(first, "{") && !slices.Contains(l, m) {
					x.paths[first] = append(l, m)
				}
			}
		}
		if m.EndpointPrefix == "s3" {
			x.s3 = m
		}
	}
	return x
}

// Speaks reports whether a service speaks a protocol.
func Speaks(m *schema.Service, p schema.Protocol) bool { return slices.Contains(m.Protocols, p) }

func isREST(m *schema.Service) bool {
	return Speaks(m, schema.RESTJSON) || Speaks(m, schema.RESTXML)
}

func firstSegment(uri string) string {
	path, _, _ := strings.Cut(uri, "?")
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}

// Found is where a request goes.
type Found struct {
	Service  *schema.Service
	Protocol schema.Protocol
	// Path is what Codec.Match is to read: the request's own, or for S3's
	// host-style addressing the bucket in front of it.
	Path string
	// Bucket is set for host-style addressing.
	Bucket string
	// Scope is the signature's, zero for requests without one.
	Scope Scope
	// Region is the one that the host names, if any.
	Region string
}

// Find says which service a request is for. ok is false when no model fits; the
// scope and the region are filled nevertheless. A request without target or
// scope is looked into: its form is read if limit bytes hold it.
func (x *Index) Find(r *wire.Request, limit int) (f Found, ok bool) {
	f.Path = r.Path
	f.Scope, _ = ParseScope(r)
	at := x.locate(r.Host)
	f.Region = at.region
	f.Service = x.service(r, f.Scope, at, limit)
	if f.Service == nil {
		return f, false
	}
	f.Protocol = protocol(f.Service, r)
	if f.Service == x.s3 {
		if f.Bucket = at.bucket(); f.Bucket != "" {
			f.Path = "/" + f.Bucket + r.Path
		}
	}
	return f, true
}

func (x *Index) service(r *wire.Request, scope Scope, at place, limit int) *schema.Service {
	if t := r.Header["X-Amz-Target"]; len(t) > 0 {
		if dot := strings.LastIndexByte(t[0], '.'); dot >= 0 {
			if m := x.targets[t[0][:dot]]; m != nil {
				return m
			}
		}
	}
	if name, _, ok := cbor.Target(r); ok {
		if m := x.targets[name]; m != nil {
			return m
		}
	}
	if scope.Service != "" {
		return x.among(x.signing[scope.Service], r, at)
	}
	if m := x.among(x.endpoints[at.endpoint], r, at); m != nil {
		return m
	}
	if m := x.byAction(r, limit); m != nil {
		return m
	}
	if m := x.among(x.paths[firstSegment(r.Path)], r, at); m != nil && at.rest == "" {
		return m
	}
	if r.Header["X-Amz-Target"] != nil {
		return nil // S3 knows no targets
	}
	return x.s3
}

// among picks one of the services that share a name: the one whose endpoint
// the host names, else the one that knows the path's first part, else the one
// whose paths begin with anything.
func (x *Index) among(l []*schema.Service, r *wire.Request, at place) *schema.Service {
	if len(l) < 2 {
		if len(l) == 1 {
			return l[0]
		}
		return nil
	}
	for _, m := range l {
		if at.endpoint != "" && m.EndpointPrefix == at.endpoint && len(x.endpoints[at.endpoint]) == 1 {
			return m
		}
	}
	first := firstSegment(r.Path)
	for _, m := range l {
		if first != "" && slices.Contains(x.paths[first], m) {
			return m
		}
	}
	if slices.Contains(l, x.s3) {
		return x.s3
	}
	return l[0]
}

// byAction finds a query service by what an unsigned form asks for.
func (x *Index) byAction(r *wire.Request, limit int) *schema.Service {
	form, err := r.Query()
	if ct := r.Header.Get("Content-Type"); r.Method == http.MethodPost && strings.HasPrefix(ct, "application/x-www-form-urlencoded") {
		form, err = r.Form(limit)
	}
	if err != nil {
		return nil
	}
	action, ok := form.Get("Action")
	if !ok {
		return nil
	}
	version, _ := form.Get("Version")
	l := x.versions[version]
	for _, m := range l {
		if m.Find(action) != nil {
			return m
		}
	}
	if len(l) > 0 {
		return l[0] // it answers that it knows no such action
	}
	return nil
}

// protocol is the one of the service's that a request is in.
func protocol(m *schema.Service, r *wire.Request) schema.Protocol {
	if _, _, ok := cbor.Target(r); ok && Speaks(m, schema.CBOR) {
		return schema.CBOR
	}
	if len(r.Header["X-Amz-Target"]) > 0 && Speaks(m, schema.JSON) {
		return schema.JSON
	}
	for _, p := range []schema.Protocol{schema.Query, schema.EC2, schema.RESTJSON, schema.RESTXML, schema.JSON} {
		if Speaks(m, p) {
			return p
		}
	}
	return m.Protocols[0]
}
