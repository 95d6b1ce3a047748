package lambda_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// fromBucket: packages of functions and layers lie in a bucket, which whoever makes
// the function must be able to read.
func fromBucket(s *suite) {
	objects := s3.NewFromConfig(s.account.Config(home), func(o *s3.Options) { o.UsePathStyle = true })
	bucket, key := aws.String("code-"+s.account.ID), aws.String("packages/f.zip")
	_, err := objects.CreateBucket(s.ctx, &s3.CreateBucketInput{Bucket: bucket})
	s.must(err)
	_, err = objects.PutBucketVersioning(s.ctx, &s3.PutBucketVersioningInput{Bucket: bucket, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}})
	s.must(err)
	put := func(answer string) *string {
		out, err := objects.PutObject(s.ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: bytes.NewReader(archive(s, map[string]string{
			"index.py": "def handler(e, c):\n    return '" + answer + "'\n", "python/other.py": "",
		}))})
		s.must(err)
		return out.VersionId
	}
	first := put("first")
	put("second")
	role := s.role("bucket", "")
	in := &lambda.CreateFunctionInput{
		FunctionName: aws.String("f"), Runtime: types.RuntimePython312, Handler: aws.String("index.handler"), Role: &role,
		Code: &types.FunctionCode{S3Bucket: bucket, S3Key: key, S3ObjectVersion: first},
	}
	blind := s.user("blind", allow("lambda:*", "iam:PassRole"))
	_, err = blind.CreateFunction(s.ctx, in)
	s.refused(err, "AccessDeniedException", "*")
	_, err = s.lambda.CreateFunction(s.ctx, in)
	s.must(err)
	s.settled("f")
	s.same("a version", string(s.call("f", "{}").Payload), `"first"`)
	_, err = s.lambda.UpdateFunctionCode(s.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), S3Bucket: bucket, S3Key: key})
	s.must(err)
	s.settled("f")
	s.same("the newest", string(s.call("f", "{}").Payload), `"second"`)
	_, err = s.lambda.PublishLayerVersion(s.ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("l"), Content: &types.LayerVersionContentInput{S3Bucket: bucket, S3Key: key}})
	s.must(err)
	_, err = s.lambda.UpdateFunctionCode(s.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), S3Bucket: bucket, S3Key: aws.String("none")})
	s.refused(err, "InvalidParameterValueException", "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.")
	s.same("after a refusal", string(s.call("f", "{}").Payload), `"second"`)
}

// TestStrictRuntimes: a runtime of which the host has another version only is noted in
// the configuration, or refused if the server is told to be strict.
func TestStrictRuntimes(t *testing.T) {
	const other = types.RuntimePython39 // if this host has it, there is nothing to substitute
	create := func(s *suite) (*lambda.CreateFunctionOutput, error) {
		return s.lambda.CreateFunction(s.ctx, &lambda.CreateFunctionInput{
			FunctionName: aws.String("old"), Runtime: other, Handler: aws.String("index.handler"), Role: aws.String(s.role("old", "")),
			Code: &types.FunctionCode{ZipFile: archive(s, map[string]string{"index.py": echo})},
		})
	}
	lax := redoubttest.Start(t, redoubttest.Options{})
	needSandbox(t, lax)
	s := newSuite(t, lax)
	out, err := create(s)
	s.must(err)
	if out.RuntimeVersionConfig == nil || out.RuntimeVersionConfig.Error == nil {
		t.Skip("this host has ", other)
	}
	if e := out.RuntimeVersionConfig.Error; *e.ErrorCode != "RuntimeSubstituted" || !strings.Contains(*e.Message, "python3.9 runs on version 3.") {
		t.Errorf("%s %s", *e.ErrorCode, *e.Message)
	}
	strict := newSuite(t, redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) { c.LambdaStrictRuntimes = true }}))
	_, err = create(strict)
	if err == nil || !strings.Contains(err.Error(), "InvalidParameterValueException: Functions of runtime python3.9 cannot run on this server: ") {
		t.Error(err)
	}
}
