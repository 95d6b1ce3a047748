package material

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"

	"filippo.io/mldsa"
	mldsax509 "filippo.io/mldsa/x509"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// maxDER bounds every DER encoding that is read: an RSA-4096 private key takes
// 2.4 KB, an ML-DSA-87 public key 2.6 KB.
const maxDER = 8192

// Object identifiers of RFC 5480 and SEC 2, which crypto/x509 lacks.
var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidSecp256k1   = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
)

// Public answers the SubjectPublicKeyInfo DER of asymmetric material.
func Public(spec Spec, m Material) (spki []byte, err error) {
	harden.Do(func() { spki, err = public(spec, m) })
	return spki, err
}

func public(spec Spec, m Material) ([]byte, error) {
	key, err := decodePrivate(spec, m)
	if err != nil {
		return nil, err
	}
	switch key := key.(type) {
	case *secp256k1.PrivateKey:
		defer key.Zero()
		return encodeSecp256k1Public(key.PubKey())
	case *mldsa.PrivateKey:
		return mldsax509.MarshalPKIXPublicKey(key.PublicKey())
	case *rsa.PrivateKey:
		return x509.MarshalPKIXPublicKey(&key.PublicKey)
	case *ecdsa.PrivateKey:
		return x509.MarshalPKIXPublicKey(&key.PublicKey)
	case ed25519.PrivateKey:
		return x509.MarshalPKIXPublicKey(key.Public())
	}
	return nil, ErrSpec
}

// encodePrivate answers the PKCS#8 DER of a key of this package's kinds.
func encodePrivate(key any) (Material, error) {
	if k, ok := key.(*secp256k1.PrivateKey); ok {
		return encodeSecp256k1Private(k)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return Material(der), err
}

// decodePrivate answers the private key of asymmetric material:
// *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey,
// *secp256k1.PrivateKey or *mldsa.PrivateKey, of exactly the spec's size or
// curve; else ErrMaterial, or ErrSpec.
func decodePrivate(spec Spec, m Material) (any, error) {
	if !spec.Asymmetric() {
		return nil, ErrSpec
	}
	if len(m) > maxDER {
		return nil, ErrMaterial
	}
	if spec.mldsa() {
		key, err := mldsa.NewPrivateKey(spec.parameters(), m)
		return key, orMaterial(err)
	}
	if spec == Secp256k1 {
		return decodeSecp256k1Private(m)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(m)
	if err != nil {
		return nil, ErrMaterial
	}
	switch key := parsed.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() == spec.bits() && len(key.Primes) == 2 {
			return key, nil
		}
	case *ecdsa.PrivateKey:
		if key.Curve == spec.curve() {
			return key, nil
		}
	case ed25519.PrivateKey:
		if spec == Ed25519 {
			return key, nil
		}
	}
	return nil, ErrMaterial
}

// decodePublic answers the public key of a SubjectPublicKeyInfo, of exactly the
// spec's kind, or ErrPublicKey.
func decodePublic(spec Spec, spki []byte) (any, error) {
	if !spec.Asymmetric() {
		return nil, ErrSpec
	}
	if len(spki) > maxDER {
		return nil, ErrPublicKey
	}
	if spec == Secp256k1 {
		return decodeSecp256k1Public(spki)
	}
	parse := x509.ParsePKIXPublicKey
	if spec.mldsa() {
		parse = mldsax509.ParsePKIXPublicKey
	}
	parsed, err := parse(spki)
	if err != nil {
		return nil, ErrPublicKey
	}
	switch key := parsed.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() == spec.bits() {
			return key, nil
		}
	case *ecdsa.PublicKey:
		if key.Curve == spec.curve() {
			return key, nil
		}
	case ed25519.PublicKey:
		if spec == Ed25519 {
			return key, nil
		}
	case *mldsa.PublicKey:
		if spec.mldsa() && key.Parameters() == spec.parameters() {
			return key, nil
		}
	}
	return nil, ErrPublicKey
}

func (s Spec) parameters() mldsa.Parameters {
	switch s {
	case MLDSA44:
		return mldsa.MLDSA44()
	case MLDSA65:
		return mldsa.MLDSA65()
	}
	return mldsa.MLDSA87()
}

func orMaterial(err error) error {
	if err != nil {
		return ErrMaterial
	}
	return nil
}

// pkcs8 is RFC 5208's PrivateKeyInfo; attributes are ignored.
type pkcs8 struct {
	Version    int
	Algorithm  pkix.AlgorithmIdentifier
	PrivateKey []byte
}

// ecPrivateKey is RFC 5915's.
type ecPrivateKey struct {
	Version    int
	PrivateKey []byte
	Curve      asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	PublicKey  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

type spkiDER struct {
	Algorithm pkix.AlgorithmIdentifier
	PublicKey asn1.BitString
}
