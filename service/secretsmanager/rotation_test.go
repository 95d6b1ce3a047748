package secretsmanager

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
)

const allSteps = "[createSecret setSecret testSecret finishSecret]"

var monthly = &api.RotationRulesType{AutomaticallyAfterDays: new(int64(30))}

func TestRotation(t *testing.T) {
	w := newWorld(t)
	old := *w.create("old").VersionId
	w.does(w.proper)
	token, err := w.rotate(api.RotateSecretInput{RotationLambdaARN: new(fnARN), RotationRules: monthly})
	w.must(err)
	w.settle()
	w.is(w.took(), allSteps)
	w.is(w.value(), "made for "+token)
	d := w.describe()
	w.is(d.VersionIdsToStages, map[string][]string{token: {current}, old: {previous}})
	w.is(*d.RotationEnabled, true)
	w.is(*d.LastRotatedDate, w.clock.Now())
	if left := d.NextRotationDate.Sub(w.clock.Now()); left > 30*day || left < 29*day {
		t.Errorf("next rotation in %v", left)
	}
	w.is(*d.RotationRules.AutomaticallyAfterDays, 30)
	h := w.history()
	if len(h) != 1 || h[0].Outcome != succeeded || len(h[0].Steps) != 4 || h[0].Note != "" {
		t.Errorf("%+v", h)
	}

	// On its day.
	w.clock.Advance(d.NextRotationDate.Sub(w.clock.Now()))
	w.settle()
	w.is(w.took(), allSteps)
	if w.value() == "made for "+token {
		t.Error("no new value")
	}
	// The same request again starts nothing while its rotation goes on, and
	// afterwards the token is taken.
	_, err = w.rotate(api.RotateSecretInput{ClientRequestToken: &token})
	w.is(redoubtCode(err), "InvalidRequestException")
}

func TestRotationFailsAtEachStep(t *testing.T) {
	for i, step := range steps {
		t.Run(step, func(t *testing.T) {
			w := newWorld(t)
			old := *w.create("old").VersionId
			failures := 2
			w.does(func(e event) error {
				if e.Step == step && failures > 0 {
					failures--
					return errors.New(`cannot log in with 'S3cret!pass-word' as admin`)
				}
				return w.proper(e)
			})
			token, err := w.rotate(api.RotateSecretInput{RotationLambdaARN: new(fnARN), RotationRules: monthly})
			w.must(err)
			for range 2 {
				w.settle()
				w.is(w.took(), fmt.Sprint(steps[:i+1]))
				w.is(w.describe().VersionIdsToStages[old], []string{current})
				w.is(w.value(), "old")
				_, err := w.rotate(api.RotateSecretInput{})
				if redoubtCode(err) != "InvalidRequestException" || !strings.Contains(err.Error(), "A previous rotation isn't complete. That rotation will be reattempted.") {
					t.Error(err)
				}
				w.clock.Advance(time.Minute)
			}
			w.settle()
			w.is(w.took(), allSteps)
			w.is(w.value(), "made for "+token)
			h := w.history()
			if len(h) != 3 || h[0].Outcome != failed || h[2].Outcome != succeeded {
				t.Fatalf("%+v", h)
			}
			w.is(h[0].Steps[i].Error, "ValueError: cannot log in with '***' as admin")
		})
	}
}

func TestRotationGoesOnAfterACrash(t *testing.T) {
	for i, step := range steps {
		t.Run(step, func(t *testing.T) {
			w := newWorld(t)
			w.create("old")
			began, late := make(chan bool, 1), make(chan bool)
			crashed := false
			w.does(func(e event) error {
				w.mu.Lock()
				hang := e.Step == step && !crashed
				crashed = crashed || hang
				w.mu.Unlock()
				if hang {
					began <- true
					<-late // the server is gone, and its function with it
					return errors.New("too late")
				}
				return w.proper(e)
			})
			token, err := w.rotate(api.RotateSecretInput{RotationLambdaARN: new(fnARN)})
			w.must(err)
			<-began
			w.boot()
			w.settle()
			w.is(w.took(), fmt.Sprint(append(append([]string{}, steps[:i+1]...), steps[i:]...)))
			w.is(w.value(), "made for "+token)
			close(late) // what the crashed server still says does not count
			w.stop()
			w.boot()
			w.is(w.value(), "made for "+token)
			h := w.history()
			if len(h) != 1 || h[0].Outcome != succeeded {
				t.Errorf("%+v", h)
			}
		})
	}
}

