package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// DB is a backend with a cache of decoded records in front.
type DB struct {
	backend Backend
	cache   *cache
	lists   *lists
	counts  counts
	guard   func([]Write) []Write
}

// Open wraps a backend. cacheRecords bounds the decoded records kept in memory;
// 0 means the default of 65,536. Whatever their number, they are also bounded to
// 32 MiB of encoded size. Short lists are cached beside them, up to 16 MiB.
func Open(b Backend, cacheRecords int) *DB {
	if cacheRecords <= 0 {
		cacheRecords = 1 << 16
	}
	db := &DB{backend: b, cache: newCache(cacheRecords), lists: newLists()}
	if t, ok := b.(Teller); ok {
		t.OnWrite(func(writes []Write) {
			db.cache.renew(writes)
			for _, w := range writes {
				db.lists.forget(w.Key)
			}
		})
		return db
	}
	b.OnChange(func(keys []string) {
		db.cache.forget(keys)
		for _, k := range keys {
			db.lists.forget(k)
		}
	})
	return db
}

// Guard makes f see the writes of every transaction when it commits, but for those
// of records that never were (Rows.Add), and add to them, at most spareOps: what must be noted together with a change, whoever makes
// it. It is called at start-up, before the first transaction.
func (db *DB) Guard(f func(writes []Write) []Write) { db.guard = f }

// Begin starts a transaction.
func (db *DB) Begin() *Tx {
	tx := &Tx{db: db, rev: db.backend.Revision()}
	tx.reads, tx.ranges, tx.after = tx.keyRoom[:0], tx.rangeRoom[:0], tx.afterRoom[:0]
	return tx
}

// Backend answers the engine below, for backups and watches.
func (db *DB) Backend() Backend { return db.backend }

// Exists reports whether there is a record under key now, outside of any
// transaction.
func (db *DB) Exists(key string) (bool, error) {
	if v, ok, _ := db.cache.get(key); ok {
		return v != nil, nil
	}
	_, ok, err := db.backend.Get(key)
	return ok, err
}

// Revision is the newest revision that reads can see: where to watch from after
// a read that begins now.
func (db *DB) Revision() int64 { return db.backend.Revision() }

// Ready is nil when reads and writes can be served.
func (db *DB) Ready() error { return db.backend.Ready() }

// Close closes the backend.
func (db *DB) Close() error { return db.backend.Close() }

// tries bounds how often Run starts over. With backoff it spans seconds: a
// transaction that still conflicts competes with a writer that never pauses.
const tries = 64

// Run runs f with a transaction in its context, commits, and starts over when
// the commit conflicts. f must be safe to run again. When f fails, its error is
// answered only if what f read still holds; else it is run again too.
func (db *DB) Run(ctx context.Context, f func(ctx context.Context) error) error {
	for try := 0; ; try++ {
		err := db.once(ctx, f)
		if !errors.Is(err, ErrConflict) || try == tries {
			return err
		}
		db.counts.retries.Add(1)
		if err := Backoff(ctx, try); err != nil {
			return err
		}
	}
}

func (db *DB) once(ctx context.Context, f func(ctx context.Context) error) error {
	tx := db.Begin()
	err := f(With(ctx, tx))
	if err == nil {
		return tx.Commit(ctx)
	}
	if errors.Is(err, ErrConflict) {
		return err
	}
	if cerr := tx.Check(ctx); cerr != nil {
		return cerr // f's error may rest on what no longer holds
	}
	return err
}

// Backoff waits a short random time that grows with try: wall time, since it
// is about other writers, not about what services do.
func Backoff(ctx context.Context, try int) error {
	if try == 0 {
		return ctx.Err()
	}
	d := time.Duration(rand.Int64N(int64(200*time.Microsecond) << min(try, 9)))
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type txKey struct{}

// With carries tx in the context.
func With(ctx context.Context, tx *Tx) context.Context {
	return context.WithValue(ctx, txKey{}, tx)
}

// From answers the transaction in ctx. It panics when there is none: that is a
// programming error, since the front door and DB.Run always put one there.
func From(ctx context.Context) *Tx {
	tx, ok := ctx.Value(txKey{}).(*Tx)
	if !ok {
		panic("store: no transaction in this context")
	}
	return tx
}

// Has reports whether ctx carries a transaction.
func Has(ctx context.Context) bool {
	_, ok := ctx.Value(txKey{}).(*Tx)
	return ok
}

// Without hides the transaction, for work that must not join it.
func Without(ctx context.Context) context.Context {
	return context.WithValue(ctx, txKey{}, nil)
}
