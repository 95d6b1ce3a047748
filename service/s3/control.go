package s3

import (
	"context"
	"errors"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	s3api "github.com/redoubt-sec/redoubt/api/s3api"
	api "github.com/redoubt-sec/redoubt/api/s3controlapi"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// Control are the rows of S3 Control, which shares this room: it works on the same
// buckets.
func (s *Service) Control() op.Service {
	return op.Service{Model: &api.Model, Operations: []op.Operation{
		// The account's public access block.
		op.Row(api.OpPutPublicAccessBlock, s.PutAccountBlock, accountNeeds[api.PutPublicAccessBlockInput]("s3:PutAccountPublicAccessBlock")).Records("AccountId", "PublicAccessBlockConfiguration"),
		op.Row(api.OpGetPublicAccessBlock, s.GetAccountBlock, accountNeeds[api.GetPublicAccessBlockInput]("s3:GetAccountPublicAccessBlock")).Records("AccountId"),
		op.Row(api.OpDeletePublicAccessBlock, s.DeleteAccountBlock, accountNeeds[api.DeletePublicAccessBlockInput]("s3:PutAccountPublicAccessBlock")).Records("AccountId"),

		// Access points.
		onPoint(s, api.OpCreateAccessPoint, s.CreateAccessPoint).Records("AccountId", "Name", "Bucket", "PublicAccessBlockConfiguration", "BucketAccountId", "Tags").Answers("AccessPointArn", "Alias"),
		onPoint(s, api.OpGetAccessPoint, s.GetAccessPoint).Records("AccountId", "Name"),
		onPoint(s, api.OpDeleteAccessPoint, s.DeleteAccessPoint).Records("AccountId", "Name"),
		op.Row(api.OpListAccessPoints, s.ListAccessPoints, accountNeeds[api.ListAccessPointsInput]("s3:ListAccessPoints")).Records("AccountId", "Bucket", "MaxResults"),
		onPoint(s, api.OpPutAccessPointPolicy, s.PutAccessPointPolicy).Records("AccountId", "Name", "Policy"),
		onPoint(s, api.OpGetAccessPointPolicy, s.GetAccessPointPolicy).Records("AccountId", "Name"),
		onPoint(s, api.OpGetAccessPointPolicyStatus, s.GetAccessPointPolicyStatus).Records("AccountId", "Name"),
		onPoint(s, api.OpDeleteAccessPointPolicy, s.DeleteAccessPointPolicy).Records("AccountId", "Name"),

		// Tags of buckets and access points.
		op.Row(api.OpListTagsForResource, s.ListTagsForResource, s.tagNeeds("s3:ListTagsForResource")).Records("AccountId", "ResourceArn"),
		op.Row(api.OpTagResource, s.TagResource, s.tagResourceNeeds).Records("AccountId", "ResourceArn", "Tags"),
		op.Row(api.OpUntagResource, s.UntagResource, s.untagNeeds).Records("AccountId", "ResourceArn", "TagKeys"),
	}}
}

// accountNeeds state a right on the caller's own account.
func accountNeeds[I any](action string) op.Needs[I] {
	account := member[I]("AccountId")
	return func(_ context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		return []redoubt.Need{{Action: action, Resource: "*"}}, ownAccount(c, account(in))
	}
}

// PutAccountBlock replaces the block of all the account's buckets.
func (s *Service) PutAccountBlock(ctx context.Context, c *redoubt.Call, in *api.PutPublicAccessBlockInput) (*api.PutPublicAccessBlockOutput, error) {
	f := in.PublicAccessBlockConfiguration
	if f.BlockPublicAcls == nil && f.IgnorePublicAcls == nil && f.BlockPublicPolicy == nil && f.RestrictPublicBuckets == nil {
		return nil, invalidRequest("Must specify at least one configuration.")
	}
	b := &Block{value(f.BlockPublicAcls), value(f.IgnorePublicAcls), value(f.BlockPublicPolicy), value(f.RestrictPublicBuckets)}
	return nil, accounts.In(c.Account).Put(store.From(ctx), "block", b)
}

// GetAccountBlock answers the account's block.
func (s *Service) GetAccountBlock(ctx context.Context, c *redoubt.Call, in *api.GetPublicAccessBlockInput) (*api.GetPublicAccessBlockOutput, error) {
	b, err := accountBlock(store.From(ctx), c.Account)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, refusal(404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", "AccountId", c.Account)
	}
	return &api.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: b.shown()}, nil
}

// DeleteAccountBlock removes the account's block.
func (s *Service) DeleteAccountBlock(ctx context.Context, c *redoubt.Call, in *api.DeletePublicAccessBlockInput) (*api.DeletePublicAccessBlockOutput, error) {
	return nil, accounts.In(c.Account).Delete(store.From(ctx), "block")
}

// tagged is what ListTagsForResource and its like are about.
type tagged struct {
	need   redoubt.Need
	tags   []Tag
	exists bool
	edit   func(tx *store.Tx, f func([]Tag) ([]Tag, error)) error
}

