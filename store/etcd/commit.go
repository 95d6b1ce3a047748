package etcd

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/internal/history"
)

// request is one commit on its way through the committer.
type request struct {
	c       store.Commit
	advance int64 // when above 0, move the revision up to here instead
	rev     int64
	err     error
	done    chan struct{} // closed when decided; err and rev are set
	acked   chan struct{} // the batch's ack, once done and without err
}

type queue struct {
	mu      sync.Mutex
	waiting []*request
	filled  chan struct{}
	closed  bool
}

func (q *queue) init() { q.filled = make(chan struct{}, 1) }

func (q *queue) put(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return store.ErrClosed
	}
	q.waiting = append(q.waiting, r)
	q.signal()
	return nil
}

func (q *queue) signal() {
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

func (q *queue) withdraw(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, r)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	return i >= 0
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// take answers the longest beginning of the queue that fits one proposal: no key
// is written twice, and the sizes stay within one commit's.
func (q *queue) take() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	var keys history.Batch
	n, bytes := 0, 0
	for _, r := range q.waiting {
		for _, w := range r.c.Writes {
			bytes += len(w.Key) + len(w.Value)
		}
		alone := r.advance > 0
		if n > 0 && (alone || keys.Len()+len(r.c.Writes) > store.MaxOps || bytes > store.MaxTxn || keys.Writes(r.c.Writes)) {
			break
		}
		keys.Add(r.c.Writes)
		if n++; alone {
			break
		}
	}
	taken := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	if len(q.waiting) > 0 {
		q.signal()
	}
	return taken
}

// Commit implements store.Backend.
func (b *Backend) Commit(ctx context.Context, c store.Commit) (int64, error) {
	epoch := b.valid.epoch.Load()
	if err := b.Ready(); err != nil {
		return 0, err
	}
	if len(c.Writes) == 0 {
		return c.ReadRev, b.check(ctx, c, epoch)
	}
	if err := c.Validate(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if _, err := b.replica.Commit(ctx, store.Commit{ReadRev: c.ReadRev, Keys: c.Keys, Ranges: c.Ranges}); err != nil {
		return 0, err
	}
	return b.submit(ctx, &request{c: c})
}

// Advance implements store.Advancer.
func (b *Backend) Advance(ctx context.Context, rev int64) error {
	if err := b.Ready(); err != nil {
		return err
	}
	_, err := b.submit(ctx, &request{advance: rev})
	return err
}

// check decides a transaction that only read. See "No stale reads" in doc.go for
// the order of its steps.
func (b *Backend) check(ctx context.Context, c store.Commit, epoch int64) error {
	_, err := b.replica.Commit(ctx, c)
	if err == nil {
		err = b.settled(ctx, c)
	}
	if b.closed.Load() {
		return store.ErrClosed
	}
	if !b.valid.ok() || b.valid.epoch.Load() != epoch {
		return store.ErrUnavailable
	}
	return err
}

// settled waits until what c read is applied by all who serve.
func (b *Backend) settled(ctx context.Context, c store.Commit) error {
	stable := b.stable.Load()
	if stable >= c.ReadRev {
		return nil
	}
	// What is newer than c.ReadRev came after the check: it does not concern c.
	wanted := min(b.replica.Newest(c, stable), c.ReadRev)
	if wanted <= stable {
		return nil
	}
	lapsed := b.valid.lapsed()
	for {
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		if b.stable.Load() >= wanted {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-lapsed:
			return store.ErrUnavailable
		}
	}
}

func (b *Backend) submit(ctx context.Context, r *request) (int64, error) {
	r.done = make(chan struct{})
	lapsed := b.valid.lapsed()
	if err := b.queue.put(r); err != nil {
		return 0, err
	}
	gone := func() (int64, error) {
		b.queue.withdraw(r)
		if b.closed.Load() {
			return 0, store.ErrClosed
		}
		return 0, store.ErrUnavailable
	}
	select {
	case <-r.done:
		if r.err != nil {
			return 0, r.err
		}
	case <-lapsed:
		return gone()
	case <-ctx.Done():
		if b.queue.withdraw(r) {
			return 0, ctx.Err()
		}
		return 0, fmt.Errorf("%w while the commit was under way", ctx.Err())
	}
	select {
	case <-r.acked:
		return r.rev, nil
	case <-lapsed:
		return gone()
	case <-ctx.Done():
		return 0, fmt.Errorf("%w while the commit was being confirmed", ctx.Err())
	}
}
