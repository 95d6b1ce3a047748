package hsm

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/keystore"
	"github.com/redoubt-sec/redoubt/engine/pkcs11/softhsm"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

// run runs f in a transaction and answers its error.
func (f *fixture) run(g func(tx *store.Tx) error) error {
	return f.db.Run(ctx, func(ctx context.Context) error { return g(store.From(ctx)) })
}

func (f *fixture) state(t *testing.T) (state string, hsms []string) {
	t.Helper()
	if err := f.run(func(tx *store.Tx) error {
		v, err := f.Find(tx, account, region, clusterID)
		if err != nil {
			return err
		}
		state, hsms = v.State, nil
		for _, h := range v.HSMs {
			hsms = append(hsms, h.State)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return state, hsms
}

func TestLifeOfACluster(t *testing.T) {
	f := open(t, func(k *Token) { k.TrustAnchor, k.Account = nil, account })
	zone := func(z string) string { return region + z }
	claim := func(account string) (v *View, err error) {
		err = f.run(func(tx *store.Tx) error {
			v, err = f.Claim(tx, account, region, Cluster{HSMType: "hsm2m.medium", Subnets: map[string]string{zone("a"): "subnet-1", zone("b"): "subnet-2"}}, []Tag{{"k", "v"}})
			return err
		})
		return v, err
	}
	addHSM := func(z, call string) error {
		return f.run(func(tx *store.Tx) error {
			_, err := f.AddHSM(tx, account, region, clusterID, zone(z), "", call)
			return err
		})
	}
	initialize := func(cert, anchor string) error {
		return f.run(func(tx *store.Tx) error {
			_, err := f.Initialize(tx, account, region, clusterID, cert, anchor)
			return err
		})
	}
	expect := func(what, want string, hsms ...string) {
		t.Helper()
		if got, have := f.state(t); got != want || strings.Join(have, " ") != strings.Join(hsms, " ") {
			t.Errorf("%s: %s %v", what, got, have)
		}
	}
	var refusal Refusal

	if err := f.run(func(tx *store.Tx) error { _, err := f.Find(tx, account, region, clusterID); return err }); !errors.Is(err, ErrNoCluster) {
		t.Error("before it was created:", err)
	}
	if _, err := claim("999999999999"); !errors.Is(err, ErrNoToken) {
		t.Error("a token of another account:", err)
	}
	v, err := claim(account)
	if err != nil || v.ID != clusterID || v.State != Creating || len(v.Tags) != 1 {
		t.Fatal(v, err)
	}
	if _, err := claim(account); !errors.Is(err, ErrNoToken) {
		t.Error("the token twice:", err)
	}
	if err := addHSM("a", "1"); !errors.As(err, &refusal) {
		t.Error("an HSM while the cluster is being created:", err)
	}
	f.clock.Advance(passage)
	expect("created", Uninitialized)
	if err := initialize(f.ca.PEM, f.ca.PEM); !errors.As(err, &refusal) {
		t.Error("without an HSM:", err)
	}
	if err := addHSM("c", "1"); !errors.As(err, &refusal) {
		t.Error("a zone without subnet:", err)
	}
	if err := addHSM("a", "1"); err != nil {
		t.Fatal(err)
	}
	expect("first HSM", Uninitialized, Creating)
	if err := addHSM("b", "2"); !errors.As(err, &refusal) {
		t.Error("a second HSM before it is initialized:", err)
	}
	f.clock.Advance(passage)
	expect("first HSM is up", Uninitialized, Active)

	var csr *x509.CertificateRequest
	f.run(func(tx *store.Tx) error {
		v, _ := f.Find(tx, account, region, clusterID)
		block, _ := pem.Decode([]byte(v.CSR))
		if csr, err = x509.ParseCertificateRequest(block.Bytes); err != nil || csr.CheckSignature() != nil {
			t.Fatal("the signing request:", err)
		}
		return nil
	})
	year := start.Add(365 * 24 * time.Hour)
	own, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	good := f.ca.issue(csr.PublicKey, year)
	for what, c := range map[string][2]string{
		"another key":             {f.ca.issue(own.Public(), year), f.ca.PEM},
		"another issuer":          {newAuthority(t).issue(csr.PublicKey, year), f.ca.PEM},
		"anchor not its own":      {good, good},
		"expired":                 {f.ca.issue(csr.PublicKey, start), f.ca.PEM},
		"no certificate":          {"x", f.ca.PEM},
		"no anchor":               {good, "x"},
		"two certificates":        {good + good, f.ca.PEM},
		"anchor of the same name": {good, newAuthority(t).PEM},
	} {
		if err := initialize(c[0], c[1]); !errors.As(err, &refusal) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := initialize(good, f.ca.PEM); err != nil {
		t.Fatal(err)
	}
	expect("initializing", Initializing, Active)
	if err := f.Check(ctx, f.settings, nil, request); !errors.Is(err, keystore.ClusterNotActive) {
		t.Error(err)
	}
	f.clock.Advance(passage)
	expect("the token has a user PIN", Active, Active)
	if err := initialize(good, f.ca.PEM); !errors.As(err, &refusal) {
		t.Error("a second time:", err)
	}

	// One HSM is enough to connect, but not for a key store or a key.
	if err := f.Check(ctx, f.settings, nil, request); !errors.Is(err, keystore.TooFewHSMs) {
		t.Error(err)
	}
	if _, err := f.Connect(ctx, f.settings, request); err != nil {
		t.Error(err)
	}
	if _, err := f.Create(ctx, f.settings, request, key); !errors.Is(err, keystore.TooFewHSMs) {
		t.Error(err)
	}
	if err := addHSM("a", "3"); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(passage)
	if err := f.Check(ctx, f.settings, nil, request); !errors.Is(err, keystore.TooFewHSMs) {
		t.Error("two in one zone:", err)
	}
	if err := addHSM("b", "4"); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(passage)
	if err := f.Check(ctx, f.settings, nil, request); err != nil {
		t.Error(err)
	}
	if _, err := f.Create(ctx, f.settings, request, key); err != nil {
		t.Error(err)
	}
	f.Disconnect(f.settings.ID)

	release := func() error {
		return f.run(func(tx *store.Tx) error { _, err := f.Release(tx, account, region, clusterID); return err })
	}
	if err := release(); !errors.As(err, &refusal) {
		t.Error("with HSMs:", err)
	}
	f.run(func(tx *store.Tx) error {
		v, _ := f.Find(tx, account, region, clusterID)
		for _, h := range v.HSMs {
			if id, err := f.RemoveHSM(tx, account, region, clusterID, h.ID, ""); err != nil || id != h.ID {
				t.Error(id, err)
			}
		}
		if _, err := f.RemoveHSM(tx, account, region, clusterID, "hsm-zzzzzzzzzzz", ""); !errors.Is(err, ErrNoHSM) {
			t.Error(err)
		}
		return nil
	})
	expect("HSMs going", Active, Deleting, Deleting, Deleting)
	f.clock.Advance(passage)
	expect("HSMs gone", Active)
	if _, err := f.Connect(ctx, f.settings, request); !errors.Is(err, keystore.NoHSMs) {
		t.Error(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	expect("going", Deleting)
	f.clock.Advance(passage)
	expect("gone", Deleted)
	if _, err := f.Connect(ctx, f.settings, request); !errors.Is(err, keystore.ClusterNotFound) {
		t.Error(err)
	}
	// The token is free again, and forgot nothing: it is the operator's.
	if v, err := claim(account); err != nil || v.State != Creating || len(v.HSMs) != 0 || v.CSR != "" {
		t.Fatal(v, err)
	}
}

func TestConfiguredClustersAreFixed(t *testing.T) {
	f := open(t, nil)
	if state, hsms := f.state(t); state != Active || len(hsms) != 2 {
		t.Fatal(state, hsms)
	}
	var refusal Refusal
	if err := f.run(func(tx *store.Tx) error { _, err := f.Release(tx, account, region, clusterID); return err }); !errors.As(err, &refusal) {
		t.Error(err)
	}
	if err := f.run(func(tx *store.Tx) error {
		return f.Retag(tx, account, region, clusterID, func(t []Tag) ([]Tag, error) { return append(t, Tag{"a", "b"}), nil })
	}); err != nil {
		t.Error(err)
	}
	f.run(func(tx *store.Tx) error {
		list, err := f.List(tx, account, region)
		if err != nil || len(list) != 1 || len(list[0].Tags) != 1 {
			t.Error(list, err)
		}
		return nil
	})
}

func TestUnrelatedClusters(t *testing.T) {
	softhsm.New(t)
	ca := newAuthority(t)
	f := open2(t, ca)
	s := f.settings
	was := *s
	was.Cluster = "cluster-bbbbbbbbbbb"
	if err := f.Check(ctx, s, &was, request); err != nil {
		t.Error("same anchor:", err)
	}
	was.Cluster = "cluster-ccccccccccc"
	if err := f.Check(ctx, s, &was, request); !errors.Is(err, keystore.ClusterNotRelated) {
		t.Error("a cluster that is not there:", err)
	}
}

// open2 is an engine with two configured clusters under one authority.
func open2(t *testing.T, ca *authority) *fixture {
	f := &fixture{db: store.Open(memory.New(), 0), clock: redoubt.NewFixed(start), ca: ca}
	e, err := New(Config{DB: f.db, Clock: f.clock, Tokens: map[string]Token{
		clusterID:             {Module: softhsm.Path(t), Label: softhsm.Label, TrustAnchor: []byte(ca.PEM)},
		"cluster-bbbbbbbbbbb": {Module: softhsm.Path(t), Label: "away", TrustAnchor: []byte(ca.PEM)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	f.Engine = e
	f.settings = &keystore.Settings{ID: "cks-1", Account: account, Region: region, Cluster: clusterID, TrustAnchor: ca.PEM, Password: softhsm.PIN}
	return f
}
