package kms

import (
	"context"
	"sync"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/keystore"
	"github.com/redoubt-sec/redoubt/store"
)

// Schedule is the durable timetable, engine/schedule's.
type Schedule interface {
	// Handle says what runs for a kind of job. It may run twice.
	Handle(kind string, run func(ctx context.Context, id string) error)
	// At plans a job as part of tx, in place of an earlier plan for the same id.
	At(tx *store.Tx, kind, id string, at time.Time) error
	// Cancel takes a plan back; an absent one is no error.
	Cancel(tx *store.Tx, kind, id string) error
}

// Deps is what the service works with.
type Deps struct {
	DB       *store.DB
	Keyring  *keyring.Keyring
	Schedule Schedule
	Clock    redoubt.Clock
	// Principals checks whom key policies and grants name. nil: everyone exists.
	Principals Principals
	// Events takes the audit events of what happens without a call. nil: nobody
	// hears of it.
	Events Events
	// KeyStores are the engines behind custom key stores, by CustomKeyStoreType.
	// Stores of a type without one cannot be made.
	KeyStores map[string]keystore.Backend
	// RotateKeyStorePasswords lets ConnectCustomKeyStore change the kmsuser
	// password in the token, as AWS does.
	RotateKeyStorePasswords bool
	Quotas                  Quotas
}

// Service is KMS. It is safe for concurrent use.
type Service struct {
	db         *store.DB
	ring       *keyring.Keyring
	schedule   Schedule
	clock      redoubt.Clock
	principals Principals
	backends   map[string]keystore.Backend
	passwords  bool
	quotas     Quotas

	events Events

	recent recent
	room   room
	shapes sync.Map // of likeness to *shape
}

// New makes the service and registers its jobs; the schedule must not run yet.
func New(d Deps) *Service {
	s := &Service{
		db: d.DB, ring: d.Keyring, schedule: d.Schedule, clock: d.Clock, principals: d.Principals, events: d.Events,
		backends: d.KeyStores, passwords: d.RotateKeyStorePasswords, quotas: d.Quotas.withDefaults(),
		recent: recent{uses: map[place]Usage{}},
	}
	s.register()
	s.ring.Register(keyring.Records("kms.key", keys.All(), s.renewKey))
	s.ring.Register(keyring.Records("kms.keystore", keyStores.All(), s.renewStore))
	return s
}

// Run writes down what waits in memory, again and again until ctx ends and once
// more then. The store must still be open.
func (s *Service) Run(ctx context.Context) error {
	for {
		select {
		case <-s.clock.After(flushEvery):
			s.flush(ctx)
		case <-ctx.Done():
			s.flush(context.WithoutCancel(ctx))
			return nil
		}
	}
}

// renewKey seals a key's materials anew when the root key is replaced.
func (s *Service) renewKey(_ string, k *Key) (changed bool, err error) {
	for i := range k.Materials {
		m := &k.Materials[i]
		if m.Sealed == nil {
			continue
		}
		sealed, did, err := s.ring.Renew(sealPurpose, sealContext(k, m.ID), m.Sealed)
		if err != nil {
			return false, err
		}
		m.Sealed, changed = sealed, changed || did
	}
	return changed, nil
}

func (s *Service) renewStore(_ string, ks *KeyStore) (changed bool, err error) {
	ks.Sealed, changed, err = s.ring.Renew(storePurpose, []byte(ks.ID), ks.Sealed)
	return changed, err
}
