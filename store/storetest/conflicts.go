package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// conflicts goes through every way in which what was read can change.
func conflicts(t *testing.T, s Suite) {
	b := s.open(t)
	ctx := context.Background()
	all := store.Prefix("p/")
	for i, c := range []struct {
		name   string
		read   store.Commit
		change []store.Write
		refuse bool
	}{
		{"nothing changed", store.Commit{Keys: []string{"p/1", "absent"}, Ranges: []store.Range{all}}, nil, false},
		{"key changed", store.Commit{Keys: []string{"p/1"}}, []store.Write{put("p/1", "x")}, true},
		{"key written with the same value", store.Commit{Keys: []string{"p/1"}}, []store.Write{put("p/1", "1")}, true},
		{"key deleted", store.Commit{Keys: []string{"p/1"}}, []store.Write{del("p/1")}, true},
		{"absent key appeared", store.Commit{Keys: []string{"p/x"}}, []store.Write{put("p/x", "1")}, true},
		{"another key changed", store.Commit{Keys: []string{"p/1"}}, []store.Write{put("p/10", "x"), put("p/", "x")}, false},
		{"changed in range", store.Commit{Ranges: []store.Range{all}}, []store.Write{put("p/2", "x")}, true},
		{"appeared in range", store.Commit{Ranges: []store.Range{all}}, []store.Write{put("p/9", "x")}, true},
		{"deleted in range", store.Commit{Ranges: []store.Range{all}}, []store.Write{del("p/2")}, true},
		{"deleted in range, the only one", store.Commit{Ranges: []store.Range{{Start: "p/3", End: "p/4"}}}, []store.Write{del("p/3")}, true},
		{"appeared in empty range", store.Commit{Ranges: []store.Range{store.Prefix("none/")}}, []store.Write{put("none/1", "x")}, true},
		{"changed at the range's end", store.Commit{Ranges: []store.Range{{Start: "p/1", End: "p/3"}}}, []store.Write{put("p/3", "x")}, false},
		{"changed before the range", store.Commit{Ranges: []store.Range{{Start: "p/2", End: "p/3"}}}, []store.Write{put("p/1", "x")}, false},
		{"changed in range without end", store.Commit{Ranges: []store.Range{{Start: "p/2"}}}, []store.Write{put("zzz", "x")}, true},
		{"changed and changed back", store.Commit{Keys: []string{"p/1"}}, []store.Write{put("p/1", "x"), put("p/1", "1")}, true},
		{"created and deleted", store.Commit{Keys: []string{"p/x"}, Ranges: []store.Range{all}}, []store.Write{put("p/x", "x"), del("p/x")}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			commit(t, b, put("p/1", "1"), put("p/2", "2"), put("p/3", "3"), del("p/x"), del("p/9"), del("none/1"), del("zzz"))
			c.read.ReadRev = b.Revision()
			for _, w := range c.change {
				commit(t, b, w)
			}
			var wanted error
			if c.refuse {
				wanted = store.ErrConflict
			}
			if _, err := b.Commit(ctx, c.read); !errors.Is(err, wanted) {
				t.Errorf("read only: %v", err)
			}
			mark := fmt.Sprintf("mark%d", i)
			c.read.Writes = []store.Write{put(mark, "1")}
			rev, err := b.Commit(ctx, c.read)
			if !errors.Is(err, wanted) {
				t.Errorf("with a write: %v", err)
			}
			if err == nil && rev <= c.read.ReadRev {
				t.Errorf("revision %d", rev)
			}
			if c.refuse {
				want(t, b, mark, "")
			} else {
				want(t, b, mark, "1")
			}
		})
	}

	t.Run("own write", func(t *testing.T) {
		// A commit does not conflict with itself.
		rev := b.Revision()
		w := store.Commit{ReadRev: rev, Keys: []string{"p/1"}, Ranges: []store.Range{all}, Writes: []store.Write{put("p/1", "y"), del("p/2"), put("p/8", "1")}}
		if _, err := b.Commit(ctx, w); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Commit(ctx, w); !errors.Is(err, store.ErrConflict) {
			t.Errorf("again: %v", err)
		}
	})

	t.Run("one wins", func(t *testing.T) {
		// Many transactions from the same revision, in flight together.
		rev := b.Revision()
		var mu sync.Mutex
		won, lost := 0, 0
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				_, err := b.Commit(ctx, store.Commit{ReadRev: rev, Keys: []string{"race"}, Ranges: []store.Range{store.Prefix("rac")},
					Writes: []store.Write{put("race", fmt.Sprint(i))}})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
				case errors.Is(err, store.ErrConflict):
					lost++
				default:
					t.Errorf("commit: %v", err)
				}
			})
		}
		wg.Wait()
		if won != 1 || lost != 31 {
			t.Errorf("%d won, %d lost", won, lost)
		}
	})

	t.Run("blind writes", func(t *testing.T) {
		rev := b.Revision()
		for i := range 3 {
			if _, err := b.Commit(ctx, store.Commit{ReadRev: rev, Writes: []store.Write{put("blind", fmt.Sprint(i))}}); err != nil {
				t.Fatal(err)
			}
		}
		want(t, b, "blind", "2")
	})
}

// retained overruns the history: what can no longer be told is a conflict, and
// compacted for a watch; what can, is not.
func retained(t *testing.T, s Suite) {
	if s.Slow {
		t.Skip("too many commits for this backend")
	}
	b := s.open(t)
	ctx := context.Background()
	old := commit(t, b, put("read", "1"))
	overrun(t, b, store.Retained*2)
	if _, err := b.Commit(ctx, store.Commit{ReadRev: old, Keys: []string{"read"}}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a transaction from long ago: %v", err)
	}
	for _, err := range b.Watch(ctx, "", old) {
		if !errors.Is(err, store.ErrCompacted) {
			t.Errorf("a watch from long ago: %v", err)
		}
		break
	}
	recent := b.Revision()
	overrun(t, b, store.Retained/2)
	if _, err := b.Commit(ctx, store.Commit{ReadRev: recent, Keys: []string{"read"}, Writes: []store.Write{put("mark", "1")}}); err != nil {
		t.Errorf("a transaction from within what is retained: %v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	n := 0
	for _, err := range b.Watch(ctx, "", recent) {
		if err != nil {
			t.Fatalf("a watch from within what is retained: %v", err)
		}
		if n++; n == store.Retained/2 {
			return
		}
	}
	t.Errorf("watched %d changes", n)
}

func overrun(t testing.TB, b store.Backend, commits int) {
	const writers = 64
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			key := fmt.Sprintf("w%d", i)
			for range commits / writers {
				if _, err := b.Commit(context.Background(), store.Commit{Writes: []store.Write{put(key, "x")}}); err != nil {
					t.Errorf("commit: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}
