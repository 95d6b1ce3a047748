package pebble

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/redoubt-sec/redoubt/store"
)

// clients runs f from n goroutines, b.N times together, and reports the rate.
func clients(b *testing.B, n int, f func(client, i int) error) float64 {
	b.Helper()
	var wg sync.WaitGroup
	begin := time.Now()
	b.ResetTimer()
	for c := range n {
		wg.Go(func() {
			for i := c; i < b.N; i += n {
				if err := f(c, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	rate := float64(b.N) / time.Since(begin).Seconds()
	b.ReportMetric(rate, "commits/s")
	return rate
}

const benchClients = 64

func benchKey(i int) string { return fmt.Sprintf("kms.key/123456789012/us-east-1/%08d", i%100_000) }

func openBench(b *testing.B) *Backend {
	s, err := Open(filepath.Join(b.TempDir(), "store"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

type blob struct{ Data []byte }

var blobs = store.RegionalTable[blob]("kms.key")

// BenchmarkCommit compares durable commits of 1 KB from 64 clients: through the
// contract, through typed tables with a read each, and by Pebble alone. The
// last line's ratios are what matters.
func BenchmarkCommit(b *testing.B) {
	value := make([]byte, 1024)
	for i := range value {
		value[i] = byte(i * 31)
	}
	var raw, contract, table float64
	b.Run("pebble", func(b *testing.B) {
		db, err := pebble.Open(filepath.Join(b.TempDir(), "raw"), &pebble.Options{Logger: newFailure(nil)})
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		raw = clients(b, benchClients, func(_, i int) error { return db.Set([]byte(benchKey(i)), value, pebble.Sync) })
	})
	b.Run("contract", func(b *testing.B) {
		s := openBench(b)
		contract = clients(b, benchClients, func(_, i int) error {
			_, err := s.Commit(context.Background(), store.Commit{ReadRev: s.Revision(), Keys: []string{benchKey(i)},
				Writes: []store.Write{{Key: benchKey(i), Value: value}}})
			if err == store.ErrConflict {
				return nil
			}
			return err
		})
		b.ReportMetric(float64(b.N)/float64(s.groups.Load()), "commits/fsync")
	})
	b.Run("table", func(b *testing.B) {
		s := openBench(b)
		db := store.Open(s, 0)
		rows := blobs.In("123456789012", "us-east-1")
		table = clients(b, benchClients, func(_, i int) error {
			return db.Run(context.Background(), func(ctx context.Context) error {
				tx, id := store.From(ctx), strconv.Itoa(i%100_000)
				if _, err := rows.Has(tx, id); err != nil {
					return err
				}
				return rows.Put(tx, id, &blob{value[:768]}) // 1 KB as JSON
			})
		})
		b.ReportMetric(float64(b.N)/float64(s.groups.Load()), "commits/fsync")
	})
	if raw > 0 {
		fmt.Printf("to raw Pebble: contract %.2f, table %.2f\n", contract/raw, table/raw)
	}
}

func fill(b *testing.B, s *Backend, n int) {
	const group = 500
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	var wg sync.WaitGroup
	for c := range 8 {
		wg.Go(func() {
			for i := c * group; i < n; i += 8 * group {
				var w []store.Write
				for j := i; j < min(i+group, n); j++ {
					w = append(w, store.Write{Key: fmt.Sprintf("rows/%08d", j), Value: noise[j*1021%(1<<19):][:1000+j%48]})
				}
				if _, err := s.Commit(context.Background(), store.Commit{Writes: w}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkRead measures reads of records that no cache above holds.
func BenchmarkRead(b *testing.B) {
	s := openBench(b)
	fill(b, s, 100_000)
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if _, ok, err := s.Get(fmt.Sprintf("rows/%08d", i*7919%100_000)); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	b.Run("get absent", func(b *testing.B) {
		for i := range b.N {
			if _, ok, err := s.Get(fmt.Sprintf("rows/%08dx", i*7919%100_000)); ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	for _, n := range []int{0, 1, 100, 1000} {
		b.Run(fmt.Sprintf("scan %d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				from := i * 7919 % 99_000
				r := store.Range{Start: fmt.Sprintf("rows/%08d", from), End: fmt.Sprintf("rows/%08d", from+n)}
				if n == 0 {
					r = store.Prefix(fmt.Sprintf("rows/%08dx", from))
				}
				got := 0
				for _, err := range s.Scan(r, false) {
					if err != nil {
						b.Fatal(err)
					}
					got++
				}
				if got != n {
					b.Fatal(got)
				}
			}
		})
	}
	db := store.Open(s, 0)
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			tx := db.Begin()
			tx.Get("rows/00000001")
			if err := tx.Check(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkStart opens a directory with a million records of 1 KB, as a kill
// left it: with a full log to replay.
func BenchmarkStart(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "store")
	s, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	fill(b, s, 1_000_000)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	if _, err := killOnce(dir, map[int]int{}, time.Second); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		begin := time.Now()
		s, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, ok, err := s.Get("rows/00500000"); !ok || err != nil {
			b.Fatal(ok, err)
		}
		b.ReportMetric(float64(time.Since(begin).Milliseconds()), "ms-to-first-read")
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapInuse>>20), "MiB-heap")
		b.ReportMetric(float64(s.Figures()["disk_bytes"]>>20), "MiB-disk")
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
}
