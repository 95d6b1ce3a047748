package http1_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/front/http1"
	"github.com/redoubt-sec/redoubt/wire"
)

type handler func(ctx context.Context, r *http.Request) *wire.Response

func (h handler) Answer(ctx context.Context, r *http.Request) *wire.Response { return h(ctx, r) }

func text(s string) *wire.Response {
	return &wire.Response{Status: 200, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte(s)}
}

func dial(t testing.TB, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c, bufio.NewReader(c)
}

func status(t testing.TB, in *bufio.Reader) int {
	t.Helper()
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// ends waits until the server hangs up without another word.
func ends(t testing.TB, in *bufio.Reader) {
	t.Helper()
	if b, err := in.ReadByte(); err == nil {
		t.Errorf("%q instead of the end", b)
	} else if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Error("the connection stays open")
	}
}

// Shutdown ends connections that wait, lets a call finish whose client then
// learns that the connection ends, and takes no new ones.
func TestShutdown(t *testing.T) {
	started, finish := make(chan bool), make(chan bool)
	s := &http1.Server{Handler: handler(func(_ context.Context, r *http.Request) *wire.Response {
		if r.URL.Path == "/slow" {
			started <- true
			<-finish
		}
		return text("done")
	})}
	addr := ours(t, s)
	fresh, freshIn := dial(t, addr)
	_ = fresh
	used, usedIn := dial(t, addr)
	io.WriteString(used, get)
	status(t, usedIn)
	slow, slowIn := dial(t, addr)
	io.WriteString(slow, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"+get)
	<-started

	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	ends(t, freshIn)
	ends(t, usedIn)
	select {
	case err := <-done:
		t.Fatal("did not wait for the call:", err)
	case <-time.After(50 * time.Millisecond):
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("a new connection was accepted")
	}
	finish <- true
	resp, err := http.ReadResponse(slowIn, nil)
	if err != nil || !resp.Close {
		t.Errorf("%v %+v: the client does not learn that the connection ends", err, resp)
	}
	io.Copy(io.Discard, resp.Body)
	ends(t, slowIn)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A drain that takes too long is reported; Close then cancels what runs.
func TestShutdownOutOfTime(t *testing.T) {
	started := make(chan bool)
	s := &http1.Server{Handler: handler(func(ctx context.Context, r *http.Request) *wire.Response {
		started <- true
		<-ctx.Done()
		return text("")
	})}
	c, in := dial(t, ours(t, s))
	io.WriteString(c, get)
	<-started
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); err != context.DeadlineExceeded {
		t.Error(err)
	}
	s.Close()
	ends(t, in)
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error("connections are left:", err)
	}
}

// Every wait for a client ends.
func TestSlowClients(t *testing.T) {
	read := make(chan error, 1)
	s := &http1.Server{
		Handler: handler(func(_ context.Context, r *http.Request) *wire.Response {
			if r.URL.Path == "/much" {
				return &wire.Response{Status: 200, Stream: io.NopCloser(endless{})}
			}
			_, err := io.ReadAll(r.Body)
			if r.URL.Path == "/body" {
				read <- err
			}
			return text("")
		}),
		Limits: http1.Limits{ReadHead: 50 * time.Millisecond, ReadMore: 60 * time.Millisecond, Write: 50 * time.Millisecond, Idle: 200 * time.Millisecond},
	}
	addr := ours(t, s)
	for name, f := range map[string]func(*testing.T, net.Conn, *bufio.Reader){
		"silent": func(t *testing.T, c net.Conn, in *bufio.Reader) { ends(t, in) },
		"silent after a request": func(t *testing.T, c net.Conn, in *bufio.Reader) {
			io.WriteString(c, get)
			status(t, in)
			ends(t, in)
		},
		"head that drips": func(t *testing.T, c net.Conn, in *bufio.Reader) {
			go func() {
				for _, b := range []byte(strings.Repeat("GET / HTTP/1.1\r\nX-A: ", 20)) {
					if _, err := c.Write([]byte{b}); err != nil {
						return
					}
					time.Sleep(5 * time.Millisecond)
				}
			}()
			ends(t, in)
		},
		"body that stops": func(t *testing.T, c net.Conn, in *bufio.Reader) {
			io.WriteString(c, "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nbody")
			if err := <-read; err == nil {
				t.Error("half a body passed for a whole one")
			}
			status(t, in)
			ends(t, in)
		},
		"answer that nobody takes": func(t *testing.T, c net.Conn, in *bufio.Reader) {
			io.WriteString(c, "GET /much HTTP/1.1\r\nHost: h\r\n\r\n")
			time.Sleep(400 * time.Millisecond)
			if _, err := io.Copy(io.Discard, in); err != nil {
				if e, ok := err.(net.Error); ok && e.Timeout() {
					t.Error("the server goes on")
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, in := dial(t, addr)
			f(t, c, in)
		})
	}
	t.Run("pauses shorter than that", func(t *testing.T) {
		c, in := dial(t, addr)
		for range 5 {
			time.Sleep(30 * time.Millisecond)
			for _, p := range []string{"POST / HTTP/1.1\r\nHost: h\r\n", "Content-Length: 3\r\n\r\na", "b", "c"} {
				io.WriteString(c, p)
				time.Sleep(20 * time.Millisecond)
			}
			if s := status(t, in); s != 200 {
				t.Fatal(s)
			}
		}
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A panic ends its connection, is logged, and hurts nobody else.
func TestPanic(t *testing.T) {
	var log lockedBuffer
	addr := ours(t, &http1.Server{
		Log: slog.New(slog.NewTextHandler(&log, nil)),
		Handler: handler(func(_ context.Context, r *http.Request) *wire.Response {
			if r.URL.Path == "/panic" {
				panic("a bug")
			}
			return text("fine")
		}),
	})
	other, otherIn := dial(t, addr)
	c, in := dial(t, addr)
	io.WriteString(c, "GET /panic HTTP/1.1\r\nHost: h\r\n\r\n")
	ends(t, in)
	io.WriteString(other, get)
	if s := status(t, otherIn); s != 200 {
		t.Error(s)
	}
	if !strings.Contains(log.String(), "a bug") {
		t.Error("the log does not tell:", log.String())
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TLS: HTTP/1.1 is served here, HTTP/2 handed over after the handshake, and
// plain HTTP told what is wrong.
func TestTLS(t *testing.T) {
	h2 := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	h2.StartTLS() // for its certificate
	defer h2.Close()
	conf := &tls.Config{Certificates: h2.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}
	handed := make(chan string, 1)
	addr := ours(t, &http1.Server{
		TLS: conf,
		Handler: handler(func(_ context.Context, r *http.Request) *wire.Response {
			return text(r.Proto + " " + tls.VersionName(r.TLS.Version))
		}),
		Other: func(protocol string, c *tls.Conn) {
			handed <- protocol
			c.Close()
		},
	})
	client := h2.Client()
	resp, err := client.Get("https://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	if string(b) != "HTTP/1.1 TLS 1.3" {
		t.Errorf("%s", b)
	}
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if p := <-handed; p != "h2" {
		t.Error(p)
	}
	plain, in := dial(t, addr)
	io.WriteString(plain, get)
	if s := status(t, in); s != 400 {
		t.Error(s)
	}
}

func TestMany(t *testing.T) {
	addr := ours(t, &http1.Server{Handler: echo{}})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			c, in := dial(t, addr)
			for range 20 {
				io.WriteString(c, post)
				if s := status(t, in); s != 200 {
					t.Error(s)
				}
			}
		})
	}
	wg.Wait()
}
