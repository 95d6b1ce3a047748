package material

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

var testHeader = Header{Account: "012345678901", KeyID: "1234abcd-12ab-34cd-56ef-1234567890ab", MaterialID: strings.Repeat("0123456789abcdef", 4)}

// made keeps one RSA key per spec for the whole run: they take seconds to make.
var made sync.Map

func generate1(t testing.TB, spec Spec) Material {
	t.Helper()
	if m, ok := made.Load(spec); ok {
		return bytes.Clone(m.(Material))
	}
	m, err := Generate(spec)
	if err != nil {
		t.Fatal(err)
	}
	if spec.bits() > 0 {
		made.Store(spec, Material(bytes.Clone(m)))
	}
	return m
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

func TestBlobIsBoundToEverything(t *testing.T) {
	m, other := generate1(t, Symmetric), generate1(t, Symmetric)
	aad := ContextAAD(map[string]string{"app": "x"})
	blob, err := Encrypt(testHeader, m, []byte("secret"), aad)
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := ParseBlob(blob)
	want := testHeader
	want.Kind = Local
	if err != nil || h != want {
		t.Errorf("header %+v, %v", h, err)
	}
	plain, err := Decrypt(m, blob, aad)
	if err != nil || string(plain) != "secret" {
		t.Fatal(plain, err)
	}
	_, err = Decrypt(other, blob, aad)
	wantErr(t, err, ErrCiphertext)
	_, err = Decrypt(m, blob, nil)
	wantErr(t, err, ErrCiphertext)
	_, err = Decrypt(m, blob, ContextAAD(map[string]string{"App": "x"}))
	wantErr(t, err, ErrCiphertext)
	for i := range blob {
		bad := bytes.Clone(blob)
		bad[i] ^= 1
		if _, err := Decrypt(m, bad, aad); !errors.Is(err, ErrCiphertext) {
			t.Fatalf("changed at %d: %v", i, err)
		}
		if _, err := Decrypt(m, blob[:i], aad); !errors.Is(err, ErrCiphertext) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

func TestBlobSizes(t *testing.T) {
	m := generate1(t, Symmetric)
	for _, n := range []int{1, 32, 4096} {
		blob, err := Encrypt(testHeader, m, make([]byte, n), nil)
		if err != nil || len(blob) > MaxBlob {
			t.Fatal(len(blob), err)
		}
		if len(blob) != n+100 {
			t.Errorf("%d bytes for %d", len(blob), n)
		}
	}
	seen := map[string]bool{}
	for range 1000 {
		blob, _ := Encrypt(testHeader, m, []byte("same"), nil)
		if seen[string(blob[HeaderSize:HeaderSize+16])] {
			t.Fatal("a salt twice")
		}
		seen[string(blob[HeaderSize:HeaderSize+16])] = true
	}
}

func TestHeader(t *testing.T) {
	for _, h := range []Header{
		testHeader,
		{Account: "000000000000", KeyID: "mrk-1234abcd12ab34cd56ef1234567890ab", MaterialID: strings.Repeat("0", 64)},
		{Account: "999999999999", KeyID: "mrk-" + strings.Repeat("f", 32), MaterialID: strings.Repeat("f", 64)},
	} {
		for _, kind := range []Kind{Local, Token, External} {
			h.Kind = kind
			b, err := h.Append(nil)
			if err != nil || len(b) != HeaderSize {
				t.Fatal(len(b), err)
			}
			back, body, err := ParseBlob(append(b, "body"...))
			if err != nil || back != h || string(body) != "body" {
				t.Errorf("%+v, %q, %v", back, body, err)
			}
		}
	}
	good := testHeader
	good.Kind = Local
	for _, spoil := range []func(h *Header){
		func(h *Header) { h.Kind = 0 }, func(h *Header) { h.Kind = 4 },
		func(h *Header) { h.Account = "1" }, func(h *Header) { h.Account = "+12345678901" }, func(h *Header) { h.Account = "12345678901x" },
		func(h *Header) { h.KeyID = "" }, func(h *Header) { h.KeyID = "alias/x" }, func(h *Header) { h.KeyID = strings.ToUpper(h.KeyID) },
		func(h *Header) { h.KeyID = strings.ReplaceAll(h.KeyID, "-", "0") }, func(h *Header) { h.KeyID = "mrk-12" },
		func(h *Header) { h.MaterialID = "" }, func(h *Header) { h.MaterialID = strings.Repeat("F", 64) }, func(h *Header) { h.MaterialID = strings.Repeat("x", 64) },
	} {
		h := good
		spoil(&h)
		if _, err := h.Append(nil); !errors.Is(err, ErrMaterial) {
			t.Errorf("%+v: %v", h, err)
		}
	}
}

func TestContextAAD(t *testing.T) {
	if ContextAAD(nil) != nil || ContextAAD(map[string]string{}) != nil {
		t.Error("no context and an empty one differ")
	}
	big := map[string]string{}
	for i := range 100 {
		big[fmt.Sprint(i)] = fmt.Sprint(i * i)
	}
	first := ContextAAD(big)
	for range 20 {
		if !bytes.Equal(ContextAAD(big), first) {
			t.Fatal("the order of the map shows")
		}
	}
	// Pairs that a sloppy encoding would mix up.
	seen := map[string]map[string]string{}
	for _, c := range []map[string]string{
		nil, {"": ""}, {"a": "b"}, {"ab": ""}, {"": "ab"}, {"A": "b"}, {"a": "B"}, {"a": "b", "c": "d"}, {"a": "bc", "d": ""},
		{"a": "d", "c": "b"}, {"a\x00": "b"}, {"a": "\x00b"}, {"a": "b\x00\x00\x00\x01c"}, {"a,b": "c"}, {"a": "b=c"},
	} {
		b := string(ContextAAD(c))
		if other, ok := seen[b]; ok {
			t.Errorf("%v and %v are the same", c, other)
		}
		seen[b] = c
	}
}

func TestID(t *testing.T) {
	m := generate1(t, Symmetric)
	a := ID("key a", m)
	if len(a) != 64 || a != strings.ToLower(a) || a != ID("key a", m) {
		t.Error(a)
	}
	if a == ID("key b", m) || a == ID("key a", generate1(t, Symmetric)) {
		t.Error("different keys or material with one id")
	}
}

func BenchmarkEncrypt(b *testing.B) {
	m, plain := generate1(b, Symmetric), make([]byte, 256)
	aad := ContextAAD(map[string]string{"app": "x", "purpose": "benchmark"})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encrypt(testHeader, m, plain, aad); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecrypt(b *testing.B) {
	m := generate1(b, Symmetric)
	aad := ContextAAD(map[string]string{"app": "x", "purpose": "benchmark"})
	blob, _ := Encrypt(testHeader, m, make([]byte, 256), aad)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decrypt(m, blob, aad); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGenerateDataKey(b *testing.B) {
	m := generate1(b, Symmetric)
	b.ReportAllocs()
	for b.Loop() {
		key := make([]byte, 32)
		rand.Read(key)
		if _, err := Encrypt(testHeader, m, key, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	for _, spec := range supported(RSA2048, RSA4096, P256, P384, P521, Secp256k1, Ed25519, MLDSA44, MLDSA65, MLDSA87) {
		m := generate1(b, spec)
		spki, _ := Public(spec, m)
		alg := spec.Algorithms(SignVerify).Signing[0]
		var sig []byte
		b.Run(string(spec)+"/sign", func(b *testing.B) {
			for b.Loop() {
				sig, _ = Sign(alg, spec, m, Raw, testAAD)
			}
		})
		b.Run(string(spec)+"/verify", func(b *testing.B) {
			for b.Loop() {
				if Verify(alg, spec, spki, Raw, testAAD, sig) != nil {
					b.Fatal("does not verify")
				}
			}
		})
	}
}

var testAAD = []byte("a message of some length, as one might sign it")

func FuzzParseBlob(f *testing.F) {
	m := make(Material, 32)
	blob, _ := Encrypt(testHeader, m, []byte("x"), nil)
	f.Add(blob)
	f.Add([]byte{1, 0x81})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, body, err := ParseBlob(b)
		if err != nil {
			if err != ErrCiphertext {
				t.Error(err)
			}
			return
		}
		// What is read is written the same way.
		back, err := h.Append(nil)
		if err != nil || !bytes.Equal(append(back, body...), b) {
			t.Errorf("%+v: %x, %v", h, back, err)
		}
		if plain, err := Decrypt(m, b, nil); err == nil && string(plain) != "x" {
			t.Errorf("opened %x", b)
		}
	})
}
