package s3_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// page visits a bucket's website as a browser does, but that redirects are not
// followed.
func (w *world) page(t *testing.T, method, host, target string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.URL+target, nil)
	ok(t, err)
	r.Host = host
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	ok(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ok(t, err)
	return resp, string(b)
}

func (w *world) website(t *testing.T, b string, c *types.WebsiteConfiguration) {
	t.Helper()
	_, err := w.s3.PutBucketWebsite(t.Context(), &s3.PutBucketWebsiteInput{Bucket: &b, WebsiteConfiguration: c})
	ok(t, err)
}

// publish lets everyone have what the action is about.
func (w *world) publish(t *testing.T, b, action string, resources ...string) {
	t.Helper()
	no := false
	_, err := w.s3.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: &b, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicPolicy: &no, RestrictPublicBuckets: &no}})
	ok(t, err)
	_, err = w.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &b, Policy: aws.String(allow(`"*"`, action, resources...))})
	ok(t, err)
}

func (w *world) websites(t *testing.T) {
	t.Run("configuration", w.siteConfiguration)
	t.Run("pages", w.sitePages)
	t.Run("errors", w.siteErrors)
	t.Run("redirects", w.siteRedirects)
}

func (w *world) siteConfiguration(t *testing.T) {
	ctx, b := t.Context(), w.bucket(t)
	_, err := w.s3.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: &b})
	refused(t, err, 404, "NoSuchWebsiteConfiguration")
	index := &types.IndexDocument{Suffix: aws.String("index.html")}
	rule := func(c *types.Condition, r types.Redirect) *types.WebsiteConfiguration {
		return &types.WebsiteConfiguration{IndexDocument: index, RoutingRules: []types.RoutingRule{{Condition: c, Redirect: &r}}}
	}
	for name, v := range map[string]struct {
		c    *types.WebsiteConfiguration
		code string
	}{
		"nothing":             {&types.WebsiteConfiguration{}, "InvalidArgument"},
		"redirect and index":  {&types.WebsiteConfiguration{IndexDocument: index, RedirectAllRequestsTo: &types.RedirectAllRequestsTo{HostName: aws.String("h")}}, "InvalidArgument"},
		"redirect nowhere":    {&types.WebsiteConfiguration{RedirectAllRequestsTo: &types.RedirectAllRequestsTo{HostName: aws.String("")}}, "MalformedXML"},
		"redirect's protocol": {&types.WebsiteConfiguration{RedirectAllRequestsTo: &types.RedirectAllRequestsTo{HostName: aws.String("h"), Protocol: "ftp"}}, "MalformedXML"},
		"a path as index":     {&types.WebsiteConfiguration{IndexDocument: &types.IndexDocument{Suffix: aws.String("a/b")}}, "InvalidArgument"},
		"no error key":        {&types.WebsiteConfiguration{IndexDocument: index, ErrorDocument: &types.ErrorDocument{Key: aws.String("")}}, "MalformedXML"},
		"no rules":            {&types.WebsiteConfiguration{IndexDocument: index, RoutingRules: []types.RoutingRule{}}, "MalformedXML"},
		"empty condition":     {rule(&types.Condition{}, types.Redirect{HostName: aws.String("h")}), "InvalidRequest"},
		"empty redirect":      {rule(nil, types.Redirect{}), "MalformedXML"},
		"both replacements":   {rule(nil, types.Redirect{ReplaceKeyWith: aws.String("a"), ReplaceKeyPrefixWith: aws.String("b")}), "InvalidRequest"},
		"no error":            {rule(&types.Condition{HttpErrorCodeReturnedEquals: aws.String("200")}, types.Redirect{HostName: aws.String("h")}), "InvalidRequest"},
		"no redirect":         {rule(nil, types.Redirect{HttpRedirectCode: aws.String("300")}), "InvalidRequest"},
		"rule's protocol":     {rule(nil, types.Redirect{Protocol: "gopher"}), "MalformedXML"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.s3.PutBucketWebsite(ctx, &s3.PutBucketWebsiteInput{Bucket: &b, WebsiteConfiguration: v.c})
			refused(t, err, 400, v.code)
		})
	}
	many := &types.WebsiteConfiguration{IndexDocument: index}
	for range 51 {
		many.RoutingRules = append(many.RoutingRules, types.RoutingRule{Redirect: &types.Redirect{ReplaceKeyWith: aws.String("x")}})
	}
	_, err = w.s3.PutBucketWebsite(ctx, &s3.PutBucketWebsiteInput{Bucket: &b, WebsiteConfiguration: many})
	refused(t, err, 400, "InvalidRequest")

	w.website(t, b, rule(&types.Condition{KeyPrefixEquals: aws.String("docs/")}, types.Redirect{ReplaceKeyPrefixWith: aws.String("documents/")}))
	got, err := w.s3.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: &b})
	ok(t, err)
	if *got.IndexDocument.Suffix != "index.html" || got.ErrorDocument != nil || *got.RoutingRules[0].Condition.KeyPrefixEquals != "docs/" || *got.RoutingRules[0].Redirect.ReplaceKeyPrefixWith != "documents/" {
		t.Error(got)
	}
	nobody, _ := w.user(t)
	_, err = nobody.PutBucketWebsite(ctx, &s3.PutBucketWebsiteInput{Bucket: &b, WebsiteConfiguration: many})
	refused(t, err, 403, "AccessDenied")
	_, err = w.s3.DeleteBucketWebsite(ctx, &s3.DeleteBucketWebsiteInput{Bucket: &b})
	ok(t, err)
	_, err = w.s3.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: &b})
	refused(t, err, 404, "NoSuchWebsiteConfiguration")
}

