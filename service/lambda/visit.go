package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/store"
)

// Function URLs are served under <id>.lambda-url.<region>.on.aws, or under the same
// name below any other host name of this server, such as localhost.

// visitModel is the one operation of a URL. AWS's model does not have it; policies
// and the audit log know it by this name.
var visitModel = schema.Service{
	Name: "lambda", ID: "Lambda", SigningName: api.Model.SigningName, EventSource: api.Model.EventSource,
	ARNNamespace: api.Model.ARNNamespace, IAMPrefix: api.Model.IAMPrefix, Protocols: []schema.Protocol{schema.RESTJSON},
	Shapes:     api.Model.Shapes, // for the statuses of its exceptions
	Operations: []schema.Operation{{Name: "InvokeFunctionUrl", Input: schema.None, Output: schema.None, Action: "lambda:InvokeFunctionUrl"}},
}

var opVisit = op.Desc[op.Visit, op.Reply]{Service: &visitModel, Name: "InvokeFunctionUrl"}

// site is where URLs are served.
func (s *Service) site() *op.Site {
	return &op.Site{
		Host: func(host string) (string, bool) {
			_, region, ok := urlHost(host)
			return region, ok
		},
		Operation: op.Row(opVisit, s.Visit, s.visitNeeds).Outside().Data().Body(eventBody),
		Refuse:    refuseVisit,
	}
}

// refuseVisit words what function URLs refuse.
func refuseVisit(e *redoubt.Error, status int, requestID string) *op.Reply {
	text := &e.Message
	switch {
	case e.Code == string(redoubt.ErrAccessDenied), e.Code == "MissingAuthenticationTokenException":
		status, text = http.StatusForbidden, new("Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html")
	case e.Message == "":
		text = nil
	}
	body, _ := json.Marshal(map[string]*string{"Message": text}) // texts always encode
	return &op.Reply{Status: status, Body: body, Header: http.Header{
		"Content-Type": {"application/json"}, "X-Amzn-Errortype": {e.Code}, "X-Amzn-Requestid": {requestID},
	}}
}

// urlHost reads the host of a URL.
func urlHost(host string) (id, region string, ok bool) {
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	p := strings.SplitN(strings.ToLower(host), ".", 4)
	if len(p) != 4 || p[1] != "lambda-url" || len(p[0]) != 32 || strings.Trim(p[0], "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return "", "", false
	}
	return p[0], p[2], true
}

// visited answers the URL that a host names, and what it is of.
func (s *Service) visited(tx *store.Tx, c *redoubt.Call, host string) (ref, *Function, *URL, error) {
	id, region, _ := urlHost(host)
	gone := api.ErrResourceNotFoundException.Bare()
	p, err := urlPlaces.Rows().Get(tx, store.ID(region, id))
	if errors.Is(err, store.ErrNotFound) {
		return ref{}, nil, nil, gone
	}
	if err != nil {
		return ref{}, nil, nil, err
	}
	r := ref{partition: c.Partition, account: p.Account, region: region, name: p.Name, qualifier: p.Qualifier}
	r, f, u, err := s.urlOf(tx, r)
	if errors.Is(err, api.ErrResourceNotFoundException) {
		err = gone
	}
	return r, f, u, err
}

// visitNeeds: the right is lambda:InvokeFunctionUrl; with AuthType NONE everybody's
// who is anonymous. Browsers that ask what is allowed need none.
func (s *Service) visitNeeds(ctx context.Context, c *redoubt.Call, in *op.Visit) ([]redoubt.Need, error) {
	r, f, u, err := s.visited(store.From(ctx), c, in.Host)
	if err != nil {
		return nil, err
	}
	n := redoubt.Need{
		Action: "lambda:InvokeFunctionUrl", Resource: r.arn(), Account: r.account, Tags: f.Tags,
		Conditions: map[string][]string{"lambda:FunctionUrlAuthType": {u.Auth}, "lambda:FunctionArn": {r.arn()}},
	}
	if u.CORS != nil && preflight(in) {
		n.Grant = "of the CORS settings"
		return []redoubt.Need{n}, nil
	}
	if u.Auth == api.FunctionUrlAuthTypeAwsIam && c.Principal.Kind == redoubt.Anonymous {
		return nil, accessDenied("Forbidden")
	}
	n.Policy, err = s.policyText(store.From(ctx), r, f)
	return []redoubt.Need{n}, err
}

// Visit runs the function that a URL is of.
func (s *Service) Visit(ctx context.Context, c *redoubt.Call, in *op.Visit) (*op.Reply, error) {
	var r ref
	var u *URL
	err := s.DB.Run(ctx, func(ctx context.Context) (err error) {
		r, _, u, err = s.visited(store.From(ctx), c, in.Host)
		return err
	})
	if err != nil {
		return nil, err
	}
	if u.CORS != nil && preflight(in) {
		reply := &op.Reply{Status: http.StatusOK, Header: http.Header{"X-Amzn-Requestid": {c.RequestID}}}
		allowOrigin(u.CORS, in, reply.Header)
		return reply, nil
	}
	t, err := s.aim(ctx, r)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(urlEvent(c, in, u))
	if err != nil {
		return nil, err
	}
	if len(payload) > functions.MaxSync {
		e := api.ErrRequestTooLargeException.New("Request must be smaller than %d bytes for the InvokeFunction operation", functions.MaxSync)
		e.Status = http.StatusRequestEntityTooLarge
		return nil, e
	}
	res, err := s.run(ctx, t, functions.Invocation{RequestID: c.RequestID, Payload: payload, InvokedARN: r.arn()})
	if err != nil {
		return nil, err
	}
	reply := urlReply(&res)
	reply.Header.Set("X-Amzn-Requestid", c.RequestID)
	if u.CORS != nil {
		allowOrigin(u.CORS, in, reply.Header)
	}
	return reply, nil
}

// preflight reports whether a browser asks what is allowed.
func preflight(in *op.Visit) bool {
	return in.Method == http.MethodOptions && in.Header.Get("Origin") != "" && in.Header.Get("Access-Control-Request-Method") != ""
}
