package trail

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Fresh batches are folded slot by slot, a slot being maxSpan long. These bound
// how many of a slot that is not over may wait, how long after its end a slot
// counts as over, and how many batches go into one transaction.
const (
	foldCount = 128
	foldGrace = 2 * time.Minute
	foldBatch = store.MaxOps/2 - 2
)

// Fold turns fresh batches into blocks: those of slots that are over, and of the
// present slot once there are many. Several servers may fold at once; who comes
// second finds the batches gone.
func (l *Log) Fold(ctx context.Context) error {
	return l.tenants(freshTable, func(t tenant) error { return l.foldTenant(ctx, t) })
}

// foldMost bounds the batches of one tenant that one Fold looks at.
const foldMost = 64 * foldCount

func (l *Log) foldTenant(ctx context.Context, t tenant) error {
	prefix := freshTable + t.prefix()
	type slot struct {
		number int64
		keys   []string
	}
	var slots []slot
	seen := 0
	for kv, err := range l.DB.Backend().Scan(store.Prefix(prefix), false) {
		if err != nil {
			return err
		}
		id, ok := parseBatchID(kv.Key[len(prefix):])
		if !ok {
			continue
		}
		n := id.newest / maxSpan
		if len(slots) == 0 || slots[len(slots)-1].number != n {
			slots = append(slots, slot{number: n})
		}
		h := &slots[len(slots)-1]
		h.keys = append(h.keys, kv.Key)
		if seen++; seen == foldMost {
			break
		}
	}
	over := l.Clock.Now().Add(-foldGrace).UnixNano()
	for _, h := range slots {
		if len(h.keys) < foldCount && (h.number+1)*maxSpan > over {
			continue
		}
		if err := l.foldSlot(ctx, t, h.keys); err != nil {
			return err
		}
	}
	return nil
}

// foldSlot folds the batches, which are in order of time, into as many blocks as
// it takes.
func (l *Log) foldSlot(ctx context.Context, t tenant, keys []string) error {
	for len(keys) > 0 {
		n := 0
		err := l.DB.Run(store.Without(ctx), func(ctx context.Context) error {
			n = 0
			tx := store.From(ctx)
			var fs []frame
			size := 0
			for _, key := range keys[:min(len(keys), foldBatch)] {
				value, err := tx.Get(key)
				if errors.Is(err, store.ErrNotFound) {
					n++ // another server was faster
					continue
				}
				if err != nil {
					return err
				}
				more, err := l.codec.decode(key, value)
				if err != nil {
					return err
				}
				s := sizeOf(more)
				if n > 0 && size+s > blockSize && len(fs) > 0 {
					break
				}
				fs, size = append(fs, more...), size+s
				if err := tx.Delete(key); err != nil {
					return err
				}
				n++
			}
			if len(fs) == 0 {
				return nil
			}
			sortFrames(fs)
			for _, part := range cut(fs) {
				p, err := newPiece(t, part, folded)
				if err != nil {
					return err
				}
				records, err := l.records(p, true)
				if err != nil {
					return err
				}
				for _, w := range records {
					if err := tx.Put(w.Key, w.Value); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// Expire deletes what is older than Retention on the services' clock.
func (l *Log) Expire(ctx context.Context) error {
	cutoff := hexTime(l.Clock.Now().Add(-Retention).UnixNano())
	for _, table := range [...]string{freshTable, blockTable, indexTable} {
		err := l.tenants(table, func(t tenant) error {
			start := table + t.prefix()
			return l.deleteRange(ctx, store.Range{Start: start, End: start + cutoff})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) deleteRange(ctx context.Context, r store.Range) error {
	for {
		var keys []string
		for kv, err := range l.DB.Backend().Scan(r, false) {
			if err != nil {
				return err
			}
			if keys = append(keys, kv.Key); len(keys) == store.MaxOps/2 {
				break
			}
		}
		if len(keys) == 0 {
			return nil
		}
		tx := l.DB.Begin()
		for _, k := range keys {
			if err := tx.Delete(k); err != nil {
				return err
			}
		}
		if err := tx.Commit(ctx); err != nil {
			return err
		}
	}
}

// tenants calls f for every account and region that has records in the table,
// jumping from one to the next.
func (l *Log) tenants(table string, f func(tenant) error) error {
	r := store.Prefix(table)
	for {
		var t tenant
		found := false
		for kv, err := range l.DB.Backend().Scan(r, false) {
			if err != nil {
				return err
			}
			account, rest, _ := strings.Cut(kv.Key[len(table):], "/")
			region, _, _ := strings.Cut(rest, "/")
			if account == "-" {
				account = ""
			}
			t, found = tenant{account, region}, true
			break
		}
		if !found {
			return nil
		}
		r.Start = store.Prefix(table + t.prefix()).End
		if err := f(t); err != nil {
			return err
		}
	}
}

// Reseal renews the seals of one batch of records behind the cursor, for the
// keyring: see keyring.Owner.
func (l *Log) Reseal(ctx context.Context, db *store.DB, after string) (next string, changed int, err error) {
	const most = 64
	r := store.Range{Start: "trail.", End: "trail/"}
	if after != "" {
		r.Start = after + "\x00"
	}
	var keys []string
	for kv, err := range db.Backend().Scan(r, false) {
		if err != nil {
			return after, 0, err
		}
		if !isOurs(kv.Key) {
			continue
		}
		if keys = append(keys, kv.Key); len(keys) == most {
			break
		}
	}
	for _, key := range keys {
		did := false
		err := db.Run(store.Without(ctx), func(ctx context.Context) error {
			did = false
			tx := store.From(ctx)
			value, err := tx.Get(key)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			value, did, err = l.codec.seal.Renew(purpose, []byte(key), value)
			if err != nil || !did {
				return err
			}
			return tx.Put(key, value)
		})
		if err != nil {
			return after, changed, err
		}
		if did {
			changed++
		}
	}
	if len(keys) < most {
		return "", changed, nil
	}
	return keys[len(keys)-1], changed, nil
}

func isOurs(key string) bool {
	return strings.HasPrefix(key, freshTable) || strings.HasPrefix(key, blockTable) || strings.HasPrefix(key, indexTable)
}

// Regions answers where there are events of an account.
func (l *Log) Regions(account string) ([]string, error) {
	var list []string
	for _, table := range [...]string{freshTable, blockTable} {
		err := l.tenants(table, func(t tenant) error {
			if t.account == account && !slices.Contains(list, t.region) {
				list = append(list, t.region)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}
