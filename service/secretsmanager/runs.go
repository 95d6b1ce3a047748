package secretsmanager

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// jobRun does the steps of a rotation.
const jobRun = "secretsmanager.run"

const (
	firstRetry = 10 * time.Second
	lastRetry  = time.Hour
	// longest is how long a function may run, and a little more.
	longest = 16 * time.Minute
)

// call is one step, about to be done.
type call struct {
	sec  *Secret
	run  Run
	step string
}

// run is the job. The timetable gives a secret's job to one worker at a time; each
// step begins and ends with a transaction of its own, so that whoever goes on after
// a crash begins with the step that was under way, and not before. Steps must bear
// being repeated: that is the protocol's own rule.
func (s *Service) run(ctx context.Context, arn string) error {
	free := store.Without(ctx)
	for {
		next, wait, err := s.enter(free, arn)
		if err != nil {
			return err
		}
		if !wait.IsZero() {
			return s.schedule.At(store.From(ctx), jobRun, arn, wait)
		}
		if next == nil {
			return nil
		}
		failure, err := s.perform(free, next)
		if err != nil {
			return err
		}
		if err := s.leaveStep(free, next, failure); err != nil {
			return err
		}
	}
}

// enter answers the step to do now, or when to look again, or nothing.
func (s *Service) enter(ctx context.Context, arn string) (next *call, wait time.Time, err error) {
	err = s.db.Run(ctx, func(ctx context.Context) error {
		next, wait = nil, time.Time{}
		sec, err := byARN(ctx, arn)
		if isAbsent(err) {
			return nil
		}
		if err != nil {
			return err
		}
		r := sec.Rotation
		if r == nil || r.Active == nil || !sec.Deleted.IsZero() {
			return nil
		}
		now := s.clock.Now()
		if wait = r.Active.Retry; wait.After(now) {
			return nil
		}
		if f := r.Flight; f != nil && f.Token != r.Active.Token && f.Until.After(now) {
			// The function is still busy with a rotation that was cancelled.
			wait = now.Add(time.Second)
			return nil
		}
		wait = time.Time{}
		_, err = s.edit(ctx, nil, sec, func(tx *store.Tx, sec *Secret) error {
			run := sec.Rotation.Active
			gone, err := s.abandoned(tx, sec, run)
			if err != nil {
				return err
			}
			if gone {
				return s.end(tx, sec, abandoned, "The staging label AWSPENDING was taken from the version that is rotating.")
			}
			run.Retry = time.Time{}
			sec.Rotation.Flight = &Flight{run.Token, now.Add(longest)}
			if err := s.noteBegin(tx, sec, now); err != nil {
				return err
			}
			next = &call{sec, *run, steps[run.Step]}
			return nil
		})
		return err
	})
	return next, wait, err
}

// abandoned reports whether somebody took the label from the version that is
// rotating: then nothing is left to do. A placeholder that a function wrote past is
// gone as a whole; at the beginning of another attempt there is a new one.
func (s *Service) abandoned(tx *store.Tx, sec *Secret, run *Run) (bool, error) {
	if sec.Stages[pending] == run.Token || sec.Stages[current] == run.Token {
		return false, nil
	}
	has, err := sec.versions().Has(tx, sec.versionKey(run.Token))
	if err != nil || has {
		return has, err
	}
	if run.Step == 0 && !busy(sec) {
		return false, s.placeholder(tx, sec, run.Token)
	}
	return busy(sec), nil
}

// perform invokes the function. failure is what went wrong with the step; err is
// about this server, and the step will be done again.
func (s *Service) perform(ctx context.Context, k *call) (failure string, err error) {
	token, err := s.rotationToken(k.sec.ARN, k.run.Token)
	if err != nil {
		return "", err
	}
	event, err := json.Marshal(map[string]string{
		"Step": k.step, "SecretId": k.sec.ARN, "ClientRequestToken": k.run.Token, "RotationToken": token,
	})
	if err != nil {
		return "", err
	}
	if k.sec.Rotation.Managed {
		return s.manage(ctx, k, event)
	}
	out, err := op.Invoke(ctx, s.invoker, actor(k.sec), lambdaapi.OpInvoke, &lambdaapi.InvokeInput{
		FunctionName: &k.sec.Rotation.Function, InvocationType: new(lambdaapi.InvocationTypeRequestResponse), Payload: event,
	})
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		var refusal *redoubt.Error
		if errors.As(err, &refusal) {
			if refusal.Code == string(redoubt.ErrAccessDenied) || refusal.Code == string(lambdaapi.ErrResourceNotFoundException) {
				return errCannotInvoke().Error(), nil
			}
			return "The function could not be invoked: " + redact(refusal.Error()), nil
		}
		return "", err
	}
	if out.FunctionError == nil {
		return "", nil
	}
	var e struct{ ErrorType, ErrorMessage string }
	if json.Unmarshal(out.Payload, &e) != nil || e.ErrorType == "" && e.ErrorMessage == "" {
		return "The function failed (" + *out.FunctionError + ").", nil
	}
	if e.ErrorType == "" {
		return redact(e.ErrorMessage), nil
	}
	return redact(e.ErrorType + ": " + e.ErrorMessage), nil
}