func (w *world) sitePages(t *testing.T) {
	b := w.bucket(t)
	host := b + ".s3-website.localhost"
	w.website(t, b, &types.WebsiteConfiguration{IndexDocument: &types.IndexDocument{Suffix: aws.String("index.html")}})
	w.put(t, b, "index.html", "<p>home</p>", func(in *s3.PutObjectInput) {
		in.ContentType, in.CacheControl, in.Metadata = aws.String("text/html"), aws.String("max-age=60"), map[string]string{"a": "b"}
	})
	w.put(t, b, "docs/index.html", "<p>docs</p>")
	w.put(t, b, "a b/ü.txt", strings.Repeat("0123456789", 20_000))

	// Nothing is public until a policy says so, whoever asks.
	if r, body := w.page(t, "GET", host, "/"); r.StatusCode != 403 || !strings.Contains(body, "<li>Code: AccessDenied</li>\n<li>Message: Access Denied</li>") {
		t.Error(r.Status, body)
	}
	w.publish(t, b, "s3:GetObject", "arn:aws:s3:::"+b+"/*")
	for _, host := range []string{host, b + ".s3-website-us-east-1.amazonaws.com", b + ".s3-website.us-east-1.amazonaws.com", strings.ToUpper(b) + ".S3-Website-us-east-1.localhost"} {
		r, body := w.page(t, "GET", host, "/")
		if h := r.Header; r.StatusCode != 200 || body != "<p>home</p>" || h.Get("Content-Type") != "text/html" || h.Get("Cache-Control") != "max-age=60" || h.Get("X-Amz-Meta-A") != "b" || h.Get("Etag") == "" || h.Get("X-Amz-Request-Id") == "" || h.Get("X-Amz-Id-2") == "" {
			t.Error(host, r.Status, r.Header, body)
		}
	}
	if _, body := w.page(t, "GET", host, "/docs/"); body != "<p>docs</p>" {
		t.Error(body)
	}
	r, body := w.page(t, "GET", host, "/docs?x=1")
	if r.StatusCode != 302 || r.Header.Get("Location") != "/docs/" || r.Header.Get("X-Amz-Error-Code") != "Found" || !strings.Contains(body, "<title>302 Found</title>") {
		t.Error(r.Status, r.Header, body)
	}
	r, body = w.page(t, "HEAD", host, "/a%20b/%C3%BC.txt")
	if r.StatusCode != 200 || r.ContentLength != 200_000 || body != "" {
		t.Error(r.Status, r.ContentLength, len(body))
	}
	r, body = w.page(t, "GET", host, "/a%20b/%C3%BC.txt", "Range", "bytes=99999-100002")
	if r.StatusCode != 206 || body != "9012" || r.Header.Get("Content-Range") != "bytes 99999-100002/200000" {
		t.Error(r.Status, body)
	}
	if _, body = w.page(t, "GET", host, "/a%20b/%C3%BC.txt"); len(body) != 200_000 {
		t.Error(len(body))
	}
	r, _ = w.page(t, "GET", host, "/", "If-None-Match", r.Header.Get("Etag"))
	if r.StatusCode != 200 {
		t.Error("another object's ETag:", r.Status)
	}
	if r, body = w.page(t, "GET", host, "/", "If-None-Match", r.Header.Get("Etag")); r.StatusCode != 304 || body != "" {
		t.Error(r.Status, body)
	}
	// Whoever signs is nobody in particular, and a signature that is none is no matter.
	if r, _ = w.page(t, "GET", host, "/", "Authorization", "AWS4-HMAC-SHA256 Credential=x"); r.StatusCode != 200 {
		t.Error(r.Status)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		r, body := w.page(t, method, host, "/index.html")
		if r.StatusCode != 405 || r.Header.Get("X-Amz-Error-Code") != "MethodNotAllowed" || !strings.Contains(body, "<li>Method: "+method+"</li>\n<li>ResourceType: OBJECT</li>") {
			t.Error(method, r.Status, body)
		}
	}
	// The policy is the bucket's own: what it does not admit stays closed.
	w.publish(t, b, "s3:GetObject", "arn:aws:s3:::"+b+"/docs/*")
	if r, _ := w.page(t, "GET", host, "/"); r.StatusCode != 403 {
		t.Error(r.Status)
	}
	if r, _ := w.page(t, "GET", host, "/docs/"); r.StatusCode != 200 {
		t.Error(r.Status)
	}
	yes := true
	_, err := w.s3.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: &b, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{RestrictPublicBuckets: &yes}})
	ok(t, err)
	if r, _ := w.page(t, "GET", host, "/docs/"); r.StatusCode != 403 {
		t.Error("public buckets are restricted:", r.Status)
	}
}

