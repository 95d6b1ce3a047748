package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

// testSeal seals with a fixed key.
type testSeal struct{ gen byte }

func (s *testSeal) Seal(purpose string, aad, plaintext []byte) ([]byte, error) {
	return message.Append([]byte{s.gen}, make([]byte, 32), purpose, aad, plaintext), nil
}

func (s *testSeal) Open(purpose string, aad, blob []byte) ([]byte, error) {
	return message.Open(make([]byte, 32), purpose, aad, blob[1:])
}

func (s *testSeal) Renew(purpose string, aad, blob []byte) ([]byte, bool, error) {
	if blob[0] == s.gen {
		return blob, false, nil
	}
	p, err := s.Open(purpose, aad, blob)
	if err != nil {
		return nil, false, err
	}
	b, err := s.Seal(purpose, aad, p)
	return b, err == nil, err
}

// shelf keeps blobs in memory.
type shelf struct {
	mu    sync.Mutex
	blobs map[string][]byte
	age   time.Duration // of all blobs, as List tells it
}

type shelfWriter struct {
	bytes.Buffer
	of   *shelf
	name string
}

func (w *shelfWriter) Commit() error {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	w.of.blobs[w.name] = bytes.Clone(w.Bytes())
	return nil
}

func (w *shelfWriter) Abort() error { return nil }

func (s *shelf) Create(_ context.Context, name string, _ int64) (blob.Writer, error) {
	return &shelfWriter{of: s, name: name}, nil
}

func (s *shelf) Open(_ context.Context, name string, _, _ int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.blobs[name]
	if !ok {
		return nil, blob.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (s *shelf) Stat(context.Context, string) (blob.Info, error) { return blob.Info{}, nil }

func (s *shelf) Remove(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.blobs, name)
	return nil
}

func (s *shelf) List(context.Context, string) iter.Seq2[blob.Info, error] {
	s.mu.Lock()
	names := slices.Sorted(maps.Keys(s.blobs))
	s.mu.Unlock()
	return func(yield func(blob.Info, error) bool) {
		for _, n := range names {
			if !yield(blob.Info{Name: n, Modified: time.Now().Add(-s.age)}, nil) {
				return
			}
		}
	}
}

func (s *shelf) Sweep(context.Context) (int, error) { return 0, nil }
func (s *shelf) Close() error                       { return nil }

type desk struct {
	*Logs
	t     *testing.T
	seal  *testSeal
	shelf *shelf
	clock *redoubt.Shifted
	group *Group
}

var (
	here  = Place{"123456789012", "us-east-1"}
	start = time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)
)

func open(t *testing.T) *desk {
	d := &desk{t: t, seal: &testSeal{}, shelf: &shelf{blobs: map[string][]byte{}}, clock: redoubt.NewFixed(start)}
	l, err := Open(Deps{DB: store.Open(memory.New(), 0), Seal: d.seal, Blobs: d.shelf, Clock: d.clock})
	if err != nil {
		t.Fatal(err)
	}
	d.Logs = l
	d.run(func(tx *store.Tx) error {
		d.group, err = l.CreateGroup(tx, here, Group{Name: "g"})
		return errors.Join(err, l.CreateStream(tx, here, d.group, "s1"), l.CreateStream(tx, here, d.group, "s2"))
	})
	return d
}

func (d *desk) run(f func(tx *store.Tx) error) {
	d.t.Helper()
	if err := d.DB.Run(context.Background(), func(ctx context.Context) error { return f(store.From(ctx)) }); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) put(stream string, events ...Event) {
	d.t.Helper()
	d.run(func(tx *store.Tx) error {
		r, err := d.Put(tx, here, d.group, stream, events)
		if r.Any() {
			return fmt.Errorf("rejected: %+v", r)
		}
		return err
	})
}

