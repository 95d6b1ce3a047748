package recordings

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// rest are the services whose operations are paths; their models say which.
var rest = map[string]*schema.Service{"lambda": &lambdaapi.Model}

// restOperation is an operation of a service in rest, nil of another.
func restOperation(action string) (*schema.Service, *schema.Operation) {
	service, name, _ := strings.Cut(action, ":")
	svc := rest[service]
	if svc == nil {
		return nil, nil
	}
	for i := range svc.Operations {
		if svc.Operations[i].Name == name {
			return svc, &svc.Operations[i]
		}
	}
	panic("no operation " + action)
}

// label is a text as clients write it into paths: all but unreserved characters
// in hexadecimal.
func label(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// restRequest puts each member of an input where the model says that it travels.
// A member that the model does not know goes into the body.
func (h *house) restRequest(t testing.TB, c caller, svc *schema.Service, o *schema.Operation, input in) *http.Request {
	t.Helper()
	path, query, header := o.URI, url.Values{}, http.Header{}
	body := in{}
	var raw []byte
	var members []schema.Member
	payload := ""
	if o.Input != schema.None {
		sh := svc.At(o.Input)
		members = sh.Members
		if sh.Payload >= 0 {
			payload = members[sh.Payload].Name
		}
	}
	for name, v := range input {
		i := slices.IndexFunc(members, func(m schema.Member) bool { return m.Name == name })
		if i < 0 {
			body[name] = v
			continue
		}
		m := &members[i]
		switch {
		case name == payload:
			raw = v.([]byte)
		case m.Location == schema.URI:
			path = strings.Replace(path, "{"+m.WireName()+"}", label(fmt.Sprint(v)), 1)
		case m.Location == schema.QueryString:
			if l, ok := v.(list); ok {
				for _, x := range l {
					query.Add(m.WireName(), fmt.Sprint(x))
				}
				continue
			}
			query.Set(m.WireName(), fmt.Sprint(v))
		case m.Location == schema.Header:
			header.Set(m.WireName(), fmt.Sprint(v))
		default:
			body[m.WireName()] = v
		}
	}
	if payload == "" && (len(body) > 0 || o.Method == "POST" || o.Method == "PUT") {
		raw, _ = json.Marshal(body) // []byte becomes base64
		header.Set("Content-Type", "application/json")
	}
	if len(query) > 0 {
		join := "?"
		if strings.Contains(path, "?") {
			join = "&" // the operation has a name in its query
		}
		path += join + query.Encode()
	}
	return h.signed(t, c, svc.SigningName, o.Method, path, header, raw)
}

var serials atomic.Int64

// serial makes names unique in a run.
func serial() string { return fmt.Sprintf("%06x", serials.Add(1)) }

// succeeded reports whether a status is that of an operation's answers.
func succeeded(action string, status int) bool {
	svc, o := restOperation(action)
	if o == nil {
		return status == 200
	}
	if o.Output != schema.None && slices.ContainsFunc(svc.At(o.Output).Members, func(m schema.Member) bool { return m.Location == schema.StatusCode }) {
		return status/100 == 2 // the answer says which
	}
	return status == o.ResponseCode
}
