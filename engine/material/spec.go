package material

import (
	"crypto/fips140"
	"errors"
	"slices"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// Material is the secret of one key, in the encoding that the package comment
// gives.
type Material []byte

// Wipe overwrites the material with zeros.
func (m Material) Wipe() { harden.Wipe(m) }

// Spec is a key spec by its KMS name.
type Spec string

// The key specs. SM2 exists in AWS's China regions only and is refused.
const (
	Symmetric Spec = "SYMMETRIC_DEFAULT" // AES-256
	RSA2048   Spec = "RSA_2048"
	RSA3072   Spec = "RSA_3072"
	RSA4096   Spec = "RSA_4096"
	P256      Spec = "ECC_NIST_P256"
	P384      Spec = "ECC_NIST_P384"
	P521      Spec = "ECC_NIST_P521"
	Secp256k1 Spec = "ECC_SECG_P256K1"
	Ed25519   Spec = "ECC_NIST_EDWARDS25519"
	HMAC224   Spec = "HMAC_224"
	HMAC256   Spec = "HMAC_256"
	HMAC384   Spec = "HMAC_384"
	HMAC512   Spec = "HMAC_512"
	MLDSA44   Spec = "ML_DSA_44"
	MLDSA65   Spec = "ML_DSA_65"
	MLDSA87   Spec = "ML_DSA_87"
	SM2       Spec = "SM2"
)

// Usage is a key usage by its KMS name.
type Usage string

// The key usages.
const (
	EncryptDecrypt    Usage = "ENCRYPT_DECRYPT"
	SignVerify        Usage = "SIGN_VERIFY"
	GenerateVerifyMAC Usage = "GENERATE_VERIFY_MAC"
	KeyAgreement      Usage = "KEY_AGREEMENT"
)

// Errors of this package, each for one reason that a service may have to tell
// apart. None carries key material or message content.
var (
	ErrSpec       = errors.New("material: key spec not supported here")
	ErrAlgorithm  = errors.New("material: algorithm does not fit the key spec")
	ErrDigest     = errors.New("material: digest has the wrong length for the algorithm")
	ErrLength     = errors.New("material: message too long for the key")
	ErrCiphertext = errors.New("material: ciphertext does not decrypt under this key and context")
	ErrSignature  = errors.New("material: signature or MAC is not valid")
	ErrPublicKey  = errors.New("material: public key is malformed or of another kind")
	ErrMaterial   = errors.New("material: key material is malformed or does not fit the key spec")
)

// Algorithms are the algorithms of a spec by usage, by their KMS names and in
// the order in which DescribeKey lists them.
type Algorithms struct {
	Encryption []string
	Signing    []string
	MAC        []string
	Agreement  []string
}

// Usages answers the usages that a spec allows; nil if it is not supported. With
// GODEBUG=fips140=only that includes secp256k1, which is not approved, and ML-DSA,
// whose implementation here is outside of Go's validated module.
func (s Spec) Usages() []Usage {
	if fips140.Enforced() && (s == Secp256k1 || s.mldsa()) {
		return nil
	}
	switch s {
	case Symmetric:
		return []Usage{EncryptDecrypt}
	case RSA2048, RSA3072, RSA4096:
		return []Usage{EncryptDecrypt, SignVerify}
	case P256, P384, P521:
		return []Usage{SignVerify, KeyAgreement}
	case Secp256k1, Ed25519, MLDSA44, MLDSA65, MLDSA87:
		return []Usage{SignVerify}
	case HMAC224, HMAC256, HMAC384, HMAC512:
		return []Usage{GenerateVerifyMAC}
	}
	return nil
}

// Allows reports whether keys of the spec can have the usage.
func (s Spec) Allows(u Usage) bool { return slices.Contains(s.Usages(), u) }

// Asymmetric reports whether keys of the spec have a public half.
func (s Spec) Asymmetric() bool {
	u := s.Usages()
	return u != nil && s != Symmetric && u[0] != GenerateVerifyMAC
}

// Algorithms answers what a key of the spec and usage can do.
func (s Spec) Algorithms(u Usage) Algorithms {
	if !s.Allows(u) {
		return Algorithms{}
	}
	switch u {
	case EncryptDecrypt:
		if s == Symmetric {
			return Algorithms{Encryption: []string{SymmetricDefault}}
		}
		if fips140.Enforced() {
			return Algorithms{Encryption: []string{OAEPSHA256}}
		}
		return Algorithms{Encryption: []string{OAEPSHA1, OAEPSHA256}}
	case KeyAgreement:
		return Algorithms{Agreement: []string{ECDH}}
	}
	switch s {
	case RSA2048, RSA3072, RSA4096:
		return Algorithms{Signing: []string{
			PKCS1SHA256, PKCS1SHA384, PKCS1SHA512, PSSSHA256, PSSSHA384, PSSSHA512}}
	case P256, Secp256k1:
		return Algorithms{Signing: []string{ECDSASHA256}}
	case P384:
		return Algorithms{Signing: []string{ECDSASHA384}}
	case P521:
		return Algorithms{Signing: []string{ECDSASHA512}}
	case Ed25519:
		return Algorithms{Signing: []string{Ed25519SHA512, Ed25519PHSHA512}}
	case MLDSA44, MLDSA65, MLDSA87:
		return Algorithms{Signing: []string{MLDSASHAKE256}}
	case HMAC224:
		return Algorithms{MAC: []string{HMACSHA224}}
	case HMAC256:
		return Algorithms{MAC: []string{HMACSHA256}}
	case HMAC384:
		return Algorithms{MAC: []string{HMACSHA384}}
	case HMAC512:
		return Algorithms{MAC: []string{HMACSHA512}}
	}
	return Algorithms{}
}

// Algorithms by their KMS names.
const (
	SymmetricDefault = "SYMMETRIC_DEFAULT"
	OAEPSHA1         = "RSAES_OAEP_SHA_1"
	OAEPSHA256       = "RSAES_OAEP_SHA_256"

	PSSSHA256       = "RSASSA_PSS_SHA_256"
	PSSSHA384       = "RSASSA_PSS_SHA_384"
	PSSSHA512       = "RSASSA_PSS_SHA_512"
	PKCS1SHA256     = "RSASSA_PKCS1_V1_5_SHA_256"
	PKCS1SHA384     = "RSASSA_PKCS1_V1_5_SHA_384"
	PKCS1SHA512     = "RSASSA_PKCS1_V1_5_SHA_512"
	ECDSASHA256     = "ECDSA_SHA_256"
	ECDSASHA384     = "ECDSA_SHA_384"
	ECDSASHA512     = "ECDSA_SHA_512"
	Ed25519SHA512   = "ED25519_SHA_512"
	Ed25519PHSHA512 = "ED25519_PH_SHA_512"
	MLDSASHAKE256   = "ML_DSA_SHAKE_256"

	HMACSHA224 = "HMAC_SHA_224"
	HMACSHA256 = "HMAC_SHA_256"
	HMACSHA384 = "HMAC_SHA_384"
	HMACSHA512 = "HMAC_SHA_512"

	ECDH = "ECDH"

	AESKeyWrapSHA1   = "RSA_AES_KEY_WRAP_SHA_1"
	AESKeyWrapSHA256 = "RSA_AES_KEY_WRAP_SHA_256"
	PKCS1Wrap        = "RSAES_PKCS1_V1_5" // known and refused, as AWS does since 2023
)

// MessageType says what Sign and Verify are given.
type MessageType string

// The message types.
const (
	Raw        MessageType = "RAW"
	Digest     MessageType = "DIGEST"
	ExternalMu MessageType = "EXTERNAL_MU" // ML-DSA only: the 64-byte μ of FIPS 204
)
