package proof

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/redoubttest"
)

// raw sends bytes and answers the first response; nil if the server hung up.
func (e *endpoint) raw(t *testing.T, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", e.hostOf())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, request)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil
	}
	io.Copy(io.Discard, resp.Body)
	return resp
}

// head writes a prepared request's head as it would be sent.
func head(r *http.Request, host string, length int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", r.Method, r.URL.RequestURI(), host, length)
	r.Header.Write(&b)
	return b.String()
}

// Security requirement 9: a signed request is good for the service, the region,
// the account's host and the body that it was signed for, and for no other.
func TestSignaturesAreGoodOnceForOneThing(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	describe := encode(&kmsapi.Model, kmsapi.Model.Find("DescribeKey"), object{"KeyId": h.key(t)})
	whoami := encode(&stsapi.Model, stsapi.Model.Find("GetCallerIdentity"), object{})
	if a := h.send(describe, h.admin, signing{}); !a.ok() {
		t.Fatal(a)
	}
	take := func(from *http.Request) func(*http.Request) {
		return func(to *http.Request) {
			for _, n := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
				to.Header[n] = from.Header[n]
			}
		}
	}
	signed, _ := h.prepare(describe, h.admin, signing{})
	for what, a := range map[string]*answer{
		"KMS's on STS":      h.send(whoami, h.admin, signing{spoil: take(signed)}),
		"another body":      h.send(describe, h.admin, signing{spoil: func(r *http.Request) { setBody(r, []byte(`{"KeyId":"alias/x"}`)) }}),
		"another operation": h.send(describe, h.admin, signing{spoil: func(r *http.Request) { r.Header.Set("X-Amz-Target", "TrentService.DisableKey") }}),
		"another path":      h.send(describe, h.admin, signing{spoil: func(r *http.Request) { r.URL.Path = "/x" }}),
		"another host":      h.send(describe, h.admin, signing{spoil: func(r *http.Request) { r.Host = "kms.eu-west-1.amazonaws.com" }}),
		"a token put in":    h.send(describe, h.admin, signing{spoil: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }}),
		"signed for another day": h.send(describe, h.admin, signing{spoil: func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/"+time.Now().UTC().Format("20060102")+"/", "/20200101/", 1))
		}}),
	} {
		if a.err != nil || a.status/100 != 4 {
			t.Errorf("%s: %v", what, a)
		}
	}
	// Only S3 may leave its body out of the signature.
	at := *describe
	at.header = describe.header.Clone()
	at.header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	if a := h.send(&at, h.admin, signing{spoil: func(r *http.Request) { setBody(r, []byte(`{"KeyId":"alias/other"}`)) }}); a.code != "InvalidSignatureException" {
		t.Errorf("UNSIGNED-PAYLOAD with another body: %v", a)
	}
	creds := aws.Credentials{AccessKeyID: h.admin.id, SecretAccessKey: h.admin.secret}
	for _, payload := range []string{"UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"} {
		r, _ := h.prepare(&at, h.admin, signing{none: true})
		r.Header.Set("X-Amz-Content-Sha256", payload)
		v4.NewSigner().SignHTTP(context.Background(), creds, r, payload, "kms", home, time.Now())
		if a := h.do(r); a.code != "InvalidSignatureException" {
			t.Errorf("signed over %s: %v", payload, a)
		}
	}
	// The control: signed over the body's hash, by the same signer, it is good.
	r, _ := h.prepare(describe, h.admin, signing{none: true})
	sum := sha256.Sum256(describe.body)
	v4.NewSigner().SignHTTP(context.Background(), creds, r, hex.EncodeToString(sum[:]), "kms", home, time.Now())
	if a := h.do(r); !a.ok() {
		t.Errorf("the SDK's own signature: %v", a)
	}
}

// Security requirement 10: what can be read in two ways is refused.
func TestAmbiguousRequests(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	r := encode(&stsapi.Model, stsapi.Model.Find("GetCallerIdentity"), object{})
	q, err := h.prepare(r, h.admin, signing{})
	if err != nil {
		t.Fatal(err)
	}
	body := string(r.body)
	good := head(q, h.hostOf(), len(body))
	if resp := h.raw(t, good+"\r\n"+body); resp == nil || resp.StatusCode != 200 {
		t.Fatalf("the control: %v", resp)
	}
	line := func(prefix string) string {
		for l := range strings.SplitSeq(good, "\r\n") {
			if strings.HasPrefix(l, prefix) {
				return l + "\r\n"
			}
		}
		t.Fatal(prefix)
		return ""
	}
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	for what, request := range map[string]string{
		"Authorization twice":                    good + line("Authorization:") + "\r\n" + body,
		"a second, other Authorization":          good + "Authorization: AWS4-HMAC-SHA256 Credential=x\r\n\r\n" + body,
		"X-Amz-Date twice":                       good + line("X-Amz-Date:") + "\r\n" + body,
		"Host twice":                             good + "Host: evil.example\r\n\r\n" + body,
		"two lengths":                            good + "Content-Length: 3\r\n\r\n" + body,
		"length and Transfer-Encoding":           good + "Transfer-Encoding: chunked\r\n\r\n" + chunked,
		"Transfer-Encoding alone":                strings.Replace(good, line("Content-Length:"), "Transfer-Encoding: chunked\r\n", 1) + "\r\n" + chunked,
		"an odd Transfer-Encoding":               strings.Replace(good, line("Content-Length:"), "Transfer-Encoding: xchunked\r\n", 1) + "\r\n" + chunked,
		"x-amz header that is not signed":        good + "X-Amz-Meta: 1\r\n\r\n" + body,
		"signed in header and query":             strings.Replace(good, "POST / ", "POST /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00 ", 1) + "\r\n" + body,
		"encoded path":                           strings.Replace(good, "POST / ", "POST /%2e%2e/ ", 1) + "\r\n" + body,
		"blank before the colon":                 strings.Replace(good, "User-Agent: proof", "X-Amz-Blank : 1", 1) + "\r\n" + body,
		"another date in the query":              strings.Replace(good, "POST / ", "POST /?X-Amz-Date=20200101T000000Z ", 1) + "\r\n" + body,
		"no signed Host":                         strings.Replace(good, ";host;", ";", 1) + "\r\n" + body,
		"absolute target with another authority": strings.Replace(good, "POST / ", "POST http://kms.eu-west-1.amazonaws.com/ ", 1) + "\r\n" + body,
	} {
		if resp := h.raw(t, request); resp != nil && resp.StatusCode/100 != 4 && resp.StatusCode != 501 {
			t.Errorf("%s: %s", what, resp.Status)
		}
	}
	h.log.quiet(t)
}

