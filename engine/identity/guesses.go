package identity

import (
	"sync"
	"time"
)

// guesses slows down guessing of six-digit codes: so many wrong ones within a
// window, then none counts until it is over. It is kept in memory, per server:
// a refused call commits nothing that could be counted in the store.
type guesses struct {
	mu   sync.Mutex
	last map[string]guess
}

type guess struct {
	since time.Time
	n     int
}

const (
	maxGuesses  = 10
	guessWindow = 5 * time.Minute
	maxGuessed  = 4096 // devices remembered
)

// admit tells whether a guess counts, and takes it for a wrong one until right
// says otherwise: guesses made at the same time must not all see the same room.
func (g *guesses) admit(serial string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last == nil {
		g.last = map[string]guess{}
	}
	if len(g.last) >= maxGuessed {
		for s, l := range g.last {
			if now.Sub(l.since) > guessWindow {
				delete(g.last, s)
			}
		}
	}
	l := g.last[serial]
	if now.Sub(l.since) > guessWindow {
		l = guess{since: now}
	}
	if l.n >= maxGuesses {
		return false
	}
	l.n++
	g.last[serial] = l
	return true
}

// right takes back a guess that was admitted.
func (g *guesses) right(serial string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l, ok := g.last[serial]; ok && l.n > 0 {
		l.n--
		g.last[serial] = l
	}
}
