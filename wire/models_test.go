package wire_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/api/all"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
)

// ambiguous are operations that no request can mean, and why.
var ambiguous = map[string]string{
	"s3.GetBucketLifecycle":    "deprecated for GetBucketLifecycleConfiguration at the same place",
	"s3.PutBucketLifecycle":    "deprecated for PutBucketLifecycleConfiguration at the same place",
	"s3.GetBucketNotification": "deprecated for GetBucketNotificationConfiguration at the same place",
	"s3.PutBucketNotification": "deprecated for PutBucketNotificationConfiguration at the same place",
	"s3.ListDirectoryBuckets":  "told from ListBuckets by S3 Express's own endpoint only",
}

// Every operation of every model, in each of its service's protocols: an input
// with all its members comes back from the wire as it was, and an output can be
// written.
func TestEveryOperation(t *testing.T) {
	operations := 0
	for _, svc := range all.Services() {
		if len(svc.Shapes) == 0 {
			continue
		}
		types := goTypes{svc: svc, open: map[schema.Index]bool{}}
		for _, p := range svc.Protocols {
			cd := codec(p)
			for i := range svc.Operations {
				op := &svc.Operations[i]
				id := svc.Name + "." + op.Name
				operations++
				rng := rand.New(rand.NewPCG(1, uint64(i)))
				if op.Output != schema.None {
					out := reflect.New(types.structure(op.Output))
					(&filler{svc: svc, rng: rng, proto: p}).structure(op.Output, out.Elem(), 0)
					if _, err := cd.Encode(svc, op, out.Interface(), "id"); err != nil {
						t.Errorf("%s by %s: output: %v", id, p, err)
					}
				}
				if op.Input == schema.None {
					continue
				}
				in := reflect.New(types.structure(op.Input))
				(&filler{svc: svc, rng: rng, proto: p}).structure(op.Input, in.Elem(), 0)
				r, err := clientRequest(cd, svc, op, p, in)
				if err != nil {
					t.Errorf("%s by %s: %v", id, p, err)
					continue
				}
				found, err := cd.Match(svc, r)
				if reason, ok := ambiguous[id]; ok {
					if err == nil && found.Name == op.Name {
						t.Errorf("%s is found, though %s", id, reason)
					}
					continue
				}
				if err != nil || found.Name != op.Name {
					t.Errorf("%s by %s: %s %s is taken for %v (%v)", id, p, r.Method, r.Target, found, err)
					continue
				}
				got := reflect.New(in.Type().Elem())
				if err := cd.Decode(svc, op, r, got.Interface()); err != nil {
					t.Errorf("%s by %s: %v\n%s %s\n%.500s", id, p, err, r.Method, r.Target, r.Body)
					continue
				}
				if err := equal(id, in, got); err != nil {
					t.Errorf("by %s: %v", p, err)
				}
			}
		}
	}
	if operations < 2500 {
		t.Errorf("only %d operations", operations)
	}
	t.Logf("%d operations", operations)
}

// goTypes makes Go types of shapes, laid out as generated ones are. A shape
// inside itself becomes an empty structure, which is never filled.
type goTypes struct {
	svc  *schema.Service
	open map[schema.Index]bool
}

func (g *goTypes) structure(i schema.Index) reflect.Type {
	if g.open[i] {
		return reflect.TypeFor[struct{}]()
	}
	g.open[i] = true
	defer delete(g.open, i)
	sh := g.svc.At(i)
	fields := make([]reflect.StructField, len(sh.Members))
	for k := range sh.Members {
		m := &sh.Members[k]
		t := g.bare(m.Shape)
		ms := g.svc.At(m.Shape)
		switch {
		case ms.Kind == schema.Blob && (ms.Has(schema.Streaming) || m.Has(schema.Streaming)):
			t = reflect.TypeFor[io.ReadCloser]()
		case t.Kind() != reflect.Slice && t.Kind() != reflect.Map && t.Kind() != reflect.Interface:
			t = reflect.PointerTo(t)
		}
		fields[k] = reflect.StructField{Name: "F" + strconv.Itoa(k), Type: t}
	}
	return reflect.StructOf(fields)
}

