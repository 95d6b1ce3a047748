package s3_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func (w *world) browsers(t *testing.T) {
	b := w.bucket(t)
	w.put(t, b, "k", "x")
	ask := http.Header{"Origin": {"https://app.example.com"}, "Access-Control-Request-Method": {"PUT"}, "Access-Control-Request-Headers": {"Content-Type, x-amz-meta-a"}}
	if r := w.get(t, "OPTIONS", "/"+b+"/k", ask); r.StatusCode != 403 {
		t.Error("without rules:", r.Status)
	}
	_, err := w.s3.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: &b, CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{
		AllowedMethods: []string{"PUT", "GET"}, AllowedOrigins: []string{"https://*.example.com"}, AllowedHeaders: []string{"content-*", "x-amz-*"}, ExposeHeaders: []string{"ETag"}, MaxAgeSeconds: aws.Int32(60),
	}}}})
	ok(t, err)
	r := w.get(t, "OPTIONS", "/"+b+"/k", ask)
	if h := r.Header; r.StatusCode != 200 || h.Get("Access-Control-Allow-Origin") != "https://app.example.com" || h.Get("Access-Control-Allow-Methods") != "PUT, GET" ||
		h.Get("Access-Control-Allow-Headers") != "content-type, x-amz-meta-a" || h.Get("Access-Control-Max-Age") != "60" || h.Get("Access-Control-Expose-Headers") != "ETag" {
		t.Error(r.Status, r.Header)
	}
	for _, change := range []func(http.Header){
		func(h http.Header) { h.Set("Origin", "https://example.org") },
		func(h http.Header) { h.Set("Access-Control-Request-Method", "DELETE") },
		func(h http.Header) { h.Set("Access-Control-Request-Headers", "authorization") },
	} {
		h := ask.Clone()
		change(h)
		if r := w.get(t, "OPTIONS", "/"+b+"/k", h); r.StatusCode != 403 {
			t.Error(h, r.Status)
		}
	}
	// The answer itself says who may read it, a refusal too.
	if r := w.get(t, "GET", "/"+b+"/k", http.Header{"Origin": {"https://app.example.com"}}); r.StatusCode != 403 || r.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
		t.Error(r.Status, r.Header)
	}

	// Forms.
	day := time.Now().UTC()
	credential := w.Admin.AccessKeyID + "/" + day.Format("20060102") + "/us-east-1/s3/aws4_request"
	conditions := `{"bucket":"` + b + `"},["starts-with","$key","up/"],{"x-amz-algorithm":"AWS4-HMAC-SHA256"},{"x-amz-credential":"` + credential + `"},{"x-amz-date":"` + day.Format("20060102T150405Z") + `"},["eq","$Content-Type","text/plain"],["starts-with","$success_action_status",""],["content-length-range",1,10]`
	post := func(expires time.Time, fields map[string]string, file string) *http.Response {
		policy := base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf(`{"expiration":%q,"conditions":[%s]}`, expires.UTC().Format("2006-01-02T15:04:05.000Z"), conditions)))
		mac := func(key []byte, s string) []byte {
			h := hmac.New(sha256.New, key)
			io.WriteString(h, s)
			return h.Sum(nil)
		}
		key := mac(mac(mac(mac([]byte("AWS4"+w.Admin.Secret), day.Format("20060102")), "us-east-1"), "s3"), "aws4_request")
		all := map[string]string{"key": "up/${filename}", "Content-Type": "text/plain", "policy": policy, "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": credential,
			"x-amz-date": day.Format("20060102T150405Z"), "x-amz-signature": hex.EncodeToString(mac(key, policy))}
		for k, v := range fields {
			all[k] = v
		}
		var body bytes.Buffer
		m := multipart.NewWriter(&body)
		for k, v := range all {
			m.WriteField(k, v)
		}
		f, err := m.CreateFormFile("file", "a name.txt")
		ok(t, err)
		io.WriteString(f, file)
		m.Close()
		r, err := http.NewRequestWithContext(t.Context(), "POST", w.URL+"/"+b, &body)
		ok(t, err)
		r.Header.Set("Content-Type", m.FormDataContentType())
		resp, err := http.DefaultTransport.RoundTrip(r)
		ok(t, err)
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	soon := time.Now().Add(time.Hour)
	if r := post(soon, nil, "by form"); r.StatusCode != 204 || r.Header.Get("ETag") == "" {
		text, _ := io.ReadAll(r.Body)
		t.Error(r.Status, r.Header, string(text))
	}
	if text, got := read(t, w.s3, b, "up/a name.txt"); text != "by form" || *got.ContentType != "text/plain" {
		t.Error(text, *got.ContentType)
	}
	r = post(soon, map[string]string{"success_action_status": "201"}, "again")
	text, _ := io.ReadAll(r.Body)
	if r.StatusCode != 201 || !strings.Contains(string(text), "<Key>up/a name.txt</Key>") {
		t.Error(r.Status, string(text))
	}
	for what, c := range map[string]struct {
		expires time.Time
		fields  map[string]string
		file    string
		status  int
		code    string
	}{
		"expired":        {time.Now().Add(-time.Minute), nil, "x", 403, "AccessDenied"},
		"another key":    {soon, map[string]string{"key": "down/x"}, "x", 403, "AccessDenied"},
		"a field more":   {soon, map[string]string{"x-amz-meta-a": "b"}, "x", 403, "AccessDenied"},
		"a type":         {soon, map[string]string{"Content-Type": "text/html"}, "x", 403, "AccessDenied"},
		"too large":      {soon, nil, "eleven bytes", 400, "EntityTooLarge"},
		"too small":      {soon, nil, "", 400, "EntityTooSmall"},
		"signature":      {soon, map[string]string{"x-amz-signature": strings.Repeat("0", 64)}, "x", 403, "SignatureDoesNotMatch"},
		"not base64":     {soon, map[string]string{"policy": "{}"}, "x", 403, "SignatureDoesNotMatch"},
		"no credentials": {soon, map[string]string{"policy": "", "x-amz-signature": ""}, "x", 403, "AccessDenied"},
	} {
		r := post(c.expires, c.fields, c.file)
		text, _ := io.ReadAll(r.Body)
		if r.StatusCode != c.status || !strings.Contains(string(text), "<Code>"+c.code+"</Code>") {
			t.Errorf("%s: %s %s", what, r.Status, text)
		}
	}
}
