package ssm

import (
	"context"
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/store"
)

const maxTags = 50

// AddTagsToResource adds tags to a parameter, or changes their values.
func (s *Service) AddTagsToResource(ctx context.Context, c *redoubt.Call, in *ssmapi.AddTagsToResourceInput) (*ssmapi.AddTagsToResourceOutput, error) {
	return nil, retag(ctx, c, in.ResourceType, in.ResourceId, func(old []Tag) ([]Tag, error) { return newTags(old, in.Tags) })
}

// RemoveTagsFromResource takes tags away; absent ones are no error.
func (s *Service) RemoveTagsFromResource(ctx context.Context, c *redoubt.Call, in *ssmapi.RemoveTagsFromResourceInput) (*ssmapi.RemoveTagsFromResourceOutput, error) {
	return nil, retag(ctx, c, in.ResourceType, in.ResourceId, func(old []Tag) ([]Tag, error) {
		return slices.DeleteFunc(slices.Clone(old), func(t Tag) bool { return slices.Contains(in.TagKeys, t.Key) }), nil
	})
}

// ListTagsForResource lists a parameter's tags.
func (s *Service) ListTagsForResource(ctx context.Context, c *redoubt.Call, in *ssmapi.ListTagsForResourceInput) (*ssmapi.ListTagsForResourceOutput, error) {
	_, p, err := tagged(ctx, c, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	out := &ssmapi.ListTagsForResourceOutput{TagList: make([]ssmapi.Tag, len(p.Tags))}
	for i := range p.Tags {
		out.TagList[i] = ssmapi.Tag{Key: &p.Tags[i].Key, Value: &p.Tags[i].Value}
	}
	return out, nil
}

func retag(ctx context.Context, c *redoubt.Call, kind, id *string, f func([]Tag) ([]Tag, error)) error {
	n, p, err := tagged(ctx, c, kind, id)
	if err != nil {
		return err
	}
	next := new(*p)
	if next.Tags, err = f(p.Tags); err != nil {
		return err
	}
	return parameters.In(c.Account, c.Region).Put(store.From(ctx), n.place.id(), next)
}

// tagged finds the parameter that a resource id names. Nothing else has tags here.
func tagged(ctx context.Context, c *redoubt.Call, kind, id *string) (named, *Parameter, error) {
	none := ssmapi.ErrInvalidResourceId.Bare()
	n, err := readPlain(c, value(id))
	if err != nil || value(kind) != ssmapi.ResourceTypeForTaggingParameter {
		return n, nil, none
	}
	p, err := load(store.From(ctx), c.Account, c.Region, n.place)
	if err == nil && p == nil {
		err = none
	}
	return n, p, err
}

// newTags answers old with the changes that a request asks for.
func newTags(old []Tag, changes []ssmapi.Tag) ([]Tag, error) {
	tags := slices.Clone(old)
	for i, ch := range changes {
		key := value(ch.Key)
		if slices.ContainsFunc(changes[:i], func(t ssmapi.Tag) bool { return value(t.Key) == key }) {
			return nil, invalid("Duplicate tag keys are not allowed: %s.", key)
		}
		if hasPrefixFold(key, "aws:") {
			return nil, invalid("aws: prefixed tag key names are not allowed for external use.")
		}
		if at := slices.IndexFunc(tags, func(t Tag) bool { return t.Key == key }); at >= 0 {
			tags[at].Value = value(ch.Value)
		} else {
			tags = append(tags, Tag{key, value(ch.Value)})
		}
	}
	if len(tags) > maxTags {
		return nil, ssmapi.ErrTooManyTagsError.New("The number of tags exceeds the limit of %d.", maxTags)
	}
	return tags, nil
}
