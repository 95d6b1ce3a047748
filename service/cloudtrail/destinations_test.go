package cloudtrail

import (
	"strings"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/api/snsapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/op"
)

func TestDestinations(t *testing.T) {
	w := newWorld(t).withBucket("logs-bucket")
	try := func(f func(*api.CreateTrailInput)) (*api.CreateTrailOutput, error) {
		in := &api.CreateTrailInput{Name: new("main"), S3BucketName: new("logs-bucket")}
		f(in)
		return call[api.CreateTrailInput, api.CreateTrailOutput](w, "us-east-1", in)
	}
	topic := func(in *api.CreateTrailInput) { in.SnsTopicName = new("topic") }
	_, err := try(topic)
	w.want(err, api.ErrInsufficientSnsTopicPolicyException, "SNS Topic does not exist or the topic policy is incorrect!")
	w.peers["sns:GetTopicAttributes"] = func(as op.As, in any) (any, error) {
		if value(in.(*snsapi.GetTopicAttributesInput).TopicArn) != "arn:aws:sns:us-east-1:123456789012:topic" || as.Caller == nil {
			t.Errorf("%+v, %+v", as, in)
		}
		return &snsapi.GetTopicAttributesOutput{}, nil
	}
	out, err := try(topic)
	if err != nil || *out.SnsTopicName != "topic" || *out.SnsTopicARN != "arn:aws:sns:us-east-1:123456789012:topic" {
		t.Fatalf("%+v, %v", out, err)
	}
	call[api.DeleteTrailInput, api.DeleteTrailOutput](w, "us-east-1", &api.DeleteTrailInput{Name: new("main")})

	key := func(in *api.CreateTrailInput) { in.KmsKeyId = new("alias/logs") }
	const keyARN = "arn:aws:kms:us-east-1:123456789012:key/k"
	_, err = try(key)
	w.want(err, api.ErrKmsKeyNotFoundException, "KMS key ID alias/logs does not exist, or s3 bucket logs-bucket and key are not in the same region.")
	elsewhere := strings.Replace(keyARN, "us-east-1", "us-west-2", 1)
	_, err = try(func(in *api.CreateTrailInput) { in.KmsKeyId = &elsewhere })
	w.want(err, api.ErrKmsKeyNotFoundException, "KMS key ID "+elsewhere+" does not exist, or s3 bucket logs-bucket and key are not in the same region.")
	_, err = try(func(in *api.CreateTrailInput) { in.KmsKeyId = new(keyARN) })
	w.want(err, api.ErrInsufficientEncryptionPolicyException, "Insufficient permissions to access S3 bucket logs-bucket or KMS key "+keyARN+".")
	w.peers["kms:DescribeKey"] = func(as op.As, in any) (any, error) {
		return &kmsapi.DescribeKeyOutput{KeyMetadata: &kmsapi.KeyMetadata{Arn: new(keyARN)}}, nil
	}
	answer := error(redoubt.ErrAccessDenied.New("no"))
	w.peers["kms:GenerateDataKey"] = func(as op.As, in any) (any, error) {
		x := in.(*kmsapi.GenerateDataKeyInput)
		if !*x.DryRun || *x.KeyId != keyARN || x.EncryptionContext["aws:cloudtrail:arn"] != "arn:aws:cloudtrail:us-east-1:123456789012:trail/main" || as.Service != principal {
			t.Errorf("%+v as %+v", x, as)
		}
		return nil, answer
	}
	_, err = try(key)
	w.want(err, api.ErrInsufficientEncryptionPolicyException, "Insufficient permissions to access S3 bucket logs-bucket or KMS key alias/logs.")
	answer = kmsapi.ErrDisabledException.New("x")
	_, err = try(key)
	w.want(err, api.ErrKmsKeyDisabledException, "")
	answer = kmsapi.ErrDryRunOperationException.New("x")
	if out, err = try(key); err != nil || *out.KmsKeyId != keyARN {
		t.Fatalf("%+v, %v", out, err)
	}
	call[api.DeleteTrailInput, api.DeleteTrailOutput](w, "us-east-1", &api.DeleteTrailInput{Name: new("main")})

	logs := func(in *api.CreateTrailInput) {
		in.CloudWatchLogsLogGroupArn = new("arn:aws:logs:us-east-1:123456789012:log-group:trail:*")
		in.CloudWatchLogsRoleArn = new("arn:aws:iam::123456789012:role/ct")
	}
	const unknown = "CloudTrail cannot validate the specified log group ARN."
	_, err = try(logs)
	w.want(err, api.ErrInvalidCloudWatchLogsLogGroupArnException, unknown)
	if n := w.needs[len(w.needs)-1]; n.Action != "iam:PassRole" || n.Resource != "arn:aws:iam::123456789012:role/ct" || n.Conditions["iam:PassedToService"][0] != principal {
		t.Errorf("need %+v", n)
	}
	w.peers["logs:CreateLogStream"] = func(as op.As, in any) (any, error) {
		if x := in.(*logsapi.CreateLogStreamInput); as.RoleARN != "arn:aws:iam::123456789012:role/ct" || *x.LogGroupName != "trail" || *x.LogStreamName != "123456789012_CloudTrail_us-east-1" {
			t.Errorf("%+v %+v", as, x)
		}
		return nil, answer
	}
	for _, x := range []struct {
		answer error
		kind   redoubt.ErrorKind
		text   string
	}{
		{identity.ErrNotTrusted, api.ErrInvalidCloudWatchLogsRoleArnException, "Access denied. Check the trust relationships for your role."},
		{redoubt.ErrAccessDenied.New("no"), api.ErrInvalidCloudWatchLogsLogGroupArnException, "Access denied. Check the permissions for your role."},
		{logsapi.ErrResourceNotFoundException.New("no"), api.ErrInvalidCloudWatchLogsLogGroupArnException, unknown},
	} {
		answer = x.answer
		_, err = try(logs)
		w.want(err, x.kind, x.text)
	}
	answer = logsapi.ErrResourceAlreadyExistsException.New("there")
	if _, err = try(logs); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		group, role string
		kind        redoubt.ErrorKind
		text        string
	}{
		{"", "arn:aws:iam::123456789012:role/ct", api.ErrInvalidCloudWatchLogsLogGroupArnException, ""},
		{"arn:aws:logs:us-east-1:123456789012:log-group:trail:*", "", api.ErrInvalidCloudWatchLogsRoleArnException, "You must specify a log group and a role ARN."},
		{"arn:aws:logs:us-east-1:123456789012:log-group:trail", "arn:aws:iam::123456789012:role/ct", api.ErrInvalidCloudWatchLogsLogGroupArnException, unknown},
		{"arn:aws:logs:eu-west-1:123456789012:log-group:trail:*", "arn:aws:iam::123456789012:role/ct", api.ErrInvalidCloudWatchLogsLogGroupArnException, "You must specify a log group that is in the current region."},
		{"arn:aws:logs:us-east-1:123456789012:log-group:trail:*", "arn:aws:iam::210987654321:role/ct", api.ErrInvalidCloudWatchLogsRoleArnException, ""},
	} {
		_, err = try(func(in *api.CreateTrailInput) {
			in.Name, in.CloudWatchLogsLogGroupArn, in.CloudWatchLogsRoleArn = new("two"), &x.group, &x.role
		})
		w.want(err, x.kind, x.text)
	}
	_, err = try(func(in *api.CreateTrailInput) { in.Name = new("two"); in.IsOrganizationTrail = new(true) })
	w.want(err, api.ErrOrganizationsNotInUseException, "")
	_, err = try(func(in *api.CreateTrailInput) { in.Name = new("two"); in.S3KeyPrefix = new(strings.Repeat("x", 201)) })
	w.want(err, api.ErrInvalidS3PrefixException, "")
	_, err = try(func(in *api.CreateTrailInput) { in.Name = new("two"); in.SnsTopicName = new("a b") })
	w.want(err, api.ErrInvalidSnsTopicNameException, "")
}
