package keyring

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
	"github.com/redoubt-sec/redoubt/store"
)

// Errors of the keyring.
var (
	// ErrSealed: there is no root key in memory; health says so.
	ErrSealed = errors.New("keyring: sealed")
	// ErrDamaged: the blob was not made here for this purpose and additional
	// data, was changed since, or its root key has been destroyed.
	ErrDamaged = errors.New("keyring: blob is not authentic")
)

// Keyring seals and opens what other engines and services keep. It is safe for
// concurrent use.
type Keyring struct {
	db    *store.DB
	clock redoubt.Clock
	roots atomic.Pointer[roots] // nil while sealed

	recent recent // what was opened a moment ago

	node     string     // names this process among the servers on the store
	rotating sync.Mutex // held by RotateSeal
	wake     chan struct{}
	times    times
	resolve  func(context.Context, Wrap) (Seal, error)

	created bool

	mu        sync.Mutex // guards what follows, and changes of roots
	seal      Seal
	candidate *candidate
	answered  string // the proposal that this server has proven or refused
	owners    []Owner
	reason    error // why it is sealed
	trouble   error // what holds background work up
}

// times are wall times that tests shorten.
type times struct {
	answer  time.Duration // until a silent server counts as gone
	poll    time.Duration
	retry   time.Duration // of background work that failed
	settle  time.Duration
	blocked time.Duration // until owners are asked again after a search found blobs
}

// roots are the root keys in memory, by generation.
type roots struct {
	current uint32
	keys    map[uint32]*harden.Buffer
}

// Open reads the root key from the store and unseals it; on the very first
// start it makes one. A root key that cannot be unsealed now (shares missing,
// wrong seal, token or endpoint away) is no error: the keyring is then sealed,
// Status says why, and Unseal or Submit try again. The keyring owns the seal.
func Open(ctx context.Context, db *store.DB, seal Seal, clock redoubt.Clock) (*Keyring, error) {
	k := &Keyring{db: db, clock: clock, seal: seal, node: rand.Text(), wake: make(chan struct{}, 1),
		times: times{answer: 5 * time.Second, poll: 100 * time.Millisecond, retry: 5 * time.Second, settle: settle, blocked: time.Minute}}
	if err := k.start(ctx); err != nil {
		return nil, err
	}
	return k, nil
}

// Made reports whether the store has a root key.
func Made(ctx context.Context, db *store.DB) (bool, error) {
	records, err := (&Keyring{db: db}).records(ctx)
	return len(records) > 0, err
}

// Created reports whether Open made the store's root key, under its seal.
func (k *Keyring) Created() bool { return k.created }

// Close forgets the root keys and closes the seal.
func (k *Keyring) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.install(nil)
	k.recent.close()
	if k.candidate != nil {
		_ = k.candidate.seal.Close() // it only wipes
		k.candidate = nil
	}
	return k.seal.Close()
}

func (k *Keyring) currentSeal() Seal {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.seal
}

// MAC answers the 32-byte HMAC-SHA-256 of data under a key of the purpose's
// own: for tokens that come back to us (pages, grants, imports, sessions).
// Purposes are constants, "service.noun".
func (k *Keyring) MAC(purpose string, data []byte) ([]byte, error) {
	r := k.roots.Load()
	if r == nil {
		return nil, ErrSealed
	}
	return r.mac(r.current, purpose, data)
}

// VerifyMAC is nil when mac is what MAC answered for purpose and data, under
// this root key or one that is still kept; else ErrDamaged, or ErrSealed. The
// comparison takes the same time wherever they differ.
func (k *Keyring) VerifyMAC(purpose string, data, mac []byte) error {
	r := k.roots.Load()
	if r == nil {
		return ErrSealed
	}
	for gen := range r.keys {
		want, err := r.mac(gen, purpose, data)
		if err != nil {
			return err
		}
		if hmac.Equal(want, mac) {
			return nil
		}
	}
	return ErrDamaged
}

func (r *roots) mac(gen uint32, purpose string, data []byte) ([]byte, error) {
	var out [32]byte
	if !r.keys[gen].Use(func(root []byte) { out = message.MAC(root, "redoubt mac "+purpose, data) }) {
		return nil, ErrSealed
	}
	return out[:], nil
}
