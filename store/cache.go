package store

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// cacheBytes bounds the encoded size of what the cache holds.
const cacheBytes = 32 << 20

// maxEncoded is how large a record may be to be held as it was written.
const maxEncoded = 64 << 10

// cache holds decoded records by key. It never serves what a commit has
// replaced: the backend calls forget or renew for every commit before
// acknowledging it, and a value that was read before that is not let in after it
// (put checks the shard's generation).
type cache struct {
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu    sync.RWMutex
	gen   uint64
	max   int // entries of live
	bytes int // of live
	live  map[string]entry
	old   map[string]entry

	hits, misses atomic.Uint64
}

type entry struct {
	v    any // decoded record, or encoded; nil marks an absent key
	size int // encoded
}

// encoded is a record that nobody has read since it was written.
type encoded []byte

func newCache(records int) *cache {
	c := &cache{seed: maphash.MakeSeed()}
	for i := range c.shards {
		// Two generations: when live is full it becomes old, and what is used
		// again moves back. Half of the bound each.
		c.shards[i].max = max(records/len(c.shards)/2, 8)
		c.shards[i].live = map[string]entry{}
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
	e, ok := s.live[key]
	gen = s.gen
	if ok {
		s.mu.RUnlock()
		s.hits.Add(1)
		return e.v, true, gen
	}
	e, ok = s.old[key]
	s.mu.RUnlock()
	if ok {
		s.hits.Add(1)
		s.put(key, e, gen)
	} else {
		s.misses.Add(1)
	}
	return e.v, ok, gen
}

func (c *cache) put(key string, v any, size int, gen uint64) {
	c.shard(key).put(key, entry{v, len(key) + size}, gen)
}

func (s *shard) put(key string, e entry, gen uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gen != gen {
		return
	}
	if len(s.live) >= s.max || s.bytes+e.size > cacheBytes/64/2 && len(s.live) > 0 {
		s.old, s.live, s.bytes = s.live, map[string]entry{}, 0
	}
	s.bytes += e.size - s.live[key].size
	s.live[key] = e
}

// renew replaces what is held of the written records: who reads them again, and
// after a change somebody mostly does, need not ask the backend.
func (c *cache) renew(writes []Write) {
	for _, w := range writes {
		s := c.shard(w.Key)
		s.mu.Lock()
		s.gen++
		e, held := s.live[w.Key]
		if held {
			s.bytes -= e.size
		} else if _, held = s.old[w.Key]; held {
			delete(s.old, w.Key)
		}
		switch {
		case !held:
		case len(w.Value) > maxEncoded:
			delete(s.live, w.Key)
		default:
			e = entry{nil, len(w.Key) + len(w.Value)}
			if w.Value != nil {
				e.v = encoded(w.Value)
			}
			s.bytes += e.size
			s.live[w.Key] = e
		}
		s.mu.Unlock()
	}
}

func (c *cache) forget(keys []string) {
	for _, k := range keys {
		s := c.shard(k)
		s.mu.Lock()
		s.gen++
		if e, ok := s.live[k]; ok {
			s.bytes -= e.size
			delete(s.live, k)
		}
		delete(s.old, k)
		s.mu.Unlock()
	}
}
