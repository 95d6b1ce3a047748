package xksproxy

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/xks"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// Key exports one KMS key.
type Key struct {
	ID  string // external key id: letters, digits, "-", "." and "_", at most 128
	ARN string // of the KMS key, symmetric, ENCRYPT_DECRYPT
}

// Deps is what the proxy works with.
type Deps struct {
	DB      *store.DB
	Invoker op.Invoker
	Clock   redoubt.Clock
	Log     *slog.Logger
	// Ready is nil while key material can be used: store up, keyring unsealed.
	Ready   func() error
	Version string // of the program, for health answers

	// Prefix goes before /kms/xks/v1: "" or "/name".
	Prefix string
	// Credentials are the proxy's own; two while they are rotated.
	Credentials []xks.Credential
	Keys        []Key
}

// Service is the proxy. It implements http.Handler and is safe for concurrent
// use.
type Service struct {
	db       *store.DB
	invoker  op.Invoker
	clock    redoubt.Clock
	log      *slog.Logger
	ready    func() error
	version  string
	base     string // prefix and base path
	verifier *xks.Verifier
	exports  map[string]*export
}

// export is an exported key as requests find it.
type export struct {
	id  string
	arn string
	as  op.As
	at  redoubt.ARN
}

var (
	keyIDPattern  = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,128}$`)
	prefixPattern = regexp.MustCompile(`^(/[a-zA-Z0-9_-]+)*$`)
	accessPattern = regexp.MustCompile(`^[A-Z2-7]{20,30}$`)
	secretPattern = regexp.MustCompile(`^[a-zA-Z0-9/+=]{43,64}$`)
)

// New makes a proxy, or says everything that is wrong with its settings.
func New(d Deps) (*Service, error) {
	s := &Service{
		db: d.DB, invoker: d.Invoker, clock: d.Clock, log: d.Log, ready: d.Ready, version: d.Version,
		base: d.Prefix + xks.BasePath, verifier: xks.NewVerifier(d.Credentials...), exports: make(map[string]*export, len(d.Keys)),
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("xks: "+format, args...)) }
	if !prefixPattern.MatchString(d.Prefix) || len(s.base) > 128 {
		bad("prefix %q is no path of letters, digits, - and _ that begins with / and does not end with one", d.Prefix)
	}
	if len(d.Credentials) == 0 {
		bad("no credential")
	}
	for _, c := range d.Credentials {
		if !accessPattern.MatchString(c.AccessKeyID) {
			bad("access key id is not 20 to 30 of A-Z and 2-7")
		}
		if !secretPattern.MatchString(c.Secret) {
			bad("secret access key is not 43 to 64 of a-z, A-Z, 0-9, /, + and =")
		}
	}
	for _, k := range d.Keys {
		at, err := redoubt.ParseARN(k.ARN)
		switch {
		case !keyIDPattern.MatchString(k.ID):
			bad("external key id %q is not 1 to 128 of letters, digits, -, . and _", k.ID)
		case s.exports[k.ID] != nil:
			bad("external key id %q is exported twice", k.ID)
		case err != nil || at.Service != "kms" || at.Region == "" || at.Account == "" || !strings.HasPrefix(at.Resource, "key/"):
			bad("%q is not the ARN of a KMS key", k.ARN)
		}
		s.exports[k.ID] = &export{k.ID, k.ARN, op.Principal(Principal, at.Region, k.ARN, at.Account), at}
	}
	return s, errors.Join(errs...)
}

// Principal names the service principal, kms-xks-proxy.amazonaws.com.
const Principal = "kms-xks-proxy"
