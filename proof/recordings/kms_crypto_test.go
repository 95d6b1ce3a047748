package recordings

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func kmsCrypto(t *testing.T, h *house) {
	s := h.scene(t)
	id, arn := s.key(nil)
	message := []byte("test message 123 !%$@ 1234567890")

	// LS kms/test_kms.py test_generate_random; result length 12, 44, 91, 1, 1024
	for _, n := range []int{12, 44, 91, 1, 1024} {
		if a := s.ok("kms:GenerateRandom", in{"NumberOfBytes": n}, "Plaintext"); len(a.blob(t, "Plaintext")) != n {
			t.Errorf("GenerateRandom(%d) answers %d bytes", n, len(a.blob(t, "Plaintext")))
		}
	}
	// LS test_generate_random_invalid_number_of_bytes
	for _, c := range []struct {
		in      in
		message string
	}{
		{in{}, "NumberOfBytes is required."},
		{in{"NumberOfBytes": nil}, "NumberOfBytes is required."},
		{in{"NumberOfBytes": 0}, "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{in{"NumberOfBytes": 1025}, "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024"},
	} {
		s.fails("kms:GenerateRandom", c.in, 400, "ValidationException", c.message)
	}

	// LS test_encrypt_decrypt_encryption_context, recorded 2025-09-22
	ec := in{"context-key": "context-value"}
	a := s.ok("kms:Encrypt", in{"KeyId": id, "Plaintext": message, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "EncryptionContext": ec},
		"CiphertextBlob,EncryptionAlgorithm,KeyId")
	s.wants(a, map[string]string{"KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"})
	sealed := a.blob(t, "CiphertextBlob")
	a = s.ok("kms:Decrypt", in{"KeyId": id, "CiphertextBlob": sealed, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "EncryptionContext": ec},
		"EncryptionAlgorithm,KeyId,KeyMaterialId,Plaintext")
	s.wants(a, map[string]string{"KeyId": arn})
	if !bytes.Equal(a.blob(t, "Plaintext"), message) {
		t.Error("Decrypt answers another text")
	}
	s.fails("kms:Decrypt", in{"KeyId": id, "CiphertextBlob": sealed}, 400, "InvalidCiphertextException", "-")
	s.fails("kms:Decrypt", in{"KeyId": id, "CiphertextBlob": sealed[len(sealed)/2:], "EncryptionContext": ec}, 400, "InvalidCiphertextException", "-")
	// LS test_key_rotations_encryption_decryption: bytes appended
	s.fails("kms:Decrypt", in{"KeyId": id, "CiphertextBlob": append(bytes.Clone(sealed), "bad_data"...), "EncryptionContext": ec}, 400, "InvalidCiphertextException", "-")
	s.fails("kms:Decrypt", in{"CiphertextBlob": []byte("no blob of ours at all"), "EncryptionContext": ec}, 400, "InvalidCiphertextException", "-")

	// LS test_all_types_of_key_id_can_be_used_for_encryption
	s.must("kms:CreateAlias", in{"AliasName": "alias/any-id", "TargetKeyId": id})
	for _, name := range []string{id, arn, "alias/any-id", strings.Replace(arn, "key/"+id, "alias/any-id", 1)} {
		a := s.ok("kms:Encrypt", in{"KeyId": name, "Plaintext": message}, "CiphertextBlob,EncryptionAlgorithm,KeyId")
		s.wants(a, map[string]string{"KeyId": arn})
	}

	// LS test_plaintext_size_for_encrypt; MOTO test_encrypt_key_with_large_content
	s.fails("kms:Encrypt", in{"KeyId": id, "Plaintext": make([]byte, 4097)}, 400, "ValidationException",
		"1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096")
	// MOTO test_encrypt_key_with_empty_content
	s.fails("kms:Encrypt", in{"KeyId": id, "Plaintext": []byte{}}, 400, "ValidationException",
		"1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1")

	// LS TestKMSGenerateKeys; the material's id came in June 2025
	use := func(more in) in {
		m := in{"KeyId": id}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	for _, c := range []struct {
		action string
		in     in
		fields string
		sealed string
	}{
		{"kms:GenerateDataKey", in{"KeySpec": "AES_256"}, "CiphertextBlob,KeyId,KeyMaterialId,Plaintext", "CiphertextBlob"},
		{"kms:GenerateDataKeyWithoutPlaintext", in{"KeySpec": "AES_256"}, "CiphertextBlob,KeyId,KeyMaterialId", "CiphertextBlob"},
		{"kms:GenerateDataKeyPair", in{"KeyPairSpec": "ECC_NIST_P256"}, "KeyId,KeyMaterialId,KeyPairSpec,PrivateKeyCiphertextBlob,PrivateKeyPlaintext,PublicKey", "PrivateKeyCiphertextBlob"},
		{"kms:GenerateDataKeyPairWithoutPlaintext", in{"KeyPairSpec": "ECC_NIST_P256"}, "KeyId,KeyMaterialId,KeyPairSpec,PrivateKeyCiphertextBlob,PublicKey", "PrivateKeyCiphertextBlob"},
	} {
		// test_generate_data_key, …_without_plaintext, …_pair, …_pair_without_plaintext
		a := s.ok(c.action, use(c.in), c.fields)
		s.wants(a, map[string]string{"KeyId": arn})
		opened := s.must("kms:Decrypt", in{"CiphertextBlob": a.blob(t, c.sealed), "KeyId": id})
		for _, plain := range []string{"Plaintext", "PrivateKeyPlaintext"} {
			if v := a.str(plain); v != "" && v != opened.str("Plaintext") {
				t.Errorf("%s: what Decrypt answers differs", c.action)
			}
		}
		// test_encryption_context_generate_data_key and its three sisters
		c.in["EncryptionContext"] = ec
		a = s.must(c.action, use(c.in))
		s.fails("kms:Decrypt", in{"CiphertextBlob": a.blob(t, c.sealed), "KeyId": id}, 400, "InvalidCiphertextException", "-")
		// test_generate_data_key_pair_dry_run, …_without_plaintext_dry_run
		c.in["DryRun"] = true
		s.fails(c.action, use(c.in), 400, "DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
	}

	// LS test_re_encrypt
	second, secondARN := s.key(nil)
	a = s.ok("kms:ReEncrypt", in{"SourceKeyId": id, "DestinationKeyId": second, "CiphertextBlob": sealed, "SourceEncryptionContext": ec},
		"CiphertextBlob,DestinationEncryptionAlgorithm,DestinationKeyMaterialId,KeyId,SourceEncryptionAlgorithm,SourceKeyId,SourceKeyMaterialId")
	s.wants(a, map[string]string{"KeyId": secondARN, "SourceKeyId": arn})

	hmacKey, _ := s.key(in{"KeySpec": "HMAC_224", "KeyUsage": "GENERATE_VERIFY_MAC"})
	rsa, rsaARN := s.key(in{"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"})
	signing, signingARN := s.key(in{"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"})
	cannot := "The key ID in the request does not identify a CMK that can perform this operation."
	// test_re_encrypt_incorrect_source_key
	s.fails("kms:ReEncrypt", in{"SourceKeyId": hmacKey, "DestinationKeyId": hmacKey, "CiphertextBlob": sealed, "SourceEncryptionContext": ec}, 400, "IncorrectKeyException", cannot)
	// test_re_encrypt_invalid_destination_key
	s.fails("kms:ReEncrypt", in{"SourceKeyId": id, "DestinationKeyId": signing, "CiphertextBlob": sealed, "SourceEncryptionContext": ec}, 400, "InvalidKeyUsageException",
		signingARN+" key usage is SIGN_VERIFY which is not valid for ReEncryptTo.")
	// test_error_messaging_for_invalid_keys
	s.fails("kms:Decrypt", in{"KeyId": hmacKey, "CiphertextBlob": sealed, "EncryptionContext": ec}, 400, "IncorrectKeyException", cannot)
	s.fails("kms:Decrypt", in{"KeyId": second, "CiphertextBlob": sealed, "EncryptionContext": ec}, 400, "IncorrectKeyException", cannot)
	s.fails("kms:Encrypt", in{"KeyId": signing, "Plaintext": message}, 400, "InvalidKeyUsageException", signingARN+" key usage is SIGN_VERIFY which is not valid for Encrypt.")
	s.fails("kms:GenerateMac", in{"KeyId": id, "Message": message, "MacAlgorithm": "HMAC_SHA_224"}, 400, "InvalidKeyUsageException", arn+" key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac.")
	s.fails("kms:Verify", in{"KeyId": id, "MessageType": "RAW", "Message": message, "Signature": []byte("random text"), "SigningAlgorithm": "ECDSA_SHA_256"}, 400, "InvalidKeyUsageException", arn+" key usage is ENCRYPT_DECRYPT which is not valid for Verify.")
	// test_invalid_key_usage
	s.fails("kms:Sign", in{"KeyId": rsa, "MessageType": "RAW", "Message": message, "SigningAlgorithm": "RSASSA_PSS_SHA_256"}, 400, "InvalidKeyUsageException", rsaARN+" key usage is ENCRYPT_DECRYPT which is not valid for Sign.")

	// LS test_encrypt_decrypt, test_re_encrypt with RSA: no material's id
	a = s.ok("kms:Encrypt", in{"KeyId": rsa, "Plaintext": message, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, "CiphertextBlob,EncryptionAlgorithm,KeyId")
	s.ok("kms:Decrypt", in{"KeyId": rsa, "CiphertextBlob": a.blob(t, "CiphertextBlob"), "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, "EncryptionAlgorithm,KeyId,Plaintext")
	rsa2, _ := s.key(in{"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"})
	s.ok("kms:ReEncrypt", in{"SourceKeyId": rsa, "DestinationKeyId": rsa2, "CiphertextBlob": a.blob(t, "CiphertextBlob"), "SourceEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "DestinationEncryptionAlgorithm": "RSAES_OAEP_SHA_256"},
		"CiphertextBlob,DestinationEncryptionAlgorithm,KeyId,SourceEncryptionAlgorithm,SourceKeyId")

	// LS test_encrypt_validate_plaintext_size_per_key_type; _4096 is 470 and 446
	rsa3, _ := s.key(in{"KeySpec": "RSA_3072", "KeyUsage": "ENCRYPT_DECRYPT"})
	for _, c := range []struct {
		key, spec, algorithm string
		limit                int
	}{
		{rsa, "RSA_2048", "RSAES_OAEP_SHA_1", 214}, {rsa, "RSA_2048", "RSAES_OAEP_SHA_256", 190},
		{rsa3, "RSA_3072", "RSAES_OAEP_SHA_1", 342}, {rsa3, "RSA_3072", "RSAES_OAEP_SHA_256", 318},
	} {
		s.fails("kms:Encrypt", in{"KeyId": c.key, "Plaintext": make([]byte, 1000), "EncryptionAlgorithm": c.algorithm}, 400, "ValidationException",
			fmt.Sprintf("Algorithm %s and key spec %s cannot encrypt data larger than %d bytes.", c.algorithm, c.spec, c.limit))
	}

	// LS test_get_public_key
	a = s.ok("kms:GetPublicKey", in{"KeyId": rsa}, "CustomerMasterKeySpec,EncryptionAlgorithms[*],KeyId,KeySpec,KeyUsage,PublicKey")
	s.wants(a, map[string]string{"KeyId": rsaARN, "KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"})
	s.ok("kms:GetPublicKey", in{"KeyId": signing}, "CustomerMasterKeySpec,KeyId,KeySpec,KeyUsage,PublicKey,SigningAlgorithms[*]")
}
