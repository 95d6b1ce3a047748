package kms

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
)

// importToken is what an import token holds, under the keyring: the private
// half of a wrapping key and what it is for. Nothing is kept here; a token opens
// for its key only, and for a day.
type importToken struct {
	Algorithm string
	Spec      material.Spec
	Private   []byte // PKCS#8
	Until     time.Time
}

const (
	importPurpose = "kms.import"
	importWindow  = 24 * time.Hour
	// maxValidity is how far in the future imported material may expire.
	maxValidity = 365 * 24 * time.Hour
)

// GetParametersForImport makes a wrapping key and the token that goes with it.
func (s *Service) GetParametersForImport(ctx context.Context, c *redoubt.Call, in *kmsapi.GetParametersForImportInput) (*kmsapi.GetParametersForImportOutput, error) {
	k, err := s.importTarget(ctx, c, in.KeyId)
	if err != nil {
		return nil, err
	}
	t := importToken{Algorithm: value(in.WrappingAlgorithm), Spec: material.Spec(value(in.WrappingKeySpec)), Until: s.clock.Now().Add(importWindow)}
	if t.Algorithm == material.PKCS1Wrap {
		return nil, kmsapi.ErrUnsupportedOperationException.New("Wrapping algorithm %s is no longer supported.", t.Algorithm)
	}
	if !material.CanImport(k.Spec, t.Algorithm, t.Spec) {
		return nil, kmsapi.ErrUnsupportedOperationException.New("Wrapping algorithm %s with wrapping key spec %s is not supported for key spec %s.", t.Algorithm, t.Spec, k.Spec)
	}
	private, err := material.Generate(t.Spec)
	if err != nil {
		return nil, internal(err)
	}
	defer private.Wipe()
	public, err := material.Public(t.Spec, private)
	if err != nil {
		return nil, internal(err)
	}
	t.Private = private
	plain, err := json.Marshal(&t)
	if err != nil {
		return nil, internal(err)
	}
	defer material.Material(plain).Wipe()
	token, err := s.ring.Seal(importPurpose, []byte(k.ARN), plain)
	if err != nil {
		return nil, engine(err, k, "")
	}
	return &kmsapi.GetParametersForImportOutput{
		KeyId: &k.ARN, ImportToken: token, PublicKey: public, ParametersValidTo: &t.Until,
	}, nil
}

// importTarget finds a key that takes imported material.
func (s *Service) importTarget(ctx context.Context, c *redoubt.Call, id *string) (*Key, error) {
	k, err := s.key(ctx, c, id, byID)
	if err != nil {
		return nil, err
	}
	if !k.imported() {
		return nil, wrongOrigin(k)
	}
	return k, s.allows(ctx, k, c.Operation)
}

// ImportKeyMaterial brings material into a key: its first, one that it had
// before, or new material for the next rotation.
func (s *Service) ImportKeyMaterial(ctx context.Context, c *redoubt.Call, in *kmsapi.ImportKeyMaterialInput) (*kmsapi.ImportKeyMaterialOutput, error) {
	k, err := s.importTarget(ctx, c, in.KeyId)
	if err != nil {
		return nil, err
	}
	rec := Material{Description: value(in.KeyMaterialDescription)}
	if rec.Model, rec.ValidTo, err = s.expiry(in); err != nil {
		return nil, err
	}
	m, err := s.unwrap(k, in)
	if err != nil {
		return nil, err
	}
	defer m.Wipe()
	rec.ID = material.ID(k.ID, m)
	if in.KeyMaterialId != nil && *in.KeyMaterialId != rec.ID {
		return nil, kmsapi.ErrIncorrectKeyMaterialException.New("The key material in the request does not match the key material ID %s.", *in.KeyMaterialId)
	}
	if _, err := s.edit(ctx, k, func(tx *store.Tx, k *Key) error {
		at, err := s.place(tx, k, rec.ID, in)
		if err != nil {
			return err
		}
		if in.KeyMaterialDescription == nil {
			rec.Description = at.Description
		}
		at.Description, at.Model, at.ValidTo = rec.Description, rec.Model, rec.ValidTo
		if err := s.seal(k, at, m); err != nil {
			return err
		}
		if at.ValidTo != nil {
			if err := s.planMaterial(tx, k, at); err != nil {
				return err
			}
		}
		if k.State == PendingImport && k.complete() {
			k.State = Enabled
		}
		return s.settleFamily(tx, k)
	}); err != nil {
		return nil, err
	}
	out := &kmsapi.ImportKeyMaterialOutput{KeyId: &k.ARN}
	if k.Spec == material.Symmetric {
		out.KeyMaterialId = &rec.ID
	}
	return out, nil
}

