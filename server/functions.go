package server

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"sync"

	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/front/http1"
)

// openFunctions opens the engine that runs functions. They call this server over
// connections of their own, which end up at the same door as all others.
func (s *Server) openFunctions(ctx context.Context) error {
	conf := functions.Config{
		Dir: filepath.Join(s.conf.Data, "functions"), Clock: s.clock, Log: s.log, Gate: s.egress,
		Unconfined: s.conf.LambdaUnconfined, StrictRuntimes: s.conf.LambdaStrictRuntimes, Reach: s.conf.LambdaEgress,
		FirstUID: s.conf.LambdaUID, Hide: s.conf.secretFiles(),
	}
	if s.conf.Listen != "off" {
		// Its port may be chosen by the system, and functions are told of it.
		l, err := s.open("listen", s.conf.Listen)
		if err != nil {
			return err
		}
		conf.Endpoint = s.URL()
		inner := newHandover(l.Addr())
		s.fromFunctions = inner
		conf.API = func(c net.Conn) {
			call := &innerConn{Conn: c, closed: make(chan struct{})}
			inner.pass(call)
			<-call.closed
		}
	}
	var err error
	if s.functions, err = functions.Open(conf); err != nil {
		return fmt.Errorf("functions: %w", err)
	}
	s.run(ctx, "functions", func(ctx context.Context) error {
		s.sayFunctions()
		return s.functions.Run(ctx)
	})
	return nil
}

// secretFiles are files and folders of the configuration that no function may see,
// wherever an operator put them.
func (c *Config) secretFiles() []string {
	all := []string{c.Data}
	for _, p := range []string{c.SealKey, c.SealPassphrase, c.SealPIN, c.SealKMSCreds, c.TLSKey, c.XKS.SecretFile, c.XKS.NextSecretFile} {
		if p != "" {
			all = append(all, p)
		}
	}
	return all
}

// sayFunctions says what this host cannot enforce on functions. To know that it is
// tried out, which takes a moment.
func (s *Server) sayFunctions() {
	c := s.functions.Capabilities()
	if !c.Confined {
		s.log.Warn("functions cannot be isolated on this host", "missing", c.Missing, "they run anyway", s.conf.LambdaUnconfined)
	}
	for _, n := range c.Notes {
		s.log.Warn("functions are less confined than they could be", "gap", n)
	}
}

// innerConn is a connection of a function. It came over a socket of this machine,
// and calls over it come from this machine.
type innerConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *innerConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (c *innerConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// serveFunctions serves the connections on which functions call.
func (s *Server) serveFunctions() {
	if s.fromFunctions == nil {
		return
	}
	h := &http1.Server{Handler: s.door, Log: s.log}
	s.goServe("functions", h, func() error { return h.Serve(s.fromFunctions) })
}
