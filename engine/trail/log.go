package trail

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/store"
)

// Retention is how long events are kept: as long as LookupEvents reaches back.
const Retention = 90 * 24 * time.Hour

// Errors of Record.
var (
	// ErrFull: events come in faster than the store takes them.
	ErrFull = errors.New("trail: the buffer of the audit log is full")
	// ErrUnavailable: the last attempt to write events failed.
	ErrUnavailable = errors.New("trail: the audit log cannot be written")
)

// Deps is what a Log works with. Buffer and Interval have defaults.
type Deps struct {
	DB    *store.DB
	Seal  Sealer
	Clock redoubt.Clock // the services' clock
	Log   *slog.Logger
	// Buffer bounds the events waiting to be written, in bytes; 0 means 64 MiB.
	Buffer int
	// Interval is how often waiting events are written; 0 means 500 ms.
	Interval time.Duration
}

// Log is the audit log of an installation. It is safe for concurrent use.
type Log struct {
	Deps
	codec *codec
	kick  chan struct{}

	flushing sync.Mutex // held by Flush; guards retry
	retry    []piece    // what could not be written

	selects atomic.Pointer[func(*Event) bool]

	mu      sync.Mutex
	batches map[tenant]*batch
	spare   []*batch
	waiting int   // bytes not yet in the store
	failure error // of the last flush
}

// Open makes a log over the store. Run does its background work.
func Open(d Deps) (*Log, error) {
	if d.Buffer <= 0 {
		d.Buffer = 64 << 20
	}
	if d.Interval <= 0 {
		d.Interval = 500 * time.Millisecond
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	c, err := newCodec(d.Seal)
	if err != nil {
		return nil, err
	}
	return &Log{Deps: d, codec: c, kick: make(chan struct{}, 1), batches: map[tenant]*batch{}}, nil
}

// Commit writes the event of a change in the change's own transaction. It fills
// in an empty EventID.
func (l *Log) Commit(tx *store.Tx, e *Event) error {
	if e.EventID == "" {
		e.EventID = NewID()
	}
	nanos := e.nanos()
	b := e.AppendJSON(make([]byte, frameHead, frameHead+1200))
	appendFrameHead(b[:0], nanos, len(b)-frameHead)
	id := batchID{nanos, nanos, e.EventID, direct}
	key := freshTable + tenant{e.Account, e.Region}.prefix() + id.String()
	value, err := l.codec.encode(key, b)
	if err != nil {
		return fmt.Errorf("trail: %w", err)
	}
	return tx.Put(key, value)
}

// Record takes the event of a call that changed nothing; it is in the store
// within a second. An error says that it is not recorded and that events are not
// being recorded now. It fills in an empty EventID.
func (l *Log) Record(e *Event) error {
	if e.EventID == "" {
		e.EventID = NewID()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.failure != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, l.failure)
	case l.waiting >= l.Buffer:
		return ErrFull
	}
	t := tenant{e.Account, e.Region}
	b := l.batches[t]
	if b == nil {
		b = l.newBatch(t)
		l.batches[t] = b
	}
	if l.waiting += b.add(e); len(b.frames) >= blockSize {
		select {
		case l.kick <- struct{}{}:
		default:
		}
	}
	return nil
}

// SelectData says which data events are kept: those that f admits, which is asked
// for every one. Before it is called, none are.
func (l *Log) SelectData(f func(*Event) bool) { l.selects.Store(&f) }

// Selected reports whether the event is to be recorded: all management events are,
// data events where somebody wants them.
func (l *Log) Selected(e *Event) bool {
	if !e.Data {
		return true
	}
	f := l.selects.Load()
	return f != nil && (*f)(e)
}

// Healthy reports whether events can be recorded.
func (l *Log) Healthy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure == nil && l.waiting < l.Buffer
}

// Waiting answers how many bytes of events wait to be written.
func (l *Log) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting
}

// Run writes what Record took, folds small batches and deletes what is too old,
// until ctx ends; then it writes what is left.
func (l *Log) Run(ctx context.Context) error {
	flush := time.NewTicker(l.Interval)
	defer flush.Stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.tidy(ctx)
	}()
	for {
		select {
		case <-ctx.Done():
			<-done
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			return l.Flush(last)
		case <-flush.C:
		case <-l.kick:
		}
		l.report(l.Flush(ctx))
	}
}

func (l *Log) report(err error) {
	if err != nil {
		l.Log.Error("audit log cannot be written", "error", err)
	}
}

// tidy folds and expires.
func (l *Log) tidy(ctx context.Context) {
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := l.Fold(ctx); err != nil && ctx.Err() == nil {
			l.Log.Warn("audit log: folding", "error", err)
		}
		if err := l.Expire(ctx); err != nil && ctx.Err() == nil {
			l.Log.Warn("audit log: expiry", "error", err)
		}
	}
}

// NewID makes an event id: a random UUID (RFC 9562, version 4).
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[:8], b[:4])
	s[8] = '-'
	hex.Encode(s[9:13], b[4:6])
	s[13] = '-'
	hex.Encode(s[14:18], b[6:8])
	s[18] = '-'
	hex.Encode(s[19:23], b[8:10])
	s[23] = '-'
	hex.Encode(s[24:], b[10:])
	return string(s[:])
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}
