package kms

import (
	"context"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
)

// Rotation is how a key's material is renewed. Of a multi-Region key the
// primary's counts; replicas hold copies.
type Rotation struct {
	Automatic bool      `json:",omitempty"`
	Days      int32     `json:",omitempty"`
	Next      time.Time `json:",omitzero"`
	// Started is when the on-demand rotation that is under way was asked for.
	Started *time.Time `json:",omitempty"`
	// Demanded counts the on-demand rotations of the key's life.
	Demanded int `json:",omitempty"`
}

const presetRotation = 365 // days

// EnableKeyRotation turns automatic rotation on, or changes its period.
func (s *Service) EnableKeyRotation(ctx context.Context, c *redoubt.Call, in *kmsapi.EnableKeyRotationInput) (*kmsapi.EnableKeyRotationOutput, error) {
	_, err := s.change(ctx, c, in.KeyId, func(tx *store.Tx, k *Key) error {
		if err := s.rotatesAutomatically(tx, k); err != nil {
			return err
		}
		days := int32(presetRotation)
		if in.RotationPeriodInDays != nil {
			days = *in.RotationPeriodInDays
		}
		if k.Rotation.Automatic && k.Rotation.Days == days {
			return nil // nothing changes, nor does the date
		}
		k.Rotation.Automatic, k.Rotation.Days = true, days
		k.Rotation.Next = s.clock.Now().AddDate(0, 0, int(days))
		if err := s.plan(tx, k, rotation, k.Rotation.Next); err != nil {
			return err
		}
		return s.shareRotation(tx, k)
	})
	return nil, err
}

// DisableKeyRotation turns automatic rotation off. Of asymmetric and HMAC keys,
// which never rotate, there is nothing to turn off.
func (s *Service) DisableKeyRotation(ctx context.Context, c *redoubt.Call, in *kmsapi.DisableKeyRotationInput) (*kmsapi.DisableKeyRotationOutput, error) {
	_, err := s.change(ctx, c, in.KeyId, func(tx *store.Tx, k *Key) error {
		if k.Spec != material.Symmetric && !k.imported() {
			return nil
		}
		if err := s.rotatesAutomatically(tx, k); err != nil {
			return err
		}
		k.Rotation.Automatic, k.Rotation.Days, k.Rotation.Next = false, 0, time.Time{}
		if err := s.unplan(tx, k, rotation); err != nil {
			return err
		}
		return s.shareRotation(tx, k)
	})
	return nil, err
}

// RotateKeyOnDemand starts a rotation that a background job ends.
func (s *Service) RotateKeyOnDemand(ctx context.Context, c *redoubt.Call, in *kmsapi.RotateKeyOnDemandInput) (*kmsapi.RotateKeyOnDemandOutput, error) {
	k, err := s.change(ctx, c, in.KeyId, func(tx *store.Tx, k *Key) error {
		if err := rotates(k); err != nil {
			return err
		}
		if err := s.primaryOnly(tx, k); err != nil {
			return err
		}
		if k.imported() {
			if err := readyForRotation(k); err != nil {
				return err
			}
		}
		now := s.clock.Now()
		r := &k.Rotation
		switch {
		case r.Started != nil:
			return kmsapi.ErrConflictException.New("An on-demand rotation of %s is already in progress.", k.ARN)
		case r.Automatic && r.Next.Sub(now) <= 20*time.Minute:
			return kmsapi.ErrConflictException.New("An automatic rotation of %s is in progress or scheduled to begin within the next 20 minutes.", k.ARN)
		case r.Demanded >= s.quotas.OnDemandRotations:
			return kmsapi.ErrLimitExceededException.New("The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: %s", k.ARN)
		}
		r.Started = &now
		r.Demanded++
		return s.plan(tx, k, onDemand, now)
	})
	if err != nil {
		return nil, err
	}
	return &kmsapi.RotateKeyOnDemandOutput{KeyId: &k.ARN}, nil
}

// GetKeyRotationStatus answers whether and when a key rotates. Asymmetric and HMAC
// keys don't, and say so: clients ask without knowing the kind of key.
func (s *Service) GetKeyRotationStatus(ctx context.Context, c *redoubt.Call, in *kmsapi.GetKeyRotationStatusInput) (*kmsapi.GetKeyRotationStatusOutput, error) {
	k, err := s.key(ctx, c, in.KeyId, byID)
	if err != nil {
		return nil, err
	}
	if k.KeyStore != "" {
		return nil, wrongOrigin(k)
	}
	r := k.Rotation
	// A key that waits for its deletion does not rotate; cancelling brings the
	// setting back.
	on := r.Automatic && k.State != PendingDeletion && k.State != PendingReplicaDeletion
	out := &kmsapi.GetKeyRotationStatusOutput{
		KeyId: &k.ARN, KeyRotationEnabled: &on, OnDemandRotationStartDate: r.Started,
	}
	if on {
		out.RotationPeriodInDays, out.NextRotationDate = &r.Days, &r.Next
	}
	return out, nil
}

