package iam

import (
	"context"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// CreateUser implements iam:CreateUser.
func (s *Service) CreateUser(ctx context.Context, c *redoubt.Call, in *iamapi.CreateUserInput) (*iamapi.CreateUserOutput, error) {
	tx := store.From(ctx)
	tags, err := newTags(in.Tags, foldCase)
	if err != nil {
		return nil, err
	}
	if err := s.checkBoundary(tx, c, in.PermissionsBoundary); err != nil {
		return nil, err
	}
	u, err := s.ids.CreateUser(tx, c.Account, identity.User{
		Name: *in.UserName, Path: pathOr(in.Path), Boundary: str(in.PermissionsBoundary), Tags: tags,
	})
	if err != nil {
		return nil, fail(err)
	}
	a := fullUser(c.Account, u)
	a.Tags = in.Tags // in the order of the request
	return &iamapi.CreateUserOutput{User: a}, nil
}

// GetUser implements iam:GetUser; without a name it is about the caller.
func (s *Service) GetUser(ctx context.Context, c *redoubt.Call, in *iamapi.GetUserInput) (*iamapi.GetUserOutput, error) {
	tx := store.From(ctx)
	if in.UserName == nil && c.Principal.Kind == redoubt.Root {
		a, err := s.ids.Account(tx, c.Account)
		if err != nil {
			return nil, err
		}
		return &iamapi.GetUserOutput{User: &iamapi.User{
			UserName: some(a.Alias), UserId: &c.Account, Arn: new(identity.RootARN(c.Account)), CreateDate: &a.Created,
		}}, nil
	}
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetUserOutput{User: fullUser(c.Account, u)}, nil
}

// caller answers the user of that name, or the user who calls.
func (s *Service) caller(tx *store.Tx, c *redoubt.Call, name *string) (*identity.User, error) {
	if name == nil {
		if c.Principal.Kind != redoubt.User {
			return nil, validation("Must specify userName when calling with non-User credentials")
		}
		name = &c.Principal.Name
	}
	u, err := s.ids.User(tx, c.Account, *name)
	return u, fail(err)
}

// callerOrRoot is caller for what the root user has too: nil stands for it.
func (s *Service) callerOrRoot(tx *store.Tx, c *redoubt.Call, name *string) (*identity.User, error) {
	if name == nil && c.Principal.Kind == redoubt.Root {
		return nil, nil
	}
	return s.caller(tx, c, name)
}

// ListUsers implements iam:ListUsers.
func (s *Service) ListUsers(ctx context.Context, c *redoubt.Call, in *iamapi.ListUsersInput) (*iamapi.ListUsersOutput, error) {
	from, err := after(in.Marker)
	if err != nil {
		return nil, err
	}
	p, err := paginate(s.ids.Users(store.From(ctx), c.Account, from), in.MaxItems,
		func(u *identity.User) bool { return strings.HasPrefix(u.Path, str(in.PathPrefix)) },
		func(u *identity.User) string { return u.Name })
	if err != nil {
		return nil, err
	}
	return &iamapi.ListUsersOutput{
		Users:       mapped(p.items, func(u *identity.User) iamapi.User { return userAnswer(c.Account, u) }),
		IsTruncated: p.truncated, Marker: p.marker,
	}, nil
}

// UpdateUser implements iam:UpdateUser: another name or path.
func (s *Service) UpdateUser(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateUserInput) (*iamapi.UpdateUserOutput, error) {
	_, err := s.ids.MoveUser(store.From(ctx), c.Account, *in.UserName, str(in.NewUserName), str(in.NewPath))
	return nil, fail(err)
}

// DeleteUser implements iam:DeleteUser.
func (s *Service) DeleteUser(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteUserInput) (*iamapi.DeleteUserOutput, error) {
	return nil, fail(s.ids.DeleteUser(store.From(ctx), c.Account, *in.UserName))
}

// TagUser implements iam:TagUser.
func (s *Service) TagUser(ctx context.Context, c *redoubt.Call, in *iamapi.TagUserInput) (*iamapi.TagUserOutput, error) {
	_, err := s.ids.EditUser(store.From(ctx), c.Account, *in.UserName, func(u *identity.User) error {
		return tag(&u.Tags, in.Tags, foldCase)
	})
	return nil, fail(err)
}

// UntagUser implements iam:UntagUser.
func (s *Service) UntagUser(ctx context.Context, c *redoubt.Call, in *iamapi.UntagUserInput) (*iamapi.UntagUserOutput, error) {
	_, err := s.ids.EditUser(store.From(ctx), c.Account, *in.UserName, func(u *identity.User) error {
		untag(&u.Tags, in.TagKeys, foldCase)
		return nil
	})
	return nil, fail(err)
}

// ListUserTags implements iam:ListUserTags.
func (s *Service) ListUserTags(ctx context.Context, c *redoubt.Call, in *iamapi.ListUserTagsInput) (*iamapi.ListUserTagsOutput, error) {
	u, err := s.ids.User(store.From(ctx), c.Account, *in.UserName)
	if err != nil {
		return nil, fail(err)
	}
	p, err := tagPage(u.Tags, in.Marker, in.MaxItems)
	return &iamapi.ListUserTagsOutput{Tags: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// PutUserPermissionsBoundary implements iam:PutUserPermissionsBoundary.
func (s *Service) PutUserPermissionsBoundary(ctx context.Context, c *redoubt.Call, in *iamapi.PutUserPermissionsBoundaryInput) (*iamapi.PutUserPermissionsBoundaryOutput, error) {
	tx := store.From(ctx)
	if _, err := s.ids.User(tx, c.Account, *in.UserName); err != nil {
		return nil, fail(err)
	}
	if err := s.checkBoundary(tx, c, in.PermissionsBoundary); err != nil {
		return nil, err
	}
	return nil, fail(s.ids.SetUserBoundary(tx, c.Account, *in.UserName, *in.PermissionsBoundary))
}

// DeleteUserPermissionsBoundary implements iam:DeleteUserPermissionsBoundary.
func (s *Service) DeleteUserPermissionsBoundary(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteUserPermissionsBoundaryInput) (*iamapi.DeleteUserPermissionsBoundaryOutput, error) {
	return nil, fail(s.ids.SetUserBoundary(store.From(ctx), c.Account, *in.UserName, ""))
}

// checkBoundary refuses a boundary that is no managed policy.
func (s *Service) checkBoundary(tx *store.Tx, c *redoubt.Call, arn *string) error {
	if arn == nil {
		return nil
	}
	if !isPolicyARN(*arn) {
		return iamapi.ErrInvalidInputException.New("ARN %s is not valid.", *arn)
	}
	if _, _, err := s.ids.PolicyByARN(tx, c.Account, *arn); err != nil {
		var nf *identity.NotFound
		if asNotFound(err, &nf) {
			return iamapi.ErrNoSuchEntityException.New("Scope ARN: %s does not exist or is not attachable.", *arn)
		}
		return err
	}
	return nil
}

// pathOr is a path, "/" unless it is given.
func pathOr(p *string) string {
	if p == nil {
		return "/"
	}
	return *p
}
