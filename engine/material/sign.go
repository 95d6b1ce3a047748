package material

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // OAEP and key wrapping name their hashes by crypto.Hash
	_ "crypto/sha256"
	_ "crypto/sha512"
	"slices"

	"filippo.io/mldsa"
	"filippo.io/mldsa/mldsacrypto"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// Sign signs message with the private key. Signatures are as KMS gives them:
// PKCS #1 (RFC 8017) for RSA, with PSS salts as long as the hash; DER for
// ECDSA; the 64 bytes of RFC 8032 for Ed25519; FIPS 204's for ML-DSA.
//
// typ Raw hashes the message, Digest takes it as the algorithm's hash
// (ErrDigest if its length is another), ExternalMu as ML-DSA's 64-byte μ.
// ErrAlgorithm if spec, alg and typ do not fit together: Ed25519SHA512 takes
// Raw only, Ed25519PHSHA512 Digest only, ML-DSA no Digest.
func Sign(alg string, spec Spec, m Material, typ MessageType, message []byte) (signature []byte, err error) {
	input, hash, err := signed(alg, spec, typ, message)
	if err != nil {
		return nil, err
	}
	harden.Do(func() {
		var key any
		if key, err = decodePrivate(spec, m); err == nil {
			signature, err = sign(alg, key, hash, typ, input)
		}
	})
	return signature, err
}

func sign(alg string, key any, hash crypto.Hash, typ MessageType, input []byte) ([]byte, error) {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if isPSS(alg) {
			return rsa.SignPSS(rand.Reader, key, hash, input, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(nil, key, hash, input)
	case *ecdsa.PrivateKey:
		return ecdsa.SignASN1(rand.Reader, key, input)
	case *secp256k1.PrivateKey:
		defer key.Zero()
		return signSecp256k1(key, input), nil
	case ed25519.PrivateKey:
		return key.Sign(nil, input, &ed25519.Options{Hash: hash})
	case *mldsa.PrivateKey:
		if typ == ExternalMu {
			return key.Sign(nil, input, mldsacrypto.MLDSAMu)
		}
		return key.Sign(nil, input, &mldsa.Options{})
	}
	return nil, ErrAlgorithm
}

// Verify is nil when signature is one of message by the owner of the public key
// (SubjectPublicKeyInfo DER), and ErrSignature when not; other errors as Sign.
func Verify(alg string, spec Spec, spki []byte, typ MessageType, message, signature []byte) error {
	input, hash, err := signed(alg, spec, typ, message)
	if err != nil {
		return err
	}
	key, err := decodePublic(spec, spki)
	if err != nil {
		return err
	}
	if !verify(alg, key, hash, typ, input, signature) {
		return ErrSignature
	}
	return nil
}

func verify(alg string, key any, hash crypto.Hash, typ MessageType, input, signature []byte) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if isPSS(alg) {
			return rsa.VerifyPSS(key, hash, input, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(key, hash, input, signature) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, input, signature)
	case *secp256k1.PublicKey:
		return verifySecp256k1(key, input, signature)
	case ed25519.PublicKey:
		return ed25519.VerifyWithOptions(key, input, signature, &ed25519.Options{Hash: hash}) == nil
	case *mldsa.PublicKey:
		if typ == ExternalMu {
			return verifyExternalMu(key, input, signature)
		}
		return mldsa.Verify(key, input, signature, nil) == nil
	}
	return false
}

// signed checks that algorithm, spec and message type fit, and answers what the
// primitive is given: the hash of a raw message, or the message itself.
func signed(alg string, spec Spec, typ MessageType, message []byte) (input []byte, hash crypto.Hash, err error) {
	if !slices.Contains(spec.Algorithms(SignVerify).Signing, alg) {
		return nil, 0, ErrAlgorithm
	}
	switch alg {
	case MLDSASHAKE256:
		switch {
		case typ == Raw:
			return message, 0, nil
		case typ != ExternalMu:
			return nil, 0, ErrAlgorithm
		case len(message) != 64:
			return nil, 0, ErrDigest
		}
		return message, 0, nil
	case Ed25519SHA512:
		if typ != Raw {
			return nil, 0, ErrAlgorithm
		}
		return message, 0, nil
	case PSSSHA256, PKCS1SHA256, ECDSASHA256:
		hash = crypto.SHA256
	case PSSSHA384, PKCS1SHA384, ECDSASHA384:
		hash = crypto.SHA384
	default:
		hash = crypto.SHA512
	}
	switch {
	case typ == Digest && len(message) != hash.Size():
		return nil, 0, ErrDigest
	case typ == Digest && alg != Ed25519PHSHA512:
		return message, hash, nil
	case typ == Raw && alg != Ed25519PHSHA512, typ == Digest:
		// Ed25519ph takes a digest and hashes it once more: KMS performs the
		// prehash of FIPS 186-5 section 7.8.1 on what it is given (Sign,
		// MessageType).
		h := hash.New()
		h.Write(message)
		return h.Sum(nil), hash, nil
	}
	return nil, 0, ErrAlgorithm
}

func isPSS(alg string) bool { return alg == PSSSHA256 || alg == PSSSHA384 || alg == PSSSHA512 }
