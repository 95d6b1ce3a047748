package objects

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/store"
)

// Deps are what the object store rests on.
type Deps struct {
	DB    *store.DB
	Blobs blob.Store
	Keys  *keyring.Keyring
	Clock redoubt.Clock
	Log   *slog.Logger
	// Alone: no other process uses the same store, so whatever was begun before
	// this one started is dead.
	Alone bool
}

// Store is the object store. It is safe for concurrent use.
type Store struct {
	Deps
	process string // this one, among those that write
	names   reserve
	bound   atomic.Bool // the blobs are those of the store
	wake    chan struct{}

	mu   sync.Mutex
	pins map[string]int // data that are being read, by id

	// How signs of life and garbage are waited for, and the smallest part; tests ask
	// for less.
	pulse, death, grace time.Duration
	minPart             int64
}

// New answers the object store; Run keeps it clean.
func New(d Deps) *Store {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		Deps: d, process: blob.NewName(), wake: make(chan struct{}, 1), pins: map[string]int{},
		pulse: 15 * time.Second, death: time.Minute, grace: 15 * time.Minute, minPart: MinPart,
	}
	if d.Alone {
		s.grace = 0 // who reads is known here: pins
	}
	return s
}

// now is the services' time, in the precision that S3 shows.
func (s *Store) now() time.Time { return s.Clock.Now().UTC().Truncate(time.Millisecond) }

// pin keeps data from being removed while they are read.
func (s *Store) pin(data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pins[data]++
}

func (s *Store) unpin(data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pins[data]--; s.pins[data] == 0 {
		delete(s.pins, data)
	}
}

func (s *Store) pinned(data string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pins[data] > 0
}

// kick has the collector look.
func (s *Store) kick() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run runs f in a transaction of its own, whatever ctx carries, and finishes it
// although ctx may have ended.
func (s *Store) run(ctx context.Context, f func(tx *store.Tx) error) error {
	ctx = store.Without(context.WithoutCancel(ctx))
	return s.DB.Run(ctx, func(ctx context.Context) error { return f(store.From(ctx)) })
}
