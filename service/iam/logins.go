package iam

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

func loginAnswer(name string, l *identity.Login) *iamapi.LoginProfile {
	return &iamapi.LoginProfile{UserName: &name, CreateDate: &l.Created, PasswordResetRequired: &l.Reset}
}

// CreateLoginProfile implements iam:CreateLoginProfile.
func (s *Service) CreateLoginProfile(ctx context.Context, c *redoubt.Call, in *iamapi.CreateLoginProfileInput) (*iamapi.CreateLoginProfileOutput, error) {
	tx := store.From(ctx)
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	if in.Password == nil {
		return nil, validation("Password must be specified.")
	}
	reset := in.PasswordResetRequired != nil && *in.PasswordResetRequired
	l, err := s.ids.SetPassword(tx, c.Account, u.Name, *in.Password, reset, true)
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.CreateLoginProfileOutput{LoginProfile: loginAnswer(u.Name, l)}, nil
}

// login answers a user with a login profile.
func (s *Service) login(ctx context.Context, c *redoubt.Call, name *string) (*identity.User, error) {
	u, err := s.caller(store.From(ctx), c, name)
	if err != nil {
		return nil, err
	}
	if u.Login == nil {
		return nil, fail(&identity.NotFound{Noun: identity.NounLogin, Name: u.Name})
	}
	return u, nil
}

// GetLoginProfile implements iam:GetLoginProfile.
func (s *Service) GetLoginProfile(ctx context.Context, c *redoubt.Call, in *iamapi.GetLoginProfileInput) (*iamapi.GetLoginProfileOutput, error) {
	u, err := s.login(ctx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetLoginProfileOutput{LoginProfile: loginAnswer(u.Name, u.Login)}, nil
}

// UpdateLoginProfile implements iam:UpdateLoginProfile; what is absent stays.
func (s *Service) UpdateLoginProfile(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateLoginProfileInput) (*iamapi.UpdateLoginProfileOutput, error) {
	tx := store.From(ctx)
	u, err := s.login(ctx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	reset := u.Login.Reset
	if in.PasswordResetRequired != nil {
		reset = *in.PasswordResetRequired
	}
	if in.Password != nil {
		_, err := s.ids.SetPassword(tx, c.Account, u.Name, *in.Password, reset, false)
		return nil, fail(err)
	}
	_, err = s.ids.EditUser(tx, c.Account, u.Name, func(u *identity.User) error { u.Login.Reset = reset; return nil })
	return nil, fail(err)
}

// DeleteLoginProfile implements iam:DeleteLoginProfile.
func (s *Service) DeleteLoginProfile(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteLoginProfileInput) (*iamapi.DeleteLoginProfileOutput, error) {
	u, err := s.login(ctx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	_, err = s.ids.EditUser(store.From(ctx), c.Account, u.Name, func(u *identity.User) error { u.Login = nil; return nil })
	return nil, fail(err)
}

// self is the calling user, for iam:ChangePassword.
func (s *Service) self(tx *store.Tx, c *redoubt.Call, _ any) (subject, error) {
	if c.Principal.Kind != redoubt.User {
		return subject{arn: c.Principal.ARN}, nil
	}
	return s.userSubject(tx, c.Account, c.Principal.Name)
}

// ChangePassword implements iam:ChangePassword. The account's password policy
// may give every user the right to it, but users state it like any other.
func (s *Service) ChangePassword(ctx context.Context, c *redoubt.Call, in *iamapi.ChangePasswordInput) (*iamapi.ChangePasswordOutput, error) {
	if c.Principal.Kind != redoubt.User {
		return nil, iamapi.ErrInvalidUserTypeException.New("Only IAM Users can change their own password")
	}
	return nil, fail(s.ids.ChangePassword(store.From(ctx), c.Account, c.Principal.Name, *in.OldPassword, *in.NewPassword))
}

// UpdateAccountPasswordPolicy implements iam:UpdateAccountPasswordPolicy: what is
// absent gets its default, not what it was.
func (s *Service) UpdateAccountPasswordPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateAccountPasswordPolicyInput) (*iamapi.UpdateAccountPasswordPolicyOutput, error) {
	p := &identity.PasswordPolicy{
		MinLength: 6,
		Symbols:   yes(in.RequireSymbols), Numbers: yes(in.RequireNumbers),
		Uppercase: yes(in.RequireUppercaseCharacters), Lowercase: yes(in.RequireLowercaseCharacters),
		AllowChange: yes(in.AllowUsersToChangePassword), HardExpiry: in.HardExpiry,
	}
	if in.MinimumPasswordLength != nil {
		p.MinLength = int(*in.MinimumPasswordLength)
	}
	if in.MaxPasswordAge != nil {
		p.MaxAge = int(*in.MaxPasswordAge)
	}
	if in.PasswordReusePrevention != nil {
		p.ReusePrevention = int(*in.PasswordReusePrevention)
	}
	_, err := s.ids.EditAccount(store.From(ctx), c.Account, func(a *identity.Account) error { a.PasswordPolicy = p; return nil })
	return nil, fail(err)
}

// GetAccountPasswordPolicy implements iam:GetAccountPasswordPolicy.
func (s *Service) GetAccountPasswordPolicy(ctx context.Context, c *redoubt.Call, _ *iamapi.GetAccountPasswordPolicyInput) (*iamapi.GetAccountPasswordPolicyOutput, error) {
	a, err := s.ids.Account(store.From(ctx), c.Account)
	if err != nil {
		return nil, err
	}
	p := a.PasswordPolicy
	if p == nil {
		return nil, iamapi.ErrNoSuchEntityException.New("The Password Policy with domain name %s cannot be found.", c.Account)
	}
	out := &iamapi.PasswordPolicy{
		MinimumPasswordLength: new(int32(p.MinLength)), RequireSymbols: &p.Symbols, RequireNumbers: &p.Numbers,
		RequireUppercaseCharacters: &p.Uppercase, RequireLowercaseCharacters: &p.Lowercase,
		AllowUsersToChangePassword: &p.AllowChange, ExpirePasswords: new(p.MaxAge > 0), HardExpiry: p.HardExpiry,
	}
	if p.MaxAge > 0 {
		out.MaxPasswordAge = new(int32(p.MaxAge))
	}
	if p.ReusePrevention > 0 {
		out.PasswordReusePrevention = new(int32(p.ReusePrevention))
	}
	return &iamapi.GetAccountPasswordPolicyOutput{PasswordPolicy: out}, nil
}

// DeleteAccountPasswordPolicy implements iam:DeleteAccountPasswordPolicy.
func (s *Service) DeleteAccountPasswordPolicy(ctx context.Context, c *redoubt.Call, _ *iamapi.DeleteAccountPasswordPolicyInput) (*iamapi.DeleteAccountPasswordPolicyOutput, error) {
	_, err := s.ids.EditAccount(store.From(ctx), c.Account, func(a *identity.Account) error {
		if a.PasswordPolicy == nil {
			return iamapi.ErrNoSuchEntityException.New("The account policy with name PasswordPolicy cannot be found.")
		}
		a.PasswordPolicy = nil
		return nil
	})
	return nil, fail(err)
}

func yes(b *bool) bool { return b != nil && *b }
