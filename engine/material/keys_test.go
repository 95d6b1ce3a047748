package material

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"hash"
	"math/big"
	"slices"
	"testing"
)

// supported drops the specs that this process's FIPS mode refuses; fips_test.go
// says which those must be.
func supported(specs ...Spec) []Spec {
	return slices.DeleteFunc(specs, func(s Spec) bool { return s.Usages() == nil })
}

func allSpecs() []Spec {
	return supported(Symmetric, RSA2048, RSA3072, RSA4096, P256, P384, P521, Secp256k1, Ed25519,
		HMAC224, HMAC256, HMAC384, HMAC512, MLDSA44, MLDSA65, MLDSA87)
}

func TestGenerate(t *testing.T) {
	for _, spec := range allSpecs() {
		m, again := generate1(t, spec), generate1(t, spec)
		if spec.bits() == 0 && bytes.Equal(m, again) {
			t.Errorf("%s: the same twice", spec)
		}
		if spec.Asymmetric() {
			spki, err := Public(spec, m)
			if err != nil {
				t.Errorf("%s: %v", spec, err)
			}
			if _, err := decodePublic(spec, spki); err != nil {
				t.Errorf("%s: %v", spec, err)
			}
			der, err := Private(spec, m)
			if err != nil {
				t.Errorf("%s: %v", spec, err)
			}
			if back, err := Check(spec, der); err != nil || !bytes.Equal(back, m) {
				t.Errorf("%s: PKCS#8 comes back as another material: %v", spec, err)
			}
		} else if _, err := Public(spec, m); !errors.Is(err, ErrSpec) {
			t.Errorf("%s has a public key: %v", spec, err)
		}
		m.Wipe()
		if !bytes.Equal(m, make([]byte, len(m))) {
			t.Errorf("%s: not wiped", spec)
		}
	}
	for _, spec := range []Spec{SM2, "", "RSA_1024"} {
		_, err := Generate(spec)
		wantErr(t, err, ErrSpec)
		if spec.Usages() != nil {
			t.Errorf("%s has usages", spec)
		}
	}
}

