package logs

import (
	"context"
	"errors"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Expire removes what is older than its group's retention, and blobs that nothing
// refers to.
func (l *Logs) Expire(ctx context.Context) error {
	now := l.Clock.Now()
	tx := l.DB.Begin()
	for row, err := range groups.All().Scan(tx, store.Query{}) {
		if err != nil {
			return err
		}
		if row.Value.Retention == 0 {
			continue
		}
		account, region, _ := groups.Split(row.ID)
		at := spot{Place{account, region}, row.Value.ID}
		if err := l.dropBefore(ctx, at, row.Value.expiry(now)); err != nil {
			return err
		}
	}
	return l.sweep(ctx)
}

// dropBefore removes batches and blocks of which every event is older; 0: all.
func (l *Logs) dropBefore(ctx context.Context, at spot, before int64) error {
	for _, table := range [...]string{freshTable, blockTable} {
		prefix := table + at.prefix()
		r := store.Prefix(prefix)
		if before > 0 {
			r.End = prefix + hexTime(before)
		}
		var keys []string
		var blocks []*block
		drop := func() error {
			err := l.drop(ctx, at, keys, blocks)
			keys, blocks = nil, nil
			return err
		}
		for kv, err := range l.DB.Backend().Scan(r, false) {
			if err != nil {
				return err
			}
			if table == blockTable {
				b, err := l.codec.openBlock(kv.Key, kv.Value)
				if err != nil {
					return err
				}
				clear(b.Key)
				blocks = append(blocks, b)
			}
			if keys = append(keys, kv.Key); len(keys) == mostFolded {
				if err := drop(); err != nil {
					return err
				}
			}
		}
		if err := drop(); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes blobs that were written but never came into use.
func (l *Logs) sweep(ctx context.Context) error {
	if l.Blobs == nil {
		return nil
	}
	if _, err := l.Blobs.Sweep(ctx); err != nil {
		return err
	}
	for info, err := range l.Blobs.List(ctx, "") {
		if err != nil {
			return err
		}
		if time.Since(info.Modified) < orphanAge {
			continue
		}
		used, err := l.DB.Exists(held.Rows().Key(info.Name))
		if err != nil {
			return err
		}
		if !used {
			if err := l.Blobs.Remove(ctx, info.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Reseal renews the seals of one batch of records behind the cursor, for the
// keyring's rotation. Blobs stay: their keys are in the records.
func (l *Logs) Reseal(ctx context.Context, db *store.DB, after string) (next string, changed int, err error) {
	const most = 64
	var keys []string
	for _, table := range [...]string{blockTable, freshTable} {
		r := store.Prefix(table)
		r.Start = max(r.Start, after+"\x00")
		if after >= r.End {
			continue
		}
		for kv, err := range db.Backend().Scan(r, false) {
			if err != nil {
				return after, 0, err
			}
			if keys = append(keys, kv.Key); len(keys) == most {
				break
			}
		}
		if len(keys) == most {
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
