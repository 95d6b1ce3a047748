package s3

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/store"
)

// Bucket is a bucket with all that a request for one of its objects must know.
type Bucket struct {
	Name      string
	ID        string // what its objects are kept under; a new bucket of the same name has another
	Account   string
	Region    string
	Partition string
	Created   time.Time

	Versioning string                         `json:",omitempty"` // Enabled, Suspended; empty: never
	Policy     string                         `json:",omitempty"` // as stored: see policies.go
	Public     bool                           `json:",omitempty"` // the policy is public
	Block      *Block                         `json:",omitempty"` // nil: deleted
	Encryption Encryption                     // of new objects that ask for none
	Lock       *Lock                          `json:",omitempty"`
	Tags       []Tag                          `json:",omitempty"`
	Payer      string                         `json:",omitempty"` // Requester, or empty
	Accelerate string                         `json:",omitempty"`
	Location   string                         `json:",omitempty"` // as its creation named the Region, if otherwise
	Notify     *api.NotificationConfiguration `json:",omitempty"`
	CORS       []api.CORSRule                 `json:",omitempty"`
	Website    *api.WebsiteConfiguration      `json:",omitempty"`
	Lifecycle  bool                           `json:",omitempty"` // there are rules: see lifecycle.go
	// Ownership is the rule of object ownership; empty: BucketOwnerEnforced.
	// NoOwnership: the controls were deleted.
	Ownership   string          `json:",omitempty"`
	NoOwnership bool            `json:",omitempty"`
	Grants      []objects.Grant `json:",omitempty"` // the bucket's list; nil: its owner may do all
}

// Tag is a tag of a bucket or object.
type Tag struct{ Key, Value string }

var (
	buckets = store.GlobalTable[Bucket]("s3.bucket")
	// owned lists an account's buckets.
	owned = store.AccountTable[struct{}]("s3.owned")
)

// maxBuckets is AWS's default quota of an account.
const maxBuckets = 10_000

func (b *Bucket) arn() string { return bucketARN(b.Partition, b.Name) }

// find answers the bucket, or store.ErrNotFound.
func find(tx *store.Tx, name string) (*Bucket, error) { return buckets.Rows().Get(tx, name) }

// bucket finds the bucket that a method works on. Needs have already held the
// Region and the expected owner against it.
func bucket(ctx context.Context, name *string) (*Bucket, error) {
	tx, target := store.From(ctx), value(name)
	if p, err := addressed(tx, target); err != nil {
		return nil, err
	} else if p != nil {
		target = p.Bucket
	}
	b, err := find(tx, target)
	if absent(err) {
		return nil, noSuchBucket(target)
	}
	return b, err
}

// edit writes what f makes of a copy of the bucket.
func edit(ctx context.Context, name *string, f func(*Bucket) error) (*Bucket, error) {
	b, err := buckets.Rows().Edit(store.From(ctx), value(name), f)
	if absent(err) {
		return nil, noSuchBucket(value(name))
	}
	return b, err
}

// CreateBucket makes a bucket. In us-east-1 a bucket that the caller already has
// is no error, as it never was there.
func (s *Service) CreateBucket(ctx context.Context, c *redoubt.Call, in *api.CreateBucketInput) (*api.CreateBucketOutput, error) {
	name := value(in.Bucket)
	if !validName(name) {
		return nil, refusal(400, "InvalidBucketName", "The specified bucket is not valid.", "BucketName", name)
	}
	conf := value(in.CreateBucketConfiguration)
	if err := checkLocation(c.Region, conf.LocationConstraint); err != nil {
		return nil, err
	}
	if conf.Location != nil || conf.Bucket != nil || in.BucketNamespace != nil && *in.BucketNamespace != "global" {
		return nil, notImplemented("x-amz-bucket-namespace")
	}
	tags, err := tagSet(conf.Tags, bucketTags)
	if err != nil {
		return nil, err
	}
	tx := store.From(ctx)
	out := &api.CreateBucketOutput{Location: new("/" + name), BucketArn: new(bucketARN(c.Partition, name))}
	if c.Region != "us-east-1" {
		out.Location = new("http://" + name + ".s3.amazonaws.com/")
	}
	switch b, err := find(tx, name); {
	case err == nil && b.Account == c.Account && c.Region == "us-east-1" && b.Region == c.Region:
		return out, nil
	case err == nil && b.Account == c.Account:
		return nil, refusal(409, string(api.ErrBucketAlreadyOwnedByYou), "Your previous request to create the named bucket succeeded and you already own it.", "BucketName", name)
	case err == nil:
		return nil, refusal(409, string(api.ErrBucketAlreadyExists), "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.", "BucketName", name)
	case !absent(err):
		return nil, err
	}
	n := 0
	for _, err := range owned.In(c.Account).Scan(tx, store.Query{}) {
		if err != nil {
			return nil, err
		}
		if n++; n == maxBuckets {
			return nil, refusal(400, "TooManyBuckets", "You have attempted to create more buckets than allowed")
		}
	}
	b := &Bucket{
		Name: name, ID: objects.NewBucket(), Account: c.Account, Region: c.Region, Partition: c.Partition, Created: c.Time,
		Block: &Block{true, true, true, true}, Encryption: firstEncryption(), Tags: tags,
	}
	if err := creationACL(c, in, b); err != nil {
		return nil, err
	}
	if at := value(conf.LocationConstraint); at != c.Region {
		b.Location = at // EU
	}
	if value(in.ObjectLockEnabledForBucket) {
		b.Versioning, b.Lock = enabled, &Lock{}
	}
	if err := s.Objects.MakeBucket(ctx, b.ID); err != nil {
		return nil, err
	}
	if err := buckets.Rows().Put(tx, name, b); err != nil {
		return nil, err
	}
	return out, owned.In(c.Account).Put(tx, name, &struct{}{})
}

