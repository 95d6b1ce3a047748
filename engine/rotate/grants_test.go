package rotate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
)

func TestRegrant(t *testing.T) {
	for line, want := range map[string]string{
		"GRANT USAGE ON *.* TO `app`@`%` IDENTIFIED BY PASSWORD '*0123'":                             "GRANT USAGE ON *.* TO NEW",
		"GRANT SELECT, INSERT ON `shop`.* TO `app`@`%`":                                              "GRANT SELECT, INSERT ON `shop`.* TO NEW",
		"GRANT ALL PRIVILEGES ON *.* TO `app`@`%` REQUIRE SSL WITH GRANT OPTION":                     "GRANT ALL PRIVILEGES ON *.* TO NEW WITH GRANT OPTION",
		"GRANT USAGE ON *.* TO 'app'@'%' REQUIRE SUBJECT '/CN=x WITH y' WITH MAX_USER_CONNECTIONS 5": "GRANT USAGE ON *.* TO NEW WITH MAX_USER_CONNECTIONS 5",
		"GRANT SELECT ON `a TO b`.`c`` TO 'x'` TO `app`@`%`":                                         "GRANT SELECT ON `a TO b`.`c`` TO 'x'` TO NEW",
		"GRANT SELECT (`TO`, `id`), UPDATE (`id`) ON `shop`.`t` TO `app`@`%`":                        "GRANT SELECT (`TO`, `id`), UPDATE (`id`) ON `shop`.`t` TO NEW",
		"GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `app`@`%`":                                         "GRANT EXECUTE ON PROCEDURE `shop`.`p` TO NEW",
		"GRANT `reader` TO `app`@`%` WITH ADMIN OPTION":                                              "GRANT `reader` TO NEW WITH ADMIN OPTION",
		"GRANT `reader`@`%`,`writer`@`%` TO `app`@`%`":                                               "GRANT `reader`@`%`,`writer`@`%` TO NEW",
		"GRANT PROXY ON ''@'%' TO 'app'@'%' WITH GRANT OPTION":                                       "GRANT PROXY ON ''@'%' TO NEW WITH GRANT OPTION",
		"SET DEFAULT ROLE `reader` FOR `app`@`%`":                                                    "SET DEFAULT ROLE `reader` FOR NEW",
		"REVOKE INSERT ON `mysql`.* FROM `app`@`%`":                                                  "REVOKE INSERT ON `mysql`.* FROM NEW",
		"GRANT SELECT ON `shop`.* TO `reader`":                                                       "", // a role of the account
		"GRANT SELECT ON `shop`.* TO `app`@`%`; DROP TABLE x":                                        "GRANT SELECT ON `shop`.* TO NEW",
	} {
		if got, ok := regrant(line, account{"app", "%"}, "NEW"); got != want || !ok {
			t.Errorf("%s\ngot  %s, %t\nwant %s", line, got, ok, want)
		}
	}
	for _, line := range []string{
		"", "GRANT", "GRANT SELECT ON x", "GRANT SELECT ON `x TO `app`@`%`", "GRANT SELECT ON *.* TO", "DROP USER app", "grant select on *.* to `app`@`%`",
		"GRANT SELECT ON *.* TO `app`@`other`", "GRANT SELECT ON *.* TO `else`@`%`", "GRANT SELECT ON *.* TO `app`@",
	} {
		if got, ok := regrant(line, account{"app", "%"}, "NEW"); ok && got != "" {
			t.Errorf("%q became %q", line, got)
		}
	}
}

