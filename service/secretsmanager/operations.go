package secretsmanager

import (
	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/op"
)

// Operations are the rows of Secrets Manager. Values, passwords and rotation
// tokens are in no record.
func (s *Service) Operations() op.Service {
	return op.Service{Model: &api.Model, Operations: []op.Operation{
		// Secrets.
		op.Row(api.OpCreateSecret, s.CreateSecret, s.createNeeds).
			Records("Name", "ClientRequestToken", "Description", "KmsKeyId", "Tags", "AddReplicaRegions", "ForceOverwriteReplicaSecret", "Type").Answers("ARN", "Name", "VersionId", "ReplicationStatus"),
		op.Row(api.OpDescribeSecret, s.DescribeSecret, onSecret(s, func(in *api.DescribeSecretInput) *string { return in.SecretId })).Records("SecretId"),
		op.Row(api.OpUpdateSecret, s.UpdateSecret, onSecret(s, func(in *api.UpdateSecretInput) *string { return in.SecretId }, updateKeys)).
			Records("SecretId", "ClientRequestToken", "Description", "KmsKeyId", "Type").Answers("ARN", "Name", "VersionId"),
		op.Row(api.OpDeleteSecret, s.DeleteSecret, onSecret(s, func(in *api.DeleteSecretInput) *string { return in.SecretId }, deleteKeys)).
			Records("SecretId", "RecoveryWindowInDays", "ForceDeleteWithoutRecovery").Answers("ARN", "Name", "DeletionDate"),
		op.Row(api.OpRestoreSecret, s.RestoreSecret, onSecret(s, func(in *api.RestoreSecretInput) *string { return in.SecretId })).Records("SecretId").Answers("ARN", "Name"),
		op.Row(api.OpListSecrets, s.ListSecrets, onAll[api.ListSecretsInput]).Records("IncludePlannedDeletion", "MaxResults", "Filters", "SortOrder", "SortBy"),
		op.Row(api.OpTagResource, s.TagResource, s.tagNeeds).Records("SecretId", "Tags"),
		op.Row(api.OpUntagResource, s.UntagResource, s.untagNeeds).Records("SecretId", "TagKeys"),

		// Values and versions.
		op.Row(api.OpGetSecretValue, s.GetSecretValue, onSecret(s, func(in *api.GetSecretValueInput) *string { return in.SecretId }, getValueKeys)).Records("SecretId", "VersionId", "VersionStage"),
		op.Row(api.OpBatchGetSecretValue, s.BatchGetSecretValue, s.batchNeeds).Records("SecretIdList", "Filters", "MaxResults"),
		op.Row(api.OpPutSecretValue, s.PutSecretValue, onSecret(s, func(in *api.PutSecretValueInput) *string { return in.SecretId })).
			Records("SecretId", "ClientRequestToken", "VersionStages").Answers("ARN", "Name", "VersionId", "VersionStages"),
		op.Row(api.OpListSecretVersionIds, s.ListSecretVersionIds, onSecret(s, func(in *api.ListSecretVersionIdsInput) *string { return in.SecretId })).Records("SecretId", "MaxResults", "IncludeDeprecated"),
		op.Row(api.OpUpdateSecretVersionStage, s.UpdateSecretVersionStage, onSecret(s, func(in *api.UpdateSecretVersionStageInput) *string { return in.SecretId },
			func(_ *redoubt.Call, in *api.UpdateSecretVersionStageInput, m conditions) {
				m.text("VersionStage", in.VersionStage)
			})).
			Records("SecretId", "VersionStage", "RemoveFromVersionId", "MoveToVersionId").Answers("ARN", "Name"),
		op.Row(api.OpGetRandomPassword, s.GetRandomPassword, onAll[api.GetRandomPasswordInput]).
			Records("PasswordLength", "ExcludeNumbers", "ExcludePunctuation", "ExcludeUppercase", "ExcludeLowercase", "IncludeSpace", "RequireEachIncludedType"),

		// Policies.
		op.Row(api.OpPutResourcePolicy, s.PutResourcePolicy, onSecret(s, func(in *api.PutResourcePolicyInput) *string { return in.SecretId },
			func(_ *redoubt.Call, in *api.PutResourcePolicyInput, m conditions) {
				m.flag("BlockPublicPolicy", in.BlockPublicPolicy)
			})).
			Records("SecretId", "ResourcePolicy", "BlockPublicPolicy").Answers("ARN", "Name"),
		op.Row(api.OpGetResourcePolicy, s.GetResourcePolicy, onSecret(s, func(in *api.GetResourcePolicyInput) *string { return in.SecretId })).Records("SecretId"),
		op.Row(api.OpDeleteResourcePolicy, s.DeleteResourcePolicy, onSecret(s, func(in *api.DeleteResourcePolicyInput) *string { return in.SecretId })).Records("SecretId").Answers("ARN", "Name"),
		op.Row(api.OpValidateResourcePolicy, s.ValidateResourcePolicy, s.validateNeeds).Reads().Records("SecretId", "ResourcePolicy"),

		// Replicas.
		op.Row(api.OpReplicateSecretToRegions, s.ReplicateSecretToRegions, onSecret(s, func(in *api.ReplicateSecretToRegionsInput) *string { return in.SecretId },
			func(_ *redoubt.Call, in *api.ReplicateSecretToRegionsInput, m conditions) {
				m.replicas(in.AddReplicaRegions, in.ForceOverwriteReplicaSecret)
			})).
			Records("SecretId", "AddReplicaRegions", "ForceOverwriteReplicaSecret").Answers("ARN", "ReplicationStatus"),
		op.Row(api.OpRemoveRegionsFromReplication, s.RemoveRegionsFromReplication, onSecret(s, func(in *api.RemoveRegionsFromReplicationInput) *string { return in.SecretId })).
			Records("SecretId", "RemoveReplicaRegions").Answers("ARN", "ReplicationStatus"),
		op.Row(api.OpStopReplicationToReplica, s.StopReplicationToReplica, onSecret(s, func(in *api.StopReplicationToReplicaInput) *string { return in.SecretId })).Records("SecretId").Answers("ARN"),

		// Rotation.
		op.Row(api.OpRotateSecret, s.RotateSecret, s.rotateNeeds).
			Records("SecretId", "ClientRequestToken", "RotationLambdaARN", "RotationRules", "RotateImmediately").Answers("ARN", "Name", "VersionId"),
		op.Row(api.OpCancelRotateSecret, s.CancelRotateSecret, onSecret(s, func(in *api.CancelRotateSecretInput) *string { return in.SecretId })).Records("SecretId").Answers("ARN", "Name", "VersionId"),
	}}
}
