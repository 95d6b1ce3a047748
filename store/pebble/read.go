package pebble

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/redoubt-sec/redoubt/store"
)

// view is the state after a group of commits: what reads see until the next.
type view struct {
	snap *pebble.Snapshot
	refs atomic.Int64
	of   *Backend
}

// show makes the newest state readable. Only the committer calls it, when all
// that Pebble holds is durable.
func (b *Backend) show() {
	v := &view{snap: b.db.NewSnapshot(), of: b}
	v.refs.Store(1)
	b.open.Add(1)
	if old := b.view.Swap(v); old != nil {
		old.release()
	}
}

func (b *Backend) acquire() (*view, error) {
	for {
		if err := b.Ready(); err != nil {
			return nil, err
		}
		v := b.view.Load()
		for n := v.refs.Load(); n > 0; n = v.refs.Load() {
			if v.refs.CompareAndSwap(n, n+1) {
				return v, nil
			}
		}
	}
}

func (v *view) release() {
	if v.refs.Add(-1) == 0 {
		v.snap.Close()
		v.of.open.Done()
	}
}

// Revision implements store.Backend.
func (b *Backend) Revision() int64 { return b.log.Revision() }

// OnChange implements store.Backend.
func (b *Backend) OnChange(f func([]string)) { add(&b.onChange, f) }

// OnWrite implements store.Teller.
func (b *Backend) OnWrite(f func([]store.Write)) { add(&b.onWrite, f) }

func add[F any](list *atomic.Pointer[[]F], f F) {
	for {
		old := list.Load()
		var fs []F
		if old != nil {
			fs = append(fs, *old...)
		}
		fs = append(fs, f)
		if list.CompareAndSwap(old, &fs) {
			return
		}
	}
}

func recordKey(key string) []byte {
	k := make([]byte, 0, 128)
	return append(append(k, 'r'), key...)
}

// Get implements store.Backend.
func (b *Backend) Get(key string) (store.KV, bool, error) {
	v, err := b.acquire()
	if err != nil {
		return store.KV{}, false, err
	}
	defer v.release()
	// Snapshot.Get asks no filter of the lowest level, where almost all records
	// are: each name that is new would cost blocks read from disk.
	k := recordKey(key)
	it, err := v.snap.NewIter(&pebble.IterOptions{UseL6Filters: true})
	if err != nil {
		return store.KV{}, false, fmt.Errorf("store: reading %q: %w", key, err)
	}
	defer it.Close()
	if !it.SeekPrefixGE(k) || !bytes.Equal(it.Key(), k) {
		if err := it.Error(); err != nil {
			return store.KV{}, false, fmt.Errorf("store: reading %q: %w", key, err)
		}
		return store.KV{}, false, nil
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return store.KV{}, false, fmt.Errorf("store: reading %q: %w", key, err)
	}
	kv, err := record(key, value)
	return kv, err == nil, err
}

func record(key string, value []byte) (store.KV, error) {
	if len(value) < 8 {
		return store.KV{}, fmt.Errorf("store: record %q is damaged: %d bytes", key, len(value))
	}
	return store.KV{
		Key:   key,
		Value: append([]byte{}, value[8:]...), // Pebble reuses its own
		Rev:   int64(binary.BigEndian.Uint64(value)),
	}, nil
}

// Scan implements store.Backend.
func (b *Backend) Scan(r store.Range, reverse bool) iter.Seq2[store.KV, error] {
	return func(yield func(store.KV, error) bool) {
		if r.End != "" && r.Start >= r.End {
			if err := b.Ready(); err != nil {
				yield(store.KV{}, err)
			}
			return
		}
		v, err := b.acquire()
		if err != nil {
			yield(store.KV{}, err)
			return
		}
		defer v.release()
		bounds := &pebble.IterOptions{LowerBound: recordKey(r.Start), UpperBound: []byte{'r' + 1}}
		if r.End != "" {
			bounds.UpperBound = recordKey(r.End)
		}
		it, err := v.snap.NewIter(bounds)
		if err != nil {
			yield(store.KV{}, fmt.Errorf("store: %w", err))
			return
		}
		defer it.Close()
		first, next := it.First, it.Next
		if reverse {
			first, next = it.Last, it.Prev
		}
		for ok := first(); ok; ok = next() {
			value, err := it.ValueAndErr()
			var kv store.KV
			if err == nil {
				kv, err = record(string(it.Key()[1:]), value)
			}
			if !yield(kv, err) || err != nil {
				return
			}
		}
		if err := it.Error(); err != nil {
			yield(store.KV{}, fmt.Errorf("store: %w", err))
		}
	}
}

// Watch implements store.Backend.
func (b *Backend) Watch(ctx context.Context, prefix string, after int64) iter.Seq2[store.Change, error] {
	return b.log.Watch(ctx, prefix, after)
}

// Walk implements store.Walker: a jump costs far less than an iterator.
func (b *Backend) Walk(r store.Range, f func(store.KV) (string, bool)) error {
	v, err := b.acquire()
	if err != nil {
		return err
	}
	defer v.release()
	if r.End != "" && r.Start >= r.End {
		return nil
	}
	bounds := &pebble.IterOptions{LowerBound: recordKey(r.Start), UpperBound: []byte{'r' + 1}}
	if r.End != "" {
		bounds.UpperBound = recordKey(r.End)
	}
	it, err := v.snap.NewIter(bounds)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; {
		value, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		key := string(it.Key()[1:])
		if len(value) < 8 {
			return fmt.Errorf("store: record %q is damaged: %d bytes", key, len(value))
		}
		next, more := f(store.KV{Key: key, Value: value[8:], Rev: int64(binary.BigEndian.Uint64(value))})
		if !more {
			return nil
		}
		if next > key {
			ok = it.SeekGE(recordKey(next))
		} else {
			ok = it.Next()
		}
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}
