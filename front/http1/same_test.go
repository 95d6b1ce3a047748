package http1_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/front/http1"
	"github.com/redoubt-sec/redoubt/wire"
)

// echo answers what it understood of a request.
type echo struct{}

func (echo) Answer(_ context.Context, r *http.Request) *wire.Response {
	h := http.Header{"Content-Type": {"text/plain"}}
	switch r.URL.Path {
	case "/empty":
		return &wire.Response{Status: 204, Header: h}
	case "/teapot":
		return &wire.Response{Status: 418, Header: http.Header{"Content-Type": {"text/plain"}, "X-Two": {"a", "b\r\nX-Forged: c"}, "Bad Name": {"x"}}, Body: []byte("short and stout")}
	case "/stream":
		return &wire.Response{Status: 200, Header: h, Stream: io.NopCloser(strings.NewReader(strings.Repeat("stream ", 20000)))}
	case "/sized":
		h["Content-Length"] = []string{"6"}
		return &wire.Response{Status: 200, Header: h, Stream: io.NopCloser(strings.NewReader("stream"))}
	case "/close":
		h["Connection"] = []string{"close"}
		return &wire.Response{Status: 200, Header: h, Body: []byte("bye")}
	case "/large":
		return &wire.Response{Status: 200, Header: h, Body: []byte(strings.Repeat("0123456789abcdef", 20<<10))}
	case "/lazy":
		return &wire.Response{Status: 200, Header: h, Body: []byte("did not look")}
	case "/panic":
		panic(http.ErrAbortHandler)
	}
	body, err := io.ReadAll(r.Body)
	sum := sha256.Sum256(body)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %q\n", r.Method, r.RequestURI, r.Proto, r.Host)
	fmt.Fprintf(&b, "url %q %q %q\n", r.URL.Path, r.URL.RawQuery, r.URL.EscapedPath())
	fmt.Fprintf(&b, "length %d, coding %v, close %v, tls %v, peer %v\n", r.ContentLength, r.TransferEncoding, r.Close, r.TLS != nil, r.RemoteAddr != "")
	for _, k := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, "%s: %q\n", k, r.Header[k])
	}
	fmt.Fprintf(&b, "body %d %s %v\n", len(body), hex.EncodeToString(sum[:4]), err)
	return &wire.Response{Status: 200, Header: h, Body: []byte(b.String())}
}

// ServeHTTP answers the same through net/http, as the front door does.
func (e echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resp := e.Answer(r.Context(), r)
	maps.Copy(w.Header(), resp.Header)
	if resp.Stream == nil && resp.Status != 204 {
		w.Header().Set("Content-Length", fmt.Sprint(len(resp.Body)))
	}
	w.WriteHeader(resp.Status)
	if r.Method == http.MethodHead {
		return
	}
	if resp.Stream != nil {
		io.Copy(w, resp.Stream)
		return
	}
	w.Write(resp.Body)
}

func listen(t testing.TB) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// ours serves the handler with this package, theirs with net/http.
func ours(t testing.TB, s *http1.Server) string {
	l := listen(t)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != http.ErrServerClosed {
			t.Error("Serve:", err)
		}
	})
	return l.Addr().String()
}

