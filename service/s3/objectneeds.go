package s3

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/op"
)

// Items of needs whose refusal leaves something out of an answer, or turns one
// refusal into another, instead of refusing the call.
const (
	itemList      = "list"      // s3:ListBucket: whoever may not list is not told what is missing
	itemTags      = "tags"      // s3:GetObjectTagging
	itemRetention = "retention" // s3:GetObjectRetention
	itemHold      = "hold"      // s3:GetObjectLegalHold
	itemBypass    = "bypass"    // s3:BypassGovernanceRetention
)

// reading is what a request for an existing object names.
type reading struct {
	bucket, key, version, owner, payer *string
}

// object finds what a request for an object addresses: the place, and the version
// if there is one.
func (s *Service) object(ctx context.Context, c *redoubt.Call, r reading) (*place, *objects.Version, error) {
	at, err := s.resolve(ctx, c, r.bucket, r.owner)
	if err != nil || at.bucket == nil {
		return at, nil, err
	}
	if err := pays(c, at.bucket, r.payer); err != nil {
		return nil, nil, err
	}
	v, err := s.Objects.Head(ctx, at.bucket.ID, value(r.key), value(r.version))
	switch {
	case err == nil:
		return at, v, nil
	case errors.Is(err, objects.ErrNoKey), errors.Is(err, objects.ErrNoVersion), errors.Is(err, objects.ErrBadVersion), errors.Is(err, objects.ErrBadKey), errors.Is(err, objects.ErrNoBucket):
		return at, nil, nil
	}
	if _, ok := errors.AsType[*objects.MarkerError](err); ok {
		return at, nil, nil
	}
	return nil, nil, err
}

// pays refuses callers of other accounts that do not say that they pay for a bucket
// whose requesters do.
func pays(c *redoubt.Call, b *Bucket, payer *string) error {
	if b.Payer == "" || c.Account == b.Account || c.Principal.Kind == redoubt.Service || value(payer) == "requester" && c.Principal.Kind != redoubt.Anonymous {
		return nil
	}
	return accessDenied()
}

// charged is x-amz-request-charged.
func charged(c *redoubt.Call, b *Bucket) *string {
	if b.Payer == "" || c.Account == b.Account {
		return nil
	}
	return new("requester")
}

// versioned is the action on a version that the request names, or on the object.
func versioned(action string, version *string) string {
	if version == nil {
		return action
	}
	switch action {
	case "s3:GetObject", "s3:DeleteObject", "s3:GetObjectAcl", "s3:PutObjectAcl", "s3:GetObjectTagging", "s3:PutObjectTagging", "s3:DeleteObjectTagging", "s3:GetObjectAttributes":
		at := strings.Index(action, "Object") + len("Object")
		return action[:at] + "Version" + action[at:]
	}
	return action
}

// existing are the condition keys of an object that is there.
func existing(v *objects.Version, version *string) conditions {
	with := conditions{}
	with.set("s3:versionid", version)
	if v != nil {
		for k, tag := range v.Tags {
			with["s3:ExistingObjectTag/"+k] = []string{tag}
		}
	}
	return with
}

// readNeeds state the rights of a request for an existing object. What is missing
// takes the right to list too: whoever has it not is told Access Denied instead.
func (s *Service) readNeeds(ctx context.Context, c *redoubt.Call, r reading, actions ...string) ([]redoubt.Need, *objects.Version, error) {
	at, v, err := s.object(ctx, c, r)
	if err != nil {
		return nil, nil, err
	}
	var needs []redoubt.Need
	for _, action := range actions {
		needs = append(needs, at.ofVersion(c, at.onObject(c, versioned(action, r.version), value(r.key), existing(v, r.version)), v)...)
	}
	item := func(list []redoubt.Need, name string) {
		for _, n := range list {
			n.Item = name
			needs = append(needs, n)
		}
	}
	if v == nil {
		action := "s3:ListBucket"
		if r.version != nil {
			action = "s3:ListBucketVersions"
		}
		item(at.onBucket(c, action, nil), itemList)
		return needs, nil, nil
	}
	if c.Operation != "GetObject" && c.Operation != "HeadObject" {
		return needs, v, nil
	}
	if len(v.Tags) > 0 {
		item(at.onObject(c, versioned("s3:GetObjectTagging", r.version), value(r.key), existing(v, r.version)), itemTags)
	}
	if v.Lock.Mode != "" {
		item(at.onObject(c, "s3:GetObjectRetention", value(r.key), existing(v, r.version)), itemRetention)
	}
	if v.Lock.Hold || at.bucket.Lock != nil {
		item(at.onObject(c, "s3:GetObjectLegalHold", value(r.key), existing(v, r.version)), itemHold)
	}
	return needs, v, nil
}

// onObject is the row of an operation on an existing object whose right is its
// default action.
func onObject[I, O any](s *Service, d op.Desc[I, O], m op.Method[I, O], more ...string) op.Operation {
	bucket, key, version := member[I]("Bucket"), member[I]("Key"), member[I]("VersionId")
	owner, payer := member[I]("ExpectedBucketOwner"), member[I]("RequestPayer")
	actions := append([]string{d.Service.Find(d.Name).Action}, more...)
	return op.Row(d, m, func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		needs, _, err := s.readNeeds(ctx, c, reading{bucket(in), key(in), version(in), owner(in), payer(in)}, actions...)
		return needs, err
	})
}

