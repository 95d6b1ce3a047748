package iam

import (
	"context"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// uses counts what managed policies are attached to, by ARN.
type uses map[string]struct{ attached, boundaries int32 }

// uses counts one policy's uses, or all policies' when arn is empty.
func (s *Service) uses(tx *store.Tx, c *redoubt.Call, arn string) (uses, error) {
	u := uses{}
	for a, err := range s.ids.Attachments(tx, c.Account, arn) {
		if err != nil {
			return nil, err
		}
		n := u[a.Policy]
		if a.Boundary {
			n.boundaries++
		} else {
			n.attached++
		}
		u[a.Policy] = n
	}
	return u, nil
}

// CreatePolicy implements iam:CreatePolicy.
func (s *Service) CreatePolicy(ctx context.Context, c *redoubt.Call, in *iamapi.CreatePolicyInput) (*iamapi.CreatePolicyOutput, error) {
	tags, err := newTags(in.Tags, exact)
	if err != nil {
		return nil, err
	}
	if err := s.managedText(*in.PolicyDocument); err != nil {
		return nil, err
	}
	p, err := s.ids.CreatePolicy(store.From(ctx), c.Account, *in.PolicyName, pathOr(in.Path), str(in.Description), *in.PolicyDocument, tags)
	if err != nil {
		return nil, fail(err)
	}
	a := policyAnswer(c.Account, p, nil)
	a.Tags = in.Tags
	return &iamapi.CreatePolicyOutput{Policy: &a}, nil
}

// policy answers a managed policy that the caller may see.
func (s *Service) policy(tx *store.Tx, c *redoubt.Call, arn string) (*identity.Policy, bool, error) {
	p, aws, err := s.findPolicy(tx, c, arn)
	return p, aws, fail(err)
}

func (s *Service) findPolicy(tx *store.Tx, c *redoubt.Call, arn string) (*identity.Policy, bool, error) {
	if !strings.HasPrefix(arn, "arn:") {
		return nil, false, validation("Invalid ARN:  Could not be parsed!")
	}
	if !isPolicyARN(arn) {
		return nil, false, validation("ARN %s is not valid.", arn)
	}
	return s.ids.PolicyByARN(tx, c.Account, arn)
}

// ownPolicy answers a managed policy that the caller's account may change.
func (s *Service) ownPolicy(tx *store.Tx, c *redoubt.Call, arn string) (*identity.Policy, error) {
	p, aws, err := s.policy(tx, c, arn)
	if err == nil && aws {
		return nil, forbidden(errAccessDenied, "User: %s is not authorized to perform: iam:%s on resource: policy %s", c.Principal.ARN, c.Operation, arn)
	}
	return p, err
}

// GetPolicy implements iam:GetPolicy.
func (s *Service) GetPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.GetPolicyInput) (*iamapi.GetPolicyOutput, error) {
	tx := store.From(ctx)
	p, aws, err := s.policy(tx, c, *in.PolicyArn)
	if err != nil {
		return nil, err
	}
	u, err := s.uses(tx, c, *in.PolicyArn)
	if err != nil {
		return nil, err
	}
	a := policyAnswer(owner(aws, c.Account), p, u)
	a.Description, a.Tags = some(p.Description), tagList(p.Tags)
	return &iamapi.GetPolicyOutput{Policy: &a}, nil
}

