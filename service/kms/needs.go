package kms

import (
	"context"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// use is how an operation uses the one key that it names.
type use struct {
	key     *string
	context map[string]string
	tokens  []string
	with    conditions
	// algorithm is kms:EncryptionAlgorithm.
	algorithm string
	// idle adds kms:TrailingDaysWithoutKeyUsage, forService
	// kms:GrantIsForAWSResource.
	idle, forService bool
	// refused is what is wrong with the request itself, before any right counts.
	refused error
}

// onKey states one right, the operation's own, on the key that it names.
func onKey[I any](s *Service, f form, reach bool, of func(*I) use) op.Needs[I] {
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		u := of(in)
		if u.refused != nil {
			return nil, u.refused
		}
		n, err := s.resolve(ctx, c, value(u.key), f)
		if err != nil {
			return nil, err
		}
		if u.idle && n.key != nil {
			days, err := s.trailingDays(store.From(ctx), n.key)
			if err != nil {
				return nil, err
			}
			if u.with == nil {
				u.with = conditions{}
			}
			u.with.number("kms:TrailingDaysWithoutKeyUsage", days)
		}
		if u.forService {
			u.with = conditions{}
			u.with.flag("kms:GrantIsForAWSResource", c.Via.Service != "")
		}
		need, err := s.need(ctx, c, right{action: "kms:" + c.Operation, key: n, context: u.context, tokens: u.tokens, with: u.with, algorithm: u.algorithm, reach: reach})
		return []redoubt.Need{need}, err
	}
}

// ownKey is onKey for management: keys of the caller's account, by id or ARN,
// without condition keys of the operation's own.
func ownKey[I any](s *Service, id func(*I) *string) op.Needs[I] {
	return onKey(s, byID, ownAccount, func(in *I) use { return use{key: id(in)} })
}

// onAll states the operation's right on no particular resource.
func onAll[I any](_ context.Context, c *redoubt.Call, _ *I) ([]redoubt.Need, error) {
	return []redoubt.Need{{Action: "kms:" + c.Operation, Resource: "*"}}, nil
}

// createNeeds: the key is not there yet, so that IAM alone decides.
func (s *Service) createNeeds(_ context.Context, c *redoubt.Call, in *kmsapi.CreateKeyInput) ([]redoubt.Need, error) {
	m := conditions{}
	m.set("kms:KeySpec", firstSet(in.KeySpec, in.CustomerMasterKeySpec, new(string(material.Symmetric))))
	m.set("kms:CustomerMasterKeySpec", firstSet(in.KeySpec, in.CustomerMasterKeySpec, new(string(material.Symmetric))))
	m.set("kms:KeyUsage", firstSet(in.KeyUsage, new(string(material.EncryptDecrypt))))
	m.set("kms:CustomerMasterKeyUsage", firstSet(in.KeyUsage, new(string(material.EncryptDecrypt))))
	m.set("kms:KeyOrigin", firstSet(in.Origin, new(kmsapi.OriginTypeAwsKms)))
	m.flag("kms:MultiRegion", value(in.MultiRegion))
	if value(in.MultiRegion) {
		m["kms:MultiRegionKeyType"] = []string{kmsapi.MultiRegionKeyTypePrimary}
	}
	m.flag("kms:BypassPolicyLockoutSafetyCheck", value(in.BypassPolicyLockoutSafetyCheck))
	m.tags(in.Tags)
	return withTags(c, in.Tags, redoubt.Need{Action: "kms:CreateKey", Resource: "*", Conditions: m}), nil
}

// withTags adds the right to tag a key that is being made.
func withTags(c *redoubt.Call, tags []kmsapi.Tag, needs ...redoubt.Need) []redoubt.Need {
	if len(tags) == 0 {
		return needs
	}
	m := conditions{}
	m.tags(tags)
	return append(needs, redoubt.Need{Action: "kms:TagResource", Resource: c.ARN("key/*"), Conditions: m})
}

// aliasNeed is the right on an alias: a matter of the account's IAM policies.
func aliasNeed(c *redoubt.Call, name string) redoubt.Need {
	return redoubt.Need{Action: "kms:" + c.Operation, Resource: aliasARN(c, c.Account, name), Account: c.Account}
}

func (s *Service) createAliasNeeds(ctx context.Context, c *redoubt.Call, in *kmsapi.CreateAliasInput) ([]redoubt.Need, error) {
	if err := checkAliasName(value(in.AliasName)); err != nil {
		return nil, err
	}
	n, err := s.keyNeed(ctx, c, value(in.TargetKeyId))
	return []redoubt.Need{aliasNeed(c, value(in.AliasName)), n}, err
}

func (s *Service) updateAliasNeeds(ctx context.Context, c *redoubt.Call, in *kmsapi.UpdateAliasInput) ([]redoubt.Need, error) {
	needs, err := s.aliasAndKey(ctx, c, value(in.AliasName))
	if err != nil {
		return nil, err
	}
	n, err := s.keyNeed(ctx, c, value(in.TargetKeyId))
	return append(needs, n), err
}

