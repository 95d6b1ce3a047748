package http1

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/wire"
)

type secretive struct{}

func (secretive) Answer(_ context.Context, r *http.Request) *wire.Response {
	b, _ := io.ReadAll(r.Body)
	return &wire.Response{Status: 200, Body: append([]byte("answer: "), b...)}
}

// Bodies and answers carry plaintext, which must not outlive the call in the
// buffers of an idle connection.
func TestBuffersAreWiped(t *testing.T) {
	s := &Server{Handler: secretive{}, limits: Limits{}.complete(), ctx: t.Context()}
	for name, pieces := range map[string][]string{
		"one piece":  {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nsecret"},
		"two pieces": {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n", "secret"},
		"long head":  {"POST / HTTP/1.1\r\nHost: h\r\nX-A: " + strings.Repeat("secret", 2000) + "\r\nContent-Length: 6\r\n\r\nsecret"},
		"long body":  {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n", strings.Repeat("secret", 10000)},
	} {
		server, client := net.Pipe()
		go func() {
			for _, p := range pieces {
				io.WriteString(client, p)
			}
		}()
		go io.Copy(io.Discard, client)
		c := &conn{server: s, net: server}
		c.reader(inSize)
		first := c.held
		c.out = make([]byte, 0, outSize)
		if !c.exchange() {
			t.Fatal(name, "ended")
		}
		out := c.out
		if !bytes.Contains(out, []byte("secret")) {
			t.Fatal(name, ": the search finds nothing where something is")
		}
		c.wipe()
		for _, b := range [][]byte{first, c.held, c.out[:cap(c.out)], out} {
			if bytes.Contains(b, []byte("secret")) {
				t.Errorf("%s: plaintext is left", name)
			}
		}
		if len(c.held) != inSize || cap(c.out) > outKept {
			t.Errorf("%s: buffers of %d and %d bytes are kept", name, len(c.held), cap(c.out))
		}
		server.Close()
		client.Close()
	}
}
