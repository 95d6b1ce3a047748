package lambda

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/store"
)

// invokeNeeds: the right is lambda:InvokeFunction on what the call names.
func (s *Service) invokeNeeds(ctx context.Context, c *redoubt.Call, in *api.InvokeInput) ([]redoubt.Need, error) {
	n, err := s.versionNeed(ctx, c, in.FunctionName, in.Qualifier, "lambda:InvokeFunction", nil)
	return []redoubt.Need{n}, err
}

// Invoke runs a function and answers what it answers, or takes an event for later.
func (s *Service) Invoke(ctx context.Context, c *redoubt.Call, in *api.InvokeInput) (*api.InvokeOutput, error) {
	r, err := parseRef(c, value(in.FunctionName), in.Qualifier)
	if err != nil {
		return nil, err
	}
	later := value(in.InvocationType) == api.InvocationTypeEvent
	if err := checkPayload(in, later); err != nil {
		return nil, err
	}
	client, err := clientContext(in.ClientContext)
	if err != nil {
		return nil, err
	}
	if in.DurableExecutionName != nil || in.TenantId != nil {
		return nil, invalid("The function does not support durable executions or tenants.")
	}
	t, err := s.aim(ctx, r)
	if err != nil {
		return nil, err
	}
	switch {
	case value(in.InvocationType) == api.InvocationTypeDryRun:
		return &api.InvokeOutput{StatusCode: new(int32(204))}, nil
	case later:
		return &api.InvokeOutput{StatusCode: new(int32(202))}, s.enqueue(ctx, t, c.RequestID, in.Payload, client)
	}
	res, err := s.run(ctx, t, functions.Invocation{
		RequestID: c.RequestID, Payload: in.Payload, ClientContext: client, InvokedARN: r.arn(),
	})
	if err != nil {
		return nil, err
	}
	out := &api.InvokeOutput{
		StatusCode: new(int32(200)), FunctionError: present(res.FunctionError), Payload: res.Payload, ExecutedVersion: &t.version.Number,
	}
	if value(in.LogType) == api.LogTypeTail {
		out.LogResult = new(base64.StdEncoding.EncodeToString(res.Tail))
	}
	return out, nil
}

// checkPayload refuses events that are too large or no JSON.
func checkPayload(in *api.InvokeInput, later bool) error {
	limit := functions.MaxSync
	if later {
		limit = functions.MaxAsync
	}
	if len(in.Payload) > limit {
		e := user(api.ErrRequestTooLargeException.New("Request must be smaller than %d bytes for the InvokeFunction operation", limit))
		e.Status = 413
		return e
	}
	if len(in.Payload) > 0 && !json.Valid(in.Payload) {
		const refusal = "Could not parse request body into json: Could not parse payload into json"
		e := user(api.ErrInvalidRequestContentException.New("%s%s", refusal, cmp.Or(unreadable(in.Payload), ".")))
		e.Recorded = refusal + "." // AWS's words quote the payload
		return e
	}
	return nil
}

// unreadable is what AWS's parser says of a payload that does not even start as JSON,
// empty where it is the rest that is wrong.
func unreadable(payload []byte) string {
	const (
		values = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
		where  = "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %d, column: %d]"
	)
	line, column, rest := 1, 1, payload
	for len(rest) > 0 && strings.IndexByte(" \t\r\n", rest[0]) >= 0 {
		column++
		if rest[0] == '\n' {
			line, column = line+1, 1
		}
		rest = rest[1:]
	}
	if len(rest) == 0 || strings.IndexByte("{}[]\"-0123456789", rest[0]) >= 0 {
		return ""
	}
	if c := rest[0]; !wordy(rune(c)) {
		name := fmt.Sprintf("'%c' (code %d)", c, c)
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			name = fmt.Sprintf("(CTRL-CHAR, code %d)", c)
		}
		return fmt.Sprintf(": Unexpected character (%s): expected a valid value %s"+where, name, values, line, column)
	}
	end := 0
	for end < len(rest) {
		r, size := utf8.DecodeRune(rest[end:])
		if r == utf8.RuneError && size <= 1 {
			return fmt.Sprintf(": Invalid UTF-8 start byte 0x%x"+where, rest[end], line, column+end+1)
		}
		if !wordy(r) {
			break
		}
		end += size
	}
	switch word := string(rest[:end]); word {
	case "null", "true", "false":
		return "" // what comes after it is wrong
	default:
		return fmt.Sprintf(": Unrecognized token '%s': was expecting %s"+where, word, values, line, column+end)
	}
}

