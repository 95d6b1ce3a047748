package kms

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
)

// Alias is a friendly name of a key, kept under its whole name, "alias/x".
type Alias struct {
	Key     string // id
	Created time.Time
	Updated time.Time
}

var aliases = store.RegionalTable[Alias]("kms.alias")

const (
	aliasPrefix    = "alias/"
	reservedPrefix = "alias/aws/"
)

// CreateAlias gives a key another name.
func (s *Service) CreateAlias(ctx context.Context, c *redoubt.Call, in *kmsapi.CreateAliasInput) (*kmsapi.CreateAliasOutput, error) {
	tx := store.From(ctx)
	name := value(in.AliasName)
	k, err := s.aliasTarget(ctx, c, in.TargetKeyId)
	if err != nil {
		return nil, err
	}
	rows := aliases.In(c.Account, c.Region)
	switch taken, err := rows.Has(tx, name); {
	case err != nil:
		return nil, err
	case taken:
		return nil, kmsapi.ErrAlreadyExistsException.New("An alias with the name %s already exists", aliasARN(c, c.Account, name))
	}
	if len(k.Aliases) >= s.quotas.AliasesPerKey {
		return nil, kmsapi.ErrLimitExceededException.New("The quota of %d aliases for the KMS key %s is exceeded.", s.quotas.AliasesPerKey, k.ARN)
	}
	now := s.clock.Now()
	if err := rows.Put(tx, name, &Alias{Key: k.ID, Created: now, Updated: now}); err != nil {
		return nil, err
	}
	_, err = s.edit(ctx, k, func(_ *store.Tx, k *Key) error {
		k.Aliases = append(k.Aliases, name)
		return nil
	})
	return nil, err
}

