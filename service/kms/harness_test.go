package kms

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

const (
	home    = "123456789012"
	foreign = "999999999999"
	region  = "us-east-1"
)

// world is KMS behind a door of a few lines: needs are decided by the policy
// engine, and method and decision share a transaction, as in package front.
type world struct {
	t     testing.TB
	db    *store.DB
	clock *redoubt.Shifted
	plans *timetable
	*Service
	rows map[string]op.Operation
}

func newWorld(t testing.TB, change ...func(*Deps)) *world {
	t.Helper()
	w := &world{t: t, db: store.Open(memory.New(), 0), clock: redoubt.NewFixed(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), plans: &timetable{plans: map[string]time.Time{}}}
	ring, err := keyring.Open(context.Background(), w.db, keyring.NewFileSeal(filepath.Join(t.TempDir(), "seal")), w.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ring.Close(); w.db.Close() })
	d := Deps{DB: w.db, Keyring: ring, Schedule: w.plans, Clock: w.clock}
	for _, f := range change {
		f(&d)
	}
	w.Service = New(d)
	w.rows = map[string]op.Operation{}
	for _, o := range w.Operations().Operations {
		w.rows[o.Schema.Name] = o
	}
	return w
}

// caller is somebody who calls, with what IAM lets them do.
type caller struct {
	redoubt.Principal
	region string
	via    redoubt.Via
	allow  []policy.Source
}

func identity(t testing.TB, text string) []policy.Source {
	t.Helper()
	doc, err := policy.Parse(text, policy.Identity)
	if err != nil {
		t.Fatal(err)
	}
	return []policy.Source{{Kind: policy.Identity, Name: "test", Document: doc}}
}

const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// admin is a user of the account that IAM lets do everything.
func (w *world) admin(account string) *caller {
	c := w.user(account, "admin")
	c.allow = identity(w.t, everything)
	return c
}

// user is a user whom IAM lets do nothing.
func (w *world) user(account, name string) *caller {
	return &caller{region: region, Principal: redoubt.Principal{
		Kind: redoubt.User, Account: account, Name: name, ID: uniqueID("AIDA", name), ARN: "arn:aws:iam::" + account + ":user/" + name}}
}

// session is a session of a role that IAM lets do nothing.
func (w *world) session(account, role string) *caller {
	return &caller{region: region, Principal: redoubt.Principal{
		Kind: redoubt.Role, Account: account, Name: role, ID: uniqueID("AROA", role) + ":s", IssuerID: uniqueID("AROA", role),
		ARN: "arn:aws:sts::" + account + ":assumed-role/" + role + "/s", Issuer: "arn:aws:iam::" + account + ":role/" + role, Session: &redoubt.Session{Name: "s"}}}
}

// uniqueID makes the id of a user or role out of its name.
func uniqueID(prefix, name string) string {
	return (prefix + strings.ToUpper(name) + "AAAAAAAAAAAAAAAAA")[:21]
}

func (c *caller) in(region string) *caller {
	d := *c
	d.region = region
	return &d
}

func (c *caller) through(service string) *caller {
	d := *c
	d.via = redoubt.Via{Service: service + "." + c.region + ".amazonaws.com", CalledVia: []string{service + ".amazonaws.com"}}
	return &d
}

