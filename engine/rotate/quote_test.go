package rotate

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
)

// nasty are values that would end a string early, or do worse, if the quoting
// were wrong.
var nasty = []string{
	`'`, `''`, `\`, `\'`, `\\'`, `"`, `" OR ""="`, "`", `'; DROP TABLE orders; --`, `x' OR '1'='1`, `'/*`, `*/'`, `#`, `--`, `;`, `%s`, `%%`, `$1`, `?`, `:name`,
	`$$`, `$tag$`, `E'\''`, "a\nb", "a\rb", "\t", "\x1a", "\x7f", "\x01", " leading and trailing ", "ünïcödé", "密码", "\u2019", "\u02bc", "\uff07", "¿'", "\u00bf\u005c'",
	"😀'😀", `{"a":"b"}`, `</script>`, `${jndi:ldap://x}`, "it's \"quoted\" `thrice` \\ and more", strings.Repeat("'", 60),
}

func TestQuotableRefusals(t *testing.T) {
	for _, s := range []string{"a\x00b", "\xff", "\xbf'", "\xbf\x5c'", "a\xc0\xa7b", strings.Repeat("x", maxQuoted+1)} {
		if q, err := quoteText(s); err == nil {
			t.Errorf("%q became %s", s, q)
		}
		if q, err := quoteIdentifier(s); err == nil {
			t.Errorf("%q became %s", s, q)
		}
	}
	if _, err := quoteIdentifier(""); err == nil {
		t.Error("an empty identifier")
	}
}

