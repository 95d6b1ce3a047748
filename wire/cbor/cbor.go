// Package cbor speaks Smithy RPC v2 CBOR: POST to
// /service/<target prefix>/operation/<name>, told by the header
// "smithy-protocol: rpc-v2-cbor". CloudWatch's newer clients use it.
package cbor

import (
	"errors"
	"net/http"
	"reflect"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// Codec implements wire.Codec.
type Codec struct {
	limits wire.Limits
	cache  walk.Cache
}

// New makes a codec; zero limits are wire's defaults.
func New(limits wire.Limits) *Codec {
	return &Codec{
		limits: limits.Or(wire.DefaultBody),
		cache:  walk.Cache{Name: func(m *schema.Member) string { return m.Name }}, // the protocol knows no other names
	}
}

// Target splits the path of a request in this protocol. What stands before
// "/service/" does not matter: endpoints may have a base path.
func Target(r *wire.Request) (service, operation string, ok bool) {
	if r.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
		return "", "", false
	}
	head, operation, ok := cutLast(r.Path, "/operation/")
	if !ok {
		return "", "", false
	}
	_, service, ok = cutLast(head, "/service/")
	return service, operation, ok && !strings.Contains(operation, "/")
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// Match implements wire.Codec.
func (c *Codec) Match(svc *schema.Service, r *wire.Request) (*schema.Operation, error) {
	service, operation, ok := Target(r)
	if ok && service == svc.TargetPrefix && r.Method == http.MethodPost {
		if op := svc.Find(operation); op != nil {
			return op, nil
		}
	}
	e := wire.ErrUnknownOperation.Bare()
	e.Status = 404
	return nil, e
}

// Decode implements wire.Codec.
func (c *Codec) Decode(svc *schema.Service, op *schema.Operation, r *wire.Request, in any) error {
	body, err := r.Content(c.limits.Body)
	if err != nil {
		return err
	}
	s := source{b: body, max: c.limits.Depth}
	switch {
	case op.Input == schema.None && len(body) == 0:
		return nil
	case op.Input == schema.None:
		err = s.skip(0)
	default:
		d := walk.NewDecoder(c.cache.Service(svc), &s, len(body))
		err = d.Struct(op.Input, reflect.ValueOf(in).Elem())
	}
	if err == nil && s.i != len(s.b) {
		err = errSyntax
	}
	if m, ok := errors.AsType[*walk.Mismatch](err); ok {
		return &redoubt.Error{Code: string(wire.ErrSerialization), Message: m.Message, Status: 400}
	}
	return err
}

func respond(status int, body []byte, requestID string) *wire.Response {
	h := http.Header{"Smithy-Protocol": {"rpc-v2-cbor"}, "X-Amzn-Requestid": {requestID}}
	if body != nil {
		h["Content-Type"] = []string{"application/cbor"}
	}
	return &wire.Response{Status: status, Header: h, Body: body}
}

// Encode implements wire.Codec. An operation without output has no body and no
// content type.
func (c *Codec) Encode(svc *schema.Service, op *schema.Operation, out any, requestID string) (*wire.Response, error) {
	if op.Output == schema.None {
		return respond(200, nil, requestID), nil
	}
	s := sink{b: make([]byte, 0, 512)}
	e := walk.NewEncoder(c.cache.Service(svc), &s)
	e.Struct(op.Output, reflect.ValueOf(out).Elem())
	if err := e.Err(); err != nil {
		return nil, err
	}
	return respond(200, s.b, requestID), nil
}

// EncodeError implements wire.Codec.
func (c *Codec) EncodeError(svc *schema.Service, op *schema.Operation, e *redoubt.Error, requestID string) *wire.Response {
	svcs := c.cache.Service(svc)
	st := svcs.Fault(op, e.Code)
	name := e.Code
	var shape *schema.Shape
	if st != nil {
		shape, name = st.Shape, st.Name
	}
	status := wire.Status(e, shape)
	s := sink{b: []byte{mapOpen}}
	s.Extra("__type", name)
	enc := walk.NewEncoder(svcs, &s)
	enc.FaultBody(st, e, "", &s, func(*schema.Member) bool { return true })
	r := respond(status, append(s.b, breakCode), requestID)
	r.Header["X-Amzn-Errortype"] = []string{name}
	wire.QueryError(svc, r, shape, status)
	return r
}
