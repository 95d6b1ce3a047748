package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redoubt-sec/redoubt/store"
)

func revisions(t *testing.T, s Suite) {
	b := s.open(t)
	last := b.Revision()
	for i := range 20 {
		rev := commit(t, b, put("a", fmt.Sprint(i)))
		if rev <= last {
			t.Fatalf("revision %d after %d", rev, last)
		}
		if got := b.Revision(); got < rev {
			t.Fatalf("commit %d is acknowledged at revision %d", rev, got)
		}
		kv, ok, err := b.Get("a")
		if err != nil || !ok || kv.Rev != rev || string(kv.Value) != fmt.Sprint(i) || kv.Key != "a" {
			t.Fatalf("after commit %d: %+v, %v, %v", rev, kv, ok, err)
		}
		last = rev
	}

	// Every one of many concurrent commits has a revision of its own.
	var mu sync.Mutex
	seen := map[int64]bool{}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 5 {
				rev, err := b.Commit(context.Background(), store.Commit{ReadRev: b.Revision(), Writes: []store.Write{put(fmt.Sprintf("k%d", i), fmt.Sprint(j))}})
				if err != nil {
					t.Errorf("commit: %v", err)
					return
				}
				mu.Lock()
				if seen[rev] {
					t.Errorf("revision %d was given out twice", rev)
				}
				seen[rev] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func values(t *testing.T, s Suite) {
	b := s.open(t)
	want(t, b, "a", "")
	commit(t, b, put("a", "1"), put("b", "2"))
	want(t, b, "a", "1")
	commit(t, b, del("a"), put("b", "3"), del("absent"))
	want(t, b, "a", "")
	want(t, b, "b", "3")

	commit(t, b, store.Write{Key: "empty", Value: []byte{}})
	kv, ok, err := b.Get("empty")
	if err != nil || !ok || len(kv.Value) != 0 {
		t.Fatalf("an empty value is not an absent one: %+v, %v, %v", kv, ok, err)
	}

	odd := "\x00\xff/\x01 ключ"
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	commit(t, b, store.Write{Key: odd, Value: all})
	kv, _, _ = b.Get(odd)
	if !bytes.Equal(kv.Value, all) {
		t.Fatalf("bytes changed: %x", kv.Value)
	}
}

func scan(t *testing.T, s Suite) {
	b := s.open(t)
	keys := []string{"a", "a\x00", "a/1", "a/2", "a/3", "a0", "b", "b\x7f", "b\xc2\x7f", "b\xff", "c", "é", "éa", "ê"}
	var w []store.Write
	for _, k := range slices.Backward(keys) {
		w = append(w, put(k, "v"+k))
	}
	rev := commit(t, b, w...)
	for _, c := range []struct {
		r    store.Range
		want []string
	}{
		{store.Range{}, keys},
		{store.Prefix("a/"), []string{"a/1", "a/2", "a/3"}},
		{store.Range{Start: "a/2", End: "b"}, []string{"a/2", "a/3", "a0"}},
		{store.Range{Start: "b"}, []string{"b", "b\x7f", "b\xc2\x7f", "b\xff", "c", "é", "éa", "ê"}},
		{store.Range{End: "a/1"}, []string{"a", "a\x00"}},
		{store.Range{Start: "ë"}, []string{}},
		{store.Range{Start: "b", End: "a"}, []string{}},
		{store.Prefix("b\xff"), []string{"b\xff"}},
		{store.Prefix("b\x7f"), []string{"b\x7f"}},
		{store.Prefix("é"), []string{"é", "éa"}},
	} {
		if got := keysOf(t, b, c.r, false); !slices.Equal(got, c.want) {
			t.Errorf("scan %q: %q, want %q", c.r, got, c.want)
		}
		back := slices.Clone(c.want)
		slices.Reverse(back)
		if got := keysOf(t, b, c.r, true); !slices.Equal(got, back) {
			t.Errorf("scan %q backwards: %q, want %q", c.r, got, back)
		}
	}
	for kv, err := range b.Scan(store.Prefix("a/"), false) {
		if err != nil || kv.Rev != rev || string(kv.Value) != "v"+kv.Key {
			t.Fatalf("scan: %+v, %v", kv, err)
		}
		break // stopping early is fine
	}
	commit(t, b, del("a/2"))
	if got := keysOf(t, b, store.Prefix("a/"), false); !slices.Equal(got, []string{"a/1", "a/3"}) {
		t.Errorf("after a deletion: %q", got)
	}
}

// scanIsOneState writes the same value under many keys, again and again: a walk
// must never see two.
func scanIsOneState(t *testing.T, s Suite) {
	b := s.open(t)
	const n = 50
	write := func(v int) {
		var w []store.Write
		for i := range n {
			w = append(w, put(fmt.Sprintf("k%02d", i), fmt.Sprint(v)))
		}
		commit(t, b, w...)
	}
	write(0)
	var done atomic.Bool
	var acked atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		defer done.Store(true)
		for v := 1; v <= 40; v++ {
			write(v)
			acked.Store(int64(v))
		}
	})
	for i := 0; !done.Load(); i++ {
		least := acked.Load()
		count, first := 0, ""
		for kv, err := range b.Scan(store.Range{}, i%2 == 1) {
			if err != nil {
				t.Fatalf("scan: %v", err)
			}
			if count++; first == "" {
				first = string(kv.Value)
			} else if first != string(kv.Value) {
				t.Fatalf("one walk saw %s and %s", first, kv.Value)
			}
		}
		var v int64
		fmt.Sscan(first, &v)
		if count != n || v < least {
			t.Fatalf("walk saw %d keys of write %d; %d was acknowledged before", count, v, least)
		}
	}
	wg.Wait()
}

