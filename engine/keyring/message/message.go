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
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
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
	var salt [saltSize]byte
	rand.Read(salt[:])
	dst = append(dst, salt[:]...)
	n := len(dst)
	dst = append(dst, make([]byte, len(plaintext)+Overhead-saltSize)...)
	harden.Do(func() {
		// The capacity is exact, so that Seal writes in place and nothing of
		// the result belongs to the memory that Do erases.
		newGCM(key, label, salt[:]).Seal(dst[n:n], nil, plaintext, aad)
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
	Derive(k[:], key, label, salt)
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

// Derive fills out, of at most 32 bytes, with KDF-CTR-HMAC-SHA-256 over key:
// HMAC(key, [1]₃₂ ‖ label ‖ 0x00 ‖ context ‖ [8·len(out)]₃₂), SP 800-108r1
// section 4.1. Labels hold no zero byte. One block is all that is ever asked.
func Derive(out, key []byte, label string, context []byte) {
	if len(out) > sha256.Size {
		panic("message: Derive answers at most one block")
	}
	h := hmac.New(sha256.New, key)
	var word [4]byte
	binary.BigEndian.PutUint32(word[:], 1)
	h.Write(word[:])
	h.Write([]byte(label))
	h.Write([]byte{0})
	h.Write(context)
	binary.BigEndian.PutUint32(word[:], uint32(len(out))*8)
	h.Write(word[:])
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	copy(out, sum[:])
	harden.Wipe(sum[:])
}
