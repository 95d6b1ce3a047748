package keyring

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/store"
)

// ErrRotating: a rotation is under way already.
var ErrRotating = errors.New("keyring: a rotation is under way")

// RotateSeal puts the root key under newSeal, which the keyring then owns. The
// old wrap is removed only after the new one is durable and was opened again,
// here and by every other running server (they need Resolve, and Run). A nil
// newSeal means the present one, for rotateRoot. If a
// server cannot, nothing changes and the error names it. Nothing stops working
// meanwhile, and a crash at any moment leaves a store that the old seal opens,
// or the new one, or both.
//
// Since old wraps live on in logs and backups of the store, a new seal does not
// lock out who could open the old one: with rotateRoot there is a new root key
// as well. Then the owners' records are sealed anew in the background (Run),
// resumed after restarts, and the old root key is destroyed when nothing is
// left under it and the tokens that clients hold have run out (36 hours, or
// DestroyNow). RotateSeal returns as soon as new blobs are under the new key.
func (k *Keyring) RotateSeal(ctx context.Context, newSeal Seal, rotateRoot bool) error {
	if !k.rotating.TryLock() {
		return ErrRotating
	}
	defer k.rotating.Unlock()
	if k.roots.Load() == nil {
		return ErrSealed
	}
	if newSeal == nil {
		newSeal = k.currentSeal()
	}
	rot, wraps, fresh, err := k.prepare(ctx, newSeal, rotateRoot)
	if err != nil {
		return err
	}
	if err := k.propose(ctx, rot, wraps, fresh); err != nil {
		return errors.Join(err, k.follow(ctx)) // which drops the key that joined
	}
	if err := k.rollCall(ctx, rot, wraps); err != nil {
		// The caller's time may be what ran out.
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), stale)
		defer cancel()
		return errors.Join(err, k.withdraw(undo, rot, wraps), k.follow(undo))
	}
	return k.adopt(ctx, newSeal)
}

// prepare wraps every root key in memory by the new seal, and a new one if
// asked, and proves the wraps. Nothing is stored yet.
func (k *Keyring) prepare(ctx context.Context, newSeal Seal, rotateRoot bool) (rot *rotationRecord, wraps map[uint32]Wrap, fresh *rootRecord, err error) {
	if old, err := k.rotation(ctx); err != nil || old.running() {
		return nil, nil, nil, cmp.Or(err, ErrRotating)
	}
	records, err := k.records(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	r := k.roots.Load()
	wraps = map[uint32]Wrap{}
	newest := r.current
	var current *rootRecord
	for _, rec := range records {
		newest = max(newest, rec.Generation)
		if rec.Current {
			current = rec
		}
		if rec.Generation > r.current {
			continue // of a rotation that was given up; propose removes it
		}
		ok := r.keys[rec.Generation].Use(func(root []byte) {
			wraps[rec.Generation], err = prove(ctx, newSeal, root, rec.aad())
		})
		if !ok {
			return nil, nil, nil, ErrSealed
		}
		if err != nil {
			return nil, nil, nil, err
		}
	}
	if current == nil || current.Generation != r.current {
		return nil, nil, nil, ErrRotating // another node has just finished one
	}
	rot = &rotationRecord{ID: rand.Text(), Proving: true, From: r.current, To: r.current, Started: k.clock.Now(),
		Runner: k.node, Beat: time.Now(), Owners: map[string]ownerRecord{}}
	if !rotateRoot {
		return rot, wraps, nil, nil
	}
	for _, name := range k.ownerNames() {
		rot.Owners[name] = ownerRecord{}
	}
	rot.To = newest + 1
	root := make([]byte, rootSize)
	defer harden.Wipe(root)
	rand.Read(root)
	fresh = &rootRecord{Generation: rot.To, Keyring: current.Keyring, Created: k.clock.Now()}
	fresh.Check = fresh.check(root)
	w, err := prove(ctx, newSeal, root, fresh.aad())
	if err != nil {
		return nil, nil, nil, err
	}
	fresh.Wraps = []Wrap{w}
	wraps[fresh.Generation] = w
	// In memory before anybody can seal under it: another server may notice the
	// switch earlier than this one.
	b, err := harden.Hold(root)
	if err != nil {
		return nil, nil, nil, err
	}
	k.join(fresh.Generation, b)
	return rot, wraps, fresh, nil
}

// join adds a root key that is not current to those in memory.
func (k *Keyring) join(gen uint32, b *harden.Buffer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	have := k.roots.Load()
	if have == nil {
		b.Destroy()
		return
	}
	next := &roots{current: have.current, keys: maps.Clone(have.keys)}
	next.keys[gen] = b
	k.install(next)
}

// propose stores the new wraps beside the old ones.
func (k *Keyring) propose(ctx context.Context, rot *rotationRecord, wraps map[uint32]Wrap, fresh *rootRecord) error {
	return k.db.Run(store.Without(ctx), func(ctx context.Context) error {
		tx := store.From(ctx)
		old, err := rotationTable.Rows().Get(tx, rotationID)
		if absent(err) != nil {
			return err
		}
		if old.running() {
			return ErrRotating
		}
		if old != nil && old.To != old.From {
			// Given up before it switched: nothing is under this root key.
			if err := rootTable.Rows().Delete(tx, rootID(old.To)); err != nil {
				return err
			}
		}
		for gen, w := range wraps {
			if fresh != nil && gen == fresh.Generation {
				continue
			}
			_, err := rootTable.Rows().Edit(tx, rootID(gen), func(rec *rootRecord) error {
				rec.Wraps = append(rec.Wraps, w)
				return nil
			})
			if err != nil {
				return err
			}
		}
		if fresh != nil {
			if err := rootTable.Rows().Put(tx, rootID(fresh.Generation), fresh); err != nil {
				return err
			}
		}
		return rotationTable.Rows().Put(tx, rotationID, rot)
	})
}

// rollCall waits until every running server has proven the new wraps, and
// switches in the same transaction that finds it so.
func (k *Keyring) rollCall(ctx context.Context, rot *rotationRecord, wraps map[uint32]Wrap) error {
	deadline := time.Now().Add(k.times.answer)
	for {
		var missing []string
		err := k.edit(ctx, rot.ID, func(tx *store.Tx, cur *rotationRecord) error {
			missing = nil
			cur.Beat = time.Now()
			for row, err := range nodeTable.Rows().Scan(tx, store.Query{}) {
				switch {
				case err != nil:
					return err
				case row.ID == k.node:
				case row.Value.Answer == rot.ID && row.Value.Proven:
				case row.Value.Answer == rot.ID && row.Value.Failure != "":
					return fmt.Errorf("keyring: server %s cannot use the new seal: %s", row.ID, row.Value.Failure)
				case row.Value.Answer != rot.ID && time.Now().After(deadline):
					// Not a word: it is gone. Should it live, it registers anew.
					if err := nodeTable.Rows().Delete(tx, row.ID); err != nil {
						return err
					}
				default:
					missing = append(missing, row.ID)
				}
			}
			if len(missing) > 0 {
				return nil
			}
			return k.commitSwitch(tx, cur, wraps)
		})
		if err != nil || len(missing) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("keyring: no answer from servers %v: %w", missing, ctx.Err())
		case <-time.After(k.times.poll):
		}
	}
}

