package objects

import (
	"context"
	"time"
)

// Upload is a multipart upload. Uploads that the engine answers are shared and
// read-only.
type Upload struct {
	Bucket     string `json:"-"`
	Key        string `json:"-"`
	ID         string `json:"-"`
	Initiated  time.Time
	Initiator  string `json:",omitempty"` // ARN
	Encryption Encryption
	Checksum   Checksum `json:",omitzero"` // Algorithm and Type; no Value
	Attributes
	Data Data
}

// NewUpload says what is about to be uploaded in parts.
type NewUpload struct {
	Bucket, Key string
	Encryption  Encryption
	Secrets     [][]byte
	Initiator   string
	Checksum    Checksum // Algorithm and Type of the object's checksum; none: empty
	Attributes
}

// StartUpload begins an upload, in the transaction of ctx.
func (s *Store) StartUpload(ctx context.Context, n NewUpload) (*Upload, error) {
	return nil, errUnfinished
}

// Upload answers an upload, in the transaction of ctx, or ErrNoUpload.
func (s *Store) Upload(ctx context.Context, bucket, key, id string) (*Upload, error) {
	return nil, errUnfinished
}

// NewPart says which part is about to be written.
type NewPart struct {
	Bucket, Key, Upload string
	Number              int
	Size                int64    // -1: not known
	Secrets             [][]byte // as the upload's encryption takes
	Sums                []Algorithm
}

// PutPart begins a part; as Create. The writer's CommitPart ends it, and replaces
// an earlier part of the number.
func (s *Store) PutPart(ctx context.Context, n NewPart) (*Writer, error) { return nil, errUnfinished }

// Complete says which parts make the object.
type Complete struct {
	Bucket, Key, Upload string
	Parts               []Chosen // in ascending order
	Versioning          Versioning
	Condition
	// Size, if not nil, is what the client says the object's size is.
	Size *int64
	// Checksum, if it has a Value, is what the client says of the whole object.
	Checksum Checksum
}

// Chosen is a part as CompleteMultipartUpload names it.
type Chosen struct {
	Number   int
	ETag     string   // without quotes
	Checksum Checksum // Algorithm and Value, if the client gave one
}

// CompleteUpload makes a version of parts without copying data, in the
// transaction of ctx. Refusals: ErrNoUpload, ErrNoParts, *PartError (ErrPartOrder,
// ErrInvalidPart, ErrPartTooSmall), ErrChecksum, ErrTooLarge, those of Condition.
func (s *Store) CompleteUpload(ctx context.Context, c Complete) (*Version, error) {
	return nil, errUnfinished
}

// AbortUpload ends an upload without an object, in the transaction of ctx.
func (s *Store) AbortUpload(ctx context.Context, bucket, key, id string) error { return errUnfinished }

// ListParts answers an upload's parts behind number after, at most most, in the
// transaction of ctx.
func (s *Store) ListParts(ctx context.Context, u *Upload, after, most int) (parts []Part, more bool, err error) {
	return nil, false, errUnfinished
}
