package cloudtrail

import (
	"context"
	"errors"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/api/snsapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/op"
)

// principal is CloudTrail as policies name it.
const principal = "cloudtrail.amazonaws.com"

// as is CloudTrail acting for a trail.
func (t *Trail) as() op.As { return op.Principal("cloudtrail", t.Home, t.ARN, t.Account) }

// checkDestinations asks the services that have them for everything that the
// trail points to, in the order in which CloudTrail refuses.
func (s *Service) checkDestinations(ctx context.Context, c *redoubt.Call, t *Trail) error {
	if err := s.checkS3(ctx, t); err != nil {
		return err
	}
	if err := s.checkTopic(ctx, c, t); err != nil {
		return err
	}
	if err := s.checkKey(ctx, t); err != nil {
		return err
	}
	return s.checkLogs(ctx, t)
}

// checkS3: CloudTrail reads the bucket's ACL, which the bucket's policy must let
// it do. Source: CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail".
func (s *Service) checkS3(ctx context.Context, t *Trail) error {
	_, err := op.Invoke(ctx, s.invoker, t.as(), s3api.OpGetBucketAcl, &s3api.GetBucketAclInput{Bucket: &t.Bucket})
	switch {
	case err == nil:
		return nil
	case absent(err, "NoSuchBucket"):
		return api.ErrS3BucketDoesNotExistException.New("S3 bucket %s does not exist!", t.Bucket)
	case denied(err):
		return api.ErrInsufficientS3BucketPolicyException.New("Incorrect S3 bucket policy is detected for bucket: %s", t.Bucket)
	}
	return err
}

func (s *Service) checkTopic(ctx context.Context, c *redoubt.Call, t *Trail) error {
	if t.TopicARN == "" {
		return nil
	}
	_, err := op.Invoke(ctx, s.invoker, op.Forward(c, "cloudtrail"), snsapi.OpGetTopicAttributes, &snsapi.GetTopicAttributesInput{TopicArn: &t.TopicARN})
	if absent(err, "NotFoundException", "NotFound", "InvalidParameter") || denied(err) {
		return api.ErrInsufficientSnsTopicPolicyException.New("SNS Topic does not exist or the topic policy is incorrect!")
	}
	return err
}

// checkKey resolves the key to its ARN, and tries whether its policy lets
// CloudTrail make data keys for this trail.
func (s *Service) checkKey(ctx context.Context, t *Trail) error {
	if t.Key == "" {
		return nil
	}
	arn, _ := redoubt.ParseARN(t.Key)
	none := api.ErrKmsKeyNotFoundException.New("KMS key ID %s does not exist, or s3 bucket %s and key are not in the same region.", t.Key, t.Bucket)
	if arn.Region != "" && arn.Region != t.Home {
		return none
	}
	// A key that is not there is one that CloudTrail may not use, unless it is called
	// by an alias.
	refuse := func(err error) error {
		switch {
		case absent(err, kmsapi.ErrNotFoundException) && (strings.HasPrefix(t.Key, "alias/") || strings.HasPrefix(arn.Resource, "alias/")):
			return none
		case errors.Is(err, kmsapi.ErrDisabledException), errors.Is(err, kmsapi.ErrKMSInvalidStateException):
			return api.ErrKmsKeyDisabledException.New("KMS key %s is disabled.", t.Key)
		case errors.Is(err, kmsapi.ErrInvalidKeyUsageException), errors.Is(err, kmsapi.ErrUnsupportedOperationException), errors.Is(err, kmsapi.ErrInvalidArnException), errors.Is(err, redoubt.ErrValidation):
			return api.ErrInvalidKmsKeyIdException.New("KMS key %s cannot be used by CloudTrail.", t.Key)
		case denied(err) || absent(err, kmsapi.ErrNotFoundException):
			return api.ErrInsufficientEncryptionPolicyException.New("Insufficient permissions to access S3 bucket %s or KMS key %s.", t.Bucket, t.Key)
		}
		return err
	}
	key, err := op.Invoke(ctx, s.invoker, t.as(), kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &t.Key})
	if err != nil {
		return refuse(err)
	}
	id := value(key.KeyMetadata.Arn)
	_, err = op.Invoke(ctx, s.invoker, t.as(), kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{
		KeyId: &id, KeySpec: new(kmsapi.DataKeySpecAes256), DryRun: new(true),
		EncryptionContext: map[string]string{"aws:cloudtrail:arn": t.ARN},
	})
	if !errors.Is(err, kmsapi.ErrDryRunOperationException) {
		if err == nil {
			err = errors.New("cloudtrail: a dry run went through")
		}
		return refuse(err)
	}
	t.Key = id
	return nil
}

