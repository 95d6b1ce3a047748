package cases

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// directory is a program of somebody's own that keeps users and changes their
// passwords on request, as the HTTP rotation functions ask for it.
type directory struct {
	mu            sync.Mutex
	users         map[string]string // passwords
	secure, plain *httptest.Server
}

const (
	directoryMaster   = "keeper"
	directoryPassword = "Keeper-pass-0001"
)

func newDirectory(t testing.TB) *directory {
	d := &directory{users: map[string]string{directoryMaster: directoryPassword}}
	d.secure, d.plain = httptest.NewTLSServer(d), httptest.NewServer(d)
	t.Cleanup(d.secure.Close)
	t.Cleanup(d.plain.Close)
	return d
}

func (d *directory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var in struct{ Action, Username, Password, Like string }
	user, password, _ := r.BasicAuth()
	own, known := d.users[user]
	switch {
	case r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&in) != nil:
		w.WriteHeader(http.StatusBadRequest)
	case !known || own != password:
		w.WriteHeader(http.StatusUnauthorized)
	case in.Action == "test" && in.Username == user:
	case user != directoryMaster:
		w.WriteHeader(http.StatusForbidden)
	case in.Action == "set" && d.users[in.Username] != "", in.Action == "clone" && d.users[in.Like] != "":
		d.users[in.Username] = in.Password
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
}

func (d *directory) secret(user, password string, secure bool) map[string]any {
	m := map[string]any{"engine": "http", "url": d.secure.URL + "/users", "username": user, "password": password}
	if secure {
		m["sslrootcert"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.secure.Certificate().Raw}))
	} else {
		m["url"], m["ssl"] = d.plain.URL+"/users", false
	}
	return m
}

func (d *directory) master() (user, password string) { return directoryMaster, directoryPassword }

// AddUser implements database.
func (d *directory) AddUser(_ testing.TB, user, password string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users[user] = password
}

// Try implements database.
func (d *directory) Try(user, password string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users[user] != password {
		return errors.New("refused")
	}
	return nil
}
