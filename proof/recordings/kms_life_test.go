package recordings

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func tags(pairs ...string) list {
	var l list
	for i := 0; i < len(pairs); i += 2 {
		l = append(l, in{"TagKey": pairs[i], "TagValue": pairs[i+1]})
	}
	return l
}

func kmsTags(t *testing.T, h *house) {
	s := h.scene(t)
	read := func(a *answer) string {
		var out []string
		for i := 0; a.str(fmt.Sprintf("Tags.%d.TagKey", i)) != ""; i++ {
			out = append(out, a.str(fmt.Sprintf("Tags.%d.TagKey", i))+"="+a.str(fmt.Sprintf("Tags.%d.TagValue", i)))
		}
		return strings.Join(out, " ")
	}
	list := func(id, want string) {
		t.Helper()
		fields := "Tags[TagKey,TagValue],Truncated"
		if want == "" {
			fields = "Tags[],Truncated"
		}
		if got := read(s.ok("kms:ListResourceTags", in{"KeyId": id}, fields)); got != want {
			t.Errorf("tags are %q, want %q", got, want)
		}
	}
	// LS kms/test_kms.py test_tag_existing_key_and_untag, test_create_key_with_tag_and_untag
	id, _ := s.key(nil)
	list(id, "")
	s.ok("kms:TagResource", in{"KeyId": id, "Tags": tags("tag1", "value1", "tag2", "value2")}, "")
	list(id, "tag1=value1 tag2=value2")
	s.ok("kms:UntagResource", in{"KeyId": id, "TagKeys": []string{"tag1", "tag2"}}, "")
	list(id, "")
	// test_untag_key_partially, test_update_and_add_tags_on_tagged_key
	id, _ = s.key(in{"Tags": tags("tag1", "value1", "tag2", "value2", "tag3", "value3")})
	s.must("kms:TagResource", in{"KeyId": id, "Tags": tags("tag4", "value4", "tag2", "updated_value2", "tag5", "value5")})
	list(id, "tag1=value1 tag2=updated_value2 tag3=value3 tag4=value4 tag5=value5")
	s.must("kms:UntagResource", in{"KeyId": id, "TagKeys": []string{"tag2"}})
	list(id, "tag1=value1 tag3=value3 tag4=value4 tag5=value5")
	// test_tag_key_with_duplicate_tag_keys_raises_error
	s.fails("kms:TagResource", in{"KeyId": id, "Tags": tags("tag1", "a", "tag1", "b")}, 400, "TagException", "Duplicate tag keys")
	// test_create_key_with_too_many_tags_raises_error
	var many []string
	for i := range 51 {
		many = append(many, fmt.Sprint("key", i), "v")
	}
	s.fails("kms:CreateKey", in{"Tags": tags(many...)}, 400, "TagException", "Too many tags")
	// test_create_key_with_invalid_tag_key, test_tag_existing_key_with_invalid_tag_key
	for _, key := range []string{"aws:key1", "AWS:key1"} {
		s.fails("kms:CreateKey", in{"Tags": tags(key, "value1")}, 400, "TagException", "Tags beginning with aws: are reserved")
		s.fails("kms:TagResource", in{"KeyId": id, "Tags": tags(key, "value1")}, 400, "TagException", "Tags beginning with aws: are reserved")
	}
	long := strings.Repeat("a", 129)
	s.fails("kms:CreateKey", in{"Tags": tags(long, "value1")}, 400, "ValidationException",
		"1 validation error detected: Value '"+long+"' at 'tags.1.member.tagKey' failed to satisfy constraint: Member must have length less than or equal to 128")
	// test_key_with_long_tag_value_raises_error
	long = strings.Repeat("v", 257)
	s.fails("kms:CreateKey", in{"Tags": tags("tag1", long)}, 400, "ValidationException",
		"1 validation error detected: Value '"+long+"' at 'tags.1.member.tagValue' failed to satisfy constraint: Member must have length less than or equal to 256")
}

