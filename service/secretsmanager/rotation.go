package secretsmanager

import (
	"context"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/lambdaapi"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// Rotation is how a secret rotates, and what is under way.
type Rotation struct {
	Enabled    bool
	Function   string
	Days       int64  `json:",omitempty"`
	Expression string `json:",omitempty"`
	Duration   string `json:",omitempty"`
	// Last is when a rotation succeeded. Since is what the next date counts from: a
	// value written by hand counts as well.
	Last  time.Time `json:",omitzero"`
	Since time.Time `json:",omitzero"`
	// Next is the last second of the coming window, and Due the moment in it.
	Next time.Time `json:",omitzero"`
	Due  time.Time `json:",omitzero"`
	// Managed: this server owns the secret's rotation; Function says which of its
	// own does it, and is not shown.
	Managed bool `json:",omitempty"`
	// Master is the secret that a built-in function may read besides this one:
	// whoever set rotation up could read it.
	Master string  `json:",omitempty"`
	Active *Run    `json:",omitempty"`
	Flight *Flight `json:",omitempty"`
}

// Run is a rotation under way.
type Run struct {
	Token   string
	Test    bool `json:",omitempty"` // testSecret only
	Step    int
	Attempt int // from 1
	Before  string
	Started time.Time
	Retry   time.Time `json:",omitzero"` // not before
}

// Flight is a function call that may still be going on. It outlives the Run that
// it belongs to when that is cancelled, so that the next one waits for it.
type Flight struct {
	Token string
	Until time.Time
}

// steps of a rotation, in order.
var steps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

const testStep = 2

func (r *Rotation) rules() *api.RotationRulesType {
	if r.Days == 0 && r.Expression == "" {
		return nil
	}
	return &api.RotationRulesType{AutomaticallyAfterDays: present(r.Days), ScheduleExpression: present(r.Expression), Duration: present(r.Duration)}
}

// shown are the rules as answers show them: with an expression, the days that it
// comes to.
func (r *Rotation) shown() *api.RotationRulesType {
	rules := r.rules()
	if cal, err := parseRules(rules); err == nil && cal != nil && r.Expression != "" {
		rules.AutomaticallyAfterDays = new(cal.days(r.Since))
	}
	return rules
}

// count sets the coming window, counted from a rotation at since.
func (r *Rotation) count(arn string, since time.Time) error {
	r.Since, r.Next, r.Due = since, time.Time{}, time.Time{}
	cal, err := parseRules(r.rules())
	if err != nil || cal == nil {
		return err
	}
	open, last := cal.next(since)
	r.Next, r.Due = last, moment(arn, open, last)
	return nil
}

func errBusy() error {
	return api.ErrInvalidRequestException.New("A previous rotation isn't complete. That rotation will be reattempted.")
}

func errCannotInvoke() error {
	return redoubt.ErrAccessDenied.New("Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.")
}

// rotateNeeds: besides the right to rotate, the right to invoke the function. And
// whoever sets up a built-in function that alternates users lends it the secret of
// the user that makes them: it takes the right to read that.
func (s *Service) rotateNeeds(ctx context.Context, c *redoubt.Call, in *api.RotateSecretInput) ([]redoubt.Need, error) {
	n, sec, err := s.need(ctx, c, "secretsmanager:RotateSecret", value(in.SecretId), func(m conditions) { rotateKeys(c, in, m) })
	if err != nil {
		return nil, err
	}
	needs := []redoubt.Need{n}
	function := value(in.RotationLambdaARN)
	if function == "" && sec != nil && sec.Rotation != nil {
		function = sec.Rotation.Function
	}
	if function == "" {
		return needs, nil
	}
	managed := sec != nil && sec.owner() != ""
	lambda := redoubt.Need{Action: "lambda:InvokeFunction", Resource: function}
	if a, err := redoubt.ParseARN(function); err == nil && isDigits(a.Account) {
		lambda.Account = a.Account
	}
	if !managed && (lambda.Account == "" || lambda.Account == c.Account) {
		// A function of another account admits Secrets Manager by its policy, which
		// is asked when it is invoked.
		needs = append(needs, lambda)
	}
	if sec == nil || !isBuiltin(function) {
		return needs, nil
	}
	master, err := s.masterOf(ctx, c, sec)
	if _, refused := isRefusal(err); refused || err == nil && master == "" {
		return needs, nil // the method says what is wrong
	}
	if err != nil {
		return nil, err
	}
	m, _, err := s.need(ctx, c, "secretsmanager:GetSecretValue", master, nil)
	m.Label = "resource: the secret that masterarn names"
	return append(needs, m), err
}

func isDigits(s string) bool {
	for _, b := range []byte(s) {
		if b < '0' || b > '9' {
			return false
		}
	}
	return len(s) == 12
}

// RotateSecret sets up rotation and starts one, or tries the function. What can be
// refused is refused before anything is kept.
func (s *Service) RotateSecret(ctx context.Context, c *redoubt.Call, in *api.RotateSecretInput) (*api.RotateSecretOutput, error) {
	if err := needToken(api.ErrInvalidParameterException, in.ClientRequestToken); err != nil {
		return nil, err
	}
	if len(in.ExternalSecretRotationMetadata) > 0 || in.ExternalSecretRotationRoleArn != nil {
		return nil, errExternal()
	}
	token := *in.ClientRequestToken
	sec, err := s.change(ctx, c, in.SecretId, func(tx *store.Tx, sec *Secret) error {
		if r := sec.Rotation; r != nil && r.Active != nil && r.Active.Token == token {
			return errSame // the same request once more
		}
		return s.setUp(ctx, c, tx, sec, in)
	})
	if err != nil {
		return nil, err
	}
	return &api.RotateSecretOutput{ARN: &sec.ARN, Name: &sec.Name, VersionId: &token}, nil
}

func (s *Service) setUp(ctx context.Context, c *redoubt.Call, tx *store.Tx, sec *Secret, in *api.RotateSecretInput) error {
	r := &Rotation{}
	if sec.Rotation != nil {
		*r = *sec.Rotation
	}
	if f := value(in.RotationLambdaARN); f != "" {
		if a, err := redoubt.ParseARN(f); err != nil || a.Service != "lambda" || a.Region != sec.Region && regionForm.MatchString(a.Region) || !strings.HasPrefix(a.Resource, "function:") {
			return api.ErrInvalidParameterException.New("Invalid rotation Lambda ARN. Ensure the ARN matches format arn:%s:lambda:%s:<account>:function:<functionName>.", c.Partition, sec.Region)
		}
		if r.Managed {
			return api.ErrInvalidRequestException.New("You can't specify a rotation function for this secret, because its rotation is managed by %s.", owner)
		}
		r.Function = f
	}
	if r.Function == "" {
		return api.ErrInvalidRequestException.New("No Lambda rotation function ARN is associated with this secret.")
	}
	now := s.clock.Now()
	if in.RotationRules != nil {
		cal, err := parseRules(in.RotationRules)
		if err != nil {
			return err
		}
		if cal.cron != nil && !cal.cron.ever(now) {
			return errExpression
		}
		r.Days, r.Expression, r.Duration = value(in.RotationRules.AutomaticallyAfterDays), value(in.RotationRules.ScheduleExpression), value(in.RotationRules.Duration)
	}
	if busy(sec) {
		return errBusy()
	}
	if ok, err := sec.versions().Has(tx, sec.versionKey(*in.ClientRequestToken)); err != nil || ok {
		if err == nil {
			err = api.ErrInvalidRequestException.New("You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", *in.ClientRequestToken, sec.ARN)
		}
		return err
	}
	if err := s.reachable(ctx, sec, r); err != nil {
		return err
	}
	r.Master = ""
	if isBuiltin(r.Function) {
		var err error
		if r.Master, err = s.admit(ctx, c, sec); err != nil {
			return err
		}
	}
	since := now
	if r.Enabled && in.RotationRules == nil && !r.Since.IsZero() {
		since = r.Since
	}
	r.Enabled, r.Active = true, nil
	if err := r.count(sec.ARN, since); err != nil {
		return err
	}
	sec.Rotation = r
	if err := s.startClock(tx, sec); err != nil {
		return err
	}
	test := in.RotateImmediately != nil && !*in.RotateImmediately
	if err := s.begin(tx, sec, *in.ClientRequestToken, test); err != nil || !test {
		return err
	}
	return s.lend(ctx, c, tx, sec, *in.ClientRequestToken)
}

// lend gives the version of a trial the current value: there is something to test,
// and it ought to work.
func (s *Service) lend(ctx context.Context, c *redoubt.Call, tx *store.Tx, sec *Secret, token string) error {
	v, err := choose(tx, sec, nil, nil)
	if _, none := isRefusal(err); none {
		return nil
	}
	if err != nil {
		return err
	}
	val, err := s.open(ctx, c, sec, v)
	if err != nil {
		return err
	}
	defer wipe(val)
	trial := &Version{ID: token, Created: s.clock.Now()}
	if err := s.seal(ctx, c, sec, trial, val); err != nil {
		return err
	}
	return sec.putVersion(tx, trial)
}

// busy reports whether a version waits that is not the current one.
func busy(sec *Secret) bool {
	id := sec.Stages[pending]
	return id != "" && id != sec.Stages[current]
}

// invocable asks Lambda whether Secrets Manager may invoke the function for this
// secret. Nothing runs.
func (s *Service) invocable(ctx context.Context, sec *Secret, function string) error {
	a, err := redoubt.ParseARN(function)
	if err != nil || a.Service != "lambda" || a.Region != sec.Region || !strings.HasPrefix(a.Resource, "function:") {
		return errCannotInvoke()
	}
	_, err = op.Invoke(store.Without(ctx), s.invoker, actor(sec), lambdaapi.OpInvoke, &lambdaapi.InvokeInput{
		FunctionName: &function, InvocationType: new(lambdaapi.InvocationTypeDryRun),
	})
	if refusal, ok := isRefusal(err); ok {
		e := errCannotInvoke().(*redoubt.Error)
		e.Cause = refusal
		return e
	}
	return err
}

// actor is Secrets Manager acting for a secret.
func actor(sec *Secret) op.As {
	return op.Principal("secretsmanager", sec.Region, sec.ARN, sec.Account)
}

// begin makes the placeholder of a new version and plans the steps.
func (s *Service) begin(tx *store.Tx, sec *Secret, token string, test bool) error {
	now := s.clock.Now()
	run := &Run{Token: token, Test: test, Attempt: 1, Before: sec.Stages[current], Started: now}
	if test {
		run.Step = testStep
	}
	sec.Rotation.Active, sec.Changed = run, now
	if err := s.placeholder(tx, sec, token); err != nil {
		return err
	}
	return s.schedule.At(tx, jobRun, sec.ARN, now)
}

func (s *Service) placeholder(tx *store.Tx, sec *Secret, token string) error {
	if err := s.countVersion(tx, sec); err != nil {
		return err
	}
	sec.label(pending, token)
	return sec.putVersion(tx, &Version{ID: token, Created: s.clock.Now()})
}

// CancelRotateSecret turns rotation off, and ends one that is under way: where its
// labels are, they stay.
func (s *Service) CancelRotateSecret(ctx context.Context, c *redoubt.Call, in *api.CancelRotateSecretInput) (*api.CancelRotateSecretOutput, error) {
	var unfinished *string
	sec, err := s.change(ctx, c, in.SecretId, func(tx *store.Tx, sec *Secret) error {
		r := sec.Rotation
		if r == nil {
			return api.ErrInvalidRequestException.New("No Lambda rotation function ARN is associated with this secret.")
		}
		if busy(sec) {
			unfinished = new(sec.Stages[pending])
		}
		r.Enabled, r.Active = false, nil
		r.Next, r.Due = time.Time{}, time.Time{}
		return s.stopClock(tx, sec)
	})
	if err != nil {
		return nil, err
	}
	return &api.CancelRotateSecretOutput{ARN: &sec.ARN, Name: &sec.Name, VersionId: unfinished}, nil
}

// rotatedByHand counts the next date from now: a value that somebody wrote is as
// good as a rotation. While one is under way, its end counts.
func (s *Service) rotatedByHand(tx *store.Tx, sec *Secret) error {
	r := sec.Rotation
	if r == nil || !r.Enabled || r.Active != nil {
		return nil
	}
	if err := r.count(sec.ARN, s.clock.Now()); err != nil {
		return err
	}
	return s.startClock(tx, sec)
}

// startClock plans what a secret's rotation waits for.
func (s *Service) startClock(tx *store.Tx, sec *Secret) error {
	r := sec.Rotation
	if r == nil || !r.Enabled {
		return nil
	}
	if r.Active != nil {
		if err := s.schedule.At(tx, jobRun, sec.ARN, s.clock.Now()); err != nil {
			return err
		}
	}
	if r.Due.IsZero() {
		return s.schedule.Cancel(tx, jobDue, sec.ARN)
	}
	return s.schedule.At(tx, jobDue, sec.ARN, r.Due)
}

// stopClock takes all of it back.
func (s *Service) stopClock(tx *store.Tx, sec *Secret) error {
	if err := s.schedule.Cancel(tx, jobDue, sec.ARN); err != nil {
		return err
	}
	return s.schedule.Cancel(tx, jobRun, sec.ARN)
}

// jobDue starts a rotation on its day.
const jobDue = "secretsmanager.due"

// due is that job.
func (s *Service) due(ctx context.Context, arn string) error {
	sec, err := byARN(ctx, arn)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.edit(ctx, nil, sec, func(tx *store.Tx, sec *Secret) error {
		r := sec.Rotation
		if r == nil || !r.Enabled || !sec.Deleted.IsZero() || sec.Primary != "" || r.Active != nil {
			return errSame
		}
		now := s.clock.Now()
		if r.Due.After(now) {
			return s.schedule.At(tx, jobDue, sec.ARN, r.Due)
		}
		if busy(sec) {
			// Somebody else's version waits. It is looked at again.
			if err := s.note(tx, sec, attempt{Began: now, Ended: now, Outcome: refused, Steps: []stepLog{{Began: now, Ended: now, Error: errBusy().Error()}}}); err != nil {
				return err
			}
			return s.schedule.At(tx, jobDue, sec.ARN, now.Add(lastRetry))
		}
		return s.begin(tx, sec, newToken(), false)
	})
	return err
}
