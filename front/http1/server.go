package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redoubt-sec/redoubt/wire"
)

// Handler answers requests. The body of r can be read until Answer returns. A
// handler that panics ends the connection without an answer. The header values
// of the answer may be shared; it is written before the next request is read.
type Handler interface {
	Answer(ctx context.Context, r *http.Request) *wire.Response
}

// Limits bound what a client can make the server hold or wait for; zero fields
// mean the defaults.
type Limits struct {
	Head      int           // bytes of a request's head; 64 KiB
	Handshake time.Duration // of TLS; 20 s
	ReadHead  time.Duration // from a head's first byte to its last; 20 s
	ReadMore  time.Duration // between two pieces of a body; 1 min
	Write     time.Duration // for the client to take a piece of the answer; at least this; 1 min
	Idle      time.Duration // between two requests; 2 min
}

func (l Limits) complete() Limits {
	if l.Head <= 0 {
		l.Head = 64 << 10
	}
	for _, d := range []struct {
		p *time.Duration
		v time.Duration
	}{{&l.Handshake, 20 * time.Second}, {&l.ReadHead, 20 * time.Second}, {&l.ReadMore, time.Minute}, {&l.Write, time.Minute}, {&l.Idle, 2 * time.Minute}} {
		if *d.p <= 0 {
			*d.p = d.v
		}
	}
	return l
}

// Server serves connections. Its fields are set before Serve.
type Server struct {
	Handler Handler
	Limits  Limits
	// TLS, when set, is spoken on every connection.
	TLS *tls.Config
	// Other takes over TLS connections that agreed on another protocol (HTTP/2),
	// after the handshake.
	Other func(protocol string, c *tls.Conn)
	// Log is told about panics and, at debug level, failed handshakes.
	Log *slog.Logger

	limits Limits
	ctx    context.Context // of every call
	cancel context.CancelFunc
	date   clock

	draining atomic.Bool
	mu       sync.Mutex
	listener net.Listener
	conns    map[*conn]struct{}
	gone     chan struct{} // closed when draining and the last connection ended
}

// Serve accepts connections until Shutdown or Close; then it answers
// http.ErrServerClosed. It is called once.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.draining.Load() {
		s.mu.Unlock()
		l.Close()
		return http.ErrServerClosed
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	s.limits = s.Limits.complete()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.listener, s.conns = l, map[*conn]struct{}{}
	s.mu.Unlock()
	wait := time.Duration(0)
	for {
		c, err := l.Accept()
		switch {
		case s.draining.Load():
			if err == nil {
				c.Close()
			}
			return http.ErrServerClosed
		case err == nil:
			wait = 0
			s.start(c)
			continue
		case errors.Is(err, net.ErrClosed):
			return err
		}
		// Too many open files, most likely: that passes when others hang up.
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		s.Log.Warn("connection could not be accepted", "error", err, "retry", wait)
		time.Sleep(wait)
	}
}

func (s *Server) start(nc net.Conn) {
	c := &conn{server: s, net: nc}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		nc.Close()
		return
	}
	s.conns[c] = struct{}{}
	go c.serve()
}

// forget is called when a connection ended or was handed over.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.gone != nil && len(s.conns) == 0 {
		close(s.gone)
		s.gone = nil
	}
}

// Shutdown stops accepting, ends idle connections, and waits until the calls
// that run are answered and their connections closed, or ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining.Store(true)
	if s.listener != nil {
		s.listener.Close()
	}
	for c := range s.conns {
		if c.state.CompareAndSwap(idle, closed) {
			c.net.Close()
		}
	}
	gone := make(chan struct{})
	if len(s.conns) == 0 {
		close(gone)
	} else {
		s.gone = gone
	}
	s.mu.Unlock()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends everything at once.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining.Store(true)
	if s.cancel != nil {
		s.cancel()
	}
	for c := range s.conns {
		c.net.Close()
	}
	if s.listener == nil {
		return nil
	}
	return s.listener.Close()
}

// clock is the Date header's value, made once a second.
type clock struct{ now atomic.Pointer[second] }

type second struct {
	unix int64
	text string
}

func (c *clock) text(now time.Time) string {
	unix := now.Unix()
	if s := c.now.Load(); s != nil && s.unix == unix {
		return s.text
	}
	s := &second{unix, now.UTC().Format(http.TimeFormat)}
	c.now.Store(s)
	return s.text
}
