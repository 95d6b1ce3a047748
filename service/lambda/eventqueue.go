package lambda

import (
	"context"
	"sync"
)

// eventQueue holds the events that this server is about to run or runs. They are
// ids of records: what is lost with the server is found again by its job.
type eventQueue struct {
	mu      sync.Mutex
	waiting []string
	known   map[string]*claim // waiting or running
	wake    chan struct{}
}

// eventWorkers bounds how many events run at a time in this server.
const eventWorkers = 32

// claim is one turn of an event: a later one of the same event has another.
type claim struct{ job string }

func (q *eventQueue) has(job string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.known[job] != nil
}

func (q *eventQueue) add(job string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.known[job] != nil {
		return
	}
	q.known[job] = &claim{job}
	q.waiting = append(q.waiting, job)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// next takes an event, or answers nil.
func (q *eventQueue) next() *claim {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil
	}
	job := q.waiting[0]
	q.waiting = q.waiting[1:]
	return q.known[job]
}

// done ends a turn, if it has not ended.
func (q *eventQueue) done(c *claim) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.known[c.job] == c {
		delete(q.known, c.job)
	}
}

// Run runs events until ctx ends, then waits for those that are running.
func (s *Service) Run(ctx context.Context) error {
	workers := make(chan struct{}, eventWorkers)
	defer func() {
		for range eventWorkers {
			workers <- struct{}{} // until all are back
		}
	}()
	for {
		turn := s.events.next()
		if turn == nil {
			select {
			case <-s.events.wake:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		select {
		case workers <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		go func() {
			defer func() { <-workers }()
			defer s.events.done(turn)
			if err := s.runEvent(ctx, turn); err != nil && ctx.Err() == nil {
				s.Log.Error("an event could not be run; it will be tried again", "error", err)
			}
		}()
	}
}
