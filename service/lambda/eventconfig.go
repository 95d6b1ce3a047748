package lambda

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/store"
)

// EventConfig is how asynchronous invocations of a function, a version or an alias
// are retried and where their results go.
type EventConfig struct {
	Qualifier string // "$LATEST" for the function itself
	Retries   *int32 `json:",omitempty"`
	Age       *int32 `json:",omitempty"` // seconds
	OnSuccess string `json:",omitempty"` // ARN
	OnFailure string `json:",omitempty"`
	Modified  time.Time
}

var eventConfigs = store.RegionalTable[EventConfig]("lambda.eventconfig") // by function ID and qualifier

// configRef is what a call names, with $LATEST where it names no version.
func configRef(c *redoubt.Call, name, qualifier *string) (ref, error) {
	r, err := parseRef(c, value(name), qualifier)
	if err == nil && r.qualifier == "" {
		r.qualifier = latest
	}
	return r, err
}

func noEventConfig(r ref) error {
	return notFound("The function %s doesn't have an EventInvokeConfig", r.arn())
}

// configured answers the function and what is configured for r.
func (s *Service) configured(tx *store.Tx, r ref) (*Function, *EventConfig, error) {
	f, err := s.find(tx, r)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, noEventConfig(r)
	}
	if err != nil {
		return nil, nil, err
	}
	e, err := eventConfigs.In(r.account, r.region).Get(tx, store.ID(f.ID, r.qualifier))
	if errors.Is(err, store.ErrNotFound) {
		err = noEventConfig(r)
	}
	return f, e, err
}

func (e *EventConfig) shown(f *Function) *api.FunctionEventInvokeConfig {
	return &api.FunctionEventInvokeConfig{
		LastModified: &e.Modified, FunctionArn: new(f.ARN + ":" + e.Qualifier),
		MaximumRetryAttempts: e.Retries, MaximumEventAgeInSeconds: e.Age,
		DestinationConfig: &api.DestinationConfig{
			OnSuccess: &api.OnSuccess{Destination: present(e.OnSuccess)}, OnFailure: &api.OnFailure{Destination: present(e.OnFailure)},
		},
	}
}

// take reads what a request configures into e.
func (e *EventConfig) take(retries, age *int32, d *api.DestinationConfig) {
	if retries != nil {
		e.Retries = retries
	}
	if age != nil {
		e.Age = age
	}
	if d == nil {
		return
	}
	if d.OnSuccess != nil {
		e.OnSuccess = value(d.OnSuccess.Destination)
	}
	if d.OnFailure != nil {
		e.OnFailure = value(d.OnFailure.Destination)
	}
}

