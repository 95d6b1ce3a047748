package sigv4

import (
	"errors"
	"net/http"
	"net/textproto"
	"strings"
)

// Request is what a signature covers, as it came off the wire.
type Request struct {
	Method string
	// Target is the request target of the request line, "/path?query",
	// undecoded and not cleaned (http.Request.RequestURI).
	Target string
	// Host is the Host header (http.Request.Host).
	Host string
	// Header has canonical keys, as net/http delivers them.
	Header http.Header
	// BodySHA256 answers the hash of the whole body. It is called at most once,
	// and not at all where the body is not hashed up front: unsigned and streamed
	// payloads, and S3, where Signature.Body hashes on the fly.
	BodySHA256 func() ([32]byte, error)
}

// split takes the target apart. An absolute-form target (RFC 9112 section
// 3.2.2) loses its scheme and authority, which the signature does not cover.
func (r *Request) split() (path, query string) {
	t := r.Target
	if !strings.HasPrefix(t, "/") {
		if i := strings.Index(t, "://"); i >= 0 {
			t = t[i+3:]
			if j := strings.IndexAny(t, "/?"); j >= 0 {
				t = t[j:]
			} else {
				t = ""
			}
		}
	}
	path, query, _ = strings.Cut(t, "?")
	return path, query
}

// values answers a header's values by its name in any case, without allocating
// for names of ordinary length.
func values(h http.Header, name string) []string {
	var buf [64]byte
	if len(name) > len(buf) {
		return h[textproto.CanonicalMIMEHeaderKey(name)]
	}
	b := append(buf[:0], name...)
	upper := true
	for i, c := range b {
		switch {
		case upper && 'a' <= c && c <= 'z':
			b[i] = c - 'a' + 'A'
		case !upper && 'A' <= c && c <= 'Z':
			b[i] = c - 'A' + 'a'
		}
		upper = c == '-'
	}
	return h[string(b)]
}

// ErrFraming is a request whose length is given in two ways.
var ErrFraming = errors.New("sigv4: both Content-Length and Transfer-Encoding")

// Framing refuses requests that carry Content-Length as well as
// Transfer-Encoding: two readers may see two different bodies in them (RFC 9112
// section 6.3). transferEncoding is the header's value where the HTTP library
// took it out of h (http.Request.TransferEncoding). Note that net/http drops the
// Content-Length of such a request before a handler sees it, so there the check
// belongs on the raw bytes of the head.
func Framing(h http.Header, transferEncoding []string) error {
	te := len(transferEncoding) > 0 || len(h["Transfer-Encoding"]) > 0
	if cl := h["Content-Length"]; len(cl) > 1 || te && len(cl) > 0 {
		return ErrFraming
	}
	return nil
}
