package rotate

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/egress"
	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
)

// change edits the value of a version.
func (w *world) change(id, version string, edit func(map[string]any)) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var m map[string]any
	if err := json.Unmarshal([]byte(w.secrets[id].values[version]), &m); err != nil {
		w.t.Fatal(err)
	}
	edit(m)
	b, _ := json.Marshal(m)
	w.see(string(b))
	w.secrets[id].values[version] = string(b)
}

// TestStages is what every step says of versions that aren't staged for it, in
// the words of AWS's templates.
func TestStages(t *testing.T) {
	w := local(t)
	w.put("arn", map[string]any{"engine": "mysql", "host": "h", "username": "app", "password": "secret-0"})
	const fn = "SecretsManagerMySQLRotationSingleUser"
	for _, step := range Steps {
		if err := w.step(fn, "arn", "v0", step); text(err) != "ValueError: Secret version v0 has no stage for rotation of secret arn." {
			t.Error(err)
		}
		if err := w.step(fn, "arn", "v1", step); err != nil || !w.said("Secret version v1 already set as AWSCURRENT for secret arn.") {
			t.Error(err)
		}
	}
	w.secrets["arn"].stages["v2"] = []string{"MINE"}
	if err := w.step(fn, "arn", "v2", SetSecret); text(err) != "ValueError: Secret version v2 not set as AWSPENDING for rotation of secret arn." {
		t.Error(err)
	}
	w.begin("arn", "v3")
	if err := w.step(fn, "arn", "v3", "other"); text(err) != "ValueError: Invalid step parameter other for secret arn" {
		t.Error(err)
	}
	var e *Error
	if err := w.step(fn, "arn", "v3", TestSecret); !errors.As(err, &e) || e.Type != "ResourceNotFoundException" || !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if err := w.step("SecretsManagerPostgreSQLRotationSingleUser", "arn", "v3", CreateSecret); text(err) != "KeyError: Database engine must be set to 'postgres' in order to use this rotation lambda (AWSCURRENT of secret arn)" {
		t.Error(err)
	}
	w.secrets["arn"].cancelled = true
	if err := w.step(fn, "arn", "v3", CreateSecret); text(err) != "ValueError: Secret arn is not enabled for rotation" {
		t.Error(err)
	}
}

// A pending value that is there is kept, for it may be in the database already.
func TestPendingValueIsKept(t *testing.T) {
	w := local(t)
	w.put("arn", map[string]any{"engine": "mysql", "host": "h", "username": "app", "password": "secret-0", "note": "kept"})
	const fn = "SecretsManagerMySQLRotationMultiUser"
	w.begin("arn", "v2")
	for range 2 {
		if err := w.step(fn, "arn", "v2", CreateSecret); err != nil {
			t.Fatal(err)
		}
	}
	user, first := w.credentials("arn", Pending)
	w.step(fn, "arn", "v2", CreateSecret)
	if _, again := w.credentials("arn", Pending); user != "app_clone" || first != again || !strings.Contains(w.secrets["arn"].values["v2"], `"note": "kept"`) {
		t.Errorf("%s, %s", user, w.secrets["arn"].values["v2"])
	}
	w.change("arn", "v1", func(m map[string]any) { m["username"] = "elevenchars" })
	w.begin("arn", "v3")
	if err := w.step(fn, "arn", "v3", CreateSecret); text(err) != "ValueError: Unable to clone user, username length with _clone appended would exceed 16 characters" {
		t.Error(err)
	}
}

