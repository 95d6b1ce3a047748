package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// batch is how many events a consumer gets at a time.
const batch = 100

// Consumer handles events in order. Its context carries the open transaction in
// which its place moves on, so its effects on the store happen exactly once. It is
// run again when the transaction conflicts and after an error. What it does outside
// the store must bear repeating.
type Consumer func(ctx context.Context, events []Event) error

// Start is where a consumer begins that the outbox does not know yet.
type Start bool

// Where to begin.
const (
	FromOldest Start = false // at all that is still kept
	FromNow    Start = true
)

// Consume feeds a consumer until ctx ends. Its name is durable: under the same one
// it goes on, after a restart or on another server, where it left off.
func (o *Outbox) Consume(ctx context.Context, name string, start Start, f Consumer) error {
	o.mu.Lock()
	if o.consumers[name] {
		o.mu.Unlock()
		return fmt.Errorf("outbox: %s is at work already", name)
	}
	o.consumers[name] = true
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		delete(o.consumers, name)
		o.mu.Unlock()
	}()
	news := make(chan struct{}, 1)
	ended := make(chan struct{})
	watching, stop := context.WithCancel(ctx)
	defer func() { stop(); <-ended }()
	go func() {
		defer close(ended)
		o.watch(watching, news)
	}()
	limit, failures := batch, 0
	for ctx.Err() == nil {
		n, err := o.feed(ctx, name, start, limit, f)
		wait := o.Lease // another server's claim may run out
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			// One at a time, so that one event that cannot be handled does not
			// keep those before it from counting.
			limit = 1
			wait = min(time.Second<<min(failures, 6), time.Minute)
			failures++
			o.Log.Warn("outbox: a consumer failed and will be tried again", "consumer", name, "attempt", failures, "error", err)
		case n > 0:
			if failures > 0 {
				failures = 0
			} else {
				limit = batch
			}
			continue
		}
		t := time.NewTimer(wait)
		if err != nil {
			select {
			case <-t.C:
			case <-ctx.Done():
			}
		} else {
			select {
			case <-news:
			case <-t.C:
			case <-ctx.Done():
			}
		}
		t.Stop()
	}
	return nil
}

// watch tells when the log has changed.
func (o *Outbox) watch(ctx context.Context, news chan<- struct{}) {
	tell := func() {
		select {
		case news <- struct{}{}:
		default:
		}
	}
	for ctx.Err() == nil {
		from := o.DB.Revision()
		tell() // what happened before is found by looking
		for _, err := range logs.Rows().Watch(ctx, o.DB, from) {
			tell()
			if err != nil {
				break
			}
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// feed hands the next events to f and moves the consumer's place. It answers how
// many there were; 0 also when another server works for the consumer.
func (o *Outbox) feed(ctx context.Context, name string, start Start, limit int, f Consumer) (n int, err error) {
	ours, err := o.claim(ctx, name, start)
	if err != nil || !ours {
		return 0, err
	}
	var lost int64
	err = o.DB.Run(ctx, func(ctx context.Context) error {
		n, lost = 0, 0
		tx := store.From(ctx)
		l, err := state(tx)
		if err != nil {
			return err
		}
		c, err := cursors.Rows().Get(tx, name)
		if err != nil {
			return err
		}
		next := *c
		if lost = max(l.First-next.Next, 0); lost > 0 {
			next.Lost += lost
			next.Next = l.First
		}
		var events []Event
		for bytes := int64(0); next.Next < l.Next && len(events) < limit && bytes < orderBytes; next.Next++ {
			e, err := entries.Rows().Get(tx, number(next.Next))
			if err != nil {
				return err
			}
			events = append(events, e.Event)
			bytes += e.Bytes
		}
		if next == *c {
			return nil
		}
		if err := cursors.Rows().Put(tx, name, &next); err != nil {
			return err
		}
		if n = len(events); n == 0 {
			return nil
		}
		return f(ctx, events)
	})
	if err == nil && lost > 0 {
		o.Log.Warn("outbox: a consumer came too late for some events", "consumer", name, "lost", lost)
	}
	return n, err
}

// claim makes this server the one that works for the consumer, for a while, if
// there is work and no other server does it. It also makes the consumer known.
func (o *Outbox) claim(ctx context.Context, name string, start Start) (ours bool, err error) {
	err = o.DB.Run(ctx, func(ctx context.Context) error {
		ours = false
		tx := store.From(ctx)
		l, err := state(tx)
		if err != nil {
			return err
		}
		c, err := cursors.Rows().Get(tx, name)
		if errors.Is(err, store.ErrNotFound) {
			c = &cursor{Next: l.First}
			if start == FromNow {
				c.Next = l.Next
			}
			err = cursors.Rows().Put(tx, name, c)
		}
		if err != nil || c.Next >= l.Next {
			return err
		}
		has, err := claims.Rows().Get(tx, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		now := time.Now()
		switch {
		case has != nil && has.Node != o.node && now.Before(has.Until):
			return nil
		case has != nil && has.Node == o.node && now.Add(o.Lease/2).Before(has.Until):
			ours = true
			return nil
		}
		ours = true
		return claims.Rows().Put(tx, name, &claim{o.node, now.Add(o.Lease)})
	})
	return ours && err == nil, err
}

// Forget makes a consumer unknown: its place is not kept any more.
func (o *Outbox) Forget(tx *store.Tx, name string) error {
	return errors.Join(cursors.Rows().Delete(tx, name), claims.Rows().Delete(tx, name))
}

// Settle waits until every acknowledged event is in the log and the consumers
// that are at work in this server have handled all of it: for tests.
func (o *Outbox) Settle(ctx context.Context) error {
	for {
		busy, err := o.busy(ctx)
		if err != nil || !busy {
			return err
		}
		o.nudge()
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (o *Outbox) busy(ctx context.Context) (busy bool, err error) {
	list, err := o.found()
	if err != nil || len(list) > 0 {
		return true, err
	}
	s, err := o.Stats(ctx)
	if err != nil {
		return false, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for name := range o.consumers {
		if p, known := s.Consumers[name]; !known || p.Behind > 0 {
			return true, nil
		}
	}
	return false, nil
}
