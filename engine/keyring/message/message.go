// Package message encrypts single messages, each under a key of its own.
//
// A fresh 16-byte salt and a label go through the SP 800-108r1 counter-mode KDF
// (HMAC-SHA-256, 32-bit counter before the fixed input) to an AES-256 key that
// is used once, with GCM and a random nonce. So no AES key ever nears GCM's
// limit of 2^32 random nonces, the long-lived key never meets AES at all, and
// Go's FIPS mode, which refuses nonces of a caller's choice, accepts it.
//
// Layout: salt (16) ‖ nonce (12) ‖ ciphertext ‖ tag (16).
//
// Non-goals: it does not say which key a message is under; its users put a
// header before it and that header into the additional data.
package message

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// Overhead is how many bytes a sealed message is longer than its plaintext.
const Overhead = saltSize + 12 + 16

const (
	saltSize = 16
	keySize  = 32
)

// ErrDamaged: the message was not sealed under this key, label and additional
// data, or it was changed since. Which of them is not told.
var ErrDamaged = errors.New("message: not authentic")

// Append seals plaintext under a key derived from key and label, bound to aad,
// and appends the message to dst.
func Append(dst, key []byte, label string, aad, plaintext []byte) []byte {
	n := len(dst)
	dst = append(dst, make([]byte, len(plaintext)+Overhead)...)
	salt, body := dst[n:n+saltSize], dst[n+saltSize:]
	rand.Read(salt)
	harden.Do(func() {
		newGCM(key, label, salt).Seal(body[:0], nil, plaintext, aad) // exactly fills body
	})
	return dst
}

// Open answers the plaintext of a message that Append made. The caller wipes it.
func Open(key []byte, label string, aad, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, ErrDamaged
	}
	out := make([]byte, 0, len(sealed)-Overhead)
	var err error
	harden.Do(func() {
		out, err = newGCM(key, label, sealed[:saltSize]).Open(out, nil, sealed[saltSize:], aad)
	})
	if err != nil {
		return nil, ErrDamaged
	}
	return out, nil
}

func newGCM(key []byte, label string, salt []byte) cipher.AEAD {
	var k [keySize]byte
	derive(&k, key, label, salt)
	block, err := aes.NewCipher(k[:])
	harden.Wipe(k[:])
	if err != nil {
		panic(err) // the key's size is fixed above
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES always fits
	}
	return gcm
}
