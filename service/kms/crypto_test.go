package kms

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
)

const wrongKeyText = "The key ID in the request does not identify a CMK that can perform this operation."

// TestEncryptDecrypt is case S05.
func TestEncryptDecrypt(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	m := w.key(nil)
	ok(w, admin, kmsapi.OpCreateAlias, &kmsapi.CreateAliasInput{AliasName: new("alias/my-app-key"), TargetKeyId: m.KeyId})
	plain := []byte("Confidential Information that is long enough to be searched for")
	context := map[string]string{"app": "x", "Tier": "gold"}
	in := &kmsapi.EncryptInput{KeyId: new("alias/my-app-key"), Plaintext: plain, EncryptionContext: context}
	a, b := ok(w, admin, kmsapi.OpEncrypt, in), ok(w, admin, kmsapi.OpEncrypt, in)
	if *a.KeyId != *m.Arn || *a.EncryptionAlgorithm != "SYMMETRIC_DEFAULT" {
		t.Errorf("%s %s", *a.KeyId, *a.EncryptionAlgorithm)
	}
	if bytes.Equal(a.CiphertextBlob, b.CiphertextBlob) {
		t.Error("two ciphertexts are the same")
	}
	if bytes.Contains(a.CiphertextBlob, plain) || bytes.Contains(a.CiphertextBlob, []byte(base64.StdEncoding.EncodeToString(plain))) {
		t.Error("the ciphertext shows the plaintext")
	}
	for _, id := range []*string{nil, m.KeyId, m.Arn, new("alias/my-app-key")} {
		d := ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: a.CiphertextBlob, KeyId: id, EncryptionContext: context})
		if !bytes.Equal(d.Plaintext, plain) || *d.KeyId != *m.Arn || *d.EncryptionAlgorithm != "SYMMETRIC_DEFAULT" || *d.KeyMaterialId != *m.CurrentKeyMaterialId || d.CiphertextForRecipient != nil {
			t.Errorf("%+v", d)
		}
	}
	for name, bad := range map[string]map[string]string{
		"none": nil, "value": {"app": "y", "Tier": "gold"}, "case": {"app": "x", "tier": "gold"}, "fewer": {"app": "x"}, "more": {"app": "x", "Tier": "gold", "z": ""},
	} {
		if _, err := do(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: a.CiphertextBlob, EncryptionContext: bad}); err == nil || err.Error() != "InvalidCiphertextException" {
			t.Errorf("context %s: %v", name, err)
		}
	}
	flipped := bytes.Clone(a.CiphertextBlob)
	flipped[len(flipped)-1] ^= 1
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: flipped, EncryptionContext: context}, kmsapi.ErrInvalidCiphertextException, "")
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: append(bytes.Clone(a.CiphertextBlob), "more"...), EncryptionContext: context}, kmsapi.ErrInvalidCiphertextException, "")
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: []byte("no blob")}, kmsapi.ErrInvalidCiphertextException, "")
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: []byte("no blob"), KeyId: m.KeyId}, kmsapi.ErrInvalidCiphertextException, "")
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{KeyId: m.KeyId}, redoubt.ErrValidation, "*")

	other := w.key(nil)
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: a.CiphertextBlob, KeyId: other.KeyId, EncryptionContext: context}, kmsapi.ErrIncorrectKeyException, wrongKeyText)
	mac := w.key(&kmsapi.CreateKeyInput{KeySpec: new("HMAC_224"), KeyUsage: new("GENERATE_VERIFY_MAC")})
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: a.CiphertextBlob, KeyId: mac.KeyId, EncryptionContext: context}, kmsapi.ErrIncorrectKeyException, wrongKeyText)
	refused(w, admin.in("eu-west-1"), kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: a.CiphertextBlob, EncryptionContext: context}, redoubt.ErrAccessDenied, unreachableText)
	refused(w, w.user(home, "nobody"), kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: a.CiphertextBlob, EncryptionContext: context}, redoubt.ErrAccessDenied, unreachableText)
}

