// Package awsjson speaks awsJson 1.0 and 1.1: POST / with the operation in
// X-Amz-Target and JSON both ways. The version is the service's
// (schema.Service.JSONVersion).
package awsjson

import (
	"errors"
	"net/http"
	"reflect"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/jsonio"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// Codec implements wire.Codec.
type Codec struct {
	limits wire.Limits
	cache  walk.Cache
	json   jsonio.JSON
}

// New makes a codec; zero limits are wire's defaults.
func New(limits wire.Limits) *Codec {
	limits = limits.Or(wire.DefaultBody)
	return &Codec{limits: limits, cache: walk.Cache{Name: walk.WireName}, json: jsonio.JSON{Depth: limits.Depth}}
}

// Match implements wire.Codec. AWS answers an unknown target with a bare code.
func (c *Codec) Match(svc *schema.Service, r *wire.Request) (*schema.Operation, error) {
	target := r.Header.Get("X-Amz-Target")
	if dot := strings.LastIndexByte(target, '.'); dot >= 0 && isTarget(svc, target[:dot]) {
		if op := svc.Find(target[dot+1:]); op != nil && r.Method == http.MethodPost {
			return op, nil
		}
	}
	return nil, wire.ErrUnknownOperation.Bare()
}

// isTarget tells whether a request names the service so. CloudTrail's prefix has
// a package before it (com.amazonaws.….CloudTrail_20131101), which the SDKs that
// are generated from Smithy models leave out.
func isTarget(svc *schema.Service, name string) bool {
	return name == svc.TargetPrefix || name != "" && strings.HasSuffix(svc.TargetPrefix, "."+name)
}

// Decode implements wire.Codec.
func (c *Codec) Decode(svc *schema.Service, op *schema.Operation, r *wire.Request, in any) error {
	body, err := r.Content(c.limits.Body)
	if err != nil {
		return err
	}
	if op.Input == schema.None && len(body) == 0 {
		return nil
	}
	if op.Input == schema.None {
		err = c.json.Check(body)
	} else {
		err = c.json.Decode(c.cache.Service(svc), op.Input, body, reflect.ValueOf(in).Elem())
	}
	return Refusal(err)
}

// Refusal words a mismatch as AWS's JSON services do.
func Refusal(err error) error {
	if m, ok := errors.AsType[*walk.Mismatch](err); ok {
		return &redoubt.Error{Code: string(wire.ErrSerialization), Message: m.Message, Status: 400}
	}
	return err
}

// answer is a response with room for its headers' values and a small body, so
// that most answers are one allocation.
type answer struct {
	wire.Response
	id   [1]string
	room [880]byte
}

var contentTypes = map[string][]string{
	"1.0": {"application/x-amz-json-1.0"},
	"1.1": {"application/x-amz-json-1.1"},
}

func respond(svc *schema.Service, status int, requestID string) *answer {
	ct := contentTypes[svc.JSONVersion]
	if ct == nil {
		ct = contentTypes["1.1"]
	}
	a := &answer{id: [1]string{requestID}}
	a.Status = status
	a.Header = http.Header{"Content-Type": ct[:1:1], "X-Amzn-Requestid": a.id[:]}
	return a
}

// Encode implements wire.Codec. An operation without output has an empty body,
// one with an empty output "{}".
func (c *Codec) Encode(svc *schema.Service, op *schema.Operation, out any, requestID string) (*wire.Response, error) {
	a := respond(svc, 200, requestID)
	if op.Output == schema.None {
		return &a.Response, nil
	}
	var err error
	a.Body, err = c.json.Encode(c.cache.Service(svc), op.Output, a.room[:0], reflect.ValueOf(out).Elem())
	if err != nil {
		return nil, err
	}
	return &a.Response, nil
}

// namespaces are the prefixes of __type of services that send one, by service
// name. Clients cut them off; recordings of these services show them.
var namespaces = map[string]string{"sqs": "com.amazonaws.sqs#"}

// EncodeError implements wire.Codec.
func (c *Codec) EncodeError(svc *schema.Service, op *schema.Operation, e *redoubt.Error, requestID string) *wire.Response {
	s := c.cache.Service(svc)
	st := s.Fault(op, e.Code)
	name, typ := e.Code, e.Code
	var shape *schema.Shape
	if st != nil {
		shape = st.Shape
		name = st.Name
		typ = namespaces[svc.Name] + name
	}
	status := wire.Status(e, shape)
	all := func(*schema.Member) bool { return true }
	a := respond(svc, status, requestID)
	a.Body = c.json.EncodeFault(s, st, a.room[:0], typ, e, all)
	a.Header["X-Amzn-Errortype"] = []string{name}
	wire.QueryError(svc, &a.Response, shape, status)
	return &a.Response
}
