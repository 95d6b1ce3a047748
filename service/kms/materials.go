package kms

import (
	"slices"
	"time"

	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
)

// Material is one key material of a key. Keys that rotate have several; what
// was current once is kept for ever, since ciphertexts under it are out there.
type Material struct {
	ID string // 64 hex digits
	// Sealed is the material under the keyring, bound to the key's ARN and ID;
	// nil while imported material is missing (deleted, expired, or not yet in
	// this replica).
	Sealed []byte `json:",omitempty"`
	// State is CURRENT, NON_CURRENT, PENDING_ROTATION or
	// PENDING_MULTI_REGION_IMPORT_AND_ROTATION.
	State string
	// Rotated is when a rotation made it current; zero for the first.
	Rotated time.Time `json:",omitzero"`
	By      string    `json:",omitempty"` // AUTOMATIC or ON_DEMAND

	// Of imported material.
	Description string     `json:",omitempty"`
	Model       string     `json:",omitempty"` // ExpirationModel
	ValidTo     *time.Time `json:",omitempty"`
}

// sealPurpose keeps sealed key material apart from everything else that the
// keyring seals.
const sealPurpose = "kms.material"

// generate gives a new key its first material.
func (s *Service) generate(k *Key) error {
	m, err := material.Generate(k.Spec)
	if err != nil {
		return internal(err)
	}
	defer m.Wipe()
	return s.add(k, m, Material{State: kmsapi.KeyMaterialStateCurrent})
}

// add puts material on the key, in the state that as gives.
func (s *Service) add(k *Key, m material.Material, as Material) error {
	as.ID = material.ID(k.ID, m)
	if err := s.seal(k, &as, m); err != nil {
		return err
	}
	k.Materials = append(k.Materials, as)
	return nil
}

// seal puts m, sealed, into the record of its material. The public half of an
// asymmetric key stays outside the seal.
func (s *Service) seal(k *Key, rec *Material, m material.Material) (err error) {
	if k.Spec.Asymmetric() {
		if k.PublicKey, err = material.Public(k.Spec, m); err != nil {
			return internal(err)
		}
	}
	rec.Sealed, err = s.ring.Seal(sealPurpose, sealContext(k, rec.ID), m)
	return engine(err, k, "")
}

// unseal opens a material. The caller wipes it.
func (s *Service) unseal(k *Key, rec *Material) (material.Material, error) {
	m, err := s.ring.Open(sealPurpose, sealContext(k, rec.ID), rec.Sealed)
	return m, engine(err, k, "")
}

// sealContext binds sealed material to its place: moved to another key, or to
// the same key in another region, it does not open.
func sealContext(k *Key, id string) []byte {
	b := make([]byte, 0, len(k.ARN)+1+len(id))
	b = append(b, k.ARN...)
	b = append(b, 0)
	return append(b, id...)
}

// current answers the material that encrypts; nil if there is none.
func (k *Key) current() *Material {
	// The newest ones stand last, pending ones behind the current one.
	for i := range slices.Backward(k.Materials) {
		if k.Materials[i].State == kmsapi.KeyMaterialStateCurrent {
			return &k.Materials[i]
		}
	}
	return nil
}

// find answers the material of that id; nil if the key has none such.
func (k *Key) find(id string) *Material {
	for i := range slices.Backward(k.Materials) {
		if k.Materials[i].ID == id {
			return &k.Materials[i]
		}
	}
	return nil
}

// pending answers the material that waits for a rotation; nil if none does.
func (k *Key) pending() *Material {
	for i := range slices.Backward(k.Materials) {
		if k.Materials[i].isPending() {
			return &k.Materials[i]
		}
	}
	return nil
}

func (m *Material) isPending() bool {
	return m.State == kmsapi.KeyMaterialStatePendingRotation || m.State == kmsapi.KeyMaterialStatePendingMultiRegionImportAndRotation
}

// shownMaterial is CurrentKeyMaterialId: symmetric encryption keys only, while
// the material is there, and not yet in a replica that is being made.
func (k *Key) shownMaterial() string {
	if k.Spec != material.Symmetric || k.KeyStore != "" {
		return ""
	}
	if m := k.current(); m != nil && k.State != PendingImport && k.State != Creating {
		return m.ID
	}
	return ""
}

// imported tells whether the key's material comes from outside.
func (k *Key) imported() bool { return k.Origin == kmsapi.OriginTypeExternal }

// complete tells whether every material that ciphertexts may be under is there.
func (k *Key) complete() bool {
	if k.current() == nil {
		return false
	}
	for i := range k.Materials {
		if m := &k.Materials[i]; !m.isPending() && m.Sealed == nil {
			return false
		}
	}
	return true
}

// expiration answers ExpirationModel and ValidTo as DescribeKey shows them: of
// the material that expires first; empty while nothing is imported.
func (k *Key) expiration() (model string, until *time.Time) {
	if !k.imported() {
		return "", nil
	}
	for i := range k.Materials {
		m := &k.Materials[i]
		if m.isPending() {
			continue
		}
		if m.Sealed == nil {
			return "", nil
		}
		if model == "" {
			model = m.Model
		}
		if m.ValidTo != nil && (until == nil || m.ValidTo.Before(*until)) {
			model, until = m.Model, m.ValidTo
		}
	}
	return model, until
}