func (s *Service) deleteAliasNeeds(ctx context.Context, c *redoubt.Call, in *kmsapi.DeleteAliasInput) ([]redoubt.Need, error) {
	return s.aliasAndKey(ctx, c, value(in.AliasName))
}

// aliasAndKey states the right on an alias and on the key that it names now.
func (s *Service) aliasAndKey(ctx context.Context, c *redoubt.Call, name string) ([]redoubt.Need, error) {
	if err := checkAliasName(name); err != nil {
		return nil, err
	}
	needs := []redoubt.Need{aliasNeed(c, name)}
	a, err := aliases.In(c.Account, c.Region).Get(store.From(ctx), name)
	if errors.Is(err, store.ErrNotFound) {
		return needs, nil
	}
	if err != nil {
		return nil, err
	}
	n, err := s.keyNeed(ctx, c, a.Key)
	return append(needs, n), err
}

// keyNeed states the operation's right on a key of the caller's account.
func (s *Service) keyNeed(ctx context.Context, c *redoubt.Call, id string) (redoubt.Need, error) {
	n, err := s.resolve(ctx, c, id, byID)
	if err != nil {
		return redoubt.Need{}, err
	}
	return s.need(ctx, c, right{action: "kms:" + c.Operation, key: n})
}

func (s *Service) createGrantNeeds(ctx context.Context, c *redoubt.Call, in *kmsapi.CreateGrantInput) ([]redoubt.Need, error) {
	if err := checkGrantShape(in); err != nil {
		return nil, err
	}
	n, err := s.resolve(ctx, c, value(in.KeyId), byID)
	if err != nil {
		return nil, err
	}
	m := conditions{"kms:GrantOperations": in.Operations}
	m.set("kms:GranteePrincipal", in.GranteePrincipal)
	m.set("kms:GranteeServicePrincipal", in.GranteeServicePrincipal)
	m.set("kms:RetiringPrincipal", in.RetiringPrincipal)
	m.set("kms:RetiringServicePrincipal", in.RetiringServicePrincipal)
	m.flag("kms:GrantIsForAWSResource", c.Via.Service != "")
	if con := in.Constraints; con != nil {
		m.constraints(con.EncryptionContextEquals, con.EncryptionContextSubset)
		m.set("kms:GrantConstraintSourceArn", con.SourceArn)
	}
	r := right{action: "kms:CreateGrant", key: n, tokens: in.GrantTokens, with: m, reach: true}
	if n.key != nil {
		child := newGrant(c, n.key, in)
		r.grants = func(g *Grant) bool { return g.narrower(child) }
	}
	need, err := s.need(ctx, c, r)
	return []redoubt.Need{need}, err
}

// constraints sets what encryption context constraints say.
func (m conditions) constraints(equals, subset map[string]string) {
	var types []string
	if equals != nil {
		types = append(types, "EncryptionContextEquals")
		m.encryptionContext(equals)
	}
	if subset != nil {
		types = append(types, "EncryptionContextSubset")
		m.encryptionContext(subset)
	}
	if types != nil {
		m["kms:GrantConstraintType"] = types
	}
}

func (s *Service) listGrantsNeeds(ctx context.Context, c *redoubt.Call, in *kmsapi.ListGrantsInput) ([]redoubt.Need, error) {
	return onKey(s, byID, anyAccount, func(in *kmsapi.ListGrantsInput) use {
		return use{key: in.KeyId, forService: true, refused: checkListGrants(c, in)}
	})(ctx, c, in)
}

// listRetirableNeeds: the resource is the retiring principal, which must be of
// the caller's account.
func (s *Service) listRetirableNeeds(_ context.Context, c *redoubt.Call, in *kmsapi.ListRetirableGrantsInput) ([]redoubt.Need, error) {
	if err := checkListRetirable(c, in); err != nil {
		return nil, err
	}
	n := redoubt.Need{Action: "kms:ListRetirableGrants", Resource: "*"}
	if in.RetiringPrincipal != nil {
		n.Resource, n.Account = *in.RetiringPrincipal, retiringScope(*in.RetiringPrincipal, false)
	} else if *in.RetiringServicePrincipal == c.Principal.ARN {
		n.Grant = "of the service itself" // services have no policies
	}
	return []redoubt.Need{n}, nil
}

// retireNeeds: whom the grant names may retire it; so may whom the key policy
// lets, or the account's IAM policies where it delegates to them.
func (s *Service) retireNeeds(ctx context.Context, c *redoubt.Call, in *kmsapi.RetireGrantInput) ([]redoubt.Need, error) {
	if err := checkRetireShape(in); err != nil {
		return nil, err
	}
	n, id, err := s.retired(ctx, c, in)
	if err != nil {
		return nil, err
	}
	m := conditions{}
	var g *Grant
	if n.key != nil {
		g, err = grants.In(n.key.Account, n.key.Region).Get(store.From(ctx), store.ID(n.key.ID, id))
		if err != nil && !isNotFound(err) {
			return nil, err
		}
	}
	if g != nil {
		m.constraints(g.Equals, g.Subset)
	}
	need, err := s.need(ctx, c, right{action: "kms:RetireGrant", key: n, with: m, reach: true})
	if g != nil && g.retiredBy(c) {
		need.Grant = g.ID
	}
	return []redoubt.Need{need}, err
}

