package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// txScan compares walks over a transaction with own writes to a model, for
// random content, writes, ranges, directions and stops.
func txScan(t *testing.T, s Suite) {
	b := s.open(t)
	db := store.Open(b, 64)
	rnd := rand.New(rand.NewPCG(1, 2))
	key := func() string { return fmt.Sprintf("k%c%c", 'a'+rnd.IntN(4), 'a'+rnd.IntN(4)) }
	base := map[string]string{}
	var w []store.Write
	for range 10 {
		k := key()
		if _, ok := base[k]; !ok {
			base[k] = "base"
			w = append(w, put(k, "base"))
		}
	}
	commit(t, b, w...)
	for round := range 400 {
		model := maps.Clone(base)
		tx := db.Begin()
		for range rnd.IntN(8) {
			k := key()
			if rnd.IntN(2) == 0 {
				v := fmt.Sprint(rnd.IntN(100))
				model[k] = v
				tx.Put(k, []byte(v))
			} else {
				delete(model, k)
				tx.Delete(k)
			}
		}
		r := store.Range{Start: key(), End: key()}
		switch rnd.IntN(4) {
		case 0:
			r = store.Range{}
		case 1:
			r = store.Prefix(r.Start[:2])
		}
		reverse := rnd.IntN(2) == 0
		stop := rnd.IntN(12)
		var wanted []string
		for _, k := range slices.Sorted(maps.Keys(model)) {
			if r.Contains(k) {
				wanted = append(wanted, k+"="+model[k])
			}
		}
		if reverse {
			slices.Reverse(wanted)
		}
		stopped := stop < len(wanted)
		if stopped {
			wanted = wanted[:stop+1]
		}
		var got []string
		for kv, err := range tx.Scan(r, reverse) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, kv.Key+"="+string(kv.Value))
			if own := model[kv.Key] != base[kv.Key]; own && kv.Rev != 0 {
				t.Fatalf("own write %q with revision %d", kv.Key, kv.Rev)
			}
			if len(got) == stop+1 {
				break
			}
		}
		if !slices.Equal(got, wanted) {
			t.Fatalf("round %d: walk of %q reverse %v: %q, want %q", round, r, reverse, got, wanted)
		}

		// What the walk saw, and nothing else, is what it depends on.
		other := key()
		commit(t, b, put(other, "base"))
		base[other] = "base"
		seen := r.Contains(other)
		if stopped && seen {
			last := got[len(got)-1][:3]
			seen = !reverse && other <= last || reverse && other >= last
		}
		if err := tx.Check(context.Background()); errors.Is(err, store.ErrConflict) != seen {
			t.Fatalf("round %d: walk of %q reverse %v stopped %v at %q; then %q changed: %v", round, r, reverse, stopped, got, other, err)
		}
	}
}

type counted struct{ N int64 }

var counteds = store.AccountTable[counted]("storetest.counted")

