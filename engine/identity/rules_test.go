package identity

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/identity/managed"
	"github.com/redoubt-sec/redoubt/engine/identity/oidc"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

func TestNamesDifferInMoreThanCase(t *testing.T) {
	w := newWorld(t)
	w.user("Bob")
	err := w.try(func(tx *store.Tx) error {
		_, err := w.CreateUser(tx, testAccount, User{Name: "BOB", Path: "/x/"})
		return err
	})
	var ex *Exists
	if !errors.As(err, &ex) {
		t.Error("a name in other case:", err)
	}
	err = w.try(func(tx *store.Tx) error { _, err := w.User(tx, testAccount, "BOB"); return err })
	var nf *NotFound
	if !errors.As(err, &nf) {
		t.Error("found by a name in other case:", err)
	}
}

func TestRenamedUserKeepsEverything(t *testing.T) {
	w := newWorld(t)
	u, key, _ := w.user("Bob")
	w.do(func(tx *store.Tx) error {
		if _, err := w.CreateGroup(tx, testAccount, "Devs", "/"); err != nil {
			return err
		}
		return w.JoinGroup(tx, testAccount, "Bob", "Devs")
	})
	w.do(func(tx *store.Tx) error { _, err := w.MoveUser(tx, testAccount, "Bob", "Rob", "/team/"); return err })
	c, err := w.credential(key, "")
	if err != nil || c.Principal.ARN != "arn:aws:iam::123456789012:user/team/Rob" || c.Principal.ID != u.ID {
		t.Errorf("%+v, %v", c, err)
	}
	w.do(func(tx *store.Tx) error {
		g, err := w.Group(tx, testAccount, "Devs")
		if err != nil {
			return err
		}
		m, err := w.Members(tx, testAccount, g)
		if err != nil || len(m) != 1 || m[0].Name != "Rob" {
			t.Errorf("members %v, %v", m, err)
		}
		return nil
	})
	w.user("Bob") // the old name is free
}

func TestDeletingWhatHoldsSomething(t *testing.T) {
	w := newWorld(t)
	u, key, _ := w.user("Bob")
	const text = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	ref := Ref{NounUser, "Bob"}
	steps := []struct {
		held     Noun
		add, rem func(tx *store.Tx) error
	}{
		{NounPolicy, func(tx *store.Tx) error {
			return w.Attach(tx, testAccount, ref, "arn:aws:iam::aws:policy/ReadOnlyAccess")
		},
			func(tx *store.Tx) error {
				return w.Detach(tx, testAccount, ref, "arn:aws:iam::aws:policy/ReadOnlyAccess")
			}},
		{NounInline, func(tx *store.Tx) error { return w.PutInline(tx, testAccount, ref, "p", text) },
			func(tx *store.Tx) error { return w.DeleteInline(tx, testAccount, ref, "p") }},
		{NounAccessKey, func(tx *store.Tx) error { return nil },
			func(tx *store.Tx) error { return w.DeleteAccessKey(tx, testAccount, u, key) }},
		{NounLogin, func(tx *store.Tx) error {
			_, err := w.SetPassword(tx, testAccount, "Bob", "Abcdef12!", false, true)
			return err
		},
			func(tx *store.Tx) error {
				_, err := w.EditUser(tx, testAccount, "Bob", func(u *User) error { u.Login = nil; return nil })
				return err
			}},
		{NounSSHKey, func(tx *store.Tx) error {
			_, err := w.AddSSHKey(tx, testAccount, SSHKey{User: u.ID, Body: "k"})
			return err
		},
			func(tx *store.Tx) error {
				for k, err := range w.SSHKeys(tx, testAccount, u.ID) {
					if err != nil {
						return err
					}
					return w.DeleteSSHKey(tx, testAccount, u.ID, k.ID)
				}
				return nil
			}},
	}
	for _, s := range steps {
		w.do(s.add)
		err := w.try(func(tx *store.Tx) error { return w.DeleteUser(tx, testAccount, "Bob") })
		var c *Conflict
		if !errors.As(err, &c) {
			t.Fatalf("with a %s: %v", s.held, err)
		}
		if c.Held != s.held && s.held != NounLogin && s.held != NounSSHKey && s.held != NounInline && s.held != NounPolicy {
			t.Errorf("held %s, want %s", c.Held, s.held)
		}
		w.do(s.rem)
	}
	w.do(func(tx *store.Tx) error { return w.DeleteUser(tx, testAccount, "Bob") })
}

