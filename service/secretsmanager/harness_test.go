package secretsmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/all"
	"github.com/redoubt-sec/redoubt/api/lambdaapi"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/schedule"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/front"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/service/kms"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

const (
	testAccount = "123456789012"
	testRegion  = "us-east-1"
	fnARN       = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
)

// event is what a rotation function is given.
type event struct{ Step, SecretId, ClientRequestToken, RotationToken string }

// world is Secrets Manager and KMS behind the real door, with a Lambda of which
// only Invoke exists: its function is a Go function of the test.
type world struct {
	*testing.T
	db    *store.DB
	clock *redoubt.Shifted
	ring  *keyring.Keyring

	mu       sync.Mutex
	door     *front.Door
	schedule *schedule.Schedule
	service  *Service
	seal     string
	stop     func()
	crash    func()

	function func(event) error
	calls    []event
	denied   bool
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, db: store.Open(memory.New(), 0), clock: redoubt.NewFixed(time.Date(2026, 3, 4, 10, 30, 0, 0, time.UTC)), seal: filepath.Join(t.TempDir(), "seal")}
	w.boot()
	t.Cleanup(func() { w.stop(); w.db.Close() })
	return w
}

// boot starts a server over the world's store. The one that ran before does no more,
// but has not put its things in order either.
func (w *world) boot() {
	w.Helper()
	if w.crash != nil {
		w.crash()
	}
	ring, err := keyring.Open(context.Background(), w.db, keyring.NewFileSeal(w.seal), w.clock)
	w.must(err)
	ids := identity.New(identity.Config{DB: w.db, Keys: ring, Clock: w.clock, OpenAccounts: true})
	events, err := trail.Open(trail.Deps{DB: w.db, Seal: ring, Clock: w.clock})
	w.must(err)
	plans := schedule.New(schedule.Deps{DB: w.db, Clock: w.clock, Lease: 100 * time.Millisecond})
	door := front.New(front.Deps{DB: w.db, Identity: ids, Trail: events, Clock: w.clock, Log: slog.New(slog.DiscardHandler), Models: all.Services()})
	k := kms.New(kms.Deps{DB: w.db, Keyring: ring, Schedule: plans, Clock: w.clock, Principals: ids, Events: events})
	s := New(Deps{DB: w.db, Identity: ids, Keyring: ring, Schedule: plans, Clock: w.clock, Invoker: door})
	door.Add(k.Operations())
	door.Add(s.Operations())
	door.Add(op.Service{Model: &lambdaapi.Model, Operations: []op.Operation{op.Row(lambdaapi.OpInvoke, w.invoke, w.invokeNeeds).Outside()}})
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { plans.Run(ctx) })
	wait.Go(func() { events.Run(ctx) })
	before := w.stop
	w.mu.Lock()
	w.crash = cancel
	w.ring, w.door, w.schedule, w.service = ring, door, plans, s
	w.stop = func() {
		cancel()
		wait.Wait()
		if before != nil {
			before()
		}
	}
	w.mu.Unlock()
}

