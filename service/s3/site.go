package s3

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/store"
)

// Buckets with a website configuration are served to browsers under
// BUCKET.s3-website-REGION.amazonaws.com and BUCKET.s3-website.REGION.amazonaws.com,
// or the same below any other name of this server; without a Region, that of the
// server is meant: BUCKET.s3-website.localhost. Everyone is anonymous there: bucket
// policies decide.

// siteModel is the one operation of a website. Policies and the audit log know it as
// the GetObject that it is.
var siteModel = schema.Service{
	Name: "s3", ID: "S3", SigningName: api.Model.SigningName, EventSource: api.Model.EventSource,
	ARNNamespace: api.Model.ARNNamespace, IAMPrefix: api.Model.IAMPrefix, Protocols: []schema.Protocol{schema.RESTXML},
	Shapes:     api.Model.Shapes, // for the statuses of its exceptions
	Operations: []schema.Operation{{Name: "GetObject", Input: schema.None, Output: schema.None, Action: "s3:GetObject", ReadOnly: true}},
}

var opVisit = op.Desc[op.Visit, op.Reply]{Service: &siteModel, Name: "GetObject"}

// site is where websites are served.
func (s *Service) site() *op.Site {
	return &op.Site{
		Host: func(host string) (string, bool) {
			_, region, ok := siteHost(host)
			return region, ok
		},
		Operation: op.Row(opVisit, s.Visit, s.visitNeeds).Outside().Data(),
		Refuse: func(e *redoubt.Error, status int, requestID string) *op.Reply {
			return errorPage(e, status, requestID, nil)
		},
		Public: true,
	}
}

// siteHost reads the host name of a website.
func siteHost(host string) (bucket, region string, ok bool) {
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	labels := strings.Split(strings.ToLower(host), ".")
	for i := len(labels) - 1; i > 0; i-- {
		rest, ok := strings.CutPrefix(labels[i], "s3-website")
		if !ok || rest != "" && rest[0] != '-' {
			continue
		}
		if rest != "" {
			region = rest[1:]
		} else if next := append(labels, "")[i+1]; strings.Count(next, "-") >= 2 {
			region = next
		}
		return strings.Join(labels[:i], "."), region, true
	}
	return "", "", false
}

// visit is a request to a website.
type visit struct {
	*op.Visit
	at   *place
	site *api.WebsiteConfiguration
	key  string // that the path names
}

// visited finds out what a request to a website is about.
func (s *Service) visited(ctx context.Context, c *redoubt.Call, in *op.Visit) (*visit, error) {
	name, _, _ := siteHost(in.Host)
	b, err := find(store.From(ctx), name)
	switch {
	case absent(err):
		return nil, noSuchBucket(name)
	case err != nil:
		return nil, err
	case b.Region != c.Region:
		return nil, refusal(400, "IncorrectEndpoint", "The specified bucket exists in another region. Please direct requests to the specified endpoint.", "Endpoint", name+".s3-website-"+b.Region+".amazonaws.com")
	case in.Method != http.MethodGet && in.Method != http.MethodHead && !preflight(in):
		return nil, refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.", "Method", in.Method, "ResourceType", "OBJECT", "allow", "GET, HEAD, OPTIONS")
	case b.Website == nil:
		return nil, noWebsite(name)
	}
	v := &visit{Visit: in, site: b.Website}
	if v.at, err = s.resolve(ctx, c, &name, nil); err != nil {
		return nil, err
	}
	if v.key, err = url.PathUnescape(strings.TrimPrefix(in.Path, "/")); err != nil {
		return nil, refusal(400, "InvalidURI", "Couldn't parse the specified URI.", "URI", in.Path)
	}
	return v, nil
}

// preflight reports whether a browser asks what is allowed.
func preflight(in *op.Visit) bool {
	return in.Method == http.MethodOptions && in.Header.Get("Origin") != "" && in.Header.Get("Access-Control-Request-Method") != ""
}

// object is the key that is served: the index document stands for its folder.
func (v *visit) object() string {
	if v.key == "" || strings.HasSuffix(v.key, "/") {
		return v.key + value(v.site.IndexDocument.Suffix)
	}
	return v.key
}

