// Package memory is a store backend that keeps everything in memory: for tests,
// and as the local replica of backends whose truth is elsewhere.
package memory

import (
	"context"
	"iter"
	"sync"

	"github.com/tidwall/btree"

	"github.com/redoubt-sec/redoubt/store"
)

// Backend keeps records in a copy-on-write B-tree.
type Backend struct {
	mu       sync.RWMutex
	tree     *btree.BTreeG[store.KV]
	rev      int64
	log      []store.Change // newest last, at most store.Retained
	floor    int64          // changes up to this revision are no longer in log
	changed  chan struct{}  // closed and renewed at every commit
	onChange func([]string)
	closed   bool
}

// New answers an empty store.
func New() *Backend {
	return &Backend{
		tree:    btree.NewBTreeG(func(a, b store.KV) bool { return a.Key < b.Key }),
		changed: make(chan struct{}),
	}
}

// OnChange implements store.Backend.
func (b *Backend) OnChange(f func([]string)) { b.onChange = f }

// Revision implements store.Backend.
func (b *Backend) Revision() int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.rev
}

// Ready implements store.Backend.
func (b *Backend) Ready() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return store.ErrClosed
	}
	return nil
}

// Get implements store.Backend.
func (b *Backend) Get(key string) (store.KV, bool, error) {
	if err := b.Ready(); err != nil {
		return store.KV{}, false, err
	}
	kv, ok := b.tree.Get(store.KV{Key: key})
	return kv, ok, nil
}

// Scan implements store.Backend.
func (b *Backend) Scan(r store.Range, reverse bool) iter.Seq2[store.KV, error] {
	return func(yield func(store.KV, error) bool) {
		b.mu.Lock()
		if b.closed {
			b.mu.Unlock()
			yield(store.KV{}, store.ErrClosed)
			return
		}
		snap := b.tree.Copy()
		b.mu.Unlock()
		if reverse {
			visit := func(kv store.KV) bool {
				if r.End != "" && kv.Key >= r.End {
					return true
				}
				return kv.Key >= r.Start && yield(kv, nil)
			}
			if r.End == "" {
				snap.Reverse(visit)
			} else {
				snap.Descend(store.KV{Key: r.End}, visit)
			}
			return
		}
		snap.Ascend(store.KV{Key: r.Start}, func(kv store.KV) bool {
			return r.Contains(kv.Key) && yield(kv, nil)
		})
	}
}

// Commit implements store.Backend.
func (b *Backend) Commit(_ context.Context, c store.Commit) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, store.ErrClosed
	}
	if err := b.check(c); err != nil {
		return 0, err
	}
	if len(c.Writes) == 0 {
		return b.rev, nil
	}
	rev := b.rev + 1
	keys := make([]string, len(c.Writes))
	for i, w := range c.Writes {
		keys[i] = w.Key
		kv := store.KV{Key: w.Key, Value: w.Value, Rev: rev}
		if w.Value == nil {
			b.tree.Delete(kv)
		} else {
			b.tree.Set(kv)
		}
		b.log = append(b.log, store.Change{KV: kv, Deleted: w.Value == nil})
	}
	if over := len(b.log) - store.Retained; over > store.Retained/4 {
		b.floor = b.log[over-1].Rev
		b.log = append([]store.Change(nil), b.log[over:]...)
	}
	if b.onChange != nil {
		b.onChange(keys)
	}
	b.rev = rev
	close(b.changed)
	b.changed = make(chan struct{})
	return rev, nil
}

// check compares what was read with what was written since.
func (b *Backend) check(c store.Commit) error {
	if c.ReadRev < b.floor {
		return store.ErrConflict
	}
	for i := len(b.log) - 1; i >= 0 && b.log[i].Rev > c.ReadRev; i-- {
		k := b.log[i].Key
		for _, r := range c.Keys {
			if r == k {
				return store.ErrConflict
			}
		}
		for _, r := range c.Ranges {
			if r.Contains(k) {
				return store.ErrConflict
			}
		}
	}
	return nil
}

// Watch implements store.Backend.
func (b *Backend) Watch(ctx context.Context, prefix string, after int64) iter.Seq2[store.Change, error] {
	r := store.Prefix(prefix)
	return func(yield func(store.Change, error) bool) {
		for {
			b.mu.RLock()
			var batch []store.Change
			if after < b.floor {
				b.mu.RUnlock()
				yield(store.Change{}, store.ErrCompacted)
				return
			}
			for i := len(b.log) - 1; i >= 0 && b.log[i].Rev > after; i-- {
				if r.Contains(b.log[i].Key) {
					batch = append(batch, b.log[i])
				}
			}
			after = b.rev
			changed, closed := b.changed, b.closed
			b.mu.RUnlock()
			for i := len(batch) - 1; i >= 0; i-- {
				if !yield(batch[i], nil) {
					return
				}
			}
			if closed {
				yield(store.Change{}, store.ErrClosed)
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// Close implements store.Backend.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		close(b.changed)
		b.changed = make(chan struct{})
	}
	return nil
}