// UpdateAlias points an alias to another key of the same kind and usage.
func (s *Service) UpdateAlias(ctx context.Context, c *redoubt.Call, in *kmsapi.UpdateAliasInput) (*kmsapi.UpdateAliasOutput, error) {
	tx := store.From(ctx)
	name := value(in.AliasName)
	rows := aliases.In(c.Account, c.Region)
	a, err := rows.Get(tx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noSuchAlias(aliasARN(c, c.Account, name))
	}
	if err != nil {
		return nil, err
	}
	k, err := s.aliasTarget(ctx, c, in.TargetKeyId)
	if err != nil {
		return nil, err
	}
	old, err := load(tx, c.Account, c.Region, a.Key)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	next := &Alias{Key: k.ID, Created: a.Created, Updated: now}
	if old != nil && old.ID != k.ID {
		if kind(old.Spec) != kind(k.Spec) || old.Usage != k.Usage {
			return nil, redoubt.ErrValidation.New("Alias %s cannot be changed from %s to %s: the keys must be of the same type and have the same key usage.", aliasARN(c, c.Account, name), old.ARN, k.ARN)
		}
		if len(k.Aliases) >= s.quotas.AliasesPerKey {
			return nil, kmsapi.ErrLimitExceededException.New("The quota of %d aliases for the KMS key %s is exceeded.", s.quotas.AliasesPerKey, k.ARN)
		}
		if err := s.unname(ctx, old, name); err != nil {
			return nil, err
		}
		if _, err := s.edit(ctx, k, func(_ *store.Tx, k *Key) error {
			k.Aliases = append(k.Aliases, name)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return nil, rows.Put(tx, name, next)
}

// DeleteAlias takes a name away; the key stays as it is.
func (s *Service) DeleteAlias(ctx context.Context, c *redoubt.Call, in *kmsapi.DeleteAliasInput) (*kmsapi.DeleteAliasOutput, error) {
	tx := store.From(ctx)
	name := value(in.AliasName)
	rows := aliases.In(c.Account, c.Region)
	a, err := rows.Get(tx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noSuchAlias(aliasARN(c, c.Account, name))
	}
	if err != nil {
		return nil, err
	}
	k, err := load(tx, c.Account, c.Region, a.Key)
	if err != nil {
		return nil, err
	}
	if k != nil {
		if err := s.unname(ctx, k, name); err != nil {
			return nil, err
		}
	}
	return nil, rows.Delete(tx, name)
}

// unname takes an alias off the key's own list.
func (s *Service) unname(ctx context.Context, k *Key, name string) error {
	_, err := s.edit(ctx, k, func(_ *store.Tx, k *Key) error {
		k.Aliases = slices.DeleteFunc(k.Aliases, func(a string) bool { return a == name })
		return nil
	})
	return err
}

// aliasTarget finds the key that an alias shall name: a customer managed one of
// the caller's account, not about to be deleted.
func (s *Service) aliasTarget(ctx context.Context, c *redoubt.Call, id *string) (*Key, error) {
	k, err := s.key(ctx, c, id, byID)
	if err != nil {
		return nil, err
	}
	if err := s.allows(ctx, k, c.Operation); err != nil {
		return nil, err
	}
	return k, customerManaged(k)
}

// ListAliases lists the region's aliases, or those of one key. Predefined
// aliases of AWS services are listed even before they have a key.
func (s *Service) ListAliases(ctx context.Context, c *redoubt.Call, in *kmsapi.ListAliasesInput) (*kmsapi.ListAliasesOutput, error) {
	p, err := s.page(c, in.Limit, in.Marker, aliasPages)
	if err != nil {
		return nil, err
	}
	var only *Key
	if in.KeyId != nil {
		if only, err = s.key(ctx, c, in.KeyId, byID); err != nil {
			return nil, err
		}
		if only.Account != c.Account {
			return nil, noSuchKey(only.ARN) // no right on it was asked for
		}
	}
	names := predefined
	if only != nil {
		names = nil
	}
	out := &kmsapi.ListAliasesOutput{Aliases: []kmsapi.AliasListEntry{}}
	// add answers false once the page is full.
	add := func(name string, a *Alias) bool {
		if name <= p.after || only != nil && (a == nil || a.Key != only.ID) {
			return true
		}
		if len(out.Aliases) == p.limit {
			p.more(out.Aliases[p.limit-1].AliasName)
			return false
		}
		e := kmsapi.AliasListEntry{AliasName: &name, AliasArn: new(aliasARN(c, c.Account, name))}
		if a != nil {
			e.TargetKeyId, e.CreationDate, e.LastUpdatedDate = &a.Key, &a.Created, &a.Updated
		}
		out.Aliases = append(out.Aliases, e)
		return true
	}
	more := true
	for row, err := range aliases.In(c.Account, c.Region).Scan(store.From(ctx), store.Query{After: p.after}) {
		if err != nil {
			return nil, err
		}
		for more && len(names) > 0 && names[0] <= row.ID {
			if names[0] < row.ID {
				more = add(names[0], nil)
			}
			names = names[1:]
		}
		if more = more && add(row.ID, row.Value); !more {
			break
		}
	}
	for more && len(names) > 0 {
		more = add(names[0], nil)
		names = names[1:]
	}
	out.Truncated, out.NextMarker, err = p.end()
	return out, err
}

// checkAliasName refuses what cannot be a customer's alias, before anything is
// looked up.
func checkAliasName(name string) error {
	rest, ok := strings.CutPrefix(name, aliasPrefix)
	switch {
	case !ok:
		return redoubt.ErrValidation.New("Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html")
	case rest == "":
		return kmsapi.ErrInvalidAliasNameException.New("%s is not a valid alias name", name)
	case strings.Contains(name, ":"):
		return redoubt.ErrValidation.New("%s contains invalid characters for an alias", name)
	case strings.HasPrefix(name, reservedPrefix):
		return redoubt.ErrorKind("NotAuthorizedException").Bare()
	}
	return nil
}

// kind sorts specs into those among which an alias may be moved.
func kind(spec material.Spec) string {
	switch {
	case spec == material.Symmetric:
		return "symmetric"
	case spec.Asymmetric():
		return "asymmetric"
	}
	return "hmac"
}
