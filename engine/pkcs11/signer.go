package pkcs11

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// GenerateRSA makes an RSA key pair for signing inside the token; the private
// half stays there. bits is 2048, 3072 or 4096.
func (t *Token) GenerateRSA(ctx context.Context, id []byte, label string, bits int) error {
	return t.generatePair(ctx, id, label, ckmRSAKeyPairGen, []attribute{
		number(ckaModulusBits, uint64(bits)), {ckaPublicExponent, []byte{1, 0, 1}},
	})
}

// GenerateEC makes an ECDSA key pair inside the token; the private half stays
// there.
func (t *Token) GenerateEC(ctx context.Context, id []byte, label string, curve elliptic.Curve) error {
	for _, c := range curves() {
		if c.curve == curve {
			params, err := asn1.Marshal(c.oid)
			if err != nil {
				return err
			}
			return t.generatePair(ctx, id, label, ckmECKeyPairGen, []attribute{{ckaECParams, params}})
		}
	}
	return errors.New("pkcs11: curve not supported")
}

type namedCurve struct {
	oid   asn1.ObjectIdentifier
	curve elliptic.Curve
}

func curves() []namedCurve { // RFC 5480 section 2.1.1.1
	return []namedCurve{
		{asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}, elliptic.P256()},
		{asn1.ObjectIdentifier{1, 3, 132, 0, 34}, elliptic.P384()},
		{asn1.ObjectIdentifier{1, 3, 132, 0, 35}, elliptic.P521()},
	}
}

func (t *Token) generatePair(ctx context.Context, id []byte, label string, mechanism uintptr, special []attribute) error {
	if len(id) == 0 {
		return errors.New("pkcs11: a key needs an id")
	}
	return t.do(ctx, func(session uintptr) error {
		if err := t.absent(session, object{ckoPrivateKey, string(id)}); err != nil {
			return err
		}
		var f frame
		defer f.unpin()
		public, publics, _ := f.template(append(special,
			truth(ckaToken, true), truth(ckaVerify, true), attribute{ckaID, id}, attribute{ckaLabel, []byte(label)}))
		private, privates, _ := f.template([]attribute{
			truth(ckaToken, true), truth(ckaPrivate, true), truth(ckaSensitive, true), truth(ckaExtractable, false),
			truth(ckaSign, true), {ckaID, id}, {ckaLabel, []byte(label)},
		})
		return t.module.lib.call(fnGenerateKeyPair, session, f.mechanism(mechanism, nil), public, publics, private, privates,
			f.words([]uintptr{0}), f.words([]uintptr{0}))
	})
}

// Signer answers the key pair with an id as a crypto.Signer: RSA by PKCS #1
// v1.5 or PSS, ECDSA in DER, over SHA-256, SHA-384 and SHA-512.
func (t *Token) Signer(ctx context.Context, id []byte) (crypto.Signer, error) {
	s := &signer{token: t, id: string(id)}
	err := t.do(ctx, func(session uintptr) error {
		h, err := t.handle(session, object{ckoPublicKey, s.id})
		if err != nil {
			return err
		}
		kind, err := t.attributes(session, h, ckaKeyType)
		if err != nil {
			return err
		}
		switch {
		case len(kind[0]) > 0 && kind[0][0] == ckkRSA:
			v, err := t.attributes(session, h, ckaModulus, ckaPublicExponent)
			if err != nil {
				return err
			}
			e := new(big.Int).SetBytes(v[1])
			if !e.IsInt64() || e.Int64() > 1<<31-1 {
				return errors.New("pkcs11: RSA exponent too large")
			}
			s.public = &rsa.PublicKey{N: new(big.Int).SetBytes(v[0]), E: int(e.Int64())}
		case len(kind[0]) > 0 && kind[0][0] == ckkEC:
			v, err := t.attributes(session, h, ckaECParams, ckaECPoint)
			if err != nil {
				return err
			}
			s.public, err = ecPublic(v[0], v[1])
			return err
		default:
			return errors.New("pkcs11: key type not supported")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func ecPublic(params, point []byte) (*ecdsa.PublicKey, error) {
	var oid asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(params, &oid); err != nil {
		return nil, errors.New("pkcs11: curve not supported")
	}
	// The point should be in an octet string; some modules leave that away.
	var raw []byte
	if rest, err := asn1.Unmarshal(point, &raw); err != nil || len(rest) > 0 {
		raw = point
	}
	for _, c := range curves() {
		if c.oid.Equal(oid) {
			return ecdsa.ParseUncompressedPublicKey(c.curve, raw)
		}
	}
	return nil, errors.New("pkcs11: curve not supported")
}

type signer struct {
	token  *Token
	id     string
	public crypto.PublicKey
}

// Public implements crypto.Signer.
func (s *signer) Public() crypto.PublicKey { return s.public }

// Sign implements crypto.Signer; the random source is the token's own.
func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) (signature []byte, err error) {
	hash := opts.HashFunc()
	names, ok := hashNames(hash)
	if !ok || len(digest) != hash.Size() {
		return nil, fmt.Errorf("pkcs11: a digest of %d bytes does not fit %v", len(digest), hash)
	}
	mechanism, params, input := uintptr(ckmECDSA), []uintptr(nil), digest
	if _, isRSA := s.public.(*rsa.PublicKey); isRSA {
		if pss, ok := opts.(*rsa.PSSOptions); ok {
			if pss.SaltLength != rsa.PSSSaltLengthEqualsHash && pss.SaltLength != hash.Size() {
				return nil, errors.New("pkcs11: PSS salts are as long as the hash")
			}
			mechanism, params = ckmRSAPSS, []uintptr{names.mechanism, names.mgf, uintptr(hash.Size())}
		} else {
			mechanism, input = ckmRSAPKCS, append(append([]byte(nil), names.prefix...), digest...)
		}
	}
	err = s.token.do(context.Background(), func(session uintptr) error {
		h, err := s.token.handle(session, object{ckoPrivateKey, s.id})
		if err != nil {
			return err
		}
		var f frame
		defer f.unpin()
		if err := s.token.module.lib.call(fnSignInit, session, f.mechanism(mechanism, params), h); err != nil {
			return err
		}
		out := make([]byte, 1024)
		n := []uintptr{uintptr(len(out))}
		if err := s.token.module.lib.call(fnSign, session, f.bytes(input), uintptr(len(input)), f.bytes(out), f.words(n)); err != nil {
			return err
		}
		signature = out[:min(n[0], uintptr(len(out)))]
		return nil
	})
	if err == nil && mechanism == ckmECDSA {
		// The token answers r ‖ s.
		half := len(signature) / 2
		return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])})
	}
	return signature, err
}

type hashName struct {
	mechanism, mgf uintptr
	prefix         []byte // DigestInfo, RFC 8017 section 9.2
}

func hashNames(h crypto.Hash) (hashName, bool) {
	prefix := func(arc, size byte) []byte {
		return []byte{0x30, 17 + size, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc, 0x05, 0x00, 0x04, size}
	}
	switch h {
	case crypto.SHA256:
		return hashName{ckmSHA256, ckgMGF1SHA256, prefix(1, 32)}, true
	case crypto.SHA384:
		return hashName{ckmSHA384, ckgMGF1SHA384, prefix(2, 48)}, true
	case crypto.SHA512:
		return hashName{ckmSHA512, ckgMGF1SHA512, prefix(3, 64)}, true
	}
	return hashName{}, false
}