// A clone has all that the user has: what SHOW GRANTS says of both is the same
// but for the name and the password.
func TestCloneHasTheSameRights(t *testing.T) {
	s, w := rotatetest.StartMariaDB(t), local(t)
	s.Exec(t, "CREATE DATABASE `odd TO ``name'`", "CREATE TABLE `odd TO ``name'`.t (`TO` INT, b INT)", "CREATE PROCEDURE shop.p() SELECT 1", "CREATE ROLE reader", "GRANT SELECT ON shop.* TO reader")
	id, user := w.enrol(s, MultiUser, false)
	name := "'" + user + "'@'%'"
	s.Exec(t,
		"GRANT SELECT ON `odd TO ``name'`.* TO "+name, "GRANT SELECT (`TO`), UPDATE (b) ON `odd TO ``name'`.t TO "+name, "GRANT EXECUTE ON PROCEDURE shop.p TO "+name,
		"GRANT CREATE ON shop.* TO "+name+" WITH GRANT OPTION", "GRANT USAGE ON *.* TO "+name+" WITH MAX_USER_CONNECTIONS 7", "GRANT PROCESS ON *.* TO "+name,
		"GRANT reader TO "+name, "SET DEFAULT ROLE reader FOR "+name,
	)
	for turn := range 2 {
		if err := w.rotate("SecretsManagerMariaDBRotationMultiUser", id, fmt.Sprint("token-", turn)); err != nil {
			t.Fatal(err)
		}
		grants := func(user string) []string {
			out := s.Ask(t, "SHOW GRANTS FOR '"+user+"'@'%'")
			for i, g := range out {
				before, after, ok := strings.Cut(g, " IDENTIFIED BY PASSWORD '")
				if ok {
					_, after, _ = strings.Cut(after, "'")
					g = before + after
				}
				out[i] = strings.ReplaceAll(g, "`"+user+"`", "`app`")
			}
			slices.Sort(out)
			return out
		}
		a, b := grants(user), grants(user+cloneSuffix)
		if !slices.Equal(a, b) || len(a) < 6 {
			t.Errorf("turn %d\n%s\n\n%s", turn, strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
	}
}

// A clone lives at the host where its user does.
func TestCloneAtTheSameHost(t *testing.T) {
	s, w := rotatetest.StartMariaDB(t), local(t)
	s.Exec(t, "CREATE USER 'bound'@'127.0.%' IDENTIFIED BY 'f1rst-password'", "GRANT SELECT ON shop.* TO 'bound'@'127.0.%'")
	w.put("arn", s.Secret("bound", "f1rst-password"))
	w.change("arn", "v1", func(m map[string]any) { m["masterarn"] = "master" })
	w.put("master", s.Secret(s.Admin, s.Password))
	for turn := range 3 {
		if err := w.rotate("SecretsManagerMariaDBRotationMultiUser", "arn", fmt.Sprint("token-", turn)); err != nil {
			t.Fatal(err)
		}
		if user, password := w.credentials("arn", Current); s.Try(user, password) != nil {
			t.Errorf("%s does not sign in", user)
		}
	}
	if got := s.Ask(t, "SELECT CONCAT(User, '@', Host) FROM mysql.user WHERE User LIKE 'bound%' ORDER BY 1"); !slices.Equal(got, []string{"bound@127.0.%", "bound_clone@127.0.%"}) {
		t.Error(got)
	}
	s.Exec(t, "CREATE USER 'bound_clone'@'10.%'", "CREATE USER 'bound_clone'@'11.%'", "DROP USER 'bound_clone'@'127.0.%'")
	// Now the clone's turn again, with accounts of which none fits.
	if got := valueErrorOf(t, w.rotate("SecretsManagerMariaDBRotationMultiUser", "arn", "token-3")); !strings.Contains(got, "accounts for several hosts and none for 127.0.%") {
		if user, _ := w.credentials("arn", Current); user == "bound" {
			t.Error(got)
		}
	}
}

func TestTakesHash(t *testing.T) {
	for version, want := range map[string]bool{
		"10.11.19-MariaDB-0+deb12u1": true, "11.8.2-MariaDB": true, "5.7.44-log": true, "5.5.5-10.6.1-MariaDB": true,
		"8.0.36": false, "8.4.3": false, "9.1.0": false,
	} {
		if takesHash(version) != want {
			t.Error(version)
		}
	}
}

// A clone in PostgreSQL is a member of its user, and a stranger that has its
// name already becomes one.
func TestCloneIsMember(t *testing.T) {
	s := rotatetest.StartPostgres(t)
	for _, known := range []bool{false, true} {
		w := local(t)
		id, user := w.enrol(s, MultiUser, false)
		if known {
			s.Exec(t, "CREATE ROLE "+user+"_clone LOGIN PASSWORD 'somebodys-own'")
		}
		for turn := range 2 {
			if err := w.rotate("SecretsManagerPostgreSQLRotationMultiUser", id, fmt.Sprint("token-", turn)); err != nil {
				t.Fatal(err)
			}
			got := s.Ask(t, "SELECT a.rolname || ' in ' || b.rolname FROM pg_auth_members m JOIN pg_roles a ON a.oid = m.member JOIN pg_roles b ON b.oid = m.roleid WHERE b.rolname LIKE '"+user+"%'")
			if !slices.Equal(got, []string{user + "_clone in " + user}) {
				t.Error(got)
			}
		}
	}
}

// A clone in Redis has the rules of its user.
func TestCloneHasTheSameRules(t *testing.T) {
	s, w := rotatetest.StartRedis(t), local(t)
	id, user := w.enrol(s, MultiUser, false)
	s.Exec(t, "ACL SETUSER "+user+" ~other:* %R~readonly:* &news.* +set -get +client|id (~sel:* +get) (+hget ~h)")
	for turn := range 2 {
		if err := w.rotate("SecretsManagerRedisRotationMultiUser", id, fmt.Sprint("token-", turn)); err != nil {
			t.Fatal(err)
		}
		rules := map[string]string{}
		for _, line := range s.Ask(t, "ACL LIST") {
			f := splitRules(line)
			rules[f[1]] = strings.Join(slices.DeleteFunc(f[2:], func(r string) bool { return strings.HasPrefix(r, "#") }), " ")
		}
		if rules[user] == "" || rules[user] != rules[user+cloneSuffix] {
			t.Errorf("%q, %q", rules[user], rules[user+cloneSuffix])
		}
	}
}

func FuzzRegrant(f *testing.F) {
	f.Add("GRANT SELECT ON `shop`.* TO `app`@`%` WITH GRANT OPTION")
	f.Add("GRANT SELECT ON `a TO b` TO 'app'@'%'")
	f.Fuzz(func(t *testing.T, line string) {
		got, ok := regrant(line, account{"app", "%"}, "'NEW'@'%'")
		if !ok || got == "" {
			return
		}
		words, closed := scan(got)
		if !closed {
			t.Errorf("%q became %q, whose quotes are open", line, got)
		}
		if !slices.ContainsFunc(words, func(w word) bool { return w.text(got) == "'NEW'" }) {
			t.Errorf("%q became %q", line, got)
		}
	})
}

// A Redis that has no ACL file changes users in its configuration file, or says
// that the change won't last.
func TestRedisThatKeepsNothing(t *testing.T) {
	s, w := rotatetest.StartRedis(t), local(t)
	id, user := w.enrol(s, SingleUser, true)
	s.Exec(t, "ACL SETUSER admin"+user+" on >boss-password ~* +@all -acl|save -config|rewrite")
	w.put("master", s.Secret("admin"+user, "boss-password"))
	if err := w.rotate("SecretsManagerRedisRotationSingleUser", id, "token"); err != nil {
		t.Fatal(err)
	}
	if !w.said("WARNING Redis changed user " + user + " in memory only") {
		t.Error(strings.Join(w.lines, "\n"))
	}
	// A user with rights of its own needs no master.
	id, user = w.enrol(s, SingleUser, true)
	w.change(id, "v1", func(m map[string]any) { delete(m, "masterarn") })
	if got := valueErrorOf(t, w.rotate("SecretsManagerRedisRotationSingleUser", id, "token")); !strings.Contains(got, "user "+user+" may not run ACL commands (NOPERM): name the secret of one who may in masterarn") {
		t.Error(got)
	}
	s.Exec(t, "ACL SETUSER "+user+" +acl")
	if err := w.rotate("SecretsManagerRedisRotationSingleUser", id, "token"); err != nil {
		t.Fatal(err)
	}
	if now, password := w.credentials(id, Current); s.Try(now, password) != nil {
		t.Error("AWSCURRENT does not sign in")
	}
}