// newID makes a random name that says nothing.
func newID() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// checkLocation holds a LocationConstraint against the Region addressed.
func checkLocation(region string, constraint *string) error {
	switch at := value(constraint); {
	case at == "us-east-1" && region == "us-east-1":
		return refusal(400, "InvalidLocationConstraint", "The specified location-constraint is not valid", "LocationConstraint", at)
	case constraint == nil && region != "us-east-1":
		return refusal(400, "IllegalLocationConstraintException", "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.")
	case at == "EU" && region == "eu-west-1" || at == "" || at == region:
		return nil
	case region == "us-east-1" && strings.Count(at, "-") < 2:
		return refusal(400, "InvalidLocationConstraint", "The specified location-constraint is not valid", "LocationConstraint", at)
	default:
		return refusal(400, "IllegalLocationConstraintException", "The "+at+" location constraint is incompatible for the region specific endpoint this request was sent to.")
	}
}

// DeleteBucket deletes a bucket that is empty.
func (s *Service) DeleteBucket(ctx context.Context, c *redoubt.Call, in *api.DeleteBucketInput) (*api.DeleteBucketOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if err := s.Objects.DropBucket(ctx, b.ID); err != nil {
		return nil, ofObjects(err, b, "", "")
	}
	tx := store.From(ctx)
	if err := s.forgetLifecycle(tx, b); err != nil {
		return nil, err
	}
	if err := owned.In(b.Account).Delete(tx, b.Name); err != nil {
		return nil, err
	}
	return nil, buckets.Rows().Delete(tx, b.Name)
}

// HeadBucket says that there is a bucket and that the caller may list it.
func (s *Service) HeadBucket(ctx context.Context, c *redoubt.Call, in *api.HeadBucketInput) (*api.HeadBucketOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	return &api.HeadBucketOutput{BucketArn: new(b.arn()), BucketRegion: &b.Region, AccessPointAlias: new(false)}, nil
}

// GetBucketLocation answers the bucket's Region, wherever it is asked for.
func (s *Service) GetBucketLocation(ctx context.Context, c *redoubt.Call, in *api.GetBucketLocationInput) (*api.GetBucketLocationOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketLocationOutput{LocationConstraint: new(cmp.Or(b.Location, b.Region))}, nil
}

// ListBuckets lists the caller's buckets of all Regions.
func (s *Service) ListBuckets(ctx context.Context, c *redoubt.Call, in *api.ListBucketsInput) (*api.ListBucketsOutput, error) {
	most := int(value(in.MaxBuckets))
	if in.MaxBuckets != nil && (most < 1 || most > maxBuckets) {
		return nil, invalidArgument("Argument max-buckets must be an integer between 1 and 10000", "max-buckets", itoa(most))
	}
	tx := store.From(ctx)
	out := &api.ListBucketsOutput{Buckets: []api.Bucket{}, Owner: owner(c.Account), Prefix: in.Prefix}
	after, err := s.token("ListBuckets "+c.Account, value(in.ContinuationToken), "continuation-token")
	if err != nil {
		return nil, err
	}
	for row, err := range owned.In(c.Account).Scan(tx, store.Query{Prefix: value(in.Prefix), After: after}) {
		if err != nil {
			return nil, err
		}
		b, err := find(tx, row.ID)
		if err != nil {
			return nil, err
		}
		if in.BucketRegion != nil && *in.BucketRegion != b.Region {
			continue
		}
		if most > 0 && len(out.Buckets) == most {
			out.ContinuationToken, err = s.newToken("ListBuckets "+c.Account, *out.Buckets[most-1].Name)
			return out, err
		}
		entry := api.Bucket{Name: &b.Name, CreationDate: &b.Created, BucketArn: new(b.arn())}
		if in.MaxBuckets != nil || in.Prefix != nil || in.ContinuationToken != nil || in.BucketRegion != nil {
			entry.BucketRegion = &b.Region // paginated requests only
		}
		out.Buckets = append(out.Buckets, entry)
	}
	return out, nil
}

func (b *Bucket) objectARN(key string) string { return b.arn() + "/" + key }