// checkLogs makes the trail's log stream as the role that it was given: so a group
// that is not there and a role that cannot be assumed, or may not write, is refused
// now.
func (s *Service) checkLogs(ctx context.Context, t *Trail) error {
	switch {
	case t.LogGroup == "" && t.LogRole == "":
		return nil
	case t.LogRole == "":
		return api.ErrInvalidCloudWatchLogsRoleArnException.New("You must specify a log group and a role ARN.")
	case t.LogGroup == "":
		return badLogGroup("You must specify a log group and a role ARN.")
	}
	const unknown = "CloudTrail cannot validate the specified log group ARN."
	switch a, err := redoubt.ParseARN(t.LogGroup); {
	case err != nil || a.Service != "logs" || a.Account != t.Account || t.logGroup() == "":
		return badLogGroup(unknown)
	case a.Region != t.Home:
		return badLogGroup("You must specify a log group that is in the current region.")
	}
	if r, err := redoubt.ParseARN(t.LogRole); err != nil || r.Service != "iam" || r.Account != t.Account || !strings.HasPrefix(r.Resource, "role/") {
		return api.ErrInvalidCloudWatchLogsRoleArnException.New("CloudTrail cannot validate the specified role ARN.")
	}
	err := s.logStream(ctx, t, t.Home)
	switch {
	case errors.Is(err, identity.ErrNotTrusted):
		return api.ErrInvalidCloudWatchLogsRoleArnException.New("Access denied. Check the trust relationships for your role.")
	case denied(err):
		return badLogGroup("Access denied. Check the permissions for your role.")
	case absent(err, logsapi.ErrResourceNotFoundException, logsapi.ErrInvalidParameterException, redoubt.ErrValidation):
		return badLogGroup(unknown)
	}
	return err
}

func badLogGroup(text string) error {
	return api.ErrInvalidCloudWatchLogsLogGroupArnException.New("%s", text)
}

// logGroup is the name of the trail's log group; "" if it is not an ARN's.
func (t *Trail) logGroup() string {
	_, name, _ := strings.Cut(t.LogGroup, ":log-group:")
	name, ok := strings.CutSuffix(name, ":*")
	if !ok {
		return ""
	}
	return name
}

// logger is the role that writes to the trail's log group.
func (t *Trail) logger() op.As { return op.Role("cloudtrail", t.Home, t.LogRole, "CloudTrail") }

// logStreamOf names the stream of one Region's events.
func (t *Trail) logStreamOf(region string) string { return t.Account + "_CloudTrail_" + region }

// logStream makes a Region's log stream, if it is not there.
func (s *Service) logStream(ctx context.Context, t *Trail, region string) error {
	_, err := op.Invoke(ctx, s.invoker, t.logger(), logsapi.OpCreateLogStream, &logsapi.CreateLogStreamInput{LogGroupName: new(t.logGroup()), LogStreamName: new(t.logStreamOf(region))})
	if errors.Is(err, logsapi.ErrResourceAlreadyExistsException) {
		return nil
	}
	return err
}

// setTopic takes a topic's name or ARN; empty removes it.
func (t *Trail) setTopic(given string) error {
	t.Topic, t.TopicARN = given, ""
	switch {
	case given == "":
		return nil
	case len(given) > 256:
		return api.ErrInvalidSnsTopicNameException.New("SNS topic name %s is too long.", given)
	case strings.HasPrefix(given, "arn:"):
		a, err := redoubt.ParseARN(given)
		if err != nil || a.Service != "sns" || !validTopic(a.Resource) {
			return api.ErrInvalidSnsTopicNameException.New("SNS topic name %s is not valid.", given)
		}
		t.Topic, t.TopicARN = a.Resource, given
		return nil
	case !validTopic(given):
		return api.ErrInvalidSnsTopicNameException.New("SNS topic name %s is not valid.", given)
	}
	t.TopicARN = redoubt.ARN{Partition: redoubt.Partition(t.Home), Service: "sns", Region: t.Home, Account: t.Account, Resource: given}.String()
	return nil
}

func validTopic(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return s != ""
}
