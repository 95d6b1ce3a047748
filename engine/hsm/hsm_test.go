package hsm

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/keystore"
	"github.com/redoubt-sec/redoubt/engine/pkcs11"
	"github.com/redoubt-sec/redoubt/engine/pkcs11/softhsm"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

const (
	account   = "123456789012"
	region    = "us-east-1"
	clusterID = "cluster-abcdefghijk"
	keyID     = "1234abcd-12ab-34cd-56ef-1234567890ab"
)

var (
	ctx     = context.Background()
	request = keystore.Request{Operation: "Encrypt"}
	key     = keystore.Key{ID: keyID, Backing: keyID}
)

// authority is a customer's certificate authority.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	PEM  string
}

var start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func newAuthority(t *testing.T) *authority {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "customer"}, NotBefore: start.Add(-time.Hour), NotAfter: start.Add(3652 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	return &authority{t, cert, key, encode(der)}
}

func (a *authority) issue(public crypto.PublicKey, until time.Time) string {
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "cluster"}, NotBefore: start.Add(-time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return encode(der)
}

func encode(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

type fixture struct {
	*Engine
	module   *pkcs11.Module // that initialised SoftHSM in this process
	db       *store.DB
	clock    *redoubt.Shifted
	ca       *authority
	settings *keystore.Settings
}

// open makes an engine over a SoftHSM token that is configured with a trust
// anchor.
func open(t *testing.T, change func(*Token)) *fixture {
	t.Helper()
	return reopen(t, &fixture{module: softhsm.New(t), db: store.Open(memory.New(), 0), clock: redoubt.NewFixed(start), ca: newAuthority(t)}, change)
}

// reopen makes another engine over the same token and store: another process.
func reopen(t *testing.T, from *fixture, change func(*Token)) *fixture {
	t.Helper()
	token := Token{Module: softhsm.Path(t), Label: softhsm.Label, TrustAnchor: []byte(from.ca.PEM)}
	if change != nil {
		change(&token)
	}
	e, err := New(Config{Tokens: map[string]Token{clusterID: token}, DB: from.db, Clock: from.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return &fixture{e, from.module, from.db, from.clock, from.ca, &keystore.Settings{
		ID: "cks-1", Account: account, Region: region, Cluster: clusterID, TrustAnchor: from.ca.PEM, Password: softhsm.PIN,
	}}
}

// with answers the settings changed.
func (f *fixture) with(change func(*keystore.Settings)) *keystore.Settings {
	s := *f.settings
	change(&s)
	return &s
}

func TestKeyStore(t *testing.T) {
	f := open(t, nil)
	s := f.settings
	if err := f.Check(ctx, s, nil, request); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		s    *keystore.Settings
		want *keystore.Failure
	}{
		"unknown cluster":    {f.with(func(s *keystore.Settings) { s.Cluster = "cluster-zzzzzzzzzzz" }), keystore.ClusterNotFound},
		"other trust anchor": {f.with(func(s *keystore.Settings) { s.TrustAnchor = newAuthority(t).PEM }), keystore.WrongTrustAnchor},
		"no certificate":     {f.with(func(s *keystore.Settings) { s.TrustAnchor = "x" }), keystore.WrongTrustAnchor},
	} {
		if err := f.Check(ctx, c.s, nil, request); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := f.Connect(ctx, c.s, request); !errors.Is(err, c.want) {
			t.Errorf("connecting, %s: %v", what, err)
		}
	}
	if _, err := f.Connect(ctx, f.with(func(s *keystore.Settings) { s.Password = "wrong password" }), request); !errors.Is(err, keystore.WrongPassword) {
		t.Error("wrong password:", err)
	}
	if changed, err := f.Connect(ctx, f.with(func(s *keystore.Settings) { s.NextPassword = "another password" }), request); err != nil || changed {
		t.Fatal(changed, err)
	}

	for range 2 { // a call that starts over
		if id, err := f.Create(ctx, s, request, keystore.Key{ID: keyID}); err != nil || id != keyID {
			t.Fatal(id, err)
		}
	}
	sealed, err := f.Encrypt(ctx, s, request, key, []byte("attack at dawn"), []byte("ctx"))
	if err != nil {
		t.Fatal(err)
	}
	if len(sealed) > len("attack at dawn")+keystore.Overhead || bytes.Contains(sealed, []byte("dawn")) {
		t.Errorf("%x", sealed)
	}
	got, err := f.Decrypt(ctx, s, request, key, sealed, []byte("ctx"))
	if err != nil || string(got) != "attack at dawn" {
		t.Fatal(string(got), err)
	}
	large := bytes.Repeat([]byte("x"), 4096)
	if sealed, err := f.Encrypt(ctx, s, request, key, large, nil); err != nil {
		t.Error(err)
	} else if got, err := f.Decrypt(ctx, s, request, key, sealed, nil); err != nil || !bytes.Equal(got, large) {
		t.Error(err)
	}
	if _, err := f.Decrypt(ctx, s, request, key, sealed, []byte("other")); !errors.Is(err, keystore.NotOurs) {
		t.Error("other context:", err)
	}
	if _, err := f.Decrypt(ctx, s, request, keystore.Key{ID: strings.Replace(keyID, "1", "2", 1), Backing: keyID}, sealed, []byte("ctx")); !errors.Is(err, keystore.NotOurs) {
		t.Error("as another KMS key:", err)
	}
	bad := bytes.Clone(sealed)
	bad[len(bad)-1] ^= 1
	for _, c := range [][]byte{bad, sealed[:20], nil} {
		if _, err := f.Decrypt(ctx, s, request, key, c, []byte("ctx")); !errors.Is(err, keystore.NotOurs) {
			t.Errorf("%d bytes: %v", len(c), err)
		}
	}
	if b, err := f.Random(ctx, s, 32); err != nil || len(b) != 32 || bytes.Equal(b, make([]byte, 32)) {
		t.Error(b, err)
	}
	// The key is in the token, and only there.
	if err := f.use(s, func(tok *pkcs11.Token) error {
		k, err := tok.AES(ctx, []byte(keyID))
		if err == nil && (k.Extractable || k.Label != keyID) {
			t.Errorf("%+v", k)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	// Another process, same token: finds the key by what is on record.
	other := reopen(t, f, nil)
	if got, err := other.Decrypt(ctx, s, request, key, sealed, []byte("ctx")); err != nil || string(got) != "attack at dawn" {
		t.Error("another engine:", err)
	}

	f.Disconnect(s.ID)
	if len(f.logins) != 0 {
		t.Error("still logged in after disconnecting")
	}
	for range 2 { // deleting twice is deleting
		if err := f.Destroy(ctx, s, key); err != nil {
			t.Error(err)
		}
	}
	if _, err := f.Decrypt(ctx, s, request, key, sealed, []byte("ctx")); !errors.Is(err, keystore.KeyGone) {
		t.Error("after its deletion:", err)
	}
}

// PKCS #11 logs a process in once: whoever comes second must show the password
// all the same.
func TestSecondStoreOnAToken(t *testing.T) {
	f := open(t, nil)
	if _, err := f.Connect(ctx, f.settings, request); err != nil {
		t.Fatal(err)
	}
	other := f.with(func(s *keystore.Settings) { s.ID, s.Account, s.Password = "cks-2", "999999999999", "guessed password" })
	if _, err := f.Connect(ctx, other, request); !errors.Is(err, keystore.WrongPassword) {
		t.Fatal("a wrong password on a token that is logged into:", err)
	}
	if _, err := f.Encrypt(ctx, other, request, key, []byte("x"), nil); !errors.Is(err, keystore.WrongPassword) {
		t.Fatal(err)
	}
	if _, err := f.Random(ctx, f.settings, 1); err != nil {
		t.Error("the first store suffers:", err)
	}
	other.Password = softhsm.PIN
	if _, err := f.Connect(ctx, other, request); err != nil {
		t.Error(err)
	}
	f.Disconnect("cks-1")
	if _, err := f.Random(ctx, other, 1); err != nil {
		t.Error("the second store suffers:", err)
	}
}

func TestPasswordRotation(t *testing.T) {
	rotating := func(k *Token) { k.RotatePassword, k.Account, k.Region = true, account, region }
	f := open(t, rotating)
	s := f.with(func(s *keystore.Settings) { s.NextPassword = "the next password" })
	if changed, err := f.Connect(ctx, s, request); err != nil || !changed {
		t.Fatal(changed, err)
	}
	// A server that stopped here would find the old password on record.
	f.Close()
	again := reopen(t, f, rotating)
	if changed, err := again.Connect(ctx, s, request); err != nil || !changed {
		t.Fatal("after a crash:", changed, err)
	}
	now := f.with(func(s *keystore.Settings) { s.Password = "the next password" })
	if _, err := again.Random(ctx, now, 1); err != nil {
		t.Error(err)
	}
	again.Close()
	third := reopen(t, f, nil)
	if _, err := third.Connect(ctx, f.settings, request); !errors.Is(err, keystore.WrongPassword) {
		t.Error("the old password:", err)
	}
	if changed, err := third.Connect(ctx, now, request); err != nil || changed {
		t.Error("the new password:", changed, err)
	}
}

// Tokens lock after a few wrong PINs: calls that use keys do not try one twice.
func TestRefusedPasswordIsNotTriedAgain(t *testing.T) {
	f := open(t, nil)
	s := f.with(func(s *keystore.Settings) { s.Password = "not yet the PIN" })
	if _, err := f.Random(ctx, s, 1); !errors.Is(err, keystore.WrongPassword) {
		t.Fatal(err)
	}
	// The operator gives the token that PIN: only connecting finds out.
	tok, err := f.module.Open(softhsm.Label, softhsm.Is(softhsm.PIN))
	if err != nil {
		t.Fatal(err)
	}
	if err := tok.SetPIN(ctx, []byte(softhsm.PIN), []byte(s.Password)); err != nil {
		t.Fatal(err)
	}
	if err := tok.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Random(ctx, s, 1); !errors.Is(err, keystore.WrongPassword) {
		t.Error("it was tried again:", err)
	}
	if _, err := f.Connect(ctx, s, request); err != nil {
		t.Error(err)
	}
	if _, err := f.Random(ctx, s, 1); err != nil {
		t.Error(err)
	}
}

func TestPINFromConfiguration(t *testing.T) {
	f := open(t, func(k *Token) { k.PIN = softhsm.Is(softhsm.PIN) })
	s := f.with(func(s *keystore.Settings) { s.Password = "not the PIN" })
	if _, err := f.Connect(ctx, s, request); err != nil {
		t.Error(err)
	}
}

func TestTokenThatGoesAndComesBack(t *testing.T) {
	f := open(t, nil)
	s := f.settings
	if _, err := f.Connect(ctx, s, request); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Create(ctx, s, request, keystore.Key{ID: keyID}); err != nil {
		t.Fatal(err)
	}
	sealed, err := f.Encrypt(ctx, s, request, key, []byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	// SoftHSM looks for its tokens when it starts: without them, a restart of the
	// module is a token pulled.
	dir := filepath.Dir(os.Getenv("SOFTHSM2_CONF"))
	away := filepath.Join(t.TempDir(), "away")
	if err := os.MkdirAll(away, 0o700); err != nil {
		t.Fatal(err)
	}
	move := func(from, to string) {
		list, _ := filepath.Glob(filepath.Join(from, "*-*-*"))
		if len(list) == 0 {
			t.Fatal("no token in", from)
		}
		for _, p := range list {
			if err := os.Rename(p, filepath.Join(to, filepath.Base(p))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.module.Close(); err != nil {
		t.Fatal(err)
	}
	move(dir, away)
	without, err := pkcs11.Load(softhsm.Path(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Decrypt(ctx, s, request, key, sealed, nil); !errors.Is(err, keystore.TokenAway) {
		t.Error("while the token is away:", err)
	}
	f.db.Run(ctx, func(ctx context.Context) error {
		v, err := f.Find(store.From(ctx), account, region, clusterID)
		if err != nil || v.State != Degraded || v.Message == "" {
			t.Errorf("%+v %v", v, err)
		}
		return nil
	})
	if err := f.Check(ctx, s, nil, request); !errors.Is(err, keystore.ClusterNotActive) {
		t.Error(err)
	}
	move(away, dir)
	if err := without.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Decrypt(ctx, s, request, key, sealed, nil); err != nil || string(got) != "x" {
		t.Error("after the token came back:", err)
	}
}

func TestSettings(t *testing.T) {
	_, err := New(Config{Tokens: map[string]Token{
		"cluster-1":           {Module: "softhsm.so", Label: "a"},
		"cluster-aaaaaaaaaaa": {Module: "/m", Label: "a", TrustAnchor: []byte("x")},
		"cluster-bbbbbbbbbbb": {Module: "/m", Label: "a", RotatePassword: true, PIN: softhsm.Is("1")},
	}})
	for _, want := range []string{"cluster-1: a cluster id", "absolute path", "trust-anchor", "same token", "pin-file", "account and region"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told: %v", want, err)
		}
	}
}
