package policy

import (
	"sync"
	"sync/atomic"
)

// Cache keeps compiled documents by kind and text. A policy's text is its
// identity, so an entry cannot be stale: whoever reads a changed policy from the
// store asks with another text.
//
// It holds a bounded number of documents and lets go of one not lately used (the
// clock algorithm: a hit only sets a bit, so that hits do not contend).
type Cache struct {
	mu      sync.RWMutex
	entries map[cacheKey]int // index into slots
	slots   []slot
	max     int
	hand    int
}

type cacheKey struct {
	kind Kind
	text string
}

type slot struct {
	key  cacheKey
	doc  *Document
	used *atomic.Bool
}

// NewCache makes a cache of at most max documents, at least one.
func NewCache(max int) *Cache {
	if max < 1 {
		max = 1
	}
	return &Cache{max: max, entries: make(map[cacheKey]int)}
}

// Parse answers the compiled document, from the cache if it is there. Refused
// texts are not kept: policies in force are well-formed, so whoever sends
// malformed ones must not be able to push those out.
func (c *Cache) Parse(text string, kind Kind) (*Document, error) {
	k := cacheKey{kind, text}
	c.mu.RLock()
	if i, ok := c.entries[k]; ok {
		s := &c.slots[i]
		if !s.used.Load() {
			s.used.Store(true)
		}
		d := s.doc
		c.mu.RUnlock()
		return d, nil
	}
	c.mu.RUnlock()
	d, err := Parse(text, kind)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := c.entries[k]; ok {
		return c.slots[i].doc, nil // someone else was faster
	}
	fresh := slot{k, d, new(atomic.Bool)}
	if len(c.slots) < c.max {
		c.entries[k] = len(c.slots)
		c.slots = append(c.slots, fresh)
		return d, nil
	}
	for c.slots[c.hand].used.Swap(false) {
		c.hand = (c.hand + 1) % len(c.slots)
	}
	delete(c.entries, c.slots[c.hand].key)
	c.entries[k] = c.hand
	c.slots[c.hand] = fresh
	c.hand = (c.hand + 1) % len(c.slots)
	return d, nil
}

// Len answers how many documents are kept.
func (c *Cache) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.slots)
}
