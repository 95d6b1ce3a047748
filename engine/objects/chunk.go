package objects

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"sync"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
)

// A segment is encrypted chunk by chunk, each layer with AES-256-GCM under a key
// of the segment's own (SP 800-108, from the data key and the segment's id) and a
// random nonce per chunk: FIPS mode refuses nonces of a caller's choice, and with
// at most 81,920 chunks under one key they do not meet.
//
//	chunk = nonce (12) ‖ ciphertext ‖ tag (16), around the inner layer's chunk
//
// The additional data are the chunk's number and whether it is the last one, so
// chunks cannot be left out, repeated, reordered or cut off; that they belong to
// another segment or object, the key says. An empty segment is one empty chunk.
const overhead = 12 + 16

// chunkCipher encrypts and decrypts the chunks of one segment.
type chunkCipher struct{ layers []cipher.AEAD }

func newChunkCipher(keys dataKeys, segment string) (*chunkCipher, error) {
	id, err := hex.DecodeString(segment)
	if err != nil || len(id) != 16 {
		return nil, ErrDamaged
	}
	c := &chunkCipher{}
	for _, key := range keys {
		k := message.Derive(key, segmentLabel, id)
		block, err := aes.NewCipher(k[:])
		harden.Wipe(k[:])
		if err != nil {
			return nil, err
		}
		gcm, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		c.layers = append(c.layers, gcm)
	}
	return c, nil
}

func position(n int64, last bool) (aad [9]byte) {
	binary.BigEndian.PutUint64(aad[:], uint64(n))
	if last {
		aad[8] = 1
	}
	return aad
}

// sealed is how long a chunk of n bytes is when it is encrypted.
func (c *chunkCipher) sealed(n int) int { return n + overhead*len(c.layers) }

// seal appends chunk number n to dst.
func (c *chunkCipher) seal(dst, plain []byte, n int64, last bool) []byte {
	aad := position(n, last)
	if len(c.layers) == 1 {
		return c.layers[0].Seal(dst, nil, plain, aad[:])
	}
	inner := buffers.Get().(*[]byte)
	defer buffers.Put(inner)
	b := plain
	for _, l := range c.layers[:len(c.layers)-1] {
		b = l.Seal((*inner)[:0], nil, b, aad[:])
	}
	return c.layers[len(c.layers)-1].Seal(dst, nil, b, aad[:])
}

// open decrypts chunk number n into dst, which has room for it. It may overwrite
// sealed.
func (c *chunkCipher) open(dst, sealed []byte, n int64, last bool) ([]byte, error) {
	aad := position(n, last)
	b := sealed
	for i := len(c.layers) - 1; i >= 0; i-- {
		to := dst[:0]
		if i > 0 {
			to = b[:0]
		}
		out, err := c.layers[i].Open(to, nil, b, aad[:])
		if err != nil {
			return nil, ErrDamaged
		}
		b = out
	}
	return b, nil
}

// chunks is how many chunks a segment of size bytes has.
func chunks(size int64) int64 { return max((size+chunkSize-1)/chunkSize, 1) }

// stored is how many bytes a segment of size bytes takes where it is kept.
func stored(size int64, layers int) int64 { return size + chunks(size)*int64(overhead*layers) }

// buffers hold one chunk, encrypted in as many layers as there are.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, chunkSize+2*overhead)
	return &b
}}
