package backup

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Class is a table whose records must not come back once they were revoked.
type Class struct {
	// Table is the table's name, "kms.key".
	Table string
	// Kind is what the report calls a record, "KMS key"; empty: it is withheld
	// without being listed (indexes, what hangs on another record).
	Kind string
	// Changes: a version that was changed since is as revoked as a deleted one, as
	// with an access key that was switched off.
	Changes bool
	// Review: a version that was changed since comes back, and is listed for the
	// operator: a policy that was tightened, a key that lost material.
	Review bool
}

// digest stands for a record's key in the ledger.
type digest [16]byte

// installation is the record of a store's lineage.
type installation struct{ ID string }

// revocation is what one transaction revoked. Its revision is that of the record
// itself, or Rev for those that a restore brought along.
type revocation struct {
	Time    time.Time
	Rev     int64  `json:",omitempty"`
	Deleted []byte `json:",omitempty"` // digests, of 16 bytes each
	Changed []byte `json:",omitempty"` // likewise
}

var (
	installations = store.GlobalTable[installation]("backup.installation")
	revocations   = store.GlobalTable[revocation]("backup.revocation")
)

// Guard makes every transaction of db note what it revokes. It is called at
// start-up, before the first transaction of a service.
func Guard(ctx context.Context, db *store.DB, classes []Class) error {
	var id string
	err := db.Run(ctx, func(ctx context.Context) (err error) {
		id, err = installationID(store.From(ctx))
		return err
	})
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	tables := map[string]Class{}
	for _, c := range classes {
		tables[c.Table] = c
	}
	db.Guard(func(writes []store.Write) []store.Write {
		var r revocation
		for _, w := range writes {
			table, _, _ := strings.Cut(w.Key, "/")
			c, ok := tables[table]
			switch {
			case ok && w.Value == nil:
				d := digestOf(id, w.Key)
				r.Deleted = append(r.Deleted, d[:]...)
			case ok && (c.Changes || c.Review) && exists(db, w.Key):
				d := digestOf(id, w.Key)
				r.Changed = append(r.Changed, d[:]...)
			}
		}
		if r.Deleted == nil && r.Changed == nil {
			return nil
		}
		r.Time = time.Now().UTC().Truncate(time.Second)
		return r.records()
	})
	return nil
}

// exists reports whether a write changes a record rather than makes it: new ones
// have no version that could come back. In doubt it does.
func exists(db *store.DB, key string) bool {
	ok, err := db.Exists(key)
	return ok || err != nil
}

// fewChanges is up to how many changes of one transaction have a record each.
const fewChanges = 4

// records answers what is to be written. Changes have records by digest, so that
// the next one of the same record takes its place, unless there are many.
func (r revocation) records() []store.Write {
	var list []store.Write
	if len(r.Changed) <= fewChanges*16 {
		for d := range digests(r.Changed) {
			list = append(list, store.Write{
				Key:   revocations.Rows().Key("c" + hex.EncodeToString(d[:])),
				Value: encodeJSON(revocation{Time: r.Time, Rev: r.Rev, Changed: d[:]}),
			})
		}
		r.Changed = nil
	}
	if r.Deleted != nil || r.Changed != nil {
		name := make([]byte, 16)
		rand.Read(name)
		list = append(list, store.Write{Key: revocations.Rows().Key("t" + hex.EncodeToString(name)), Value: encodeJSON(r)})
	}
	return list
}

func digestOf(installation, key string) digest {
	sum := sha256.Sum256([]byte(installation + "\x00" + key))
	return digest(sum[:16])
}

// installationID answers the lineage of the store, made at first use.
func installationID(tx *store.Tx) (string, error) {
	i, err := installations.Rows().Get(tx, "id")
	if errors.Is(err, store.ErrNotFound) {
		b := make([]byte, 12)
		rand.Read(b)
		i = &installation{hex.EncodeToString(b)}
		err = installations.Rows().Put(tx, "id", i)
	}
	if err != nil {
		return "", err
	}
	return i.ID, nil
}

// Prune forgets revocations from before a time: of backups older than that, none
// can be restored with a ledger any more.
func Prune(ctx context.Context, db *store.DB, before time.Time) error {
	rows, after := revocations.Rows(), ""
	for more := true; more; {
		var last string
		err := db.Run(ctx, func(ctx context.Context) error {
			tx, seen, gone := store.From(ctx), 0, 0
			more = false
			for row, err := range rows.Scan(tx, store.Query{After: after}) {
				if err != nil {
					return err
				}
				if seen++; seen > 500 {
					more = true
					break
				}
				last = row.ID
				if row.Value.Time.Before(before) {
					gone++
					if err := rows.Delete(tx, row.ID); err != nil {
						return err
					}
				}
			}
			if gone == 0 {
				return nil
			}
			return horizons.Rows().Put(tx, "from", &horizon{before.UTC()})
		})
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		after = last
	}
	return nil
}

// horizon is the time from which on the ledger is complete.
type horizon struct{ From time.Time }

var horizons = store.GlobalTable[horizon]("backup.horizon")
