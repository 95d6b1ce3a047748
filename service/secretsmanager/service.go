package secretsmanager

import (
	"context"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/rotate"
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

// Deps is what the service works with.
type Deps struct {
	DB       *store.DB
	Identity *identity.Identity
	Keyring  *keyring.Keyring
	Schedule Schedule
	Clock    redoubt.Clock
	// Invoker reaches KMS, which encrypts, and Lambda, which rotates.
	Invoker op.Invoker
	// Rotators are the rotations that are part of this program.
	Rotators *rotate.Engine
}

// Service is the room. It is safe for concurrent use.
type Service struct {
	db       *store.DB
	ids      *identity.Identity
	ring     *keyring.Keyring
	schedule Schedule
	clock    redoubt.Clock
	invoker  op.Invoker
	rotators *rotate.Engine
}

// New makes the service and registers its jobs; the schedule must not run yet.
func New(d Deps) *Service {
	s := &Service{db: d.DB, ids: d.Identity, ring: d.Keyring, schedule: d.Schedule, clock: d.Clock, invoker: d.Invoker, rotators: d.Rotators}
	s.schedule.Handle(jobDelete, s.expire)
	s.schedule.Handle(jobSweep, s.sweep)
	s.schedule.Handle(jobDue, s.due)
	s.schedule.Handle(jobRun, s.run)
	s.ring.Register(keyring.Records(logPurpose, logs.All(), s.renewLog))
	return s
}

// value is what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// present is a pointer to v, or nil for the zero value: what is empty is absent
// from answers.
func present[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
