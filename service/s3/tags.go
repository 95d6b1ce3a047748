package s3

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
)

// How many tags something may have. Source: Amazon S3 User Guide, "Categorizing
// your objects using tags" and "Using cost allocation S3 bucket tags".
const (
	bucketTags = 50
	objectTags = 10
)

// tagSet holds the tags of a request against what every resource demands.
func tagSet(tags []api.Tag, most int) ([]Tag, error) {
	list := make([]Tag, 0, len(tags))
	seen := map[string]bool{}
	for _, t := range tags {
		if t.Key == nil || t.Value == nil {
			return nil, malformedXML()
		}
		k, v := *t.Key, *t.Value
		switch {
		case k == "" || utf8.RuneCountInString(k) > 128 || !taggable(k):
			return nil, invalidTag("The TagKey you have provided is invalid", "TagKey", k)
		case strings.HasPrefix(strings.ToLower(k), "aws:") && most == objectTags:
			return nil, invalidTag("Your TagKey cannot be prefixed with aws:", "TagKey", k)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return nil, invalidTag("System tags cannot be added/updated by requester", "TagKey", k)
		case utf8.RuneCountInString(v) > 256 || !taggable(v):
			return nil, invalidTag("The TagValue you have provided is invalid", "TagKey", k, "TagValue", v)
		case seen[k]:
			return nil, invalidTag("Cannot provide multiple Tags with the same key", "TagKey", k)
		}
		seen[k] = true
		list = append(list, Tag{k, v})
	}
	if len(list) > most {
		what := "Bucket"
		if most == objectTags {
			what = "Object"
		}
		return nil, refusal(400, "BadRequest", what+" tag count cannot be greater than "+itoa(most))
	}
	return list, nil
}

func invalidTag(message string, elements ...string) error {
	return refusal(400, "InvalidTag", message, elements...)
}

// taggable: letters and digits of any script, blanks, and some marks.
func taggable(s string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !unicode.IsSpace(r) && !strings.ContainsRune("_.:/=+-@", r) {
			return false
		}
	}
	return true
}

func shownTags(tags []Tag) []api.Tag {
	list := make([]api.Tag, 0, len(tags))
	for _, t := range tags {
		list = append(list, api.Tag{Key: new(t.Key), Value: new(t.Value)})
	}
	return list
}

// PutBucketTagging replaces the bucket's tags.
func (s *Service) PutBucketTagging(ctx context.Context, c *redoubt.Call, in *api.PutBucketTaggingInput) (*api.PutBucketTaggingOutput, error) {
	tags, err := tagSet(in.Tagging.TagSet, bucketTags)
	if err != nil {
		return nil, err
	}
	_, err = edit(ctx, in.Bucket, func(b *Bucket) error { b.Tags = tags; return nil })
	return nil, err
}

// GetBucketTagging answers the bucket's tags; a bucket without any is refused.
func (s *Service) GetBucketTagging(ctx context.Context, c *redoubt.Call, in *api.GetBucketTaggingInput) (*api.GetBucketTaggingOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if len(b.Tags) == 0 {
		return nil, noSuchConfiguration("NoSuchTagSet", "The TagSet does not exist", b.Name)
	}
	return &api.GetBucketTaggingOutput{TagSet: shownTags(b.Tags)}, nil
}

// DeleteBucketTagging removes all tags.
func (s *Service) DeleteBucketTagging(ctx context.Context, c *redoubt.Call, in *api.DeleteBucketTaggingInput) (*api.DeleteBucketTaggingOutput, error) {
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error { b.Tags = nil; return nil })
	return nil, err
}