// What is quoted comes back as it was, from the servers themselves.
func TestQuotedTextComesBack(t *testing.T) {
	pg := openAs(t, rotatetest.StartPostgres(t), "postgres", rotatetest.StartPostgres(t).Password).(*postgresSession)
	my := openAs(t, rotatetest.StartMariaDB(t), "admin", rotatetest.StartMariaDB(t).Password).(*mysqlSession)
	for _, s := range nasty {
		q, err := quoteText(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pg.ask(t.Context(), "SELECT "+q); err != nil || got != s {
			t.Errorf("PostgreSQL: %q came back as %q, %v", s, got, err)
		}
		if got, err := my.column(t.Context(), "SELECT "+q); err != nil || len(got) != 1 || got[0] != s {
			t.Errorf("MariaDB: %q came back as %q, %v", s, got, err)
		}
		id, err := quoteIdentifier(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pg.ask(t.Context(), "SELECT attname FROM pg_attribute WHERE false UNION ALL SELECT * FROM (SELECT $1::text AS "+id+") q", s); err != nil || got != s {
			t.Errorf("PostgreSQL, identifier: %q came back as %q, %v", s, got, err)
		}
	}
}

// Passwords and user names of all kinds rotate, single and alternating.
func TestNastyPasswords(t *testing.T) {
	everyTarget(t, func(t *testing.T, tg target) {
		s := tg.start(t)
		for _, scheme := range []Scheme{SingleUser, MultiUser} {
			w := local(t)
			id, _ := w.enrol(s, scheme, true)
			for i, password := range nasty {
				if scheme == MultiUser && i%3 > 0 {
					continue
				}
				if len(password) < 4 {
					password = "long" + password // short ones are in log lines by chance
				}
				if tg.name == "MariaDB" && strings.ContainsRune(password, '😀') {
					continue // MariaDB keeps passwords in three-byte UTF-8
				}
				token := fmt.Sprint("token-", i)
				w.begin(id, token)
				if err := w.step(tg.function(scheme), id, token, CreateSecret); err != nil {
					t.Fatal(err)
				}
				w.change(id, token, func(m map[string]any) { m["password"] = password })
				err := w.rotate(tg.function(scheme), id, token)
				if tg.name == "PostgreSQL" && strings.ContainsRune(password, '\uff07') {
					if got := valueErrorOf(t, err); !strings.Contains(got, "clients of PostgreSQL spell in different ways") {
						t.Error(got)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%q: %v", password, err)
				}
				user, now := w.credentials(id, Current)
				if err := s.Try(user, now); err != nil || now != password {
					t.Errorf("%q: %v", password, err)
				}
			}
		}
	})
}

func TestNastyUserNames(t *testing.T) {
	for _, tg := range targets[:2] { // Redis takes no blanks; its names reach it as arguments
		t.Run(tg.name, func(t *testing.T) {
			t.Parallel()
			s := tg.start(t)
			for i, name := range []string{`o'brien`, `back\slash`, `dou"ble`, "tick`s", `x'; DROP USER admin; --`, `a@b`, `ünïc`, `per%cent`, ` TO `} {
				for _, scheme := range []Scheme{SingleUser, MultiUser} {
					user := fmt.Sprint(name, i, scheme[:1])
					w := local(t)
					made := user
					if s.Engine == "mariadb" {
						made = strings.ReplaceAll(user, `\`, `\\`)
					}
					s.AddUser(t, made, "f1rst-password")
					w.put("arn", s.Secret(user, "f1rst-password"))
					w.change("arn", "v1", func(m map[string]any) { m["masterarn"] = "master" })
					w.put("master", s.Secret(s.Admin, s.Password))
					for turn := range 2 {
						if err := w.rotate(tg.function(scheme), "arn", fmt.Sprint("token-", turn)); err != nil {
							t.Fatalf("%q: %v", user, err)
						}
						now, password := w.credentials("arn", Current)
						if err := s.Try(now, password); err != nil {
							t.Errorf("%q: %v", now, err)
						}
					}
				}
			}
			s.Exec(t, map[string]string{"mariadb": "SELECT 1 FROM shop.orders", "postgres": "SELECT 1 FROM orders"}[s.Engine])
		})
	}
}

// PostgreSQL's log, with every statement in it, holds no new password.
func TestPasswordsStayOutOfServerLogs(t *testing.T) {
	s, w := rotatetest.StartPostgres(t), local(t)
	for _, scheme := range []Scheme{SingleUser, MultiUser} {
		id, user := w.enrol(s, scheme, false)
		if err := w.rotate("SecretsManagerPostgreSQLRotation"+string(scheme), id, "token"); err != nil {
			t.Fatal(err)
		}
		_, password := w.credentials(id, Current)
		log := s.Log(t)
		if !strings.Contains(log, "f1rst-"+user) || !strings.Contains(log, "WITH PASSWORD 'SCRAM-SHA-256$4096:") {
			t.Error("the log does not hold what it should: this test finds nothing")
		}
		if strings.Contains(log, password) {
			t.Error("the new password is in the server's log")
		}
	}
}

// A server that stores MD5 hashes, or whose rules want to see the password, is
// sent the password itself.
func TestPasswordEncryptionOfTheServer(t *testing.T) {
	s, w := rotatetest.StartPostgres(t), local(t)
	id, user := w.enrol(s, SingleUser, false)
	s.Exec(t, "ALTER ROLE "+user+" SET password_encryption = 'md5'")
	// scram-sha-256 in pg_hba.conf refuses MD5 hashes, so look at what is stored.
	w.begin(id, "token")
	for _, step := range Steps[:2] {
		if err := w.step("SecretsManagerPostgreSQLRotationSingleUser", id, "token", step); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Ask(t, "SELECT rolpassword FROM pg_authid WHERE rolname = '"+user+"'"); len(got) != 1 || !strings.HasPrefix(got[0], "md5") {
		t.Error(got)
	}
}

func FuzzQuoteText(f *testing.F) {
	for _, s := range nasty {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for mark, quote := range map[string]func(string) (string, error){"'": quoteText, `"`: quoteIdentifier} {
			q, err := quote(s)
			if err != nil {
				if len(s) <= maxQuoted && s != "" && utf8.ValidString(s) && !strings.ContainsRune(s, 0) {
					t.Errorf("%q refused: %v", s, err)
				}
				continue
			}
			// Read as standard SQL does: up to the first mark that isn't doubled,
			// which must be the last byte.
			body, ok := strings.CutPrefix(q, mark)
			if !ok {
				t.Fatal(q)
			}
			var out strings.Builder
			for {
				i := strings.Index(body, mark)
				if i < 0 {
					t.Fatalf("%q is not closed", q)
				}
				out.WriteString(body[:i])
				body = body[i+1:]
				if !strings.HasPrefix(body, mark) {
					break
				}
				out.WriteString(mark)
				body = body[1:]
			}
			if body != "" || out.String() != s {
				t.Errorf("%q became %q: read as %q, then %q", s, q, out.String(), body)
			}
		}
	})
}
