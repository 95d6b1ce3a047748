package objects

import (
	"context"
	"io"
)

// Head answers a version in the transaction of ctx; an empty id means the latest.
// Delete markers are *MarkerError; a latest one is ErrNoKey by errors.Is.
func (s *Store) Head(ctx context.Context, bucket, key, id string) (*Version, error) {
	return nil, errUnfinished
}

// Read says which bytes of a version, and the secrets that its encryption takes.
type Read struct {
	Secrets [][]byte
	Offset  int64
	Length  int64 // negative: to the end
}

// Open reads from a version, outside of any transaction. Secrets are checked and
// the first chunk is authenticated before it answers. Reading fails with ErrDamaged
// before any byte of a bad chunk. When the version was removed since it was looked
// up: ErrChanged, and the caller looks again. What is open stays readable when the
// version is removed.
func (s *Store) Open(ctx context.Context, v *Version, r Read) (io.ReadCloser, error) {
	return nil, errUnfinished
}

// Fits reports whether secret is the customer's key of SSE-C data.
func (e *Encryption) Fits(secret []byte) bool { return false }

// Part is a part of an upload, or of an object that was uploaded in parts.
type Part struct {
	Number   int
	Offset   int64 `json:"-"` // in the object
	Size     int64
	ETag     string    `json:",omitempty"` // of parts of uploads
	Modified Timestamp `json:",omitzero"`  // of parts of uploads
	Checksum Checksum  `json:",omitzero"`
	Segment  Segment   `json:",omitzero"`
}

// Parts answers the parts of an object that was uploaded in parts, behind number
// after, at most most, in the transaction of ctx.
func (s *Store) Parts(ctx context.Context, v *Version, after, most int) (parts []Part, more bool, err error) {
	return nil, false, errUnfinished
}

// PartAt answers the n-th part of an object, counted from 1, in the transaction
// of ctx. An object that was put whole has one. Beyond the last: ErrRange.
func (s *Store) PartAt(ctx context.Context, v *Version, n int) (*Part, error) {
	return nil, errUnfinished
}
