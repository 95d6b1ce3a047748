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
			case ok && c.Changes:
				d := digestOf(id, w.Key)
				r.Changed = append(r.Changed, d[:]...)
			}
		}
		if r.Deleted == nil && r.Changed == nil {
			return nil
		}
		r.Time = time.Now().UTC().Truncate(time.Second)
		return []store.Write{revocationRecord(r)}
	})
	return nil
}

func revocationRecord(r revocation) store.Write {
	name := make([]byte, 10)
	rand.Read(name)
	return store.Write{
		// By time first, so that old ones can be pruned from the front.
		Key:   revocations.Rows().Key(fmt.Sprintf("%011d", r.Time.Unix()) + hex.EncodeToString(name)),
		Value: encodeJSON(r),
	}
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
	rows := revocations.Rows()
	for more := true; more; {
		err := db.Run(ctx, func(ctx context.Context) error {
			tx, n := store.From(ctx), 0
			more = false
			for row, err := range rows.Scan(tx, store.Query{}) {
				if err != nil {
					return err
				}
				if !row.Value.Time.Before(before) {
					break
				}
				if n == 500 {
					more = true
					break
				}
				if err := rows.Delete(tx, row.ID); err != nil {
					return err
				}
				n++
			}
			if n == 0 {
				return nil
			}
			return horizons.Rows().Put(tx, "from", &horizon{before.UTC()})
		})
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
	}
	return nil
}

// horizon is the time from which on the ledger is complete.
type horizon struct{ From time.Time }

var horizons = store.GlobalTable[horizon]("backup.horizon")
