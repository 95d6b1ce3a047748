package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/blob/files"
	"github.com/redoubt-sec/redoubt/store"
)

// broken is a blob store that fails where it is told to.
type broken struct {
	blob.Store
	create, write, commit, open error
}

func (b *broken) Create(ctx context.Context, name string, size int64) (blob.Writer, error) {
	if b.create != nil {
		return nil, b.create
	}
	w, err := b.Store.Create(ctx, name, size)
	return &brokenWriter{w, b}, err
}

func (b *broken) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if b.open != nil {
		return nil, b.open
	}
	return b.Store.Open(ctx, name, offset, length)
}

type brokenWriter struct {
	blob.Writer
	b *broken
}

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.b.write != nil {
		return 0, w.b.write
	}
	return w.Writer.Write(p)
}

func (w *brokenWriter) Commit() error {
	if w.b.commit != nil {
		return errors.Join(w.b.commit, w.Abort())
	}
	return w.Writer.Commit()
}

func TestDiskFull(t *testing.T) {
	w := open(t)
	b := &broken{Store: w.Blobs}
	w.Blobs = b
	old := random(300_000, 1)
	w.put("k", old, Unversioned)
	for _, fail := range []*error{&b.create, &b.write, &b.commit} {
		*fail = blob.ErrFull
		_, err := w.putAs("k", random(300_000, 2), NewObject{Size: 300_000}, Put{})
		w.refused(err, blob.ErrFull)
		w.want("k", "", old)
		u := w.start("k", Checksum{}, Encryption{}, nil)
		_, err = w.part(u, 1, random(300_000, 2), nil)
		w.refused(err, blob.ErrFull)
		*fail = nil
		w.tx(func(ctx context.Context) error { return w.AbortUpload(ctx, u.Bucket, u.Key, u.ID) })
		if r := w.clean(); r.Blobs != 1 {
			t.Errorf("%+v", r)
		}
	}
	b.open = errors.New("input/output error")
	_, err := w.get("k", "")
	if err == nil || errors.Is(err, ErrDamaged) || errors.Is(err, ErrNoKey) {
		t.Errorf("unreadable: %v", err)
	}
	if r, err := w.Verify(context.Background(), Scrub{}); err != nil || r.Bad != 1 {
		t.Errorf("%+v %v", r, err)
	}
	b.open = nil
	w.want("k", "", old)
}

