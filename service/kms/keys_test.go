package kms

import (
	"strings"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
)

func TestCreateKeyDefaults(t *testing.T) {
	w := newWorld(t)
	m := w.key(nil)
	if *m.KeySpec != "SYMMETRIC_DEFAULT" || *m.CustomerMasterKeySpec != "SYMMETRIC_DEFAULT" || *m.KeyUsage != "ENCRYPT_DECRYPT" ||
		*m.Origin != "AWS_KMS" || *m.KeyManager != "CUSTOMER" || *m.KeyState != "Enabled" || !*m.Enabled || *m.MultiRegion || *m.Description != "" {
		t.Errorf("%+v", m)
	}
	if *m.Arn != "arn:aws:kms:us-east-1:123456789012:key/"+*m.KeyId || *m.AWSAccountId != home {
		t.Errorf("arn %s", *m.Arn)
	}
	if len(*m.CurrentKeyMaterialId) != 64 {
		t.Errorf("material %q", *m.CurrentKeyMaterialId)
	}
	if m.SigningAlgorithms != nil || m.MacAlgorithms != nil || m.KeyAgreementAlgorithms != nil || len(m.EncryptionAlgorithms) != 1 {
		t.Error("exactly one kind of algorithms must be there")
	}
	if m.DeletionDate != nil || m.ValidTo != nil || m.ExpirationModel != nil || m.MultiRegionConfiguration != nil || m.PendingDeletionWindowInDays != nil || m.CustomKeyStoreId != nil {
		t.Error("members that do not apply are there")
	}
	p := ok(w, w.admin(home), kmsapi.OpGetKeyPolicy, &kmsapi.GetKeyPolicyInput{KeyId: m.KeyId})
	if *p.PolicyName != "default" || *p.Policy != defaultPolicy("aws", home) {
		t.Error(*p.Policy)
	}
}

func TestCreateKeyRefusals(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		name    string
		in      kmsapi.CreateKeyInput
		code    redoubt.ErrorKind
		message string
	}{
		{"both specs", kmsapi.CreateKeyInput{KeySpec: new("RSA_2048"), CustomerMasterKeySpec: new("RSA_2048"), KeyUsage: new("SIGN_VERIFY")}, redoubt.ErrValidation,
			"You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated."},
		{"no usage", kmsapi.CreateKeyInput{KeySpec: new("HMAC_256")}, redoubt.ErrValidation,
			"You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."},
		{"usage", kmsapi.CreateKeyInput{KeySpec: new("RSA_2048"), KeyUsage: new("KEY_AGREEMENT")}, redoubt.ErrValidation,
			"KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048"},
		{"SM2", kmsapi.CreateKeyInput{KeySpec: new("SM2"), KeyUsage: new("SIGN_VERIFY")}, kmsapi.ErrUnsupportedOperationException, "*"},
		{"store missing", kmsapi.CreateKeyInput{Origin: new("AWS_CLOUDHSM")}, redoubt.ErrValidation, "*"},
		{"store unknown", kmsapi.CreateKeyInput{Origin: new("AWS_CLOUDHSM"), CustomKeyStoreId: new("cks-1")}, kmsapi.ErrCustomKeyStoreNotFoundException, "*"},
		{"xks key without store", kmsapi.CreateKeyInput{XksKeyId: new("x")}, redoubt.ErrValidation, "*"},
		{"duplicate tags", kmsapi.CreateKeyInput{Tags: tags("a", "1", "a", "2")}, kmsapi.ErrTagException, "Duplicate tag keys"},
		{"reserved tags", kmsapi.CreateKeyInput{Tags: tags("AWS:a", "1")}, kmsapi.ErrTagException, "Tags beginning with aws: are reserved"},
		{"many tags", kmsapi.CreateKeyInput{Tags: manyTags(51)}, kmsapi.ErrTagException, "Too many tags"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			refused(w, w.admin(home), kmsapi.OpCreateKey, &test.in, test.code, test.message)
		})
	}
}

