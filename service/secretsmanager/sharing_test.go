package secretsmanager_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

func policies(s *suite) {
	made := s.create("shared", "v")
	put := func(text string, block bool) error {
		_, err := s.sm.PutResourcePolicy(s.ctx, &sm.PutResourcePolicyInput{SecretId: made.ARN, ResourcePolicy: &text, BlockPublicPolicy: &block})
		return err
	}
	get := func() *string {
		out, err := s.sm.GetResourcePolicy(s.ctx, &sm.GetResourcePolicyInput{SecretId: made.ARN})
		must(s, err)
		return out.ResourcePolicy
	}
	if get() != nil {
		s.Error("a policy from nowhere")
	}
	everyone := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`
	refused(s, put(everyone, true), "PublicPolicyException", "")
	refused(s, put(`{"nonsense":1}`, false), "MalformedPolicyDocumentException", "")
	refused(s, put(strings.Replace(everyone, `"*"`, `{"AWS":"arn:aws:iam::`+s.account.ID+`:user/none"}`, 1), false), "MalformedPolicyDocumentException", "This resource policy contains an unsupported principal.")
	must(s, put(everyone, false))
	must(s, put(everyone, false))

	check := func(text string) *sm.ValidateResourcePolicyOutput {
		out, err := s.sm.ValidateResourcePolicy(s.ctx, &sm.ValidateResourcePolicyInput{SecretId: made.ARN, ResourcePolicy: &text})
		must(s, err)
		return out
	}
	s.is(check(everyone).PolicyValidationPassed, false)
	s.is(len(check(everyone).ValidationErrors), 1)
	lockout := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:*","Resource":"*"}]}`
	s.is(check(lockout).PolicyValidationPassed, false)

	// Another account reads, by a key that admits it, and not by the default one.
	other := s.NewAccount(s.T)
	reader := sm.NewFromConfig(other.Config(home))
	share := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + other.ID + `:root"},"Action":"secretsmanager:*","Resource":"*"}]}`
	s.is(check(share).PolicyValidationPassed, true)
	_, err := s.sm.DeleteResourcePolicy(s.ctx, &sm.DeleteResourcePolicyInput{SecretId: made.ARN})
	must(s, err)
	_, err = reader.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: made.ARN})
	refused(s, err, "AccessDeniedException", "")
	must(s, put(share, true))
	s.is(*get(), share)
	_, err = reader.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: made.ARN})
	refused(s, err, "InvalidRequestException", "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key.")
	key, err := s.kms.CreateKey(s.ctx, &kms.CreateKeyInput{Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::` + s.account.ID + `:root","arn:aws:iam::` + other.ID + `:root"]},"Action":"kms:*","Resource":"*"}]}`)})
	must(s, err)
	_, err = s.sm.UpdateSecret(s.ctx, &sm.UpdateSecretInput{SecretId: made.ARN, KmsKeyId: key.KeyMetadata.KeyId})
	must(s, err)
	got, err := reader.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: made.ARN})
	must(s, err)
	s.is(*got.SecretString, "v") // encrypted anew by the change of keys
	_, err = reader.PutSecretValue(s.ctx, &sm.PutSecretValueInput{SecretId: made.ARN, SecretString: aws.String("theirs")})
	must(s, err)
	s.is(s.value("shared", ""), "theirs")
	_, err = reader.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("shared")})
	refused(s, err, "ResourceNotFoundException", "")
}

func (s *suite) key() string {
	s.Helper()
	out, err := s.kms.CreateKey(s.ctx, &kms.CreateKeyInput{})
	must(s, err)
	return *out.KeyMetadata.Arn
}

