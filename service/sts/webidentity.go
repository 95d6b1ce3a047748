package sts

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/identity/oidc"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// Claims of a token that AWS reads besides OpenID Connect's.
const (
	claimTags   = "https://aws.amazon.com/tags"
	claimSource = "https://aws.amazon.com/source_identity"
)

// AssumeRoleWithWebIdentity implements sts:AssumeRoleWithWebIdentity.
func (s *Service) AssumeRoleWithWebIdentity(ctx context.Context, c *redoubt.Call, in *stsapi.AssumeRoleWithWebIdentityInput) (*stsapi.AssumeRoleWithWebIdentityOutput, error) {
	tx := store.From(ctx)
	if in.ProviderId != nil {
		return nil, redoubt.ErrNotImplemented.New("Access tokens of %s can be verified by AWS only.", *in.ProviderId)
	}
	t, err := oidc.Parse(*in.WebIdentityToken)
	if err != nil {
		return nil, with(stsapi.ErrInvalidIdentityTokenException.New("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"), err)
	}
	a, err := parseARN(*in.RoleArn)
	if err != nil {
		return nil, validation("Request ARN is invalid")
	}
	provider, err := s.verify(ctx, tx, a.Account, t)
	if err != nil {
		return nil, err
	}
	session := &redoubt.Session{
		Name: *in.RoleSessionName, Provider: provider.ARN(a.Account),
		Context: map[string]string{provider.URL + ":sub": t.Subject},
	}
	introduce(c, a.Account, strings.Join([]string{session.Provider, strings.Join(t.Audience, ","), t.Subject}, ":"), t.Subject, session)
	n, r, err := s.roleNeed(tx, "sts:AssumeRoleWithWebIdentity", *in.RoleArn)
	if err != nil {
		return nil, err
	}
	n.Conditions["sts:RoleSessionName"] = []string{*in.RoleSessionName}
	n.Conditions[provider.URL+":sub"] = []string{t.Subject}
	n.Conditions[provider.URL+":aud"] = t.Audience
	if t.AuthorizedParty != "" && provider.URL == "accounts.google.com" {
		n.Conditions[provider.URL+":aud"] = []string{t.AuthorizedParty}
		n.Conditions[provider.URL+":oaud"] = t.Audience
	}
	if amr, ok := t.Claims["amr"].([]any); ok {
		for _, v := range amr {
			if m, ok := v.(string); ok {
				n.Conditions[provider.URL+":amr"] = append(n.Conditions[provider.URL+":amr"], m)
			}
		}
	}
	if len(t.Audience) == 1 {
		session.Context[provider.URL+":aud"] = t.Audience[0]
	}
	tags, transitive, err := claimedTags(t)
	if err != nil {
		return nil, err
	}
	session.SourceIdentity, _ = t.Claims[claimSource].(string)
	if err := s.admitted(c, r, n, session, tags, transitive); err != nil {
		return nil, err
	}
	creds, size, p, err := s.federate(tx, r, a.Account, session, in.Policy, in.PolicyArns, in.DurationSeconds)
	if err != nil {
		return nil, err
	}
	return &stsapi.AssumeRoleWithWebIdentityOutput{
		Credentials: creds, SubjectFromWebIdentityToken: &t.Subject, AssumedRoleUser: assumed(p), PackedPolicySize: size,
		Provider: new(provider.ARN(a.Account)), Audience: some(strings.Join(t.Audience, ",")), SourceIdentity: some(session.SourceIdentity),
	}, nil
}

// verify finds the provider of a token in the role's account and holds the token
// against it.
func (s *Service) verify(ctx context.Context, tx *store.Tx, account string, t *oidc.Token) (*identity.OIDCProvider, error) {
	url, https := strings.CutPrefix(t.Issuer, "https://")
	if !https && t.Issuer == "accounts.google.com" {
		url = t.Issuer // Google's older tokens
	}
	url = strings.TrimSuffix(url, "/")
	p, err := s.ids.OIDCProvider(tx, account, (&identity.OIDCProvider{URL: url}).ARN(account))
	if missing(err) {
		return nil, stsapi.ErrInvalidIdentityTokenException.New("No OpenIDConnect provider found in your account for %s", t.Issuer)
	}
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(t.Audience, func(a string) bool { return slices.Contains(p.ClientIDs, a) }) &&
		!slices.Contains(p.ClientIDs, t.AuthorizedParty) {
		return nil, stsapi.ErrInvalidIdentityTokenException.New("Incorrect token audience")
	}
	if s.providers == nil {
		return nil, redoubt.ErrNotImplemented.New("This server is not configured to fetch the keys of identity providers.")
	}
	keys, err := s.providers.Keys(ctx, "https://"+p.URL, p.Thumbprints, t.KeyID)
	if err == nil {
		err = t.Verify(keys)
	}
	switch {
	case errors.Is(err, oidc.ErrCommunication):
		return nil, with(stsapi.ErrIDPCommunicationErrorException.New("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"), err)
	case errors.Is(err, oidc.ErrUnknownKey):
		return nil, with(stsapi.ErrInvalidIdentityTokenException.New("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"), err)
	case err != nil:
		return nil, with(stsapi.ErrInvalidIdentityTokenException.New("Provided Token's signature is invalid"), err)
	}
	now := s.wall.Now()
	switch {
	case !now.Before(t.Expires):
		return nil, stsapi.ErrExpiredTokenException.New("Token expired: current date/time %d must be before the expiration date/time %d", now.Unix(), t.Expires.Unix())
	case !t.NotBefore.IsZero() && now.Add(skew).Before(t.NotBefore), now.Add(skew).Before(t.Issued):
		return nil, stsapi.ErrInvalidIdentityTokenException.New("Token is not valid yet")
	}
	return p, nil
}