func kmsRotation(t *testing.T, h *house) {
	s := h.scene(t)
	id, arn := s.key(nil)
	// LS kms/test_kms.py test_key_rotation_status
	off, on := "KeyId,KeyRotationEnabled", "KeyId,KeyRotationEnabled,NextRotationDate,RotationPeriodInDays"
	s.wants(s.ok("kms:GetKeyRotationStatus", in{"KeyId": id}, off), map[string]string{"KeyId": arn, "KeyRotationEnabled": "false"})
	s.ok("kms:EnableKeyRotation", in{"KeyId": id}, "")
	before := s.ok("kms:GetKeyRotationStatus", in{"KeyId": id}, on)
	s.wants(before, map[string]string{"KeyRotationEnabled": "true", "RotationPeriodInDays": "365"})
	// test_rotate_key_on_demand_with_symmetric_key_and_automatic_rotation_enabled
	s.wants(s.ok("kms:RotateKeyOnDemand", in{"KeyId": id}, "KeyId"), map[string]string{"KeyId": arn})
	rotated := func() bool {
		_, running := s.must("kms:GetKeyRotationStatus", in{"KeyId": id}).at("OnDemandRotationStartDate")
		return !running
	}
	s.settled("the rotation is done", rotated)
	after := s.ok("kms:GetKeyRotationStatus", in{"KeyId": id}, on)
	s.wants(after, map[string]string{"NextRotationDate": before.str("NextRotationDate"), "RotationPeriodInDays": "365"})
	s.ok("kms:ListKeyRotations", in{"KeyId": id}, "Rotations[KeyId,KeyMaterialId,KeyMaterialState,RotationDate,RotationType],Truncated")
	s.ok("kms:DisableKeyRotation", in{"KeyId": id}, "")
	s.ok("kms:GetKeyRotationStatus", in{"KeyId": id}, off)
	// test_key_enable_rotation_status
	for _, days := range []string{"90", "180"} {
		s.must("kms:EnableKeyRotation", in{"KeyId": id, "RotationPeriodInDays": json.Number(days)})
		s.wants(s.ok("kms:GetKeyRotationStatus", in{"KeyId": id}, on), map[string]string{"RotationPeriodInDays": days})
	}
	// test_rotate_key_on_demand_with_symmetric_key_and_automatic_rotation_disabled
	s.must("kms:DisableKeyRotation", in{"KeyId": id})
	s.ok("kms:RotateKeyOnDemand", in{"KeyId": id}, "KeyId")
	s.settled("the rotation is done", rotated)
	s.ok("kms:GetKeyRotationStatus", in{"KeyId": id}, off)
	// test_rotate_key_on_demand_raises_error_given_key_that_does_not_exist
	s.fails("kms:RotateKeyOnDemand", in{"KeyId": unknownID}, 400, "NotFoundException", "Key '"+h.keyARN(home, unknownID)+"' does not exist")
	// test_rotate_key_on_demand_raises_error_given_non_symmetric_key; …_given_key_is_disabled, with an asymmetric one
	rsa, rsaARN := s.key(in{"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"})
	s.fails("kms:RotateKeyOnDemand", in{"KeyId": rsa}, 400, "UnsupportedOperationException", "-")
	// TF kms/key.go reads the status of every key that AWS made, TestAccKMSKey_asymmetricKey and _hmacKey pass
	s.wants(s.ok("kms:GetKeyRotationStatus", in{"KeyId": rsa}, off), map[string]string{"KeyId": rsaARN, "KeyRotationEnabled": "false"})
	s.must("kms:DisableKey", in{"KeyId": rsa})
	s.fails("kms:RotateKeyOnDemand", in{"KeyId": rsa}, 400, "DisabledException", rsaARN+" is disabled.")
	// test_key_rotations_limits: 25 since 2025, 10 when it was recorded
	for i := 2; i < 25; i++ {
		s.must("kms:RotateKeyOnDemand", in{"KeyId": id})
		s.settled("the rotation is done", rotated)
	}
	s.fails("kms:RotateKeyOnDemand", in{"KeyId": id}, 400, "LimitExceededException",
		"The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: "+arn)
}