func keys(s *suite) {
	key := s.key()
	_, err := s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("k"), SecretString: aws.String("v"), KmsKeyId: &key})
	must(s, err)
	s.is(*s.describe("k").KmsKeyId, key)
	out, err := s.sm.ListSecretVersionIds(s.ctx, &sm.ListSecretVersionIdsInput{SecretId: aws.String("k")})
	must(s, err)
	s.is(out.Versions[0].KmsKeyIds, []string{key})

	// Rights on the key are the caller's.
	noKey := sm.NewFromConfig(s.user("nokey", allow("secretsmanager:*")))
	_, err = noKey.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("k")})
	refused(s, err, "AccessDeniedException", "Access to KMS is not allowed")
	_, err = noKey.PutSecretValue(s.ctx, &sm.PutSecretValueInput{SecretId: aws.String("k"), SecretString: aws.String("w")})
	refused(s, err, "AccessDeniedException", "Access to KMS is not allowed")
	_, err = noKey.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("k2"), KmsKeyId: &key})
	refused(s, err, "AccessDeniedException", "Access to KMS is not allowed")
	// The default key is open to everyone of the account, through the service.
	_, err = noKey.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("k3"), SecretString: aws.String("x")})
	must(s, err)
	_, err = noKey.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("k3")})
	must(s, err)
	through := sm.NewFromConfig(s.user("through", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"},
		{"Effect":"Allow","Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"secretsmanager.us-east-1.amazonaws.com","kms:EncryptionContext:SecretARN":"`+*s.describe("k").ARN+`"}}}]}`))
	_, err = through.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("k")})
	must(s, err)
	_, err = s.sm.UpdateSecret(s.ctx, &sm.UpdateSecretInput{SecretId: aws.String("k"), KmsKeyId: aws.String("")})
	must(s, err)
	if s.describe("k").KmsKeyId != nil {
		s.Error("the default key shows")
	}
	_, err = noKey.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("k")})
	must(s, err)
}

func keyFaults(s *suite) {
	key := s.key()
	_, err := s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("f"), SecretString: aws.String("v"), KmsKeyId: &key})
	must(s, err)
	_, err = s.kms.DisableKey(s.ctx, &kms.DisableKeyInput{KeyId: &key})
	must(s, err)
	_, err = s.sm.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("f")})
	refused(s, err, "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
	_, err = s.sm.PutSecretValue(s.ctx, &sm.PutSecretValueInput{SecretId: aws.String("f"), SecretString: aws.String("w")})
	refused(s, err, "EncryptionFailure", "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the KMS key is available, enabled, and not in an invalid state.")
	batch, err := s.sm.BatchGetSecretValue(s.ctx, &sm.BatchGetSecretValueInput{SecretIdList: []string{"f"}})
	must(s, err)
	s.is(*batch.Errors[0].ErrorCode, "DecryptionFailure")
	_, err = s.kms.EnableKey(s.ctx, &kms.EnableKeyInput{KeyId: &key})
	must(s, err)
	s.is(s.value("f", ""), "v")
	_, err = s.kms.ScheduleKeyDeletion(s.ctx, &kms.ScheduleKeyDeletionInput{KeyId: &key, PendingWindowInDays: aws.Int32(7)})
	must(s, err)
	_, err = s.sm.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("f")})
	refused(s, err, "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
	s.Clock.Advance(8 * 24 * time.Hour)
	_, err = s.sm.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("f")})
	refused(s, err, "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
	_, err = s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("none"), SecretString: aws.String("v"), KmsKeyId: aws.String("alias/none")})
	refused(s, err, "InvalidParameterException", "The operation failed because of an invalid KMS key: ")
	asym, err := s.kms.CreateKey(s.ctx, &kms.CreateKeyInput{KeySpec: kmstypes.KeySpecRsa2048, KeyUsage: kmstypes.KeyUsageTypeEncryptDecrypt})
	must(s, err)
	_, err = s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("none"), SecretString: aws.String("v"), KmsKeyId: asym.KeyMetadata.KeyId})
	refused(s, err, "EncryptionFailure", "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the KMS key is available, enabled, and not in an invalid state.")
}

