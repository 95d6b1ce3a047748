package functions

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/egress"
)

func TestParseReach(t *testing.T) {
	for _, s := range []string{"db.example.com:3306", "*.example.com:443", "*:443", "10.0.0.0/8:5432", "10.1.2.3:6379", "localhost:3306", "127.0.0.1:3306"} {
		if err := ParseReach(s); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"", "db", "db:", ":80", "db:0", "db:70000", "db:9001", "db:9002", "db:53", "[::1]:80", "fd00::/8:80", "http://x:80", "a b:80"} {
		if ParseReach(s) == nil {
			t.Errorf("%q accepted", s)
		}
	}
}

type resolver map[string]string

func (r resolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if a, ok := r[host]; ok {
		return []netip.Addr{netip.MustParseAddr(a)}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// Functions reach what the configuration names, by name and by address, this
// server's API, and nothing else.
func TestReach(t *testing.T) {
	echo := func() int {
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
				line, _ := bufio.NewReader(c).ReadString('\n')
				io.WriteString(c, "echo "+line)
				c.Close()
			}
		}()
		return l.Addr().(*net.TCPAddr).Port
	}
	allowed, other, own := echo(), echo(), echo()
	e := open(t, func(c *Config) {
		gate, err := egress.New(egress.Config{Resolver: resolver{"db.example.com": "127.0.0.1", "meta.example.com": "169.254.169.254", "any.example.org": "127.0.0.1"}})
		if err != nil {
			t.Fatal(err)
		}
		gate.Own(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: own})
		c.Gate = gate
		c.Reach = []string{
			fmt.Sprintf("127.0.0.1:%d", allowed), fmt.Sprintf("db.example.com:%d", allowed), fmt.Sprintf("meta.example.com:%d", allowed),
			fmt.Sprintf("*:%d", other), fmt.Sprintf("db.example.com:%d", own),
		}
		c.API = func(c net.Conn) {
			defer c.Close()
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n%s", strings.TrimPrefix(r.URL.Path, "/"))
			}
		}
	})
	f := python(t, `
import os, socket, urllib.request
def attempt(host, port):
    try:
        s = socket.create_connection((host, port), 5)
        s.sendall(b"hello\n")
        return s.recv(100).decode()
    except socket.gaierror as e:
        return "no such name"
    except OSError as e:
        return type(e).__name__
def handler(e, c):
    allowed, other, own = e["ports"]
    return {
        "address": attempt("127.0.0.1", allowed), "name": attempt("db.example.com", allowed), "case": attempt("DB.example.com.", allowed),
        "metadata": attempt("meta.example.com", allowed), "direct": attempt("169.254.169.254", allowed), "far": attempt("10.1.2.3", allowed),
        "other port": attempt("127.0.0.1", other), "any name": attempt("any.example.org", other), "name at other port": attempt("db.example.com", own),
        "closed": attempt("127.0.0.1", 1), "api": urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/abc").read().decode(),
    }
`)
	r := invoke(t, e, f, fmt.Sprintf(`{"ports":[%d,%d,%d]}`, allowed, other, own))
	want(t, r, "", `{"address":"echo hello\n","name":"echo hello\n","case":"echo hello\n",
		"metadata":"ConnectionResetError","direct":"ConnectionResetError","far":"ConnectionResetError",
		"other port":"ConnectionResetError","any name":"ConnectionResetError","name at other port":"ConnectionResetError",
		"closed":"ConnectionRefusedError","api":"abc"}`)
}
