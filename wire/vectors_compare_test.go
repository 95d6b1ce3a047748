package wire_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	fxcbor "github.com/fxamacker/cbor/v2"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
)

// sameResponse compares what was encoded with what a vector expects: the
// status, the headers that it names, and the body by its meaning.
func sameResponse(p schema.Protocol, c *vectorCase, r *wire.Response) error {
	if r.Status != c.Response.Status {
		return fmt.Errorf("status: want %d, got %d", c.Response.Status, r.Status)
	}
	for name, want := range c.Response.Headers {
		if name == "Content-Length" {
			continue // the front door's
		}
		got, ok := r.Header[http.CanonicalHeaderKey(name)]
		if !ok {
			return fmt.Errorf("header %s is missing", name)
		}
		if strings.EqualFold(name, "X-Amzn-Errortype") {
			want = errorCode(want)
		}
		if !sameHeader(name, want, got[0]) {
			return fmt.Errorf("header %s: want %q, got %q", name, want, got[0])
		}
	}
	body := string(r.Body)
	if c.Response.Body == nil {
		return nil
	}
	want := *c.Response.Body
	media := r.Header.Get("Content-Type")
	if m := c.Response.Headers["Content-Type"]; m != "" {
		media = m
	}
	media, _, _ = mime.ParseMediaType(media)
	if c.ErrorCode != "" && p != schema.CBOR && strings.Contains(media, "json") {
		return sameFault(r.Header.Get("X-Amzn-Errortype"), want, body)
	}
	switch {
	case p == schema.CBOR:
		b, err := base64.StdEncoding.DecodeString(want)
		if err != nil {
			return err
		}
		return sameCBOR(b, r.Body)
	case want == "" && body == "":
		return nil
	case strings.Contains(media, "json"):
		return sameJSON(want, body)
	case strings.Contains(media, "xml"):
		return sameXML(want, body)
	case want != body:
		return fmt.Errorf("body: want %q, got %q", want, body)
	}
	return nil
}

func sameHeader(name, want, got string) bool {
	if strings.EqualFold(name, "Content-Type") {
		a, _, _ := mime.ParseMediaType(want)
		b, _, _ := mime.ParseMediaType(got)
		return a == b
	}
	squeeze := func(s string) string { return strings.ReplaceAll(s, ", ", ",") }
	return squeeze(want) == squeeze(got)
}

// errorCode is what a client makes of an error's type: what stands between a
// namespace and an address.
func errorCode(t string) string {
	t, _, _ = strings.Cut(t, ":")
	return t[strings.LastIndexByte(t, '#')+1:]
}

// sameFault compares errors. Clients find the code in a header, in "code" or in
// "__type"; wherever the vector has it, ours must say the same.
func sameFault(header, want, got string) error {
	a, err := readJSON(want)
	if err != nil {
		return err
	}
	b, err := readJSON(got)
	if err != nil {
		return err
	}
	w, g := a.(map[string]any), b.(map[string]any)
	if t, ok := g["__type"]; ok && t != header {
		return fmt.Errorf("the header says %s, the body %v", header, t)
	}
	for _, name := range []string{"__type", "code"} {
		if t, ok := w[name].(string); ok && errorCode(t) != header {
			return fmt.Errorf("error code: want %s, got %s", t, header)
		}
		delete(w, name)
		delete(g, name)
	}
	return equal("body", reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem())
}

// fault is errorCode for a body's type.
func fault(v any) any {
	if m, ok := v.(map[string]any); ok {
		if t, ok := m["__type"].(string); ok {
			m["__type"] = errorCode(t)
		}
	}
	return v
}

// lean drops what a client must pass over: nulls, and types inside.
func lean(v any, top bool) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e == nil || k == "__type" && !top {
				delete(v, k)
				continue
			}
			v[k] = lean(e, false)
		}
	case []any:
		for i := range v {
			v[i] = lean(v[i], false)
		}
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t.UTC().Format(time.RFC3339Nano) // any offset will do
		}
	}
	return v
}