func TestWrongUsage(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	sym, sign, mac := w.key(nil), w.key(&kmsapi.CreateKeyInput{KeySpec: new("RSA_2048"), KeyUsage: new("SIGN_VERIFY")}), w.key(&kmsapi.CreateKeyInput{KeySpec: new("HMAC_224"), KeyUsage: new("GENERATE_VERIFY_MAC")})
	usage := kmsapi.ErrInvalidKeyUsageException
	refused(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: sign.KeyId, Plaintext: []byte("x")}, usage, *sign.Arn+" key usage is SIGN_VERIFY which is not valid for Encrypt.")
	refused(w, admin, kmsapi.OpGenerateMac, &kmsapi.GenerateMacInput{KeyId: sym.KeyId, Message: []byte("x"), MacAlgorithm: new("HMAC_SHA_224")}, usage, *sym.Arn+" key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac.")
	refused(w, admin, kmsapi.OpSign, &kmsapi.SignInput{KeyId: mac.KeyId, Message: []byte("x"), SigningAlgorithm: new("RSASSA_PSS_SHA_256")}, usage, *mac.Arn+" key usage is GENERATE_VERIFY_MAC which is not valid for Sign.")
	refused(w, admin, kmsapi.OpVerify, &kmsapi.VerifyInput{KeyId: sym.KeyId, Message: []byte("x"), Signature: []byte("x"), SigningAlgorithm: new("ECDSA_SHA_256")}, usage, *sym.Arn+" key usage is ENCRYPT_DECRYPT which is not valid for Verify.")
	refused(w, admin, kmsapi.OpGenerateMac, &kmsapi.GenerateMacInput{KeyId: mac.KeyId, Message: []byte("x"), MacAlgorithm: new("HMAC_SHA_256")}, usage, "Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_224.")
	refused(w, admin, kmsapi.OpSign, &kmsapi.SignInput{KeyId: sign.KeyId, Message: []byte("x"), SigningAlgorithm: new("ECDSA_SHA_256")}, usage, "Algorithm ECDSA_SHA_256 is incompatible with key spec RSA_2048.")
	refused(w, admin, kmsapi.OpGetPublicKey, &kmsapi.GetPublicKeyInput{KeyId: sym.KeyId}, kmsapi.ErrUnsupportedOperationException, "")
	refused(w, admin, kmsapi.OpDeriveSharedSecret, &kmsapi.DeriveSharedSecretInput{KeyId: sym.KeyId, KeyAgreementAlgorithm: new("ECDH"), PublicKey: []byte("x")}, usage, *sym.Arn+" key usage is ENCRYPT_DECRYPT which is not valid for DeriveSharedSecret.")
	rsaKey := w.key(&kmsapi.CreateKeyInput{KeySpec: new("RSA_2048"), KeyUsage: new("ENCRYPT_DECRYPT")})
	refused(w, admin, kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{KeyId: rsaKey.KeyId, KeySpec: new("AES_256")}, usage, "You cannot generate a data key with an asymmetric CMK")
	refused(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: rsaKey.KeyId, Plaintext: []byte("x")}, usage, "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.")
	blob := ok(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: sym.KeyId, Plaintext: []byte("x")}).CiphertextBlob
	refused(w, admin, kmsapi.OpReEncrypt, &kmsapi.ReEncryptInput{CiphertextBlob: blob, SourceKeyId: mac.KeyId, DestinationKeyId: mac.KeyId}, kmsapi.ErrIncorrectKeyException, wrongKeyText)
	refused(w, admin, kmsapi.OpReEncrypt, &kmsapi.ReEncryptInput{CiphertextBlob: blob, DestinationKeyId: sign.KeyId}, usage, "*")
}

