package s3

import (
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/op"
)

// Operations are the rows of S3: descriptor, method, the rights it takes, and what
// the audit log may hold.
func (s *Service) Operations() op.Service {
	return op.Service{Model: &api.Model, Sharer: s, Site: s.site(), Operations: append(s.unconfigured(), []op.Operation{
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

		onBucket(s, api.OpPutBucketLifecycleConfiguration, s.PutBucketLifecycleConfiguration).Records("Bucket", "LifecycleConfiguration", "TransitionDefaultMinimumObjectSize"),
		onBucket(s, api.OpGetBucketLifecycleConfiguration, s.GetBucketLifecycleConfiguration).Records("Bucket"),
		onBucket(s, api.OpDeleteBucketLifecycle, s.DeleteBucketLifecycle).Records("Bucket"),

		// Other settings.
		onBucket(s, api.OpPutBucketCors, s.PutBucketCors).Records("Bucket", "CORSConfiguration"),
		onBucket(s, api.OpGetBucketCors, s.GetBucketCors).Records("Bucket"),
		onBucket(s, api.OpDeleteBucketCors, s.DeleteBucketCors).Records("Bucket"),
		onBucket(s, api.OpGetBucketLogging, s.GetBucketLogging).Records("Bucket"),
		onBucket(s, api.OpGetBucketReplication, s.GetBucketReplication).Records("Bucket"),
		onBucket(s, api.OpPutBucketWebsite, s.PutBucketWebsite).Records("Bucket", "WebsiteConfiguration"),
		onBucket(s, api.OpGetBucketWebsite, s.GetBucketWebsite).Records("Bucket"),
		onBucket(s, api.OpDeleteBucketWebsite, s.DeleteBucketWebsite).Records("Bucket"),
		onBucket(s, api.OpPutBucketNotificationConfiguration, s.PutBucketNotificationConfiguration).Outside().Records("Bucket", "NotificationConfiguration", "SkipDestinationValidation"),
		onBucket(s, api.OpGetBucketNotificationConfiguration, s.GetBucketNotificationConfiguration).Records("Bucket"),
		op.Row(api.OpPutBucketTagging, s.PutBucketTagging, s.taggingNeeds).Records("Bucket", "Tagging"),
		onBucket(s, api.OpGetBucketTagging, s.GetBucketTagging).Records("Bucket"),
		onBucket(s, api.OpDeleteBucketTagging, s.DeleteBucketTagging).Records("Bucket"),
		onBucket(s, api.OpPutBucketRequestPayment, s.PutBucketRequestPayment).Records("Bucket", "RequestPaymentConfiguration"),
		onBucket(s, api.OpGetBucketRequestPayment, s.GetBucketRequestPayment).Records("Bucket"),
		onBucket(s, api.OpPutBucketAccelerateConfiguration, s.PutBucketAccelerateConfiguration).Records("Bucket", "AccelerateConfiguration"),
		onBucket(s, api.OpGetBucketAccelerateConfiguration, s.GetBucketAccelerateConfiguration).Records("Bucket"),

		// Objects. What streams, and what KMS is asked for, runs in no transaction.
		op.Row(api.OpPutObject, s.PutObject, s.putNeeds).Outside().Data().Records(placed...).Records("IfMatch", "IfNoneMatch"),
		op.Row(api.OpGetObject, s.GetObject, s.getNeeds).Outside().Data().Records(read...),
		op.Row(api.OpHeadObject, s.HeadObject, s.headNeeds).Outside().Data().Records(read...),
		op.Row(api.OpDeleteObject, s.DeleteObject, s.deleteNeeds).Data().Records("Bucket", "Key", "VersionId", "BypassGovernanceRetention", "IfMatch"),
		op.Row(api.OpDeleteObjects, s.DeleteObjects, s.deletesNeeds).Outside().Data().Body(maxDocument).Records("Bucket", "BypassGovernanceRetention"),
		op.Row(api.OpCopyObject, s.CopyObject, s.copyNeeds).Outside().Data().Records(placed...).Records("CopySource", "MetadataDirective", "TaggingDirective", "IfMatch", "IfNoneMatch"),
		onObject(s, api.OpGetObjectAttributes, s.GetObjectAttributes, "s3:GetObject").Data().Records("Bucket", "Key", "VersionId", "ObjectAttributes"),

		// Listings.
		op.Row(api.OpListObjectsV2, s.ListObjectsV2, listingNeeds(s, "s3:ListBucket",
			func(in *api.ListObjectsV2Input) *string { return in.Prefix }, func(in *api.ListObjectsV2Input) *string { return in.Delimiter }, func(in *api.ListObjectsV2Input) *int32 { return in.MaxKeys })).
			Outside().Data().Records("Bucket", "Prefix", "Delimiter", "MaxKeys", "StartAfter", "EncodingType"),
		op.Row(api.OpListObjects, s.ListObjects, listingNeeds(s, "s3:ListBucket",
			func(in *api.ListObjectsInput) *string { return in.Prefix }, func(in *api.ListObjectsInput) *string { return in.Delimiter }, func(in *api.ListObjectsInput) *int32 { return in.MaxKeys })).
			Outside().Data().Records("Bucket", "Prefix", "Delimiter", "MaxKeys", "Marker", "EncodingType"),
		op.Row(api.OpListObjectVersions, s.ListObjectVersions, listingNeeds(s, "s3:ListBucketVersions",
			func(in *api.ListObjectVersionsInput) *string { return in.Prefix }, func(in *api.ListObjectVersionsInput) *string { return in.Delimiter }, func(in *api.ListObjectVersionsInput) *int32 { return in.MaxKeys })).
			Outside().Data().Records("Bucket", "Prefix", "Delimiter", "MaxKeys", "KeyMarker", "VersionIdMarker", "EncodingType"),

		// Multipart uploads.
		op.Row(api.OpCreateMultipartUpload, s.CreateMultipartUpload, s.startNeeds).Outside().Data().Records(placed...).Answers("UploadId"),
		op.Row(api.OpUploadPart, s.UploadPart, s.partNeeds).Outside().Data().Records("Bucket", "Key", "PartNumber", "UploadId"),
		op.Row(api.OpUploadPartCopy, s.UploadPartCopy, s.partCopyNeeds).Outside().Data().Records("Bucket", "Key", "PartNumber", "UploadId", "CopySource", "CopySourceRange"),
		op.Row(api.OpCompleteMultipartUpload, s.CompleteMultipartUpload, s.completeNeeds).Data().Body(maxDocument).Records("Bucket", "Key", "UploadId", "IfMatch", "IfNoneMatch"),
		op.Row(api.OpAbortMultipartUpload, s.AbortMultipartUpload, uploadNeeds[api.AbortMultipartUploadInput](s, "s3:AbortMultipartUpload")).Data().Records("Bucket", "Key", "UploadId"),
		op.Row(api.OpListParts, s.ListParts, uploadNeeds[api.ListPartsInput](s, "s3:ListMultipartUploadParts")).Data().Records("Bucket", "Key", "UploadId", "MaxParts", "PartNumberMarker"),
		op.Row(api.OpListMultipartUploads, s.ListMultipartUploads, listingNeeds(s, "s3:ListBucketMultipartUploads",
			func(in *api.ListMultipartUploadsInput) *string { return in.Prefix }, func(in *api.ListMultipartUploadsInput) *string { return in.Delimiter }, func(in *api.ListMultipartUploadsInput) *int32 { return in.MaxUploads })).
			Outside().Data().Records("Bucket", "Prefix", "Delimiter", "MaxUploads", "KeyMarker", "UploadIdMarker", "EncodingType"),

		// Tags, lists and locks of objects.
		op.Row(api.OpPutObjectTagging, s.PutObjectTagging, s.putTagsNeeds).Data().Records("Bucket", "Key", "VersionId", "Tagging"),
		onObject(s, api.OpGetObjectTagging, s.GetObjectTagging).Data().Records("Bucket", "Key", "VersionId"),
		onObject(s, api.OpDeleteObjectTagging, s.DeleteObjectTagging).Data().Records("Bucket", "Key", "VersionId"),
		onObject(s, api.OpRestoreObject, s.RestoreObject).Data().Records("Bucket", "Key", "VersionId", "RestoreRequest"),
		onObject(s, api.OpPutObjectAcl, s.PutObjectAcl).Data().Records("Bucket", "Key", "VersionId", "ACL", "AccessControlPolicy", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP"),
		onObject(s, api.OpGetObjectAcl, s.GetObjectAcl).Data().Records("Bucket", "Key", "VersionId"),
		op.Row(api.OpPutObjectRetention, s.PutObjectRetention, s.retentionNeeds).Data().Records("Bucket", "Key", "VersionId", "Retention", "BypassGovernanceRetention"),
		onObject(s, api.OpGetObjectRetention, s.GetObjectRetention).Data().Records("Bucket", "Key", "VersionId"),
		onObject(s, api.OpPutObjectLegalHold, s.PutObjectLegalHold).Data().Records("Bucket", "Key", "VersionId", "LegalHold"),
		onObject(s, api.OpGetObjectLegalHold, s.GetObjectLegalHold).Data().Records("Bucket", "Key", "VersionId"),
	}...)}
}

// maxDocument is the largest document that S3 takes: DeleteObjects of 1,000 long
// keys, CompleteMultipartUpload of 10,000 parts. Source: Amazon S3 API Reference,
// DeleteObjects ("The request can contain a list of up to 1000 keys"); the size is
// ours.
const maxDocument = 4 << 20

// placed is what may be recorded of requests that make objects: names and settings,
// of metadata nothing.
var placed = []string{
	"Bucket", "Key", "ACL", "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires",
	"ServerSideEncryption", "SSEKMSKeyId", "SSECustomerAlgorithm", "BucketKeyEnabled", "StorageClass", "ChecksumAlgorithm",
	"ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus",
}

// read is what may be recorded of requests that read them.
var read = []string{"Bucket", "Key", "VersionId", "Range", "PartNumber", "IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince", "SSECustomerAlgorithm", "ChecksumMode"}
