package recordings

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"testing"
)

func kmsSignatures(t *testing.T, h *house) {
	s := h.scene(t)
	text := []byte("test message !%$@ 1234567890")
	sum256, sum384, sum512 := sha256.Sum256(text), sha512.Sum384(text), sha512.Sum512(text)
	digests := map[string][]byte{"256": sum256[:], "384": sum384[:], "512": sum512[:]}
	keys := map[string]string{}

	// LS kms/test_kms.py test_sign_verify; RSA_4096 is left to RSA_2048
	for _, c := range []struct{ spec, algorithm string }{
		{"RSA_2048", "RSASSA_PSS_SHA_256"}, {"RSA_2048", "RSASSA_PSS_SHA_384"}, {"RSA_2048", "RSASSA_PSS_SHA_512"},
		{"RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256"}, {"RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512"},
		{"ECC_NIST_P256", "ECDSA_SHA_256"}, {"ECC_NIST_P384", "ECDSA_SHA_384"}, {"ECC_SECG_P256K1", "ECDSA_SHA_256"},
	} {
		if keys[c.spec] == "" {
			keys[c.spec], _ = s.key(in{"KeySpec": c.spec, "KeyUsage": "SIGN_VERIFY"})
		}
		use := func(kind string, message, signature []byte) in {
			m := in{"KeyId": keys[c.spec], "SigningAlgorithm": c.algorithm, "MessageType": kind, "Message": message}
			if signature != nil {
				m["Signature"] = signature
			}
			return m
		}
		digest := digests[c.algorithm[len(c.algorithm)-3:]]
		bad := s.must("kms:Sign", use("RAW", []byte("bad"), nil)).blob(t, "Signature")
		a := s.ok("kms:Sign", use("RAW", text, nil), "KeyId,Signature,SigningAlgorithm")
		good := a.blob(t, "Signature")
		v := s.ok("kms:Verify", use("RAW", text, good), "KeyId,SignatureValid,SigningAlgorithm")
		s.wants(v, map[string]string{"SignatureValid": "true", "SigningAlgorithm": c.algorithm})
		a = s.must("kms:Sign", use("DIGEST", digest, nil))
		s.must("kms:Verify", use("DIGEST", digest, a.blob(t, "Signature")))
		s.fails("kms:Sign", use("DIGEST", text, nil), 400, "ValidationException", "Digest is invalid length for algorithm "+c.algorithm+".")
		s.fails("kms:Verify", use("RAW", text, bad), 400, "KMSInvalidSignatureException", "-")
		s.fails("kms:Verify", use("RAW", []byte("bad message 321"), good), 400, "KMSInvalidSignatureException", "-")
		s.fails("kms:Verify", use("DIGEST", []byte("bad message 321"), good), 400, "ValidationException", "Digest is invalid length for algorithm "+c.algorithm+".")
	}
	// An algorithm of another key spec: as GenerateMac's, test_invalid_generate_mac
	s.fails("kms:Sign", in{"KeyId": keys["ECC_NIST_P256"], "SigningAlgorithm": "ECDSA_SHA_384", "MessageType": "RAW", "Message": text}, 400,
		"InvalidKeyUsageException", "Algorithm ECDSA_SHA_384 is incompatible with key spec ECC_NIST_P256.")

	// ML-DSA and Ed25519 sign, with the fields of the others
	for spec, algorithm := range map[string]string{"ML_DSA_44": "ML_DSA_SHAKE_256", "ECC_NIST_EDWARDS25519": "ED25519_SHA_512"} {
		id, _ := s.key(in{"KeySpec": spec, "KeyUsage": "SIGN_VERIFY"})
		a := s.ok("kms:Sign", in{"KeyId": id, "SigningAlgorithm": algorithm, "MessageType": "RAW", "Message": text}, "KeyId,Signature,SigningAlgorithm")
		s.ok("kms:Verify", in{"KeyId": id, "SigningAlgorithm": algorithm, "MessageType": "RAW", "Message": text, "Signature": a.blob(t, "Signature")}, "KeyId,SignatureValid,SigningAlgorithm")
	}
}

