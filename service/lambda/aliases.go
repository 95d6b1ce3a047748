package lambda

import (
	"context"
	"errors"
	"maps"
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/store"
)

// CreateAlias names a version.
func (s *Service) CreateAlias(ctx context.Context, c *redoubt.Call, in *api.CreateAliasInput) (*api.CreateAliasOutput, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	if err := supportedVersion(in.FunctionVersion); err != nil {
		return nil, err
	}
	a := &Alias{Name: value(in.Name), Version: value(in.FunctionVersion), Description: value(in.Description), Revision: newRevision()}
	if in.RoutingConfig != nil {
		a.Weights = in.RoutingConfig.AdditionalVersionWeights
	}
	if s.isInside(r) {
		return nil, isBuiltin(r)
	}
	f, err := s.load(tx, r.with(a.Version))
	if err != nil {
		return nil, err
	}
	if err := s.checkAlias(tx, r, f, a); err != nil {
		return nil, err
	}
	rows := aliases.In(r.account, r.region)
	has, err := rows.Has(tx, store.ID(f.ID, a.Name))
	if err != nil {
		return nil, err
	}
	if has {
		return nil, conflict("Alias already exists: %s:%s", f.ARN, a.Name)
	}
	return a.shown(f), rows.Put(tx, store.ID(f.ID, a.Name), a)
}

// supportedVersion refuses $LATEST.PUBLISHED, which belongs to functions that run
// on instances of the customer's.
func supportedVersion(v *string) error {
	if value(v) == "$LATEST.PUBLISHED" {
		return invalid("$LATEST.PUBLISHED is not supported by this server.")
	}
	return nil
}

// checkAlias holds an alias against Lambda's rules and the versions that there are.
func (s *Service) checkAlias(tx *store.Tx, r ref, f *Function, a *Alias) error {
	if len(a.Weights) > 1 {
		return invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
	}
	for v := range a.Weights {
		switch {
		case a.Version == latest:
			return api.ErrInvalidParameterValueException.New("$LATEST is not supported for an alias pointing to more than 1 version")
		case v == a.Version:
			return invalid("Invalid function version %s. Function version %s is already included in routing configuration.", v, v)
		}
	}
	if len(a.Weights) == 0 {
		a.Weights = nil
	}
	for _, v := range append([]string{a.Version}, slices.Collect(maps.Keys(a.Weights))...) {
		if v == latest {
			continue
		}
		if _, err := s.published(tx, r, f, v); errors.Is(err, store.ErrNotFound) {
			return noFunction(r.with(v))
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (a *Alias) shown(f *Function) *api.AliasConfiguration {
	out := &api.AliasConfiguration{
		AliasArn: new(f.ARN + ":" + a.Name), Name: &a.Name, FunctionVersion: &a.Version,
		Description: &a.Description, RevisionId: &a.Revision,
	}
	if len(a.Weights) > 0 {
		out.RoutingConfig = &api.AliasRoutingConfiguration{AdditionalVersionWeights: a.Weights}
	}
	return out
}

// aliasOf finds the alias that a call names, with AWS's refusal.
func (s *Service) aliasOf(ctx context.Context, c *redoubt.Call, function, name *string) (ref, *Function, *Alias, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(function), nil)
	if err != nil {
		return r, nil, nil, err
	}
	r = r.with(value(name))
	f, err := s.find(tx, r)
	if errors.Is(err, store.ErrNotFound) {
		return r, nil, nil, noAlias(r)
	}
	if err != nil {
		return r, nil, nil, err
	}
	a, err := s.alias(tx, r, f, r.qualifier)
	if errors.Is(err, store.ErrNotFound) {
		err = noAlias(r)
	}
	return r, f, a, err
}

// GetAlias shows an alias.
func (s *Service) GetAlias(ctx context.Context, c *redoubt.Call, in *api.GetAliasInput) (*api.GetAliasOutput, error) {
	_, f, a, err := s.aliasOf(ctx, c, in.FunctionName, in.Name)
	if err != nil {
		return nil, err
	}
	return a.shown(f), nil
}

// UpdateAlias points an alias elsewhere.
func (s *Service) UpdateAlias(ctx context.Context, c *redoubt.Call, in *api.UpdateAliasInput) (*api.UpdateAliasOutput, error) {
	tx := store.From(ctx)
	if err := supportedVersion(in.FunctionVersion); err != nil {
		return nil, err
	}
	r, f, a, err := s.aliasOf(ctx, c, in.FunctionName, in.Name)
	if f != nil && errors.Is(err, api.ErrResourceNotFoundException) {
		return nil, notFound("Alias not found: %s", r.arn())
	}
	if err != nil {
		return nil, err
	}
	if in.RevisionId != nil && *in.RevisionId != a.Revision {
		return nil, staleRevision()
	}
	a, err = aliases.In(r.account, r.region).Edit(tx, store.ID(f.ID, a.Name), func(a *Alias) error {
		if in.FunctionVersion != nil {
			a.Version = *in.FunctionVersion
		}
		if in.Description != nil {
			a.Description = *in.Description
		}
		if in.RoutingConfig != nil {
			a.Weights = in.RoutingConfig.AdditionalVersionWeights
		}
		a.Revision = newRevision()
		return s.checkAlias(tx, r, f, a)
	})
	if err != nil {
		return nil, err
	}
	return a.shown(f), nil
}

// DeleteAlias deletes an alias; one that is not there is no error.
func (s *Service) DeleteAlias(ctx context.Context, c *redoubt.Call, in *api.DeleteAliasInput) (*api.DeleteAliasOutput, error) {
	tx := store.From(ctx)
	r, f, a, err := s.aliasOf(ctx, c, in.FunctionName, in.Name)
	if errors.Is(err, api.ErrResourceNotFoundException) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := aliases.In(r.account, r.region).Delete(tx, store.ID(f.ID, a.Name)); err != nil {
		return nil, err
	}
	return nil, s.forget(tx, r, f, a.Name)
}

// ListAliases shows a function's aliases in order of their names, or those that
// lead to one version.
func (s *Service) ListAliases(ctx context.Context, c *redoubt.Call, in *api.ListAliasesInput) (*api.ListAliasesOutput, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	f, err := s.load(tx, r.unqualified())
	if err != nil {
		return nil, err
	}
	p, err := s.page(c, in.Marker, in.MaxItems, 50, f.ID, value(in.FunctionVersion))
	if err != nil {
		return nil, err
	}
	out := &api.ListAliasesOutput{Aliases: []api.AliasConfiguration{}}
	at := p.after
	for row, err := range aliases.In(r.account, r.region).Scan(tx, store.Query{Prefix: store.ID(f.ID, ""), After: p.after}) {
		if err != nil {
			return nil, err
		}
		a := row.Value
		if _, weighted := a.Weights[value(in.FunctionVersion)]; in.FunctionVersion != nil && a.Version != *in.FunctionVersion && !weighted {
			continue
		}
		if len(out.Aliases) == p.limit {
			out.NextMarker, err = s.marker(c, at, f.ID, value(in.FunctionVersion))
			return out, err
		}
		out.Aliases, at = append(out.Aliases, *a.shown(f)), row.ID
	}
	return out, nil
}
