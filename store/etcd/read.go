package etcd

import (
	"context"
	"iter"

	"github.com/redoubt-sec/redoubt/store"
)

// Revision implements store.Backend.
func (b *Backend) Revision() int64 { return b.replica.Revision() }

// OnChange implements store.Backend.
func (b *Backend) OnChange(f func([]string)) { b.replica.OnChange(f) }

// OnWrite implements store.Teller.
func (b *Backend) OnWrite(f func([]store.Write)) { b.replica.OnWrite(f) }

// Get implements store.Backend. The replica is asked before the clock. Outside
// of a transaction the value may be of a commit that is not acknowledged yet.
func (b *Backend) Get(key string) (store.KV, bool, error) {
	kv, ok, _ := b.replica.Get(key)
	if err := b.Ready(); err != nil {
		return store.KV{}, false, err
	}
	return kv, ok, nil
}

// Scan implements store.Backend.
func (b *Backend) Scan(r store.Range, reverse bool) iter.Seq2[store.KV, error] {
	return func(yield func(store.KV, error) bool) {
		checked := false
		check := func() bool {
			checked = true
			err := b.Ready()
			if err != nil {
				yield(store.KV{}, err)
			}
			return err == nil
		}
		for kv, err := range b.replica.Scan(r, reverse) { // of one state, fixed by now
			if !checked && !check() || !yield(kv, err) {
				return
			}
		}
		if !checked {
			check()
		}
	}
}

// Watch implements store.Backend.
func (b *Backend) Watch(ctx context.Context, prefix string, after int64) iter.Seq2[store.Change, error] {
	return b.replica.Watch(ctx, prefix, after)
}

// Figures implements store.Measured.
func (b *Backend) Figures() map[string]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	serving := int64(0)
	for _, n := range b.nodes {
		if n.serving {
			serving++
		}
	}
	return map[string]int64{
		"nodes":             serving,
		"records":           int64(b.replica.Len()),
		"proposals":         b.proposed.Load(),
		"proposals_refused": b.refused.Load(),
		"unconfirmed":       int64(len(b.acks)),
		"unconfirmed_span":  b.next - b.stable.Load(),
		"listings":          int64(b.gaps),
		"epochs":            b.valid.epoch.Load(),
		"etcd_revision":     b.watched,
	}
}
