package lambda

import (
	"context"
	"errors"
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/store"
)

// GetFunction shows a function with where its package can be had.
func (s *Service) GetFunction(ctx context.Context, c *redoubt.Call, in *api.GetFunctionInput) (*api.GetFunctionOutput, error) {
	r, err := parseRef(c, value(in.FunctionName), in.Qualifier)
	if err != nil {
		return nil, err
	}
	f, v, err := s.version(store.From(ctx), r)
	if err != nil {
		return nil, err
	}
	out := &api.GetFunctionOutput{}
	if out.Configuration, err = s.configuration(ctx, c, f, v, r.arn()); err != nil {
		return nil, err
	}
	if out.Code, err = s.location(c, r, f, v); err != nil {
		return nil, err
	}
	if len(f.Tags) > 0 {
		out.Tags = f.Tags
	}
	if f.Reserved != nil {
		out.Concurrency = &api.Concurrency{ReservedConcurrentExecutions: f.Reserved}
	}
	return out, nil
}

// GetFunctionConfiguration shows a function's configuration.
func (s *Service) GetFunctionConfiguration(ctx context.Context, c *redoubt.Call, in *api.GetFunctionConfigurationInput) (*api.FunctionConfiguration, error) {
	r, err := parseRef(c, value(in.FunctionName), in.Qualifier)
	if err != nil {
		return nil, err
	}
	f, v, err := s.version(store.From(ctx), r)
	if err != nil {
		return nil, err
	}
	return s.configuration(ctx, c, f, v, r.arn())
}

// ListFunctions shows the account's functions in order of their names, the
// built-in ones included, each as $LATEST or, on request, with all its versions.
func (s *Service) ListFunctions(ctx context.Context, c *redoubt.Call, in *api.ListFunctionsInput) (*api.ListFunctionsOutput, error) {
	tx := store.From(ctx)
	p, err := s.page(c, in.Marker, in.MaxItems, 50, value(in.FunctionVersion))
	if err != nil {
		return nil, err
	}
	all := in.FunctionVersion != nil
	out := &api.ListFunctionsOutput{Functions: []api.FunctionConfiguration{}}
	add := func(f *Function, v *Version, arn string) error {
		shown, err := s.listed(ctx, c, f, v, arn)
		if err == nil {
			out.Functions = append(out.Functions, *shown)
		}
		return err
	}
	at, more, err := s.walkFunctions(tx, c, p, all, add)
	if err != nil {
		return nil, err
	}
	if more {
		out.NextMarker, err = s.marker(c, at, value(in.FunctionVersion))
	}
	return out, err
}

// walkFunctions calls add for each function (or version) behind the page's place,
// and answers where it stopped and whether there are more.
func (s *Service) walkFunctions(tx *store.Tx, c *redoubt.Call, p page, all bool, add func(*Function, *Version, string) error) (at string, more bool, err error) {
	n := 0
	// offer adds one, unless it lies before the place or the page is full.
	offer := func(key string, f *Function, v *Version, arn string) (bool, error) {
		if key <= p.after {
			return true, nil
		}
		if n == p.limit {
			more = true
			return false, nil
		}
		n, at = n+1, key
		return true, add(f, v, arn)
	}
	one := func(f *Function) (bool, error) {
		if !all {
			return offer(f.Name, f, &f.Latest, f.ARN)
		}
		if ok, err := offer(store.ID(f.Name, ""), f, &f.Latest, f.ARN+":"+latest); !ok || err != nil {
			return ok, err
		}
		for row, err := range versions.In(c.Account, c.Region).Scan(tx, store.Query{Prefix: store.ID(f.ID, "")}) {
			if err != nil {
				return false, err
			}
			id := store.ID(f.Name, store.Parts(row.ID)[1])
			if ok, err := offer(id, f, row.Value, f.ARN+":"+row.Value.Number); !ok || err != nil {
				return ok, err
			}
		}
		return true, nil
	}
	inside, err := s.builtins(tx, c.Partition, c.Account, c.Region)
	if err != nil {
		return "", false, err
	}
	from := ""
	if p.after != "" {
		// The function at the place may have further versions.
		from = store.Parts(p.after)[0]
		if has, err := functionTable.In(c.Account, c.Region).Has(tx, from); err != nil {
			return "", false, err
		} else if has {
			f, err := functionTable.In(c.Account, c.Region).Get(tx, from)
			if err != nil {
				return "", false, err
			}
			if ok, err := one(f); !ok || err != nil {
				return at, more, err
			}
		}
	}
	for row, err := range functionTable.In(c.Account, c.Region).Scan(tx, store.Query{After: from}) {
		if err != nil {
			return "", false, err
		}
		for len(inside) > 0 && inside[0].Name < row.Value.Name {
			if ok, err := one(inside[0]); !ok || err != nil {
				return at, more, err
			}
			inside = inside[1:]
		}
		if ok, err := one(row.Value); !ok || err != nil {
			return at, more, err
		}
	}
	for _, f := range inside {
		if ok, err := one(f); !ok || err != nil {
			return at, more, err
		}
	}
	return at, more, nil
}

