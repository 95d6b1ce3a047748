package identity

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

const testAccount = "123456789012"

// xorSealer binds purpose and aad like a keyring, with no strength at all.
type xorSealer struct{}

func (xorSealer) Seal(purpose string, aad, plain []byte) ([]byte, error) {
	out := append([]byte(purpose+"\x00"+string(aad)+"\x00"), plain...)
	for i := range out {
		out[i] ^= 0x5a
	}
	return out, nil
}

func (xorSealer) Open(purpose string, aad, blob []byte) ([]byte, error) {
	b := bytes.Clone(blob)
	for i := range b {
		b[i] ^= 0x5a
	}
	plain, ok := bytes.CutPrefix(b, []byte(purpose+"\x00"+string(aad)+"\x00"))
	if !ok {
		return nil, keyring.ErrDamaged
	}
	return plain, nil
}

type world struct {
	*Identity
	t     testing.TB
	db    *store.DB
	clock *redoubt.Shifted
	wall  *redoubt.Shifted
}

func newWorld(t testing.TB) *world {
	clock := redoubt.NewFixed(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	wall := redoubt.NewFixed(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	db := store.Open(memory.New(), 0)
	w := &world{t: t, db: db, clock: clock, wall: wall}
	w.Identity = New(Config{DB: db, Keys: xorSealer{}, Clock: clock, Wall: wall, PasswordRounds: 10, IssuerBase: "https://issuer.example/oidc"})
	w.do(func(tx *store.Tx) error {
		_, err := w.CreateAccount(tx, testAccount, "test")
		return err
	})
	return w
}

// do runs f in a transaction of its own and expects it to work.
func (w *world) do(f func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.try(f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) try(f func(tx *store.Tx) error) error {
	return w.db.Run(context.Background(), func(ctx context.Context) error { return f(store.From(ctx)) })
}

func (w *world) user(name string) (u *User, key, secret string) {
	w.t.Helper()
	w.do(func(tx *store.Tx) error {
		made, err := w.CreateUser(tx, testAccount, User{Name: name, Path: "/"})
		if err != nil {
			return err
		}
		k, s, err := w.CreateAccessKey(tx, testAccount, made)
		if err != nil {
			return err
		}
		u, key, secret = made, k.ID, s
		return nil
	})
	return u, key, secret
}

const trustsEC2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func (w *world) role(name, trust string) (r *Role) {
	w.t.Helper()
	w.do(func(tx *store.Tx) error {
		d, err := policy.Parse(trust, policy.Trust)
		if err != nil {
			return err
		}
		b, err := w.Bind(tx, d)
		if err != nil {
			return err
		}
		r, err = w.CreateRole(tx, testAccount, Role{Name: name, Path: "/", MaxSession: 3600, Trust: b})
		return err
	})
	return r
}

func TestAccountOfKnowsAWSIDs(t *testing.T) {
	// A published pair of key id and account.
	if got := AccountOf("ASIAY34FZKBOKMUTVV7A"); got != "609629065308" {
		t.Errorf("account %q", got)
	}
	for _, account := range []string{"000000000001", "123456789012", "999999999999"} {
		for _, prefix := range []string{prefixAccessKey, prefixTemporary, prefixUser, prefixRole} {
			id := newID(prefix, account)
			if AccountOf(id) != account {
				t.Errorf("%s: account %q, want %q", id, AccountOf(id), account)
			}
			if want := 20; (prefix == prefixUser || prefix == prefixRole) && len(id) != want+1 || prefix[:3] == "AKI" && len(id) != want {
				t.Errorf("%s has %d characters", id, len(id))
			}
		}
	}
	for _, bad := range []string{"", "AKIA", "AKIA0000000000000000", strings.Repeat("!", 20)} {
		if got := AccountOf(bad); got != "" {
			t.Errorf("%q: account %q", bad, got)
		}
	}
}

func TestCredentialOfAccessKey(t *testing.T) {
	w := newWorld(t)
	u, key, secret := w.user("Bob")
	w.do(func(tx *store.Tx) error {
		c, err := w.Credential(tx, key, "")
		if err != nil {
			return err
		}
		if string(c.Secret) != secret {
			t.Error("another secret")
		}
		if c.Principal.ARN != "arn:aws:iam::123456789012:user/Bob" || c.Principal.ID != u.ID || c.Principal.Kind != redoubt.User || c.Principal.AccessKeyID != key {
			t.Errorf("%+v", c.Principal)
		}
		return nil
	})
	refused := func(what string, want error, token string) {
		t.Helper()
		err := w.try(func(tx *store.Tx) error { _, err := w.Credential(tx, key, token); return err })
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	refused("long-lived key with a token", ErrTokenInvalid, "AQ==")
	w.do(func(tx *store.Tx) error { return w.SetAccessKeyActive(tx, testAccount, u, key, false) })
	refused("inactive", ErrInactiveKey, "")
	w.do(func(tx *store.Tx) error { return w.DeleteAccessKey(tx, testAccount, u, key) })
	refused("deleted", ErrUnknownKey, "")
}

func TestSecretsAreSealedInTheStore(t *testing.T) {
	w := newWorld(t)
	_, _, secret := w.user("Bob")
	planted := false
	_ = w.try(func(tx *store.Tx) error {
		planted = false
		if err := tx.Put("identity.account/marker", []byte(`{"Name":"MARKER-`+secret+`"}`)); err != nil {
			return err
		}
		for kv, err := range tx.Scan(store.Range{}, false) {
			if err != nil {
				return err
			}
			if bytes.Contains(kv.Value, []byte(secret)) {
				if bytes.Contains(kv.Value, []byte("MARKER-")) {
					planted = true
					continue
				}
				t.Errorf("%s holds the secret in the clear", kv.Key)
			}
		}
		return errors.New("not to be kept")
	})
	if !planted {
		t.Error("the search does not find what was planted")
	}
}
