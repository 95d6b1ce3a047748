package ssm

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/outbox"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

const home, here = "123456789012", "us-east-1"

// told is an outbox that keeps the policies' events.
type told struct{ list []outbox.Event }

func (t *told) Put(_ *store.Tx, e outbox.Event) error {
	t.list = append(t.list, e)
	return nil
}

func (t *told) String() string {
	text := ""
	for _, e := range t.list {
		var d map[string]string
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			return err.Error()
		}
		text += d["policy-type"] + " "
	}
	return text
}

// plans is a timetable with one job per id.
type plans struct {
	run func(context.Context, string) error
	at  map[string]time.Time
}

func (p *plans) Handle(_ string, run func(context.Context, string) error) { p.run = run }

func (p *plans) At(_ *store.Tx, _, id string, at time.Time) error {
	p.at[id] = at
	return nil
}

func (p *plans) Cancel(_ *store.Tx, _, id string) error {
	delete(p.at, id)
	return nil
}

type bench struct {
	testing.TB
	*Service
	db    *store.DB
	clock *redoubt.Shifted
	told  told
	plans plans
}

func newBench(t testing.TB, db *store.DB) *bench {
	b := &bench{TB: t, db: db, clock: redoubt.NewFixed(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), plans: plans{at: map[string]time.Time{}}}
	ring, err := keyring.Open(t.Context(), db, keyring.NewFileSeal(filepath.Join(t.TempDir(), "seal")), b.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ring.Close() })
	b.Service = New(Deps{DB: db, Keyring: ring, Schedule: &b.plans, Events: &b.told, Clock: b.clock, Quotas: Quotas{Standard: 1 << 30, Advanced: 1 << 30}})
	return b
}

func call(operation string) *redoubt.Call {
	return &redoubt.Call{Service: "ssm", Operation: operation, Partition: "aws", Account: home, Region: here, Principal: redoubt.Principal{ARN: "arn:aws:iam::" + home + ":root"}}
}

func (b *bench) do(f func(ctx context.Context) error) {
	b.Helper()
	if err := b.db.Run(context.Background(), f); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) put(in *ssmapi.PutParameterInput) {
	b.Helper()
	b.do(func(ctx context.Context) error {
		_, err := b.PutParameter(ctx, call("PutParameter"), in)
		return err
	})
}

// advance moves the clock and lets what is due act.
func (b *bench) advance(d time.Duration) {
	b.Helper()
	b.clock.Advance(d)
	for id, at := range b.plans.at {
		if at.After(b.clock.Now()) {
			continue
		}
		delete(b.plans.at, id)
		b.do(func(ctx context.Context) error { return b.plans.run(ctx, id) })
	}
}

// TestPoliciesTell: every policy tells once that it has acted.
func TestPoliciesTell(t *testing.T) {
	db := store.Open(memory.New(), 0)
	defer db.Close()
	b := newBench(t, db)
	text := `[{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2026-01-05T03:04:05.000Z"}},
		{"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"1","Unit":"Hours"}},
		{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"2","Unit":"Days"}}]`
	b.put(&ssmapi.PutParameterInput{Name: new("/a/b"), Value: new("v"), Type: new("String"), Tier: new(advanced), Policies: &text})
	for _, x := range []struct {
		after time.Duration
		want  string
	}{
		{47 * time.Hour, ""},
		{time.Hour, "NoChangeNotification "},
		{time.Hour, "NoChangeNotification "},
		{22 * time.Hour, "NoChangeNotification ExpirationNotification "},
		{time.Hour, "NoChangeNotification ExpirationNotification Expiration "},
		{1000 * time.Hour, "NoChangeNotification ExpirationNotification Expiration "},
	} {
		b.advance(x.after)
		if got := b.told.String(); got != x.want {
			t.Errorf("after %v: %q, want %q", x.after, got, x.want)
		}
	}
	e := b.told.list[2]
	const want = `{"policy-type":"Expiration","parameter-name":"/a/b","parameter-type":"String","policy-content":"{\"Type\":\"Expiration\",\"Version\":\"1.0\",\"Attributes\":{\"Timestamp\":\"2026-01-05T03:04:05.000Z\"}}","action-status":"SUCCESS"`
	if e.Source != "aws.ssm" || e.DetailType != "Parameter Store Policy Action" || e.Account != home || e.Region != here ||
		fmt.Sprint(e.Resources) != "[arn:aws:ssm:us-east-1:123456789012:parameter/a/b]" || !strings.HasPrefix(string(e.Detail), want) {
		t.Errorf("%+v %s", e, e.Detail)
	}
	if len(b.plans.at) != 0 {
		t.Errorf("still planned: %v", b.plans.at)
	}
	n := 0
	for kv, err := range db.Backend().Scan(store.Prefix("ssm."), false) {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(kv.Key, "ssm.count/") {
			n++
		}
	}
	if n != 0 {
		t.Errorf("%d records are left", n)
	}
}
