package sts

import (
	"context"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// userSession answers how long a session made with long-lived credentials lasts:
// twelve hours, at most what was asked; one hour for the root user.
func userSession(c *redoubt.Call, asked *int32) time.Duration {
	seconds := 12 * hour
	if asked != nil {
		seconds = *asked
	}
	if c.Principal.Kind == redoubt.Root {
		seconds = min(seconds, hour)
	}
	return time.Duration(seconds) * time.Second
}

// GetSessionToken implements sts:GetSessionToken. It takes no right: its purpose
// is to show a code, and policies cannot forbid authentication.
func (s *Service) GetSessionToken(ctx context.Context, c *redoubt.Call, in *stsapi.GetSessionTokenInput) (*stsapi.GetSessionTokenOutput, error) {
	p := c.Principal
	if p.Session != nil || p.Kind != redoubt.User && p.Kind != redoubt.Root {
		return nil, denied("Cannot call GetSessionToken with session credentials")
	}
	at, err := s.mfa(store.From(ctx), c, in.SerialNumber, in.TokenCode)
	if err != nil {
		return nil, err
	}
	p.Session = &redoubt.Session{MFA: !at.IsZero(), MFATime: at}
	s.times(p.Session, userSession(c, in.DurationSeconds))
	creds, err := s.issue(&p)
	return &stsapi.GetSessionTokenOutput{Credentials: creds}, err
}

// needsFederation are the needs of GetFederationToken.
func needsFederation(_ context.Context, c *redoubt.Call, in *stsapi.GetFederationTokenInput) ([]redoubt.Need, error) {
	if c.Principal.Session != nil || c.Principal.Kind != redoubt.User && c.Principal.Kind != redoubt.Root {
		return nil, denied("Cannot call GetFederationToken with session credentials")
	}
	n := redoubt.Need{
		Action: "sts:GetFederationToken", Resource: "arn:aws:sts::" + c.Account + ":federated-user/" + *in.Name, Conditions: map[string][]string{},
	}
	tagConditions(n.Conditions, in.Tags)
	needs := []redoubt.Need{n}
	if len(in.Tags) > 0 {
		t := n
		t.Action = "sts:TagSession"
		needs = append(needs, t)
	}
	return needs, nil
}

// GetFederationToken implements sts:GetFederationToken.
func (s *Service) GetFederationToken(ctx context.Context, c *redoubt.Call, in *stsapi.GetFederationTokenInput) (*stsapi.GetFederationTokenOutput, error) {
	tx := store.From(ctx)
	var by *identity.User
	if c.Principal.Kind == redoubt.User {
		var err error
		if by, err = s.ids.UserByID(tx, c.Account, c.Principal.ID); err != nil {
			return nil, err
		}
	}
	session := &redoubt.Session{}
	var err error
	if session.Tags, err = sessionTags(in.Tags); err != nil {
		return nil, err
	}
	if session.Policies, session.PolicyARNs, err = s.sessionPolicies(tx, c.Account, in.Policy, in.PolicyArns); err != nil {
		return nil, err
	}
	size, err := packed(session)
	if err != nil {
		return nil, err
	}
	if size == nil {
		size = new(int32(0)) // present here even where there is nothing to pack
	}
	s.times(session, userSession(c, in.DurationSeconds))
	p := identity.FederatedPrincipal(c.Account, *in.Name, by, session)
	creds, err := s.issue(&p)
	if err != nil {
		return nil, err
	}
	return &stsapi.GetFederationTokenOutput{
		Credentials: creds, FederatedUser: &stsapi.FederatedUser{FederatedUserId: &p.ID, Arn: &p.ARN}, PackedPolicySize: size,
	}, nil
}
