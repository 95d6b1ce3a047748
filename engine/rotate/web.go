package rotate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/redoubt-sec/redoubt/egress"
)

// httpEngine rotates whatever answers three JSON requests at one address; the
// README says which.
var httpEngine = engine{
	Name: "HTTP", label: "HTTP", kinds: []string{"http"}, maxUser: 512, exclude: `:/@"'\`, byURL: true, byMaster: true,
}

// web signs in at an HTTP address.
type web struct{ gate *egress.Gate }

// webRequest is the body of a request; the credentials that it is made with are
// in the Authorization header.
type webRequest struct {
	Action   string `json:"action"`             // test, set or clone
	Username string `json:"username"`           // who it is about
	Password string `json:"password,omitempty"` // the new one
	Like     string `json:"like,omitempty"`     // whose rights a clone gets
}

func (d *web) open(ctx context.Context, l *login, _ bool) (session, error) {
	if strings.Contains(l.user, ":") {
		return nil, &refusal{text: "a user name with a colon can't be sent in an Authorization header"}
	}
	s := &webSession{login: l, client: d.gate.Client("rotation", egress.Options{
		Timeout: connectTime, MaxResponse: 64 << 10, Plain: l.url.Scheme == "http", Roots: l.roots, Idle: 1,
	})}
	if err := s.post(ctx, webRequest{Action: "test", Username: l.user}); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

type webSession struct {
	login  *login
	client *http.Client
}

func (s *webSession) close() { s.client.CloseIdleConnections() }

// post makes a request. Nothing of the answer but its status counts, and nothing
// else is told: it might echo the request.
func (s *webSession) post(ctx context.Context, in webRequest) error {
	body, err := json.Marshal(in)
	if err != nil {
		return &refusal{text: "the request can't be written as JSON"}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.login.url.String(), bytes.NewReader(body))
	if err != nil {
		return &refusal{text: "the url is none to send a request to"}
	}
	r.SetBasicAuth(s.login.user, s.login.password)
	r.Header.Set("Content-Type", "application/json")
	answer, err := s.client.Do(r)
	if err != nil {
		return webRefusal(err, s.login)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return webRefusal(err, s.login)
	}
	status := fmt.Sprintf("%s answered HTTP %d", in.Action, answer.StatusCode)
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return &refusal{text: status + ": redirections are not followed"}
	case code == http.StatusUnauthorized, code == http.StatusForbidden && in.Action == "test":
		return &refusal{cause: credentials, text: status}
	case code == http.StatusForbidden:
		return &refusal{cause: denied, text: status}
	case code >= 500 || code == http.StatusTooManyRequests:
		return &refusal{cause: unreachable, text: status}
	default:
		return &refusal{text: status}
	}
}

// query implements session: the request that opened the session was the query.
func (s *webSession) query(context.Context) error { return nil }

// setPassword implements session.
func (s *webSession) setPassword(ctx context.Context, user, password, _ string) error {
	return s.post(ctx, webRequest{Action: "set", Username: user, Password: password})
}

// clone implements session.
func (s *webSession) clone(ctx context.Context, _ session, user, clone, password string) error {
	return s.post(ctx, webRequest{Action: "clone", Username: clone, Password: password, Like: user})
}