func TestCancelledRotation(t *testing.T) {
	w := newWorld(t)
	old := *w.create("old").VersionId
	began, done := make(chan bool), make(chan bool)
	w.does(func(e event) error {
		if err := w.proper(e); err != nil || e.Step != "setSecret" {
			return err
		}
		began <- true
		<-done
		return nil
	})
	token, err := w.rotate(api.RotateSecretInput{RotationLambdaARN: new(fnARN), RotationRules: monthly})
	w.must(err)
	<-began
	out := ok(w, api.OpCancelRotateSecret, &api.CancelRotateSecretInput{SecretId: new("db")})
	w.is(*out.VersionId, token)
	d := w.describe()
	w.is(*d.RotationEnabled, false)
	if d.NextRotationDate != nil {
		t.Error("a date for a rotation that is off")
	}
	w.is(d.VersionIdsToStages, map[string][]string{old: {current}, token: {pending}})
	_, err = w.rotate(api.RotateSecretInput{})
	w.is(redoubtCode(err), "InvalidRequestException") // the labels are in the way
	ok(w, api.OpUpdateSecretVersionStage, &api.UpdateSecretVersionStageInput{SecretId: new("db"), VersionStage: new(pending), RemoveFromVersionId: &token})

	// The function still runs; the next rotation waits for it.
	second, err := w.rotate(api.RotateSecretInput{})
	w.must(err)
	w.is(w.took(), "[createSecret setSecret]")
	w.does(w.proper)
	close(done)
	for w.value() == "old" {
		w.clock.Advance(time.Second)
		w.settle()
	}
	w.is(w.took(), allSteps)
	w.is(w.value(), "made for "+second)
}

func TestRotationThatIsOnlyTried(t *testing.T) {
	w := newWorld(t)
	old := *w.create("old").VersionId
	var seen map[string][]string
	w.does(func(e event) error {
		seen = w.describe().VersionIdsToStages
		out, err := do(w, api.OpGetSecretValue, &api.GetSecretValueInput{SecretId: &e.SecretId, VersionId: &e.ClientRequestToken, VersionStage: new(pending)})
		if err == nil && *out.SecretString != "old" {
			err = errors.New("not the current value")
		}
		return err
	})
	token, err := w.rotate(api.RotateSecretInput{RotationLambdaARN: new(fnARN), RotationRules: &api.RotationRulesType{ScheduleExpression: new("cron(0 16 * * ? *)"), Duration: new("2h")}, RotateImmediately: new(false)})
	w.must(err)
	w.settle()
	w.is(w.took(), "[testSecret]")
	w.is(w.history()[0].Outcome, succeeded)
	w.is(seen[token], []string{pending})
	d := w.describe()
	w.is(d.VersionIdsToStages, map[string][]string{old: {current}})
	w.is(*d.RotationEnabled, true)
	w.is(*d.NextRotationDate, time.Date(2026, 3, 4, 17, 59, 59, 0, time.UTC))
	w.is(*d.RotationRules.AutomaticallyAfterDays, 1)
	if d.LastRotatedDate != nil {
		t.Error("a trial counts as a rotation")
	}
	w.does(w.proper)
	w.clock.Advance(8 * time.Hour)
	w.settle()
	w.is(w.took(), allSteps)
	w.is(*w.describe().NextRotationDate, time.Date(2026, 3, 5, 17, 59, 59, 0, time.UTC))
}

func TestWrittenByHandCountsAsRotation(t *testing.T) {
	w := newWorld(t)
	w.create("old")
	w.does(w.proper)
	_, err := w.rotate(api.RotateSecretInput{RotationLambdaARN: new(fnARN), RotationRules: &api.RotationRulesType{ScheduleExpression: new("rate(10 days)")}})
	w.must(err)
	w.settle()
	first, last := *w.describe().NextRotationDate, *w.describe().LastRotatedDate
	w.is(first, time.Date(2026, 3, 14, 23, 59, 59, 0, time.UTC))
	w.clock.Advance(5 * day)
	ok(w, api.OpPutSecretValue, &api.PutSecretValueInput{SecretId: new("db"), SecretString: new("by hand"), ClientRequestToken: new(newToken())})
	w.is(*w.describe().NextRotationDate, first.Add(5*day))
	w.is(*w.describe().LastRotatedDate, last)
	w.took()
	w.clock.Advance(6 * day)
	w.settle()
	w.is(w.took(), "[]")
	w.clock.Advance(5 * day)
	w.settle()
	w.is(w.took(), allSteps)
}

// The article's function: it looks at no step, and writes the secret each time.
func TestFunctionThatIgnoresTheProtocol(t *testing.T) {
	w := newWorld(t)
	w.create("old")
	n := 0
	w.does(func(e event) error {
		n++
		_, err := do(w, api.OpUpdateSecret, &api.UpdateSecretInput{SecretId: &e.SecretId, SecretString: new(fmt.Sprint("password ", n)), ClientRequestToken: new(newToken())})
		return err
	})
	_, err := w.rotate(api.RotateSecretInput{RotationLambdaARN: new(fnARN), RotationRules: monthly})
	w.must(err)
	w.settle()
	w.is(w.took(), allSteps)
	w.is(w.value(), "password 4")
	list := ok(w, api.OpListSecretVersionIds, &api.ListSecretVersionIdsInput{SecretId: new("db"), IncludeDeprecated: new(true)})
	w.is(len(list.Versions), 5)
	d := w.describe()
	w.is(len(d.VersionIdsToStages), 2) // no placeholder left
	w.is(*d.LastRotatedDate, w.clock.Now())
	if h := w.history(); !strings.Contains(h[0].Note, "of its own") {
		t.Errorf("%+v", h)
	}
	_, err = w.rotate(api.RotateSecretInput{})
	w.must(err)
}

