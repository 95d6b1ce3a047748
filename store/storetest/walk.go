package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redoubt-sec/redoubt/store"
)

// walk: a walk with jumps sees what a scan sees, less what it jumps over.
func walk(t *testing.T, s Suite) {
	b := s.open(t)
	for i := range 10 {
		var w []store.Write
		for j := range 20 {
			w = append(w, put(fmt.Sprintf("w/%02d/%02d", i, j), fmt.Sprint(i, j)))
		}
		commit(t, b, w...)
	}
	for range 50 {
		r := store.Range{Start: fmt.Sprintf("w/%02d", rand.IntN(10)), End: fmt.Sprintf("w/%02d", rand.IntN(10))}
		if rand.IntN(3) == 0 {
			r.End = ""
		}
		jump, most := rand.IntN(25), rand.IntN(60)
		var got, want []string
		at := ""
		for _, k := range keysOf(t, b, r, false) {
			if k >= at && len(want) < most {
				want, at = append(want, k), target(k, jump)
			}
		}
		if most > 0 {
			err := store.Walk(b, r, func(kv store.KV) (string, bool) {
				got = append(got, kv.Key)
				if string(kv.Value) == "" || kv.Rev == 0 {
					t.Errorf("%+v", kv)
				}
				return target(kv.Key, jump), len(got) < most
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v, jumps of %d, %d at most:\ngot  %q\nwant %q", r, jump, most, got, want)
		}
	}
}

// target is where a walk goes on behind a key.
func target(key string, jump int) string {
	if jump == 0 {
		return ""
	}
	var i, j int
	fmt.Sscanf(key, "w/%02d/%02d", &i, &j)
	n := i*20 + j + jump
	return fmt.Sprintf("w/%02d/%02d", n/20, n%20)
}