// folder is the index document of the folder that a request without its slash may
// have meant, or empty.
func (v *visit) folder() string {
	if v.key == "" || strings.HasSuffix(v.key, "/") {
		return ""
	}
	return v.key + "/" + value(v.site.IndexDocument.Suffix)
}

// excuse is the key of the error document, or empty.
func (v *visit) excuse() string {
	if v.site.ErrorDocument == nil {
		return ""
	}
	return value(v.site.ErrorDocument.Key)
}

// itemRead is the item of the right to read one of the objects that a visit may be
// answered with.
func itemRead(key string) string { return "read " + key }

// visitNeeds: each object that may be the answer is a need of its own, as an item,
// since what is refused is answered with a page too, for which the error document is
// read. What the configuration sends elsewhere takes no right.
func (s *Service) visitNeeds(ctx context.Context, c *redoubt.Call, in *op.Visit) ([]redoubt.Need, error) {
	v, err := s.visited(ctx, c, in)
	if err != nil {
		return nil, err
	}
	if preflight(in) || v.elsewhere(c, 0) != nil {
		return []redoubt.Need{{Action: "s3:GetObject", Resource: v.at.bucket.objectARN(v.key), Account: v.at.bucket.Account, Grant: "of the website configuration"}}, nil
	}
	if err := pays(c, v.at.bucket, nil); err != nil {
		return nil, err
	}
	var needs []redoubt.Need
	add := func(list []redoubt.Need, item string) {
		for _, n := range list {
			n.Item, n.Refusal = item, "Access Denied"
			needs = append(needs, n)
		}
	}
	for _, key := range []string{v.object(), v.folder(), v.excuse()} {
		if key == "" {
			continue
		}
		o, err := s.headed(ctx, v.at.bucket, key)
		if err != nil {
			return nil, err
		}
		add(v.at.onObject(c, "s3:GetObject", key, existing(o, nil)), itemRead(key))
	}
	add(v.at.onBucket(c, "s3:ListBucket", nil), itemList)
	return needs, nil
}

// headed answers the newest version of a key, or nil.
func (s *Service) headed(ctx context.Context, b *Bucket, key string) (*objects.Version, error) {
	v, err := s.Objects.Head(ctx, b.ID, key, "")
	if _, marker := errors.AsType[*objects.MarkerError](err); marker || errors.Is(err, objects.ErrNoKey) || errors.Is(err, objects.ErrBadKey) || errors.Is(err, objects.ErrNoBucket) {
		return nil, nil
	}
	return v, err
}

// Visit answers a request to a website.
func (s *Service) Visit(ctx context.Context, c *redoubt.Call, in *op.Visit) (*op.Reply, error) {
	var v *visit
	slash := false
	err := s.once(ctx, func(ctx context.Context) (err error) {
		if v, err = s.visited(ctx, c, in); err != nil || v.site.IndexDocument == nil || v.folder() == "" || c.Denied[itemRead(v.folder())] != nil {
			return err
		}
		o, err := s.headed(ctx, v.at.bucket, v.key)
		if err != nil || o != nil {
			return err
		}
		o, err = s.headed(ctx, v.at.bucket, v.folder())
		slash = o != nil
		return err
	})
	if err != nil {
		return nil, err
	}
	shared := op.Sharing{Path: "/" + v.at.name + in.Path, Origin: in.Header.Get("Origin"), Method: in.Method}
	if preflight(in) {
		return s.allowed(ctx, c, shared, in.Header)
	}
	reply := v.elsewhere(c, 0)
	if reply == nil {
		if reply, err = s.serve(ctx, c, v, slash); err != nil {
			return nil, err
		}
	}
	if shared.Origin != "" {
		if header, err := s.Share(ctx, shared); err == nil {
			for name, text := range header {
				reply.Header.Set(name, text)
			}
		}
	}
	return stamped(reply, c.RequestID), nil
}

// allowed answers a browser that asks whether a page may send a request.
func (s *Service) allowed(ctx context.Context, c *redoubt.Call, r op.Sharing, asked http.Header) (*op.Reply, error) {
	r.Method = asked.Get("Access-Control-Request-Method")
	for name := range strings.SplitSeq(asked.Get("Access-Control-Request-Headers"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			r.Headers = append(r.Headers, name)
		}
	}
	header, err := s.Share(ctx, r)
	if err != nil {
		return nil, err
	}
	reply := &op.Reply{Status: http.StatusOK, Header: http.Header{}}
	for name, text := range header {
		reply.Header.Set(name, text)
	}
	return stamped(reply, c.RequestID), nil
}

