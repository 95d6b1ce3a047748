package schedule

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/store"
)

// Handler does the work of one job. Its context carries the open transaction in
// which the job is already taken off the timetable, so that its effects and the
// job's end commit together; At puts the same job on again, for work that
// repeats. It is run again when the transaction conflicts, and after an error. What takes
// long or has effects outside the store uses transactions of its own
// (store.Without) and must bear being repeated.
type Handler func(ctx context.Context, id string) error

// Job is a plan.
type Job struct {
	Kind string
	ID   string
	Due  time.Time // services' clock
	// Attempt counts the failures so far, and Error is the last one's text.
	Attempt int
	Error   string
}

// claim says which server runs a job, and until when others stay off (wall
// time). It stands beside the job, not in it: renewing it must not disturb the
// transaction that ends the job.
type claim struct {
	Node  string
	Until time.Time
}

var (
	jobs = store.GlobalTable[Job]("schedule.job")
	// dues orders the jobs by time; the record itself says nothing more.
	dues   = store.GlobalTable[struct{}]("schedule.due")
	claims = store.GlobalTable[claim]("schedule.claim")
)

// Deps is what a Schedule works with.
type Deps struct {
	DB    *store.DB
	Clock redoubt.Clock
	Log   *slog.Logger
	// Workers bounds how many jobs run at a time; 0 means 8.
	Workers int
	// Lease is how long a server that runs a job keeps others off when it falls
	// silent; 0 means a minute.
	Lease time.Duration
	// Alone says that no other server opens the store: claims that stand there are
	// those of a server that was killed, and nobody waits for them to run out.
	Alone bool
}

// Schedule is the timetable.
type Schedule struct {
	Deps
	node string

	mu       sync.Mutex
	handlers map[string]Handler
	running  map[string]bool // job ids that a worker of this server has
	wake     chan struct{}
}

// New makes a timetable; register every handler before Run.
func New(d Deps) *Schedule {
	if d.Workers <= 0 {
		d.Workers = 8
	}
	if d.Lease <= 0 {
		d.Lease = time.Minute
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	var b [8]byte
	rand.Read(b[:])
	return &Schedule{
		Deps: d, node: hex.EncodeToString(b[:]),
		handlers: map[string]Handler{}, running: map[string]bool{}, wake: make(chan struct{}, 1),
	}
}

// Handle says what runs for jobs of a kind, "service.noun".
func (s *Schedule) Handle(kind string, run func(ctx context.Context, id string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handlers[kind] != nil {
		panic("schedule: two handlers for " + kind)
	}
	s.handlers[kind] = run
}

// At plans a job as part of tx, in place of an earlier plan for the same kind
// and id.
func (s *Schedule) At(tx *store.Tx, kind, id string, at time.Time) error {
	if err := s.Cancel(tx, kind, id); err != nil {
		return err
	}
	return s.put(tx, &Job{Kind: kind, ID: id, Due: at})
}

func (s *Schedule) put(tx *store.Tx, j *Job) error {
	tx.AfterCommit(s.nudge)
	if err := dues.Rows().Put(tx, j.due(), &struct{}{}); err != nil {
		return err
	}
	return jobs.Rows().Put(tx, j.key(), j)
}

// Cancel takes a plan back; an absent one is no error. A job that is running
// fails to commit its end and is not run again.
func (s *Schedule) Cancel(tx *store.Tx, kind, id string) error {
	j, err := s.Get(tx, kind, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.remove(tx, j)
}

func (s *Schedule) remove(tx *store.Tx, j *Job) error {
	if err := dues.Rows().Delete(tx, j.due()); err != nil {
		return err
	}
	if err := claims.Rows().Delete(tx, j.key()); err != nil {
		return err
	}
	return jobs.Rows().Delete(tx, j.key())
}

// Get answers a plan, or store.ErrNotFound.
func (s *Schedule) Get(tx *store.Tx, kind, id string) (*Job, error) {
	return jobs.Rows().Get(tx, store.ID(kind, id))
}

// All walks every plan in order of time. Outside of a transaction that commits,
// a plan that ends meanwhile shows as store.ErrNotFound.
func (s *Schedule) All(tx *store.Tx) iter.Seq2[*Job, error] {
	return func(yield func(*Job, error) bool) {
		for row, err := range dues.Rows().Scan(tx, store.Query{}) {
			if err != nil {
				yield(nil, err)
				return
			}
			p := store.Parts(row.ID)
			if !yield(s.Get(tx, p[1], p[2])) {
				return
			}
		}
	}
}

func (j *Job) key() string { return store.ID(j.Kind, j.ID) }

// due is the job's place in the order of time. Times before 1970 sort first.
func (j *Job) due() string {
	return store.ID(fmt.Sprintf("%020d", max(j.Due.UnixNano(), 0)), j.Kind, j.ID)
}

func (s *Schedule) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
