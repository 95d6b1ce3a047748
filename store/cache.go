package store

import (
	"hash/maphash"
	"sync"
)

// cache holds decoded records by key. It never serves what a commit has
// replaced: the backend calls forget for every commit before acknowledging it,
// and a value that was read before a forget is not let in after it (put checks
// the shard's generation).
type cache struct {
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu   sync.RWMutex
	gen  uint64
	max  int
	live map[string]any // decoded record; nil marks an absent key
	old  map[string]any
}

func newCache(records int) *cache {
	c := &cache{seed: maphash.MakeSeed()}
	for i := range c.shards {
		// Two generations: when live is full it becomes old, and what is used
		// again moves back. Half of the bound each.
		c.shards[i].max = max(records/len(c.shards)/2, 8)
		c.shards[i].live = map[string]any{}
	}
	return c
}

func (c *cache) shard(key string) *shard {
	return &c.shards[maphash.String(c.seed, key)%uint64(len(c.shards))]
}

// get answers the record, whether the cache knows it, and the generation to
// hand to put when it does not.
func (c *cache) get(key string) (v any, ok bool, gen uint64) {
	s := c.shard(key)
	s.mu.RLock()
	v, ok = s.live[key]
	gen = s.gen
	if ok {
		s.mu.RUnlock()
		return v, true, gen
	}
	v, ok = s.old[key]
	s.mu.RUnlock()
	if ok {
		c.put(key, v, gen)
	}
	return v, ok, gen
}

func (c *cache) put(key string, v any, gen uint64) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gen != gen {
		return
	}
	if len(s.live) >= s.max {
		s.old, s.live = s.live, make(map[string]any, s.max)
	}
	s.live[key] = v
}

func (c *cache) forget(keys []string) {
	for _, k := range keys {
		s := c.shard(k)
		s.mu.Lock()
		s.gen++
		delete(s.live, k)
		delete(s.old, k)
		s.mu.Unlock()
	}
}
