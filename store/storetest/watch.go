package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

func watch(t *testing.T, s Suite) {
	b := s.open(t)
	start := b.Revision()
	r1 := commit(t, b, put("p/a", "1"), put("q/a", "1"))
	r2 := commit(t, b, put("p/a", "2"))
	r3 := commit(t, b, put("p/b", "1"), del("p/a"))
	commit(t, b, put("q/b", "1"))
	r5 := commit(t, b, put("p/c", ""))

	type seen struct {
		key, value string
		rev        int64
		deleted    bool
	}
	collect := func(prefix string, after int64, n int) []seen {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		var got []seen
		for c, err := range b.Watch(ctx, prefix, after) {
			if err != nil {
				t.Fatalf("watch: %v", err)
			}
			got = append(got, seen{c.Key, string(c.Value), c.Rev, c.Deleted})
			if len(got) == n {
				break
			}
		}
		return got
	}
	all := []seen{{"p/a", "1", r1, false}, {"p/a", "2", r2, false}, {"p/b", "1", r3, false}, {"p/a", "", r3, true}, {"p/c", "", r5, false}}
	got := collect("p/", start, len(all))
	// Within a revision the order is free.
	if len(got) == 5 && got[2].key == "p/a" {
		got[2], got[3] = got[3], got[2]
	}
	if fmt.Sprint(got) != fmt.Sprint(all) {
		t.Errorf("watched %v, want %v", got, all)
	}
	if got := collect("p/", r3, 1); fmt.Sprint(got) != fmt.Sprint(all[4:]) {
		t.Errorf("from the middle: %v", got)
	}
	if got := collect("q/b", start, 1); got[0].key != "q/b" {
		t.Errorf("of one key: %v", got)
	}

	// It waits for what comes, and ends with its context.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	news := make(chan seen)
	go func() {
		defer close(news)
		for c, err := range b.Watch(ctx, "p/", r5) {
			if err != nil {
				t.Errorf("watch: %v", err)
				return
			}
			news <- seen{key: c.Key}
		}
	}()
	select {
	case c := <-news:
		t.Fatalf("watched %v out of nothing", c)
	case <-time.After(20 * time.Millisecond):
	}
	commit(t, b, put("q/z", "1"))
	commit(t, b, put("p/z", "1"))
	if c := <-news; c.key != "p/z" {
		t.Errorf("watched %v", c)
	}
	cancel()
	if c, ok := <-news; ok {
		t.Errorf("after the end: %v", c)
	}
}

// watchFollows keeps a copy of the store from watches alone while writers change
// it, and compares at the end.
func watchFollows(t *testing.T, s Suite) {
	b := s.open(t)
	start := b.Revision()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 30 {
				k := fmt.Sprintf("k%d", (w*7+i)%20)
				change := put(k, fmt.Sprintf("%d.%d", w, i))
				if i%5 == 4 {
					change = del(k)
				}
				if _, err := b.Commit(context.Background(), store.Commit{Writes: []store.Write{change, put("n", fmt.Sprint(w, i))}}); err != nil {
					t.Errorf("commit: %v", err)
				}
			}
		})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	copied := map[string]store.KV{}
	last, changes := start, 0
	for c, err := range b.Watch(ctx, "", start) {
		if err != nil {
			t.Fatalf("watch: %v", err)
		}
		if c.Rev < last {
			t.Fatalf("revision %d after %d", c.Rev, last)
		}
		last = c.Rev
		if c.Deleted {
			delete(copied, c.Key)
		} else {
			copied[c.Key] = c.KV
		}
		if c.Key == "n" {
			if changes++; changes == 8*30 {
				// The writes of one commit arrive together; this may be the first.
				break
			}
		}
	}
	wg.Wait()
	for c, err := range b.Watch(ctx, "", last-1) {
		if err != nil {
			t.Fatalf("watch: %v", err)
		}
		if c.Deleted {
			delete(copied, c.Key)
		} else {
			copied[c.Key] = c.KV
		}
		if c.Key == "n" {
			break
		}
	}
	n := 0
	for kv, err := range b.Scan(store.Range{}, false) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if got := copied[kv.Key]; got.Rev != kv.Rev || string(got.Value) != string(kv.Value) {
			// The key beside "n" in the last commit may come after the break.
			if kv.Rev != last {
				t.Errorf("%q: watched %+v, is %+v", kv.Key, got, kv)
			}
		}
	}
	if d := n - len(copied); d < -1 || d > 1 {
		t.Errorf("%d keys, watched %d", n, len(copied))
	}
}
