// Package restxml speaks restXml: operations by method and path, members in
// path, query, headers and an XML body. What S3 does differently is in s3.go.
package restxml

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/rest"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
	"github.com/redoubt-sec/redoubt/wire/internal/xmlio"
)

// DefaultBody holds S3's largest documents: a CompleteMultipartUpload of
// 10,000 parts, a DeleteObjects of 1,000 long keys.
const DefaultBody = 2 << 20

const prolog = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// Codec implements wire.Codec.
type Codec struct {
	limits     wire.Limits
	cache      walk.Cache // of inputs
	out        walk.Cache
	routes     rest.Routes
	namespaces sync.Map // *schema.Service -> schema.Namespace
}

// New makes a codec; zero limits are DefaultBody and wire's default depth.
func New(limits wire.Limits) *Codec {
	return &Codec{limits: limits.Or(DefaultBody), cache: walk.Cache{Name: rest.Names}, out: walk.Cache{Name: walk.WireName}}
}

// Match implements wire.Codec.
func (c *Codec) Match(svc *schema.Service, r *wire.Request) (*schema.Operation, error) {
	op, err := c.routes.Find(svc, r, isS3(svc))
	if op != nil || err != nil {
		return op, err
	}
	if isS3(svc) && r.Method == http.MethodPost && r.RawQuery == "" && strings.Count(strings.Trim(r.Path, "/"), "/") == 0 && len(r.Path) > 1 {
		return nil, noForm()
	}
	if isS3(svc) {
		return nil, methodNotAllowed(r.Method)
	}
	e := wire.ErrUnknownOperation.Bare()
	e.Status = 404
	return nil, e
}

// Decode implements wire.Codec.
func (c *Codec) Decode(svc *schema.Service, op *schema.Operation, r *wire.Request, in any) error {
	if op.Input == schema.None {
		return nil
	}
	v := reflect.ValueOf(in).Elem()
	err := c.routes.Decode(svc, op, r, v, func([]byte) error { return walk.Refuse("A header is malformed.") })
	if err == nil {
		err = c.body(svc, op, r, v)
	}
	if err == nil && isS3(svc) && !streams(svc, op) {
		err = integrity(svc, op, r)
	}
	if bad, ok := errors.AsType[*rest.Bad](err); ok && isS3(svc) {
		return invalidArgument(bad)
	}
	if errors.Is(err, rest.ErrPath) && isS3(svc) {
		return s3Error("InvalidURI", "Couldn't parse the specified URI.", "URI", r.Path)
	}
	if m, ok := errors.AsType[*walk.Mismatch](err); ok {
		if isS3(svc) || svc.SigningName == "s3" {
			return malformedXML()
		}
		return &redoubt.Error{Code: string(wire.ErrMalformedInput), Message: m.Message, Status: 400}
	}
	return err
}

func (c *Codec) body(svc *schema.Service, op *schema.Operation, r *wire.Request, v reflect.Value) error {
	sh := svc.At(op.Input)
	s := c.cache.Service(svc)
	if k := rest.Payload(sh); k >= 0 {
		m, f := &sh.Members[k], v.Field(k)
		if done, err := rest.RawPayload(svc, m, f, r, c.limits.Body); done {
			return err
		}
		body, err := c.content(svc, r)
		if err != nil || len(body) == 0 {
			return err
		}
		t := svc.At(m.Shape)
		if t.Kind != schema.Structure {
			return walk.Refuse("The request body is malformed.")
		}
		n := reflect.New(f.Type().Elem())
		if err := xmlio.Decode(s, m.Shape, body, c.limits.Depth, n.Elem(), names(m.LocationName, t.LocationName, t.Name, m.Name)...); err != nil {
			return err
		}
		f.Set(n)
		return nil
	}
	if !rest.HasBody(sh) {
		return nil
	}
	body, err := c.content(svc, r)
	if err != nil || len(body) == 0 {
		return err
	}
	return xmlio.Decode(s, op.Input, body, c.limits.Depth, v, names(op.InputName, sh.LocationName, sh.Name, op.Name+"Request")...)
}

// streams reports whether an operation's body is a stream, which proves itself
// while it is read.
func streams(svc *schema.Service, op *schema.Operation) bool {
	sh := svc.At(op.Input)
	k := rest.Payload(sh)
	return k >= 0 && (sh.Members[k].Has(schema.Streaming) || svc.At(sh.Members[k].Shape).Has(schema.Streaming))
}

// content is the body. S3 does not undo Content-Encoding: there it says how an
// object is stored.
func (c *Codec) content(svc *schema.Service, r *wire.Request) ([]byte, error) {
	if !isS3(svc) {
		return r.Content(c.limits.Body)
	}
	if len(r.Body) > max(c.limits.Body, r.Limit) {
		return nil, wire.TooLarge()
	}
	return r.Body, nil
}

func names(all ...string) []string {
	out := all[:0]
	for _, n := range all {
		if n != "" {
			out = append(out, n)
		}
	}
	return out
}

