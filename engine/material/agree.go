package material

import (
	"crypto/ecdsa"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// Agree answers the raw ECDH secret, the x coordinate, of a NIST curve's
// private key and a peer's public key (SubjectPublicKeyInfo DER): 32, 48 or 66
// bytes. ErrPublicKey if the peer's key is malformed, of another curve or not
// on it; ErrAlgorithm for other specs.
func Agree(spec Spec, m Material, peer []byte) (secret []byte, err error) {
	if !spec.Allows(KeyAgreement) {
		return nil, ErrAlgorithm
	}
	pub, err := decodePublic(spec, peer)
	if err != nil {
		return nil, err
	}
	theirs, err := pub.(*ecdsa.PublicKey).ECDH()
	if err != nil {
		return nil, ErrPublicKey
	}
	harden.Do(func() {
		var key any
		if key, err = decodePrivate(spec, m); err != nil {
			return
		}
		ours, e := key.(*ecdsa.PrivateKey).ECDH()
		if e != nil {
			err = ErrMaterial
			return
		}
		if secret, e = ours.ECDH(theirs); e != nil {
			err = ErrPublicKey
		}
	})
	return secret, err
}
