package http1_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/front/http1"
	"github.com/redoubt-sec/redoubt/wire"
)

// witness notes what it understood, by connection.
type witness struct {
	mu   sync.Mutex
	seen map[string][]string
}

func (w *witness) note(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q %q %d %q %v %q %v\n", r.Method, r.RequestURI, r.Host, r.URL, r.ContentLength, r.TransferEncoding, r.Close, body, err != nil)
	for _, k := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, "%q: %q\n", k, r.Header[k])
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[r.RemoteAddr] = append(w.seen[r.RemoteAddr], b.String())
}

func (w *witness) take(addr string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer delete(w.seen, addr)
	return w.seen[addr]
}

func (w *witness) Answer(_ context.Context, r *http.Request) *wire.Response {
	w.note(r)
	return &wire.Response{Status: 200}
}

func (w *witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.note(r)
	rw.Header().Set("Content-Length", "0")
}

// tell sends b and waits until the server hangs up.
func (w *witness) tell(t *testing.T, addr string, b []byte) []string {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	go func() {
		c.Write(b)
		c.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(io.Discard, c)
	return w.take(c.LocalAddr().String())
}

// FuzzSame: net/http and this package understand the same requests in whatever
// bytes come.
func FuzzSame(f *testing.F) {
	for _, r := range requests {
		if s := strings.Join(r.pieces, ""); len(s) < 2000 {
			f.Add([]byte(s))
		}
	}
	w := &witness{seen: map[string][]string{}}
	std := &http.Server{Handler: w}
	l := listen(f)
	go std.Serve(l)
	f.Cleanup(func() { std.Close() })
	a, b := l.Addr().String(), ours(f, &http1.Server{Handler: w})
	f.Fuzz(func(t *testing.T, in []byte) {
		if s := string(in); strings.Contains(s, "OPTIONS") || strings.Contains(s, "PRI") {
			t.Skip() // net/http answers OPTIONS * itself, and PRI opens HTTP/2
		}
		want, got := w.tell(t, a, in), w.tell(t, b, in)
		for i, s := range want {
			// This package is stricter about codings; nothing follows them.
			if strings.Contains(s, `["chunked"]`) {
				want, got = want[:i], got[:min(i, len(got))]
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("net/http understood\n%q\nthis package\n%q", want, got)
		}
	})
}
