package rest

import (
	"encoding/base64"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// InBody picks the members of an output or error that travel in the body. An
// answer has neither path nor query: what a shape says of them is for inputs.
func InBody(m *schema.Member) bool {
	return m.Location == schema.Body || m.Location == schema.URI || m.Location == schema.QueryString
}

// Answers reports whether an output has members in the body.
func Answers(sh *schema.Shape) bool {
	for i := range sh.Members {
		if InBody(&sh.Members[i]) {
			return true
		}
	}
	return false
}

// Encode writes those members of out that travel outside of the body into r.
func Encode(svc *schema.Service, sh *schema.Shape, out reflect.Value, r *wire.Response) {
	for k := range sh.Members {
		m := &sh.Members[k]
		f := out.Field(k)
		if f.IsNil() {
			continue
		}
		switch m.Location {
		case schema.Header:
			if v, ok := HeaderText(svc, m, f); ok {
				r.Header[http.CanonicalHeaderKey(m.WireName())] = []string{v}
			}
		case schema.Headers:
			if all, ok := f.Interface().(map[string]string); ok {
				for name, v := range all {
					if m.LocationName == "x-amz-meta-" {
						// S3 answers what users named in lower case, and clients take the
						// spelling over.
						r.Header[m.LocationName+strings.ToLower(name)] = []string{Clean(v)}
						continue
					}
					r.Header[http.CanonicalHeaderKey(m.LocationName+name)] = []string{Clean(v)}
				}
			}
		case schema.StatusCode:
			if p, ok := f.Interface().(*int32); ok {
				r.Status = int(*p)
			}
		}
	}
}

// FaultHeaders writes the members of an error that are headers.
func FaultHeaders(svc *schema.Service, st *walk.Struct, fields map[string]any, r *wire.Response) {
	if st == nil {
		return
	}
	for k := range st.Members {
		m := &st.Members[k]
		if v, ok := fields[m.Name]; ok && m.Location == schema.Header {
			if text, ok := walk.Text(v); ok {
				r.Header[http.CanonicalHeaderKey(m.WireName())] = []string{Clean(text)}
			}
		}
	}
}

// HeaderText writes a member's value as a header does; false where nothing is
// to be sent.
func HeaderText(svc *schema.Service, m *schema.Member, f reflect.Value) (string, bool) {
	sh := svc.At(m.Shape)
	if sh.Kind == schema.List {
		if f.Len() == 0 {
			return "", false
		}
		var parts []string
		elem := svc.At(sh.Elem)
		for i := range f.Len() {
			t := text(elem, elem.Format, f.Index(i))
			if elem.Kind == schema.String && strings.ContainsAny(t, `,"`) {
				t = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(t) + `"`
			}
			parts = append(parts, t)
		}
		return Clean(strings.Join(parts, ", ")), true
	}
	if f.Kind() == reflect.Pointer {
		f = f.Elem()
	}
	t := text(sh, walk.Format(m, sh), f)
	if m.Has(schema.JSONValue) {
		t = base64.StdEncoding.EncodeToString([]byte(t))
	}
	return Clean(t), true
}

func text(sh *schema.Shape, format string, v reflect.Value) string {
	switch sh.Kind {
	case schema.Timestamp:
		return string(walk.AppendTime(nil, v.Interface().(time.Time), format, walk.RFC822))
	case schema.Blob:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case schema.Float:
		return string(walk.AppendFloat(nil, v.Float(), 32))
	case schema.Double:
		return string(walk.AppendFloat(nil, v.Float(), 64))
	case schema.Boolean:
		return strconv.FormatBool(v.Bool())
	case schema.Integer, schema.Long:
		return strconv.FormatInt(v.Int(), 10)
	}
	return v.String()
}

// Clean keeps a value from ending its header: stored text must not become
// headers of its own.
func Clean(s string) string {
	if strings.ContainsAny(s, "\r\n\x00") {
		return strings.Map(func(r rune) rune {
			if r == '\r' || r == '\n' || r == 0 {
				return ' '
			}
			return r
		}, s)
	}
	return s
}

// EncodeRaw writes a payload that is bytes, text or a stream. done is false
// for structures and documents, which the protocol writes.
func EncodeRaw(svc *schema.Service, m *schema.Member, f reflect.Value, r *wire.Response) (done bool) {
	sh := svc.At(m.Shape)
	switch {
	case sh.Kind == schema.Blob:
		if !f.IsNil() {
			if s, ok := f.Interface().(io.ReadCloser); ok {
				r.Stream = s
			} else {
				r.Body = f.Bytes()
			}
			contentType(r, "application/octet-stream")
		}
		return true
	case sh.Kind == schema.String:
		if p, ok := f.Interface().(*string); ok && p != nil {
			r.Body = []byte(*p)
			contentType(r, "text/plain")
		}
		return true
	}
	return false
}

// contentType sets the type unless a member did.
func contentType(r *wire.Response, t string) {
	if _, ok := r.Header["Content-Type"]; !ok {
		r.Header["Content-Type"] = []string{t}
	}
}