// leaveStep keeps what a step came to.
func (s *Service) leaveStep(ctx context.Context, k *call, failure string) error {
	return s.db.Run(ctx, func(ctx context.Context) error {
		sec, err := byARN(ctx, k.sec.ARN)
		if isAbsent(err) {
			return nil
		}
		if err != nil {
			return err
		}
		failure := failure // of this try
		_, err = s.edit(ctx, nil, sec, func(tx *store.Tx, sec *Secret) error {
			r := sec.Rotation
			if r == nil {
				return errSame
			}
			if r.Flight != nil && r.Flight.Token == k.run.Token {
				r.Flight = nil
			}
			run := r.Active
			if run == nil || run.Token != k.run.Token || run.Step != k.run.Step || run.Attempt != k.run.Attempt {
				return s.noteLate(tx, sec, k, failure) // cancelled meanwhile
			}
			if failure == "" {
				if failure, err = s.shortcoming(tx, sec, run); err != nil {
					return err
				}
			}
			if err := s.noteEnd(tx, sec, failure); err != nil {
				return err
			}
			switch {
			case run.Test:
				return s.endTest(tx, sec, failure)
			case failure != "":
				return s.fail(tx, sec)
			case run.Step < len(steps)-1:
				run.Step++
				return nil
			}
			return s.succeed(tx, sec)
		})
		return err
	})
}

// shortcoming says what a function that reported success has not done.
func (s *Service) shortcoming(tx *store.Tx, sec *Secret, run *Run) (string, error) {
	if run.Test || sec.Stages[pending] != run.Token || sec.Stages[current] == run.Token {
		return "", nil
	}
	switch steps[run.Step] {
	case "createSecret":
		v, err := sec.version(tx, run.Token)
		if err != nil || v.Sealed != nil {
			return "", err
		}
		return "Pending secret version " + run.Token + " for Secret " + sec.ARN + " was not created by Lambda " + sec.Rotation.Function +
			". Remove the AWSPENDING staging label and restart rotation.", nil
	case "finishSecret":
		return "The function ended finishSecret without moving AWSCURRENT to version " + run.Token + ".", nil
	}
	return "", nil
}

// endTest takes the temporary version away.
func (s *Service) endTest(tx *store.Tx, sec *Secret, failure string) error {
	id := sec.Rotation.Active.Token
	has, err := sec.versions().Has(tx, sec.versionKey(id))
	if err != nil {
		return err
	}
	if has && sec.Stages[current] != id {
		if err := s.dropVersion(tx, sec, id); err != nil {
			return err
		}
	}
	if failure != "" {
		return s.end(tx, sec, failed, "")
	}
	return s.end(tx, sec, succeeded, "")
}

// fail plans the whole sequence anew, later each time. AWSCURRENT is where it was.
func (s *Service) fail(tx *store.Tx, sec *Secret) error {
	run := sec.Rotation.Active
	if err := s.noteOutcome(tx, sec, failed, ""); err != nil {
		return err
	}
	wait := lastRetry
	if run.Attempt < 10 {
		wait = min(lastRetry, firstRetry<<(run.Attempt-1))
	}
	run.Step, run.Attempt, run.Retry = 0, run.Attempt+1, s.clock.Now().Add(wait)
	return nil
}

// succeed takes the label of the rotation from the new current version.
func (s *Service) succeed(tx *store.Tx, sec *Secret) error {
	r := sec.Rotation
	run, now := r.Active, s.clock.Now()
	note := ""
	switch {
	case sec.Stages[current] == run.Token:
		if sec.Stages[pending] == run.Token {
			delete(sec.Stages, pending)
		}
	case sec.Stages[current] == run.Before:
		return s.end(tx, sec, abandoned, "AWSCURRENT stayed where it was, and the version of this rotation is gone.")
	default:
		note = "The function wrote new current versions of its own instead of using version " + run.Token + "."
	}
	r.Last, sec.Changed = now, now
	if err := r.count(sec.ARN, now); err != nil {
		return err
	}
	return s.end(tx, sec, succeeded, note)
}

// end ends a rotation.
func (s *Service) end(tx *store.Tx, sec *Secret, outcome, note string) error {
	if err := s.noteOutcome(tx, sec, outcome, note); err != nil {
		return err
	}
	sec.Rotation.Active, sec.Rotation.Flight = nil, nil
	if sec.Rotation.Due.IsZero() || !sec.Rotation.Enabled {
		return nil
	}
	return s.schedule.At(tx, jobDue, sec.ARN, sec.Rotation.Due)
}
