package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/redoubt-sec/redoubt/front/http1"
)

// listen opens the listeners and serves.
func (s *Server) listen() error {
	if s.conf.Listen == "off" && s.conf.ListenTLS == "off" {
		return errors.New("listen and listen-tls are both off")
	}
	if s.conf.Listen != "off" {
		if err := s.serveDoor("listen", s.conf.Listen, nil); err != nil {
			return err
		}
	}
	s.serveFunctions()
	if s.conf.ListenTLS != "off" {
		conf, err := s.tlsConfig()
		if err != nil {
			return err
		}
		if err := s.serveDoor("listen-tls", s.conf.ListenTLS, conf); err != nil {
			return err
		}
	}
	if s.conf.ListenXKS != "off" {
		if err := s.listenXKS(); err != nil {
			return err
		}
	}
	// Where clients on this machine find the server (redoubt env).
	return s.dir.replace("endpoint", []byte(s.URL()+"\n"))
}

// tlsConfig is the HTTPS listener's.
func (s *Server) tlsConfig() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.conf.TLSCert != "" {
		cert, err := tls.LoadX509KeyPair(s.conf.TLSCert, s.conf.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("tls-cert: %w", err)
		}
		conf.Certificates = []tls.Certificate{cert}
		return conf, nil
	}
	conf.GetCertificate = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c := s.certs.Load()
		if c == nil {
			return nil, errors.New("sealed: the built-in CA's key cannot be read")
		}
		return c.get(h)
	}
	return conf, nil
}

// running is an HTTP server, ours or the standard library's.
type running interface {
	Shutdown(context.Context) error
	Close() error
}

// serveDoor opens a listener of the front door. HTTP/1 is front/http1's, HTTP/2
// the standard library's.
func (s *Server) serveDoor(name, addr string, conf *tls.Config) error {
	l, err := s.open(name, addr)
	if err != nil {
		return err
	}
	h := &http1.Server{Handler: s.door, TLS: conf, Log: s.log}
	if conf != nil {
		conf.NextProtos = []string{"h2", "http/1.1"}
		h2, agreed := s.standard(s.door, conf), newHandover(l.Addr())
		h.Other = func(_ string, c *tls.Conn) { agreed.pass(c) }
		s.goServe(name, h2, func() error { return h2.Serve(agreed) })
	}
	s.goServe(name, h, func() error { return h.Serve(l) })
	return nil
}

// serve opens a listener and has the standard library serve a handler on it.
func (s *Server) serve(name, addr string, handler http.Handler, conf *tls.Config) error {
	l, err := s.open(name, addr)
	if err != nil {
		return err
	}
	h := s.standard(handler, conf)
	s.goServe(name, h, func() error {
		if conf != nil {
			return h.ServeTLS(l, "", "")
		}
		return h.Serve(l)
	})
	return nil
}

// open opens a listener, unless it was opened before.
func (s *Server) open(name, addr string) (net.Listener, error) {
	if l := s.listeners[name]; l != nil {
		return l, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s.listeners[name] = l
	s.egress.Own(l.Addr())
	return l, nil
}

func (s *Server) standard(handler http.Handler, conf *tls.Config) *http.Server {
	return &http.Server{
		Handler: handler,
		// Slow heads hold connections for nothing. Bodies and answers may be
		// large, so they have no deadline of their own; idle connections do.
		ReadHeaderTimeout: 20 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		TLSConfig:         conf,
	}
}

func (s *Server) goServe(name string, h running, serve func() error) {
	s.servers = append(s.servers, h)
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			select {
			case s.failed <- fmt.Errorf("%s: %w", name, err):
			default:
			}
		}
	}()
}

// handover is a listener whose connections come from another one.
type handover struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newHandover(addr net.Addr) *handover {
	return &handover{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (h *handover) pass(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		c.Close()
	}
}

// Accept implements net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements net.Listener.
func (h *handover) Addr() net.Addr { return h.addr }

func splitHostPort(addr string) (host, port string, err error) { return net.SplitHostPort(addr) }
