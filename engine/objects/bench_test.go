package objects

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/pebble"
)

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// perOp reports processor time per operation: machines that run these are shared.
func perOp(b *testing.B, since time.Duration) float64 {
	us := float64((cpu() - since).Microseconds()) / float64(b.N)
	b.ReportMetric(us, "cpu-µs/op")
	return us
}

func onDisk(b testing.TB) *world {
	backend, err := pebble.Open(filepath.Join(b.TempDir(), "store"), pebble.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return openOn(b, backend)
}

// plainWork is AES-256-GCM and, of what comes in, SHA-256, once over the same
// bytes: what no object store of this kind can do without.
func plainWork(b *testing.B, n int, hash bool) float64 {
	block, _ := aes.NewCipher(make([]byte, 32))
	gcm, _ := cipher.NewGCM(block)
	data, out, nonce := make([]byte, n), make([]byte, 0, n+16), make([]byte, 12)
	const rounds = 20
	since := cpu()
	for range rounds {
		gcm.Seal(out, nonce, data, nil)
		if hash {
			sha256.Sum256(data)
		}
	}
	return float64((cpu() - since).Microseconds()) / rounds
}

func BenchmarkPut(b *testing.B) {
	for _, n := range []int{1 << 10, 64 << 10, 8 << 20} {
		for _, kind := range []Kind{SSES3, SSEKMS} {
			b.Run(fmt.Sprintf("%s/%dKiB", strings.ReplaceAll(string(kind), ":", "-"), n>>10), func(b *testing.B) {
				w := onDisk(b)
				data := random(n, 1)
				secrets := [][]byte{random(32, 1)}[:kind.Secrets()]
				b.SetBytes(int64(n))
				since := cpu()
				for i := 0; b.Loop(); i++ {
					o := NewObject{Size: int64(n), Encryption: Encryption{Kind: kind}, Secrets: secrets, Sums: []Algorithm{SHA256}}
					if _, err := w.putWhole(fmt.Sprint("k", i), data, o); err != nil {
						b.Fatal(err)
					}
				}
				us := perOp(b, since)
				b.ReportMetric(us/plainWork(b, n, true), "x-plain")
			})
		}
	}
}

func (w *world) putWhole(key string, data []byte, n NewObject) (v *Version, err error) {
	n.Bucket, n.Key = w.bucket, key
	to, err := w.Create(context.Background(), n)
	if err != nil {
		return nil, err
	}
	defer to.Close()
	if _, err := to.Write(data); err != nil {
		return nil, err
	}
	if _, err := to.Finish(); err != nil {
		return nil, err
	}
	err = w.do(func(ctx context.Context) (err error) {
		v, err = to.Commit(ctx, Put{})
		return err
	})
	return v, err
}

func BenchmarkGet(b *testing.B) {
	for _, n := range []int{1 << 10, 64 << 10, 8 << 20} {
		b.Run(fmt.Sprintf("%dKiB", n>>10), func(b *testing.B) {
			w := onDisk(b)
			w.put("k", random(n, 1), Unversioned)
			b.SetBytes(int64(n))
			since := cpu()
			for b.Loop() {
				v, err := w.head("k", "")
				if err != nil {
					b.Fatal(err)
				}
				from, err := w.Open(context.Background(), v, Read{Length: -1})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, from); err != nil {
					b.Fatal(err)
				}
				from.Close()
			}
			us := perOp(b, since)
			b.ReportMetric(us/plainWork(b, n, false), "x-plain")
		})
	}
}

// BenchmarkSmallPut is durable puts from 64 clients, beside bare commits of as
// many bytes from as many.
func BenchmarkSmallPut(b *testing.B) {
	for _, n := range []int{1 << 10, 4 << 10, 16 << 10, 32 << 10, 64 << 10} {
		data := random(n, 1)
		b.Run(fmt.Sprintf("commit/%dKiB", n>>10), func(b *testing.B) {
			w := onDisk(b)
			var next atomic.Int64
			b.SetParallelism(32)
			since := cpu()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					err := w.do(func(ctx context.Context) error {
						return store.From(ctx).Put(fmt.Sprint("bench/", next.Add(1)), data)
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
			perOp(b, since)
		})
		b.Run(fmt.Sprintf("put/%dKiB", n>>10), func(b *testing.B) {
			w := onDisk(b)
			var next atomic.Int64
			b.SetParallelism(32)
			since := cpu()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					o := NewObject{Size: int64(n), Encryption: Encryption{Kind: SSES3}}
					if _, err := w.putWhole(fmt.Sprint("k", next.Add(1)), data, o); err != nil {
						b.Error(err)
					}
				}
			})
			perOp(b, since)
		})
	}
}

// million fills a bucket with n entries of objects, a hundred to a folder. Their
// versions are not needed to list them.
func (w *world) million(n int) {
	w.t.Helper()
	for from := 0; from < n; from += 1000 {
		c := store.Commit{ReadRev: w.DB.Revision()}
		for i := from; i < min(from+1000, n); i++ {
			e := Entry{VersionID: NullID, ETag: "9a0364b9e99bb480dd25e1f0284c8555", Size: int64(i), Modified: w.now(), Owner: "123456789012", Algorithm: CRC64NVME, Type: FullObject, Seq: 1}
			b, err := e.MarshalJSON()
			if err != nil {
				w.t.Fatal(err)
			}
			c.Writes = append(c.Writes, store.Write{Key: entries.Key(store.ID(w.bucket, fmt.Sprintf("folder-%05d/object-%07d.bin", i/100, i))), Value: b})
		}
		if _, err := w.DB.Backend().Commit(context.Background(), c); err != nil {
			w.t.Fatal(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	w := onDisk(b)
	const n = 1_000_000
	w.million(n)
	for name, q := range map[string]Query{"keys": {}, "folders": {Delimiter: "/"}, "folder": {Prefix: "folder-05000/", Delimiter: "/"}} {
		b.Run(name, func(b *testing.B) {
			since := cpu()
			for i := 0; b.Loop(); i++ {
				q.Bucket, q.Most = w.bucket, 1000
				q.After = ""
				if q.Prefix == "" {
					q.After = fmt.Sprintf("folder-%05d/", i*37%8900)
				}
				p, err := w.List(context.Background(), q)
				if err != nil || len(p.Items)+len(p.Prefixes) < 100 {
					b.Fatal(len(p.Items), len(p.Prefixes), err)
				}
			}
			perOp(b, since)
		})
	}
}
