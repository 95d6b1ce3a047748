package schedule

import (
	"context"
	"errors"
	"fmt"
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

var done = store.GlobalTable[int]("test.done")

type bench struct {
	*testing.T
	db    *store.DB
	clock *redoubt.Shifted
}

func setUp(t *testing.T) *bench {
	return &bench{t, store.Open(memory.New(), 0), redoubt.NewFixed(start)}
}

// server runs a timetable over the bench's store until the test ends.
func (b *bench) server(workers int, handlers map[string]Handler) *Schedule {
	s := New(Deps{DB: b.db, Clock: b.clock, Workers: workers, Lease: 200 * time.Millisecond})
	for kind, h := range handlers {
		s.Handle(kind, h)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { defer close(stopped); s.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-stopped })
	return s
}

func (b *bench) plan(s *Schedule, kind, id string, at time.Time) {
	b.Helper()
	if err := b.db.Run(context.Background(), func(ctx context.Context) error {
		return s.At(store.From(ctx), kind, id, at)
	}); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) count(id string) int {
	n := 0
	b.db.Run(context.Background(), func(ctx context.Context) error {
		v, err := done.Rows().Get(store.From(ctx), id)
		if err == nil {
			n = *v
		}
		return nil
	})
	return n
}

// tally counts the runs of a job in the job's own transaction.
func tally(ctx context.Context, id string) error {
	tx := store.From(ctx)
	n := 1
	if v, err := done.Rows().Get(tx, id); err == nil {
		n = *v + 1
	}
	return done.Rows().Put(tx, id, &n)
}

func (b *bench) settle(s *Schedule) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Settle(ctx); err != nil {
		b.Fatal(err)
	}
}

func TestJobRunsWhenItsTimeComesAndOnce(t *testing.T) {
	b := setUp(t)
	s := b.server(0, map[string]Handler{"t": tally})
	b.plan(s, "t", "a", start.Add(time.Hour))
	b.settle(s)
	if b.count("a") != 0 {
		t.Fatal("ran early")
	}
	b.clock.Advance(time.Hour)
	b.settle(s)
	b.clock.Advance(24 * time.Hour)
	b.settle(s)
	if n := b.count("a"); n != 1 {
		t.Fatalf("ran %d times", n)
	}
}

func TestMovedAndCancelledJobs(t *testing.T) {
	b := setUp(t)
	s := b.server(0, map[string]Handler{"t": tally})
	b.plan(s, "t", "moved", start.Add(time.Hour))
	b.plan(s, "t", "moved", start.Add(3*time.Hour))
	b.plan(s, "t", "gone", start.Add(time.Hour))
	if err := b.db.Run(context.Background(), func(ctx context.Context) error {
		return s.Cancel(store.From(ctx), "t", "gone")
	}); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(2 * time.Hour)
	b.settle(s)
	if b.count("moved") != 0 || b.count("gone") != 0 {
		t.Fatal("ran at the old time")
	}
	b.clock.Advance(2 * time.Hour)
	b.settle(s)
	if b.count("moved") != 1 || b.count("gone") != 0 {
		t.Fatal(b.count("moved"), b.count("gone"))
	}
}

func TestOrderAfterAJump(t *testing.T) {
	b := setUp(t)
	var mu sync.Mutex
	var order []string
	s := b.server(1, map[string]Handler{"t": func(ctx context.Context, id string) error {
		store.From(ctx).AfterCommit(func() { mu.Lock(); order = append(order, id); mu.Unlock() })
		return nil
	}})
	const n = 2000
	for i := range n {
		b.plan(s, "t", fmt.Sprint((i*7919)%n), start.Add(time.Duration((i*7919)%n+1)*time.Minute))
	}
	b.clock.Advance(365 * 24 * time.Hour)
	b.settle(s)
	mu.Lock()
	defer mu.Unlock()
	if len(order) != n {
		t.Fatalf("%d of %d ran", len(order), n)
	}
	for i, id := range order {
		if id != fmt.Sprint(i) {
			t.Fatalf("place %d has %s", i, id)
		}
	}
}

