package iam

import (
	"context"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// CreateInstanceProfile implements iam:CreateInstanceProfile.
func (s *Service) CreateInstanceProfile(ctx context.Context, c *redoubt.Call, in *iamapi.CreateInstanceProfileInput) (*iamapi.CreateInstanceProfileOutput, error) {
	tx := store.From(ctx)
	tags, err := newTags(in.Tags, exact)
	if err != nil {
		return nil, err
	}
	p, err := s.ids.CreateProfile(tx, c.Account, *in.InstanceProfileName, pathOr(in.Path), tags)
	if err != nil {
		return nil, fail(err)
	}
	a, err := s.profileAnswer(tx, c.Account, p)
	a.Tags = in.Tags
	return &iamapi.CreateInstanceProfileOutput{InstanceProfile: &a}, err
}

// GetInstanceProfile implements iam:GetInstanceProfile.
func (s *Service) GetInstanceProfile(ctx context.Context, c *redoubt.Call, in *iamapi.GetInstanceProfileInput) (*iamapi.GetInstanceProfileOutput, error) {
	tx := store.From(ctx)
	p, err := s.ids.Profile(tx, c.Account, *in.InstanceProfileName)
	if err != nil {
		return nil, fail(err)
	}
	a, err := s.profileAnswer(tx, c.Account, p)
	a.Tags = tagList(p.Tags)
	return &iamapi.GetInstanceProfileOutput{InstanceProfile: &a}, err
}

// ListInstanceProfiles implements iam:ListInstanceProfiles.
func (s *Service) ListInstanceProfiles(ctx context.Context, c *redoubt.Call, in *iamapi.ListInstanceProfilesInput) (*iamapi.ListInstanceProfilesOutput, error) {
	list, p, err := s.profilePage(ctx, c, in.Marker, in.MaxItems, func(p *identity.Profile) bool {
		return strings.HasPrefix(p.Path, str(in.PathPrefix))
	})
	return &iamapi.ListInstanceProfilesOutput{InstanceProfiles: list, IsTruncated: p.truncated, Marker: p.marker}, err
}

// ListInstanceProfilesForRole implements iam:ListInstanceProfilesForRole.
func (s *Service) ListInstanceProfilesForRole(ctx context.Context, c *redoubt.Call, in *iamapi.ListInstanceProfilesForRoleInput) (*iamapi.ListInstanceProfilesForRoleOutput, error) {
	r, err := s.ids.Role(store.From(ctx), c.Account, *in.RoleName)
	if err != nil {
		return nil, fail(err)
	}
	list, p, err := s.profilePage(ctx, c, in.Marker, in.MaxItems, func(p *identity.Profile) bool { return p.Role == r.ID })
	return &iamapi.ListInstanceProfilesForRoleOutput{InstanceProfiles: list, IsTruncated: p.truncated, Marker: p.marker}, err
}

func (s *Service) profilePage(ctx context.Context, c *redoubt.Call, marker *string, maxItems *int32, keep func(*identity.Profile) bool) ([]iamapi.InstanceProfile, page[*identity.Profile], error) {
	tx := store.From(ctx)
	from, err := after(marker)
	if err != nil {
		return nil, page[*identity.Profile]{}, err
	}
	p, err := paginate(s.ids.Profiles(tx, c.Account, from), maxItems, keep, func(p *identity.Profile) string { return p.Name })
	if err != nil {
		return nil, p, err
	}
	list := []iamapi.InstanceProfile{}
	for _, v := range p.items {
		a, err := s.profileAnswer(tx, c.Account, v)
		if err != nil {
			return nil, p, err
		}
		list = append(list, a)
	}
	return list, p, nil
}

// DeleteInstanceProfile implements iam:DeleteInstanceProfile.
func (s *Service) DeleteInstanceProfile(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteInstanceProfileInput) (*iamapi.DeleteInstanceProfileOutput, error) {
	return nil, fail(s.ids.DeleteProfile(store.From(ctx), c.Account, *in.InstanceProfileName))
}

// needsPass are the needs of AddRoleToInstanceProfile: whoever puts a role into a
// profile hands it to machines.
func (s *Service) needsPass(ctx context.Context, c *redoubt.Call, in *iamapi.AddRoleToInstanceProfileInput) ([]redoubt.Need, error) {
	tx := store.From(ctx)
	p, err := s.profile("InstanceProfileName")(tx, c, in)
	if err != nil {
		return nil, err
	}
	needs, err := need(c, p, in)
	if err != nil {
		return nil, err
	}
	r, err := s.roleSubject(tx, c.Account, *in.RoleName)
	if err != nil {
		return nil, err
	}
	pass, err := s.ids.PassRole(tx, r.arn, "ec2.amazonaws.com", "")
	return append(needs, pass), err
}

// AddRoleToInstanceProfile implements iam:AddRoleToInstanceProfile.
func (s *Service) AddRoleToInstanceProfile(ctx context.Context, c *redoubt.Call, in *iamapi.AddRoleToInstanceProfileInput) (*iamapi.AddRoleToInstanceProfileOutput, error) {
	tx := store.From(ctx)
	if _, err := s.ids.Profile(tx, c.Account, *in.InstanceProfileName); err != nil {
		return nil, fail(err)
	}
	r, err := s.ids.Role(tx, c.Account, *in.RoleName)
	if err != nil {
		return nil, fail(err)
	}
	if err := s.modifiable(tx, c, r.Name); err != nil {
		return nil, err
	}
	_, err = s.ids.EditProfile(tx, c.Account, *in.InstanceProfileName, func(p *identity.Profile) error {
		if p.Role != "" {
			return &identity.Limit{Quota: "InstanceSessionsPerInstanceProfile", Max: 1}
		}
		p.Role = r.ID
		return nil
	})
	return nil, fail(err)
}

// RemoveRoleFromInstanceProfile implements iam:RemoveRoleFromInstanceProfile.
func (s *Service) RemoveRoleFromInstanceProfile(ctx context.Context, c *redoubt.Call, in *iamapi.RemoveRoleFromInstanceProfileInput) (*iamapi.RemoveRoleFromInstanceProfileOutput, error) {
	tx := store.From(ctx)
	if _, err := s.ids.Profile(tx, c.Account, *in.InstanceProfileName); err != nil {
		return nil, fail(err)
	}
	r, err := s.ids.Role(tx, c.Account, *in.RoleName)
	if err != nil {
		return nil, fail(err)
	}
	_, err = s.ids.EditProfile(tx, c.Account, *in.InstanceProfileName, func(p *identity.Profile) error {
		if p.Role != r.ID {
			return iamapi.ErrNoSuchEntityException.New("Role %s in Instance Profile %s cannot be found.", r.Name, p.Name)
		}
		p.Role = ""
		return nil
	})
	return nil, fail(err)
}

// TagInstanceProfile implements iam:TagInstanceProfile.
func (s *Service) TagInstanceProfile(ctx context.Context, c *redoubt.Call, in *iamapi.TagInstanceProfileInput) (*iamapi.TagInstanceProfileOutput, error) {
	_, err := s.ids.EditProfile(store.From(ctx), c.Account, *in.InstanceProfileName, func(p *identity.Profile) error {
		return tag(&p.Tags, in.Tags, exact)
	})
	return nil, fail(err)
}

// UntagInstanceProfile implements iam:UntagInstanceProfile.
func (s *Service) UntagInstanceProfile(ctx context.Context, c *redoubt.Call, in *iamapi.UntagInstanceProfileInput) (*iamapi.UntagInstanceProfileOutput, error) {
	_, err := s.ids.EditProfile(store.From(ctx), c.Account, *in.InstanceProfileName, func(p *identity.Profile) error {
		untag(&p.Tags, in.TagKeys, exact)
		return nil
	})
	return nil, fail(err)
}

// ListInstanceProfileTags implements iam:ListInstanceProfileTags.
func (s *Service) ListInstanceProfileTags(ctx context.Context, c *redoubt.Call, in *iamapi.ListInstanceProfileTagsInput) (*iamapi.ListInstanceProfileTagsOutput, error) {
	v, err := s.ids.Profile(store.From(ctx), c.Account, *in.InstanceProfileName)
	if err != nil {
		return nil, fail(err)
	}
	p, err := tagPage(v.Tags, in.Marker, in.MaxItems)
	return &iamapi.ListInstanceProfileTagsOutput{Tags: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}
