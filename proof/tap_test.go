package proof

import (
	"errors"
	"net"
	"strconv"
	"sync"
	"testing"
)

// tap is a way to a database on which a test stands: every piece of a connection,
// in both directions, is a point at which the test may end who uses it.
type tap struct {
	net.Listener
	to    string
	point func() // before each piece is passed on

	mu     sync.Mutex
	shut   bool                  // pieces wait
	open   *sync.Cond            // shut has changed
	conns  map[net.Conn]struct{} // both sides
	closed bool
}

// newTap listens until the test ends.
func newTap(t testing.TB, to string, point func()) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &tap{Listener: l, to: to, point: point, conns: map[net.Conn]struct{}{}}
	w.open = sync.NewCond(&w.mu)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { w.pass(c) })
		}
	})
	t.Cleanup(func() {
		w.mu.Lock()
		w.closed, w.shut = true, false
		w.mu.Unlock()
		w.open.Broadcast()
		l.Close()
		w.cut()
		wg.Wait()
	})
	return w
}

func (w *tap) port() int {
	_, text, _ := net.SplitHostPort(w.Addr().String())
	n, _ := strconv.Atoi(text)
	return n
}

// shutOff has new connections wait, or go on.
func (w *tap) shutOff(shut bool) {
	w.mu.Lock()
	w.shut = shut
	w.mu.Unlock()
	w.open.Broadcast()
}

// cut ends all connections; what has not been passed on is lost.
func (w *tap) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		c.Close()
	}
}

var errShut = errors.New("the tap is closed")

func (w *tap) keep(c net.Conn) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.shut {
		w.open.Wait()
	}
	if w.closed {
		return errShut
	}
	w.conns[c] = struct{}{}
	return nil
}

func (w *tap) forget(c net.Conn) {
	c.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}

func (w *tap) pass(c net.Conn) {
	defer w.forget(c)
	if w.keep(c) != nil {
		return
	}
	d, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer w.forget(d)
	if w.keep(d) != nil {
		return
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		w.copy(c, d)
	}()
	w.copy(d, c)
	<-back
}

// copy passes on what comes until either side ends, and ends the other.
func (w *tap) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	for b := make([]byte, 32<<10); ; {
		n, err := from.Read(b)
		if n > 0 {
			w.point()
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