// commitSwitch removes the old wraps and makes the new root key current.
func (k *Keyring) commitSwitch(tx *store.Tx, rot *rotationRecord, wraps map[uint32]Wrap) error {
	for gen, w := range wraps {
		_, err := rootTable.Rows().Edit(tx, rootID(gen), func(rec *rootRecord) error {
			rec.Wraps = []Wrap{w}
			rec.Current = gen == rot.To
			return nil
		})
		if err != nil {
			return err
		}
	}
	rot.Proving = false
	rot.Switched = time.Now()
	rot.Destroy = k.clock.Now().Add(tokenLife)
	rot.over = rot.From == rot.To // nothing to re-seal
	return nil
}

// withdraw removes the new wraps again.
func (k *Keyring) withdraw(ctx context.Context, rot *rotationRecord, wraps map[uint32]Wrap) error {
	return k.db.Run(store.Without(ctx), func(ctx context.Context) error {
		tx := store.From(ctx)
		cur, err := rotationTable.Rows().Get(tx, rotationID)
		if err != nil || cur.ID != rot.ID || !cur.Proving {
			return absent(err)
		}
		for gen, w := range wraps {
			if rot.To != rot.From && gen == rot.To {
				if err := rootTable.Rows().Delete(tx, rootID(gen)); err != nil {
					return err
				}
				continue
			}
			_, err := rootTable.Rows().Edit(tx, rootID(gen), func(rec *rootRecord) error {
				rec.Wraps = slices.DeleteFunc(rec.Wraps, func(o Wrap) bool { return string(o.Blob) == string(w.Blob) })
				return nil
			})
			if err != nil {
				return err
			}
		}
		return rotationTable.Rows().Delete(tx, rotationID)
	})
}

// adopt loads what the new seal opens, and puts it in the old one's place.
func (k *Keyring) adopt(ctx context.Context, newSeal Seal) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	records, err := k.records(ctx)
	if err != nil {
		return err
	}
	next, err := k.load(ctx, newSeal, records)
	if err != nil {
		return fmt.Errorf("keyring: after the switch: %w", err)
	}
	k.install(next)
	k.replaceSeal(newSeal)
	k.wakeUp()
	return nil
}

func (k *Keyring) replaceSeal(newSeal Seal) {
	if old := k.seal; old != newSeal {
		_ = old.Close() // it only wipes
		k.seal = newSeal
	}
	if g, ok := newSeal.(Gatherer); ok {
		g.Forget()
	}
}
