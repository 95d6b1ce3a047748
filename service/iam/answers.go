package iam

import (
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// How records look in answers. Which members are there depends on the
// operation, not on the record: lists lack tags and boundaries, CreateRole lacks
// MaxSessionDuration, and so on, as recorded on AWS.

// userAnswer is a user as lists show it.
func userAnswer(account string, u *identity.User) iamapi.User {
	return iamapi.User{
		Path: &u.Path, UserName: &u.Name, UserId: &u.ID, Arn: new(u.ARN(account)), CreateDate: &u.Created,
		PasswordLastUsed: passwordLastUsed(u),
	}
}

// fullUser is a user as GetUser and CreateUser show it.
func fullUser(account string, u *identity.User) *iamapi.User {
	a := userAnswer(account, u)
	a.PermissionsBoundary = boundary(u.Boundary)
	a.Tags = someTags(u.Tags)
	return &a
}

func passwordLastUsed(u *identity.User) *time.Time {
	if u.Login == nil || u.Login.Used.IsZero() {
		return nil
	}
	return &u.Login.Used
}

func boundary(arn string) *iamapi.AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	// The model's enum says PermissionsBoundaryPolicy; AWS answers Policy.
	return &iamapi.AttachedPermissionsBoundary{PermissionsBoundaryType: new("Policy"), PermissionsBoundaryArn: &arn}
}

func groupAnswer(account string, g *identity.Group) iamapi.Group {
	return iamapi.Group{Path: &g.Path, GroupName: &g.Name, GroupId: &g.ID, Arn: new(g.ARN(account)), CreateDate: &g.Created}
}

// roleAnswer is a role as instance profiles and CreateRole show it.
func (s *Service) roleAnswer(tx *store.Tx, account string, r *identity.Role) (iamapi.Role, error) {
	trust, err := s.ids.Current(tx, r.Trust, policy.Trust)
	if err != nil {
		return iamapi.Role{}, err
	}
	return iamapi.Role{
		Path: &r.Path, RoleName: &r.Name, RoleId: &r.ID, Arn: new(r.ARN(account)), CreateDate: &r.Created,
		AssumeRolePolicyDocument: new(escape(trust)),
	}, nil
}

// listedRole is a role as ListRoles shows it.
func (s *Service) listedRole(tx *store.Tx, account string, r *identity.Role) (iamapi.Role, error) {
	a, err := s.roleAnswer(tx, account, r)
	a.MaxSessionDuration = &r.MaxSession
	a.Description = some(r.Description)
	return a, err
}

// fullRole is a role as GetRole shows it.
func (s *Service) fullRole(tx *store.Tx, account string, r *identity.Role) (*iamapi.Role, error) {
	a, err := s.listedRole(tx, account, r)
	if err != nil {
		return nil, err
	}
	a.PermissionsBoundary = boundary(r.Boundary)
	a.Tags = someTags(r.Tags)
	a.RoleLastUsed, err = s.roleLastUsed(tx, account, r)
	return &a, err
}

// roleLastUsed is empty, not absent, for a role that was never used.
func (s *Service) roleLastUsed(tx *store.Tx, account string, r *identity.Role) (*iamapi.RoleLastUsed, error) {
	use, err := s.ids.RoleUse(tx, account, r.ID)
	if err != nil || use == nil {
		return &iamapi.RoleLastUsed{}, err
	}
	return &iamapi.RoleLastUsed{LastUsedDate: &use.Time, Region: &use.Region}, nil
}

// policyAnswer is a managed policy as lists show it, with its uses.
func policyAnswer(owner string, p *identity.Policy, uses uses) iamapi.Policy {
	arn := p.ARN(owner)
	return iamapi.Policy{
		PolicyName: &p.Name, PolicyId: &p.ID, Arn: &arn, Path: &p.Path, DefaultVersionId: &p.Default,
		AttachmentCount: new(uses[arn].attached), PermissionsBoundaryUsageCount: new(uses[arn].boundaries),
		IsAttachable: new(true), CreateDate: &p.Created, UpdateDate: &p.Updated,
	}
}

// versionAnswer is a policy's version without its document.
func versionAnswer(p *identity.Policy, v *identity.Version) iamapi.PolicyVersion {
	return iamapi.PolicyVersion{VersionId: &v.ID, IsDefaultVersion: new(v.ID == p.Default), CreateDate: &v.Created}
}

// owner is the account part of a policy's ARN.
func owner(aws bool, account string) string {
	if aws {
		return "aws"
	}
	return account
}

// profileAnswer is an instance profile without its tags.
func (s *Service) profileAnswer(tx *store.Tx, account string, p *identity.Profile) (iamapi.InstanceProfile, error) {
	a := iamapi.InstanceProfile{
		Path: &p.Path, InstanceProfileName: &p.Name, InstanceProfileId: &p.ID, Arn: new(p.ARN(account)),
		CreateDate: &p.Created, Roles: []iamapi.Role{},
	}
	if p.Role == "" {
		return a, nil
	}
	r, err := s.ids.RoleByID(tx, account, p.Role)
	if err != nil {
		return a, err
	}
	role, err := s.roleAnswer(tx, account, r)
	a.Roles = append(a.Roles, role)
	return a, err
}

// status is how IAM writes a switch.
func status(active bool) *string {
	if active {
		return new("Active")
	}
	return new("Inactive")
}

// some is a string that is absent when empty.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// escape percent-encodes a document as IAM answers it: everything but RFC 3986's
// unreserved characters.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s) + len(s)/2)
	for n := range len(s) {
		c := s[n]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}
