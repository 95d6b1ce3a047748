package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// wire answers r as a server receives it: serialized and parsed again.
func wire(t testing.TB, r *http.Request, body []byte) *Request {
	t.Helper()
	var raw bytes.Buffer
	if err := r.Write(&raw); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(raw.String(), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	p := strings.Split(lines[0], " ")
	req := &Request{Method: p[0], Target: p[1], Header: http.Header{}, BodySHA256: bodyHash(string(body))}
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ":")
		if name == "Host" {
			req.Host = strings.TrimSpace(value)
			continue
		}
		req.Header.Add(name, strings.TrimSpace(value))
	}
	return req
}

var pieces = []string{"a", "Z", "0", "-", "_", ".", "~", "/", "+", " ", "%", "$", "&", "=", ":", "@", "*", "'", "(", "ü", "ሴ", "?", "#", ";", ",", "\"", "<", "|"}

func randomText(r *rand.Rand, not string) string {
	var b strings.Builder
	for range 1 + r.IntN(12) {
		if p := pieces[r.IntN(len(pieces))]; !strings.Contains(not, p) {
			b.WriteString(p)
		}
	}
	return b.String()
}

func TestSDKSigner(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	now := time.Now().UTC().Truncate(time.Second)
	for i := range 3000 {
		s3 := i%2 == 0
		presign := i%3 == 0
		service, region := "lambda", "eu-west-1"
		if s3 {
			service = "s3"
		}
		u := &url.URL{Scheme: "http", Host: "localhost:4566", Path: "/" + randomText(rng, "")}
		if !s3 {
			// The SDK does not normalize paths: leave out what AWS would.
			u.Path = "/" + randomText(rng, "./")
		}
		u.RawPath = v4path(u.Path)
		q := url.Values{}
		for range rng.IntN(5) {
			q.Add(randomText(rng, ""), randomText(rng, ""))
		}
		u.RawQuery = q.Encode()
		body := []byte(randomText(rng, ""))
		r, err := http.NewRequest([]string{"GET", "PUT", "POST", "DELETE"}[rng.IntN(4)], u.String(), bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		r.Header.Set("X-Amz-Meta-Note", "  two   blanks "+fmt.Sprint(rng.IntN(9)))
		r.Header.Add("X-Custom", "b")
		r.Header.Add("X-Custom", "a")
		creds := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: suiteSecret}
		if rng.IntN(2) == 0 {
			creds.SessionToken = "FwoGZXIvYXdzE+/=="
		}
		sum := sha256.Sum256(body)
		hash := hex.EncodeToString(sum[:])
		if s3 {
			if presign || rng.IntN(2) == 0 {
				hash = "UNSIGNED-PAYLOAD"
			}
			if !presign {
				r.Header.Set("X-Amz-Content-Sha256", hash)
			}
		}
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = s3 })
		if presign {
			v := r.URL.Query()
			v.Set("X-Amz-Expires", "600")
			r.URL.RawQuery = v.Encode()
			signed, hdr, err := signer.PresignHTTP(context.Background(), creds, r, hash, service, region, now)
			if err != nil {
				t.Fatal(err)
			}
			pu, err := url.Parse(signed)
			if err != nil {
				t.Fatal(err)
			}
			r.URL = pu
			r.Header = hdr.Clone()
			r.Header.Del("Host")
			if hash == "UNSIGNED-PAYLOAD" {
				r.Header.Del("Content-Length")
			}
		} else if err := signer.SignHTTP(context.Background(), creds, r, hash, service, region, now); err != nil {
			t.Fatal(err)
		}
		req := wire(t, r, body)
		e := Expect{Service: service, Region: region, S3: s3, Now: now.Add(time.Minute), Window: Window(service)}
		s, err := check(req, e, secret(suiteSecret))
		if err != nil {
			t.Fatalf("%d (s3 %v, presigned %v): %v\n%s %s\n%v", i, s3, presign, err, req.Method, req.Target, req.Header)
		}
		if s.SessionToken != creds.SessionToken || s.Presigned != presign || s.AccessKeyID != "AKIDEXAMPLE" || !s.Time.Equal(now) {
			t.Fatalf("%d: parsed %+v", i, s)
		}
		// Any other path or query must not pass.
		other := *req
		other.Target = strings.Replace(req.Target, "/", "/x", 1)
		if _, err := check(&other, e, secret(suiteSecret)); err == nil {
			t.Fatalf("%d: another target passes: %s", i, other.Target)
		}
	}
}

func v4path(p string) string {
	var b []byte
	for i := range len(p) {
		if p[i] == '/' {
			b = append(b, '/')
			continue
		}
		b = appendEncoded(b, p[i])
	}
	return string(b)
}

// Our signer against our verifier, through a real request.
func TestSigner(t *testing.T) {
	now := time.Now()
	for _, s3 := range []bool{false, true} {
		s := &Signer{AccessKeyID: "AKIDEXAMPLE", Secret: suiteSecret, SessionToken: "tok", Region: "us-east-1", Service: "kms-xks-proxy", S3: s3}
		body := []byte(`{"a":1}`)
		r, _ := http.NewRequest("POST", "http://xks.example.com:8443/path%20a/kms/xks/v1/keys/k%2Bx/encrypt?b=2&a=1+1", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Amz-Target", "T.Op")
		s.Sign(r, body, now)
		e := Expect{Service: "kms-xks-proxy", Region: "us-east-1", S3: s3, Now: now, Window: 5 * time.Minute}
		got, err := check(wire(t, r, body), e, secret(suiteSecret))
		if err != nil {
			t.Fatal(err)
		}
		if want := "content-type;host;x-amz-"; !strings.HasPrefix(got.SignedHeaders, want) || got.SessionToken != "tok" {
			t.Errorf("%+v", got)
		}
		if s3 {
			continue
		}
		// And the SDK agrees with it.
		r2, _ := http.NewRequest("POST", "http://xks.example.com:8443/path%20a/kms/xks/v1/keys/k%2Bx/encrypt?b=2&a=1+1", nil)
		r2.Header.Set("Content-Type", "application/json")
		r2.Header.Set("X-Amz-Target", "T.Op")
		sum := sha256.Sum256(body)
		if err := v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: suiteSecret, SessionToken: "tok"}, r2, hex.EncodeToString(sum[:]), "kms-xks-proxy", "us-east-1", now); err != nil {
			t.Fatal(err)
		}
		if a, b := r.Header.Get("Authorization"), r2.Header.Get("Authorization"); a != b {
			t.Errorf("ours %s\nSDK  %s", a, b)
		}
	}
}
