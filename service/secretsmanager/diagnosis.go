package secretsmanager

import (
	"context"
	"fmt"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// Diagnosis is what can be told of a secret's rotation.
type Diagnosis struct {
	ARN string
	// State is one line, Cause what most likely keeps it from rotating; empty if
	// nothing does.
	State, Cause string
	// Report is all of it for people: state, the last runs step by step, and the
	// function's log, where there is one.
	Report string
}

// maxLines bounds how much of a function's log a report has.
const maxLines = 60

// Diagnose looks at the rotation of the secret that id names. What it asks of other
// services it asks with the caller's rights; that the caller may know of the secret
// is for whoever calls this to decide.
func (s *Service) Diagnose(ctx context.Context, c *redoubt.Call, id string) (*Diagnosis, error) {
	sec, err := find(ctx, c, id)
	if err != nil {
		return nil, err
	}
	list, err := s.attempts(store.From(ctx), sec)
	if err != nil {
		return nil, err
	}
	d := &Diagnosis{ARN: sec.ARN, State: s.state(sec)}
	if d.Cause, err = s.cause(ctx, c, sec, list); err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Secret:       %s\nState:        %s\n", sec.ARN, d.State)
	if r := sec.Rotation; r != nil {
		line := func(name string, t time.Time) {
			if !t.IsZero() {
				fmt.Fprintf(&b, "%-13s %s\n", name+":", stamp(t))
			}
		}
		if r.Managed {
			fmt.Fprintf(&b, "Managed:      by this server, as %s does\n", functionName(r.Function))
		} else {
			fmt.Fprintf(&b, "Function:     %s\n", r.Function)
		}
		if r.Master != "" {
			fmt.Fprintf(&b, "Admitted:     %s\n", r.Master)
		}
		line("Last rotated", r.Last)
		line("Next window", r.Next)
		if r.Active != nil {
			line("Next try", r.Active.Retry)
		}
	}
	for stage, v := range sec.Stages {
		fmt.Fprintf(&b, "Label:        %s on %s\n", stage, v)
	}
	b.WriteString("\nLast runs, the newest first:\n")
	if len(list) == 0 {
		b.WriteString("  none\n")
	}
	for i := len(list) - 1; i >= 0; i-- {
		list[i].write(&b)
	}
	if err := s.writeLog(ctx, c, sec, list, &b); err != nil {
		return nil, err
	}
	cause := d.Cause
	if cause == "" {
		cause = "nothing is wrong"
	}
	fmt.Fprintf(&b, "\nLikely cause: %s\n", cause)
	d.Report = b.String()
	return d, nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (a *attempt) write(b *strings.Builder) {
	what := "rotation to " + a.Token
	if a.Test {
		what = "test of the configuration"
	}
	if a.Token == "" {
		what = "rotation"
	}
	outcome := a.Outcome
	if outcome == "" {
		outcome = "under way"
	}
	fmt.Fprintf(b, "  %s  %s, attempt %d: %s\n", stamp(a.Began), what, max(a.Number, 1), outcome)
	for _, st := range a.Steps {
		switch {
		case st.Ended.IsZero():
			fmt.Fprintf(b, "    %-13s began %s, no end: under way, or the server stopped\n", st.Step, stamp(st.Began))
		case st.Error != "":
			fmt.Fprintf(b, "    %-13s failed after %s: %s\n", st.Step, st.Ended.Sub(st.Began).Round(time.Millisecond), st.Error)
		default:
			fmt.Fprintf(b, "    %-13s done in %s\n", st.Step, st.Ended.Sub(st.Began).Round(time.Millisecond))
		}
	}
	if a.Note != "" {
		fmt.Fprintf(b, "    %s\n", a.Note)
	}
}

func (s *Service) state(sec *Secret) string {
	r := sec.Rotation
	switch {
	case !sec.Deleted.IsZero():
		return "marked for deletion; nothing rotates"
	case sec.Primary != "":
		return "a replica; its primary in " + sec.Primary + " rotates"
	case r == nil:
		return "rotation was never set up"
	case r.Active != nil && r.Active.Retry.After(s.clock.Now()):
		return fmt.Sprintf("waiting for attempt %d", r.Active.Attempt)
	case r.Active != nil:
		return "rotating: " + steps[r.Active.Step]
	case !r.Enabled:
		return "rotation is turned off"
	case r.Due.IsZero():
		return "rotates when RotateSecret is called"
	}
	return "waiting for the next window"
}

// cause says what most likely keeps a secret from rotating.
func (s *Service) cause(ctx context.Context, c *redoubt.Call, sec *Secret, list []attempt) (string, error) {
	r := sec.Rotation
	if r == nil || !sec.Deleted.IsZero() || sec.Primary != "" {
		return "", nil
	}
	if text, err := s.keyCause(ctx, c, sec); err != nil || text != "" {
		return text, err
	}
	if err := s.reachable(ctx, sec, r); err != nil {
		if _, refusal := isRefusal(err); !refusal {
			return "", err
		}
		return "the function does not exist, or its policy does not let Secrets Manager invoke it: aws lambda add-permission --function-name " + functionName(r.Function) +
			" --statement-id secretsmanager --action lambda:InvokeFunction --principal secretsmanager.amazonaws.com --source-account " + sec.Account, nil
	}
	if r.Active == nil && busy(sec) {
		return "the staging label AWSPENDING was left behind on version " + sec.Stages[pending] + ", so that no rotation can begin: take it away with " +
			"aws secretsmanager update-secret-version-stage --version-stage AWSPENDING --remove-from-version-id " + sec.Stages[pending] + ", or write a value", nil
	}
	if len(list) == 0 {
		return "", nil
	}
	last := list[len(list)-1]
	if n := len(list); last.Outcome == "" && n > 1 && last.Number > 1 {
		last = list[n-2]
	}
	if last.Outcome == succeeded {
		if last.Note != "" {
			return "rotations succeed, but the function never reads Step and ClientRequestToken: each of the four calls changes the password, and the database and the secret disagree in between", nil
		}
		return "", nil
	}
	for i := len(last.Steps) - 1; i >= 0; i-- {
		if text := last.Steps[i].Error; text != "" {
			return explain(last.Steps[i].Step, text), nil
		}
	}
	return "", nil
}

// keyCause looks at the KMS key, as far as the caller may.
func (s *Service) keyCause(ctx context.Context, c *redoubt.Call, sec *Secret) (string, error) {
	if sec.Key == "" || sec.Account != c.Account {
		return "", nil
	}
	out, err := op.Invoke(ctx, s.invoker, op.Forward(c, "secretsmanager"), kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &sec.Key})
	if refusal, ok := isRefusal(err); ok {
		if refusal.Code == string(kmsapi.ErrNotFoundException) {
			return "the KMS key " + sec.Key + " does not exist any more", nil
		}
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if state := value(out.KeyMetadata.KeyState); state != kmsapi.KeyStateEnabled {
		return "the KMS key " + sec.Key + " is in state " + state + ": values can neither be read nor written", nil
	}
	return "", nil
}

// symptoms lead from what errors say to what is behind them, the most telling
// first.
var symptoms = []struct{ text, cause string }{
	{"was not created by Lambda", "the function did not put a value in createSecret: it never reads Step and ClientRequestToken, or ignores createSecret"},
	{"without moving AWSCURRENT", "the function does not move AWSCURRENT in finishSecret"},
	{"was not admitted", "masterarn names another secret than when rotation was set up: call rotate-secret with --rotation-lambda-arn again, as somebody who may read it"},
	{"Access to KMS is not allowed", "the function's role may not use the secret's KMS key: it takes kms:Decrypt and kms:GenerateDataKey"},
	{"DecryptionFailure", "the KMS key under which the value lies cannot be used"},
	{"EncryptionFailure", "the secret's KMS key cannot be used"},
	{"cannot invoke", "the function did not exist then, or its policy did not let Secrets Manager invoke it"},
	{"not authorized to perform", "the function's role lacks a right: the error says which"},
	{"AccessDenied", "the function's role lacks a right: the error says which"},
	{"ImportModuleError", "the function's package lacks a module that it imports: add a layer"},
	{"No module named", "the function's package lacks a module that it imports: add a layer"},
	{"using credentials in master secret", "the database does not take the password in the secret that masterarn names, or cannot be reached: the error says which"},
	{"Unable to log into database", "the database takes none of the pending, current and previous passwords, or cannot be reached: the error says which"},
	{"Timedout", "the function took longer than its timeout: it most likely cannot reach the database"},
	{"timed out", "the function took longer than its timeout: it most likely cannot reach the database"},
	{"TimeoutError", "the database did not answer in time"},
	{"KeyError", "the secret's value lacks a key that the function reads"},
	{"JSON", "the secret's value is not the JSON that the function expects"},
	{"TooManyRequests", "the function is throttled: look at its reserved concurrency"},
}

func explain(step, text string) string {
	for _, s := range symptoms {
		if strings.Contains(text, s.text) {
			return s.cause
		}
	}
	return "the function fails in " + step + ": " + text
}

// writeLog adds the lines that the function has logged since the newest run began,
// where there are logs and the caller may read them.
func (s *Service) writeLog(ctx context.Context, c *redoubt.Call, sec *Secret, list []attempt, b *strings.Builder) error {
	if sec.Rotation == nil || len(list) == 0 {
		return nil
	}
	group := "/aws/lambda/" + functionName(sec.Rotation.Function)
	since := list[max(0, len(list)-2)].Began
	out, err := op.Invoke(ctx, s.invoker, op.Forward(c, "secretsmanager"), logsapi.OpFilterLogEvents, &logsapi.FilterLogEventsInput{
		LogGroupName: &group, StartTime: new(since.UnixMilli()), Limit: new(int32(maxLines)),
	})
	if _, ok := isRefusal(err); ok {
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "\nLog %s since %s:\n", group, stamp(since))
	for _, e := range out.Events {
		fmt.Fprintf(b, "  %s\n", strings.TrimRight(value(e.Message), "\n"))
	}
	return nil
}
