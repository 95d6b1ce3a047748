package proof

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// request is a request before it is signed.
type request struct {
	svc    *schema.Service
	op     string
	method string
	path   string // escaped
	query  string
	host   string // Host header; empty: the server's address
	header http.Header
	body   []byte
}

// encode writes a call as a client of the service would. It is written apart
// from the server's own codecs, and from the client's side only.
//
// Services without rows answer before they look at the body: XML and CBOR
// bodies are therefore empty ones.
func encode(svc *schema.Service, o *schema.Operation, in any) *request {
	return encodeIn(protocolOf(svc), svc, o, in)
}

func encodeIn(p schema.Protocol, svc *schema.Service, o *schema.Operation, in any) *request {
	r := &request{svc: svc, op: o.Name, method: http.MethodPost, path: "/", header: http.Header{}}
	switch p {
	case schema.JSON:
		version := svc.JSONVersion
		if version == "" {
			version = "1.1"
		}
		r.header.Set("Content-Type", "application/x-amz-json-"+version)
		r.header.Set("X-Amz-Target", svc.TargetPrefix+"."+o.Name)
		r.body = appendJSON(nil, svc, o.Input, in)
	case schema.Query, schema.EC2:
		r.header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		f := form{svc: svc}
		f.add("Action", o.Name)
		f.add("Version", svc.APIVersion)
		if o.Input != schema.None {
			f.members("", svc.At(o.Input), in)
		}
		r.body = []byte(f.String())
	case schema.CBOR:
		r.header.Set("Content-Type", "application/cbor")
		r.header.Set("Smithy-Protocol", "rpc-v2-cbor")
		r.path = "/service/" + svc.TargetPrefix + "/operation/" + o.Name
		r.body = []byte{0xbf, 0xff}
	default:
		encodeREST(r, svc, o, in)
	}
	return r
}

// protocolOf is the protocol in which a service is called here.
func protocolOf(svc *schema.Service) schema.Protocol {
	if svc.TargetPrefix == "" && len(svc.Protocols) > 1 {
		return svc.Protocols[1]
	}
	return svc.Protocols[0]
}

// encodeREST spreads the members over path, query, headers and body.
func encodeREST(r *request, svc *schema.Service, o *schema.Operation, in any) {
	r.method = o.Method
	path, query, _ := strings.Cut(o.URI, "?")
	q := url.Values{}
	var rest []string
	if query != "" {
		rest = strings.Split(query, "&")
	}
	values, _ := in.(object)
	body := object{}
	var shape *schema.Shape
	if o.Input != schema.None {
		shape = svc.At(o.Input)
		for i := range shape.Members {
			m := &shape.Members[i]
			v, ok := values[m.Name]
			if !ok {
				continue
			}
			switch m.Location {
			case schema.URI:
				s := url.PathEscape(plain(v))
				path = strings.NewReplacer("{"+m.WireName()+"}", s, "{"+m.WireName()+"+}", strings.ReplaceAll(s, "%2F", "/")).Replace(path)
			case schema.QueryString:
				switch v := v.(type) {
				case []any:
					for _, x := range v {
						q.Add(m.WireName(), plain(x))
					}
				case entries:
					for k, x := range v {
						q.Add(k, plain(x))
					}
				default:
					q.Add(m.WireName(), plain(v))
					if g, ok := v.(garbage); ok && g.twice {
						q.Add(m.WireName(), plain(v))
					}
				}
			case schema.Header:
				r.header.Add(m.WireName(), headerSafe(plain(v)))
			case schema.Headers:
				if e, ok := v.(entries); ok {
					for k, x := range e {
						r.header.Add(m.LocationName+token(k), headerSafe(plain(x)))
					}
				}
			case schema.Body:
				body[m.Name] = v
			}
		}
	}
	r.path = path
	if s := q.Encode(); s != "" {
		rest = append(rest, strings.ReplaceAll(s, "+", "%20"))
	}
	r.query = strings.Join(rest, "&")
	if protocolOf(svc) == schema.RESTXML && shape != nil {
		encodeXML(r, svc, o, values, body)
	}
	if protocolOf(svc) != schema.RESTJSON || shape == nil {
		return
	}
	if p := int(shape.Payload); p >= 0 {
		m := &shape.Members[p]
		switch v := values[m.Name].(type) {
		case nil:
		case []byte:
			r.body = v
		case string:
			r.body = []byte(v)
		default:
			r.body = appendJSON(nil, svc, m.Shape, v)
		}
	} else if len(body) > 0 {
		r.body = appendJSON(nil, svc, o.Input, body)
		r.header.Set("Content-Type", "application/json")
	}
}

