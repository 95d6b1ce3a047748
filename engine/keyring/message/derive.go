package message

import (
	"bytes"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha256"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// Derive answers a 256-bit key: KDF-CTR-HMAC-SHA-256 over key,
// HMAC(key, [1]₃₂ ‖ label ‖ 0x00 ‖ context ‖ [256]₃₂), SP 800-108r1 section 4.1
// with one block of output. For one label, contexts are of one length, or the
// label holds no zero byte.
func Derive(key []byte, label string, context []byte) (out [32]byte) {
	harden.Do(func() { derive(&out, key, label, context) })
	return out
}

func derive(out *[32]byte, key []byte, label string, context []byte) {
	var fixed [256]byte
	b := append(fixed[:0], 0, 0, 0, 1)
	b = append(b, label...)
	b = append(b, 0)
	b = append(b, context...)
	b = append(b, 0, 0, 1, 0)
	sum(out, key, b)
}

// MAC answers the HMAC-SHA-256 of data under a key derived from key and label.
func MAC(key []byte, label string, data []byte) (out [32]byte) {
	harden.Do(func() {
		var k [32]byte
		derive(&k, key, label, nil)
		sum(&out, k[:], data)
		harden.Wipe(k[:])
	})
	return out
}

// sum is HMAC-SHA-256. crypto/hmac keeps the key, masked by a constant, in heap
// memory that nobody wipes, and allocates for it six times; so outside FIPS
// mode, where its validated module must do the work, this is RFC 2104 on the
// stack, wiped.
func sum(out *[32]byte, key, data []byte) {
	if fips140.Enabled() || len(key) > sha256.BlockSize {
		standard(out, key, data)
		return
	}
	var block [sha256.BlockSize + 256]byte
	copy(block[:], key)
	for i := range sha256.BlockSize {
		block[i] ^= 0x36
	}
	text := block[:]
	if len(data) > len(block)-sha256.BlockSize {
		text = append(make([]byte, 0, sha256.BlockSize+len(data)), block[:sha256.BlockSize]...)
		text = text[:cap(text)]
		defer clear(text)
	}
	n := copy(text[sha256.BlockSize:], data)
	inner := sha256.Sum256(text[:sha256.BlockSize+n])
	for i := range sha256.BlockSize {
		block[i] ^= 0x36 ^ 0x5c
	}
	n = copy(block[sha256.BlockSize:], inner[:])
	*out = sha256.Sum256(block[:sha256.BlockSize+n])
	clear(block[:sha256.BlockSize])
}

// standard has crypto/hmac do it. What it is handed goes to the heap, hence the
// copies: else everything would, in the other mode too.
func standard(out *[32]byte, key, data []byte) {
	h := hmac.New(sha256.New, bytes.Clone(key))
	h.Write(bytes.Clone(data))
	copy(out[:], h.Sum(nil))
}
