package kms

import (
	"fmt"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
)

// TestConditionKeys: an IAM policy with a condition allows what satisfies it and
// nothing else.
func TestConditionKeys(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	m := w.key(&kmsapi.CreateKeyInput{Tags: tags("team", "red")})
	ok(w, admin, kmsapi.OpCreateAlias, &kmsapi.CreateAliasInput{AliasName: new("alias/app"), TargetKeyId: m.KeyId})
	sign := w.key(&kmsapi.CreateKeyInput{KeySpec: new("RSA_2048"), KeyUsage: new("SIGN_VERIFY")})
	multi := w.key(&kmsapi.CreateKeyInput{MultiRegion: new(true)})
	id := m.KeyId
	encrypt := func(in kmsapi.EncryptInput) func(*caller) error {
		if in.KeyId == nil {
			in.KeyId = id
		}
		in.Plaintext = []byte("x")
		return func(c *caller) error { _, err := do(w, c, kmsapi.OpEncrypt, &in); return err }
	}
	describe := func(id *string) func(*caller) error {
		return func(c *caller) error {
			_, err := do(w, c, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: id})
			return err
		}
	}
	for _, test := range []struct {
		condition string
		yes, no   func(*caller) error
	}{
		{`"StringEquals":{"kms:EncryptionContext:app":"x"}`, encrypt(kmsapi.EncryptInput{EncryptionContext: map[string]string{"app": "x"}}), encrypt(kmsapi.EncryptInput{EncryptionContext: map[string]string{"app": "y"}})},
		{`"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["a","b"]}`, encrypt(kmsapi.EncryptInput{EncryptionContext: map[string]string{"a": ""}}), encrypt(kmsapi.EncryptInput{EncryptionContext: map[string]string{"a": "", "c": ""}})},
		{`"StringEquals":{"kms:EncryptionAlgorithm":"SYMMETRIC_DEFAULT"}`, encrypt(kmsapi.EncryptInput{}), nil},
		{`"StringEquals":{"kms:RequestAlias":"alias/app"}`, encrypt(kmsapi.EncryptInput{KeyId: new("alias/app")}), encrypt(kmsapi.EncryptInput{})},
		{`"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/app"}`, describe(id), describe(sign.KeyId)},
		{`"StringEquals":{"aws:ResourceTag/team":"red"}`, describe(id), describe(sign.KeyId)},
		{`"StringEquals":{"kms:KeySpec":"RSA_2048","kms:KeyUsage":"SIGN_VERIFY","kms:KeyOrigin":"AWS_KMS"}`, describe(sign.KeyId), describe(id)},
		{`"Bool":{"kms:MultiRegion":"true"},"StringEquals":{"kms:MultiRegionKeyType":"PRIMARY"}`, describe(multi.KeyId), describe(id)},
		{`"StringEquals":{"kms:CallerAccount":"123456789012"}`, describe(id), nil},
		{`"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}`, func(c *caller) error { return describe(id)(c.through("s3")) }, describe(id)},
		{`"StringEquals":{"kms:SigningAlgorithm":"RSASSA_PSS_SHA_256","kms:MessageType":"RAW"}`, signWith(w, sign.KeyId, "RSASSA_PSS_SHA_256"), signWith(w, sign.KeyId, "RSASSA_PSS_SHA_384")},
		{`"NumericLessThan":{"kms:ScheduleKeyDeletionPendingWindowInDays":"10"}`, schedule(w, 9), schedule(w, 11)},
		{`"NumericLessThan":{"kms:RotationPeriodInDays":"200"}`, rotateEvery(w, id, 90), rotateEvery(w, id, 365)},
		{`"StringEquals":{"kms:ReplicaRegion":["eu-west-1","us-east-1"]}`, nil, replicate(w, "eu-west-2")},
		{`"Bool":{"kms:BypassPolicyLockoutSafetyCheck":"false"}`, create(w, kmsapi.CreateKeyInput{}), create(w, kmsapi.CreateKeyInput{BypassPolicyLockoutSafetyCheck: new(true)})},
		{`"StringEquals":{"aws:RequestTag/env":"prod"}`, create(w, kmsapi.CreateKeyInput{Tags: tags("env", "prod")}), create(w, kmsapi.CreateKeyInput{Tags: tags("env", "dev")})},
		{`"StringEquals":{"kms:KeySpec":"SYMMETRIC_DEFAULT"}`, create(w, kmsapi.CreateKeyInput{}), create(w, kmsapi.CreateKeyInput{KeySpec: new("HMAC_256"), KeyUsage: new("GENERATE_VERIFY_MAC")})},
		{`"ForAllValues:StringEquals":{"kms:GrantOperations":["Encrypt"]}`, grantFor(w, id, "Encrypt"), grantFor(w, id, "Decrypt")},
		{`"StringEquals":{"kms:GranteePrincipal":"` + userARN + `"}`, grantFor(w, id, "Encrypt"), nil},
		{`"Bool":{"kms:GrantIsForAWSResource":"true"}`, func(c *caller) error { return grantFor(w, id, "Encrypt")(c.through("rds")) }, grantFor(w, id, "Encrypt")},
		{`"Bool":{"kms:ReEncryptOnSameKey":"true"}`, reEncrypt(w, id, id), reEncrypt(w, id, w.key(nil).KeyId)},
		{`"NumericLessThan":{"kms:TrailingDaysWithoutKeyUsage":"5"}`, schedule(w, 20), func(c *caller) error {
			other := w.key(nil).KeyId
			w.clock.Advance(6 * day)
			_, err := do(w, c, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: other})
			return err
		}},
	} {
		c := w.user(home, "u")
		c.allow = identity(t, fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{%s}}]}`, test.condition))
		if test.yes != nil {
			if err := test.yes(c); err != nil {
				t.Errorf("%s refused: %v", test.condition, err)
			}
		}
		if test.no != nil {
			if err := test.no(c); err == nil {
				t.Errorf("%s allowed what it should not", test.condition)
			} else if e, is := err.(*redoubt.Error); !is || e.Code != "AccessDeniedException" {
				t.Errorf("%s: %v", test.condition, err)
			}
		}
	}
}

func signWith(w *world, id *string, alg string) func(*caller) error {
	return func(c *caller) error {
		_, err := do(w, c, kmsapi.OpSign, &kmsapi.SignInput{KeyId: id, Message: []byte("m"), SigningAlgorithm: &alg})
		return err
	}
}

func schedule(w *world, days int32) func(*caller) error {
	return func(c *caller) error {
		_, err := do(w, c, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: w.key(nil).KeyId, PendingWindowInDays: &days})
		return err
	}
}

func rotateEvery(w *world, id *string, days int32) func(*caller) error {
	return func(c *caller) error {
		_, err := do(w, c, kmsapi.OpEnableKeyRotation, &kmsapi.EnableKeyRotationInput{KeyId: id, RotationPeriodInDays: &days})
		return err
	}
}

func replicate(w *world, region string) func(*caller) error {
	return func(c *caller) error {
		_, err := do(w, c, kmsapi.OpReplicateKey, &kmsapi.ReplicateKeyInput{KeyId: w.key(&kmsapi.CreateKeyInput{MultiRegion: new(true)}).KeyId, ReplicaRegion: &region})
		return err
	}
}

func create(w *world, in kmsapi.CreateKeyInput) func(*caller) error {
	return func(c *caller) error { _, err := do(w, c, kmsapi.OpCreateKey, &in); return err }
}

func grantFor(w *world, id *string, operation string) func(*caller) error {
	return func(c *caller) error {
		_, err := do(w, c, kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: id, GranteePrincipal: new(userARN), Operations: []string{operation}})
		return err
	}
}

func reEncrypt(w *world, from, to *string) func(*caller) error {
	return func(c *caller) error {
		_, err := do(w, c, kmsapi.OpReEncrypt, &kmsapi.ReEncryptInput{CiphertextBlob: w.ciphertext(*from), DestinationKeyId: to})
		return err
	}
}
