package cloudtrail

import (
	"context"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/store"
)

// mostTags is AWS's quota of tags per trail.
const mostTags = 50

func (t *Trail) tagMap() map[string]string {
	m := make(map[string]string, len(t.Tags))
	for _, tag := range t.Tags {
		m[tag.Key] = value(tag.Value)
	}
	return m
}

// checkTags holds the tags of a request against what every resource demands.
func checkTags(tags []api.Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		k := value(t.Key)
		switch {
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return api.ErrInvalidTagParameterException.New("Tag key %s is not valid: keys beginning with aws: are reserved.", k)
		case seen[k]:
			return api.ErrInvalidTagParameterException.New("Duplicate tag key: %s", k)
		case !taggable(k) || !taggable(value(t.Value)):
			return api.ErrInvalidTagParameterException.New("Tag keys and values can only contain letters, numbers, blanks and the characters _ . : / = + - @")
		}
		seen[k] = true
	}
	if len(tags) > mostTags {
		return tooManyTags()
	}
	return nil
}

func tooManyTags() error {
	return api.ErrTagsLimitExceededException.New("The number of tags exceeds the limit of %d.", mostTags)
}

// taggable: letters and digits of any script, blanks, and some marks.
func taggable(s string) bool {
	for _, r := range s {
		if r < 0x80 && !isAlnum(byte(r)) && !strings.ContainsRune(" _.:/=+-@", r) {
			return false
		}
	}
	return true
}

// checkTaggable tells ARNs of trails from those of things that are not there and
// from what is no ARN of CloudTrail at all, or belongs elsewhere.
func checkTaggable(c *redoubt.Call, arn string) error {
	a, err := redoubt.ParseARN(arn)
	switch {
	case err != nil || a.Service != "cloudtrail":
		return badARN(arn)
	case a.Account != c.Account:
		return api.ErrCloudTrailARNInvalidException.New("AccountID in ARN is wrong, you can only access resources with AccountID %s.", c.Account)
	case a.Region != c.Region:
		return api.ErrCloudTrailARNInvalidException.New("Region in ARN is wrong, you can only access resources in region %s.", c.Region)
	}
	kind, _, _ := strings.Cut(a.Resource, "/")
	switch kind {
	case "trail":
		return nil
	case "eventdatastore":
		return api.ErrEventDataStoreNotFoundException.New("The event data store %s was not found.", arn)
	case "channel":
		return api.ErrChannelNotFoundException.New("The channel %s was not found.", arn)
	case "dashboard":
		return noSuchResource(arn)
	}
	return api.ErrResourceTypeNotSupportedException.New("Resource type %s is not supported.", kind)
}

// tagged finds the trail for an operation on its tags, which takes place in its
// home Region.
func tagged(ctx context.Context, c *redoubt.Call, arn string) (*Trail, error) {
	r, err := parseRef(c, arn)
	if err != nil {
		return nil, err
	}
	ok, err := trails.In(r.account, r.region).Has(store.From(ctx), r.name)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, noSuchResource(arn)
	}
	return trails.In(r.account, r.region).Get(store.From(ctx), r.name)
}

// AddTags sets tags; a key that is there gets the new value.
func (s *Service) AddTags(ctx context.Context, c *redoubt.Call, in *api.AddTagsInput) (*api.AddTagsOutput, error) {
	if err := checkTags(in.TagsList); err != nil {
		return nil, err
	}
	t, err := tagged(ctx, c, value(in.ResourceId))
	if err != nil {
		return nil, err
	}
	_, err = trails.In(t.Account, t.Home).Edit(store.From(ctx), t.Name, func(t *Trail) error {
		for _, tag := range in.TagsList {
			i := slices.IndexFunc(t.Tags, func(x Tag) bool { return x.Key == value(tag.Key) })
			if i < 0 {
				t.Tags = append(t.Tags, Tag{value(tag.Key), tag.Value})
				continue
			}
			t.Tags[i].Value = tag.Value
		}
		if len(t.Tags) > mostTags {
			return tooManyTags()
		}
		return nil
	})
	return nil, err
}

// RemoveTags removes the tags of those keys; a value, when given, must be the
// tag's.
func (s *Service) RemoveTags(ctx context.Context, c *redoubt.Call, in *api.RemoveTagsInput) (*api.RemoveTagsOutput, error) {
	t, err := tagged(ctx, c, value(in.ResourceId))
	if err != nil {
		return nil, err
	}
	_, err = trails.In(t.Account, t.Home).Edit(store.From(ctx), t.Name, func(t *Trail) error {
		t.Tags = slices.DeleteFunc(t.Tags, func(x Tag) bool {
			return slices.ContainsFunc(in.TagsList, func(tag api.Tag) bool {
				return value(tag.Key) == x.Key && (tag.Value == nil || *tag.Value == value(x.Value))
			})
		})
		return nil
	})
	return nil, err
}

// ListTags lists the tags of up to 20 trails.
func (s *Service) ListTags(ctx context.Context, c *redoubt.Call, in *api.ListTagsInput) (*api.ListTagsOutput, error) {
	if in.NextToken != nil {
		return nil, api.ErrInvalidTokenException.New("Invalid token.") // there never is a second page
	}
	if len(in.ResourceIdList) > 20 {
		return nil, redoubt.ErrValidation.New("1 validation error detected: Value at 'resourceIdList' failed to satisfy constraint: Member must have length less than or equal to 20")
	}
	out := &api.ListTagsOutput{ResourceTagList: []api.ResourceTag{}}
	for _, arn := range in.ResourceIdList {
		t, err := tagged(ctx, c, arn)
		if err != nil {
			return nil, err
		}
		tags := []api.Tag{}
		for _, tag := range t.Tags {
			tags = append(tags, api.Tag{Key: new(tag.Key), Value: tag.Value})
		}
		out.ResourceTagList = append(out.ResourceTagList, api.ResourceTag{ResourceId: new(arn), TagsList: tags})
	}
	return out, nil
}
