package material

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// MAC answers the HMAC of message under an HMAC key; alg is the one algorithm
// of the spec.
func MAC(alg string, spec Spec, m Material, message []byte) (mac []byte, err error) {
	a := spec.Algorithms(GenerateVerifyMAC).MAC
	if len(a) != 1 || a[0] != alg {
		return nil, ErrAlgorithm
	}
	if len(m) != spec.rawSize() {
		return nil, ErrMaterial
	}
	var make func() hash.Hash
	switch spec {
	case HMAC224:
		make = sha256.New224
	case HMAC256:
		make = sha256.New
	case HMAC384:
		make = sha512.New384
	default:
		make = sha512.New
	}
	harden.Do(func() {
		h := hmac.New(make, m)
		h.Write(message)
		mac = h.Sum(nil)
	})
	return mac, nil
}

// VerifyMAC is nil when mac is MAC's answer, ErrSignature when not.
func VerifyMAC(alg string, spec Spec, m Material, message, mac []byte) error {
	want, err := MAC(alg, spec, m, message)
	if err != nil {
		return err
	}
	if !hmac.Equal(want, mac) {
		return ErrSignature
	}
	return nil
}