func TestPair(t *testing.T) {
	for _, spec := range supported(RSA2048, P256, P384, P521, Secp256k1, Ed25519) {
		private, public, err := Pair(spec)
		if err != nil {
			t.Fatal(spec, err)
		}
		alg := spec.Algorithms(SignVerify).Signing[0]
		sig, err := Sign(alg, spec, private, Raw, []byte("x"))
		if err == nil {
			err = Verify(alg, spec, public, Raw, []byte("x"), sig)
		}
		if err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
	for _, spec := range []Spec{MLDSA44, Symmetric, HMAC256, SM2} {
		_, _, err := Pair(spec)
		wantErr(t, err, ErrSpec)
	}
}

// Every algorithm of every spec signs and verifies, raw and by digest, and
// nothing else does.
func TestSignMatrix(t *testing.T) {
	message := []byte("message")
	for _, spec := range allSpecs() {
		if !spec.Asymmetric() {
			continue
		}
		m := generate1(t, spec)
		spki, err := Public(spec, m)
		if err != nil {
			t.Fatal(err)
		}
		for _, alg := range []string{PSSSHA256, PSSSHA384, PSSSHA512, PKCS1SHA256, PKCS1SHA384, PKCS1SHA512, ECDSASHA256, ECDSASHA384,
			ECDSASHA512, Ed25519SHA512, Ed25519PHSHA512, MLDSASHAKE256, "SM2DSA", ""} {
			fits := slices.Contains(spec.Algorithms(SignVerify).Signing, alg)
			for _, typ := range []MessageType{Raw, Digest, ExternalMu} {
				ok := fits && allows(alg, typ)
				input := message
				if typ != Raw {
					input = digestFor(alg, message)
				}
				sig, err := Sign(alg, spec, m, typ, input)
				if !ok {
					if !errors.Is(err, ErrAlgorithm) {
						t.Errorf("%s %s %s: %v", spec, alg, typ, err)
					}
					wantErr(t, Verify(alg, spec, spki, typ, input, make([]byte, 64)), ErrAlgorithm)
					continue
				}
				if err != nil {
					t.Fatalf("%s %s %s: %v", spec, alg, typ, err)
				}
				if err := Verify(alg, spec, spki, typ, input, sig); err != nil {
					t.Errorf("%s %s %s: %v", spec, alg, typ, err)
				}
				if typ == Digest && alg != Ed25519PHSHA512 {
					// By digest is the same signature as raw.
					if err := Verify(alg, spec, spki, Raw, message, sig); err != nil {
						t.Errorf("%s %s: digest and raw differ: %v", spec, alg, err)
					}
				}
				if typ != Raw {
					_, err := Sign(alg, spec, m, typ, input[1:])
					wantErr(t, err, ErrDigest)
					wantErr(t, Verify(alg, spec, spki, typ, append(input, 0), sig), ErrDigest)
				}
				sig[len(sig)/2] ^= 1
				wantErr(t, Verify(alg, spec, spki, typ, input, sig), ErrSignature)
				wantErr(t, Verify(alg, spec, spki, typ, input, nil), ErrSignature)
			}
		}
	}
}

func allows(alg string, typ MessageType) bool {
	switch alg {
	case Ed25519SHA512:
		return typ == Raw
	case Ed25519PHSHA512:
		return typ == Digest
	case MLDSASHAKE256:
		return typ != Digest
	}
	return typ != ExternalMu
}

func digestFor(alg string, message []byte) []byte {
	var h hash.Hash
	switch {
	case len(alg) > 3 && alg[len(alg)-3:] == "384":
		h = sha512.New384()
	case alg == Ed25519PHSHA512, alg == MLDSASHAKE256, len(alg) > 3 && alg[len(alg)-3:] == "512":
		h = sha512.New()
	default:
		h = sha256.New()
	}
	h.Write(message)
	return h.Sum(nil)
}

// Public halves work outside: with the standard library.
func TestSignaturesOutside(t *testing.T) {
	digest := sha512.Sum512([]byte("message"))
	outside := func(spec Spec, alg string, typ MessageType, input []byte) (key any, sig []byte) {
		m := generate1(t, spec)
		spki, err := Public(spec, m)
		if err != nil {
			t.Fatal(err)
		}
		if key, err = x509.ParsePKIXPublicKey(spki); err != nil {
			t.Fatal(err)
		}
		if sig, err = Sign(alg, spec, m, typ, input); err != nil {
			t.Fatal(err)
		}
		return key, sig
	}
	key, sig := outside(RSA2048, PKCS1SHA512, Digest, digest[:])
	if err := rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), crypto.SHA512, digest[:], sig); err != nil {
		t.Error(err)
	}
	key, sig = outside(RSA2048, PSSSHA512, Raw, []byte("message"))
	if err := rsa.VerifyPSS(key.(*rsa.PublicKey), crypto.SHA512, digest[:], sig, &rsa.PSSOptions{SaltLength: 64}); err != nil {
		t.Error(err)
	}
	key, sig = outside(P521, ECDSASHA512, Raw, []byte("message"))
	if !ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), digest[:], sig) {
		t.Error("P-521")
	}
	key, sig = outside(Ed25519, Ed25519SHA512, Raw, []byte("message"))
	if !ed25519.Verify(key.(ed25519.PublicKey), []byte("message"), sig) {
		t.Error("Ed25519")
	}
	// KMS hashes the digest once more before Ed25519ph.
	key, sig = outside(Ed25519, Ed25519PHSHA512, Digest, digest[:])
	twice := sha512.Sum512(digest[:])
	if err := ed25519.VerifyWithOptions(key.(ed25519.PublicKey), twice[:], sig, &ed25519.Options{Hash: crypto.SHA512}); err != nil {
		t.Error(err)
	}
}

