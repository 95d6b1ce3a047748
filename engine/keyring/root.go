package keyring

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
	"github.com/redoubt-sec/redoubt/store"
)

const rootSize = 32

// rootRecord is one generation of the root key in the store.
type rootRecord struct {
	Generation uint32
	Keyring    string // random, the same for all generations: which installation this is
	Created    time.Time
	Current    bool
	// Check is derived from the root key: a seal that answers another key than
	// it was given, by error or by intent, is found out.
	Check []byte
	Wraps []Wrap // one; two while the seal is being replaced, the new one last
}

var rootTable = store.GlobalTable[rootRecord]("keyring.root")

func rootID(gen uint32) string { return fmt.Sprintf("%010d", gen) }

// aad binds a wrap to its place: the root key of another generation or
// installation does not pass for this one.
func (r *rootRecord) aad() []byte {
	b := append([]byte("redoubt root key\x00"), r.Keyring...)
	return binary.BigEndian.AppendUint32(b, r.Generation)
}

func (r *rootRecord) check(root []byte) []byte {
	out := message.Derive(root, "redoubt root check", r.aad())
	return out[:16]
}

// start makes the first root key if there is none, and unseals.
func (k *Keyring) start(ctx context.Context) error {
	records, err := k.records(ctx)
	if err != nil {
		return err
	}
	if len(records) == 0 {
		if err := k.create(ctx); err != nil {
			return err
		}
	}
	err = k.Unseal(ctx)
	if errors.Is(err, ErrSealed) {
		return nil
	}
	return err
}

// create stores the first root key, unless another node was faster. It happens
// outside a transaction up to the last step: seals may talk to the world.
func (k *Keyring) create(ctx context.Context) error {
	root := make([]byte, rootSize)
	defer harden.Wipe(root)
	rand.Read(root)
	rec := &rootRecord{Generation: 1, Keyring: rand.Text(), Created: k.clock.Now(), Current: true}
	rec.Check = rec.check(root)
	w, err := prove(ctx, k.seal, root, rec.aad())
	if err != nil {
		return err
	}
	rec.Wraps = []Wrap{w}
	return k.db.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		k.created = false
		for _, err := range rootTable.Rows().Scan(tx, store.Query{}) {
			return err // there is one by now
		}
		k.created = true
		return rootTable.Rows().Put(tx, rootID(rec.Generation), rec)
	})
}

// prove wraps root and checks that the wrap opens again.
func prove(ctx context.Context, seal Seal, root, aad []byte) (Wrap, error) {
	w, err := seal.Wrap(ctx, root, aad)
	if err != nil {
		return Wrap{}, fmt.Errorf("keyring: %s seal: %w", seal.Kind(), err)
	}
	back, err := seal.Unwrap(ctx, w, aad)
	if err != nil {
		return Wrap{}, fmt.Errorf("keyring: the new wrap does not open again: %w", err)
	}
	defer harden.Wipe(back)
	if subtle.ConstantTimeCompare(root, back) != 1 {
		return Wrap{}, errors.New("keyring: the new wrap opens to another root key")
	}
	return w, nil
}

func (k *Keyring) records(ctx context.Context) ([]*rootRecord, error) {
	var out []*rootRecord
	err := k.db.Run(store.Without(ctx), func(ctx context.Context) error {
		out = nil
		for row, err := range rootTable.Rows().Scan(store.From(ctx), store.Query{}) {
			if err != nil {
				return err
			}
			out = append(out, row.Value)
		}
		return nil
	})
	return out, err
}

// Unseal reads the root keys anew and unwraps those that are not in memory
// yet. ErrSealed wraps the reason when the seal does not give them.
func (k *Keyring) Unseal(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.unseal(ctx)
}

// unseal is Unseal for those who hold the lock.
func (k *Keyring) unseal(ctx context.Context) error {
	records, err := k.records(ctx)
	if err != nil {
		return err
	}
	next, err := k.load(ctx, k.seal, records)
	if err != nil {
		k.reason = err
		return fmt.Errorf("%w: %w", ErrSealed, err)
	}
	k.reason = nil
	k.install(next)
	if g, ok := k.seal.(Gatherer); ok {
		g.Forget()
	}
	return nil
}

// load answers the root keys of records: those in memory as they are, others
// unwrapped by seal.
func (k *Keyring) load(ctx context.Context, seal Seal, records []*rootRecord) (*roots, error) {
	next := &roots{keys: map[uint32]*harden.Buffer{}}
	have := k.roots.Load()
	var made []*harden.Buffer
	fail := func(err error) (*roots, error) {
		for _, b := range made {
			b.Destroy()
		}
		return nil, err
	}
	for _, rec := range records {
		if rec.Current {
			next.current = rec.Generation
		}
		if have != nil && have.keys[rec.Generation] != nil {
			next.keys[rec.Generation] = have.keys[rec.Generation]
			continue
		}
		b, err := unwrap(ctx, seal, rec)
		if err != nil && len(records) > 1 && next.keys[next.current] != nil && rec.Generation > next.current {
			continue // proposed, and under another seal: nothing is under it yet
		}
		if err != nil {
			return fail(err)
		}
		made = append(made, b)
		next.keys[rec.Generation] = b
	}
	if next.keys[next.current] == nil {
		return fail(errors.New("the store names no current root key"))
	}
	return next, nil
}

// unwrap opens the first wrap of a record that the seal can open.
func unwrap(ctx context.Context, seal Seal, rec *rootRecord) (*harden.Buffer, error) {
	err := ErrWrongSeal
	for _, w := range rec.Wraps {
		if w.Kind != seal.Kind() {
			continue
		}
		root, uerr := seal.Unwrap(ctx, w, rec.aad())
		if uerr != nil {
			err = uerr
			continue
		}
		if len(root) != rootSize || subtle.ConstantTimeCompare(rec.check(root), rec.Check) != 1 {
			harden.Wipe(root)
			continue
		}
		return harden.Hold(root)
	}
	return nil, err
}

// install replaces the root keys in memory and destroys those that are gone.
func (k *Keyring) install(next *roots) {
	old := k.roots.Swap(next)
	k.recent.forget()
	if old == nil {
		return
	}
	for gen, b := range old.keys {
		if next == nil || next.keys[gen] != b {
			b.Destroy()
		}
	}
}
