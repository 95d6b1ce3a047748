package s3

import (
	"context"
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/identity"
)

// Access control lists are off: every bucket is BucketOwnerEnforced, as new ones
// are at AWS, and its owner owns every object. Lists that say just that are taken,
// all others refused.

const ownerEnforced = "BucketOwnerEnforced"

// creationACL holds the lists of a CreateBucket against that.
func creationACL(in *api.CreateBucketInput) error {
	switch value(in.ObjectOwnership) {
	case "", ownerEnforced:
	case "BucketOwnerPreferred", "ObjectWriter":
		return notImplemented("x-amz-object-ownership")
	default:
		return refusal(400, "InvalidArgument", "Invalid x-amz-object-ownership header: "+*in.ObjectOwnership, "ArgumentName", "x-amz-object-ownership")
	}
	if acl := value(in.ACL); acl != "" && !slices.Contains([]string{"private", "public-read", "public-read-write", "authenticated-read"}, acl) {
		return invalidArgument("", "x-amz-acl", acl)
	}
	if in.ACL != nil && *in.ACL != "private" || in.GrantFullControl != nil || in.GrantRead != nil || in.GrantReadACP != nil || in.GrantWrite != nil || in.GrantWriteACP != nil {
		return refusal(400, "InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
	}
	return nil
}

func noACLs() error {
	return refusal(400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
}

// ownGrants is the list of everything: its owner may do all.
func ownGrants(account string) []api.Grant {
	return []api.Grant{{
		Grantee:    &api.Grantee{ID: new(identity.CanonicalID(account)), Type: new("CanonicalUser")},
		Permission: new("FULL_CONTROL"),
	}}
}

// sameGrants reports whether a list says just that.
func sameGrants(p *api.AccessControlPolicy, account string) bool {
	if len(p.Grants) != 1 || p.Grants[0].Grantee == nil {
		return false
	}
	g := p.Grants[0]
	return value(g.Permission) == "FULL_CONTROL" && value(g.Grantee.ID) == identity.CanonicalID(account)
}

// PutBucketAcl takes a list that changes nothing.
func (s *Service) PutBucketAcl(ctx context.Context, c *redoubt.Call, in *api.PutBucketAclInput) (*api.PutBucketAclOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if in.AccessControlPolicy != nil && sameGrants(in.AccessControlPolicy, b.Account) {
		return nil, nil
	}
	if value(in.ACL) == "private" && in.AccessControlPolicy == nil {
		return nil, nil
	}
	return nil, noACLs()
}

// GetBucketAcl answers that the owner may do all.
func (s *Service) GetBucketAcl(ctx context.Context, c *redoubt.Call, in *api.GetBucketAclInput) (*api.GetBucketAclOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketAclOutput{Owner: owner(b.Account), Grants: ownGrants(b.Account)}, nil
}

// PutBucketOwnershipControls takes BucketOwnerEnforced.
func (s *Service) PutBucketOwnershipControls(ctx context.Context, c *redoubt.Call, in *api.PutBucketOwnershipControlsInput) (*api.PutBucketOwnershipControlsOutput, error) {
	if len(in.OwnershipControls.Rules) != 1 {
		return nil, malformedXML()
	}
	switch value(in.OwnershipControls.Rules[0].ObjectOwnership) {
	case ownerEnforced:
	case "BucketOwnerPreferred", "ObjectWriter":
		return nil, notImplemented("ObjectOwnership")
	default:
		return nil, malformedXML()
	}
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error { b.NoOwnership = false; return nil })
	return nil, err
}

// DeleteBucketOwnershipControls removes the controls. Lists stay off nevertheless.
func (s *Service) DeleteBucketOwnershipControls(ctx context.Context, c *redoubt.Call, in *api.DeleteBucketOwnershipControlsInput) (*api.DeleteBucketOwnershipControlsOutput, error) {
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error { b.NoOwnership = true; return nil })
	return nil, err
}

// GetBucketOwnershipControls answers BucketOwnerEnforced.
func (s *Service) GetBucketOwnershipControls(ctx context.Context, c *redoubt.Call, in *api.GetBucketOwnershipControlsInput) (*api.GetBucketOwnershipControlsOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if b.NoOwnership {
		return nil, noSuchConfiguration("OwnershipControlsNotFoundError", "The bucket ownership controls were not found", b.Name)
	}
	return &api.GetBucketOwnershipControlsOutput{OwnershipControls: &api.OwnershipControls{
		Rules: []api.OwnershipControlsRule{{ObjectOwnership: new(ownerEnforced)}},
	}}, nil
}

// objectACL holds the canned list and the grants of a request against the rule.
func objectACL(acl *string, grants ...*string) error {
	if acl != nil && *acl != "bucket-owner-full-control" {
		return noACLs()
	}
	for _, g := range grants {
		if g != nil {
			return noACLs()
		}
	}
	return nil
}