// headerSafe drops what net/http refuses to send.
func headerSafe(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// token is what of a text can be part of a header's name.
func token(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '-' || r == '_' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') {
			return r
		}
		return -1
	}, s)
}

// plain is a scalar as text.
func plain(v any) string {
	switch v := v.(type) {
	case garbage:
		return v.text
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	}
	return fmt.Sprint(v)
}

func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}

// appendJSON writes a value of shape i.
func appendJSON(b []byte, svc *schema.Service, i schema.Index, v any) []byte {
	switch v := v.(type) {
	case garbage:
		return append(b, v.json...)
	case object:
		if i == schema.None {
			return append(b, "{}"...)
		}
		sh := svc.At(i)
		b = append(b, '{')
		comma := false
		for k := range sh.Members {
			m := &sh.Members[k]
			x, ok := v[m.Name]
			if !ok {
				continue
			}
			times := 1
			if g, ok := x.(garbage); ok && g.twice {
				times = 2
			}
			for range times {
				if comma {
					b = append(b, ',')
				}
				comma = true
				name := m.Name
				if m.LocationName != "" && m.Location == schema.Body {
					name = m.LocationName
				}
				b = append(append(b, quoted(name)...), ':')
				b = appendJSON(b, svc, m.Shape, x)
			}
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for n, x := range v {
			if n > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, svc, svc.At(i).Elem, x)
		}
		return append(b, ']')
	case entries:
		b = append(b, '{')
		for n, k := range slices.Sorted(maps.Keys(v)) {
			if n > 0 {
				b = append(b, ',')
			}
			b = append(append(b, quoted(k)...), ':')
			b = appendJSON(b, svc, svc.At(i).Elem, v[k])
		}
		return append(b, '}')
	case string:
		return append(b, quoted(v)...)
	case []byte:
		return append(b, quoted(base64.StdEncoding.EncodeToString(v))...)
	case time.Time:
		return strconv.AppendInt(b, v.Unix(), 10)
	}
	return fmt.Append(b, v)
}

// form is a body of the query protocols.
type form struct {
	svc *schema.Service
	strings.Builder
}

func (f *form) add(name, value string) {
	if f.Len() > 0 {
		f.WriteByte('&')
	}
	f.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(value))
}

func (f *form) members(prefix string, sh *schema.Shape, v any) {
	o, _ := v.(object)
	for i := range sh.Members {
		m := &sh.Members[i]
		if x, ok := o[m.Name]; ok {
			f.value(prefix+m.WireName(), f.svc.At(m.Shape), x)
		}
	}
}

func (f *form) value(name string, sh *schema.Shape, v any) {
	part := func(s, fallback string) string {
		if sh.Has(schema.Flattened) {
			return name
		}
		if s == "" {
			s = fallback
		}
		return name + "." + s
	}
	switch v := v.(type) {
	case garbage:
		switch {
		case v.parts:
			f.add(name+".member.1.Part", v.text)
		case v.twice:
			f.add(name, v.text)
			f.add(name, v.text)
		default:
			f.add(name, v.text)
		}
	case object:
		f.members(name+".", sh, v)
	case []any:
		if len(v) == 0 {
			f.add(name, "")
		}
		for n, x := range v {
			f.value(part(sh.ElemName, "member")+"."+strconv.Itoa(n+1), f.svc.At(sh.Elem), x)
		}
	case entries:
		key, val := sh.KeyName, sh.ElemName
		if key == "" {
			key = "key"
		}
		if val == "" {
			val = "value"
		}
		for n, k := range slices.Sorted(maps.Keys(v)) {
			at := part("", "entry") + "." + strconv.Itoa(n+1) + "."
			f.add(at+key, k)
			f.value(at+val, f.svc.At(sh.Elem), v[k])
		}
	default:
		f.add(name, plain(v))
	}
}
