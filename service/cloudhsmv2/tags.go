package cloudhsmv2

import (
	"context"
	"slices"
	"strconv"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/cloudhsmv2api"
	"github.com/redoubt-sec/redoubt/engine/hsm"
	"github.com/redoubt-sec/redoubt/store"
)

const maxTags = 50

// addTags puts tags over those that are there.
func addTags(have []hsm.Tag, more []cloudhsmv2api.Tag) ([]hsm.Tag, error) {
	seen := map[string]bool{}
	for _, t := range more {
		key := value(t.Key)
		switch {
		case seen[key]:
			return nil, cloudhsmv2api.ErrCloudHsmTagException.New("Tag key %s is specified more than once.", key)
		case len(key) >= 4 && strings.EqualFold(key[:4], "aws:"):
			return nil, cloudhsmv2api.ErrCloudHsmTagException.New("Tag keys that start with aws: are reserved.")
		}
		seen[key] = true
		if i := slices.IndexFunc(have, func(h hsm.Tag) bool { return h.Key == key }); i >= 0 {
			have[i].Value = value(t.Value)
		} else {
			have = append(have, hsm.Tag{Key: key, Value: value(t.Value)})
		}
	}
	if len(have) > maxTags {
		return nil, cloudhsmv2api.ErrCloudHsmResourceLimitExceededException.New("A cluster can have at most %d tags.", maxTags)
	}
	return have, nil
}

// TagResource adds or overwrites tags.
func (s *Service) TagResource(ctx context.Context, c *redoubt.Call, in *cloudhsmv2api.TagResourceInput) (*cloudhsmv2api.TagResourceOutput, error) {
	err := s.hsm.Retag(store.From(ctx), c.Account, c.Region, *in.ResourceId, func(have []hsm.Tag) ([]hsm.Tag, error) {
		return addTags(have, in.TagList)
	})
	return nil, failure(err, *in.ResourceId)
}

// UntagResource removes tags; those that are not there are no error.
func (s *Service) UntagResource(ctx context.Context, c *redoubt.Call, in *cloudhsmv2api.UntagResourceInput) (*cloudhsmv2api.UntagResourceOutput, error) {
	err := s.hsm.Retag(store.From(ctx), c.Account, c.Region, *in.ResourceId, func(have []hsm.Tag) ([]hsm.Tag, error) {
		return slices.DeleteFunc(have, func(t hsm.Tag) bool { return slices.Contains(in.TagKeyList, t.Key) }), nil
	})
	return nil, failure(err, *in.ResourceId)
}

// ListTags lists a cluster's tags.
func (s *Service) ListTags(ctx context.Context, c *redoubt.Call, in *cloudhsmv2api.ListTagsInput) (*cloudhsmv2api.ListTagsOutput, error) {
	v, err := s.find(ctx, c, in.ResourceId)
	if err != nil {
		return nil, err
	}
	list := v.Tags
	if in.NextToken != nil {
		after, err := token(in.NextToken)
		if err != nil {
			return nil, err
		}
		n, err := strconv.Atoi(after)
		if err != nil || n < 1 || n > maxTags {
			return nil, invalid("NextToken is not valid.")
		}
		list = list[min(n, len(list)):]
	}
	out := &cloudhsmv2api.ListTagsOutput{TagList: []cloudhsmv2api.Tag{}}
	for i := range list {
		if in.MaxResults != nil && i == int(*in.MaxResults) {
			out.NextToken = nextToken(strconv.Itoa(len(v.Tags) - len(list) + i))
			break
		}
		out.TagList = append(out.TagList, cloudhsmv2api.Tag{Key: &list[i].Key, Value: &list[i].Value})
	}
	return out, nil
}