// TestOrderOfRefusals: the usage comes before the state, and the state before
// the algorithm and the spec.
func TestOrderOfRefusals(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	off := func(in *kmsapi.CreateKeyInput) *kmsapi.KeyMetadata {
		m := w.key(in)
		ok(w, admin, kmsapi.OpDisableKey, &kmsapi.DisableKeyInput{KeyId: m.KeyId})
		return m
	}
	mac := off(&kmsapi.CreateKeyInput{KeySpec: new("HMAC_256"), KeyUsage: new("GENERATE_VERIFY_MAC")})
	wrap := off(&kmsapi.CreateKeyInput{KeySpec: new("RSA_2048"), KeyUsage: new("ENCRYPT_DECRYPT")})
	disabled := kmsapi.ErrDisabledException
	refused(w, admin, kmsapi.OpSign, &kmsapi.SignInput{KeyId: mac.KeyId, Message: []byte("x"), SigningAlgorithm: new("ECDSA_SHA_256")}, kmsapi.ErrInvalidKeyUsageException, *mac.Arn+" key usage is GENERATE_VERIFY_MAC which is not valid for Sign.")
	refused(w, admin, kmsapi.OpGenerateMac, &kmsapi.GenerateMacInput{KeyId: mac.KeyId, Message: []byte("x"), MacAlgorithm: new("HMAC_SHA_512")}, disabled, *mac.Arn+" is disabled.")
	refused(w, admin, kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{KeyId: wrap.KeyId, KeySpec: new("AES_256")}, disabled, *wrap.Arn+" is disabled.")
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{KeyId: wrap.KeyId, CiphertextBlob: make([]byte, 256), EncryptionAlgorithm: new("RSAES_OAEP_SHA_256")}, disabled, *wrap.Arn+" is disabled.")

	// Whether the key made the ciphertext comes before all of these.
	sym := w.key(nil)
	blob := ok(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: sym.KeyId, Plaintext: []byte("x")}).CiphertextBlob
	empty := w.key(&kmsapi.CreateKeyInput{Origin: new("EXTERNAL")})
	for _, other := range []*kmsapi.KeyMetadata{mac, wrap, empty} {
		refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{KeyId: other.KeyId, CiphertextBlob: blob}, kmsapi.ErrIncorrectKeyException, wrongKeyText)
	}
	refused(w, admin, kmsapi.OpReEncrypt, &kmsapi.ReEncryptInput{CiphertextBlob: blob, DestinationKeyId: empty.KeyId}, kmsapi.ErrKMSInvalidStateException, *empty.Arn+" is pending import.")
}

