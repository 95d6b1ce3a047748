package lambda_test

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Of a built-in function the environment variables that it reads can be set, by who
// may configure it, in one account and Region; nothing else can.
func builtIn(s *suite) {
	name := aws.String("SecretsManagerMySQLRotationSingleUser")
	set := func(vars map[string]string) *lambda.UpdateFunctionConfigurationInput {
		return &lambda.UpdateFunctionConfigurationInput{FunctionName: name, Environment: &types.Environment{Variables: vars}}
	}
	variables := func(client *lambda.Client) map[string]string {
		out, err := client.GetFunctionConfiguration(s.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: name})
		s.must(err)
		if out.Environment == nil {
			return nil
		}
		return out.Environment.Variables
	}
	rules := map[string]string{"PASSWORD_LENGTH": "20", "EXCLUDE_PUNCTUATION": "true"}
	out, err := s.lambda.UpdateFunctionConfiguration(s.ctx, set(rules))
	s.must(err)
	s.same("answer", out.Environment.Variables, rules)
	s.same("shown", variables(s.lambda), rules)
	list, err := s.lambda.ListFunctions(s.ctx, nil)
	s.must(err)
	for _, f := range list.Functions {
		if (f.Environment != nil) != (*f.FunctionName == *name) {
			s.Errorf("%s: %v", *f.FunctionName, f.Environment)
		}
	}
	s.same("another Region", variables(lambda.NewFromConfig(s.account.Config("eu-west-1"))), nil)
	s.same("another account", variables(newSuite(s.T, s.server).lambda), nil)

	_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, set(map[string]string{"SECRETS_MANAGER_ENDPOINT": "https://x"}))
	s.refused(err, "InvalidParameterValueException", "The function "+s.arn("function:"+*name)+" is built into this server and reads no environment variables but EXCLUDE_CHARACTERS, EXCLUDE_LOWERCASE, EXCLUDE_NUMBERS, EXCLUDE_PUNCTUATION, EXCLUDE_UPPERCASE, PASSWORD_LENGTH, REQUIRE_EACH_INCLUDED_TYPE.")
	fixed := "The function " + s.arn("function:"+*name) + " is built into this server and cannot be changed."
	more := set(rules)
	more.Timeout = aws.Int32(10)
	_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, more)
	s.refused(err, "InvalidParameterValueException", fixed)
	_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: name, Description: aws.String("mine")})
	s.refused(err, "InvalidParameterValueException", fixed)
	stale := set(nil)
	stale.RevisionId = list.Functions[0].RevisionId
	_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, stale)
	s.refused(err, "PreconditionFailedException", "*")
	_, err = s.user("reader", allow("lambda:Get*")).UpdateFunctionConfiguration(s.ctx, set(nil))
	s.refused(err, "AccessDeniedException", "*")
	s.same("after refusals", variables(s.lambda), rules)

	stale.RevisionId = out.RevisionId
	_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, stale)
	s.must(err)
	s.same("taken back", variables(s.lambda), nil)
}
