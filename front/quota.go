package front

import (
	"sync"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

// quotas bound calls per second by account and operation with token buckets
// that hold one second's worth, as AWS's request quotas do.
type quotas struct {
	rates map[string]float64 // "kms:Encrypt" -> calls per second

	mu      sync.Mutex
	buckets map[bucketKey]*bucket
}

type bucketKey struct{ account, region, operation string }

type bucket struct {
	tokens float64
	at     time.Time
}

// maxBuckets bounds memory: full buckets carry no information and are dropped.
const maxBuckets = 1 << 16

// allow takes one call out of the caller's bucket.
func (q *quotas) allow(c *redoubt.Call, now time.Time) bool {
	if len(q.rates) == 0 {
		return true
	}
	name := c.Service + ":" + c.Operation
	rate, ok := q.rates[name]
	if !ok {
		return true
	}
	full := max(rate, 1)
	key := bucketKey{c.Account, c.Region, name}
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.buckets[key]
	if b == nil {
		if len(q.buckets) >= maxBuckets {
			q.sweep(now)
		}
		b = &bucket{tokens: full, at: now}
		if q.buckets == nil {
			q.buckets = map[bucketKey]*bucket{}
		}
		q.buckets[key] = b
	}
	b.tokens = min(full, b.tokens+now.Sub(b.at).Seconds()*rate)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (q *quotas) sweep(now time.Time) {
	for k, b := range q.buckets {
		if now.Sub(b.at) > time.Second {
			delete(q.buckets, k)
		}
	}
}
