package front

import (
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/sigv4"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/postform"
)

// form is an HTML form that puts an object: it goes on its way as the PutObject that
// it stands for.
type form struct {
	*postform.Form
	bucket, key string
}

// readForm turns a form into a PutObject. e.wire.Path is that of the bucket.
func (e *exchange) readForm() error {
	f, err := postform.Read(e.http.Header, e.http.Body)
	if err != nil {
		return err
	}
	key, err := f.Key()
	if err != nil {
		return err
	}
	bucket, ok := wire.Unescape(strings.Trim(e.wire.Path, "/"), false)
	if !ok || strings.Contains(bucket, "/") {
		return nil // no operation has such a path
	}
	e.form = &form{f, bucket, key}
	h, err := f.Header()
	if err != nil {
		return err
	}
	for _, name := range []string{"Origin", "User-Agent", "Referer"} {
		if v := e.http.Header[name]; v != nil {
			h[name] = v
		}
	}
	e.wire.Method, e.wire.Header, e.wire.RawQuery = http.MethodPut, h, ""
	e.wire.Path = "/" + escapePath(bucket) + "/" + escapePath(key)
	if part := strings.Split(f.Fields["x-amz-credential"], "/"); len(part) == 5 {
		e.scope = part[2]
	}
	return nil
}

// escapePath percent-encodes all but slashes and what is never encoded.
func escapePath(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
	}
	return b.String()
}

// signature takes the request's signature apart, wherever it carries it.
func (e *exchange) signature() (*sigv4.Signature, error) {
	if e.form != nil {
		return sigv4.ParseForm(e.signed(), e.form.Fields)
	}
	return sigv4.Parse(e.signed())
}

// answerForm makes of PutObject's answer what the form asked for.
func (e *exchange) answerForm(resp *wire.Response) *wire.Response {
	etag := resp.Header.Get("Etag")
	a := e.form.Answered(e.form.bucket, e.form.key, etag)
	scheme := "http://"
	if e.http.TLS != nil {
		scheme = "https://"
	}
	location := scheme + e.http.Host + e.wire.Path
	resp.Status, resp.Body = a.Status, nil
	resp.Header.Set("Location", location)
	if a.Location != "" {
		resp.Header.Set("Location", a.Location)
	}
	if a.Status == http.StatusCreated {
		body, err := xml.Marshal(struct {
			XMLName                     xml.Name `xml:"PostResponse"`
			Location, Bucket, Key, ETag string
		}{Location: location, Bucket: e.form.bucket, Key: e.form.key, ETag: etag})
		if err == nil {
			resp.Header.Set("Content-Type", "application/xml")
			resp.Body = append([]byte(xml.Header), body...)
		}
	}
	return resp
}

// isForm reports whether a request is a form for S3.
func (e *exchange) isForm(svc *schema.Service) bool {
	return svc.Name == "s3" && postform.Is(e.wire.Method, e.wire.Header)
}
