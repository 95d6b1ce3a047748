// Package rest binds members to the parts of an HTTP message as the REST
// protocols do: labels of the path, the query, headers, the status line and the
// body; and it finds an operation by method and path.
package rest

import (
	"bytes"
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
)

// Routes finds operations, for any service. The tables are built on first use.
type Routes struct {
	// AllQuery: a member that is a map of the query's parameters holds also
	// those that other members name. The two protocols' tests differ in this.
	AllQuery bool
	services sync.Map // *schema.Service -> *table
}

// table holds a service's routes by method.
type table struct {
	methods map[string][]*route
	byOp    map[string]*route
}

// route is an operation's URI template.
type route struct {
	op     *schema.Operation
	parts  []part
	greedy bool
	static wire.Form // fixed query parameters
	// Names that a request must carry if the operation is the one meant:
	// several of S3's differ in nothing else.
	queries, headers []string
}

// part is one segment of a template.
type part struct {
	text   string // literal, or the label's name
	label  bool
	greedy bool
}

func (r *Routes) table(svc *schema.Service) *table {
	if t, ok := r.services.Load(svc); ok {
		return t.(*table)
	}
	t := &table{methods: map[string][]*route{}, byOp: map[string]*route{}}
	for i := range svc.Operations {
		x := newRoute(svc, &svc.Operations[i])
		t.methods[x.op.Method] = append(t.methods[x.op.Method], x)
		t.byOp[x.op.Name] = x
	}
	for _, l := range t.methods {
		slices.SortStableFunc(l, func(a, b *route) int { return cmp.Compare(a.op.Name, b.op.Name) })
	}
	v, _ := r.services.LoadOrStore(svc, t)
	return v.(*table)
}

func newRoute(svc *schema.Service, op *schema.Operation) *route {
	path, query, _ := strings.Cut(op.URI, "?")
	r := &route{op: op}
	for _, s := range segments(path) {
		p := part{text: s}
		if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") {
			p.label = true
			p.text, p.greedy = strings.CutSuffix(s[1:len(s)-1], "+")
			r.greedy = r.greedy || p.greedy
		}
		r.parts = append(r.parts, p)
	}
	r.static, _ = wire.ParseForm(query)
	if op.Input != schema.None {
		for i := range svc.At(op.Input).Members {
			m := &svc.At(op.Input).Members[i]
			if !m.Has(schema.Required) {
				continue
			}
			switch m.Location {
			case schema.QueryString:
				r.queries = append(r.queries, m.WireName())
			case schema.Header:
				r.headers = append(r.headers, http.CanonicalHeaderKey(m.WireName()))
			}
		}
	}
	return r
}

// segments splits a path. One slash at the end says nothing.
func segments(path string) []string {
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(path, "/"), "/")
}

// match reports whether the segments fit, and how specific the fit is:
// literals before labels before greedy labels, from the left.
func (r *route) match(segs []string) (fit rank, ok bool) {
	i := 0
	for k, p := range r.parts {
		worth := byte(3)
		switch {
		case p.greedy:
			tail := len(r.parts) - k - 1
			n := len(segs) - i - tail
			if n < 1 || n == 1 && segs[i] == "" {
				return fit, false
			}
			worth = 1
			i += n
		case i >= len(segs) || segs[i] == "" || !p.label && p.text != segs[i]:
			return fit, false
		case p.label:
			worth = 2
			i++
		default:
			i++
		}
		if k < len(fit) {
			fit[k] = worth
		}
	}
	return fit, i == len(segs)
}

// rank says per part of a template how specific it is.
type rank [16]byte

// candidate is a route whose path fits.
type candidate struct {
	*route
	rank    rank
	static  int
	present int // required names that the request carries
	missing int
}

// Find answers the operation that a request means, or nil. strict asks for all
// query parameters that the operation requires: S3's name what the request is
// about. Elsewhere a missing one is the validator's business.
func (r *Routes) Find(svc *schema.Service, req *wire.Request, strict bool) (*schema.Operation, error) {
	query, err := req.Query()
	if err != nil {
		return nil, err
	}
	segs := segments(req.Path)
	// A greedy label keeps the slash at its end: "a/" and "a" are two S3 keys.
	whole := segs
	if len(segs) > 0 && strings.HasSuffix(req.Path, "/") {
		whole = append(segs[:len(segs):len(segs)], "")
	}
	var best candidate
	for _, x := range r.table(svc).methods[req.Method] {
		s := segs
		if x.greedy {
			s = whole
		}
		rank, ok := x.match(s)
		if !ok {
			continue
		}
		c := candidate{route: x, rank: rank}
		if c.weigh(query, req.Header, strict) && (best.route == nil || better(&c, &best)) {
			best = c
		}
	}
	if best.route == nil {
		return nil, nil
	}
	return best.op, nil
}

// weigh counts what speaks for the candidate; false when a query parameter is
// missing that must be there.
func (c *candidate) weigh(query wire.Form, header http.Header, strict bool) bool {
	for _, p := range c.route.static {
		v, ok := query.Get(p.Name)
		if !ok || p.Value != "" && v != p.Value {
			return false
		}
		c.static++
	}
	for _, name := range c.queries {
		if _, ok := query.Get(name); ok {
			c.present++
		} else if strict {
			return false
		} else {
			c.missing++
		}
	}
	for _, name := range c.headers {
		if len(header[name]) > 0 {
			c.present++
		} else {
			c.missing++
		}
	}
	return true
}

// better orders candidates: by path, by fixed query parameters, then the one
// whose required names are all there (of two such, the one that asks for more;
// of two that lack some, the one that lacks less), and what AWS deprecated last.
func better(a, b *candidate) bool {
	if d := bytes.Compare(a.rank[:], b.rank[:]); d != 0 {
		return d > 0
	}
	if a.static != b.static {
		return a.static > b.static
	}
	if a.missing != b.missing {
		return a.missing < b.missing
	}
	if a.present != b.present {
		return a.present > b.present
	}
	return b.op.Deprecated && !a.op.Deprecated
}

// labels answers the path's labels, decoded, for an operation that Find
// answered.
func (r *Routes) labels(svc *schema.Service, op *schema.Operation, path string) (map[string]string, bool) {
	x := r.table(svc).byOp[op.Name]
	segs := segments(path)
	if x.greedy && len(segs) > 0 && strings.HasSuffix(path, "/") {
		segs = append(segs, "")
	}
	if _, ok := x.match(segs); !ok {
		return nil, false
	}
	out := make(map[string]string, 2)
	i := 0
	for k, p := range x.parts {
		n := 1
		if p.greedy {
			n = len(segs) - i - (len(x.parts) - k - 1)
		}
		if p.label {
			v, ok := wire.Unescape(strings.Join(segs[i:i+n], "/"), false)
			if !ok {
				return nil, false
			}
			out[p.text] = v
		}
		i += n
	}
	return out, true
}
