package lambda_test

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// versions: published versions never change.
func versions(s *suite) {
	made := s.python("f", "def handler(e, c): return 1", func(in *lambda.CreateFunctionInput) { in.Publish, in.Description = true, aws.String("one") })
	s.same("made", []any{made.Version, made.FunctionArn}, []any{"1", s.arn("function:f")})
	again, err := s.lambda.PublishVersion(s.ctx, &lambda.PublishVersionInput{FunctionName: aws.String("f")})
	s.must(err)
	s.same("unchanged", []any{again.Version, again.FunctionArn, again.State, again.LastUpdateStatus}, []any{"1", s.arn("function:f:1"), "Active", "Successful"})
	up, err := s.lambda.UpdateFunctionCode(s.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: archive(s, map[string]string{"index.py": "def handler(e, c): return 2"}), Publish: true})
	s.must(err)
	s.same("with the update", []any{up.Version, up.FunctionArn, up.State, up.LastUpdateStatus}, []any{"2", s.arn("function:f:2"), "Pending", ""})
	s.settled("f")
	for _, v := range []string{"1", "2"} {
		if out := s.call("f", "{}", func(in *lambda.InvokeInput) { in.Qualifier = &v }); string(out.Payload) != v || *out.ExecutedVersion != v {
			s.Errorf("version %s: %s of %s", v, out.Payload, *out.ExecutedVersion)
		}
	}
	_, err = s.lambda.PublishVersion(s.ctx, &lambda.PublishVersionInput{FunctionName: aws.String("f"), CodeSha256: aws.String("x")})
	s.refused(err, "InvalidParameterValueException", "CodeSHA256 (x) is different from current CodeSHA256 in $LATEST ("+*up.CodeSha256+"). Please try again with the CodeSHA256 in $LATEST.")
	_, err = s.lambda.PublishVersion(s.ctx, &lambda.PublishVersionInput{FunctionName: aws.String("f"), RevisionId: aws.String("x")})
	s.refused(err, "PreconditionFailedException", "*")
	_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Description: aws.String("three")})
	s.must(err)
	s.settled("f")
	three, err := s.lambda.PublishVersion(s.ctx, &lambda.PublishVersionInput{FunctionName: aws.String("f"), Description: aws.String("iii")})
	s.must(err)
	s.same("third", []any{three.Version, three.Description}, []any{"3", "iii"})
	list, err := s.lambda.ListVersionsByFunction(s.ctx, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("f")})
	s.must(err)
	var arns []string
	for _, v := range list.Versions {
		arns = append(arns, strings.TrimPrefix(*v.FunctionArn, s.arn("function:f:")))
	}
	s.same("list", arns, []string{"$LATEST", "1", "2", "3"})
	_, err = s.lambda.DeleteFunction(s.ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("f:1")})
	s.must(err)
	_, err = s.lambda.GetFunction(s.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("f:1")})
	s.refused(err, "ResourceNotFoundException", "Function not found: "+s.arn("function:f:1"))
	if out := s.call("f:2", "{}"); string(out.Payload) != "2" {
		s.Errorf("%s", out.Payload)
	}
}

// aliases: names for versions, with weights.
func aliases(s *suite) {
	s.python("f", "def handler(e, c): return 1", func(in *lambda.CreateFunctionInput) { in.Publish = true })
	_, err := s.lambda.UpdateFunctionCode(s.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: archive(s, map[string]string{"index.py": "def handler(e, c): return 2"}), Publish: true})
	s.must(err)
	s.settled("f")
	a, err := s.lambda.CreateAlias(s.ctx, &lambda.CreateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), FunctionVersion: aws.String("1")})
	s.must(err)
	s.same("alias", []any{a.AliasArn, a.Description, a.FunctionVersion, a.RoutingConfig}, []any{s.arn("function:f:live"), "", "1", nil})
	if out := s.call("f:live", "{}"); string(out.Payload) != "1" || *out.ExecutedVersion != "1" {
		s.Errorf("%s", out.Payload)
	}
	got, err := s.lambda.GetFunction(s.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("f"), Qualifier: aws.String("live")})
	s.must(err)
	s.same("by alias", []any{got.Configuration.FunctionArn, got.Configuration.Version}, []any{s.arn("function:f:live"), "1"})
	weights := func(w map[string]float64) (*lambda.UpdateAliasOutput, error) {
		return s.lambda.UpdateAlias(s.ctx, &lambda.UpdateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: w}})
	}
	_, err = weights(map[string]float64{"2": 1})
	s.must(err)
	if out := s.call("f:live", "{}"); string(out.Payload) != "2" || *out.ExecutedVersion != "2" {
		s.Errorf("all weight on 2: %s", out.Payload)
	}
	_, err = weights(map[string]float64{"2": 0.5})
	s.must(err)
	seen := map[string]int{}
	for range 60 {
		seen[string(s.call("f:live", "{}").Payload)]++
	}
	if seen["1"] == 0 || seen["2"] == 0 {
		s.Errorf("half and half: %v", seen)
	}
	_, err = weights(map[string]float64{"1": 0.5})
	s.refused(err, "InvalidParameterValueException", "Invalid function version 1. Function version 1 is already included in routing configuration.")
	_, err = weights(map[string]float64{"2": 1.5})
	s.refused(err, "ValidationException", "*")
	_, err = weights(map[string]float64{"9": 0.5})
	s.refused(err, "ResourceNotFoundException", "Function not found: "+s.arn("function:f:9"))
	_, err = s.lambda.CreateAlias(s.ctx, &lambda.CreateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), FunctionVersion: aws.String("1")})
	s.refused(err, "ResourceConflictException", "Alias already exists: "+s.arn("function:f:live"))
	_, err = s.lambda.UpdateAlias(s.ctx, &lambda.UpdateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), RevisionId: a.RevisionId, Description: aws.String("x")})
	s.refused(err, "PreconditionFailedException", "*")
	_, err = s.lambda.GetAlias(s.ctx, &lambda.GetAliasInput{FunctionName: aws.String("f"), Name: aws.String("none")})
	s.refused(err, "ResourceNotFoundException", "Cannot find alias arn: "+s.arn("function:f:none"))
	_, err = s.lambda.DeleteFunction(s.ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("f:2")})
	s.refused(err, "ResourceConflictException", "Unable to delete version because the following aliases reference it: [live]")
	_, err = s.lambda.DeleteFunction(s.ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("f:live")})
	s.refused(err, "InvalidParameterValueException", "*")
	list, err := s.lambda.ListAliases(s.ctx, &lambda.ListAliasesInput{FunctionName: aws.String("f"), FunctionVersion: aws.String("2")})
	s.must(err)
	s.same("by version", len(list.Aliases), 1)
	for range 2 { // deleting what is gone is no error
		_, err = s.lambda.DeleteAlias(s.ctx, &lambda.DeleteAliasInput{FunctionName: aws.String("f"), Name: aws.String("live")})
		s.must(err)
	}
	_, err = s.lambda.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f:live")})
	s.refused(err, "ResourceNotFoundException", "Function not found: "+s.arn("function:f:live"))
}