// listed is configuration as lists show it: without states.
func (s *Service) listed(ctx context.Context, c *redoubt.Call, f *Function, v *Version, arn string) (*api.FunctionConfiguration, error) {
	out, err := s.configuration(ctx, c, f, v, arn)
	if err != nil {
		return nil, err
	}
	out.State, out.StateReason, out.StateReasonCode = nil, nil, nil
	out.LastUpdateStatus, out.LastUpdateStatusReason, out.LastUpdateStatusReasonCode = nil, nil, nil
	out.RuntimeVersionConfig = nil
	return out, nil
}

// DeleteFunction deletes a function with all that belongs to it, or one version.
func (s *Service) DeleteFunction(ctx context.Context, c *redoubt.Call, in *api.DeleteFunctionInput) (*api.DeleteFunctionOutput, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), in.Qualifier)
	if err != nil {
		return nil, err
	}
	// What can never be deleted is refused before the function is looked for.
	switch {
	case r.qualifier == latest:
		return nil, invalid("$LATEST version cannot be deleted without deleting the function.")
	case isAlias(r.qualifier):
		return nil, invalid("Deletion of aliases is not currently supported.")
	}
	f, err := s.own(tx, r.unqualified())
	if err != nil {
		return nil, err
	}
	out := &api.DeleteFunctionOutput{StatusCode: new(int32(204))}
	switch {
	case r.qualifier != "":
		return out, s.deleteVersion(tx, r, f)
	}
	if err := functionTable.In(r.account, r.region).Delete(tx, r.name); err != nil {
		return nil, err
	}
	if err := s.Schedule.Cancel(tx, jobSettle, jobID(r, f.ID)); err != nil {
		return nil, err
	}
	if err := s.release(tx, r, &f.Latest); err != nil {
		return nil, err
	}
	// What hangs on the function lies under its ID, where nobody looks any more.
	if err := s.Schedule.At(tx, jobPurge, jobID(r, f.ID), s.Clock.Now()); err != nil {
		return nil, err
	}
	s.retire(tx, f)
	return out, s.forgetURLs(tx, r, f)
}

// deleteVersion deletes one published version that no alias needs. Deleting one
// that is not there does nothing, as at AWS.
func (s *Service) deleteVersion(tx *store.Tx, r ref, f *Function) error {
	v, err := s.published(tx, r, f, r.qualifier)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var users []string
	for row, err := range aliases.In(r.account, r.region).Scan(tx, store.Query{Prefix: store.ID(f.ID, "")}) {
		if err != nil {
			return err
		}
		a := row.Value
		if _, weighted := a.Weights[r.qualifier]; a.Version == r.qualifier || weighted {
			users = append(users, a.Name)
		}
	}
	if len(users) > 0 {
		slices.Sort(users)
		return conflict("Unable to delete version because the following aliases reference it: %v", users)
	}
	if err := s.release(tx, r, v); err != nil {
		return err
	}
	if err := versions.In(r.account, r.region).Delete(tx, versionID(f.ID, v.Number)); err != nil {
		return err
	}
	s.retire(tx, f)
	return s.forget(tx, r, f, r.qualifier)
}

// forget deletes what hangs on a version or alias.
func (s *Service) forget(tx *store.Tx, r ref, f *Function, qualifier string) error {
	id := store.ID(f.ID, qualifier)
	return errors.Join(
		policies.In(r.account, r.region).Delete(tx, id),
		eventConfigs.In(r.account, r.region).Delete(tx, id),
		s.forgetURL(tx, r, f, qualifier),
	)
}

// release lets go of the packages that a version uses.
func (s *Service) release(tx *store.Tx, r ref, v *Version) error {
	err := s.use(tx, r.account, r.region, v.Code.ID, -1)
	for _, l := range v.Layers {
		err = errors.Join(err, s.useLayerCode(tx, l, -1))
	}
	return err
}