// tagged finds a bucket or access point by its ARN.
func (s *Service) tagged(ctx context.Context, c *redoubt.Call, arn *string) (*tagged, error) {
	tx := store.From(ctx)
	a, err := redoubt.ParseARN(value(arn))
	if err != nil || a.Service != "s3" {
		return nil, invalidRequest("Invalid resource ARN")
	}
	t := &tagged{need: redoubt.Need{Resource: *arn}}
	if name, ok := strings.CutPrefix(a.Resource, "accesspoint/"); ok {
		if a.Account != c.Account || a.Region != c.Region {
			return t, nil
		}
		p, err := maybe(points.In(c.Account, c.Region).Get(tx, name))
		if err != nil || p == nil {
			return t, err
		}
		t.exists, t.tags, t.need.Policy, t.need.Tags = true, p.Tags, p.Policy, tagMap(p.Tags)
		t.edit = func(tx *store.Tx, f func([]Tag) ([]Tag, error)) error {
			_, err := points.In(p.Account, p.Region).Edit(tx, p.Name, func(p *Point) (err error) { p.Tags, err = f(p.Tags); return err })
			return err
		}
		return t, nil
	}
	if a.Region != "" || strings.Contains(a.Resource, "/") {
		return nil, invalidRequest("Invalid resource ARN")
	}
	b, err := find(tx, a.Resource)
	if absent(err) || err == nil && b.Account != c.Account {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	t.exists, t.tags, t.need.Policy, t.need.Tags = true, b.Tags, b.Policy, tagMap(b.Tags)
	t.edit = func(tx *store.Tx, f func([]Tag) ([]Tag, error)) error {
		_, err := buckets.Rows().Edit(tx, b.Name, func(b *Bucket) (err error) { b.Tags, err = f(b.Tags); return err })
		return err
	}
	return t, nil
}

func (s *Service) tagNeeds(action string) op.Needs[api.ListTagsForResourceInput] {
	return func(ctx context.Context, c *redoubt.Call, in *api.ListTagsForResourceInput) ([]redoubt.Need, error) {
		return s.taggedNeeds(ctx, c, action, in.AccountId, in.ResourceArn, nil)
	}
}

func (s *Service) tagResourceNeeds(ctx context.Context, c *redoubt.Call, in *api.TagResourceInput) ([]redoubt.Need, error) {
	with := conditions{}
	with.tags(s3Tags(in.Tags))
	return s.taggedNeeds(ctx, c, "s3:TagResource", in.AccountId, in.ResourceArn, with)
}

func (s *Service) untagNeeds(ctx context.Context, c *redoubt.Call, in *api.UntagResourceInput) ([]redoubt.Need, error) {
	return s.taggedNeeds(ctx, c, "s3:UntagResource", in.AccountId, in.ResourceArn, conditions{"aws:TagKeys": in.TagKeys})
}

func (s *Service) taggedNeeds(ctx context.Context, c *redoubt.Call, action string, account, arn *string, with conditions) ([]redoubt.Need, error) {
	if err := ownAccount(c, account); err != nil {
		return nil, err
	}
	t, err := s.tagged(ctx, c, arn)
	if err != nil {
		return nil, err
	}
	t.need.Action, t.need.Conditions = action, with
	return []redoubt.Need{t.need}, nil
}

func s3Tags(tags []api.Tag) []s3api.Tag {
	list := make([]s3api.Tag, 0, len(tags))
	for _, t := range tags {
		list = append(list, s3api.Tag{Key: t.Key, Value: t.Value})
	}
	return list
}

func noSuchResource() error {
	return refusal(404, "NoSuchResource", "The specified resource doesn't exist.")
}

// ListTagsForResource answers the tags of a bucket or access point.
func (s *Service) ListTagsForResource(ctx context.Context, c *redoubt.Call, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	t, err := s.tagged(ctx, c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	if !t.exists {
		return nil, noSuchResource()
	}
	out := &api.ListTagsForResourceOutput{Tags: []api.Tag{}}
	for _, tag := range t.tags {
		out.Tags = append(out.Tags, api.Tag{Key: new(tag.Key), Value: new(tag.Value)})
	}
	return out, nil
}

// TagResource sets tags; a key that is there gets the new value.
func (s *Service) TagResource(ctx context.Context, c *redoubt.Call, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	add, err := controlTags(in.Tags)
	if err != nil {
		return nil, err
	}
	t, err := s.tagged(ctx, c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	if !t.exists {
		return nil, noSuchResource()
	}
	return nil, t.edit(store.From(ctx), func(tags []Tag) ([]Tag, error) {
		for _, n := range add {
			if i := slices.IndexFunc(tags, func(x Tag) bool { return x.Key == n.Key }); i >= 0 {
				tags[i] = n
			} else {
				tags = append(tags, n)
			}
		}
		if len(tags) > bucketTags {
			return nil, refusal(400, "TooManyTagsException", "The number of tags exceeds the limit of 50.")
		}
		return tags, nil
	})
}

// controlTags is tagSet with S3 Control's words.
func controlTags(tags []api.Tag) ([]Tag, error) {
	add, err := tagSet(s3Tags(tags), bucketTags)
	e, ok := errors.AsType[*redoubt.Error](err)
	if !ok || e.Code != "InvalidTag" {
		return add, err
	}
	switch {
	case strings.HasPrefix(e.Message, "System"):
		return nil, invalidTag(`User-defined tag keys can't start with "aws:". This prefix is reserved for system tags. Remove "aws:" from your tag keys and try again.`)
	case strings.HasPrefix(e.Message, "Cannot"):
		return nil, invalidTag("There are duplicate tag keys in your request. Remove the duplicate tag keys and try again.")
	}
	return nil, invalidTag("This request contains a tag key or value that isn't valid. Valid characters include the following: [a-zA-Z+-=._:/]. Tag keys can contain up to 128 characters. Tag values can contain up to 256 characters.")
}

// UntagResource removes tags; what is not there is no error.
func (s *Service) UntagResource(ctx context.Context, c *redoubt.Call, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	t, err := s.tagged(ctx, c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	if !t.exists {
		return nil, noSuchResource()
	}
	return nil, t.edit(store.From(ctx), func(tags []Tag) ([]Tag, error) {
		return slices.DeleteFunc(tags, func(x Tag) bool { return slices.Contains(in.TagKeys, x.Key) }), nil
	})
}
