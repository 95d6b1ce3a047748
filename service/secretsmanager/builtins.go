package secretsmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/engine/rotate"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// The built-in rotation functions are engine/rotate's. Lambda lists, describes and
// invokes them like any other, and whoever may invoke one by Lambda's rules invokes
// it. What keeps that from being a way around the rights on secrets:
//
//   - A step is done only for the version of a secret that is rotating right now,
//     by this very function.
//   - Of other secrets only the one is read that was admitted when rotation was set
//     up, by somebody who could read it themselves.
//   - All of it is done by a session of a role of the account, which may do no more
//     than that and is in the audit log.

// isBuiltin reports whether a function's ARN names one that is part of this server.
func isBuiltin(function string) bool {
	name := functionName(function)
	return strings.HasPrefix(name, "SecretsManager") && (strings.HasSuffix(name, "RotationSingleUser") || strings.HasSuffix(name, "RotationMultiUser"))
}

// functionName is the name in a function's ARN, without version or alias.
func functionName(arn string) string {
	a, err := redoubt.ParseARN(arn)
	if err != nil || a.Service != "lambda" {
		return ""
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(a.Resource, "function:"), ":")
	return name
}

// masterOf answers the masterarn in a secret's current value, read with the
// caller's rights on its key; "" if there is none.
func (s *Service) masterOf(ctx context.Context, c *redoubt.Call, sec *Secret) (string, error) {
	v, err := choose(store.From(ctx), sec, nil, nil)
	if err != nil {
		return "", err
	}
	val, err := s.open(ctx, c, sec, v)
	if err != nil {
		return "", err
	}
	defer wipe(val)
	var doc struct {
		Master string `json:"masterarn"`
	}
	if json.Unmarshal(val.text, &doc) != nil {
		return "", nil // the function says what is wrong with it
	}
	return doc.Master, nil
}

// admit prepares a secret for a built-in function: the role is there, and the
// secret that masterarn names is remembered. That the caller may read it was a need
// of the call.
func (s *Service) admit(ctx context.Context, c *redoubt.Call, sec *Secret) (master string, err error) {
	if err := s.makeRole(store.From(ctx), redoubt.Partition(sec.Region), sec.Account); err != nil {
		return "", err
	}
	named, err := s.masterOf(ctx, c, sec)
	if err != nil || named == "" {
		return "", err
	}
	m, err := find(ctx, c, named)
	if err != nil {
		if _, ok := isRefusal(err); ok {
			return "", api.ErrInvalidRequestException.New("The secret that masterarn names can't be found.")
		}
		return "", err
	}
	return m.ARN, nil
}

// Builtins are the functions, for Lambda.
func (s *Service) Builtins() []*functions.Builtin {
	var list []*functions.Builtin
	for _, f := range s.rotators.Functions() {
		list = append(list, &functions.Builtin{
			Name: f.Name, Description: f.Description, Service: endpoint, Variables: rotate.Variables,
			Role: func(account, region string) string { return roleARN(region, account) },
			Invoke: func(ctx context.Context, e functions.Event, log io.Writer) ([]byte, error) {
				return s.step(ctx, f, e, log)
			},
		})
	}
	return list
}

// step is an invocation of a built-in function.
func (s *Service) step(ctx context.Context, f *rotate.Function, e functions.Event, log io.Writer) ([]byte, error) {
	var ev struct{ Step, SecretId, ClientRequestToken string }
	if json.Unmarshal(e.Payload, &ev) != nil || !slices.Contains(rotate.Steps, ev.Step) {
		return nil, &functions.Error{Type: "ValueError", Message: "The event is none of a rotation: it needs Step, SecretId and ClientRequestToken."}
	}
	say := func(level rotate.Level, line string) { fmt.Fprintf(log, "[%s]\t%s\t%s\n", level, e.RequestID, line) }
	h := &hands{s: s, as: op.Role(endpoint, e.Region, roleARN(e.Region, e.Account), f.Name), id: ev.SecretId}
	err := s.db.Run(store.Without(ctx), func(ctx context.Context) error {
		sec, err := byARN(ctx, ev.SecretId)
		if err != nil && !isAbsent(err) {
			return err
		}
		if err != nil || sec.Account != e.Account || sec.Region != e.Region || sec.Rotation == nil || functionName(sec.Rotation.Function) != f.Name ||
			sec.Rotation.Active == nil || sec.Rotation.Active.Token != ev.ClientRequestToken || sec.Rotation.Active.Test && ev.Step != rotate.TestSecret {
			return &functions.Error{Type: "ValueError", Message: "The secret is not being rotated to this version by this function: only Secrets Manager begins a rotation."}
		}
		h.master = sec.Rotation.Master
		return nil
	})
	if err == nil {
		err = f.Run(ctx, h, e.Env, rotate.Event{Step: ev.Step, SecretID: ev.SecretId, ClientRequestToken: ev.ClientRequestToken}, say)
	}
	return []byte("null"), functionError(err)
}