func kmsRegions(t *testing.T, h *house) {
	s := h.scene(t)
	const config = "MultiRegionConfiguration{MultiRegionKeyType,PrimaryKey{Arn,Region},ReplicaKeys[Arn,Region]}"
	// LS kms/test_kms.py test_create_multi_region_key; …_non_multi_region_keys… is test_create_key's
	a := s.ok("kms:CreateKey", in{"MultiRegion": true, "Description": "test multi region key"},
		keyed("KeyMetadata", "CurrentKeyMaterialId,Description,EncryptionAlgorithms[*],MultiRegionConfiguration{MultiRegionKeyType,PrimaryKey{Arn,Region},ReplicaKeys[]}"))
	id, arn := a.str("KeyMetadata.KeyId"), a.str("KeyMetadata.Arn")
	s.wants(a, map[string]string{"KeyMetadata.MultiRegion": "true", "KeyMetadata.MultiRegionConfiguration.MultiRegionKeyType": "PRIMARY", "KeyMetadata.MultiRegionConfiguration.PrimaryKey.Arn": arn, "KeyMetadata.MultiRegionConfiguration.PrimaryKey.Region": home})
	if !strings.HasPrefix(id, "mrk-") || len(id) != 36 {
		t.Errorf("id %q", id)
	}
	// test_replicate_key, validated 2025-11-10
	s.from(away).fails("kms:DescribeKey", in{"KeyId": id}, 400, "NotFoundException", "Key '"+h.keyARN(away, id)+"' does not exist")
	a = s.ok("kms:ReplicateKey", in{"KeyId": id, "ReplicaRegion": away},
		keyed("ReplicaKeyMetadata", "Description[],EncryptionAlgorithms[*],"+config)+",ReplicaPolicy")
	s.wants(a, map[string]string{
		"ReplicaKeyMetadata.Arn": h.keyARN(away, id), "ReplicaKeyMetadata.Enabled": "false", "ReplicaKeyMetadata.KeyState": "Creating",
		"ReplicaKeyMetadata.MultiRegionConfiguration.MultiRegionKeyType": "REPLICA",
		"ReplicaKeyMetadata.MultiRegionConfiguration.ReplicaKeys.0.Arn":  h.keyARN(away, id),
	})
	var policy struct {
		Version, Id string
		Statement   []struct {
			Sid, Effect, Action, Resource string
			Principal                     struct{ AWS string }
		}
	}
	if err := json.Unmarshal([]byte(a.str("ReplicaPolicy")), &policy); err != nil || policy.Id != "key-default-1" || policy.Version != "2012-10-17" ||
		policy.Statement[0].Sid != "Enable IAM User Permissions" || policy.Statement[0].Principal.AWS != "arn:aws:iam::"+h.account+":root" {
		t.Errorf("ReplicaPolicy is %s", a.str("ReplicaPolicy"))
	}
	a = s.ok("kms:DescribeKey", in{"KeyId": id}, keyed("KeyMetadata", "CurrentKeyMaterialId,Description,EncryptionAlgorithms[*],"+config))
	s.wants(a, map[string]string{"KeyMetadata.MultiRegionConfiguration.ReplicaKeys.0.Region": away})
	s.settled("the replica is enabled", func() bool {
		return s.from(away).must("kms:DescribeKey", in{"KeyId": id}).str("KeyMetadata.KeyState") == "Enabled"
	})
	// test_replicate_replica_key_should_fail
	s.from(away).fails("kms:ReplicateKey", in{"KeyId": id, "ReplicaRegion": away}, 400, "UnsupportedOperationException", h.keyARN(away, id)+" is not a multi-region primary key.")
	// Ciphertext of the one opens with the other.
	sealed := s.must("kms:Encrypt", in{"KeyId": id, "Plaintext": []byte("x")}).blob(t, "CiphertextBlob")
	s.wants(s.from(away).must("kms:Decrypt", in{"KeyId": id, "CiphertextBlob": sealed}), map[string]string{"KeyId": h.keyARN(away, id)})
}

