package lambda

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/engine/identity"
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

// Outbox takes events for consumers that come later, engine/outbox's.
type Outbox interface {
	Put(tx *store.Tx, e outbox.Event) error
}

// Deps is what the service works with.
type Deps struct {
	DB       *store.DB
	Keyring  *keyring.Keyring
	Identity *identity.Identity
	Schedule Schedule
	Outbox   Outbox
	Clock    redoubt.Clock
	Invoker  op.Invoker
	Log      *slog.Logger
	Engine   Engine
	// Builtins are functions that are part of this program.
	Builtins []*functions.Builtin
}

// Engine runs functions, engine/functions does.
type Engine interface {
	// Ready reports whether functions of a runtime can run here, and what runs them.
	Ready(runtime string) (functions.Runtime, error)
	// Invoke runs one event and answers when it ended.
	Invoke(ctx context.Context, f *functions.Function, in functions.Invocation) (functions.Result, error)
	// Retire stops the instances of a function that run no event.
	Retire(arn string)
}

// Service is the room. It is safe for concurrent use.
type Service struct {
	Deps
	inside       []*functions.Builtin // by name
	running      running
	prepared     prepared
	events       eventQueue
	droppedLines atomic.Int64 // of logs that nobody took
	lostResults  atomic.Int64 // of asynchronous invocations
}

// New makes the service and registers its jobs; the schedule must not run yet.
func New(d Deps) *Service {
	s := &Service{Deps: d, inside: slices.SortedFunc(slices.Values(d.Builtins), func(a, b *functions.Builtin) int { return strings.Compare(a.Name, b.Name) })}
	s.events = eventQueue{known: map[string]*claim{}, wake: make(chan struct{}, 1)}
	s.registerOwners()
	s.registerJobs()
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

// present is a pointer to s, or nil when there is nothing to show.
func present(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// newID makes a random name of 32 hexadecimal digits.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// newRevision makes a revision id: a random UUID.
func newRevision() string {
	id := newID()
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

// stamp is Lambda's form of a time: "2026-01-02T03:04:05.678+0000".
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000-0700") }
