// Package store keeps small records: ordered keys, optimistic transactions over
// many keys, and watches by revision.
//
// # The contract
//
//   - Every commit gets a revision, higher than all before it. A commit is
//     acknowledged only when it is durable and visible to every later read, on
//     every node.
//   - A transaction reads the newest values and remembers what it read: keys,
//     also absent ones, and ranges. It commits only if nothing of that changed
//     since it began (ErrConflict otherwise), so transactions are strictly
//     serializable, read-only ones included. There are no locks; DB.Run tries
//     again.
//   - Until Commit has succeeded, what a transaction read may be a mix of two
//     moments. Whoever acts on it outside the store acts after the commit.
//   - Scan walks keys in byte order and sees the transaction's own writes.
//   - Watch delivers every change under a prefix in order of revision, without
//     gaps, from a revision that is at most Retained commits old; else it ends
//     with ErrCompacted and the watcher reads anew.
//   - Limits: keys up to MaxKey bytes, values up to MaxValue, a transaction up
//     to MaxOps writes and MaxTxn bytes. Beyond them: ErrTooLarge.
//
// Values that could be sensitive are sealed by their owner before they come
// here; keys are metadata and stand in the clear.
//
// Non-goals: queries by anything but key, and large objects (package blob).
package store

import (
	"context"
	"errors"
	"iter"
)

// Limits of the contract; etcd's defaults are the tightest and set them.
const (
	MaxKey   = 2048
	MaxValue = 1 << 20
	MaxTxn   = 1_400_000
	MaxOps   = 1000
	// Retained is how many commits back Watch and conflict checks reach.
	Retained = 1 << 16
)

// Errors of the contract.
var (
	ErrNotFound    = errors.New("store: no such record")
	ErrConflict    = errors.New("store: a record that was read has changed")
	ErrTooLarge    = errors.New("store: record or transaction too large")
	ErrCompacted   = errors.New("store: revision no longer retained")
	ErrClosed      = errors.New("store: closed")
	ErrUnavailable = errors.New("store: not available now") // no quorum, or this node's lease ran out
)

// KV is one record as it lies in the store.
type KV struct {
	Key   string
	Value []byte // read-only
	Rev   int64  // the revision that wrote it
}

// Range is the keys k with Start <= k < End. An empty End means no end.
type Range struct{ Start, End string }

// Contains reports whether key lies in r.
func (r Range) Contains(key string) bool {
	return key >= r.Start && (r.End == "" || key < r.End)
}

// Prefix is the range of keys that start with p.
func Prefix(p string) Range {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] != 0xff {
			return Range{p, p[:i] + string(p[i]+1)}
		}
	}
	return Range{Start: p}
}

// Write is one change of a commit; a nil Value deletes.
type Write struct {
	Key   string
	Value []byte
}

// Commit is what a transaction asks of its backend: apply Writes atomically if
// none of Keys and nothing in Ranges was written after ReadRev.
type Commit struct {
	ReadRev int64
	Keys    []string
	Ranges  []Range
	Writes  []Write // at most one per key
}

// Change is one record's change as a watch delivers it.
type Change struct {
	KV
	Deleted bool
}

// Backend is what an engine implements. All methods are safe for concurrent use.
type Backend interface {
	// Revision is the newest revision that reads can see.
	Revision() int64
	// Get answers the newest value of key; ok is false if there is none.
	Get(key string) (kv KV, ok bool, err error)
	// Scan walks the range in order (or backwards) over one consistent state,
	// not older than the newest acknowledged commit when the walk began.
	Scan(r Range, reverse bool) iter.Seq2[KV, error]
	// Commit applies c and answers its revision once it is durable and visible,
	// or ErrConflict. With no Writes it only checks.
	Commit(ctx context.Context, c Commit) (int64, error)
	// Watch yields changes after revision after, until ctx ends.
	Watch(ctx context.Context, prefix string, after int64) iter.Seq2[Change, error]
	// OnChange registers the one function that is told the keys of every commit,
	// after they became readable and before the commit is acknowledged and
	// Revision moves.
	OnChange(func(keys []string))
	// Ready is nil when reads and writes can be served.
	Ready() error
	Close() error
}
