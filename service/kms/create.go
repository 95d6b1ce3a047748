package kms

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
)

// CreateKey makes a customer managed key.
func (s *Service) CreateKey(ctx context.Context, c *redoubt.Call, in *kmsapi.CreateKeyInput) (*kmsapi.CreateKeyOutput, error) {
	tx := store.From(ctx)
	k, err := s.newKey(c, in)
	if err != nil {
		return nil, err
	}
	if k.Tags, err = newTags(nil, in.Tags); err != nil {
		return nil, err
	}
	if k.Policy, err = s.newPolicy(ctx, c, k, in.Policy, value(in.BypassPolicyLockoutSafetyCheck)); err != nil {
		return nil, err
	}
	if err := s.countKey(tx, k, +1); err != nil {
		return nil, err
	}
	switch k.Origin {
	case kmsapi.OriginTypeAwsKms:
		err = s.generate(k)
	case kmsapi.OriginTypeAwsCloudhsm, kmsapi.OriginTypeExternalKeyStore:
		err = s.generateInStore(ctx, c, k, value(in.XksKeyId))
	}
	if err != nil {
		return nil, err
	}
	if k.MultiRegion {
		if err := families.In(k.Account).Put(tx, k.ID, &family{Primary: k.Region}); err != nil {
			return nil, err
		}
	}
	write := keys.In(k.Account, k.Region).Add
	if k.KeyStore != "" {
		write = keys.In(k.Account, k.Region).Put // its id follows from the call
	}
	if err := write(tx, k.ID, k); err != nil {
		return nil, err
	}
	m, err := s.metadata(tx, k)
	return &kmsapi.CreateKeyOutput{KeyMetadata: m}, err
}

// newKey answers the key that a valid request describes, without material.
func (s *Service) newKey(c *redoubt.Call, in *kmsapi.CreateKeyInput) (*Key, error) {
	k := &Key{
		Account:     c.Account,
		Region:      c.Region,
		Created:     s.clock.Now(),
		Description: value(in.Description),
		Spec:        material.Symmetric,
		Usage:       material.Usage(value(in.KeyUsage)),
		Origin:      kmsapi.OriginTypeAwsKms,
		Manager:     kmsapi.KeyManagerTypeCustomer,
		State:       Enabled,
		MultiRegion: value(in.MultiRegion),
		KeyStore:    value(in.CustomKeyStoreId),
	}
	if err := specify(k, in); err != nil {
		return nil, err
	}
	if k.Origin == kmsapi.OriginTypeExternal {
		k.State = PendingImport
	}
	k.ID = newKeyID(k.MultiRegion)
	if k.KeyStore != "" {
		k.ID = retriedKeyID(c)
	}
	k.ARN = keyARN(c.Partition, k.Region, k.Account, k.ID)
	return k, nil
}

// specify fills in spec, usage and origin and refuses what does not fit
// together.
func specify(k *Key, in *kmsapi.CreateKeyInput) error {
	if in.KeySpec != nil && in.CustomerMasterKeySpec != nil {
		return redoubt.ErrValidation.New("You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.")
	}
	if spec := firstSet(in.KeySpec, in.CustomerMasterKeySpec); spec != nil {
		k.Spec = material.Spec(*spec)
	}
	if in.Origin != nil {
		k.Origin = *in.Origin
	}
	if k.Spec == material.SM2 {
		return kmsapi.ErrUnsupportedOperationException.New("KeySpec SM2 is supported in China Regions only.")
	}
	if in.KeyUsage == nil {
		if k.Spec != material.Symmetric {
			return redoubt.ErrValidation.New("You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
		}
		k.Usage = material.EncryptDecrypt
	}
	if !k.Spec.Allows(k.Usage) {
		return redoubt.ErrValidation.New("KeyUsage %s is not compatible with KeySpec %s", k.Usage, k.Spec)
	}
	return specifyStore(k, in)
}

// specifyStore refuses what keys in custom key stores cannot have.
func specifyStore(k *Key, in *kmsapi.CreateKeyInput) error {
	inStore := k.Origin == kmsapi.OriginTypeAwsCloudhsm || k.Origin == kmsapi.OriginTypeExternalKeyStore
	switch {
	case inStore && k.KeyStore == "":
		return redoubt.ErrValidation.New("CustomKeyStoreId is required when Origin is %s.", k.Origin)
	case !inStore && k.KeyStore != "":
		return redoubt.ErrValidation.New("CustomKeyStoreId is not valid when Origin is %s.", k.Origin)
	case k.Origin == kmsapi.OriginTypeExternalKeyStore && in.XksKeyId == nil:
		return redoubt.ErrValidation.New("XksKeyId is required when Origin is EXTERNAL_KEY_STORE.")
	case k.Origin != kmsapi.OriginTypeExternalKeyStore && in.XksKeyId != nil:
		return redoubt.ErrValidation.New("XksKeyId is valid only when Origin is EXTERNAL_KEY_STORE.")
	case inStore && k.Spec != material.Symmetric:
		return kmsapi.ErrUnsupportedOperationException.New("KeySpec %s is not supported in a custom key store.", k.Spec)
	case inStore && k.MultiRegion:
		return kmsapi.ErrUnsupportedOperationException.New("Multi-Region keys are not supported in a custom key store.")
	}
	return nil
}

// newKeyID makes a key id: a random UUID, or mrk- and 32 hex digits.
func newKeyID(multiRegion bool) string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	d := hex.EncodeToString(b[:])
	if multiRegion {
		return "mrk-" + d
	}
	return d[:8] + "-" + d[8:12] + "-" + d[12:16] + "-" + d[16:20] + "-" + d[20:]
}
