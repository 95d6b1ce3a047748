package material

import (
	"bytes"
	"crypto/fips140"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"testing"
)

func TestKeyWrapVectors(t *testing.T) {
	// RFC 5649 section 6.
	kek, _ := hex.DecodeString("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
	for _, c := range [][2]string{
		{"c37b7e6492584340bed12207808941155068f738", "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"},
		{"466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"},
	} {
		plain, _ := hex.DecodeString(c[0])
		wrapped, err := WrapKey(kek, plain)
		if err != nil || hex.EncodeToString(wrapped) != c[1] {
			t.Errorf("%x, %v", wrapped, err)
		}
		back, err := UnwrapKey(kek, wrapped)
		if err != nil || !bytes.Equal(back, plain) {
			t.Errorf("%x, %v", back, err)
		}
	}
	for n := 1; n < 100; n++ {
		plain := make([]byte, n)
		rand.Read(plain)
		wrapped, err := WrapKey(kek, plain)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := UnwrapKey(kek, wrapped); err != nil || !bytes.Equal(back, plain) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		for i := range wrapped {
			wrapped[i] ^= 0x80
			if _, err := UnwrapKey(kek, wrapped); !errors.Is(err, ErrCiphertext) {
				t.Fatalf("%d bytes changed at %d: %v", n, i, err)
			}
			wrapped[i] ^= 0x80
		}
	}
	for _, bad := range [][]byte{nil, make([]byte, 8), make([]byte, 17), make([]byte, maxWrap+16)} {
		_, err := UnwrapKey(kek, bad)
		wantErr(t, err, ErrCiphertext)
	}
	_, err := WrapKey(kek, nil)
	wantErr(t, err, ErrMaterial)
	_, err = WrapKey(kek[:5], []byte("x"))
	wantErr(t, err, ErrMaterial)
}

// wrapFor is what a client does with the answer of GetParametersForImport.
func wrapFor(t testing.TB, alg string, wrapping Spec, spki, plain []byte) []byte {
	t.Helper()
	oaep := map[string]string{AESKeyWrapSHA1: OAEPSHA1, AESKeyWrapSHA256: OAEPSHA256}[alg]
	if oaep == "" {
		ct, err := EncryptOAEP(alg, wrapping, spki, plain)
		if err != nil {
			t.Fatal(err)
		}
		return ct
	}
	kek := make([]byte, 32)
	rand.Read(kek)
	ct, err := EncryptOAEP(oaep, wrapping, spki, kek)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := WrapKey(kek, plain)
	if err != nil {
		t.Fatal(err)
	}
	return append(ct, wrapped...)
}

func TestImport(t *testing.T) {
	for _, wrapping := range []Spec{RSA2048, RSA3072, RSA4096} {
		private := generate1(t, wrapping)
		spki, _ := Public(wrapping, private)
		for _, alg := range []string{OAEPSHA1, OAEPSHA256, AESKeyWrapSHA1, AESKeyWrapSHA256, PKCS1Wrap, ""} {
			for _, spec := range []Spec{Symmetric, HMAC224, HMAC256, HMAC384, HMAC512, RSA2048, P256, P384, P521, Secp256k1, Ed25519, MLDSA65, SM2} {
				_, err := Import(spec, alg, wrapping, private, nil)
				if !CanImport(spec, alg, wrapping) {
					wantErr(t, err, ErrAlgorithm)
					continue
				}
				wantErr(t, err, ErrCiphertext)
				if wrapping == RSA4096 && spec == RSA2048 {
					continue // slow, and the same again
				}
				m := generate1(t, spec)
				plain := []byte(m)
				if spec.Asymmetric() {
					plain, _ = Private(spec, m)
				}
				back, err := Import(spec, alg, wrapping, private, wrapFor(t, alg, wrapping, spki, plain))
				if err != nil || !bytes.Equal(back, m) {
					t.Errorf("%s by %s under %s: %v", spec, alg, wrapping, err)
				}
				_, err = Import(spec, alg, wrapping, private, wrapFor(t, alg, wrapping, spki, plain[1:]))
				wantErr(t, err, ErrMaterial)
				damaged := wrapFor(t, alg, wrapping, spki, plain)
				damaged[len(damaged)-1] ^= 1
				_, err = Import(spec, alg, wrapping, private, damaged)
				wantErr(t, err, ErrCiphertext)
			}
		}
	}
}

func TestCanImport(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("fips_test.go")
	}
	for _, c := range []struct {
		spec, wrapping Spec
		alg            string
		want           bool
	}{
		{Symmetric, RSA2048, OAEPSHA1, true}, {Symmetric, RSA2048, AESKeyWrapSHA256, false}, {HMAC512, RSA2048, OAEPSHA256, true},
		{RSA2048, RSA4096, OAEPSHA256, false}, {RSA4096, RSA2048, AESKeyWrapSHA1, true},
		{P521, RSA2048, OAEPSHA1, false}, {P521, RSA3072, OAEPSHA256, true}, {P521, RSA2048, AESKeyWrapSHA256, true},
		{Symmetric, P256, OAEPSHA1, false}, {SM2, RSA2048, OAEPSHA1, false}, {Symmetric, RSA2048, PKCS1Wrap, false},
	} {
		if got := CanImport(c.spec, c.alg, c.wrapping); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

func TestCheckRefusesOtherKinds(t *testing.T) {
	made := map[Spec][]byte{}
	for _, spec := range supported(Symmetric, HMAC384, RSA2048, RSA3072, P256, P384, Secp256k1, Ed25519, MLDSA44, MLDSA65) {
		m := generate1(t, spec)
		made[spec] = m
		if spec.Asymmetric() {
			made[spec], _ = Private(spec, m)
		}
	}
	for have, plain := range made {
		for want := range made {
			_, err := Check(want, plain)
			if have == Ed25519 && want == HMAC384 {
				continue // its PKCS#8 happens to have 48 bytes
			}
			if have == want && err != nil || have != want && !errors.Is(err, ErrMaterial) {
				t.Errorf("%s as %s: %v", have, want, err)
			}
		}
		_, err := Check(SM2, plain)
		wantErr(t, err, ErrSpec)
	}
	// A private key beside another one's public key.
	key, _ := x509.ParsePKCS8PrivateKey(made[RSA2048])
	if key == nil {
		t.Fatal("no RSA key")
	}
	if Secp256k1.Usages() == nil {
		return
	}
	bad := bytes.Clone(made[Secp256k1])
	bad[len(bad)-1] ^= 1
	_, err := Check(Secp256k1, bad)
	wantErr(t, err, ErrMaterial)
}

func FuzzUnwrapKey(f *testing.F) {
	kek := make([]byte, 32)
	for _, n := range []int{1, 8, 9, 100} {
		wrapped, _ := WrapKey(kek, make([]byte, n))
		f.Add(wrapped)
	}
	f.Fuzz(func(t *testing.T, wrapped []byte) {
		plain, err := UnwrapKey(kek, wrapped)
		if err != nil {
			return
		}
		if back, err := WrapKey(kek, plain); err != nil || !bytes.Equal(back, wrapped) {
			t.Errorf("%x is not the only wrap of %x", wrapped, plain)
		}
	})
}

func FuzzCheck(f *testing.F) {
	specs := supported(P256, P521, Secp256k1, Ed25519, MLDSA44)
	for i, spec := range specs {
		m := generate1(f, spec)
		der, _ := Private(spec, m)
		f.Add(uint8(i), der)
	}
	f.Fuzz(func(t *testing.T, which uint8, der []byte) {
		spec := specs[int(which)%len(specs)]
		m, err := Check(spec, der)
		if err != nil {
			if err != ErrMaterial {
				t.Error(err)
			}
			return
		}
		// What was taken in is a key that works, and one spelling of it.
		again, err := Private(spec, m)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Check(spec, again); err != nil || !bytes.Equal(back, m) {
			t.Errorf("%x: %v", der, err)
		}
		alg := spec.Algorithms(SignVerify).Signing[0]
		sig, err := Sign(alg, spec, m, Raw, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		spki, err := Public(spec, m)
		if err != nil || Verify(alg, spec, spki, Raw, []byte("x"), sig) != nil {
			t.Errorf("%x: signs what does not verify", der)
		}
	})
}

func FuzzPublicKey(f *testing.F) {
	for _, spec := range supported(RSA2048, P256, Secp256k1, Ed25519, MLDSA44) {
		spki, _ := Public(spec, generate1(f, spec))
		f.Add(spki)
	}
	f.Fuzz(func(t *testing.T, spki []byte) {
		for _, spec := range supported(RSA2048, P256, Secp256k1, Ed25519, MLDSA44) {
			if _, err := decodePublic(spec, spki); err != nil && err != ErrPublicKey {
				t.Error(err)
			}
		}
	})
}
