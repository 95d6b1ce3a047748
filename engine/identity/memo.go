package identity

import "sync"

// memo is a bounded map for values that can be made anew: two generations of
// max entries each, the older one dropped when the newer is full.
type memo[V any] struct {
	mu        sync.RWMutex
	max       int
	live, old map[string]V
}

func newMemo[V any](max int) *memo[V] { return &memo[V]{max: max, live: map[string]V{}} }

func (m *memo[V]) get(key string) (V, bool) {
	m.mu.RLock()
	v, ok := m.live[key]
	if ok {
		m.mu.RUnlock()
		return v, true
	}
	v, ok = m.old[key]
	m.mu.RUnlock()
	if ok {
		m.put(key, v)
	}
	return v, ok
}

func (m *memo[V]) put(key string, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.live) >= m.max {
		m.old, m.live = m.live, map[string]V{}
	}
	m.live[key] = v
}
