package iam

import (
	"context"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// defaultSession is how long a role's sessions last unless the role says more.
const defaultSession = 3600

// CreateRole implements iam:CreateRole.
func (s *Service) CreateRole(ctx context.Context, c *redoubt.Call, in *iamapi.CreateRoleInput) (*iamapi.CreateRoleOutput, error) {
	tx := store.From(ctx)
	tags, err := newTags(in.Tags, foldCase)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(pathOr(in.Path), serviceRolePath) {
		return nil, validation("A role with path %s can only be created by CreateServiceLinkedRole.", serviceRolePath)
	}
	trust, err := s.trust(tx, *in.AssumeRolePolicyDocument)
	if err != nil {
		return nil, err
	}
	if err := s.checkBoundary(tx, c, in.PermissionsBoundary); err != nil {
		return nil, err
	}
	r := identity.Role{
		Name: *in.RoleName, Path: pathOr(in.Path), Description: str(in.Description), MaxSession: defaultSession,
		Trust: trust, Tags: tags, Boundary: str(in.PermissionsBoundary),
	}
	if in.MaxSessionDuration != nil {
		r.MaxSession = *in.MaxSessionDuration
	}
	made, err := s.ids.CreateRole(tx, c.Account, r)
	if err != nil {
		return nil, fail(err)
	}
	a, err := s.roleAnswer(tx, c.Account, made)
	if err != nil {
		return nil, err
	}
	// CreateRole answers the trust policy as it was given; GetRole as it is read.
	a.AssumeRolePolicyDocument = new(escape(*in.AssumeRolePolicyDocument))
	a.PermissionsBoundary = boundary(made.Boundary)
	a.Tags = in.Tags
	return &iamapi.CreateRoleOutput{Role: &a}, nil
}

// GetRole implements iam:GetRole.
func (s *Service) GetRole(ctx context.Context, c *redoubt.Call, in *iamapi.GetRoleInput) (*iamapi.GetRoleOutput, error) {
	tx := store.From(ctx)
	r, err := s.ids.Role(tx, c.Account, *in.RoleName)
	if err != nil {
		return nil, fail(err)
	}
	a, err := s.fullRole(tx, c.Account, r)
	return &iamapi.GetRoleOutput{Role: a}, err
}

// ListRoles implements iam:ListRoles.
func (s *Service) ListRoles(ctx context.Context, c *redoubt.Call, in *iamapi.ListRolesInput) (*iamapi.ListRolesOutput, error) {
	tx := store.From(ctx)
	from, err := after(in.Marker)
	if err != nil {
		return nil, err
	}
	p, err := paginate(s.ids.Roles(tx, c.Account, from), in.MaxItems,
		func(r *identity.Role) bool { return strings.HasPrefix(r.Path, str(in.PathPrefix)) },
		func(r *identity.Role) string { return r.Name })
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListRolesOutput{Roles: []iamapi.Role{}, IsTruncated: p.truncated, Marker: p.marker}
	for _, r := range p.items {
		a, err := s.listedRole(tx, c.Account, r)
		if err != nil {
			return nil, err
		}
		out.Roles = append(out.Roles, a)
	}
	return out, nil
}

// UpdateRole implements iam:UpdateRole; what is absent stays.
func (s *Service) UpdateRole(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateRoleInput) (*iamapi.UpdateRoleOutput, error) {
	return nil, s.editRole(ctx, c, *in.RoleName, func(r *identity.Role) error {
		if in.Description != nil {
			r.Description = *in.Description
		}
		if in.MaxSessionDuration != nil {
			r.MaxSession = *in.MaxSessionDuration
		}
		return nil
	})
}

// editRole changes a role that is not a service's.
func (s *Service) editRole(ctx context.Context, c *redoubt.Call, name string, f func(*identity.Role) error) error {
	tx := store.From(ctx)
	if err := s.modifiable(tx, c, name); err != nil {
		return err
	}
	_, err := s.ids.EditRole(tx, c.Account, name, f)
	return fail(err)
}

// modifiable refuses changes to a service-linked role; absent roles pass.
func (s *Service) modifiable(tx *store.Tx, c *redoubt.Call, name string) error {
	r, err := s.ids.Role(tx, c.Account, name)
	if err == nil && r.Service != "" {
		return iamapi.ErrUnmodifiableEntityException.New("Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", name)
	}
	return nil
}

// UpdateRoleDescription implements iam:UpdateRoleDescription.
func (s *Service) UpdateRoleDescription(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateRoleDescriptionInput) (*iamapi.UpdateRoleDescriptionOutput, error) {
	tx := store.From(ctx)
	// A service-linked role's description is the one thing that may be changed.
	r, err := s.ids.EditRole(tx, c.Account, *in.RoleName, func(r *identity.Role) error {
		r.Description = *in.Description
		return nil
	})
	if err != nil {
		return nil, fail(err)
	}
	a, err := s.roleAnswer(tx, c.Account, r)
	a.Description = some(r.Description)
	return &iamapi.UpdateRoleDescriptionOutput{Role: &a}, err
}

// UpdateAssumeRolePolicy implements iam:UpdateAssumeRolePolicy.
func (s *Service) UpdateAssumeRolePolicy(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateAssumeRolePolicyInput) (*iamapi.UpdateAssumeRolePolicyOutput, error) {
	tx := store.From(ctx)
	if _, err := s.ids.Role(tx, c.Account, *in.RoleName); err != nil {
		return nil, fail(err)
	}
	trust, err := s.trust(tx, *in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	return nil, s.editRole(ctx, c, *in.RoleName, func(r *identity.Role) error { r.Trust = trust; return nil })
}

// DeleteRole implements iam:DeleteRole.
func (s *Service) DeleteRole(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteRoleInput) (*iamapi.DeleteRoleOutput, error) {
	tx := store.From(ctx)
	if err := s.modifiable(tx, c, *in.RoleName); err != nil {
		return nil, err
	}
	return nil, fail(s.ids.DeleteRole(tx, c.Account, *in.RoleName))
}

// TagRole implements iam:TagRole.
func (s *Service) TagRole(ctx context.Context, c *redoubt.Call, in *iamapi.TagRoleInput) (*iamapi.TagRoleOutput, error) {
	_, err := s.ids.EditRole(store.From(ctx), c.Account, *in.RoleName, func(r *identity.Role) error {
		return tag(&r.Tags, in.Tags, foldCase)
	})
	return nil, fail(err)
}

// UntagRole implements iam:UntagRole.
func (s *Service) UntagRole(ctx context.Context, c *redoubt.Call, in *iamapi.UntagRoleInput) (*iamapi.UntagRoleOutput, error) {
	_, err := s.ids.EditRole(store.From(ctx), c.Account, *in.RoleName, func(r *identity.Role) error {
		untag(&r.Tags, in.TagKeys, foldCase)
		return nil
	})
	return nil, fail(err)
}

// ListRoleTags implements iam:ListRoleTags.
func (s *Service) ListRoleTags(ctx context.Context, c *redoubt.Call, in *iamapi.ListRoleTagsInput) (*iamapi.ListRoleTagsOutput, error) {
	r, err := s.ids.Role(store.From(ctx), c.Account, *in.RoleName)
	if err != nil {
		return nil, fail(err)
	}
	p, err := tagPage(r.Tags, in.Marker, in.MaxItems)
	return &iamapi.ListRoleTagsOutput{Tags: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// PutRolePermissionsBoundary implements iam:PutRolePermissionsBoundary.
func (s *Service) PutRolePermissionsBoundary(ctx context.Context, c *redoubt.Call, in *iamapi.PutRolePermissionsBoundaryInput) (*iamapi.PutRolePermissionsBoundaryOutput, error) {
	tx := store.From(ctx)
	if _, err := s.ids.Role(tx, c.Account, *in.RoleName); err != nil {
		return nil, fail(err)
	}
	if err := s.modifiable(tx, c, *in.RoleName); err != nil {
		return nil, err
	}
	if err := s.checkBoundary(tx, c, in.PermissionsBoundary); err != nil {
		return nil, err
	}
	return nil, fail(s.ids.SetRoleBoundary(tx, c.Account, *in.RoleName, *in.PermissionsBoundary))
}

// DeleteRolePermissionsBoundary implements iam:DeleteRolePermissionsBoundary.
func (s *Service) DeleteRolePermissionsBoundary(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteRolePermissionsBoundaryInput) (*iamapi.DeleteRolePermissionsBoundaryOutput, error) {
	tx := store.From(ctx)
	if err := s.modifiable(tx, c, *in.RoleName); err != nil {
		return nil, err
	}
	return nil, fail(s.ids.SetRoleBoundary(tx, c.Account, *in.RoleName, ""))
}
