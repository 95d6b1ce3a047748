package kms

import (
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/api/kmsapi"
)

func (w *world) rotations(id string) []kmsapi.RotationsListEntry {
	w.t.Helper()
	return ok(w, w.admin(home), kmsapi.OpListKeyRotations, &kmsapi.ListKeyRotationsInput{KeyId: &id}).Rotations
}

func (w *world) rotationStatus(id string) *kmsapi.GetKeyRotationStatusOutput {
	w.t.Helper()
	return ok(w, w.admin(home), kmsapi.OpGetKeyRotationStatus, &kmsapi.GetKeyRotationStatusInput{KeyId: &id})
}

// TestAutomaticRotation is case S07's second half.
func TestAutomaticRotation(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	m := w.key(nil)
	id := *m.KeyId
	if s := w.rotationStatus(id); *s.KeyRotationEnabled || *s.KeyId != *m.Arn || s.RotationPeriodInDays != nil || s.NextRotationDate != nil || s.OnDemandRotationStartDate != nil {
		t.Errorf("%+v", s)
	}
	ok(w, admin, kmsapi.OpEnableKeyRotation, &kmsapi.EnableKeyRotationInput{KeyId: &id})
	start := w.clock.Now()
	if s := w.rotationStatus(id); !*s.KeyRotationEnabled || *s.RotationPeriodInDays != 365 || !s.NextRotationDate.Equal(start.AddDate(0, 0, 365)) {
		t.Errorf("%+v", s)
	}
	old := ok(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: &id, Plaintext: []byte("old")}).CiphertextBlob
	w.advance(366 * day)
	l := w.rotations(id)
	if len(l) != 1 || *l[0].RotationType != "AUTOMATIC" || !l[0].RotationDate.Equal(start.AddDate(0, 0, 365)) || *l[0].KeyMaterialState != "CURRENT" || *l[0].KeyId != id || l[0].ImportState != nil {
		t.Fatalf("%+v", l)
	}
	d := ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: old})
	if string(d.Plaintext) != "old" || *d.KeyMaterialId != *m.CurrentKeyMaterialId {
		t.Error("old ciphertext")
	}
	g := ok(w, admin, kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{KeyId: &id, KeySpec: new("AES_256")})
	if *g.KeyMaterialId != *l[0].KeyMaterialId || *g.KeyMaterialId == *m.CurrentKeyMaterialId {
		t.Error("new ciphertexts are not under the new material")
	}
	w.advance(2 * 365 * day)
	if l := w.rotations(id); len(l) != 3 {
		t.Errorf("%d rotations after three years", len(l))
	}

	ok(w, admin, kmsapi.OpEnableKeyRotation, &kmsapi.EnableKeyRotationInput{KeyId: &id, RotationPeriodInDays: new(int32(90))})
	if s := w.rotationStatus(id); *s.RotationPeriodInDays != 90 || !s.NextRotationDate.Equal(w.clock.Now().AddDate(0, 0, 90)) {
		t.Errorf("%+v", s)
	}
	ok(w, admin, kmsapi.OpDisableKeyRotation, &kmsapi.DisableKeyRotationInput{KeyId: &id})
	w.advance(500 * day)
	if l := w.rotations(id); len(l) != 3 {
		t.Error("rotated although off")
	}
}

func TestOverdueRotation(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	id := *w.key(nil).KeyId
	ok(w, admin, kmsapi.OpEnableKeyRotation, &kmsapi.EnableKeyRotationInput{KeyId: &id})
	ok(w, admin, kmsapi.OpDisableKey, &kmsapi.DisableKeyInput{KeyId: &id})
	refused(w, admin, kmsapi.OpEnableKeyRotation, &kmsapi.EnableKeyRotationInput{KeyId: &id}, kmsapi.ErrDisabledException, "*")
	w.advance(400 * day)
	if s := w.rotationStatus(id); !*s.KeyRotationEnabled || len(w.rotations(id)) != 0 {
		t.Error("a disabled key rotated, or lost its setting")
	}
	ok(w, admin, kmsapi.OpEnableKey, &kmsapi.EnableKeyInput{KeyId: &id})
	if len(w.rotations(id)) != 1 {
		t.Error("enabling did not make up for the rotation")
	}
	if s := w.rotationStatus(id); !s.NextRotationDate.Equal(w.clock.Now().AddDate(0, 0, 365)) {
		t.Error(s.NextRotationDate)
	}
	w.advance(366 * day)
	if len(w.rotations(id)) != 2 {
		t.Error("it does not go on")
	}

	// A key that waits for its deletion shows no rotation, and gets it back.
	ok(w, admin, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: &id})
	if s := w.rotationStatus(id); *s.KeyRotationEnabled {
		t.Error("pending deletion")
	}
	ok(w, admin, kmsapi.OpCancelKeyDeletion, &kmsapi.CancelKeyDeletionInput{KeyId: &id})
	if s := w.rotationStatus(id); !*s.KeyRotationEnabled {
		t.Error("cancelled")
	}
}

