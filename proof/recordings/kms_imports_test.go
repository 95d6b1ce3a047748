package recordings

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"testing"
	"time"
)

// wrap gets parameters for an import and wraps the material for it.
func (s scene) wrap(id string, material []byte) (token, wrapped []byte) {
	s.Helper()
	p := s.must("kms:GetParametersForImport", in{"KeyId": id, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"})
	pub, err := x509.ParsePKIXPublicKey(p.blob(s, "PublicKey"))
	if err != nil {
		s.Fatal(err)
	}
	wrapped, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, pub.(*rsa.PublicKey), material, nil)
	if err != nil {
		s.Fatal(err)
	}
	return p.blob(s, "ImportToken"), wrapped
}

func (s scene) importing(id string, material []byte, more in) in {
	s.Helper()
	token, wrapped := s.wrap(id, material)
	input := in{"KeyId": id, "ImportToken": token, "EncryptedKeyMaterial": wrapped, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
	for k, v := range more {
		input[k] = v
		if v == nil {
			delete(input, k)
		}
	}
	return input
}

func (s scene) importKey(id string, material []byte, more in) *answer {
	s.Helper()
	return s.must("kms:ImportKeyMaterial", s.importing(id, material, more))
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func kmsImports(t *testing.T, h *house) {
	s := h.scene(t)
	// LS kms/test_kms.py test_import_key_symmetric, validated 2025-11-10
	empty := keyed("KeyMetadata", "Description[],EncryptionAlgorithms[*]")
	a := s.ok("kms:CreateKey", in{"Origin": "EXTERNAL"}, empty)
	id, arn := a.str("KeyMetadata.KeyId"), a.str("KeyMetadata.Arn")
	s.wants(a, map[string]string{"KeyMetadata.Enabled": "false", "KeyMetadata.KeyState": "PendingImport", "KeyMetadata.Origin": "EXTERNAL"})
	text := []byte("test content 123 !#")
	pending := arn + " is pending import."
	s.fails("kms:Encrypt", in{"KeyId": id, "Plaintext": text}, 400, "KMSInvalidStateException", pending)
	// LS test_rotate_key_on_demand_updates_current_key_material_for_external_keys
	p := s.ok("kms:GetParametersForImport", in{"KeyId": id, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}, "ImportToken,KeyId,ParametersValidTo,PublicKey")
	s.wants(p, map[string]string{"KeyId": arn})
	s.ok("kms:DescribeKey", in{"KeyId": id}, empty)
	material := random(32)
	s.fails("kms:ImportKeyMaterial", s.importing(id, material, in{"ExpirationModel": nil}), 400, "ValidationException",
		"A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
	a = s.ok("kms:ImportKeyMaterial", s.importing(id, material, nil), "KeyId,KeyMaterialId")
	s.wants(a, map[string]string{"KeyId": arn})
	first := a.str("KeyMaterialId")
	filled := keyed("KeyMetadata", "CurrentKeyMaterialId,Description[],EncryptionAlgorithms[*],ExpirationModel")
	a = s.ok("kms:DescribeKey", in{"KeyId": id}, filled)
	s.wants(a, map[string]string{"KeyMetadata.Enabled": "true", "KeyMetadata.KeyState": "Enabled", "KeyMetadata.ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE", "KeyMetadata.CurrentKeyMaterialId": first})
	sealed := s.must("kms:Encrypt", in{"KeyId": id, "Plaintext": text}).blob(t, "CiphertextBlob")

	// LS test_import_key_material_raises_if_there_is_already_key_material_pending
	a = s.ok("kms:ImportKeyMaterial", s.importing(id, random(32), in{"ImportType": "NEW_KEY_MATERIAL"}), "KeyId,KeyMaterialId")
	second := a.str("KeyMaterialId")
	s.fails("kms:ImportKeyMaterial", s.importing(id, random(32), in{"ImportType": "NEW_KEY_MATERIAL"}), 400, "KMSInvalidStateException", "?")
	s.wants(s.ok("kms:DescribeKey", in{"KeyId": id}, filled), map[string]string{"KeyMetadata.CurrentKeyMaterialId": first})
	// LS test_rotate_key_on_demand_updates_current_key_material_for_external_keys
	s.wants(s.ok("kms:RotateKeyOnDemand", in{"KeyId": id}, "KeyId"), map[string]string{"KeyId": arn})
	s.settled("the new material is current", func() bool {
		return s.must("kms:DescribeKey", in{"KeyId": id}).str("KeyMetadata.CurrentKeyMaterialId") == second
	})
	// LS test_rotate_key_on_demand_for_external_keys_decrypts_with_previous_material
	s.wants(s.must("kms:Decrypt", in{"KeyId": id, "CiphertextBlob": sealed}), map[string]string{"KeyMaterialId": first})
	// LS test_rotate_key_on_demand_on_external_key_with_no_key_material
	bare, bareARN := s.key(in{"Origin": "EXTERNAL"})
	s.fails("kms:RotateKeyOnDemand", in{"KeyId": bare}, 400, "KMSInvalidStateException", bareARN+" is pending import.")
	// facts 14.10 [LS]: nothing waits
	s.fails("kms:RotateKeyOnDemand", in{"KeyId": id}, 400, "KMSInvalidStateException", "No available key material pending rotation for the key: "+arn+".")

	s.must("kms:DeleteImportedKeyMaterial", in{"KeyId": id, "KeyMaterialId": second})
	s.fails("kms:Encrypt", in{"KeyId": id, "Plaintext": text}, 400, "KMSInvalidStateException", pending)
	// test_import_key_symmetric: after the only material was deleted, as before
	again, _ := s.key(in{"Origin": "EXTERNAL"})
	s.importKey(again, material, in{"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": time.Now().Add(time.Hour).Unix()})
	s.ok("kms:DescribeKey", in{"KeyId": again}, keyed("KeyMetadata", "CurrentKeyMaterialId,Description[],EncryptionAlgorithms[*],ExpirationModel,ValidTo"))
	s.must("kms:DeleteImportedKeyMaterial", in{"KeyId": again})
	s.ok("kms:DescribeKey", in{"KeyId": again}, empty)

	// LS test_get_parameters_for_import, …_raises_for_non_external_kms_keys
	own, ownARN := s.key(nil)
	s.fails("kms:GetParametersForImport", in{"KeyId": own, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_4096"}, 400, "UnsupportedOperationException",
		ownARN+" origin is AWS_KMS which is not valid for this operation.")
	s.fails("kms:DeleteImportedKeyMaterial", in{"KeyId": own}, 400, "UnsupportedOperationException", ownARN+" origin is AWS_KMS which is not valid for this operation.")

	// LS test_import_key_asymmetric, test_import_key_ecc_keys; with SHA-1, as there
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, _ := x509.MarshalPKCS8PrivateKey(private)
	public, _ := x509.MarshalPKIXPublicKey(private.Public())
	a = s.ok("kms:CreateKey", in{"Origin": "EXTERNAL", "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}, keyed("KeyMetadata", "Description[],SigningAlgorithms[*]"))
	ec, ecARN := a.str("KeyMetadata.KeyId"), a.str("KeyMetadata.Arn")
	p = s.must("kms:GetParametersForImport", in{"KeyId": ec, "WrappingAlgorithm": "RSAES_OAEP_SHA_1", "WrappingKeySpec": "RSA_2048"})
	wrapping, err := x509.ParsePKIXPublicKey(p.blob(t, "PublicKey"))
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, wrapping.(*rsa.PublicKey), der, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.must("kms:ImportKeyMaterial", in{"KeyId": ec, "ImportToken": p.blob(t, "ImportToken"), "EncryptedKeyMaterial": wrapped, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"})
	s.ok("kms:DescribeKey", in{"KeyId": ec}, keyed("KeyMetadata", "Description[],ExpirationModel,SigningAlgorithms[*]"))
	if got := s.must("kms:GetPublicKey", in{"KeyId": ec}).blob(t, "PublicKey"); string(got) != string(public) {
		t.Error("the public key of an imported key differs")
	}
	a = s.ok("kms:Sign", in{"KeyId": ec, "Message": text, "MessageType": "RAW", "SigningAlgorithm": "ECDSA_SHA_256"}, "KeyId,Signature,SigningAlgorithm")
	s.wants(a, map[string]string{"KeyId": ecARN})
	s.must("kms:DeleteImportedKeyMaterial", in{"KeyId": ec})
	s.ok("kms:DescribeKey", in{"KeyId": ec}, keyed("KeyMetadata", "Description[],SigningAlgorithms[*]"))
}

// settled waits for what happens in the background.
func (s scene) settled(what string, done func() bool) {
	s.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("still not so: %s", what)
		}
	}
}

func kmsAgreement(t *testing.T, h *house) {
	s := h.scene(t)
	// LS kms/test_kms.py test_derive_shared_secret, …_matches_openssl
	id, arn := s.key(in{"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"})
	a := s.ok("kms:DescribeKey", in{"KeyId": id}, keyed("KeyMetadata", "Description[],KeyAgreementAlgorithms[*]"))
	s.wants(a, map[string]string{"KeyMetadata.KeyAgreementAlgorithms.0": "ECDH"})
	mine, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, _ := x509.MarshalPKIXPublicKey(mine.PublicKey())
	use := func(key, algorithm string, public []byte) in {
		return in{"KeyId": key, "KeyAgreementAlgorithm": algorithm, "PublicKey": public}
	}
	a = s.ok("kms:DeriveSharedSecret", use(id, "ECDH", public), "KeyAgreementAlgorithm,KeyId,KeyOrigin,SharedSecret")
	s.wants(a, map[string]string{"KeyId": arn, "KeyOrigin": "AWS_KMS", "KeyAgreementAlgorithm": "ECDH"})
	theirs, err := x509.ParsePKIXPublicKey(s.ok("kms:GetPublicKey", in{"KeyId": id}, "CustomerMasterKeySpec,KeyAgreementAlgorithms[*],KeyId,KeySpec,KeyUsage,PublicKey").blob(t, "PublicKey"))
	if err != nil {
		t.Fatal(err)
	}
	peer, _ := theirs.(*ecdsa.PublicKey).ECDH()
	if want, _ := mine.ECDH(peer); string(want) != string(a.blob(t, "SharedSecret")) {
		t.Error("the two sides derive different secrets")
	}
	signing, signingARN := s.key(in{"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"})
	s.fails("kms:DeriveSharedSecret", use(signing, "ECDH", public), 400, "InvalidKeyUsageException", signingARN+" key usage is SIGN_VERIFY which is not valid for DeriveSharedSecret.")
	symmetric, symmetricARN := s.key(nil)
	s.fails("kms:DeriveSharedSecret", use(symmetric, "ECDH", public), 400, "InvalidKeyUsageException", symmetricARN+" key usage is ENCRYPT_DECRYPT which is not valid for DeriveSharedSecret.")
	s.fails("kms:DeriveSharedSecret", use(id, "INVALID", public), 400, "ValidationException",
		"1 validation error detected: Value 'INVALID' at 'keyAgreementAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [ECDH]")
	s.fails("kms:DeriveSharedSecret", use(id, "ECDH", []byte("InvalidPublicKey")), 400, "ValidationException", "-")
}