func theirs(t testing.TB) string {
	l := listen(t)
	s := &http.Server{Handler: echo{}, MaxHeaderBytes: 64 << 10, ReadHeaderTimeout: 20 * time.Second, IdleTimeout: time.Minute}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// answers sends the pieces, hangs up the sending side, and reads all answers.
func answers(t testing.TB, addr string, pieces ...string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	go func() {
		for i, p := range pieces {
			if i > 0 {
				time.Sleep(10 * time.Millisecond)
			}
			io.WriteString(c, p)
		}
		c.(*net.TCPConn).CloseWrite()
	}()
	method := strings.SplitN(strings.TrimLeft(pieces[0], "\r\n"), " ", 2)[0]
	var out strings.Builder
	in := bufio.NewReader(c)
	for {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return out.String()
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Fprintf(&out, "%s %s coding %v length %d close %v whole %v\n", resp.Proto, resp.Status, resp.TransferEncoding, resp.ContentLength, resp.Close, err)
		if _, err := http.ParseTime(resp.Header.Get("Date")); resp.StatusCode != 100 && err == nil {
			out.WriteString("dated\n")
		}
		for _, k := range slices.Sorted(maps.Keys(resp.Header)) {
			if k != "Date" {
				fmt.Fprintf(&out, "%s: %q\n", k, resp.Header[k])
			}
		}
		if len(body) > 4<<10 {
			sum := sha256.Sum256(body)
			body = fmt.Appendf(nil, "%d bytes %x", len(body), sum[:4])
		}
		fmt.Fprintf(&out, "%s\n--\n", body)
	}
}

const (
	get  = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
)

var requests = []struct {
	name   string
	pieces []string
}{
	{"plain", []string{post}},
	{"two in a row", []string{post + get}},
	{"many in a row", []string{strings.Repeat(post, 50)}},
	{"in pieces", []string{"PO", "ST / HT", "TP/1.1\r", "\nHost: h\r\nContent-Length: 4\r\n\r", "\nbo", "dy" + get}},
	{"head, then body", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n", "body" + get}},
	{"large body", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n", strings.Repeat("x", 300000) + get}},
	{"path and query", []string{"GET /a%2Fb/../c//d?x=1&y=%20+z HTTP/1.1\r\nHost: h\r\n\r\n"}},
	{"absolute target", []string{"GET http://other/x?y HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"absolute target without Host", []string{"GET http://other/x HTTP/1.1\r\n\r\n" + get}},
	{"asterisk", []string{"GET * HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"CONNECT", []string{"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n"}},
	{"no slash", []string{"GET x HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"bad escape", []string{"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"control character in target", []string{"GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"other bytes in target", []string{"GET /\xff\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"own method", []string{"FROB / HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"bad method", []string{"G(T / HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"no method", []string{" / HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"two words", []string{"GET /\r\nHost: h\r\n\r\n" + get}},
	{"four words", []string{"GET / x HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"lower-case version", []string{"GET / http/1.1\r\nHost: h\r\n\r\n" + get}},
	{"version 1.2", []string{"GET / HTTP/1.2\r\nHost: h\r\n\r\n" + get}},
	{"version 2.0", []string{"GET / HTTP/2.0\r\nHost: h\r\n\r\n" + get}},
	{"version 0.9", []string{"GET / HTTP/0.9\r\nHost: h\r\n\r\n" + get}},
	{"garbage", []string{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"}},
	{"nothing", []string{""}},
	{"half a line", []string{"GET / HT"}},
	{"half a head", []string{"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\r\n"}},
	{"empty line first", []string{"\r\n" + get}},
	{"line break after a form", []string{post + "\r\n" + get}},
	{"line breaks after a form", []string{post + "\r\n\r\n" + get}},
	{"many line breaks after a form", []string{post + "\r\n\r\n\r\n" + get}},
	{"line break after a form, late", []string{post, "\r\n", get}},
	{"line break after a GET", []string{get + "\r\n" + get}},
	{"bare line feeds", []string{"POST / HTTP/1.1\nHost: h\nContent-Length: 4\n\nbody" + get}},
	{"mixed line ends", []string{"POST / HTTP/1.1\r\nHost: h\nContent-Length: 4\n\r\nbody" + get}},
	{"bare carriage return", []string{"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\rX-B: c\r\n\r\n" + get}},
	{"carriage returns only", []string{"GET / HTTP/1.1\rHost: h\r\r" + get}},
	{"no Host", []string{"GET / HTTP/1.1\r\nX-A: b\r\n\r\n" + get}},
	{"empty Host", []string{"GET / HTTP/1.1\r\nHost: \r\n\r\n" + get}},
	{"two Hosts", []string{"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n" + get}},
	{"bad Host", []string{"GET / HTTP/1.1\r\nHost: h\x80\r\n\r\n" + get}},
	{"blank in Host", []string{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n" + get}},
	{"no Host, 1.0", []string{"GET / HTTP/1.0\r\n\r\n" + get}},
	{"1.0 that goes on", []string{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get}},
	{"1.0 with a body", []string{"POST / HTTP/1.0\r\nContent-Length: 4\r\nConnection: Keep-Alive\r\n\r\nbody" + get}},
	{"close", []string{"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + get}},
	{"close among others", []string{"GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n" + get}},
	{"repeated headers", []string{"GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nX-A:   3  \r\n\r\n"}},
	{"empty values", []string{"GET / HTTP/1.1\r\nHost: h\r\nX-A:\r\nX-B: \t \r\n\r\n"}},
	{"other bytes in a value", []string{"GET / HTTP/1.1\r\nHost: h\r\nX-A: \xff\xc3\xa4\r\n\r\n"}},
	{"control character in a value", []string{"GET / HTTP/1.1\r\nHost: h\r\nX-A: \x01\r\n\r\n" + get}},
	{"zero in a value", []string{"GET / HTTP/1.1\r\nHost: h\r\nX-A: a\x00b\r\n\r\n" + get}},
	{"no colon", []string{"GET / HTTP/1.1\r\nHost: h\r\nX-A\r\n\r\n" + get}},
	{"no name", []string{"GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n" + get}},
	{"blank in a name", []string{"GET / HTTP/1.1\r\nHost: h\r\nX A: b\r\n\r\n" + get}},
	{"blank after a name", []string{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length : 4\r\n\r\nbody" + get}},
	{"odd name", []string{"GET / HTTP/1.1\r\nHost: h\r\nX@A: b\r\n\r\n" + get}},
	{"folded value", []string{"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\r\n c\r\n\tx\r\n\r\n" + get}},
	{"folded first line", []string{"GET / HTTP/1.1\r\n X-A: b\r\nHost: h\r\n\r\n" + get}},
	{"many headers", []string{"GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X-A: 0123456789\r\n", 600) + "\r\n" + get}},
	{"one long header", []string{"GET / HTTP/1.1\r\nHost: h\r\nX-A: " + strings.Repeat("a", 60000) + "\r\n\r\n" + get}},
	{"endless header", []string{"GET / HTTP/1.1\r\nHost: h\r\nX-A: " + strings.Repeat("a", 200000)}},
	{"endless target", []string{"GET /" + strings.Repeat("a", 200000)}},
	{"long head, then body", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\nX-A: " + strings.Repeat("a", 6000) + "\r\n\r\n" + strings.Repeat("b", 3000), strings.Repeat("b", 7000) + post + get}},
	{"length twice, the same", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody" + get}},
	{"length twice", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody" + get}},
	{"length list", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4, 4\r\n\r\nbody" + get}},
	{"negative length", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -4\r\n\r\nbody" + get}},
	{"signed length", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +4\r\n\r\nbody" + get}},
	{"length in hexadecimal", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x4\r\n\r\nbody" + get}},
	{"huge length", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\nbody" + get}},
	{"empty length", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n" + get}},
	{"body of a GET", []string{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody" + get}},
	{"POST without length", []string{"POST / HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"HEAD", []string{"HEAD /teapot HTTP/1.1\r\nHost: h\r\n\r\n"}},
	{"no content", []string{"GET /empty HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"forged headers", []string{"GET /teapot HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"stream", []string{"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"stream, 1.0", []string{"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get}},
	{"stream of known length", []string{"GET /sized HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"large answer", []string{"GET /large HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"answer that closes", []string{"GET /close HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"panic", []string{"GET /panic HTTP/1.1\r\nHost: h\r\n\r\n" + get}},
	{"body nobody reads", []string{"POST /lazy HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100000) + get}},
	{"large body nobody reads", []string{"POST /lazy HTTP/1.1\r\nHost: h\r\nContent-Length: 600000\r\n\r\n" + strings.Repeat("x", 600000) + get}},
	{"expected continue", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n", "body" + get}},
	{"expected continue, impatient", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-Continue\r\n\r\nbody" + get}},
	{"expected continue, not read", []string{"POST /lazy HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"}},
	{"expected continue of nothing", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n" + get}},
	{"expected continue, 1.0", []string{"POST / HTTP/1.0\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody"}},
	{"expected something", []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: x\r\n\r\nbody" + get}},
	{"unknown coding", []string{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n" + get}},
	{"two codings", []string{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + get}},
	{"coding twice", []string{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + get}},
	{"coding, 1.0", []string{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}},
}

// TestSame: whatever a client sends, net/http and this package understand it
// alike and answer alike.
func TestSame(t *testing.T) {
	a, b := theirs(t), ours(t, &http1.Server{Handler: echo{}})
	for _, c := range requests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want, got := answers(t, a, c.pieces...), answers(t, b, c.pieces...)
			if got != want {
				t.Errorf("net/http answers\n%s\nthis package\n%s", want, got)
			}
		})
	}
}

// TestStricter: where this package differs from net/http, it trusts less.
func TestStricter(t *testing.T) {
	a, b := theirs(t), ours(t, &http1.Server{Handler: echo{}})
	for _, c := range []struct {
		name, request  string
		theirs, ours   []string // statuses
		closes, reason string
	}{
		{"length beside coding", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get,
			[]string{"200", "200"}, []string{"400"}, "close true", "two readers may read it in two ways"},
		{"coding beside length", "POST / HTTP/1.1\r\nHost: h\r\ntransfer-ENCODING: chunked\r\ncontent-length: 0\r\n\r\n0\r\n\r\n" + get,
			[]string{"200", "200"}, []string{"400"}, "close true", "two readers may read it in two ways"},
		{"chunks", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n" + get,
			[]string{"200", "200"}, []string{"200"}, "close true", "nothing follows a body whose end a reader must guess"},
		{"half a body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nbody",
			[]string{"200"}, []string{"200"}, "close true", "nothing can follow"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, x := range []struct {
				addr string
				want []string
			}{{a, c.theirs}, {b, c.ours}} {
				out := answers(t, x.addr, c.request)
				var got []string
				for l := range strings.Lines(out) {
					if f := strings.Fields(l); strings.HasPrefix(l, "HTTP/1.1 ") {
						got = append(got, f[1])
					}
				}
				if !slices.Equal(got, x.want) {
					t.Errorf("%v, want %v: %s", got, x.want, c.reason)
				}
				if x.addr == b && !strings.Contains(out, c.closes) {
					t.Errorf("the connection goes on: %s\n%s", c.reason, out)
				}
			}
		})
	}
}
