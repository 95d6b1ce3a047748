package lambda

import (
	"context"
	"errors"
	"maps"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/store"
)

// tagged answers the function that an ARN names for an operation on its tags.
func tagged(c *redoubt.Call, arn string) (ref, error) {
	r, err := parseRef(c, arn, nil)
	switch {
	case errors.Is(err, api.ErrResourceNotFoundException):
		return r, err
	case err != nil:
		// Mappings and code signing configurations: there are none here.
		return r, notFound("Resource not found: %s", arn)
	case r.account != c.Account:
		return r, accessDenied("Cross-account tagging is not allowed.")
	}
	if r.qualifier != "" {
		return ref{}, invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	return r, nil
}

func (s *Service) tagNeeds(ctx context.Context, c *redoubt.Call, arn *string, conditions map[string][]string) ([]redoubt.Need, error) {
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

// TagResource sets tags of a function; a key that is there gets the new value.
func (s *Service) TagResource(ctx context.Context, c *redoubt.Call, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	return nil, s.retag(ctx, c, in.Resource, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

// UntagResource removes tags of a function; keys that are not there do not matter.
func (s *Service) UntagResource(ctx context.Context, c *redoubt.Call, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	return nil, s.retag(ctx, c, in.Resource, func(tags map[string]string) {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
	})
}

func (s *Service) retag(ctx context.Context, c *redoubt.Call, arn *string, change func(map[string]string)) error {
	tx := store.From(ctx)
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
		return checkTags(f.Tags)
	})
	return err
}

// ListTags shows a function's tags.
func (s *Service) ListTags(ctx context.Context, c *redoubt.Call, in *api.ListTagsInput) (*api.ListTagsOutput, error) {
	r, err := tagged(c, value(in.Resource))
	if err != nil {
		return nil, err
	}
	f, err := s.load(store.From(ctx), r)
	if err != nil {
		return nil, err
	}
	out := &api.ListTagsOutput{Tags: f.Tags}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	return out, nil
}