// secp256k1 signatures with a high s are valid (SEC 1 has no such rule), ours
// have a low one.
func TestSecp256k1HighS(t *testing.T) {
	if Secp256k1.Usages() == nil {
		t.Skip("not in this FIPS mode")
	}
	m := generate1(t, Secp256k1)
	spki, _ := Public(Secp256k1, m)
	n, _ := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	for range 10 {
		sig, err := Sign(ECDSASHA256, Secp256k1, m, Raw, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		var rs struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(sig, &rs); err != nil || rs.S.Cmp(new(big.Int).Rsh(n, 1)) > 0 {
			t.Fatalf("s is high: %v", err)
		}
		rs.S.Sub(n, rs.S)
		sig, _ = asn1.Marshal(rs)
		if err := Verify(ECDSASHA256, Secp256k1, spki, Raw, []byte("x"), sig); err != nil {
			t.Error(err)
		}
	}
}

func TestOAEP(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		alg  string
		most int // KMS, Encrypt: Plaintext
	}{{RSA2048, OAEPSHA1, 214}, {RSA2048, OAEPSHA256, 190}, {RSA3072, OAEPSHA1, 342}, {RSA3072, OAEPSHA256, 318}, {RSA4096, OAEPSHA1, 470}, {RSA4096, OAEPSHA256, 446}} {
		if !slices.Contains(c.spec.Algorithms(EncryptDecrypt).Encryption, c.alg) {
			continue
		}
		m := generate1(t, c.spec)
		spki, _ := Public(c.spec, m)
		plain := make([]byte, c.most)
		rand.Read(plain)
		ct, err := EncryptOAEP(c.alg, c.spec, spki, plain)
		if err != nil || len(ct) != c.spec.bits()/8 {
			t.Fatal(c, len(ct), err)
		}
		back, err := DecryptOAEP(c.alg, c.spec, m, ct)
		if err != nil || !bytes.Equal(back, plain) {
			t.Error(c, err)
		}
		_, err = EncryptOAEP(c.alg, c.spec, spki, append(plain, 0))
		wantErr(t, err, ErrLength)
		ct[9] ^= 1
		_, err = DecryptOAEP(c.alg, c.spec, m, ct)
		wantErr(t, err, ErrCiphertext)
		_, err = DecryptOAEP(c.alg, c.spec, m, ct[1:])
		wantErr(t, err, ErrCiphertext)
		// With the standard library outside.
		key, _ := x509.ParsePKIXPublicKey(spki)
		h := sha1.New()
		if c.alg == OAEPSHA256 {
			h = sha256.New()
		}
		ct, _ = rsa.EncryptOAEP(h, rand.Reader, key.(*rsa.PublicKey), plain, nil)
		if back, err := DecryptOAEP(c.alg, c.spec, m, ct); err != nil || !bytes.Equal(back, plain) {
			t.Error(c, err)
		}
	}
	_, err := EncryptOAEP(OAEPSHA256, P256, nil, nil)
	wantErr(t, err, ErrAlgorithm)
	_, err = DecryptOAEP(SymmetricDefault, RSA2048, nil, nil)
	wantErr(t, err, ErrAlgorithm)
}

func TestMAC(t *testing.T) {
	// RFC 4231 test cases 1 and 3 have keys of 20 bytes; padded with zeros, which
	// HMAC does by itself, they become keys of KMS's lengths.
	key := bytes.Repeat([]byte{0x0b}, 20)
	for spec, want := range map[Spec]string{
		HMAC224: "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
		HMAC256: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
		HMAC384: "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
		HMAC512: "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
	} {
		m := make(Material, spec.rawSize())
		copy(m, key)
		alg := spec.Algorithms(GenerateVerifyMAC).MAC[0]
		mac, err := MAC(alg, spec, m, []byte("Hi There"))
		if err != nil || hex.EncodeToString(mac) != want {
			t.Errorf("%s: %x, %v", spec, mac, err)
		}
		if err := VerifyMAC(alg, spec, m, []byte("Hi There"), mac); err != nil {
			t.Error(spec, err)
		}
		wantErr(t, VerifyMAC(alg, spec, m, []byte("Hi there"), mac), ErrSignature)
		wantErr(t, VerifyMAC(alg, spec, m, []byte("Hi There"), mac[:len(mac)-1]), ErrSignature)
		_, err = MAC("HMAC_SHA_1", spec, m, nil)
		wantErr(t, err, ErrAlgorithm)
		_, err = MAC(alg, spec, m[1:], nil)
		wantErr(t, err, ErrMaterial)
	}
	_, err := MAC(HMACSHA256, Symmetric, nil, nil)
	wantErr(t, err, ErrAlgorithm)
}

func TestAgree(t *testing.T) {
	for _, spec := range []Spec{P256, P384, P521} {
		a, b := generate1(t, spec), generate1(t, spec)
		pa, _ := Public(spec, a)
		pb, _ := Public(spec, b)
		ab, err := Agree(spec, a, pb)
		if err != nil {
			t.Fatal(err)
		}
		ba, err := Agree(spec, b, pa)
		if err != nil || !bytes.Equal(ab, ba) || len(ab) != (spec.curve().Params().BitSize+7)/8 {
			t.Errorf("%s: %x, %x, %v", spec, ab, ba, err)
		}
		other := map[Spec]Spec{P256: P384, P384: P521, P521: P256}[spec]
		po, _ := Public(other, generate1(t, other))
		_, err = Agree(spec, a, po)
		wantErr(t, err, ErrPublicKey)
		_, err = Agree(spec, a, pb[1:])
		wantErr(t, err, ErrPublicKey)
		pb[len(pb)-1] ^= 1 // not on the curve
		_, err = Agree(spec, a, pb)
		wantErr(t, err, ErrPublicKey)
	}
	for _, spec := range []Spec{Secp256k1, Ed25519, RSA2048, Symmetric} {
		_, err := Agree(spec, nil, nil)
		wantErr(t, err, ErrAlgorithm)
	}
}
