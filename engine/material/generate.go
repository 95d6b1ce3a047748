package material

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// Generate makes new material for a spec. ErrSpec if the spec is not supported.
func Generate(spec Spec) (m Material, err error) {
	harden.Do(func() { m, err = generate(spec) })
	return m, err
}

func generate(spec Spec) (Material, error) {
	if spec.Usages() == nil {
		return nil, ErrSpec
	}
	if n := spec.rawSize(); n > 0 {
		m := make(Material, n)
		rand.Read(m)
		return m, nil
	}
	switch spec {
	case RSA2048, RSA3072, RSA4096:
		key, err := rsa.GenerateKey(rand.Reader, spec.bits())
		if err != nil {
			return nil, err
		}
		return encodePrivate(key)
	case P256, P384, P521:
		key, err := ecdsa.GenerateKey(spec.curve(), rand.Reader)
		if err != nil {
			return nil, err
		}
		return encodePrivate(key)
	case Secp256k1:
		key, err := secp256k1.GeneratePrivateKey()
		if err != nil {
			return nil, err
		}
		defer key.Zero()
		return encodePrivate(key)
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return encodePrivate(key)
	}
	return nil, ErrSpec
}

// Pair makes a data key pair: PKCS#8 DER and SubjectPublicKeyInfo DER. Any
// asymmetric spec but ML-DSA, as in KMS.
func Pair(spec Spec) (private Material, public []byte, err error) {
	if !spec.Asymmetric() || spec.mldsa() {
		return nil, nil, ErrSpec
	}
	if private, err = Generate(spec); err != nil {
		return nil, nil, err
	}
	public, err = Public(spec, private)
	return private, public, err
}

// rawSize is the length of material that is plain random bytes; 0 for others.
// HMAC keys are as long as their hash's output, which is what KMS generates.
func (s Spec) rawSize() int {
	switch s {
	case Symmetric, HMAC256, MLDSA44, MLDSA65, MLDSA87:
		return 32
	case HMAC224:
		return 28
	case HMAC384:
		return 48
	case HMAC512:
		return 64
	}
	return 0
}

func (s Spec) bits() int {
	switch s {
	case RSA2048:
		return 2048
	case RSA3072:
		return 3072
	case RSA4096:
		return 4096
	}
	return 0
}

func (s Spec) curve() elliptic.Curve {
	switch s {
	case P256:
		return elliptic.P256()
	case P384:
		return elliptic.P384()
	case P521:
		return elliptic.P521()
	}
	return nil
}

func (s Spec) mldsa() bool { return s == MLDSA44 || s == MLDSA65 || s == MLDSA87 }
