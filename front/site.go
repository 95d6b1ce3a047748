package front

import (
	"net"
	"net/http"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
)

// site answers the site that a Host header names, and its Region.
func (d *Door) site(host string) (*op.Site, string) {
	if name, _, ok := strings.Cut(host, ":"); ok && (name == "127.0.0.1" || name == "localhost") {
		return nil, "" // the server itself, as nearly everyone calls it
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, s := range d.sites {
		if region, ok := s.Host(host); ok && (region == "" || validRegion(region)) && d.ours(host) {
			return s, region
		}
	}
	return nil, ""
}

// visits is the codec of a site: requests and answers as they are.
type visits struct{ site *op.Site }

// Match implements wire.Codec. Which operation is meant was known from the host.
func (visits) Match(*schema.Service, *wire.Request) (*schema.Operation, error) {
	return nil, wire.ErrUnknownOperation.Bare()
}

// Decode implements wire.Codec.
func (visits) Decode(_ *schema.Service, _ *schema.Operation, r *wire.Request, in any) error {
	*in.(*op.Visit) = op.Visit{Method: r.Method, Host: r.Host, Path: r.Path, Query: r.RawQuery, Header: r.Header, Body: r.Body}
	return nil
}

// Encode implements wire.Codec.
func (visits) Encode(_ *schema.Service, _ *schema.Operation, out any, _ string) (*wire.Response, error) {
	return answered(out.(*op.Reply)), nil
}

// EncodeError implements wire.Codec.
func (v visits) EncodeError(svc *schema.Service, _ *schema.Operation, e *redoubt.Error, requestID string) *wire.Response {
	return answered(v.site.Refuse(e, wire.Status(e, svc.ErrorShape(e.Code)), requestID))
}

func answered(reply *op.Reply) *wire.Response {
	r := &wire.Response{Status: reply.Status, Header: reply.Header, Body: reply.Body, Stream: reply.Stream}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	return r
}
