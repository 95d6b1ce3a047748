package iam

import (
	"context"
	"regexp"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// An alias is part of a sign-in address: no run of hyphens, no hyphen at an end,
// not a number of twelve digits.
var aliasForm = regexp.MustCompile(`^[a-z0-9](([a-z0-9]|-[a-z0-9])*)$`)

// CreateAccountAlias implements iam:CreateAccountAlias; it takes the place of
// the one before.
func (s *Service) CreateAccountAlias(ctx context.Context, c *redoubt.Call, in *iamapi.CreateAccountAliasInput) (*iamapi.CreateAccountAliasOutput, error) {
	alias := *in.AccountAlias
	if !aliasForm.MatchString(alias) || identity.IsAccountID(alias) {
		return nil, validation("1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$")
	}
	return nil, fail(s.ids.SetAlias(store.From(ctx), c.Account, alias))
}

// DeleteAccountAlias implements iam:DeleteAccountAlias.
func (s *Service) DeleteAccountAlias(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteAccountAliasInput) (*iamapi.DeleteAccountAliasOutput, error) {
	tx := store.From(ctx)
	a, err := s.ids.Account(tx, c.Account)
	if err != nil {
		return nil, err
	}
	if a.Alias != *in.AccountAlias {
		return nil, iamapi.ErrNoSuchEntityException.New("The account alias %s cannot be found.", *in.AccountAlias)
	}
	return nil, fail(s.ids.SetAlias(tx, c.Account, ""))
}

// ListAccountAliases implements iam:ListAccountAliases.
func (s *Service) ListAccountAliases(ctx context.Context, c *redoubt.Call, in *iamapi.ListAccountAliasesInput) (*iamapi.ListAccountAliasesOutput, error) {
	a, err := s.ids.Account(store.From(ctx), c.Account)
	if err != nil {
		return nil, err
	}
	if _, err := after(in.Marker); err != nil {
		return nil, err
	}
	out := &iamapi.ListAccountAliasesOutput{AccountAliases: []string{}, IsTruncated: new(false)}
	if a.Alias != "" && in.Marker == nil {
		out.AccountAliases = []string{a.Alias}
	}
	return out, nil
}

// GetAccountSummary implements iam:GetAccountSummary.
func (s *Service) GetAccountSummary(ctx context.Context, c *redoubt.Call, _ *iamapi.GetAccountSummaryInput) (*iamapi.GetAccountSummaryOutput, error) {
	tx := store.From(ctx)
	a, err := s.ids.Account(tx, c.Account)
	if err != nil {
		return nil, err
	}
	m := map[string]int32{
		"AccessKeysPerUserQuota": identity.MaxAccessKeysPerUser, "AccountAccessKeysPresent": 0, "AccountMFAEnabled": 0,
		"AccountPasswordPresent": 0, "AccountSigningCertificatesPresent": 0,
		"AssumeRolePolicySizeQuota":     identity.MaxTrustPolicy,
		"AttachedPoliciesPerGroupQuota": identity.MaxAttachedPerGroup, "AttachedPoliciesPerRoleQuota": identity.MaxAttachedPerRole,
		"AttachedPoliciesPerUserQuota": identity.MaxAttachedPerUser, "GlobalEndpointTokenVersion": tokenVersion(a),
		"GroupPolicySizeQuota": identity.MaxGroupInline, "GroupsPerUserQuota": identity.MaxGroupsPerUser, "GroupsQuota": identity.MaxGroups,
		"InstanceProfilesQuota": identity.MaxProfiles, "PoliciesQuota": identity.MaxPolicies, "PolicySizeQuota": identity.MaxPolicySize,
		"PolicyVersionsInUseQuota": 10000, "RolePolicySizeQuota": identity.MaxRoleInline, "RolesQuota": identity.MaxRoles,
		"ServerCertificatesQuota": identity.MaxServerCertificates, "SigningCertificatesPerUserQuota": identity.MaxSigningPerUser,
		"UserPolicySizeQuota": identity.MaxUserInline, "UsersQuota": identity.MaxUsers, "VersionsPerPolicyQuota": identity.MaxVersions,
		"MFADevices": 0, "MFADevicesInUse": 0, "PolicyVersionsInUse": 0, "Providers": 0,
	}
	if len(a.AccessKeys) > 0 {
		m["AccountAccessKeysPresent"] = 1
	}
	for name, noun := range map[string]identity.Noun{
		"Users": identity.NounUser, "Groups": identity.NounGroup, "Roles": identity.NounRole, "Policies": identity.NounPolicy,
		"InstanceProfiles": identity.NounProfile, "ServerCertificates": identity.NounServerCertificate,
	} {
		n, err := s.ids.Count(tx, c.Account, noun)
		if err != nil {
			return nil, err
		}
		m[name] = int32(n)
	}
	for _, noun := range []identity.Noun{identity.NounOIDC, identity.NounSAML} {
		n, err := s.ids.Count(tx, c.Account, noun)
		if err != nil {
			return nil, err
		}
		m["Providers"] += int32(n)
	}
	for p, err := range s.ids.ManagedPolicies(tx, c.Account, "") {
		if err != nil {
			return nil, err
		}
		m["PolicyVersionsInUse"] += int32(len(p.Versions))
	}
	for d, err := range s.ids.MFADevices(tx, c.Account, "") {
		if err != nil {
			return nil, err
		}
		m["MFADevices"]++
		if d.User != "" {
			m["MFADevicesInUse"]++
		}
		if d.User == identity.RootID {
			m["AccountMFAEnabled"] = 1
		}
	}
	return &iamapi.GetAccountSummaryOutput{SummaryMap: m}, nil
}

func tokenVersion(a *identity.Account) int32 {
	if a.TokenVersion == "v2Token" {
		return 2
	}
	return 1
}

// SetSecurityTokenServicePreferences implements the operation of that name.
// Tokens here are valid in every region either way.
func (s *Service) SetSecurityTokenServicePreferences(ctx context.Context, c *redoubt.Call, in *iamapi.SetSecurityTokenServicePreferencesInput) (*iamapi.SetSecurityTokenServicePreferencesOutput, error) {
	_, err := s.ids.EditAccount(store.From(ctx), c.Account, func(a *identity.Account) error {
		a.TokenVersion = *in.GlobalEndpointTokenVersion
		return nil
	})
	return nil, fail(err)
}
