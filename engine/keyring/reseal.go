package keyring

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// reseal takes the rotation under way one batch further. It answers false when
// there is nothing to do now.
func (k *Keyring) reseal(ctx context.Context) (more bool, err error) {
	rot, err := k.rotation(ctx)
	if err != nil || rot == nil || rot.Proving {
		return false, err
	}
	if rot.Runner != k.node && time.Since(rot.Beat) < stale {
		return false, nil // another server is at it
	}
	if rot.Clean {
		return k.finish(ctx, rot)
	}
	if rot.Pass.IsZero() {
		if len(rot.Blocked) > 0 && time.Since(rot.Beat) < k.times.blocked {
			return false, nil
		}
		return true, k.beginPass(ctx, rot)
	}
	for _, name := range slices.Sorted(maps.Keys(rot.Owners)) {
		if !rot.Owners[name].Done {
			return true, k.resealOwner(ctx, rot, name)
		}
	}
	return k.endPass(ctx, rot)
}

func (k *Keyring) resealOwner(ctx context.Context, rot *rotationRecord, name string) error {
	o, ok := k.owner(name)
	if !ok {
		return fmt.Errorf("keyring: nobody re-seals the records of %q", name)
	}
	next, changed, err := o.Reseal(ctx, k.db, rot.Owners[name].After)
	if err != nil {
		return fmt.Errorf("keyring: re-sealing the records of %q: %w", name, err)
	}
	return k.edit(ctx, rot.ID, func(_ *store.Tx, rot *rotationRecord) error {
		rot.Owners[name] = ownerRecord{After: next, Done: next == ""}
		rot.Changed += int64(changed)
		rot.Resealed += int64(changed)
		rot.Runner, rot.Beat = k.node, time.Now()
		return nil
	})
}

func (k *Keyring) beginPass(ctx context.Context, rot *rotationRecord) error {
	names := k.ownerNames()
	return k.edit(ctx, rot.ID, func(_ *store.Tx, rot *rotationRecord) error {
		// Owners that were not known when the rotation began count as well.
		for _, name := range names {
			rot.Owners[name] = ownerRecord{}
		}
		for name := range rot.Owners {
			rot.Owners[name] = ownerRecord{}
		}
		rot.Pass, rot.Changed = time.Now(), 0
		rot.Runner, rot.Beat = k.node, time.Now()
		return nil
	})
}

// endPass decides whether another pass is needed: one that found nothing counts
// if it began long enough after the switch.
func (k *Keyring) endPass(ctx context.Context, rot *rotationRecord) (more bool, err error) {
	counts := rot.Pass.Sub(rot.Switched) >= k.times.settle
	if !counts && rot.Changed == 0 && time.Since(rot.Switched) < k.times.settle {
		return false, nil // done with what there is; the pass that counts comes later
	}
	return true, k.edit(ctx, rot.ID, func(_ *store.Tx, rot *rotationRecord) error {
		rot.Clean = counts && rot.Changed == 0
		rot.Pass = time.Time{}
		rot.Runner, rot.Beat = k.node, time.Now()
		return nil
	})
}

// finish destroys the old root key when its time has come, if nothing in the
// store is under it.
func (k *Keyring) finish(ctx context.Context, rot *rotationRecord) (more bool, err error) {
	if k.clock.Now().Before(rot.Destroy) {
		return false, nil
	}
	tables, err := k.search(rot.From)
	if err != nil {
		return false, err
	}
	if len(tables) > 0 {
		// Either an owner did not register, or a record came late: once more.
		return true, k.edit(ctx, rot.ID, func(_ *store.Tx, rot *rotationRecord) error {
			rot.Clean, rot.Pass, rot.Blocked = false, time.Time{}, tables
			rot.Runner, rot.Beat = k.node, time.Now()
			return nil
		})
	}
	err = k.edit(ctx, rot.ID, func(tx *store.Tx, rot *rotationRecord) error {
		rot.over = true
		return rootTable.Rows().Delete(tx, rootID(rot.From))
	})
	if err != nil {
		return false, err
	}
	return false, k.follow(ctx)
}

// DestroyNow does not wait for tokens that clients hold under the old root key:
// it goes as soon as nothing in the store is under it, and they become invalid.
// store.ErrNotFound if no root key is being replaced.
func (k *Keyring) DestroyNow(ctx context.Context) error {
	rot, err := k.rotation(ctx)
	if err != nil {
		return err
	}
	if rot == nil || rot.Proving {
		return store.ErrNotFound
	}
	err = k.edit(ctx, rot.ID, func(_ *store.Tx, rot *rotationRecord) error {
		rot.Destroy = k.clock.Now()
		return nil
	})
	k.wakeUp()
	return err
}
