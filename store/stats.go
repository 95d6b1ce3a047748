package store

import (
	"errors"
	"sync/atomic"
	"time"
)

// LatencyBounds are the upper ends of Stats.Latency's classes; the last class has
// none.
var LatencyBounds = [...]time.Duration{
	250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, time.Second,
}

// Stats are counters since the start.
type Stats struct {
	Commits   uint64 // acknowledged, with writes
	Conflicts uint64 // commits refused because something read had changed
	Failures  uint64 // commits that failed for any other reason
	Checks    uint64 // transactions that only read
	Stale     uint64 // of those, refused
	Retries   uint64 // times that Run started over

	// Latency counts acknowledged commits by duration: Latency[i] took up to
	// LatencyBounds[i]. Elapsed is the sum of all durations.
	Latency [len(LatencyBounds) + 1]uint64
	Elapsed time.Duration

	CacheHits, CacheMisses uint64
	CacheRecords           int

	Revision int64
	// Backend holds the engine's own figures; nil when it has none.
	Backend map[string]int64
}

// Stats answers the counters.
func (db *DB) Stats() Stats {
	c := &db.counts
	s := Stats{
		Commits:   c.commits.Load(),
		Conflicts: c.conflicts.Load(),
		Failures:  c.failures.Load(),
		Checks:    c.checks.Load(),
		Stale:     c.stale.Load(),
		Retries:   c.retries.Load(),
		Elapsed:   time.Duration(c.elapsed.Load()),
		Revision:  db.backend.Revision(),
	}
	for i := range s.Latency {
		s.Latency[i] = c.latency[i].Load()
	}
	for i := range db.cache.shards {
		sh := &db.cache.shards[i]
		s.CacheHits += sh.hits.Load()
		s.CacheMisses += sh.misses.Load()
		sh.mu.RLock()
		s.CacheRecords += len(sh.live) + len(sh.old)
		sh.mu.RUnlock()
	}
	if m, ok := db.backend.(Measured); ok {
		s.Backend = m.Figures()
	}
	return s
}

type counts struct {
	commits, conflicts, failures, checks, stale, retries atomic.Uint64
	latency                                              [len(LatencyBounds) + 1]atomic.Uint64
	elapsed                                              atomic.Int64
}

func (c *counts) committed(err error, d time.Duration) {
	switch {
	case err == nil:
		c.commits.Add(1)
		c.elapsed.Add(int64(d))
		i := 0
		for i < len(LatencyBounds) && d > LatencyBounds[i] {
			i++
		}
		c.latency[i].Add(1)
	case errors.Is(err, ErrConflict):
		c.conflicts.Add(1)
	default:
		c.failures.Add(1)
	}
}

func (c *counts) checked(err error) {
	c.checks.Add(1)
	if errors.Is(err, ErrConflict) {
		c.stale.Add(1)
	}
}
