package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redoubt-sec/redoubt/egress"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func sign(t testing.TB, alg, kid string, claims map[string]any, f func(sum []byte) []byte) string {
	h, _ := json.Marshal(map[string]string{"alg": alg, "kid": kid})
	c, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text := b64(h) + "." + b64(c)
	sum := sha256.Sum256([]byte(text))
	return text + "." + b64(f(sum[:]))
}

var claims = map[string]any{"iss": "https://idp.example", "sub": "me", "aud": []string{"you"}, "exp": 4102444800, "iat": 1700000000}

func rsaPair(t testing.TB) (*rsa.PrivateKey, string) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return k, fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"k1","use":"sig","n":%q,"e":%q}]}`, b64(k.N.Bytes()), b64(big.NewInt(int64(k.E)).Bytes()))
}

func TestSignatures(t *testing.T) {
	k, set := rsaPair(t)
	keys, err := ParseKeys([]byte(set))
	if err != nil {
		t.Fatal(err)
	}
	rs := func(sum []byte) []byte { s, _ := rsa.SignPKCS1v15(nil, k, crypto.SHA256, sum); return s }
	good := sign(t, "RS256", "k1", claims, rs)
	check := func(what, text string, want error) {
		t.Helper()
		tok, err := Parse(text)
		if err == nil {
			err = tok.Verify(keys)
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	check("good", good, nil)
	check("unknown kid", sign(t, "RS256", "k2", claims, rs), ErrUnknownKey)
	check("none", sign(t, "none", "k1", claims, func([]byte) []byte { return nil }), ErrSignature)
	// A public key must not serve as a shared secret.
	check("HS256", sign(t, "HS256", "k1", claims, func(sum []byte) []byte {
		m := hmac.New(sha256.New, k.N.Bytes())
		m.Write(sum)
		return m.Sum(nil)
	}), ErrSignature)
	check("ES256 with an RSA key", sign(t, "ES256", "k1", claims, rs), ErrSignature)
	parts := strings.Split(good, ".")
	other, _ := json.Marshal(map[string]any{"iss": "https://idp.example", "sub": "root", "exp": 4102444800})
	check("other claims", parts[0]+"."+b64(other)+"."+parts[2], ErrSignature)
	for _, bad := range []string{"", "a.b", "a.b.c.d", parts[0] + ".e30." + parts[2], strings.Repeat("a", maxToken+1)} {
		if _, err := Parse(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func TestECKeys(t *testing.T) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseKeys(fmt.Appendf(nil, `{"keys":[{"kty":"EC","kid":"e","crv":"P-256","x":%q,"y":%q}]}`, b64(p[1:33]), b64(p[33:])))
	if err != nil || len(keys) != 1 {
		t.Fatal(err, keys)
	}
	text := sign(t, "ES256", "e", claims, func(sum []byte) []byte {
		r, s, _ := ecdsa.Sign(rand.Reader, k, sum)
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	})
	tok, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := tok.Verify(keys); err != nil {
		t.Error(err)
	}
	// A point that is not on the curve is no key.
	if keys, _ = ParseKeys(fmt.Appendf(nil, `{"keys":[{"kty":"EC","crv":"P-256","x":%q,"y":%q}]}`, b64(p[33:]), b64(p[1:33]))); len(keys) != 0 {
		t.Error("a point off the curve")
	}
}

// provider is an identity provider that counts how often it is asked.
func provider(t *testing.T, set string) (*httptest.Server, *int) {
	asked := new(int)
	mux := http.NewServeMux()
	srv := httptest.NewTLSServer(mux)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, srv.URL, srv.URL+"/keys")
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { *asked++; fmt.Fprint(w, set) })
	t.Cleanup(srv.Close)
	return srv, asked
}

func TestProviderKeys(t *testing.T) {
	_, set := rsaPair(t)
	srv, asked := provider(t, set)
	gate, err := egress.New(egress.Config{Allow: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	p := NewProviders(gate)
	ctx := context.Background()
	if _, err := p.Keys(ctx, srv.URL, nil, ""); !errors.Is(err, ErrCommunication) {
		t.Error("a certificate that nobody vouches for:", err)
	}
	print, err := p.Thumbprint(ctx, strings.TrimPrefix(srv.URL, "https://"))
	if err != nil || print != thumbprint(srv.Certificate()) {
		t.Fatal(print, err)
	}
	if _, err := p.Keys(ctx, srv.URL, []string{strings.Repeat("0", 40)}, ""); !errors.Is(err, ErrCommunication) {
		t.Error("another thumbprint:", err)
	}
	for range 3 {
		keys, err := p.Keys(ctx, srv.URL, []string{print}, "k1")
		if err != nil || len(keys) != 1 {
			t.Fatal(keys, err)
		}
	}
	if *asked != 1 {
		t.Errorf("asked %d times", *asked)
	}
	if _, err := p.Keys(ctx, srv.URL, []string{print}, "k9"); err != nil || *asked != 1 {
		t.Errorf("an unknown kid is looked for at once: %d, %v", *asked, err)
	}
	// Loopback is closed unless the configuration opens it.
	closed, err := egress.New(egress.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewProviders(closed).Keys(ctx, srv.URL, []string{print}, ""); !errors.Is(err, ErrCommunication) {
		t.Error(err)
	}
}

// Tokens that nobody signed make the server ask a provider: not more often than
// one at a time, nor again and again when it does not answer.
func TestProvidersAreAskedOnce(t *testing.T) {
	_, set := rsaPair(t)
	srv, asked := provider(t, set)
	gate, err := egress.New(egress.Config{Allow: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	good := []string{thumbprint(srv.Certificate())}
	p := NewProviders(gate)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var wait sync.WaitGroup
	for i := range 50 {
		wait.Go(func() {
			ctx := t.Context()
			if i == 0 {
				ctx = gone
			}
			if keys, err := p.Keys(ctx, srv.URL, good, "k1"); ctx != gone && (err != nil || len(keys) != 1) {
				t.Error(keys, err)
			}
		})
	}
	wait.Wait()
	if *asked != 1 {
		t.Errorf("asked %d times at once", *asked)
	}
	tries := new(atomic.Int32)
	down := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tries.Add(1); w.WriteHeader(500) }))
	defer down.Close()
	for range 50 {
		wait.Go(func() {
			if _, err := p.Keys(t.Context(), down.URL, good, "k1"); !errors.Is(err, ErrCommunication) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := tries.Load(); n != 1 {
		t.Errorf("asked %d times without an answer", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0.eyJpc3MiOiJhIiwic3ViIjoiYiIsImV4cCI6MX0.")
	f.Fuzz(func(t *testing.T, text string) {
		if tok, err := Parse(text); err == nil && tok.Verify(nil) == nil {
			t.Error("verified without a key")
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) { ParseKeys(b) })
}