func (g *goTypes) bare(i schema.Index) reflect.Type {
	sh := g.svc.At(i)
	switch sh.Kind {
	case schema.String:
		return reflect.TypeFor[string]()
	case schema.Integer:
		return reflect.TypeFor[int32]()
	case schema.Long:
		return reflect.TypeFor[int64]()
	case schema.Float:
		return reflect.TypeFor[float32]()
	case schema.Double:
		return reflect.TypeFor[float64]()
	case schema.Boolean:
		return reflect.TypeFor[bool]()
	case schema.Timestamp:
		return reflect.TypeFor[time.Time]()
	case schema.Blob:
		return reflect.TypeFor[[]byte]()
	case schema.List:
		return reflect.SliceOf(g.bare(sh.Elem))
	case schema.Map:
		return reflect.MapOf(reflect.TypeFor[string](), g.bare(sh.Elem))
	case schema.Document:
		return reflect.TypeFor[any]()
	}
	return g.structure(i)
}

// filler fills values with what is hard to carry.
type filler struct {
	svc   *schema.Service
	rng   *rand.Rand
	proto schema.Protocol
}

var hardTexts = []string{"a", "ä ö", `q"u'o\te`, "x/y+z&a=b%20;c", "<&>]]>", "😹", "a\tb\nc", " blank ", "1,2"}

func (f *filler) structure(i schema.Index, v reflect.Value, depth int) {
	sh := f.svc.At(i)
	for k := range sh.Members {
		m := &sh.Members[k]
		ms := f.svc.At(m.Shape)
		if ms.Has(schema.EventStream) || !m.Has(schema.Required) && (depth > 3 || f.rng.IntN(4) == 0) {
			continue
		}
		fv := v.Field(k)
		if m.Location == schema.StatusCode {
			fv.Set(reflect.ValueOf(new(int32(201))))
			continue
		}
		if fv.Type() == reflect.TypeFor[io.ReadCloser]() {
			fv.Set(reflect.ValueOf(io.NopCloser(strings.NewReader("stream\x00" + m.Name))))
			continue
		}
		if fv.Kind() == reflect.Pointer {
			if fv.Type().Elem().Kind() == reflect.Struct && fv.Type().Elem() != reflect.TypeFor[time.Time]() && fv.Type().Elem().NumField() != len(ms.Members) {
				continue // inside itself
			}
			n := reflect.New(fv.Type().Elem())
			fv.Set(n)
			fv = n.Elem()
		}
		f.value(m.Shape, fv, depth, m.Location != schema.Body)
	}
}

