package material

import (
	"bytes"
	"crypto/fips140"
	"crypto/rsa"

	"filippo.io/mldsa"
	mldsax509 "filippo.io/mldsa/x509"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// CanImport reports whether material of a spec may come wrapped by alg under a
// wrapping key of spec wrapping (GetParametersForImport, WrappingAlgorithm):
// RSA private keys need RSA_AES_KEY_WRAP, symmetric and HMAC keys do without,
// and P-521's do not fit OAEP under RSA_2048.
func CanImport(spec Spec, alg string, wrapping Spec) bool {
	if wrapping.bits() == 0 || spec.Usages() == nil {
		return false
	}
	if fips140.Enforced() && (alg == OAEPSHA1 || alg == AESKeyWrapSHA1) {
		return false
	}
	switch alg {
	case OAEPSHA1, OAEPSHA256:
		return spec.bits() == 0 && !(spec == P521 && wrapping == RSA2048)
	case AESKeyWrapSHA1, AESKeyWrapSHA256:
		return spec.Asymmetric()
	}
	return false
}

// Import unwraps key material for a spec with the private wrapping key, checks
// that it fits (Check) and answers it in this package's encoding. ErrAlgorithm
// if CanImport says no, ErrCiphertext if it does not decrypt, ErrMaterial if
// what it decrypts to is not a key of the spec.
func Import(spec Spec, alg string, wrapping Spec, private Material, encrypted []byte) (m Material, err error) {
	if !CanImport(spec, alg, wrapping) {
		return nil, ErrAlgorithm
	}
	var plain []byte
	switch alg {
	case AESKeyWrapSHA1, AESKeyWrapSHA256:
		// PKCS #11 CKM_RSA_AES_KEY_WRAP: the AES key under OAEP, as long as the
		// modulus, then the material under it.
		oaep := OAEPSHA1
		if alg == AESKeyWrapSHA256 {
			oaep = OAEPSHA256
		}
		size := wrapping.bits() / 8
		if len(encrypted) <= size {
			return nil, ErrCiphertext
		}
		kek, err := DecryptOAEP(oaep, wrapping, private, encrypted[:size])
		if err != nil {
			return nil, err
		}
		defer harden.Wipe(kek)
		if plain, err = UnwrapKey(kek, encrypted[size:]); err != nil {
			return nil, err
		}
	default:
		if plain, err = DecryptOAEP(alg, wrapping, private, encrypted); err != nil {
			return nil, err
		}
	}
	defer harden.Wipe(plain)
	return Check(spec, plain)
}

// Check answers material that came from outside in this package's encoding, or
// ErrMaterial if it is not a key of the spec, ErrSpec if the spec is not
// supported. Raw keys must have the spec's length; private keys come as PKCS#8
// DER, ML-DSA's with the seed (RFC 9881 section 6), and are checked against
// their public halves. The result is a copy.
func Check(spec Spec, plain []byte) (m Material, err error) {
	harden.Do(func() { m, err = check(spec, plain) })
	return m, err
}

func check(spec Spec, plain []byte) (Material, error) {
	switch {
	case spec.Usages() == nil:
		return nil, ErrSpec
	case len(plain) > maxDER:
		return nil, ErrMaterial
	case spec.mldsa():
		parsed, err := mldsax509.ParsePKCS8PrivateKey(plain)
		key, ok := parsed.(*mldsa.PrivateKey)
		if err != nil || !ok || key.PublicKey().Parameters() != spec.parameters() {
			return nil, ErrMaterial
		}
		return key.Bytes(), nil
	case spec.rawSize() > 0:
		if len(plain) != spec.rawSize() {
			return nil, ErrMaterial
		}
		return bytes.Clone(plain), nil
	}
	key, err := decodePrivate(spec, plain)
	if err != nil {
		return nil, err
	}
	if key, ok := key.(*rsa.PrivateKey); ok && key.Validate() != nil {
		return nil, ErrMaterial
	}
	// Encoded anew, so that attributes and other spellings of the same key do
	// not make it another material.
	return encodePrivate(key)
}

// Private answers the PKCS#8 DER of asymmetric material, as it may be handed
// to clients (data key pairs) or to other software.
func Private(spec Spec, m Material) (der []byte, err error) {
	if !spec.Asymmetric() {
		return nil, ErrSpec
	}
	if !spec.mldsa() {
		return bytes.Clone(m), nil
	}
	harden.Do(func() {
		var key *mldsa.PrivateKey
		if key, err = mldsa.NewPrivateKey(spec.parameters(), m); err == nil {
			der, err = mldsax509.MarshalPKCS8PrivateKey(key)
		}
	})
	return der, err
}
