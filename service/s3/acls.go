package s3

import (
	"context"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/store"
)

// Access control lists are off in new buckets, as they are at AWS: their owner owns
// every object (BucketOwnerEnforced). Under the other rules lists grant rights beside
// policies; see lists.go.

const (
	ownerEnforced  = "BucketOwnerEnforced"
	ownerPreferred = "BucketOwnerPreferred"
	objectWriter   = "ObjectWriter"
)

// lists reports whether access control lists count.
func (b *Bucket) lists() bool { return b.NoOwnership || b.Ownership != "" }

// creationACL holds what a CreateBucket says of lists against its own rule.
func creationACL(c *redoubt.Call, in *api.CreateBucketInput, b *Bucket) error {
	switch rule := value(in.ObjectOwnership); rule {
	case "", ownerEnforced:
	case ownerPreferred, objectWriter:
		b.Ownership = rule
	default:
		return refusal(400, "InvalidArgument", "Invalid x-amz-object-ownership header: "+rule, "ArgumentName", "x-amz-object-ownership")
	}
	asked := newACL(in.ACL, in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWrite, in.GrantWriteACP)
	list, err := asked.check(bucketCanned)
	if err != nil {
		return err
	}
	if asked.canned != nil {
		list = cannedGrants(*asked.canned, c.Account, c.Account)
	}
	switch {
	case list == nil:
		return nil
	case !b.lists():
		return listsOff()
	case public(list):
		return refusal(400, "InvalidBucketAclWithBlockPublicAccessError", "Bucket cannot have public ACLs set with BlockPublicAccess enabled")
	}
	b.Grants = list
	return nil
}

