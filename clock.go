package redoubt

import (
	"sync"
	"time"
)

// Clock tells services what time it is. Signatures, TLS and presigned expiry
// use wall time instead (time.Now), so that moving this clock in a test or in
// dev mode cannot make an old signature valid again.
type Clock interface {
	Now() time.Time
	// After delivers once d has passed on this clock.
	After(d time.Duration) <-chan time.Time
}

// Wall is the machine's clock.
type Wall struct{}

// Now implements Clock, in UTC.
func (Wall) Now() time.Time { return time.Now().UTC() }

// After implements Clock.
func (Wall) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Shifted is the machine's clock plus an offset that only grows: dev mode's
// clock, and tests'. The zero value is usable and equals Wall.
type Shifted struct {
	mu      sync.Mutex
	offset  time.Duration
	fixed   time.Time // when set, time stands still but for Advance
	waiters map[*waiter]struct{}
}

type waiter struct {
	at time.Time
	ch chan time.Time
}

// NewFixed returns a clock that stands at t until it is advanced.
func NewFixed(t time.Time) *Shifted { return &Shifted{fixed: t.UTC()} }

// Now implements Clock.
func (c *Shifted) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Shifted) now() time.Time {
	if !c.fixed.IsZero() {
		return c.fixed.Add(c.offset)
	}
	return time.Now().UTC().Add(c.offset)
}

// Advance moves the clock forward by d and wakes whoever waited for a moment
// that has come. Negative d is ignored: durable schedules rely on time that
// does not run backwards.
func (c *Shifted) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
	now := c.now()
	for w := range c.waiters {
		if !w.at.After(now) {
			w.ch <- now
			delete(c.waiters, w)
		}
	}
}

// After implements Clock.
func (c *Shifted) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &waiter{at: c.now().Add(d), ch: make(chan time.Time, 1)}
	if d <= 0 {
		w.ch <- c.now()
		return w.ch
	}
	if c.waiters == nil {
		c.waiters = map[*waiter]struct{}{}
	}
	c.waiters[w] = struct{}{}
	if c.fixed.IsZero() {
		// Real time also passes on a shifted clock.
		time.AfterFunc(d, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if _, ok := c.waiters[w]; ok {
				delete(c.waiters, w)
				w.ch <- c.now()
			}
		})
	}
	return w.ch
}
