package hsm

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/pkcs11"
	"github.com/redoubt-sec/redoubt/store"
)

// Token is a PKCS #11 token that stands for a cluster.
type Token struct {
	Module string // absolute path
	Label  string
	// PIN is the user PIN, if the configuration knows it. Otherwise a key store's
	// password is the PIN.
	PIN pkcs11.PIN
	// TrustAnchor is the cluster's customerCA.crt (PEM); without it the token is
	// free for CreateCluster.
	TrustAnchor []byte
	// RotatePassword lets connecting a key store change the user PIN.
	RotatePassword bool
	Account        string // owner; empty: every account
	Region         string // empty: every region
}

// Config says what there is.
type Config struct {
	Tokens map[string]Token // by cluster id
	DB     *store.DB
	Clock  redoubt.Clock
}

// Engine keeps clusters and serves key stores. It implements keystore.Backend
// and is safe for concurrent use.
type Engine struct {
	db     *store.DB
	clock  redoubt.Clock
	tokens map[string]*configured
	ids    []string // of tokens, in order

	salt    [32]byte   // of digests of PINs
	mu      sync.Mutex // guards what follows, and serialises logging in
	modules map[string]*pkcs11.Module
	logins  map[string]*login   // by cluster id
	refused map[string][32]byte // digest of the PIN that the cluster's token refused last
}

// configured is a token with its trust anchor parsed.
type configured struct {
	Token
	anchor *x509.Certificate
}

var clusterIDPattern = regexp.MustCompile(`^cluster-[2-7a-zA-Z]{11,16}$`)

// New makes the engine, or says everything that is wrong with its settings.
// Modules are loaded at first use.
func New(c Config) (*Engine, error) {
	e := &Engine{
		db: c.DB, clock: c.Clock, tokens: make(map[string]*configured, len(c.Tokens)),
		ids: slices.Sorted(maps.Keys(c.Tokens)), modules: map[string]*pkcs11.Module{}, logins: map[string]*login{}, refused: map[string][32]byte{},
	}
	rand.Read(e.salt[:])
	var errs []error
	used := map[[2]string]string{}
	for _, id := range e.ids {
		t := c.Tokens[id]
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("cloudhsm: %s: %s", id, fmt.Sprintf(format, args...)))
		}
		if !clusterIDPattern.MatchString(id) {
			bad("a cluster id is cluster- and 11 to 16 of 2-7, a-z, A-Z")
		}
		if !filepath.IsAbs(t.Module) || t.Label == "" {
			bad("module (an absolute path) and token are required")
		}
		if other, ok := used[[2]string{t.Module, t.Label}]; ok {
			bad("is the same token as %s", other)
		}
		used[[2]string{t.Module, t.Label}] = id
		if t.RotatePassword && t.PIN != nil {
			bad("rotate-password and pin-file exclude each other: nobody would write the new PIN to the file")
		}
		if t.RotatePassword && (t.Account == "" || t.Region == "") {
			bad("rotate-password needs account and region: key stores of others would lose their password")
		}
		k := &configured{Token: t}
		if t.TrustAnchor != nil {
			var err error
			if k.anchor, err = parseCertificate(t.TrustAnchor); err != nil {
				bad("trust-anchor: %v", err)
			}
		}
		e.tokens[id] = k
	}
	return e, errors.Join(errs...)
}

// Close logs out of all tokens.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for id, l := range e.logins {
		errs = append(errs, l.close())
		delete(e.logins, id)
	}
	for path, m := range e.modules {
		errs = append(errs, m.Close())
		delete(e.modules, path)
	}
	return errors.Join(errs...)
}

// module answers the loaded module; e.mu is held.
func (e *Engine) module(path string) (*pkcs11.Module, error) {
	if m := e.modules[path]; m != nil {
		return m, nil
	}
	m, err := pkcs11.Load(path)
	if err == nil {
		e.modules[path] = m
	}
	return m, err
}

// present reports whether the token is there with a user PIN.
func (e *Engine) present(k *configured) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	m, err := e.module(k.Module)
	if err != nil {
		return false
	}
	tokens, err := m.Tokens()
	if err != nil {
		return false
	}
	for _, t := range tokens {
		if t.Label == k.Label && t.Initialized && t.UserPIN {
			return true
		}
	}
	return false
}

// serves reports whether the token is for an account in a region.
func (k *configured) serves(account, region string) bool {
	return (k.Account == "" || k.Account == account) && (k.Region == "" || k.Region == region)
}

// within runs f in the transaction of ctx, or in one of its own.
func (e *Engine) within(ctx context.Context, f func(tx *store.Tx) error) error {
	if store.Has(ctx) {
		return f(store.From(ctx))
	}
	return e.db.Run(ctx, func(ctx context.Context) error { return f(store.From(ctx)) })
}

// parseCertificate reads one certificate in PEM.
func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in PEM")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, errors.New("more than one certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}
