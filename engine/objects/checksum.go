package objects

import (
	"crypto/fips140"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"hash/crc32"

	"github.com/cespare/xxhash/v2"
	"github.com/minio/crc64nvme"
	"github.com/zeebo/xxh3"
)

// Algorithm names a checksum as S3 does.
type Algorithm string

// The checksums that are computed while data stream.
const (
	MD5       Algorithm = "MD5" // also of Content-MD5 and ETags
	CRC32     Algorithm = "CRC32"
	CRC32C    Algorithm = "CRC32C"
	CRC64NVME Algorithm = "CRC64NVME"
	SHA1      Algorithm = "SHA1"
	SHA256    Algorithm = "SHA256"
	SHA512    Algorithm = "SHA512"
	XXHASH64  Algorithm = "XXHASH64"
	XXHASH3   Algorithm = "XXHASH3" // XXH3, 64 bits
	XXHASH128 Algorithm = "XXHASH128"
)

// Types of checksums.
const (
	FullObject = "FULL_OBJECT"
	Composite  = "COMPOSITE" // of an upload: the checksum of the parts' checksums
)

// Checksum is a checksum that is kept with a version or a part.
type Checksum struct {
	Algorithm Algorithm `json:",omitempty"` // empty: none
	Type      string    `json:",omitempty"` // FullObject or Composite
	Value     string    `json:",omitempty"` // base64; a composite one of an object ends in "-" and the number of parts
}

// Sums are raw checksums by algorithm, big-endian.
type Sums map[Algorithm][]byte

// Checksum answers the sum of an algorithm as it is kept of data that were
// written in one go.
func (s Sums) Checksum(a Algorithm) Checksum {
	if s[a] == nil {
		return Checksum{}
	}
	return Checksum{a, FullObject, base64.StdEncoding.EncodeToString(s[a])}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newHash answers the hash of an algorithm; nil if there is none of this name.
//
// MD5 and SHA-1 are here because S3's protocol is: as checksums against accidents,
// which FIPS 140-3 does not speak of. Hence unenforced.
func newHash(a Algorithm) hash.Hash {
	switch a {
	case MD5:
		return unenforced{md5.New()}
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(castagnoli)
	case CRC64NVME:
		return crc64nvme.New()
	case SHA1:
		return unenforced{sha1.New()}
	case SHA256:
		return sha256.New()
	case SHA512:
		return sha512.New()
	case XXHASH64:
		return xxhash.New()
	case XXHASH3:
		return xxh3.New()
	case XXHASH128:
		return wide{xxh3.New()}
	}
	return nil
}

// wide is XXH3 with all its 128 bits.
type wide struct{ *xxh3.Hasher }

func (w wide) Size() int { return 16 }

func (w wide) Sum(b []byte) []byte {
	sum := w.Sum128().Bytes()
	return append(b, sum[:]...)
}

// Known reports whether a is an algorithm that a Checksum can have.
func (a Algorithm) Known() bool { return newHash(a) != nil }

// Length is how many bytes the algorithm's sums have.
func (a Algorithm) Length() int {
	if h := newHash(a); h != nil {
		return h.Size()
	}
	return 0
}

type unenforced struct{ hash.Hash }

func (u unenforced) Write(p []byte) (n int, err error) {
	fips140.WithoutEnforcement(func() { n, err = u.Hash.Write(p) })
	return n, err
}

func (u unenforced) Sum(b []byte) (sum []byte) {
	fips140.WithoutEnforcement(func() { sum = u.Hash.Sum(b) })
	return sum
}

// hashes compute several sums at once.
type hashes struct {
	names []Algorithm
	each  []hash.Hash
}

func (h *hashes) add(names ...Algorithm) {
next:
	for _, a := range names {
		for _, have := range h.names {
			if have == a {
				continue next
			}
		}
		if x := newHash(a); x != nil {
			h.names, h.each = append(h.names, a), append(h.each, x)
		}
	}
}

func (h *hashes) write(p []byte) {
	for _, x := range h.each {
		x.Write(p)
	}
}

func (h *hashes) sums() Sums {
	s := make(Sums, len(h.names))
	for i, a := range h.names {
		s[a] = h.each[i].Sum(nil)
	}
	return s
}

// digest is the sum of the concatenation of some bytes.
func digest(a Algorithm, list [][]byte) []byte {
	h := newHash(a)
	for _, b := range list {
		h.Write(b)
	}
	return h.Sum(nil)
}

// combine answers the CRC of data whose two halves have the CRCs a and b, the
// second of size bytes; nil if the algorithm is no CRC.
//
// With a reflected polynomial, appending n zero bits multiplies a CRC by x^n, so
// crc(A ‖ B) = crc(A)·x^(8·|B|) ⊕ crc(B). The initial and final inversions cancel.
func combine(alg Algorithm, a, b []byte, size int64) []byte {
	switch alg {
	case CRC32, CRC32C:
		poly := uint64(crc32.IEEE)
		if alg == CRC32C {
			poly = crc32.Castagnoli
		}
		f := field{poly, 32}
		x := f.mul(uint64(binary.BigEndian.Uint32(a)), f.power(uint64(size)*8))
		return binary.BigEndian.AppendUint32(nil, uint32(x)^binary.BigEndian.Uint32(b))
	case CRC64NVME:
		f := field{0x9a6c9329ac4bc9b5, 64}
		x := f.mul(binary.BigEndian.Uint64(a), f.power(uint64(size)*8))
		return binary.BigEndian.AppendUint64(nil, x^binary.BigEndian.Uint64(b))
	}
	return nil
}

// field is GF(2)[x] modulo a polynomial of a degree, bits reflected: the highest
// bit is the coefficient of x^0.
type field struct {
	poly   uint64
	degree uint
}

func (f field) mul(a, b uint64) (sum uint64) {
	top := uint64(1) << (f.degree - 1)
	for bit := top; bit != 0; bit >>= 1 {
		if a&bit != 0 {
			sum ^= b
		}
		if b&1 != 0 {
			b = b>>1 ^ f.poly
		} else {
			b >>= 1
		}
	}
	return sum
}

// power answers x^n.
func (f field) power(n uint64) uint64 {
	one := uint64(1) << (f.degree - 1)
	result, base := one, one>>1 // 1 and x
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			result = f.mul(result, base)
		}
		base = f.mul(base, base)
	}
	return result
}
