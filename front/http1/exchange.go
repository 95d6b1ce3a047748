package http1

import (
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/redoubt-sec/redoubt/wire"
)

// exchange serves one request and reports whether another may follow.
func (c *conn) exchange() bool {
	r, err := c.request()
	if err != nil {
		c.refuse(err)
		return false
	}
	c.body = body{conn: c}
	if expect := r.Header["Expect"]; len(expect) > 0 && expect[0] != "" {
		if !httpguts.HeaderValuesContainsToken(expect, "100-continue") {
			c.write(r, &wire.Response{Status: http.StatusExpectationFailed}, false)
			return false
		}
		c.body.proceed = r.ProtoAtLeast(1, 1) && r.ContentLength != 0
	}
	// A body of chunks is decoded by the standard library; its end is not
	// certain, so nothing may follow it.
	counted := r.ContentLength >= 0
	switch {
	case r.ContentLength > 0:
		c.body.left = r.ContentLength
		r.Body = &c.body
	case !counted:
		if c.phase = moreBody; c.body.proceed && c.proceed() != nil {
			return false
		}
	}
	resp := c.server.Handler.Answer(c.server.ctx, r)
	c.body.over = true
	if resp.Stream != nil {
		defer resp.Stream.Close()
	}
	keep := counted && c.body.drop() && !c.server.draining.Load()
	keep, whole := c.write(r, resp, keep)
	if whole && (!counted || c.body.left > 0) {
		c.linger()
	}
	return keep
}

// A frame is how the end of an answer's body is told.
type frame uint8

const (
	none    frame = iota // there is no body
	said                 // by the answer's own Content-Length
	counted              // by a Content-Length
	chunked
	closing // by the end of the connection
)

func frameOf(r *http.Request, resp *wire.Response) frame {
	switch {
	case resp.Status < 200, resp.Status == http.StatusNoContent, resp.Status == http.StatusNotModified:
		return none // RFC 9110, sections 15.2, 15.3.5 and 15.4.5
	case resp.Header["Content-Length"] != nil:
		return said
	case resp.Stream == nil:
		return counted
	case r.ProtoAtLeast(1, 1):
		return chunked
	}
	return closing
}

// mostCopied is how large a body may be to be written together with its head.
const mostCopied = 64 << 10

// write writes the answer. It reports whether the client has all of it, and
// whether another request may follow, if keep says that one can.
func (c *conn) write(r *http.Request, resp *wire.Response, keep bool) (again, whole bool) {
	f := frameOf(r, resp)
	if r.Close || f == closing || httpguts.HeaderValuesContainsToken(resp.Header["Connection"], "close") {
		keep = false
	}
	now := time.Now()
	b := c.appendHead(c.out, r, resp, f, keep, now)
	rest, stream := resp.Body, resp.Stream
	if f == none || r.Method == http.MethodHead {
		rest, stream = nil, nil
	}
	if len(rest) <= mostCopied {
		b, rest = append(b, rest...), nil
	}
	c.out = b
	if from, ok := stream.(io.WriterTo); ok && f != chunked {
		to := &pieces{c: c, head: b}
		_, err := from.WriteTo(to)
		if err == nil && to.head != nil {
			_, err = to.Write(nil) // there was nothing to hand out
		}
		return keep && err == nil, err == nil
	}
	c.writeWithin(c.server.limits.Write, now)
	_, err := c.net.Write(b)
	if err == nil && len(rest) > 0 {
		_, err = c.net.Write(rest)
	}
	if err == nil && stream != nil {
		err = c.stream(stream, f == chunked)
	}
	// Where the head is out but the body is not whole, cutting the connection is
	// the only way left to say so.
	return keep && err == nil, err == nil
}

func (c *conn) appendHead(b []byte, r *http.Request, resp *wire.Response, f frame, keep bool, now time.Time) []byte {
	current := r.ProtoAtLeast(1, 1)
	if current {
		b = append(b, "HTTP/1.1 "...)
	} else {
		b = append(b, "HTTP/1.0 "...)
	}
	b = appendStatus(b, resp.Status)
	for name, values := range resp.Header {
		if name == "Connection" && !keep || name == "Content-Length" && f == none {
			continue
		}
		b = appendHeader(b, name, values)
	}
	if resp.Header["Date"] == nil {
		b = append(append(append(b, "Date: "...), c.server.date.text(now)...), "\r\n"...)
	}
	switch f {
	case counted:
		b = strconv.AppendInt(append(b, "Content-Length: "...), int64(len(resp.Body)), 10)
		b = append(b, "\r\n"...)
	case chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	switch {
	case !keep && current:
		b = append(b, "Connection: close\r\n"...)
	case keep && !current && resp.Header["Connection"] == nil:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return append(b, "\r\n"...)
}

// stream writes a body that comes in pieces.
func (c *conn) stream(from io.Reader, chunked bool) error {
	buf := make([]byte, 32<<10)
	defer clear(buf)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			c.writeWithin(c.server.limits.Write, time.Now())
			if err := c.piece(buf[:n], chunked); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF && chunked:
			_, err = io.WriteString(c.net, "0\r\n\r\n")
			return err
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// pieces writes what a stream hands out without copying it; the head goes with the
// first.
type pieces struct {
	c    *conn
	head []byte
}

// Write implements io.Writer.
func (w *pieces) Write(p []byte) (int, error) {
	w.c.writeWithin(w.c.server.limits.Write, time.Now())
	if w.head == nil {
		return w.c.net.Write(p)
	}
	head := int64(len(w.head))
	list := net.Buffers{w.head, p}
	w.head = nil
	n, err := list.WriteTo(w.c.net)
	return int(max(n-head, 0)), err
}

func (c *conn) piece(p []byte, chunked bool) error {
	if !chunked {
		_, err := c.net.Write(p)
		return err
	}
	clear(c.out)
	b := append(strconv.AppendInt(c.out[:0], int64(len(p)), 16), "\r\n"...)
	c.out = append(append(b, p...), "\r\n"...)
	_, err := c.net.Write(c.out)
	return err
}

func appendStatus(b []byte, status int) []byte {
	if status == http.StatusOK {
		return append(b, "200 OK\r\n"...)
	}
	b = strconv.AppendInt(b, int64(status), 10)
	text := http.StatusText(status)
	if text == "" {
		text = "status code " + strconv.Itoa(status)
	}
	return append(append(append(b, ' '), text...), "\r\n"...)
}

// appendHeader writes a header as net/http does: a name that is none is left
// out, and no value can begin another line.
func appendHeader(b []byte, name string, values []string) []byte {
	if !httpguts.ValidHeaderFieldName(name) {
		return b
	}
	for _, v := range values {
		b = append(append(b, name...), ": "...)
		if !httpguts.ValidHeaderFieldValue(v) {
			v = strings.Map(printable, v)
		}
		b = append(append(b, textproto.TrimString(v)...), "\r\n"...)
	}
	return b
}

// printable puts a blank in the place of control characters: they end a line or make
// a client refuse the whole answer (RFC 9110, section 5.5).
func printable(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f {
		return ' '
	}
	return r
}
