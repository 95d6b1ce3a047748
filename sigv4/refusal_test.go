package sigv4

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

var signedAt = at("20260102T030405Z")

// kmsRequest is a signed call as SDKs send it, before a test spoils it.
func kmsRequest() *Request {
	r := &Request{Method: "POST", Target: "/", Host: "localhost:4566", BodySHA256: bodyHash("{}"),
		Header: headers("X-Amz-Target:TrentService.ListKeys", "Content-Type:application/x-amz-json-1.1")}
	sign(r, "kms", false)
	return r
}

func s3Request() *Request {
	r := &Request{Method: "GET", Target: "/bucket/key", Host: "localhost:4566", Header: http.Header{}}
	sign(r, "s3", true)
	return r
}

func sign(r *Request, service string, s3 bool) {
	path, query := r.split()
	hr, err := http.NewRequest(r.Method, "http://"+r.Host+path+"?"+query, nil)
	if err != nil {
		panic(err)
	}
	hr.Header = r.Header
	body := ""
	if r.BodySHA256 != nil {
		body = "{}"
	}
	(&Signer{AccessKeyID: "AKIDEXAMPLE", Secret: suiteSecret, Region: "eu-west-1", Service: service, S3: s3}).Sign(hr, []byte(body), signedAt)
}

// presigned makes a request signed in the query.
func presigned(service string, s3 bool, expires string) *Request {
	r := &Request{Method: "GET", Host: "localhost:4566", Header: http.Header{}, BodySHA256: bodyHash(""),
		Target: "/x?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Feu-west-1%2F" + service + "%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-SignedHeaders=host" + expires}
	path, query := r.split()
	q, _ := parseQuery(query)
	sig := &Signature{req: r, path: path, query: q, Presigned: true, SignedHeaders: "host", expect: Expect{S3: s3},
		Scope: Scope{"20260102", "eu-west-1", service, terminator}, amzDate: "20260102T030405Z"}
	b, _ := sig.appendCanonical(nil)
	if s3 {
		b = append(b, payloads[Unsigned]...)
	} else {
		b = append(b, emptySum...)
	}
	n := len(b)
	b = sig.appendStringToSign(b)
	var mac [32]byte
	Derive(suiteSecret, "20260102", "eu-west-1", service).sum(&mac, b[n:])
	r.Target += fmt.Sprintf("&X-Amz-Signature=%x", mac)
	return r
}

func refusalOf(t *testing.T, r *Request, e Expect) *Failure {
	t.Helper()
	_, err := check(r, e, secret(suiteSecret))
	var f *Failure
	if err != nil && !errors.As(err, &f) {
		t.Fatalf("not a Failure: %v", err)
	}
	return f
}

