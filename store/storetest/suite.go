// Package storetest holds the store contract as tests, one suite for every
// backend: sentence by sentence (contract, conflicts, watch), and as histories of
// concurrent transactions that a checker must be able to explain.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Suite says how to get at a backend.
type Suite struct {
	// Open answers an empty backend that the suite closes.
	Open func(t testing.TB) store.Backend
	// Reopen closes the backend and answers it anew; nil when nothing lasts.
	Reopen func(t testing.TB, b store.Backend) store.Backend
	// Slow leaves out what takes many thousands of commits.
	Slow bool
	// Load is how long concurrent workloads run; 0 means half a second.
	Load time.Duration
}

// Run runs the whole suite.
func Run(t *testing.T, s Suite) {
	if s.Load == 0 {
		s.Load = 500 * time.Millisecond
	}
	for _, c := range []struct {
		name string
		f    func(*testing.T, Suite)
	}{
		{"Revisions", revisions},
		{"Values", values},
		{"Scan", scan},
		{"ScanIsOneState", scanIsOneState},
		{"Walk", walk},
		{"Conflicts", conflicts},
		{"Retained", retained},
		{"Limits", limits},
		{"Watch", watch},
		{"WatchFollows", watchFollows},
		{"OnChange", onChange},
		{"Cancelled", cancelled},
		{"Closed", closed},
		{"Advance", advance},
		{"Durable", durable},
		{"TxScan", txScan},
		{"Cache", cacheCoherence},
		{"Tables", tables},
		{"Lists", func(t *testing.T, s Suite) { Lists(t, s.dbs(t, 1), 8, s.Load) }},
		{"Bank", func(t *testing.T, s Suite) { Bank(t, s.dbs(t, 1), 8, s.Load) }},
		{"Counter", func(t *testing.T, s Suite) { Counter(t, s.dbs(t, 1), 8, 25) }},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(t, s) })
	}
}

func (s Suite) open(t testing.TB) store.Backend {
	b := s.Open(t)
	t.Cleanup(func() { b.Close() })
	return b
}

func (s Suite) dbs(t testing.TB, n int) []*store.DB {
	dbs := make([]*store.DB, n)
	for i := range dbs {
		dbs[i] = store.Open(s.open(t), 256)
	}
	return dbs
}

func put(key, value string) store.Write { return store.Write{Key: key, Value: []byte(value)} }
func del(key string) store.Write        { return store.Write{Key: key} }

// commit writes blindly.
func commit(t testing.TB, b store.Backend, w ...store.Write) int64 {
	t.Helper()
	rev, err := b.Commit(context.Background(), store.Commit{ReadRev: b.Revision(), Writes: w})
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	return rev
}

// want checks the newest value of key; an empty string means absent.
func want(t testing.TB, b store.Backend, key, value string) {
	t.Helper()
	kv, ok, err := b.Get(key)
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	if ok != (value != "") || string(kv.Value) != value {
		t.Fatalf("get %q: %q, %v; want %q", key, kv.Value, ok, value)
	}
}

func keysOf(t testing.TB, b store.Backend, r store.Range, reverse bool) []string {
	t.Helper()
	keys := []string{}
	for kv, err := range b.Scan(r, reverse) {
		if err != nil {
			t.Fatalf("scan: %v", err)
		}
		keys = append(keys, kv.Key)
	}
	return keys
}
