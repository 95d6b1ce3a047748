package s3

import (
	"context"
	"reflect"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// onBucket is the row of an operation whose right is its default action on the
// bucket that it names.
func onBucket[I, O any](s *Service, d op.Desc[I, O], m op.Method[I, O]) op.Operation {
	name, expected := member[I]("Bucket"), member[I]("ExpectedBucketOwner")
	action := d.Service.Find(d.Name).Action
	return op.Row(d, m, func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		at, err := s.resolve(ctx, c, name(in), expected(in))
		if err != nil {
			return nil, err
		}
		return at.onBucket(c, action, nil), nil
	})
}

// member reads a member of every input of a type, by name: inputs share members
// but no interface. An input without it has none.
func member[I any](name string) func(*I) *string {
	f, ok := reflect.TypeFor[I]().FieldByName(name)
	if !ok {
		return func(*I) *string { return nil }
	}
	return func(in *I) *string { return reflect.ValueOf(in).Elem().FieldByIndex(f.Index).Interface().(*string) }
}

// place is what a request addresses: a bucket, maybe through an access point.
type place struct {
	name   string
	bucket *Bucket // nil: there is none
	policy string  // the bucket's, as far as it counts for this caller
	point  *Point
	ignore bool // grants to everyone are ignored
}

// resolve finds the bucket that a request names. Which Region a bucket is in, and
// for callers without credentials whether it is there at all, AWS tells before any
// right is looked at.
func (s *Service) resolve(ctx context.Context, c *redoubt.Call, name, expected *string) (*place, error) {
	tx := store.From(ctx)
	at := &place{name: value(name)}
	target := at.name
	if p, err := addressed(tx, at.name); err != nil {
		return nil, err
	} else if p != nil {
		at.point, target = p, p.Bucket
	}
	b, err := find(tx, target)
	switch {
	case absent(err) && (c.Principal.Kind == redoubt.Anonymous || c.Principal.Kind == redoubt.Service):
		return nil, noSuchBucket(target)
	case absent(err):
		return at, nil
	case err != nil:
		return nil, err
	}
	at.bucket = b
	if b.Region != c.Region && c.Operation != "GetBucketLocation" && !relayed(c) {
		return nil, elsewhere(b)
	}
	if expected != nil && (len(*expected) != 12 || strings.Trim(*expected, "0123456789") != "") {
		return nil, refusal(400, "InvalidBucketOwnerAWSAccountID", "The value of the expected bucket owner parameter must be an AWS Account ID... ["+*expected+"]")
	}
	if expected != nil && *expected != b.Account {
		return nil, accessDenied()
	}
	at.policy = b.Policy
	if b.lists() {
		blocks, err := b.blocks(tx)
		if err != nil {
			return nil, err
		}
		at.ignore = blocks.IgnoreACLs
	}
	if b.Public && c.Account != b.Account && c.Principal.Kind != redoubt.Service {
		// RestrictPublicBuckets: a public policy counts for the owner's account and
		// for services alone.
		blocks, err := b.blocks(tx)
		if err != nil {
			return nil, err
		}
		if blocks.Restrict {
			at.policy = ""
		}
	}
	return at, nil
}

// relayed reports whether another service makes the call: it need not know the
// bucket's Region.
func relayed(c *redoubt.Call) bool {
	return c.Via.Service != "" || c.Principal.Kind == redoubt.Service
}

// onBucket states a right on the bucket itself; through an access point, one on
// each.
func (at *place) onBucket(c *redoubt.Call, action string, with conditions) []redoubt.Need {
	return at.state(c, action, "", with)
}

func (at *place) state(c *redoubt.Call, action, rest string, with conditions) []redoubt.Need {
	n := redoubt.Need{Action: action, Resource: bucketARN(c.Partition, at.name) + rest, Conditions: with}
	if at.bucket == nil {
		return []redoubt.Need{n}
	}
	n.Account, n.Policy = at.bucket.Account, at.policy
	n.Resource = at.bucket.arn() + rest
	if rest == "" {
		n.Tags = tagMap(at.bucket.Tags)
	}
	switch {
	case at.point == nil && at.bucket.lists():
		return byList(c, n, at.bucket.Grants, onBuckets[action], at.ignore)
	case at.point == nil:
		return []redoubt.Need{n}
	}
	return at.point.needs(n, rest)
}

