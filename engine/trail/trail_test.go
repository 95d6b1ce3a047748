package trail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
	"github.com/redoubt-sec/redoubt/store/pebble"
)

// testSeal seals with a fixed key, and can be shut.
type testSeal struct {
	mu   sync.Mutex
	shut error
	gen  byte
}

func (s *testSeal) state() (byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gen, s.shut
}

func (s *testSeal) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *testSeal) Seal(purpose string, aad, plaintext []byte) ([]byte, error) {
	gen, err := s.state()
	if err != nil {
		return nil, err
	}
	return message.Append([]byte{gen}, make([]byte, 32), purpose, aad, plaintext), nil
}

func (s *testSeal) Open(purpose string, aad, blob []byte) ([]byte, error) {
	if _, err := s.state(); err != nil {
		return nil, err
	}
	return message.Open(make([]byte, 32), purpose, aad, blob[1:])
}

func (s *testSeal) Renew(purpose string, aad, blob []byte) ([]byte, bool, error) {
	if gen, _ := s.state(); blob[0] == gen {
		return blob, false, nil
	}
	p, err := s.Open(purpose, aad, blob)
	if err != nil {
		return nil, false, err
	}
	b, err := s.Seal(purpose, aad, p)
	return b, err == nil, err
}

var start = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

type bench struct {
	*Log
	clock *redoubt.Shifted
	seal  *testSeal
	db    *store.DB
}

func open_(t testing.TB, d Deps) bench { return openOn(t, memory.New(), d) }

// onBackends runs a test on every embedded store.
func onBackends(t *testing.T, f func(*testing.T, bench)) {
	t.Run("memory", func(t *testing.T) { f(t, open_(t, Deps{})) })
	t.Run("pebble", func(t *testing.T) {
		b, err := pebble.Open(filepath.Join(t.TempDir(), "db"), pebble.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f(t, openOn(t, b, Deps{}))
	})
}

func openOn(t testing.TB, backend store.Backend, d Deps) bench {
	t.Helper()
	b := bench{clock: redoubt.NewFixed(start), seal: &testSeal{}, db: store.Open(backend, 0)}
	t.Cleanup(func() { b.db.Close() })
	d.DB, d.Seal, d.Clock = b.db, b.seal, b.clock
	l, err := Open(d)
	if err != nil {
		t.Fatal(err)
	}
	b.Log = l
	return b
}

func event(i int) *Event {
	e := &Event{
		Account: "123456789012", Region: "eu-west-1", Time: start.Add(time.Duration(i) * time.Second),
		Source: "kms.amazonaws.com", Name: []string{"Encrypt", "Decrypt", "DescribeKey"}[i%3], SourceIP: "192.0.2.1", UserAgent: "aws-cli/2.31",
		Identity:          Identity{Type: "IAMUser", PrincipalID: "AIDAEXAMPLE", ARN: "arn:aws:iam::123456789012:user/ann", AccountID: "123456789012", AccessKeyID: fmt.Sprintf("AKIA%016d", i%5), UserName: []string{"ann", "bob"}[i%2]},
		RequestParameters: json.RawMessage(`{"keyId":"alias/x"}`), RequestID: NewID(), EventID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), ReadOnly: i%3 != 0,
		Resources: []Resource{{ARN: fmt.Sprintf("arn:aws:kms:eu-west-1:123456789012:key/%d", i%7), Account: "123456789012", Type: "AWS::KMS::Key"}},
	}
	return e
}