// cacheCoherence reads a few hot records through the cache while they change:
// what was acknowledged before a transaction began must be seen by it, and two
// records written together must be seen together.
func cacheCoherence(t *testing.T, s Suite) {
	db := s.dbs(t, 1)[0]
	rows := counteds.In("123456789012")
	var acked [4]atomic.Int64
	ctx, cancel := context.WithTimeout(context.Background(), s.Load/2)
	defer cancel()
	var wg sync.WaitGroup
	for w := range acked {
		a, b := fmt.Sprintf("a%d", w), fmt.Sprintf("b%d", w)
		wg.Go(func() {
			for n := int64(1); ctx.Err() == nil; n++ {
				err := db.Run(context.Background(), func(ctx context.Context) error {
					tx := store.From(ctx)
					if n%5 == 0 { // absence is cached too
						return errors.Join(rows.Delete(tx, a), rows.Put(tx, b, &counted{n}))
					}
					return errors.Join(rows.Put(tx, a, &counted{n}), rows.Put(tx, b, &counted{n}))
				})
				if err != nil {
					t.Errorf("write: %v", err)
					return
				}
				acked[w].Store(n)
			}
		})
		for range 2 {
			wg.Go(func() {
				for ctx.Err() == nil {
					least := acked[w].Load()
					tx := db.Begin()
					x, xerr := rows.Get(tx, a)
					y, yerr := rows.Get(tx, b)
					if tx.Check(context.Background()) != nil {
						continue
					}
					if yerr != nil {
						if least > 0 {
							t.Errorf("%s: %v", b, yerr)
						}
						continue
					}
					if y.N < least {
						t.Errorf("%s: read %d after %d was acknowledged", b, y.N, least)
						return
					}
					if y.N%5 == 0 && !errors.Is(xerr, store.ErrNotFound) || y.N%5 != 0 && (xerr != nil || x.N != y.N) {
						t.Errorf("%s and %s: %v %v, %v", a, b, x, xerr, y)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	if st := db.Stats(); st.Commits == 0 || st.CacheHits == 0 || st.Checks == 0 {
		t.Errorf("nothing was counted: %+v", st)
	}
}

// tables checks what the typed tables promise.
func tables(t *testing.T, s Suite) {
	db := s.dbs(t, 1)[0]
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	east, west := purses.In("111122223333", "us-east-1"), purses.In("111122223333", "us-west-2")
	start := db.Revision()
	run := func(f func(tx *store.Tx) error) {
		t.Helper()
		if err := db.Run(ctx, func(ctx context.Context) error { return f(store.From(ctx)) }); err != nil {
			t.Fatal(err)
		}
	}
	run(func(tx *store.Tx) error {
		for i, id := range []string{"a", "b", "c", "d"} {
			if err := east.Put(tx, id, &purse{i}); err != nil {
				return err
			}
		}
		return west.Put(tx, "a", &purse{100})
	})
	run(func(tx *store.Tx) error {
		p, err := east.Edit(tx, "b", func(p *purse) error { p.Coins = 7; return nil })
		if err != nil || p.Coins != 7 {
			return fmt.Errorf("edit: %v %v", p, err)
		}
		if p, err = east.Get(tx, "b"); err != nil || p.Coins != 7 {
			return fmt.Errorf("own write: %v %v", p, err)
		}
		if _, err := east.Edit(tx, "x", func(*purse) error { return nil }); !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("edit of an absent one: %v", err)
		}
		return east.Delete(tx, "c")
	})
	walk := func(r store.Rows[purse], q store.Query) string {
		var got []string
		run(func(tx *store.Tx) error {
			got = nil
			for row, err := range r.Scan(tx, q) {
				if err != nil {
					return err
				}
				got = append(got, fmt.Sprintf("%s:%d", row.ID, row.Value.Coins))
			}
			return nil
		})
		return fmt.Sprint(got)
	}
	for _, c := range []struct{ got, want string }{
		{walk(east, store.Query{}), "[a:0 b:7 d:3]"},
		{walk(west, store.Query{}), "[a:100]"},
		{walk(east, store.Query{After: "a"}), "[b:7 d:3]"},
		{walk(east, store.Query{After: "aa"}), "[b:7 d:3]"},
		{walk(east, store.Query{After: "d"}), "[]"},
		{walk(east, store.Query{Reverse: true, After: "d"}), "[b:7 a:0]"},
		{walk(east, store.Query{Prefix: "b"}), "[b:7]"},
		{walk(purses.All(), store.Query{Prefix: "111122223333/"}), "[111122223333/us-east-1/a:0 111122223333/us-east-1/b:7 111122223333/us-east-1/d:3 111122223333/us-west-2/a:100]"},
	} {
		if c.got != c.want {
			t.Errorf("walk: %s, want %s", c.got, c.want)
		}
	}
	// Walks are cached; own writes, aborted ones and those of others must show.
	run(func(tx *store.Tx) error {
		if err := errors.Join(east.Put(tx, "b2", &purse{8}), east.Delete(tx, "a")); err != nil {
			return err
		}
		var got []string
		for row, err := range east.Scan(tx, store.Query{}) {
			if err != nil {
				return err
			}
			got = append(got, row.ID)
			east.Put(tx, row.ID+"x", &purse{1}) // not seen by a walk that has begun
		}
		if fmt.Sprint(got) != "[b b2 d]" {
			t.Errorf("walk with own writes: %v", got)
		}
		return errors.Join(east.Delete(tx, "bx"), east.Delete(tx, "b2x"), east.Delete(tx, "dx"))
	})
	aborted := db.Begin()
	east.Put(aborted, "zz", &purse{1})
	walkAll := func(wanted string) {
		t.Helper()
		for range 2 {
			if got := walk(east, store.Query{}); got != wanted {
				t.Errorf("walk: %s, want %s", got, wanted)
			}
			if got := walk(purses.All(), store.Query{Prefix: "111122223333/us-east-1/", Reverse: true}); len(got) < 10 {
				t.Errorf("walk backwards: %s", got)
			}
		}
	}
	walkAll("[b:7 b2:8 d:3]")
	commit(t, db.Backend(), put(east.Key("c"), `{"Coins":5}`), del(east.Key("d")))
	walkAll("[b:7 b2:8 c:5]")
	tx := db.Begin()
	for range east.Scan(tx, store.Query{}) {
		break
	}
	commit(t, db.Backend(), put(east.Key("c"), `{"Coins":6}`))
	if err := tx.Check(ctx); err != nil {
		t.Errorf("a walk that stopped before what changed: %v", err)
	}
	commit(t, db.Backend(), put(east.Key("a0"), `{"Coins":6}`))
	if err := tx.Check(ctx); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a walk that passed what appeared: %v", err)
	}
	var seen []string
	for e, err := range west.Watch(ctx, db, start) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, fmt.Sprintf("%s:%d", e.ID, e.Value.Coins))
		break
	}
	for e, err := range east.Watch(ctx, db, start) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Value == nil {
			seen = append(seen, e.ID+" gone")
			break
		}
	}
	if fmt.Sprint(seen) != "[a:100 c gone]" {
		t.Errorf("watched %v", seen)
	}
	ran := false
	run(func(tx *store.Tx) error {
		tx.AfterCommit(func() { ran = true })
		return nil
	})
	if !ran {
		t.Error("AfterCommit did not run")
	}
	// A refusal that rests on what no longer holds is not answered: f runs again.
	tries := 0
	run(func(tx *store.Tx) error {
		if tries++; tries > 1 {
			return nil
		}
		_, err := east.Get(tx, "late")
		commit(t, db.Backend(), put(east.Key("late"), `{"Coins":1}`))
		return err
	})
	if tries != 2 {
		t.Errorf("ran %d times", tries)
	}
}