func readJSON(s string) (v any, err error) {
	if s == "" {
		s = "{}" // clients take either for an empty structure
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func sameJSON(want, got string) error {
	a, err := readJSON(want)
	if err != nil {
		return err
	}
	b, err := readJSON(got)
	if err != nil {
		return fmt.Errorf("%w in %s", err, got)
	}
	a = lean(a, true)
	return equal("body", reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem())
}

func sameCBOR(want, got []byte) error {
	read := func(b []byte) (v any, err error) {
		if len(b) == 0 {
			return map[string]any{}, nil
		}
		dm, err := fxcbor.DecOptions{DefaultMapType: reflect.TypeFor[map[string]any](), TimeTag: fxcbor.DecTagRequired}.DecMode()
		if err != nil {
			return nil, err
		}
		err = dm.Unmarshal(b, &v)
		return fault(plain(v)), err
	}
	a, err := read(want)
	if err != nil {
		return err
	}
	b, err := read(got)
	if err != nil {
		return err
	}
	a = lean(a, true)
	return equal("body", reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem())
}

// plain makes all numbers floats and times epoch milliseconds.
func plain(v any) any {
	switch v := v.(type) {
	case uint64:
		return float64(v)
	case int64:
		return float64(v)
	case float32:
		return float64(v)
	case time.Time:
		return math.Round(float64(v.UnixNano()) / 1e6)
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

// element is a parsed XML element without namespaces: the shapes' tables do not
// hold those of list items and map entries, and no client looks at them.
type element struct {
	name  string
	attrs []string
	text  string
	kids  []*element
}

func parseXML(s string) (*element, error) {
	d := xml.NewDecoder(strings.NewReader(s))
	root := &element{}
	stack := []*element{root}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w in %s", err, s)
		}
		top := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			e := &element{name: tok.Name.Local}
			for _, a := range tok.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					e.attrs = append(e.attrs, a.Name.Local+"="+a.Value)
				}
			}
			slices.Sort(e.attrs)
			top.kids = append(top.kids, e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(tok)
		}
	}
	if len(root.kids) != 1 {
		return nil, fmt.Errorf("%d roots in %q", len(root.kids), s)
	}
	return root.kids[0], nil
}

// protocolOnly are elements that belong to the protocol, not to the operation.
var protocolOnly = map[string]bool{"RequestId": true, "RequestID": true, "requestId": true, "ResponseMetadata": true, "Type": true}

func sameXML(want, got string) error {
	a, err := parseXML(want)
	if err != nil {
		return err
	}
	b, err := parseXML(got)
	if err != nil {
		return err
	}
	return sameElement(a, b)
}

func sameElement(a, b *element) error {
	if a.name != b.name || !slices.Equal(a.attrs, b.attrs) {
		return fmt.Errorf("want <%s %v>, got <%s %v>", a.name, a.attrs, b.name, b.attrs)
	}
	kids := func(e *element) []*element {
		var out []*element
		for _, k := range e.kids {
			if !protocolOnly[k.name] {
				out = append(out, k)
			}
		}
		// Members come in any order; what repeats keeps its order.
		slices.SortStableFunc(out, func(x, y *element) int {
			return strings.Compare(x.name+"\x00"+entryKey(x), y.name+"\x00"+entryKey(y))
		})
		return out
	}
	x, y := kids(a), kids(b)
	if len(x) != len(y) {
		return fmt.Errorf("<%s> has %d parts, want %d", a.name, len(y), len(x))
	}
	if len(x) == 0 && lean(a.text, true) != b.text && !(strings.TrimSpace(a.text) == "" && strings.TrimSpace(b.text) == "") {
		return fmt.Errorf("<%s>: want %q, got %q", a.name, a.text, b.text)
	}
	for i := range x {
		if err := sameElement(x[i], y[i]); err != nil {
			return fmt.Errorf("<%s>: %w", a.name, err)
		}
	}
	return nil
}

// entryKey is the key of a map's entry, whose order is free.
func entryKey(e *element) string {
	if len(e.kids) == 2 && len(e.kids[0].kids) == 0 {
		return e.kids[0].text
	}
	return ""
}