func TestQuotas(t *testing.T) {
	w := newWorld(t)
	u, _, _ := w.user("Bob")
	limit := func(what string, err error) {
		t.Helper()
		var l *Limit
		if !errors.As(err, &l) {
			t.Errorf("%s: %v", what, err)
		}
	}
	w.do(func(tx *store.Tx) error { _, _, err := w.CreateAccessKey(tx, testAccount, u); return err })
	w.do(func(tx *store.Tx) error {
		u, err := w.User(tx, testAccount, "Bob")
		if err != nil {
			return err
		}
		_, _, err = w.CreateAccessKey(tx, testAccount, u)
		limit("third key", err)
		return nil
	})
	limit("11 groups", w.try(func(tx *store.Tx) error {
		for n := range 11 {
			name := fmt.Sprint("g", n)
			if _, err := w.CreateGroup(tx, testAccount, name, "/"); err != nil {
				return err
			}
			if err := w.JoinGroup(tx, testAccount, "Bob", name); err != nil {
				return err
			}
		}
		return nil
	}))
	limit("11 policies", w.try(func(tx *store.Tx) error {
		for n := range 11 {
			p := managed.Policies[n].ARN
			if err := w.Attach(tx, testAccount, Ref{NounUser, "Bob"}, p); err != nil {
				return err
			}
		}
		return nil
	}))
	var size *Size
	err := w.try(func(tx *store.Tx) error {
		return w.PutInline(tx, testAccount, Ref{NounUser, "Bob"}, "p", strings.Repeat("x", MaxUserInline+1))
	})
	if !errors.As(err, &size) {
		t.Error("inline policies over their size:", err)
	}
	w.do(func(tx *store.Tx) error { return counts.In(testAccount).Put(tx, string(NounRole), &countRow{MaxRoles}) })
	limit("roles", w.try(func(tx *store.Tx) error {
		_, err := w.CreateRole(tx, testAccount, Role{Name: "r", Path: "/", Trust: &Bound{}})
		return err
	}))
}

func TestManagedPolicyVersions(t *testing.T) {
	w := newWorld(t)
	const text = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	var arn string
	w.do(func(tx *store.Tx) error {
		p, err := w.CreatePolicy(tx, testAccount, "P", "/a/", "", text, nil)
		arn = p.ARN(testAccount)
		return err
	})
	for n := 2; n <= 5; n++ {
		w.do(func(tx *store.Tx) error { _, _, err := w.AddVersion(tx, testAccount, arn, text, n == 3); return err })
	}
	var l *Limit
	if err := w.try(func(tx *store.Tx) error { _, _, err := w.AddVersion(tx, testAccount, arn, text, false); return err }); !errors.As(err, &l) {
		t.Error(err)
	}
	var c *Conflict
	if err := w.try(func(tx *store.Tx) error { return w.DeleteVersion(tx, testAccount, arn, "v3") }); !errors.As(err, &c) {
		t.Error("default version:", err)
	}
	w.do(func(tx *store.Tx) error { return w.DeleteVersion(tx, testAccount, arn, "v5") })
	w.do(func(tx *store.Tx) error {
		v, _, err := w.AddVersion(tx, testAccount, arn, text, false)
		if err == nil && v.ID != "v6" {
			t.Errorf("version %s: numbers come back", v.ID)
		}
		return err
	})
	if err := w.try(func(tx *store.Tx) error { return w.DeletePolicy(tx, testAccount, arn) }); !errors.As(err, &c) || c.Held != NounVersion {
		t.Error("policy with versions:", err)
	}
	// Other accounts do not see it.
	var nf *NotFound
	if err := w.try(func(tx *store.Tx) error { _, _, err := w.PolicyByARN(tx, "210987654321", arn); return err }); !errors.As(err, &nf) {
		t.Error(err)
	}
}