// wordy reports whether words that JSON does not know are read on with r.
func wordy(r rune) bool {
	return r == '_' || r == '$' || r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') || r >= 0xa0 && unicode.IsLetter(r)
}

// maxClient is AWS's limit for the client context, in bytes of base64.
const maxClient = 3583

func clientContext(given *string) ([]byte, error) {
	if value(given) == "" {
		return nil, nil
	}
	b, err := base64.StdEncoding.DecodeString(*given)
	if err != nil || !json.Valid(b) || len(*given) > maxClient {
		return nil, user(api.ErrInvalidRequestContentException.New("Client context must be a valid Base64-encoded JSON object."))
	}
	return b, nil
}

// target is a version of a function that is about to run.
type target struct {
	ref      ref // as it was named
	function *Function
	version  *Version
	reserved int32 // of the account's concurrency, by all functions with a share
}

// aim finds what runs when r is invoked: of an alias with weights one of two
// versions, and while $LATEST is being updated what it was before.
func (s *Service) aim(ctx context.Context, r ref) (t target, err error) {
	err = s.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		at := s.weigh(tx, r)
		if at.qualifier == "" {
			at.qualifier = latest // which a refusal names
		}
		f, v, err := s.version(tx, at)
		if err != nil {
			return err
		}
		if v.Number == latest && f.Before != nil {
			v = f.Before
		}
		if v.State.Name != active.Name {
			return conflict("The operation cannot be performed at this time. The function is currently in the following state: %s", v.State.Name)
		}
		t = target{ref: r, function: f, version: v}
		if f.Reserved == nil && !s.isInside(r) {
			t.reserved, err = reservedOf(tx, r)
		}
		return err
	})
	return t, err
}

// weigh answers r, or of an alias with weights the version that the dice show.
func (s *Service) weigh(tx *store.Tx, r ref) ref {
	if r.qualifier == "" || r.qualifier == latest || isVersion(r.qualifier) {
		return r
	}
	f, err := s.find(tx, r)
	if err != nil {
		return r // version says so
	}
	a, err := s.alias(tx, r, f, r.qualifier)
	if err != nil {
		return r
	}
	for v, w := range a.Weights {
		if rand.Float64() < w {
			return r.with(v)
		}
	}
	return r
}

// run executes a target, within the limits of concurrency.
func (s *Service) run(ctx context.Context, t target, in functions.Invocation) (functions.Result, error) {
	end, err := s.begin(t.ref, t.function, t.reserved)
	if err != nil {
		return functions.Result{}, err
	}
	defer end()
	fn, err := s.prepare(ctx, t)
	if err != nil {
		return functions.Result{}, err
	}
	res, err := s.Engine.Invoke(ctx, fn, in)
	return res, engine(err)
}

// engine words what kept a function from running.
func engine(err error) error {
	var bad *functions.CodeError
	var known *redoubt.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.Is(err, functions.ErrBusy):
		return throttled(api.ThrottleReasonConcurrentInvocationLimitExceeded)
	case errors.Is(err, functions.ErrIsolation), errors.Is(err, functions.ErrRuntime):
		e := user(api.ErrInvalidRuntimeException.New("The function cannot run on this server: %v.", err))
		e.Cause = err
		return e
	case errors.As(err, &bad):
		return user(api.ErrInvalidZipFileException.New("%s", bad.Text))
	}
	e := api.ErrServiceException.New("An error occurred and the request cannot be processed.")
	e.Fault, e.Status, e.Cause, e.Fields = true, 500, err, map[string]any{"Type": "Service"}
	return e
}
