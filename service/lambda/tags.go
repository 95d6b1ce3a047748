package lambda

import (
	"context"
	"errors"
	"maps"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/store"
)

// tagged answers the function that an ARN names for an operation on its tags.
func tagged(c *redoubt.Call, arn string) (ref, error) {
	if kind := otherKind(arn); kind != "" {
		return ref{}, notFound("%s not found: %s", kind, arn)
	}
	r, err := parseRef(c, arn, nil)
	switch {
	case errors.Is(err, api.ErrResourceNotFoundException):
		return r, err
	case err != nil:
		return r, notFound("Resource not found: %s", arn)
	case r.account != c.Account:
		return r, accessDenied("Cross-account tagging is not allowed.")
	}
	if r.qualifier != "" {
		return ref{}, invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	return r, nil
}

// otherKind is what AWS calls a resource of which there are none here; empty: a
// function.
func otherKind(arn string) string {
	switch a, _ := redoubt.ParseARN(arn); strings.Split(a.Resource, ":")[0] {
	case "event-source-mapping":
		return "Event source mapping"
	case "capacity-provider":
		return "Capacity provider"
	}
	return ""
}

func (s *Service) tagNeeds(ctx context.Context, c *redoubt.Call, arn *string, conditions map[string][]string) ([]redoubt.Need, error) {
	if _, _, _, err := signingRef(value(arn)); err == nil {
		n, err := signingNeed(ctx, c, value(arn))
		n.Conditions = conditions
		return []redoubt.Need{n}, err
	}
	r, err := statedRef(c, value(arn), nil)
	if err != nil {
		n := redoubt.Need{Action: "lambda:" + c.Operation, Resource: value(arn), Conditions: conditions}
		if a, err := redoubt.ParseARN(value(arn)); err == nil {
			n.Account = a.Account
		}
		return []redoubt.Need{n}, nil
	}
	n, err := s.need(ctx, r, "lambda:"+c.Operation)
	n.Conditions = conditions
	return []redoubt.Need{n}, err
}

func (s *Service) tagResourceNeeds(ctx context.Context, c *redoubt.Call, in *api.TagResourceInput) ([]redoubt.Need, error) {
	return s.tagNeeds(ctx, c, in.Resource, tagConditions(in.Tags))
}

func (s *Service) untagResourceNeeds(ctx context.Context, c *redoubt.Call, in *api.UntagResourceInput) ([]redoubt.Need, error) {
	return s.tagNeeds(ctx, c, in.Resource, map[string][]string{"aws:TagKeys": in.TagKeys})
}

func (s *Service) listTagsNeeds(ctx context.Context, c *redoubt.Call, in *api.ListTagsInput) ([]redoubt.Need, error) {
	return s.tagNeeds(ctx, c, in.Resource, nil)
}

// TagResource sets tags of a function or a code signing configuration; a key that is there gets the new value.
func (s *Service) TagResource(ctx context.Context, c *redoubt.Call, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	if len(in.Tags) == 0 {
		return nil, invalid("An error occurred and the request cannot be processed.")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	return nil, s.retag(ctx, c, in.Resource, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

// UntagResource removes tags; keys that are not there do not matter.
func (s *Service) UntagResource(ctx context.Context, c *redoubt.Call, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	return nil, s.retag(ctx, c, in.Resource, func(tags map[string]string) {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
	})
}

func (s *Service) retag(ctx context.Context, c *redoubt.Call, arn *string, change func(map[string]string)) error {
	tx := store.From(ctx)
	if account, region, id, err := signingRef(value(arn)); err == nil {
		if _, err := signing(tx, c, value(arn)); errors.Is(err, store.ErrNotFound) {
			return noSigning(value(arn))
		} else if err != nil {
			return err
		}
		_, err = signings.In(account, region).Edit(tx, id, func(g *Signing) error {
			if g.Tags == nil {
				g.Tags = map[string]string{}
			}
			change(g.Tags)
			return checkTags(g.Tags)
		})
		return err
	}
	r, err := tagged(c, value(arn))
	if err != nil {
		return err
	}
	if _, err := s.own(tx, r); err != nil {
		return err
	}
	_, err = edit(tx, r, func(f *Function) error {
		if f.Tags == nil {
			f.Tags = map[string]string{}
		}
		change(f.Tags)
		f.Latest.Revision = newRevision()
		return checkTags(f.Tags)
	})
	return err
}

// ListTags shows tags.
func (s *Service) ListTags(ctx context.Context, c *redoubt.Call, in *api.ListTagsInput) (*api.ListTagsOutput, error) {
	out := &api.ListTagsOutput{}
	if _, _, _, err := signingRef(value(in.Resource)); err == nil {
		g, err := signing(store.From(ctx), c, value(in.Resource))
		if errors.Is(err, store.ErrNotFound) {
			return nil, noSigning(value(in.Resource))
		}
		if err != nil {
			return nil, err
		}
		out.Tags = g.Tags
	} else {
		r, err := tagged(c, value(in.Resource))
		if err != nil {
			return nil, err
		}
		f, err := s.load(store.From(ctx), r)
		if err != nil {
			return nil, err
		}
		out.Tags = f.Tags
	}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	return out, nil
}