// TestSpecsAndUsages makes a key of every spec and usage and sees which
// algorithms it shows.
func TestSpecsAndUsages(t *testing.T) {
	w := newWorld(t)
	want := map[string]string{
		"SYMMETRIC_DEFAULT/ENCRYPT_DECRYPT": "E SYMMETRIC_DEFAULT",
		"RSA_2048/ENCRYPT_DECRYPT":          "E RSAES_OAEP_SHA_1 RSAES_OAEP_SHA_256",
		"RSA_2048/SIGN_VERIFY":              "S RSASSA_PKCS1_V1_5_SHA_256 RSASSA_PKCS1_V1_5_SHA_384 RSASSA_PKCS1_V1_5_SHA_512 RSASSA_PSS_SHA_256 RSASSA_PSS_SHA_384 RSASSA_PSS_SHA_512",
		"ECC_NIST_P256/SIGN_VERIFY":         "S ECDSA_SHA_256",
		"ECC_NIST_P256/KEY_AGREEMENT":       "A ECDH",
		"ECC_NIST_P384/SIGN_VERIFY":         "S ECDSA_SHA_384",
		"ECC_NIST_P384/KEY_AGREEMENT":       "A ECDH",
		"ECC_NIST_P521/SIGN_VERIFY":         "S ECDSA_SHA_512",
		"ECC_NIST_P521/KEY_AGREEMENT":       "A ECDH",
		"ECC_SECG_P256K1/SIGN_VERIFY":       "S ECDSA_SHA_256",
		"ECC_NIST_EDWARDS25519/SIGN_VERIFY": "S ED25519_SHA_512 ED25519_PH_SHA_512",
		"ML_DSA_44/SIGN_VERIFY":             "S ML_DSA_SHAKE_256",
		"ML_DSA_65/SIGN_VERIFY":             "S ML_DSA_SHAKE_256",
		"ML_DSA_87/SIGN_VERIFY":             "S ML_DSA_SHAKE_256",
		"HMAC_224/GENERATE_VERIFY_MAC":      "M HMAC_SHA_224",
		"HMAC_256/GENERATE_VERIFY_MAC":      "M HMAC_SHA_256",
		"HMAC_384/GENERATE_VERIFY_MAC":      "M HMAC_SHA_384",
		"HMAC_512/GENERATE_VERIFY_MAC":      "M HMAC_SHA_512",
	}
	usages := []string{"ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"}
	for _, spec := range []string{"SYMMETRIC_DEFAULT", "RSA_2048", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"} {
		for _, usage := range usages {
			in := &kmsapi.CreateKeyInput{KeySpec: &spec, KeyUsage: &usage}
			algs, fits := want[spec+"/"+usage]
			if !fits {
				refused(w, w.admin(home), kmsapi.OpCreateKey, in, redoubt.ErrValidation, "KeyUsage "+usage+" is not compatible with KeySpec "+spec)
				continue
			}
			m := w.key(in)
			var got []string
			for kind, list := range map[string][]string{"E": m.EncryptionAlgorithms, "S": m.SigningAlgorithms, "M": m.MacAlgorithms, "A": m.KeyAgreementAlgorithms} {
				if list != nil {
					got = append(got, kind+" "+strings.Join(list, " "))
				}
			}
			if strings.Join(got, ";") != algs {
				t.Errorf("%s/%s: %q, want %q", spec, usage, got, algs)
			}
			if (m.CurrentKeyMaterialId != nil) != (spec == string(material.Symmetric)) {
				t.Errorf("%s: material id %v", spec, m.CurrentKeyMaterialId)
			}
		}
	}
}

