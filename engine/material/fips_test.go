package material

import (
	"crypto/fips140"
	"errors"
	"os"
	"os/exec"
	"slices"
	"testing"
)

// TestFips runs this package's tests once more in each of Go's FIPS 140-3 modes,
// which a process has from its start on.
func TestFips(t *testing.T) {
	if os.Getenv("MATERIAL_FIPS") != "" {
		return
	}
	for _, mode := range []string{"on", "only"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.skip=Wycheproof")
			cmd.Env = append(os.Environ(), "GODEBUG=fips140="+mode, "MATERIAL_FIPS="+mode)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestFipsRefusals is what docs/fips.md says of fips140=only.
func TestFipsRefusals(t *testing.T) {
	mode := os.Getenv("MATERIAL_FIPS")
	if fips140.Enabled() != (mode != "") && mode != "" || fips140.Enforced() != (mode == "only") && mode != "" {
		t.Fatalf("mode %q, but enabled %t, enforced %t", mode, fips140.Enabled(), fips140.Enforced())
	}
	only := fips140.Enforced()
	for _, spec := range []Spec{Symmetric, RSA2048, P256, P384, P521, Ed25519, HMAC224, HMAC256, HMAC384, HMAC512} {
		if _, err := Generate(spec); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
	for _, spec := range []Spec{Secp256k1, MLDSA44, MLDSA65, MLDSA87} {
		_, err := Generate(spec)
		if only && !errors.Is(err, ErrSpec) || !only && err != nil {
			t.Errorf("%s: %v", spec, err)
		}
		if _, err := decodePrivate(spec, nil); only && !errors.Is(err, ErrSpec) {
			t.Errorf("%s: existing material: %v", spec, err)
		}
	}
	encryption := RSA2048.Algorithms(EncryptDecrypt).Encryption
	if slices.Contains(encryption, OAEPSHA1) == only || !slices.Contains(encryption, OAEPSHA256) {
		t.Errorf("RSA encrypts by %v", encryption)
	}
	for alg, want := range map[string]bool{OAEPSHA1: !only, AESKeyWrapSHA1: !only, OAEPSHA256: true, AESKeyWrapSHA256: true} {
		if CanImport(P256, alg, RSA2048) != want {
			t.Errorf("import by %s: %t", alg, !want)
		}
	}
}