func (s *Service) replicateNeeds(ctx context.Context, c *redoubt.Call, in *kmsapi.ReplicateKeyInput) ([]redoubt.Need, error) {
	n, err := s.resolve(ctx, c, value(in.KeyId), byID)
	if err != nil {
		return nil, err
	}
	m := conditions{}
	m.set("kms:ReplicaRegion", in.ReplicaRegion)
	need, err := s.need(ctx, c, right{action: "kms:ReplicateKey", key: n, with: m})
	if err != nil {
		return nil, err
	}
	create := redoubt.Need{Action: "kms:CreateKey", Resource: "*"}
	if k := n.key; k != nil {
		m := conditions{}
		for name, v := range s.derived(k).conditions {
			m[name] = v
		}
		delete(m, "kms:ResourceAliases")
		m["kms:MultiRegionKeyType"] = []string{kmsapi.MultiRegionKeyTypeReplica}
		m.flag("kms:BypassPolicyLockoutSafetyCheck", value(in.BypassPolicyLockoutSafetyCheck))
		m.tags(in.Tags)
		create.Conditions = m
	}
	return withTags(c, in.Tags, need, create), nil
}

// updatePrimaryNeeds: a right on the old primary and on the new one.
func (s *Service) updatePrimaryNeeds(ctx context.Context, c *redoubt.Call, in *kmsapi.UpdatePrimaryRegionInput) ([]redoubt.Need, error) {
	n, err := s.resolve(ctx, c, value(in.KeyId), byID)
	if err != nil {
		return nil, err
	}
	m := conditions{}
	m.set("kms:PrimaryRegion", in.PrimaryRegion)
	r := right{action: "kms:UpdatePrimaryRegion", key: n, with: m}
	need, err := s.need(ctx, c, r)
	if err != nil || n.key == nil {
		return []redoubt.Need{need}, err
	}
	other, err := load(store.From(ctx), n.owner, value(in.PrimaryRegion), n.key.ID)
	if err != nil {
		return nil, err
	}
	r.key = named{key: other, arn: keyARN(c.Partition, value(in.PrimaryRegion), n.owner, n.key.ID), owner: n.owner}
	second, err := s.need(ctx, c, r)
	return []redoubt.Need{need, second}, err
}

func (s *Service) decryptNeeds(ctx context.Context, c *redoubt.Call, in *kmsapi.DecryptInput) ([]redoubt.Need, error) {
	if err := checkCiphertext(in.CiphertextBlob, in.KeyId, "keyId", in.DryRun, in.DryRunModifiers); err != nil {
		return nil, err
	}
	n, _, err := s.source(ctx, c, in.KeyId, in.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	r := right{action: "kms:Decrypt", key: n, context: in.EncryptionContext, tokens: in.GrantTokens, reach: true,
		algorithm: algorithm(in.EncryptionAlgorithm)}
	if in.KeyId == nil {
		r.refusal = unreachableText
	}
	need, err := s.need(ctx, c, r)
	return []redoubt.Need{need}, err
}

// reEncryptNeeds: a right on the source and one on the destination.
func (s *Service) reEncryptNeeds(ctx context.Context, c *redoubt.Call, in *kmsapi.ReEncryptInput) ([]redoubt.Need, error) {
	if err := checkCiphertext(in.CiphertextBlob, in.SourceKeyId, "sourceKeyId", in.DryRun, in.DryRunModifiers); err != nil {
		return nil, err
	}
	from, _, err := s.source(ctx, c, in.SourceKeyId, in.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	to, err := s.resolve(ctx, c, value(in.DestinationKeyId), byAlias)
	if err != nil {
		return nil, err
	}
	m := conditions{}
	m.flag("kms:ReEncryptOnSameKey", from.key != nil && from.arn == to.arn)
	r := right{action: "kms:ReEncryptFrom", key: from, context: in.SourceEncryptionContext, tokens: in.GrantTokens, reach: true, with: m, algorithm: algorithm(in.SourceEncryptionAlgorithm)}
	if in.SourceKeyId == nil {
		r.refusal = unreachableText
	}
	first, err := s.need(ctx, c, r)
	if err != nil {
		return nil, err
	}
	second, err := s.need(ctx, c, right{action: "kms:ReEncryptTo", key: to, context: in.DestinationEncryptionContext, tokens: in.GrantTokens, reach: true, with: m, algorithm: algorithm(in.DestinationEncryptionAlgorithm)})
	return []redoubt.Need{first, second}, err
}