// ListKeyRotations lists completed rotations or, if asked, all key materials.
func (s *Service) ListKeyRotations(ctx context.Context, c *redoubt.Call, in *kmsapi.ListKeyRotationsInput) (*kmsapi.ListKeyRotationsOutput, error) {
	k, err := s.key(ctx, c, in.KeyId, byID)
	if err != nil {
		return nil, err
	}
	if err := rotates(k); err != nil {
		return nil, err
	}
	all := value(in.IncludeKeyMaterial) == kmsapi.IncludeKeyMaterialAllKeyMaterial
	p, err := s.page(c, in.Limit, in.Marker, keyPages, k.ID, value(in.IncludeKeyMaterial))
	if err != nil {
		return nil, err
	}
	out := &kmsapi.ListKeyRotationsOutput{Rotations: []kmsapi.RotationsListEntry{}}
	skip := p.after != ""
	for i := range k.Materials {
		m := &k.Materials[i]
		if skip {
			skip = m.ID != p.after
			continue
		}
		if !all && m.Rotated.IsZero() {
			continue
		}
		if len(out.Rotations) == p.limit {
			p.more(out.Rotations[p.limit-1].KeyMaterialId)
			break
		}
		out.Rotations = append(out.Rotations, rotationEntry(k, m))
	}
	out.Truncated, out.NextMarker, err = p.end()
	return out, err
}

func rotationEntry(k *Key, m *Material) kmsapi.RotationsListEntry {
	e := kmsapi.RotationsListEntry{KeyId: &k.ID, KeyMaterialId: &m.ID, KeyMaterialState: &m.State}
	if !m.Rotated.IsZero() {
		e.RotationDate, e.RotationType = &m.Rotated, &m.By
	}
	if !k.imported() {
		return e
	}
	e.ImportState = new(kmsapi.ImportStateImported)
	if m.Sealed == nil {
		e.ImportState = new(kmsapi.ImportStatePendingImport)
	} else {
		e.ExpirationModel, e.ValidTo = &m.Model, m.ValidTo
	}
	if m.Description != "" {
		e.KeyMaterialDescription = &m.Description
	}
	return e
}

// rotates refuses keys whose material never changes: asymmetric and HMAC keys
// (AWS sends no message), and keys in custom key stores.
func rotates(k *Key) error {
	if k.Spec != material.Symmetric {
		return kmsapi.ErrUnsupportedOperationException.Bare()
	}
	if k.KeyStore != "" {
		return wrongOrigin(k)
	}
	return nil
}

// rotatesAutomatically also refuses imported material and replicas.
func (s *Service) rotatesAutomatically(tx *store.Tx, k *Key) error {
	if err := rotates(k); err != nil {
		return err
	}
	if k.imported() {
		return wrongOrigin(k)
	}
	return s.primaryOnly(tx, k)
}

// readyForRotation refuses a rotation for which nothing was imported.
func readyForRotation(k *Key) error {
	p := k.pending()
	if p == nil || p.Sealed == nil {
		return kmsapi.ErrKMSInvalidStateException.New("No available key material pending rotation for the key: %s.", k.ARN)
	}
	if p.State == kmsapi.KeyMaterialStatePendingMultiRegionImportAndRotation {
		return kmsapi.ErrKMSInvalidStateException.New("Key material (id: %s) pending rotation for the key %s must be imported into all replica keys first.", p.ID, k.ARN)
	}
	return nil
}

// rotateIfOverdue lets a key that was enabled again make up for the automatic
// rotation that it missed: at once, and a period from now on again.
func (s *Service) rotateIfOverdue(tx *store.Tx, k *Key) error {
	if !k.Rotation.Automatic || k.Rotation.Next.After(s.clock.Now()) {
		return nil
	}
	if replica, err := isReplica(tx, k); err != nil || replica {
		return err
	}
	now := s.clock.Now()
	k.Rotation.Next = now.AddDate(0, 0, int(k.Rotation.Days))
	if err := s.plan(tx, k, rotation, k.Rotation.Next); err != nil {
		return err
	}
	return s.rotate(tx, k, kmsapi.RotationTypeAutomatic, now)
}

// automatic is the job of a due rotation. A key that is not enabled keeps its
// due date, and EnableKey makes up for it.
func (s *Service) automatic(tx *store.Tx, k *Key) error {
	r := &k.Rotation
	if !r.Automatic || k.State != Enabled || r.Next.After(s.clock.Now()) {
		return nil
	}
	due := r.Next
	r.Next = due.AddDate(0, 0, int(r.Days))
	if err := s.plan(tx, k, rotation, r.Next); err != nil {
		return err
	}
	return s.rotate(tx, k, kmsapi.RotationTypeAutomatic, due)
}

// demanded is the job of an on-demand rotation.
func (s *Service) demanded(tx *store.Tx, k *Key) error {
	if k.Rotation.Started == nil {
		return nil
	}
	k.Rotation.Started = nil
	if k.State == PendingDeletion || k.State == PendingReplicaDeletion || k.imported() && readyForRotation(k) != nil {
		return nil // deleted meanwhile, or its new material was
	}
	return s.rotate(tx, k, kmsapi.RotationTypeOnDemand, s.clock.Now())
}

// rotate makes new material current, or the imported one that waits, here and
// in every replica.
func (s *Service) rotate(tx *store.Tx, k *Key, by string, at time.Time) error {
	next := k.pending()
	if next == nil {
		m, err := material.Generate(k.Spec)
		if err != nil {
			return internal(err)
		}
		defer m.Wipe()
		if err := s.add(k, m, Material{}); err != nil {
			return err
		}
		next = &k.Materials[len(k.Materials)-1]
	}
	k.turn(next.ID, by, at)
	if err := s.tell(tx, k, rotateEvent); err != nil {
		return err
	}
	return s.shareRotation(tx, k)
}

// turn makes the material of that id the current one.
func (k *Key) turn(id, by string, at time.Time) {
	if old := k.current(); old != nil {
		old.State = kmsapi.KeyMaterialStateNonCurrent
	}
	m := k.find(id)
	m.State, m.Rotated, m.By = kmsapi.KeyMaterialStateCurrent, at, by
}
