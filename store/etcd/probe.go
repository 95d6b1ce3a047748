package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// reachable asks every endpoint by itself whether it speaks HTTP/2 the way we are
// told to, because etcd's client keeps trying and then only says that time ran
// out. One that answers is enough.
func (c *Config) reachable(ctx context.Context) error {
	var errs []error
	for _, e := range c.Endpoints {
		err := c.probe(ctx, e)
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", e, err))
	}
	return errors.Join(errs...)
}

func (c *Config) probe(ctx context.Context, endpoint string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", endpoint)
	if err != nil {
		return err
	}
	defer conn.Close()
	end, _ := ctx.Deadline()
	conn.SetDeadline(end)
	if c.TLS != nil {
		secure := c.TLS.Clone()
		secure.NextProtos = []string{"h2"}
		if secure.ServerName == "" {
			secure.ServerName, _, _ = net.SplitHostPort(endpoint)
		}
		t := tls.Client(conn, secure)
		if err := t.HandshakeContext(ctx); err != nil {
			var not tls.RecordHeaderError
			if errors.As(err, &not) || errors.Is(err, io.EOF) {
				return errors.New("it does not speak TLS")
			}
			return err
		}
		conn = t
	}
	// The connection preface and an empty SETTINGS frame (RFC 9113, 3.4); the
	// answer begins with a SETTINGS frame. With TLS 1.3 a refusal of our
	// certificate arrives only now.
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
		return err
	}
	var header [9]byte
	n, err := io.ReadFull(conn, header[:])
	switch {
	case n > 0 && c.TLS == nil && (header[0] == 0x15 || string(header[:min(n, 4)]) == "HTTP"):
		return errors.New("it wants TLS (ca=FILE or tls=on)")
	case errors.Is(err, io.EOF) && c.TLS == nil:
		return errors.New("it hung up; perhaps it wants TLS (ca=FILE or tls=on)")
	case err != nil:
		return err
	case header[3] != 4:
		return errors.New("it does not speak etcd's protocol")
	}
	return nil
}
