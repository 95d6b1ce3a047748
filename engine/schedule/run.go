package schedule

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Retries wait longer each time.
const (
	firstRetry = time.Second
	lastRetry  = time.Hour
)

// errTaken: another server has the job, or it is gone.
var errTaken = errors.New("schedule: not ours")

// Run runs jobs as they fall due, until ctx ends; then it waits for those that
// are running.
func (s *Schedule) Run(ctx context.Context) error {
	changes := make(chan struct{}, 1)
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		s.watch(ctx, changes)
	}()
	workers := make(chan struct{}, s.Workers)
	defer func() {
		for range s.Workers {
			workers <- struct{}{} // until all are back
		}
		<-watching
	}()
	for ctx.Err() == nil {
		list, next, err := s.next()
		if err != nil {
			s.Log.Error("timetable cannot be read", "error", err)
			next = s.Clock.Now().Add(time.Second)
		}
		for _, j := range list {
			select {
			case workers <- struct{}{}:
				go func() {
					defer func() { <-workers }()
					s.work(ctx, j)
				}()
			case <-ctx.Done():
				s.release(j)
			}
		}
		if len(list) > 0 {
			continue
		}
		wait := s.Lease // claims of dead servers run out unseen
		if !next.IsZero() {
			wait = min(wait, max(next.Sub(s.Clock.Now()), 0))
		}
		select {
		case <-s.Clock.After(wait):
		case <-s.wake:
		case <-changes:
		case <-ctx.Done():
		}
	}
	return nil
}

// watch tells of jobs that other servers plan.
func (s *Schedule) watch(ctx context.Context, changes chan<- struct{}) {
	prefix := dues.Rows().Key("")
	for ctx.Err() == nil {
		tell := func() {
			select {
			case changes <- struct{}{}:
			default:
			}
		}
		from := s.DB.Revision()
		tell() // what was planned before is found by looking
		for _, err := range s.DB.Backend().Watch(ctx, prefix, from) {
			tell()
			if err != nil {
				break // compacted or unavailable
			}
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// batch is how many jobs are taken at a time.
const batch = 128

// next takes jobs that are due and that nobody runs, in order of time, or answers
// when to look again. It looks without a transaction of its own: what it finds may
// be outdated, and claiming a job checks again.
func (s *Schedule) next() (list []*Job, at time.Time, err error) {
	tx := s.DB.Begin()
	now := s.Clock.Now()
	for j, err := range s.All(tx) {
		if errors.Is(err, store.ErrNotFound) {
			continue // ended while we looked
		}
		if err != nil {
			return list, at, err
		}
		if j.Due.After(now) {
			return list, j.Due, nil
		}
		free, err := s.free(tx, j)
		if err != nil {
			return list, at, err
		}
		if free && s.take(j) {
			if list = append(list, j); len(list) == batch {
				break
			}
		}
	}
	return list, at, nil
}

// free reports whether no other server has claimed the job.
func (s *Schedule) free(tx *store.Tx, j *Job) (bool, error) {
	c, err := claims.Rows().Get(tx, j.key())
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return s.Alone || c.Node == s.node || time.Now().After(c.Until), nil
}

// take reserves a job for a worker of this server.
func (s *Schedule) take(j *Job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handlers[j.Kind] == nil || s.running[j.key()] {
		return false
	}
	s.running[j.key()] = true
	return true
}

func (s *Schedule) release(j *Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, j.key())
}

// work claims a job, runs it and ends it or plans its retry.
func (s *Schedule) work(ctx context.Context, j *Job) {
	defer s.nudge()
	defer s.release(j)
	if err := s.claim(ctx, j); err != nil {
		if !errors.Is(err, errTaken) && ctx.Err() == nil {
			s.Log.Warn("job could not be claimed", "kind", j.Kind, "error", err)
		}
		return
	}
	running, stop := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		s.keep(running, j)
	}()
	err := s.perform(ctx, j)
	stop()
	<-kept
	if err == nil || errors.Is(err, errTaken) || ctx.Err() != nil {
		return
	}
	s.Log.Warn("job failed and will be tried again", "kind", j.Kind, "attempt", j.Attempt+1, "error", err)
	if err := s.retry(context.WithoutCancel(ctx), j, err); err != nil && !errors.Is(err, errTaken) {
		s.Log.Error("retry could not be planned", "kind", j.Kind, "error", err)
	}
}

// perform runs the handler in a transaction that ends the job.
func (s *Schedule) perform(ctx context.Context, j *Job) error {
	s.mu.Lock()
	run := s.handlers[j.Kind]
	s.mu.Unlock()
	return s.DB.Run(ctx, func(ctx context.Context) error {
		now, err := s.ours(store.From(ctx), j)
		if err != nil {
			return err
		}
		if err := s.remove(store.From(ctx), now); err != nil {
			return err
		}
		return guarded(ctx, run, j.ID)
	})
}

// guarded turns a handler's panic into an error: one job must not end the server.
func guarded(ctx context.Context, run Handler, id string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return run(ctx, id)
}

// ours answers the job as it stands, if it is still the one that was claimed.
func (s *Schedule) ours(tx *store.Tx, j *Job) (*Job, error) {
	now, err := s.Get(tx, j.Kind, j.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && (now.Attempt != j.Attempt || !now.Due.Equal(j.Due)) {
		return nil, errTaken
	}
	return now, err
}

// claim tells the other servers that this one runs the job, or goes on running
// it.
func (s *Schedule) claim(ctx context.Context, j *Job) error {
	return s.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		if _, err := s.ours(tx, j); err != nil {
			return err
		}
		free, err := s.free(tx, j)
		if err != nil {
			return err
		}
		if !free {
			return errTaken
		}
		return claims.Rows().Put(tx, j.key(), &claim{s.node, time.Now().Add(s.Lease)})
	})
}

// keep renews the claim while a long job runs.
func (s *Schedule) keep(ctx context.Context, j *Job) {
	tick := time.NewTicker(s.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.claim(ctx, j)
		if err != nil && ctx.Err() == nil && !errors.Is(err, errTaken) {
			s.Log.Warn("claim on a job could not be renewed", "kind", j.Kind, "error", err)
		}
	}
}

// retry plans the job anew after a failure.
func (s *Schedule) retry(ctx context.Context, j *Job, cause error) error {
	return s.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		now, err := s.ours(tx, j)
		if err != nil {
			return err
		}
		if err := s.remove(tx, now); err != nil {
			return err
		}
		wait := lastRetry
		if now.Attempt < 12 {
			wait = min(lastRetry, firstRetry<<now.Attempt)
		}
		text := cause.Error()
		if len(text) > 1024 {
			text = text[:1024]
		}
		return s.put(tx, &Job{Kind: j.Kind, ID: j.ID, Due: s.Clock.Now().Add(wait), Attempt: now.Attempt + 1, Error: text})
	})
}

// Settle waits until no job is due: for tests that have moved the clock. Jobs
// that fail are due again later, and not waited for.
func (s *Schedule) Settle(ctx context.Context) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		busy, err := s.due()
		if err != nil || !busy {
			return err
		}
		s.nudge()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// due reports whether a job is due that this server can run.
func (s *Schedule) due() (bool, error) {
	now := s.Clock.Now()
	for j, err := range s.All(s.DB.Begin()) {
		if errors.Is(err, store.ErrNotFound) {
			return true, nil
		}
		if err != nil || j.Due.After(now) {
			return false, err
		}
		s.mu.Lock()
		known := s.handlers[j.Kind] != nil
		s.mu.Unlock()
		if known {
			return true, nil
		}
	}
	return false, nil
}
