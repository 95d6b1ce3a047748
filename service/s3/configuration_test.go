package s3_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	control "github.com/aws/aws-sdk-go-v2/service/s3control/types"
)

func (w *world) configuration(t *testing.T) {
	ctx := t.Context()
	name := aws.String(w.bucket(t))

	// What a new bucket has.
	enc, err := w.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: name})
	ok(t, err)
	r := enc.ServerSideEncryptionConfiguration.Rules[0]
	if r.ApplyServerSideEncryptionByDefault.SSEAlgorithm != "AES256" || *r.BucketKeyEnabled || r.BlockedEncryptionTypes.EncryptionType[0] != "SSE-C" {
		t.Errorf("%+v", r)
	}
	block, err := w.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: name})
	ok(t, err)
	if b := block.PublicAccessBlockConfiguration; !*b.BlockPublicAcls || !*b.IgnorePublicAcls || !*b.BlockPublicPolicy || !*b.RestrictPublicBuckets {
		t.Errorf("%+v", b)
	}
	own, err := w.s3.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: name})
	ok(t, err)
	if own.OwnershipControls.Rules[0].ObjectOwnership != "BucketOwnerEnforced" {
		t.Error(own.OwnershipControls.Rules)
	}
	acl, err := w.s3.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: name})
	ok(t, err)
	if len(acl.Grants) != 1 || acl.Grants[0].Permission != "FULL_CONTROL" || *acl.Grants[0].Grantee.ID != *acl.Owner.ID || acl.Grants[0].Grantee.Type != "CanonicalUser" {
		t.Errorf("%+v", acl)
	}
	for what, f := range map[string]func() error{
		"NoSuchTagSet": func() error {
			_, err := w.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: name})
			return err
		},
		"NoSuchBucketPolicy": func() error { _, err := w.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: name}); return err },
		"ObjectLockConfigurationNotFoundError": func() error {
			_, err := w.s3.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: name})
			return err
		},
	} {
		refused(t, f(), 404, what)
	}

	// Encryption.
	put := func(rules ...types.ServerSideEncryptionRule) error {
		_, err := w.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: name, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: rules}})
		return err
	}
	by := func(alg types.ServerSideEncryption, key *string) types.ServerSideEncryptionRule {
		return types.ServerSideEncryptionRule{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: alg, KMSMasterKeyID: key}, BucketKeyEnabled: aws.Bool(true)}
	}
	ok(t, put(by("aws:kms", aws.String("alias/is-not-looked-at"))))
	enc, err = w.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: name})
	ok(t, err)
	r = enc.ServerSideEncryptionConfiguration.Rules[0]
	if *r.ApplyServerSideEncryptionByDefault.KMSMasterKeyID != "alias/is-not-looked-at" || !*r.BucketKeyEnabled || r.BlockedEncryptionTypes == nil {
		t.Errorf("%+v", r)
	}
	refused(t, put(by("AES256", aws.String("k"))), 400, "InvalidArgument")
	refused(t, put(by("AES256", nil), by("AES256", nil)), 400, "MalformedXML")
	ok(t, put(types.ServerSideEncryptionRule{
		ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: "AES256"},
		BlockedEncryptionTypes:             &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{"NONE"}},
	}))
	enc, err = w.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: name})
	ok(t, err)
	if enc.ServerSideEncryptionConfiguration.Rules[0].BlockedEncryptionTypes != nil {
		t.Error("SSE-C is still blocked")
	}

	// Versioning and object lock.
	v, err := w.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: name})
	ok(t, err)
	if v.Status != "" {
		t.Error(v.Status)
	}
	lock := func(n *string, d *types.DefaultRetention) error {
		conf := &types.ObjectLockConfiguration{ObjectLockEnabled: "Enabled"}
		if d != nil {
			conf.Rule = &types.ObjectLockRule{DefaultRetention: d}
		}
		_, err := w.s3.PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{Bucket: n, ObjectLockConfiguration: conf})
		return err
	}
	refused(t, lock(name, nil), 409, "InvalidBucketState")
	versioning := func(status types.BucketVersioningStatus) error {
		_, err := w.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: name, VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
		return err
	}
	ok(t, versioning("Enabled"))
	ok(t, versioning("Suspended"))
	ok(t, versioning("Enabled"))
	refused(t, lock(name, &types.DefaultRetention{Mode: "GOVERNANCE", Days: aws.Int32(0)}), 400, "InvalidArgument")
	refused(t, lock(name, &types.DefaultRetention{Mode: "GOVERNANCE", Days: aws.Int32(1), Years: aws.Int32(1)}), 400, "MalformedXML")
	ok(t, lock(name, &types.DefaultRetention{Mode: "GOVERNANCE", Days: aws.Int32(7)}))
	refused(t, versioning("Suspended"), 409, "InvalidBucketState")
	locked, err := w.s3.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: name})
	ok(t, err)
	if d := locked.ObjectLockConfiguration.Rule.DefaultRetention; *d.Days != 7 || d.Years != nil || d.Mode != "GOVERNANCE" {
		t.Errorf("%+v", d)
	}

	// Tags, here and through S3 Control.
	tagging := func(tags ...types.Tag) error {
		_, err := w.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: name, Tagging: &types.Tagging{TagSet: tags}})
		return err
	}
	tag := func(k, v string) types.Tag { return types.Tag{Key: &k, Value: &v} }
	ok(t, tagging(tag("team", "red"), tag("한국", "값")))
	refused(t, tagging(tag("aws:x", "")), 400, "InvalidTag")
	refused(t, tagging(tag("a", ""), tag("a", "")), 400, "InvalidTag")
	ctl := w.control(w.Admin.Config(region))
	arn := aws.String("arn:aws:s3:::" + *name)
	_, err = ctl.TagResource(ctx, &s3control.TagResourceInput{AccountId: &w.Admin.ID, ResourceArn: arn, Tags: []control.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}})
	ok(t, err)
	_, err = ctl.UntagResource(ctx, &s3control.UntagResourceInput{AccountId: &w.Admin.ID, ResourceArn: arn, TagKeys: []string{"한국"}})
	ok(t, err)
	tags, err := ctl.ListTagsForResource(ctx, &s3control.ListTagsForResourceInput{AccountId: &w.Admin.ID, ResourceArn: arn})
	ok(t, err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Value != "blue" {
		t.Errorf("%+v", tags.Tags)
	}

	// Records.
	_, err = w.s3.PutBucketRequestPayment(ctx, &s3.PutBucketRequestPaymentInput{Bucket: name, RequestPaymentConfiguration: &types.RequestPaymentConfiguration{Payer: "Requester"}})
	ok(t, err)
	pay, err := w.s3.GetBucketRequestPayment(ctx, &s3.GetBucketRequestPaymentInput{Bucket: name})
	ok(t, err)
	if pay.Payer != "Requester" {
		t.Error(pay.Payer)
	}
	_, err = w.s3.PutBucketAccelerateConfiguration(ctx, &s3.PutBucketAccelerateConfigurationInput{Bucket: name, AccelerateConfiguration: &types.AccelerateConfiguration{Status: "Enabled"}})
	ok(t, err)

	// Lists.
	_, err = w.s3.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: name, ACL: "public-read"})
	refused(t, err, 400, "AccessControlListNotSupported")
	_, err = w.s3.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: name, ACL: "private"})
	ok(t, err)
	_, err = w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("with-a-list"), ACL: "public-read"})
	refused(t, err, 400, "InvalidBucketAclWithObjectOwnership")
	_, err = w.s3.GetBucketReplication(ctx, &s3.GetBucketReplicationInput{Bucket: name})
	refused(t, err, 404, "ReplicationConfigurationNotFoundError")
	logging, err := w.s3.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: name})
	ok(t, err)
	if logging.LoggingEnabled != nil {
		t.Error(logging.LoggingEnabled)
	}
	_, err = w.s3.PutBucketLogging(ctx, &s3.PutBucketLoggingInput{Bucket: name, BucketLoggingStatus: &types.BucketLoggingStatus{}})
	ok(t, err)
	_, err = w.s3.PutBucketInventoryConfiguration(ctx, &s3.PutBucketInventoryConfigurationInput{Bucket: name, Id: aws.String("i"), InventoryConfiguration: &types.InventoryConfiguration{Id: aws.String("i"), IsEnabled: aws.Bool(true), IncludedObjectVersions: "All", Schedule: &types.InventorySchedule{Frequency: "Daily"}, Destination: &types.InventoryDestination{S3BucketDestination: &types.InventoryS3BucketDestination{Bucket: aws.String("arn:aws:s3:::b"), Format: "CSV"}}}})
	refused(t, err, 501, "NotImplementedException")
}

// control is a client of S3 Control. Its SDK writes the account before the host's
// name, which must then be a name.
func (w *world) control(c aws.Config) *s3control.Client {
	c.BaseEndpoint = aws.String(strings.Replace(w.URL, "127.0.0.1", "localhost", 1))
	c.HTTPClient = &http.Client{Transport: local(w)}
	return s3control.NewFromConfig(c)
}