func TestRSAEncryption(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	m := w.key(&kmsapi.CreateKeyInput{KeySpec: new("RSA_2048"), KeyUsage: new("ENCRYPT_DECRYPT")})
	p := ok(w, admin, kmsapi.OpGetPublicKey, &kmsapi.GetPublicKeyInput{KeyId: m.KeyId})
	if *p.KeyId != *m.Arn || *p.KeySpec != "RSA_2048" || *p.CustomerMasterKeySpec != "RSA_2048" || *p.KeyUsage != "ENCRYPT_DECRYPT" || len(p.EncryptionAlgorithms) != 2 || p.SigningAlgorithms != nil || p.KeyAgreementAlgorithms != nil {
		t.Errorf("%+v", p)
	}
	pub, err := x509.ParsePKIXPublicKey(p.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for alg, limit := range map[string]int{"RSAES_OAEP_SHA_1": 214, "RSAES_OAEP_SHA_256": 190} {
		enc := ok(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: m.KeyId, Plaintext: make([]byte, limit), EncryptionAlgorithm: &alg})
		if len(enc.CiphertextBlob) != 256 {
			t.Error(len(enc.CiphertextBlob))
		}
		d := ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{KeyId: m.KeyId, CiphertextBlob: enc.CiphertextBlob, EncryptionAlgorithm: &alg})
		if len(d.Plaintext) != limit || d.KeyMaterialId != nil {
			t.Errorf("%+v", d)
		}
		refused(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: m.KeyId, Plaintext: make([]byte, limit+1), EncryptionAlgorithm: &alg}, redoubt.ErrValidation,
			"Algorithm "+alg+" and key spec RSA_2048 cannot encrypt data larger than "+map[int]string{214: "214", 190: "190"}[limit]+" bytes.")
	}
	// The public half works outside.
	for alg, blob := range map[string][]byte{"RSAES_OAEP_SHA_1": outside(t, pub, false), "RSAES_OAEP_SHA_256": outside(t, pub, true)} {
		if d := ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{KeyId: m.KeyId, CiphertextBlob: blob, EncryptionAlgorithm: &alg}); string(d.Plaintext) != "outside" {
			t.Error(alg)
		}
	}
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{KeyId: m.KeyId, CiphertextBlob: make([]byte, 256), EncryptionAlgorithm: new("RSAES_OAEP_SHA_256")}, kmsapi.ErrInvalidCiphertextException, "")
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{KeyId: m.KeyId, CiphertextBlob: outside(t, pub, true)}, kmsapi.ErrInvalidCiphertextException, "")

	// ReEncrypt from RSA to symmetric.
	to := w.key(nil)
	re := ok(w, admin, kmsapi.OpReEncrypt, &kmsapi.ReEncryptInput{CiphertextBlob: outside(t, pub, true), SourceKeyId: m.KeyId, SourceEncryptionAlgorithm: new("RSAES_OAEP_SHA_256"), DestinationKeyId: to.KeyId, DestinationEncryptionContext: map[string]string{"a": "b"}})
	if *re.SourceKeyId != *m.Arn || *re.KeyId != *to.Arn || *re.SourceEncryptionAlgorithm != "RSAES_OAEP_SHA_256" || *re.DestinationEncryptionAlgorithm != "SYMMETRIC_DEFAULT" || re.SourceKeyMaterialId != nil || *re.DestinationKeyMaterialId != *to.CurrentKeyMaterialId {
		t.Errorf("%+v", re)
	}
	if d := ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: re.CiphertextBlob, EncryptionContext: map[string]string{"a": "b"}}); string(d.Plaintext) != "outside" {
		t.Error("re-encrypted")
	}
}

