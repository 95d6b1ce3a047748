package outbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/store"
)

// MaxEvent bounds an event's encoded size, in bytes.
const MaxEvent = 256 << 10

// ErrTooLarge: an event beyond MaxEvent.
var ErrTooLarge = errors.New("outbox: event too large")

// Event is what happened, in the shape of EventBridge's envelope.
type Event struct {
	ID         string // made by Put when empty
	Source     string // "aws.kms"
	DetailType string // "KMS CMK Rotation"
	Account    string
	Region     string
	Time       time.Time // services' clock; made by Put when zero
	Resources  []string  // ARNs
	Detail     json.RawMessage
}

// entry is an event in the log.
type entry struct {
	Event
	Kept  time.Time // services' clock when it was ordered
	Bytes int64
}

// log is the state of the log: numbers from First up to, not including, Next.
type log struct {
	First, Next int64
	Bytes       int64
	Dropped     int64 // entries that fell out by age or size
}

// cursor is a consumer's place.
type cursor struct {
	Next int64 // the number that it has not handled yet
	Lost int64 // numbers that fell out before it handled them
}

// claim says which server works for a consumer, and until when others stay off
// (wall time).
type claim struct {
	Node  string
	Until time.Time
}

var (
	fresh   = store.GlobalTable[Event]("outbox.fresh") // not in the log yet
	entries = store.GlobalTable[entry]("outbox.entry") // by number
	logs    = store.GlobalTable[log]("outbox.log")
	cursors = store.GlobalTable[cursor]("outbox.cursor")
	claims  = store.GlobalTable[claim]("outbox.claim")
)

// Deps is what an Outbox works with.
type Deps struct {
	DB    *store.DB
	Clock redoubt.Clock
	Log   *slog.Logger
	// MaxAge and MaxBytes bound the log; 0 means 7 days and 256 MiB.
	MaxAge   time.Duration
	MaxBytes int64
	// Lease is how long a server that works for a consumer keeps others off when
	// it falls silent; 0 means half a minute.
	Lease time.Duration
}

// Outbox is the log of events.
type Outbox struct {
	Deps
	node string
	wake chan struct{}

	mu        sync.Mutex
	consumers map[string]bool // at work in this server
}

// New makes an outbox.
func New(d Deps) *Outbox {
	if d.MaxAge <= 0 {
		d.MaxAge = 7 * 24 * time.Hour
	}
	if d.MaxBytes <= 0 {
		d.MaxBytes = 256 << 20
	}
	if d.Lease <= 0 {
		d.Lease = 30 * time.Second
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return &Outbox{Deps: d, node: random(8), wake: make(chan struct{}, 1), consumers: map[string]bool{}}
}

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// Put tells an event as part of tx.
func (o *Outbox) Put(tx *store.Tx, e Event) error {
	if e.ID == "" {
		id := random(16)
		e.ID = id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
	}
	if e.Time.IsZero() {
		e.Time = o.Clock.Now()
	}
	size := len(e.Detail) + len(e.Source) + len(e.DetailType)
	for _, r := range e.Resources {
		size += len(r)
	}
	if size > MaxEvent {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, size)
	}
	tx.AfterCommit(o.nudge)
	return fresh.Rows().Put(tx, random(12), &e)
}

func (o *Outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Stats says how the log and its consumers stand.
type Stats struct {
	Events    int64 // in the log
	Bytes     int64
	Dropped   int64 // fell out by age or size
	Consumers map[string]Progress
}

// Progress is how a consumer stands.
type Progress struct {
	Behind int64 // events that it has not handled
	Lost   int64 // events that fell out before it handled them
}

// Stats answers the figures.
func (o *Outbox) Stats(ctx context.Context) (s Stats, err error) {
	err = o.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		l, err := state(tx)
		if err != nil {
			return err
		}
		s = Stats{Events: l.Next - l.First, Bytes: l.Bytes, Dropped: l.Dropped, Consumers: map[string]Progress{}}
		for row, err := range cursors.Rows().Scan(tx, store.Query{}) {
			if err != nil {
				return err
			}
			c := *row.Value
			lost := max(l.First-c.Next, 0)
			s.Consumers[row.ID] = Progress{Behind: l.Next - c.Next - lost, Lost: c.Lost + lost}
		}
		return nil
	})
	return s, err
}

func state(tx *store.Tx) (log, error) {
	l, err := logs.Rows().Get(tx, "state")
	switch {
	case errors.Is(err, store.ErrNotFound):
		return log{}, nil
	case err != nil:
		return log{}, err
	}
	return *l, nil
}

func number(n int64) string { return fmt.Sprintf("%016x", n) }
