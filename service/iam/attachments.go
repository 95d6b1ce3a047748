package iam

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// policyARN is the form of a managed policy's ARN.
var policyARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/([\x21-\x7e]*/)?[\w+=,.@-]+$`)

func isPolicyARN(arn string) bool { return policyARN.MatchString(arn) }

func asNotFound(err error, nf **identity.NotFound) bool { return errors.As(err, nf) }

func ref(noun identity.Noun, name *string) identity.Ref { return identity.Ref{Noun: noun, Name: *name} }

// attach attaches a managed policy to a user, group or role.
func (s *Service) attach(ctx context.Context, c *redoubt.Call, r identity.Ref, arn string) error {
	tx := store.From(ctx)
	if !isPolicyARN(arn) {
		return validation("ARN %s is not valid.", arn)
	}
	if err := s.holderModifiable(tx, c, r); err != nil {
		return err
	}
	if _, err := s.ids.Holder(tx, c.Account, r); err != nil {
		return fail(err)
	}
	return unattachable(s.ids.Attach(tx, c.Account, r, arn), arn)
}

// unattachable is fail where AWS says of a policy that is missing that it can't
// be attached either.
func unattachable(err error, arn string) error {
	var nf *identity.NotFound
	if errors.As(err, &nf) && nf.Noun == identity.NounPolicy {
		return iamapi.ErrNoSuchEntityException.New("Policy %s does not exist or is not attachable.", arn)
	}
	return fail(err)
}

func (s *Service) detach(ctx context.Context, c *redoubt.Call, r identity.Ref, arn string) error {
	tx := store.From(ctx)
	if !isPolicyARN(arn) {
		return validation("ARN %s is not valid.", arn)
	}
	if err := s.holderModifiable(tx, c, r); err != nil {
		return err
	}
	return fail(s.ids.Detach(tx, c.Account, r, arn))
}

func (s *Service) holderModifiable(tx *store.Tx, c *redoubt.Call, r identity.Ref) error {
	if r.Noun != identity.NounRole {
		return nil
	}
	return s.modifiable(tx, c, r.Name)
}

// attached answers a page of what is attached, in order of the policies' names.
func (s *Service) attached(ctx context.Context, c *redoubt.Call, r identity.Ref, prefix, marker *string, maxItems *int32) (page[iamapi.AttachedPolicy], error) {
	h, err := s.ids.Holder(store.From(ctx), c.Account, r)
	if err != nil {
		return page[iamapi.AttachedPolicy]{}, fail(err)
	}
	list := attachedList(h, str(prefix))
	return pageOf(list, marker, maxItems, func(p iamapi.AttachedPolicy) string { return *p.PolicyName + "\x00" + *p.PolicyArn })
}

func attachedList(h *identity.Holder, prefix string) []iamapi.AttachedPolicy {
	list := []iamapi.AttachedPolicy{}
	for _, arn := range h.Attached {
		path, name := pathAndName(arn)
		if strings.HasPrefix(path, prefix) {
			list = append(list, iamapi.AttachedPolicy{PolicyName: new(name), PolicyArn: new(arn)})
		}
	}
	slices.SortFunc(list, func(a, b iamapi.AttachedPolicy) int {
		return strings.Compare(*a.PolicyName+"\x00"+*a.PolicyArn, *b.PolicyName+"\x00"+*b.PolicyArn)
	})
	return list
}

// pathAndName takes the ARN of a managed policy apart.
func pathAndName(arn string) (path, name string) {
	_, rest, _ := strings.Cut(arn, ":policy/")
	at := strings.LastIndexByte(rest, '/') + 1
	return "/" + rest[:at], rest[at:]
}

// AttachUserPolicy implements iam:AttachUserPolicy.
func (s *Service) AttachUserPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.AttachUserPolicyInput) (*iamapi.AttachUserPolicyOutput, error) {
	return nil, s.attach(ctx, c, ref(identity.NounUser, in.UserName), *in.PolicyArn)
}

// AttachGroupPolicy implements iam:AttachGroupPolicy.
func (s *Service) AttachGroupPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.AttachGroupPolicyInput) (*iamapi.AttachGroupPolicyOutput, error) {
	return nil, s.attach(ctx, c, ref(identity.NounGroup, in.GroupName), *in.PolicyArn)
}

// AttachRolePolicy implements iam:AttachRolePolicy.
func (s *Service) AttachRolePolicy(ctx context.Context, c *redoubt.Call, in *iamapi.AttachRolePolicyInput) (*iamapi.AttachRolePolicyOutput, error) {
	return nil, s.attach(ctx, c, ref(identity.NounRole, in.RoleName), *in.PolicyArn)
}

// DetachUserPolicy implements iam:DetachUserPolicy.
func (s *Service) DetachUserPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.DetachUserPolicyInput) (*iamapi.DetachUserPolicyOutput, error) {
	return nil, s.detach(ctx, c, ref(identity.NounUser, in.UserName), *in.PolicyArn)
}

// DetachGroupPolicy implements iam:DetachGroupPolicy.
func (s *Service) DetachGroupPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.DetachGroupPolicyInput) (*iamapi.DetachGroupPolicyOutput, error) {
	return nil, s.detach(ctx, c, ref(identity.NounGroup, in.GroupName), *in.PolicyArn)
}

// DetachRolePolicy implements iam:DetachRolePolicy.
func (s *Service) DetachRolePolicy(ctx context.Context, c *redoubt.Call, in *iamapi.DetachRolePolicyInput) (*iamapi.DetachRolePolicyOutput, error) {
	return nil, s.detach(ctx, c, ref(identity.NounRole, in.RoleName), *in.PolicyArn)
}

// ListAttachedUserPolicies implements iam:ListAttachedUserPolicies.
func (s *Service) ListAttachedUserPolicies(ctx context.Context, c *redoubt.Call, in *iamapi.ListAttachedUserPoliciesInput) (*iamapi.ListAttachedUserPoliciesOutput, error) {
	p, err := s.attached(ctx, c, ref(identity.NounUser, in.UserName), in.PathPrefix, in.Marker, in.MaxItems)
	return &iamapi.ListAttachedUserPoliciesOutput{AttachedPolicies: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// ListAttachedGroupPolicies implements iam:ListAttachedGroupPolicies.
func (s *Service) ListAttachedGroupPolicies(ctx context.Context, c *redoubt.Call, in *iamapi.ListAttachedGroupPoliciesInput) (*iamapi.ListAttachedGroupPoliciesOutput, error) {
	p, err := s.attached(ctx, c, ref(identity.NounGroup, in.GroupName), in.PathPrefix, in.Marker, in.MaxItems)
	return &iamapi.ListAttachedGroupPoliciesOutput{AttachedPolicies: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// ListAttachedRolePolicies implements iam:ListAttachedRolePolicies.
func (s *Service) ListAttachedRolePolicies(ctx context.Context, c *redoubt.Call, in *iamapi.ListAttachedRolePoliciesInput) (*iamapi.ListAttachedRolePoliciesOutput, error) {
	p, err := s.attached(ctx, c, ref(identity.NounRole, in.RoleName), in.PathPrefix, in.Marker, in.MaxItems)
	return &iamapi.ListAttachedRolePoliciesOutput{AttachedPolicies: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}
