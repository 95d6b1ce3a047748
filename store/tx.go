package store

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Tx is one optimistic transaction. It is not safe for concurrent use.
type Tx struct {
	db     *DB
	rev    int64
	reads  []string
	ranges []Range
	writes []pending // sorted by key
	bytes  int
	after  []func()
	err    error // the transaction is beyond the limits
	done   bool
	last   KV // read from the backend; no key: none

	// What most calls read and do fits in here, without growing slices.
	keyRoom   [10]string
	rangeRoom [2]Range
	afterRoom [2]func()
}

// pending is a write that has not been committed, with its decoded form.
type pending struct {
	Write
	rev    int64 // of a record that Scan found; 0 for what this transaction writes
	record any
	fresh  bool // there was no such record before
}

// Wrote reports whether the transaction has changed anything yet.
func (tx *Tx) Wrote() bool { return len(tx.writes) > 0 }

// AfterCommit runs f once the commit is durable: wake-ups, never decisions.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

func (tx *Tx) find(key string) (int, bool) {
	return slices.BinarySearchFunc(tx.writes, key, func(p pending, k string) int {
		return strings.Compare(p.Key, k)
	})
}

func (tx *Tx) read(key string) {
	// Calls read a handful of keys, the same ones in a row: a full set is not
	// worth its allocation.
	if n := len(tx.reads); n > 0 && tx.reads[n-1] == key {
		return
	}
	tx.reads = append(tx.reads, key)
}

// Get answers the raw value of key, or ErrNotFound.
func (tx *Tx) Get(key string) ([]byte, error) {
	if i, ok := tx.find(key); ok {
		if tx.writes[i].Value == nil {
			return nil, ErrNotFound
		}
		return tx.writes[i].Value, nil
	}
	tx.read(key)
	if tx.last.Key == key {
		return tx.last.Value, nil
	}
	kv, ok, err := tx.db.backend.Get(key)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrNotFound
	}
	return kv.Value, nil
}

// Put writes value under key.
func (tx *Tx) Put(key string, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	return tx.write(pending{Write: Write{key, value}})
}

// Delete removes key; removing an absent key is no error.
func (tx *Tx) Delete(key string) error {
	return tx.write(pending{Write: Write{Key: key}})
}

func (tx *Tx) write(p pending) error {
	if p.Key == "" || len(p.Key) > MaxKey || len(p.Value) > MaxValue {
		return fmt.Errorf("%w: key of %d bytes, value of %d", ErrTooLarge, len(p.Key), len(p.Value))
	}
	tx.bytes += len(p.Key) + len(p.Value)
	i, ok := tx.find(p.Key)
	if ok {
		tx.bytes -= len(p.Key) + len(tx.writes[i].Value)
		tx.writes[i] = p
	} else {
		tx.writes = slices.Insert(tx.writes, i, p)
	}
	if len(tx.writes) > MaxOps || tx.bytes > MaxTxn {
		tx.err = fmt.Errorf("%w: %d writes of %d bytes", ErrTooLarge, len(tx.writes), tx.bytes)
		return tx.err
	}
	return nil
}

// Scan walks the records of r in key order, or backwards, with the writes that
// the transaction has made when the walk begins; those have no revision yet. A
// walk that is stopped early depends only on what it saw.
func (tx *Tx) Scan(r Range, reverse bool) iter.Seq2[KV, error] {
	return func(yield func(KV, error) bool) {
		for p, err := range tx.scan(r, reverse) {
			if !yield(KV{Key: p.Key, Value: p.Value, Rev: p.rev}, err) || err != nil {
				return
			}
		}
	}
}

func (tx *Tx) scan(r Range, reverse bool) iter.Seq2[pending, error] {
	return func(yield func(pending, error) bool) {
		own := tx.own(r, reverse)
		seen := r // what the walk depended on
		defer func() { tx.ranges = append(tx.ranges, seen) }()
		before := func(a, b string) bool {
			if reverse {
				return a > b
			}
			return a < b
		}
		emit := func(p pending) bool {
			if p.Value == nil {
				return true // deleted here
			}
			if !yield(p, nil) {
				seen = upTo(r, p.Key, reverse)
				return false
			}
			return true
		}
		for kv, err := range tx.db.backend.Scan(r, reverse) {
			if err != nil {
				yield(pending{}, err)
				return
			}
			for len(own) > 0 && before(own[0].Key, kv.Key) {
				p := own[0]
				own = own[1:]
				if !emit(p) {
					return
				}
			}
			p := pending{Write: Write{kv.Key, kv.Value}, rev: kv.Rev}
			if len(own) > 0 && own[0].Key == kv.Key {
				p, own = own[0], own[1:]
			}
			if !emit(p) {
				return
			}
		}
		for _, p := range own {
			if !emit(p) {
				return
			}
		}
	}
}

// upTo is what a walk of r saw that stopped at key.
func upTo(r Range, key string, reverse bool) Range {
	if reverse {
		r.Start = key
	} else {
		r.End = key + "\x00"
	}
	return r
}

// has reports whether the transaction writes anything in r.
func (tx *Tx) has(r Range) bool {
	i, _ := tx.find(r.Start)
	return i < len(tx.writes) && r.Contains(tx.writes[i].Key)
}

// own copies the transaction's writes in r, in walking order: the caller may
// write while it walks.
func (tx *Tx) own(r Range, reverse bool) []pending {
	var own []pending
	for _, p := range tx.writes {
		if r.Contains(p.Key) {
			own = append(own, p)
		}
	}
	if reverse {
		slices.Reverse(own)
	}
	return own
}

// Commit makes the writes durable, or answers ErrConflict if something that was
// read has changed. A transaction without writes is checked the same way.
func (tx *Tx) Commit(ctx context.Context) error {
	if tx.done {
		return ErrClosed
	}
	tx.done = true
	if err := tx.settle(ctx); err != nil {
		return err
	}
	for _, f := range tx.after {
		f()
	}
	return nil
}

func (tx *Tx) settle(ctx context.Context) error {
	if tx.err != nil {
		return tx.err
	}
	if len(tx.writes) == 0 {
		return tx.Check(ctx)
	}
	c := Commit{ReadRev: tx.rev, Keys: tx.reads, Ranges: tx.ranges, Writes: make([]Write, len(tx.writes))}
	for i, p := range tx.writes {
		c.Writes[i] = p.Write
	}
	if tx.db.guard != nil {
		c.Writes = append(c.Writes, tx.db.guard(tx.changes(c.Writes))...)
	}
	begin := time.Now()
	_, err := tx.db.backend.Commit(ctx, c)
	tx.db.counts.committed(err, time.Since(begin))
	return err
}

// changes answers the writes but for those of records that never were.
func (tx *Tx) changes(writes []Write) []Write {
	if !slices.ContainsFunc(tx.writes, func(p pending) bool { return p.fresh }) {
		return writes
	}
	var list []Write
	for _, p := range tx.writes {
		if !p.fresh {
			list = append(list, p.Write)
		}
	}
	return list
}

// Check answers ErrConflict if something that was read has changed since the
// transaction began.
func (tx *Tx) Check(ctx context.Context) error {
	if len(tx.reads) == 0 && len(tx.ranges) == 0 {
		return nil
	}
	_, err := tx.db.backend.Commit(ctx, Commit{ReadRev: tx.rev, Keys: tx.reads, Ranges: tx.ranges})
	tx.db.counts.checked(err)
	return err
}
