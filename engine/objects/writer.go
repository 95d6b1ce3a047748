package objects

import (
	"context"
)

// NewObject says what is about to be written.
type NewObject struct {
	Bucket, Key string
	Size        int64 // bytes that will come; -1: not known
	Encryption  Encryption
	Secrets     [][]byte    // as many as Encryption.Kind takes; copied
	Sums        []Algorithm // to be computed on the way
}

// Put is what becomes of data that was written.
type Put struct {
	Versioning Versioning
	Attributes
	Checksum Checksum // to be kept; the service has compared it with what the client said
	Condition
}

// Condition is what the key's object must be for a write to happen, judged in
// the transaction that writes. ETags stand without quotes.
type Condition struct {
	IfMatch     string // ETag of the object that is there; "*": any
	IfNoneMatch bool   // no object may be there
	// Delete only.
	IfModified *int64 // Unix seconds
	IfSize     *int64
}

// Writer takes the data of one object or part: Write until all is there, Finish,
// then Commit (or CommitPart) in a transaction. Close always, in the end: it drops
// what was not committed. A Writer belongs to one goroutine.
type Writer struct{}

// Create begins an object. It runs outside of any transaction; the caller decides
// about the bucket again in the transaction that commits.
func (s *Store) Create(ctx context.Context, n NewObject) (*Writer, error) { return nil, errUnfinished }

// Write implements io.Writer. It fails with blob.ErrFull when there is no room.
func (w *Writer) Write(p []byte) (int, error) { return 0, errUnfinished }

// Finish ends the data. When it answers, they are durable and the sums are final:
// those that NewObject asked for.
func (w *Writer) Finish() (Sums, error) { return nil, errUnfinished }

// Size is how many bytes were written.
func (w *Writer) Size() int64 { return 0 }

// Commit makes the data the key's newest version, in the transaction of ctx; it
// is done when that commits. It may run again with it.
func (w *Writer) Commit(ctx context.Context, p Put) (*Version, error) { return nil, errUnfinished }

// CommitPart makes the data the part that PutPart began, in the transaction of
// ctx. Of the upload's checksum algorithm, if it has one, the sum is kept.
func (w *Writer) CommitPart(ctx context.Context) (*Part, error) { return nil, errUnfinished }

// Close drops what was not committed and wipes keys. It does nothing after a
// commit that succeeded.
func (w *Writer) Close() error { return errUnfinished }
