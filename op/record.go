package op

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// hidden stands in the audit log for a member that a row lists but whose value
// must not be there: AWS's own words.
const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// RecordRequest makes requestParameters of the decoded input: the members that
// the row lists and nothing else, named as CloudTrail names them (the model's
// name with its first letter in lower case). Sensitive members, blobs and
// streams never show their value; a row that lists one by name shows that it was
// there. The answer is nil where there is nothing to record.
func (o *Operation) RecordRequest(in any) json.RawMessage {
	return record(o.Service, o.Schema.Input, o.request, in)
}

// RecordResponse makes responseElements of the output in the same way.
func (o *Operation) RecordResponse(out any) json.RawMessage {
	return record(o.Service, o.Schema.Output, o.response, out)
}

// allowed is a compiled allow-list: which members of a structure may be
// recorded, by position.
type allowed []allowedMember

type allowedMember struct {
	at int
	// of narrows what of the member is recorded; nil: all that is not sensitive.
	of allowed
	// exact: the member itself was listed.
	exact bool
}

// allow adds paths to a list. A path that the model does not know is a mistake
// in the row, and worse than a crash at start: what it means to record would
// silently never be recorded.
func (a allowed) allow(svc *schema.Service, shape schema.Index, paths ...string) allowed {
	for _, p := range paths {
		a = a.allowPath(svc, shape, p, strings.Split(p, "."))
	}
	return a
}

func (a allowed) allowPath(svc *schema.Service, shape schema.Index, path string, parts []string) allowed {
	at := -1
	if shape != schema.None {
		at = slices.IndexFunc(svc.At(shape).Members, func(m schema.Member) bool { return m.Name == parts[0] })
	}
	if at < 0 {
		panic(fmt.Sprintf("op: %s: no member %q in %q", svc.Name, parts[0], path))
	}
	i := slices.IndexFunc(a, func(m allowedMember) bool { return m.at == at })
	if i < 0 {
		a = append(a, allowedMember{at: at})
		slices.SortFunc(a, func(x, y allowedMember) int { return x.at - y.at })
		i = slices.IndexFunc(a, func(m allowedMember) bool { return m.at == at })
	}
	m := &a[i]
	if len(parts) == 1 {
		m.exact, m.of = true, nil
		return a
	}
	if !m.exact {
		inner := svc.At(shape).Members[at].Shape
		for svc.At(inner).Kind == schema.List || svc.At(inner).Kind == schema.Map {
			inner = svc.At(inner).Elem
		}
		m.of = m.of.allowPath(svc, inner, path, parts[1:])
	}
	return a
}

func record(svc *schema.Service, shape schema.Index, a allowed, v any) json.RawMessage {
	if len(a) == 0 || v == nil || shape == schema.None {
		return nil
	}
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer {
		if rv.IsNil() {
			return nil
		}
		rv = rv.Elem()
	}
	r := recorder{svc: svc}
	b := r.structure(make([]byte, 0, 256), svc.At(shape), a, rv)
	if len(b) <= len("{}") {
		return nil
	}
	return b
}

type recorder struct{ svc *schema.Service }

// structure writes the allowed members that are present; all that is not
// sensitive when a is nil.
func (r recorder) structure(b []byte, s *schema.Shape, a allowed, v reflect.Value) []byte {
	b = append(b, '{')
	if a == nil {
		for i := range s.Members {
			b = r.member(b, s, allowedMember{at: i}, v)
		}
	} else {
		for _, m := range a {
			b = r.member(b, s, m, v)
		}
	}
	return append(b, '}')
}

func (r recorder) member(b []byte, s *schema.Shape, a allowedMember, v reflect.Value) []byte {
	m := &s.Members[a.at]
	f := v.Field(a.at)
	switch f.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		if f.IsNil() {
			return b
		}
	}
	shape := r.svc.At(m.Shape)
	secret := m.Has(schema.Sensitive) || r.unrecordable(shape)
	if secret && !a.exact {
		return b
	}
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"', lowerFirst(m.Name[0]))
	b = append(b, m.Name[1:]...)
	b = append(b, '"', ':')
	if secret {
		return append(b, `"`+hidden+`"`...)
	}
	return r.value(b, shape, a.of, f)
}

// unrecordable tells shapes whose values are never shown.
func (r recorder) unrecordable(s *schema.Shape) bool {
	return s.Has(schema.Sensitive) || s.Has(schema.EventStream) || s.Kind == schema.Blob || s.Kind == schema.Document
}

func (r recorder) value(b []byte, s *schema.Shape, of allowed, v reflect.Value) []byte {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return append(b, "null"...)
		}
		v = v.Elem()
	}
	switch s.Kind {
	case schema.Structure:
		return r.structure(b, s, of, v)
	case schema.List:
		elem := r.svc.At(s.Elem)
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = r.element(b, elem, of, v.Index(i))
		}
		return append(b, ']')
	case schema.Map:
		return r.mapping(b, s, of, v)
	case schema.String:
		return quote(b, v.String())
	case schema.Integer, schema.Long:
		return strconv.AppendInt(b, v.Int(), 10)
	case schema.Float, schema.Double:
		return number(b, v.Float())
	case schema.Boolean:
		return strconv.AppendBool(b, v.Bool())
	case schema.Timestamp:
		// CloudTrail shows times of requests and answers as Java prints them.
		return quote(b, v.Interface().(time.Time).UTC().Format("Jan 2, 2006, 3:04:05 PM"))
	}
	return append(b, "null"...)
}

func (r recorder) element(b []byte, s *schema.Shape, of allowed, v reflect.Value) []byte {
	if r.unrecordable(s) {
		return append(b, `"`+hidden+`"`...)
	}
	return r.value(b, s, of, v)
}

func (r recorder) mapping(b []byte, s *schema.Shape, of allowed, v reflect.Value) []byte {
	key, elem := r.svc.At(s.Key), r.svc.At(s.Elem)
	if r.unrecordable(key) {
		return append(b, `"`+hidden+`"`...)
	}
	var room [8]string
	names := room[:0]
	texts, plain := v.Interface().(map[string]string)
	if plain { // encryption contexts are part of almost every event
		for n := range texts {
			names = append(names, n)
		}
	} else {
		for it := v.MapRange(); it.Next(); {
			names = append(names, it.Key().String())
		}
	}
	slices.Sort(names)
	plain = plain && elem.Kind == schema.String && !r.unrecordable(elem)
	b = append(b, '{')
	for i, n := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(quote(b, n), ':')
		if plain {
			b = quote(b, texts[n])
			continue
		}
		b = r.element(b, elem, of, v.MapIndex(reflect.ValueOf(n).Convert(v.Type().Key())))
	}
	return append(b, '}')
}

// quote writes a JSON string; what is not UTF-8 becomes U+FFFD.
func quote(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

func number(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return quote(b, strconv.FormatFloat(f, 'g', -1, 64))
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

func lowerFirst(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
