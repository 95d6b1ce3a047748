package iam

import (
	"context"
	"iter"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// detail is one entry of GetAccountAuthorizationDetails, of whatever kind; its
// answer is made only if it is on the page.
type detail struct {
	key string
	add func(*iamapi.GetAccountAuthorizationDetailsOutput) error
}

// GetAccountAuthorizationDetails implements the operation of that name: users,
// groups, roles and policies in this order, one page over all of them.
func (s *Service) GetAccountAuthorizationDetails(ctx context.Context, c *redoubt.Call, in *iamapi.GetAccountAuthorizationDetailsInput) (*iamapi.GetAccountAuthorizationDetailsOutput, error) {
	from, err := after(in.Marker)
	if err != nil {
		return nil, err
	}
	p, err := paginate(s.details(store.From(ctx), c, in.Filter), in.MaxItems,
		func(d detail) bool { return d.key > from }, func(d detail) string { return d.key })
	if err != nil {
		return nil, err
	}
	out := &iamapi.GetAccountAuthorizationDetailsOutput{
		UserDetailList: []iamapi.UserDetail{}, GroupDetailList: []iamapi.GroupDetail{}, RoleDetailList: []iamapi.RoleDetail{},
		Policies: []iamapi.ManagedPolicyDetail{}, IsTruncated: p.truncated, Marker: p.marker,
	}
	for _, d := range p.items {
		if err := d.add(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// details walks what the filter admits; an empty one admits all.
func (s *Service) details(tx *store.Tx, c *redoubt.Call, filter []string) iter.Seq2[detail, error] {
	wants := func(kind string) bool { return len(filter) == 0 || slices.Contains(filter, kind) }
	return func(yield func(detail, error) bool) {
		ok := true
		emit := func(d detail, err error) bool {
			ok = yield(d, err) && err == nil
			return ok
		}
		if wants("User") {
			for u, err := range s.ids.Users(tx, c.Account, "") {
				if !emit(s.userDetail(tx, c, u), err) {
					return
				}
			}
		}
		if wants("Group") {
			for g, err := range s.ids.Groups(tx, c.Account, "") {
				if !emit(groupDetail(c, g), err) {
					return
				}
			}
		}
		if wants("Role") {
			for r, err := range s.ids.Roles(tx, c.Account, "") {
				if !emit(s.roleDetail(tx, c, r), err) {
					return
				}
			}
		}
		s.policyDetails(tx, c, wants, emit)
	}
}

func inlineDetails(h *identity.Holder) []iamapi.PolicyDetail {
	return mapped(h.Inline, func(p identity.Inline) iamapi.PolicyDetail {
		return iamapi.PolicyDetail{PolicyName: &p.Name, PolicyDocument: new(escape(p.Document.Text))}
	})
}

func (s *Service) userDetail(tx *store.Tx, c *redoubt.Call, u *identity.User) detail {
	if u == nil {
		return detail{}
	}
	return detail{"1" + strings.ToLower(u.Name), func(out *iamapi.GetAccountAuthorizationDetailsOutput) error {
		groups, err := s.ids.GroupsOf(tx, c.Account, u)
		if err != nil {
			return err
		}
		d := iamapi.UserDetail{
			Path: &u.Path, UserName: &u.Name, UserId: &u.ID, Arn: new(u.ARN(c.Account)), CreateDate: &u.Created,
			GroupList:               mapped(groups, func(g *identity.Group) string { return g.Name }),
			AttachedManagedPolicies: attachedList(&u.Holder, ""), PermissionsBoundary: boundary(u.Boundary), Tags: tagList(u.Tags),
		}
		if len(u.Inline) > 0 {
			d.UserPolicyList = inlineDetails(&u.Holder)
		}
		out.UserDetailList = append(out.UserDetailList, d)
		return nil
	}}
}

func groupDetail(c *redoubt.Call, g *identity.Group) detail {
	if g == nil {
		return detail{}
	}
	return detail{"2" + strings.ToLower(g.Name), func(out *iamapi.GetAccountAuthorizationDetailsOutput) error {
		out.GroupDetailList = append(out.GroupDetailList, iamapi.GroupDetail{
			Path: &g.Path, GroupName: &g.Name, GroupId: &g.ID, Arn: new(g.ARN(c.Account)), CreateDate: &g.Created,
			GroupPolicyList: inlineDetails(&g.Holder), AttachedManagedPolicies: attachedList(&g.Holder, ""),
		})
		return nil
	}}
}

func (s *Service) roleDetail(tx *store.Tx, c *redoubt.Call, r *identity.Role) detail {
	if r == nil {
		return detail{}
	}
	return detail{"3" + strings.ToLower(r.Name), func(out *iamapi.GetAccountAuthorizationDetailsOutput) error {
		a, err := s.roleAnswer(tx, c.Account, r)
		if err != nil {
			return err
		}
		last, err := s.roleLastUsed(tx, c.Account, r)
		if err != nil {
			return err
		}
		d := iamapi.RoleDetail{
			Path: a.Path, RoleName: a.RoleName, RoleId: a.RoleId, Arn: a.Arn, CreateDate: a.CreateDate,
			AssumeRolePolicyDocument: a.AssumeRolePolicyDocument, InstanceProfileList: []iamapi.InstanceProfile{},
			RolePolicyList: inlineDetails(&r.Holder), AttachedManagedPolicies: attachedList(&r.Holder, ""),
			PermissionsBoundary: boundary(r.Boundary), Tags: tagList(r.Tags), RoleLastUsed: last,
		}
		for p, err := range s.ids.Profiles(tx, c.Account, "") {
			if err != nil {
				return err
			}
			if p.Role != r.ID {
				continue
			}
			pa, err := s.profileAnswer(tx, c.Account, p)
			if err != nil {
				return err
			}
			d.InstanceProfileList = append(d.InstanceProfileList, pa)
		}
		out.RoleDetailList = append(out.RoleDetailList, d)
		return nil
	}}
}

// policyDetails walks the account's own policies and those of AWS's that it uses.
func (s *Service) policyDetails(tx *store.Tx, c *redoubt.Call, wants func(string) bool, emit func(detail, error) bool) {
	u, err := s.uses(tx, c, "")
	if err != nil {
		emit(detail{}, err)
		return
	}
	if wants("LocalManagedPolicy") {
		for p, err := range s.ids.ManagedPolicies(tx, c.Account, "") {
			if err != nil {
				emit(detail{}, err)
				return
			}
			if !emit(policyDetail("4", c.Account, p, u), nil) {
				return
			}
		}
	}
	if wants("AWSManagedPolicy") {
		for p := range identity.AWSPolicies() {
			if n := u[p.ARN("aws")]; n.attached+n.boundaries > 0 && !emit(policyDetail("5", "aws", p, u), nil) {
				return
			}
		}
	}
}

func policyDetail(order, owner string, p *identity.Policy, u uses) detail {
	return detail{order + strings.ToLower(p.Name), func(out *iamapi.GetAccountAuthorizationDetailsOutput) error {
		a := policyAnswer(owner, p, u)
		d := iamapi.ManagedPolicyDetail{
			PolicyName: a.PolicyName, PolicyId: a.PolicyId, Arn: a.Arn, Path: a.Path, DefaultVersionId: a.DefaultVersionId,
			AttachmentCount: a.AttachmentCount, PermissionsBoundaryUsageCount: a.PermissionsBoundaryUsageCount,
			IsAttachable: a.IsAttachable, CreateDate: a.CreateDate, UpdateDate: a.UpdateDate, PolicyVersionList: []iamapi.PolicyVersion{},
		}
		for n := range slices.Backward(p.Versions) {
			v := versionAnswer(p, &p.Versions[n])
			v.Document = new(escape(p.Versions[n].Document.Text))
			d.PolicyVersionList = append(d.PolicyVersionList, v)
		}
		out.Policies = append(out.Policies, d)
		return nil
	}}
}
