package egress

import (
	"context"
	"net"
	"time"
)

// Bounds limit one connection that is no HTTP. The zero value gives the
// defaults.
type Bounds struct {
	// Connect bounds looking up the name and connecting; 0 means 5 s.
	Connect time.Duration
	// Life bounds the connection from its start, whatever deadlines its user
	// sets; 0 means 1 min.
	Life time.Duration
	// MaxRead bounds the bytes that the other side may send; 0 means 1 MiB.
	MaxRead int64
}

// Dial connects to host:port over TCP for one purpose, by the same rules as
// requests of Client. What is spoken on the connection, TLS included, is its
// user's affair.
func (g *Gate) Dial(ctx context.Context, purpose, address string, b Bounds) (net.Conn, error) {
	if b.Connect <= 0 {
		b.Connect = 5 * time.Second
	}
	if b.Life <= 0 {
		b.Life = time.Minute
	}
	if b.MaxRead <= 0 {
		b.MaxRead = 1 << 20
	}
	start := time.Now()
	within, cancel := context.WithTimeout(ctx, b.Connect)
	defer cancel()
	c, err := g.dial(within, "tcp", address, b.Connect)
	g.observe(Outcome{Purpose: purpose, Host: address, Duration: time.Since(start), Err: err})
	if err != nil {
		return nil, err
	}
	limited := &limited{Conn: c, end: start.Add(b.Life), left: b.MaxRead}
	if err := limited.SetDeadline(time.Time{}); err != nil {
		c.Close()
		return nil, err
	}
	return limited, nil
}

// limited is a connection that ends when its time or its bytes are used up.
type limited struct {
	net.Conn
	end  time.Time
	left int64 // touched by the one reader that a connection may have
}

func (c *limited) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.Conn.Read(p)
	c.left -= int64(n)
	return n, err
}

// clamp keeps deadlines within the connection's life; drivers clear theirs with
// the zero time.
func (c *limited) clamp(t time.Time) time.Time {
	if t.IsZero() || t.After(c.end) {
		return c.end
	}
	return t
}

func (c *limited) SetDeadline(t time.Time) error      { return c.Conn.SetDeadline(c.clamp(t)) }
func (c *limited) SetReadDeadline(t time.Time) error  { return c.Conn.SetReadDeadline(c.clamp(t)) }
func (c *limited) SetWriteDeadline(t time.Time) error { return c.Conn.SetWriteDeadline(c.clamp(t)) }

// CloseWrite ends this side's half of the connection.
func (c *limited) CloseWrite() error {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		return t.CloseWrite()
	}
	return c.Conn.Close()
}
