package redoubt

import "io"

// Stream is a request's body on its way in: what operations whose input streams
// find in their io.ReadCloser member. Read fails where the body turns out not to be
// what was signed, at the latest in place of io.EOF: what was read must not become
// visible before that.
type Stream interface {
	io.ReadCloser
	// Length is the size of the decoded body in bytes, or -1 when nothing says.
	Length() int64
	// Trailer holds the trailing headers by canonical name, once Read has answered
	// io.EOF.
	Trailer() map[string][]string
}
