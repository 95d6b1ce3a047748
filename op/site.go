package op

import "net/http"

// Site is plain HTTP that a service answers beside its API, under host names of its
// own: function URLs. Its operation passes the same door as all others; callers may
// be anonymous, and its needs decide.
type Site struct {
	// Host reports whether a host (without port) is the site's, and the Region that it
	// names.
	Host func(host string) (region string, ok bool)
	// Operation takes a Visit and answers a Reply.
	Operation Operation
}

// Visit is a request to a site.
type Visit struct {
	Method, Host, Path, Query string // path and query as they were sent
	Header                    http.Header
	Body                      []byte
}

// Reply is a site's answer.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}