// do calls an operation.
func do[I, O any](w *world, c *caller, d op.Desc[I, O], in *I) (*O, error) {
	w.t.Helper()
	row := w.rows[d.Name]
	var out any
	err := w.db.Run(context.Background(), func(ctx context.Context) (err error) {
		call := &redoubt.Call{
			Service: "kms", Operation: d.Name, Partition: "aws", Account: c.Account, Region: c.region,
			RequestID: newKeyID(false), Time: w.clock.Now(), Principal: c.Principal, Via: c.via,
		}
		needs, err := row.Needs(ctx, call, in)
		if err != nil {
			return err
		}
		if len(needs) == 0 {
			w.t.Fatalf("%s states no needs", d.Name)
		}
		for i := range needs {
			if err := decide(call, &needs[i], c.allow); err != nil {
				return err
			}
		}
		out, err = row.Call(ctx, call, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out.(*O), nil
}

func decide(c *redoubt.Call, n *redoubt.Need, allow []policy.Source) error {
	r := &policy.Request{Call: c, Need: n, Identity: allow}
	if n.Policy != "" {
		doc, err := policy.Parse(n.Policy, policy.KeyPolicy)
		if err != nil {
			return err
		}
		r.Resource = &policy.Source{Kind: policy.KeyPolicy, Attached: n.Resource, Document: doc}
	}
	d := policy.Evaluate(r)
	switch {
	case d.Allowed:
		return nil
	case n.Refusal != "":
		return redoubt.ErrAccessDenied.New("%s", n.Refusal)
	}
	return redoubt.ErrAccessDenied.New("%s", d.Message(r))
}

// ok calls an operation that must succeed.
func ok[I, O any](w *world, c *caller, d op.Desc[I, O], in *I) *O {
	w.t.Helper()
	out, err := do(w, c, d, in)
	if err != nil {
		w.t.Fatalf("%s: %v", d.Name, err)
	}
	return out
}

// refused calls an operation that must be refused with the code and, if it is
// not "*", the message.
func refused[I, O any](w *world, c *caller, d op.Desc[I, O], in *I, code redoubt.ErrorKind, message string) {
	w.t.Helper()
	_, err := do(w, c, d, in)
	var e *redoubt.Error
	if !errors.As(err, &e) || e.Code != string(code) || message != "*" && e.Message != message {
		w.t.Errorf("%s: got %v, want %s %q", d.Name, err, code, message)
	}
}

// key makes a key for the account's administrator.
func (w *world) key(in *kmsapi.CreateKeyInput) *kmsapi.KeyMetadata {
	w.t.Helper()
	if in == nil {
		in = &kmsapi.CreateKeyInput{}
	}
	return ok(w, w.admin(home), kmsapi.OpCreateKey, in).KeyMetadata
}

// advance moves the clock and runs what has fallen due, in order.
func (w *world) advance(d time.Duration) {
	w.t.Helper()
	w.clock.Advance(d)
	w.settle()
}

// settle runs the jobs that are due.
func (w *world) settle() {
	w.t.Helper()
	for range 1000 {
		k := w.plans.due(w.clock.Now())
		if k == "" {
			return
		}
		kind, id, _ := strings.Cut(k, "|")
		if err := w.db.Run(context.Background(), func(ctx context.Context) error { return w.plans.run[kind](ctx, id) }); err != nil {
			w.t.Fatal(err)
		}
	}
	w.t.Fatal("jobs never end")
}

// timetable is a schedule in memory. It does not undo plans of transactions that
// fail: jobs look again.
type timetable struct {
	run   map[string]func(context.Context, string) error
	plans map[string]time.Time
}

func (p *timetable) Handle(kind string, run func(context.Context, string) error) {
	if p.run == nil {
		p.run = map[string]func(context.Context, string) error{}
	}
	p.run[kind] = run
}

func (p *timetable) At(_ *store.Tx, kind, id string, at time.Time) error {
	p.plans[kind+"|"+id] = at
	return nil
}

func (p *timetable) Cancel(_ *store.Tx, kind, id string) error {
	delete(p.plans, kind+"|"+id)
	return nil
}

// due takes the earliest plan whose time has come.
func (p *timetable) due(now time.Time) string {
	ids := slices.SortedFunc(maps.Keys(p.plans), func(a, b string) int { return p.plans[a].Compare(p.plans[b]) })
	if len(ids) == 0 || p.plans[ids[0]].After(now) {
		return ""
	}
	delete(p.plans, ids[0])
	return ids[0]
}
