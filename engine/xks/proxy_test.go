package xks

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/egress"
	"github.com/redoubt-sec/redoubt/engine/keystore"
)

const (
	testHost   = "xks.example.com"
	testKeyID  = "ABCDEFGHIJKLMNOPQRST"
	testSecret = "FYtE5EFA5FT0mCc3DrGUe2sti527BitkQ0Zr9MO9fvE"
)

// testProxy is a proxy as the specification has it, over one AES key, which a
// test can bend.
type testProxy struct {
	t        *testing.T
	verifier *Verifier
	key      [32]byte
	bend     func(path string, w http.ResponseWriter, answer any) (handled bool)
	last     RequestMetadata
	bodies   []string
}

func newTestProxy(t *testing.T) *testProxy {
	p := &testProxy{t: t, verifier: NewVerifier(Credential{testKeyID, testSecret})}
	rand.Read(p.key[:])
	return p
}

func (p *testProxy) aead(ivSize int) cipher.AEAD {
	block, _ := aes.NewCipher(p.key[:])
	aead, err := cipher.NewGCMWithNonceSize(block, ivSize)
	if err != nil {
		p.t.Fatal(err)
	}
	return aead
}

func (p *testProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.bodies = append(p.bodies, string(body))
	if err := p.verifier.Verify(r, body); err != nil {
		p.refuse(w, ErrAuthentication)
		return
	}
	operation, ok := strings.CutPrefix(r.URL.Path, "/tenant"+BasePath)
	if !ok {
		p.refuse(w, ErrInvalidPath)
		return
	}
	var answer any
	switch operation {
	case "/health":
		answer = &Health{1, "v", "m", "e", []Manager{{"1", "m", HealthUnavailable}, {"2", "m", HealthDegraded}}}
	case "/keys/k.1/metadata":
		answer = &KeyMetadata{KeySpecAES256, []string{"ENCRYPT", "DECRYPT", "WRAP"}, StatusEnabled}
	case "/keys/k.1/encrypt":
		var in EncryptRequest
		if err := Parse(body, &in); err != nil || in.Algorithm != AlgorithmGCM {
			p.refuse(w, ErrValidation)
			return
		}
		p.last = *in.Metadata
		out := &EncryptResponse{Metadata: []byte("v=1"), IV: make([]byte, 16)}
		rand.Read(out.IV)
		sealed := p.aead(16).Seal(nil, out.IV, in.Plaintext, Bind(in.AAD, out.Metadata))
		out.Ciphertext, out.Tag = sealed[:len(in.Plaintext)], sealed[len(in.Plaintext):]
		out.Integrity = out.ComputeIntegrity(in.AAD)
		answer = out
	case "/keys/k.1/decrypt":
		var in DecryptRequest
		if err := Parse(body, &in); err != nil {
			p.refuse(w, ErrValidation)
			return
		}
		p.last = *in.Metadata
		plain, err := p.aead(len(in.IV)).Open(nil, in.IV, append(in.Ciphertext, in.Tag...), Bind(in.AAD, in.CiphertextMetadata))
		if err != nil {
			p.refuse(w, ErrInvalidCiphertext)
			return
		}
		answer = &DecryptResponse{plain}
	default:
		p.refuse(w, ErrKeyNotFound)
		return
	}
	if p.bend != nil && p.bend(operation, w, answer) {
		return
	}
	b, _ := Format(answer)
	w.Write(b)
}

func (p *testProxy) refuse(w http.ResponseWriter, name string) {
	e := &Error{Name: name, Message: "the proxy's own words"}
	w.WriteHeader(e.Status())
	b, _ := Format(e)
	w.Write(b)
}

// serve runs the proxy over mutual TLS and answers a back end that reaches it,
// with the settings of a key store there.
func (p *testProxy) serve(change func(*tls.Config, *Route)) (*Backend, *keystore.Settings) {
	p.t.Helper()
	ca := newAuthority(p.t)
	srv := httptest.NewUnstartedServer(p)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = &tls.Config{
		Certificates: []tls.Certificate{ca.issue(testHost)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool(),
	}
	client := ca.issue("cks.kms.us-east-1.amazonaws.com")
	route := Route{Address: srv.Listener.Addr().String(), Roots: ca.pool(), Certificate: &client}
	if change != nil {
		change(srv.TLS, &route)
	}
	srv.StartTLS()
	p.t.Cleanup(srv.Close)
	gate, err := egress.New(egress.Config{Allow: []string{"127.0.0.0/8"}})
	if err != nil {
		p.t.Fatal(err)
	}
	// The budget of the specification is held elsewhere; here the machine may be
	// slow.
	b := New(Options{Gate: gate, Routes: map[string]Route{testHost: route}, Budget: 10 * time.Second})
	p.t.Cleanup(b.Close)
	return b, &keystore.Settings{
		ID: "cks-1", Account: "123456789012", Region: "us-east-1",
		Endpoint: "https://" + testHost, Path: "/tenant" + BasePath, AccessKeyID: testKeyID, Secret: testSecret,
	}
}

type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	return &authority{t, cert, key}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func (a *authority) issue(name string) tls.Certificate {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