func (d *desk) read(q Query) Page {
	d.t.Helper()
	if q.Limit == 0 {
		q.Limit = 10000
	}
	p, err := d.Read(context.Background(), here, d.group, q)
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

func (d *desk) texts(q Query) string {
	var out []string
	for _, e := range d.read(q).Events {
		out = append(out, e.Message)
	}
	return strings.Join(out, " ")
}

func at(minutes int) int64 { return start.Add(time.Duration(minutes) * time.Minute).UnixMilli() }

// What goes in comes out in order of time, page by page, both ways, before, while
// and after it is folded.
func TestReadAgainstAModel(t *testing.T) {
	d := open(t)
	rng := rand.New(rand.NewPCG(1, 2))
	var all []string
	for i := range 300 {
		stream := []string{"s1", "s2"}[rng.IntN(2)]
		from := rng.IntN(600) - 600
		var events []Event
		for j := range 1 + rng.IntN(5) {
			m := fmt.Sprintf("%013d-%s-%d-%d", at(from+j), stream, i, j)
			events = append(events, Event{at(from + j), m})
			all = append(all, m)
		}
		d.clock.Advance(time.Millisecond)
		d.put(stream, events...)
		if i%100 == 99 {
			if err := d.Fold(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(d.shelf.blobs) == 0 {
		t.Fatal("nothing was folded")
	}
	for _, c := range []Query{
		{}, {Reverse: true}, {Streams: []string{"s2"}}, {Prefix: "s1", Reverse: true}, {From: at(-300), To: at(-200)},
		{Match: func(m []byte) bool { return bytes.HasSuffix(m, []byte("-3")) }},
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(m string) bool {
			var ms int64
			fmt.Sscanf(m, "%d", &ms)
			return c.Streams != nil && !strings.Contains(m, c.Streams[0]) || !strings.Contains(m, "-"+c.Prefix) ||
				ms < c.From || c.To > 0 && ms >= c.To || c.Match != nil && !c.Match([]byte(m))
		})
		for _, limit := range []int{10000, 7, 1} {
			c.Limit, c.After = limit, nil
			var got []string
			var last *Position
			for {
				p := d.read(c)
				for _, e := range p.Events {
					if last != nil && !ahead(*last, e.Position, c.Reverse) {
						t.Fatalf("%+v: out of order", c)
					}
					last = &e.Position
					got = append(got, e.Message)
				}
				if !p.More {
					break
				}
				c.After = p.Last
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("%+v: %d events instead of %d", c, len(got), len(want))
			}
		}
	}
}

func TestWhatIsRejected(t *testing.T) {
	d := open(t)
	d.run(func(tx *store.Tx) error {
		return d.EditGroup(tx, here, "g", func(g *Group) error { g.Retention = 3; return nil })
	})
	d.group.Retention = 3
	day := 24 * 60
	var r Rejected
	d.run(func(tx *store.Tx) (err error) {
		r, err = d.Put(tx, here, d.group, "s1", []Event{{at(-15 * day), "old"}, {at(-4 * day), "expired"}, {at(-1), "good"}, {at(119), "ahead"}, {at(121), "new"}})
		return err
	})
	if r != (Rejected{TooNew: 4, TooOld: 1, Expired: 2}) {
		t.Errorf("%+v", r)
	}
	if got := d.texts(Query{}); got != "good ahead" {
		t.Error(got)
	}
	tx := d.DB.Begin()
	for _, c := range []struct {
		events []Event
		want   error
	}{
		{[]Event{{at(1), "a"}, {at(0), "b"}}, ErrUnordered},
		{[]Event{{at(-2 * day), "a"}, {at(0), "b"}}, ErrBatchSpan},
		{[]Event{{at(0), strings.Repeat("a", 1<<20)}}, ErrEventSize},
		{[]Event{{at(0), strings.Repeat("a", 1<<19)}, {at(0), strings.Repeat("a", 1<<19)}}, ErrBatchSize},
	} {
		if _, err := d.Put(tx, here, d.group, "s1", c.events); !errors.Is(err, c.want) {
			t.Errorf("%v instead of %v", err, c.want)
		}
	}
	if _, err := d.Put(tx, here, d.group, "nowhere", []Event{{at(0), "a"}}); !errors.Is(err, ErrNoStream) {
		t.Error(err)
	}
}

// A megabyte that does not compress fits, folded or not.
func TestLargeBatch(t *testing.T) {
	d := open(t)
	var events []Event
	size := 0
	for i := 0; size < 1<<20-11000; i++ {
		b := make([]byte, 10000)
		for j := range b {
			b[j] = byte(33 + rand.IntN(90))
		}
		events = append(events, Event{at(0), string(b)})
		size += len(b) + overhead
	}
	d.put("s1", events...)
	for range 2 {
		var got int
		for q := (Query{Limit: 10000}); ; {
			p := d.read(q)
			got += len(p.Events)
			if q.After = p.Last; !p.More {
				break
			}
		}
		if got != len(events) {
			t.Fatalf("%d of %d", got, len(events))
		}
		d.clock.Advance(2 * time.Hour)
		if err := d.Fold(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	var stored int64
	d.run(func(tx *store.Tx) (err error) { stored, err = d.Stored(tx, here, d.group); return err })
	if stored != int64(size) {
		t.Errorf("%d stored of %d", stored, size)
	}
}

// Deleted streams and groups are gone at once, and their data soon.
func TestDeletion(t *testing.T) {
	d := open(t)
	ctx := context.Background()
	d.put("s1", Event{at(-60), "a"})
	d.put("s2", Event{at(-59), "b"})
	d.clock.Advance(2 * time.Hour)
	if err := d.Fold(ctx); err != nil {
		t.Fatal(err)
	}
	d.put("s1", Event{at(0), "c"})
	d.run(func(tx *store.Tx) error { return d.DeleteStream(tx, here, d.group, "s1") })
	if got := d.texts(Query{}); got != "b" {
		t.Errorf("deleted: %q", got)
	}
	d.run(func(tx *store.Tx) error { return d.CreateStream(tx, here, d.group, "s1") })
	if got := d.texts(Query{}); got != "b" {
		t.Errorf("made again: %q", got)
	}
	if err := d.Remove(ctx); err != nil {
		t.Fatal(err)
	}
	if got := d.texts(Query{}); got != "b" {
		t.Errorf("removed: %q", got)
	}
	held := 0
	for kv := range d.DB.Backend().Scan(store.Prefix(blockTable), false) {
		b, err := d.codec.openBlock(kv.Key, kv.Value)
		if err != nil || b.Count != 1 {
			t.Errorf("%+v %v", b, err)
		}
		held++
	}
	if held != 1 || len(d.shelf.blobs) != 1 {
		t.Errorf("%d blocks, %d blobs", held, len(d.shelf.blobs))
	}
	d.run(func(tx *store.Tx) error {
		return d.EditGroup(tx, here, "g", func(g *Group) error { g.Protected = true; return nil })
	})
	if err := d.DeleteGroup(d.DB.Begin(), here, "g"); !errors.Is(err, ErrProtected) {
		t.Error(err)
	}
	d.run(func(tx *store.Tx) error {
		return d.EditGroup(tx, here, "g", func(g *Group) error { g.Protected = false; return nil })
	})
	d.run(func(tx *store.Tx) error { return d.DeleteGroup(tx, here, "g") })
	if err := d.Remove(ctx); err != nil {
		t.Fatal(err)
	}
	for kv := range d.DB.Backend().Scan(store.Prefix("logs."), false) {
		t.Errorf("left: %s", kv.Key)
	}
	if len(d.shelf.blobs) != 0 {
		t.Errorf("%d blobs left", len(d.shelf.blobs))
	}
}

func TestRetentionAndOrphans(t *testing.T) {
	d := open(t)
	ctx := context.Background()
	d.put("s1", Event{at(0), "a"})
	d.clock.Advance(2 * time.Hour)
	if err := d.Fold(ctx); err != nil {
		t.Fatal(err)
	}
	d.shelf.blobs[blob.NewName()] = []byte("orphan")
	d.run(func(tx *store.Tx) error {
		return d.EditGroup(tx, here, "g", func(g *Group) error { g.Retention = 1; return nil })
	})
	d.group.Retention = 1
	if err := d.Expire(ctx); err != nil || len(d.shelf.blobs) != 2 {
		t.Fatalf("%v, %d blobs", err, len(d.shelf.blobs))
	}
	d.clock.Advance(23 * time.Hour)
	if got := d.texts(Query{}); got != "" {
		t.Error(got)
	}
	d.shelf.age = 2 * time.Hour
	if err := d.Expire(ctx); err != nil || len(d.shelf.blobs) != 0 {
		t.Fatalf("%v, %d blobs", err, len(d.shelf.blobs))
	}
}

// Blobs hold nothing in the clear, a changed byte is noticed, and a new root key
// changes records only.
func TestBlocksAreSealed(t *testing.T) {
	d := open(t)
	ctx := context.Background()
	d.put("s1", Event{at(-60), "the secret word is xyzzy"})
	d.clock.Advance(2 * time.Hour)
	if err := d.Fold(ctx); err != nil {
		t.Fatal(err)
	}
	for _, b := range d.shelf.blobs {
		if bytes.Contains(b, []byte("xyzzy")) || bytes.Contains(b, []byte("s1")) {
			t.Error("in the clear")
		}
	}
	d.seal.gen = 1
	next, changed, err := d.Reseal(ctx, d.DB, "")
	if next != "" || changed != 1 || err != nil {
		t.Errorf("%q %d %v", next, changed, err)
	}
	if got := d.texts(Query{}); got != "the secret word is xyzzy" {
		t.Error(got)
	}
	for _, b := range d.shelf.blobs {
		b[len(b)/2] ^= 1
	}
	if _, err := d.Read(ctx, here, d.group, Query{Limit: 1}); err == nil {
		t.Error("a changed block was read")
	}
}

func TestEventIDs(t *testing.T) {
	p := Position{Time: at(0), Ingested: at(1), Batch: 1<<64 - 3, Index: 77}
	if got, ok := ParseEventID(p.EventID()); !ok || got != p {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"", "x", strings.Repeat("9", 56), strings.Repeat("1", 55) + "x"} {
		if _, ok := ParseEventID(bad); ok {
			t.Error(bad)
		}
	}
}

func FuzzSplitFrames(f *testing.F) {
	f.Add(appendFrames(nil, []frame{{Position{1, 2, 3, 4}, ref("0123456789abcdefname"), []byte("m")}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		fs, err := splitFrames(b)
		if err == nil && len(fs) > 0 {
			again, err := splitFrames(appendFrames(nil, fs))
			if err != nil || len(again) != len(fs) {
				t.Error(err)
			}
		}
	})
}

func BenchmarkPut(b *testing.B) {
	c, err := newCodec(&testSeal{})
	if err != nil {
		b.Fatal(err)
	}
	fs := make([]frame, 100)
	for i := range fs {
		fs[i] = frame{Position{at(0), at(0), 1, uint16(i)}, ref("0123456789abcdefname"), []byte(`{"level":"INFO","message":"request served","status":200,"path":"/a/b/c","ms":12}`)}
	}
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		packed := c.pack(fs)
		sealed, _ := c.seal.Seal(purpose, nil, packed)
		size = len(sealed)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/row")
	b.ReportMetric(float64(size)/100, "B/row")
}
