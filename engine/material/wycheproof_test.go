package material

import (
	"bytes"
	"crypto/ecdh"
	"crypto/fips140"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"filippo.io/mldsa"
)

// The vectors of project Wycheproof (github.com/C2SP/wycheproof, Apache-2.0)
// come from the Go module proxy or its cache, checked against Go's checksum
// database, and are not part of this module.
const wycheproofVersion = "v0.0.0-20260625212325-ee7b4f7e6119"

type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(b []byte) (err error) {
	var s string
	if err = json.Unmarshal(b, &s); err == nil {
		*h, err = hex.DecodeString(s)
	}
	return err
}

type vectorGroup struct {
	KeySize, TagSize, SLen int
	Curve, Sha, MgfSha     string
	PrivateKeyPkcs8        hexBytes
	PrivateSeed            hexBytes
	PublicKeyDer           hexBytes
	PublicKeyRaw           json.RawMessage `json:"publicKey"` // an object in some files
	Tests                  []vector
}

type vector struct {
	TcID                          int
	Comment, Result               string
	Key, Msg, Ct, Sig, Tag, Label hexBytes
	Public, Shared, Mu            hexBytes
	Private                       string
	Ctx                           *hexBytes
}

func (v vector) String() string { return fmt.Sprintf("%d (%s, %s)", v.TcID, v.Comment, v.Result) }

// vectors runs f on every vector of a file and counts them.
func vectors(t *testing.T, file string, f func(t *testing.T, g *vectorGroup, v *vector)) {
	t.Helper()
	dir := wycheproof(t)
	t.Run(file, func(t *testing.T) {
		text, err := os.ReadFile(filepath.Join(dir, "testvectors_v1", file+"_test.json"))
		if err != nil {
			t.Fatal(err)
		}
		var doc struct{ TestGroups []*vectorGroup }
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, g := range doc.TestGroups {
			for i := range g.Tests {
				f(t, g, &g.Tests[i])
				n++
			}
		}
		if n < 20 {
			t.Errorf("only %d vectors", n)
		}
	})
}

func wycheproof(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", "github.com/c2sp/wycheproof@"+wycheproofVersion)
	cmd.Dir = t.TempDir() // outside of this module, whose go.sum is not concerned
	out, err := cmd.Output()
	var module struct{ Dir string }
	if err != nil || json.Unmarshal(out, &module) != nil || module.Dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the Wycheproof vectors cannot be had: %v", err)
		}
		t.Skipf("the Wycheproof vectors cannot be had: %v", err)
	}
	return module.Dir
}

// agrees judges an outcome: "acceptable" vectors may go either way.
func agrees(t *testing.T, v *vector, err error) {
	t.Helper()
	if v.Result == "valid" && err != nil || v.Result == "invalid" && err == nil {
		t.Errorf("vector %v: %v", v, err)
	}
}

func TestWycheproofSignatures(t *testing.T) {
	for file, c := range map[string]struct {
		spec Spec
		alg  string
	}{
		"ecdsa_secp256r1_sha256": {P256, ECDSASHA256}, "ecdsa_secp384r1_sha384": {P384, ECDSASHA384},
		"ecdsa_secp521r1_sha512": {P521, ECDSASHA512}, "ecdsa_secp256k1_sha256": {Secp256k1, ECDSASHA256},
		"ed25519":                   {Ed25519, Ed25519SHA512},
		"rsa_signature_2048_sha256": {RSA2048, PKCS1SHA256}, "rsa_signature_2048_sha384": {RSA2048, PKCS1SHA384},
		"rsa_signature_2048_sha512": {RSA2048, PKCS1SHA512}, "rsa_signature_3072_sha256": {RSA3072, PKCS1SHA256},
		"rsa_signature_3072_sha384": {RSA3072, PKCS1SHA384}, "rsa_signature_3072_sha512": {RSA3072, PKCS1SHA512},
		"rsa_signature_4096_sha256": {RSA4096, PKCS1SHA256}, "rsa_signature_4096_sha384": {RSA4096, PKCS1SHA384},
		"rsa_signature_4096_sha512": {RSA4096, PKCS1SHA512}, "rsa_pss_2048_sha256_mgf1_32": {RSA2048, PSSSHA256},
		"rsa_pss_2048_sha384_mgf1_48": {RSA2048, PSSSHA384}, "rsa_pss_3072_sha256_mgf1_32": {RSA3072, PSSSHA256},
		"rsa_pss_4096_sha256_mgf1_32": {RSA4096, PSSSHA256}, "rsa_pss_4096_sha384_mgf1_48": {RSA4096, PSSSHA384},
		"rsa_pss_4096_sha512_mgf1_64": {RSA4096, PSSSHA512},
	} {
		if c.spec.Usages() == nil {
			continue
		}
		vectors(t, file, func(t *testing.T, g *vectorGroup, v *vector) {
			if fips140.Enforced() && c.spec.bits() > 0 && bytes.Contains(g.PublicKeyDer, []byte{2, 1, 3}) {
				return // exponent 3 is not approved
			}
			agrees(t, v, Verify(c.alg, c.spec, g.PublicKeyDer, Raw, v.Msg, v.Sig))
		})
	}
}

