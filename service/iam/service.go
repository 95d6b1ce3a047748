package iam

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// Thumbprinter fetches what IAM looks up about an OpenID Connect provider: the
// SHA-1 of the topmost certificate that its server sends, 40 hex digits.
type Thumbprinter interface {
	Thumbprint(ctx context.Context, host string) (string, error)
}

// Deps are what the service works with.
type Deps struct {
	Identity *identity.Identity
	Clock    redoubt.Clock
	// Thumbprints may be nil: then a provider's thumbprints must be given.
	Thumbprints Thumbprinter
	// Services are those whose actions policies can name: for reports of use and
	// the simulators.
	Services []*schema.Service
}

// Service is IAM.
type Service struct {
	ids         *identity.Identity
	clock       redoubt.Clock
	policies    *policy.Cache
	thumbprints Thumbprinter
	namespaces  []namespace
}

// New makes the service.
func New(d Deps) *Service {
	return &Service{ids: d.Identity, clock: d.Clock, policies: policy.NewCache(256), thumbprints: d.Thumbprints, namespaces: namespacesOf(d.Services)}
}
