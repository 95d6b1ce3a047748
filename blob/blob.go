// Package blob keeps large objects: write-once, under names that its users make
// up at random. What they mean, and which of them are still needed, their users
// keep in package store.
//
// # The contract
//
//   - A blob appears when its writer's Commit has succeeded, whole, and stays as it
//     is until Remove. Before that no Open, Stat or List shows it, nor after a crash
//     in mid-write.
//   - What Commit has acknowledged is durable.
//   - A name is committed once: a second Commit of the same name answers ErrExists
//     and changes nothing. Names are NewName's; anything else is ErrName, so that no
//     name can mean a path.
//   - Open reads a part of a blob. Who has opened a blob reads on after a Remove, or
//     gets ErrNotFound; never other bytes.
//   - Remove is durable when it answers. Removing what is not there is no error.
//   - List walks the committed blobs in order of name. A blob that is committed or
//     removed during the walk may be in it or not.
//   - What a writer left that neither committed nor aborted (the process died) is
//     invisible, and Sweep removes it, never that of a writer that lives.
//   - When there is no room: ErrFull, from Create (as far as the size is known),
//     Write or Commit; the blob does not appear.
//   - Errors of writing and flushing are final for the blob: Commit after a failed
//     Write fails.
//
// All methods are safe for concurrent use; a Writer and a Reader belong to one
// goroutine.
//
// Bytes are stored as they are: users encrypt and authenticate them. Memory is
// bounded by the backend, whatever the size of a blob.
//
// Non-goals: changing a blob, names that say something, access control.
package blob

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"time"
)

// Errors of the contract.
var (
	ErrNotFound = errors.New("blob: no such blob")
	ErrExists   = errors.New("blob: a blob of this name exists")
	ErrName     = errors.New("blob: not a blob's name")
	ErrFull     = errors.New("blob: no room left")
	ErrClosed   = errors.New("blob: closed")
)

// Info is what is known of a blob without reading it.
type Info struct {
	Name     string
	Size     int64
	Modified time.Time // by the backend's clock; for people
}

// Writer writes one blob. Exactly one of Commit and Abort ends it; Abort after
// Commit does nothing.
type Writer interface {
	io.Writer
	Commit() error
	Abort() error
}

// Store is what a backend implements.
type Store interface {
	// Create begins a blob. size is how many bytes will come, -1 if that is not
	// known; it reserves room and bounds nothing. ctx reaches to Commit or Abort.
	Create(ctx context.Context, name string, size int64) (Writer, error)
	// Open reads length bytes from offset, or less where the blob ends before; a
	// negative length means to the end. ctx reaches to Close.
	Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
	Stat(ctx context.Context, name string) (Info, error)
	Remove(ctx context.Context, name string) error
	// List walks the blobs whose name is behind after.
	List(ctx context.Context, after string) iter.Seq2[Info, error]
	// Sweep removes what dead writers left and answers how many there were.
	Sweep(ctx context.Context) (int, error)
	Close() error
}

// NameLength is how many characters a name has.
const NameLength = 32

// NewName makes up a name: 128 random bits as lower-case hexadecimal digits.
func NewName() string {
	var b [NameLength / 2]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Valid reports whether name is a blob's name.
func Valid(name string) bool {
	if len(name) != NameLength {
		return false
	}
	for i := range len(name) {
		if c := name[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
