package material

import (
	"crypto/x509/pkix"
	"encoding/asn1"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// secp256k1 is not in the standard library. The arithmetic here is decred's:
// its scalar multiplication by the base point takes variable time, so a
// neighbour on the same machine who can time single signatures closely may
// learn about nonces; the other curves do not have this weakness.

func secp256k1Algorithm() (pkix.AlgorithmIdentifier, error) {
	oid, err := asn1.Marshal(oidSecp256k1)
	return pkix.AlgorithmIdentifier{Algorithm: oidECPublicKey, Parameters: asn1.RawValue{FullBytes: oid}}, err
}

func isSecp256k1(a pkix.AlgorithmIdentifier) bool {
	var curve asn1.ObjectIdentifier
	rest, err := asn1.Unmarshal(a.Parameters.FullBytes, &curve)
	return err == nil && len(rest) == 0 && a.Algorithm.Equal(oidECPublicKey) && curve.Equal(oidSecp256k1)
}

func encodeSecp256k1Private(key *secp256k1.PrivateKey) (Material, error) {
	algorithm, err := secp256k1Algorithm()
	if err != nil {
		return nil, err
	}
	raw := key.Key.Bytes()
	defer harden.Wipe(raw[:])
	point := key.PubKey().SerializeUncompressed()
	inner, err := asn1.Marshal(ecPrivateKey{Version: 1, PrivateKey: raw[:],
		PublicKey: asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
	if err != nil {
		return nil, err
	}
	defer harden.Wipe(inner)
	return asn1.Marshal(pkcs8{Algorithm: algorithm, PrivateKey: inner})
}

func decodeSecp256k1Private(m Material) (*secp256k1.PrivateKey, error) {
	var outer pkcs8
	// Like crypto/x509, what follows the structure is ignored: attributes.
	if _, err := asn1.Unmarshal(m, &outer); err != nil || !isSecp256k1(outer.Algorithm) {
		return nil, ErrMaterial
	}
	defer harden.Wipe(outer.PrivateKey)
	var inner ecPrivateKey
	if rest, err := asn1.Unmarshal(outer.PrivateKey, &inner); err != nil || len(rest) > 0 || inner.Version != 1 {
		return nil, ErrMaterial
	}
	defer harden.Wipe(inner.PrivateKey)
	if len(inner.Curve) > 0 && !inner.Curve.Equal(oidSecp256k1) || len(inner.PrivateKey) != 32 {
		return nil, ErrMaterial
	}
	var scalar secp256k1.ModNScalar
	if overflow := scalar.SetByteSlice(inner.PrivateKey); overflow || scalar.IsZero() {
		return nil, ErrMaterial
	}
	key := secp256k1.NewPrivateKey(&scalar)
	scalar.Zero()
	if p := inner.PublicKey.Bytes; len(p) > 0 {
		pub, err := secp256k1.ParsePubKey(p)
		if err != nil || !pub.IsEqual(key.PubKey()) {
			return nil, ErrMaterial // the halves do not belong together
		}
	}
	return key, nil
}

func encodeSecp256k1Public(pub *secp256k1.PublicKey) ([]byte, error) {
	algorithm, err := secp256k1Algorithm()
	if err != nil {
		return nil, err
	}
	point := pub.SerializeUncompressed()
	return asn1.Marshal(spkiDER{algorithm, asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
}

func decodeSecp256k1Public(spki []byte) (*secp256k1.PublicKey, error) {
	var s spkiDER
	rest, err := asn1.Unmarshal(spki, &s)
	if err != nil || len(rest) > 0 || !isSecp256k1(s.Algorithm) || s.PublicKey.BitLength%8 != 0 {
		return nil, ErrPublicKey
	}
	p := s.PublicKey.Bytes
	// Hybrid points (first byte 6 or 7) are refused: RFC 5480 section 2.2.
	if len(p) == 0 || p[0] != 4 && p[0] != 2 && p[0] != 3 {
		return nil, ErrPublicKey
	}
	pub, err := secp256k1.ParsePubKey(p)
	if err != nil {
		return nil, ErrPublicKey
	}
	return pub, nil
}

func signSecp256k1(key *secp256k1.PrivateKey, digest []byte) []byte {
	return ecdsa.Sign(key, digest).Serialize() // RFC 6979 nonce, low s
}

func verifySecp256k1(pub *secp256k1.PublicKey, digest, signature []byte) bool {
	sig, err := ecdsa.ParseDERSignature(signature)
	return err == nil && sig.Verify(digest, pub)
}
