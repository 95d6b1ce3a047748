package material

import (
	"encoding/hex"

	"github.com/redoubt-sec/redoubt/engine/keyring/message"
)

const (
	symmetricSize  = 32
	symmetricLabel = "redoubt kms symmetric"
	idLabel        = "redoubt kms material id"
)

// Encrypt answers the ciphertext blob of plaintext under a symmetric key. h
// names the key; its Kind is set to Local. aad is ContextAAD's answer. The
// blob is bound to all of them.
func Encrypt(h Header, m Material, plaintext, aad []byte) ([]byte, error) {
	if len(m) != symmetricSize {
		return nil, ErrMaterial
	}
	h.Kind = Local
	blob, err := h.Append(make([]byte, 0, HeaderSize+message.Overhead+len(plaintext)))
	if err != nil {
		return nil, err
	}
	return message.Append(blob, m, symmetricLabel, bind(blob, aad), plaintext), nil
}

// Decrypt opens what Encrypt made with the same material and aad, or answers
// ErrCiphertext. The caller wipes the plaintext where it must not stay.
func Decrypt(m Material, blob, aad []byte) ([]byte, error) {
	if len(m) != symmetricSize {
		return nil, ErrMaterial
	}
	h, body, err := ParseBlob(blob)
	if err != nil || h.Kind != Local {
		return nil, ErrCiphertext
	}
	plaintext, err := message.Open(m, symmetricLabel, bind(blob[:HeaderSize], aad), body)
	if err != nil {
		return nil, ErrCiphertext
	}
	return plaintext, nil
}

// bind is the additional data of a body: the header, whose length is fixed, and
// what the caller adds.
func bind(header, aad []byte) []byte {
	b := make([]byte, 0, len(header)+len(aad))
	return append(append(b, header...), aad...)
}

// ID answers the material's KeyMaterialId, 64 hex digits: the same for the same
// material under the same key id, so that a re-import can be recognised, and
// otherwise telling nothing: not even that two keys share their material.
func ID(keyID string, m Material) string {
	sum := message.Derive(m, idLabel, []byte(keyID))
	return hex.EncodeToString(sum[:])
}
