package policy

import (
	"sync"
	"sync/atomic"
)

// Cache keeps compiled documents by kind and text. A policy's text is its
// identity, so an entry cannot be stale: whoever reads a changed policy from the
// store asks with another text.
//
// It holds a bounded number of documents, of bounded length together (compiled
// they take many times that, and whoever may make keys may give each a policy of
// 32 KiB), and lets go of one not lately used (the clock algorithm: a hit only
// sets a bit, so that hits do not contend).
type Cache struct {
	mu      sync.RWMutex
	entries map[cacheKey]int // index into slots
	slots   []slot
	max     int
	hand    int
	bytes   int // of the texts in slots
	room    int // for them
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

// What a document may take on average, and the cache in any case.
const (
	meanText  = 1 << 10
	leastRoom = 1 << 18
)

// NewCache makes a cache of at most max documents, at least one.
func NewCache(most int) *Cache {
	most = max(most, 1)
	return &Cache{max: most, room: max(most*meanText, leastRoom), entries: make(map[cacheKey]int)}
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
	if len(text) > c.room {
		return d, nil
	}
	fresh := slot{k, d, new(atomic.Bool)}
	at := len(c.slots)
	for len(c.slots) == c.max || c.bytes+len(text) > c.room {
		at = c.evict()
	}
	// The hand goes on behind what came last, which is in nobody's use yet.
	c.slots = append(c.slots, fresh)
	last := len(c.slots) - 1
	c.move(last, min(at, last))
	c.hand = (min(at, last) + 1) % len(c.slots)
	c.bytes += len(text)
	return d, nil
}

// evict lets go of a document and answers where it was. The last one takes its
// place.
func (c *Cache) evict() int {
	for c.hand %= len(c.slots); c.slots[c.hand].used.Swap(false); c.hand = (c.hand + 1) % len(c.slots) {
	}
	at, last := c.hand, len(c.slots)-1
	c.bytes -= len(c.slots[at].key.text)
	delete(c.entries, c.slots[at].key)
	if at != last {
		c.slots[at] = c.slots[last]
		c.entries[c.slots[at].key] = at
	}
	c.slots[last] = slot{}
	c.slots = c.slots[:last]
	return at
}

// move exchanges two slots.
func (c *Cache) move(from, to int) {
	c.slots[from], c.slots[to] = c.slots[to], c.slots[from]
	c.entries[c.slots[from].key] = from
	c.entries[c.slots[to].key] = to
}

// Len answers how many documents are kept.
func (c *Cache) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.slots)
}
