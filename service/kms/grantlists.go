package kms

import (
	"context"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/store"
)

// ListGrants lists a key's grants.
func (s *Service) ListGrants(ctx context.Context, c *redoubt.Call, in *kmsapi.ListGrantsInput) (*kmsapi.ListGrantsOutput, error) {
	k, err := s.key(ctx, c, in.KeyId, byID)
	if err != nil {
		return nil, err
	}
	if in.GrantId != nil {
		if _, err := s.grant(store.From(ctx), k, *in.GrantId); err != nil {
			return nil, err
		}
	}
	grantee, ofService := firstSet(in.GranteePrincipal, in.GranteeServicePrincipal), in.GranteeServicePrincipal != nil
	p, err := s.page(c, in.Limit, in.Marker, aliasPages, k.ID, value(in.GrantId), value(grantee))
	if err != nil {
		return nil, err
	}
	out := &kmsapi.ListGrantsOutput{Grants: []kmsapi.GrantListEntry{}}
	q := store.Query{Prefix: grantPrefix(k.ID)}
	if p.after != "" {
		q.After = store.ID(k.ID, p.after)
	}
	for row, err := range grants.In(k.Account, k.Region).Scan(store.From(ctx), q) {
		if err != nil {
			return nil, err
		}
		g := row.Value
		if in.GrantId != nil && g.ID != *in.GrantId || grantee != nil && (g.Grantee != *grantee || g.GranteeService != ofService) {
			continue
		}
		if len(out.Grants) == p.limit {
			p.more(out.Grants[p.limit-1].GrantId)
			break
		}
		out.Grants = append(out.Grants, grantEntry(k.ARN, g))
	}
	out.Truncated, out.NextMarker, err = p.end()
	return out, err
}

// checkListGrants refuses filters that exclude each other, and the one that only
// services may use.
func checkListGrants(c *redoubt.Call, in *kmsapi.ListGrantsInput) error {
	if in.GranteePrincipal != nil && in.GranteeServicePrincipal != nil {
		return redoubt.ErrValidation.New("You can specify either GranteePrincipal or GranteeServicePrincipal, but not both.")
	}
	if in.GranteeServicePrincipal != nil && c.Principal.Kind != redoubt.Service {
		return redoubt.ErrValidation.New("The GranteeServicePrincipal filter is usable by AWS service principals only.")
	}
	return nil
}

// ListRetirableGrants lists the grants in the region, on keys of any account,
// that a principal may retire.
func (s *Service) ListRetirableGrants(ctx context.Context, c *redoubt.Call, in *kmsapi.ListRetirableGrantsInput) (*kmsapi.ListRetirableGrantsOutput, error) {
	tx := store.From(ctx)
	who, ofService := firstSet(in.RetiringPrincipal, in.RetiringServicePrincipal), in.RetiringServicePrincipal != nil
	p, err := s.page(c, in.Limit, in.Marker, aliasPages, value(who))
	if err != nil {
		return nil, err
	}
	out := &kmsapi.ListRetirableGrantsOutput{Grants: []kmsapi.GrantListEntry{}}
	prefix := store.ID(*who) + "\x00"
	q := store.Query{Prefix: prefix}
	if p.after != "" {
		q.After = prefix + p.after
	}
	var last string
	for row, err := range retirable.In(retiringScope(*who, ofService), c.Region).Scan(tx, q) {
		if err != nil {
			return nil, err
		}
		at := row.Value
		g, err := grants.In(at.Account, c.Region).Get(tx, store.ID(at.Key, at.Grant))
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(out.Grants) == p.limit {
			p.more(&last)
			break
		}
		last = strings.TrimPrefix(row.ID, prefix)
		out.Grants = append(out.Grants, grantEntry(keyARN(c.Partition, c.Region, at.Account, at.Key), g))
	}
	out.Truncated, out.NextMarker, err = p.end()
	return out, err
}

// checkListRetirable refuses requests that name no principal, one of another
// account, or a service without being one.
func checkListRetirable(c *redoubt.Call, in *kmsapi.ListRetirableGrantsInput) error {
	switch {
	case in.RetiringPrincipal == nil && in.RetiringServicePrincipal == nil:
		return required("retiringPrincipal")
	case in.RetiringPrincipal != nil && in.RetiringServicePrincipal != nil:
		return redoubt.ErrValidation.New("You must specify either RetiringPrincipal or RetiringServicePrincipal, but not both.")
	case in.RetiringServicePrincipal != nil && c.Principal.Kind != redoubt.Service:
		return redoubt.ErrValidation.New("The RetiringServicePrincipal filter is usable by AWS service principals only.")
	case in.RetiringPrincipal != nil:
		a, err := redoubt.ParseARN(*in.RetiringPrincipal)
		if err != nil || a.Service != "iam" && a.Service != "sts" || !isAccount(a.Account) {
			return invalidPrincipalARN(*in.RetiringPrincipal)
		}
	}
	return nil
}

// grantEntry words a grant as lists show it: Name is there even when empty.
func grantEntry(keyARN string, g *Grant) kmsapi.GrantListEntry {
	e := kmsapi.GrantListEntry{
		KeyId:          &keyARN,
		GrantId:        &g.ID,
		Name:           &g.Name,
		CreationDate:   &g.Created,
		IssuingAccount: new("arn:aws:iam::" + g.Issuer + ":root"),
		Operations:     g.Operations,
	}
	if g.GranteeService {
		e.GranteeServicePrincipal = &g.Grantee
	}
	e.GranteePrincipal = &g.Grantee
	if g.Retiring != "" {
		if g.RetiringService {
			e.RetiringServicePrincipal = &g.Retiring
		} else {
			e.RetiringPrincipal = &g.Retiring
		}
	}
	if g.Equals != nil || g.Subset != nil || g.SourceARN != "" {
		e.Constraints = &kmsapi.GrantConstraints{EncryptionContextEquals: g.Equals, EncryptionContextSubset: g.Subset}
		if g.SourceARN != "" {
			e.Constraints.SourceArn = &g.SourceARN
		}
	}
	return e
}
