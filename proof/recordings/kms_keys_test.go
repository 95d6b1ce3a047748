package recordings

import (
	"strings"
	"testing"
)

// KeyMetadata's members that every key has, but its algorithms and description.
const metadata = "AWSAccountId,Arn,CreationDate,CustomerMasterKeySpec,Enabled,KeyId,KeyManager,KeySpec,KeyState,KeyUsage,MultiRegion,Origin"

// keyed is the shape of an answer with a key's metadata and further members.
func keyed(member string, more ...string) string {
	return member + "{" + metadata + "," + strings.Join(more, ",") + "}"
}

const (
	unknownID  = "134f2428-cec1-4b25-a1ae-9048164dba47"
	unknownMRK = "mrk-d3b95762d3b95762d3b95762d3b95762"
)

func (h *house) keyARN(region, id string) string {
	return "arn:aws:kms:" + region + ":" + h.account + ":key/" + id
}

// key makes a key and answers its id and ARN.
func (s scene) key(input in) (id, arn string) {
	s.Helper()
	a := s.must("kms:CreateKey", input)
	return a.str("KeyMetadata.KeyId"), a.str("KeyMetadata.Arn")
}

func kmsKeys(t *testing.T, h *house) {
	s := h.scene(t)

	// LS kms/test_kms.py test_create_key, validated 2025-11-10
	a := s.ok("kms:CreateKey", in{"Description": "test key 123", "KeyUsage": "ENCRYPT_DECRYPT"},
		keyed("KeyMetadata", "CurrentKeyMaterialId,Description,EncryptionAlgorithms[*]"))
	id, arn := a.str("KeyMetadata.KeyId"), a.str("KeyMetadata.Arn")
	s.wants(a, map[string]string{
		"KeyMetadata.AWSAccountId": h.account, "KeyMetadata.Arn": h.keyARN(home, id),
		"KeyMetadata.CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "KeyMetadata.Description": "test key 123",
		"KeyMetadata.Enabled": "true", "KeyMetadata.EncryptionAlgorithms.0": "SYMMETRIC_DEFAULT",
		"KeyMetadata.KeyManager": "CUSTOMER", "KeyMetadata.KeySpec": "SYMMETRIC_DEFAULT",
		"KeyMetadata.KeyState": "Enabled", "KeyMetadata.KeyUsage": "ENCRYPT_DECRYPT",
		"KeyMetadata.MultiRegion": "false", "KeyMetadata.Origin": "AWS_KMS",
	})
	if n := len(a.str("KeyMetadata.CurrentKeyMaterialId")); n != 64 {
		t.Errorf("CurrentKeyMaterialId has %d characters", n)
	}
	same := keyed("KeyMetadata", "CurrentKeyMaterialId,Description,EncryptionAlgorithms[*]")
	s.ok("kms:DescribeKey", in{"KeyId": id}, same)

	// LS test_describe_with_alias_arn
	name := "alias/by-arn"
	if a := s.must("kms:CreateAlias", in{"AliasName": name, "TargetKeyId": id}); len(a.body) != 0 {
		t.Errorf("CreateAlias answers %q", a.body)
	}
	aliasARN := strings.Replace(arn, "key/"+id, name, 1)
	s.ok("kms:DescribeKey", in{"KeyId": aliasARN}, same)

	// LS test_get_key_in_different_region: an id is looked for here, an ARN names its region
	far, farARN := s.from(away).key(in{"Description": "test key 123"})
	s.fails("kms:DescribeKey", in{"KeyId": far}, 400, "NotFoundException", "Key '"+h.keyARN(home, far)+"' does not exist")
	s.fails("kms:DescribeKey", in{"KeyId": farARN}, 400, "NotFoundException", "Invalid arn "+away)
	s.from(away).ok("kms:DescribeKey", in{"KeyId": far}, same)
	s.from(away).ok("kms:DescribeKey", in{"KeyId": farARN}, same)

	// LS test_get_key_does_not_exist
	gone := "Key '" + h.keyARN(home, unknownID) + "' does not exist"
	s.fails("kms:DescribeKey", in{"KeyId": unknownID}, 400, "NotFoundException", gone)
	s.fails("kms:DescribeKey", in{"KeyId": h.keyARN(home, unknownID)}, 400, "NotFoundException", gone)
	s.fails("kms:DescribeKey", in{"KeyId": unknownMRK}, 400, "NotFoundException", "Key '"+h.keyARN(home, unknownMRK)+"' does not exist")

	// LS test_get_key_invalid_uuid
	for _, bad := range []string{"fake-key-id", "134f2428cec14b25a1ae9048164dba47", "mrk-fake-key-id"} {
		s.fails("kms:DescribeKey", in{"KeyId": bad}, 400, "NotFoundException", "Invalid keyId '"+bad+"'")
	}
	// facts 14.6 [LS]: an alias that is not there
	s.fails("kms:DescribeKey", in{"KeyId": "alias/nowhere"}, 400, "NotFoundException", "Alias "+strings.Replace(arn, "key/"+id, "alias/nowhere", 1)+" is not found.")

	// LS test_list_keys
	s.ok("kms:ListKeys", in{"Limit": 1}, "Keys[KeyArn,KeyId],NextMarker,Truncated")
	// a marker of nobody's: MOTO test_kms.py
	s.fails("kms:ListKeys", in{"Marker": "nonsense"}, 400, "InvalidMarkerException", "?")

	// LS test_create_alias
	s.fails("kms:CreateAlias", in{"AliasName": "noprefix", "TargetKeyId": id}, 400, "ValidationException",
		`Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html`)
	// LS test_list_aliases_of_key, test_create_list_delete_alias, test_update_alias
	a = s.ok("kms:ListAliases", in{"KeyId": id}, "Aliases[AliasArn,AliasName,CreationDate,LastUpdatedDate,TargetKeyId],Truncated")
	s.wants(a, map[string]string{"Aliases.0.AliasName": name, "Aliases.0.AliasArn": aliasARN, "Aliases.0.TargetKeyId": id, "Truncated": "false"})
	other, _ := s.key(nil)
	s.ok("kms:ListAliases", in{"KeyId": other}, "Aliases[],Truncated")
	s.ok("kms:UpdateAlias", in{"AliasName": name, "TargetKeyId": other}, "")
	s.wants(s.must("kms:ListAliases", in{"KeyId": other}), map[string]string{"Aliases.0.TargetKeyId": other})
	s.ok("kms:DeleteAlias", in{"AliasName": name}, "")
	s.fails("kms:DeleteAlias", in{"AliasName": name}, 400, "NotFoundException", "Alias "+aliasARN+" is not found.")

	// LS test_update_key_description
	s.ok("kms:UpdateKeyDescription", in{"KeyId": id, "Description": "new_description"}, "")
	s.wants(s.must("kms:DescribeKey", in{"KeyId": id}), map[string]string{"KeyMetadata.Description": "new_description"})

	// LS test_disable_and_enable_key
	s.ok("kms:DisableKey", in{"KeyId": id}, "")
	s.wants(s.must("kms:DescribeKey", in{"KeyId": id}), map[string]string{"KeyMetadata.Enabled": "false", "KeyMetadata.KeyState": "Disabled"})
	s.ok("kms:EnableKey", in{"KeyId": id}, "")
	s.wants(s.must("kms:DescribeKey", in{"KeyId": id}), map[string]string{"KeyMetadata.Enabled": "true", "KeyMetadata.KeyState": "Enabled"})

	// LS test_cant_use_disabled_or_deleted_keys, test_cant_delete_deleted_key
	use := in{"KeyId": id, "KeySpec": "AES_256"}
	s.must("kms:DisableKey", in{"KeyId": id})
	s.fails("kms:GenerateDataKey", use, 400, "DisabledException", arn+" is disabled.")
	a = s.ok("kms:ScheduleKeyDeletion", in{"KeyId": id}, "DeletionDate,KeyId,KeyState,PendingWindowInDays")
	s.wants(a, map[string]string{"KeyId": arn, "KeyState": "PendingDeletion", "PendingWindowInDays": "30"})
	s.fails("kms:GenerateDataKey", use, 400, "KMSInvalidStateException", arn+" is pending deletion.")
	s.fails("kms:ScheduleKeyDeletion", in{"KeyId": id}, 400, "KMSInvalidStateException", arn+" is pending deletion.")

	// LS test_schedule_and_cancel_key_deletion
	a = s.ok("kms:DescribeKey", in{"KeyId": id}, keyed("KeyMetadata", "CurrentKeyMaterialId,DeletionDate,Description,EncryptionAlgorithms[*]"))
	s.wants(a, map[string]string{"KeyMetadata.Enabled": "false", "KeyMetadata.KeyState": "PendingDeletion"})
	s.wants(s.ok("kms:CancelKeyDeletion", in{"KeyId": id}, "KeyId"), map[string]string{"KeyId": arn})
	a = s.ok("kms:DescribeKey", in{"KeyId": id}, same)
	s.wants(a, map[string]string{"KeyMetadata.Enabled": "false", "KeyMetadata.KeyState": "Disabled"})

	// LS test_hmac_create_key: no encryption algorithms, no material's id
	a = s.ok("kms:CreateKey", in{"Description": "test key", "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
		keyed("KeyMetadata", "Description,MacAlgorithms[*]"))
	s.wants(a, map[string]string{"KeyMetadata.CustomerMasterKeySpec": "HMAC_256", "KeyMetadata.MacAlgorithms.0": "HMAC_SHA_256"})
	s.ok("kms:DescribeKey", in{"KeyId": a.str("KeyMetadata.KeyId")}, keyed("KeyMetadata", "Description,MacAlgorithms[*]"))
	// LS test_hmac_create_key_invalid_operations
	s.fails("kms:CreateKey", in{"KeySpec": "HMAC_256"}, 400, "ValidationException",
		"You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
	s.fails("kms:CreateKey", in{"KeySpec": "HMAC_random"}, 400, "ValidationException",
		"1 validation error detected: Value 'HMAC_random' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [RSA_2048, ECC_NIST_P384, ECC_NIST_P256, ECC_NIST_P521, HMAC_384, RSA_3072, ECC_SECG_P256K1, RSA_4096, SYMMETRIC_DEFAULT, HMAC_256, HMAC_224, HMAC_512]")
	s.fails("kms:CreateKey", in{"KeySpec": "HMAC_256", "KeyUsage": "RANDOM"}, 400, "ValidationException",
		"1 validation error detected: Value 'RANDOM' at 'keyUsage' failed to satisfy constraint: Member must satisfy enum value set: [ENCRYPT_DECRYPT, SIGN_VERIFY, GENERATE_VERIFY_MAC]")
	// LS test_derive_shared_secret
	s.fails("kms:CreateKey", in{"KeySpec": "RSA_2048", "KeyUsage": "KEY_AGREEMENT"}, 400, "ValidationException",
		"KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048")
	// LS test_describe_and_list_sign_key
	a = s.ok("kms:CreateKey", in{"KeyUsage": "SIGN_VERIFY", "CustomerMasterKeySpec": "ECC_NIST_P256"},
		keyed("KeyMetadata", "Description[],SigningAlgorithms[*]"))
	s.wants(a, map[string]string{"KeyMetadata.KeySpec": "ECC_NIST_P256"})
}
