package storetest

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

// broken is a backend with one guarantee taken away.
type broken struct {
	*memory.Backend
	spoil func(*store.Commit)
	lose  bool
	deaf  bool
}

func (b *broken) OnChange(f func([]string)) {
	if !b.deaf {
		b.Backend.OnChange(f)
	}
}

func (b *broken) OnWrite(f func([]store.Write)) {
	if !b.deaf {
		b.Backend.OnWrite(f)
	}
}

func (b *broken) Commit(ctx context.Context, c store.Commit) (int64, error) {
	runtime.Gosched()
	if b.spoil != nil {
		b.spoil(&c)
	}
	if b.lose && len(c.Writes) > 0 && b.Revision()%50 == 7 {
		return b.Revision(), nil
	}
	return b.Backend.Commit(ctx, c)
}

// A checker that finds nothing proves nothing: every missing guarantee must
// show in the history, and an unspoiled one must not.
func TestControl(t *testing.T) {
	for _, c := range []struct {
		name string
		b    *broken
		bad  bool
	}{
		{"sound", &broken{}, false},
		{"keys unchecked", &broken{spoil: func(c *store.Commit) { c.Keys = nil }}, true},
		{"ranges unchecked", &broken{spoil: func(c *store.Commit) { c.Ranges = nil }}, true},
		{"reads unchecked", &broken{spoil: func(c *store.Commit) {
			if len(c.Writes) == 0 {
				c.Keys, c.Ranges = nil, nil
			}
		}}, true},
		{"commits lost", &broken{lose: true}, true},
		{"caches not told", &broken{deaf: true}, true},
	} {
		// What goes wrong does so where transactions happen to meet: on a machine with
		// much else to do not in every round.
		var err error
		for round := 0; round < 60 && err == nil && (c.bad || round == 0); round++ {
			c.b.Backend = memory.New()
			db, r := store.Open(c.b, 256), NewRecorder()
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(uint64(i), uint64(round)))
					for range 500 {
						r.Step(context.Background(), db, "control", rnd)
					}
				})
			}
			wg.Wait()
			_, err = r.Check(db)
		}
		if (err != nil) != c.bad {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