// expiry reads the expiration model.
func (s *Service) expiry(in *kmsapi.ImportKeyMaterialInput) (model string, until *time.Time, err error) {
	model = kmsapi.ExpirationModelTypeKeyMaterialExpires
	if in.ExpirationModel != nil {
		model = *in.ExpirationModel
	}
	now := s.clock.Now()
	switch {
	case model == kmsapi.ExpirationModelTypeKeyMaterialDoesNotExpire && in.ValidTo != nil:
		err = redoubt.ErrValidation.New("A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE")
	case model == kmsapi.ExpirationModelTypeKeyMaterialDoesNotExpire:
	case in.ValidTo == nil:
		err = redoubt.ErrValidation.New("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
	case !in.ValidTo.After(now):
		err = redoubt.ErrValidation.New("The validTo date must be in the future")
	case in.ValidTo.After(now.Add(maxValidity)):
		err = redoubt.ErrValidation.New("The validTo date must be within 365 days of the current date")
	}
	return model, in.ValidTo, err
}

// unwrap answers the key material in an import request.
func (s *Service) unwrap(k *Key, in *kmsapi.ImportKeyMaterialInput) (material.Material, error) {
	plain, err := s.ring.Open(importPurpose, []byte(k.ARN), in.ImportToken)
	if err != nil {
		if e := engine(err, k, ""); !isDamaged(err) {
			return nil, e
		}
		return nil, kmsapi.ErrInvalidImportTokenException.Bare()
	}
	defer material.Material(plain).Wipe()
	var t importToken
	if err := json.Unmarshal(plain, &t); err != nil {
		return nil, internal(err)
	}
	defer material.Material(t.Private).Wipe()
	if !t.Until.After(s.clock.Now()) {
		return nil, kmsapi.ErrExpiredImportTokenException.Bare()
	}
	m, err := material.Import(k.Spec, t.Algorithm, t.Spec, t.Private, in.EncryptedKeyMaterial)
	if isBadMaterial(err) {
		return nil, kmsapi.ErrIncorrectKeyMaterialException.Bare()
	}
	return m, engine(err, k, t.Algorithm)
}

// place answers the record that the imported material belongs in, making it if
// the request brings new material.
func (s *Service) place(tx *store.Tx, k *Key, id string, in *kmsapi.ImportKeyMaterialInput) (*Material, error) {
	if in.ImportType != nil && k.Spec != material.Symmetric {
		return nil, redoubt.ErrValidation.New("ImportType is supported for symmetric encryption keys only.")
	}
	replica, err := isReplica(tx, k)
	if err != nil {
		return nil, err
	}
	fresh := in.ImportType == nil && len(k.Materials) == 0 && !replica ||
		value(in.ImportType) == kmsapi.ImportTypeNewKeyMaterial
	known := k.find(id)
	if !fresh {
		switch {
		case known != nil:
			return known, nil
		case replica:
			return nil, kmsapi.ErrIncorrectKeyMaterialException.New("The key material is not associated with the primary key of %s.", k.ARN)
		}
		return nil, kmsapi.ErrIncorrectKeyMaterialException.Bare()
	}
	switch {
	case replica:
		return nil, kmsapi.ErrUnsupportedOperationException.New("New key material must be imported into the primary key of %s first.", k.ARN)
	case in.KeyMaterialId != nil:
		return nil, redoubt.ErrValidation.New("KeyMaterialId cannot be specified when ImportType is NEW_KEY_MATERIAL.")
	case known != nil && !known.isPending():
		return nil, kmsapi.ErrIncorrectKeyMaterialException.New("The key material (id: %s) is already associated with KMS key %s.", id, k.ARN)
	case known != nil:
		return known, nil
	}
	rec := Material{ID: id, State: kmsapi.KeyMaterialStateCurrent}
	if len(k.Materials) > 0 {
		if p := k.pending(); p != nil {
			return nil, kmsapi.ErrKMSInvalidStateException.New("New key material (id: %s) cannot be imported into KMS key %s, because another key material (id: %s) is pending rotation.", id, k.ARN, p.ID)
		}
		rec.State = kmsapi.KeyMaterialStatePendingRotation
		if k.MultiRegion {
			rec.State = kmsapi.KeyMaterialStatePendingMultiRegionImportAndRotation
		}
	}
	k.Materials = append(k.Materials, rec)
	return &k.Materials[len(k.Materials)-1], nil
}

// settleFamily tells the replicas of what their primary got, or the primary that
// its replicas have all got what waits for a rotation.
func (s *Service) settleFamily(tx *store.Tx, k *Key) error {
	if !k.MultiRegion {
		return nil
	}
	f, err := families.In(k.Account).Get(tx, k.ID)
	if err != nil {
		return err
	}
	if f.Primary == k.Region {
		if err := s.shareRotation(tx, k); err != nil {
			return err
		}
	}
	missing := func(r *Key) bool {
		p := r.pending()
		return p == nil || p.Sealed == nil
	}
	if p := k.pending(); p == nil || p.Sealed == nil || p.State == kmsapi.KeyMaterialStatePendingRotation {
		return nil
	}
	for _, region := range append([]string{f.Primary}, f.Replicas...) {
		if region == k.Region {
			continue
		}
		r, err := load(tx, k.Account, region, k.ID)
		if err != nil {
			return err
		}
		if r == nil || missing(r) {
			return nil
		}
	}
	// Everyone has it: the rotation may be asked for.
	k.pending().State = kmsapi.KeyMaterialStatePendingRotation
	for _, region := range append([]string{f.Primary}, f.Replicas...) {
		if region == k.Region {
			continue
		}
		if _, err := keys.In(k.Account, region).Edit(tx, k.ID, func(r *Key) error {
			r.pending().State = kmsapi.KeyMaterialStatePendingRotation
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// DeleteImportedKeyMaterial takes imported material away. What ciphertexts may
// be under stays on record, so that only the same material can come back.
func (s *Service) DeleteImportedKeyMaterial(ctx context.Context, c *redoubt.Call, in *kmsapi.DeleteImportedKeyMaterialInput) (*kmsapi.DeleteImportedKeyMaterialOutput, error) {
	k, err := s.importTarget(ctx, c, in.KeyId)
	if err != nil {
		return nil, err
	}
	out := &kmsapi.DeleteImportedKeyMaterialOutput{KeyId: &k.ARN}
	rec := k.current()
	if in.KeyMaterialId != nil {
		if rec = k.find(*in.KeyMaterialId); rec == nil {
			return nil, kmsapi.ErrNotFoundException.New("Key material '%s' of %s does not exist", *in.KeyMaterialId, k.ARN)
		}
	}
	if rec == nil {
		return out, nil // nothing was imported: no effect
	}
	if k.Spec == material.Symmetric {
		out.KeyMaterialId = &rec.ID
	}
	_, err = s.edit(ctx, k, func(tx *store.Tx, k *Key) error { return s.forget(tx, k, rec.ID) })
	return out, err
}

// forget takes the material of that id from the key, at a call or when it
// expires.
func (s *Service) forget(tx *store.Tx, k *Key, id string) error {
	m := k.find(id)
	if m == nil {
		return nil
	}
	if err := s.unplanMaterial(tx, k, id); err != nil {
		return err
	}
	if !m.isPending() {
		m.Sealed, m.Model, m.ValidTo = nil, "", nil
		if k.State == Enabled || k.State == Disabled {
			k.State = PendingImport
		}
		return nil
	}
	if replica, err := isReplica(tx, k); err != nil {
		return err
	} else if replica {
		m.Sealed, m.Model, m.ValidTo = nil, "", nil
		return nil
	}
	drop := func(k *Key) error {
		k.Materials = slices.DeleteFunc(k.Materials, func(m Material) bool { return m.ID == id })
		return nil
	}
	if err := drop(k); err != nil {
		return err
	}
	return eachReplica(tx, k, drop)
}
