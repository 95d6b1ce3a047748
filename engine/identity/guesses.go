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

func (g *guesses) admit(serial string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	l, ok := g.last[serial]
	return !ok || now.Sub(l.since) > guessWindow || l.n < maxGuesses
}

func (g *guesses) failed(serial string, now time.Time) {
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
	l.n++
	g.last[serial] = l
}