func TestWycheproofMLDSA(t *testing.T) {
	for file, spec := range map[string]Spec{"mldsa_44": MLDSA44, "mldsa_65": MLDSA65, "mldsa_87": MLDSA87} {
		if spec.Usages() == nil {
			continue
		}
		vectors(t, file+"_verify", func(t *testing.T, g *vectorGroup, v *vector) {
			if v.Ctx != nil && len(*v.Ctx) > 0 {
				return // KMS has no contexts
			}
			agrees(t, v, Verify(MLDSASHAKE256, spec, g.PublicKeyDer, Raw, v.Msg, v.Sig))
			if key, err := decodePublic(spec, g.PublicKeyDer); err == nil {
				agrees(t, v, Verify(MLDSASHAKE256, spec, g.PublicKeyDer, ExternalMu, mu(key.(*mldsa.PublicKey), v.Msg), v.Sig))
			}
		})
		vectors(t, file+"_sign_seed", func(t *testing.T, g *vectorGroup, v *vector) {
			if len(g.PrivateSeed) != 32 || v.Result != "valid" {
				return
			}
			spki, err := Public(spec, Material(g.PrivateSeed))
			if err != nil {
				t.Fatal(err)
			}
			// μ includes the context, so that every signature counts here.
			if len(v.Mu) > 0 {
				agrees(t, v, Verify(MLDSASHAKE256, spec, spki, ExternalMu, v.Mu, v.Sig))
			}
			if len(g.PrivateKeyPkcs8) == 0 {
				return
			}
			if m, err := Check(spec, g.PrivateKeyPkcs8); err != nil || !bytes.Equal(m, g.PrivateSeed) {
				t.Errorf("vector %v: PKCS#8: %v", v, err)
			}
		})
	}
}

func TestWycheproofOAEP(t *testing.T) {
	for file, c := range map[string]struct {
		spec Spec
		alg  string
	}{
		"rsa_oaep_2048_sha1_mgf1sha1": {RSA2048, OAEPSHA1}, "rsa_oaep_2048_sha256_mgf1sha256": {RSA2048, OAEPSHA256},
		"rsa_oaep_3072_sha256_mgf1sha256": {RSA3072, OAEPSHA256}, "rsa_oaep_4096_sha256_mgf1sha256": {RSA4096, OAEPSHA256},
	} {
		if !slices.Contains(c.spec.Algorithms(EncryptDecrypt).Encryption, c.alg) {
			continue
		}
		vectors(t, file, func(t *testing.T, g *vectorGroup, v *vector) {
			if len(v.Label) > 0 {
				return // KMS has no labels
			}
			plain, err := DecryptOAEP(c.alg, c.spec, Material(g.PrivateKeyPkcs8), v.Ct)
			agrees(t, v, err)
			if err == nil && !bytes.Equal(plain, v.Msg) {
				t.Errorf("vector %v: another plaintext", v)
			}
		})
	}
}

func TestWycheproofKeyWrap(t *testing.T) {
	vectors(t, "aes_kwp", func(t *testing.T, g *vectorGroup, v *vector) {
		plain, err := UnwrapKey(v.Key, v.Ct)
		agrees(t, v, err)
		if v.Result != "valid" {
			return
		}
		wrapped, err := WrapKey(v.Key, v.Msg)
		if err != nil || !bytes.Equal(wrapped, v.Ct) || !bytes.Equal(plain, v.Msg) {
			t.Errorf("vector %v: %v", v, err)
		}
	})
}

func TestWycheproofMAC(t *testing.T) {
	for file, c := range map[string]struct {
		spec Spec
		alg  string
	}{
		"hmac_sha224": {HMAC224, HMACSHA224}, "hmac_sha256": {HMAC256, HMACSHA256},
		"hmac_sha384": {HMAC384, HMACSHA384}, "hmac_sha512": {HMAC512, HMACSHA512},
	} {
		vectors(t, file, func(t *testing.T, g *vectorGroup, v *vector) {
			if g.KeySize != 8*c.spec.rawSize() || g.TagSize != 8*c.spec.rawSize() {
				return // KMS's keys are as long as the tag, and tags are whole
			}
			agrees(t, v, VerifyMAC(c.alg, c.spec, Material(v.Key), v.Msg, v.Tag))
		})
	}
}

func TestWycheproofAgreement(t *testing.T) {
	for file, c := range map[string]struct {
		spec  Spec
		curve ecdh.Curve
		size  int
	}{
		"ecdh_secp256r1": {P256, ecdh.P256(), 32}, "ecdh_secp384r1": {P384, ecdh.P384(), 48}, "ecdh_secp521r1": {P521, ecdh.P521(), 66},
	} {
		vectors(t, file, func(t *testing.T, g *vectorGroup, v *vector) {
			d, ok := new(big.Int).SetString(v.Private, 16)
			if !ok || d.BitLen() > 8*c.size {
				return
			}
			key, err := c.curve.NewPrivateKey(d.FillBytes(make([]byte, c.size)))
			if err != nil {
				return
			}
			m, err := x509.MarshalPKCS8PrivateKey(key)
			if err != nil {
				t.Fatal(err)
			}
			secret, err := Agree(c.spec, m, v.Public)
			if v.Result == "valid" && err != nil || v.Result == "invalid" && err == nil {
				t.Errorf("vector %v: %v", v, err)
			}
			if err == nil && !bytes.Equal(secret, v.Shared) {
				t.Errorf("vector %v: another secret", v)
			}
		})
	}
}
