package identity

import (
	"errors"

	"github.com/redoubt-sec/redoubt/store"
)

// Quotas of an account, AWS's defaults (what can be raised there stands at its
// maximum only where the default would be in the way of nobody).
// Source: IAM User Guide, "IAM and AWS STS quotas".
const (
	MaxUsers                = 5000
	MaxGroups               = 300
	MaxRoles                = 1000
	MaxPolicies             = 1500
	MaxProfiles             = 1000
	MaxServerCertificates   = 20
	MaxSAMLProviders        = 100
	MaxOIDCProviders        = 100
	MaxAttachedPerUser      = 10
	MaxAttachedPerGroup     = 10
	MaxAttachedPerRole      = 10
	MaxGroupsPerUser        = 10
	MaxAccessKeysPerUser    = 2
	MaxVersions             = 5
	MaxTags                 = 50
	MaxMFADevicesPerUser    = 8
	MaxSSHKeysPerUser       = 5
	MaxSigningPerUser       = 2
	MaxCredentialsOfService = 2
	MaxPolicySize           = 6144 // characters without white space
	MaxUserInline           = 2048
	MaxGroupInline          = 5120
	MaxRoleInline           = 10240
	MaxTrustPolicy          = 2048 // default; AWS raises it to 4096 on request
	MaxClientIDs            = 100
	MaxThumbprints          = 5
)

// quotas that claim holds, by AWS's names.
var quotas = map[Noun]Limit{
	NounUser:              {"UsersPerAccount", MaxUsers},
	NounGroup:             {"GroupsPerAccount", MaxGroups},
	NounRole:              {"RolesPerAccount", MaxRoles},
	NounPolicy:            {"PoliciesPerAccount", MaxPolicies},
	NounProfile:           {"InstanceProfilesPerAccount", MaxProfiles},
	NounServerCertificate: {"ServerCertificatesPerAccount", MaxServerCertificates},
	NounSAML:              {"SAMLProvidersPerAccount", MaxSAMLProviders},
	NounOIDC:              {"OpenIdConnectProvidersPerAccount", MaxOIDCProviders},
}

// counts are how many things of a noun an account has: a quota must not walk
// five thousand users to admit one more.
var counts = store.AccountTable[countRow]("identity.count")

type countRow struct{ N int }

// Count answers how many things of the noun the account has.
func (i *Identity) Count(tx *store.Tx, account string, noun Noun) (int, error) {
	row, err := counts.In(account).Get(tx, string(noun))
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return row.N, nil
}

func count(tx *store.Tx, account string, noun Noun, by int) error {
	n, err := (*Identity)(nil).Count(tx, account, noun)
	if err != nil {
		return err
	}
	if q, ok := quotas[noun]; ok && by > 0 && n+by > q.Max {
		return &q
	}
	return counts.In(account).Put(tx, string(noun), &countRow{n + by})
}