func (b bench) record(t testing.TB, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := b.Record(event(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func (b bench) commit(t testing.TB, i int) {
	t.Helper()
	if err := b.db.Run(context.Background(), func(ctx context.Context) error { return b.Commit(store.From(ctx), event(i)) }); err != nil {
		t.Fatal(err)
	}
}

// all pages through a query and answers the numbers of the events found.
func (b bench) all(t testing.TB, q Query) []int {
	t.Helper()
	q.Account, q.Region = "123456789012", "eu-west-1"
	var out []int
	for pages := 0; ; pages++ {
		p, err := b.Search(q)
		if err != nil {
			t.Fatal(err)
		}
		if pages > 10000 {
			t.Fatal("endless pages")
		}
		for _, r := range p.Records {
			var n int
			fmt.Sscanf(r.EventID[24:], "%d", &n)
			out = append(out, n)
		}
		if p.Next == nil {
			return out
		}
		q.Before = p.Next
	}
}

func down(from, to int, keep func(int) bool) []int {
	var out []int
	for i := to - 1; i >= from; i-- {
		if keep == nil || keep(i) {
			out = append(out, i)
		}
	}
	return out
}

func (b bench) count(t testing.TB, table string) int {
	n := 0
	for _, err := range b.db.Backend().Scan(store.Prefix(table), false) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// Committed and recorded events, fresh and folded, over several tenants: every
// search finds exactly what it should, newest first, whatever the page size.
func TestSearch(t *testing.T) { onBackends(t, testSearch) }

func testSearch(t *testing.T, b bench) {
	ctx := context.Background()
	const n = 3000
	for i := range n {
		switch {
		case i%10 == 3:
			b.commit(t, i)
		default:
			b.record(t, i, i+1)
		}
		if i%97 == 0 {
			if err := b.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if i == 1000 || i == 2000 {
			b.clock.Advance(time.Duration(1000) * time.Second)
			if err := b.Fold(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	other := event(1)
	other.Account = "210987654321"
	b.Record(other)
	other = event(1)
	other.Region = "eu-west-2"
	b.Record(other)
	data := event(1)
	data.Data = true
	b.Record(data)
	if err := b.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	b.Record(event(9999)) // not flushed, not there
	checks := func(name string) {
		for _, v := range []struct {
			what string
			q    Query
			want []int
		}{
			{"all", Query{}, down(0, n, nil)},
			{"by name", Query{By: EventName, Value: "Decrypt"}, down(0, n, func(i int) bool { return i%3 == 1 })},
			{"by user", Query{By: UserName, Value: "bob"}, down(0, n, func(i int) bool { return i%2 == 1 })},
			{"by key", Query{By: AccessKeyID, Value: "AKIA0000000000000004"}, down(0, n, func(i int) bool { return i%5 == 4 })},
			{"by source", Query{By: EventSource, Value: "kms.amazonaws.com"}, down(0, n, nil)},
			{"by other source", Query{By: EventSource, Value: "iam.amazonaws.com"}, nil},
			{"by id", Query{By: EventID, Value: event(1234).EventID}, []int{1234}},
			{"by ARN", Query{By: ResourceName, Value: "arn:aws:kms:eu-west-1:123456789012:key/6"}, down(0, n, func(i int) bool { return i%7 == 6 })},
			{"by short name", Query{By: ResourceName, Value: "6"}, down(0, n, func(i int) bool { return i%7 == 6 })},
			{"by type", Query{By: ResourceType, Value: "AWS::KMS::Key", Limit: 1000}, down(0, n, nil)},
			{"by other type", Query{By: ResourceType, Value: "AWS::KMS"}, nil},
			{"read-only", Query{By: ReadOnly, Value: "false"}, down(0, n, func(i int) bool { return i%3 == 0 })},
			{"window", Query{From: start.Add(100 * time.Second), To: start.Add(200 * time.Second)}, down(100, 201, nil)},
			{"one second", Query{From: start.Add(500 * time.Second), To: start.Add(500 * time.Second)}, []int{500}},
			{"before all", Query{To: start.Add(-time.Second)}, nil},
			{"after all", Query{From: start.Add(n * time.Second)}, nil},
			{"small pages", Query{By: EventName, Value: "Encrypt", Limit: 7}, down(0, n, func(i int) bool { return i%3 == 0 })},
			{"single pages", Query{From: start.Add(2900 * time.Second), Limit: 1}, down(2900, n, nil)},
			{"data events", Query{Data: true}, []int{1}},
		} {
			if got := b.all(t, v.q); !slices.Equal(got, v.want) {
				t.Errorf("%s, %s: %d events, want %d", name, v.what, len(got), len(v.want))
			}
		}
	}
	checks("partly folded")
	b.clock.Advance(time.Hour)
	if err := b.Fold(ctx); err != nil {
		t.Fatal(err)
	}
	if n := b.count(t, freshTable); n != 0 {
		t.Errorf("%d fresh batches left", n)
	}
	if x, y := b.count(t, blockTable), b.count(t, indexTable); x != y || x > 200 {
		t.Errorf("%d blocks, %d index records", x, y)
	}
	checks("folded")
	b.seal.set(func() { b.seal.gen++ })
	changed := 0
	for after := ""; ; {
		next, n, err := b.Reseal(ctx, b.db, after)
		if err != nil {
			t.Fatal(err)
		}
		if changed += n; next == "" {
			break
		}
		after = next
	}
	if want := b.count(t, "trail."); changed != want {
		t.Errorf("%d of %d records sealed anew", changed, want)
	}
	checks("sealed anew")
}

// Events of one nanosecond are paged without loss or repetition.
// Calls overtake each other on their way into the log; what is written is in
// order nevertheless, and found by everything that it can be found by.
func TestOvertaking(t *testing.T) {
	b := open_(t, Deps{})
	const n = 2000 // more than makes a block at once, so that filters decide what is read
	for i := range n {
		e := event(i ^ 3)
		e.Time = start.Add(time.Duration(i^3) * time.Millisecond)
		if err := b.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.count(t, blockTable); got == 0 {
		t.Fatal("no block was made")
	}
	all := func(int) bool { return true }
	if got, want := b.all(t, Query{}), down(0, n, all); !slices.Equal(got, want) {
		t.Errorf("%d events, want %d in order", len(got), len(want))
	}
	for i := range 20 {
		i *= 99
		if got := b.all(t, Query{By: EventID, Value: event(i).EventID}); !slices.Equal(got, []int{i}) {
			t.Errorf("event %d is found as %v", i, got)
		}
	}
	bobs := func(i int) bool { return i%2 == 1 }
	if got, want := b.all(t, Query{By: UserName, Value: "bob"}), down(0, n, bobs); !slices.Equal(got, want) {
		t.Errorf("%d events of bob, want %d in order", len(got), len(want))
	}
}

func TestSameMoment(t *testing.T) {
	b := open_(t, Deps{})
	for i := range 100 {
		e := event(i)
		e.Time = start
		if err := b.Record(e); err != nil {
			t.Fatal(err)
		}
		if i%30 == 0 {
			b.Flush(context.Background())
		}
	}
	b.Flush(context.Background())
	got := b.all(t, Query{Limit: 3})
	slices.Sort(got)
	if len(slices.Compact(got)) != 100 || len(got) != 100 {
		t.Errorf("%d events", len(got))
	}
}

// A change's event exists exactly if the change does.
func TestCommitIsPartOfTheTransaction(t *testing.T) {
	b := open_(t, Deps{})
	tx := b.db.Begin()
	if err := b.Commit(tx, event(1)); err != nil {
		t.Fatal(err)
	}
	if got := b.all(t, Query{}); len(got) != 0 {
		t.Errorf("visible before the commit: %v", got)
	}
	tx = b.db.Begin()
	tx.Get("x")
	if err := b.Commit(tx, event(2)); err != nil {
		t.Fatal(err)
	}
	other := b.db.Begin()
	other.Put("x", []byte("1"))
	if err := other.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(context.Background()); !errors.Is(err, store.ErrConflict) {
		t.Fatal(err)
	}
	if got := b.all(t, Query{}); len(got) != 0 {
		t.Errorf("event of a change that was not made: %v", got)
	}
}

func TestUnwritable(t *testing.T) {
	b := open_(t, Deps{})
	b.record(t, 0, 10)
	shut := errors.New("sealed")
	b.seal.set(func() { b.seal.shut = shut })
	if err := b.Flush(context.Background()); !errors.Is(err, shut) {
		t.Fatal(err)
	}
	if err := b.Record(event(10)); !errors.Is(err, ErrUnavailable) || b.Healthy() {
		t.Errorf("record: %v, healthy %v", err, b.Healthy())
	}
	tx := b.db.Begin()
	if err := b.Commit(tx, event(11)); err == nil {
		t.Error("committed without a seal")
	}
	b.seal.set(func() { b.seal.shut = nil })
	if err := b.Flush(context.Background()); err != nil || !b.Healthy() || b.Waiting() != 0 {
		t.Fatalf("%v, healthy %v, %d waiting", err, b.Healthy(), b.Waiting())
	}
	if got := b.all(t, Query{}); !slices.Equal(got, down(0, 10, nil)) {
		t.Errorf("after the trouble: %v", got)
	}
}

func TestFull(t *testing.T) {
	b := open_(t, Deps{Buffer: 10000})
	var err error
	n := 0
	for ; err == nil && n < 1000; n++ {
		err = b.Record(event(n))
	}
	if !errors.Is(err, ErrFull) || b.Healthy() || n < 8 {
		t.Fatalf("%v after %d, healthy %v", err, n, b.Healthy())
	}
	if err := b.Flush(context.Background()); err != nil || !b.Healthy() {
		t.Fatal(err)
	}
	if got := b.all(t, Query{}); len(got) != n-1 {
		t.Errorf("%d events of %d", len(got), n-1)
	}
}

func TestRunFlushesAndEnds(t *testing.T) {
	b := open_(t, Deps{Interval: 5 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	b.record(t, 0, 5)
	for i := 0; len(b.all(t, Query{})) < 5; i++ {
		if i > 1000 {
			t.Fatal("not flushed")
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	b.record(t, 5, 8) // may come before or after the last flush begins
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := b.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := b.all(t, Query{}); len(got) != 8 {
		t.Errorf("%v", got)
	}
}

func TestLargeBatches(t *testing.T) {
	b := open_(t, Deps{})
	pad := json.RawMessage(`{"x":"` + strings.Repeat("y", 90<<10) + `"}`)
	const n = 60
	for i := range n {
		e := event(n - 1 - i) // backwards: the flusher sorts
		e.RequestParameters = pad
		if err := b.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := b.all(t, Query{}); !slices.Equal(got, down(0, n, nil)) {
		t.Errorf("%v", got)
	}
	if b.count(t, blockTable) < 5 || b.count(t, indexTable) != b.count(t, blockTable) {
		t.Errorf("%d blocks", b.count(t, blockTable))
	}
}

func TestExpiry(t *testing.T) { onBackends(t, testExpiry) }

func testExpiry(t *testing.T, b bench) {
	ctx := context.Background()
	for i := range 50 {
		b.commit(t, i*3600)
	}
	b.record(t, 200*3600, 200*3600+3)
	b.Flush(ctx)
	b.clock.Advance(30 * time.Hour)
	b.Fold(ctx)
	b.clock.Advance(Retention - 10*time.Hour) // twenty hours of events are now too old
	if err := b.Expire(ctx); err != nil {
		t.Fatal(err)
	}
	got := b.all(t, Query{})
	if len(got) != 33 || got[len(got)-1] != 20*3600 {
		t.Errorf("%d left, oldest %v", len(got), got[len(got)-1])
	}
	if x, y := b.count(t, blockTable), b.count(t, indexTable); x != y {
		t.Errorf("%d blocks, %d index records", x, y)
	}
	b.clock.Advance(Retention * 2)
	b.Expire(ctx)
	if n := b.count(t, "trail."); n != 0 {
		t.Errorf("%d records left", n)
	}
}

// Searches while folding goes on see every event exactly once.
func TestSearchWhileFolding(t *testing.T) { onBackends(t, testSearchWhileFolding) }

func testSearchWhileFolding(t *testing.T, b bench) {
	for i := range 600 {
		b.commit(t, i)
	}
	b.clock.Advance(time.Hour)
	done := make(chan error)
	go func() { done <- b.Fold(context.Background()) }()
	for {
		if got := b.all(t, Query{Limit: 40}); !slices.Equal(got, down(0, 600, nil)) {
			t.Fatalf("%d events", len(got))
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}

func TestSubscribe(t *testing.T) { onBackends(t, testSubscribe) }

func testSubscribe(t *testing.T, b bench) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.commit(t, 1)
	b.record(t, 2, 4)
	b.Flush(ctx)
	got := make(chan Followed, 100)
	go func() {
		defer close(got)
		for f, err := range b.Subscribe(ctx, start.Add(2*time.Second)) {
			if err != nil {
				return
			}
			got <- f
		}
	}()
	want := func(ids ...int) {
		t.Helper()
		for _, i := range ids {
			select {
			case f := <-got:
				if f.EventID != event(i).EventID || f.Account != "123456789012" || f.Region != "eu-west-1" {
					t.Errorf("got %s, want %d", f.EventID, i)
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("no event %d", i)
			}
		}
	}
	want(2, 3)
	b.commit(t, 4)
	want(4)
	b.clock.Advance(time.Hour)
	b.Fold(ctx) // moves what was delivered; nothing comes again
	b.record(t, 5, 6)
	b.Flush(ctx)
	want(5)
	cancel()
	for range got {
	}
}

// What lies in the store shows no more than account, region and time.
func TestNothingInTheClear(t *testing.T) {
	b := open_(t, Deps{})
	e := event(1)
	e.RequestParameters = json.RawMessage(`{"description":"MARKER"}`)
	e.Identity.UserName = "MARKER"
	b.Record(e)
	b.Flush(context.Background())
	b.commit(t, 1)
	b.clock.Advance(time.Hour)
	scan := func() {
		for kv := range b.db.Backend().Scan(store.Range{}, false) {
			for _, m := range []string{"MARKER", "ann", "AKIA", "kms"} {
				if bytes.Contains(kv.Value, []byte(m)) || strings.Contains(kv.Key, m) {
					t.Errorf("%q in %s", m, kv.Key)
				}
			}
		}
	}
	scan()
	b.Fold(context.Background())
	scan()
	if p, _ := b.Search(Query{Account: e.Account, Region: e.Region, By: UserName, Value: "MARKER"}); len(p.Records) != 1 || !bytes.Contains(p.Records[0].JSON, []byte("MARKER")) {
		t.Error("the marker is not where it belongs")
	}
}

func TestRecordReadBack(t *testing.T) {
	e := event(1)
	e.Identity.UserName, e.Identity.ARN = "o'\"\\\n\xffé", "arn"
	r, err := parse(e.Time.UnixNano(), e.AppendJSON(nil))
	if err != nil {
		t.Fatal(err)
	}
	if r.UserName != "o'\"\\\n\ufffdé" || r.EventID != e.EventID || r.EventName != e.Name || !r.ReadOnly || !reflect.DeepEqual(r.Resources, e.Resources) || !r.Time.Equal(e.Time) {
		t.Errorf("%+v", r)
	}
	if a, b := e.appendTerms(nil), r.appendTerms(nil); len(a) != len(b) {
		t.Errorf("terms %v and %v", a, b)
	}
}

func (b bench) everything() store.Range { return store.Prefix("trail.") }
