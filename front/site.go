package front

import (
	"cmp"
	"encoding/json"
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
		if region, ok := s.Host(host); ok && validRegion(region) && d.ours(host) {
			return s, region
		}
	}
	return nil, ""
}

// visits is the codec of sites: requests and answers as they are.
type visits struct{}

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
func (visits) Encode(_ *schema.Service, _ *schema.Operation, out any, requestID string) (*wire.Response, error) {
	reply := out.(*op.Reply)
	r := &wire.Response{Status: reply.Status, Header: reply.Header, Body: reply.Body}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("X-Amzn-Requestid", requestID)
	return r, nil
}

// EncodeError implements wire.Codec.
func (visits) EncodeError(svc *schema.Service, _ *schema.Operation, e *redoubt.Error, requestID string) *wire.Response {
	var shape *schema.Shape
	for i := range svc.Shapes {
		if sh := &svc.Shapes[i]; sh.Has(schema.Exception) && cmp.Or(sh.Code, sh.Name) == e.Code {
			shape = sh
		}
	}
	status, text := wire.Status(e, shape), &e.Message
	switch {
	case e.Code == string(redoubt.ErrAccessDenied), e.Code == "MissingAuthenticationTokenException":
		status, text = http.StatusForbidden, new("Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html")
	case e.Message == "":
		text = nil
	}
	body, _ := json.Marshal(map[string]*string{"Message": text}) // texts always encode
	return &wire.Response{Status: status, Body: body, Header: http.Header{
		"Content-Type": {"application/json"}, "X-Amzn-Errortype": {e.Code}, "X-Amzn-Requestid": {requestID},
	}}
}
