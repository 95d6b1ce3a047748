package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// listen opens the listeners and serves.
func (s *Server) listen() error {
	if s.conf.Listen == "off" && s.conf.ListenTLS == "off" {
		return errors.New("listen and listen-tls are both off")
	}
	if s.conf.Listen != "off" {
		if err := s.serve("listen", s.conf.Listen, s.door, nil); err != nil {
			return err
		}
	}
	if s.conf.ListenTLS != "off" {
		conf, err := s.tlsConfig()
		if err != nil {
			return err
		}
		if err := s.serve("listen-tls", s.conf.ListenTLS, s.door, conf); err != nil {
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

// serve opens one listener and serves the door, or what else stands there, on it.
func (s *Server) serve(name, addr string, handler http.Handler, conf *tls.Config) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.listeners[name] = l
	s.egress.Own(l.Addr())
	h := &http.Server{
		Handler: handler,
		// Slow heads hold connections for nothing. Bodies and answers may be
		// large, so they have no deadline of their own; idle connections do.
		ReadHeaderTimeout: 20 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		TLSConfig:         conf,
	}
	s.servers = append(s.servers, h)
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		var err error
		if conf != nil {
			err = h.ServeTLS(l, "", "")
		} else {
			err = h.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			select {
			case s.failed <- fmt.Errorf("%s: %w", name, err):
			default:
			}
		}
	}()
	return nil
}

func splitHostPort(addr string) (host, port string, err error) { return net.SplitHostPort(addr) }
