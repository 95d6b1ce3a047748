package logs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/store"
)

// Errors of this package; services word them.
var (
	ErrNoGroup   = errors.New("logs: no such group")
	ErrNoStream  = errors.New("logs: no such stream")
	ErrExists    = errors.New("logs: it exists")
	ErrProtected = errors.New("logs: the group is protected from deletion")
	ErrUnordered = errors.New("logs: events are not in order of time")
	ErrBatchSize = errors.New("logs: the batch is too large")
	ErrEventSize = errors.New("logs: an event is too large")
	ErrBatchSpan = errors.New("logs: the batch spans more than 24 hours")
	errDamaged   = errors.New("logs: damaged data")
	errLost      = errors.New("logs: a block of the log is missing")
)

// Sealer encrypts what lies in the store; *keyring.Keyring is one.
type Sealer interface {
	Seal(purpose string, aad, plaintext []byte) ([]byte, error)
	Open(purpose string, aad, blob []byte) ([]byte, error)
	Renew(purpose string, aad, blob []byte) (renewed []byte, changed bool, err error)
}

// Deps is what Logs work with.
type Deps struct {
	DB    *store.DB
	Seal  Sealer
	Blobs blob.Store // of blocks, and of nothing else; nil: events stay in batches
	Clock redoubt.Clock
	Log   *slog.Logger
	// Interval is how often batches are folded and what is due is removed; 0
	// means a minute of the machine's time.
	Interval time.Duration
}

// Logs are the logs of an installation. They are safe for concurrent use.
type Logs struct {
	Deps
	codec *codec
}

// Open makes logs over the store. Run does their background work.
func Open(d Deps) (*Logs, error) {
	if d.Interval <= 0 {
		d.Interval = time.Minute
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	c, err := newCodec(d.Seal)
	if err != nil {
		return nil, err
	}
	return &Logs{Deps: d, codec: c}, nil
}

// Run folds batches and removes what is due until ctx ends, and closes the blobs.
func (l *Logs) Run(ctx context.Context) error {
	if l.Blobs != nil {
		defer l.Blobs.Close()
	}
	tick := time.NewTicker(l.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, work := range []struct {
			name string
			do   func(context.Context) error
		}{{"folding", l.Fold}, {"expiry", l.Expire}, {"removal", l.Remove}} {
			if err := work.do(ctx); err != nil && ctx.Err() == nil {
				l.Log.Warn("logs: "+work.name, "error", err)
			}
		}
	}
}

func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// millis is a time as events have it.
func millis(t time.Time) int64 { return t.UnixMilli() }
