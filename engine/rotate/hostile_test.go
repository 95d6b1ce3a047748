package rotate

import (
	"bufio"
	encoding "encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve runs a server that isn't what it should be.
func serve(t *testing.T, talk func(net.Conn)) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				talk(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return l.Addr().(*net.TCPAddr).Port
}

// Servers that say nothing, too much, or nonsense: an error in time, bounded,
// with no password in it.
func TestHostileServers(t *testing.T) {
	silent := serve(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	flood := serve(t, func(c net.Conn) {
		line := []byte("$1\r\nx\r\n")
		for {
			if _, err := c.Write(line); err != nil {
				return
			}
		}
	})
	closes := serve(t, func(net.Conn) {})
	// Echoes whatever it is sent as an error of Redis, the password first.
	echo := serve(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		var last string
		for range 7 { // *3 $4 AUTH $n user $n password
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			last = strings.TrimSpace(line)
		}
		fmt.Fprintf(c, "-%s %s wrong\r\n", last, last)
		io.Copy(io.Discard, c)
	})
	for name, port := range map[string]int{"silent": silent, "flood": flood, "closes": closes, "echo": echo} {
		for engine, kind := range map[string]string{"MySQL": "mysql", "PostgreSQL": "postgres", "Redis": "redis"} {
			for _, ssl := range []any{true, false, nil} {
				w := newWorld(t, Options{Timeout: 400 * time.Millisecond}, "127.0.0.1")
				secret := map[string]any{"engine": kind, "host": "127.0.0.1", "port": port, "username": "app", "password": "the-password"}
				if ssl != nil {
					secret["ssl"] = ssl
				}
				w.put("arn", secret)
				start := time.Now()
				err := w.rotate("SecretsManager"+engine+"RotationSingleUser", "arn", "token")
				if err == nil || time.Since(start) > 5*time.Second {
					t.Errorf("%s, %s, ssl %v: %v after %s", name, engine, ssl, err, time.Since(start))
				}
				if !strings.Contains(text(err), "Error: ") {
					t.Errorf("%s, %s: %v", name, engine, err)
				}
			}
		}
	}
}

// webApp is an application that the HTTP engine rotates.
type webApp struct {
	mu        sync.Mutex
	passwords map[string]string
	admin     string // who may set others' passwords
	lost      bool   // answers are lost after the work is done
	seen      []string
}

func (a *webApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	user, password, _ := r.BasicAuth()
	b, _ := io.ReadAll(r.Body)
	a.seen = append(a.seen, string(b))
	if want, ok := a.passwords[user]; !ok || want != password {
		http.Error(w, "no entry for "+password, http.StatusUnauthorized)
		return
	}
	in := string(b)
	field := func(name string) string {
		_, rest, _ := strings.Cut(in, `"`+name+`":"`)
		v, _, _ := strings.Cut(rest, `"`)
		return v
	}
	switch field("action") {
	case "test":
	case "set":
		if field("username") != user && user != a.admin {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		a.passwords[field("username")] = field("password")
	case "clone":
		if _, ok := a.passwords[field("like")]; !ok || user != a.admin {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		a.passwords[field("username")] = field("password")
	default:
		http.Error(w, "what?", http.StatusBadRequest)
		return
	}
	if a.lost && field("action") != "test" {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusNoContent)
}

func TestHTTP(t *testing.T) {
	app := &webApp{passwords: map[string]string{"app": "f1rst-password", "boss": "boss-password", "weak": "weak-password"}, admin: "boss"}
	plain := httptest.NewServer(app)
	defer plain.Close()
	secure := httptest.NewTLSServer(app)
	defer secure.Close()
	for _, scheme := range []Scheme{SingleUser, MultiUser} {
		for _, url := range []string{plain.URL, secure.URL + "/rotate?tenant=1"} {
			fn := "SecretsManagerHTTPRotation" + string(scheme)
			w := local(t)
			base := map[string]any{"engine": "http", "url": url, "ssl": strings.HasPrefix(url, "https")}
			if url != plain.URL {
				base["sslrootcert"] = pem(secure)
			}
			with := func(user, password string, more map[string]any) map[string]any {
				m := map[string]any{"username": user, "password": password}
				for _, o := range []map[string]any{base, more} {
					for k, v := range o {
						m[k] = v
					}
				}
				return m
			}
			app.passwords["app"] = "f1rst-password"
			more := map[string]any{}
			if scheme == MultiUser {
				more["masterarn"] = "master"
			}
			w.put("arn", with("app", "f1rst-password", more))
			w.put("master", with("boss", "boss-password", nil))
			for turn := range 3 {
				app.lost = turn == 1
				err := w.rotate(fn, "arn", fmt.Sprint("token-", turn))
				if app.lost {
					if got := valueErrorOf(t, err); !strings.Contains(got, "the server closed the connection") {
						t.Error(got)
					}
					app.lost = false
					err = w.rotate(fn, "arn", fmt.Sprint("token-", turn))
				}
				if err != nil {
					t.Fatal(err)
				}
				if user, password := w.credentials("arn", Current); app.passwords[user] != password {
					t.Errorf("%s: AWSCURRENT is not what the application has", user)
				}
			}
			// A master that may not, or whose password is wrong.
			if scheme == MultiUser {
				w.put("master", with("weak", "weak-password", nil))
				if got := valueErrorOf(t, w.rotate(fn, "arn", "token-8")); !strings.Contains(got, "clone answered HTTP 403") || !strings.HasSuffix(got, "Grant the missing right in the database, then rotate again.") {
					t.Error(got)
				}
				w.put("master", with("boss", "wr0ng-password", nil))
				if got := valueErrorOf(t, w.rotate(fn, "arn", "token-9")); !strings.Contains(got, "test answered HTTP 401") {
					t.Error(got)
				}
			}
		}
	}
	for _, body := range app.seen {
		if strings.Contains(body, `"test"`) && strings.Contains(body, "password") {
			t.Errorf("a password in %s", body)
		}
	}
}

func TestHTTPRefusals(t *testing.T) {
	var answer http.HandlerFunc
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	defer s.Close()
	for want, do := range map[string]http.HandlerFunc{
		"test answered HTTP 302: redirections are not followed": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
		"test answered HTTP 500": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500); io.Copy(w, r.Body) },
		"test answered HTTP 404": http.NotFound,
		"egress: answer too large": func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, strings.NewReader(strings.Repeat("x", 100_000)))
		},
	} {
		answer = do
		w := local(t)
		w.put("arn", map[string]any{"engine": "http", "url": s.URL, "ssl": false, "username": "app", "password": "the-password"})
		if got := valueErrorOf(t, w.rotate("SecretsManagerHTTPRotationSingleUser", "arn", "token")); !strings.Contains(got, want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	w := newWorld(t, Options{})
	w.put("arn", map[string]any{"engine": "http", "url": s.URL + "/?key=hidden-in-url", "ssl": false, "username": "app", "password": "the-password"})
	if got := valueErrorOf(t, w.rotate("SecretsManagerHTTPRotationSingleUser", "arn", "token")); !strings.Contains(got, "allow it with --egress-allow") {
		t.Error(got)
	}
}

func FuzzResp(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "-ERR x\r\n", ":1\r\n", "$3\r\nabc\r\n", "$-1\r\n", "*2\r\n$1\r\na\r\n+b\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "*99999999\r\n", "$999999999\r\n", "%1\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := &resp{in: bufio.NewReader(strings.NewReader(s))}
		answer, err := r.read(0)
		if err == nil && len(answer.text) > len(s) {
			t.Errorf("%q became %d bytes", s, len(answer.text))
		}
	})
}

// pem is the certificate of a test server.
func pem(s *httptest.Server) string {
	return string(encoding.EncodeToMemory(&encoding.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}
