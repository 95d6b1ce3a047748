package sigv4

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

// BenchmarkVerify is the whole of it for one KMS call: parse, check, hash the
// body of 512 bytes, verify with a cached key.
func BenchmarkVerify(b *testing.B) {
	body := []byte(strings.Repeat("x", 512))
	r := &Request{Method: "POST", Target: "/", Host: "localhost:4566",
		Header: headers("X-Amz-Target:TrentService.Encrypt", "Content-Type:application/x-amz-json-1.1", "Content-Length:512",
			"User-Agent:aws-sdk-go-v2/1.48.0 ua/2.1 os/linux lang/go#1.26.0 md/GOOS#linux md/GOARCH#amd64 api/kms#1.62.5 m/g",
			"Accept-Encoding:identity", "Amz-Sdk-Invocation-Id:3b2c6f2e-7a7b-4a4e-8f2b-0a3f0f0f0f0f", "Amz-Sdk-Request:attempt=1; max=3"),
		BodySHA256: func() ([32]byte, error) { return sha256.Sum256(body), nil }}
	e := Expect{Service: "kms", Region: "eu-west-1", Now: signedAt, Window: 5 * time.Minute}
	// All headers but the ones that change on the way, as SDKs sign.
	r.Header.Set("X-Amz-Date", "20260102T030405Z")
	s := &Signature{req: r, path: "/", expect: e, Scope: Scope{"20260102", "eu-west-1", "kms", terminator}, amzDate: "20260102T030405Z",
		SignedHeaders: "accept-encoding;amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-date;x-amz-target"}
	c, _ := s.appendCanonical(nil)
	sum := sha256.Sum256(body)
	c = appendHex(c, sum[:])
	n := len(c)
	c = s.appendStringToSign(c)
	var mac [32]byte
	Derive(suiteSecret, "20260102", "eu-west-1", "kms").sum(&mac, c[n:])
	r.Header.Set("Authorization", Algorithm+" Credential=AKIDEXAMPLE/20260102/eu-west-1/kms/aws4_request, SignedHeaders="+s.SignedHeaders+", Signature="+string(appendHex(nil, mac[:])))
	var keys Keys
	cred := secret(suiteSecret)
	b.ReportAllocs()
	for b.Loop() {
		s, err := Parse(r)
		if err == nil {
			err = s.Check(e)
		}
		if err == nil {
			err = keys.Verify(s, cred)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func appendHex(b, p []byte) []byte {
	for _, c := range p {
		b = append(b, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
	}
	return b
}