func TestIdentifiers(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	m := w.key(nil)
	ok(w, admin, kmsapi.OpCreateAlias, &kmsapi.CreateAliasInput{AliasName: new("alias/app"), TargetKeyId: m.KeyId})
	for _, id := range []string{*m.KeyId, *m.Arn, "alias/app", "arn:aws:kms:us-east-1:123456789012:alias/app"} {
		if d := ok(w, admin, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &id}); *d.KeyMetadata.Arn != *m.Arn {
			t.Errorf("%s led to %s", id, *d.KeyMetadata.Arn)
		}
	}
	unknown := "134f2428-cec1-4b25-a1ae-9048164dba47"
	multi := "mrk-d3b95762d3b95762d3b95762d3b95762"
	arn := "arn:aws:kms:us-east-1:123456789012:key/"
	for _, test := range []struct{ id, message string }{
		{unknown, "Key '" + arn + unknown + "' does not exist"},
		{arn + unknown, "Key '" + arn + unknown + "' does not exist"},
		{multi, "Key '" + arn + multi + "' does not exist"},
		{"fake-key-id", "Invalid keyId 'fake-key-id'"},
		{"134f2428cec14b25a1ae9048164dba47", "Invalid keyId '134f2428cec14b25a1ae9048164dba47'"},
		{"mrk-fake-key-id", "Invalid keyId 'mrk-fake-key-id'"},
		{arn + "foo", "Invalid keyId foo"},
		{"arn:aws:kms:ap-southeast-1:123456789012:key/" + unknown, "Invalid arn ap-southeast-1"},
		{"alias/none", "Alias arn:aws:kms:us-east-1:123456789012:alias/none is not found."},
	} {
		refused(w, admin, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &test.id}, kmsapi.ErrNotFoundException, test.message)
		// Whoever has no rights learns nothing.
		refused(w, w.user(home, "nobody"), kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &test.id}, redoubt.ErrAccessDenied, "*")
	}
	refused(w, admin, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: new("arn:aws:s3:::bucket")}, kmsapi.ErrInvalidArnException, "*")
	// Management takes no alias (S55).
	refused(w, admin, kmsapi.OpGetKeyPolicy, &kmsapi.GetKeyPolicyInput{KeyId: new("alias/app")}, kmsapi.ErrNotFoundException, "Invalid keyId 'alias/app'")
	refused(w, admin, kmsapi.OpDisableKey, &kmsapi.DisableKeyInput{KeyId: new("alias/app")}, kmsapi.ErrNotFoundException, "Invalid keyId 'alias/app'")
	refused(w, admin, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: new("alias/app")}, kmsapi.ErrNotFoundException, "Invalid keyId 'alias/app'")
}

func TestListKeysPages(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	made := map[string]bool{}
	for range 5 {
		made[*w.key(nil).KeyId] = true
	}
	var marker *string
	pages := 0
	for {
		out := ok(w, admin, kmsapi.OpListKeys, &kmsapi.ListKeysInput{Limit: new(int32(2)), Marker: marker})
		pages++
		for _, k := range out.Keys {
			if !made[*k.KeyId] || *k.KeyArn != "arn:aws:kms:us-east-1:123456789012:key/"+*k.KeyId {
				t.Errorf("unexpected %v", *k.KeyArn)
			}
			delete(made, *k.KeyId)
		}
		if *out.Truncated != (out.NextMarker != nil) {
			t.Error("Truncated and NextMarker disagree")
		}
		if out.NextMarker == nil {
			break
		}
		marker = out.NextMarker
	}
	if pages != 3 || len(made) != 0 {
		t.Errorf("%d pages, %d keys missing", pages, len(made))
	}
	// A marker is good for its own list only.
	first := ok(w, admin, kmsapi.OpListKeys, &kmsapi.ListKeysInput{Limit: new(int32(2))})
	refused(w, admin, kmsapi.OpListAliases, &kmsapi.ListAliasesInput{Marker: first.NextMarker}, kmsapi.ErrInvalidMarkerException, "*")
	refused(w, w.admin(foreign), kmsapi.OpListKeys, &kmsapi.ListKeysInput{Marker: first.NextMarker}, kmsapi.ErrInvalidMarkerException, "*")
	refused(w, admin, kmsapi.OpListKeys, &kmsapi.ListKeysInput{Marker: new("made up")}, kmsapi.ErrInvalidMarkerException, "*")
	refused(w, admin, kmsapi.OpListAliases, &kmsapi.ListAliasesInput{Limit: new(int32(101))}, redoubt.ErrValidation,
		"1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100")
}

func tags(kv ...string) []kmsapi.Tag {
	var out []kmsapi.Tag
	for i := 0; i < len(kv); i += 2 {
		out = append(out, kmsapi.Tag{TagKey: &kv[i], TagValue: &kv[i+1]})
	}
	return out
}

func manyTags(n int) []kmsapi.Tag {
	var kv []string
	for i := range n {
		kv = append(kv, "k"+string(rune('a'+i/26))+string(rune('a'+i%26)), "")
	}
	return tags(kv...)
}
