package rest

import (
	"encoding/base64"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
	"github.com/redoubt-sec/redoubt/wire/internal/xmlio"
)

// Names names members as the body of a REST request does. Members that travel
// elsewhere get a name that no text can spell: a body must not set what the
// path or a header says.
func Names(m *schema.Member) string {
	if m.Location != schema.Body {
		return "\xff" + m.WireName()
	}
	return m.WireName()
}

// Bad is a part of the message that does not fit its member.
type Bad struct {
	Name, Value string
	Cause       error
}

func (b *Bad) Error() string { return b.Cause.Error() }
func (b *Bad) Unwrap() error { return b.Cause }

// ErrPath refuses a path that is not encoded as the operation's is, or no UTF-8.
var ErrPath = walk.Refuse("The request path is malformed.")

// Decode fills those members of in, an addressable struct, that travel outside
// of the body. document reads JSON for members that hold it.
func (r *Routes) Decode(svc *schema.Service, op *schema.Operation, req *wire.Request, in reflect.Value, document func([]byte) error) error {
	shape := svc.At(op.Input)
	var labels map[string]string
	for k := range shape.Members {
		m := &shape.Members[k]
		var err error
		switch f := in.Field(k); m.Location {
		case schema.URI:
			if labels == nil {
				var ok bool
				if labels, ok = r.labels(svc, op, req.Path); !ok {
					return ErrPath
				}
			}
			if v, ok := labels[m.WireName()]; ok {
				err = set(svc, m, f, v)
			}
		case schema.QueryString:
			err = r.query(svc, m, f, req, r.table(svc).byOp[op.Name])
		case schema.Header:
			err = header(svc, m, f, req.Header, document)
		case schema.Headers:
			headers(m, f, req.Header)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// set reads a scalar member from text.
func set(svc *schema.Service, m *schema.Member, f reflect.Value, text string) error {
	sh := svc.At(m.Shape)
	v, err := scalar(sh, text)
	if err != nil {
		return &Bad{Name: m.WireName(), Value: text, Cause: err}
	}
	switch p := f.Addr().Interface().(type) {
	case **string:
		*p = new(v.(string))
	case **int32:
		*p = new(int32(v.(int64)))
	case **int64:
		*p = new(v.(int64))
	case **float32:
		*p = new(float32(v.(float64)))
	case **float64:
		*p = new(v.(float64))
	case **bool:
		*p = new(v.(bool))
	case **time.Time:
		*p = new(v.(time.Time))
	case *[]byte:
		*p = v.([]byte)
	default:
		return walk.Refuse("The request is malformed.")
	}
	return nil
}

// scalar reads text as a shape's kind.
func scalar(sh *schema.Shape, text string) (any, error) {
	switch sh.Kind {
	case schema.String:
		return strings.Clone(text), nil
	case schema.Integer, schema.Long:
		return wrap(xmlio.Int(sh, text))
	case schema.Float, schema.Double:
		if f, ok := walk.ParseFloat(text); ok {
			return f, nil
		}
	case schema.Boolean:
		return wrap(xmlio.Bool(sh, text))
	case schema.Timestamp:
		if t, ok := walk.ParseTime(text); ok {
			return t, nil
		}
	case schema.Blob:
		return wrap(walk.DecodeBase64([]byte(text)))
	}
	return nil, walk.Wrong("STRING_VALUE", sh)
}

func wrap[T any](v T, err error) (any, error) { return v, err }

// list reads a list of scalars.
func list(svc *schema.Service, sh *schema.Shape, f reflect.Value, texts []string) error {
	elem := svc.At(sh.Elem)
	out := reflect.MakeSlice(f.Type(), len(texts), len(texts))
	for i, t := range texts {
		v, err := scalar(elem, t)
		if err != nil {
			return err
		}
		out.Index(i).Set(reflect.ValueOf(v).Convert(f.Type().Elem()))
	}
	f.Set(out)
	return nil
}

// query reads a member of the query string.
func (r *Routes) query(svc *schema.Service, m *schema.Member, f reflect.Value, req *wire.Request, x *route) error {
	q, err := req.Query()
	if err != nil {
		return err
	}
	sh := svc.At(m.Shape)
	switch sh.Kind {
	case schema.Map:
		rest(f, q, func(name string) bool { return r.named(svc, x, name) })
		return nil
	case schema.List:
		var texts []string
		for _, p := range q {
			if p.Name == m.WireName() {
				texts = append(texts, p.Value)
			}
		}
		if texts == nil {
			return nil
		}
		return list(svc, sh, f, texts)
	}
	v, ok := q.Get(m.WireName())
	if !ok {
		return nil
	}
	if v == "" && sh.Kind == schema.Integer && svc.SigningName == "s3" && strings.HasPrefix(x.op.Name, "List") {
		return nil // S3's listings take an empty number for none
	}
	return set(svc, m, f, v)
}

// rest gathers the query's parameters in a map, but those that skip holds.
func rest(f reflect.Value, q wire.Form, skip func(string) bool) {
	switch p := f.Addr().Interface().(type) {
	case *map[string]string:
		for _, v := range q {
			if skip(v.Name) {
				continue
			}
			if *p == nil {
				*p = map[string]string{}
			}
			(*p)[v.Name] = v.Value
		}
	case *map[string][]string:
		for _, v := range q {
			if skip(v.Name) {
				continue
			}
			if *p == nil {
				*p = map[string][]string{}
			}
			(*p)[v.Name] = append((*p)[v.Name], v.Value)
		}
	}
}

// named reports whether the template or a member of its own names a query
// parameter.
func (r *Routes) named(svc *schema.Service, x *route, name string) bool {
	if _, ok := x.static.Get(name); ok || r.AllQuery {
		return ok
	}
	in := svc.At(x.op.Input)
	for i := range in.Members {
		m := &in.Members[i]
		if m.Location == schema.QueryString && svc.At(m.Shape).Kind != schema.Map && m.WireName() == name {
			return true
		}
	}
	return false
}

// canonicals remembers how the names of members stand in an http.Header: an object's
// request has dozens, of which it uses few.
var canonicals sync.Map // string to string; names of models, so they are bounded

func canonical(name string) string {
	if c, ok := canonicals.Load(name); ok {
		return c.(string)
	}
	c := http.CanonicalHeaderKey(name)
	canonicals.Store(name, c)
	return c
}

// header reads a member of a header.
func header(svc *schema.Service, m *schema.Member, f reflect.Value, h http.Header, document func([]byte) error) error {
	values := h[canonical(m.WireName())]
	if len(values) == 0 {
		return nil
	}
	sh := svc.At(m.Shape)
	if sh.Kind == schema.List {
		texts, ok := splitList(values, svc.At(sh.Elem))
		if !ok {
			return walk.Refuse("A header is malformed.")
		}
		return list(svc, sh, f, texts)
	}
	text := strings.TrimSpace(values[0])
	if len(values) > 1 {
		if sh.Kind != schema.String {
			return walk.Duplicate()
		}
		text = strings.Join(values, ",")
	}
	if m.Has(schema.JSONValue) {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return walk.Refuse("A header is not valid base64.")
		}
		if err := document(b); err != nil {
			return err
		}
		text = string(b)
	}
	if text == "" && sh.Kind != schema.String {
		return nil
	}
	return set(svc, m, f, text)
}

// headers reads all headers with a prefix. Names lose their case on the way
// and are lower-cased, as S3 does with metadata.
func headers(m *schema.Member, f reflect.Value, h http.Header) {
	p, ok := f.Addr().Interface().(*map[string]string)
	if !ok {
		return
	}
	prefix := strings.ToLower(m.LocationName)
	for name, values := range h {
		rest, ok := strings.CutPrefix(strings.ToLower(name), prefix)
		if !ok || rest == "" && prefix != "" || len(values) == 0 {
			continue
		}
		if *p == nil {
			*p = map[string]string{}
		}
		(*p)[strings.Clone(rest)] = strings.Clone(strings.TrimSpace(strings.Join(values, ",")))
	}
}

// splitList splits the values of a header that is a list: at commas, but not
// inside quotes, and not at the comma of an HTTP date.
func splitList(values []string, elem *schema.Shape) ([]string, bool) {
	out := []string{}
	for _, v := range values {
		for v = strings.TrimSpace(v); v != ""; {
			if v[0] == '"' && elem.Kind == schema.String {
				text, tail, ok := quoted(v)
				if !ok {
					return nil, false
				}
				out = append(out, text)
				v = strings.TrimSpace(tail)
				if v == "" {
					break
				}
				if v[0] != ',' {
					return nil, false
				}
				v = strings.TrimSpace(v[1:])
				continue
			}
			end := strings.IndexByte(v, ',')
			if end >= 0 && elem.Kind == schema.Timestamp && v[0] >= 'A' {
				if next := strings.IndexByte(v[end+1:], ','); next >= 0 {
					end += 1 + next
				} else {
					end = -1
				}
			}
			if end < 0 {
				out = append(out, v)
				break
			}
			out = append(out, strings.TrimSpace(v[:end]))
			v = strings.TrimSpace(v[end+1:])
		}
	}
	return out, true
}

// quoted reads a quoted string and what follows it.
func quoted(s string) (text, tail string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i >= len(s) {
				return "", "", false
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// Payload answers the position of the member that is the whole body, or -1.
func Payload(sh *schema.Shape) int {
	if sh.Payload >= 0 && int(sh.Payload) < len(sh.Members) {
		return int(sh.Payload)
	}
	return -1
}

// RawPayload reads a payload that is bytes or text. done is false for
// structures and documents, which the protocol reads.
func RawPayload(svc *schema.Service, m *schema.Member, f reflect.Value, req *wire.Request, limit int) (done bool, err error) {
	switch sh := svc.At(m.Shape); sh.Kind {
	case schema.Blob:
		if p, ok := f.Addr().Interface().(*io.ReadCloser); ok {
			if req.Stream != nil {
				*p = req.Stream
			} else {
				*p = io.NopCloser(strings.NewReader(string(req.Body)))
			}
			return true, nil
		}
		if len(req.Body) > max(limit, req.Limit) {
			return true, wire.TooLarge()
		}
		if len(req.Body) > 0 {
			f.SetBytes(append([]byte(nil), req.Body...))
		}
		return true, nil
	case schema.String:
		b, err := req.Content(limit)
		if err == nil && len(b) > 0 {
			*f.Addr().Interface().(**string) = new(string(b))
		}
		return true, err
	}
	return false, nil
}

// HasBody reports whether an input has members in the body.
func HasBody(sh *schema.Shape) bool {
	for i := range sh.Members {
		if sh.Members[i].Location == schema.Body {
			return true
		}
	}
	return false
}