// Security requirement 11: presigned URLs end in time, end with the credential,
// are decided anew at every use, and are not in the log.
func TestPresignedURLs(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	h.user(t, "temp")
	k := h.must(t, &iamapi.Model, "CreateAccessKey", object{"UserName": "temp"}, h.admin)
	c := credential{id: k.at("AccessKey.AccessKeyId"), secret: k.at("AccessKey.SecretAccessKey")}
	put := object{"UserName": "temp", "PolicyName": "p", "PolicyDocument": allowAll}
	h.must(t, &iamapi.Model, "PutUserPolicy", put, h.admin)
	presign := func(c credential, expires string, at time.Time) *http.Request {
		query := "Action=ListUsers&Version=" + iamapi.Model.APIVersion
		if expires != "" {
			query += "&X-Amz-Expires=" + expires
		}
		r, err := http.NewRequest(http.MethodGet, h.url+"/?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		empty := sha256.Sum256(nil)
		url, _, err := v4.NewSigner().PresignHTTP(context.Background(), aws.Credentials{AccessKeyID: c.id, SecretAccessKey: c.secret, SessionToken: c.token}, r, hex.EncodeToString(empty[:]), "iam", home, at)
		if err != nil {
			t.Fatal(err)
		}
		r, _ = http.NewRequest(http.MethodGet, url, nil)
		return r
	}
	expect := func(what string, r *http.Request, status int, codes ...string) {
		t.Helper()
		if a := h.do(r); a.status != status || status != 200 && !slices.Contains(codes, a.code) {
			t.Errorf("%s: %v, want %d %v", what, a, status, codes)
		}
	}
	now := time.Now()
	expect("good", presign(c, "3600", now), 200)
	expect("good for a week", presign(c, "604800", now.Add(-6*24*time.Hour)), 200)
	expect("more than a week", presign(c, "604801", now), 400, "IncompleteSignature", "AuthorizationQueryParametersError")
	expect("less than nothing", presign(c, "-1", now), 400, "IncompleteSignature", "AuthorizationQueryParametersError")
	expect("no number", presign(c, "soon", now), 400, "IncompleteSignature", "AuthorizationQueryParametersError")
	expect("over", presign(c, "60", now.Add(-time.Hour)), 403, "SignatureDoesNotMatch", "AccessDenied")
	expect("not begun", presign(c, "3600", now.Add(time.Hour)), 403, "SignatureDoesNotMatch", "AccessDenied")
	longer := presign(c, "60", now.Add(-time.Hour))
	longer.URL.RawQuery = strings.Replace(longer.URL.RawQuery, "X-Amz-Expires=60", "X-Amz-Expires=604800", 1)
	expect("made longer", longer, 403, "SignatureDoesNotMatch")

	old := presign(c, "604800", now)
	h.must(t, &iamapi.Model, "DeleteUserPolicy", object{"UserName": "temp", "PolicyName": "p"}, h.admin)
	expect("right taken away", old, 403, "AccessDenied")
	h.must(t, &iamapi.Model, "PutUserPolicy", put, h.admin)
	expect("right given back", old, 200)
	h.must(t, &iamapi.Model, "DeleteAccessKey", object{"UserName": "temp", "AccessKeyId": c.id}, h.admin)
	expect("key deleted", old, 403, "InvalidClientTokenId")

	role := h.must(t, &iamapi.Model, "CreateRole", object{"RoleName": "temp", "AssumeRolePolicyDocument": trustAll}, h.admin).at("Role.Arn")
	h.must(t, &iamapi.Model, "PutRolePolicy", object{"RoleName": "temp", "PolicyName": "p", "PolicyDocument": allowAll}, h.admin)
	session := h.session(t, role)
	long := presign(session, "604800", now)
	expect("session running", long, 200)
	h.server.Clock.Advance(2 * time.Hour)
	expect("session over, before the URL is", long, 403, "ExpiredToken")

	logged := h.log.text()
	for what, secret := range map[string]string{"signature": old.URL.Query().Get("X-Amz-Signature"), "session token": session.token} {
		if len(secret) < 32 || strings.Contains(logged, secret) {
			t.Errorf("the %s of a presigned URL is in the log", what)
		}
	}
	for _, r := range h.events(t, h.admin, 0) {
		if strings.Contains(r.text, session.token) || strings.Contains(r.text, old.URL.Query().Get("X-Amz-Signature")) {
			t.Errorf("a presigned URL is in an event: %s", r.text)
		}
	}
}
