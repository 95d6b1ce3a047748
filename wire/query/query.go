// Package query speaks awsQuery: parameters in a form (or, in a GET, in the
// query string), Action and Version among them, and XML answers.
package query

import (
	"errors"
	"net/http"
	"reflect"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/form"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
	"github.com/redoubt-sec/redoubt/wire/internal/xmlio"
)

// Codec implements wire.Codec.
type Codec struct {
	limits wire.Limits
	cache  walk.Cache
}

// New makes a codec; zero limits are wire's defaults.
func New(limits wire.Limits) *Codec {
	return &Codec{limits: limits.Or(wire.DefaultBody), cache: walk.Cache{Name: walk.WireName}}
}

// Match implements wire.Codec.
func (c *Codec) Match(svc *schema.Service, r *wire.Request) (*schema.Operation, error) {
	return Match(svc, r, c.limits.Body)
}

// Match finds the operation by Action and Version.
func Match(svc *schema.Service, r *wire.Request, limit int) (*schema.Operation, error) {
	f, err := r.Form(limit)
	if err != nil {
		return nil, err
	}
	action, _ := f.Get("Action")
	if action == "" {
		return nil, refuse(wire.ErrMissingAction, "Missing Action")
	}
	version, ok := f.Get("Version")
	if !ok {
		version = "NO_VERSION_SPECIFIED"
	}
	op := svc.Find(action)
	if op == nil || version != svc.APIVersion || r.Method != http.MethodPost && r.Method != http.MethodGet {
		return nil, refuse(wire.ErrInvalidAction, "Could not find operation "+action+" for version "+version)
	}
	return op, nil
}

func refuse(kind redoubt.ErrorKind, message string) *redoubt.Error {
	return &redoubt.Error{Code: string(kind), Message: message, Status: 400}
}

// Decode implements wire.Codec.
func (c *Codec) Decode(svc *schema.Service, op *schema.Operation, r *wire.Request, in any) error {
	return Decode(&c.cache, svc, op, r, in, c.limits, form.Rules{})
}

// Decode reads the parameters of either query protocol.
func Decode(cache *walk.Cache, svc *schema.Service, op *schema.Operation, r *wire.Request, in any, limits wire.Limits, rules form.Rules) error {
	f, err := r.Form(limits.Body)
	if err != nil || op.Input == schema.None {
		return err
	}
	size := len(r.RawQuery) + len(r.Body)
	err = form.Decode(cache.Service(svc), op.Input, f, size, limits.Depth, rules, reflect.ValueOf(in).Elem())
	if m, ok := errors.AsType[*walk.Mismatch](err); ok {
		return refuse(wire.ErrMalformedInput, m.Message)
	}
	return err
}

func respond(status int, body []byte, requestID string) *wire.Response {
	return &wire.Response{Status: status, Body: body, Header: http.Header{
		"Content-Type":     {"text/xml"},
		"X-Amzn-Requestid": {requestID},
	}}
}

// Encode implements wire.Codec.
func (c *Codec) Encode(svc *schema.Service, op *schema.Operation, out any, requestID string) (*wire.Response, error) {
	s := c.cache.Service(svc)
	x := xmlio.NewSink(s, make([]byte, 0, 1024))
	root := op.Name + "Response"
	x.Open(root, svc.XMLNamespace)
	if op.Output != schema.None {
		result := op.OutputWrapper
		if result == "" {
			result = op.Name + "Result"
		}
		e := walk.NewEncoder(s, x)
		x.Open(result, schema.Namespace{})
		e.Members(s.Struct(op.Output), reflect.ValueOf(out).Elem(), func(*schema.Member) bool { return true })
		x.Close(result)
		if err := e.Err(); err != nil {
			return nil, err
		}
	}
	x.Open("ResponseMetadata", schema.Namespace{})
	x.Extra("RequestId", requestID)
	x.Close("ResponseMetadata")
	x.Close(root)
	return respond(200, x.B, requestID), nil
}

// EncodeError implements wire.Codec.
func (c *Codec) EncodeError(svc *schema.Service, op *schema.Operation, e *redoubt.Error, requestID string) *wire.Response {
	s := c.cache.Service(svc)
	st := s.Fault(op, e.Code)
	code := e.Code
	var shape *schema.Shape
	if st != nil {
		if shape = st.Shape; shape.Code != "" {
			code = shape.Code
		}
	}
	status := wire.Status(e, shape)
	x := xmlio.NewSink(s, make([]byte, 0, 512))
	x.Open("ErrorResponse", svc.XMLNamespace)
	x.Open("Error", schema.Namespace{})
	x.Extra("Type", wire.Party(shape, status))
	x.Extra("Code", code)
	enc := walk.NewEncoder(s, x)
	enc.FaultBody(st, e, "Message", x, func(*schema.Member) bool { return true })
	x.Close("Error")
	x.Extra("RequestId", requestID)
	x.Close("ErrorResponse")
	return respond(status, x.B, requestID)
}
