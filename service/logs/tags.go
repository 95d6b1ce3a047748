package logs

import (
	"context"
	"maps"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/engine/logs"
	"github.com/redoubt-sec/redoubt/store"
)

const mostTags = 50

func checkTags(tags map[string]string) error {
	for k := range tags {
		if len(k) >= 4 && strings.EqualFold(k[:4], "aws:") {
			return invalid("Tag keys that begin with aws: are reserved.")
		}
	}
	return nil
}

// taggable answers the group that a tagged ARN names.
func taggable(c *redoubt.Call, arn string) (string, error) {
	if !strings.HasPrefix(arn, "arn:") {
		return "", invalid("The ARN %s is invalid.", arn)
	}
	return identified(c, arn)
}

func (s *Service) tag(ctx context.Context, c *redoubt.Call, name string, tags map[string]string) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return worded(s.logs.EditGroup(store.From(ctx), place(c), name, func(g *logs.Group) error {
		if g.Tags == nil {
			g.Tags = map[string]string{}
		}
		maps.Copy(g.Tags, tags)
		if len(g.Tags) > mostTags {
			return api.ErrTooManyTagsException.New("A resource can have at most %d tags.", mostTags)
		}
		return nil
	}))
}

func (s *Service) untag(ctx context.Context, c *redoubt.Call, name string, keys []string) error {
	return worded(s.logs.EditGroup(store.From(ctx), place(c), name, func(g *logs.Group) error {
		for _, k := range keys {
			delete(g.Tags, k)
		}
		return nil
	}))
}

func (s *Service) listTags(ctx context.Context, c *redoubt.Call, name string) (map[string]string, error) {
	g, err := s.logs.Group(store.From(ctx), place(c), name)
	if err != nil {
		return nil, worded(err)
	}
	if g.Tags == nil {
		return map[string]string{}, nil
	}
	return g.Tags, nil
}

// TagResource sets tags.
func (s *Service) TagResource(ctx context.Context, c *redoubt.Call, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	name, err := taggable(c, value(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	return nil, s.tag(ctx, c, name, in.Tags)
}

// UntagResource removes tags.
func (s *Service) UntagResource(ctx context.Context, c *redoubt.Call, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	name, err := taggable(c, value(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	return nil, s.untag(ctx, c, name, in.TagKeys)
}

// ListTagsForResource answers tags.
func (s *Service) ListTagsForResource(ctx context.Context, c *redoubt.Call, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	name, err := taggable(c, value(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	tags, err := s.listTags(ctx, c, name)
	return &api.ListTagsForResourceOutput{Tags: tags}, err
}

// TagLogGroup is TagResource as it was.
func (s *Service) TagLogGroup(ctx context.Context, c *redoubt.Call, in *api.TagLogGroupInput) (*api.TagLogGroupOutput, error) {
	return nil, s.tag(ctx, c, value(in.LogGroupName), in.Tags)
}

// UntagLogGroup is UntagResource as it was.
func (s *Service) UntagLogGroup(ctx context.Context, c *redoubt.Call, in *api.UntagLogGroupInput) (*api.UntagLogGroupOutput, error) {
	return nil, s.untag(ctx, c, value(in.LogGroupName), in.Tags)
}

// ListTagsLogGroup is ListTagsForResource as it was.
func (s *Service) ListTagsLogGroup(ctx context.Context, c *redoubt.Call, in *api.ListTagsLogGroupInput) (*api.ListTagsLogGroupOutput, error) {
	tags, err := s.listTags(ctx, c, value(in.LogGroupName))
	return &api.ListTagsLogGroupOutput{Tags: tags}, err
}