// serve answers with an object, or says why there is none: by a routing rule for the
// error, the error document, or a page of the server's.
func (s *Service) serve(ctx context.Context, c *redoubt.Call, v *visit, slash bool) (*op.Reply, error) {
	if slash {
		return v.found(c), nil
	}
	h := v.Header
	reply, err := s.page(ctx, c, v, v.object(), &api.GetObjectInput{
		Range: given(h.Get("Range")), IfMatch: given(h.Get("If-Match")), IfNoneMatch: given(h.Get("If-None-Match")),
		IfModifiedSince: httpTime(h.Get("If-Modified-Since")), IfUnmodifiedSince: httpTime(h.Get("If-Unmodified-Since")),
	})
	if err == nil {
		return reply, nil
	}
	e, ok := errors.AsType[*redoubt.Error](err)
	if !ok || e.Fault || e.Status == http.StatusNotModified {
		return nil, err
	}
	status := e.Status
	if e.Code == string(redoubt.ErrAccessDenied) {
		status = http.StatusForbidden
	}
	if reply := v.elsewhere(c, status); reply != nil {
		reply.Refusal = e
		return reply, nil
	}
	var second *redoubt.Error
	if key := v.excuse(); key != "" {
		reply, err := s.page(ctx, c, v, key, &api.GetObjectInput{})
		if err == nil && reply.Status == http.StatusOK {
			reply.Status = status
		}
		if err == nil {
			explain(reply.Header, e)
			reply.Refusal = e
			return reply, nil
		}
		if second, ok = errors.AsType[*redoubt.Error](err); !ok {
			return nil, err
		}
	}
	reply = errorPage(e, status, c.RequestID, second)
	reply.Refusal = e
	return reply, nil
}

// page answers with one object, as far as it may be read; or goes where the object
// says.
func (s *Service) page(ctx context.Context, c *redoubt.Call, v *visit, key string, in *api.GetObjectInput) (*op.Reply, error) {
	if err := c.Denied[itemRead(key)]; err != nil {
		return nil, err
	}
	in.Bucket, in.Key = &v.at.name, &key
	var out *api.GetObjectOutput
	var err error
	for try := 0; ; try++ {
		if out, err = s.get(ctx, c, in, v.Method != http.MethodHead); !errors.Is(err, objects.ErrChanged) || try == 8 {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if to := out.WebsiteRedirectLocation; to != nil {
		if out.Body != nil {
			out.Body.Close()
		}
		return redirect(http.StatusMovedPermanently, *to), nil
	}
	return served(out), nil
}

// served is an object as a website shows it.
func served(out *api.GetObjectOutput) *op.Reply {
	r := &op.Reply{Status: http.StatusOK, Header: http.Header{}, Stream: out.Body}
	set := func(name string, v *string) {
		if v != nil {
			r.Header.Set(name, *v)
		}
	}
	for name, v := range map[string]*string{
		"Accept-Ranges": out.AcceptRanges, "Etag": out.ETag, "Cache-Control": out.CacheControl, "Content-Disposition": out.ContentDisposition,
		"Content-Encoding": out.ContentEncoding, "Content-Language": out.ContentLanguage, "Content-Type": out.ContentType, "Content-Range": out.ContentRange,
		"X-Amz-Version-Id": out.VersionId, "X-Amz-Server-Side-Encryption": out.ServerSideEncryption, "X-Amz-Storage-Class": out.StorageClass,
	} {
		set(name, v)
	}
	if out.ContentRange != nil {
		r.Status = http.StatusPartialContent
	}
	if out.Expires != nil {
		r.Header.Set("Expires", out.Expires.UTC().Format(http.TimeFormat))
	}
	for name, v := range out.Metadata {
		r.Header.Set("X-Amz-Meta-"+name, v)
	}
	r.Header.Set("Last-Modified", out.LastModified.UTC().Format(http.TimeFormat))
	r.Header.Set("Content-Length", strconv.FormatInt(*out.ContentLength, 10))
	return r
}
