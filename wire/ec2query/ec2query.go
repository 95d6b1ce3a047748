// Package ec2query speaks ec2Query, EC2's variant of awsQuery: names are
// capitalized, lists have no "member" level, answers no result element, and
// errors a root of their own.
package ec2query

import (
	"net/http"
	"reflect"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/form"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
	"github.com/redoubt-sec/redoubt/wire/internal/xmlio"
	"github.com/redoubt-sec/redoubt/wire/query"
)

// Codec implements wire.Codec.
type Codec struct {
	limits  wire.Limits
	inputs  walk.Cache // parameters and answers spell names differently
	outputs walk.Cache
}

// New makes a codec; zero limits are wire's defaults.
func New(limits wire.Limits) *Codec {
	return &Codec{limits: limits.Or(wire.DefaultBody), inputs: walk.Cache{Name: name}, outputs: walk.Cache{Name: walk.WireName}}
}

func name(m *schema.Member) string {
	if m.QueryName != "" {
		return m.QueryName
	}
	return form.Upper(m.WireName())
}

// Match implements wire.Codec.
func (c *Codec) Match(svc *schema.Service, r *wire.Request) (*schema.Operation, error) {
	return query.Match(svc, r, c.limits.Body)
}

// Decode implements wire.Codec.
func (c *Codec) Decode(svc *schema.Service, op *schema.Operation, r *wire.Request, in any) error {
	return query.Decode(&c.inputs, svc, op, r, in, c.limits, form.Rules{Bare: true})
}

func respond(status int, body []byte, requestID string) *wire.Response {
	return &wire.Response{Status: status, Body: body, Header: http.Header{
		"Content-Type":     {"text/xml;charset=UTF-8"},
		"X-Amzn-Requestid": {requestID},
	}}
}

const prolog = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// Encode implements wire.Codec.
func (c *Codec) Encode(svc *schema.Service, op *schema.Operation, out any, requestID string) (*wire.Response, error) {
	s := c.outputs.Service(svc)
	x := xmlio.NewSink(s, append(make([]byte, 0, 1024), prolog...))
	root := op.Name + "Response"
	x.Open(root, svc.XMLNamespace)
	x.Extra("requestId", requestID)
	if op.Output != schema.None {
		e := walk.NewEncoder(s, x)
		e.Members(s.Struct(op.Output), reflect.ValueOf(out).Elem(), func(*schema.Member) bool { return true })
		if err := e.Err(); err != nil {
			return nil, err
		}
	}
	x.Close(root)
	return respond(200, x.B, requestID), nil
}

// EncodeError implements wire.Codec.
func (c *Codec) EncodeError(svc *schema.Service, op *schema.Operation, e *redoubt.Error, requestID string) *wire.Response {
	s := c.outputs.Service(svc)
	st := s.Fault(op, e.Code)
	code := e.Code
	var shape *schema.Shape
	if st != nil {
		if shape = st.Shape; shape.Code != "" {
			code = shape.Code
		}
	}
	none := schema.Namespace{}
	x := xmlio.NewSink(s, append(make([]byte, 0, 512), prolog...))
	x.Open("Response", none)
	x.Open("Errors", none)
	x.Open("Error", none)
	x.Extra("Code", code)
	enc := walk.NewEncoder(s, x)
	enc.FaultBody(st, e, "Message", x, func(*schema.Member) bool { return true })
	x.Close("Error")
	x.Close("Errors")
	x.Extra("RequestID", requestID)
	x.Close("Response")
	return respond(wire.Status(e, shape), x.B, requestID)
}
