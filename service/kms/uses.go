package kms

import (
	"slices"

	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
)

// How operations that have condition keys of their own use their key.

func scheduleUse(in *kmsapi.ScheduleKeyDeletionInput) use {
	m := conditions{}
	m.number("kms:ScheduleKeyDeletionPendingWindowInDays", value(firstSet(in.PendingWindowInDays, new(int32(presetWindow)))))
	return use{key: in.KeyId, with: m, idle: true}
}

func putPolicyUse(in *kmsapi.PutKeyPolicyInput) use {
	m := conditions{}
	m.flag("kms:BypassPolicyLockoutSafetyCheck", value(in.BypassPolicyLockoutSafetyCheck))
	return use{key: in.KeyId, with: m}
}

func tagUse(in *kmsapi.TagResourceInput) use {
	m := conditions{}
	m.tags(in.Tags)
	return use{key: in.KeyId, with: m}
}

func untagUse(in *kmsapi.UntagResourceInput) use {
	return use{key: in.KeyId, with: conditions{"aws:TagKeys": slices.Clone(in.TagKeys)}}
}

func rotationUse(in *kmsapi.EnableKeyRotationInput) use {
	m := conditions{}
	m.number("kms:RotationPeriodInDays", value(firstSet(in.RotationPeriodInDays, new(int32(presetRotation)))))
	return use{key: in.KeyId, with: m}
}

func importParametersUse(in *kmsapi.GetParametersForImportInput) use {
	m := conditions{}
	m.set("kms:WrappingAlgorithm", in.WrappingAlgorithm)
	m.set("kms:WrappingKeySpec", in.WrappingKeySpec)
	return use{key: in.KeyId, with: m}
}

func importUse(in *kmsapi.ImportKeyMaterialInput) use {
	m := conditions{}
	m.set("kms:ExpirationModel", firstSet(in.ExpirationModel, new(kmsapi.ExpirationModelTypeKeyMaterialExpires)))
	m.set("kms:ValidTo", timeCondition(in.ValidTo))
	return use{key: in.KeyId, with: m}
}

func encryptUse(in *kmsapi.EncryptInput) use {
	return use{key: in.KeyId, context: in.EncryptionContext, tokens: in.GrantTokens,
		algorithm: algorithm(in.EncryptionAlgorithm)}
}

func dataKeyUse(in *kmsapi.GenerateDataKeyInput) use {
	return use{key: in.KeyId, context: in.EncryptionContext, tokens: in.GrantTokens,
		algorithm: material.SymmetricDefault, refused: checkDataKeySize(in.NumberOfBytes, in.KeySpec)}
}

func blindDataKeyUse(in *kmsapi.GenerateDataKeyWithoutPlaintextInput) use {
	return use{key: in.KeyId, context: in.EncryptionContext, tokens: in.GrantTokens,
		algorithm: material.SymmetricDefault, refused: checkDataKeySize(in.NumberOfBytes, in.KeySpec)}
}

func dataKeyPairUse(in *kmsapi.GenerateDataKeyPairInput) use {
	return use{key: in.KeyId, context: in.EncryptionContext, tokens: in.GrantTokens,
		algorithm: material.SymmetricDefault, with: conditions{"kms:DataKeyPairSpec": {value(in.KeyPairSpec)}}}
}

func blindDataKeyPairUse(in *kmsapi.GenerateDataKeyPairWithoutPlaintextInput) use {
	return use{key: in.KeyId, context: in.EncryptionContext, tokens: in.GrantTokens,
		algorithm: material.SymmetricDefault, with: conditions{"kms:DataKeyPairSpec": {value(in.KeyPairSpec)}}}
}

func signUse(in *kmsapi.SignInput) use {
	return use{key: in.KeyId, tokens: in.GrantTokens,
		with: conditions{"kms:SigningAlgorithm": {value(in.SigningAlgorithm)}, "kms:MessageType": {string(messageType(in.MessageType))}}}
}

func verifyUse(in *kmsapi.VerifyInput) use {
	return use{key: in.KeyId, tokens: in.GrantTokens,
		with: conditions{"kms:SigningAlgorithm": {value(in.SigningAlgorithm)}, "kms:MessageType": {string(messageType(in.MessageType))}}}
}

func deriveUse(in *kmsapi.DeriveSharedSecretInput) use {
	return use{key: in.KeyId, tokens: in.GrantTokens, with: conditions{"kms:KeyAgreementAlgorithm": {value(in.KeyAgreementAlgorithm)}}}
}

func macUse(in *kmsapi.GenerateMacInput) use {
	return use{key: in.KeyId, tokens: in.GrantTokens, with: conditions{"kms:MacAlgorithm": {value(in.MacAlgorithm)}}}
}

func verifyMacUse(in *kmsapi.VerifyMacInput) use {
	return use{key: in.KeyId, tokens: in.GrantTokens, with: conditions{"kms:MacAlgorithm": {value(in.MacAlgorithm)}}}
}
