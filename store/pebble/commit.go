package pebble

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/internal/history"
)

// request is one commit on its way to the committer.
type request struct {
	c       store.Commit
	advance int64 // when above 0, move the revision up to here instead
	rev     int64
	err     error
	done    chan struct{}
}

// queue holds the requests that the committer has not taken.
type queue struct {
	mu      sync.Mutex
	waiting []*request
	closed  bool
	filled  chan struct{}
}

// Bounds of a group: what one batch may hold, so that it fits the memtable with
// room to spare.
const (
	groupCommits = 512
	groupBytes   = 2 << 20
)

func (q *queue) init() { q.filled = make(chan struct{}, 1) }

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

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

// withdraw takes a request back that the committer has not begun.
func (q *queue) withdraw(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, w := range q.waiting {
		if w == r {
			q.waiting = append(q.waiting[:i:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

func (q *queue) signal() {
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

// take waits for requests and answers a group of them; nil when the queue is
// closed and empty.
func (q *queue) take() []*request {
	for {
		q.mu.Lock()
		n, bytes := 0, 0
		for n < len(q.waiting) && n < groupCommits && bytes < groupBytes {
			for _, w := range q.waiting[n].c.Writes {
				bytes += len(w.Key) + len(w.Value)
			}
			n++
		}
		group := q.waiting[:n:n]
		q.waiting = q.waiting[n:]
		closed := q.closed
		q.mu.Unlock()
		if n > 0 {
			return group
		}
		if closed {
			return nil
		}
		<-q.filled
	}
}

// Commit implements store.Backend.
func (b *Backend) Commit(ctx context.Context, c store.Commit) (int64, error) {
	if err := b.Ready(); err != nil {
		return 0, err
	}
	if len(c.Writes) > 0 {
		if err := c.Validate(); err != nil {
			return 0, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
	// A transaction that lost already does not take the committer's time.
	if err := b.log.Check(c); err != nil || len(c.Writes) == 0 {
		return c.ReadRev, err
	}
	return b.submit(ctx, c, 0)
}

func (b *Backend) submit(ctx context.Context, c store.Commit, advance int64) (int64, error) {
	r := &request{c: c, advance: advance, done: make(chan struct{})}
	if err := b.queue.put(r); err != nil {
		return 0, err
	}
	select {
	case <-r.done:
		return r.rev, r.err
	case <-b.failure.failed:
		return 0, store.ErrUnavailable
	case <-ctx.Done():
		if b.queue.withdraw(r) {
			return 0, ctx.Err()
		}
	}
	// It is being written: an fsync away.
	select {
	case <-r.done:
		return r.rev, r.err
	case <-b.failure.failed:
		return 0, store.ErrUnavailable
	}
}

// run is the committer.
func (b *Backend) run() {
	defer close(b.ended)
	g := group{b: b, batch: b.db.NewBatch()}
	defer func() { g.batch.Close() }()
	for {
		requests := b.queue.take()
		if requests == nil {
			return
		}
		if err := g.commit(requests); err != nil {
			b.failure.fail(err)
			return
		}
	}
}

// group is a row of commits that share one fsync.
type group struct {
	b       *Backend
	batch   *pebble.Batch
	changes history.Batch
	good    []*request
	keys    []string
	rev     [8]byte
}

// commit decides each request and makes the good ones durable, then readable,
// then known.
func (g *group) commit(requests []*request) error {
	b := g.b
	g.batch.Reset()
	g.changes.Clear()
	g.good, g.keys = g.good[:0], nil // whom OnChange told may keep the keys
	before := b.next
	for _, r := range requests {
		if r.advance > 0 {
			b.next = max(b.next, r.advance)
			g.good = append(g.good, r)
			continue
		}
		if g.changes.Conflicts(r.c) || b.log.Check(r.c) != nil {
			r.err = store.ErrConflict
			close(r.done)
			continue
		}
		b.next++
		r.rev = b.next
		if err := g.write(r); err != nil {
			return err
		}
		g.changes.Add(r.c.Writes)
		g.good = append(g.good, r)
	}
	if b.next > before {
		binary.BigEndian.PutUint64(g.rev[:], uint64(b.next))
		if err := g.batch.Set(revisionKey, g.rev[:], nil); err != nil {
			return err
		}
		if err := g.batch.Commit(pebble.Sync); err != nil {
			return err
		}
		b.groups.Add(1)
		g.publish()
	}
	for _, r := range g.good {
		close(r.done)
	}
	return nil
}

func (g *group) write(r *request) error {
	told := g.b.onChange.Load() != nil
	for _, w := range r.c.Writes {
		if told {
			g.keys = append(g.keys, w.Key)
		}
		if w.Value == nil {
			op := g.batch.DeleteDeferred(1 + len(w.Key))
			op.Key[0] = 'r'
			copy(op.Key[1:], w.Key)
			if err := op.Finish(); err != nil {
				return err
			}
			continue
		}
		op := g.batch.SetDeferred(1+len(w.Key), 8+len(w.Value))
		op.Key[0] = 'r'
		copy(op.Key[1:], w.Key)
		binary.BigEndian.PutUint64(op.Value, uint64(r.rev))
		copy(op.Value[8:], w.Value)
		if err := op.Finish(); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) publish() {
	b := g.b
	for _, r := range g.good {
		if r.advance == 0 {
			b.log.Append(r.rev, r.c.Writes)
		}
	}
	b.show()
	if fs := b.onChange.Load(); fs != nil && len(g.keys) > 0 {
		for _, f := range *fs {
			f(g.keys)
		}
	}
	if fs := b.onWrite.Load(); fs != nil {
		for _, r := range g.good {
			for _, f := range *fs {
				f(r.c.Writes)
			}
		}
	}
	b.log.Publish(b.next)
}
