package xks

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/egress"
	"github.com/redoubt-sec/redoubt/engine/keystore"
)

var (
	ctx     = context.Background()
	request = keystore.Request{
		Operation: "Encrypt", RequestID: "4112f4d6-db54-4af4-ae30-c55a22a8dfae", Principal: "arn:aws:iam::123456789012:user/alice",
		KeyARN: "arn:aws:kms:us-east-1:123456789012:key/1", ViaService: "s3.us-east-1.amazonaws.com",
	}
	key = keystore.Key{ID: "1234abcd-12ab-34cd-56ef-1234567890ab", Backing: "k.1"}
)

func TestRoundTrip(t *testing.T) {
	p := newTestProxy(t)
	b, s := p.serve(nil)
	if err := b.Check(ctx, s, nil, keystore.Request{Operation: "CreateCustomKeyStore"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Connect(ctx, s, keystore.Request{Operation: "ConnectCustomKeyStore"}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(p.bodies[1], `"kmsRequestId":""`) {
		t.Error("a health request carries no request id")
	}
	if id, err := b.Create(ctx, s, request, key); err != nil || id != "k.1" {
		t.Fatal(id, err)
	}
	plain := bytes.Repeat([]byte("x"), keystore.MaxPlaintext)
	sealed, err := b.Encrypt(ctx, s, request, key, plain, []byte("tenant=blue"))
	if err != nil {
		t.Fatal(err)
	}
	if len(sealed) > len(plain)+keystore.Overhead {
		t.Errorf("overhead is %d bytes", len(sealed)-len(plain))
	}
	want := RequestMetadata{PrincipalARN: request.Principal, KeyARN: request.KeyARN, Operation: "Encrypt", RequestID: request.RequestID, ViaService: request.ViaService}
	if p.last != want {
		t.Errorf("the proxy was told %+v", p.last)
	}
	for _, body := range p.bodies {
		if strings.Contains(body, base64.StdEncoding.EncodeToString([]byte("tenant=blue"))) {
			t.Error("the additional data itself went to the proxy")
		}
	}
	got, err := b.Decrypt(ctx, s, request, key, sealed, []byte("tenant=blue"))
	if err != nil || !bytes.Equal(got, plain) {
		t.Fatal(err)
	}

	other := key
	other.ID = "9999abcd-12ab-34cd-56ef-1234567890ab"
	for name, f := range map[string]func() ([]byte, error){
		"other context": func() ([]byte, error) { return b.Decrypt(ctx, s, request, key, sealed, []byte("tenant=red")) },
		"other KMS key over the same external key": func() ([]byte, error) {
			return b.Decrypt(ctx, s, request, other, sealed, []byte("tenant=blue"))
		},
		"changed metadata": func() ([]byte, error) {
			c := bytes.Clone(sealed)
			c[3+16]++
			return b.Decrypt(ctx, s, request, key, c, []byte("tenant=blue"))
		},
	} {
		if _, err := f(); !errors.Is(err, keystore.ProxyInvalidCiphertext) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range [][]byte{nil, {1}, sealed[:38], append([]byte{2}, sealed[1:]...)} {
		if _, err := b.Decrypt(ctx, s, request, key, c, nil); !errors.Is(err, keystore.NotOurs) {
			t.Errorf("%d bytes: %v", len(c), err)
		}
	}
}

// The example of the specification's appendix C.
func TestIntegrityVector(t *testing.T) {
	d := func(s string) []byte { b, _ := base64.StdEncoding.DecodeString(s); return b }
	r := &EncryptResponse{Ciphertext: d("ghxkK1txeDNn3q8Y"), Metadata: d("a2V5X3ZlcnNpb249MQ=="), IV: d("HMrlRw85cAJUd5Ax"), Tag: d("vBxN2ncH1oEkR8WVXpmyYQ==")}
	got := hex.EncodeToString(r.ComputeIntegrity(d("cHJvamVjdD1uaWxlLGRlcGFydG1lbnQ9bWFya2V0aW5n")))
	if got != "a8703f2260bd8791ec2d15ea0b23e65a0631eedcf2a13a65cc82db3f47cf5ec7" {
		t.Error(got)
	}
}

func TestRefusalsOfTheProxy(t *testing.T) {
	p := newTestProxy(t)
	b, s := p.serve(nil)
	wrong := *s
	wrong.Secret = strings.Repeat("A", 43)
	if err := b.Check(ctx, &wrong, nil, request); !errors.Is(err, keystore.ProxyAuthentication) {
		t.Errorf("wrong secret: %v", err)
	}
	wrong = *s
	wrong.Path = "/other" + BasePath
	if err := b.Check(ctx, &wrong, nil, request); !errors.Is(err, keystore.ProxyInvalidPath) {
		t.Errorf("wrong path: %v", err)
	}
	if _, err := b.Create(ctx, s, request, keystore.Key{ID: "1", Backing: "k.2"}); !errors.Is(err, keystore.ProxyKeyNotFound) {
		t.Errorf("unknown key: %v", err)
	}
	for name, row := range errorRows {
		p.bend = func(_ string, w http.ResponseWriter, _ any) bool { p.refuse(w, name); return true }
		_, err := b.Encrypt(ctx, s, request, key, []byte("x"), nil)
		f, ok := errors.AsType[*keystore.Failure](err)
		if !ok || f != row.failure {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(f.Message, "own words") {
			t.Errorf("%s: the proxy's message reaches callers", name)
		}
	}
}

func TestAnswersOutsideTheSpecification(t *testing.T) {
	p := newTestProxy(t)
	b, s := p.serve(nil)
	raw := func(status int, body string) func(string, http.ResponseWriter, any) bool {
		return func(_ string, w http.ResponseWriter, _ any) bool {
			w.WriteHeader(status)
			w.Write([]byte(body))
			return true
		}
	}
	enc := func(f func(*EncryptResponse)) func(string, http.ResponseWriter, any) bool {
		return func(_ string, _ http.ResponseWriter, a any) bool { f(a.(*EncryptResponse)); return false }
	}
	for name, bend := range map[string]func(string, http.ResponseWriter, any) bool{
		"500 in plain text":  raw(500, "oops"),
		"unknown error name": raw(400, `{"errorName":"Nope"}`),
		"200 without JSON":   raw(200, "<html>"),
		"redirect": func(_ string, w http.ResponseWriter, _ any) bool {
			w.Header().Set("Location", "/")
			w.WriteHeader(307)
			return true
		},
		"empty answer":          raw(200, "{}"),
		"wrong integrity value": enc(func(r *EncryptResponse) { r.Integrity[0]++ }),
		"no integrity value":    enc(func(r *EncryptResponse) { r.Integrity = nil }),
		"ciphertext changed":    enc(func(r *EncryptResponse) { r.Ciphertext[0]++ }),
		"ciphertext too long": enc(func(r *EncryptResponse) {
			r.Ciphertext = append(r.Ciphertext, 0)
			r.Integrity = r.ComputeIntegrity(digest(key, nil))
		}),
		"short tag": enc(func(r *EncryptResponse) { r.Tag = r.Tag[:12]; r.Integrity = r.ComputeIntegrity(digest(key, nil)) }),
		"8-byte IV": enc(func(r *EncryptResponse) { r.IV = r.IV[:8]; r.Integrity = r.ComputeIntegrity(digest(key, nil)) }),
		"21 bytes of metadata": enc(func(r *EncryptResponse) {
			r.Metadata = make([]byte, 21)
			r.Integrity = r.ComputeIntegrity(digest(key, nil))
		}),
		"answer without end":       raw(200, `{"x":"`+strings.Repeat("a", MaxBody)+`"}`),
		"duplicate members":        raw(200, `{"ciphertext":"eA==","ciphertext":"eA=="}`),
		"connection without reply": func(_ string, w http.ResponseWriter, _ any) bool { panic(http.ErrAbortHandler) },
	} {
		p.bend = bend
		_, err := b.Encrypt(ctx, s, request, key, []byte("x"), nil)
		want := keystore.ProxyInvalidResponse
		if name == "connection without reply" || name == "answer without end" {
			want = keystore.ProxyNotReachable
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.bend = nil
	sealed, err := b.Encrypt(ctx, s, request, key, []byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	p.bend = func(_ string, _ http.ResponseWriter, a any) bool {
		a.(*DecryptResponse).Plaintext = []byte("longer than before")
		return false
	}
	if _, err := b.Decrypt(ctx, s, request, key, sealed, nil); !errors.Is(err, keystore.ProxyInvalidResponse) {
		t.Errorf("plaintext of another length: %v", err)
	}
}

func TestKeysThatDoNotServe(t *testing.T) {
	p := newTestProxy(t)
	b, s := p.serve(nil)
	for _, c := range []struct {
		change func(*KeyMetadata)
		want   *keystore.Failure
	}{
		{func(m *KeyMetadata) { m.Spec = "AES_128" }, keystore.ProxyKeySpec},
		{func(m *KeyMetadata) { m.Usage = []string{"ENCRYPT"} }, keystore.ProxyKeyUsage},
		{func(m *KeyMetadata) { m.Status = StatusDisabled }, keystore.ProxyKeyDisabled},
		{func(m *KeyMetadata) { m.Status = "PAUSED" }, keystore.ProxyInvalidResponse},
		{func(m *KeyMetadata) { m.Usage = make([]string, 11) }, keystore.ProxyInvalidResponse},
	} {
		p.bend = func(_ string, _ http.ResponseWriter, a any) bool { c.change(a.(*KeyMetadata)); return false }
		if _, err := b.Create(ctx, s, request, key); !errors.Is(err, c.want) {
			t.Errorf("%v, not %v", err, c.want)
		}
	}
}

func TestHealth(t *testing.T) {
	p := newTestProxy(t)
	b, s := p.serve(nil)
	for _, c := range []struct {
		change func(*Health)
		want   *keystore.Failure
	}{
		{func(h *Health) { h.Managers[1].Health = HealthUnavailable }, keystore.ProxyManagersAway},
		{func(h *Health) { h.Managers[0].Health = "FINE" }, keystore.ProxyInvalidResponse},
		{func(h *Health) { h.Managers = nil }, keystore.ProxyInvalidResponse},
		{func(h *Health) { h.ProxyFleetSize = 0 }, keystore.ProxyInvalidResponse},
	} {
		p.bend = func(_ string, _ http.ResponseWriter, a any) bool { c.change(a.(*Health)); return false }
		if _, err := b.Connect(ctx, s, request); !errors.Is(err, c.want) {
			t.Errorf("%v, not %v", err, c.want)
		}
	}
}

func TestTimeBudget(t *testing.T) {
	p := newTestProxy(t)
	b, s := p.serve(nil)
	if err := b.Check(ctx, s, nil, request); err != nil { // the connection stands
		t.Fatal(err)
	}
	b.budget = Budget
	release := make(chan struct{})
	defer close(release)
	p.bend = func(string, http.ResponseWriter, any) bool { <-release; return true }
	start := time.Now()
	_, err := b.Encrypt(ctx, s, request, key, []byte("x"), nil)
	if !errors.Is(err, keystore.ProxyTimeout) {
		t.Errorf("a proxy that hangs: %v", err)
	}
	if d := time.Since(start); d < Budget || d > 10*Budget {
		t.Errorf("waited %v", d)
	}
}

func TestConnectionsThatFail(t *testing.T) {
	gate, _ := egress.New(egress.Config{Allow: []string{"127.0.0.0/8"}})
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	closed := l.Addr().String()
	l.Close()
	settings := &keystore.Settings{Endpoint: "https://" + testHost, Path: BasePath, AccessKeyID: testKeyID, Secret: testSecret, Region: "us-east-1"}
	b := New(Options{Gate: gate, Routes: map[string]Route{testHost: {Address: closed}}, Budget: 5 * time.Second})
	if err := b.Check(ctx, settings, nil, request); !errors.Is(err, keystore.ProxyNotReachable) {
		t.Errorf("closed port: %v", err)
	}
	// Without a route, the address decides: this machine's own is refused.
	local := *settings
	local.Endpoint = "https://127.0.0.1"
	closedGate, _ := egress.New(egress.Config{})
	if err := New(Options{Gate: closedGate}).Check(ctx, &local, nil, request); !errors.Is(err, keystore.ProxyNotReachable) || !errors.Is(err, egress.ErrRefused) {
		t.Errorf("loopback: %v", err)
	}
	for name, change := range map[string]func(*tls.Config, *Route){
		"unknown authority":  func(_ *tls.Config, r *Route) { r.Roots = newAuthority(t).pool() },
		"other name":         func(c *tls.Config, r *Route) { c.Certificates[0] = newAuthority(t).issue("other.example.com") },
		"no client cert":     func(_ *tls.Config, r *Route) { r.Certificate = nil },
		"foreign client":     func(_ *tls.Config, r *Route) { c := newAuthority(t).issue("mallory"); r.Certificate = &c },
		"TLS 1.1":            func(c *tls.Config, _ *Route) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 },
		"TLS 1.2, no client": func(c *tls.Config, r *Route) { c.MaxVersion, r.Certificate = tls.VersionTLS12, nil },
	} {
		b, s := newTestProxy(t).serve(change)
		if err := b.Check(ctx, s, nil, request); !errors.Is(err, keystore.ProxyTLS) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVPCEndpointServices(t *testing.T) {
	p := newTestProxy(t)
	const service = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
	b, s := p.serve(func(_ *tls.Config, r *Route) { r.VPCService = service })
	s.VPCService = service
	if err := b.Check(ctx, s, nil, request); err != nil {
		t.Error(err)
	}
	if _, err := b.Connect(ctx, s, request); err != nil {
		t.Error(err)
	}
	s.VPCService += "0"
	if err := b.Check(ctx, s, nil, request); !errors.Is(err, keystore.ProxyNoVPCService) {
		t.Error(err)
	}
	if _, err := b.Connect(ctx, s, request); !errors.Is(err, keystore.ProxyNoVPCService) {
		t.Error(err)
	}
}
