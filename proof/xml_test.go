package proof

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// encodeXML writes the body of a restXml request: a member that is the whole body, or
// those that travel in it. Documents that must prove themselves get an MD5.
func encodeXML(r *request, svc *schema.Service, o *schema.Operation, values, body object) {
	shape := svc.At(o.Input)
	switch p := int(shape.Payload); {
	case p >= 0:
		m := &shape.Members[p]
		switch v := values[m.Name].(type) {
		case nil:
		case []byte:
			r.body = v
		case string:
			r.body = []byte(v)
		default:
			r.body = appendXML(nil, svc, m.Shape, m.WireName(), v)
		}
	case len(body) > 0:
		name := o.InputName
		if name == "" {
			name = o.Name + "Request"
		}
		r.body = appendXML(nil, svc, o.Input, name, body)
	}
	if o.ChecksumRequired {
		sum := md5.Sum(r.body)
		r.header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	}
}

// appendXML writes a value of shape i as an element.
func appendXML(b []byte, svc *schema.Service, i schema.Index, name string, v any) []byte {
	open, end := "<"+name+">", "</"+name+">"
	sh := svc.At(i)
	switch v := v.(type) {
	case garbage:
		var text bytes.Buffer
		xml.EscapeText(&text, []byte(v.text))
		inside := text.String()
		if v.parts {
			inside = "<Part>" + inside + "</Part>"
		}
		one := open + inside + end
		if v.twice {
			one += one
		}
		return append(b, one...)
	case object:
		b = append(b, open...)
		for k := range sh.Members {
			m := &sh.Members[k]
			x, ok := v[m.Name]
			if !ok || m.Has(schema.XMLAttribute) || m.Location != schema.Body {
				continue
			}
			if list, ok := x.([]any); ok && (m.Has(schema.Flattened) || svc.At(m.Shape).Has(schema.Flattened)) {
				for _, e := range list {
					b = appendXML(b, svc, svc.At(m.Shape).Elem, m.WireName(), e)
				}
				continue
			}
			b = appendXML(b, svc, m.Shape, m.WireName(), x)
		}
		return append(b, end...)
	case []any:
		each := sh.ElemName
		if each == "" {
			each = "member"
		}
		b = append(b, open...)
		for _, e := range v {
			b = appendXML(b, svc, sh.Elem, each, e)
		}
		return append(b, end...)
	case entries:
		b = append(b, open...)
		for k, e := range v {
			b = append(b, "<entry>"...)
			b = appendXML(b, svc, sh.Key, "key", k)
			b = appendXML(b, svc, sh.Elem, "value", e)
			b = append(b, "</entry>"...)
		}
		return append(b, end...)
	case time.Time:
		return append(b, open+v.UTC().Format(time.RFC3339)+end...)
	}
	var text bytes.Buffer
	xml.EscapeText(&text, []byte(plain(v)))
	return append(append(append(b, open...), text.Bytes()...), end...)
}

// s3Strangers is TestStrangers for S3, which has words of its own for each kind of
// wrong signature, and none in answers to HEAD. Who does not sign is a caller too: they
// are told that there is no such bucket, or that access is denied.
func (h *house) s3Strangers(t *testing.T, svc *schema.Service, o *schema.Operation) {
	t.Helper()
	r := encode(svc, o, (&builder{svc: svc, samples: valid(svc.Name)}).input(o))
	expect := func(what string, a *answer, status int, codes ...string) {
		t.Helper()
		if a.status != status && !(status == 403 && a.status == 404 && slices.Contains(codes, "NoSuchBucket")) || o.Method != "HEAD" && !slices.Contains(codes, a.code) {
			t.Errorf("%s:%s, %s: %v, want %d %v", svc.Name, o.Name, what, a, status, codes)
		}
	}
	expect("unsigned", h.send(r, credential{}, signing{none: true}), 403, "AccessDenied", "NoSuchBucket")
	expect("unknown key", h.send(r, credential{id: "AKIAIOSFODNN7EXAMPLE", secret: h.admin.secret}, signing{}), 403, "InvalidAccessKeyId")
	expect("wrong secret", h.send(r, credential{id: h.admin.id, secret: strings.Repeat("x", 40)}, signing{}), 403, "SignatureDoesNotMatch")
	expect("other's secret", h.send(r, credential{id: h.admin.id, secret: h.nobody.secret}, signing{}), 403, "SignatureDoesNotMatch")
	expect("an hour late", h.send(r, h.admin, signing{at: time.Now().Add(-time.Hour)}), 403, "RequestTimeTooSkewed")
	expect("an hour early", h.send(r, h.admin, signing{at: time.Now().Add(time.Hour)}), 403, "RequestTimeTooSkewed")
	expect("another target", h.send(r, h.admin, signing{spoil: func(q *httpRequest) { q.URL.RawQuery = join(q.URL.RawQuery, "zz=1") }}), 403, "SignatureDoesNotMatch")
	expect("a header more", h.send(r, h.admin, signing{spoil: func(q *httpRequest) { q.Header.Set("X-Amz-Extra", "1") }}), 403, "AccessDenied")
	if a := h.send(r, h.admin, signing{spoil: func(q *httpRequest) { setBody(q, append(slices.Clone(r.body), ' ')) }}); a.ok() {
		t.Errorf("%s:%s, another body: %v", svc.Name, o.Name, a)
	}
}

// objects makes a bucket with an object in it, and an upload.
func (h *house) objects(t testing.TB, operation string, values map[string]any) {
	t.Helper()
	name := "b-" + strings.ToLower(fresh())
	values["Bucket"], values["CopySource"], values["Key"] = name, name+"/made-up", "made-up"
	if operation == "CreateBucket" {
		return
	}
	h.must(t, &s3api.Model, "CreateBucket", object{"Bucket": name}, h.admin)
	if operation == "DeleteBucket" {
		return
	}
	h.must(t, &s3api.Model, "PutObject", object{"Bucket": name, "Key": "made-up"}, h.admin)
	values["UploadId"] = h.must(t, &s3api.Model, "CreateMultipartUpload", object{"Bucket": name, "Key": "made-up"}, h.admin).at("UploadId")
	values["Policy"] = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::` + name + `"}]}`
}
