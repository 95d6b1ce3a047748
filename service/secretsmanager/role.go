package secretsmanager

import (
	"errors"
	"fmt"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// The role of the built-in rotation functions: a service-linked one of the account,
// made when the first of them is set up there.
const (
	endpoint    = "secretsmanager"
	roleService = endpoint + ".amazonaws.com"
	roleName    = "AWSServiceRoleForSecretsManagerRotation"
	rolePath    = "/aws-service-role/" + roleService + "/"
)

func roleARN(region, account string) string {
	return redoubt.ARN{Partition: redoubt.Partition(region), Service: "iam", Account: account, Resource: "role" + rolePath + roleName}.String()
}

// rolePolicy lets the functions do what a rotation takes: to secrets that rotate by
// a built-in function everything, of others only read the value; which of them,
// admitted says. Keys are used through Secrets Manager only. Their log is theirs to
// write, and no other.
const rolePolicy = `{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":["secretsmanager:DescribeSecret","secretsmanager:PutSecretValue","secretsmanager:UpdateSecretVersionStage"],"Resource":"arn:%[2]s:secretsmanager:*:%[1]s:secret:*",
"Condition":{"ArnLike":{"secretsmanager:resource/AllowRotationLambdaArn":"arn:%[2]s:lambda:*:%[1]s:function:SecretsManager*Rotation*"}}},
{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:%[2]s:secretsmanager:*:*:secret:*"},
{"Effect":"Allow","Action":"secretsmanager:GetRandomPassword","Resource":"*"},
{"Effect":"Allow","Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*","Condition":{"StringLike":{"kms:ViaService":"secretsmanager.*.amazonaws.com"}}},
{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:%[2]s:logs:*:%[1]s:log-group:/aws/lambda/SecretsManager*Rotation*:*"}]}`

// makeRole makes the role if the account has none, and gives one of an earlier
// version of this program the rights of today.
func (s *Service) makeRole(tx *store.Tx, partition, account string) error {
	text := fmt.Sprintf(rolePolicy, account, partition)
	if _, err := policy.Parse(text, policy.Identity); err != nil {
		return err
	}
	permit := func() error {
		return s.ids.PutInline(tx, account, identity.Ref{Noun: identity.NounRole, Name: roleName}, "rotation", text)
	}
	r, err := s.ids.Role(tx, account, roleName)
	var none *identity.NotFound
	switch {
	case err == nil:
		if p := r.Find("rotation"); p != nil && p.Text == text {
			return nil
		}
		return permit()
	case !errors.As(err, &none):
		return err
	}
	doc, err := policy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"`+roleService+`"},"Action":"sts:AssumeRole"}]}`, policy.Trust)
	if err != nil {
		return err
	}
	trust, err := s.ids.Bind(tx, doc)
	if err != nil {
		return err
	}
	_, err = s.ids.CreateRole(tx, account, identity.Role{
		Name: roleName, Path: rolePath, Description: "What the built-in rotation functions of Secrets Manager do with secrets",
		MaxSession: 3600, Trust: trust, Service: roleService,
	})
	if err != nil {
		return err
	}
	return permit()
}
