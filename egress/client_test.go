package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// names answers from a table, in turn when a name has several answers.
type names struct {
	table map[string][][]string
	asked atomic.Int32
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	answers, ok := n.table[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	i := int(n.asked.Add(1)) - 1
	var out []netip.Addr
	for _, a := range answers[min(i, len(answers)-1)] {
		out = append(out, netip.MustParseAddr(a))
	}
	return out, nil
}

func gate(t *testing.T, c Config) *Gate {
	t.Helper()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func hello(t *testing.T) (*httptest.Server, *atomic.Int32) {
	var hits atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { hits.Add(1); io.WriteString(w, "hello") }))
	t.Cleanup(s.Close)
	return s, &hits
}

func get(c *http.Client, url string) (string, error) {
	resp, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func port(s *httptest.Server) string { return s.URL[strings.LastIndex(s.URL, ":"):] }

func TestLoopbackRefusedUnlessAllowed(t *testing.T) {
	s, hits := hello(t)
	c := gate(t, Config{Resolver: &names{table: map[string][][]string{"inner.example": {{"127.0.0.1"}}}}}).Client("test", Options{Plain: true})
	for _, host := range []string{"127.0.0.1", "[::ffff:127.0.0.1]", "inner.example", "0.0.0.0", "[::]", "2130706433", "0177.0.0.1", "0x7f000001", "127.1", "[64:ff9b::7f00:1]"} {
		if got, err := get(c, "http://"+host+port(s)+"/"); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %q, %v", host, got, err)
		}
	}
	if hits.Load() != 0 {
		t.Error("a request came through")
	}
	for _, rule := range []string{"127.0.0.0/8", "127.0.0.1", "127.0.0.1" + port(s), "inner.example", "*.example", "inner.example" + port(s)} {
		c := gate(t, Config{Allow: []string{rule}, Resolver: &names{table: map[string][][]string{"inner.example": {{"127.0.0.1"}}}}}).Client("test", Options{Plain: true})
		if got, err := get(c, "http://inner.example"+port(s)+"/"); err != nil || got != "hello" {
			t.Errorf("rule %s: %q, %v", rule, got, err)
		}
	}
	for _, rule := range []string{"10.0.0.0/8", "127.0.0.1:1", "other.example", "inner.example:1", "*.inner.example"} {
		c := gate(t, Config{Allow: []string{rule}, Resolver: &names{table: map[string][][]string{"inner.example": {{"127.0.0.1"}}}}}).Client("test", Options{Plain: true})
		if _, err := get(c, "http://inner.example"+port(s)+"/"); !errors.Is(err, ErrRefused) {
			t.Errorf("rule %s: %v", rule, err)
		}
	}
}

// A name that first leads outside and a moment later to the loopback is asked
// once per connection, and each answer is judged.
func TestRebinding(t *testing.T) {
	s, hits := hello(t)
	n := &names{table: map[string][][]string{"rebind.example": {{"192.0.2.1"}, {"127.0.0.1"}}}}
	c := gate(t, Config{Resolver: n}).Client("test", Options{Plain: true, Timeout: 300 * time.Millisecond})
	if _, err := get(c, "http://rebind.example"+port(s)+"/"); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("first answer: %v", err) // 192.0.2.1 is nobody: a timeout or unreachable
	}
	if n.asked.Load() != 1 {
		t.Errorf("asked %d times for one connection", n.asked.Load())
	}
	if _, err := get(c, "http://rebind.example"+port(s)+"/"); !errors.Is(err, ErrRefused) {
		t.Errorf("second answer: %v", err)
	}
	// Mixed answers: only the allowed address is ever dialed.
	n = &names{table: map[string][][]string{"mixed.example": {{"::1", "169.254.169.254", "127.0.0.1"}}}}
	c = gate(t, Config{Resolver: n, Allow: []string{"127.0.0.1"}}).Client("test", Options{Plain: true})
	if got, err := get(c, "http://mixed.example"+port(s)+"/"); err != nil || got != "hello" || hits.Load() != 1 {
		t.Errorf("mixed: %q, %v", got, err)
	}
}

func TestHostRulesNeverOpenMetadataOrOwnListeners(t *testing.T) {
	s, _ := hello(t)
	n := &names{table: map[string][][]string{"meta.example": {{"169.254.169.254"}}, "own.example": {{"127.0.0.1"}}}}
	g := gate(t, Config{Resolver: n, Allow: []string{"meta.example", "own.example", "127.0.0.0/8"}})
	c := g.Client("test", Options{Plain: true, Timeout: time.Second})
	if _, err := get(c, "http://meta.example/"); !errors.Is(err, ErrRefused) {
		t.Errorf("metadata: %v", err)
	}
	if got, err := get(c, "http://own.example"+port(s)+"/"); err != nil || got != "hello" {
		t.Fatalf("before it was ours: %q, %v", got, err)
	}
	g.Own(s.Listener.Addr())
	c = g.Client("test", Options{Plain: true, Timeout: time.Second})
	if _, err := get(c, "http://own.example"+port(s)+"/"); !errors.Is(err, ErrRefused) {
		t.Errorf("own listener: %v", err)
	}
	g = gate(t, Config{Resolver: n, Allow: []string{"127.0.0.1" + port(s)}})
	g.Own(s.Listener.Addr())
	if got, err := get(g.Client("test", Options{Plain: true}), "http://own.example"+port(s)+"/"); err != nil || got != "hello" {
		t.Errorf("own listener by address and port: %q, %v", got, err)
	}
}

