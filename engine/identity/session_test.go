package identity

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

func (w *world) session(r *Role, s redoubt.Session) *Temporary {
	w.t.Helper()
	s.Issued = w.clock.Now()
	s.Expires = s.Issued.Add(time.Hour)
	p := r.Session(testAccount, &s)
	tmp, err := w.Issue(&p)
	if err != nil {
		w.t.Fatal(err)
	}
	return tmp
}

func (w *world) credential(id, token string) (c *Credential, err error) {
	err = w.try(func(tx *store.Tx) error { c, err = w.Credential(tx, id, token); return err })
	return c, err
}

func TestSessionOfRole(t *testing.T) {
	w := newWorld(t)
	r := w.role("Worker", trustsEC2)
	w.do(func(tx *store.Tx) error {
		_, err := w.EditRole(tx, testAccount, "Worker", func(r *Role) error { r.Tags = Tags{"team": "a", "stage": "x"}; return nil })
		return err
	})
	tmp := w.session(r, redoubt.Session{Name: "s1", Tags: map[string]string{"Team": "b"}, SourceIdentity: "alice"})
	if !strings.HasPrefix(tmp.AccessKeyID, "ASIA") || AccountOf(tmp.AccessKeyID) != testAccount {
		t.Errorf("key id %s", tmp.AccessKeyID)
	}
	c, err := w.credential(tmp.AccessKeyID, tmp.Token)
	if err != nil {
		t.Fatal(err)
	}
	p := c.Principal
	if string(c.Secret) != tmp.Secret || p.ARN != "arn:aws:sts::123456789012:assumed-role/Worker/s1" || p.ID != r.ID+":s1" ||
		p.Issuer != "arn:aws:iam::123456789012:role/Worker" || p.Session.SourceIdentity != "alice" {
		t.Errorf("%+v", p)
	}
	// Session tags replace the role's, whatever their case.
	if len(p.Tags) != 2 || p.Tags["Team"] != "b" || p.Tags["stage"] != "x" {
		t.Errorf("tags %v", p.Tags)
	}
}

func TestTokenIsBoundAndAuthentic(t *testing.T) {
	w := newWorld(t)
	r := w.role("Worker", trustsEC2)
	a, b := w.session(r, redoubt.Session{Name: "a"}), w.session(r, redoubt.Session{Name: "b"})
	raw, _ := base64.StdEncoding.DecodeString(a.Token)
	raw[len(raw)/2] ^= 1
	for what, got := range map[string][2]string{
		"token of another key": {a.AccessKeyID, b.Token},
		"key without token":    {a.AccessKeyID, ""},
		"no base64":            {a.AccessKeyID, "%%%"},
		"other version":        {a.AccessKeyID, base64.StdEncoding.EncodeToString(append([]byte{9}, raw[1:]...))},
		"flipped bit":          {a.AccessKeyID, base64.StdEncoding.EncodeToString(raw)},
		"with line ends":       {a.AccessKeyID, a.Token[:8] + "\r\n" + a.Token[8:]},
		"too long":             {a.AccessKeyID, strings.Repeat("A", maxToken+1)},
		"empty blob":           {a.AccessKeyID, base64.StdEncoding.EncodeToString([]byte{1})},
	} {
		_, err := w.credential(got[0], got[1])
		want := ErrTokenInvalid
		if got[1] == "" {
			want = ErrUnknownKey
		}
		// The test's sealer does not notice a flipped bit in the plaintext; JSON may.
		if !errors.Is(err, want) && what != "flipped bit" {
			t.Errorf("%s: %v", what, err)
		}
	}
	// Once it is remembered, a token still belongs to its key only.
	if _, err := w.credential(a.AccessKeyID, a.Token); err != nil {
		t.Fatal(err)
	}
	if _, err := w.credential(b.AccessKeyID, a.Token); !errors.Is(err, ErrTokenInvalid) {
		t.Error(err)
	}
}

func TestSessionEnds(t *testing.T) {
	w := newWorld(t)
	r := w.role("Worker", trustsEC2)
	tmp := w.session(r, redoubt.Session{Name: "s"})
	w.clock.Advance(time.Hour - time.Second)
	if _, err := w.credential(tmp.AccessKeyID, tmp.Token); err != nil {
		t.Error("a second before its end:", err)
	}
	w.clock.Advance(time.Second)
	if _, err := w.credential(tmp.AccessKeyID, tmp.Token); !errors.Is(err, ErrTokenExpired) {
		t.Error("at its end:", err)
	}
	tmp = w.session(r, redoubt.Session{Name: "s"})
	w.do(func(tx *store.Tx) error { return w.DeleteRole(tx, testAccount, "Worker") })
	if _, err := w.credential(tmp.AccessKeyID, tmp.Token); !errors.Is(err, ErrTokenInvalid) {
		t.Error("role deleted:", err)
	}
	w.role("Worker", trustsEC2)
	if _, err := w.credential(tmp.AccessKeyID, tmp.Token); !errors.Is(err, ErrTokenInvalid) {
		t.Error("another role of that name:", err)
	}
}

