package front

import (
	"context"
	"net/http"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/awsjson"
	"github.com/redoubt-sec/redoubt/wire/cbor"
	"github.com/redoubt-sec/redoubt/wire/ec2query"
	"github.com/redoubt-sec/redoubt/wire/query"
	"github.com/redoubt-sec/redoubt/wire/restjson"
	"github.com/redoubt-sec/redoubt/wire/restxml"
)

// codecs makes one codec for each protocol.
func codecs(limits wire.Limits) map[schema.Protocol]wire.Codec {
	return map[schema.Protocol]wire.Codec{
		schema.JSON:     awsjson.New(limits),
		schema.Query:    query.New(limits),
		schema.EC2:      ec2query.New(limits),
		schema.RESTJSON: restjson.New(limits),
		schema.RESTXML:  restxml.New(limits),
		schema.CBOR:     cbor.New(limits),
	}
}

// route finds the service, its protocol and the operation, from the head alone but
// for forms, which name the operation in the body. What is wrong with the operation
// is kept for later: a caller must prove who it is first.
func (d *Door) route(_ context.Context, e *exchange) error {
	if s, region := d.site(e.wire.Host); s != nil {
		e.site, e.host, e.codec = s, region, visits{s}
		e.row, e.svc, e.op = &s.Operation, s.Operation.Service, s.Operation.Schema
		return d.Ready()
	}
	if e.wire.Method == http.MethodPost && strings.HasPrefix(e.wire.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if err := d.take(e, e.http.Body); err != nil {
			return err
		}
	}
	f, ok := d.index.Find(&e.wire, d.MaxBody)
	e.host, e.scope = f.Region, f.Scope.Region
	if !ok {
		return redoubt.ErrorKind("UnknownOperationException").New("No service of this server answers such a request.")
	}
	e.svc, e.protocol = f.Service, f.Protocol
	e.codec = d.codecs[f.Protocol]
	e.wire.Path = f.Path
	if e.isForm(e.svc) {
		if err := e.readForm(); err != nil {
			return err
		}
	}
	e.op, e.routeErr = e.codec.Match(e.svc, &e.wire)
	if e.routeErr == nil {
		e.row = d.row(e.svc, e.op.Name)
	}
	return d.Ready()
}
