package identity

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Guesses that are made at the same time count as those one after another.
func TestGuessesAtOnce(t *testing.T) {
	var g guesses
	now := time.Unix(1_800_000_000, 0)
	var tried atomic.Int32
	var wait sync.WaitGroup
	for range 1000 {
		wait.Go(func() {
			if g.admit("serial", now) {
				tried.Add(1)
			}
		})
	}
	wait.Wait()
	if n := tried.Load(); n != maxGuesses {
		t.Errorf("%d guesses at once, want %d", n, maxGuesses)
	}
	// Right ones do not use the room up.
	later := now.Add(guessWindow + time.Second)
	for range 3 * maxGuesses {
		if !g.admit("serial", later) {
			t.Fatal("right codes locked the device")
		}
		g.right("serial")
	}
}
