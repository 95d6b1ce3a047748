package keyring

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Resolve sets how this server makes the seal for a wrap that another server
// proposes (RotateSeal there): from its own configuration and the wrap's
// parameters. Without it, this server cannot prove another seal, and rotations
// begun elsewhere fail by naming it. Call it before Run.
func (k *Keyring) Resolve(f func(ctx context.Context, w Wrap) (Seal, error)) { k.resolve = f }

// candidate is a seal that another server proposes.
type candidate struct {
	rotation string
	seal     Seal
	wrap     []byte // of the present root key: tells whether it was adopted
}

// register makes this server known to rotations.
func (k *Keyring) register(ctx context.Context) error {
	return k.db.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		known, err := nodeTable.Rows().Has(tx, k.node)
		if err != nil || known {
			return err
		}
		return nodeTable.Rows().Put(tx, k.node, &nodeRecord{Started: time.Now().UTC()})
	})
}

func (k *Keyring) unregister(ctx context.Context) error {
	return k.db.Run(ctx, func(ctx context.Context) error {
		return nodeTable.Rows().Delete(store.From(ctx), k.node)
	})
}

// follow takes part in a rotation that another server drives, and takes over
// what has changed in the store.
func (k *Keyring) follow(ctx context.Context) error {
	if k.roots.Load() == nil {
		return nil // sealed: nothing to prove with, nothing to keep
	}
	rot, err := k.rotation(ctx)
	if err != nil {
		return err
	}
	if rot != nil && rot.Proving {
		if rot.Runner == k.node {
			return nil
		}
		return k.answer(ctx, rot.ID)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	records, err := k.records(ctx)
	if err != nil {
		return err
	}
	if c := k.candidate; c != nil {
		k.candidate = nil
		if adopted(records, c.wrap) {
			k.replaceSeal(c.seal)
		} else {
			_ = c.seal.Close() // it only wipes
		}
	}
	next, err := k.load(ctx, k.seal, records)
	if err != nil {
		return err
	}
	k.install(next)
	return nil
}

func adopted(records []*rootRecord, wrap []byte) bool {
	return slices.ContainsFunc(records, func(rec *rootRecord) bool {
		return len(rec.Wraps) == 1 && string(rec.Wraps[0].Blob) == string(wrap)
	})
}

// answer proves a proposed seal, once, and tells the outcome.
func (k *Keyring) answer(ctx context.Context, rotation string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.answered == rotation {
		return nil
	}
	if c := k.candidate; c == nil || c.rotation != rotation {
		if c != nil {
			_ = c.seal.Close() // it only wipes
			k.candidate = nil
		}
		// Seen, so that this server does not count as gone while it tries.
		if err := k.tell(ctx, nodeRecord{Answer: rotation}); err != nil {
			return err
		}
	}
	err := k.proveCandidate(ctx, rotation)
	if errors.Is(err, ErrShares) {
		return nil // Submit comes back here
	}
	out := nodeRecord{Answer: rotation, Proven: err == nil}
	if err != nil {
		out.Failure = err.Error()
	}
	if err := k.tell(ctx, out); err != nil {
		return err
	}
	k.answered = rotation
	return nil
}

func (k *Keyring) tell(ctx context.Context, answer nodeRecord) error {
	return k.db.Run(ctx, func(ctx context.Context) error {
		_, err := nodeTable.Rows().Edit(store.From(ctx), k.node, func(n *nodeRecord) error {
			answer.Started = n.Started
			*n = answer
			return nil
		})
		return err
	})
}

// proveCandidate unwraps every root key by the proposed wraps. A new root key
// joins those in memory, so that blobs under it open here from the moment of
// the switch.
func (k *Keyring) proveCandidate(ctx context.Context, rotation string) error {
	records, err := k.records(ctx)
	if err != nil {
		return err
	}
	have := k.roots.Load()
	if have == nil || len(records) == 0 {
		return ErrSealed
	}
	if k.candidate == nil {
		if k.resolve == nil {
			return errors.New("it has no other seal configured")
		}
		seal, err := k.resolve(ctx, last(records[0]).Wraps[0])
		if err != nil {
			return err
		}
		k.candidate = &candidate{rotation: rotation, seal: seal}
	}
	next := &roots{current: have.current, keys: maps.Clone(have.keys)}
	for _, rec := range records {
		b, err := unwrap(ctx, k.candidate.seal, last(rec))
		if err != nil {
			return err
		}
		if rec.Generation == have.current {
			k.candidate.wrap = last(rec).Wraps[0].Blob
		}
		if next.keys[rec.Generation] == nil {
			next.keys[rec.Generation] = b
		} else {
			b.Destroy()
		}
	}
	k.install(next)
	return nil
}

// last is the record with the proposed wrap only.
func last(rec *rootRecord) *rootRecord {
	one := *rec
	one.Wraps = rec.Wraps[len(rec.Wraps)-1:]
	return &one
}