// ListPolicies implements iam:ListPolicies: the account's own policies and
// AWS's, in order of their names.
func (s *Service) ListPolicies(ctx context.Context, c *redoubt.Call, in *iamapi.ListPoliciesInput) (*iamapi.ListPoliciesOutput, error) {
	tx := store.From(ctx)
	u, err := s.uses(tx, c, "")
	if err != nil {
		return nil, err
	}
	var list []iamapi.Policy
	add := func(account string, p *identity.Policy) {
		a := policyAnswer(account, p, u)
		n := u[*a.Arn]
		switch {
		case !strings.HasPrefix(p.Path, str(in.PathPrefix)),
			in.OnlyAttached != nil && *in.OnlyAttached && n.attached == 0,
			str(in.PolicyUsageFilter) == "PermissionsPolicy" && n.attached == 0,
			str(in.PolicyUsageFilter) == "PermissionsBoundary" && n.boundaries == 0:
			return
		}
		list = append(list, a)
	}
	if scope := str(in.Scope); scope != "AWS" {
		for p, err := range s.ids.ManagedPolicies(tx, c.Account, "") {
			if err != nil {
				return nil, err
			}
			add(c.Account, p)
		}
	}
	if scope := str(in.Scope); scope != "Local" {
		for p := range identity.AWSPolicies() {
			add("aws", p)
		}
	}
	sortKey := func(p iamapi.Policy) string { return strings.ToLower(*p.PolicyName) + "\x00" + *p.Arn }
	slices.SortFunc(list, func(a, b iamapi.Policy) int { return strings.Compare(sortKey(a), sortKey(b)) })
	p, err := pageOf(list, in.Marker, in.MaxItems, sortKey)
	return &iamapi.ListPoliciesOutput{Policies: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// DeletePolicy implements iam:DeletePolicy.
func (s *Service) DeletePolicy(ctx context.Context, c *redoubt.Call, in *iamapi.DeletePolicyInput) (*iamapi.DeletePolicyOutput, error) {
	tx := store.From(ctx)
	if _, err := s.ownPolicy(tx, c, *in.PolicyArn); err != nil {
		return nil, err
	}
	return nil, fail(s.ids.DeletePolicy(tx, c.Account, *in.PolicyArn))
}

// CreatePolicyVersion implements iam:CreatePolicyVersion.
func (s *Service) CreatePolicyVersion(ctx context.Context, c *redoubt.Call, in *iamapi.CreatePolicyVersionInput) (*iamapi.CreatePolicyVersionOutput, error) {
	tx := store.From(ctx)
	if _, err := s.ownPolicy(tx, c, *in.PolicyArn); err != nil {
		return nil, err
	}
	if err := s.managedText(*in.PolicyDocument); err != nil {
		return nil, err
	}
	v, isDefault, err := s.ids.AddVersion(tx, c.Account, *in.PolicyArn, *in.PolicyDocument, in.SetAsDefault != nil && *in.SetAsDefault)
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.CreatePolicyVersionOutput{PolicyVersion: &iamapi.PolicyVersion{
		VersionId: &v.ID, IsDefaultVersion: &isDefault, CreateDate: &v.Created,
	}}, nil
}

// version answers a version of a policy; IAM words the absence of either alike.
func (s *Service) version(tx *store.Tx, c *redoubt.Call, arn, id string) (*identity.Policy, bool, error) {
	p, aws, err := s.ids.PolicyByARN(tx, c.Account, arn)
	var nf *identity.NotFound
	if asNotFound(err, &nf) || err == nil && p.Version(id) == nil {
		return nil, false, fail(&identity.NotFound{Noun: identity.NounVersion, Name: id, Of: arn})
	}
	return p, aws, err
}

// GetPolicyVersion implements iam:GetPolicyVersion.
func (s *Service) GetPolicyVersion(ctx context.Context, c *redoubt.Call, in *iamapi.GetPolicyVersionInput) (*iamapi.GetPolicyVersionOutput, error) {
	p, _, err := s.version(store.From(ctx), c, *in.PolicyArn, *in.VersionId)
	if err != nil {
		return nil, err
	}
	v := p.Version(*in.VersionId)
	a := versionAnswer(p, v)
	a.Document = new(escape(v.Document.Text))
	return &iamapi.GetPolicyVersionOutput{PolicyVersion: &a}, nil
}

// ListPolicyVersions implements iam:ListPolicyVersions, newest first.
func (s *Service) ListPolicyVersions(ctx context.Context, c *redoubt.Call, in *iamapi.ListPolicyVersionsInput) (*iamapi.ListPolicyVersionsOutput, error) {
	p, _, err := s.policy(store.From(ctx), c, *in.PolicyArn)
	if err != nil {
		return nil, err
	}
	// There are five at most: the marker is the position from the newest.
	var list []iamapi.PolicyVersion
	for n := range slices.Backward(p.Versions) {
		list = append(list, versionAnswer(p, &p.Versions[n]))
	}
	pg, err := pageOf(list, in.Marker, in.MaxItems, func(v iamapi.PolicyVersion) string {
		at := slices.IndexFunc(list, func(x iamapi.PolicyVersion) bool { return x.VersionId == v.VersionId })
		return string(rune('a' + at))
	})
	return &iamapi.ListPolicyVersionsOutput{Versions: pg.items, IsTruncated: pg.truncated, Marker: pg.marker}, err
}

// SetDefaultPolicyVersion implements iam:SetDefaultPolicyVersion.
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, c *redoubt.Call, in *iamapi.SetDefaultPolicyVersionInput) (*iamapi.SetDefaultPolicyVersionOutput, error) {
	tx := store.From(ctx)
	if _, _, err := s.version(tx, c, *in.PolicyArn, *in.VersionId); err != nil {
		return nil, err
	}
	if _, err := s.ownPolicy(tx, c, *in.PolicyArn); err != nil {
		return nil, err
	}
	return nil, fail(s.ids.SetDefaultVersion(tx, c.Account, *in.PolicyArn, *in.VersionId))
}

// DeletePolicyVersion implements iam:DeletePolicyVersion.
func (s *Service) DeletePolicyVersion(ctx context.Context, c *redoubt.Call, in *iamapi.DeletePolicyVersionInput) (*iamapi.DeletePolicyVersionOutput, error) {
	tx := store.From(ctx)
	if _, _, err := s.version(tx, c, *in.PolicyArn, *in.VersionId); err != nil {
		return nil, err
	}
	if _, err := s.ownPolicy(tx, c, *in.PolicyArn); err != nil {
		return nil, err
	}
	return nil, fail(s.ids.DeleteVersion(tx, c.Account, *in.PolicyArn, *in.VersionId))
}

// TagPolicy implements iam:TagPolicy.
func (s *Service) TagPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.TagPolicyInput) (*iamapi.TagPolicyOutput, error) {
	tx := store.From(ctx)
	if _, err := s.ownPolicy(tx, c, *in.PolicyArn); err != nil {
		return nil, err
	}
	_, err := s.ids.EditPolicy(tx, c.Account, *in.PolicyArn, func(p *identity.Policy) error { return tag(&p.Tags, in.Tags, exact) })
	return nil, fail(err)
}

