package rotate

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestDocumentKeepsWhatItDoesNotChange(t *testing.T) {
	d, err := parseDocument(`{"z":1.50e3,"engine":"mysql" , "username":"app","password":"old","deep":{"b":[1, 2],"a":null},"ssl":false,"port":"3307","é":"ü"}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.set("password", `n"e\w`); err != nil {
		t.Fatal(err)
	}
	got, err := d.format()
	want := `{"z": 1.50e3, "engine": "mysql", "username": "app", "password": "n\"e\\w", "deep": {"b":[1, 2],"a":null}, "ssl": false, "port": "3307", "é": "ü"}`
	if err != nil || got != want {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
}

func TestDocumentRefusals(t *testing.T) {
	for _, s := range []string{
		``, `[]`, `"x"`, `{`, `{"a":1`, `{"a":1}x`, `{"a":1}{}`, `{"a":1,"a":2}`, `{"a":}`, `{1:2}`, "{\"a\":\"\xff\"}", `{"a":'b'}`, `null`,
		`{"password":"` + strings.Repeat("x", maxSecret) + `"}`,
	} {
		if d, err := parseDocument(s); err == nil {
			t.Errorf("%.40q became %+v", s, d)
		}
	}
}

func TestSecurity(t *testing.T) {
	for ssl, want := range map[string]security{
		``: {true, true}, `,"ssl":true`: {true, false}, `,"ssl":false`: {false, false}, `,"ssl":"TRUE"`: {true, false}, `,"ssl":"False"`: {false, false},
		`,"ssl":"perhaps"`: {true, true}, `,"ssl":0`: {true, true}, `,"ssl":null`: {true, true}, `,"ssl":{}`: {true, true},
	} {
		d, err := parseDocument(`{"a":1` + ssl + `}`)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.security(); got != want {
			t.Errorf("%s: %+v", ssl, got)
		}
	}
}

func TestLoginChecks(t *testing.T) {
	for secret, want := range map[string]string{
		`{"engine":"postgres","host":"h","username":"u","password":"p"}`:                                           "",
		`{"engine":"postgres","host":"h","username":"u","password":"p","port":" 5433 "}`:                           "",
		`{"engine":"mysql","host":"h","username":"u","password":"p"}`:                                              "KeyError: Database engine must be set to 'postgres' in order to use this rotation lambda",
		`{"host":"h","username":"u","password":"p"}`:                                                               "KeyError: Database engine must be set to 'postgres' in order to use this rotation lambda",
		`{"engine":"postgres","username":"u","password":"p"}`:                                                      "KeyError: host key is missing from secret JSON",
		`{"engine":"postgres","host":"h","password":"p"}`:                                                          "KeyError: username key is missing from secret JSON",
		`{"engine":"postgres","host":"h","username":"u"}`:                                                          "KeyError: password key is missing from secret JSON",
		`{"engine":"postgres","host":"h","username":"u","password":7}`:                                             "ValueError: password in the secret JSON must be a string",
		`{"engine":"postgres","host":"h","username":"","password":"p"}`:                                            "ValueError: username in the secret JSON is empty",
		`{"engine":"postgres","host":"h","username":"u\u0000","password":"p"}`:                                     "ValueError: username, password or dbname in the secret JSON holds a NUL character",
		`{"engine":"postgres","host":"h","username":"u","password":"p","port":0}`:                                  "ValueError: port in the secret JSON must be a number from 1 to 65535",
		`{"engine":"postgres","host":"h","username":"u","password":"p","port":"x"}`:                                "ValueError: port in the secret JSON must be a number from 1 to 65535",
		`{"engine":"postgres","host":"h","username":"u","password":"p","port":65536}`:                              "ValueError: port in the secret JSON must be a number from 1 to 65535",
		`{"engine":"postgres","host":"h","username":"u","password":"p","sslrootcert":"-----BEGIN CERTIFICATE---"}`: "ValueError: sslrootcert in the secret JSON holds no certificate in PEM",
	} {
		d, err := parseDocument(secret)
		if err != nil {
			t.Fatal(err)
		}
		_, err = postgresEngine.login(d, Current, nil)
		if got := text(err); got != want {
			t.Errorf("%s: %s, want %s", secret, got, want)
		}
	}
	for secret, ok := range map[string]bool{
		`{"engine":"http","url":"https://h/x","username":"u","password":"p"}`:                      true,
		`{"engine":"http","url":"http://h/x","username":"u","password":"p","ssl":false}`:           true,
		`{"engine":"http","url":"http://h/x","username":"u","password":"p"}`:                       false,
		`{"engine":"http","url":"http://h/x","username":"u","password":"p","ssl":true}`:            false,
		`{"engine":"http","url":"https://a:b@h/x","username":"u","password":"p"}`:                  false,
		`{"engine":"http","url":"file:///etc/passwd","username":"u","password":"p"}`:               false,
		`{"engine":"http","url":"gopher://h/","username":"u","password":"p","ssl":false}`:          false,
		`{"engine":"http","host":"h","username":"u","password":"p"}`:                               false,
		`{"engine":"http","url":"https://h/x","username":"u","password":"p","ssl":"false"}`:        true,
		`{"engine":"http","url":"https://h/x#frag","username":"u","password":"p","masterarn":"x"}`: false,
	} {
		d, err := parseDocument(secret)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = httpEngine.login(d, Current, nil); (err == nil) != ok {
			t.Errorf("%s: %v", secret, err)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestFunctionNames(t *testing.T) {
	e := New(Options{})
	var got []string
	for _, f := range e.Functions() {
		got = append(got, f.Name)
		if e.Function(f.Name) != f || f.Description == "" {
			t.Errorf("%+v", f)
		}
	}
	want := []string{
		"SecretsManagerMySQLRotationSingleUser", "SecretsManagerMySQLRotationMultiUser",
		"SecretsManagerMariaDBRotationSingleUser", "SecretsManagerMariaDBRotationMultiUser",
		"SecretsManagerPostgreSQLRotationSingleUser", "SecretsManagerPostgreSQLRotationMultiUser",
		"SecretsManagerRedisRotationSingleUser", "SecretsManagerRedisRotationMultiUser",
		"SecretsManagerHTTPRotationSingleUser", "SecretsManagerHTTPRotationMultiUser",
	}
	if strings.Join(got, " ") != strings.Join(want, " ") || e.Function("SecretsManagerRDSMySQLRotationSingleUser") != nil {
		t.Error(got)
	}
}

func FuzzDocument(f *testing.F) {
	f.Add(`{"engine":"mysql","host":"h","username":"u","password":"p","port":"1","ssl":"true"}`)
	f.Add(`{"a":{"b":[1,2,{"c":"\ud83d\ude00"}]},"password":""}`)
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parseDocument(s)
		if err != nil {
			if !errors.Is(err, errDocument) {
				t.Error(err)
			}
			return
		}
		const fresh = `new "password" \ '`
		if err := d.set("password", fresh); err != nil {
			t.Fatal(err)
		}
		out, err := d.format()
		if err != nil {
			return // too long now
		}
		var before, after map[string]any
		if err := json.Unmarshal([]byte(s), &before); err != nil {
			t.Skip() // encoding/json refuses what jsontext takes: deep nesting, huge numbers
		}
		if err := json.Unmarshal([]byte(out), &after); err != nil {
			t.Fatalf("%q became %q: %v", s, out, err)
		}
		before["password"] = fresh
		a, _ := json.Marshal(before)
		b, _ := json.Marshal(after)
		if string(a) != string(b) {
			t.Errorf("%s became %s", a, b)
		}
		if again, err := parseDocument(out); err != nil || len(again.members) != len(d.members) {
			t.Errorf("%q: %v", out, err)
		}
		postgresEngine.login(d, Current, nil)
		httpEngine.login(d, Current, nil)
	})
}
