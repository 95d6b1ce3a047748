package recordings

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func secretPolicies(t *testing.T, h *house) {
	s := h.scene(t)
	// LS secretsmanager/test_secretsmanager.py test_resource_policy; MOTO test_policy.py test_get_initial_policy
	s.secret("policied", "my_secret", nil)
	id := in{"SecretId": "policied"}
	s.ok("secretsmanager:GetResourcePolicy", id, "ARN,Name")
	const text = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}`
	s.ok("secretsmanager:PutResourcePolicy", id.with(in{"ResourcePolicy": text}), "ARN,Name")
	var got, want any
	if err := json.Unmarshal([]byte(s.ok("secretsmanager:GetResourcePolicy", id, "ARN,Name,ResourcePolicy").str("ResourcePolicy")), &got); err != nil {
		t.Fatal(err)
	}
	json.Unmarshal([]byte(text), &want)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the policy is %v", got)
	}
	s.ok("secretsmanager:DeleteResourcePolicy", id, "ARN,Name")
	s.ok("secretsmanager:GetResourcePolicy", id, "ARN,Name")
	// MOTO test_policy.py test_validate_resource_policy
	root := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + h.account + `:root"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`
	s.wants(s.ok("secretsmanager:ValidateResourcePolicy", in{"ResourcePolicy": root}, "PolicyValidationPassed,ValidationErrors[]"), map[string]string{"PolicyValidationPassed": "true"})
	// awsdocs/aws-cloudformation-user-guide pull 623
	s.fails("secretsmanager:PutResourcePolicy", id.with(in{"ResourcePolicy": strings.Replace(text, "2012-10-17", "2019-10-19", 1)}), 400, "MalformedPolicyDocumentException", "This policy has invalid syntax.")
	// TF secretsmanager/secret.go waits for this one to go away
	s.fails("secretsmanager:PutResourcePolicy", id.with(in{"ResourcePolicy": strings.Replace(text, `"*", "Action"`, `{"AWS": "arn:aws:iam::`+h.account+`:role/nobody"}, "Action"`, 1)}), 400,
		"MalformedPolicyDocumentException", "This resource policy contains an unsupported principal.")
	// TF pull 13303
	a := h.do(t, h.request(t, h.admin, "secretsmanager:CreateSecret", in{"Name": "keyless", "SecretString": "v", "KmsKeyId": "no-such-key", "ClientRequestToken": token()}))
	h.facts.Add(1)
	if text := a.str("Message"); a.str("__type") != "InvalidParameterException" || !strings.HasPrefix(text, "The operation failed because of an invalid KMS key: Invalid keyId") {
		t.Errorf("a key that is not there: %s", a.body)
	}
	// PREFLIGHT pf-secretsmanager-kms-key
	s.parameter("rec-managed-key", "v", in{"Type": "SecureString"}) // so that Parameter Store has its key
	for key, refusal := range map[string][2]string{
		h.keyARN(away, unknownID): {"InvalidParameterException", "The operation failed because of an invalid KMS key: Invalid arn " + away},
		"alias/aws/ssm":           {"AccessDeniedException", "Access to KMS is not allowed"},
	} {
		s.fails("secretsmanager:CreateSecret", in{"Name": "keyless", "SecretString": "v", "KmsKeyId": key, "ClientRequestToken": token()}, 400, refusal[0], refusal[1])
	}
}

