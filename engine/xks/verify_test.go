package xks

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/sigv4"
)

func signed(t *testing.T, body string, at time.Time, change func(*sigv4.Signer)) *http.Request {
	t.Helper()
	r := httptest.NewRequest("POST", "https://xks.example.com/kms/xks/v1/health", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	s := &sigv4.Signer{AccessKeyID: testKeyID, Secret: testSecret, Region: "eu-west-1", Service: Service}
	if change != nil {
		change(s)
	}
	s.Sign(r, []byte(body), at)
	r.RequestURI = "/kms/xks/v1/health"
	return r
}

func TestVerify(t *testing.T) {
	const other = "ZYXWVUTSRQPONMLKJIHG"
	v := NewVerifier(Credential{testKeyID, testSecret}, Credential{other, strings.Repeat("b", 43)})
	now := time.Now()
	ok := signed(t, "{}", now, nil)
	if err := v.Verify(ok, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := v.Verify(signed(t, "{}", now, func(s *sigv4.Signer) { s.AccessKeyID, s.Secret = other, strings.Repeat("b", 43) }), []byte("{}")); err != nil {
		t.Error("the second credential:", err)
	}
	for name, c := range map[string]struct {
		r    *http.Request
		body string
	}{
		"other body":        {signed(t, "{}", now, nil), "{ }"},
		"unsigned":          {httptest.NewRequest("POST", "/kms/xks/v1/health", nil), ""},
		"other service":     {signed(t, "{}", now, func(s *sigv4.Signer) { s.Service = "kms" }), "{}"},
		"unknown key":       {signed(t, "{}", now, func(s *sigv4.Signer) { s.AccessKeyID = "QQQQQQQQQQQQQQQQQQQQ" }), "{}"},
		"key of another":    {signed(t, "{}", now, func(s *sigv4.Signer) { s.AccessKeyID = other }), "{}"},
		"six minutes old":   {signed(t, "{}", now.Add(-6*time.Minute), nil), "{}"},
		"six minutes early": {signed(t, "{}", now.Add(6*time.Minute), nil), "{}"},
		"other path":        {func() *http.Request { r := signed(t, "{}", now, nil); r.RequestURI = "/x"; return r }(), "{}"},
		"two lengths": {func() *http.Request {
			r := signed(t, "{}", now, nil)
			r.Header["Content-Length"] = []string{"2", "2"}
			return r
		}(), "{}"},
		"unsigned x-amz-":     {func() *http.Request { r := signed(t, "{}", now, nil); r.Header.Set("X-Amz-Meta", "1"); return r }(), "{}"},
		"two authorizations":  {func() *http.Request { r := signed(t, "{}", now, nil); r.Header.Add("Authorization", "x"); return r }(), "{}"},
		"signed in the query": {httptest.NewRequest("POST", "/h?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="+testKeyID+"/20260101/r/"+Service+"/aws4_request&X-Amz-Signature=0&X-Amz-SignedHeaders=host&X-Amz-Date=20260101T000000Z", nil), ""},
	} {
		err := v.Verify(c.r, []byte(c.body))
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Name != ErrAuthentication || e.Message != "" || e.Status() != 401 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReplays(t *testing.T) {
	v := NewVerifier(Credential{testKeyID, testSecret})
	now := time.Now()
	v.now = func() time.Time { return now }
	r := signed(t, "{}", now.Add(4*time.Minute), nil) // good for nine minutes
	if err := v.Verify(r, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	if err := v.Verify(r, []byte("{}")); err != nil {
		t.Error("a client that tries again at once:", err)
	}
	for _, wait := range []time.Duration{2 * time.Second, time.Minute, 7*time.Minute + 30*time.Second} {
		now = now.Add(wait)
		if err := v.Verify(r, []byte("{}")); !errors.Is(err, errReplay) {
			t.Errorf("%v later: %v", wait, err)
		}
	}
	// Another spelling of the same signature is the same signature.
	r.Header.Set("Authorization", strings.ReplaceAll(r.Header.Get("Authorization"), ", ", ",  "))
	if err := v.Verify(r, []byte("{}")); !errors.Is(err, errReplay) {
		t.Error("spelled otherwise:", err)
	}
	// Memory of it ends only when the window has.
	now = now.Add(time.Minute)
	if err := v.Verify(r, []byte("{}")); err == nil || errors.Is(err, errReplay) {
		t.Error("after the window:", err)
	}
	for range 5 {
		now = now.Add(21 * time.Minute)
		if err := v.Verify(signed(t, "{}", now, nil), []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(v.seen.now) + len(v.seen.old); n != 1 {
		t.Errorf("%d signatures remembered", n)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(pack(&EncryptResponse{IV: make([]byte, 12), Tag: make([]byte, 16), Ciphertext: []byte("x"), Metadata: []byte("m")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, ok := unpack(b)
		if !ok {
			return
		}
		if got := pack(&EncryptResponse{IV: d.IV, Tag: d.Tag, Ciphertext: d.Ciphertext, Metadata: d.CiphertextMetadata}); string(got) != string(b) {
			t.Errorf("%x became %x", b, got)
		}
	})
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte(`{"requestMetadata":{"kmsOperation":"Encrypt"},"plaintext":"eA==","encryptionAlgorithm":"AES_GCM"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e EncryptRequest
		var d DecryptRequest
		_, _ = Parse(b, &e), Parse(b, &d)
	})
}