// UntagPolicy implements iam:UntagPolicy.
func (s *Service) UntagPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.UntagPolicyInput) (*iamapi.UntagPolicyOutput, error) {
	tx := store.From(ctx)
	if _, err := s.ownPolicy(tx, c, *in.PolicyArn); err != nil {
		return nil, err
	}
	_, err := s.ids.EditPolicy(tx, c.Account, *in.PolicyArn, func(p *identity.Policy) error {
		untag(&p.Tags, in.TagKeys, exact)
		return nil
	})
	return nil, fail(err)
}

// ListPolicyTags implements iam:ListPolicyTags.
func (s *Service) ListPolicyTags(ctx context.Context, c *redoubt.Call, in *iamapi.ListPolicyTagsInput) (*iamapi.ListPolicyTagsOutput, error) {
	p, _, err := s.policy(store.From(ctx), c, *in.PolicyArn)
	if err != nil {
		return nil, err
	}
	pg, err := tagPage(p.Tags, in.Marker, in.MaxItems)
	return &iamapi.ListPolicyTagsOutput{Tags: pg.items, IsTruncated: pg.truncated, Marker: pg.marker}, err
}

// holderOf is one user, group or role that a policy is attached to.
type holderOf struct {
	noun       identity.Noun
	name, id   string
	boundary   bool
	pagingName string
}

// ListEntitiesForPolicy implements iam:ListEntitiesForPolicy.
func (s *Service) ListEntitiesForPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.ListEntitiesForPolicyInput) (*iamapi.ListEntitiesForPolicyOutput, error) {
	tx := store.From(ctx)
	if _, _, err := s.findPolicy(tx, c, *in.PolicyArn); err != nil {
		return nil, unattachable(err, *in.PolicyArn)
	}
	list, err := s.holders(tx, c, *in.PolicyArn, str(in.PathPrefix))
	if err != nil {
		return nil, err
	}
	wanted := map[string]identity.Noun{"User": identity.NounUser, "Group": identity.NounGroup, "Role": identity.NounRole}
	filter, usage := str(in.EntityFilter), str(in.PolicyUsageFilter)
	list = slices.DeleteFunc(list, func(h holderOf) bool {
		noun, isKind := wanted[filter]
		return isKind && h.noun != noun || (filter == "LocalManagedPolicy" || filter == "AWSManagedPolicy") ||
			usage == "PermissionsPolicy" && h.boundary || usage == "PermissionsBoundary" && !h.boundary
	})
	p, err := pageOf(list, in.Marker, in.MaxItems, func(h holderOf) string { return h.pagingName })
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListEntitiesForPolicyOutput{
		PolicyGroups: []iamapi.PolicyGroup{}, PolicyUsers: []iamapi.PolicyUser{}, PolicyRoles: []iamapi.PolicyRole{},
		IsTruncated: p.truncated, Marker: p.marker,
	}
	for _, h := range p.items {
		switch h.noun {
		case identity.NounGroup:
			out.PolicyGroups = append(out.PolicyGroups, iamapi.PolicyGroup{GroupName: &h.name, GroupId: &h.id})
		case identity.NounUser:
			out.PolicyUsers = append(out.PolicyUsers, iamapi.PolicyUser{UserName: &h.name, UserId: &h.id})
		case identity.NounRole:
			out.PolicyRoles = append(out.PolicyRoles, iamapi.PolicyRole{RoleName: &h.name, RoleId: &h.id})
		}
	}
	return out, nil
}

// holders answers what a policy is attached to or bounds, in order of kind and name.
func (s *Service) holders(tx *store.Tx, c *redoubt.Call, arn, prefix string) ([]holderOf, error) {
	var list []holderOf
	for a, err := range s.ids.Attachments(tx, c.Account, arn) {
		if err != nil {
			return nil, err
		}
		name, path, err := s.ids.HolderName(tx, c.Account, a.Noun, a.ID)
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(path, prefix) {
			continue
		}
		use := "p"
		if a.Boundary {
			use = "b"
		}
		list = append(list, holderOf{a.Noun, name, a.ID, a.Boundary, string(a.Noun) + "\x00" + strings.ToLower(name) + "\x00" + use})
	}
	slices.SortFunc(list, func(a, b holderOf) int { return strings.Compare(a.pagingName, b.pagingName) })
	return list, nil
}
