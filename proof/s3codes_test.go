package proof

import "strings"

// s3Codes are S3's error codes: its model lists next to none. Source: Amazon S3 API
// Reference, "Error responses".
var s3Codes = func() map[string]string {
	codes := map[string]string{}
	for _, c := range strings.Fields(`
		AccessControlListNotSupported AccessDenied InvalidRedirectLocation AccessPointAlreadyOwnedByYou AuthorizationHeaderMalformed AuthorizationQueryParametersError BadDigest BucketAlreadyExists
		BucketAlreadyOwnedByYou BucketNotEmpty EntityTooLarge EntityTooSmall IllegalLocationConstraintException IllegalVersioningConfigurationException
		IncompleteBody InvalidAccessKeyId InvalidArgument InvalidBucketAclWithObjectOwnership InvalidBucketName InvalidBucketOwnerAWSAccountID
		InvalidBucketState InvalidDigest InvalidEncryptionAlgorithmError InvalidLocationConstraint InvalidObjectState InvalidPart InvalidPartNumber
		InvalidPartOrder InvalidPayer InvalidPolicyDocument InvalidRange InvalidRequest InvalidRetentionPeriod InvalidStorageClass InvalidTag InvalidToken
		InvalidURI KeyTooLongError MalformedACLError MalformedPolicy MalformedXML MaxMessageLengthExceeded MetadataTooLarge MethodNotAllowed
		MissingContentLength MissingRequestBodyError MissingSecurityHeader NoSuchAccessPoint NoSuchAccessPointPolicy NoSuchBucket NoSuchBucketPolicy NoSuchCORSConfiguration NoSuchKey
		NoSuchLifecycleConfiguration NoSuchObjectLockConfiguration NoSuchPublicAccessBlockConfiguration NoSuchResource NoSuchTagSet NoSuchTagSetError NoSuchUpload NoSuchVersion
		NoSuchWebsiteConfiguration NotImplemented ObjectLockConfigurationNotFoundError OperationAborted OwnershipControlsNotFoundError PermanentRedirect
		PreconditionFailed RequestTimeTooSkewed ServerSideEncryptionConfigurationNotFoundError SignatureDoesNotMatch TooManyBuckets UnexpectedContent
		UnresolvableGrantByEmailAddress XAmzContentSHA256Mismatch ReplicationConfigurationNotFoundError NoSuchConfiguration NotModified
		KMS.NotFoundException KMS.DisabledException KMS.KMSInvalidStateException KMS.InvalidKeyUsageException KMS.InvalidArnException KMS.UnsupportedOperationException`) {
		codes[c] = "S3 answers it"
	}
	return codes
}()
