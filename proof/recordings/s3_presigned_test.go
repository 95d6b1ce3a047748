package recordings

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// presign is a signed address: method, path and query, and headers that must be sent.
func (a aisle) presign(method, target string, at time.Time, expires string, header ...string) string {
	a.Helper()
	u, err := url.Parse(a.url + target)
	if err != nil {
		a.Fatal(err)
	}
	day, region := at.UTC().Format("20060102"), a.caller.region
	q := u.Query()
	signed := []string{"host"}
	values := map[string]string{"host": u.Host}
	for i := 0; i+1 < len(header); i += 2 {
		name := strings.ToLower(header[i])
		signed, values[name] = append(signed, name), header[i+1]
	}
	slices.Sort(signed)
	for name, v := range map[string]string{
		"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": a.caller.id + "/" + day + "/" + region + "/s3/aws4_request",
		"X-Amz-Date": at.UTC().Format("20060102T150405Z"), "X-Amz-Expires": expires, "X-Amz-SignedHeaders": strings.Join(signed, ";"),
	} {
		q.Set(name, v)
	}
	query := strings.ReplaceAll(q.Encode(), "+", "%20")
	lines := ""
	for _, name := range signed {
		lines += name + ":" + values[name] + "\n"
	}
	canonical := strings.Join([]string{method, u.EscapedPath(), query, lines, strings.Join(signed, ";"), "UNSIGNED-PAYLOAD"}, "\n")
	digest := sha256.Sum256([]byte(canonical))
	scope := day + "/" + region + "/s3/aws4_request"
	text := strings.Join([]string{"AWS4-HMAC-SHA256", at.UTC().Format("20060102T150405Z"), scope, hex.EncodeToString(digest[:])}, "\n")
	return u.EscapedPath() + "?" + query + "&X-Amz-Signature=" + hex.EncodeToString(mac(a.signingKey(day), text))
}

func mac(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	io.WriteString(h, s)
	return h.Sum(nil)
}

func (a aisle) signingKey(day string) []byte {
	return mac(mac(mac(mac([]byte("AWS4"+a.caller.secret), day), a.caller.region), "s3"), "aws4_request")
}

// s3Presigned: LS s3/test_s3 TestS3PresignedUrl.
func s3Presigned(a aisle) {
	b := a.bucket()
	a.must("PUT", "/"+b+"/k", "test")
	open, now := a.nobody(), time.Now()
	at := a.presign("GET", "/"+b+"/k", now, "60")
	a.is(open.send("GET", at, ""), 200, "test", plain(testETag))
	a.is(open.send("PUT", a.presign("PUT", "/"+b+"/new", now, "60"), "something"), 200, "", stored)
	a.is(open.send("DELETE", a.presign("DELETE", "/"+b+"/new", now, "60"), ""), 204, "", "")
	// test_presigned_url_signature_authentication_expired
	a.fails(open.send("GET", a.presign("GET", "/"+b+"/k", now.Add(-time.Minute), "1"), ""), 403, "AccessDenied", "Request has expired", "X-Amz-Expires", "1", "Expires", "*", "ServerTime", "*")
	// test_presigned_url_signature_authentication
	mismatch := func(r *answer) {
		a.Helper()
		a.fails(r, 403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
			"AWSAccessKeyId", a.caller.id, "StringToSign", "*", "SignatureProvided", "*", "StringToSignBytes", "*", "CanonicalRequest", "*", "CanonicalRequestBytes", "*")
	}
	mismatch(open.send("GET", at[:len(at)-4]+"0000", ""))
	mismatch(open.send("GET", strings.Replace(at, "/k?", "/other?", 1), ""))
	mismatch(open.send("PUT", at, ""))
	const missing = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
	for _, name := range []string{"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires"} {
		u, _ := url.Parse(at)
		q := u.Query()
		q.Del(name)
		a.fails(open.send("GET", u.Path+"?"+q.Encode(), ""), 400, "AuthorizationQueryParametersError", missing)
	}
	// test_presigned_url_with_different_headers
	with := a.presign("PUT", "/"+b+"/typed", now, "60", "Content-Type", "text/plain")
	a.is(open.send("PUT", with, "test", "Content-Type", "text/plain"), 200, "", stored)
	mismatch(open.send("PUT", with, "test", "Content-Type", "application/octet-stream"))
	a.fails(open.send("PUT", at, "", "X-Amz-Acl", "private"), 403, "AccessDenied", "There were headers present in the request which were not signed", "HeadersNotSigned", "x-amz-acl")
	// test_s3_presigned_url_expired...: another Region's
	far := a
	far.caller.region = "aws-global"
	a.fails(open.send("GET", far.presign("GET", "/"+b+"/k", now, "60"), ""), 400, "AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter; the region 'aws-global' is wrong; expecting 'us-east-1'", "Region", home)
	r := far.send("GET", "/"+b+"/k", "")
	a.fails(r, http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region 'aws-global' is wrong; expecting 'us-east-1'", "Region", home)
	// test_put_object_with_md5_and_chunk_signature_bad_headers...
	wrong := a
	wrong.caller.secret += "x"
	mismatch(wrong.send("GET", "/"+b+"/k", ""))
	wrong.caller = a.caller
	wrong.caller.id = "AKIAIOSFODNN7EXAMPLE"
	a.fails(wrong.send("GET", "/"+b+"/k", ""), 403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", "AWSAccessKeyId", "AKIAIOSFODNN7EXAMPLE")
	// test_s3_get_response_case_sensitive_headers, test_presigned_url_response_overrides
	u := a.presign("GET", "/"+b+"/k?response-content-type=text/plain&response-cache-control=no-cache", now, "60")
	a.is(open.send("GET", u, ""), 200, "test", "Accept-Ranges=bytes;Cache-Control=no-cache;Content-Type=text/plain;Etag;Last-Modified;X-Amz-Server-Side-Encryption=AES256")
}