// TestRefusals is what goes wrong between secret and database: the exact error
// with what to do, AWSCURRENT untouched, and a rotation that ends well once it's
// done.
func TestRefusals(t *testing.T) {
	everyScheme(t, func(t *testing.T, tg target, s *rotatetest.Server, scheme Scheme) {
		lock := map[string]string{"mariadb": "ALTER USER '%s'@'%' ACCOUNT LOCK", "postgres": "ALTER ROLE %s NOLOGIN", "redis": "ACL SETUSER %s off"}[s.Engine]
		unlock := map[string]string{"mariadb": "ALTER USER '%s'@'%' ACCOUNT UNLOCK", "postgres": "ALTER ROLE %s LOGIN", "redis": "ACL SETUSER %s on"}[s.Engine]
		usesMaster := scheme == MultiUser || s.Engine == "redis"
		cases := []struct {
			name        string
			master      bool // concerns the master only
			break_, fix func(w *world, id, user string)
			want, do    string
		}{
			{
				name: "wrong password in the secret",
				break_: func(w *world, id, user string) {
					w.change(id, "v1", func(m map[string]any) { m["password"] = "wr0ng-password" })
				},
				fix: func(w *world, id, user string) {
					w.change(id, "v1", func(m map[string]any) { m["password"] = "f1rst-" + user })
				},
				want: map[Scheme]string{SingleUser: "Unable to log into database with previous, current, or pending secret of secret arn ID", MultiUser: "Unable to log into database using current credentials for secret ID"}[scheme],
				do:   "Set the password of user USER in the database to the one in its secret, or store the password that the database accepts with PutSecretValue. Then rotate again.",
			},
			{
				name:   "locked user",
				break_: func(w *world, id, user string) { s.Exec(w.t, strings.ReplaceAll(lock, "%s", user)) },
				fix:    func(w *world, id, user string) { s.Exec(w.t, strings.ReplaceAll(unlock, "%s", user)) },
				want:   map[Scheme]string{SingleUser: "Unable to log into database with previous, current, or pending secret of secret arn ID", MultiUser: "Unable to log into database using current credentials for secret ID"}[scheme],
				do:     map[bool]string{false: "Unlock user USER in the database, then rotate again.", true: "Set the password of user USER in the database to the one in its secret, or store the password that the database accepts with PutSecretValue. Then rotate again."}[s.Engine == "redis"],
			},
			{
				name: "wrong password of the master", master: true,
				break_: func(w *world, id, user string) {
					w.change("master", "v1", func(m map[string]any) { m["password"] = "wr0ng-password" })
				},
				fix: func(w *world, id, user string) {
					w.change("master", "v1", func(m map[string]any) { m["password"] = s.Password })
				},
				want: "Unable to log into database using credentials in master secret master: master secret as user " + s.Admin + " at 127.0.0.1: ",
				do:   "Set the password of user " + s.Admin + " in the database to the one in its secret, or store the password that the database accepts with PutSecretValue. Then rotate again.",
			},
			{
				name: "master elsewhere", master: true,
				break_: func(w *world, id, user string) {
					w.change("master", "v1", func(m map[string]any) { m["host"] = "elsewhere.example" })
				},
				fix: func(w *world, id, user string) {
					w.change("master", "v1", func(m map[string]any) { m["host"] = "127.0.0.1" })
				},
				want: "Current database host 127.0.0.1 is not the same host as/rds replica of master elsewhere.example",
			},
			{
				name: "master without rights", master: true,
				break_: func(w *world, id, user string) {
					s.AddUser(w.t, "weak"+user, "weak-password")
					w.change("master", "v1", func(m map[string]any) { m["username"], m["password"] = "weak"+user, "weak-password" })
				},
				fix: func(w *world, id, user string) {
					w.change("master", "v1", func(m map[string]any) { m["username"], m["password"] = s.Admin, s.Password })
				},
				do: "Grant the missing right in the database, then rotate again.",
			},
			{
				name: "pending for another user",
				break_: func(w *world, id, user string) {
					w.change(id, "token", func(m map[string]any) { m["username"] = "root" })
				},
				fix: func(w *world, id, user string) {
					w.change(id, "token", func(m map[string]any) { m["username"] = user + map[Scheme]string{MultiUser: cloneSuffix}[scheme] })
				},
				want: map[Scheme]string{SingleUser: "Attempting to modify user root other than current user USER", MultiUser: "Attempting to modify user root other than current user or clone USER"}[scheme],
			},
			{
				name: "pending for another host",
				break_: func(w *world, id, user string) {
					w.change(id, "token", func(m map[string]any) { m["host"] = "elsewhere.invalid" })
				},
				fix: func(w *world, id, user string) {
					w.change(id, "token", func(m map[string]any) { m["host"] = "127.0.0.1" })
				},
				want: "Attempting to modify user for host elsewhere.invalid other than current host 127.0.0.1",
			},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				if c.master && !usesMaster {
					t.Skip("this scheme has no master")
				}
				w := local(t)
				id, user := w.enrol(s, scheme, true)
				w.begin(id, "token")
				if err := w.step(tg.function(scheme), id, "token", CreateSecret); err != nil {
					t.Fatal(err)
				}
				c.break_(w, id, user)
				got := valueErrorOf(t, w.step(tg.function(scheme), id, "token", SetSecret))
				fill := strings.NewReplacer("ID", id, "USER", user)
				if !strings.HasPrefix(got, fill.Replace(c.want)) || !strings.HasSuffix(got, fill.Replace(c.do)) {
					t.Errorf("%q\nwant %q … %q", got, fill.Replace(c.want), fill.Replace(c.do))
				}
				if c.name != "locked user" {
					if err := s.Try(user, "f1rst-"+user); err != nil {
						t.Errorf("the application is locked out: %v", err)
					}
				}
				c.fix(w, id, user)
				if err := w.rotate(tg.function(scheme), id, "token"); err != nil {
					t.Error(err)
				}
				if now, password := w.credentials(id, Current); s.Try(now, password) != nil {
					t.Error("AWSCURRENT does not sign in")
				}
			})
		}
	})
}

