package kms

import (
	"context"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/store"
)

// TagResource adds tags to a customer managed key, or changes their values.
func (s *Service) TagResource(ctx context.Context, c *redoubt.Call, in *kmsapi.TagResourceInput) (*kmsapi.TagResourceOutput, error) {
	_, err := s.change(ctx, c, in.KeyId, func(_ *store.Tx, k *Key) (err error) {
		k.Tags, err = newTags(k.Tags, in.Tags)
		return err
	})
	return nil, err
}

// UntagResource takes tags away; absent ones are no error.
func (s *Service) UntagResource(ctx context.Context, c *redoubt.Call, in *kmsapi.UntagResourceInput) (*kmsapi.UntagResourceOutput, error) {
	_, err := s.change(ctx, c, in.KeyId, func(_ *store.Tx, k *Key) error {
		k.Tags = slices.DeleteFunc(k.Tags, func(t Tag) bool { return slices.Contains(in.TagKeys, t.Key) })
		return nil
	})
	return nil, err
}

// ListResourceTags lists a key's tags.
func (s *Service) ListResourceTags(ctx context.Context, c *redoubt.Call, in *kmsapi.ListResourceTagsInput) (*kmsapi.ListResourceTagsOutput, error) {
	k, err := s.key(ctx, c, in.KeyId, byID)
	if err != nil {
		return nil, err
	}
	p, err := s.page(c, in.Limit, in.Marker, tagPages, k.ID)
	if err != nil {
		return nil, err
	}
	tags := k.Tags
	if p.after != "" {
		// Tags keep their places, so the page goes on behind the last one shown.
		tags = tags[slices.IndexFunc(tags, func(t Tag) bool { return t.Key == p.after })+1:]
	}
	if len(tags) > p.limit {
		tags = tags[:p.limit]
		p.more(&tags[p.limit-1].Key)
	}
	out := &kmsapi.ListResourceTagsOutput{Tags: apiTags(tags)}
	out.Truncated, out.NextMarker, err = p.end()
	return out, err
}

// newTags answers old with the changes that a request asks for.
func newTags(old []Tag, changes []kmsapi.Tag) ([]Tag, error) {
	tags := slices.Clone(old)
	for i, ch := range changes {
		key := value(ch.TagKey)
		if slices.ContainsFunc(changes[:i], func(t kmsapi.Tag) bool { return value(t.TagKey) == key }) {
			return nil, kmsapi.ErrTagException.New("Duplicate tag keys")
		}
		if len(key) >= 4 && strings.EqualFold(key[:4], "aws:") {
			return nil, kmsapi.ErrTagException.New("Tags beginning with aws: are reserved")
		}
		if at := slices.IndexFunc(tags, func(t Tag) bool { return t.Key == key }); at >= 0 {
			tags[at].Value = value(ch.TagValue)
		} else {
			tags = append(tags, Tag{key, value(ch.TagValue)})
		}
	}
	if len(tags) > maxTags {
		return nil, kmsapi.ErrTagException.New("Too many tags")
	}
	return tags, nil
}

func apiTags(tags []Tag) []kmsapi.Tag {
	out := make([]kmsapi.Tag, len(tags))
	for i := range tags {
		out[i] = kmsapi.Tag{TagKey: &tags[i].Key, TagValue: &tags[i].Value}
	}
	return out
}
