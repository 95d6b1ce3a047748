package iam

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// nameOf is a user's name in an answer; the root user, nil, has none.
func nameOf(u *identity.User) *string {
	if u == nil {
		return nil
	}
	return &u.Name
}

// CreateAccessKey implements iam:CreateAccessKey.
func (s *Service) CreateAccessKey(ctx context.Context, c *redoubt.Call, in *iamapi.CreateAccessKeyInput) (*iamapi.CreateAccessKeyOutput, error) {
	tx := store.From(ctx)
	u, err := s.callerOrRoot(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	k, secret, err := s.ids.CreateAccessKey(tx, c.Account, u)
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.CreateAccessKeyOutput{AccessKey: &iamapi.AccessKey{
		UserName: nameOf(u), AccessKeyId: &k.ID, Status: status(k.Active), SecretAccessKey: &secret, CreateDate: &k.Created,
	}}, nil
}

// ListAccessKeys implements iam:ListAccessKeys.
func (s *Service) ListAccessKeys(ctx context.Context, c *redoubt.Call, in *iamapi.ListAccessKeysInput) (*iamapi.ListAccessKeysOutput, error) {
	tx := store.From(ctx)
	u, err := s.callerOrRoot(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	list, err := s.ids.AccessKeys(tx, c.Account, u)
	if err != nil {
		return nil, err
	}
	p, err := pageOf(list, in.Marker, in.MaxItems, func(k *identity.AccessKey) string { return k.ID })
	return &iamapi.ListAccessKeysOutput{
		AccessKeyMetadata: mapped(p.items, func(k *identity.AccessKey) iamapi.AccessKeyMetadata {
			return iamapi.AccessKeyMetadata{UserName: nameOf(u), AccessKeyId: &k.ID, Status: status(k.Active), CreateDate: &k.Created}
		}),
		IsTruncated: p.truncated, Marker: p.marker,
	}, err
}

// UpdateAccessKey implements iam:UpdateAccessKey.
func (s *Service) UpdateAccessKey(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateAccessKeyInput) (*iamapi.UpdateAccessKeyOutput, error) {
	tx := store.From(ctx)
	u, err := s.callerOrRoot(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	if *in.Status == "Expired" {
		return nil, iamapi.ErrInvalidInputException.New("The status Expired cannot be set.")
	}
	return nil, fail(s.ids.SetAccessKeyActive(tx, c.Account, u, *in.AccessKeyId, *in.Status == "Active"))
}

// DeleteAccessKey implements iam:DeleteAccessKey.
func (s *Service) DeleteAccessKey(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteAccessKeyInput) (*iamapi.DeleteAccessKeyOutput, error) {
	tx := store.From(ctx)
	u, err := s.callerOrRoot(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, fail(s.ids.DeleteAccessKey(tx, c.Account, u, *in.AccessKeyId))
}

// keyUser finds the user of an access key. One of another account, or none, is
// refused like a missing right, so that ids cannot be probed.
func (s *Service) keyUser(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
	id := str(text(in, "AccessKeyId"))
	k, err := s.ids.AccessKey(tx, id)
	var nf *identity.NotFound
	if asNotFound(err, &nf) || err == nil && k.Account != c.Account {
		return subject{}, forbidden(errAccessDenied, "User: %s is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key %s", c.Principal.ARN, id)
	}
	if err != nil {
		return subject{}, err
	}
	if k.User == "" {
		return subject{arn: identity.RootARN(c.Account)}, nil
	}
	u, err := s.ids.UserByID(tx, c.Account, k.User)
	if err != nil {
		return subject{}, err
	}
	return s.userSubject(tx, c.Account, u.Name)
}

// GetAccessKeyLastUsed implements iam:GetAccessKeyLastUsed.
func (s *Service) GetAccessKeyLastUsed(ctx context.Context, c *redoubt.Call, in *iamapi.GetAccessKeyLastUsedInput) (*iamapi.GetAccessKeyLastUsedOutput, error) {
	tx := store.From(ctx)
	k, err := s.ids.AccessKey(tx, *in.AccessKeyId)
	if err != nil {
		return nil, fail(err)
	}
	var name *string
	if k.User != "" {
		u, err := s.ids.UserByID(tx, c.Account, k.User)
		if err != nil {
			return nil, fail(err)
		}
		name = &u.Name
	}
	use, err := s.ids.KeyUse(tx, c.Account, k.ID)
	if err != nil {
		return nil, err
	}
	last := &iamapi.AccessKeyLastUsed{ServiceName: new("N/A"), Region: new("N/A")}
	if use != nil {
		last = &iamapi.AccessKeyLastUsed{LastUsedDate: &use.Time, ServiceName: &use.Service, Region: &use.Region}
	}
	return &iamapi.GetAccessKeyLastUsedOutput{UserName: name, AccessKeyLastUsed: last}, nil
}
