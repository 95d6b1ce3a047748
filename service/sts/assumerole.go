package sts

import (
	"context"
	"errors"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// parseARN reads an ARN whose account is one: records are looked for there.
func parseARN(s string) (redoubt.ARN, error) {
	a, err := redoubt.ParseARN(s)
	if err == nil && !identity.IsAccountID(a.Account) {
		err = errors.New("the ARN names no account")
	}
	return a, err
}

// roleNeed states the right to assume a role, with its trust policy. An absent
// role has none, and so admits nobody.
func (s *Service) roleNeed(tx *store.Tx, action, arn string) (redoubt.Need, *identity.Role, error) {
	a, err := parseARN(arn)
	if err != nil {
		return redoubt.Need{}, nil, validation("%s is invalid", arn)
	}
	n := redoubt.Need{
		Action: action, Resource: arn, Account: a.Account, PolicyName: policy.Trust.String(), Strict: true, Conditions: map[string][]string{},
	}
	r, _, err := s.ids.RoleByARN(tx, arn)
	if missing(err) {
		return n, nil, nil
	}
	if err != nil {
		return n, nil, err
	}
	if n.Policy, err = s.ids.Current(tx, r.Trust, policy.Trust); err != nil {
		return n, nil, err
	}
	n.Tags = r.Tags
	for k, v := range r.Tags {
		n.Conditions["iam:ResourceTag/"+k] = []string{v}
	}
	return n, r, nil
}

// needsAssumeRole are the needs of AssumeRole.
func (s *Service) needsAssumeRole(ctx context.Context, c *redoubt.Call, in *stsapi.AssumeRoleInput) ([]redoubt.Need, error) {
	tx := store.From(ctx)
	n, _, err := s.roleNeed(tx, "sts:AssumeRole", *in.RoleArn)
	if err != nil {
		return nil, err
	}
	switch c.Principal.Kind {
	case redoubt.Root:
		return nil, denied("Roles may not be assumed by root accounts.")
	case redoubt.Federated:
		return nil, denied("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.Principal.ARN, *in.RoleArn)
	}
	if n.MFA, err = s.mfa(tx, c, in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	if len(in.ProvidedContexts) > 0 {
		return nil, redoubt.ErrNotImplemented.New("ProvidedContexts can be verified by AWS only.")
	}
	conditions(n.Conditions, in)
	needs := []redoubt.Need{n}
	caller := c.Principal.Session
	if len(in.Tags) > 0 || caller != nil && len(caller.TransitiveTags) > 0 {
		t := n
		t.Action = "sts:TagSession"
		needs = append(needs, t)
	}
	if in.SourceIdentity != nil || caller != nil && caller.SourceIdentity != "" {
		t := n
		t.Action = "sts:SetSourceIdentity"
		needs = append(needs, t)
	}
	return needs, nil
}

// conditions are the condition keys of an AssumeRole request.
func conditions(to map[string][]string, in *stsapi.AssumeRoleInput) {
	to["sts:RoleSessionName"] = []string{*in.RoleSessionName}
	if in.ExternalId != nil {
		to["sts:ExternalId"] = []string{*in.ExternalId}
	}
	if in.SourceIdentity != nil {
		to["sts:SourceIdentity"] = []string{*in.SourceIdentity}
	}
	if len(in.TransitiveTagKeys) > 0 {
		to["sts:TransitiveTagKeys"] = in.TransitiveTagKeys
	}
	tagConditions(to, in.Tags)
}

func tagConditions(to map[string][]string, tags []stsapi.Tag) {
	for _, t := range tags {
		to["aws:RequestTag/"+str(t.Key)] = []string{str(t.Value)}
		to["aws:TagKeys"] = append(to["aws:TagKeys"], str(t.Key))
	}
}

// mfa checks the code of a device that must be the caller's, and answers when;
// zero if the request carries none.
func (s *Service) mfa(tx *store.Tx, c *redoubt.Call, serial, code *string) (time.Time, error) {
	if serial == nil && code == nil {
		return time.Time{}, nil
	}
	unable := denied("MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
	if serial == nil {
		return time.Time{}, unable
	}
	if code == nil {
		return time.Time{}, denied("MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.")
	}
	owner := identity.RootID
	switch c.Principal.Kind {
	case redoubt.User:
		owner = c.Principal.ID
	case redoubt.Root:
	default:
		return time.Time{}, unable // sessions of roles have no devices
	}
	switch err := s.ids.CheckMFA(tx, c.Account, owner, *serial, *code); {
	case missing(err):
		return time.Time{}, unable
	case isCode(err):
		return time.Time{}, denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
	case err != nil:
		return time.Time{}, err
	}
	return s.clock.Now().UTC(), nil
}

// AssumeRole implements sts:AssumeRole.
func (s *Service) AssumeRole(ctx context.Context, c *redoubt.Call, in *stsapi.AssumeRoleInput) (*stsapi.AssumeRoleOutput, error) {
	tx := store.From(ctx)
	r, account, err := s.ids.RoleByARN(tx, *in.RoleArn)
	if missing(err) {
		return nil, denied("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.Principal.ARN, *in.RoleArn)
	}
	if err != nil {
		return nil, err
	}
	chained := c.Principal.Kind == redoubt.Role
	d, err := lasts(r, in.DurationSeconds, chained)
	if err != nil {
		return nil, err
	}
	// A code in the request admits it; the role's session itself has no MFA.
	session := &redoubt.Session{Name: *in.RoleSessionName, Chained: chained, SourceIdentity: str(in.SourceIdentity)}
	if caller := c.Principal.Session; caller != nil && caller.SourceIdentity != "" {
		if in.SourceIdentity != nil && *in.SourceIdentity != caller.SourceIdentity {
			return nil, denied("User: %s is not authorized to perform: sts:SetSourceIdentity on resource: %s", c.Principal.ARN, *in.RoleArn)
		}
		session.SourceIdentity = caller.SourceIdentity
	}
	tags, err := sessionTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if err := chain(session, c.Principal.Session, tags, in.TransitiveTagKeys); err != nil {
		return nil, err
	}
	if session.Policies, session.PolicyARNs, err = s.sessionPolicies(tx, account, in.Policy, in.PolicyArns); err != nil {
		return nil, err
	}
	size, err := packed(session)
	if err != nil {
		return nil, err
	}
	s.times(session, d)
	p := r.Session(account, session)
	creds, err := s.issue(&p)
	if err != nil {
		return nil, err
	}
	return &stsapi.AssumeRoleOutput{
		Credentials: creds, AssumedRoleUser: assumed(&p), PackedPolicySize: size, SourceIdentity: some(session.SourceIdentity),
	}, nil
}

func assumed(p *redoubt.Principal) *stsapi.AssumedRoleUser {
	return &stsapi.AssumedRoleUser{AssumedRoleId: &p.ID, Arn: &p.ARN}
}

// some is a string that is absent when empty.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// sessionName makes what an identity provider sends fit for a session's name.
func sessionName(s string) bool {
	return len(s) >= 2 && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-") == ""
}
