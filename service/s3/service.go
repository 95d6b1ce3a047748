package s3

import (
	"context"
	"log/slog"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/objects"
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

// Principals knows who exists. Bucket policies may name only those, and hold on
// to them by unique id, so that whoever is created later under the same name
// inherits nothing.
type Principals interface {
	// PrincipalID answers the unique id of the user or role that arn names, or
	// "" for what has none of its own (accounts, sessions). ok is false if there
	// is no such principal.
	PrincipalID(tx *store.Tx, arn string) (id string, ok bool, err error)
	// PrincipalARN undoes PrincipalID; ok is false if the principal is gone.
	PrincipalARN(tx *store.Tx, id string) (arn string, ok bool, err error)
}

// Deps is what the service works with.
type Deps struct {
	DB         *store.DB
	Keyring    *keyring.Keyring
	Schedule   Schedule
	Clock      redoubt.Clock
	Principals Principals
	Objects    *objects.Store
	// Invoker reaches KMS for callers, and functions for buckets.
	Invoker op.Invoker
	Outbox  Outbox
	Log     *slog.Logger
}

// Service is S3. It is safe for concurrent use.
type Service struct {
	Deps
	keys bucketKeys
}

// New makes the service and registers its jobs; the schedule must not run yet.
func New(d Deps) *Service {
	s := &Service{Deps: d, keys: bucketKeys{held: map[[32]byte]*bucketKey{}}}
	s.keys.follow(d.DB)
	d.Schedule.Handle(noticeJob, s.deliver)
	d.Schedule.Handle(lifecycleJob, s.expire)
	return s
}