func tagMap(tags []Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

// conditions are the condition keys of a request beyond those that the policy
// engine knows itself. Source: Service Authorization Reference, "Actions,
// resources, and condition keys for Amazon S3".
type conditions map[string][]string

func (m conditions) set(name string, v *string) {
	if v != nil {
		m[name] = []string{*v}
	}
}

// createNeeds: the tags, the lists and object lock of a new bucket take rights of
// their own.
func (s *Service) createNeeds(ctx context.Context, c *redoubt.Call, in *api.CreateBucketInput) ([]redoubt.Need, error) {
	at := &place{name: value(in.Bucket)}
	with := conditions{}
	conf := value(in.CreateBucketConfiguration)
	with.set("s3:locationconstraint", conf.LocationConstraint)
	with.set("s3:x-amz-acl", in.ACL)
	with.set("s3:x-amz-object-ownership", in.ObjectOwnership)
	lists := in.ACL != nil && *in.ACL != "private"
	for name, v := range map[string]*string{
		"s3:x-amz-grant-full-control": in.GrantFullControl, "s3:x-amz-grant-read": in.GrantRead, "s3:x-amz-grant-read-acp": in.GrantReadACP,
		"s3:x-amz-grant-write": in.GrantWrite, "s3:x-amz-grant-write-acp": in.GrantWriteACP,
	} {
		with.set(name, v)
		lists = lists || v != nil
	}
	with.tags(conf.Tags)
	needs := at.onBucket(c, "s3:CreateBucket", with)
	more := func(action string) { needs = append(needs, at.onBucket(c, action, with)...) }
	if len(conf.Tags) > 0 {
		more("s3:TagResource")
	}
	if lists {
		more("s3:PutBucketAcl")
	}
	if value(in.ObjectLockEnabledForBucket) {
		more("s3:PutBucketObjectLockConfiguration")
		more("s3:PutBucketVersioning")
	}
	if in.ObjectOwnership != nil {
		more("s3:PutBucketOwnershipControls")
	}
	return needs, nil
}

// tags sets aws:RequestTag/key and aws:TagKeys.
func (m conditions) tags(tags []api.Tag) {
	if len(tags) == 0 {
		return
	}
	var keys []string
	for _, t := range tags {
		m["aws:RequestTag/"+value(t.Key)] = []string{value(t.Value)}
		keys = append(keys, value(t.Key))
	}
	m["aws:TagKeys"] = keys
}

// listNeeds: whose buckets are listed is the caller's account.
func listNeeds(_ context.Context, c *redoubt.Call, _ *api.ListBucketsInput) ([]redoubt.Need, error) {
	if c.Principal.Kind == redoubt.Anonymous {
		return nil, accessDenied()
	}
	return []redoubt.Need{{Action: "s3:ListAllMyBuckets", Resource: "arn:" + c.Partition + ":s3:::*"}}, nil
}

// policyNeeds are those of the operations on the bucket's policy. A policy cannot
// lock out the owner's root user.
func policyNeeds[I any](s *Service) op.Needs[I] {
	name, expected := member[I]("Bucket"), member[I]("ExpectedBucketOwner")
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		at, err := s.resolve(ctx, c, name(in), expected(in))
		if err != nil {
			return nil, err
		}
		if c.Principal.Kind == redoubt.Root && at.bucket != nil && at.bucket.Account == c.Account {
			at.policy = ""
		}
		return at.onBucket(c, "s3:"+c.Operation, nil), nil
	}
}

// taggingNeeds are PutBucketTagging's.
func (s *Service) taggingNeeds(ctx context.Context, c *redoubt.Call, in *api.PutBucketTaggingInput) ([]redoubt.Need, error) {
	at, err := s.resolve(ctx, c, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	with := conditions{}
	if in.Tagging != nil {
		with.tags(in.Tagging.TagSet)
	}
	return at.onBucket(c, "s3:PutBucketTagging", with), nil
}

// onObject states a right on an object.
func (at *place) onObject(c *redoubt.Call, action, key string, with conditions) []redoubt.Need {
	return at.state(c, action, "/"+key, with)
}
