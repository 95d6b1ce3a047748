package keyring

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/redoubt-sec/redoubt/store"
)

// Owner is somebody who keeps sealed blobs in the store and can seal them anew.
type Owner struct {
	// Name is a constant, "kms.material".
	Name string
	// Reseal renews (Keyring.Renew) one batch of records behind the cursor after
	// and answers where the next batch begins, "" at the end, and how many
	// records it changed. It may be called again for the same records, also at
	// the same time by another server, and must not run in the caller's
	// transaction: it opens its own.
	Reseal func(ctx context.Context, db *store.DB, after string) (next string, changed int, err error)
}

// Register adds an owner. Every owner of sealed blobs registers before Run, on
// every start: a root key is destroyed only when all of them are done.
func (k *Keyring) Register(o Owner) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.owners = append(k.owners, o)
}

func (k *Keyring) ownerNames() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	names := make([]string, len(k.owners))
	for i, o := range k.owners {
		names[i] = o.Name
	}
	return names
}

func (k *Keyring) owner(name string) (Owner, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.IndexFunc(k.owners, func(o Owner) bool { return o.Name == name })
	if i < 0 {
		return Owner{}, false
	}
	return k.owners[i], true
}

// batch is how many records Records looks at between two cursors.
const batch = 200

// Records makes the owner of a table's sealed fields. renew renews the fields
// of one record, of which it is given a copy of its own, and says whether
// anything changed; it is called again when the record changed meanwhile.
//
//	k.Register(keyring.Records("kms.material", materials.All(), func(id string, m *Material) (bool, error) {
//		sealed, changed, err := k.Renew("kms.material", []byte(id), m.Sealed)
//		m.Sealed = sealed
//		return changed, err
//	}))
func Records[T any](name string, rows store.Rows[T], renew func(id string, rec *T) (changed bool, err error)) Owner {
	return Owner{Name: name, Reseal: func(ctx context.Context, db *store.DB, after string) (string, int, error) {
		// What is under the old root key is looked for outside a transaction,
		// so that a busy table cannot make a whole batch start over.
		var ids []string
		for row, err := range rows.Scan(db.Begin(), store.Query{After: after}) {
			if err != nil {
				return after, 0, err
			}
			if ids = append(ids, row.ID); len(ids) == batch {
				break
			}
		}
		changed := 0
		for _, id := range ids {
			did, err := renewRecord(ctx, db, rows, id, renew)
			if err != nil {
				return after, changed, err
			}
			if did {
				changed++
			}
		}
		if len(ids) < batch {
			return "", changed, nil
		}
		return ids[len(ids)-1], changed, nil
	}}
}

func renewRecord[T any](ctx context.Context, db *store.DB, rows store.Rows[T], id string, renew func(string, *T) (bool, error)) (did bool, err error) {
	err = db.Run(store.Without(ctx), func(ctx context.Context) error {
		did = false
		tx := store.From(ctx)
		raw, err := tx.Get(rows.Key(id))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		rec := new(T)
		if err := json.Unmarshal(raw, rec); err != nil {
			return err
		}
		if did, err = renew(id, rec); err != nil || !did {
			return err
		}
		return rows.Put(tx, id, rec)
	})
	return did, err
}
