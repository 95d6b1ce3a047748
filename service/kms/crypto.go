package kms

import (
	"context"
	"crypto/rand"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
)

// Encrypt encrypts up to 4,096 bytes.
func (s *Service) Encrypt(ctx context.Context, c *redoubt.Call, in *kmsapi.EncryptInput) (*kmsapi.EncryptOutput, error) {
	k, err := s.usable(ctx, c, in.KeyId, material.EncryptDecrypt, "Encrypt")
	if err != nil {
		return nil, err
	}
	alg := algorithm(in.EncryptionAlgorithm)
	if err := encrypts(k, alg, in.EncryptionContext, len(in.Plaintext)); err != nil {
		return nil, err
	}
	if value(in.DryRun) {
		return nil, dryRun()
	}
	blob, _, err := s.encrypt(ctx, c, k, alg, in.EncryptionContext, in.Plaintext)
	if err != nil {
		return nil, err
	}
	s.used(ctx, c, k, kmsapi.KeyLastUsageTrackingOperationEncrypt)
	return &kmsapi.EncryptOutput{CiphertextBlob: blob, KeyId: &k.ARN, EncryptionAlgorithm: &alg}, nil
}

// Decrypt opens what Encrypt and its like made. A symmetric ciphertext names its
// key itself.
func (s *Service) Decrypt(ctx context.Context, c *redoubt.Call, in *kmsapi.DecryptInput) (*kmsapi.DecryptOutput, error) {
	if err := noRecipient(in.Recipient); err != nil {
		return nil, err
	}
	n, h, err := s.source(ctx, c, in.KeyId, in.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	if n.missing != nil {
		return nil, n.missing
	}
	k := n.key
	alg := algorithm(in.EncryptionAlgorithm)
	if err := fits(k, alg, h); err != nil {
		return nil, err
	}
	if err := s.allows(ctx, k, c.Operation); err != nil {
		return nil, err
	}
	if ignoresCiphertext(in.DryRun, in.DryRunModifiers) {
		return nil, dryRun()
	}
	rec, err := decrypts(k, alg, in.EncryptionContext, h)
	if err != nil {
		return nil, err
	}
	plaintext, err := s.decrypt(ctx, c, k, rec, alg, in.EncryptionContext, in.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	if value(in.DryRun) {
		material.Material(plaintext).Wipe()
		return nil, dryRun()
	}
	s.used(ctx, c, k, kmsapi.KeyLastUsageTrackingOperationDecrypt)
	return &kmsapi.DecryptOutput{KeyId: &k.ARN, Plaintext: plaintext, EncryptionAlgorithm: &alg, KeyMaterialId: rec.shown(k)}, nil
}

// ReEncrypt decrypts under one key and encrypts under another, or under the same
// with another context.
func (s *Service) ReEncrypt(ctx context.Context, c *redoubt.Call, in *kmsapi.ReEncryptInput) (*kmsapi.ReEncryptOutput, error) {
	n, h, err := s.source(ctx, c, in.SourceKeyId, in.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	if n.missing != nil {
		return nil, n.missing
	}
	from := n.key
	fromAlg, toAlg := algorithm(in.SourceEncryptionAlgorithm), algorithm(in.DestinationEncryptionAlgorithm)
	if err := fits(from, fromAlg, h); err != nil {
		return nil, err
	}
	if err := s.allows(ctx, from, c.Operation); err != nil {
		return nil, err
	}
	ignore := ignoresCiphertext(in.DryRun, in.DryRunModifiers)
	var rec *Material
	if !ignore {
		if rec, err = decrypts(from, fromAlg, in.SourceEncryptionContext, h); err != nil {
			return nil, err
		}
	}
	to, err := s.usable(ctx, c, in.DestinationKeyId, material.EncryptDecrypt, "ReEncryptTo")
	if err != nil {
		return nil, err
	}
	if err := encrypts(to, toAlg, in.DestinationEncryptionContext, 0); err != nil {
		return nil, err
	}
	if ignore {
		return nil, dryRun()
	}
	plaintext, err := s.decrypt(ctx, c, from, rec, fromAlg, in.SourceEncryptionContext, in.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	defer material.Material(plaintext).Wipe()
	if err := encrypts(to, toAlg, in.DestinationEncryptionContext, len(plaintext)); err != nil {
		return nil, err
	}
	if value(in.DryRun) {
		return nil, dryRun()
	}
	blob, id, err := s.encrypt(ctx, c, to, toAlg, in.DestinationEncryptionContext, plaintext)
	if err != nil {
		return nil, err
	}
	s.used(ctx, c, from, kmsapi.KeyLastUsageTrackingOperationReEncrypt)
	s.used(ctx, c, to, kmsapi.KeyLastUsageTrackingOperationReEncrypt)
	return &kmsapi.ReEncryptOutput{
		CiphertextBlob: blob, SourceKeyId: &from.ARN, KeyId: &to.ARN,
		SourceEncryptionAlgorithm: &fromAlg, DestinationEncryptionAlgorithm: &toAlg,
		SourceKeyMaterialId: rec.shown(from), DestinationKeyMaterialId: id,
	}, nil
}

// GenerateRandom answers random bytes, from the server or from a CloudHSM.
func (s *Service) GenerateRandom(ctx context.Context, c *redoubt.Call, in *kmsapi.GenerateRandomInput) (*kmsapi.GenerateRandomOutput, error) {
	if err := noRecipient(in.Recipient); err != nil {
		return nil, err
	}
	if in.NumberOfBytes == nil {
		return nil, redoubt.ErrValidation.New("NumberOfBytes is required.")
	}
	b := make([]byte, *in.NumberOfBytes)
	if in.CustomKeyStoreId != nil {
		var err error
		if b, err = s.randomInStore(ctx, c, *in.CustomKeyStoreId, len(b)); err != nil {
			return nil, err
		}
	} else {
		rand.Read(b)
	}
	return &kmsapi.GenerateRandomOutput{Plaintext: b}, nil
}

// usable finds the key of a cryptographic call and holds its usage and
// then its state against it. The operation is named as AWS names it in refusals.
func (s *Service) usable(ctx context.Context, c *redoubt.Call, id *string, u material.Usage, operation string) (*Key, error) {
	k, err := s.key(ctx, c, id, byAlias)
	if err != nil {
		return nil, err
	}
	if k.Usage != u {
		return nil, wrongUsage(k, operation)
	}
	return k, s.allows(ctx, k, c.Operation)
}

// source finds the key that made a ciphertext: the one that the caller names, or
// the one that the ciphertext names. The header's zero value stands for a
// ciphertext that has none.
func (s *Service) source(ctx context.Context, c *redoubt.Call, id *string, blob []byte) (n named, h material.Header, err error) {
	h, _, _ = material.ParseBlob(blob)
	ours := h.Kind != 0
	switch {
	case id != nil && h.KeyID == *id:
		// A bare id may mean another account's key, if the ciphertext does.
		n, err = s.resolve(ctx, c, keyARN(c.Partition, c.Region, h.Account, h.KeyID), byID)
	case id != nil:
		n, err = s.resolve(ctx, c, *id, byAlias)
	case !ours:
		n = named{arn: keyARN(c.Partition, c.Region, c.Account, "*"), owner: c.Account, missing: kmsapi.ErrInvalidCiphertextException.Bare()}
	default:
		n = named{owner: h.Account}
		if n.key, err = load(store.From(ctx), h.Account, c.Region, h.KeyID); n.key == nil {
			n.arn, n.missing = keyARN(c.Partition, c.Region, h.Account, h.KeyID), unreachable()
			break
		}
		n.arn = n.key.ARN
	}
	return n, h, err
}

// algorithm answers the encryption algorithm asked for.
func algorithm(p *string) string {
	if p == nil {
		return material.SymmetricDefault
	}
	return *p
}

// encrypts refuses an algorithm, a context or a size that does not fit the key.
func encrypts(k *Key, alg string, context map[string]string, size int) error {
	if k.Spec == material.Symmetric {
		if alg != material.SymmetricDefault {
			return wrongAlgorithm(k, alg)
		}
		if size > maxPlaintext {
			return redoubt.ErrValidation.New("1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to %d", maxPlaintext)
		}
		return nil
	}
	most, ok := oaepLimits[alg][k.Spec]
	switch {
	case !ok:
		return wrongAlgorithm(k, alg)
	case len(context) > 0:
		return redoubt.ErrValidation.New("EncryptionContext is not supported for key spec %s.", k.Spec)
	case size > most:
		return redoubt.ErrValidation.New("Algorithm %s and key spec %s cannot encrypt data larger than %d bytes.", alg, k.Spec, most)
	}
	return nil
}

// oaepLimits are how much RSA encrypts at once: the modulus less two hashes and
// two bytes.
var oaepLimits = map[string]map[material.Spec]int{
	material.OAEPSHA1:   {material.RSA2048: 214, material.RSA3072: 342, material.RSA4096: 470},
	material.OAEPSHA256: {material.RSA2048: 190, material.RSA3072: 318, material.RSA4096: 446},
}

// fits refuses a key that cannot decrypt at all, or that is not the one that a
// symmetric ciphertext names. It comes before the key's state.
func fits(k *Key, alg string, h material.Header) error {
	ours := h.Kind != 0
	if k.Usage != material.EncryptDecrypt || ours && alg == material.SymmetricDefault && (h.KeyID != k.ID || h.Account != k.Account) {
		return wrongKey()
	}
	return nil
}

// decrypts answers the material that a ciphertext is under, or refuses the
// algorithm, the context or the ciphertext.
func decrypts(k *Key, alg string, context map[string]string, h material.Header) (*Material, error) {
	if k.Spec != material.Symmetric {
		if alg == material.SymmetricDefault {
			// Without an algorithm of RSA this is no ciphertext of KMS's.
			return nil, kmsapi.ErrInvalidCiphertextException.Bare()
		}
		return k.current(), encrypts(k, alg, context, 0)
	}
	if alg != material.SymmetricDefault {
		return nil, wrongAlgorithm(k, alg)
	}
	if rec := k.find(h.MaterialID); rec != nil {
		return rec, nil
	}
	return nil, kmsapi.ErrInvalidCiphertextException.Bare()
}

// encrypt answers the ciphertext and, for symmetric keys, the id of the material
// that it is under.
func (s *Service) encrypt(ctx context.Context, c *redoubt.Call, k *Key, alg string, context map[string]string, plaintext []byte) ([]byte, *string, error) {
	if k.Spec != material.Symmetric {
		blob, err := material.EncryptOAEP(alg, k.Spec, k.PublicKey, plaintext)
		return blob, nil, engine(err, k, alg)
	}
	rec := k.current()
	h := material.Header{Account: k.Account, KeyID: k.ID, MaterialID: rec.ID}
	aad := material.ContextAAD(context)
	if k.KeyStore != "" {
		blob, err := s.encryptInStore(ctx, c, k, rec, h, plaintext, aad)
		return blob, nil, err
	}
	m, err := s.unseal(k, rec)
	if err != nil {
		return nil, nil, err
	}
	blob, err := material.Encrypt(h, m, plaintext, aad)
	m.Wipe()
	return blob, &rec.ID, engine(err, k, alg)
}

// decrypt answers the plaintext.
func (s *Service) decrypt(ctx context.Context, c *redoubt.Call, k *Key, rec *Material, alg string, context map[string]string, blob []byte) ([]byte, error) {
	if k.KeyStore != "" {
		return s.decryptInStore(ctx, c, k, rec, blob, material.ContextAAD(context))
	}
	m, err := s.unseal(k, rec)
	if err != nil {
		return nil, err
	}
	defer m.Wipe()
	var plaintext []byte
	if k.Spec == material.Symmetric {
		plaintext, err = material.Decrypt(m, blob, material.ContextAAD(context))
	} else {
		plaintext, err = material.DecryptOAEP(alg, k.Spec, m, blob)
	}
	return plaintext, engine(err, k, alg)
}

// shown answers the material's id where calls answer it: symmetric keys of KMS's
// own store.
func (m *Material) shown(k *Key) *string {
	if k.Spec != material.Symmetric || k.KeyStore != "" {
		return nil
	}
	return &m.ID
}

// noRecipient refuses attestation documents: there are no Nitro enclaves here
// whose measurements could be checked.
func noRecipient(r *kmsapi.RecipientInfo) error {
	if r != nil {
		return kmsapi.ErrUnsupportedOperationException.New("Recipient is not supported: attestation documents cannot be verified here.")
	}
	return nil
}

// checkCiphertext refuses requests without what they are about: a ciphertext or,
// for a dry run that ignores it, a key.
func checkCiphertext(blob []byte, id *string, member string, dry *bool, modifiers []string) error {
	switch {
	case len(modifiers) > 0 && !value(dry):
		return redoubt.ErrValidation.New("DryRunModifiers can be specified only when DryRun is true.")
	case ignoresCiphertext(dry, modifiers) && id == nil:
		return required(member)
	case blob == nil && !ignoresCiphertext(dry, modifiers):
		return required("ciphertextBlob")
	}
	return nil
}

// ignoresCiphertext tells whether a dry run asks about rights only.
func ignoresCiphertext(dry *bool, modifiers []string) bool {
	return value(dry) && len(modifiers) > 0 && modifiers[0] == kmsapi.DryRunModifierTypeIgnoreCiphertext
}
