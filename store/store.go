// Package store keeps small records: ordered keys, optimistic transactions over
// many keys, and watches by revision.
//
// # The contract
//
//   - Every commit with writes gets a revision, higher than all before it. A
//     commit is acknowledged only when it is durable and visible to every later
//     read, on every node.
//   - A transaction reads the newest values and remembers what it read: keys,
//     also absent ones, and ranges. It commits only if nothing of that changed
//     since it began (ErrConflict otherwise), so transactions are strictly
//     serializable, read-only ones included. There are no locks; DB.Run tries
//     again. A refused transaction may also have been overtaken by too many
//     commits to tell.
//   - Until Commit has succeeded, what a transaction read may be a mix of two
//     moments. Whoever acts on it outside the store acts after the commit.
//   - A commit that fails with ErrConflict or ErrTooLarge has not happened. After
//     any other error it may or may not have, or may still.
//   - Scan walks keys in byte order and sees the writes that the transaction had
//     made when the walk began.
//   - Watch delivers every change under a prefix in order of revision, without
//     gaps, from a revision that is at most Retained commits old (less if those
//     were very large); else it ends with ErrCompacted and the watcher reads
//     anew. Deleting an absent key may count as a change.
//   - Limits: keys of 1 to MaxKey bytes, values up to MaxValue, a transaction up
//     to MaxOps writes and MaxTxn bytes of keys and values. Beyond them:
//     ErrTooLarge.
//   - A backend that has failed for good (an fsync error) or that cannot know
//     whether it is up to date answers ErrUnavailable to reads and writes alike.
//
// Values that could be sensitive are sealed by their owner before they come
// here; keys are metadata and stand in the clear.
//
// Non-goals: queries by anything but key, and large objects (package blob).
package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// Limits of the contract; etcd's defaults are the tightest and set them. A key
// has room for an object's of 1,024 bytes, each of which ID may double.
const (
	MaxKey   = 2304
	MaxValue = 1 << 20
	MaxTxn   = 1_400_000
	MaxOps   = 1000
	// Retained is how many commits back Watch and conflict checks reach.
	Retained = 1 << 14

	// What DB.Guard may add to a transaction.
	spareOps = 8
	spareTxn = 20_000
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
			return Range{p, p[:i] + string([]byte{p[i] + 1})} // a byte, not a rune
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

// Validate answers ErrTooLarge where c is beyond the limits, a little room for
// DB.Guard included.
func (c *Commit) Validate() error {
	if len(c.Writes) > MaxOps+spareOps {
		return fmt.Errorf("%w: %d writes", ErrTooLarge, len(c.Writes))
	}
	total := 0
	for _, w := range c.Writes {
		if w.Key == "" || len(w.Key) > MaxKey || len(w.Value) > MaxValue {
			return fmt.Errorf("%w: key of %d bytes, value of %d", ErrTooLarge, len(w.Key), len(w.Value))
		}
		total += len(w.Key) + len(w.Value)
	}
	if total > MaxTxn+spareTxn {
		return fmt.Errorf("%w: %d bytes in %d writes", ErrTooLarge, total, len(c.Writes))
	}
	return nil
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
	// or ErrConflict. With no Writes it only checks, cheaply: values that became
	// readable before Revision moved count as changes too.
	Commit(ctx context.Context, c Commit) (int64, error)
	// Watch yields changes after revision after, until ctx ends.
	Watch(ctx context.Context, prefix string, after int64) iter.Seq2[Change, error]
	// OnChange adds a function that is told the keys of every commit, after they
	// became readable and before the commit is acknowledged and Revision moves.
	OnChange(func(keys []string))
	// Ready is nil when reads and writes can be served.
	Ready() error
	Close() error
}

// Teller is a backend that knows what its commits wrote: caches can go on with it
// instead of reading it again.
type Teller interface {
	// OnWrite adds a function that is told the writes of every commit, in order of
	// revisions, at the moment of OnChange. It may keep the values.
	OnWrite(func(writes []Write))
}

// Advancer is a backend whose revisions can be moved up, so that a restored
// store goes on above every revision that its original ever gave out.
type Advancer interface {
	// Advance makes every later revision higher than rev.
	Advance(ctx context.Context, rev int64) error
}

// Measured is a backend with figures of its own, by name.
type Measured interface{ Figures() map[string]int64 }
