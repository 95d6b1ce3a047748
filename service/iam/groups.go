package iam

import (
	"context"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// CreateGroup implements iam:CreateGroup.
func (s *Service) CreateGroup(ctx context.Context, c *redoubt.Call, in *iamapi.CreateGroupInput) (*iamapi.CreateGroupOutput, error) {
	g, err := s.ids.CreateGroup(store.From(ctx), c.Account, *in.GroupName, pathOr(in.Path))
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.CreateGroupOutput{Group: new(groupAnswer(c.Account, g))}, nil
}

// GetGroup implements iam:GetGroup: the group and its users.
func (s *Service) GetGroup(ctx context.Context, c *redoubt.Call, in *iamapi.GetGroupInput) (*iamapi.GetGroupOutput, error) {
	tx := store.From(ctx)
	g, err := s.ids.Group(tx, c.Account, *in.GroupName)
	if err != nil {
		return nil, fail(err)
	}
	members, err := s.ids.Members(tx, c.Account, g)
	if err != nil {
		return nil, err
	}
	p, err := pageOf(members, in.Marker, in.MaxItems, func(u *identity.User) string { return strings.ToLower(u.Name) })
	return &iamapi.GetGroupOutput{
		Group:       new(groupAnswer(c.Account, g)),
		Users:       mapped(p.items, func(u *identity.User) iamapi.User { return userAnswer(c.Account, u) }),
		IsTruncated: p.truncated, Marker: p.marker,
	}, err
}

// ListGroups implements iam:ListGroups.
func (s *Service) ListGroups(ctx context.Context, c *redoubt.Call, in *iamapi.ListGroupsInput) (*iamapi.ListGroupsOutput, error) {
	from, err := after(in.Marker)
	if err != nil {
		return nil, err
	}
	p, err := paginate(s.ids.Groups(store.From(ctx), c.Account, from), in.MaxItems,
		func(g *identity.Group) bool { return strings.HasPrefix(g.Path, str(in.PathPrefix)) },
		func(g *identity.Group) string { return g.Name })
	return &iamapi.ListGroupsOutput{Groups: groupAnswers(c, p.items), IsTruncated: p.truncated, Marker: p.marker}, err
}

// ListGroupsForUser implements iam:ListGroupsForUser.
func (s *Service) ListGroupsForUser(ctx context.Context, c *redoubt.Call, in *iamapi.ListGroupsForUserInput) (*iamapi.ListGroupsForUserOutput, error) {
	tx := store.From(ctx)
	u, err := s.ids.User(tx, c.Account, *in.UserName)
	if err != nil {
		return nil, fail(err)
	}
	groups, err := s.ids.GroupsOf(tx, c.Account, u)
	if err != nil {
		return nil, err
	}
	p, err := pageOf(groups, in.Marker, in.MaxItems, func(g *identity.Group) string { return strings.ToLower(g.Name) })
	return &iamapi.ListGroupsForUserOutput{Groups: groupAnswers(c, p.items), IsTruncated: p.truncated, Marker: p.marker}, err
}

func groupAnswers(c *redoubt.Call, list []*identity.Group) []iamapi.Group {
	return mapped(list, func(g *identity.Group) iamapi.Group { return groupAnswer(c.Account, g) })
}

// UpdateGroup implements iam:UpdateGroup: another name or path.
func (s *Service) UpdateGroup(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateGroupInput) (*iamapi.UpdateGroupOutput, error) {
	_, err := s.ids.MoveGroup(store.From(ctx), c.Account, *in.GroupName, str(in.NewGroupName), str(in.NewPath))
	return nil, fail(err)
}

// DeleteGroup implements iam:DeleteGroup.
func (s *Service) DeleteGroup(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteGroupInput) (*iamapi.DeleteGroupOutput, error) {
	return nil, fail(s.ids.DeleteGroup(store.From(ctx), c.Account, *in.GroupName))
}

// AddUserToGroup implements iam:AddUserToGroup.
func (s *Service) AddUserToGroup(ctx context.Context, c *redoubt.Call, in *iamapi.AddUserToGroupInput) (*iamapi.AddUserToGroupOutput, error) {
	return nil, fail(s.ids.JoinGroup(store.From(ctx), c.Account, *in.UserName, *in.GroupName))
}

// RemoveUserFromGroup implements iam:RemoveUserFromGroup.
func (s *Service) RemoveUserFromGroup(ctx context.Context, c *redoubt.Call, in *iamapi.RemoveUserFromGroupInput) (*iamapi.RemoveUserFromGroupOutput, error) {
	return nil, fail(s.ids.LeaveGroup(store.From(ctx), c.Account, *in.UserName, *in.GroupName))
}
