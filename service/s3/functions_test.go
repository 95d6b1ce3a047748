package s3_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/redoubttest"
)

func TestMain(m *testing.M) {
	functions.Sandboxed() // test programs too surround the functions that they run
	os.Exit(m.Run())
}

// A bucket tells a function that lets it; the function's log shows the event.
func TestNotifyFunction(t *testing.T) {
	ctx := t.Context()
	w := start(t, redoubttest.Options{})
	roles, calls := iam.NewFromConfig(w.Admin.Config(region)), lambda.NewFromConfig(w.Admin.Config(region))
	role, err := roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("f"), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	ok(t, err)
	_, err = roles.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("f"), PolicyArn: aws.String("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")})
	ok(t, err)
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	f, err := z.Create("index.py")
	ok(t, err)
	f.Write([]byte("def handler(event, context):\n    r = event['Records'][0]\n    print('TOLD', r['eventName'], r['s3']['object']['key'], r['s3']['bucket']['name'])\n"))
	ok(t, z.Close())
	made, err := calls.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String("f"), Role: role.Role.Arn, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("index.handler"), Timeout: aws.Int32(30), Code: &lambdatypes.FunctionCode{ZipFile: code.Bytes()}})
	if err != nil && strings.Contains(err.Error(), "cannot run on this server") {
		t.Skip(err)
	}
	ok(t, err)
	redoubttest.Eventually(t, func() error {
		out, err := calls.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("f")})
		if err == nil && out.Configuration.State != lambdatypes.StateActive {
			err = errors.New(string(out.Configuration.State))
		}
		return err
	})
	b := w.bucket(t)
	tell := func(skip bool) error {
		_, err := w.s3.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: &b, SkipDestinationValidation: &skip, NotificationConfiguration: &types.NotificationConfiguration{
			LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{{LambdaFunctionArn: made.FunctionArn, Events: []types.Event{"s3:ObjectCreated:*"}, Filter: &types.NotificationConfigurationFilter{
				Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{{Name: types.FilterRuleNamePrefix, Value: aws.String("in/")}}},
			}}},
		}})
		return err
	}
	refused(t, tell(false), 400, "InvalidArgument") // the function does not let S3 in
	_, err = calls.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String("f"), StatementId: aws.String("s3"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("s3.amazonaws.com"), SourceArn: aws.String("arn:aws:s3:::" + b), SourceAccount: &w.Admin.ID})
	ok(t, err)
	ok(t, tell(false))
	got, err := w.s3.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: &b})
	ok(t, err)
	if c := got.LambdaFunctionConfigurations; len(c) != 1 || *c[0].LambdaFunctionArn != *made.FunctionArn || *c[0].Id == "" {
		t.Error(got)
	}
	w.put(t, b, "out/b", "x")
	w.put(t, b, "in/a", "x")
	logs := cloudwatchlogs.NewFromConfig(w.Admin.Config(region))
	redoubttest.Eventually(t, func() error {
		out, err := logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/f"), FilterPattern: aws.String("TOLD")})
		if err != nil {
			return err
		}
		if len(out.Events) != 1 || !strings.HasPrefix(*out.Events[0].Message, "TOLD ObjectCreated:Put in/a "+b) {
			var lines []string
			for _, e := range out.Events {
				lines = append(lines, *e.Message)
			}
			return fmt.Errorf("%q", lines)
		}
		return nil
	})
}
