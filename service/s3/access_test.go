package s3_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	control "github.com/aws/aws-sdk-go-v2/service/s3control/types"
)

// local dials the server, whatever name it is called by.
func local(w *world) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, strings.TrimPrefix(w.URL, "http://"))
	}}
}

func (w *world) policies(t *testing.T) {
	ctx := t.Context()
	name := aws.String(w.bucket(t))
	arn := "arn:aws:s3:::" + *name
	put := func(c *s3.Client, text string) error {
		_, err := c.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: name, Policy: &text})
		return err
	}
	user, userARN := w.user(t)
	ok(t, put(w.s3, allow(`{"AWS":"`+userARN+`"}`, "s3:GetBucketTagging", arn)))
	got, err := w.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: name})
	ok(t, err)
	if !strings.Contains(*got.Policy, userARN) {
		t.Error(*got.Policy)
	}
	_, err = user.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: name})
	refused(t, err, 404, "NoSuchTagSet")
	_, err = user.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: name})
	refused(t, err, 403, "AccessDenied")

	// What is refused.
	for text, code := range map[string]string{
		`x`:                                  "MalformedPolicy",
		allow(`"*"`, "s3:GetObject", arn):    "MalformedPolicy", // no object among the resources
		allow(`"*"`, "s3:NoSuchAction", arn): "MalformedPolicy",
		allow(`"*"`, "s3:ListBucket", "arn:aws:s3:::another"):                          "MalformedPolicy",
		allow(`{"AWS":"arn:aws:iam::123456789012:user/nobody"}`, "s3:ListBucket", arn): "MalformedPolicy",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"` + arn + `"}],"Id":"` + strings.Repeat("x", 20<<10) + `"}`: "MalformedPolicy",
	} {
		refused(t, put(w.s3, text), 400, code)
	}

	// The public access block.
	public := allow(`"*"`, "s3:GetBucketTagging", arn)
	refused(t, put(w.s3, public), 403, "AccessDenied")
	setBlock := func(policy, restrict bool) {
		t.Helper()
		_, err := w.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: name, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicPolicy: &policy, RestrictPublicBuckets: &restrict,
		}})
		ok(t, err)
	}
	setBlock(false, false)
	ok(t, put(w.s3, public))
	status, err := w.s3.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: name})
	ok(t, err)
	if !*status.PolicyStatus.IsPublic {
		t.Error("the policy is not public")
	}
	if r := w.get(t, "GET", "/"+*name+"?tagging", nil); r.StatusCode != 404 {
		t.Error("everyone is let in:", r.Status)
	}
	setBlock(false, true)
	if r := w.get(t, "GET", "/"+*name+"?tagging", nil); r.StatusCode != 403 {
		t.Error("a restricted bucket let a stranger in:", r.Status)
	}
	setBlock(false, false)
	ctl := w.control(w.Admin.Config(region))
	_, err = ctl.PutPublicAccessBlock(ctx, &s3control.PutPublicAccessBlockInput{AccountId: &w.Admin.ID, PublicAccessBlockConfiguration: &control.PublicAccessBlockConfiguration{
		RestrictPublicBuckets: aws.Bool(true), BlockPublicPolicy: aws.Bool(true),
	}})
	ok(t, err)
	if r := w.get(t, "GET", "/"+*name+"?tagging", nil); r.StatusCode != 403 {
		t.Error("the account's block does not count:", r.Status)
	}
	refused(t, put(w.s3, public), 403, "AccessDenied")
	_, err = ctl.DeletePublicAccessBlock(ctx, &s3control.DeletePublicAccessBlockInput{AccountId: &w.Admin.ID})
	ok(t, err)
	_, err = ctl.GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: &w.Admin.ID})
	refused(t, err, 404, "NoSuchPublicAccessBlockConfiguration")

	// Another account needs both sides; its policy operations are not its own.
	stranger := client(w.other.Config(region))
	ok(t, put(w.s3, allow(`{"AWS":"`+w.other.ID+`"}`, "s3:*", arn, arn+"/*")))
	got, err = w.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: name})
	ok(t, err)
	if !strings.Contains(*got.Policy, "arn:aws:iam::"+w.other.ID+":root") {
		t.Error(*got.Policy)
	}
	_, err = stranger.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: name})
	refused(t, err, 404, "NoSuchTagSet")
	refused(t, put(stranger, public), 405, "MethodNotAllowed")

	// aws:SecureTransport is the listener's, no header's: nothing over http.
	ok(t, put(w.s3, `{"Version":"2012-10-17","Statement":[{"Sid":"DenyUnencryptedConnections","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["`+arn+`","`+arn+`/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`))
	_, err = w.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: name})
	refused(t, err, 403, "AccessDenied")
	_, err = w.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: name})
	refused(t, err, 403, "AccessDenied") // the administrator is no root user
}

func (w *world) points(t *testing.T) {
	ctx := t.Context()
	name := aws.String(w.bucket(t))
	ctl := w.control(w.Admin.Config(region))
	made, err := ctl.CreateAccessPoint(ctx, &s3control.CreateAccessPointInput{AccountId: &w.Admin.ID, Name: aws.String("door"), Bucket: name})
	ok(t, err)
	_, err = ctl.CreateAccessPoint(ctx, &s3control.CreateAccessPointInput{AccountId: &w.Admin.ID, Name: aws.String("door"), Bucket: name})
	refused(t, err, 409, "AccessPointAlreadyOwnedByYou")
	got, err := ctl.GetAccessPoint(ctx, &s3control.GetAccessPointInput{AccountId: &w.Admin.ID, Name: aws.String("door")})
	ok(t, err)
	if *got.Bucket != *name || *got.Alias != *made.Alias || !strings.HasSuffix(*got.Alias, "-s3alias") {
		t.Errorf("%+v", got)
	}
	list, err := ctl.ListAccessPoints(ctx, &s3control.ListAccessPointsInput{AccountId: &w.Admin.ID, Bucket: name})
	ok(t, err)
	if len(list.AccessPointList) != 1 {
		t.Errorf("%+v", list.AccessPointList)
	}
	_, err = ctl.GetAccessPoint(ctx, &s3control.GetAccessPointInput{AccountId: &w.other.ID, Name: aws.String("door")})
	refused(t, err, 403, "AccessDenied")
	// Both the point and the bucket must let a caller in.
	user, userARN := w.user(t)
	head := func() error { _, err := user.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: made.Alias}); return err }
	refused(t, head(), 403, "Forbidden")
	policy := allow(`{"AWS":"`+userARN+`"}`, "s3:ListBucket", *made.AccessPointArn)
	_, err = ctl.PutAccessPointPolicy(ctx, &s3control.PutAccessPointPolicyInput{AccountId: &w.Admin.ID, Name: aws.String("door"), Policy: &policy})
	ok(t, err)
	refused(t, head(), 403, "Forbidden")
	_, err = w.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: name, Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + userARN + `"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::` + *name + `","Condition":{"StringEquals":{"s3:DataAccessPointAccount":"` + w.Admin.ID + `"}}}]}`)})
	ok(t, err)
	ok(t, head())
	_, err = user.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: name})
	refused(t, err, 403, "Forbidden")
	_, err = ctl.DeleteAccessPoint(ctx, &s3control.DeleteAccessPointInput{AccountId: &w.Admin.ID, Name: aws.String("door")})
	ok(t, err)
	_, err = ctl.GetAccessPointPolicy(ctx, &s3control.GetAccessPointPolicyInput{AccountId: &w.Admin.ID, Name: aws.String("door")})
	refused(t, err, 404, "NoSuchAccessPoint")
}

// lists are what other accounts and everyone may do by access control lists.
func (w *world) lists(t *testing.T) {
	ctx := t.Context()
	name := aws.String(w.bucket(t))
	put := func(key string, acl types.ObjectCannedACL) error {
		_, err := w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: &key, ACL: acl, Body: strings.NewReader(key)})
		return err
	}
	rule := func(r types.ObjectOwnership) error {
		_, err := w.s3.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: name, OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: r}}}})
		return err
	}
	refused(t, put("k", "public-read"), 400, "AccessControlListNotSupported")
	ok(t, rule("ObjectWriter"))
	refused(t, put("k", "public-read"), 403, "AccessDenied") // the public access block
	block := func(acls, ignore bool) {
		t.Helper()
		_, err := w.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: name, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: &acls, IgnorePublicAcls: &ignore}})
		ok(t, err)
	}
	block(false, false)
	ok(t, put("public", "public-read"))
	ok(t, put("members", "authenticated-read"))
	ok(t, put("own", "private"))
	stranger := client(w.other.Config(region))
	nobody, _ := w.user(t)
	may := func(c *s3.Client, key string) error {
		_, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: name, Key: &key})
		return err
	}
	for key, want := range map[string]int{"public": 200, "members": 403, "own": 403} {
		if r := w.get(t, "GET", "/"+*name+"/"+key, nil); r.StatusCode != want {
			t.Errorf("everyone may read %s: %s", key, r.Status)
		}
	}
	// The other account's root user needs no policy of its own; a user of the bucket's
	// account is let in by the list.
	ok(t, may(stranger, "public"))
	ok(t, may(stranger, "members"))
	refused(t, may(stranger, "own"), 403, "AccessDenied")
	ok(t, may(nobody, "public"))
	refused(t, may(nobody, "own"), 403, "AccessDenied")
	// The owner's own entry in a list is no right of each of its users.
	_, err := nobody.PutObjectAcl(ctx, &s3.PutObjectAclInput{Bucket: name, Key: aws.String("public"), ACL: "public-read-write"})
	refused(t, err, 403, "AccessDenied")
	_, err = nobody.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: name, Key: aws.String("public")})
	refused(t, err, 403, "AccessDenied")
	block(false, true)
	refused(t, may(stranger, "public"), 403, "AccessDenied")
	if r := w.get(t, "GET", "/"+*name+"/public", nil); r.StatusCode != 403 {
		t.Error("an ignored list counts:", r.Status)
	}
	block(false, false)

	// Another account is granted the bucket, and owns what it writes.
	own, err := stranger.ListBuckets(ctx, &s3.ListBucketsInput{})
	ok(t, err)
	_, err = w.s3.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: name, GrantWrite: aws.String(`id="` + *own.Owner.ID + `"`), GrantRead: aws.String("id=" + *own.Owner.ID)})
	ok(t, err)
	_, err = stranger.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: name})
	ok(t, err)
	_, err = stranger.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: name})
	refused(t, err, 403, "AccessDenied")
	_, err = stranger.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: aws.String("theirs"), Body: strings.NewReader("x")})
	ok(t, err)
	refused(t, may(w.s3, "theirs"), 403, "AccessDenied")
	acl, err := stranger.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: name, Key: aws.String("theirs")})
	ok(t, err)
	if *acl.Owner.ID != *own.Owner.ID {
		t.Errorf("%+v", acl)
	}
	_, err = stranger.PutObjectAcl(ctx, &s3.PutObjectAclInput{Bucket: name, Key: aws.String("theirs"), ACL: "bucket-owner-read"})
	ok(t, err)
	ok(t, may(w.s3, "theirs"))
	// A policy's Deny outweighs lists, and lists count no more once they are off.
	_, err = w.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: name, Policy: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + *name + `/public"}}`)})
	ok(t, err)
	refused(t, may(stranger, "public"), 403, "AccessDenied")
	// A new bucket's list takes the right to set one, however the list is stated.
	maker, _ := w.user(t, `{"Effect":"Allow","Action":["s3:CreateBucket","s3:PutBucketOwnershipControls"],"Resource":"*"}`)
	_, err = maker.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(*name + "-new"), ObjectOwnership: "ObjectWriter", GrantWrite: aws.String("id=" + *own.Owner.ID)})
	refused(t, err, 403, "AccessDenied")
	_, err = maker.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(*name + "-new"), ObjectOwnership: "ObjectWriter"})
	ok(t, err)
	refused(t, rule("BucketOwnerEnforced"), 400, "InvalidBucketAclWithObjectOwnership")
	_, err = w.s3.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: name, ACL: "private"})
	ok(t, err)
	ok(t, rule("BucketOwnerEnforced"))
	refused(t, may(stranger, "members"), 403, "AccessDenied")
	ok(t, may(w.s3, "theirs"))
}