// Encode implements wire.Codec.
func (c *Codec) Encode(svc *schema.Service, op *schema.Operation, out any, requestID string) (*wire.Response, error) {
	r := &wire.Response{Status: 200, Header: c.header(svc, requestID)}
	if op.ResponseCode != 0 {
		r.Status = op.ResponseCode
	}
	if svc.SigningName == "s3" && slices.Contains(noContent, op.Name) {
		r.Status = http.StatusNoContent
	}
	if op.Output == schema.None {
		return r, nil
	}
	sh := svc.At(op.Output)
	v := reflect.ValueOf(out).Elem()
	rest.Encode(svc, sh, v, r)
	if isS3(svc) && r.Header["Content-Range"] != nil {
		r.Status = http.StatusPartialContent
	}
	if op.Method == http.MethodHead {
		if isS3(svc) && op.Name == "HeadBucket" {
			r.Header["Content-Type"] = []string{"application/xml"}
		}
		return r, nil
	}
	s := c.out.Service(svc)
	x := xmlio.NewSink(s, nil)
	e := walk.NewEncoder(s, x)
	if k := rest.Payload(sh); k >= 0 {
		m, f := &sh.Members[k], v.Field(k)
		if rest.EncodeRaw(svc, m, f, r) || f.IsNil() {
			return r, nil
		}
		t := svc.At(m.Shape)
		x.B = append(x.B, prolog...)
		root := names(m.LocationName, t.LocationName, t.Name)[0]
		if n, ok := s3Roots[op.Name]; ok && isS3(svc) {
			root = n
		}
		x.Root(root, c.namespace(svc, m.XMLNamespace, t.XMLNamespace))
		e.Member(m, f)
	} else {
		if !rest.Answers(sh) {
			return r, nil
		}
		x.B = append(x.B, prolog...)
		ns := c.namespace(svc, sh.XMLNamespace)
		switch root := rootName(svc, op, sh); {
		case isS3(svc) && op.Name == "GetBucketLocation":
			x.Root(root, ns)
			location(x, v)
		default:
			c.members(&e, x, s.Struct(op.Output), v, root, ns)
		}
	}
	r.Body = x.B
	if _, ok := r.Header["Content-Type"]; !ok {
		r.Header["Content-Type"] = []string{"application/xml"}
	}
	return r, e.Err()
}

// members writes the root element with those members that are in the body.
func (c *Codec) members(e *walk.Encoder, x *xmlio.Sink, st *walk.Struct, v reflect.Value, root string, ns schema.Namespace) {
	x.Root(root, ns)
	x.Struct(st, v)
	e.Members(st, v, rest.InBody)
	x.EndStruct(st)
}

func (c *Codec) header(svc *schema.Service, requestID string) http.Header {
	if svc.SigningName == "s3" { // S3 Control, too
		return http.Header{"X-Amz-Request-Id": {requestID}, "X-Amz-Id-2": {hostID(requestID)}}
	}
	return http.Header{"X-Amzn-Requestid": {requestID}}
}

// namespace is the first that is set, else the service's: the models say it
// only on what clients send.
func (c *Codec) namespace(svc *schema.Service, of ...schema.Namespace) schema.Namespace {
	for _, ns := range of {
		if ns.URI != "" {
			return ns
		}
	}
	if ns, ok := c.namespaces.Load(svc); ok {
		return ns.(schema.Namespace)
	}
	ns := inputNamespace(svc)
	c.namespaces.Store(svc, ns)
	return ns
}

func inputNamespace(svc *schema.Service) schema.Namespace {
	if svc.XMLNamespace.URI != "" {
		return svc.XMLNamespace
	}
	for i := range svc.Operations {
		op := &svc.Operations[i]
		if op.InputNamespace.URI != "" {
			return op.InputNamespace
		}
		if op.Input == schema.None {
			continue
		}
		if sh := svc.At(op.Input); rest.Payload(sh) >= 0 {
			if ns := sh.Members[sh.Payload].XMLNamespace; ns.URI != "" && ns.Prefix == "" {
				return ns
			}
		}
	}
	return schema.Namespace{}
}

// EncodeError implements wire.Codec.
func (c *Codec) EncodeError(svc *schema.Service, op *schema.Operation, e *redoubt.Error, requestID string) *wire.Response {
	s := c.out.Service(svc)
	st := s.Fault(op, e.Code)
	code := e.Code
	var shape *schema.Shape
	if st != nil {
		if shape = st.Shape; shape.Code != "" {
			code = shape.Code
		}
	}
	r := &wire.Response{Status: wire.Status(e, shape), Header: c.header(svc, requestID)}
	rest.FaultHeaders(svc, st, e.Fields, r)
	if isS3(svc) {
		e = s3Headers(e, r)
	}
	if r.Status == http.StatusNotModified {
		return r
	}
	r.Header["Content-Type"] = []string{"application/xml"}
	if op != nil && op.Method == http.MethodHead {
		return r
	}
	x := xmlio.NewSink(s, append(make([]byte, 0, 512), prolog...))
	enc := walk.NewEncoder(s, x)
	none := schema.Namespace{}
	if isS3(svc) {
		x.Open("Error", none)
		x.Extra("Code", code)
		if e.Message == "" {
			x.Extra("Message", "")
		}
		enc.FaultBody(st, e, "Message", x, rest.InBody)
		x.Extra("RequestId", requestID)
		x.Extra("HostId", hostID(requestID))
		x.Close("Error")
	} else {
		x.Open("ErrorResponse", c.namespace(svc))
		x.Open("Error", none)
		if svc.SigningName != "s3" {
			x.Extra("Type", wire.Party(shape, r.Status))
		}
		x.Extra("Code", code)
		enc.FaultBody(st, e, "Message", x, rest.InBody)
		x.Close("Error")
		x.Extra("RequestId", requestID)
		if svc.SigningName == "s3" {
			x.Extra("HostId", hostID(requestID))
		}
		x.Close("ErrorResponse")
	}
	r.Body = x.B
	return r
}