func TestFailureIsTriedAgainLaterAndSeen(t *testing.T) {
	b := setUp(t)
	var broken atomic.Bool
	broken.Store(true)
	s := b.server(0, map[string]Handler{"t": func(ctx context.Context, id string) error {
		if err := tally(ctx, id); err != nil {
			return err
		}
		if broken.Load() {
			return errors.New("no luck")
		}
		return nil
	}})
	b.plan(s, "t", "a", start)
	for i := range 3 {
		b.settle(s)
		if n := b.count("a"); n != 0 {
			t.Fatal("a failed run left its effects behind")
		}
		var j *Job
		b.db.Run(context.Background(), func(ctx context.Context) (err error) {
			j, err = s.Get(store.From(ctx), "t", "a")
			return err
		})
		if j == nil || j.Attempt != i+1 || j.Error != "no luck" {
			t.Fatalf("%+v", j)
		}
		b.clock.Advance(lastRetry)
	}
	broken.Store(false)
	b.settle(s)
	if n := b.count("a"); n != 1 {
		t.Fatalf("ran %d times", n)
	}
}

func TestPanicIsAFailure(t *testing.T) {
	b := setUp(t)
	s := b.server(0, map[string]Handler{"t": func(ctx context.Context, id string) error {
		if id == "bad" {
			panic("boom")
		}
		return tally(ctx, id)
	}})
	b.plan(s, "t", "bad", start)
	b.plan(s, "t", "good", start)
	b.settle(s)
	if b.count("good") != 1 {
		t.Fatal("a panic took others along")
	}
	b.db.Run(context.Background(), func(ctx context.Context) error {
		j, err := s.Get(store.From(ctx), "t", "bad")
		if err != nil || j.Attempt != 1 || !strings.Contains(j.Error, "boom") {
			t.Errorf("%+v %v", j, err)
		}
		return nil
	})
}

func TestRepeatingJob(t *testing.T) {
	b := setUp(t)
	var s *Schedule
	s = b.server(0, map[string]Handler{"t": func(ctx context.Context, id string) error {
		if err := tally(ctx, id); err != nil {
			return err
		}
		return s.At(store.From(ctx), "t", id, b.clock.Now().Add(24*time.Hour))
	}})
	b.plan(s, "t", "daily", start)
	for range 5 {
		b.settle(s)
		b.clock.Advance(24 * time.Hour)
	}
	b.settle(s)
	if n := b.count("daily"); n != 6 {
		t.Fatalf("ran %d times", n)
	}
}

func TestServersShareTheWork(t *testing.T) {
	b := setUp(t)
	var running sync.Map
	h := map[string]Handler{"t": func(ctx context.Context, id string) error {
		if _, twice := running.LoadOrStore(id, true); twice {
			t.Errorf("%s runs twice at a time", id)
		}
		defer running.Delete(id)
		return tally(ctx, id)
	}}
	s := b.server(0, h)
	b.server(0, h)
	b.server(0, h)
	const n = 300
	for i := range n {
		b.plan(s, "t", fmt.Sprint(i), start.Add(time.Second))
	}
	b.clock.Advance(time.Minute)
	b.settle(s)
	for i := range n {
		if c := b.count(fmt.Sprint(i)); c != 1 {
			t.Fatalf("job %d ran %d times", i, c)
		}
	}
}

func TestDeadServersJobIsTakenOver(t *testing.T) {
	b := setUp(t)
	dead := New(Deps{DB: b.db, Clock: b.clock, Lease: 100 * time.Millisecond})
	b.plan(dead, "t", "a", start)
	if err := dead.claim(context.Background(), &Job{Kind: "t", ID: "a", Due: start}); err != nil {
		t.Fatal(err)
	}
	s := b.server(0, map[string]Handler{"t": tally})
	b.settle(s)
	if n := b.count("a"); n != 1 {
		t.Fatalf("ran %d times", n)
	}
}

// A server that is alone on its store does not wait for the claim that it left
// behind when it was killed.
func TestAloneNobodyWaits(t *testing.T) {
	b := setUp(t)
	dead := New(Deps{DB: b.db, Clock: b.clock, Lease: time.Hour})
	b.plan(dead, "t", "a", start)
	if err := dead.claim(context.Background(), &Job{Kind: "t", ID: "a", Due: start}); err != nil {
		t.Fatal(err)
	}
	s := New(Deps{DB: b.db, Clock: b.clock, Lease: time.Hour, Alone: true})
	s.Handle("t", tally)
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { defer close(stopped); s.Run(ctx) }()
	defer func() { cancel(); <-stopped }()
	b.settle(s)
	if n := b.count("a"); n != 1 {
		t.Fatalf("ran %d times", n)
	}
}
