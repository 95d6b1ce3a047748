package lambda_test

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func (s *suite) layer(name string, files map[string]string) string {
	s.Helper()
	out, err := s.lambda.PublishLayerVersion(s.ctx, &lambda.PublishLayerVersionInput{LayerName: &name, Content: &types.LayerVersionContentInput{ZipFile: archive(s, files)}, CompatibleRuntimes: []types.Runtime{"python3.12"}})
	if err != nil {
		s.Fatal(err)
	}
	return *out.LayerVersionArn
}

// layers: code that functions share, and who may use it.
func layers(s *suite) {
	one := s.layer("l", map[string]string{"python/shared.py": "value = 1"})
	two := s.layer("l", map[string]string{"python/shared.py": "value = 2"})
	s.same("names", []string{one, two}, []string{s.arn("layer:l:1"), s.arn("layer:l:2")})
	s.python("f", "import shared\ndef handler(e, c): return shared.value", func(in *lambda.CreateFunctionInput) { in.Layers = []string{one} })
	if out := s.call("f", "{}"); string(out.Payload) != "1" {
		s.Errorf("%s", out.Payload)
	}
	_, err := s.lambda.UpdateFunctionConfiguration(s.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Layers: []string{one, two}})
	s.refused(err, "InvalidParameterValueException", "*")
	_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Layers: []string{two}})
	s.must(err)
	c := s.settled("f")
	s.same("layers", []any{len(c.Layers), c.Layers[0].Arn}, []any{1, two})
	if out := s.call("f", "{}"); string(out.Payload) != "2" {
		s.Errorf("%s", out.Payload)
	}
	// A version that is deleted stays for those that use it.
	_, err = s.lambda.DeleteLayerVersion(s.ctx, &lambda.DeleteLayerVersionInput{LayerName: aws.String("l"), VersionNumber: aws.Int64(2)})
	s.must(err)
	_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Description: aws.String("d")})
	s.must(err)
	s.settled("f")
	if out := s.call("f", "{}"); string(out.Payload) != "2" {
		s.Errorf("%s", out.Payload)
	}
	_, err = s.lambda.GetLayerVersion(s.ctx, &lambda.GetLayerVersionInput{LayerName: aws.String("l"), VersionNumber: aws.Int64(2)})
	s.refused(err, "ResourceNotFoundException", "The resource you requested does not exist.")
	three := s.layer("l", map[string]string{"python/shared.py": "value = 3"})
	if !strings.HasSuffix(three, ":3") {
		s.Error(three)
	}
	list, err := s.lambda.ListLayerVersions(s.ctx, &lambda.ListLayerVersionsInput{LayerName: aws.String("l")})
	s.must(err)
	s.same("versions", []any{len(list.LayerVersions), list.LayerVersions[0].Version, list.LayerVersions[1].Version}, []any{2, 3, 1})
	all, err := s.lambda.ListLayers(s.ctx, &lambda.ListLayersInput{CompatibleRuntime: "python3.12"})
	s.must(err)
	s.same("all", []any{len(all.Layers), all.Layers[0].LatestMatchingVersion.Version}, []any{1, 3})
	all, err = s.lambda.ListLayers(s.ctx, &lambda.ListLayersInput{CompatibleRuntime: "nodejs20.x"})
	s.must(err)
	s.same("none", len(all.Layers), 0)

	// Another account may use it once the policy says so.
	other := s.server.NewAccount(s)
	client := lambda.NewFromConfig(other.Config(home))
	_, err = client.GetLayerVersionByArn(s.ctx, &lambda.GetLayerVersionByArnInput{Arn: &one})
	s.refused(err, "AccessDeniedException", "*")
	perm, err := s.lambda.AddLayerVersionPermission(s.ctx, &lambda.AddLayerVersionPermissionInput{LayerName: aws.String("l"), VersionNumber: aws.Int64(1), StatementId: aws.String("x"), Action: aws.String("lambda:GetLayerVersion"), Principal: &other.ID})
	s.must(err)
	s.same("statement", perm.Statement, `{"Sid":"x","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+other.ID+`:root"},"Action":"lambda:GetLayerVersion","Resource":"`+one+`"}`)
	_, err = client.GetLayerVersionByArn(s.ctx, &lambda.GetLayerVersionByArnInput{Arn: &one})
	s.must(err)
	_, err = s.lambda.RemoveLayerVersionPermission(s.ctx, &lambda.RemoveLayerVersionPermissionInput{LayerName: aws.String("l"), VersionNumber: aws.Int64(1), StatementId: aws.String("x")})
	s.must(err)
	_, err = client.GetLayerVersionByArn(s.ctx, &lambda.GetLayerVersionByArnInput{Arn: &one})
	s.refused(err, "AccessDeniedException", "*")
	_, err = s.lambda.GetLayerVersionPolicy(s.ctx, &lambda.GetLayerVersionPolicyInput{LayerName: aws.String("l"), VersionNumber: aws.Int64(1)})
	s.refused(err, "ResourceNotFoundException", "No policy is associated with the given resource.")
}
