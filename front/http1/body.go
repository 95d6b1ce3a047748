package http1

import (
	"io"
	"net/http"
	"time"
)

// mostDropped is how much of a body that nobody read is dropped to keep the
// connection; net/http's measure.
const mostDropped = 256 << 10

// body is a request body of a known length.
type body struct {
	conn *conn
	left int64
	// proceed: the client waits to be told that the body is wanted.
	proceed bool
	over    bool // the call was answered
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.over:
		return 0, http.ErrBodyReadAfterClose
	case b.left == 0:
		return 0, io.EOF
	}
	c := b.conn
	if b.proceed {
		if err := c.proceed(); err != nil {
			return 0, err
		}
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	c.phase = moreBody
	n, err := c.in.Read(p)
	b.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// proceed tells a client that waits for it that its body is wanted.
func (c *conn) proceed() error {
	c.body.proceed = false
	c.writeWithin(c.server.limits.Write, time.Now())
	_, err := io.WriteString(c.net, "HTTP/1.1 100 Continue\r\n\r\n")
	return err
}

// Close implements io.Closer; what is left is dropped when the call is answered.
func (b *body) Close() error { return nil }

// drop reads what the handler left, if it is little. It reports whether the
// connection is at the next request.
func (b *body) drop() bool {
	if b.proceed || b.left > mostDropped {
		return b.left == 0
	}
	for b.left > 0 {
		b.conn.phase = moreBody
		n, err := b.conn.in.Discard(int(min(b.left, inSize)))
		b.left -= int64(n)
		if err != nil {
			return false
		}
	}
	return true
}

// Lingering: closing while bytes of the client's wait unread would reset the
// connection, and the client might not see the answer. On a fast network several
// MiB of an upload are under way when it is refused in its middle.
const (
	lingerTime  = time.Second
	lingerBytes = 64 << 20
)

func (c *conn) linger() {
	w, ok := c.net.(interface{ CloseWrite() error })
	if !ok || w.CloseWrite() != nil {
		return
	}
	c.net.SetReadDeadline(time.Now().Add(lingerTime))
	io.CopyN(io.Discard, c.net, lingerBytes)
}
