package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

var handled = store.GlobalTable[[]string]("test.handled")

type bench struct {
	*testing.T
	db    *store.DB
	clock *redoubt.Shifted
}

func setUp(t *testing.T) *bench {
	return &bench{t, store.Open(memory.New(), 0), redoubt.NewFixed(start)}
}

// server runs an outbox over the bench's store until the test ends.
func (b *bench) server(d Deps) *Outbox {
	d.DB, d.Clock = b.db, b.clock
	o := New(d)
	b.run(func(ctx context.Context) { o.Run(ctx) })
	return o
}

func (b *bench) run(f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	b.Cleanup(stop)
	return stop
}

// consume runs a consumer and waits until the outbox knows of it.
func (b *bench) consume(o *Outbox, name string, start Start, f Consumer) (stop func()) {
	stop = b.run(func(ctx context.Context) { o.Consume(ctx, name, start, f) })
	for known := false; !known; time.Sleep(time.Millisecond) {
		o.mu.Lock()
		known = o.consumers[name]
		o.mu.Unlock()
	}
	return stop
}

func (b *bench) put(o *Outbox, ids ...string) {
	b.Helper()
	if err := b.db.Run(context.Background(), func(ctx context.Context) error {
		for _, id := range ids {
			if err := o.Put(store.From(ctx), Event{ID: id, Source: "test", Detail: json.RawMessage(`{"a":1}`)}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) settle(o *Outbox) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := o.Settle(ctx); err != nil {
		b.Fatal(err)
	}
}

// note adds the events' ids to a record, in the consumer's transaction.
func note(name string) Consumer {
	return func(ctx context.Context, events []Event) error {
		tx := store.From(ctx)
		var ids []string
		if v, err := handled.Rows().Get(tx, name); err == nil {
			ids = slices.Clone(*v)
		}
		for _, e := range events {
			ids = append(ids, e.ID)
		}
		return handled.Rows().Put(tx, name, &ids)
	}
}

func (b *bench) handled(name string) []string {
	var ids []string
	b.db.Run(context.Background(), func(ctx context.Context) error {
		if v, err := handled.Rows().Get(store.From(ctx), name); err == nil {
			ids = *v
		}
		return nil
	})
	return ids
}

func (b *bench) stats(o *Outbox) Stats {
	b.Helper()
	s, err := o.Stats(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func TestInOrderAndOnce(t *testing.T) {
	b := setUp(t)
	o := b.server(Deps{})
	b.put(o, "before")
	b.settle(o)
	b.consume(o, "all", FromOldest, note("all"))
	b.consume(o, "new", FromNow, note("new"))
	b.settle(o)
	// One client's events keep their order, whatever others do meanwhile.
	var wg sync.WaitGroup
	for c := range 4 {
		wg.Go(func() {
			for i := range 50 {
				b.put(o, fmt.Sprintf("%d/%02d", c, i))
			}
		})
	}
	wg.Wait()
	b.settle(o)
	for name, want := range map[string]int{"all": 201, "new": 200} {
		ids := b.handled(name)
		if len(ids) != want {
			t.Fatalf("%s: %d events", name, len(ids))
		}
		for c := range 4 {
			var own []string
			for _, id := range ids {
				if strings.HasPrefix(id, fmt.Sprint(c, "/")) {
					own = append(own, id)
				}
			}
			if len(own) != 50 || !slices.IsSorted(own) {
				t.Errorf("%s: client %d: %v", name, c, own)
			}
		}
	}
	if all := b.handled("all"); all[0] != "before" {
		t.Errorf("first: %s", all[0])
	}
	s := b.stats(o)
	if s.Events != 201 || s.Dropped != 0 || s.Consumers["all"] != (Progress{}) {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsAbortedIsNotTold(t *testing.T) {
	b := setUp(t)
	o := b.server(Deps{})
	failed := errors.New("no")
	err := b.db.Run(context.Background(), func(ctx context.Context) error {
		if err := o.Put(store.From(ctx), Event{ID: "aborted"}); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	err = b.db.Run(context.Background(), func(ctx context.Context) error {
		return o.Put(store.From(ctx), Event{Detail: make(json.RawMessage, MaxEvent+1)})
	})
	if !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	b.settle(o)
	if s := b.stats(o); s.Events != 0 {
		t.Errorf("%+v", s)
	}
}

func TestGoesOnAfterRestart(t *testing.T) {
	b := setUp(t)
	o := b.server(Deps{})
	stop := b.consume(o, "c", FromOldest, note("c"))
	b.put(o, "1", "2")
	b.settle(o)
	stop()
	b.put(o, "3")
	again := New(o.Deps)
	again.node = o.node // the same server, or its claim would have to run out
	b.run(func(ctx context.Context) { again.Run(ctx) })
	b.consume(again, "c", FromOldest, note("c"))
	b.settle(again)
	ids := b.handled("c")
	slices.Sort(ids[:2]) // of one transaction
	if strings.Join(ids, " ") != "1 2 3" {
		t.Errorf("%v", ids)
	}
}

func TestLossIsCounted(t *testing.T) {
	b := setUp(t)
	o := b.server(Deps{MaxAge: time.Hour, MaxBytes: 3000})
	stop := b.consume(o, "slow", FromOldest, note("slow"))
	b.put(o, "seen")
	b.settle(o)
	stop()

	for i := range 100 { // by size
		b.put(o, fmt.Sprintf("%02d", i))
	}
	b.settle(o)
	wait := func(what string, ok func(Stats) bool) Stats {
		t.Helper()
		for range 2000 {
			if s := b.stats(o); ok(s) {
				return s
			}
			time.Sleep(time.Millisecond)
		}
		t.Fatalf("%s: %+v", what, b.stats(o))
		return Stats{}
	}
	s := wait("too many bytes", func(s Stats) bool { return s.Bytes <= 3000 && s.Dropped > 50 })
	lost := s.Consumers["slow"].Lost
	if lost != s.Dropped-1 || lost+s.Consumers["slow"].Behind != 100 {
		t.Errorf("%+v", s)
	}
	b.clock.Advance(2 * time.Hour) // by age
	b.put(o, "fresh")
	s = wait("too old", func(s Stats) bool { return s.Events == 1 })
	if s.Consumers["slow"].Lost != 100 {
		t.Errorf("%+v", s)
	}
	b.consume(o, "slow", FromOldest, note("slow"))
	b.settle(o)
	if ids := b.handled("slow"); strings.Join(ids, " ") != "seen fresh" {
		t.Errorf("%v", ids)
	}
	if s := b.stats(o); s.Consumers["slow"] != (Progress{Lost: 100}) {
		t.Errorf("%+v", s)
	}
}

func TestFailingConsumer(t *testing.T) {
	b := setUp(t)
	o := b.server(Deps{})
	var broken atomic.Bool
	broken.Store(true)
	var calls atomic.Int64
	keep := note("c")
	b.put(o, "1", "2", "bad", "3")
	b.settle(o)
	b.consume(o, "c", FromOldest, func(ctx context.Context, events []Event) error {
		calls.Add(1)
		if err := keep(ctx, events); err != nil {
			return err
		}
		for _, e := range events {
			if e.ID == "bad" && broken.Load() {
				return errors.New("cannot")
			}
		}
		return nil
	})
	for calls.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	broken.Store(false)
	b.settle(o)
	ids := b.handled("c")
	slices.Sort(ids)
	if strings.Join(ids, " ") != "1 2 3 bad" {
		t.Errorf("%v", ids)
	}
}

// Two servers: each event is handled once, by one at a time, and a server that
// dies is replaced.
func TestServersShare(t *testing.T) {
	b := setUp(t)
	var at atomic.Int64
	consumer := func(ctx context.Context, events []Event) error {
		if at.Add(1) > 1 {
			t.Error("two servers work at a time")
		}
		defer at.Add(-1)
		return note("c")(ctx, events)
	}
	one, two := b.server(Deps{Lease: 300 * time.Millisecond}), b.server(Deps{Lease: 300 * time.Millisecond})
	stop := b.consume(one, "c", FromOldest, consumer)
	b.consume(two, "c", FromOldest, consumer)
	var wg sync.WaitGroup
	for i, o := range []*Outbox{one, two} {
		wg.Go(func() {
			for n := range 100 {
				b.put(o, fmt.Sprintf("%d/%03d", i, n))
			}
		})
	}
	wg.Wait()
	b.settle(one)
	stop()
	b.put(one, "last")
	b.settle(two)
	ids := b.handled("c")
	slices.Sort(ids)
	if len(ids) != 201 || len(slices.Compact(ids)) != 201 {
		t.Errorf("%d events", len(ids))
	}
	if err := func() error {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		return two.Consume(ctx, "c", FromOldest, consumer)
	}(); err == nil {
		t.Error("one consumer twice in one server")
	}
}
