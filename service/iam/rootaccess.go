package iam

import (
	"context"
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// Centralized root access: what an organization's management account may do to
// the root users of its members.
const (
	featureCredentials = identity.RootCredentialsManagement
	featureSessions    = identity.RootSessions
)

// organization answers the caller's organization, whose management account it
// must be.
func (s *Service) organization(tx *store.Tx, c *redoubt.Call) (*identity.Membership, error) {
	m, err := s.ids.Member(tx, c.Account)
	switch {
	case err != nil:
		return nil, err
	case m == nil:
		return nil, iamapi.ErrOrganizationNotFoundException.New("The request was rejected because your account is not a member of an organization.")
	case !m.Management:
		return nil, iamapi.ErrAccountNotManagementOrDelegatedAdministratorException.New("The request was rejected because your account is not the management account or delegated administrator of your organization.")
	}
	return m, nil
}

func (s *Service) setFeature(ctx context.Context, c *redoubt.Call, name string, on bool) (*string, []string, error) {
	tx := store.From(ctx)
	m, err := s.organization(tx, c)
	if err != nil {
		return nil, nil, err
	}
	list, err := s.ids.SetFeature(tx, m.Org.ID, name, on)
	return &m.Org.ID, list, err
}

// EnableOrganizationsRootCredentialsManagement implements the operation of that name.
func (s *Service) EnableOrganizationsRootCredentialsManagement(ctx context.Context, c *redoubt.Call, _ *iamapi.EnableOrganizationsRootCredentialsManagementInput) (*iamapi.EnableOrganizationsRootCredentialsManagementOutput, error) {
	org, list, err := s.setFeature(ctx, c, featureCredentials, true)
	return &iamapi.EnableOrganizationsRootCredentialsManagementOutput{OrganizationId: org, EnabledFeatures: list}, err
}

// DisableOrganizationsRootCredentialsManagement implements the operation of that name.
func (s *Service) DisableOrganizationsRootCredentialsManagement(ctx context.Context, c *redoubt.Call, _ *iamapi.DisableOrganizationsRootCredentialsManagementInput) (*iamapi.DisableOrganizationsRootCredentialsManagementOutput, error) {
	org, list, err := s.setFeature(ctx, c, featureCredentials, false)
	return &iamapi.DisableOrganizationsRootCredentialsManagementOutput{OrganizationId: org, EnabledFeatures: list}, err
}

// EnableOrganizationsRootSessions implements iam:EnableOrganizationsRootSessions.
func (s *Service) EnableOrganizationsRootSessions(ctx context.Context, c *redoubt.Call, _ *iamapi.EnableOrganizationsRootSessionsInput) (*iamapi.EnableOrganizationsRootSessionsOutput, error) {
	org, list, err := s.setFeature(ctx, c, featureSessions, true)
	return &iamapi.EnableOrganizationsRootSessionsOutput{OrganizationId: org, EnabledFeatures: list}, err
}

// DisableOrganizationsRootSessions implements iam:DisableOrganizationsRootSessions.
func (s *Service) DisableOrganizationsRootSessions(ctx context.Context, c *redoubt.Call, _ *iamapi.DisableOrganizationsRootSessionsInput) (*iamapi.DisableOrganizationsRootSessionsOutput, error) {
	org, list, err := s.setFeature(ctx, c, featureSessions, false)
	return &iamapi.DisableOrganizationsRootSessionsOutput{OrganizationId: org, EnabledFeatures: list}, err
}

// ListOrganizationsFeatures implements iam:ListOrganizationsFeatures.
func (s *Service) ListOrganizationsFeatures(ctx context.Context, c *redoubt.Call, _ *iamapi.ListOrganizationsFeaturesInput) (*iamapi.ListOrganizationsFeaturesOutput, error) {
	tx := store.From(ctx)
	m, err := s.organization(tx, c)
	if err != nil {
		return nil, err
	}
	list, err := s.ids.Features(tx, m.Org.ID)
	return &iamapi.ListOrganizationsFeaturesOutput{OrganizationId: &m.Org.ID, EnabledFeatures: slices.Clone(list)}, err
}
