package lambda

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/engine/outbox"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// Where the results of asynchronous invocations go. Functions get them at once, as
// the execution role. Queues, topics, buses and buckets get them from the outbox,
// where an event tells of each; what it says, which may be secret, lies sealed in a
// record beside it.

// Delivery is what is to be delivered to a destination or dead letter target.
type Delivery struct {
	Role   string // execution role, in whose name it goes
	Sealed []byte // the body
}

var deliveries = store.RegionalTable[Delivery]("lambda.delivery")

const (
	deliveryPurpose = "lambda.delivery"
	// maxDelivery is what a body may have, in bytes: more fits into no queue. What is
	// larger goes without the payloads.
	maxDelivery = 256 << 10
	// keepDelivery is as long as the outbox keeps events.
	keepDelivery = 7 * 24 * time.Hour
	jobForget    = "lambda.forget"
)

// record is AWS's invocation record. Source: Lambda Developer Guide, "Capturing
// records of Lambda asynchronous invocations".
type record struct {
	Version        string          `json:"version"`
	Timestamp      string          `json:"timestamp"`
	RequestContext requestContext  `json:"requestContext"`
	RequestPayload json.RawMessage `json:"requestPayload,omitempty"`
	// ResponseContext is not there of a function that must not run.
	ResponseContext *responseContext `json:"responseContext,omitempty"`
	ResponsePayload json.RawMessage  `json:"responsePayload,omitempty"`
}

type requestContext struct {
	RequestID   string `json:"requestId"`
	FunctionARN string `json:"functionArn"`
	Condition   string `json:"condition"`
	Count       int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode int    `json:"statusCode"`
	Version    string `json:"executedVersion,omitempty"`
	Error      string `json:"functionError,omitempty"`
}

func (o *outcome) record(now time.Time) record {
	r := record{
		Version: "1.0", Timestamp: now.UTC().Format("2006-01-02T15:04:05.000Z"),
		RequestContext:  requestContext{o.invocation.RequestID, o.ref.with(cmp.Or(o.ref.qualifier, latest)).arn(), o.condition, o.event.Failures + o.event.Delays + 1},
		RequestPayload:  o.invocation.Payload,
		ResponseContext: &responseContext{StatusCode: 200, Error: o.result.FunctionError},
		ResponsePayload: o.result.Payload,
	}
	switch {
	case o.condition == zeroReserved:
		r.RequestContext.Count = o.event.Failures
		r.ResponseContext = nil
		return r
	case o.condition == "EventAgeExceeded" && (o.target.function == nil || o.failure != nil):
		r.RequestContext.Count-- // it did not run this time
	}
	if v := o.target.version; v != nil {
		r.ResponseContext.Version = v.Number
	}
	var e *redoubt.Error
	if errors.As(o.failure, &e) {
		r.ResponseContext.StatusCode = cmp.Or(e.Status, 400)
	}
	if len(r.ResponsePayload) > 0 && !json.Valid(r.ResponsePayload) {
		r.ResponsePayload = nil
	}
	return r
}

// settleEvent ends an event and sends its result where it is to go.
func (s *Service) settleEvent(ctx context.Context, o outcome) error {
	to := o.rules.onFailure
	if o.condition == "Success" {
		to = o.rules.onSuccess
	}
	rec := o.record(s.Clock.Now())
	body, err := json.Marshal(rec)
	if err == nil && len(body) > maxDelivery {
		rec.RequestPayload, rec.ResponsePayload = nil, nil
		body, err = json.Marshal(rec)
	}
	if err != nil {
		return err
	}
	if a, err := redoubt.ParseARN(to); err == nil && a.Service == "lambda" {
		s.passOn(ctx, o, to, body)
		to = ""
	}
	r := o.ref
	return s.endEvent(ctx, r.account, r.region, o.invocation.RequestID, func(tx *store.Tx) error {
		if to != "" {
			if err := s.deliver(tx, o, "Lambda Function Invocation Result", to, body); err != nil {
				return err
			}
		}
		if o.rules.deadLetter == "" || o.condition == "Success" {
			return nil
		}
		return s.deliver(tx, o, "Lambda Dead Letter", o.rules.deadLetter, o.invocation.Payload)
	})
}

// passOn hands a result to another function, as the execution role.
func (s *Service) passOn(ctx context.Context, o outcome, to string, body []byte) {
	as := op.Role("lambda", o.ref.region, o.rules.role, o.ref.name)
	as.SourceARN, as.SourceAccount = o.ref.function(), o.ref.account
	_, err := op.Invoke(ctx, s.Invoker, as, api.OpInvoke, &api.InvokeInput{FunctionName: &to, InvocationType: new(api.InvocationTypeEvent), Payload: body})
	if err != nil {
		// As at AWS the result is lost; DestinationDeliveryFailures counts it there.
		s.lostResults.Add(1)
		s.Log.Warn("the result of an asynchronous invocation could not be delivered", "function", o.ref.function(), "destination", to, "error", err)
	}
}

// deliver puts a result into the outbox.
func (s *Service) deliver(tx *store.Tx, o outcome, what, to string, body []byte) error {
	r, id := o.ref, newID()
	sealed, err := s.Keyring.Seal(deliveryPurpose, []byte(id), body)
	if err != nil {
		return err
	}
	if err := deliveries.In(r.account, r.region).Put(tx, id, &Delivery{Role: o.rules.role, Sealed: sealed}); err != nil {
		return err
	}
	if err := s.Schedule.At(tx, jobForget, store.ID(r.account, r.region, id), s.Clock.Now().Add(keepDelivery)); err != nil {
		return err
	}
	detail, err := json.Marshal(map[string]string{
		"delivery": id, "destination": to, "requestId": o.invocation.RequestID, "condition": o.condition,
	})
	if err != nil {
		return err
	}
	return s.Outbox.Put(tx, outbox.Event{
		Source: "aws.lambda", DetailType: what, Account: r.account, Region: r.region,
		Resources: []string{r.function(), to}, Detail: detail,
	})
}

// Delivered answers the body of a delivery that an event in the outbox tells of,
// and the role in whose name it goes.
func (s *Service) Delivered(tx *store.Tx, account, region, id string) (body []byte, role string, err error) {
	d, err := deliveries.In(account, region).Get(tx, id)
	if err != nil {
		return nil, "", err
	}
	body, err = s.Keyring.Open(deliveryPurpose, []byte(id), d.Sealed)
	return body, d.Role, err
}

// forgetDelivery drops what nobody came for.
func (s *Service) forgetDelivery(ctx context.Context, job string) error {
	p := store.Parts(job)
	if len(p) != 3 {
		return fmt.Errorf("lambda: job %q", job)
	}
	return deliveries.In(p[0], p[1]).Delete(store.From(ctx), p[2])
}
