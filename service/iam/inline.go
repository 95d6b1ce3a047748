package iam

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

func (s *Service) putInline(ctx context.Context, c *redoubt.Call, r identity.Ref, name, text string) error {
	tx := store.From(ctx)
	if _, err := s.ids.Holder(tx, c.Account, r); err != nil {
		return fail(err)
	}
	if err := s.holderModifiable(tx, c, r); err != nil {
		return err
	}
	if _, err := s.parse(text, policy.Identity); err != nil {
		return err
	}
	return fail(s.ids.PutInline(tx, c.Account, r, name, text))
}

func (s *Service) getInline(ctx context.Context, c *redoubt.Call, r identity.Ref, name string) (*string, error) {
	h, err := s.ids.Holder(store.From(ctx), c.Account, r)
	if err != nil {
		return nil, fail(err)
	}
	d := h.Find(name)
	if d == nil {
		return nil, fail(&identity.NotFound{Noun: identity.NounInline, Name: name, Of: string(r.Noun)})
	}
	return new(escape(d.Text)), nil
}

func (s *Service) deleteInline(ctx context.Context, c *redoubt.Call, r identity.Ref, name string) error {
	tx := store.From(ctx)
	if err := s.holderModifiable(tx, c, r); err != nil {
		return err
	}
	return fail(s.ids.DeleteInline(tx, c.Account, r, name))
}

func (s *Service) listInline(ctx context.Context, c *redoubt.Call, r identity.Ref, marker *string, maxItems *int32) (page[string], error) {
	h, err := s.ids.Holder(store.From(ctx), c.Account, r)
	if err != nil {
		return page[string]{}, fail(err)
	}
	names := mapped(h.Inline, func(p identity.Inline) string { return p.Name })
	return pageOf(names, marker, maxItems, func(n string) string { return n })
}

// PutUserPolicy implements iam:PutUserPolicy.
func (s *Service) PutUserPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.PutUserPolicyInput) (*iamapi.PutUserPolicyOutput, error) {
	return nil, s.putInline(ctx, c, ref(identity.NounUser, in.UserName), *in.PolicyName, *in.PolicyDocument)
}

// PutGroupPolicy implements iam:PutGroupPolicy.
func (s *Service) PutGroupPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.PutGroupPolicyInput) (*iamapi.PutGroupPolicyOutput, error) {
	return nil, s.putInline(ctx, c, ref(identity.NounGroup, in.GroupName), *in.PolicyName, *in.PolicyDocument)
}

// PutRolePolicy implements iam:PutRolePolicy.
func (s *Service) PutRolePolicy(ctx context.Context, c *redoubt.Call, in *iamapi.PutRolePolicyInput) (*iamapi.PutRolePolicyOutput, error) {
	return nil, s.putInline(ctx, c, ref(identity.NounRole, in.RoleName), *in.PolicyName, *in.PolicyDocument)
}

// GetUserPolicy implements iam:GetUserPolicy.
func (s *Service) GetUserPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.GetUserPolicyInput) (*iamapi.GetUserPolicyOutput, error) {
	text, err := s.getInline(ctx, c, ref(identity.NounUser, in.UserName), *in.PolicyName)
	return &iamapi.GetUserPolicyOutput{UserName: in.UserName, PolicyName: in.PolicyName, PolicyDocument: text}, err
}

// GetGroupPolicy implements iam:GetGroupPolicy.
func (s *Service) GetGroupPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.GetGroupPolicyInput) (*iamapi.GetGroupPolicyOutput, error) {
	text, err := s.getInline(ctx, c, ref(identity.NounGroup, in.GroupName), *in.PolicyName)
	return &iamapi.GetGroupPolicyOutput{GroupName: in.GroupName, PolicyName: in.PolicyName, PolicyDocument: text}, err
}

// GetRolePolicy implements iam:GetRolePolicy.
func (s *Service) GetRolePolicy(ctx context.Context, c *redoubt.Call, in *iamapi.GetRolePolicyInput) (*iamapi.GetRolePolicyOutput, error) {
	text, err := s.getInline(ctx, c, ref(identity.NounRole, in.RoleName), *in.PolicyName)
	return &iamapi.GetRolePolicyOutput{RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: text}, err
}

// DeleteUserPolicy implements iam:DeleteUserPolicy.
func (s *Service) DeleteUserPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteUserPolicyInput) (*iamapi.DeleteUserPolicyOutput, error) {
	return nil, s.deleteInline(ctx, c, ref(identity.NounUser, in.UserName), *in.PolicyName)
}

// DeleteGroupPolicy implements iam:DeleteGroupPolicy.
func (s *Service) DeleteGroupPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteGroupPolicyInput) (*iamapi.DeleteGroupPolicyOutput, error) {
	return nil, s.deleteInline(ctx, c, ref(identity.NounGroup, in.GroupName), *in.PolicyName)
}

// DeleteRolePolicy implements iam:DeleteRolePolicy.
func (s *Service) DeleteRolePolicy(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteRolePolicyInput) (*iamapi.DeleteRolePolicyOutput, error) {
	return nil, s.deleteInline(ctx, c, ref(identity.NounRole, in.RoleName), *in.PolicyName)
}

// ListUserPolicies implements iam:ListUserPolicies.
func (s *Service) ListUserPolicies(ctx context.Context, c *redoubt.Call, in *iamapi.ListUserPoliciesInput) (*iamapi.ListUserPoliciesOutput, error) {
	p, err := s.listInline(ctx, c, ref(identity.NounUser, in.UserName), in.Marker, in.MaxItems)
	return &iamapi.ListUserPoliciesOutput{PolicyNames: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// ListGroupPolicies implements iam:ListGroupPolicies.
func (s *Service) ListGroupPolicies(ctx context.Context, c *redoubt.Call, in *iamapi.ListGroupPoliciesInput) (*iamapi.ListGroupPoliciesOutput, error) {
	p, err := s.listInline(ctx, c, ref(identity.NounGroup, in.GroupName), in.Marker, in.MaxItems)
	return &iamapi.ListGroupPoliciesOutput{PolicyNames: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// ListRolePolicies implements iam:ListRolePolicies.
func (s *Service) ListRolePolicies(ctx context.Context, c *redoubt.Call, in *iamapi.ListRolePoliciesInput) (*iamapi.ListRolePoliciesOutput, error) {
	p, err := s.listInline(ctx, c, ref(identity.NounRole, in.RoleName), in.Marker, in.MaxItems)
	return &iamapi.ListRolePoliciesOutput{PolicyNames: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}
