package ssm

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/outbox"
	"github.com/redoubt-sec/redoubt/op"
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

// Events takes what parameter policies have to tell, engine/outbox's.
type Events interface {
	// Put tells an event as part of tx.
	Put(tx *store.Tx, e outbox.Event) error
}

// Principals knows whom resource policies name, engine/identity's.
type Principals interface {
	// PrincipalID answers the unique id of the user or role that an ARN names;
	// empty where it has none. ok is false where there is no such principal.
	PrincipalID(tx *store.Tx, arn string) (id string, ok bool, err error)
	// PrincipalARN is the way back.
	PrincipalARN(tx *store.Tx, id string) (arn string, ok bool, err error)
}

// Deps is what the service works with.
type Deps struct {
	DB       *store.DB
	Keyring  *keyring.Keyring
	Schedule Schedule
	Events   Events
	Clock    redoubt.Clock
	// Invoker reaches KMS and Secrets Manager.
	Invoker op.Invoker
	// Principals checks whom resource policies name. nil: everyone exists.
	Principals Principals
	Quotas     Quotas
}

// Service is Parameter Store. It is safe for concurrent use.
type Service struct {
	db         *store.DB
	ring       *keyring.Keyring
	schedule   Schedule
	events     Events
	clock      redoubt.Clock
	invoker    op.Invoker
	principals Principals
	quotas     Quotas
	tallies    tallies
	turn       atomic.Uint32 // of the shards that count
	patterns   patterns
}

// New makes the service and registers its job; the schedule must not run yet.
func New(d Deps) *Service {
	s := &Service{
		db: d.DB, ring: d.Keyring, schedule: d.Schedule, events: d.Events, clock: d.Clock, invoker: d.Invoker,
		principals: d.Principals, quotas: d.Quotas.withDefaults(),
	}
	s.turn.Store(rand.Uint32())
	s.schedule.Handle(policyJob, s.enforce)
	s.ring.Register(keyring.Records("ssm.parameter", parameters.All(), func(id string, p *Parameter) (bool, error) {
		return s.renew(id, &p.Current)
	}))
	s.ring.Register(keyring.Records("ssm.version", blocks.All(), s.renewBlock))
	return s
}

// renewBlock seals the values of older versions anew when the root key is replaced.
func (s *Service) renewBlock(id string, b *Block) (changed bool, err error) {
	owner := id[:strings.LastIndexByte(id, 0)]
	for i := range b.Versions {
		did, err := s.renew(owner, &b.Versions[i])
		if err != nil {
			return false, err
		}
		changed = changed || did
	}
	return changed, nil
}
