package ssm_test

import (
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// secrets: Secrets Manager behind a parameter's name.
func secrets(s *suite) {
	ref := "/aws/reference/secretsmanager/my/secret"
	_, err := s.tryGet(ref, false)
	s.refused(err, "ValidationException", "WithDecryption flag must be True for retrieving a Secret Manager secret.")
	_, err = s.tryPut(ref, "x")
	s.refused(err, "AccessDeniedException", "*")
	_, err = s.tryGet(ref, true)
	s.refused(err, "ParameterNotFound", "*")

	sm := secretsmanager.NewFromConfig(s.account.Config(region))
	first, err := sm.CreateSecret(s.ctx, &secretsmanager.CreateSecretInput{Name: aws.String("my/secret"), SecretString: aws.String("value 1")})
	s.must(err)
	_, err = sm.PutSecretValue(s.ctx, &secretsmanager.PutSecretValueInput{SecretId: first.ARN, SecretString: aws.String("value 2")})
	s.must(err)
	for selector, want := range map[string]string{"": "value 2", ":AWSPREVIOUS": "value 1", ":" + *first.VersionId: "value 1"} {
		p, err := s.tryGet(ref+selector, true)
		s.must(err)
		var source struct{ ARN, Name, SecretString string }
		if err := json.Unmarshal([]byte(aws.ToString(p.SourceResult)), &source); err != nil {
			s.Error(err)
		}
		if *p.Name != ref || p.Type != types.ParameterTypeSecureString || *p.Value != want || aws.ToString(p.Selector) != selector ||
			source.ARN != *first.ARN || source.Name != "my/secret" || source.SecretString != want {
			s.Errorf("%q: %s %s %q %q %+v", selector, *p.Name, p.Type, *p.Value, aws.ToString(p.Selector), source)
		}
	}
	list, err := s.ssm.GetParameters(s.ctx, &ssm.GetParametersInput{Names: []string{ref, ref + "/none"}, WithDecryption: aws.Bool(true)})
	s.must(err)
	if len(list.Parameters) != 1 || *list.Parameters[0].Value != "value 2" || len(list.InvalidParameters) != 1 {
		s.Errorf("%+v", list)
	}
	// The caller's rights count, on the secret as on the parameter.
	half := s.user("half", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ssm:*","kms:*"],"Resource":"*"}}`)
	_, err = half.tryGet(ref, true)
	s.refused(err, "AccessDeniedException", "*")
	whole := s.user("whole", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ssm:GetParameter","secretsmanager:GetSecretValue"],"Resource":"*"}}`)
	if p, err := whole.tryGet(ref, true); err != nil || *p.Value != "value 2" {
		s.Error(err)
	}
}
