package lambda_test

import (
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// addresses: how function URLs are configured.
func addresses(s *suite) {
	s.python("f", echo)
	in := &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("f"), AuthType: types.FunctionUrlAuthTypeNone, Cors: &types.Cors{AllowOrigins: []string{"https://example.com"}}}
	out, err := s.lambda.CreateFunctionUrlConfig(s.ctx, in)
	s.must(err)
	if !regexp.MustCompile(`^https://[a-z2-7]{32}\.lambda-url\.us-east-1\.on\.aws/$`).MatchString(*out.FunctionUrl) {
		s.Error(*out.FunctionUrl)
	}
	s.same("made", []any{out.FunctionArn, out.AuthType}, []any{s.arn("function:f"), "NONE"})
	_, err = s.lambda.CreateFunctionUrlConfig(s.ctx, in)
	s.refused(err, "ResourceConflictException", "Failed to create function url config for [functionArn = "+s.arn("function:f")+"]. Error message:  FunctionUrlConfig exists for this Lambda function")
	up, err := s.lambda.UpdateFunctionUrlConfig(s.ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: aws.String("f"), AuthType: types.FunctionUrlAuthTypeAwsIam})
	s.must(err)
	s.same("update", []any{up.AuthType, up.FunctionUrl}, []any{"AWS_IAM", out.FunctionUrl})
	got, err := s.lambda.GetFunctionUrlConfig(s.ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: aws.String("f")})
	s.must(err)
	s.same("get", []any{got.AuthType, got.InvokeMode, got.Cors.AllowOrigins}, []any{"AWS_IAM", "BUFFERED", []string{"https://example.com"}})
	list, err := s.lambda.ListFunctionUrlConfigs(s.ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: aws.String("f")})
	s.must(err)
	s.same("list", len(list.FunctionUrlConfigs), 1)
	_, err = s.lambda.DeleteFunctionUrlConfig(s.ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: aws.String("f")})
	s.must(err)
	_, err = s.lambda.GetFunctionUrlConfig(s.ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: aws.String("f")})
	s.refused(err, "ResourceNotFoundException", "The resource you requested does not exist.")
}
