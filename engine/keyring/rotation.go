package keyring

import (
	"context"
	"errors"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// tokenLife is how long an old root key is kept after its replacement: tokens
// that clients hold may be under it, and the longest-lived are STS sessions of
// 36 hours (GetFederationToken, GetSessionToken).
const tokenLife = 36 * time.Hour

// settle is how long after the switch a pass over the records must begin to
// count: no transaction that sealed under the old root key is open for so long.
const settle = time.Minute

// stale is when work that was begun elsewhere may be taken over.
const stale = 30 * time.Second

// rotationRecord is the one rotation under way.
type rotationRecord struct {
	ID       string // what nodes answer to
	Proving  bool   // the new wraps are being proven; nothing has switched yet
	From, To uint32 // generations; equal when only the seal changes
	Started  time.Time
	Destroy  time.Time // services' clock: the old root key goes then at the earliest

	Runner string    // the node at work
	Beat   time.Time // wall time of its last step

	Owners   map[string]ownerRecord
	Switched time.Time // wall time
	Pass     time.Time // wall time at which the pass over the owners began
	Changed  int64     // records re-sealed in this pass
	Resealed int64     // in all
	Clean    bool      // a pass that counts found nothing left
	Blocked  []string  // tables in which blobs under the old root key were found at the end

	over bool // set by an edit that ends the rotation
}

// running reports whether the rotation must not be replaced by another: it has
// switched, or its server is still proving the new seal.
func (r *rotationRecord) running() bool {
	return r != nil && (!r.Proving || time.Since(r.Beat) < stale)
}

type ownerRecord struct {
	After string // cursor of the pass
	Done  bool   // in this pass
}

var rotationTable = store.GlobalTable[rotationRecord]("keyring.rotation")

const rotationID = "current"

// nodeRecord is one running server, and its answer to a rotation.
type nodeRecord struct {
	Started time.Time
	Answer  string // ID of the rotation answered
	Proven  bool
	Failure string // why not
}

var nodeTable = store.GlobalTable[nodeRecord]("keyring.node")

// rotation reads the rotation under way; nil when none.
func (k *Keyring) rotation(ctx context.Context) (*rotationRecord, error) {
	var out *rotationRecord
	err := k.db.Run(store.Without(ctx), func(ctx context.Context) error {
		rec, err := rotationTable.Rows().Get(store.From(ctx), rotationID)
		out = rec
		return absent(err)
	})
	return out, err
}

// edit changes the rotation under way, or ends it. ErrNotFound if it is no
// longer the one that the caller means.
func (k *Keyring) edit(ctx context.Context, id string, f func(tx *store.Tx, rot *rotationRecord) error) error {
	return k.db.Run(store.Without(ctx), func(ctx context.Context) error {
		tx, rows := store.From(ctx), rotationTable.Rows()
		rot, err := rows.Edit(tx, rotationID, func(rot *rotationRecord) error {
			if rot.ID != id {
				return store.ErrNotFound
			}
			return f(tx, rot)
		})
		if err == nil && rot.over {
			return rows.Delete(tx, rotationID)
		}
		return err
	})
}

func absent(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
