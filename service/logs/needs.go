package logs

import (
	"context"
	"errors"
	"maps"
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/engine/logs"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// onAll states the operation's right on no particular resource.
func onAll[I any](_ context.Context, c *redoubt.Call, _ *I) ([]redoubt.Need, error) {
	return []redoubt.Need{{Action: "logs:" + c.Operation, Resource: "*"}}, nil
}

// onGroups is onAll as AWS names what all groups are.
func onGroups[I any](_ context.Context, c *redoubt.Call, _ *I) ([]redoubt.Need, error) {
	return []redoubt.Need{{Action: "logs:" + c.Operation, Resource: streamARN(c, "", "")}}, nil
}

// onGroup states the operation's right on the group that it names.
func onGroup[I any](s *Service, name func(*I) (name, identifier *string)) op.Needs[I] {
	return onStream(s, func(in *I) (group, identifier, stream *string) {
		group, identifier = name(in)
		return group, identifier, nil
	})
}

// onStream states the operation's right on the stream that it names.
func onStream[I any](s *Service, name func(*I) (group, identifier, stream *string)) op.Needs[I] {
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		group, identifier, stream := name(in)
		g, err := groupName(c, group, identifier)
		if err != nil {
			return nil, err
		}
		tags, err := s.tags(ctx, c, g)
		return []redoubt.Need{{Action: "logs:" + c.Operation, Resource: streamARN(c, g, value(stream)), Tags: tags}}, err
	}
}

// tags are a group's, none where there is no such group.
func (s *Service) tags(ctx context.Context, c *redoubt.Call, group string) (map[string]string, error) {
	g, err := s.logs.Group(store.From(ctx), place(c), group)
	if errors.Is(err, logs.ErrNoGroup) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return g.Tags, nil
}

func (s *Service) createNeeds(_ context.Context, c *redoubt.Call, in *api.CreateLogGroupInput) ([]redoubt.Need, error) {
	n := redoubt.Need{Action: "logs:CreateLogGroup", Resource: streamARN(c, value(in.LogGroupName), ""), Conditions: requestTags(in.Tags)}
	if len(in.Tags) == 0 {
		return []redoubt.Need{n}, nil
	}
	tag := n
	tag.Action, tag.Resource = "logs:TagResource", groupARN(c, value(in.LogGroupName))
	return []redoubt.Need{n, tag}, nil
}

// onTagged states the right on a group's own ARN, of operations on tags.
func onTagged[I any](s *Service, of func(*I) (name, arn *string, set map[string]string, unset []string)) op.Needs[I] {
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		name, arn, set, unset := of(in)
		g := value(name)
		if arn != nil {
			var err error
			if g, err = taggable(c, *arn); err != nil {
				return nil, err
			}
		}
		tags, err := s.tags(ctx, c, g)
		conditions := requestTags(set)
		if len(unset) > 0 {
			conditions = map[string][]string{"aws:TagKeys": unset}
		}
		return []redoubt.Need{{Action: "logs:" + c.Operation, Resource: groupARN(c, g), Tags: tags, Conditions: conditions}}, err
	}
}

// requestTags are the condition keys of tags that a request sets.
func requestTags(tags map[string]string) map[string][]string {
	if len(tags) == 0 {
		return nil
	}
	m := map[string][]string{"aws:TagKeys": slices.Sorted(maps.Keys(tags))}
	for k, v := range tags {
		m["aws:RequestTag/"+k] = []string{v}
	}
	return m
}