// writing are the condition keys of a request that makes an object. in is PutObject's
// input, or that of another operation filled into one.
func writing(in *api.PutObjectInput) conditions {
	with := conditions{}
	for name, v := range map[string]*string{
		"s3:x-amz-acl": in.ACL, "s3:x-amz-grant-full-control": in.GrantFullControl, "s3:x-amz-grant-read": in.GrantRead,
		"s3:x-amz-grant-read-acp": in.GrantReadACP, "s3:x-amz-grant-write-acp": in.GrantWriteACP,
		"s3:x-amz-server-side-encryption":                    in.ServerSideEncryption,
		"s3:x-amz-server-side-encryption-aws-kms-key-id":     in.SSEKMSKeyId,
		"s3:x-amz-server-side-encryption-customer-algorithm": in.SSECustomerAlgorithm,
		"s3:x-amz-storage-class":                             in.StorageClass,
		"s3:x-amz-website-redirect-location":                 in.WebsiteRedirectLocation,
		"s3:object-lock-mode":                                in.ObjectLockMode,
		"s3:object-lock-legal-hold":                          in.ObjectLockLegalHoldStatus,
		"s3:if-match":                                        in.IfMatch,
		"s3:if-none-match":                                   in.IfNoneMatch,
	} {
		with.set(name, v)
	}
	if until := in.ObjectLockRetainUntilDate; until != nil {
		with["s3:object-lock-retain-until-date"] = []string{until.UTC().Format("2006-01-02T15:04:05Z")}
	}
	if in.Tagging != nil {
		if q, err := url.ParseQuery(*in.Tagging); err == nil {
			with.objectTags(q)
		}
	}
	return with
}

// objectTags sets s3:RequestObjectTag/key and s3:RequestObjectTagKeys.
func (m conditions) objectTags(tags map[string][]string) {
	var keys []string
	for k, v := range tags {
		m["s3:RequestObjectTag/"+k] = v
		keys = append(keys, k)
	}
	if keys != nil {
		m["s3:RequestObjectTagKeys"] = keys
	}
}

// remaining sets s3:object-lock-remaining-retention-days.
func (m conditions) remaining(now time.Time, until *time.Time) {
	if until != nil {
		m["s3:object-lock-remaining-retention-days"] = []string{itoa(int(until.Sub(now).Hours() / 24))}
	}
}

// writeNeeds are those of a request that makes an object: tags, lists and locks
// that come with it take rights of their own.
func (s *Service) writeNeeds(ctx context.Context, c *redoubt.Call, in *api.PutObjectInput, more conditions) ([]redoubt.Need, error) {
	at, err := s.resolve(ctx, c, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if at.bucket != nil {
		if err := pays(c, at.bucket, in.RequestPayer); err != nil {
			return nil, err
		}
	}
	with := writing(in)
	with.remaining(c.Time, in.ObjectLockRetainUntilDate)
	for k, v := range more {
		with[k] = v
	}
	key := value(in.Key)
	needs := at.onObject(c, "s3:PutObject", key, with)
	also := func(asked bool, action string) {
		if asked {
			needs = append(needs, at.onObject(c, action, key, with)...)
		}
	}
	also(in.Tagging != nil, "s3:PutObjectTagging")
	// What every object here has anyway: AWS's own policies for services that deliver
	// ask for this list and grant s3:PutObject alone.
	also(in.ACL != nil && *in.ACL != "private" && *in.ACL != "bucket-owner-full-control" || in.GrantFullControl != nil || in.GrantRead != nil || in.GrantReadACP != nil || in.GrantWriteACP != nil, "s3:PutObjectAcl")
	also(in.ObjectLockMode != nil || in.ObjectLockRetainUntilDate != nil, "s3:PutObjectRetention")
	also(in.ObjectLockLegalHoldStatus != nil, "s3:PutObjectLegalHold")
	also(in.IfMatch != nil, "s3:GetObject")
	return needs, nil
}

func (s *Service) putNeeds(ctx context.Context, c *redoubt.Call, in *api.PutObjectInput) ([]redoubt.Need, error) {
	return s.writeNeeds(ctx, c, in, nil)
}

// listingNeeds are those of the operations that list what is in a bucket.
func listingNeeds[I any](s *Service, action string, prefix, delimiter func(*I) *string, most func(*I) *int32) op.Needs[I] {
	name, expected, payer := member[I]("Bucket"), member[I]("ExpectedBucketOwner"), member[I]("RequestPayer")
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		at, err := s.resolve(ctx, c, name(in), expected(in))
		if err != nil {
			return nil, err
		}
		if at.bucket != nil {
			if err := pays(c, at.bucket, payer(in)); err != nil {
				return nil, err
			}
		}
		with := conditions{}
		with.set("s3:prefix", prefix(in))
		with.set("s3:delimiter", delimiter(in))
		if m := most(in); m != nil {
			with["s3:max-keys"] = []string{itoa(int(*m))}
		}
		return at.onBucket(c, action, with), nil
	}
}
