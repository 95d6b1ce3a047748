package kms

import (
	"context"
	"crypto/rand"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
)

// GenerateDataKey makes a data key: in the clear, and under a symmetric key.
func (s *Service) GenerateDataKey(ctx context.Context, c *redoubt.Call, in *kmsapi.GenerateDataKeyInput) (*kmsapi.GenerateDataKeyOutput, error) {
	if err := noRecipient(in.Recipient); err != nil {
		return nil, err
	}
	d := dataKey{in.KeyId, in.NumberOfBytes, in.KeySpec, in.EncryptionContext, value(in.DryRun)}
	k, plaintext, blob, id, err := s.dataKey(ctx, c, d)
	if err != nil {
		return nil, err
	}
	s.used(ctx, c, k, kmsapi.KeyLastUsageTrackingOperationGenerateDataKey)
	return &kmsapi.GenerateDataKeyOutput{CiphertextBlob: blob, Plaintext: plaintext, KeyId: &k.ARN, KeyMaterialId: id}, nil
}

// GenerateDataKeyWithoutPlaintext makes a data key that nobody sees yet.
func (s *Service) GenerateDataKeyWithoutPlaintext(ctx context.Context, c *redoubt.Call, in *kmsapi.GenerateDataKeyWithoutPlaintextInput) (*kmsapi.GenerateDataKeyWithoutPlaintextOutput, error) {
	d := dataKey{in.KeyId, in.NumberOfBytes, in.KeySpec, in.EncryptionContext, value(in.DryRun)}
	k, plaintext, blob, id, err := s.dataKey(ctx, c, d)
	if err != nil {
		return nil, err
	}
	material.Material(plaintext).Wipe()
	s.used(ctx, c, k, kmsapi.KeyLastUsageTrackingOperationGenerateDataKeyWithoutPlaintext)
	return &kmsapi.GenerateDataKeyWithoutPlaintextOutput{CiphertextBlob: blob, KeyId: &k.ARN, KeyMaterialId: id}, nil
}

// dataKey is what both ask for.
type dataKey struct {
	key     *string
	bytes   *int32
	spec    *string
	context map[string]string
	dryRun  bool
}

func (s *Service) dataKey(ctx context.Context, c *redoubt.Call, d dataKey) (k *Key, plaintext, blob []byte, id *string, err error) {
	if k, err = s.wraps(ctx, c, d.key); err != nil {
		return nil, nil, nil, nil, err
	}
	size := value(d.bytes)
	if d.spec != nil {
		size = map[string]int32{kmsapi.DataKeySpecAes128: 16, kmsapi.DataKeySpecAes256: 32}[*d.spec]
	}
	if d.dryRun {
		return nil, nil, nil, nil, dryRun()
	}
	plaintext = make([]byte, size)
	rand.Read(plaintext)
	blob, id, err = s.encrypt(ctx, c, k, material.SymmetricDefault, d.context, plaintext)
	return k, plaintext, blob, id, err
}

// checkDataKeySize refuses requests that say the length twice, or not at all.
func checkDataKeySize(bytes *int32, spec *string) error {
	if (bytes == nil) == (spec == nil) {
		return redoubt.ErrValidation.New("Please specify either number of bytes or key spec.")
	}
	return nil
}

// GenerateDataKeyPair makes a key pair: the private half in the clear and under
// a symmetric key.
func (s *Service) GenerateDataKeyPair(ctx context.Context, c *redoubt.Call, in *kmsapi.GenerateDataKeyPairInput) (*kmsapi.GenerateDataKeyPairOutput, error) {
	if err := noRecipient(in.Recipient); err != nil {
		return nil, err
	}
	p, err := s.dataKeyPair(ctx, c, in.KeyId, in.KeyPairSpec, in.EncryptionContext, value(in.DryRun))
	if err != nil {
		return nil, err
	}
	s.used(ctx, c, p.key, kmsapi.KeyLastUsageTrackingOperationGenerateDataKeyPair)
	return &kmsapi.GenerateDataKeyPairOutput{
		PrivateKeyCiphertextBlob: p.blob, PrivateKeyPlaintext: p.private, PublicKey: p.public,
		KeyId: &p.key.ARN, KeyPairSpec: in.KeyPairSpec, KeyMaterialId: p.id,
	}, nil
}

// GenerateDataKeyPairWithoutPlaintext makes a key pair whose private half nobody
// sees yet.
func (s *Service) GenerateDataKeyPairWithoutPlaintext(ctx context.Context, c *redoubt.Call, in *kmsapi.GenerateDataKeyPairWithoutPlaintextInput) (*kmsapi.GenerateDataKeyPairWithoutPlaintextOutput, error) {
	p, err := s.dataKeyPair(ctx, c, in.KeyId, in.KeyPairSpec, in.EncryptionContext, value(in.DryRun))
	if err != nil {
		return nil, err
	}
	p.private.Wipe()
	s.used(ctx, c, p.key, kmsapi.KeyLastUsageTrackingOperationGenerateDataKeyPairWithoutPlaintext)
	return &kmsapi.GenerateDataKeyPairWithoutPlaintextOutput{
		PrivateKeyCiphertextBlob: p.blob, PublicKey: p.public,
		KeyId: &p.key.ARN, KeyPairSpec: in.KeyPairSpec, KeyMaterialId: p.id,
	}, nil
}

type dataKeyPair struct {
	key          *Key
	private      material.Material
	public, blob []byte
	id           *string
}

func (s *Service) dataKeyPair(ctx context.Context, c *redoubt.Call, id, spec *string, context map[string]string, dry bool) (p dataKeyPair, err error) {
	if p.key, err = s.wraps(ctx, c, id); err != nil {
		return p, err
	}
	if p.key.KeyStore != "" {
		return p, wrongOrigin(p.key)
	}
	if material.Spec(*spec) == material.SM2 {
		return p, kmsapi.ErrUnsupportedOperationException.New("KeyPairSpec SM2 is supported in China Regions only.")
	}
	if dry {
		return p, dryRun()
	}
	if p.private, p.public, err = material.Pair(material.Spec(*spec)); err != nil {
		return p, engine(err, p.key, *spec)
	}
	p.blob, p.id, err = s.encrypt(ctx, c, p.key, material.SymmetricDefault, context, p.private)
	return p, err
}

// wraps finds a key that can encrypt data keys: symmetric ones only.
func (s *Service) wraps(ctx context.Context, c *redoubt.Call, id *string) (*Key, error) {
	k, err := s.usable(ctx, c, id, material.EncryptDecrypt, c.Operation)
	if err == nil && k.Spec != material.Symmetric {
		err = kmsapi.ErrInvalidKeyUsageException.New("You cannot generate a data key with an asymmetric CMK")
	}
	return k, err
}
