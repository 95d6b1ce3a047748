package op

import "context"

// Sharing is a request that a browser sends, or wants to send, for a page of another
// site (CORS).
type Sharing struct {
	Path    string   // as routed: host-style addressing is part of it; percent-encoded
	Origin  string   // of the page
	Method  string   // of the request, or that a preflight asks for
	Headers []string // that a preflight asks for
}

// Sharer is a service that lets other sites' pages use what is in it.
type Sharer interface {
	// Share answers the headers that tell a browser that it may; a *redoubt.Error
	// where it may not.
	Share(ctx context.Context, r Sharing) (map[string]string, error)
}
