package material

import (
	"bytes"
	"crypto/rand"
	"crypto/sha3"
	"errors"
	"testing"

	"filippo.io/mldsa"
)

// mu is FIPS 204 algorithm 7, line 6, with an empty context.
func mu(pk *mldsa.PublicKey, message []byte) []byte {
	tr := sha3.SumSHAKE256(pk.Bytes(), 64)
	h := sha3.NewSHAKE256()
	h.Write(tr)
	h.Write([]byte{0, 0})
	h.Write(message)
	out := make([]byte, 64)
	h.Read(out)
	return out
}

func TestMLDSAExternalMu(t *testing.T) {
	for _, spec := range supported(MLDSA44, MLDSA65, MLDSA87) {
		m, err := Generate(spec)
		if err != nil {
			t.Fatal(err)
		}
		key, err := mldsa.NewPrivateKey(spec.parameters(), m)
		if err != nil {
			t.Fatal(err)
		}
		spki, err := Public(spec, m)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 5 {
			message := make([]byte, 1+100*n)
			rand.Read(message)
			digest := mu(key.PublicKey(), message)
			whole, err := Sign(MLDSASHAKE256, spec, m, Raw, message)
			if err != nil {
				t.Fatal(err)
			}
			outside, err := Sign(MLDSASHAKE256, spec, m, ExternalMu, digest)
			if err != nil {
				t.Fatal(err)
			}
			// Each signature verifies both ways: as the message's and as μ's.
			for _, sig := range [][]byte{whole, outside} {
				if err := Verify(MLDSASHAKE256, spec, spki, Raw, message, sig); err != nil {
					t.Errorf("%s: raw: %v", spec, err)
				}
				if err := Verify(MLDSASHAKE256, spec, spki, ExternalMu, digest, sig); err != nil {
					t.Errorf("%s: mu: %v", spec, err)
				}
			}
			// A change of any part is noticed.
			for range 20 {
				bad := bytes.Clone(outside)
				var at [2]byte
				rand.Read(at[:])
				bad[(int(at[0])<<8|int(at[1]))%len(bad)] ^= 1 << (at[0] % 8)
				if err := Verify(MLDSASHAKE256, spec, spki, ExternalMu, digest, bad); !errors.Is(err, ErrSignature) {
					t.Errorf("%s: changed signature: %v", spec, err)
				}
			}
			digest[0] ^= 1
			if err := Verify(MLDSASHAKE256, spec, spki, ExternalMu, digest, outside); !errors.Is(err, ErrSignature) {
				t.Errorf("%s: changed mu: %v", spec, err)
			}
		}
	}
}
