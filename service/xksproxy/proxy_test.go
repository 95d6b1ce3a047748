package xksproxy

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/egress"
	"github.com/redoubt-sec/redoubt/engine/keystore"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/engine/xks"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/sigv4"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

const (
	host      = "xks.example.com"
	accessKey = "ABCDEFGHIJKLMNOPQRST"
	secret    = "FYtE5EFA5FT0mCc3DrGUe2sti527BitkQ0Zr9MO9fvE"
	keyID     = "1234abcd-12ab-34cd-56ef-1234567890ab"
	keyARN    = "arn:aws:kms:eu-west-1:111122223333:key/" + keyID
)

// fakeKMS stands for the front door and KMS behind it: one symmetric key.
type fakeKMS struct {
	mu       sync.Mutex
	material material.Material
	refuse   error
	state    string
	spec     string
	calls    []string
	as       op.As
}

func (k *fakeKMS) Invoke(_ context.Context, as op.As, _ *schema.Service, operation string, in any) (any, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls, k.as = append(k.calls, operation), as
	if k.refuse != nil {
		return nil, k.refuse
	}
	h := material.Header{Account: "111122223333", KeyID: keyID, MaterialID: strings.Repeat("ab", 32)}
	switch in := in.(type) {
	case *kmsapi.DescribeKeyInput:
		return &kmsapi.DescribeKeyOutput{KeyMetadata: &kmsapi.KeyMetadata{KeySpec: &k.spec, KeyState: &k.state}}, nil
	case *kmsapi.GenerateDataKeyWithoutPlaintextInput:
		var b [32]byte
		rand.Read(b[:])
		blob, err := material.Encrypt(h, k.material, b[:], material.ContextAAD(in.EncryptionContext))
		return &kmsapi.GenerateDataKeyWithoutPlaintextOutput{CiphertextBlob: blob}, err
	case *kmsapi.DecryptInput:
		plain, err := material.Decrypt(k.material, in.CiphertextBlob, material.ContextAAD(in.EncryptionContext))
		return &kmsapi.DecryptOutput{Plaintext: plain}, err
	}
	return nil, errors.New("not expected")
}

// fixture is a proxy behind mutual TLS, and our client before it.
type fixture struct {
	t        *testing.T
	kms      *fakeKMS
	proxy    *Service
	clock    *redoubt.Shifted
	db       *store.DB
	ready    error
	logs     *bytes.Buffer
	backend  *xks.Backend
	settings *keystore.Settings
	url      string
	client   *http.Client // as KMS's hosts connect
	anyone   *http.Client // without a certificate
}

func start(t *testing.T, names ...string) *fixture {
	t.Helper()
	m, err := material.Generate(material.Symmetric)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{
		t: t, kms: &fakeKMS{material: m, state: kmsapi.KeyStateEnabled, spec: kmsapi.KeySpecSymmetricDefault},
		clock: redoubt.NewFixed(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)), db: store.Open(memory.New(), 0), logs: &bytes.Buffer{},
	}
	f.proxy, err = New(Deps{
		DB: f.db, Invoker: f.kms, Clock: f.clock, Log: slog.New(slog.NewTextHandler(f.logs, nil)), Ready: func() error { return f.ready }, Version: "1",
		Prefix: "/tenant", Credentials: []xks.Credential{{AccessKeyID: accessKey, Secret: secret}}, Keys: []Key{{"k.1", keyARN}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ca := newAuthority(t)
	server, client := ca.issue(host), ca.issue("cks.kms.eu-west-1.amazonaws.com")
	srv := httptest.NewUnstartedServer(f.proxy)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = TLSConfig(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &server, nil }, ca.pool(), names)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	gate, err := egress.New(egress.Config{Allow: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	address := srv.Listener.Addr().String()
	f.backend = xks.New(xks.Options{Gate: gate, Budget: 10 * time.Second, Routes: map[string]xks.Route{host: {Address: address, Roots: ca.pool(), Certificate: &client}}})
	t.Cleanup(f.backend.Close)
	f.settings = &keystore.Settings{ID: "cks-1", Region: "us-east-1", Endpoint: "https://" + host, Path: "/tenant/kms/xks/v1", AccessKeyID: accessKey, Secret: secret}
	f.url = "https://" + address
	f.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool(), ServerName: host, Certificates: []tls.Certificate{client}}}}
	f.anyone = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool(), ServerName: host}}}
	return f
}

