package lambda

import (
	"context"
	"errors"
	"strconv"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/store"
)

// PublishVersion makes a version of $LATEST; without a change since the newest
// version it answers that one.
func (s *Service) PublishVersion(ctx context.Context, c *redoubt.Call, in *api.PublishVersionInput) (*api.FunctionConfiguration, error) {
	tx := store.From(ctx)
	if err := unsupported(nil, nil, nil, nil, nil, in.PublishTo); err != nil {
		return nil, err
	}
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	f, err := s.own(tx, r.unqualified())
	if err != nil {
		return nil, err
	}
	if in.RevisionId != nil && *in.RevisionId != f.Latest.Revision {
		return nil, staleRevision()
	}
	if in.CodeSha256 != nil && *in.CodeSha256 != f.Latest.Code.SHA256 {
		return nil, invalid("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", *in.CodeSha256, f.Latest.Code.SHA256)
	}
	if err := busy(f); err != nil {
		return nil, err
	}
	description := f.Latest.Description
	if value(in.Description) != "" {
		description = *in.Description
	}
	same, err := s.unchanged(tx, r, f)
	if err != nil {
		return nil, err
	}
	if same == nil {
		if _, err := edit(tx, r, func(g *Function) error {
			same, err = s.publish(tx, r, g, description)
			g.Latest.Revision = newRevision()
			return err
		}); err != nil {
			return nil, err
		}
	}
	return s.configuration(ctx, c, f, same, f.ARN+":"+same.Number)
}

// publish adds the next version of f's $LATEST; the caller writes f.
func (s *Service) publish(tx *store.Tx, r ref, f *Function, description string) (*Version, error) {
	f.Published++
	v := f.Latest
	v.Number, v.Description, v.Revision = strconv.FormatInt(f.Published, 10), description, newRevision()
	if v.Update.Name == inProgress.Name {
		v.State, v.Update = pending, State{}
	}
	if err := s.use(tx, r.account, r.region, v.Code.ID, 1); err != nil {
		return nil, err
	}
	for _, l := range v.Layers {
		if err := s.useLayerCode(tx, l, 1); err != nil {
			return nil, err
		}
	}
	return &v, versions.In(r.account, r.region).Put(tx, versionID(f.ID, v.Number), &v)
}

// unchanged answers the newest version if $LATEST is still what it was then.
func (s *Service) unchanged(tx *store.Tx, r ref, f *Function) (*Version, error) {
	if f.Published == 0 {
		return nil, nil
	}
	v, err := s.published(tx, r, f, strconv.FormatInt(f.Published, 10))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil || !v.Modified.Equal(f.Latest.Modified) || v.Code.SHA256 != f.Latest.Code.SHA256 {
		return nil, err
	}
	return v, nil
}

// ListVersionsByFunction shows $LATEST and the versions in order of their numbers.
func (s *Service) ListVersionsByFunction(ctx context.Context, c *redoubt.Call, in *api.ListVersionsByFunctionInput) (*api.ListVersionsByFunctionOutput, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	r = r.unqualified()
	f, err := s.load(tx, r)
	if err != nil {
		return nil, err
	}
	p, err := s.page(c, in.Marker, in.MaxItems, 50, f.ID)
	if err != nil {
		return nil, err
	}
	out := &api.ListVersionsByFunctionOutput{Versions: []api.FunctionConfiguration{}}
	add := func(v *Version) error {
		shown, err := s.listed(ctx, c, f, v, f.ARN+":"+v.Number)
		if err == nil {
			out.Versions = append(out.Versions, *shown)
		}
		return err
	}
	at := p.after
	if at == "" {
		at = store.ID(f.ID, "")
		if err := add(&f.Latest); err != nil {
			return nil, err
		}
	}
	for row, err := range versions.In(r.account, r.region).Scan(tx, store.Query{Prefix: store.ID(f.ID, ""), After: at}) {
		if err != nil {
			return nil, err
		}
		if len(out.Versions) == p.limit {
			out.NextMarker, err = s.marker(c, at, f.ID)
			return out, err
		}
		at = row.ID
		if err := add(row.Value); err != nil {
			return nil, err
		}
	}
	return out, nil
}