func listsOff() error {
	return refusal(400, "InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
}

func noACLs() error {
	return refusal(400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
}

// requested reads the list of a request that is about nothing else.
func requested(a acl, p *api.AccessControlPolicy, canned []string) ([]objects.Grant, error) {
	switch {
	case p != nil && a.stated():
		return nil, refusal(400, "UnexpectedContent", "This request does not support content")
	case p != nil:
		return policyGrants(p)
	case !a.stated():
		return nil, refusal(400, "MissingSecurityHeader", "Your request was missing a required header", "MissingHeaderName", "x-amz-acl")
	}
	return a.check(canned)
}

// ownersOnly reports whether a list says what holds without one.
func ownersOnly(list []objects.Grant, account string) bool {
	return list == nil || len(list) == 1 && list[0] == objects.Grant{To: identity.CanonicalID(account), Permission: fullControl}
}

// PutBucketAcl replaces the bucket's list.
func (s *Service) PutBucketAcl(ctx context.Context, c *redoubt.Call, in *api.PutBucketAclInput) (*api.PutBucketAclOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	asked := newACL(in.ACL, in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWrite, in.GrantWriteACP)
	list, err := requested(asked, in.AccessControlPolicy, bucketCanned)
	if err != nil {
		return nil, err
	}
	if asked.canned != nil {
		list = cannedGrants(*asked.canned, b.Account, b.Account)
	}
	switch {
	case ownersOnly(list, b.Account):
		list = nil
	case !b.lists():
		return nil, noACLs()
	}
	if err := unblocked(ctx, c, b, list, b.arn()); err != nil {
		return nil, err
	}
	_, err = edit(ctx, in.Bucket, func(b *Bucket) error { b.Grants = list; return nil })
	return nil, err
}

// unblocked refuses public lists where the public access block does.
func unblocked(ctx context.Context, c *redoubt.Call, b *Bucket, list []objects.Grant, arn string) error {
	if !public(list) {
		return nil
	}
	blocks, err := b.blocks(store.From(ctx))
	if err != nil || !blocks.ACLs {
		return err
	}
	return redoubt.ErrAccessDenied.New("User: %s is not authorized to perform: s3:%s on resource: %q because public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access.", c.Principal.ARN, c.Operation, arn)
}

// GetBucketAcl answers the bucket's list.
func (s *Service) GetBucketAcl(ctx context.Context, c *redoubt.Call, in *api.GetBucketAclInput) (*api.GetBucketAclOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	list := b.Grants
	if !b.lists() {
		list = nil
	}
	return &api.GetBucketAclOutput{Owner: owner(b.Account), Grants: shownGrants(list, b.Account)}, nil
}

// GetObjectAcl answers an object's list.
func (s *Service) GetObjectAcl(ctx context.Context, c *redoubt.Call, in *api.GetObjectAclInput) (*api.GetObjectAclOutput, error) {
	b, v, err := s.head(ctx, c, in.Bucket, in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	of, list := v.Owner, v.Grants
	if !b.lists() {
		of, list = b.Account, nil
	}
	return &api.GetObjectAclOutput{Owner: owner(of), Grants: shownGrants(list, of), RequestCharged: charged(c, b)}, nil
}

// PutObjectAcl replaces an object's list.
func (s *Service) PutObjectAcl(ctx context.Context, c *redoubt.Call, in *api.PutObjectAclInput) (*api.PutObjectAclOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	v, err := s.Objects.Head(ctx, b.ID, value(in.Key), value(in.VersionId))
	if marker, ok := errors.AsType[*objects.MarkerError](err); ok && c.Denied[itemList] == nil {
		in.VersionId = new(marker.Version.ID) // refused as one that was asked for
	}
	if err := s.missing(c, b, value(in.Key), in.VersionId, err); err != nil {
		return nil, err
	}
	asked := newACL(in.ACL, in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWrite, in.GrantWriteACP)
	list, err := requested(asked, in.AccessControlPolicy, objectCanned)
	if err != nil {
		return nil, err
	}
	out := &api.PutObjectAclOutput{RequestCharged: charged(c, b)}
	if !b.lists() {
		if in.AccessControlPolicy != nil && ownersOnly(list, b.Account) || value(asked.canned) == "bucket-owner-full-control" {
			return out, nil
		}
		return nil, noACLs()
	}
	if asked.canned != nil {
		list = cannedGrants(*asked.canned, v.Owner, b.Account)
	}
	if err := unblocked(ctx, c, b, list, b.arn()+"/"+v.Key); err != nil {
		return nil, err
	}
	if ownersOnly(list, v.Owner) {
		list = nil
	}
	if b, v, err = s.editObject(ctx, c, in.Bucket, in.Key, in.VersionId, func(_ *Bucket, v *objects.Version) error { v.Grants = list; return nil }); err != nil {
		return nil, err
	}
	return out, s.notify(ctx, c, b, "ObjectAcl:Put", v)
}

// PutBucketOwnershipControls says who owns objects, and with it whether lists count.
func (s *Service) PutBucketOwnershipControls(ctx context.Context, c *redoubt.Call, in *api.PutBucketOwnershipControlsInput) (*api.PutBucketOwnershipControlsOutput, error) {
	if len(in.OwnershipControls.Rules) != 1 {
		return nil, malformedXML()
	}
	rule := value(in.OwnershipControls.Rules[0].ObjectOwnership)
	switch rule {
	case ownerPreferred, objectWriter:
	case ownerEnforced:
		rule = ""
	default:
		return nil, malformedXML()
	}
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error {
		if rule == "" && b.lists() && !ownersOnly(b.Grants, b.Account) {
			return listsOff()
		}
		b.Ownership, b.NoOwnership = rule, false
		return nil
	})
	return nil, err
}

// DeleteBucketOwnershipControls removes the rule: lists count, as they did before
// there were rules.
func (s *Service) DeleteBucketOwnershipControls(ctx context.Context, c *redoubt.Call, in *api.DeleteBucketOwnershipControlsInput) (*api.DeleteBucketOwnershipControlsOutput, error) {
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error { b.Ownership, b.NoOwnership = "", true; return nil })
	return nil, err
}

// GetBucketOwnershipControls answers the rule.
func (s *Service) GetBucketOwnershipControls(ctx context.Context, c *redoubt.Call, in *api.GetBucketOwnershipControlsInput) (*api.GetBucketOwnershipControlsOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if b.NoOwnership {
		return nil, noSuchConfiguration("OwnershipControlsNotFoundError", "The bucket ownership controls were not found", b.Name)
	}
	rule := b.Ownership
	if rule == "" {
		rule = ownerEnforced
	}
	return &api.GetBucketOwnershipControlsOutput{OwnershipControls: &api.OwnershipControls{
		Rules: []api.OwnershipControlsRule{{ObjectOwnership: &rule}},
	}}, nil
}

// objectACL holds the list of a new object against its bucket's rule, and answers
// whose the object is and what it grants.
func objectACL(c *redoubt.Call, b *Bucket, asked acl) (account string, list []objects.Grant, err error) {
	if !b.lists() {
		if len(asked.headers) > 0 || asked.canned != nil && *asked.canned != "bucket-owner-full-control" {
			return "", nil, noACLs()
		}
		return b.Account, nil, nil
	}
	if list, err = asked.check(objectCanned); err != nil {
		return "", nil, err
	}
	account = c.Principal.Account
	if account == "" || b.Ownership == ownerPreferred && value(asked.canned) == "bucket-owner-full-control" {
		account = b.Account
	}
	if asked.canned != nil {
		list = cannedGrants(*asked.canned, account, b.Account)
	}
	return account, list, nil
}