func kmsMACs(t *testing.T, h *house) {
	s := h.scene(t)
	message := []byte("some important message")
	keys := map[int]string{}
	// LS test_generate_and_verify_mac
	for _, n := range []int{224, 256, 384, 512} {
		id, arn := s.key(in{"KeySpec": fmt.Sprintf("HMAC_%d", n), "KeyUsage": "GENERATE_VERIFY_MAC"})
		keys[n] = id
		algorithm := fmt.Sprintf("HMAC_SHA_%d", n)
		use := func(key string) in { return in{"KeyId": key, "Message": message, "MacAlgorithm": algorithm} }
		a := s.ok("kms:GenerateMac", use(id), "KeyId,Mac,MacAlgorithm")
		s.wants(a, map[string]string{"KeyId": arn, "MacAlgorithm": algorithm})
		verify := use(id)
		verify["Mac"] = a.blob(t, "Mac")
		s.wants(s.ok("kms:VerifyMac", verify, "KeyId,MacAlgorithm,MacValid"), map[string]string{"MacValid": "true"})
		s.fails("kms:GenerateMac", use("key_id"), 400, "NotFoundException", "Invalid keyId 'key_id'")
		verify["KeyId"] = "key_id"
		s.fails("kms:VerifyMac", verify, 400, "NotFoundException", "Invalid keyId 'key_id'")
	}
	// test_invalid_generate_mac
	s.fails("kms:GenerateMac", in{"KeyId": keys[224], "Message": message, "MacAlgorithm": "HMAC_SHA_256"}, 400, "InvalidKeyUsageException",
		"Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_224.")
	invalid := "1 validation error detected: Value 'INVALID' at 'macAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [HMAC_SHA_384, HMAC_SHA_256, HMAC_SHA_224, HMAC_SHA_512]"
	s.fails("kms:GenerateMac", in{"KeyId": keys[256], "Message": message, "MacAlgorithm": "INVALID"}, 400, "ValidationException", invalid)
	// test_invalid_verify_mac
	mac := s.must("kms:GenerateMac", in{"KeyId": keys[256], "Message": message, "MacAlgorithm": "HMAC_SHA_256"}).blob(t, "Mac")
	s.fails("kms:VerifyMac", in{"KeyId": keys[256], "Message": []byte("another"), "MacAlgorithm": "HMAC_SHA_256", "Mac": mac}, 400, "KMSInvalidMacException", "-")
	s.fails("kms:VerifyMac", in{"KeyId": keys[256], "Message": message, "MacAlgorithm": "HMAC_SHA_512", "Mac": mac}, 400, "InvalidKeyUsageException",
		"Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256.")
	s.fails("kms:VerifyMac", in{"KeyId": keys[256], "Message": message, "MacAlgorithm": "INVALID", "Mac": mac}, 400, "ValidationException", invalid)
	// test_error_messaging_for_invalid_keys
	s.fails("kms:Sign", in{"KeyId": keys[224], "Message": message, "MessageType": "RAW", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}, 400, "InvalidKeyUsageException",
		h.keyARN(home, keys[224])+" key usage is GENERATE_VERIFY_MAC which is not valid for Sign.")

	// LS test_import_key_hmac_keys: what is imported is what computes
	secret := make([]byte, 32)
	id, arn := s.key(in{"Origin": "EXTERNAL", "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"})
	before := keyed("KeyMetadata", "Description[],MacAlgorithms[*]")
	s.ok("kms:DescribeKey", in{"KeyId": id}, before)
	s.importKey(id, secret, nil)
	s.ok("kms:DescribeKey", in{"KeyId": id}, keyed("KeyMetadata", "Description[],ExpirationModel,MacAlgorithms[*]"))
	a := s.ok("kms:GenerateMac", in{"KeyId": id, "Message": message, "MacAlgorithm": "HMAC_SHA_256"}, "KeyId,Mac,MacAlgorithm")
	s.wants(a, map[string]string{"KeyId": arn})
	sum := hmac.New(sha256.New, secret)
	sum.Write(message)
	if !hmac.Equal(a.blob(t, "Mac"), sum.Sum(nil)) {
		t.Error("the MAC of an imported key differs")
	}
	s.must("kms:DeleteImportedKeyMaterial", in{"KeyId": id})
	s.ok("kms:DescribeKey", in{"KeyId": id}, before)
}