// outside: the value travels in the path, the query or a header.
func (f *filler) value(i schema.Index, v reflect.Value, depth int, outside bool) {
	sh := f.svc.At(i)
	switch sh.Kind {
	case schema.String:
		s := hardTexts[f.rng.IntN(len(hardTexts))]
		if outside {
			s = strings.Join(strings.Fields(s), "-")
		}
		if len(sh.Enum) > 0 && f.rng.IntN(2) == 0 {
			s = sh.Enum[f.rng.IntN(len(sh.Enum))]
		}
		v.SetString(s)
	case schema.Integer:
		v.SetInt(int64(f.rng.Int32()) - 1<<30)
	case schema.Long:
		v.SetInt(f.rng.Int64())
	case schema.Float:
		v.SetFloat(float64(f.rng.Float32()))
	case schema.Double:
		v.SetFloat(f.rng.NormFloat64() * 1e6)
	case schema.Boolean:
		v.SetBool(f.rng.IntN(2) == 0)
	case schema.Timestamp:
		v.Set(reflect.ValueOf(time.Unix(f.rng.Int64N(4e9), 0).UTC()))
	case schema.Blob:
		b := make([]byte, 1+f.rng.IntN(5))
		for i := range b {
			b[i] = byte(f.rng.Uint32())
		}
		v.SetBytes(b)
	case schema.Document:
		v.Set(reflect.ValueOf(map[string]any{"a": json.Number("1.5"), "b": []any{true, nil, "x"}}))
	case schema.Structure:
		f.structure(i, v, depth+1)
	case schema.List:
		if et := v.Type().Elem(); et.Kind() == reflect.Struct && et != reflect.TypeFor[time.Time]() && et.NumField() != len(f.svc.At(sh.Elem).Members) {
			return
		}
		n := 1 + f.rng.IntN(2)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for k := range n {
			f.value(sh.Elem, v.Index(k), depth+1, outside)
		}
	case schema.Map:
		if et := v.Type().Elem(); et.Kind() == reflect.Struct && et.NumField() != len(f.svc.At(sh.Elem).Members) {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		for k := range 1 + f.rng.IntN(2) {
			e := reflect.New(v.Type().Elem()).Elem()
			f.value(sh.Elem, e, depth+1, outside)
			v.SetMapIndex(reflect.ValueOf("key"+strconv.Itoa(k)), e)
		}
	}
}

// clientRequest writes an input as a client does. JSON, CBOR and XML bodies and
// headers are the same in both directions, so the codec writes them, as the
// output of an operation made up for that; path, query and forms are written
// here.
func clientRequest(cd wire.Codec, svc *schema.Service, op *schema.Operation, p schema.Protocol, in reflect.Value) (*wire.Request, error) {
	r := &wire.Request{Method: "POST", Path: "/", Header: http.Header{}}
	if p == schema.Query {
		form := url.Values{"Action": {op.Name}, "Version": {svc.APIVersion}}
		formStruct(svc, op.Input, in.Elem(), "", form)
		r.Body = []byte(form.Encode())
		return r, nil
	}
	mirror := *op
	mirror.Output = op.Input
	mirror.Name += "Request"                         // the documents of some answers have names of their own
	mirror.Method, mirror.ResponseCode = "POST", 200 // some answers have no body
	resp, err := cd.Encode(svc, &mirror, in.Interface(), "id")
	if err != nil {
		return nil, err
	}
	if r.Body = resp.Body; resp.Stream != nil {
		b, err := io.ReadAll(resp.Stream)
		if err != nil {
			return nil, err
		}
		for k := range in.Elem().NumField() { // the same stream once more
			if _, ok := in.Elem().Field(k).Interface().(io.ReadCloser); ok {
				in.Elem().Field(k).Set(reflect.ValueOf(io.NopCloser(strings.NewReader(string(b)))))
			}
		}
		r.Stream = io.NopCloser(strings.NewReader(string(b)))
	}
	for k, v := range resp.Header {
		r.Header[k] = v
	}
	if svc.Name == "s3" && r.Stream == nil { // which holds documents against it
		sum := md5.Sum(r.Body)
		text := base64.StdEncoding.EncodeToString(sum[:])
		r.Header.Set("Content-Md5", text)
		for k, m := range svc.At(op.Input).Members {
			if m.WireName() == "Content-MD5" {
				in.Elem().Field(k).Set(reflect.ValueOf(&text))
			}
		}
	}
	switch p {
	case schema.JSON:
		r.Header.Set("X-Amz-Target", svc.TargetPrefix+"."+op.Name)
	case schema.CBOR:
		r.Path = "/service/" + svc.TargetPrefix + "/operation/" + op.Name
	default:
		r.Method = op.Method
		target(svc, op, in.Elem(), r)
	}
	r.Target = r.Path + "?" + r.RawQuery
	return r, nil
}

// target writes path and query.
func target(svc *schema.Service, op *schema.Operation, in reflect.Value, r *wire.Request) {
	path, fixed, _ := strings.Cut(op.URI, "?")
	var query []string
	if fixed != "" {
		query = append(query, fixed)
	}
	sh := svc.At(op.Input)
	for k := range sh.Members {
		m := &sh.Members[k]
		if in.Field(k).IsNil() {
			continue
		}
		v := in.Field(k)
		switch m.Location {
		case schema.URI:
			t := formText(svc.At(m.Shape), v.Elem())
			path = strings.Replace(path, "{"+m.WireName()+"}", url.PathEscape(t), 1)
			path = strings.Replace(path, "{"+m.WireName()+"+}", strings.ReplaceAll(url.PathEscape(t), "%2F", "/"), 1)
		case schema.QueryString:
			add := func(name string, sh *schema.Shape, v reflect.Value) {
				query = append(query, url.QueryEscape(name)+"="+url.QueryEscape(formText(sh, v)))
			}
			switch ms := svc.At(m.Shape); ms.Kind {
			case schema.List:
				for i := range v.Len() {
					add(m.WireName(), svc.At(ms.Elem), v.Index(i))
				}
			case schema.Map:
				for _, key := range v.MapKeys() {
					add(key.String(), svc.At(ms.Elem), v.MapIndex(key))
				}
			default:
				add(m.WireName(), ms, v.Elem())
			}
		}
	}
	r.Path, r.RawQuery = path, strings.Join(query, "&")
	if !slices.Contains(svc.Protocols, schema.RESTJSON) {
		return
	}
	// A map of the query holds what other members name, too.
	all, _ := r.Query()
	for k := range sh.Members {
		if m := &sh.Members[k]; m.Location == schema.QueryString && svc.At(m.Shape).Kind == schema.Map && len(all) > 0 {
			full := reflect.MakeMap(in.Field(k).Type())
			for _, p := range all {
				if strings.HasPrefix(fixed, p.Name+"=") {
					continue
				}
				full.SetMapIndex(reflect.ValueOf(p.Name), reflect.ValueOf(p.Value))
			}
			in.Field(k).Set(full)
		}
	}
}

func formStruct(svc *schema.Service, i schema.Index, v reflect.Value, prefix string, form url.Values) {
	sh := svc.At(i)
	for k := range sh.Members {
		m := &sh.Members[k]
		f := v.Field(k)
		if f.IsNil() {
			continue
		}
		if f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		flat := m.Has(schema.Flattened) || svc.At(m.Shape).Has(schema.Flattened)
		formValue(svc, m.Shape, f, prefix+m.WireName(), flat, form)
	}
}

func formValue(svc *schema.Service, i schema.Index, v reflect.Value, name string, flat bool, form url.Values) {
	or := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	sh := svc.At(i)
	switch sh.Kind {
	case schema.Structure:
		before := len(form)
		formStruct(svc, i, v, name+".", form)
		if len(form) == before {
			form.Set(name, "") // an empty structure
		}
	case schema.List:
		if !flat {
			name += "." + or(sh.ElemName, "member")
		}
		for k := range v.Len() {
			formValue(svc, sh.Elem, v.Index(k), fmt.Sprintf("%s.%d", name, k+1), false, form)
		}
	case schema.Map:
		if !flat {
			name += ".entry"
		}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for k, key := range keys {
			entry := fmt.Sprintf("%s.%d.", name, k+1)
			form.Set(entry+or(sh.KeyName, "key"), key.String())
			formValue(svc, sh.Elem, v.MapIndex(key), entry+or(sh.ElemName, "value"), false, form)
		}
	default:
		form.Set(name, formText(sh, v))
	}
}

func formText(sh *schema.Shape, v reflect.Value) string {
	switch sh.Kind {
	case schema.Timestamp:
		return v.Interface().(time.Time).Format(time.RFC3339)
	case schema.Blob:
		b, _ := json.Marshal(v.Bytes())
		return strings.Trim(string(b), `"`)
	case schema.Float:
		return strconv.FormatFloat(v.Float(), 'g', -1, 32)
	case schema.Double:
		return strconv.FormatFloat(v.Float(), 'f', -1, 64)
	}
	return fmt.Sprint(v.Interface())
}
