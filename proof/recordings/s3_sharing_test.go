package recordings

import (
	"net/http"
	"strings"
)

// s3Sharing: LS s3/test_s3_cors.
func s3Sharing(a aisle) {
	b := a.bucket()
	a = a.nobody()
	owner := a
	owner.caller = a.house.admin
	ask := func(header ...string) *answer { return a.send("OPTIONS", "/"+b+"/k", "", header...) }
	const origin, method, headers = "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"
	// test_cors_http_options_no_config
	off := func(r *answer, method, kind string) {
		a.Helper()
		a.fails(r, 403, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.", "Method", method, "ResourceType", kind)
	}
	a.fails(ask(), 400, "BadRequest", "Insufficient information. Origin request header needed.")
	off(ask(origin, "https://example.org"), "OPTIONS", "BUCKET")
	off(ask(origin, "https://example.org", method, "PUT"), "PUT", "BUCKET")
	off(a.send("OPTIONS", "/"+b, "", origin, "https://example.org", method, "GET"), "GET", "BUCKET")
	// test_cors_http_options_non_existent_bucket
	a.fails(a.send("OPTIONS", "/"+a.name()+"/k", "", origin, "https://example.org", method, "GET"), 403, "AccessForbidden", "CORSResponse: Bucket not found", "Method", "GET", "ResourceType", "BUCKET")
	rules := func(rule string) {
		a.Helper()
		owner.must("PUT", "/"+b+"?cors", "<CORSConfiguration>"+rule+"</CORSConfiguration>")
	}
	const vary = "Vary=Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
	const forbidden = "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
	// test_cors_match_origins
	rules("<CORSRule><AllowedOrigin>https://localhost:4200</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod><MaxAgeSeconds>3000</MaxAgeSeconds><AllowedHeader>*</AllowedHeader></CORSRule>")
	const one = "Access-Control-Allow-Origin=https://localhost:4200;Access-Control-Allow-Credentials=true;Access-Control-Allow-Methods=GET, PUT;Access-Control-Max-Age=3000;" + vary
	a.is(ask(origin, "https://localhost:4200", method, "PUT"), 200, "", one)
	a.fails(ask(origin, "http://localhost:4200", method, "PUT"), 403, "AccessForbidden", forbidden, "Method", "PUT", "ResourceType", "OBJECT")
	a.fails(ask(origin, "https://localhost:4200", method, "PATCH"), 403, "AccessForbidden", forbidden, "Method", "PATCH", "ResourceType", "OBJECT")
	a.fails(ask(origin, "https://localhost:4200"), 400, "BadRequest", "Invalid Access-Control-Request-Method: null")
	owner.must("PUT", "/"+b+"/k", "test")
	a.is(owner.send("GET", "/"+b+"/k", "", origin, "https://localhost:4200"), 200, "test", plain(testETag, one))
	a.is(owner.send("GET", "/"+b+"/k", "", origin, "https://elsewhere:4200"), 200, "test", plain(testETag))
	// test_cors_match_headers
	a.is(ask(origin, "https://localhost:4200", method, "GET", headers, "X-Amz-Request-Payer, Content-Type"), 200, "", one+";Access-Control-Allow-Headers=x-amz-request-payer, content-type")
	rules("<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedHeader>x-amz-expected-bucket-owner</AllowedHeader><ExposeHeader>x-amz-id-2</ExposeHeader><ExposeHeader>x-amz-request-id</ExposeHeader></CORSRule>")
	const any = "Access-Control-Allow-Origin=*;Access-Control-Allow-Methods=GET;" + vary
	const exposed = ";Access-Control-Expose-Headers=x-amz-id-2, x-amz-request-id"
	a.is(ask(origin, "https://localhost:4200", method, "GET"), 200, "", any+exposed)
	a.is(ask(origin, "https://localhost:4200", method, "GET", headers, "x-amz-expected-bucket-owner"), 200, "", any+exposed+";Access-Control-Allow-Headers=x-amz-expected-bucket-owner")
	a.fails(ask(origin, "https://localhost:4200", method, "GET", headers, "x-amz-request-payer"), 403, "AccessForbidden", forbidden, "Method", "GET", "ResourceType", "OBJECT")
	a.is(owner.send("GET", "/"+b+"/k", "", origin, "https://localhost:4200"), 200, "test", plain(testETag, any+exposed))
	r := owner.send("GET", "/"+b+"/none", "", origin, "https://localhost:4200")
	a.fails(r, 404, "NoSuchKey", noKey, "Key", "none")
	if r.header.Get("Access-Control-Allow-Origin") != "*" {
		a.Error(r.header)
	}
	// test_cors_list_buckets: no rules hold there
	a.is(a.send("OPTIONS", "/", "", origin, "http://localhost:4200"), http.StatusForbidden, "Error{Code,HostId,Message,Method,RequestId,ResourceType}", "")
	if strings.Contains(string(owner.send("GET", "/", "", origin, "http://localhost:4200").header.Get("Access-Control-Allow-Origin")), "*") {
		a.Error("a list of buckets is shared")
	}
}
