package op

import (
	"io"
	"net/http"

	redoubt "github.com/redoubt-sec/redoubt"
)

// Site is plain HTTP that a service answers beside its API, under host names of its
// own: function URLs, buckets that are websites. Its operation passes the same door
// as all others; callers may be anonymous, and its needs decide.
type Site struct {
	// Host reports whether a host (without port) is the site's, and the Region that it
	// names; empty: none, which means the server's own.
	Host func(host string) (region string, ok bool)
	// Operation takes a Visit and answers a Reply.
	Operation Operation
	// Refuse words a refusal. status is the one that the refusal has.
	Refuse func(e *redoubt.Error, status int, requestID string) *Reply
	// Public: every visitor is anonymous. Signatures are not looked at, bodies not read.
	Public bool
}

// Visit is a request to a site.
type Visit struct {
	Method, Host, Path, Query string // path and query as they were sent
	Header                    http.Header
	Body                      []byte
}

// Reply is a site's answer. Its body is Stream, if there is one, else Body; the front
// door closes Stream.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
	Stream io.ReadCloser
	// Refusal is what the audit log says of a request whose refusal is answered with a
	// page of the site's own.
	Refusal *redoubt.Error
}