// As in AWS, a session outlives the access key that made it, but not the user.
func TestSessionOfUserOutlivesKey(t *testing.T) {
	w := newWorld(t)
	u, key, _ := w.user("Bob")
	p := u.Principal(testAccount)
	p.Session = &redoubt.Session{Issued: w.clock.Now(), Expires: w.clock.Now().Add(time.Hour), MFA: true, MFATime: w.clock.Now()}
	tmp, err := w.Issue(&p)
	if err != nil {
		t.Fatal(err)
	}
	w.do(func(tx *store.Tx) error { return w.DeleteAccessKey(tx, testAccount, u, key) })
	c, err := w.credential(tmp.AccessKeyID, tmp.Token)
	if err != nil || !c.Principal.Session.MFA || c.Principal.Kind != redoubt.User {
		t.Errorf("%+v, %v", c, err)
	}
	w.do(func(tx *store.Tx) error { return w.DeleteUser(tx, testAccount, "Bob") })
	if _, err := w.credential(tmp.AccessKeyID, tmp.Token); !errors.Is(err, ErrTokenInvalid) {
		t.Error(err)
	}
}

func TestLargeTokensAreCompressed(t *testing.T) {
	w := newWorld(t)
	r := w.role("Worker", trustsEC2)
	text := `{"Version":"2012-10-17","Statement":[` + strings.TrimSuffix(strings.Repeat(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"},`, 30), ",") + `]}`
	tmp := w.session(r, redoubt.Session{Name: "s", Policies: []string{text}})
	if len(tmp.Token) > len(text) {
		t.Errorf("token of %d characters for a policy of %d", len(tmp.Token), len(text))
	}
	c, err := w.credential(tmp.AccessKeyID, tmp.Token)
	if err != nil || len(c.Principal.Session.Policies) != 1 || c.Principal.Session.Policies[0] != text {
		t.Errorf("%v", err)
	}
}

func TestPoliciesOfPrincipals(t *testing.T) {
	w := newWorld(t)
	const text = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	admin := "arn:aws:iam::aws:policy/AdministratorAccess"
	u, key, _ := w.user("Bob")
	w.do(func(tx *store.Tx) error {
		if _, err := w.CreateGroup(tx, testAccount, "Devs", "/"); err != nil {
			return err
		}
		if err := w.JoinGroup(tx, testAccount, "Bob", "Devs"); err != nil {
			return err
		}
		if err := w.Attach(tx, testAccount, Ref{NounGroup, "Devs"}, admin); err != nil {
			return err
		}
		if err := w.PutInline(tx, testAccount, Ref{NounUser, "Bob"}, "own", text); err != nil {
			return err
		}
		p, err := w.CreatePolicy(tx, testAccount, "Edge", "/", "", text, nil)
		if err != nil {
			return err
		}
		return w.SetUserBoundary(tx, testAccount, "Bob", p.ARN(testAccount))
	})
	c, err := w.credential(key, "")
	if err != nil {
		t.Fatal(err)
	}
	w.do(func(tx *store.Tx) error {
		s, err := w.Policies(tx, &c.Principal)
		if err != nil {
			return err
		}
		if len(s.Identity) != 2 || s.Identity[0].Name != "own" || s.Identity[0].Attached != u.ARN(testAccount) ||
			s.Identity[1].Name != admin || s.Identity[1].Attached != "arn:aws:iam::123456789012:group/Devs" {
			t.Errorf("%+v", s.Identity)
		}
		if s.Boundary == nil || s.Boundary.Kind != policy.Boundary || s.Boundary.Name != "arn:aws:iam::123456789012:policy/Edge" {
			t.Errorf("%+v", s.Boundary)
		}
		if s.Session != nil {
			t.Error("session policies of a long-lived key")
		}
		return nil
	})
	// A federated session without session policies may do nothing.
	f := FederatedPrincipal(testAccount, "guest", u, &redoubt.Session{})
	r := w.role("Worker", trustsEC2)
	p := r.Session(testAccount, &redoubt.Session{Name: "s", Policies: []string{text}, PolicyARNs: []string{admin, "arn:aws:iam::123456789012:policy/Gone"}})
	w.do(func(tx *store.Tx) error {
		s, err := w.Policies(tx, &f)
		if err != nil {
			return err
		}
		if len(s.Identity) != 2 || s.Session == nil || len(s.Session) != 0 {
			t.Errorf("federated: %+v", s)
		}
		if s, err = w.Policies(tx, &p); err != nil {
			return err
		}
		if len(s.Identity) != 0 || len(s.Session) != 2 {
			t.Errorf("role: %+v", s)
		}
		return nil
	})
}

func BenchmarkCredentialAndPolicies(b *testing.B) {
	w := newWorld(b)
	_, key, _ := w.user("Bob")
	w.do(func(tx *store.Tx) error {
		if _, err := w.CreateGroup(tx, testAccount, "Devs", "/"); err != nil {
			return err
		}
		if err := w.JoinGroup(tx, testAccount, "Bob", "Devs"); err != nil {
			return err
		}
		if err := w.Attach(tx, testAccount, Ref{NounUser, "Bob"}, "arn:aws:iam::aws:policy/ReadOnlyAccess"); err != nil {
			return err
		}
		return w.Attach(tx, testAccount, Ref{NounGroup, "Devs"}, "arn:aws:iam::aws:policy/AdministratorAccess")
	})
	b.ReportAllocs()
	for b.Loop() {
		tx := w.db.Begin()
		c, err := w.Credential(tx, key, "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Policies(tx, &c.Principal); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSessionCredential(b *testing.B) {
	w := newWorld(b)
	r := w.role("Worker", trustsEC2)
	tmp := w.session(r, redoubt.Session{Name: "s"})
	b.ReportAllocs()
	for b.Loop() {
		tx := w.db.Begin()
		c, err := w.Credential(tx, tmp.AccessKeyID, tmp.Token)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Policies(tx, &c.Principal); err != nil {
			b.Fatal(err)
		}
	}
}