// An upload that is cut off leaves nothing, wherever that happens.
func TestCutOff(t *testing.T) {
	w := open(t)
	for _, n := range []int{0, 100, chunkSize, chunkSize + 1, 1 << 20} {
		ctx, cancel := context.WithCancel(context.Background())
		to, err := w.Create(ctx, NewObject{Bucket: w.bucket, Key: "k", Size: -1, Encryption: Encryption{Kind: SSES3}})
		if err != nil {
			t.Fatal(err)
		}
		if err := write(to, random(n, 1)); err != nil {
			t.Fatal(err)
		}
		cancel() // as a server does when the connection is gone
		if n > 0 {
			if _, err := to.Finish(); err == nil {
				t.Errorf("%d bytes: finished after the end", n)
			}
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := to.Finish(); err == nil {
			t.Error("finished after close")
		}
	}
	// Finished, and then refused in the transaction, or never committed.
	w.put("k", []byte("x"), Unversioned)
	for _, n := range []int{100, 1 << 20} {
		_, err := w.putAs("k", random(n, 1), NewObject{}, Put{Condition: Condition{IfNoneMatch: true}})
		w.refused(err, ErrExists)
	}
	w.want("k", "", []byte("x"))
	if r := w.clean(); r.Blobs != 0 {
		t.Errorf("%+v", r)
	}
}

// Last commit wins, and nobody ever sees a mixture.
func TestConcurrentOverwrites(t *testing.T) {
	w := open(t)
	sizes := []int{10, 20_000, 200_000}
	check := func(got []byte) {
		if len(got) > 0 && !bytes.Equal(got, random(len(got), uint64(got[0]))) && !bytes.Equal(got, bytes.Repeat(got[:1], len(got))) {
			t.Error("a torn object")
		}
	}
	w.put("k", []byte{1}, Unversioned)
	var wg sync.WaitGroup
	var stop atomic.Bool
	for i := range 4 {
		wg.Go(func() {
			for n := range 25 {
				data := bytes.Repeat([]byte{byte(i*50 + n)}, sizes[rand.IntN(len(sizes))])
				if _, err := w.putAs("k", data, NewObject{Size: -1}, Put{}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for !stop.Load() {
				got, err := w.get("k", "")
				if errors.Is(err, ErrChanged) {
					continue // look again
				}
				if err != nil {
					t.Error(err)
					return
				}
				check(got)
			}
		})
	}
	readers.Go(func() {
		for !stop.Load() {
			if _, err := w.Collect(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	stop.Store(true)
	readers.Wait()
	if r := w.clean(); r.Versions != 1 {
		t.Errorf("%+v", r)
	}
}

// Who has opened an object reads it to its end, though it was deleted and the
// garbage collected.
func TestReadWhileDeleted(t *testing.T) {
	w := open(t)
	data := random(10*chunkSize, 1)
	v := w.put("k", data, Unversioned)
	from, err := w.Open(context.Background(), v, Read{Length: -1})
	if err != nil {
		t.Fatal(err)
	}
	w.put("k", []byte("new"), Unversioned)
	if left, err := w.Collect(context.Background()); left != 1 || err != nil {
		t.Fatal(left, err)
	}
	got, err := io.ReadAll(from)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := from.Close(); err != nil {
		t.Fatal(err)
	}
	w.clean()
	_, err = w.read(v, Read{Length: -1})
	w.refused(err, ErrChanged)
}

// second answers another process on the same store and blobs.
func (w *world) second() *world {
	o := *w
	o.Store = New(w.Deps)
	return &o
}

func TestSeveralServers(t *testing.T) {
	w := open(t)
	w.Alone = false
	a, b := w.second(), w.second()
	a.grace, b.grace = 0, 0
	ctx := context.Background()
	seen := map[string]sign{}
	begin := func(w *world, key string) *Writer {
		to, err := w.Create(ctx, NewObject{Bucket: w.bucket, Key: key, Size: -1, Encryption: Encryption{Kind: SSES3}})
		if err != nil {
			t.Fatal(err)
		}
		if err := write(to, random(200_000, 1)); err != nil {
			t.Fatal(err)
		}
		return to
	}
	commit := func(to *Writer) error {
		if _, err := to.Finish(); err != nil {
			return err
		}
		return w.do(func(ctx context.Context) error { _, err := to.Commit(ctx, Put{}); return err })
	}
	one, two := begin(a, "one"), begin(a, "two")
	look := func(after time.Duration) {
		t.Helper()
		b.death = after
		if err := b.bury(ctx, seen); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Collect(ctx); err != nil {
			t.Fatal(err)
		}
	}
	look(time.Hour)
	if err := a.live(ctx); err != nil {
		t.Fatal(err)
	}
	look(0) // it has moved since the last look
	if err := commit(one); err != nil {
		t.Fatal(err)
	}
	one.Close()
	look(time.Hour)
	time.Sleep(time.Millisecond)
	look(0) // silent: given up
	w.refused(commit(two), ErrLost)
	if err := two.Close(); err != nil {
		t.Fatal(err)
	}
	// And the process that lived after all goes on under new names.
	if err := commit(begin(a, "three")); err != nil {
		t.Fatal(err)
	}
	if err := a.live(ctx); err != nil {
		t.Fatal(err)
	}
	w.want("one", "", random(200_000, 1))
	w.want("three", "", random(200_000, 1))
	if _, err := a.head("two", ""); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	r, err := b.Verify(ctx, Scrub{})
	if err != nil || r.Bad != 0 || r.Orphans != 0 {
		t.Errorf("%+v %v", r, err)
	}
	// Garbage that another server may be reading waits.
	b.grace = time.Hour
	w.put("one", nil, Unversioned)
	if left, err := b.Collect(ctx); left != 1 || err != nil {
		t.Error(left, err)
	}
}

// A server that was given other blobs than those of its store refuses.
func TestElsewhere(t *testing.T) {
	w := open(t)
	if err := w.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	v := w.put("k", random(100_000, 1), Unversioned)
	other := w.second()
	blobs, err := files.Open(filepath.Join(t.TempDir(), "other"))
	if err != nil {
		t.Fatal(err)
	}
	other.Blobs = blobs
	w.refused(other.Check(context.Background()), ErrElsewhere)
	_, err = other.read(v, Read{Length: -1})
	w.refused(err, ErrElsewhere)
	_, err = other.putAs("k2", random(100_000, 1), NewObject{}, Put{})
	w.refused(err, ErrElsewhere)
	w.put("k", nil, Unversioned)
	_, err = other.Collect(context.Background())
	w.refused(err, ErrElsewhere)
	_, err = other.Verify(context.Background(), Scrub{})
	w.refused(err, ErrElsewhere)
	w.clean()
}

// Clocks may jump: order is that of commits.
func TestClockJumps(t *testing.T) {
	w := open(t)
	a := w.put("k", []byte("a"), Enabled)
	w.clock.Advance(100 * 365 * 24 * time.Hour)
	to, err := w.Create(context.Background(), NewObject{Bucket: w.bucket, Key: "k", Size: -1, Encryption: Encryption{Kind: SSES3}})
	if err != nil {
		t.Fatal(err)
	}
	if err := write(to, random(100_000, 1)); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(100 * 365 * 24 * time.Hour) // an upload under way is not given up for it
	if err := w.bury(context.Background(), map[string]sign{}); err != nil {
		t.Fatal(err)
	}
	if _, err := to.Finish(); err != nil {
		t.Fatal(err)
	}
	w.tx(func(ctx context.Context) error { _, err := to.Commit(ctx, Put{Versioning: Enabled}); return err })
	to.Close()
	w.Clock = oldClock{}
	w.put("k", []byte("c"), Enabled) // long ago, by the clock
	w.want("k", "", []byte("c"))
	w.want("k", a.ID, []byte("a"))
	p, err := w.ListVersions(context.Background(), Query{Bucket: w.bucket, Most: 10})
	if err != nil || len(p.Items) != 3 || p.Items[0].Size != 1 || p.Items[1].Size != 100_000 {
		t.Error(p, err)
	}
	w.clean()
}

type oldClock struct{}

func (oldClock) Now() time.Time                       { return time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) }
func (oldClock) After(time.Duration) <-chan time.Time { return nil }

// Verify names what is wrong with records, too.
func TestVerifyRecords(t *testing.T) {
	w := open(t)
	for i := range 3 {
		w.put(fmt.Sprint("k", i), random(20_000, 1), Enabled)
	}
	break1 := func(f func(tx *store.Tx) error, faults, orphans int64) {
		t.Helper()
		was := map[string][]byte{}
		for kv, err := range w.DB.Backend().Scan(store.Prefix("objects."), false) {
			if err != nil {
				t.Fatal(err)
			}
			was[kv.Key] = kv.Value
		}
		w.tx(func(ctx context.Context) error { return f(store.From(ctx)) })
		r, err := w.Verify(context.Background(), Scrub{})
		if err != nil || r.Bad != faults || r.Orphans != orphans {
			t.Errorf("%+v, %v", r, err)
		}
		w.tx(func(ctx context.Context) error {
			for k, v := range was {
				if err := store.From(ctx).Put(k, v); err != nil {
					return err
				}
			}
			return nil
		})
		w.clean()
	}
	v, _ := w.head("k1", "")
	break1(func(tx *store.Tx) error { return entries.Delete(tx, store.ID(w.bucket, "k1")) }, 1, 0)
	break1(func(tx *store.Tx) error { return versions.Delete(tx, versionRow(w.bucket, "k1", v.Seq)) }, 1, 1)
	break1(func(tx *store.Tx) error { return buckets.Delete(tx, w.bucket) }, 3, 0)
	break1(func(tx *store.Tx) error {
		e := *v.entry()
		e.Seq = 7
		return entries.Put(tx, store.ID(w.bucket, "k1"), &e)
	}, 2, 0)
	// A blob that nothing refers to is found, and removed on demand.
	to, err := w.Blobs.Create(context.Background(), blob.NewName(), -1)
	if err != nil {
		t.Fatal(err)
	}
	if err := to.Commit(); err != nil {
		t.Fatal(err)
	}
	if r, err := w.Verify(context.Background(), Scrub{}); err != nil || r.Orphans != 1 || r.Bad != 0 {
		t.Errorf("%+v %v", r, err)
	}
	if r, err := w.Verify(context.Background(), Scrub{Remove: true}); err != nil || r.Removed != 1 {
		t.Errorf("%+v %v", r, err)
	}
	w.clean()
}

// The server's collector removes garbage by itself, and ends with the server.
func TestRun(t *testing.T) {
	w := open(t)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	w.put("k", random(100_000, 1), Unversioned)
	w.put("k", random(100_000, 2), Unversioned)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		n := 0
		for _, err := range w.Blobs.List(ctx, "") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n == 2 { // one, and the marker
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d blobs", n)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for kv, err := range w.DB.Backend().Scan(store.Prefix(intents.Key("")), false) {
		t.Errorf("%q, %v is left", kv.Key, err)
	}
	w.clean()
}
