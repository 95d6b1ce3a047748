package kms

import (
	"context"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
)

// Sign signs a message or its digest.
func (s *Service) Sign(ctx context.Context, c *redoubt.Call, in *kmsapi.SignInput) (*kmsapi.SignOutput, error) {
	k, err := s.usable(ctx, c, in.KeyId, material.SignVerify, "Sign")
	if err != nil {
		return nil, err
	}
	alg, typ := value(in.SigningAlgorithm), messageType(in.MessageType)
	if err := signs(k, alg, typ); err != nil {
		return nil, err
	}
	m, err := s.unseal(k, k.current())
	if err != nil {
		return nil, err
	}
	defer m.Wipe()
	signature, err := material.Sign(alg, k.Spec, m, typ, in.Message)
	if err != nil {
		return nil, engine(err, k, alg)
	}
	if value(in.DryRun) {
		return nil, dryRun()
	}
	s.used(ctx, c, k, kmsapi.KeyLastUsageTrackingOperationSign)
	return &kmsapi.SignOutput{KeyId: &k.ARN, Signature: signature, SigningAlgorithm: &alg}, nil
}

// Verify answers only for valid signatures; others are refused.
func (s *Service) Verify(ctx context.Context, c *redoubt.Call, in *kmsapi.VerifyInput) (*kmsapi.VerifyOutput, error) {
	k, err := s.usable(ctx, c, in.KeyId, material.SignVerify, "Verify")
	if err != nil {
		return nil, err
	}
	alg, typ := value(in.SigningAlgorithm), messageType(in.MessageType)
	if err := signs(k, alg, typ); err != nil {
		return nil, err
	}
	switch err := material.Verify(alg, k.Spec, k.PublicKey, typ, in.Message, in.Signature); {
	case errors.Is(err, material.ErrSignature):
		return nil, kmsapi.ErrKMSInvalidSignatureException.Bare()
	case err != nil:
		return nil, engine(err, k, alg)
	}
	if value(in.DryRun) {
		return nil, dryRun()
	}
	s.used(ctx, c, k, kmsapi.KeyLastUsageTrackingOperationVerify)
	return &kmsapi.VerifyOutput{KeyId: &k.ARN, SignatureValid: new(true), SigningAlgorithm: &alg}, nil
}

func messageType(p *string) material.MessageType {
	if p == nil {
		return material.Raw
	}
	return material.MessageType(*p)
}

// signs refuses an algorithm that the key has not, or a message type that the
// algorithm does not take.
func signs(k *Key, alg string, typ material.MessageType) error {
	for _, a := range k.Spec.Algorithms(k.Usage).Signing {
		if a != alg {
			continue
		}
		ok := typ == material.Raw || typ == material.Digest
		switch alg {
		case material.Ed25519SHA512:
			ok = typ == material.Raw
		case material.Ed25519PHSHA512:
			ok = typ == material.Digest
		case material.MLDSASHAKE256:
			ok = typ == material.Raw || typ == material.ExternalMu
		}
		if !ok {
			what := "algorithm " + alg
			if alg == material.MLDSASHAKE256 {
				what = "key spec " + string(k.Spec)
			}
			return redoubt.ErrValidation.New("Message type %s is incompatible with %s.", typ, what)
		}
		return nil
	}
	return wrongAlgorithm(k, alg)
}

// GetPublicKey answers the public half of an asymmetric key.
func (s *Service) GetPublicKey(ctx context.Context, c *redoubt.Call, in *kmsapi.GetPublicKeyInput) (*kmsapi.GetPublicKeyOutput, error) {
	k, err := s.key(ctx, c, in.KeyId, byAlias)
	if err != nil {
		return nil, err
	}
	if err := s.allows(ctx, k, c.Operation); err != nil {
		return nil, err
	}
	if !k.Spec.Asymmetric() {
		return nil, kmsapi.ErrUnsupportedOperationException.Bare()
	}
	alg := k.Spec.Algorithms(k.Usage)
	return &kmsapi.GetPublicKeyOutput{
		KeyId: &k.ARN, PublicKey: k.PublicKey,
		KeySpec: new(string(k.Spec)), CustomerMasterKeySpec: new(string(k.Spec)), KeyUsage: new(string(k.Usage)),
		EncryptionAlgorithms: alg.Encryption, SigningAlgorithms: alg.Signing, KeyAgreementAlgorithms: alg.Agreement,
	}, nil
}

// DeriveSharedSecret answers the raw ECDH secret with a peer's public key.
func (s *Service) DeriveSharedSecret(ctx context.Context, c *redoubt.Call, in *kmsapi.DeriveSharedSecretInput) (*kmsapi.DeriveSharedSecretOutput, error) {
	if err := noRecipient(in.Recipient); err != nil {
		return nil, err
	}
	k, err := s.usable(ctx, c, in.KeyId, material.KeyAgreement, "DeriveSharedSecret")
	if err != nil {
		return nil, err
	}
	m, err := s.unseal(k, k.current())
	if err != nil {
		return nil, err
	}
	defer m.Wipe()
	secret, err := material.Agree(k.Spec, m, in.PublicKey)
	if err != nil {
		return nil, engine(err, k, material.ECDH)
	}
	if value(in.DryRun) {
		material.Material(secret).Wipe()
		return nil, dryRun()
	}
	s.used(ctx, c, k, kmsapi.KeyLastUsageTrackingOperationDeriveSharedSecret)
	return &kmsapi.DeriveSharedSecretOutput{KeyId: &k.ARN, SharedSecret: secret, KeyAgreementAlgorithm: in.KeyAgreementAlgorithm, KeyOrigin: &k.Origin}, nil
}
