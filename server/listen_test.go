package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/sigv4"
)

// way is one way to reach the front door.
type way struct {
	name, url string
	client    *http.Client
	protocol  string
}

func ways(t *testing.T) (*Server, []way) {
	t.Helper()
	conf := Config{Data: filepath.Join(t.TempDir(), "data"), Store: "memory", Listen: "127.0.0.1:0", ListenTLS: "127.0.0.1:0"}
	if err := conf.Complete(); err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), conf, Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	std := httptest.NewServer(s.door)
	t.Cleanup(std.Close)
	pem, err := os.ReadFile(filepath.Join(conf.Data, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := func(h2 bool) *http.Client {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}, Protocols: new(http.Protocols)}
		tr.Protocols.SetHTTP1(!h2)
		tr.Protocols.SetHTTP2(h2)
		t.Cleanup(tr.CloseIdleConnections)
		return &http.Client{Transport: tr}
	}
	return s, []way{
		{"the standard library", std.URL, client(false), "HTTP/1.1"},
		{"plain", s.URL(), client(false), "HTTP/1.1"},
		{"TLS", s.TLSURL(), client(false), "HTTP/1.1"},
		{"HTTP/2", s.TLSURL(), client(true), "HTTP/2.0"},
	}
}

// random is what differs from answer to answer.
var random = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|"(CreationDate|now|ciphertextBlob)":[^,}]*`)

// The door answers alike whatever loop and protocol a request comes through.
func TestEveryWayIn(t *testing.T) {
	s, all := ways(t)
	id, secret, _ := s.AdminCredentials()
	signed := func(service, target, contentType, body string, wrong bool) func(*http.Request) {
		return func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Type", contentType)
			if target != "" {
				r.Header.Set("X-Amz-Target", target)
			}
			g := sigv4.Signer{AccessKeyID: id, Secret: secret, Region: "us-east-1", Service: service}
			if wrong {
				g.Secret += "x"
			}
			g.Sign(r, []byte(body), time.Now())
		}
	}
	const amzJSON, form = "application/x-amz-json-1.1", "application/x-www-form-urlencoded; charset=utf-8"
	for _, c := range []struct {
		name, path string
		status     int
		make       func(*http.Request)
	}{
		{"a call", "/", 200, signed("kms", "TrentService.ListKeys", amzJSON, `{}`, false)},
		{"a call that is refused", "/", 400, signed("kms", "TrentService.DescribeKey", amzJSON, `{"KeyId":"alias/none"}`, false)},
		{"a call that makes no sense", "/", 400, signed("kms", "TrentService.DescribeKey", amzJSON, `{"KeyId":`, false)},
		{"an unknown operation", "/", 400, signed("kms", "TrentService.Frobnicate", amzJSON, `{}`, false)},
		{"a wrong signature", "/", 400, signed("kms", "TrentService.ListKeys", amzJSON, `{}`, true)},
		{"a query call", "/", 200, signed("iam", "", form, "Action=ListUsers&Version=2010-05-08", false)},
		{"a query call that is refused", "/", 404, signed("iam", "", form, "Action=GetUser&UserName=none&Version=2010-05-08", false)},
		{"a call of an id that is none", "/", 400, signed("kms", "TrentService.EnableKeyRotation", amzJSON, `{"KeyId":"KEY"}`, false)},
		{"not signed", "/", 400, func(r *http.Request) {
			r.Method = http.MethodPost
			r.Header.Set("X-Amz-Target", "TrentService.ListKeys")
		}},
		{"a service that nobody knows", "/", 404, func(r *http.Request) {
			r.Method = http.MethodPost
			r.Header.Set("X-Amz-Target", "Nobody.Nothing")
		}},
		{"a body that is too large", "/", 413, signed("kms", "TrentService.ListKeys", amzJSON, strings.Repeat(" ", 2<<20), false)},
		{"chunks", "/", 403, func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "TrentService.ListKeys")
			r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader("{}")), -1
		}},
		{"health", "/_redoubt/health", 200, func(*http.Request) {}},
		{"health, only asked about", "/_redoubt/health", 200, func(r *http.Request) { r.Method = http.MethodHead }},
		{"health under a foreign name", "/_redoubt/health", 403, func(r *http.Request) { r.Host = "evil.example" }},
		{"health from another site", "/_redoubt/health", 403, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }},
		{"unsealing without token", "/_redoubt/unseal", 401, func(r *http.Request) { r.Method = http.MethodPost }},
		{"an unknown path", "/_redoubt/none", 404, func(*http.Request) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := ""
			for _, w := range all {
				if c.name == "chunks" && w.protocol == "HTTP/2.0" {
					continue // has none
				}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+c.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Host = "localhost"
				c.make(r)
				r.Header.Set("User-Agent", "test")
				status, got := send(t, w, r)
				if status != c.status {
					t.Errorf("%s: status %d, want %d", w.name, status, c.status)
				}
				if want == "" {
					want = got
				} else if got != want {
					t.Errorf("%s answers\n%s\n%s answers\n%s", all[0].name, want, w.name, got)
				}
			}
		})
	}
}

// send answers status, headers and body, without what differs each time.
func send(t *testing.T, w way, r *http.Request) (int, string) {
	t.Helper()
	resp, err := w.client.Do(r)
	if err != nil {
		t.Fatal(w.name, ": ", err)
	}
	defer resp.Body.Close()
	if resp.Proto != w.protocol {
		t.Errorf("%s: %s", w.name, resp.Proto)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	fmt.Fprintln(&b, resp.StatusCode, resp.ContentLength)
	for _, k := range slices.Sorted(maps.Keys(resp.Header)) {
		if k != "Date" && k != "Connection" { // HTTP/2 knows no Connection
			fmt.Fprintln(&b, k, resp.Header[k])
		}
	}
	b.Write(body)
	return resp.StatusCode, random.ReplaceAllString(b.String(), "…")
}

// A call that runs when the server is told to stop is answered.
func TestDrain(t *testing.T) {
	s, all := ways(t)
	id, secret, _ := s.AdminCredentials()
	type answer struct {
		status int
		err    error
	}
	answers := make(chan answer)
	for _, w := range all[1:] {
		body, out := io.Pipe()
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.url, body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 2
		r.Header.Set("X-Amz-Target", "TrentService.ListKeys")
		g := sigv4.Signer{AccessKeyID: id, Secret: secret, Region: "us-east-1", Service: "kms"}
		g.Sign(r, []byte("{}"), time.Now())
		go func() {
			resp, err := w.client.Do(r)
			if err != nil {
				answers <- answer{err: err}
				return
			}
			resp.Body.Close()
			answers <- answer{status: resp.StatusCode}
		}()
		out.Write([]byte("{")) // the call has begun
		time.AfterFunc(200*time.Millisecond, func() { out.Write([]byte("}")); out.Close() })
	}
	time.Sleep(100 * time.Millisecond)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for range all[1:] {
		if a := <-answers; a.err != nil || a.status != 200 {
			t.Errorf("%+v", a)
		}
	}
}
