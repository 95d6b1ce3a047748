package sts

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/identity/oidc"
	"github.com/redoubt-sec/redoubt/engine/policy"
)

// Keys answers the public keys of OpenID Connect providers; oidc.Providers does.
type Keys interface {
	Keys(ctx context.Context, issuer string, thumbprints []string, kid string) ([]oidc.Key, error)
}

// Deps are what the service works with.
type Deps struct {
	Identity *identity.Identity
	Clock    redoubt.Clock
	// Wall is the clock against which tokens and assertions of providers are held;
	// nil means the machine's.
	Wall redoubt.Clock
	// Providers may be nil: then no web identity can be verified.
	Providers Keys
}

// Service is STS.
type Service struct {
	ids       *identity.Identity
	clock     redoubt.Clock
	wall      redoubt.Clock
	providers Keys
	policies  *policy.Cache
}

// New makes the service.
func New(d Deps) *Service {
	if d.Wall == nil {
		d.Wall = redoubt.Wall{}
	}
	return &Service{ids: d.Identity, clock: d.Clock, wall: d.Wall, providers: d.Providers, policies: policy.NewCache(256)}
}