// claimedTags reads the session tags that a token carries.
func claimedTags(t *oidc.Token) (map[string]string, []string, error) {
	raw, ok := t.Claims[claimTags]
	if !ok {
		return nil, nil, nil
	}
	var c struct {
		Principal  map[string][]string `json:"principal_tags"`
		Transitive []string            `json:"transitive_tag_keys"`
	}
	b, err := json.Marshal(raw)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		return nil, nil, with(stsapi.ErrInvalidIdentityTokenException.New("The tags in the token are malformed"), err)
	}
	var list []stsapi.Tag
	for k, v := range c.Principal {
		if len(v) != 1 {
			return nil, nil, stsapi.ErrInvalidIdentityTokenException.New("The tags in the token are malformed")
		}
		list = append(list, stsapi.Tag{Key: new(k), Value: new(v[0])})
	}
	tags, err := sessionTags(list)
	return tags, c.Transitive, err
}

// introduce says who calls, once a provider has vouched for it, so that the
// account whose role it is about has the call in its log.
func introduce(c *redoubt.Call, account, id, name string, session *redoubt.Session) {
	c.Account = account
	c.Principal = redoubt.Principal{Kind: redoubt.Federated, ID: id, Name: name, Session: session}
}

// admitted holds a federated caller against the role's trust policy. The caller
// is known to its provider only, so that this is decided here and not by the
// front door. An absent role refuses in the same words.
func (s *Service) admitted(c *redoubt.Call, r *identity.Role, n redoubt.Need, session *redoubt.Session, tags map[string]string, transitive []string) error {
	refused := denied("Not authorized to perform %s", n.Action)
	if r == nil {
		return refused
	}
	if err := chain(session, nil, tags, transitive); err != nil {
		return err
	}
	for k, v := range tags {
		n.Conditions["aws:RequestTag/"+k] = []string{v}
		n.Conditions["aws:TagKeys"] = append(n.Conditions["aws:TagKeys"], k)
	}
	if len(transitive) > 0 {
		n.Conditions["sts:TransitiveTagKeys"] = transitive
	}
	if session.SourceIdentity != "" {
		n.Conditions["sts:SourceIdentity"] = []string{session.SourceIdentity}
	}
	d, err := s.policies.Parse(n.Policy, policy.Trust)
	if err != nil {
		return err
	}
	actions := []string{n.Action}
	if len(tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if session.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	call := *c
	call.Account, call.Principal = "", redoubt.Principal{Kind: redoubt.Federated, Session: session}
	for _, a := range actions {
		need := n
		need.Action = a
		ok := policy.Evaluate(&policy.Request{
			Call: &call, Need: &need, Resource: &policy.Source{Kind: policy.Trust, Attached: n.Resource, Document: d},
		}).Allowed
		if !ok {
			return denied("Not authorized to perform %s", a)
		}
	}
	return nil
}

// federate makes the session of an admitted federated caller.
func (s *Service) federate(tx *store.Tx, r *identity.Role, account string, session *redoubt.Session, inline *string, managed []stsapi.PolicyDescriptorType, asked *int32) (*stsapi.Credentials, *int32, *redoubt.Principal, error) {
	d, err := lasts(r, asked, false)
	if err != nil {
		return nil, nil, nil, err
	}
	if session.Policies, session.PolicyARNs, err = s.sessionPolicies(tx, account, inline, managed); err != nil {
		return nil, nil, nil, err
	}
	size, err := packed(session)
	if err != nil {
		return nil, nil, nil, err
	}
	until := session.Expires // where the provider sets an end
	s.times(session, d)
	if !until.IsZero() {
		if left := until.Sub(s.wall.Now()); left < d {
			s.times(session, left)
		}
	}
	p := r.Session(account, session)
	creds, err := s.issue(&p)
	return creds, size, &p, err
}
