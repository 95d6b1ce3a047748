package etcd

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// validity says whether this node may serve. An epoch is the time from joining
// to lapsing; within one, validity has no gaps.
type validity struct {
	until atomic.Int64 // on now's clock
	epoch atomic.Int64

	mu    sync.Mutex
	ended chan struct{} // closed when the epoch ends
	why   error
}

func (v *validity) init() {
	v.ended = make(chan struct{})
	close(v.ended)
}

// ok reports whether this node may serve at this moment.
func (v *validity) ok() bool { return int64(now()) < v.until.Load() }

// begin starts an epoch.
func (v *validity) begin(until time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.why != nil {
		return // closed for good
	}
	v.ended = make(chan struct{})
	v.epoch.Add(1)
	v.until.Store(int64(until))
}

// extend moves the end on. It must not start an epoch that has ended.
func (v *validity) extend(until time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.ended:
	default:
		v.until.Store(max(v.until.Load(), int64(until)))
	}
}

// end ends the epoch; with an error, for ever.
func (v *validity) end(why error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.until.Store(0)
	if v.why == nil {
		v.why = why
	}
	select {
	case <-v.ended:
	default:
		close(v.ended)
	}
}

// lapsed is closed when the present epoch ends.
func (v *validity) lapsed() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ended
}

// Ready implements store.Backend.
func (b *Backend) Ready() error {
	switch {
	case b.closed.Load():
		return store.ErrClosed
	case !b.valid.ok():
		return store.ErrUnavailable
	}
	return nil
}
