package kms

import (
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/op"
)

// Operations are the rows of KMS: descriptor, method, the rights it takes, and
// what the audit log may hold. Plaintext, ciphertext, grant tokens and import
// tokens are never among it.
func (s *Service) Operations() op.Service {
	return op.Service{Model: &kmsapi.Model, Operations: []op.Operation{
		// Keys.
		op.Row(kmsapi.OpCreateKey, s.CreateKey, s.createNeeds).
			Records("Policy", "Description", "KeyUsage", "CustomerMasterKeySpec", "KeySpec", "Origin", "CustomKeyStoreId", "BypassPolicyLockoutSafetyCheck", "Tags", "MultiRegion", "XksKeyId").Answers("KeyMetadata"),
		op.Row(kmsapi.OpDescribeKey, s.DescribeKey, onKey(s, byAlias, anyAccount, func(in *kmsapi.DescribeKeyInput) use { return use{key: in.KeyId, tokens: in.GrantTokens} })).Records("KeyId"),
		op.Row(kmsapi.OpListKeys, s.ListKeys, onAll[kmsapi.ListKeysInput]).Records("Limit"),
		op.Row(kmsapi.OpEnableKey, s.EnableKey, ownKey(s, func(in *kmsapi.EnableKeyInput) *string { return in.KeyId })).Records("KeyId"),
		op.Row(kmsapi.OpDisableKey, s.DisableKey, onKey(s, byID, ownAccount, func(in *kmsapi.DisableKeyInput) use { return use{key: in.KeyId, idle: true} })).Records("KeyId"),
		op.Row(kmsapi.OpUpdateKeyDescription, s.UpdateKeyDescription, ownKey(s, func(in *kmsapi.UpdateKeyDescriptionInput) *string { return in.KeyId })).Records("KeyId", "Description"),
		op.Row(kmsapi.OpGetKeyLastUsage, s.GetKeyLastUsage, ownKey(s, func(in *kmsapi.GetKeyLastUsageInput) *string { return in.KeyId })).Records("KeyId"),
		op.Row(kmsapi.OpScheduleKeyDeletion, s.ScheduleKeyDeletion, onKey(s, byID, ownAccount, scheduleUse)).Records("KeyId", "PendingWindowInDays").Answers("KeyId", "KeyState", "DeletionDate", "PendingWindowInDays"),
		op.Row(kmsapi.OpCancelKeyDeletion, s.CancelKeyDeletion, ownKey(s, func(in *kmsapi.CancelKeyDeletionInput) *string { return in.KeyId })).Records("KeyId").Answers("KeyId"),

		// Aliases: a right on the alias and one on each key.
		op.Row(kmsapi.OpCreateAlias, s.CreateAlias, s.createAliasNeeds).Records("AliasName", "TargetKeyId"),
		op.Row(kmsapi.OpUpdateAlias, s.UpdateAlias, s.updateAliasNeeds).Records("AliasName", "TargetKeyId"),
		op.Row(kmsapi.OpDeleteAlias, s.DeleteAlias, s.deleteAliasNeeds).Records("AliasName"),
		op.Row(kmsapi.OpListAliases, s.ListAliases, onAll[kmsapi.ListAliasesInput]).Records("KeyId", "Limit"),

		// Policies, grants, tags.
		op.Row(kmsapi.OpGetKeyPolicy, s.GetKeyPolicy, ownKey(s, func(in *kmsapi.GetKeyPolicyInput) *string { return in.KeyId })).Records("KeyId", "PolicyName"),
		op.Row(kmsapi.OpPutKeyPolicy, s.PutKeyPolicy, onKey(s, byID, ownAccount, putPolicyUse)).Records("KeyId", "PolicyName", "Policy", "BypassPolicyLockoutSafetyCheck"),
		op.Row(kmsapi.OpListKeyPolicies, s.ListKeyPolicies, ownKey(s, func(in *kmsapi.ListKeyPoliciesInput) *string { return in.KeyId })).Records("KeyId", "Limit"),
		op.Row(kmsapi.OpCreateGrant, s.CreateGrant, s.createGrantNeeds).
			Records("KeyId", "GranteePrincipal", "RetiringPrincipal", "Operations", "Constraints", "Name", "DryRun", "GranteeServicePrincipal", "RetiringServicePrincipal").Answers("GrantId"),
		op.Row(kmsapi.OpListGrants, s.ListGrants, s.listGrantsNeeds).Records("KeyId", "GrantId", "GranteePrincipal", "GranteeServicePrincipal", "Limit"),
		op.Row(kmsapi.OpListRetirableGrants, s.ListRetirableGrants, s.listRetirableNeeds).Records("RetiringPrincipal", "RetiringServicePrincipal", "Limit"),
		op.Row(kmsapi.OpRevokeGrant, s.RevokeGrant, onKey(s, byID, anyAccount, func(in *kmsapi.RevokeGrantInput) use { return use{key: in.KeyId, forService: true} })).Records("KeyId", "GrantId", "DryRun"),
		op.Row(kmsapi.OpRetireGrant, s.RetireGrant, s.retireNeeds).Records("KeyId", "GrantId", "DryRun"),
		op.Row(kmsapi.OpTagResource, s.TagResource, onKey(s, byID, ownAccount, tagUse)).Records("KeyId", "Tags"),
		op.Row(kmsapi.OpUntagResource, s.UntagResource, onKey(s, byID, ownAccount, untagUse)).Records("KeyId", "TagKeys"),
		op.Row(kmsapi.OpListResourceTags, s.ListResourceTags, ownKey(s, func(in *kmsapi.ListResourceTagsInput) *string { return in.KeyId })).Records("KeyId", "Limit"),

		// Rotation.
		op.Row(kmsapi.OpEnableKeyRotation, s.EnableKeyRotation, onKey(s, byID, ownAccount, rotationUse)).Records("KeyId", "RotationPeriodInDays"),
		op.Row(kmsapi.OpDisableKeyRotation, s.DisableKeyRotation, ownKey(s, func(in *kmsapi.DisableKeyRotationInput) *string { return in.KeyId })).Records("KeyId"),
		op.Row(kmsapi.OpRotateKeyOnDemand, s.RotateKeyOnDemand, ownKey(s, func(in *kmsapi.RotateKeyOnDemandInput) *string { return in.KeyId })).Records("KeyId").Answers("KeyId"),
		op.Row(kmsapi.OpGetKeyRotationStatus, s.GetKeyRotationStatus, onKey(s, byID, anyAccount, func(in *kmsapi.GetKeyRotationStatusInput) use { return use{key: in.KeyId} })).Records("KeyId"),
		op.Row(kmsapi.OpListKeyRotations, s.ListKeyRotations, ownKey(s, func(in *kmsapi.ListKeyRotationsInput) *string { return in.KeyId })).Records("KeyId", "IncludeKeyMaterial", "Limit"),

		// Multi-Region keys and imported material.
		op.Row(kmsapi.OpReplicateKey, s.ReplicateKey, s.replicateNeeds).
			Records("KeyId", "ReplicaRegion", "Policy", "BypassPolicyLockoutSafetyCheck", "Description", "Tags").Answers("ReplicaKeyMetadata", "ReplicaPolicy", "ReplicaTags"),
		op.Row(kmsapi.OpUpdatePrimaryRegion, s.UpdatePrimaryRegion, s.updatePrimaryNeeds).Records("KeyId", "PrimaryRegion"),
		op.Row(kmsapi.OpGetParametersForImport, s.GetParametersForImport, onKey(s, byID, ownAccount, importParametersUse)).Records("KeyId", "WrappingAlgorithm", "WrappingKeySpec").Answers("KeyId", "ParametersValidTo"),
		op.Row(kmsapi.OpImportKeyMaterial, s.ImportKeyMaterial, onKey(s, byID, ownAccount, importUse)).
			Records("KeyId", "ValidTo", "ExpirationModel", "ImportType", "KeyMaterialDescription", "KeyMaterialId").Answers("KeyId", "KeyMaterialId"),
		op.Row(kmsapi.OpDeleteImportedKeyMaterial, s.DeleteImportedKeyMaterial, ownKey(s, func(in *kmsapi.DeleteImportedKeyMaterialInput) *string { return in.KeyId })).Records("KeyId", "KeyMaterialId").Answers("KeyId", "KeyMaterialId"),

		// Cryptography.
		op.Row(kmsapi.OpEncrypt, s.Encrypt, onKey(s, byAlias, anyAccount, encryptUse)).Reads().Records("KeyId", "EncryptionContext", "EncryptionAlgorithm", "DryRun"),
		op.Row(kmsapi.OpDecrypt, s.Decrypt, s.decryptNeeds).Reads().Records("KeyId", "EncryptionContext", "EncryptionAlgorithm", "DryRun", "DryRunModifiers"),
		op.Row(kmsapi.OpReEncrypt, s.ReEncrypt, s.reEncryptNeeds).Reads().
			Records("SourceKeyId", "SourceEncryptionContext", "SourceEncryptionAlgorithm", "DestinationKeyId", "DestinationEncryptionContext", "DestinationEncryptionAlgorithm", "DryRun", "DryRunModifiers"),
		op.Row(kmsapi.OpGenerateDataKey, s.GenerateDataKey, onKey(s, byAlias, anyAccount, dataKeyUse)).Reads().Records("KeyId", "EncryptionContext", "NumberOfBytes", "KeySpec", "DryRun"),
		op.Row(kmsapi.OpGenerateDataKeyWithoutPlaintext, s.GenerateDataKeyWithoutPlaintext, onKey(s, byAlias, anyAccount, blindDataKeyUse)).Reads().Records("KeyId", "EncryptionContext", "NumberOfBytes", "KeySpec", "DryRun"),
		op.Row(kmsapi.OpGenerateDataKeyPair, s.GenerateDataKeyPair, onKey(s, byAlias, anyAccount, dataKeyPairUse)).Reads().Records("KeyId", "EncryptionContext", "KeyPairSpec", "DryRun"),
		op.Row(kmsapi.OpGenerateDataKeyPairWithoutPlaintext, s.GenerateDataKeyPairWithoutPlaintext, onKey(s, byAlias, anyAccount, blindDataKeyPairUse)).Reads().Records("KeyId", "EncryptionContext", "KeyPairSpec", "DryRun"),
		op.Row(kmsapi.OpGenerateRandom, s.GenerateRandom, onAll[kmsapi.GenerateRandomInput]).Reads().Records("NumberOfBytes", "CustomKeyStoreId"),
		op.Row(kmsapi.OpSign, s.Sign, onKey(s, byAlias, anyAccount, signUse)).Reads().Records("KeyId", "MessageType", "SigningAlgorithm", "DryRun"),
		op.Row(kmsapi.OpVerify, s.Verify, onKey(s, byAlias, anyAccount, verifyUse)).Reads().Records("KeyId", "MessageType", "SigningAlgorithm", "DryRun"),
		op.Row(kmsapi.OpGetPublicKey, s.GetPublicKey, onKey(s, byAlias, anyAccount, func(in *kmsapi.GetPublicKeyInput) use { return use{key: in.KeyId, tokens: in.GrantTokens} })).Records("KeyId"),
		op.Row(kmsapi.OpDeriveSharedSecret, s.DeriveSharedSecret, onKey(s, byAlias, anyAccount, deriveUse)).Reads().Records("KeyId", "KeyAgreementAlgorithm", "DryRun"),
		op.Row(kmsapi.OpGenerateMac, s.GenerateMac, onKey(s, byAlias, anyAccount, macUse)).Reads().Records("KeyId", "MacAlgorithm", "DryRun"),
		op.Row(kmsapi.OpVerifyMac, s.VerifyMac, onKey(s, byAlias, anyAccount, verifyMacUse)).Reads().Records("KeyId", "MacAlgorithm", "DryRun"),

		// Custom key stores.
		op.Row(kmsapi.OpCreateCustomKeyStore, s.CreateCustomKeyStore, onAll[kmsapi.CreateCustomKeyStoreInput]).
			Records("CustomKeyStoreName", "CustomKeyStoreType", "CloudHsmClusterId", "XksProxyUriEndpoint", "XksProxyUriPath", "XksProxyVpcEndpointServiceName", "XksProxyVpcEndpointServiceOwner", "XksProxyConnectivity").Answers("CustomKeyStoreId"),
		op.Row(kmsapi.OpDescribeCustomKeyStores, s.DescribeCustomKeyStores, onAll[kmsapi.DescribeCustomKeyStoresInput]).Records("CustomKeyStoreId", "CustomKeyStoreName", "Limit"),
		op.Row(kmsapi.OpUpdateCustomKeyStore, s.UpdateCustomKeyStore, onAll[kmsapi.UpdateCustomKeyStoreInput]).
			Records("CustomKeyStoreId", "NewCustomKeyStoreName", "CloudHsmClusterId", "XksProxyUriEndpoint", "XksProxyUriPath", "XksProxyVpcEndpointServiceName", "XksProxyVpcEndpointServiceOwner", "XksProxyConnectivity"),
		op.Row(kmsapi.OpDeleteCustomKeyStore, s.DeleteCustomKeyStore, onAll[kmsapi.DeleteCustomKeyStoreInput]).Records("CustomKeyStoreId"),
		op.Row(kmsapi.OpConnectCustomKeyStore, s.ConnectCustomKeyStore, onAll[kmsapi.ConnectCustomKeyStoreInput]).Records("CustomKeyStoreId"),
		op.Row(kmsapi.OpDisconnectCustomKeyStore, s.DisconnectCustomKeyStore, onAll[kmsapi.DisconnectCustomKeyStoreInput]).Records("CustomKeyStoreId"),
	}}
}

// Whose principals may have a right on a key. Source: "Cross-account use" in the
// documentation of each operation.
const (
	ownAccount = false
	anyAccount = true
)
