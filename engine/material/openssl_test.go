package material

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// outside runs the openssl command in a directory with the given files.
type outside struct {
	t   *testing.T
	dir string
}

func openssl(t *testing.T) *outside {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return &outside{t, t.TempDir()}
}

func (o *outside) write(name string, b []byte) {
	o.t.Helper()
	if err := os.WriteFile(filepath.Join(o.dir, name), b, 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func (o *outside) read(name string) []byte {
	o.t.Helper()
	b, err := os.ReadFile(filepath.Join(o.dir, name))
	if err != nil {
		o.t.Fatal(err)
	}
	return b
}

func (o *outside) run(args ...string) {
	o.t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = o.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		o.t.Fatalf("openssl %q: %v\n%s", args, err, out)
	}
}

func TestOpenSSLVerifiesAndSigns(t *testing.T) {
	o := openssl(t)
	message := []byte("message")
	digest := sha512.Sum384(message)
	o.write("message", message)
	for _, c := range []struct {
		spec Spec
		alg  string
		opts []string
	}{
		{RSA2048, PKCS1SHA256, []string{"-sha256"}},
		{RSA2048, PSSSHA384, []string{"-sha384", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"}},
		{RSA3072, PSSSHA512, []string{"-sha512", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"}},
		{P256, ECDSASHA256, []string{"-sha256"}}, {P384, ECDSASHA384, []string{"-sha384"}},
		{P521, ECDSASHA512, []string{"-sha512"}}, {Secp256k1, ECDSASHA256, []string{"-sha256"}},
	} {
		if c.spec.Usages() == nil {
			continue
		}
		m := generate1(t, c.spec)
		spki, _ := Public(c.spec, m)
		o.write("public.der", spki)
		o.write("private.der", m)
		sig, err := Sign(c.alg, c.spec, m, Raw, message)
		if err != nil {
			t.Fatal(err)
		}
		o.write("sig", sig)
		o.run(append(append([]string{"dgst"}, c.opts...), "-verify", "public.der", "-keyform", "DER", "-signature", "sig", "message")...)
		o.run(append(append([]string{"dgst"}, c.opts...), "-sign", "private.der", "-keyform", "DER", "-out", "theirs", "message")...)
		if err := Verify(c.alg, c.spec, spki, Raw, message, o.read("theirs")); err != nil {
			t.Errorf("%s %s: %v", c.spec, c.alg, err)
		}
		if c.alg == ECDSASHA384 {
			if err := Verify(c.alg, c.spec, spki, Digest, digest[:], o.read("theirs")); err != nil {
				t.Errorf("%s by digest: %v", c.spec, err)
			}
		}
	}
	m := generate1(t, Ed25519)
	spki, _ := Public(Ed25519, m)
	o.write("public.der", spki)
	o.write("private.der", m)
	sig, _ := Sign(Ed25519SHA512, Ed25519, m, Raw, message)
	o.write("sig", sig)
	o.run("pkeyutl", "-verify", "-pubin", "-inkey", "public.der", "-keyform", "DER", "-rawin", "-in", "message", "-sigfile", "sig")
	o.run("pkeyutl", "-sign", "-inkey", "private.der", "-keyform", "DER", "-rawin", "-in", "message", "-out", "theirs")
	if err := Verify(Ed25519SHA512, Ed25519, spki, Raw, message, o.read("theirs")); err != nil {
		t.Error(err)
	}
}

func TestOpenSSLEncryptsForUs(t *testing.T) {
	o := openssl(t)
	m := generate1(t, RSA2048)
	spki, _ := Public(RSA2048, m)
	o.write("public.der", spki)
	o.write("private.der", m)
	o.write("plain", []byte("secret"))
	for alg, md := range map[string]string{OAEPSHA1: "sha1", OAEPSHA256: "sha256"} {
		if !slices.Contains(RSA2048.Algorithms(EncryptDecrypt).Encryption, alg) {
			continue
		}
		oaep := []string{"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:" + md, "-pkeyopt", "rsa_mgf1_md:" + md}
		o.run(append([]string{"pkeyutl", "-encrypt", "-pubin", "-inkey", "public.der", "-keyform", "DER", "-in", "plain", "-out", "ct"}, oaep...)...)
		if plain, err := DecryptOAEP(alg, RSA2048, m, o.read("ct")); err != nil || string(plain) != "secret" {
			t.Errorf("%s: %q, %v", alg, plain, err)
		}
		ct, _ := EncryptOAEP(alg, RSA2048, spki, []byte("ours"))
		o.write("ct", ct)
		o.run(append([]string{"pkeyutl", "-decrypt", "-inkey", "private.der", "-keyform", "DER", "-in", "ct", "-out", "back"}, oaep...)...)
		if string(o.read("back")) != "ours" {
			t.Errorf("%s: %q", alg, o.read("back"))
		}
	}
}

func TestOpenSSLDerives(t *testing.T) {
	o := openssl(t)
	for _, spec := range []Spec{P256, P384, P521} {
		a, b := generate1(t, spec), generate1(t, spec)
		pa, _ := Public(spec, a)
		pb, _ := Public(spec, b)
		o.write("private.der", b)
		o.write("peer.der", pa)
		o.run("pkeyutl", "-derive", "-inkey", "private.der", "-keyform", "DER", "-peerkey", "peer.der", "-peerform", "DER", "-out", "secret")
		if secret, err := Agree(spec, a, pb); err != nil || !bytes.Equal(secret, o.read("secret")) {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

// The steps of the KMS Developer Guide, "Encrypt key material", with OpenSSL.
func TestOpenSSLImports(t *testing.T) {
	o := openssl(t)
	private := generate1(t, RSA4096)
	spki, _ := Public(RSA4096, private)
	o.write("wrapping.der", spki)
	for spec, gen := range map[Spec][]string{
		RSA3072:   {"genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:3072", "-out", "pem"},
		P521:      {"genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-out", "pem"},
		Secp256k1: {"genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1", "-out", "pem"},
		Ed25519:   {"genpkey", "-algorithm", "ed25519", "-out", "pem"},
	} {
		if spec.Usages() == nil {
			continue
		}
		o.run(gen...)
		o.run("pkcs8", "-topk8", "-nocrypt", "-in", "pem", "-outform", "DER", "-out", "key")
		o.run("rand", "-out", "aes", "32")
		o.run("enc", "-id-aes256-wrap-pad", "-K", hex.EncodeToString(o.read("aes")), "-iv", "A65959A6", "-in", "key", "-out", "wrapped")
		o.run("pkeyutl", "-encrypt", "-pubin", "-inkey", "wrapping.der", "-keyform", "DER", "-in", "aes", "-out", "wrappedaes",
			"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256")
		m, err := Import(spec, AESKeyWrapSHA256, RSA4096, private, append(o.read("wrappedaes"), o.read("wrapped")...))
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		o.run("pkey", "-inform", "DER", "-in", "key", "-pubout", "-outform", "DER", "-out", "public")
		if spki, err := Public(spec, m); err != nil || !bytes.Equal(spki, o.read("public")) {
			t.Errorf("%s: another public key: %v", spec, err)
		}
	}
}