// A single user whose database still has the previous password is brought back.
func TestPreviousPasswordStillSet(t *testing.T) {
	for _, tg := range targets {
		t.Run(tg.name, func(t *testing.T) {
			s, w := tg.start(t), local(t)
			id, user := w.enrol(s, SingleUser, false)
			w.mu.Lock()
			sec := w.secrets[id]
			sec.values["v2"] = strings.ReplaceAll(sec.values["v1"], "f1rst-", "never-set-")
			sec.stages = map[string][]string{"v1": {Previous}, "v2": {Current}}
			w.see(sec.values["v2"])
			w.mu.Unlock()
			if err := w.rotate(tg.function(SingleUser), id, "token"); err != nil {
				t.Fatal(err)
			}
			if _, password := w.credentials(id, Current); s.Try(user, password) != nil {
				t.Error("AWSCURRENT does not sign in")
			}
		})
	}
}

func TestMasterArnMissing(t *testing.T) {
	s, w := rotatetest.StartPostgres(t), local(t)
	id, _ := w.enrol(s, MultiUser, false)
	w.change(id, "v1", func(m map[string]any) { delete(m, "masterarn") })
	err := w.rotate("SecretsManagerPostgreSQLRotationMultiUser", id, "token")
	if text(err) != "KeyError: masterarn key is missing from secret JSON" {
		t.Error(err)
	}
	w.change(id, "v1", func(m map[string]any) { m["masterarn"] = "nowhere" })
	err = w.rotate("SecretsManagerPostgreSQLRotationMultiUser", id, "token")
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "(secret nowhere)") {
		t.Error(err)
	}
}

// Without an exception the gate keeps rotations away from the loopback.
func TestGate(t *testing.T) {
	for _, tg := range targets {
		s := tg.start(t)
		w := newWorld(t, Options{})
		id, user := w.enrol(s, SingleUser, false)
		err := w.rotate(tg.function(SingleUser), id, "token")
		got := valueErrorOf(t, err)
		if !errors.Is(err, egress.ErrRefused) || !strings.Contains(got, "egress: destination refused: 127.0.0.1 is at 127.0.0.1:") ||
			!strings.HasSuffix(got, "This server may not connect to that address: allow it with --egress-allow, then rotate again.") {
			t.Error(got)
		}
		if err := s.Try(user, "f1rst-"+user); err != nil {
			t.Error(err)
		}
	}
}

// The environment shapes passwords as in AWS's templates.
func TestPasswordRules(t *testing.T) {
	rules := func(fn string, env Environment) (PasswordRules, error) {
		return (&rotation{fn: New(Options{}).Function(fn), env: env}).passwordRules()
	}
	p, err := rules("SecretsManagerMySQLRotationSingleUser", nil)
	if want := (PasswordRules{Length: 32, ExcludeCharacters: `/@"'\`, RequireEachIncludedType: true}); err != nil || p != want {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = rules("SecretsManagerPostgreSQLRotationSingleUser", Environment{
		"PASSWORD_LENGTH": "20", "EXCLUDE_NUMBERS": "YES", "EXCLUDE_PUNCTUATION": "1", "EXCLUDE_UPPERCASE": "y", "EXCLUDE_LOWERCASE": "no", "REQUIRE_EACH_INCLUDED_TYPE": "false",
	})
	if want := (PasswordRules{Length: 20, ExcludeCharacters: `:/@"'\`, ExcludeNumbers: true, ExcludePunctuation: true, ExcludeUppercase: true}); err != nil || p != want {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = rules("SecretsManagerRedisRotationMultiUser", Environment{"EXCLUDE_CHARACTERS": ""}); err != nil || p.ExcludeCharacters != "" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err = rules("SecretsManagerRedisRotationMultiUser", Environment{"PASSWORD_LENGTH": "long"}); err == nil {
		t.Error("a length that is no number")
	}
}

// Whatever Secrets answers is handed on.
func TestSecretsFail(t *testing.T) {
	w := local(t)
	w.put("arn", map[string]any{"engine": "mysql", "host": "h", "username": "app", "password": "secret-0"})
	w.fuse.set(1)
	w.fuse.tick()
	for _, step := range Steps {
		if err := w.step("SecretsManagerMySQLRotationSingleUser", "arn", "v1", step); !errors.Is(err, errKilled) {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.fuse.set(0)
	w.begin("arn", "v2")
	w.change("arn", "v1", func(m map[string]any) { m["host"] = "127.0.0.1"; w.secrets["arn"].values["v2"] = "" })
	w.secrets["arn"].values["v2"] = strings.Clone(w.secrets["arn"].values["v1"])
	err := w.engine.Function("SecretsManagerMySQLRotationSingleUser").Run(ctx, w, nil, Event{SetSecret, "arn", "v2"}, func(Level, string) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
