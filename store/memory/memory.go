// Package memory is a store backend that keeps everything in memory: for tests,
// and as the local replica of backends whose truth is elsewhere.
package memory

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/internal/history"
)

// Backend keeps records in a copy-on-write B-tree.
type Backend struct {
	mu       sync.RWMutex // held while a commit is applied: a walk sees all of it or nothing
	tree     *btree.BTreeG[store.KV]
	log      *history.Log
	next     int64 // newest revision given out
	onChange []func([]string)
	onWrite  []func([]store.Write)
	closed   atomic.Bool
}

var (
	_ store.Backend  = (*Backend)(nil)
	_ store.Advancer = (*Backend)(nil)
	_ store.Teller   = (*Backend)(nil)
)

// New answers an empty store.
func New() *Backend {
	return &Backend{
		tree: btree.NewBTreeG(func(a, b store.KV) bool { return a.Key < b.Key }),
		log:  history.New(0),
	}
}

// OnChange implements store.Backend.
func (b *Backend) OnChange(f func([]string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onChange = append(b.onChange, f)
}

// OnWrite implements store.Teller.
func (b *Backend) OnWrite(f func([]store.Write)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onWrite = append(b.onWrite, f)
}

func (b *Backend) tell(writes []store.Write) {
	for _, f := range b.onWrite {
		f(writes)
	}
	if len(b.onChange) == 0 {
		return
	}
	keys := make([]string, len(writes))
	for i, w := range writes {
		keys[i] = w.Key
	}
	for _, f := range b.onChange {
		f(keys)
	}
}

// Revision implements store.Backend.
func (b *Backend) Revision() int64 { return b.log.Revision() }

// Ready implements store.Backend.
func (b *Backend) Ready() error {
	if b.closed.Load() {
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
		if err := b.Ready(); err != nil {
			yield(store.KV{}, err)
			return
		}
		b.mu.RLock()
		snap := b.tree.Copy()
		b.mu.RUnlock()
		if !reverse {
			snap.Ascend(store.KV{Key: r.Start}, func(kv store.KV) bool {
				return r.Contains(kv.Key) && yield(kv, nil)
			})
			return
		}
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
	}
}

// Commit implements store.Backend.
func (b *Backend) Commit(ctx context.Context, c store.Commit) (int64, error) {
	if err := b.Ready(); err != nil {
		return 0, err
	}
	if len(c.Writes) == 0 {
		return c.ReadRev, b.log.Check(c)
	}
	if err := c.Validate(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.Ready(); err != nil {
		return 0, err
	}
	if err := b.log.Check(c); err != nil {
		return 0, err
	}
	b.apply(b.next+1, c.Writes)
	return b.next, nil
}

// Apply takes in a commit that was decided elsewhere, as revision rev.
func (b *Backend) Apply(rev int64, writes []store.Write) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.apply(rev, writes)
}

func (b *Backend) apply(rev int64, writes []store.Write) {
	b.log.Append(rev, writes)
	for _, w := range writes {
		kv := store.KV{Key: w.Key, Value: w.Value, Rev: rev}
		if w.Value == nil {
			b.tree.Delete(kv)
		} else {
			b.tree.Set(kv)
		}
	}
	b.tell(writes)
	b.next = rev
	b.log.Publish(rev)
}

// Replace makes kvs the whole content, as of revision rev: the
// changes in between were missed. Transactions and watches from before are
// refused.
func (b *Backend) Replace(rev int64, kvs []store.KV) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log.Forget(rev)
	gone := map[string]struct{}{}
	b.tree.Scan(func(kv store.KV) bool {
		gone[kv.Key] = struct{}{}
		return true
	})
	var writes []store.Write
	for _, kv := range kvs {
		delete(gone, kv.Key)
		if old, ok := b.tree.Set(kv); !ok || old.Rev != kv.Rev {
			writes = append(writes, store.Write{Key: kv.Key, Value: kv.Value}) // new ones too: their absence may be cached
		}
	}
	for k := range gone {
		b.tree.Delete(store.KV{Key: k})
		writes = append(writes, store.Write{Key: k})
	}
	b.tell(writes)
	b.next = rev
	b.log.Publish(rev)
}

// Newest answers the newest revision after the given one that wrote anything
// that c read.
func (b *Backend) Newest(c store.Commit, after int64) int64 { return b.log.Newest(c, after) }

// Len is how many records there are.
func (b *Backend) Len() int { return b.tree.Len() }

// Watch implements store.Backend.
func (b *Backend) Watch(ctx context.Context, prefix string, after int64) iter.Seq2[store.Change, error] {
	return b.log.Watch(ctx, prefix, after)
}

// Advance implements store.Advancer.
func (b *Backend) Advance(_ context.Context, rev int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if rev > b.next {
		b.next = rev
		b.log.Forget(rev)
		b.log.Publish(rev)
	}
	return b.Ready()
}

// Close implements store.Backend.
func (b *Backend) Close() error {
	b.closed.Store(true)
	b.log.Close(store.ErrClosed)
	return nil
}