func limits(t *testing.T, s Suite) {
	b := s.open(t)
	try := func(w ...store.Write) error {
		_, err := b.Commit(context.Background(), store.Commit{ReadRev: b.Revision(), Writes: w})
		return err
	}
	big := func(n int) []byte { return bytes.Repeat([]byte("x"), n) }
	rows := func(n int) []store.Write {
		w := make([]store.Write, n)
		for i := range w {
			w[i] = put(fmt.Sprintf("row%04d", i), "1")
		}
		return w
	}
	longKeys := make([]store.Write, 600)
	for i := range longKeys {
		longKeys[i] = store.Write{Key: fmt.Sprintf("%04d%s", i, strings.Repeat("l", store.MaxKey-4))}
	}
	for name, w := range map[string][]store.Write{
		"longest key":       {put(strings.Repeat("k", store.MaxKey), "1")},
		"largest value":     {{Key: "v", Value: big(store.MaxValue)}},
		"most writes":       rows(store.MaxOps),
		"largest commit":    {{Key: "a", Value: big(store.MaxTxn/2 - 1)}, {Key: "b", Value: big(store.MaxTxn/2 - 1)}},
		"long keys deleted": longKeys,
	} {
		if err := try(w...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	before := b.Revision()
	for name, w := range map[string][]store.Write{
		"empty key":       {put("", "1")},
		"key too long":    {put(strings.Repeat("k", store.MaxKey+1), "1")},
		"value too large": {{Key: "v", Value: big(store.MaxValue + 1)}},
		"too many writes": rows(store.MaxOps + 100),
		"too many bytes":  {{Key: "a", Value: big(store.MaxTxn / 2)}, {Key: "b", Value: big(store.MaxTxn/2 + 50_000)}},
	} {
		if err := try(w...); !errors.Is(err, store.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b.Revision() != before {
		t.Error("a refused commit moved the revision")
	}
	if err := try(put("after", "1")); err != nil {
		t.Errorf("after refusals: %v", err)
	}
}

func onChange(t *testing.T, s Suite) {
	b := s.Open(t)
	t.Cleanup(func() { b.Close() })
	var mu sync.Mutex
	told := map[string]int{}
	b.OnChange(func(keys []string) {
		mu.Lock()
		defer mu.Unlock()
		for _, k := range keys {
			told[k]++
			if k != "a" {
				continue
			}
			// Already readable, though not yet the newest revision.
			kv, ok, err := b.Get(k)
			if err != nil || !ok || b.Revision() >= kv.Rev {
				t.Errorf("told of %q too early or too late: %+v %v %v at revision %d", k, kv, ok, err, b.Revision())
			}
		}
	})
	var writes []store.Write
	teller, tells := b.(store.Teller)
	if tells {
		teller.OnWrite(func(w []store.Write) {
			mu.Lock()
			defer mu.Unlock()
			writes = append(writes, w...)
			if kv, ok, err := b.Get("a"); err != nil || !ok || b.Revision() >= kv.Rev && w[0].Key == "a" {
				t.Errorf("told of writes too early or too late: %+v %v %v at revision %d", kv, ok, err, b.Revision())
			}
		})
	}
	commit(t, b, put("a", "1"), put("b", "1"))
	commit(t, b, del("b"))
	mu.Lock()
	defer mu.Unlock()
	if told["a"] != 1 || told["b"] != 2 {
		t.Errorf("told %v", told)
	}
	if want := []store.Write{put("a", "1"), put("b", "1"), del("b")}; tells && !reflect.DeepEqual(writes, want) {
		t.Errorf("told %v, want %v", writes, want)
	}
}

func cancelled(t *testing.T, s Suite) {
	b := s.open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Commit(ctx, store.Commit{Writes: []store.Write{put("a", "1")}}); !errors.Is(err, context.Canceled) {
		t.Errorf("commit with an ended context: %v", err)
	}
	want(t, b, "a", "")
}

func closed(t *testing.T, s Suite) {
	b := s.open(t)
	commit(t, b, put("a", "1"))
	ended := make(chan error, 1)
	go func() {
		for _, err := range b.Watch(context.Background(), "", b.Revision()) {
			ended <- err
			return
		}
		ended <- nil
	}()
	if err := b.Ready(); err != nil {
		t.Errorf("ready: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if err := <-ended; !errors.Is(err, store.ErrClosed) {
		t.Errorf("watch ended with %v", err)
	}
	if err := b.Ready(); !errors.Is(err, store.ErrClosed) {
		t.Errorf("ready: %v", err)
	}
	if _, _, err := b.Get("a"); !errors.Is(err, store.ErrClosed) {
		t.Errorf("get: %v", err)
	}
	if _, err := b.Commit(context.Background(), store.Commit{Writes: []store.Write{put("a", "2")}}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("commit: %v", err)
	}
	for _, err := range b.Scan(store.Range{}, false) {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("scan: %v", err)
		}
	}
	if err := b.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func advance(t *testing.T, s Suite) {
	b := s.open(t)
	a, ok := b.(store.Advancer)
	if !ok {
		t.Skip("revisions of this backend cannot be moved")
	}
	rev := commit(t, b, put("a", "1"))
	const to = 1 << 40
	if err := a.Advance(context.Background(), to); err != nil {
		t.Fatal(err)
	}
	if err := a.Advance(context.Background(), rev); err != nil { // never back
		t.Fatal(err)
	}
	next := commit(t, b, put("a", "2"))
	if next <= to {
		t.Fatalf("revision %d after advancing to %d", next, int64(to))
	}
	if s.Reopen == nil {
		return
	}
	b = s.Reopen(t, b)
	t.Cleanup(func() { b.Close() })
	if got := commit(t, b, put("a", "3")); got <= next {
		t.Fatalf("revision %d after %d and a restart", got, next)
	}
}

func durable(t *testing.T, s Suite) {
	if s.Reopen == nil {
		t.Skip("nothing lasts here")
	}
	b := s.open(t)
	for i := range 50 {
		commit(t, b, put(fmt.Sprintf("k%d", i), fmt.Sprint(i)))
	}
	last := commit(t, b, del("k7"), put("k8", "new"))
	b = s.Reopen(t, b)
	t.Cleanup(func() { b.Close() })
	if got := len(keysOf(t, b, store.Range{}, false)); got != 49 {
		t.Errorf("%d keys", got)
	}
	want(t, b, "k7", "")
	want(t, b, "k8", "new")
	want(t, b, "k9", "9")
	if kv, _, _ := b.Get("k8"); kv.Rev != last {
		t.Errorf("revision %d, was %d", kv.Rev, last)
	}
	if b.Revision() < last {
		t.Errorf("revision %d after %d", b.Revision(), last)
	}
	for _, err := range b.Watch(context.Background(), "", last-1) {
		if !errors.Is(err, store.ErrCompacted) {
			t.Errorf("a watch from before the restart: %v", err)
		}
		break
	}
	if got := commit(t, b, put("k8", "newer")); got <= last {
		t.Errorf("revision %d after %d", got, last)
	}
}