// functionError makes a function's error of what a step failed with.
func functionError(err error) error {
	var known *functions.Error
	var step *rotate.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.As(err, &step):
		return &functions.Error{Type: step.Type, Message: step.Message}
	}
	if refusal, ok := isRefusal(err); ok {
		return &functions.Error{Type: refusal.Code, Message: refusal.Message}
	}
	return &functions.Error{Type: "InternalServiceError", Message: "The step failed within the server; its log says why."}
}

// hands are what a built-in function does with secrets: operations of Secrets
// Manager, by a session of the account's role.
type hands struct {
	s      *Service
	as     op.As
	id     string // the secret that rotates
	master string // the one other secret that may be read
}

// found translates the refusal that steps ask for.
func found(err error) error {
	if errors.Is(err, api.ErrResourceNotFoundException) {
		return errors.Join(rotate.ErrNotFound, err)
	}
	return err
}

// Describe implements rotate.Secrets.
func (h *hands) Describe(ctx context.Context, id string) (d rotate.Description, err error) {
	out, err := op.Invoke(ctx, h.s.invoker, h.as, api.OpDescribeSecret, &api.DescribeSecretInput{SecretId: &id})
	if err != nil {
		return d, found(err)
	}
	return rotate.Description{Cancelled: out.RotationEnabled != nil && !*out.RotationEnabled, Stages: out.VersionIdsToStages}, nil
}

// Value implements rotate.Secrets.
func (h *hands) Value(ctx context.Context, id, version, stage string) (string, error) {
	if id != h.id {
		if err := h.admitted(ctx, id); err != nil {
			return "", err
		}
		id = h.master
	}
	in := &api.GetSecretValueInput{SecretId: &id, VersionId: present(version), VersionStage: present(stage)}
	out, err := op.Invoke(ctx, h.s.invoker, h.as, api.OpGetSecretValue, in)
	if err != nil {
		return "", found(err)
	}
	if out.SecretString == nil {
		return "", rotate.ErrNotFound
	}
	return *out.SecretString, nil
}

// admitted refuses every secret but the one that was named when rotation was set
// up. A secret's value is for many to write; a masterarn in it is no reason to read
// what its writers could not.
func (h *hands) admitted(ctx context.Context, id string) error {
	arn := ""
	err := h.s.db.Run(store.Without(ctx), func(ctx context.Context) error {
		a, err := redoubt.ParseARN(h.id)
		if err != nil {
			return err
		}
		sec, err := place{a.Partition, a.Region, a.Account}.find(ctx, id)
		if err == nil {
			arn = sec.ARN
		}
		if _, ok := isRefusal(err); ok {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if h.master == "" || arn != h.master {
		return &functions.Error{Type: "AccessDeniedException", Message: "The secret that masterarn names was not admitted when rotation was set up for " + h.id + ": call RotateSecret with RotationLambdaARN again, as somebody who may read it."}
	}
	return nil
}

// PutPending implements rotate.Secrets.
func (h *hands) PutPending(ctx context.Context, id, version, text string) error {
	_, err := op.Invoke(ctx, h.s.invoker, h.as, api.OpPutSecretValue, &api.PutSecretValueInput{
		SecretId: &id, ClientRequestToken: &version, SecretString: &text, VersionStages: []string{pending},
	})
	return found(err)
}

// MoveCurrent implements rotate.Secrets.
func (h *hands) MoveCurrent(ctx context.Context, id, to, from string) error {
	_, err := op.Invoke(ctx, h.s.invoker, h.as, api.OpUpdateSecretVersionStage, &api.UpdateSecretVersionStageInput{
		SecretId: &id, VersionStage: new(current), MoveToVersionId: &to, RemoveFromVersionId: present(from),
	})
	return found(err)
}

// RandomPassword implements rotate.Secrets.
func (h *hands) RandomPassword(ctx context.Context, r rotate.PasswordRules) (string, error) {
	out, err := op.Invoke(ctx, h.s.invoker, h.as, api.OpGetRandomPassword, &api.GetRandomPasswordInput{
		PasswordLength: present(r.Length), ExcludeCharacters: &r.ExcludeCharacters, ExcludeNumbers: &r.ExcludeNumbers,
		ExcludePunctuation: &r.ExcludePunctuation, ExcludeUppercase: &r.ExcludeUppercase, ExcludeLowercase: &r.ExcludeLowercase,
		RequireEachIncludedType: &r.RequireEachIncludedType,
	})
	if err != nil {
		return "", err
	}
	return *out.RandomPassword, nil
}
