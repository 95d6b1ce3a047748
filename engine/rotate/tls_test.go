package rotate

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/egress"
	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
)

// everyTarget runs a test per database.
func everyTarget(t *testing.T, run func(*testing.T, target)) {
	for _, tg := range targets {
		t.Run(tg.name, func(t *testing.T) {
			t.Parallel()
			run(t, tg)
		})
	}
}

// A server that has no TLS: refused where the secret wants it, reached in plain
// where the secret is silent, but not in silence.
func TestServerWithoutTLS(t *testing.T) {
	everyTarget(t, func(t *testing.T, tg target) {
		s := tg.own(t, rotatetest.Config{NoTLS: true})
		w := local(t)
		id, user := w.enrol(s, SingleUser, false)
		got := valueErrorOf(t, w.rotate(tg.function(SingleUser), id, "token"))
		if !strings.Contains(got, "SSL/TLS") || !strings.Contains(got, `Give the database a certificate`) {
			t.Error(got)
		}
		if w.said("non SSL/TLS") || s.Try(user, "f1rst-"+user) != nil {
			t.Error("a plain session although ssl is true")
		}
		for _, secret := range []string{id, "master"} {
			w.change(secret, "v1", func(m map[string]any) { delete(m, "ssl") })
		}
		w.secrets[id].values["token"] = ""
		if err := w.rotate(tg.function(SingleUser), id, "token"); err != nil {
			t.Fatal(err)
		}
		if !w.said("WARNING Unable to establish SSL/TLS connection as user '"+user+"' with host: '127.0.0.1'") || !w.said("Successfully established non SSL/TLS") {
			t.Error(strings.Join(w.lines, "\n"))
		}
		if _, password := w.credentials(id, Current); s.Try(user, password) != nil {
			t.Error("AWSCURRENT does not sign in")
		}
	})
}

// A server whose certificate comes from elsewhere or names another host gets no
// password over TLS; a silent secret falls back aloud.
func TestCertificates(t *testing.T) {
	everyTarget(t, func(t *testing.T, tg target) {
		s := tg.start(t)
		gate, err := egress.New(egress.Config{Allow: []string{"db.example", "127.0.0.1"}, Resolver: hosts{"db.example": "127.0.0.1", "localhost": "127.0.0.1"}})
		if err != nil {
			t.Fatal(err)
		}
		for name, edit := range map[string]func(map[string]any){
			"authority": func(m map[string]any) { delete(m, "sslrootcert") },
			"name":      func(m map[string]any) { m["host"] = "db.example" },
		} {
			w := local(t)
			w.engine = New(Options{Gate: gate})
			id, user := w.enrol(s, SingleUser, false)
			w.change(id, "v1", edit)
			w.change("master", "v1", edit)
			got := valueErrorOf(t, w.rotate(tg.function(SingleUser), id, "token"))
			if !strings.Contains(got, "SSL/TLS handshake failed: tls: failed to verify certificate: x509: ") || !strings.Contains(got, `name the authority in "sslrootcert" of the secret`) {
				t.Errorf("%s: %s", name, got)
			}
			if s.Try(user, "f1rst-"+user) != nil {
				t.Errorf("%s: the password was changed", name)
			}
			for _, secret := range []string{id, "master"} {
				w.change(secret, "v1", func(m map[string]any) { delete(m, "ssl"); m["port"] = s.PlainPort })
			}
			w.secrets[id].values["token"] = ""
			err := w.rotate(tg.function(SingleUser), id, "token")
			if err != nil || !w.said("WARNING Unable to establish SSL/TLS") || !w.said("established non SSL/TLS") {
				t.Errorf("%s: %v", name, err)
			}
		}
		// The server's own authorities count where the secret names none.
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(s.CA))
		w := local(t)
		w.engine = New(Options{Gate: gate, Roots: roots})
		id, _ := w.enrol(s, MultiUser, false)
		for _, secret := range []string{id, "master"} {
			w.change(secret, "v1", func(m map[string]any) { delete(m, "sslrootcert"); m["host"] = "127.0.0.1" })
		}
		if err := w.rotate(tg.function(MultiUser), id, "token"); err != nil || !w.said("established SSL/TLS") {
			t.Error(err)
		}
	})
}

// hosts is a resolver of a table.
type hosts map[string]string

func (h hosts) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if a, ok := h[host]; ok {
		return []netip.Addr{netip.MustParseAddr(a)}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// A user whom the server takes over TLS only keeps that as a clone.
func TestCloneKeepsRequirement(t *testing.T) {
	s := rotatetest.StartMariaDB(t)
	for require, want := range map[string]string{"SSL": "ANY", "NONE": ""} {
		w := local(t)
		id, user := w.enrol(s, MultiUser, false)
		s.Exec(t, "ALTER USER '"+user+"'@'%' REQUIRE "+require)
		if err := w.rotate("SecretsManagerMariaDBRotationMultiUser", id, "token"); err != nil {
			t.Fatal(err)
		}
		if got := s.Ask(t, "SELECT ssl_type FROM mysql.user WHERE User = '"+user+"_clone'"); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q", require, got)
		}
	}
}

// TestRequirement copies every kind of requirement between accounts.
func TestRequirement(t *testing.T) {
	s := rotatetest.StartMariaDB(t)
	master := openAs(t, s, s.Admin, s.Password).(*mysqlSession)
	for i, require := range []string{"SSL", "X509", "NONE", `SUBJECT '/CN=it''s' AND ISSUER '/CN=a TO \\ b' AND CIPHER 'x'`, `ISSUER '/CN=only'`} {
		from, to := "req"+string(rune('a'+i)), "req"+string(rune('a'+i))+"_clone"
		s.AddUser(t, from, "f1rst-password")
		s.AddUser(t, to, "other-password")
		s.Exec(t, "ALTER USER '"+from+"'@'%' REQUIRE "+require)
		if err := master.copyRequirement(t.Context(), account{from, "%"}, "'"+to+"'@'%'"); err != nil {
			t.Fatal(err)
		}
		const q = "SELECT CONCAT_WS('|', ssl_type, ssl_cipher, x509_issuer, x509_subject) FROM mysql.user WHERE User = '"
		if a, b := s.Ask(t, q+from+"'"), s.Ask(t, q+to+"'"); a[0] != b[0] {
			t.Errorf("%s: %q, %q", require, a, b)
		}
	}
}

// openAs signs in with the driver for a server.
func openAs(t testing.TB, s *rotatetest.Server, user, password string) session {
	t.Helper()
	w := local(t)
	l := &login{host: s.Host, port: s.PlainPort, user: user, password: password, note: func(string, ...any) {}}
	for _, f := range w.engine.Functions() {
		if f.driver.engine.kinds[0] == s.Engine {
			l.db = f.driver.engine.db
			session, err := f.driver.driver.open(t.Context(), l, false)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(session.close)
			return session
		}
	}
	t.Fatal(s.Engine)
	return nil
}
