// Package restjson speaks restJson1: operations by method and path, members in
// path, query, headers and a JSON body.
package restjson

import (
	"errors"
	"net/http"
	"reflect"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/jsonio"
	"github.com/redoubt-sec/redoubt/wire/internal/rest"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// DefaultBody holds what Lambda accepts: a synchronous payload of 6 MB.
const DefaultBody = 6291556

// Codec implements wire.Codec.
type Codec struct {
	limits wire.Limits
	cache  walk.Cache // of inputs
	out    walk.Cache
	json   jsonio.JSON
	routes rest.Routes
}

// New makes a codec; zero limits are DefaultBody and wire's default depth.
func New(limits wire.Limits) *Codec {
	limits = limits.Or(DefaultBody)
	return &Codec{limits: limits, cache: walk.Cache{Name: rest.Names}, out: walk.Cache{Name: walk.WireName}, json: jsonio.JSON{Depth: limits.Depth}, routes: rest.Routes{AllQuery: true}}
}

// Match implements wire.Codec.
func (c *Codec) Match(svc *schema.Service, r *wire.Request) (*schema.Operation, error) {
	op, err := c.routes.Find(svc, r, false)
	if op == nil && err == nil {
		e := wire.ErrUnknownOperation.Bare()
		e.Status = 404
		err = e
	}
	return op, err
}

// Decode implements wire.Codec.
func (c *Codec) Decode(svc *schema.Service, op *schema.Operation, r *wire.Request, in any) error {
	if op.Input == schema.None {
		return nil
	}
	v := reflect.ValueOf(in).Elem()
	err := c.routes.Decode(svc, op, r, v, func(b []byte) error {
		_, err := c.json.Document(b)
		return err
	})
	if err == nil {
		err = c.body(svc, op, r, v)
	}
	if m, ok := errors.AsType[*walk.Mismatch](err); ok {
		return &redoubt.Error{Code: string(wire.ErrSerialization), Message: m.Message, Status: 400}
	}
	return err
}

func (c *Codec) body(svc *schema.Service, op *schema.Operation, r *wire.Request, v reflect.Value) error {
	sh := svc.At(op.Input)
	s := c.cache.Service(svc)
	if k := rest.Payload(sh); k >= 0 {
		m := &sh.Members[k]
		if done, err := rest.RawPayload(svc, m, v.Field(k), r, c.limits.Body); done {
			return err
		}
		body, err := r.Content(c.limits.Body)
		if err != nil || len(body) == 0 {
			return err
		}
		return c.json.DecodeMember(s, m, body, v.Field(k))
	}
	if !rest.HasBody(sh) {
		return nil
	}
	body, err := r.Content(c.limits.Body)
	if err != nil || len(body) == 0 {
		return err
	}
	return c.json.Decode(s, op.Input, body, v)
}

// Encode implements wire.Codec.
func (c *Codec) Encode(svc *schema.Service, op *schema.Operation, out any, requestID string) (*wire.Response, error) {
	r := &wire.Response{Status: status(op), Header: http.Header{"X-Amzn-Requestid": {requestID}}}
	if op.Output == schema.None {
		return r, nil
	}
	sh := svc.At(op.Output)
	v := reflect.ValueOf(out).Elem()
	rest.Encode(svc, sh, v, r)
	s := c.out.Service(svc)
	var err error
	if k := rest.Payload(sh); k >= 0 {
		m, f := &sh.Members[k], v.Field(k)
		if rest.EncodeRaw(svc, m, f, r) || f.IsNil() {
			return r, nil
		}
		r.Body, err = c.json.EncodeMember(s, m, nil, f)
	} else if r.Status == http.StatusNoContent {
		return r, nil
	} else {
		r.Body, err = c.json.EncodeMembers(s, op.Output, make([]byte, 0, 512), v, rest.InBody)
	}
	if _, ok := r.Header["Content-Type"]; !ok {
		r.Header["Content-Type"] = []string{"application/json"}
	}
	return r, err
}

func status(op *schema.Operation) int {
	if op.ResponseCode != 0 {
		return op.ResponseCode
	}
	return 200
}

// EncodeError implements wire.Codec. The code travels in a header only.
func (c *Codec) EncodeError(svc *schema.Service, op *schema.Operation, e *redoubt.Error, requestID string) *wire.Response {
	s := c.out.Service(svc)
	st := s.Fault(op, e.Code)
	name := e.Code
	var shape *schema.Shape
	if st != nil {
		shape, name = st.Shape, st.Name
	}
	r := &wire.Response{Status: wire.Status(e, shape), Header: http.Header{
		"Content-Type":     {"application/json"},
		"X-Amzn-Errortype": {name},
		"X-Amzn-Requestid": {requestID},
	}}
	rest.FaultHeaders(svc, st, e.Fields, r)
	r.Body = c.json.EncodeFault(s, st, nil, "", e, rest.InBody)
	return r
}
