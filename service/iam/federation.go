package iam

import (
	"context"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// issuer answers the account's token issuer while it is on.
func (s *Service) issuer(tx *store.Tx, c *redoubt.Call) (*identity.Issuer, bool, error) {
	i, err := s.ids.Issuer(tx, c.Account)
	var nf *identity.NotFound
	if asNotFound(err, &nf) {
		return nil, false, nil
	}
	return i, err == nil && i.Enabled, err
}

func featureDisabled() error {
	return iamapi.ErrFeatureDisabledException.New("Outbound web identity federation is not enabled for this account.")
}

func (s *Service) setIssuer(tx *store.Tx, c *redoubt.Call, on bool) (*identity.Issuer, error) {
	i, err := s.ids.SetIssuer(tx, c.Account, on)
	if errors.Is(err, identity.ErrNoIssuer) {
		return nil, redoubt.ErrNotImplemented.New("Outbound web identity federation needs an address for token issuers in this server's configuration.")
	}
	return i, err
}

// EnableOutboundWebIdentityFederation implements the operation of that name.
func (s *Service) EnableOutboundWebIdentityFederation(ctx context.Context, c *redoubt.Call, _ *iamapi.EnableOutboundWebIdentityFederationInput) (*iamapi.EnableOutboundWebIdentityFederationOutput, error) {
	tx := store.From(ctx)
	if _, on, err := s.issuer(tx, c); err != nil {
		return nil, err
	} else if on {
		return nil, iamapi.ErrFeatureEnabledException.New("Outbound web identity federation is already enabled for this account.")
	}
	i, err := s.setIssuer(tx, c, true)
	if err != nil {
		return nil, err
	}
	return &iamapi.EnableOutboundWebIdentityFederationOutput{IssuerIdentifier: new(s.ids.IssuerURL(i))}, nil
}

// DisableOutboundWebIdentityFederation implements the operation of that name.
func (s *Service) DisableOutboundWebIdentityFederation(ctx context.Context, c *redoubt.Call, _ *iamapi.DisableOutboundWebIdentityFederationInput) (*iamapi.DisableOutboundWebIdentityFederationOutput, error) {
	tx := store.From(ctx)
	if _, on, err := s.issuer(tx, c); err != nil {
		return nil, err
	} else if !on {
		return nil, featureDisabled()
	}
	_, err := s.setIssuer(tx, c, false)
	return nil, err
}

// GetOutboundWebIdentityFederationInfo implements the operation of that name.
func (s *Service) GetOutboundWebIdentityFederationInfo(ctx context.Context, c *redoubt.Call, _ *iamapi.GetOutboundWebIdentityFederationInfoInput) (*iamapi.GetOutboundWebIdentityFederationInfoOutput, error) {
	i, on, err := s.issuer(store.From(ctx), c)
	if err != nil {
		return nil, err
	}
	if i == nil {
		return nil, featureDisabled()
	}
	return &iamapi.GetOutboundWebIdentityFederationInfoOutput{IssuerIdentifier: new(s.ids.IssuerURL(i)), JwtVendingEnabled: &on}, nil
}