// invokeNeeds admits Secrets Manager by the function's policy, unless the test
// takes that back.
func (w *world) invokeNeeds(_ context.Context, c *redoubt.Call, in *lambdaapi.InvokeInput) ([]redoubt.Need, error) {
	n := redoubt.Need{Action: "lambda:InvokeFunction", Resource: *in.FunctionName, Account: testAccount}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.denied {
		n.Policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"secretsmanager.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"*","Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}]}`
	}
	return []redoubt.Need{n}, nil
}

func (w *world) invoke(_ context.Context, _ *redoubt.Call, in *lambdaapi.InvokeInput) (*lambdaapi.InvokeOutput, error) {
	if value(in.InvocationType) == lambdaapi.InvocationTypeDryRun {
		return &lambdaapi.InvokeOutput{StatusCode: new(int32(204))}, nil
	}
	var e event
	if err := json.Unmarshal(in.Payload, &e); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.calls = append(w.calls, e)
	f := w.function
	w.mu.Unlock()
	out := &lambdaapi.InvokeOutput{StatusCode: new(int32(200)), Payload: []byte("null")}
	if err := f(e); err != nil {
		out.FunctionError = new("Unhandled")
		out.Payload, _ = json.Marshal(map[string]string{"errorType": "ValueError", "errorMessage": err.Error()})
	}
	return out, nil
}

// does sets the function.
func (w *world) does(f func(event) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.function = f
}

// took answers the steps of the calls so far, and forgets them.
func (w *world) took() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []string
	for _, e := range w.calls {
		list = append(list, e.Step)
	}
	w.calls = nil
	return fmt.Sprint(list)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// root is the account's root user.
func do[I, O any](w *world, d op.Desc[I, O], in *I) (*O, error) {
	w.mu.Lock()
	door := w.door
	w.mu.Unlock()
	c := &redoubt.Call{Account: testAccount, Region: testRegion, Partition: "aws", Principal: identity.RootPrincipal(testAccount), Time: w.clock.Now()}
	return op.Invoke(context.Background(), door, op.As{Caller: c, Service: "test.amazonaws.com", Region: testRegion}, d, in)
}

func ok[I, O any](w *world, d op.Desc[I, O], in *I) *O {
	w.Helper()
	out, err := do(w, d, in)
	w.must(err)
	return out
}

// proper is a function that keeps to the protocol.
func (w *world) proper(e event) error {
	switch e.Step {
	case "createSecret":
		_, err := do(w, api.OpPutSecretValue, &api.PutSecretValueInput{
			SecretId: &e.SecretId, ClientRequestToken: &e.ClientRequestToken, SecretString: new("made for " + e.ClientRequestToken),
			VersionStages: []string{pending}, RotationToken: &e.RotationToken,
		})
		if err != nil && redoubtCode(err) == string(api.ErrResourceExistsException) {
			return nil
		}
		return err
	case "finishSecret":
		d, err := do(w, api.OpDescribeSecret, &api.DescribeSecretInput{SecretId: &e.SecretId})
		if err != nil {
			return err
		}
		for id, stages := range d.VersionIdsToStages {
			for _, stage := range stages {
				if stage == current && id != e.ClientRequestToken {
					_, err = do(w, api.OpUpdateSecretVersionStage, &api.UpdateSecretVersionStageInput{
						SecretId: &e.SecretId, VersionStage: new(current), MoveToVersionId: &e.ClientRequestToken, RemoveFromVersionId: &id,
					})
				}
			}
		}
		return err
	}
	return nil
}

func redoubtCode(err error) string {
	if e, ok := isRefusal(err); ok {
		return e.Code
	}
	return ""
}

func (w *world) create(text string) *api.CreateSecretOutput {
	w.Helper()
	return ok(w, api.OpCreateSecret, &api.CreateSecretInput{Name: new("db"), SecretString: &text, ClientRequestToken: new(newToken())})
}

func (w *world) rotate(in api.RotateSecretInput) (string, error) {
	in.SecretId = new("db")
	if in.ClientRequestToken == nil {
		in.ClientRequestToken = new(newToken())
	}
	out, err := do(w, api.OpRotateSecret, &in)
	if err != nil {
		return "", err
	}
	return *out.VersionId, nil
}

func (w *world) settle() {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	w.must(w.schedule.Settle(ctx))
}

func (w *world) describe() *api.DescribeSecretOutput {
	w.Helper()
	return ok(w, api.OpDescribeSecret, &api.DescribeSecretInput{SecretId: new("db")})
}

func (w *world) is(got, want any) {
	w.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.Errorf("got %v, want %v", got, want)
	}
}

func (w *world) value() string {
	w.Helper()
	return *ok(w, api.OpGetSecretValue, &api.GetSecretValueInput{SecretId: new("db")}).SecretString
}

// history answers the outcomes of the last attempts.
func (w *world) history() []attempt {
	w.Helper()
	var list []attempt
	w.must(w.db.Run(context.Background(), func(ctx context.Context) error {
		sec, err := secrets.In(testAccount, testRegion).Get(store.From(ctx), store.ID("db"))
		if err == nil {
			list, err = w.service.attempts(store.From(ctx), sec)
		}
		return err
	}))
	return list
}