// post sends a signed request as any client of the API would.
func (f *fixture) post(path, body string, change func(*http.Request)) (int, map[string]any) {
	f.t.Helper()
	r, _ := http.NewRequest("POST", f.url+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	(&sigv4.Signer{AccessKeyID: accessKey, Secret: secret, Region: "us-east-1", Service: xks.Service}).Sign(r, []byte(body), time.Now())
	if change != nil {
		change(r)
	}
	resp, err := f.client.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	m := map[string]any{}
	_ = json.NewDecoder(resp.Body).Decode(&m)
	return resp.StatusCode, m
}

var (
	ctx    = context.Background()
	caller = keystore.Request{Operation: "Encrypt", RequestID: "4112f4d6", Principal: "arn:aws:iam::123456789012:user/alice", KeyARN: "arn:aws:kms:us-east-1:123456789012:key/outer"}
	key    = keystore.Key{ID: "aaaaaaaa-12ab-34cd-56ef-1234567890ab", Backing: "k.1"}
)

const meta = `"requestMetadata":{"awsPrincipalArn":"arn:aws:iam::123456789012:user/Alice","kmsOperation":"Encrypt","kmsRequestId":"1"}`

func TestOurClient(t *testing.T) {
	f := start(t, "cks.kms.eu-west-1.amazonaws.com")
	if _, err := f.backend.Connect(ctx, f.settings, keystore.Request{Operation: "ConnectCustomKeyStore"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.backend.Create(ctx, f.settings, caller, key); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 100, keystore.MaxPlaintext} {
		plain := make([]byte, n)
		rand.Read(plain)
		sealed, err := f.backend.Encrypt(ctx, f.settings, caller, key, plain, []byte("ctx"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.backend.Decrypt(ctx, f.settings, caller, key, sealed, []byte("ctx"))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if _, err := f.backend.Decrypt(ctx, f.settings, caller, key, sealed, []byte("other")); !errors.Is(err, keystore.ProxyInvalidCiphertext) {
			t.Errorf("another context: %v", err)
		}
		for i := range sealed {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1
			if n > 1 && i > 60 {
				break
			}
			if _, err := f.backend.Decrypt(ctx, f.settings, caller, key, bad, []byte("ctx")); err == nil {
				t.Fatalf("byte %d of the ciphertext does not count", i)
			}
		}
	}
	as := f.kms.as
	if as.Service != "kms-xks-proxy.amazonaws.com" || as.SourceARN != keyARN || as.SourceAccount != "111122223333" || as.Region != "eu-west-1" || as.Caller != nil {
		t.Errorf("KMS was called as %+v", as)
	}
	if logs := f.logs.String(); !strings.Contains(logs, "kms_request=4112f4d6") || !strings.Contains(logs, "principal=arn:aws:iam::123456789012:user/alice") || strings.Contains(logs, secret) {
		t.Error("the log does not tell who called:", logs)
	}
}

func TestDataKeys(t *testing.T) {
	f := start(t)
	enc := func() []byte {
		b, err := f.backend.Encrypt(ctx, f.settings, caller, key, []byte("secret"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	count := func(name string) (n int) {
		for _, c := range f.kms.calls {
			if c == name {
				n++
			}
		}
		return n
	}
	first := enc()
	enc()
	if n := count("GenerateDataKeyWithoutPlaintext"); n != 1 {
		t.Errorf("%d data keys", n)
	}
	if n := count("Decrypt"); n != 2 {
		t.Errorf("KMS was asked %d times for 2 requests", n)
	}
	f.clock.Advance(renewal)
	second := enc()
	if n := count("GenerateDataKeyWithoutPlaintext"); n != 2 {
		t.Errorf("%d data keys after a year", n)
	}
	for i, sealed := range [][]byte{first, second} {
		if got, err := f.backend.Decrypt(ctx, f.settings, caller, key, sealed, nil); err != nil || string(got) != "secret" {
			t.Errorf("under data key %d: %v", i+1, err)
		}
	}
	// What lies in the store opens nothing without KMS.
	f.kms.refuse = kmsapi.ErrDisabledException.New("%s is disabled.", keyARN)
	if _, err := f.backend.Decrypt(ctx, f.settings, caller, key, second, nil); !errors.Is(err, keystore.ProxyKeyDisabled) {
		t.Error("a disabled key:", err)
	}
}

func TestRefusalsOfKMS(t *testing.T) {
	f := start(t)
	for _, c := range []struct {
		err    error
		status int
		name   string
	}{
		{redoubt.ErrAccessDenied.New("User: kms-xks-proxy.amazonaws.com is not authorized"), 403, xks.ErrAccessDenied},
		{kmsapi.ErrNotFoundException.New("Key '%s' does not exist", keyARN), 404, xks.ErrKeyNotFound},
		{kmsapi.ErrKMSInvalidStateException.New("%s is pending deletion.", keyARN), 400, xks.ErrInvalidState},
		{kmsapi.ErrDisabledException.New("%s is disabled.", keyARN), 400, xks.ErrInvalidState},
		{kmsapi.ErrInvalidKeyUsageException.New("no"), 400, xks.ErrInvalidKeyUsage},
		{kmsapi.ErrInvalidCiphertextException.Bare(), 500, xks.ErrInternal},
		{redoubt.ErrThrottling.New("Rate exceeded"), 429, xks.ErrThrottling},
		{context.DeadlineExceeded, 503, xks.ErrDependencyTimeout},
		{errors.New("disk on fire"), 500, xks.ErrInternal},
	} {
		f.kms.refuse = c.err
		status, body := f.post("/tenant/kms/xks/v1/keys/k.1/encrypt", `{`+meta+`,"plaintext":"eA==","encryptionAlgorithm":"AES_GCM"}`, nil)
		if status != c.status || body["errorName"] != c.name {
			t.Errorf("%v: %d %v", c.err, status, body)
		}
		if _, ok := body["errorMessage"]; ok {
			t.Errorf("%v: KMS's own words go out: %v", c.err, body)
		}
	}
}

func TestMetadata(t *testing.T) {
	f := start(t)
	get := func() map[string]any {
		_, body := f.post("/tenant/kms/xks/v1/keys/k.1/metadata", `{`+meta+`}`, nil)
		return body
	}
	if m := get(); m["keySpec"] != "AES_256" || m["keyStatus"] != "ENABLED" || len(m["keyUsage"].([]any)) != 2 {
		t.Error(m)
	}
	f.kms.state = kmsapi.KeyStatePendingDeletion
	if m := get(); m["keyStatus"] != "DISABLED" {
		t.Error(m)
	}
	f.kms.spec = kmsapi.KeySpecRsa2048
	if m := get(); m["keySpec"] != "RSA_2048" || len(m["keyUsage"].([]any)) != 0 {
		t.Error(m)
	}
}

func TestHealth(t *testing.T) {
	f := start(t)
	const body = `{"requestMetadata":{"kmsOperation":"KmsHealthCheck","kmsRequestId":"1"}}`
	status, m := f.post("/tenant/kms/xks/v1/health", body, nil)
	if status != 200 || m["xksProxyFleetSize"] != 1.0 || m["ekmFleetDetails"].([]any)[0].(map[string]any)["healthStatus"] != "ACTIVE" {
		t.Error(status, m)
	}
	f.ready = errors.New("sealed")
	if _, err := f.backend.Connect(ctx, f.settings, caller); !errors.Is(err, keystore.ProxyManagersAway) {
		t.Error("sealed:", err)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	f := start(t)
	const base = "/tenant/kms/xks/v1"
	const health = `{"requestMetadata":{"kmsOperation":"KmsHealthCheck","kmsRequestId":"1"}}`
	const encrypt = `{` + meta + `,"plaintext":"eA==","encryptionAlgorithm":"AES_GCM"}`
	b64 := func(n int) string { return strings.Repeat("AAAA", n/3) }
	for _, c := range []struct {
		what, path, body string
		change           func(*http.Request)
		status           int
		name             any
	}{
		{"another path", "/kms/xks/v1/health", health, nil, 404, xks.ErrInvalidPath},
		{"another version", "/tenant/kms/xks/v2/health", health, nil, 404, xks.ErrInvalidPath},
		{"a query", base + "/health?x=1", health, nil, 404, xks.ErrInvalidPath},
		{"a path to be cleaned", base + "/x/../health", health, nil, 404, xks.ErrInvalidPath},
		{"another operation", base + "/keys/k.1/sign", encrypt, nil, 404, xks.ErrInvalidPath},
		{"a key that is not exported", base + "/keys/k.2/encrypt", encrypt, nil, 404, xks.ErrKeyNotFound},
		{"the KMS key's own id", base + "/keys/" + keyID + "/encrypt", encrypt, nil, 404, xks.ErrKeyNotFound},
		{"no JSON", base + "/keys/k.1/encrypt", "{", nil, 400, xks.ErrValidation},
		{"no metadata", base + "/keys/k.1/encrypt", `{"plaintext":"eA==","encryptionAlgorithm":"AES_GCM"}`, nil, 400, xks.ErrValidation},
		{"no principal", base + "/keys/k.1/encrypt", `{"requestMetadata":{"kmsOperation":"Encrypt","kmsRequestId":"1"},"plaintext":"eA==","encryptionAlgorithm":"AES_GCM"}`, nil, 400, xks.ErrValidation},
		{"no plaintext", base + "/keys/k.1/encrypt", `{` + meta + `,"encryptionAlgorithm":"AES_GCM"}`, nil, 400, xks.ErrValidation},
		{"not Base64", base + "/keys/k.1/encrypt", `{` + meta + `,"plaintext":"%","encryptionAlgorithm":"AES_GCM"}`, nil, 400, xks.ErrValidation},
		{"another algorithm", base + "/keys/k.1/encrypt", `{` + meta + `,"plaintext":"eA==","encryptionAlgorithm":"AES_CBC"}`, nil, 400, xks.ErrValidation},
		{"another hash", base + "/keys/k.1/encrypt", `{` + meta + `,"plaintext":"eA==","encryptionAlgorithm":"AES_GCM","ciphertextDataIntegrityValueAlgorithm":"MD5"}`, nil, 400, xks.ErrValidation},
		{"a large plaintext", base + "/keys/k.1/encrypt", `{` + meta + `,"plaintext":"` + b64(4302) + `","encryptionAlgorithm":"AES_GCM"}`, nil, 501, xks.ErrUnsupported},
		{"large additional data", base + "/keys/k.1/encrypt", `{` + meta + `,"plaintext":"eA==","additionalAuthenticatedData":"` + b64(8193) + `","encryptionAlgorithm":"AES_GCM"}`, nil, 501, xks.ErrUnsupported},
		{"a large body", base + "/keys/k.1/encrypt", `{"x":"` + strings.Repeat("a", xks.MaxBody) + `"}`, nil, 501, xks.ErrUnsupported},
		{"an invented ciphertext", base + "/keys/k.1/decrypt", `{` + meta + `,"ciphertext":"eA==","initializationVector":"AAAAAAAAAAAAAAAA","authenticationTag":"AAAAAAAAAAAAAAAAAAAAAA==","encryptionAlgorithm":"AES_GCM"}`, nil, 400, xks.ErrInvalidCiphertext},
		{"no tag", base + "/keys/k.1/decrypt", `{` + meta + `,"ciphertext":"eA==","initializationVector":"AAAAAAAAAAAAAAAA","encryptionAlgorithm":"AES_GCM"}`, nil, 400, xks.ErrValidation},
		{"unsigned", base + "/health", health, func(r *http.Request) { r.Header.Del("Authorization") }, 401, xks.ErrAuthentication},
		{"unsigned, no such path", "/nope", health, func(r *http.Request) { r.Header.Del("Authorization") }, 401, xks.ErrAuthentication},
		{"another body", base + "/health", health, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(health + " ")); r.ContentLength++ }, 401, xks.ErrAuthentication},
		{"GET", base + "/health", "", func(r *http.Request) { r.Method = "GET" }, 405, nil},
		{"PUT", base + "/keys/k.1/encrypt", encrypt, func(r *http.Request) { r.Method = "PUT" }, 405, nil},
	} {
		status, body := f.post(c.path, c.body, c.change)
		if status != c.status || body["errorName"] != c.name {
			t.Errorf("%s: %d %v", c.what, status, body)
		}
		if msg, _ := body["errorMessage"].(string); len(msg) > 511 || strings.ContainsFunc(msg, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%s: message %q", c.what, msg)
		}
	}
	// Exactly at the limits is good.
	if status, body := f.post(base+"/keys/k.1/encrypt", `{`+meta+`,"plaintext":"`+b64(4299)+`AA==","additionalAuthenticatedData":"`+b64(8190)+`AAA=","encryptionAlgorithm":"AES_GCM"}`, nil); status != 200 || body["ciphertextDataIntegrityValue"] != nil {
		t.Error("at the limits:", status, body["errorName"])
	}
}

func TestMutualTLS(t *testing.T) {
	f := start(t)
	if resp, err := f.anyone.Post(f.url+"/tenant/kms/xks/v1/health", "application/json", nil); err == nil {
		t.Error("a client without a certificate got", resp.Status)
	}
	// Even past a listener that does not ask, nothing is answered.
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/tenant/kms/xks/v1/health", strings.NewReader("{}"))
	(&sigv4.Signer{AccessKeyID: accessKey, Secret: secret, Region: "us-east-1", Service: xks.Service}).Sign(r, []byte("{}"), time.Now())
	f.proxy.ServeHTTP(w, r)
	if w.Code != 401 || !strings.Contains(w.Body.String(), xks.ErrAuthentication) {
		t.Error("plain HTTP:", w.Code, w.Body)
	}
	// A certificate of the right authority, but another name.
	other := start(t, "cks.kms.us-east-1.amazonaws.com")
	if _, err := other.backend.Connect(ctx, other.settings, caller); !errors.Is(err, keystore.ProxyTLS) {
		t.Error("another subject name:", err)
	}
}

func TestSettings(t *testing.T) {
	_, err := New(Deps{
		Prefix: "/tenant/", Credentials: []xks.Credential{{AccessKeyID: "short", Secret: "short"}},
		Keys: []Key{{"a b", keyARN}, {"k", "arn:aws:kms:us-east-1:1:alias/x"}, {"k", keyARN}},
	})
	for _, want := range []string{"prefix", "access key id", "secret access key", `"a b"`, "alias/x", "twice"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told: %v", want, err)
		}
	}
	if _, err := New(Deps{}); err == nil {
		t.Error("a proxy without credentials")
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
