package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// fault is a head that gets a refusal instead of an answer.
type fault struct{ status, text string }

func (f *fault) Error() string { return f.status + f.text }

var (
	malformed     = &fault{status: "400 Bad Request"}
	tooLarge      = &fault{status: "431 Request Header Fields Too Large"}
	unknownCoding = &fault{"501 Not Implemented", "Unsupported transfer encoding"}
	version       = &fault{"505 HTTP Version Not Supported", ": unsupported protocol version"}
	noHost        = &fault{"400 Bad Request", ": missing required Host header"}
	badHost       = &fault{"400 Bad Request", ": malformed Host header"}
	badName       = &fault{"400 Bad Request", ": invalid header name"}
	twoLengths    = &fault{"400 Bad Request", ": Content-Length beside Transfer-Encoding"}
)

// head waits for a whole head and answers it as it came. It stays in the buffer.
func (c *conn) head() ([]byte, error) {
	c.phase = nextRequest
	if c.method == http.MethodPost {
		// Old clients end a form with a line break that its length does not count.
		if b, err := c.in.Peek(1); err == nil && (b[0] == '\r' || b[0] == '\n') {
			b, _ = c.in.Peek(min(4, c.in.Buffered()))
			c.in.Discard(len(b) - len(bytes.TrimLeft(b, "\r\n")))
		}
	}
	seen := 0
	for {
		b, _ := c.in.Peek(c.in.Buffered())
		if n := headEnd(b, seen); n > 0 {
			return b[:n], nil
		}
		seen = len(b)
		if len(b) >= c.server.limits.Head {
			return nil, tooLarge
		}
		if len(b) == c.in.Size() {
			b = c.grow(b)
		}
		if len(b) > 0 && c.phase == nextRequest {
			c.phase = restOfHead
			c.readBy = time.Now().Add(c.server.limits.ReadHead)
			c.net.SetReadDeadline(c.readBy)
		}
		if _, err := c.in.Peek(len(b) + 1); err != nil {
			if err == io.EOF && len(b) > 0 {
				err = malformed // only half closed, maybe: then somebody still listens
			}
			return nil, err
		}
	}
}

// grow gives the head a buffer twice as large, and answers what it holds.
func (c *conn) grow(have []byte) []byte {
	old := c.held
	size := min(2*len(have), c.server.limits.Head)
	c.in = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(have)), (*source)(c)), size)
	empty, _ := c.in.Peek(0)
	c.held = empty[:cap(empty)]
	b, _ := c.in.Peek(len(have))
	clear(old)
	return b
}

// headEnd answers where the head in b ends: behind its first empty line. Lines
// end as net/textproto reads them, with or without a carriage return. The first
// seen bytes were looked at before.
func headEnd(b []byte, seen int) int {
	for i := max(seen-2, 0); ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return 0
		}
		i += n + 1
		rest := b[i:]
		if len(rest) > 0 && rest[0] == '\r' {
			rest = rest[1:]
			if len(rest) > 0 && rest[0] == '\n' {
				return i + 2
			}
		} else if len(rest) > 0 && rest[0] == '\n' {
			return i + 1
		}
	}
}

// request waits for a request and takes its head apart.
func (c *conn) request() (*http.Request, error) {
	head, err := c.head()
	if err != nil {
		return nil, err
	}
	if !c.state.CompareAndSwap(idle, busy) {
		return nil, io.EOF // shutting down
	}
	r, ok := plain(head)
	if ok {
		c.in.Discard(len(head))
	} else if r, err = c.other(head); err != nil {
		return nil, err
	}
	c.method, r.RemoteAddr, r.TLS = r.Method, c.remote, c.tls
	return r, nil
}

// other has the standard library take a head apart that is not plain.
func (c *conn) other(head []byte) (*http.Request, error) {
	r, err := http.ReadRequest(c.in)
	if err != nil {
		if strings.Contains(err.Error(), "transfer encoding") {
			return nil, unknownCoding
		}
		return nil, malformed
	}
	if r.ProtoMajor != 1 {
		return nil, version
	}
	if err := checkHost(r, head); err != nil {
		return nil, err
	}
	for name := range r.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return nil, badName
		}
	}
	if len(r.TransferEncoding) > 0 {
		if _, two := line(head, "Content-Length"); two {
			return nil, twoLengths
		}
	}
	return r, nil
}

// checkHost holds the Host header to what RFC 9112, section 3.2, asks.
// http.ReadRequest takes it out of the header, so where the answer is not plain
// from what it leaves, the head is asked.
func checkHost(r *http.Request, head []byte) error {
	host, there := r.Host, true
	if host == "" || r.URL.Host != "" {
		host, there = line(head, "Host")
	}
	switch {
	case !there && r.ProtoAtLeast(1, 1) && r.Method != http.MethodConnect:
		return noHost
	case there && !httpguts.ValidHostHeader(host):
		return badHost
	}
	return nil
}

// line finds a header in a head that http.ReadRequest has accepted.
func line(head []byte, name string) (value string, there bool) {
	for l := range bytes.Lines(head) {
		if k, v, ok := bytes.Cut(l, []byte(":")); ok && strings.EqualFold(string(k), name) {
			return string(bytes.TrimSpace(v)), true
		}
	}
	return "", false
}

// refuse answers a head that could not be served, as net/http does, if there is
// anybody to answer.
func (c *conn) refuse(err error) {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		return // hung up, or nothing came
	}
	body := f.status + f.text
	if f == unknownCoding {
		body = f.text
	}
	status := f.status
	if strings.HasPrefix(f.text, ":") {
		status += f.text
	}
	c.writeWithin(c.server.limits.Write, time.Now())
	io.WriteString(c.net, "HTTP/1.1 "+status+"\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"+body)
	c.linger()
}