// checkDestinations holds destinations against Lambda's rules.
func (s *Service) checkDestinations(tx *store.Tx, r ref, d *api.DestinationConfig) error {
	if d == nil {
		return nil
	}
	var success, failure string
	if d.OnSuccess != nil {
		success = value(d.OnSuccess.Destination)
	}
	if d.OnFailure != nil {
		failure = value(d.OnFailure.Destination)
	}
	for i, arn := range []string{success, failure} {
		if arn == "" {
			continue
		}
		a, err := redoubt.ParseARN(arn)
		// Buckets take failures only.
		if err != nil || !slices.Contains([]string{"lambda", "sns", "sqs", "events", "s3"}, a.Service) || a.Service == "s3" && i == 0 {
			return invalid("The provided destination config %s is invalid.", describe(success, failure))
		}
		if a.Service != "lambda" {
			continue
		}
		to, err := r.parse(arn, nil)
		if err != nil {
			return invalid("The destination ARN %s is invalid.", arn)
		}
		if to.function() == r.function() {
			return invalid("You can't specify the function as a destination for itself.")
		}
		if _, err := s.exists(tx, to); errors.Is(err, api.ErrResourceNotFoundException) {
			return invalid("The destination ARN %s is invalid.", arn)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// describe words destinations as AWS's refusal does.
func describe(success, failure string) string {
	text := func(kind, arn string) string {
		if arn == "" {
			return "null"
		}
		return fmt.Sprintf("%s(destination=%s)", kind, arn)
	}
	return fmt.Sprintf("DestinationConfig(onSuccess=%s, onFailure=%s)", text("OnSuccess", success), text("OnFailure", failure))
}

// configureEvents is PutFunctionEventInvokeConfig and, with keep, the update of
// what there is.
func (s *Service) configureEvents(ctx context.Context, c *redoubt.Call, keep bool, name, qualifier *string, retries, age *int32, d *api.DestinationConfig) (*api.FunctionEventInvokeConfig, error) {
	tx := store.From(ctx)
	r, err := configRef(c, name, qualifier)
	if err != nil {
		return nil, err
	}
	if retries == nil && age == nil && d == nil {
		return nil, invalid("You must specify at least one of error handling or destination setting.")
	}
	f, err := s.exists(tx, r)
	if errors.Is(err, api.ErrResourceNotFoundException) {
		return nil, notFound("The function doesn't exist.")
	}
	if err != nil {
		return nil, err
	}
	if err := s.checkDestinations(tx, r, d); err != nil {
		return nil, err
	}
	next := EventConfig{}
	if keep {
		_, e, err := s.configured(tx, r)
		if err != nil {
			return nil, err
		}
		next = *e
	}
	next.take(retries, age, d)
	next.Qualifier, next.Modified = r.qualifier, s.Clock.Now()
	return next.shown(f), eventConfigs.In(r.account, r.region).Put(tx, store.ID(f.ID, r.qualifier), &next)
}

// PutFunctionEventInvokeConfig configures asynchronous invocations, in place of
// what was configured.
func (s *Service) PutFunctionEventInvokeConfig(ctx context.Context, c *redoubt.Call, in *api.PutFunctionEventInvokeConfigInput) (*api.PutFunctionEventInvokeConfigOutput, error) {
	return s.configureEvents(ctx, c, false, in.FunctionName, in.Qualifier, in.MaximumRetryAttempts, in.MaximumEventAgeInSeconds, in.DestinationConfig)
}

// UpdateFunctionEventInvokeConfig changes some of what is configured.
func (s *Service) UpdateFunctionEventInvokeConfig(ctx context.Context, c *redoubt.Call, in *api.UpdateFunctionEventInvokeConfigInput) (*api.UpdateFunctionEventInvokeConfigOutput, error) {
	return s.configureEvents(ctx, c, true, in.FunctionName, in.Qualifier, in.MaximumRetryAttempts, in.MaximumEventAgeInSeconds, in.DestinationConfig)
}

// GetFunctionEventInvokeConfig shows what is configured.
func (s *Service) GetFunctionEventInvokeConfig(ctx context.Context, c *redoubt.Call, in *api.GetFunctionEventInvokeConfigInput) (*api.GetFunctionEventInvokeConfigOutput, error) {
	r, err := configRef(c, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	f, e, err := s.configured(store.From(ctx), r)
	if err != nil {
		return nil, err
	}
	return e.shown(f), nil
}

// DeleteFunctionEventInvokeConfig removes what is configured.
func (s *Service) DeleteFunctionEventInvokeConfig(ctx context.Context, c *redoubt.Call, in *api.DeleteFunctionEventInvokeConfigInput) (*api.DeleteFunctionEventInvokeConfigOutput, error) {
	tx := store.From(ctx)
	r, err := configRef(c, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	f, _, err := s.configured(tx, r)
	if err != nil {
		return nil, err
	}
	return nil, eventConfigs.In(r.account, r.region).Delete(tx, store.ID(f.ID, r.qualifier))
}

// ListFunctionEventInvokeConfigs shows what is configured for a function and its
// versions and aliases.
func (s *Service) ListFunctionEventInvokeConfigs(ctx context.Context, c *redoubt.Call, in *api.ListFunctionEventInvokeConfigsInput) (*api.ListFunctionEventInvokeConfigsOutput, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	f, err := s.find(tx, r)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("The function doesn't exist.")
	}
	if err != nil {
		return nil, err
	}
	p, err := s.page(c, in.Marker, in.MaxItems, 50, f.ID)
	if err != nil {
		return nil, err
	}
	out := &api.ListFunctionEventInvokeConfigsOutput{FunctionEventInvokeConfigs: []api.FunctionEventInvokeConfig{}}
	at := p.after
	for row, err := range eventConfigs.In(r.account, r.region).Scan(tx, store.Query{Prefix: store.ID(f.ID, ""), After: p.after}) {
		if err != nil {
			return nil, err
		}
		if len(out.FunctionEventInvokeConfigs) == p.limit {
			out.NextMarker, err = s.marker(c, at, f.ID)
			return out, err
		}
		out.FunctionEventInvokeConfigs, at = append(out.FunctionEventInvokeConfigs, *row.Value.shown(f)), row.ID
	}
	return out, nil
}
