package material

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"slices"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// EncryptOAEP encrypts for the public key (SubjectPublicKeyInfo DER) of an RSA
// key; alg is OAEPSHA1 or OAEPSHA256. The ciphertext is raw, as long as the
// modulus. ErrLength if the plaintext does not fit: at most the modulus' length
// less twice the hash's less 2 bytes.
func EncryptOAEP(alg string, spec Spec, spki, plaintext []byte) ([]byte, error) {
	hash, err := oaepHash(alg, spec)
	if err != nil {
		return nil, err
	}
	key, err := decodePublic(spec, spki)
	if err != nil {
		return nil, err
	}
	out, err := rsa.EncryptOAEP(hash.New(), rand.Reader, key.(*rsa.PublicKey), plaintext, nil)
	if errors.Is(err, rsa.ErrMessageTooLong) {
		return nil, ErrLength
	}
	return out, err
}

// DecryptOAEP undoes EncryptOAEP with the private key, or answers
// ErrCiphertext, for every reason alike.
func DecryptOAEP(alg string, spec Spec, m Material, ciphertext []byte) (plaintext []byte, err error) {
	hash, err := oaepHash(alg, spec)
	if err != nil {
		return nil, err
	}
	harden.Do(func() {
		var key any
		if key, err = decodePrivate(spec, m); err != nil {
			return
		}
		plaintext, err = rsa.DecryptOAEP(hash.New(), nil, key.(*rsa.PrivateKey), ciphertext, nil)
		if err != nil {
			err = ErrCiphertext
		}
	})
	return plaintext, err
}

func oaepHash(alg string, spec Spec) (crypto.Hash, error) {
	if spec.bits() == 0 || !slices.Contains(spec.Algorithms(EncryptDecrypt).Encryption, alg) {
		return 0, ErrAlgorithm
	}
	switch alg {
	case OAEPSHA1:
		return crypto.SHA1, nil
	case OAEPSHA256:
		return crypto.SHA256, nil
	}
	return 0, ErrAlgorithm
}