func secretReplicas(t *testing.T, h *house) {
	s := h.scene(t)
	const status = "ReplicationStatus[KmsKeyId,Region,Status,StatusMessage]"
	// MOTO test_secrets_duplication.py; TF secretsmanager/secret.go reads these
	arn := s.ok("secretsmanager:CreateSecret", in{"Name": "multi", "SecretString": "s1", "ClientRequestToken": token(), "AddReplicaRegions": list{in{"Region": away}}}, "ARN,Name,"+status+",VersionId").str("ARN")
	replica := strings.Replace(arn, home, away, 1)
	there, id := s.from(away), in{"SecretId": replica}
	s.wants(there.must("secretsmanager:DescribeSecret", id), map[string]string{"ARN": replica, "Name": "multi", "PrimaryRegion": home})
	s.wants(there.must("secretsmanager:GetSecretValue", id), map[string]string{"SecretString": "s1"})
	// gruntwork-io/cloud-nuke issue 435, rebuy-de/aws-nuke issue 1127, lgallard/terraform-aws-secrets-manager issue 188
	for op, input := range map[string]in{
		"UpdateSecret": {"SecretString": "x", "ClientRequestToken": token()}, "PutSecretValue": {"SecretString": "x", "ClientRequestToken": token()},
		"TagResource": {"Tags": list{in{"Key": "k", "Value": "v"}}}, "UntagResource": {"TagKeys": list{"k"}},
		"PutResourcePolicy":    {"ResourcePolicy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`},
		"DeleteResourcePolicy": {}, "DeleteSecret": {}, "CancelRotateSecret": {}, "RotateSecret": {"ClientRequestToken": token()},
		"ReplicateSecretToRegions": {"AddReplicaRegions": list{in{"Region": "eu-west-1"}}}, "RemoveRegionsFromReplication": {"RemoveReplicaRegions": list{"eu-west-1"}},
	} {
		there.fails("secretsmanager:"+op, id.with(input), 400, "InvalidParameterException", "Operation not permitted on a replica secret. Call must be made in primary secret's region.")
	}
	s.must("secretsmanager:ReplicateSecretToRegions", in{"SecretId": arn, "AddReplicaRegions": list{in{"Region": "eu-west-1"}}})
	s.fails("secretsmanager:DeleteSecret", in{"SecretId": arn}, 400, "InvalidParameterException", "You can't delete secret "+arn+" that still has replica regions ["+away+", eu-west-1].")
	s.fails("secretsmanager:ReplicateSecretToRegions", in{"SecretId": arn, "AddReplicaRegions": list{in{"Region": home}}}, 400, "InvalidParameterException", "Invalid replica region.")
	s.fails("secretsmanager:CreateSecret", in{"Name": "multi2", "SecretString": "s", "ClientRequestToken": token(), "AddReplicaRegions": list{in{"Region": home}}}, 400, "InvalidParameterException", "Invalid replica region.")
	s.wants(there.ok("secretsmanager:StopReplicationToReplica", id, "ARN"), map[string]string{"ARN": replica})
}

func secretsAbroad(t *testing.T, h *house) {
	s := h.scene(t)
	them := s.as(h.other)
	who := them.must("sts:GetCallerIdentity", nil).str("Arn")
	policy := func(sid string) string {
		return `{"Version":"2012-10-17","Statement":[{"Sid":"` + sid + `","Effect":"Allow","Principal":{"AWS":"` + who + `"},"Action":["secretsmanager:*"],"Resource":"*"}]}`
	}
	// LS secretsmanager/test_secretsmanager.py TestSecretsManagerMultiAccounts test_cross_account_access
	arn, _ := s.secret("abroad", "secret", nil)
	id := in{"SecretId": arn}
	s.must("secretsmanager:PutResourcePolicy", id.with(in{"ResourcePolicy": policy("")}).with(in{"ResourcePolicy": strings.Replace(policy(""), `"Sid":"",`, "", 1)}))
	s.wants(them.must("secretsmanager:DescribeSecret", id), map[string]string{"ARN": arn})
	const foreign = "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key."
	them.fails("secretsmanager:GetSecretValue", id, 400, "InvalidRequestException", foreign)
	them.fails("secretsmanager:PutSecretValue", id.with(in{"SecretString": "new-secret", "ClientRequestToken": token()}), 400, "InvalidRequestException", foreign)
	them.ok("secretsmanager:PutResourcePolicy", id.with(in{"ResourcePolicy": policy("AllowCrossAccount")}), "ARN,Name")
	if text := them.ok("secretsmanager:GetResourcePolicy", id, "ARN,Name,ResourcePolicy").str("ResourcePolicy"); !strings.Contains(text, "AllowCrossAccount") {
		t.Errorf("the policy is %s", text)
	}
	them.ok("secretsmanager:ListSecretVersionIds", id, "ARN,Name,Versions[CreatedDate,KmsKeyIds[*],VersionId,VersionStages[*]]")
	them.ok("secretsmanager:ListSecrets", nil, "SecretList[]")
	them.ok("secretsmanager:TagResource", id.with(in{"Tags": list{in{"Key": "tag1", "Value": "value1"}}}), "")
	s.wants(s.must("secretsmanager:DescribeSecret", id), map[string]string{"Tags.0.Key": "tag1"})
	them.ok("secretsmanager:UntagResource", id.with(in{"TagKeys": list{"tag1"}}), "")
	them.ok("secretsmanager:DeleteSecret", id.with(in{"ForceDeleteWithoutRecovery": true}), "ARN,DeletionDate,Name")
	// test_cross_account_access_non_default_key
	key := s.must("kms:CreateKey", in{"Policy": `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + h.account + `:root"},"Action":"kms:*","Resource":"*"},` +
		`{"Effect":"Allow","Principal":{"AWS":"` + who + `"},"Action":["kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*","kms:DescribeKey"],"Resource":"*"}]}`}).str("KeyMetadata.Arn")
	arn, _ = s.secret("abroad-keyed", "secret", in{"KmsKeyId": key})
	id = in{"SecretId": arn}
	s.must("secretsmanager:PutResourcePolicy", id.with(in{"ResourcePolicy": policy("A")}))
	s.wants(them.ok("secretsmanager:GetSecretValue", id, secretValue), map[string]string{"SecretString": "secret"})
	them.ok("secretsmanager:PutSecretValue", id.with(in{"SecretString": "new-secret", "ClientRequestToken": token()}), "ARN,Name,VersionId,VersionStages[*]")
	s.wants(them.ok("secretsmanager:GetSecretValue", id, secretValue), map[string]string{"SecretString": "new-secret"})
	them.ok("secretsmanager:DeleteSecret", id.with(in{"ForceDeleteWithoutRecovery": false, "RecoveryWindowInDays": 7}), "ARN,DeletionDate,Name")
	if _, ok := s.must("secretsmanager:DescribeSecret", id).at("DeletedDate"); !ok {
		t.Error("no DeletedDate")
	}
	them.ok("secretsmanager:RestoreSecret", id, "ARN,Name")
}

func secretRotation(t *testing.T, h *house) {
	s := h.scene(t)
	// LS secretsmanager/test_secretsmanager.py test_rotate_secret_invalid_lambda_arn: nothing is kept of it
	_, version := s.secret("rotated", "init", nil)
	id := in{"SecretId": "rotated"}
	function := "arn:aws:lambda:" + home + ":" + h.account + ":function:rotate_secret_invalid_lambda_arn"
	rotate := id.with(in{"RotationRules": in{"AutomaticallyAfterDays": 1}, "ClientRequestToken": token()})
	s.fails("secretsmanager:RotateSecret", rotate.with(in{"RotationLambdaARN": function}), 400, "AccessDeniedException",
		"Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.")
	s.ok("secretsmanager:DescribeSecret", id, secretAbout+","+stages(version))
	// test_first_rotate_secret_with_missing_lambda_arn
	s.fails("secretsmanager:RotateSecret", rotate, 400, "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
	// TF issue 33329
	s.fails("secretsmanager:RotateSecret", rotate.with(in{"RotationLambdaARN": function, "RotationRules": in{"AutomaticallyAfterDays": 1, "ScheduleExpression": "rate(10 days)"}}), 400,
		"InvalidParameterException", "You cannot specify both rotation frequency and schedule expression together.")
	// PREFLIGHT pf-secretsmanager-rotation-rules, …-rotation-lambda
	for _, x := range []struct {
		rules in
		text  string
	}{
		{in{"ScheduleExpression": "rate(3 hours)"}, "Rate in hour should be least 4 and less than 24."},
		{in{"ScheduleExpression": "rate(24 hours)"}, "Rate in hour should be least 4 and less than 24."},
		{in{"ScheduleExpression": "rate(0 days)"}, "Rate in day should be greater than 0 and less than 1000."},
		{in{"ScheduleExpression": "rate(90 minutes)"}, "Invalid schedule expression."},
		{in{"ScheduleExpression": "cron(30 8 * * ? *)"}, "Invalid schedule expression."},
		{in{"ScheduleExpression": "cron(0 8 * * ? 2030)"}, "Invalid schedule expression."},
		{in{"ScheduleExpression": "rate(10 days)", "Duration": "25h"}, "Duration must be at least 1 hour, at most 24 hour."},
		{in{"ScheduleExpression": "rate(4 hours)", "Duration": "5h"}, "Duration cannot be greater than Rate in hour."},
		{in{"ScheduleExpression": "cron(0 20 * * ? *)", "Duration": "5h"}, "Starting hour and duration must be within a day."},
	} {
		s.fails("secretsmanager:RotateSecret", rotate.with(in{"RotationLambdaARN": function, "RotationRules": x.rules}), 400, "InvalidParameterException", x.text)
	}
	s.fails("secretsmanager:RotateSecret", rotate.with(in{"RotationLambdaARN": strings.Replace(function, home, away, 1)}), 400, "InvalidParameterException",
		"Invalid rotation Lambda ARN. Ensure the ARN matches format arn:aws:lambda:"+home+":<account>:function:<functionName>.")
}