func kmsAccess(t *testing.T, h *house) {
	s := h.scene(t)
	root := "arn:aws:iam::" + h.account + ":root"
	me := s.must("sts:GetCallerIdentity", nil).str("Arn")
	// LS kms/test_kms.py test_get_put_list_key_policies
	statement := func(action string) string {
		return fmt.Sprintf(`{"Version": "2012-10-17", "Id": "key-default-1", "Statement": [{"Sid": "This is the default key policy", "Effect": "Allow", "Principal": {"AWS": %q}, "Action": "kms:*", "Resource": "*"}, {"Sid": "more", "Effect": "Allow", "Principal": {"AWS": %q}, "Action": %q, "Resource": "*"}]}`, root, root, action)
	}
	one, two := statement("kms:ListAliases"), statement("kms:ListGrants")
	id, arn := s.key(in{"Policy": one})
	a := s.ok("kms:ListKeyPolicies", in{"KeyId": id}, "PolicyNames[*],Truncated")
	s.wants(a, map[string]string{"PolicyNames.0": "default", "Truncated": "false"})
	// KMS reference: PolicyName is part of the answer
	same := func(a *answer, want string) {
		t.Helper()
		var got, exp any
		json.Unmarshal([]byte(a.str("Policy")), &got)
		json.Unmarshal([]byte(want), &exp)
		if fmt.Sprint(got) != fmt.Sprint(exp) {
			t.Errorf("policy is %s, want %s", a.str("Policy"), want)
		}
	}
	same(s.ok("kms:GetKeyPolicy", in{"KeyId": id, "PolicyName": "default"}, "Policy,PolicyName"), one)
	s.ok("kms:PutKeyPolicy", in{"KeyId": id, "PolicyName": "default", "Policy": two}, "")
	same(s.must("kms:GetKeyPolicy", in{"KeyId": id}), two)
	// TF kms/key.go matches on this code when it puts a policy
	s.fails("kms:PutKeyPolicy", in{"KeyId": id, "PolicyName": "default", "Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + h.account + `:role/none"},"Action":"kms:*","Resource":"*"}]}`},
		400, "MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals.")

	// LS test_create_grant_with_invalid_key, test_list_grants_with_invalid_key
	s.fails("kms:CreateGrant", in{"KeyId": "invalid", "GranteePrincipal": me, "Operations": []string{"Decrypt", "Encrypt"}}, 400, "NotFoundException", "Invalid keyId 'invalid'")
	s.fails("kms:ListGrants", in{"KeyId": "invalid"}, 400, "NotFoundException", "Invalid keyId 'invalid'")
	// test_create_grant_with_valid_key
	s.ok("kms:ListGrants", in{"KeyId": id}, "Grants[],Truncated")
	g := s.ok("kms:CreateGrant", in{"KeyId": id, "GranteePrincipal": me, "Operations": []string{"Decrypt", "Encrypt"}}, "GrantId,GrantToken")
	a = s.ok("kms:ListGrants", in{"KeyId": id}, "Grants[CreationDate,GranteePrincipal,GrantId,IssuingAccount,KeyId,Name[],Operations[*]],Truncated")
	s.wants(a, map[string]string{"Grants.0.KeyId": arn, "Grants.0.IssuingAccount": root, "Grants.0.GranteePrincipal": me})
	// test_create_grant_with_same_name_two_keys
	other, _ := s.key(nil)
	s.ok("kms:CreateGrant", in{"KeyId": other, "GranteePrincipal": me, "Name": "TestGrantName", "Operations": []string{"Decrypt", "DescribeKey"}}, "GrantId,GrantToken")
	named := s.must("kms:CreateGrant", in{"KeyId": id, "GranteePrincipal": me, "Name": "TestGrantName", "Operations": []string{"Decrypt", "DescribeKey"}})
	s.ok("kms:ListGrants", in{"KeyId": other}, "Grants[CreationDate,GranteePrincipal,GrantId,IssuingAccount,KeyId,Name,Operations[*]],Truncated")
	// test_revoke_grant, test_retire_grant_with_grant_token, …_with_grant_id_and_key_id
	s.ok("kms:RevokeGrant", in{"KeyId": id, "GrantId": g.str("GrantId")}, "")
	s.ok("kms:RetireGrant", in{"GrantToken": named.str("GrantToken")}, "")
	s.ok("kms:ListGrants", in{"KeyId": id}, "Grants[],Truncated")
	g = s.must("kms:CreateGrant", in{"KeyId": id, "GranteePrincipal": me, "Operations": []string{"Decrypt"}})
	s.ok("kms:RetireGrant", in{"KeyId": arn, "GrantId": g.str("GrantId")}, "")
	s.fails("kms:RevokeGrant", in{"KeyId": id, "GrantId": strings.Repeat("a", 64)}, 400, "NotFoundException", "?")
}
