package front

import (
	"context"
	"net/http"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/wire"
)

// preflight answers a browser that asks whether a page of another site may send a
// request. Nothing of a caller is known then, and nothing done; nil where the service
// knows no such question.
func (d *Door) preflight(ctx context.Context, e *exchange) *wire.Response {
	if e.wire.Method != http.MethodOptions || d.route(ctx, e) != nil {
		return nil
	}
	s := d.sharers[e.svc]
	if s == nil {
		return nil
	}
	h := e.wire.Header
	r := op.Sharing{Path: e.wire.Path, Origin: h.Get("Origin"), Method: h.Get("Access-Control-Request-Method")}
	for name := range strings.SplitSeq(h.Get("Access-Control-Request-Headers"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			r.Headers = append(r.Headers, name)
		}
	}
	var header map[string]string
	var err error
	if r.Origin == "" {
		err = badPreflight("Insufficient information. Origin request header needed.")
	} else {
		header, err = s.Share(ctx, r)
	}
	if e.err = err; err != nil {
		e.refusal = d.refusal(e)
		return d.refuse(e)
	}
	// There is no operation, but the headers that each of its answers has are those
	// of an answer without a body.
	resp := e.codec.EncodeError(e.svc, nil, &redoubt.Error{Status: http.StatusNotModified}, e.requestID)
	resp.Status = http.StatusOK
	return withHeaders(resp, header)
}

func badPreflight(message string) error {
	err := redoubt.ErrorKind("BadRequest").New("%s", message)
	err.Status = http.StatusBadRequest
	return err
}

// share adds to an answer what lets a page of another site read it, if the service's
// rules do.
func (d *Door) share(ctx context.Context, e *exchange, resp *wire.Response) {
	origin := e.wire.Header.Get("Origin")
	if origin == "" || e.svc == nil || d.sharers[e.svc] == nil {
		return
	}
	if header, err := d.sharers[e.svc].Share(ctx, op.Sharing{Path: e.wire.Path, Origin: origin, Method: e.wire.Method}); err == nil {
		withHeaders(resp, header)
	}
}

func withHeaders(resp *wire.Response, header map[string]string) *wire.Response {
	for name, v := range header {
		resp.Header[name] = []string{v}
	}
	return resp
}
