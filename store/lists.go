package store

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// Bounds of one list in the cache and of all.
const (
	listRows   = 64
	listBytes  = 64 << 10
	listsBytes = 16 << 20
)

// lists holds what walks over a whole prefix found, decoded, when that was
// little: the grants of a key, the policies of a user. Only prefixes that end
// where a part of a key ends ('/' or 0) are held, so that the few lists that a
// changed key may be in are found from the key itself. It never serves what a
// commit has replaced, by the same rules as cache.
type lists struct {
	seed   maphash.Seed
	shards [16]listShard
}

type listShard struct {
	gen  atomic.Uint64
	held atomic.Int64 // entries of live and old, raised before gen is compared

	mu    sync.RWMutex
	bytes int // of live
	live  map[string]heldList
	old   map[string]heldList
}

type heldList struct {
	rows any // []Row[T]
	size int
}

func newLists() *lists {
	l := &lists{seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].live = map[string]heldList{}
	}
	return l
}

func (l *lists) shard(prefix string) *listShard {
	return &l.shards[maphash.String(l.seed, prefix)%uint64(len(l.shards))]
}

// listable reports whether lists under prefix are held at all.
func listable(prefix string) bool {
	end := prefix[len(prefix)-1]
	return end == '/' || end == 0
}

func (l *lists) get(prefix string) (rows any, ok bool, gen uint64) {
	s := l.shard(prefix)
	gen = s.gen.Load()
	s.mu.RLock()
	h, ok := s.live[prefix]
	if ok {
		s.mu.RUnlock()
		return h.rows, true, gen
	}
	h, ok = s.old[prefix]
	s.mu.RUnlock()
	if ok {
		l.put(prefix, h.rows, h.size, gen)
	}
	return h.rows, ok, gen
}

func (l *lists) put(prefix string, rows any, size int, gen uint64) {
	s := l.shard(prefix)
	size += len(prefix) + 100
	s.mu.Lock()
	defer s.mu.Unlock()
	// Either forget finds something held and waits for the lock, or its new gen
	// is seen here.
	s.held.Add(1)
	if s.gen.Load() != gen {
		s.held.Add(-1)
		return
	}
	if s.bytes+size > listsBytes/2/len(l.shards) {
		s.held.Add(-int64(len(s.old)))
		s.old, s.live, s.bytes = s.live, map[string]heldList{}, 0
	}
	if h, ok := s.live[prefix]; ok {
		s.held.Add(-1)
		s.bytes -= h.size
	}
	s.live[prefix] = heldList{rows, size}
	s.bytes += size
}

func (l *lists) forget(key string) {
	for i := range len(key) {
		if key[i] == '/' || key[i] == 0 {
			l.drop(key[:i+1])
		}
	}
}

func (l *lists) drop(prefix string) {
	s := l.shard(prefix)
	s.gen.Add(1)
	if s.held.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h, ok := s.live[prefix]; ok {
		s.bytes -= h.size
		s.held.Add(-1)
		delete(s.live, prefix)
	}
	if _, ok := s.old[prefix]; ok {
		s.held.Add(-1)
		delete(s.old, prefix)
	}
}