func outside(t *testing.T, pub any, strong bool) []byte {
	h := sha1.New()
	if strong {
		h = sha256.New()
	}
	b, err := rsa.EncryptOAEP(h, rand.Reader, pub.(*rsa.PublicKey), []byte("outside"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSignVerify(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	digest := sha256.Sum256([]byte("message"))
	long := sha512.Sum512([]byte("message"))
	for _, test := range []struct {
		spec, alg, typ string
		message        []byte
	}{
		{"RSA_2048", "RSASSA_PSS_SHA_256", "RAW", []byte("message")},
		{"RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512", "DIGEST", long[:]},
		{"ECC_NIST_P256", "ECDSA_SHA_256", "DIGEST", digest[:]},
		{"ECC_NIST_P521", "ECDSA_SHA_512", "RAW", []byte("message")},
		{"ECC_SECG_P256K1", "ECDSA_SHA_256", "RAW", []byte("message")},
		{"ECC_NIST_EDWARDS25519", "ED25519_SHA_512", "RAW", []byte("message")},
		{"ECC_NIST_EDWARDS25519", "ED25519_PH_SHA_512", "DIGEST", long[:]},
		{"ML_DSA_65", "ML_DSA_SHAKE_256", "RAW", []byte("message")},
		{"ML_DSA_44", "ML_DSA_SHAKE_256", "EXTERNAL_MU", long[:]},
	} {
		m := w.key(&kmsapi.CreateKeyInput{KeySpec: &test.spec, KeyUsage: new("SIGN_VERIFY")})
		s := ok(w, admin, kmsapi.OpSign, &kmsapi.SignInput{KeyId: m.KeyId, Message: test.message, MessageType: &test.typ, SigningAlgorithm: &test.alg})
		v := ok(w, admin, kmsapi.OpVerify, &kmsapi.VerifyInput{KeyId: m.KeyId, Message: test.message, MessageType: &test.typ, SigningAlgorithm: &test.alg, Signature: s.Signature})
		if !*v.SignatureValid || *v.KeyId != *m.Arn || *v.SigningAlgorithm != test.alg || *s.KeyId != *m.Arn {
			t.Errorf("%+v %+v", s, v)
		}
		bad := bytes.Clone(test.message)
		bad[0] ^= 1
		refused(w, admin, kmsapi.OpVerify, &kmsapi.VerifyInput{KeyId: m.KeyId, Message: bad, MessageType: &test.typ, SigningAlgorithm: &test.alg, Signature: s.Signature}, kmsapi.ErrKMSInvalidSignatureException, "")
		if test.typ == "DIGEST" {
			refused(w, admin, kmsapi.OpSign, &kmsapi.SignInput{KeyId: m.KeyId, Message: []byte("short"), MessageType: &test.typ, SigningAlgorithm: &test.alg}, redoubt.ErrValidation, "Digest is invalid length for algorithm "+test.alg+".")
		}
	}
	ed := w.key(&kmsapi.CreateKeyInput{KeySpec: new("ECC_NIST_EDWARDS25519"), KeyUsage: new("SIGN_VERIFY")})
	refused(w, admin, kmsapi.OpSign, &kmsapi.SignInput{KeyId: ed.KeyId, Message: long[:], MessageType: new("DIGEST"), SigningAlgorithm: new("ED25519_SHA_512")}, redoubt.ErrValidation, "Message type DIGEST is incompatible with algorithm ED25519_SHA_512.")
	refused(w, admin, kmsapi.OpSign, &kmsapi.SignInput{KeyId: ed.KeyId, Message: long[:], SigningAlgorithm: new("ED25519_PH_SHA_512")}, redoubt.ErrValidation, "Message type RAW is incompatible with algorithm ED25519_PH_SHA_512.")
	dsa := w.key(&kmsapi.CreateKeyInput{KeySpec: new("ML_DSA_44"), KeyUsage: new("SIGN_VERIFY")})
	refused(w, admin, kmsapi.OpSign, &kmsapi.SignInput{KeyId: dsa.KeyId, Message: long[:], MessageType: new("DIGEST"), SigningAlgorithm: new("ML_DSA_SHAKE_256")}, redoubt.ErrValidation, "Message type DIGEST is incompatible with key spec ML_DSA_44.")

	// A signature verifies outside.
	m := w.key(&kmsapi.CreateKeyInput{KeySpec: new("ECC_NIST_P256"), KeyUsage: new("SIGN_VERIFY")})
	s := ok(w, admin, kmsapi.OpSign, &kmsapi.SignInput{KeyId: m.KeyId, Message: []byte("message"), SigningAlgorithm: new("ECDSA_SHA_256")})
	pub, err := x509.ParsePKIXPublicKey(ok(w, admin, kmsapi.OpGetPublicKey, &kmsapi.GetPublicKeyInput{KeyId: m.KeyId}).PublicKey)
	if err != nil || !ecdsa.VerifyASN1(pub.(*ecdsa.PublicKey), digest[:], s.Signature) {
		t.Error("outside: ", err)
	}
}

func TestMac(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	m := w.key(&kmsapi.CreateKeyInput{KeySpec: new("HMAC_384"), KeyUsage: new("GENERATE_VERIFY_MAC")})
	g := ok(w, admin, kmsapi.OpGenerateMac, &kmsapi.GenerateMacInput{KeyId: m.KeyId, Message: []byte("m"), MacAlgorithm: new("HMAC_SHA_384")})
	if len(g.Mac) != 48 || *g.KeyId != *m.Arn || *g.MacAlgorithm != "HMAC_SHA_384" {
		t.Errorf("%+v", g)
	}
	v := ok(w, admin, kmsapi.OpVerifyMac, &kmsapi.VerifyMacInput{KeyId: m.KeyId, Message: []byte("m"), MacAlgorithm: new("HMAC_SHA_384"), Mac: g.Mac})
	if !*v.MacValid || *v.KeyId != *m.Arn {
		t.Errorf("%+v", v)
	}
	refused(w, admin, kmsapi.OpVerifyMac, &kmsapi.VerifyMacInput{KeyId: m.KeyId, Message: []byte("n"), MacAlgorithm: new("HMAC_SHA_384"), Mac: g.Mac}, kmsapi.ErrKMSInvalidMacException, "")
}

func TestDeriveSharedSecret(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	in := &kmsapi.CreateKeyInput{KeySpec: new("ECC_NIST_P384"), KeyUsage: new("KEY_AGREEMENT")}
	a, b := w.key(in), w.key(in)
	pa, pb := ok(w, admin, kmsapi.OpGetPublicKey, &kmsapi.GetPublicKeyInput{KeyId: a.KeyId}), ok(w, admin, kmsapi.OpGetPublicKey, &kmsapi.GetPublicKeyInput{KeyId: b.KeyId})
	if len(pa.KeyAgreementAlgorithms) != 1 || pa.SigningAlgorithms != nil {
		t.Errorf("%+v", pa)
	}
	x := ok(w, admin, kmsapi.OpDeriveSharedSecret, &kmsapi.DeriveSharedSecretInput{KeyId: a.KeyId, KeyAgreementAlgorithm: new("ECDH"), PublicKey: pb.PublicKey})
	y := ok(w, admin, kmsapi.OpDeriveSharedSecret, &kmsapi.DeriveSharedSecretInput{KeyId: b.KeyId, KeyAgreementAlgorithm: new("ECDH"), PublicKey: pa.PublicKey})
	if !bytes.Equal(x.SharedSecret, y.SharedSecret) || len(x.SharedSecret) != 48 || *x.KeyId != *a.Arn || *x.KeyOrigin != "AWS_KMS" || *x.KeyAgreementAlgorithm != "ECDH" {
		t.Errorf("%+v", x)
	}
	refused(w, admin, kmsapi.OpDeriveSharedSecret, &kmsapi.DeriveSharedSecretInput{KeyId: a.KeyId, KeyAgreementAlgorithm: new("ECDH"), PublicKey: []byte("InvalidPublicKey")}, redoubt.ErrValidation, "")
}

func TestDataKeys(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	m := w.key(nil)
	for _, test := range []struct {
		spec  *string
		bytes *int32
		want  int
	}{{new("AES_256"), nil, 32}, {new("AES_128"), nil, 16}, {nil, new(int32(64)), 64}} {
		g := ok(w, admin, kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{KeyId: m.KeyId, KeySpec: test.spec, NumberOfBytes: test.bytes, EncryptionContext: map[string]string{"a": "b"}})
		if len(g.Plaintext) != test.want || *g.KeyId != *m.Arn || *g.KeyMaterialId != *m.CurrentKeyMaterialId {
			t.Errorf("%+v", g)
		}
		d := ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: g.CiphertextBlob, EncryptionContext: map[string]string{"a": "b"}})
		if !bytes.Equal(d.Plaintext, g.Plaintext) {
			t.Error("data key")
		}
		refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: g.CiphertextBlob}, kmsapi.ErrInvalidCiphertextException, "")
	}
	const text = "Please specify either number of bytes or key spec."
	refused(w, admin, kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{KeyId: m.KeyId}, redoubt.ErrValidation, text)
	refused(w, admin, kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{KeyId: m.KeyId, KeySpec: new("AES_256"), NumberOfBytes: new(int32(1))}, redoubt.ErrValidation, text)
	refused(w, admin, kmsapi.OpGenerateDataKeyWithoutPlaintext, &kmsapi.GenerateDataKeyWithoutPlaintextInput{KeyId: m.KeyId}, redoubt.ErrValidation, text)
	blind := ok(w, admin, kmsapi.OpGenerateDataKeyWithoutPlaintext, &kmsapi.GenerateDataKeyWithoutPlaintextInput{KeyId: m.KeyId, KeySpec: new("AES_256")})
	if d := ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: blind.CiphertextBlob}); len(d.Plaintext) != 32 || bytes.Equal(d.Plaintext, make([]byte, 32)) {
		t.Error("data key without plaintext")
	}
	for _, spec := range []string{"RSA_2048", "ECC_NIST_P256", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519"} {
		p := ok(w, admin, kmsapi.OpGenerateDataKeyPair, &kmsapi.GenerateDataKeyPairInput{KeyId: m.KeyId, KeyPairSpec: &spec})
		d := ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: p.PrivateKeyCiphertextBlob})
		if !bytes.Equal(d.Plaintext, p.PrivateKeyPlaintext) || *p.KeyPairSpec != spec || *p.KeyId != *m.Arn || len(p.PublicKey) == 0 {
			t.Error(spec)
		}
	}
	pair := ok(w, admin, kmsapi.OpGenerateDataKeyPairWithoutPlaintext, &kmsapi.GenerateDataKeyPairWithoutPlaintextInput{KeyId: m.KeyId, KeyPairSpec: new("ECC_NIST_P256")})
	if d := ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: pair.PrivateKeyCiphertextBlob}); !isPrivateKeyOf(d.Plaintext, pair.PublicKey) {
		t.Error("the private half does not belong to the public one")
	}
	refused(w, admin, kmsapi.OpGenerateDataKeyPair, &kmsapi.GenerateDataKeyPairInput{KeyId: m.KeyId, KeyPairSpec: new("SM2")}, kmsapi.ErrUnsupportedOperationException, "*")
	refused(w, admin, kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{KeyId: m.KeyId, KeySpec: new("AES_256"), Recipient: &kmsapi.RecipientInfo{}}, kmsapi.ErrUnsupportedOperationException, "*")
}

