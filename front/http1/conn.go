package http1

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// The states of a connection, for Shutdown. Whoever moves it from idle decides
// whether it still serves a request.
const (
	idle uint32 = iota
	busy
	closed
)

// Buffers that every connection has; heads and answers that do not fit get
// larger ones for as long as they take.
const (
	inSize  = 4 << 10
	outSize = 2 << 10
	outKept = 16 << 10
)

// conn is one connection, served by one goroutine.
type conn struct {
	server *Server
	net    net.Conn
	state  atomic.Uint32

	remote string
	tls    *tls.ConnectionState

	in     *bufio.Reader
	held   []byte // in's buffer, to wipe it
	out    []byte
	body   body
	method string // of the request before

	phase           phase
	readBy, writeBy time.Time // deadlines that are set; zero: none
}

// phase is what a connection waits for when it reads.
type phase uint8

const (
	nextRequest phase = iota
	restOfHead        // under one deadline, set when it begins
	moreBody
)

func (c *conn) serve() {
	defer c.server.forget(c)
	if s := c.server; s.TLS != nil && !c.handshake() {
		return
	}
	defer c.net.Close()
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			c.server.Log.Error("panic while a request was answered", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	if a := c.net.RemoteAddr(); a != nil {
		c.remote = a.String()
	}
	c.reader(inSize)
	c.out = make([]byte, 0, outSize)
	for c.exchange() {
		c.wipe()
		c.state.Store(idle)
		if c.server.draining.Load() {
			return // Shutdown may have passed by while this was busy
		}
	}
}

// handshake reports whether the connection is this server's to serve.
func (c *conn) handshake() bool {
	s := c.server
	t := tls.Server(c.net, s.TLS)
	c.net.SetDeadline(time.Now().Add(s.limits.Handshake))
	if err := t.HandshakeContext(s.ctx); err != nil {
		if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
			io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		}
		s.Log.Debug("TLS handshake failed", "peer", c.net.RemoteAddr(), "error", err)
		c.net.Close()
		return false
	}
	c.net.SetDeadline(time.Time{})
	state := t.ConnectionState()
	if p := state.NegotiatedProtocol; p != "" && p != "http/1.1" {
		if s.Other == nil {
			t.Close()
		} else {
			s.Other(p, t)
		}
		return false
	}
	// Not before the state is known: Shutdown closes c.net from elsewhere.
	c.server.mu.Lock()
	c.net, c.tls = t, &state
	c.server.mu.Unlock()
	return true
}

func looksLikeHTTP(head [5]byte) bool {
	switch string(head[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		return true
	}
	return false
}

// reader gives the connection an empty buffer of size bytes.
func (c *conn) reader(size int) {
	c.in = bufio.NewReaderSize((*source)(c), size)
	empty, _ := c.in.Peek(0)
	c.held = empty[:cap(empty)]
}

// wipe clears what the buffers held, as far as none of it is still to be read.
func (c *conn) wipe() {
	clear(c.out)
	if c.out = c.out[:0]; cap(c.out) > outKept {
		c.out = make([]byte, 0, outSize)
	}
	if c.in.Buffered() > 0 {
		return
	}
	clear(c.held)
	if len(c.held) > inSize {
		c.reader(inSize)
	}
}

// source is what in reads from: the connection, under the deadline of the phase.
type source conn

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	c := (*conn)(s)
	switch c.phase {
	case nextRequest:
		c.readWithin(c.server.limits.Idle)
	case moreBody:
		c.readWithin(c.server.limits.ReadMore)
	}
	return c.net.Read(p)
}

// readWithin sees to it that reading ends within d, give or take a quarter:
// moving a deadline at every request costs more than it is worth.
func (c *conn) readWithin(d time.Duration) {
	now := time.Now()
	if left := c.readBy.Sub(now); left > d || left < d-d/4 {
		c.readBy = now.Add(d)
		c.net.SetReadDeadline(c.readBy)
	}
}

// writeWithin does the same for writing.
func (c *conn) writeWithin(d time.Duration, now time.Time) {
	if c.writeBy.Sub(now) < d {
		c.writeBy = now.Add(2 * d)
		c.net.SetWriteDeadline(c.writeBy)
	}
}