func (w *world) siteErrors(t *testing.T) {
	ctx, b := t.Context(), w.bucket(t)
	host := b + ".s3-website.localhost"
	r, body := w.page(t, "GET", host, "/")
	if r.StatusCode != 404 || !strings.Contains(body, "<li>Code: NoSuchWebsiteConfiguration</li>\n<li>Message: The specified bucket does not have a website configuration</li>\n<li>BucketName: "+b+"</li>") {
		t.Error(r.Status, body)
	}
	r, body = w.page(t, "GET", "no-such-bucket-here.s3-website.localhost", "/")
	if r.StatusCode != 404 || r.Header.Get("X-Amz-Error-Code") != "NoSuchBucket" || r.Header.Get("X-Amz-Error-Detail-Bucketname") != "no-such-bucket-here" {
		t.Error(r.Status, r.Header, body)
	}
	w.website(t, b, &types.WebsiteConfiguration{IndexDocument: &types.IndexDocument{Suffix: aws.String("index.html")}, ErrorDocument: &types.ErrorDocument{Key: aws.String("error.html")}})
	r, body = w.page(t, "GET", b+".s3-website-eu-west-1.amazonaws.com", "/")
	if r.StatusCode != 400 || r.Header.Get("X-Amz-Error-Code") != "IncorrectEndpoint" || !strings.Contains(body, "<li>Endpoint: "+b+".s3-website-us-east-1.amazonaws.com</li>") {
		t.Error(r.Status, body)
	}
	w.publish(t, b, "s3:GetObject", "arn:aws:s3:::"+b+"/*")
	// Who may not list is not told what is missing, the error document included.
	r, body = w.page(t, "GET", host, "/none.html")
	if r.StatusCode != 403 || strings.Contains(body, "none.html") || !strings.Contains(body, "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n<li>Code: AccessDenied</li>\n<li>Message: Access Denied</li>\n</ul>") {
		t.Error(r.Status, body)
	}
	_, err := w.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &b, Policy: aws.String(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::` + b + `","arn:aws:s3:::` + b + `/*"]},
		{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + b + `/secret"}]}`)})
	ok(t, err)
	r, body = w.page(t, "GET", host, "/%3Cb%3E%0d%0aX-Evil:%201")
	if r.StatusCode != 404 || !strings.Contains(body, "<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>\n<li>Key: &lt;b&gt;\r\nX-Evil: 1</li>") || r.Header.Get("X-Evil") != "" || r.Header.Get("X-Amz-Error-Detail-Key") != "<b>%0D%0AX-Evil:%201" {
		t.Error(r.Status, r.Header, body)
	}
	w.put(t, b, "error.html", "<p>sorry</p>", func(in *s3.PutObjectInput) { in.ContentType = aws.String("text/html") })
	w.put(t, b, "secret", "x")
	r, body = w.page(t, "GET", host, "/none.html")
	if r.StatusCode != 404 || body != "<p>sorry</p>" || r.Header.Get("Content-Type") != "text/html" || r.Header.Get("X-Amz-Error-Code") != "NoSuchKey" || r.Header.Get("X-Amz-Error-Detail-Key") != "none.html" {
		t.Error(r.Status, r.Header, body)
	}
	if r, body = w.page(t, "GET", host, "/secret"); r.StatusCode != 403 || body != "<p>sorry</p>" {
		t.Error(r.Status, body)
	}
	if r, body = w.page(t, "HEAD", host, "/none.html"); r.StatusCode != 404 || body != "" {
		t.Error(r.Status, body)
	}
	// What only a signer's key opens is not for the public.
	w.put(t, b, "kms", "x", func(in *s3.PutObjectInput) { in.ServerSideEncryption = types.ServerSideEncryptionAwsKms })
	_, err = w.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b, Key: aws.String("error.html")})
	ok(t, err)
	if r, body = w.page(t, "GET", host, "/kms"); r.StatusCode != 400 || !strings.Contains(body, "AWS Signature Version 4") {
		t.Error(r.Status, body)
	}
	// Pages of other sites read it as the bucket's rules have it.
	_, err = w.s3.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: &b, CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"https://example.com"}}}}})
	ok(t, err)
	r, _ = w.page(t, "OPTIONS", host, "/secret", "Origin", "https://example.com", "Access-Control-Request-Method", "GET")
	if r.StatusCode != 200 || r.Header.Get("Access-Control-Allow-Origin") != "https://example.com" {
		t.Error(r.Status, r.Header)
	}
	if r, _ = w.page(t, "OPTIONS", host, "/secret", "Origin", "https://example.org", "Access-Control-Request-Method", "GET"); r.StatusCode != 403 {
		t.Error(r.Status, r.Header)
	}
	if r, _ = w.page(t, "GET", host, "/secret", "Origin", "https://example.com"); r.StatusCode != 403 || r.Header.Get("Access-Control-Allow-Origin") != "https://example.com" {
		t.Error(r.Status, r.Header)
	}
}

func (w *world) siteRedirects(t *testing.T) {
	b := w.bucket(t)
	host := b + ".s3-website.localhost"
	moved := func(target string, status int, location string) {
		t.Helper()
		if r, body := w.page(t, "GET", host, target); r.StatusCode != status || r.Header.Get("Location") != location {
			t.Errorf("%s: %s to %q, want %d to %q: %s", target, r.Status, r.Header.Get("Location"), status, location, body)
		}
	}
	// It takes no right to be sent elsewhere: the bucket is not public.
	w.website(t, b, &types.WebsiteConfiguration{RedirectAllRequestsTo: &types.RedirectAllRequestsTo{HostName: aws.String("example.com")}})
	moved("/a%20b?x=1", 301, "http://example.com/a%20b?x=1")
	w.website(t, b, &types.WebsiteConfiguration{RedirectAllRequestsTo: &types.RedirectAllRequestsTo{HostName: aws.String("example.com"), Protocol: types.ProtocolHttps}})
	moved("/", 301, "https://example.com/")

	rule := func(prefix, code string, r types.Redirect) types.RoutingRule {
		c := &types.Condition{}
		if prefix != "" {
			c.KeyPrefixEquals = &prefix
		}
		if code != "" {
			c.HttpErrorCodeReturnedEquals = &code
		}
		return types.RoutingRule{Condition: c, Redirect: &r}
	}
	w.website(t, b, &types.WebsiteConfiguration{IndexDocument: &types.IndexDocument{Suffix: aws.String("index.html")}, RoutingRules: []types.RoutingRule{
		rule("docs/", "", types.Redirect{ReplaceKeyPrefixWith: aws.String("documents/")}),
		rule("images/", "", types.Redirect{ReplaceKeyWith: aws.String("gone.html"), HttpRedirectCode: aws.String("307")}),
		rule("reports/", "404", types.Redirect{HostName: aws.String("other.example.com"), ReplaceKeyPrefixWith: aws.String("report-404/"), Protocol: types.ProtocolHttps}),
		rule("", "403", types.Redirect{ReplaceKeyWith: aws.String("login\r\nX-Evil: 1"), HttpRedirectCode: aws.String("302")}),
	}})
	w.put(t, b, "docs/a", "x")
	w.put(t, b, "reports/there", "x")
	w.put(t, b, "pointer", "x", func(in *s3.PutObjectInput) { in.WebsiteRedirectLocation = aws.String("/elsewhere?y=z") })
	moved("/docs/a%2Fb?q", 301, "http://"+host+"/documents/a/b?q")
	moved("/images/x.png", 307, "http://"+host+"/gone.html")
	moved("/reports/none", 302, "http://"+host+"/login%0D%0AX-Evil:%201")
	w.publish(t, b, "s3:GetObject", "arn:aws:s3:::"+b+"/*")
	_, err := w.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &b, Policy: aws.String(`{"Statement":{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::` + b + `","arn:aws:s3:::` + b + `/*"]}}`)})
	ok(t, err)
	moved("/reports/none", 301, "https://other.example.com/report-404/none")
	moved("/pointer", 301, "/elsewhere?y=z")
	if r, body := w.page(t, "GET", host, "/reports/there"); r.StatusCode != 200 || body != "x" {
		t.Error(r.Status)
	}
	if r, body := w.page(t, "GET", host, "/none"); r.StatusCode != 404 || !strings.Contains(body, "NoSuchKey") {
		t.Error(r.Status)
	}
	// Outside of the website the object is itself.
	if text, out := read(t, w.s3, b, "pointer"); text != "x" || *out.WebsiteRedirectLocation != "/elsewhere?y=z" {
		t.Error(text)
	}
}