func TestAWSManagedPoliciesParse(t *testing.T) {
	seen := map[string]bool{}
	for p := range AWSPolicies() {
		if _, err := policy.Parse(p.Versions[0].Document.Text, policy.Identity); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		arn := p.ARN("aws")
		if m := managed.Find(arn); m == nil || m.ARN != arn || seen[p.ID] {
			t.Errorf("%s is not found, or its id repeats", arn)
		}
		seen[p.ID] = true
	}
	for _, name := range []string{"AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "service-role/AWSLambdaBasicExecutionRole", "job-function/ViewOnlyAccess"} {
		if managed.Find("arn:aws:iam::aws:policy/"+name) == nil {
			t.Errorf("no %s", name)
		}
	}
}

// Who is deleted and made again under the same name is someone else.
func TestTrustPoliciesAreBoundToWhoWasMeant(t *testing.T) {
	w := newWorld(t)
	u, key, _ := w.user("Bob")
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:user/Bob","123456789012"]},"Action":"sts:AssumeRole"}]}`
	r := w.role("Worker", trust)
	current := func() (text string) {
		w.do(func(tx *store.Tx) (err error) {
			r, err := w.Role(tx, testAccount, r.Name)
			if err != nil {
				return err
			}
			text, err = w.Current(tx, r.Trust, policy.Trust)
			return err
		})
		return text
	}
	if got := current(); !strings.Contains(got, `["arn:aws:iam::123456789012:user/Bob","arn:aws:iam::123456789012:root"]`) {
		t.Error(got)
	}
	w.do(func(tx *store.Tx) error { _, err := w.MoveUser(tx, testAccount, "Bob", "Rob", ""); return err })
	if got := current(); !strings.Contains(got, `user/Rob"`) {
		t.Error("renamed:", got)
	}
	w.do(func(tx *store.Tx) error {
		if err := w.DeleteAccessKey(tx, testAccount, u, key); err != nil {
			return err
		}
		return w.DeleteUser(tx, testAccount, "Rob")
	})
	w.user("Bob")
	if got := current(); !strings.Contains(got, `"`+u.ID+`"`) || strings.Contains(got, "user/Bob") {
		t.Error("deleted and made again:", got)
	}
}

