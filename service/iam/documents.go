package iam

import (
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// parse checks a policy's text before it is written.
func (s *Service) parse(text string, kind policy.Kind) (*policy.Document, error) {
	d, err := policy.Parse(text, kind)
	return d, fail(err)
}

// managedText checks a managed policy's text and its quota.
func (s *Service) managedText(text string) error {
	if _, err := policy.ParseManaged(text); err != nil {
		return fail(err)
	}
	if identity.TextSize(text) > identity.MaxPolicySize {
		return iamapi.ErrLimitExceededException.New("Cannot exceed quota for PolicySize: %d", identity.MaxPolicySize)
	}
	return nil
}

// trust checks a trust policy's text, its quota and its principals.
func (s *Service) trust(tx *store.Tx, text string) (*identity.Bound, error) {
	d, err := s.parse(text, policy.Trust)
	if err != nil {
		return nil, err
	}
	if identity.TextSize(text) > identity.MaxTrustPolicy {
		return nil, iamapi.ErrLimitExceededException.New("Cannot exceed quota for ACLSizePerRole: %d", identity.MaxTrustPolicy)
	}
	b, err := s.ids.Bind(tx, d)
	return b, fail(err)
}