func isPrivateKeyOf(private, public []byte) bool {
	key, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return false
	}
	der, err := x509.MarshalPKIXPublicKey(&key.(*ecdsa.PrivateKey).PublicKey)
	return err == nil && bytes.Equal(der, public)
}

func TestGenerateRandom(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	refused(w, admin, kmsapi.OpGenerateRandom, &kmsapi.GenerateRandomInput{}, redoubt.ErrValidation, "NumberOfBytes is required.")
	a, b := ok(w, admin, kmsapi.OpGenerateRandom, &kmsapi.GenerateRandomInput{NumberOfBytes: new(int32(1024))}), ok(w, admin, kmsapi.OpGenerateRandom, &kmsapi.GenerateRandomInput{NumberOfBytes: new(int32(1024))})
	if len(a.Plaintext) != 1024 || bytes.Equal(a.Plaintext, b.Plaintext) {
		t.Error("random")
	}
}

func TestDryRun(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	const text = "The request would have succeeded, but the DryRun option is set."
	dry := kmsapi.ErrDryRunOperationException
	m, sign, mac := w.key(nil), w.key(&kmsapi.CreateKeyInput{KeySpec: new("ECC_NIST_P256"), KeyUsage: new("SIGN_VERIFY")}), w.key(&kmsapi.CreateKeyInput{KeySpec: new("HMAC_256"), KeyUsage: new("GENERATE_VERIFY_MAC")})
	blob := w.ciphertext(*m.KeyId)
	refused(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: m.KeyId, Plaintext: []byte("x"), DryRun: new(true)}, dry, text)
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: blob, DryRun: new(true)}, dry, text)
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: []byte("bad"), KeyId: m.KeyId, DryRun: new(true)}, kmsapi.ErrInvalidCiphertextException, "")
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{KeyId: m.KeyId, DryRun: new(true), DryRunModifiers: []string{"IGNORE_CIPHERTEXT"}}, dry, text)
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{DryRun: new(true), DryRunModifiers: []string{"IGNORE_CIPHERTEXT"}}, redoubt.ErrValidation, "*")
	refused(w, admin, kmsapi.OpReEncrypt, &kmsapi.ReEncryptInput{CiphertextBlob: blob, DestinationKeyId: m.KeyId, DryRun: new(true)}, dry, text)
	refused(w, admin, kmsapi.OpReEncrypt, &kmsapi.ReEncryptInput{SourceKeyId: m.KeyId, DestinationKeyId: m.KeyId, DryRun: new(true), DryRunModifiers: []string{"IGNORE_CIPHERTEXT"}}, dry, text)
	refused(w, admin, kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{KeyId: m.KeyId, KeySpec: new("AES_256"), DryRun: new(true)}, dry, text)
	refused(w, admin, kmsapi.OpGenerateDataKeyPair, &kmsapi.GenerateDataKeyPairInput{KeyId: m.KeyId, KeyPairSpec: new("RSA_2048"), DryRun: new(true)}, dry, text)
	refused(w, admin, kmsapi.OpSign, &kmsapi.SignInput{KeyId: sign.KeyId, Message: []byte("m"), SigningAlgorithm: new("ECDSA_SHA_256"), DryRun: new(true)}, dry, text)
	refused(w, admin, kmsapi.OpVerify, &kmsapi.VerifyInput{KeyId: sign.KeyId, Message: []byte("m"), SigningAlgorithm: new("ECDSA_SHA_256"), Signature: w.signature(*sign.KeyId), DryRun: new(true)}, dry, text)
	refused(w, admin, kmsapi.OpGenerateMac, &kmsapi.GenerateMacInput{KeyId: mac.KeyId, Message: []byte("m"), MacAlgorithm: new("HMAC_SHA_256"), DryRun: new(true)}, dry, text)
	refused(w, admin, kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: m.KeyId, GranteePrincipal: new("arn:aws:iam::123456789012:user/u"), Operations: []string{"Encrypt"}, DryRun: new(true)}, dry, text)
	if l := ok(w, admin, kmsapi.OpListGrants, &kmsapi.ListGrantsInput{KeyId: m.KeyId}).Grants; len(l) != 0 {
		t.Error("a dry run made a grant")
	}
	// State and rights come first.
	ok(w, admin, kmsapi.OpDisableKey, &kmsapi.DisableKeyInput{KeyId: m.KeyId})
	refused(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: m.KeyId, Plaintext: []byte("x"), DryRun: new(true)}, kmsapi.ErrDisabledException, "*")
	refused(w, w.user(home, "nobody"), kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: m.KeyId, Plaintext: []byte("x"), DryRun: new(true)}, redoubt.ErrAccessDenied, "*")
}

func TestLastUsage(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	m := w.key(nil)
	u := ok(w, admin, kmsapi.OpGetKeyLastUsage, &kmsapi.GetKeyLastUsageInput{KeyId: m.KeyId})
	if u.KeyLastUsage != nil || !u.KeyCreationDate.Equal(*m.CreationDate) || !u.TrackingStartDate.Equal(*m.CreationDate) || *u.KeyId != *m.KeyId {
		t.Errorf("%+v", u)
	}
	w.advance(time.Hour)
	ok(w, admin, kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{KeyId: m.KeyId, KeySpec: new("AES_256")})
	check := func() {
		t.Helper()
		u := ok(w, admin, kmsapi.OpGetKeyLastUsage, &kmsapi.GetKeyLastUsageInput{KeyId: m.KeyId}).KeyLastUsage
		if u == nil || *u.Operation != "GenerateDataKey" || !u.Timestamp.Equal(w.clock.Now()) || *u.KmsRequestId == "" {
			t.Errorf("%+v", u)
		}
	}
	check()
	w.flush(t.Context())
	check()
	refused(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: m.KeyId, Plaintext: []byte("x"), DryRun: new(true)}, kmsapi.ErrDryRunOperationException, "*")
	check()
}