func TestOwnWildcardListener(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	g := gate(t, Config{})
	g.Own(l.Addr())
	p := l.Addr().(*net.TCPAddr).AddrPort().Port()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Skip(err)
	}
	for _, a := range addrs {
		ip := netip.MustParsePrefix(a.String()).Addr()
		if g.judge("h", netip.AddrPortFrom(ip, p)) == nil {
			t.Errorf("own listener reachable at %s", ip)
		}
	}
	if err := g.judge("h", netip.AddrPortFrom(netip.MustParseAddr("10.255.255.1"), p)); err != nil {
		t.Errorf("same port elsewhere: %v", err)
	}
}

func TestRedirectsAreAnswered(t *testing.T) {
	target, hits := hello(t)
	s := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusTemporaryRedirect))
	defer s.Close()
	resp, err := gate(t, Config{Allow: []string{"127.0.0.1"}}).Client("test", Options{Plain: true}).Get(s.URL)
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect || hits.Load() != 0 {
		t.Errorf("%v, %v, %d hits", resp, err, hits.Load())
	}
}

func TestBounds(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 2000)
	var chunked atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
			return
		}
		if chunked.Load() {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
		}
		w.Write(big)
	}))
	defer s.Close()
	g := gate(t, Config{Allow: []string{"127.0.0.1"}})
	for _, v := range []struct {
		chunked bool
		max     int64
		want    error
	}{{false, 1999, ErrTooLarge}, {true, 1999, ErrTooLarge}, {false, 2000, nil}, {true, 2000, nil}} {
		chunked.Store(v.chunked)
		got, err := get(g.Client("test", Options{Plain: true, MaxResponse: v.max}), s.URL)
		if !errors.Is(err, v.want) || err == nil && len(got) != len(big) || len(got) > int(v.max) {
			t.Errorf("%+v: %d bytes, %v", v, len(got), err)
		}
	}
	start := time.Now()
	if _, err := get(g.Client("test", Options{Plain: true, Timeout: 50 * time.Millisecond}), s.URL+"/slow"); err == nil || time.Since(start) > 3*time.Second {
		t.Errorf("slow: %v after %v", err, time.Since(start))
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	g := gate(t, Config{Allow: []string{"127.0.0.1"}})
	if got, err := get(g.Client("test", Options{Roots: roots}), s.URL); err != nil || got != "hello" {
		t.Errorf("own roots: %q, %v", got, err)
	}
	if _, err := get(g.Client("test", Options{}), s.URL); err == nil {
		t.Error("unknown authority accepted")
	}
	if _, err := get(g.Client("test", Options{Roots: roots}), "http://127.0.0.1:1/"); !errors.Is(err, ErrRefused) {
		t.Errorf("plain http: %v", err)
	}
	if _, err := get(g.Client("test", Options{Roots: roots}), strings.Replace(s.URL, "//", "//u:p@", 1)); !errors.Is(err, ErrRefused) {
		t.Errorf("user name in the address: %v", err)
	}
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.Config.ErrorLog = nil
	old.StartTLS()
	defer old.Close()
	roots.AddCert(old.Certificate())
	if _, err := get(g.Client("test", Options{Roots: roots}), old.URL); err == nil {
		t.Error("TLS 1.1 accepted")
	}
	// A server that asks for a certificate gets the client's.
	mutual := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.TLS.PeerCertificates[0].Subject.String())
	}))
	mutual.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	mutual.StartTLS()
	defer mutual.Close()
	roots.AddCert(mutual.Certificate())
	if got, err := get(g.Client("test", Options{Roots: roots, Certificate: &s.TLS.Certificates[0]}), mutual.URL); err != nil || got != s.Certificate().Subject.String() {
		t.Errorf("client certificate: %q, %v", got, err)
	}
}

func TestEnvironmentProxyIgnored(t *testing.T) {
	s, _ := hello(t)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	n := &names{table: map[string][][]string{"x.example": {{"127.0.0.1"}}}}
	if got, err := get(gate(t, Config{Resolver: n, Allow: []string{"127.0.0.1"}}).Client("test", Options{Plain: true}), "http://x.example"+port(s)); err != nil || got != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestObserver(t *testing.T) {
	s, _ := hello(t)
	var seen []Outcome
	g := gate(t, Config{Allow: []string{"127.0.0.1"}, Observe: func(o Outcome) { seen = append(seen, o) }})
	c := g.Client("xks", Options{Plain: true})
	get(c, s.URL+"/secret?token=1")
	get(c, "http://[::1]:1/secret")
	if len(seen) != 2 || seen[0].Purpose != "xks" || seen[0].Status != 200 || "http://"+seen[0].Host != s.URL || !errors.Is(seen[1].Err, ErrRefused) {
		t.Fatalf("%+v", seen)
	}
	for _, o := range seen {
		if o.Err != nil && strings.Contains(o.Err.Error(), "secret") {
			t.Errorf("path in %v", o.Err)
		}
	}
	c.CloseIdleConnections()
}

func TestBadConfig(t *testing.T) {
	if _, err := New(Config{Allow: []string{"127.0.0.1", "no rule"}}); err == nil {
		t.Error("bad rule accepted")
	}
}
