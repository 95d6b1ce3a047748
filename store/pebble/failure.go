package pebble

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/internal/history"
)

// failure remembers that the engine has failed, for ever.
type failure struct {
	log    *slog.Logger
	once   sync.Once
	failed chan struct{}

	watches atomic.Pointer[history.Log] // to be ended
}

func newFailure(log *slog.Logger) *failure { return &failure{log: log, failed: make(chan struct{})} }

func (f *failure) fail(err error) {
	f.once.Do(func() {
		f.log.Error("the store has failed and answers nothing until it is started anew", "error", err)
		close(f.failed)
		if l := f.watches.Load(); l != nil {
			l.Close(store.ErrUnavailable)
		}
	})
}

func (f *failure) err() error {
	select {
	case <-f.failed:
		return store.ErrUnavailable
	default:
		return nil
	}
}

// Infof implements pebble.Logger: table numbers and timings, nobody's business.
func (f *failure) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (f *failure) Errorf(format string, args ...any) {
	f.log.Error("store engine", "message", fmt.Sprintf(format, args...))
}

// Fatalf implements pebble.Logger. Pebble calls it when an error of the log or of
// its table of contents leaves it in a state that it does not know, and counts on
// not getting back. The goroutine is parked with whatever it holds, so that
// nothing more is written on top; the process is of use only to say so.
func (f *failure) Fatalf(format string, args ...any) {
	f.fail(fmt.Errorf(format, args...))
	select {}
}

func (f *failure) listener() *pebble.EventListener {
	return &pebble.EventListener{
		// A flush or compaction that failed: nothing is lost, it is tried again
		// from data that the log still holds.
		BackgroundError: func(err error) { f.log.Error("store: work in the background failed", "error", err) },
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			f.log.Error("store: a file is damaged", "path", i.Path, "error", i.Details)
		},
		DiskSlow:        func(i pebble.DiskSlowInfo) { f.log.Warn("store: the disk is slow", "path", i.Path, "took", i.Duration) },
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) { f.log.Warn("store: writes wait", "reason", i.Reason) },
	}
}
