package material

import (
	"crypto/aes"
	"crypto/subtle"
	"encoding/binary"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// AES Key Wrap with Padding, RFC 5649 (SP 800-38F's KWP): how RSA_AES_KEY_WRAP
// carries private keys that are longer than RSA can encrypt.

const (
	kwpPrefix = 0xA65959A6
	maxWrap   = maxDER
)

// WrapKey encrypts 1 to 8,192 bytes under an AES key of 16, 24 or 32 bytes.
func WrapKey(kek, secret []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil || len(secret) == 0 || len(secret) > maxWrap {
		return nil, ErrMaterial
	}
	out := make([]byte, 8+(len(secret)+7)/8*8)
	binary.BigEndian.PutUint32(out, kwpPrefix)
	binary.BigEndian.PutUint32(out[4:], uint32(len(secret)))
	copy(out[8:], secret)
	if len(out) == 16 {
		block.Encrypt(out, out)
		return out, nil
	}
	// W of RFC 3394 section 2.2.1, index based: A stands in b[:8].
	var b [16]byte
	copy(b[:8], out[:8])
	n := uint64(len(out)/8 - 1)
	for j := range uint64(6) {
		for i := uint64(1); i <= n; i++ {
			r := out[8*i : 8*i+8]
			copy(b[8:], r)
			block.Encrypt(b[:], b[:])
			subtle.XORBytes(b[:8], b[:8], binary.BigEndian.AppendUint64(nil, n*j+i))
			copy(r, b[8:])
		}
	}
	copy(out, b[:8])
	return out, nil
}

// UnwrapKey undoes WrapKey, or answers ErrCiphertext. Which of the checks of
// RFC 5649 section 3 failed shows neither in the error nor in the time taken.
func UnwrapKey(kek, wrapped []byte) (secret []byte, err error) {
	harden.Do(func() { secret, err = unwrapKey(kek, wrapped) })
	return secret, err
}

func unwrapKey(kek, wrapped []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil || len(wrapped) < 16 || len(wrapped)%8 != 0 || len(wrapped) > maxWrap+8 {
		return nil, ErrCiphertext
	}
	out := append([]byte(nil), wrapped...)
	if len(out) == 16 {
		block.Decrypt(out, out)
	} else {
		var b [16]byte
		copy(b[:8], out[:8])
		n := uint64(len(out)/8 - 1)
		for j := uint64(6); j > 0; j-- {
			for i := n; i > 0; i-- {
				r := out[8*i : 8*i+8]
				copy(b[8:], r)
				subtle.XORBytes(b[:8], b[:8], binary.BigEndian.AppendUint64(nil, n*(j-1)+i))
				block.Decrypt(b[:], b[:])
				copy(r, b[8:])
			}
		}
		copy(out, b[:8])
		harden.Wipe(b[:])
	}
	size := binary.BigEndian.Uint32(out[4:])
	padded := len(out) - 8
	// padding := padded - size must be 0..7, and those last bytes zero.
	padding := int32(uint32(padded) - size)
	ok := subtle.ConstantTimeEq(int32(binary.BigEndian.Uint32(out)), int32(-0x100000000+kwpPrefix))
	ok &= 1 ^ int(uint32(padding)>>31) // padding >= 0
	ok &= int(uint32(padding-8) >> 31) // padding < 8
	var dirt byte
	for i := range int32(8) {
		in := byte(-int8(uint32(i-padding) >> 31)) // 0xff for i < padding
		dirt |= in & out[len(out)-1-int(i)]
	}
	ok &= subtle.ConstantTimeByteEq(dirt, 0)
	if ok != 1 {
		harden.Wipe(out)
		return nil, ErrCiphertext
	}
	return out[8 : 8+size], nil
}
