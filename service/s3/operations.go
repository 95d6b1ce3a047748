package s3

import (
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/op"
)

// Operations are the rows of S3: descriptor, method, the rights it takes, and what
// the audit log may hold.
func (s *Service) Operations() op.Service {
	return op.Service{Model: &api.Model, Operations: []op.Operation{
		// Buckets.
		op.Row(api.OpCreateBucket, s.CreateBucket, s.createNeeds).
			Records("Bucket", "ACL", "CreateBucketConfiguration", "ObjectLockEnabledForBucket", "ObjectOwnership", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP"),
		onBucket(s, api.OpDeleteBucket, s.DeleteBucket).Records("Bucket"),
		onBucket(s, api.OpHeadBucket, s.HeadBucket).Records("Bucket"),
		onBucket(s, api.OpGetBucketLocation, s.GetBucketLocation).Records("Bucket"),
		op.Row(api.OpListBuckets, s.ListBuckets, listNeeds).Records("MaxBuckets", "Prefix", "BucketRegion"),

		// Who may use a bucket.
		op.Row(api.OpPutBucketPolicy, s.PutBucketPolicy, policyNeeds[api.PutBucketPolicyInput](s)).Records("Bucket", "Policy"),
		op.Row(api.OpGetBucketPolicy, s.GetBucketPolicy, policyNeeds[api.GetBucketPolicyInput](s)).Records("Bucket"),
		op.Row(api.OpDeleteBucketPolicy, s.DeleteBucketPolicy, policyNeeds[api.DeleteBucketPolicyInput](s)).Records("Bucket"),
		onBucket(s, api.OpGetBucketPolicyStatus, s.GetBucketPolicyStatus).Records("Bucket"),
		onBucket(s, api.OpPutPublicAccessBlock, s.PutPublicAccessBlock).Records("Bucket", "PublicAccessBlockConfiguration"),
		onBucket(s, api.OpGetPublicAccessBlock, s.GetPublicAccessBlock).Records("Bucket"),
		onBucket(s, api.OpDeletePublicAccessBlock, s.DeletePublicAccessBlock).Records("Bucket"),
		onBucket(s, api.OpPutBucketAcl, s.PutBucketAcl).Records("Bucket", "ACL", "AccessControlPolicy", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP"),
		onBucket(s, api.OpGetBucketAcl, s.GetBucketAcl).Records("Bucket"),
		onBucket(s, api.OpPutBucketOwnershipControls, s.PutBucketOwnershipControls).Records("Bucket", "OwnershipControls"),
		onBucket(s, api.OpGetBucketOwnershipControls, s.GetBucketOwnershipControls).Records("Bucket"),
		onBucket(s, api.OpDeleteBucketOwnershipControls, s.DeleteBucketOwnershipControls).Records("Bucket"),

		// How a bucket keeps objects.
		onBucket(s, api.OpPutBucketEncryption, s.PutBucketEncryption).Records("Bucket", "ServerSideEncryptionConfiguration"),
		onBucket(s, api.OpGetBucketEncryption, s.GetBucketEncryption).Records("Bucket"),
		onBucket(s, api.OpDeleteBucketEncryption, s.DeleteBucketEncryption).Records("Bucket"),
		onBucket(s, api.OpPutBucketVersioning, s.PutBucketVersioning).Records("Bucket", "VersioningConfiguration"),
		onBucket(s, api.OpGetBucketVersioning, s.GetBucketVersioning).Records("Bucket"),
		onBucket(s, api.OpPutObjectLockConfiguration, s.PutObjectLockConfiguration).Records("Bucket", "ObjectLockConfiguration"),
		onBucket(s, api.OpGetObjectLockConfiguration, s.GetObjectLockConfiguration).Records("Bucket"),

		// Other settings.
		op.Row(api.OpPutBucketTagging, s.PutBucketTagging, s.taggingNeeds).Records("Bucket", "Tagging"),
		onBucket(s, api.OpGetBucketTagging, s.GetBucketTagging).Records("Bucket"),
		onBucket(s, api.OpDeleteBucketTagging, s.DeleteBucketTagging).Records("Bucket"),
		onBucket(s, api.OpPutBucketRequestPayment, s.PutBucketRequestPayment).Records("Bucket", "RequestPaymentConfiguration"),
		onBucket(s, api.OpGetBucketRequestPayment, s.GetBucketRequestPayment).Records("Bucket"),
		onBucket(s, api.OpPutBucketAccelerateConfiguration, s.PutBucketAccelerateConfiguration).Records("Bucket", "AccelerateConfiguration"),
		onBucket(s, api.OpGetBucketAccelerateConfiguration, s.GetBucketAccelerateConfiguration).Records("Bucket"),
	}}
}