func TestRotateOnDemand(t *testing.T) {
	w := newWorld(t, func(d *Deps) { d.Quotas.OnDemandRotations = 3 })
	admin := w.admin(home)
	m := w.key(nil)
	id := *m.KeyId
	ok(w, admin, kmsapi.OpEnableKeyRotation, &kmsapi.EnableKeyRotationInput{KeyId: &id})
	next := w.rotationStatus(id).NextRotationDate
	for i := range 3 {
		if out := ok(w, admin, kmsapi.OpRotateKeyOnDemand, &kmsapi.RotateKeyOnDemandInput{KeyId: &id}); *out.KeyId != *m.Arn {
			t.Error(*out.KeyId)
		}
		if s := w.rotationStatus(id); s.OnDemandRotationStartDate == nil || len(w.rotations(id)) != i {
			t.Error("the rotation is not under way")
		}
		refused(w, admin, kmsapi.OpRotateKeyOnDemand, &kmsapi.RotateKeyOnDemandInput{KeyId: &id}, kmsapi.ErrConflictException, "*")
		w.settle()
		if s := w.rotationStatus(id); s.OnDemandRotationStartDate != nil || !s.NextRotationDate.Equal(*next) {
			t.Errorf("%+v", s)
		}
	}
	l := w.rotations(id)
	if len(l) != 3 || *l[2].RotationType != "ON_DEMAND" || *l[2].KeyMaterialState != "CURRENT" || *l[0].KeyMaterialState != "NON_CURRENT" {
		t.Errorf("%+v", l)
	}
	refused(w, admin, kmsapi.OpRotateKeyOnDemand, &kmsapi.RotateKeyOnDemandInput{KeyId: &id}, kmsapi.ErrLimitExceededException,
		"The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: "+*m.Arn)
	all := ok(w, admin, kmsapi.OpListKeyRotations, &kmsapi.ListKeyRotationsInput{KeyId: &id, IncludeKeyMaterial: new("ALL_KEY_MATERIAL")}).Rotations
	if len(all) != 4 || all[0].RotationDate != nil || all[0].RotationType != nil || *all[0].KeyMaterialId != *m.CurrentKeyMaterialId {
		t.Errorf("%+v", all)
	}
	first := ok(w, admin, kmsapi.OpListKeyRotations, &kmsapi.ListKeyRotationsInput{KeyId: &id, Limit: new(int32(2))})
	rest := ok(w, admin, kmsapi.OpListKeyRotations, &kmsapi.ListKeyRotationsInput{KeyId: &id, Limit: new(int32(2)), Marker: first.NextMarker})
	if len(first.Rotations) != 2 || !*first.Truncated || len(rest.Rotations) != 1 || *rest.Truncated || *rest.Rotations[0].KeyMaterialId != *l[2].KeyMaterialId {
		t.Error("pages")
	}

	w.advance(next.Sub(w.clock.Now()) - 10*time.Minute)
	refused(w, admin, kmsapi.OpRotateKeyOnDemand, &kmsapi.RotateKeyOnDemandInput{KeyId: &id}, kmsapi.ErrConflictException, "*")

	for _, in := range []*kmsapi.CreateKeyInput{{KeySpec: new("ECC_NIST_P256"), KeyUsage: new("SIGN_VERIFY")}, {KeySpec: new("HMAC_256"), KeyUsage: new("GENERATE_VERIFY_MAC")}} {
		other := w.key(in)
		refused(w, admin, kmsapi.OpRotateKeyOnDemand, &kmsapi.RotateKeyOnDemandInput{KeyId: other.KeyId}, kmsapi.ErrUnsupportedOperationException, "")
		if st := w.rotationStatus(*other.KeyId); *st.KeyRotationEnabled || st.RotationPeriodInDays != nil {
			t.Errorf("%+v", st)
		}
		refused(w, admin, kmsapi.OpEnableKeyRotation, &kmsapi.EnableKeyRotationInput{KeyId: other.KeyId}, kmsapi.ErrUnsupportedOperationException, "")
		ok(w, admin, kmsapi.OpDisableKeyRotation, &kmsapi.DisableKeyRotationInput{KeyId: other.KeyId}) // there is nothing to disable
		ok(w, admin, kmsapi.OpDisableKey, &kmsapi.DisableKeyInput{KeyId: other.KeyId})
		refused(w, admin, kmsapi.OpDisableKeyRotation, &kmsapi.DisableKeyRotationInput{KeyId: other.KeyId}, kmsapi.ErrDisabledException, *other.Arn+" is disabled.")
	}
}
