package wire

import (
	"io"
	"net/http"
)

// Request is an HTTP request as a codec sees it. The front door fills it; a
// codec only reads it. It is used by one goroutine.
type Request struct {
	Method   string
	Target   string // request target exactly as sent; signatures are made over it
	Path     string // the target's path, still percent-encoded
	RawQuery string // the target's query without "?", still encoded
	Host     string
	Header   http.Header // canonical names
	Body     []byte      // as sent: maybe compressed, see Content
	// Stream is the body of an operation whose input is streamed; Body is nil
	// then. The decoded input takes it over.
	Stream io.ReadCloser
	// Limit is how large the body may be where that is more than the codec's own
	// limit; 0: no more.
	Limit int

	content []byte // Body after Content-Encoding
	query   Form
	form    Form
	have    uint8 // which of the three are filled
}

// Response is an HTTP response. Either Body or Stream holds its body; the
// front door closes Stream.
type Response struct {
	Status int
	Header http.Header // its values may be shared: replace, never append in place
	Body   []byte
	Stream io.ReadCloser
}

// Limits bound what a decoder accepts. Zero fields mean the defaults.
type Limits struct {
	// Body is the largest body in bytes, compressed or not; more is answered
	// RequestEntityTooLarge (413). Streamed bodies are not counted.
	Body int
	// Depth is how deeply values may nest.
	Depth int
}

// Defaults of Limits.
const (
	DefaultBody  = 1 << 20
	DefaultDepth = 64
)

// Or fills the zero fields of l with defaults.
func (l Limits) Or(body int) Limits {
	if l.Body == 0 {
		l.Body = body
	}
	if l.Depth == 0 {
		l.Depth = DefaultDepth
	}
	return l
}