func replicas(s *suite) {
	there := s.in(away)
	remoteKey, err := kms.NewFromConfig(s.account.Config(away)).CreateKey(s.ctx, &kms.CreateKeyInput{})
	must(s, err)
	made, err := s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{
		Name: aws.String("multi"), SecretString: aws.String("1"),
		AddReplicaRegions: []types.ReplicaRegionType{{Region: aws.String(away), KmsKeyId: remoteKey.KeyMetadata.Arn}, {Region: aws.String("us-west-2")}},
	})
	must(s, err)
	s.is(len(made.ReplicationStatus), 2)
	arn := strings.Replace(*made.ARN, home, away, 1)
	read := func(id string) string {
		s.Helper()
		out, err := there.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: &id})
		must(s, err)
		return *out.SecretString
	}
	s.is(read(arn), "1")
	s.put("multi", "2")
	s.is(read("multi"), "2")
	_, err = s.sm.TagResource(s.ctx, &sm.TagResourceInput{SecretId: aws.String("multi"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
	must(s, err)
	d, err := there.DescribeSecret(s.ctx, &sm.DescribeSecretInput{SecretId: aws.String("multi")})
	must(s, err)
	s.is(fmt.Sprint(*d.PrimaryRegion, len(d.Tags), *d.KmsKeyId), fmt.Sprint(home, 1, *remoteKey.KeyMetadata.Arn))
	p := s.describe("multi")
	s.is(*p.PrimaryRegion, home)
	s.is(p.ReplicationStatus[0].Status, "InSync")
	s.is(*p.ReplicationStatus[1].KmsKeyId, "alias/aws/secretsmanager")
	if p.ReplicationStatus[0].LastAccessedDate == nil || p.ReplicationStatus[1].LastAccessedDate != nil {
		s.Error("days of access")
	}
	_, err = there.PutSecretValue(s.ctx, &sm.PutSecretValueInput{SecretId: aws.String("multi"), SecretString: aws.String("x")})
	refused(s, err, "InvalidParameterException", "Operation not permitted on a replica secret. Call must be made in primary secret's region.")
	_, err = s.sm.DeleteSecret(s.ctx, &sm.DeleteSecretInput{SecretId: aws.String("multi")})
	refused(s, err, "InvalidParameterException", "that still has replica regions [eu-west-1, us-west-2]")

	// A key that fails there is told by the status, and made good by a later change.
	remote := kms.NewFromConfig(s.account.Config(away))
	_, err = remote.DisableKey(s.ctx, &kms.DisableKeyInput{KeyId: remoteKey.KeyMetadata.KeyId})
	must(s, err)
	s.put("multi", "3")
	s.is(s.describe("multi").ReplicationStatus[0].Status, "Failed")
	_, err = remote.EnableKey(s.ctx, &kms.EnableKeyInput{KeyId: remoteKey.KeyMetadata.KeyId})
	must(s, err)
	s.is(read("multi"), "2")
	_, err = s.sm.ReplicateSecretToRegions(s.ctx, &sm.ReplicateSecretToRegionsInput{SecretId: aws.String("multi"), AddReplicaRegions: []types.ReplicaRegionType{{Region: aws.String(away), KmsKeyId: remoteKey.KeyMetadata.Arn}}})
	must(s, err)
	s.is(read("multi"), "3")

	_, err = s.sm.StopReplicationToReplica(s.ctx, &sm.StopReplicationToReplicaInput{SecretId: aws.String("multi")})
	refused(s, err, "InvalidRequestException", "")
	_, err = there.StopReplicationToReplica(s.ctx, &sm.StopReplicationToReplicaInput{SecretId: &arn})
	must(s, err)
	_, err = there.PutSecretValue(s.ctx, &sm.PutSecretValueInput{SecretId: &arn, SecretString: aws.String("own")})
	must(s, err)
	s.is(read("multi"), "own")
	s.is(s.value("multi", ""), "3")
	out, err := s.sm.RemoveRegionsFromReplication(s.ctx, &sm.RemoveRegionsFromReplicationInput{SecretId: aws.String("multi"), RemoveReplicaRegions: []string{"us-west-2"}})
	must(s, err)
	s.is(len(out.ReplicationStatus), 0)
	_, err = s.in("us-west-2").DescribeSecret(s.ctx, &sm.DescribeSecretInput{SecretId: aws.String("multi")})
	refused(s, err, "ResourceNotFoundException", "")

	// The name is taken there.
	rep, err := s.sm.ReplicateSecretToRegions(s.ctx, &sm.ReplicateSecretToRegionsInput{SecretId: aws.String("multi"), AddReplicaRegions: []types.ReplicaRegionType{{Region: aws.String(away)}}})
	must(s, err)
	s.is(rep.ReplicationStatus[0].Status, "Failed")
	s.is(*rep.ReplicationStatus[0].StatusMessage, "Replication failed: Secret name multi already exists in region eu-west-1.")
	s.is(read("multi"), "own")
	rep, err = s.sm.ReplicateSecretToRegions(s.ctx, &sm.ReplicateSecretToRegionsInput{SecretId: aws.String("multi"), AddReplicaRegions: []types.ReplicaRegionType{{Region: aws.String(away)}}, ForceOverwriteReplicaSecret: true})
	must(s, err)
	s.is(rep.ReplicationStatus[0].Status, "InSync")
	s.is(read("multi"), "3")
	for _, region := range []string{home, "mars", "cn-north-1"} {
		_, err = s.sm.ReplicateSecretToRegions(s.ctx, &sm.ReplicateSecretToRegionsInput{SecretId: aws.String("multi"), AddReplicaRegions: []types.ReplicaRegionType{{Region: &region}}})
		if err == nil {
			s.Errorf("replicated to %s", region)
		}
	}
}

func rotationRefusals(s *suite) {
	s.create("r", "v")
	rotate := func(in sm.RotateSecretInput) error {
		in.SecretId = aws.String("r")
		_, err := s.sm.RotateSecret(s.ctx, &in)
		return err
	}
	refused(s, rotate(sm.RotateSecretInput{}), "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
	none := "arn:aws:lambda:us-east-1:" + s.Admin.ID + ":function:SecretsManagerRotation"
	refused(s, rotate(sm.RotateSecretInput{RotationLambdaARN: &none, RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}}), "AccessDeniedException",
		"Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.")
	for _, bad := range []string{"SecretsManagerRotation", "arn:aws:lambda:eu-west-1:" + s.Admin.ID + ":function:f", "arn:aws:iam::" + s.Admin.ID + ":role/f"} {
		refused(s, rotate(sm.RotateSecretInput{RotationLambdaARN: &bad}), "InvalidParameterException", "Invalid rotation Lambda ARN. Ensure the ARN matches format arn:aws:lambda:us-east-1:")
	}
	const schedule, hours = "Invalid schedule expression.", "Rate in hour should be least 4 and less than 24."
	for _, x := range []struct{ expression, duration, text string }{
		{"", "", ""}, {"rate(3 hours)", "", hours}, {"rate(24 hours)", "", hours}, {"rate(1 days)", "", schedule},
		{"rate(0 days)", "", "Rate in day should be greater than 0 and less than 1000."}, {"rate(1000 days)", "", "Rate in day should be greater than 0 and less than 1000."},
		{"cron(5 4 * * ? *)", "", schedule}, {"cron(0 4 * * * *)", "", schedule}, {"cron(0 0/2 * * ? *)", "", schedule}, {"cron(0 4 31 2 ? *)", "", schedule},
		{"cron(0 4 * * ? 2030)", "", schedule}, {"weekly", "", schedule}, {"rate(5 minutes)", "", schedule},
		{"cron(0 20 * * ? *)", "5h", "Starting hour and duration must be within a day."},
		{"rate(4 hours)", "5h", "Duration cannot be greater than Rate in hour."},
		{"rate(10 days)", "25h", "Duration must be at least 1 hour, at most 24 hour."}, {"rate(10 days)", "0h", "Duration must be at least 1 hour, at most 24 hour."},
	} {
		rules := &types.RotationRulesType{}
		if x.expression != "" {
			rules.ScheduleExpression = &x.expression
		}
		if x.duration != "" {
			rules.Duration = &x.duration
		}
		refused(s, rotate(sm.RotateSecretInput{RotationLambdaARN: &none, RotationRules: rules}), "InvalidParameterException", x.text)
	}
	refused(s, rotate(sm.RotateSecretInput{RotationLambdaARN: &none, RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(1), ScheduleExpression: aws.String("rate(1 day)")}}),
		"InvalidParameterException", "You cannot specify both rotation frequency and schedule expression together.")
	refused(s, rotate(sm.RotateSecretInput{ExternalSecretRotationRoleArn: aws.String("arn:aws:iam::123456789012:role/x")}), "InvalidParameterException", "")
	_, err := s.sm.CancelRotateSecret(s.ctx, &sm.CancelRotateSecretInput{SecretId: aws.String("r")})
	refused(s, err, "InvalidRequestException", "")
	d := s.describe("r")
	if d.RotationEnabled != nil || d.RotationRules != nil || d.RotationLambdaARN != nil || len(d.VersionIdsToStages) != 1 {
		s.Errorf("a refusal left something behind: %+v", d)
	}
}
