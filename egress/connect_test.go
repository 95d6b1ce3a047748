package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// chatty is a TCP server that sends n bytes and then says nothing more.
func chatty(t *testing.T, n int) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Write(make([]byte, n))
			t.Cleanup(func() { c.Close() })
		}
	}()
	return l
}

func TestDialJudges(t *testing.T) {
	l := chatty(t, 1)
	var seen []Outcome
	n := &names{table: map[string][][]string{"db.example": {{"127.0.0.1"}}}}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	g := gate(t, Config{Resolver: n, Observe: func(o Outcome) { seen = append(seen, o) }})
	for _, host := range []string{"127.0.0.1", "db.example", "::ffff:127.0.0.1", "169.254.169.254", "2130706433"} {
		if c, err := g.Dial(context.Background(), "rotation", net.JoinHostPort(host, port), Bounds{}); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, %v", host, c, err)
		}
	}
	if len(seen) != 5 || seen[0].Purpose != "rotation" || !errors.Is(seen[0].Err, ErrRefused) {
		t.Errorf("%+v", seen)
	}
	g = gate(t, Config{Resolver: n, Allow: []string{"db.example"}})
	c, err := g.Dial(context.Background(), "rotation", "db.example:"+port, Bounds{})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	g.Own(l.Addr())
	if _, err := g.Dial(context.Background(), "rotation", "db.example:"+port, Bounds{}); !errors.Is(err, ErrRefused) {
		t.Errorf("own listener: %v", err)
	}
}

func TestDialBounds(t *testing.T) {
	l := chatty(t, 2000)
	g := gate(t, Config{Allow: []string{"127.0.0.1"}})
	c, err := g.Dial(context.Background(), "rotation", l.Addr().String(), Bounds{MaxRead: 1999})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, err := io.ReadAll(c); !errors.Is(err, ErrTooLarge) || len(b) != 1999 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	// A deadline beyond the life of the connection, or none, changes nothing.
	c, err = g.Dial(context.Background(), "rotation", l.Addr().String(), Bounds{Life: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, d := range []time.Time{{}, time.Now().Add(time.Hour)} {
		if err := c.SetReadDeadline(d); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.ReadAll(c); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("silent server: %v", err)
	}
}
