package rotate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rotation is one step under way.
type rotation struct {
	fn      *Function
	secrets Secrets
	env     Environment
	id      string // the secret's ARN
	token   string // the version that is being made
	log     Log
	plain   map[string]bool // addresses that had no TLS in this step: some are slow to show it
}

func (r *rotation) info(format string, args ...any) { r.log(Info, fmt.Sprintf(format, args...)) }
func (r *rotation) warn(format string, args ...any) { r.log(Warning, fmt.Sprintf(format, args...)) }

func (r *rotation) engine() *engine { return &r.fn.driver.engine }

// step checks that the version is staged for rotation and does the step.
func (r *rotation) step(ctx context.Context, step string) error {
	d, err := r.secrets.Describe(ctx, r.id)
	if err != nil {
		return err
	}
	if d.Cancelled {
		return valueError("Secret %s is not enabled for rotation", r.id)
	}
	stages, ok := d.Stages[r.token]
	if !ok {
		return valueError("Secret version %s has no stage for rotation of secret %s.", r.token, r.id)
	}
	if slices.Contains(stages, Current) {
		r.info("Secret version %s already set as AWSCURRENT for secret %s.", r.token, r.id)
		return nil
	}
	if !slices.Contains(stages, Pending) {
		return valueError("Secret version %s not set as AWSPENDING for rotation of secret %s.", r.token, r.id)
	}
	switch step {
	case CreateSecret:
		return r.createSecret(ctx)
	case SetSecret:
		if r.fn.Scheme == MultiUser {
			return r.setClone(ctx)
		}
		return r.setOwn(ctx)
	case TestSecret:
		return r.testSecret(ctx)
	case FinishSecret:
		return r.finishSecret(ctx, d)
	}
	return valueError("Invalid step parameter %s for secret %s", step, r.id)
}

// createSecret makes the pending value, unless an earlier run made it: a value
// that may have reached the database is never replaced.
func (r *rotation) createSecret(ctx context.Context) error {
	doc, current, err := r.read(ctx, r.id, "", Current)
	if err != nil {
		return err
	}
	_, _, err = r.read(ctx, r.id, r.token, Pending)
	if err == nil {
		r.info("createSecret: Successfully retrieved secret for %s.", r.id)
		return nil
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	if r.fn.Scheme == MultiUser {
		other, err := r.engine().alternate(current.user)
		if err != nil {
			return err
		}
		if err := doc.set("username", other); err != nil {
			return err
		}
	}
	rules, err := r.passwordRules()
	if err != nil {
		return err
	}
	password, err := r.secrets.RandomPassword(ctx, rules)
	if err != nil {
		return err
	}
	if err := doc.set("password", password); err != nil {
		return err
	}
	value, err := doc.format()
	if err != nil {
		return valueError("%s (secret %s)", err, r.id)
	}
	if err := r.secrets.PutPending(ctx, r.id, r.token, value); err != nil {
		return err
	}
	r.info("createSecret: Successfully put secret for ARN %s and version %s.", r.id, r.token)
	return nil
}

// testSecret signs in with the pending value and runs a query.
func (r *rotation) testSecret(ctx context.Context) error {
	_, pending, err := r.read(ctx, r.id, r.token, Pending)
	if err != nil {
		return err
	}
	s, err := r.connect(ctx, pending)
	if err == nil {
		err = s.query(ctx)
		s.close()
	}
	if err != nil {
		return r.blame(fmt.Sprintf("Unable to log into database with pending secret of secret ARN %s", r.id), attempt{pending, err})
	}
	r.info("testSecret: Successfully signed into %s DB with AWSPENDING secret in %s.", r.engine().label, r.id)
	return nil
}

// finishSecret makes the pending version current.
func (r *rotation) finishSecret(ctx context.Context, d Description) error {
	from := ""
	for version, stages := range d.Stages {
		if slices.Contains(stages, Current) {
			from = version
		}
	}
	if err := r.secrets.MoveCurrent(ctx, r.id, r.token, from); err != nil {
		return err
	}
	r.info("finishSecret: Successfully set AWSCURRENT stage to version %s for secret %s.", r.token, r.id)
	return nil
}

// read reads and checks a value of a secret.
func (r *rotation) read(ctx context.Context, id, version, stage string) (*document, *login, error) {
	text, err := r.secrets.Value(ctx, id, version, stage)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, missing(id, stage)
	}
	if err != nil {
		return nil, nil, err
	}
	d, err := parseDocument(text)
	if err != nil {
		return nil, nil, valueError("%s (%s of secret %s)", err, stage, id)
	}
	l, err := r.engine().login(d, stage, r.fn.roots)
	var e *Error
	if errors.As(err, &e) {
		e.Message += fmt.Sprintf(" (%s of secret %s)", stage, id)
	}
	return d, l, err
}

// cloneSuffix ends the name of the second of two alternating users.
const cloneSuffix = "_clone"

// alternate answers the other of two alternating users.
func (e *engine) alternate(user string) (string, error) {
	if base, ok := strings.CutSuffix(user, cloneSuffix); ok {
		if base == "" {
			return "", valueError("Unable to alternate: user %s has no name before %s", user, cloneSuffix)
		}
		return base, nil
	}
	if n := len([]rune(user + cloneSuffix)); n > e.maxUser {
		return "", valueError("Unable to clone user, username length with _clone appended would exceed %d characters", e.maxUser)
	}
	return user + cloneSuffix, nil
}

// passwordRules reads the environment as AWS's templates do.
func (r *rotation) passwordRules() (PasswordRules, error) {
	p := PasswordRules{Length: 32, ExcludeCharacters: r.engine().exclude, RequireEachIncludedType: true}
	if s, ok := r.env["EXCLUDE_CHARACTERS"]; ok {
		p.ExcludeCharacters = s
	}
	if s, ok := r.env["PASSWORD_LENGTH"]; ok {
		n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		if err != nil {
			return p, valueError("PASSWORD_LENGTH in the function's environment is no number")
		}
		p.Length = n
	}
	for name, to := range map[string]*bool{
		"EXCLUDE_NUMBERS": &p.ExcludeNumbers, "EXCLUDE_PUNCTUATION": &p.ExcludePunctuation,
		"EXCLUDE_UPPERCASE": &p.ExcludeUppercase, "EXCLUDE_LOWERCASE": &p.ExcludeLowercase,
		"REQUIRE_EACH_INCLUDED_TYPE": &p.RequireEachIncludedType,
	} {
		if s, ok := r.env[name]; ok {
			*to = slices.Contains([]string{"true", "1", "y", "yes"}, strings.ToLower(s))
		}
	}
	return p, nil
}