func TestRefusals(t *testing.T) {
	kms := Expect{Service: "kms", Region: "eu-west-1", Now: signedAt, Window: Window("kms")}
	s3 := Expect{Service: "s3", Region: "eu-west-1", S3: true, Now: signedAt, Window: Window("s3")}
	late := func(e Expect, d time.Duration) Expect { e.Now = e.Now.Add(d); return e }
	auth := func(old, new string) func(*Request) {
		return func(r *Request) {
			a := r.Header["Authorization"]
			if !strings.Contains(a[0], old) {
				t.Fatalf("no %q in %s", old, a)
			}
			a[0] = strings.Replace(a[0], old, new, 1)
		}
	}
	add := func(name, value string) func(*Request) { return func(r *Request) { r.Header.Add(name, value) } }
	set := func(name, value string) func(*Request) { return func(r *Request) { r.Header.Set(name, value) } }
	del := func(name string) func(*Request) { return func(r *Request) { r.Header.Del(name) } }
	target := func(old, new string) func(*Request) {
		return func(r *Request) { r.Target = strings.Replace(r.Target, old, new, 1) }
	}
	const mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	const s3mismatch = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
	const week = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
	for _, v := range []struct {
		name   string
		req    *Request
		spoil  func(*Request)
		expect Expect
		style  Style
		code   string
		status int
		text   string // a prefix where the rest varies
	}{
		{"nothing", kmsRequest(), del("Authorization"), kms, JSONStyle, "MissingAuthenticationTokenException", 400, "Request is missing Authentication Token"},
		{"nothing, IAM", kmsRequest(), del("Authorization"), kms, QueryStyle, "MissingAuthenticationToken", 403, "Request is missing Authentication Token"},
		{"nothing, Lambda", kmsRequest(), del("Authorization"), kms, RESTJSONStyle, "MissingAuthenticationTokenException", 403, "Missing Authentication Token"},
		{"nothing, EC2", kmsRequest(), del("Authorization"), kms, EC2Style, "MissingParameter", 400, "The request must contain the parameter AWSAccessKeyId"},
		{"nothing, S3", s3Request(), del("Authorization"), s3, S3Style, "AccessDenied", 403, "Access Denied"},
		{"basic", kmsRequest(), set("Authorization", "Basic YTpi"), kms, JSONStyle, "MissingAuthenticationTokenException", 400, ""},
		{"basic, S3", s3Request(), set("Authorization", "Basic YTpi"), s3, S3Style, "InvalidArgument", 400, "Unsupported Authorization Type"},
		{"version 2, S3", s3Request(), set("Authorization", "AWS AKID:c2ln"), s3, S3Style, "InvalidRequest", 400, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."},
		{"version 2 in the query, S3", s3Request(), func(r *Request) { r.Header.Del("Authorization"); r.Target += "?AWSAccessKeyId=A&Signature=x&Expires=1" }, s3, S3Style, "InvalidRequest", 400, "The authorization mechanism"},
		{"asymmetric", kmsRequest(), auth("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), kms, JSONStyle, "IncompleteSignatureException", 400, "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'"},
		{"asymmetric, S3", s3Request(), auth("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), s3, S3Style, "InvalidRequest", 400, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."},
		{"both forms", kmsRequest(), target("/", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256"), kms, JSONStyle, "InvalidSignatureException", 400, "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."},
		{"both forms, escaped", kmsRequest(), target("/", "/?X%2dAmz-Algorithm=AWS4-HMAC-SHA256"), kms, JSONStyle, "InvalidSignatureException", 400, "Found both"},
		{"both forms, S3", s3Request(), target("key", "key?X-Amz-Algorithm=x"), s3, S3Style, "InvalidArgument", 400, "Only one auth mechanism allowed"},
		{"two Authorization headers", kmsRequest(), add("Authorization", "AWS4-HMAC-SHA256 x"), kms, JSONStyle, "IncompleteSignatureException", 400, "'Authorization' appears more than once."},
		{"two dates", kmsRequest(), add("X-Amz-Date", "20260102T030405Z"), kms, QueryStyle, "IncompleteSignature", 400, "'X-Amz-Date' appears more than once."},
		{"two tokens", kmsRequest(), func(r *Request) { r.Header["X-Amz-Security-Token"] = []string{"a", "b"} }, kms, JSONStyle, "IncompleteSignatureException", 400, "'X-Amz-Security-Token' appears"},
		{"two hashes", s3Request(), add("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), s3, S3Style, "AuthorizationHeaderMalformed", 400, "The authorization header is malformed; X-Amz-Content-Sha256 appears more than once."},
		{"two credentials", kmsRequest(), auth("Credential=", "Credential=a, Credential="), kms, JSONStyle, "IncompleteSignatureException", 400, "'Credential' appears more than once."},
		{"no equal sign", kmsRequest(), auth("SignedHeaders=", "SignedHeaders,"), kms, JSONStyle, "IncompleteSignatureException", 400, "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '"},
		{"parts missing", kmsRequest(), set("Authorization", "AWS4-HMAC-SHA256"), kms, JSONStyle, "IncompleteSignatureException", 400, "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. (Hashed with SHA-256 and encoded with Base64) Authorization="},
		{"parts missing, S3", s3Request(), set("Authorization", "AWS4-HMAC-SHA256"), s3, S3Style, "AuthorizationHeaderMalformed", 400, "The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature."},
		{"no signature, S3", s3Request(), auth("Signature=", "Signature=,Signature"), s3, S3Style, "AuthorizationHeaderMalformed", 400, "The authorization header is malformed; the authorization component \"Signature"},
		{"no date", kmsRequest(), del("X-Amz-Date"), kms, JSONStyle, "IncompleteSignatureException", 400, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed"},
		{"no date, S3", s3Request(), del("X-Amz-Date"), s3, S3Style, "AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header"},
		{"bad date", kmsRequest(), set("X-Amz-Date", "2026-01-02"), kms, JSONStyle, "IncompleteSignatureException", 400, "Date must be in ISO-8601 'basic format'. Got '2026-01-02'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{"bad credential", kmsRequest(), auth("/kms/", "/"), kms, JSONStyle, "IncompleteSignatureException", 400, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20260102/eu-west-1/aws4_request'"},
		{"bad credential, S3", s3Request(), auth("/s3/", "/"), s3, S3Style, "AuthorizationHeaderMalformed", 400, "The authorization header is malformed; the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."},
		{"too old", kmsRequest(), nil, late(kms, 5*time.Minute+time.Second), JSONStyle, "InvalidSignatureException", 400, "Signature expired: 20260102T030405Z is now earlier than 20260102T030406Z (20260102T030906Z - 5 min.)"},
		{"too new", kmsRequest(), nil, late(kms, -6*time.Minute), JSONStyle, "InvalidSignatureException", 400, "Signature not yet current: 20260102T030405Z is still later than 20260102T030305Z (20260102T025805Z + 5 min.)"},
		{"too old, S3", s3Request(), nil, late(s3, 16*time.Minute), S3Style, "RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large."},
		{"host unsigned", kmsRequest(), auth("host;", ""), kms, JSONStyle, "InvalidSignatureException", 400, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{"header unsigned", kmsRequest(), set("X-Amz-Extra", "1"), kms, JSONStyle, "InvalidSignatureException", 400, "There were headers present in the request which were not signed: x-amz-extra"},
		{"header unsigned, S3", s3Request(), set("X-Amz-Acl", "public-read"), s3, S3Style, "AccessDenied", 403, "There were headers present in the request which were not signed"},
		{"token unsigned", kmsRequest(), set("X-Amz-Security-Token", "t"), kms, QueryStyle, "SignatureDoesNotMatch", 403, "There were headers present"},
		{"other service", kmsRequest(), nil, Expect{Service: "sts", Region: "eu-west-1", Now: signedAt}, QueryStyle, "SignatureDoesNotMatch", 403, "Credential should be scoped to correct service: 'sts'. "},
		{"other region", kmsRequest(), nil, Expect{Service: "kms", Region: "us-east-1", Now: signedAt}, JSONStyle, "InvalidSignatureException", 400, "Credential should be scoped to a valid region. "},
		{"other date", kmsRequest(), auth("/20260102/", "/20260101/"), kms, JSONStyle, "InvalidSignatureException", 400, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP. "},
		{"other terminator", kmsRequest(), auth("aws4_request", "aws5_request"), kms, JSONStyle, "InvalidSignatureException", 400, "Credential should be scoped with a valid terminator: 'aws4_request'. "},
		{"other region, S3", s3Request(), nil, Expect{Service: "s3", Region: "us-east-1", S3: true, Now: signedAt}, S3Style, "AuthorizationHeaderMalformed", 400, "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-east-1'"},
		{"other service, S3", s3Request(), nil, Expect{Service: "s3express", Region: "eu-west-1", S3: true, Now: signedAt}, S3Style, "AuthorizationHeaderMalformed", 400, "The authorization header is malformed; incorrect service \"s3\". This endpoint belongs to \"s3express\"."},
		{"other date, S3", s3Request(), auth("/20260102/", "/2026010/"), s3, S3Style, "AuthorizationHeaderMalformed", 400, "The authorization header is malformed; incorrect date format \"2026010\". This date in the credential must be in the format \"yyyyMMdd\"."},
		{"hash missing, S3", s3Request(), del("X-Amz-Content-Sha256"), s3, S3Style, "InvalidRequest", 400, "Missing required header for this request: x-amz-content-sha256"},
		{"hash invalid, S3", s3Request(), set("X-Amz-Content-Sha256", "abc"), s3, S3Style, "InvalidArgument", 400, "x-amz-content-sha256 must be UNSIGNED-PAYLOAD"},
		{"length missing, S3", s3Request(), set("X-Amz-Content-Sha256", payloads[Chunks]), s3, S3Style, "MissingContentLength", 411, "You must provide the Content-Length HTTP header."},
		{"wrong method", kmsRequest(), func(r *Request) { r.Method = "PUT" }, kms, JSONStyle, "InvalidSignatureException", 400, mismatch},
		{"wrong host", kmsRequest(), func(r *Request) { r.Host = "evil.example.com" }, kms, QueryStyle, "SignatureDoesNotMatch", 403, mismatch},
		{"wrong host, EC2", kmsRequest(), func(r *Request) { r.Host = "evil.example.com" }, kms, EC2Style, "AuthFailure", 401, "AWS was not able to validate the provided access credentials"},
		{"query added", kmsRequest(), target("/", "/?a=b"), kms, JSONStyle, "InvalidSignatureException", 400, mismatch},
		{"body changed", kmsRequest(), func(r *Request) { r.BodySHA256 = bodyHash("{} ") }, kms, JSONStyle, "InvalidSignatureException", 400, mismatch},
		{"unsigned payload", kmsRequest(), func(r *Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"); sign(r, "kms", false) }, Expect{Service: "kms", Region: "eu-west-1", Now: signedAt}, JSONStyle, "", 0, ""},
		{"signed header changed", kmsRequest(), set("X-Amz-Target", "TrentService.DeleteAlias"), kms, JSONStyle, "InvalidSignatureException", 400, mismatch},
		{"signature no hex", kmsRequest(), auth("Signature=", "Signature=z"), kms, JSONStyle, "InvalidSignatureException", 400, mismatch},
		{"key with dots, S3", s3Request(), target("/bucket/key", "/bucket/x/../key"), s3, S3Style, "SignatureDoesNotMatch", 403, s3mismatch},
		{"double slash, S3", s3Request(), target("/bucket/key", "/bucket//key"), s3, S3Style, "SignatureDoesNotMatch", 403, s3mismatch},
		{"bad escape", kmsRequest(), target("/", "/?a=%g0"), kms, QueryStyle, "MalformedQueryString", 400, ""},
		{"bad escape in path, S3", s3Request(), target("key", "key%2"), s3, S3Style, "InvalidURI", 400, "Couldn't parse the specified URI."},

		{"presigned S3", presigned("s3", true, "&X-Amz-Expires=60"), nil, s3, S3Style, "", 0, ""},
		{"presigned STS", presigned("sts", false, ""), nil, Expect{Service: "sts", Region: "eu-west-1", Now: signedAt.Add(14 * time.Minute), Window: Window("sts")}, QueryStyle, "", 0, ""},
		{"presigned STS, long", presigned("sts", false, "&X-Amz-Expires=3600"), nil, Expect{Service: "sts", Region: "eu-west-1", Now: signedAt.Add(time.Hour), Window: Window("sts")}, QueryStyle, "", 0, ""},
		{"presigned STS, over", presigned("sts", false, "&X-Amz-Expires=60"), nil, Expect{Service: "sts", Region: "eu-west-1", Now: signedAt.Add(16 * time.Minute), Window: Window("sts")}, QueryStyle, "SignatureDoesNotMatch", 403, "Signature expired: 20260102T030405Z is now earlier than 20260102T030505Z (20260102T032005Z - 15 min.)"},
		{"presigned over, S3", presigned("s3", true, "&X-Amz-Expires=60"), nil, late(s3, 61*time.Second), S3Style, "AccessDenied", 403, "Request has expired"},
		{"presigned ahead, S3", presigned("s3", true, "&X-Amz-Expires=60"), nil, late(s3, -16*time.Minute), S3Style, "AccessDenied", 403, "Request is not yet valid"},
		{"presigned, no expiry, S3", presigned("s3", true, ""), nil, s3, S3Style, "AuthorizationQueryParametersError", 400, "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."},
		{"presigned for long, S3", presigned("s3", true, "&X-Amz-Expires=604801"), nil, s3, S3Style, "AuthorizationQueryParametersError", 400, week},
		{"presigned for a week, S3", presigned("s3", true, "&X-Amz-Expires=604800"), nil, late(s3, MaxExpires), S3Style, "", 0, ""},
		{"presigned, negative, S3", presigned("s3", true, "&X-Amz-Expires=-1"), nil, s3, S3Style, "AuthorizationQueryParametersError", 400, "X-Amz-Expires must be non-negative"},
		{"presigned, no number, S3", presigned("s3", true, "&X-Amz-Expires=1m"), nil, s3, S3Style, "AuthorizationQueryParametersError", 400, "X-Amz-Expires should be a number"},
		{"presigned, expiry twice, S3", presigned("s3", true, "&X-Amz-Expires=60&X-Amz-Expires=60"), nil, s3, S3Style, "AuthorizationQueryParametersError", 400, "X-Amz-Expires appears more than once."},
		{"presigned, expiry raised", presigned("s3", true, "&X-Amz-Expires=60"), target("Expires=60", "Expires=600"), s3, S3Style, "SignatureDoesNotMatch", 403, s3mismatch},
		{"presigned, token added", presigned("s3", true, "&X-Amz-Expires=60"), func(r *Request) { r.Target += "&X-Amz-Security-Token=t" }, s3, S3Style, "SignatureDoesNotMatch", 403, s3mismatch},
		{"presigned, header added", presigned("s3", true, "&X-Amz-Expires=60"), set("X-Amz-Acl", "public-read"), s3, S3Style, "AccessDenied", 403, "There were headers present in the request which were not signed"},
		{"presigned, bad algorithm, S3", presigned("s3", true, "&X-Amz-Expires=60"), target("AWS4-HMAC", "AWS5-HMAC"), s3, S3Style, "AuthorizationQueryParametersError", 400, `X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"`},
		{"presigned, bad date, S3", presigned("s3", true, "&X-Amz-Expires=60"), target("T030405Z", ""), s3, S3Style, "AuthorizationQueryParametersError", 400, `X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`},
		{"presigned, bad credential, S3", presigned("s3", true, "&X-Amz-Expires=60"), target("%2Fs3", ""), s3, S3Style, "AuthorizationQueryParametersError", 400, `Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`},
		{"presigned, parts missing", kmsRequest(), func(r *Request) { r.Header.Del("Authorization"); r.Target = "/?X-Amz-Algorithm" }, kms, JSONStyle, "IncompleteSignatureException", 400, "AWS query-string parameters must include 'X-Amz-Algorithm'. AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters."},
	} {
		if v.name == "unsigned payload" {
			// Signed over the body's hash although the header says otherwise: the
			// header is no more than a header outside of S3.
			v.spoil(v.req)
			if _, err := check(v.req, v.expect, secret(suiteSecret)); err != nil {
				t.Errorf("%s: %v", v.name, err)
			}
			v.req.BodySHA256 = bodyHash("{} ")
			if _, err := check(v.req, v.expect, secret(suiteSecret)); !isKind(err, Mismatch) {
				t.Errorf("%s: another body: %v", v.name, err)
			}
			continue
		}
		if v.spoil != nil {
			v.spoil(v.req)
		}
		f := refusalOf(t, v.req, v.expect)
		if v.code == "" {
			if f != nil {
				t.Errorf("%s: %v", v.name, f)
			}
			continue
		}
		if f == nil {
			t.Errorf("%s: accepted", v.name)
			continue
		}
		e := f.Refusal(v.style)
		if e.Code != v.code || e.Status != v.status || !strings.HasPrefix(e.Message, v.text) {
			t.Errorf("%s: %s %d %q\nwant %s %d %q", v.name, e.Code, e.Status, e.Message, v.code, v.status, v.text)
		}
	}
}

// What only the caller can find.
func TestCredentialRefusals(t *testing.T) {
	s := &Signature{AccessKeyID: "AKIDEXAMPLE"}
	for _, v := range []struct {
		service, protocol string
		unknown, expired  redoubt.Error
	}{
		{"sts", "query", redoubt.Error{Code: "InvalidClientTokenId", Status: 403}, redoubt.Error{Code: "ExpiredToken", Status: 403}},
		{"iam", "query", redoubt.Error{Code: "InvalidClientTokenId", Status: 403}, redoubt.Error{Code: "ExpiredToken", Status: 403}},
		{"sqs", "json", redoubt.Error{Code: "InvalidClientTokenId", Status: 403}, redoubt.Error{Code: "ExpiredToken", Status: 403}},
		{"route53", "rest-xml", redoubt.Error{Code: "InvalidClientTokenId", Status: 403}, redoubt.Error{Code: "ExpiredToken", Status: 403}},
		{"cloudwatch", "smithy-rpc-v2-cbor", redoubt.Error{Code: "InvalidClientTokenId", Status: 403}, redoubt.Error{Code: "ExpiredToken", Status: 403}},
		{"kms", "json", redoubt.Error{Code: "UnrecognizedClientException", Status: 400}, redoubt.Error{Code: "ExpiredTokenException", Status: 400}},
		{"lambda", "rest-json", redoubt.Error{Code: "UnrecognizedClientException", Status: 403}, redoubt.Error{Code: "ExpiredTokenException", Status: 403}},
		{"s3", "rest-xml", redoubt.Error{Code: "InvalidAccessKeyId", Status: 403}, redoubt.Error{Code: "ExpiredToken", Status: 400}},
		{"ec2", "ec2", redoubt.Error{Code: "AuthFailure", Status: 401}, redoubt.Error{Code: "RequestExpired", Status: 400}},
	} {
		style := StyleOf(v.service, v.protocol)
		if e := Fail(UnknownKey, s).Refusal(style); e.Code != v.unknown.Code || e.Status != v.unknown.Status {
			t.Errorf("%s, unknown key: %s %d", v.service, e.Code, e.Status)
		}
		if e := Fail(ExpiredToken, s).Refusal(style); e.Code != v.expired.Code || e.Status != v.expired.Status {
			t.Errorf("%s, expired token: %s %d", v.service, e.Code, e.Status)
		}
	}
	if e := Fail(UnknownKey, s).Refusal(S3Style); e.Fields["AWSAccessKeyId"] != "AKIDEXAMPLE" {
		t.Errorf("S3 names the key: %v", e.Fields)
	}
	for k := range numKinds {
		if k.String() == "" || k.String() == "unknown failure" {
			t.Errorf("kind %d has no name", k)
		}
		f := Fail(k, nil)
		f.missing = []string{"x"}
		for style := range numStyles {
			if e := f.Refusal(style); e.Code == "" || e.Status < 400 || e.Message == "" {
				t.Errorf("%v in style %d: %+v", k, style, e)
			}
		}
	}
}

func TestS3MismatchShowsItsWork(t *testing.T) {
	r := s3Request()
	r.Method = "PUT"
	e := refusalOf(t, r, Expect{Service: "s3", Region: "eu-west-1", S3: true, Now: signedAt, Window: time.Hour}).Refusal(S3Style)
	c, _ := e.Fields["CanonicalRequest"].(string)
	if !strings.HasPrefix(c, "PUT\n/bucket/key\n\nhost:localhost:4566\n") {
		t.Errorf("canonical request %q", c)
	}
	if s, _ := e.Fields["StringToSign"].(string); !strings.HasPrefix(s, "AWS4-HMAC-SHA256\n20260102T030405Z\n20260102/eu-west-1/s3/aws4_request\n") {
		t.Errorf("string to sign %q", s)
	}
	if s, _ := e.Fields["StringToSignBytes"].(string); !strings.HasPrefix(s, "41 57 53 34") {
		t.Errorf("bytes %q", s)
	}
	if len(e.Fields["SignatureProvided"].(string)) != 64 || e.Fields["AWSAccessKeyId"] != "AKIDEXAMPLE" {
		t.Errorf("%v", e.Fields)
	}
}

// Refusals outside of S3 repeat nothing of a signature or token.
func TestRefusalsHoldNoSecrets(t *testing.T) {
	r := kmsRequest()
	r.Header.Set("X-Amz-Security-Token", "FwoGZXIvYXdzSECRET")
	sign := r.Header.Get("Authorization")
	sig := sign[strings.LastIndex(sign, "=")+1:]
	for _, spoil := range []func(){
		func() {},
		func() { r.Header.Set("Authorization", strings.Replace(sign, "SignedHeaders", "SignedHeaders,", 1)) },
		func() { r.Header.Set("Authorization", strings.Replace(sign, "Credential=", "Credentials=", 1)) },
		func() { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Signature="+sig) },
	} {
		spoil()
		e := refusalOf(t, r, Expect{Service: "kms", Region: "eu-west-1", Now: signedAt, Window: time.Hour}).Refusal(JSONStyle)
		if strings.Contains(e.Message, sig) || strings.Contains(e.Error(), "SECRET") || strings.Contains(e.Unwrap().Error(), sig) {
			t.Errorf("secret in %q", e.Message)
		}
	}
}

func TestUnsignedPayloadWhereTheModelSays(t *testing.T) {
	e := Expect{Service: "kms", Region: "eu-west-1", Now: signedAt, Window: time.Hour, UnsignedPayload: true}
	r := &Request{Method: "PUT", Target: "/", Host: "localhost:4566", BodySHA256: bodyHash("data"),
		Header: headers("X-Amz-Date:20260102T030405Z", "X-Amz-Content-Sha256:UNSIGNED-PAYLOAD")}
	s := &Signer{AccessKeyID: "AKIDEXAMPLE", Secret: suiteSecret, Region: "eu-west-1", Service: "kms"}
	if got := resign(t, s, r, e); got.Payload() != Unsigned {
		t.Errorf("payload %v", got.Payload())
	}
	e.UnsignedPayload = false
	if _, err := check(r, e, secret(suiteSecret)); !isKind(err, Mismatch) {
		t.Errorf("without leave: %v", err)
	}
}

func TestFraming(t *testing.T) {
	if err := Framing(headers("Content-Length:1"), nil); err != nil {
		t.Error(err)
	}
	if err := Framing(headers("Transfer-Encoding:chunked"), nil); err != nil {
		t.Error(err)
	}
	for _, h := range []http.Header{headers("Content-Length:1", "Transfer-Encoding:chunked"), headers("Content-Length:1", "Content-Length:1")} {
		if Framing(h, nil) == nil {
			t.Errorf("accepted %v", h)
		}
	}
	if Framing(headers("Content-Length:1"), []string{"chunked"}) == nil {
		t.Error("accepted with the encoding taken out")
	}
}

func TestKeyCache(t *testing.T) {
	var k Keys
	k.Max = 4
	e := Expect{Service: "kms", Region: "eu-west-1", Now: signedAt, Window: time.Hour}
	asked := 0
	verify := func(rev uint64, sec string) error {
		s, err := Parse(kmsRequest())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Check(e); err != nil {
			t.Fatal(err)
		}
		return k.Verify(s, Credential{AccessKeyID: "AKIDEXAMPLE", Revision: rev, Secret: func() (string, error) { asked++; return sec, nil }})
	}
	for range 3 {
		if err := verify(1, suiteSecret); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("secret asked for %d times", asked)
	}
	// A new secret counts at once, and who can't sign doesn't fill the cache.
	for range 2 {
		if err := verify(2, "other"); !isKind(err, Mismatch) {
			t.Errorf("another secret: %v", err)
		}
	}
	if asked != 3 || len(k.known) != 1 {
		t.Errorf("asked %d times, %d keys", asked, len(k.known))
	}
	for rev := range uint64(20) {
		if err := verify(rev+10, suiteSecret); err != nil {
			t.Fatal(err)
		}
	}
	if len(k.known) != 4 {
		t.Errorf("%d keys remembered, want 4", len(k.known))
	}
	k.Forget()
	if len(k.known) != 0 {
		t.Error("Forget left keys")
	}
	want := errors.New("sealed")
	s, _ := Parse(kmsRequest())
	s.Check(e)
	if err := k.Verify(s, Credential{Secret: func() (string, error) { return "", want }}); err != want {
		t.Errorf("secret's error: %v", err)
	}
}