func TestFunctionThatDoesNothing(t *testing.T) {
	w := newWorld(t)
	w.create("old")
	w.does(func(event) error { return nil })
	token, err := w.rotate(api.RotateSecretInput{RotationLambdaARN: new(fnARN), RotationRules: monthly})
	w.must(err)
	again, err := w.rotate(api.RotateSecretInput{ClientRequestToken: &token})
	w.must(err)
	w.is(again, token)
	w.settle()
	w.is(w.took(), "[createSecret]")
	h := w.history()
	if !strings.Contains(h[0].Steps[0].Error, "Pending secret version "+token+" for Secret") {
		t.Errorf("%+v", h)
	}
	_, err = do(w, api.OpGetSecretValue, &api.GetSecretValueInput{SecretId: new("db"), VersionStage: new(pending)})
	w.is(redoubtCode(err), "ResourceNotFoundException")
	_, err = w.rotate(api.RotateSecretInput{})
	w.is(redoubtCode(err), "InvalidRequestException")
	// A value that is written past the placeholder takes it away.
	ok(w, api.OpPutSecretValue, &api.PutSecretValueInput{SecretId: new("db"), SecretString: new("by hand"), ClientRequestToken: new(newToken())})
	if w.describe().VersionIdsToStages[token] != nil {
		t.Error("the placeholder is still there")
	}
	w.does(w.proper)
	second, err := w.rotate(api.RotateSecretInput{})
	w.must(err)
	w.settle()
	w.is(w.value(), "made for "+second)
}

func TestLabelTakenFromTheVersionThatRotates(t *testing.T) {
	w := newWorld(t)
	w.create("old")
	w.does(func(e event) error {
		if e.Step == "setSecret" {
			return errors.New("no")
		}
		return w.proper(e)
	})
	token, err := w.rotate(api.RotateSecretInput{RotationLambdaARN: new(fnARN), RotationRules: monthly})
	w.must(err)
	w.settle()
	w.took()
	ok(w, api.OpUpdateSecretVersionStage, &api.UpdateSecretVersionStageInput{SecretId: new("db"), VersionStage: new(pending), RemoveFromVersionId: &token})
	w.clock.Advance(time.Hour)
	w.settle()
	w.is(w.took(), "[]")
	h := w.history()
	w.is(h[len(h)-1].Outcome, abandoned)
	w.is(w.value(), "old")
}

func TestRotationRights(t *testing.T) {
	w := newWorld(t)
	w.create("old")
	w.does(w.proper)
	w.denied = true
	_, err := w.rotate(api.RotateSecretInput{RotationLambdaARN: new(fnARN), RotationRules: monthly})
	if redoubtCode(err) != "AccessDeniedException" || !strings.Contains(err.Error(), "Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.") {
		t.Error(err)
	}
	d := w.describe()
	if d.RotationEnabled != nil || d.RotationLambdaARN != nil || len(d.VersionIdsToStages) != 1 {
		t.Errorf("a refusal left something behind: %+v", d)
	}
	w.mu.Lock()
	w.denied = false
	w.mu.Unlock()
	_, err = w.rotate(api.RotateSecretInput{RotationLambdaARN: new(fnARN), RotationRules: monthly})
	w.must(err)
	w.settle()
	w.took()
	// The right is asked for every time.
	w.mu.Lock()
	w.denied = true
	w.mu.Unlock()
	w.clock.Advance(31 * day)
	w.settle()
	w.is(w.took(), "[]")
	h := w.history()
	if last := h[len(h)-1]; last.Outcome != failed || !strings.Contains(last.Steps[0].Error, "cannot invoke") {
		t.Errorf("%+v", last)
	}
	_, err = do(w, api.OpPutSecretValue, &api.PutSecretValueInput{SecretId: new("db"), SecretString: new("x"), ClientRequestToken: new(newToken()), RotationToken: new(newToken())})
	w.is(redoubtCode(err), "InvalidParameterException")
}

func TestDeletedSecretDoesNotRotate(t *testing.T) {
	w := newWorld(t)
	w.create("old")
	w.does(w.proper)
	_, err := w.rotate(api.RotateSecretInput{RotationLambdaARN: new(fnARN), RotationRules: &api.RotationRulesType{AutomaticallyAfterDays: new(int64(3))}})
	w.must(err)
	w.settle()
	w.took()
	ok(w, api.OpDeleteSecret, &api.DeleteSecretInput{SecretId: new("db")})
	w.clock.Advance(5 * day)
	w.settle()
	w.is(w.took(), "[]")
	ok(w, api.OpRestoreSecret, &api.RestoreSecretInput{SecretId: new("db")})
	w.settle()
	w.is(w.took(), allSteps)
}
