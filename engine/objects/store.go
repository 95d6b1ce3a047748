package objects

import (
	"context"
	"errors"
	"log/slog"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/store"
)

var errUnfinished = errors.New("objects: being built")

// Timestamp is a point in time.
type Timestamp = time.Time

// Deps are what the object store rests on.
type Deps struct {
	DB    *store.DB
	Blobs blob.Store
	Keys  *keyring.Keyring
	Clock redoubt.Clock
	Log   *slog.Logger
	// Alone: no other process uses the same store, so whatever was begun before
	// this one started is dead.
	Alone bool
}

// Store is the object store. It is safe for concurrent use.
type Store struct{ Deps }

// New answers the object store; Run keeps it clean.
func New(d Deps) *Store { return &Store{d} }

// Run removes garbage until ctx ends.
func (s *Store) Run(ctx context.Context) error { return errUnfinished }

// Owner re-seals the buckets' keys when the root key is rotated.
func (s *Store) Owner() keyring.Owner { return keyring.Owner{Name: "objects.bucket"} }

// Progress is how far Verify has come.
type Progress struct {
	Versions, Parts, Blobs, Chunks int64
	Bytes                          int64 // of data read
}

// Fault is something that Verify found.
type Fault struct {
	Bucket, Key, Version string // empty where a blob stands alone
	Blob                 string
	Err                  error
}

// Report is what Verify found.
type Report struct {
	Progress
	Unread  int64 // versions whose secrets are not the engine's: presence and size were checked
	Waiting int64 // blobs that are being written, or are garbage that was not removed yet
	Faults  []Fault
}

// Verify walks everything: every reference must have its blob, every blob its
// reference, and every chunk whose key the engine has or secrets answers must be
// authentic. progress may be nil.
func (s *Store) Verify(ctx context.Context, secrets func(context.Context, *Version) ([][]byte, error), progress func(Progress)) (*Report, error) {
	return nil, errUnfinished
}
