package secretsmanager

import (
	"context"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/store"
)

// TagResource adds tags, or changes their values.
func (s *Service) TagResource(ctx context.Context, c *redoubt.Call, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	_, err := s.change(ctx, c, in.SecretId, func(_ *store.Tx, sec *Secret) error {
		if err := checkTags(sec.Tags, in.Tags); err != nil {
			return err
		}
		sec.Tags = withTags(sec.Tags, in.Tags)
		sec.Tagged = sec.Tagged || len(sec.Tags) > 0
		return nil
	})
	return nil, err
}

// UntagResource takes tags away; absent ones are no error.
func (s *Service) UntagResource(ctx context.Context, c *redoubt.Call, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	_, err := s.change(ctx, c, in.SecretId, func(_ *store.Tx, sec *Secret) error {
		sec.Tagged = sec.Tagged || len(sec.Tags) > 0 // as of a record from before this was kept
		sec.Tags = withoutTags(sec.Tags, in.TagKeys)
		return nil
	})
	return nil, err
}

// checkTags refuses tags that a secret may not get.
func checkTags(old []Tag, tags []api.Tag) error {
	for i, t := range tags {
		key := value(t.Key)
		switch {
		case key == "":
			return api.ErrInvalidParameterException.New("Tag keys can't be empty.")
		case len(key) >= 4 && strings.EqualFold(key[:4], "aws:"):
			return api.ErrInvalidParameterException.New("Tag keys that begin with aws: are reserved for system use.")
		case slices.ContainsFunc(tags[:i], func(u api.Tag) bool { return value(u.Key) == key }):
			return api.ErrInvalidParameterException.New("Duplicate tag keys are not allowed.")
		}
	}
	if len(withTags(old, tags)) > maxTags {
		return api.ErrInvalidParameterException.New("You can't attach more than %d tags to a secret.", maxTags)
	}
	return nil
}

func withTags(old []Tag, tags []api.Tag) []Tag {
	list := slices.Clone(old)
	for _, t := range tags {
		if i := slices.IndexFunc(list, func(have Tag) bool { return have.Key == value(t.Key) }); i >= 0 {
			list[i].Value = value(t.Value)
		} else {
			list = append(list, Tag{value(t.Key), value(t.Value)})
		}
	}
	return list
}

func withoutTags(old []Tag, keys []string) []Tag {
	return slices.DeleteFunc(slices.Clone(old), func(t Tag) bool { return slices.Contains(keys, t.Key) })
}

// apiTags is nil for a secret that never had any.
func (s *Secret) apiTags() []api.Tag {
	if len(s.Tags) == 0 && !s.Tagged {
		return nil
	}
	out := make([]api.Tag, len(s.Tags))
	for i := range s.Tags {
		out[i] = api.Tag{Key: &s.Tags[i].Key, Value: &s.Tags[i].Value}
	}
	return out
}