func TestInvalidPrincipals(t *testing.T) {
	w := newWorld(t)
	w.role("Worker", trustsEC2)
	for text, ok := range map[string]bool{
		`{"AWS":"*"}`:                                                         true,
		`{"AWS":"123456789012"}`:                                              true,
		`{"AWS":"arn:aws:iam::123456789012:root"}`:                            true,
		`{"AWS":"arn:aws:iam::123456789012:role/Worker"}`:                     true,
		`{"AWS":"arn:aws:sts::123456789012:assumed-role/Worker/s"}`:           true,
		`{"Service":"lambda.amazonaws.com"}`:                                  true,
		`{"Federated":"arn:aws:iam::123456789012:oidc-provider/idp.example"}`: true,
		`{"Federated":"accounts.google.com"}`:                                 true,
		`{"AWS":"arn:aws:iam::123456789012:user/Nobody"}`:                     false,
		`{"AWS":"arn:aws:iam::123456789012:role/x/Worker"}`:                   false,
		`{"AWS":"arn:aws:iam::210987654321:root"}`:                            false,
		`{"AWS":"210987654321"}`:                                              false,
		`{"Service":"lambda.amazon"}`:                                         false,
		`{"Federated":"idp.example"}`:                                         false,
	} {
		d, err := policy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":`+text+`,"Action":"sts:*"}]}`, policy.Trust)
		if err == nil {
			err = w.try(func(tx *store.Tx) error { _, err := w.Bind(tx, d); return err })
		}
		if (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestServicesAssumeRoles(t *testing.T) {
	w := newWorld(t)
	w.role("Worker", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}]}`)
	assume := func(service, role, source string) error {
		return w.try(func(tx *store.Tx) error {
			p, err := w.AssumeFor(tx, service, "us-east-1", "arn:aws:iam::123456789012:role/"+role, "run", redoubt.Via{SourceAccount: source})
			if err == nil && p.ARN != "arn:aws:sts::123456789012:assumed-role/Worker/run" {
				t.Errorf("%+v", p)
			}
			return err
		})
	}
	if err := assume("lambda.amazonaws.com", "Worker", testAccount); err != nil {
		t.Error(err)
	}
	for _, bad := range [][3]string{{"ec2.amazonaws.com", "Worker", testAccount}, {"lambda.amazonaws.com", "Worker", "1"}, {"lambda.amazonaws.com", "None", testAccount}} {
		if err := assume(bad[0], bad[1], bad[2]); !errors.Is(err, ErrNotTrusted) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// RFC 6238, appendix B (SHA-1), the last six digits.
func TestTOTPVectors(t *testing.T) {
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"} {
		if got := Code([]byte("12345678901234567890"), at/30); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func TestMFACodesCountOnce(t *testing.T) {
	w := newWorld(t)
	u, _, _ := w.user("Bob")
	var serial string
	var seed []byte
	w.do(func(tx *store.Tx) error {
		d, s, err := w.CreateMFADevice(tx, testAccount, "phone", "/", nil)
		if err == nil {
			serial, seed = d.Serial, s
		}
		return err
	})
	code := func(d int64) string { return Code(seed, w.wall.Now().Unix()/30+d) }
	enable := func(a, b string) error {
		return w.try(func(tx *store.Tx) error { return w.EnableMFADevice(tx, testAccount, u.ID, serial, a, b) })
	}
	if err := enable(code(0), code(0)); !errors.Is(err, ErrCode) {
		t.Error("the same code twice:", err)
	}
	if err := enable(code(0), "000000"); !errors.Is(err, ErrCode) {
		t.Error("wrong second code:", err)
	}
	if err := enable(code(-1), code(0)); err != nil {
		t.Fatal(err)
	}
	check := func(c string) error {
		return w.try(func(tx *store.Tx) error { return w.CheckMFA(tx, testAccount, u.ID, serial, c) })
	}
	if err := check(code(0)); !errors.Is(err, ErrCode) {
		t.Error("a code that enabled the device:", err)
	}
	w.wall.Advance(time.Minute)
	if err := check(code(0)); err != nil {
		t.Error(err)
	}
	if err := check(code(0)); !errors.Is(err, ErrCode) {
		t.Error("a code twice:", err)
	}
	var nf *NotFound
	if err := w.try(func(tx *store.Tx) error { return w.CheckMFA(tx, testAccount, "AIDAOTHER", serial, code(1)) }); !errors.As(err, &nf) {
		t.Error("another user's device:", err)
	}
	w.wall.Advance(10 * time.Minute)
	for range maxGuesses {
		check("000000")
	}
	if err := check(code(0)); !errors.Is(err, ErrCode) {
		t.Error("after too many guesses:", err)
	}
	w.wall.Advance(guessWindow + time.Second)
	if err := check(code(0)); err != nil {
		t.Error("after the window:", err)
	}
}

func TestPasswords(t *testing.T) {
	w := newWorld(t)
	w.user("Bob")
	set := func(p string, fresh bool) error {
		return w.try(func(tx *store.Tx) error { _, err := w.SetPassword(tx, testAccount, "Bob", p, false, fresh); return err })
	}
	var weak *WeakPassword
	for _, p := range []string{"short1!", "alllowercase", "lower123", strings.Repeat("aA1", 50)} {
		if err := set(p, true); !errors.As(err, &weak) {
			t.Errorf("%q: %v", p, err)
		}
	}
	if err := set("Correct1", true); err != nil {
		t.Fatal(err)
	}
	w.do(func(tx *store.Tx) error {
		_, err := w.EditAccount(tx, testAccount, func(a *Account) error {
			a.PasswordPolicy = &PasswordPolicy{MinLength: 10, Symbols: true, ReusePrevention: 2}
			return nil
		})
		return err
	})
	if err := set("Correct12", false); !errors.As(err, &weak) {
		t.Error("too short for the policy:", err)
	}
	change := func(old, p string) error {
		return w.try(func(tx *store.Tx) error { return w.ChangePassword(tx, testAccount, "Bob", old, p) })
	}
	if err := change("wrong", "Correct-horse-1"); !errors.Is(err, ErrPassword) {
		t.Error(err)
	}
	if err := change("Correct1", "Correct-horse-1"); err != nil {
		t.Error(err)
	}
	if err := change("Correct-horse-1", "Correct-horse-1"); !errors.As(err, &weak) || weak.Rule != "reuse" {
		t.Error("the same again:", err)
	}
	w.do(func(tx *store.Tx) error {
		u, err := w.User(tx, testAccount, "Bob")
		if err == nil && (!u.Login.Matches("Correct-horse-1") || u.Login.Matches("Correct1")) {
			t.Error("not the new password")
		}
		return err
	})
}

func TestUsageIsWrittenInBatches(t *testing.T) {
	w := newWorld(t)
	u, key, _ := w.user("Bob")
	p := u.Principal(testAccount)
	p.AccessKeyID = key
	w.Touch(&p, "kms", "Encrypt", "eu-west-1")
	w.clock.Advance(time.Minute)
	w.Touch(&p, "kms", "Decrypt", "us-east-1")
	use := func() (k *KeyUse, a map[string]*Access) {
		w.do(func(tx *store.Tx) (err error) {
			if k, err = w.KeyUse(tx, testAccount, key); err == nil {
				a, err = w.Accesses(tx, testAccount, u.ID)
			}
			return err
		})
		return k, a
	}
	if k, _ := use(); k != nil {
		t.Error("written at once")
	}
	if err := w.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	k, a := use()
	if k == nil || k.Service != "kms" || k.Region != "us-east-1" || !k.Time.Equal(w.clock.Now()) {
		t.Errorf("%+v", k)
	}
	if len(a) != 1 || len(a["kms"].Actions) != 2 || a["kms"].Region != "us-east-1" {
		t.Errorf("%+v", a["kms"])
	}
	// Root, services and strangers leave no key.
	root := RootPrincipal(testAccount)
	w.Touch(&root, "kms", "Encrypt", "us-east-1")
	w.Touch(&redoubt.Principal{Kind: redoubt.Service, ARN: "s3.amazonaws.com"}, "kms", "Encrypt", "us-east-1")
	if err := w.Flush(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestIssuerSignsTokens(t *testing.T) {
	w := newWorld(t)
	var s *Issuer
	w.do(func(tx *store.Tx) (err error) { s, err = w.SetIssuer(tx, testAccount, true); return err })
	keys, err := oidc.ParseKeys(s.Public)
	if err != nil || len(keys) != 2 {
		t.Fatal(err, len(keys))
	}
	if _, ok := keys[0].Public.(*rsa.PublicKey); !ok {
		t.Errorf("%T", keys[0].Public)
	}
	for _, alg := range []string{"RS256", "ES384"} {
		text, err := w.SignToken(s, alg, map[string]any{"iss": w.IssuerURL(s), "sub": "me", "aud": "you", "exp": time.Now().Unix() + 60})
		if err != nil {
			t.Fatal(err)
		}
		tok, err := oidc.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := tok.Verify(keys); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		parts := strings.Split(text, ".")
		body, _ := base64.RawURLEncoding.DecodeString(parts[1])
		parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(body), "me", "it", 1)))
		if tok, err = oidc.Parse(strings.Join(parts, ".")); err == nil {
			err = tok.Verify(keys)
		}
		if !errors.Is(err, oidc.ErrSignature) {
			t.Errorf("%s, changed: %v", alg, err)
		}
	}
	var d struct{ Issuer string }
	b, err := w.Discovery(s)
	if err != nil || json.Unmarshal(b, &d) != nil || d.Issuer != "https://issuer.example/oidc/"+s.ID {
		t.Errorf("%s, %v", b, err)
	}
}

func TestRefusalsAreReadInTheirAccountOnly(t *testing.T) {
	w := newWorld(t)
	m, err := w.EncodeRefusal(testAccount, `{"allowed":false}`)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := w.DecodeRefusal(testAccount, m); err != nil || text != `{"allowed":false}` {
		t.Error(text, err)
	}
	for _, bad := range [][2]string{{"210987654321", m}, {testAccount, m + "x"}, {testAccount, "%"}} {
		if text, err := w.DecodeRefusal(bad[0], bad[1]); err == nil && text == `{"allowed":false}` {
			t.Errorf("%v is read", bad)
		}
	}
}

func FuzzToken(f *testing.F) {
	w := newWorld(f)
	f.Add("AKIAIOSFODNN7EXAMPLE", "AQ==")
	f.Fuzz(func(t *testing.T, id, token string) {
		if c, err := w.credential(id, token); err == nil {
			t.Errorf("%q with %q is %s", id, token, c.Principal.ARN)
		}
	})
}
