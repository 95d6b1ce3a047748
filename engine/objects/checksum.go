package objects

import "encoding/base64"

// Algorithm names a checksum as S3 does.
type Algorithm string

// The checksums that are computed while data streams.
const (
	MD5       Algorithm = "MD5" // Content-MD5 and ETags; never kept as a Checksum
	CRC32     Algorithm = "CRC32"
	CRC32C    Algorithm = "CRC32C"
	CRC64NVME Algorithm = "CRC64NVME"
	SHA1      Algorithm = "SHA1"
	SHA256    Algorithm = "SHA256"
)

// Types of checksums of objects that were uploaded in parts; others are FullObject.
const (
	FullObject = "FULL_OBJECT"
	Composite  = "COMPOSITE" // the checksum of the parts' checksums
)

// Checksum is a checksum that is kept with a version or a part.
type Checksum struct {
	Algorithm Algorithm `json:",omitempty"` // empty: none
	Type      string    `json:",omitempty"` // FullObject or Composite
	Value     string    `json:",omitempty"` // base64; a composite one of an object ends in "-" and the number of parts
}

// Sums are raw checksums by algorithm, big-endian.
type Sums map[Algorithm][]byte

// Checksum answers the sum of an algorithm, as it is kept of data that was
// written whole.
func (s Sums) Checksum(a Algorithm) Checksum {
	if s[a] == nil || a == MD5 {
		return Checksum{}
	}
	return Checksum{a, FullObject, base64.StdEncoding.EncodeToString(s[a])}
}
