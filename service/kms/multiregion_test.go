package kms

import (
	"testing"

	"github.com/redoubt-sec/redoubt/api/kmsapi"
)

const abroad = "eu-west-1"

// TestReplicate is cases S08 and S09.
func TestReplicate(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	there := admin.in(abroad)
	m := w.key(&kmsapi.CreateKeyInput{MultiRegion: new(true), Description: new("primary"), Tags: tags("a", "b")})
	id := m.KeyId
	if len(*id) != 36 || (*id)[:4] != "mrk-" || !*m.MultiRegion {
		t.Errorf("%+v", m)
	}
	if f := m.MultiRegionConfiguration; *f.MultiRegionKeyType != "PRIMARY" || *f.PrimaryKey.Region != region || *f.PrimaryKey.Arn != *m.Arn || f.ReplicaKeys == nil || len(f.ReplicaKeys) != 0 {
		t.Errorf("%+v", f)
	}
	refused(w, there, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: id}, kmsapi.ErrNotFoundException, "Key 'arn:aws:kms:eu-west-1:123456789012:key/"+*id+"' does not exist")
	ok(w, admin, kmsapi.OpEnableKeyRotation, &kmsapi.EnableKeyRotationInput{KeyId: id})
	out := ok(w, admin, kmsapi.OpReplicateKey, &kmsapi.ReplicateKeyInput{KeyId: id, ReplicaRegion: new(abroad)})
	r := out.ReplicaKeyMetadata
	if *r.KeyId != *id || *r.Arn != "arn:aws:kms:eu-west-1:123456789012:key/"+*id || *r.KeyState != "Creating" || *r.Enabled || *r.Description != "" || r.CurrentKeyMaterialId != nil {
		t.Errorf("%+v", r)
	}
	if f := r.MultiRegionConfiguration; *f.MultiRegionKeyType != "REPLICA" || *f.PrimaryKey.Arn != *m.Arn || len(f.ReplicaKeys) != 1 || *f.ReplicaKeys[0].Region != abroad {
		t.Errorf("%+v", f)
	}
	if *out.ReplicaPolicy != defaultPolicy("aws", home) || out.ReplicaTags != nil {
		t.Errorf("%+v", out)
	}
	blob := ok(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: id, Plaintext: []byte("here")}).CiphertextBlob
	refused(w, there, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: blob}, kmsapi.ErrKMSInvalidStateException, *r.Arn+" is creating.")
	w.settle()
	r = ok(w, there, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: id}).KeyMetadata
	if *r.KeyState != "Enabled" || *r.CurrentKeyMaterialId != *m.CurrentKeyMaterialId {
		t.Errorf("%+v", r)
	}
	if d := ok(w, there, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: blob}); string(d.Plaintext) != "here" || *d.KeyId != *r.Arn {
		t.Errorf("%+v", d)
	}
	back := ok(w, there, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: id, Plaintext: []byte("there")}).CiphertextBlob
	ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: back})

	refused(w, admin, kmsapi.OpReplicateKey, &kmsapi.ReplicateKeyInput{KeyId: id, ReplicaRegion: new(abroad)}, kmsapi.ErrAlreadyExistsException, "*")
	refused(w, admin, kmsapi.OpReplicateKey, &kmsapi.ReplicateKeyInput{KeyId: id, ReplicaRegion: new("cn-north-1")}, kmsapi.ErrUnsupportedOperationException, "*")
	refused(w, there, kmsapi.OpReplicateKey, &kmsapi.ReplicateKeyInput{KeyId: id, ReplicaRegion: new("eu-west-2")}, kmsapi.ErrUnsupportedOperationException, *r.Arn+" is not a multi-region primary key.")
	single := w.key(nil)
	refused(w, admin, kmsapi.OpReplicateKey, &kmsapi.ReplicateKeyInput{KeyId: single.KeyId, ReplicaRegion: new(abroad)}, kmsapi.ErrUnsupportedOperationException, *single.Arn+" is not a multi-region primary key.")

	// Own: state, tags, aliases. Shared: rotation.
	ok(w, there, kmsapi.OpDisableKey, &kmsapi.DisableKeyInput{KeyId: id})
	if *w.describe(*id).KeyState != "Enabled" {
		t.Error("disabling the replica disabled the primary")
	}
	ok(w, there, kmsapi.OpEnableKey, &kmsapi.EnableKeyInput{KeyId: id})
	if l := ok(w, there, kmsapi.OpListResourceTags, &kmsapi.ListResourceTagsInput{KeyId: id}).Tags; len(l) != 0 {
		t.Error("tags were copied")
	}
	refused(w, there, kmsapi.OpDisableKeyRotation, &kmsapi.DisableKeyRotationInput{KeyId: id}, kmsapi.ErrUnsupportedOperationException, "*")
	if s := ok(w, there, kmsapi.OpGetKeyRotationStatus, &kmsapi.GetKeyRotationStatusInput{KeyId: id}); !*s.KeyRotationEnabled {
		t.Error("the replica does not show the rotation")
	}
	w.advance(366 * day)
	now, then := w.describe(*id), ok(w, there, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: id}).KeyMetadata
	if *now.CurrentKeyMaterialId == *m.CurrentKeyMaterialId || *now.CurrentKeyMaterialId != *then.CurrentKeyMaterialId {
		t.Error("the rotation is not shared")
	}
	ok(w, there, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: blob})
	if l := ok(w, there, kmsapi.OpListKeyRotations, &kmsapi.ListKeyRotationsInput{KeyId: id}).Rotations; len(l) != 1 {
		t.Error("rotations of the replica: ", len(l))
	}
}

func TestUpdatePrimaryRegion(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	there := admin.in(abroad)
	id := w.key(&kmsapi.CreateKeyInput{MultiRegion: new(true)}).KeyId
	ok(w, admin, kmsapi.OpEnableKeyRotation, &kmsapi.EnableKeyRotationInput{KeyId: id})
	refused(w, admin, kmsapi.OpUpdatePrimaryRegion, &kmsapi.UpdatePrimaryRegionInput{KeyId: id, PrimaryRegion: new(abroad)}, kmsapi.ErrNotFoundException, "*")
	ok(w, admin, kmsapi.OpReplicateKey, &kmsapi.ReplicateKeyInput{KeyId: id, ReplicaRegion: new(abroad)})
	w.settle()
	ok(w, admin, kmsapi.OpUpdatePrimaryRegion, &kmsapi.UpdatePrimaryRegionInput{KeyId: id, PrimaryRegion: new(abroad)})
	if s := *w.describe(*id).KeyState; s != "Updating" {
		t.Error(s)
	}
	blob := ok(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: id, Plaintext: []byte("x")}).CiphertextBlob
	refused(w, admin, kmsapi.OpDisableKey, &kmsapi.DisableKeyInput{KeyId: id}, kmsapi.ErrKMSInvalidStateException, "*")
	w.settle()
	old, fresh := w.describe(*id), ok(w, there, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: id}).KeyMetadata
	if *old.KeyState != "Enabled" || *old.MultiRegionConfiguration.MultiRegionKeyType != "REPLICA" || *fresh.MultiRegionConfiguration.MultiRegionKeyType != "PRIMARY" || *fresh.KeyState != "Enabled" ||
		*old.MultiRegionConfiguration.ReplicaKeys[0].Region != region {
		t.Errorf("%+v %+v", old, fresh)
	}
	ok(w, there, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: blob})
	w.advance(366 * day)
	if l := w.rotations(*id); len(l) != 1 {
		t.Error("the new primary does not rotate")
	}
}

func TestDeleteFamily(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	there := admin.in(abroad)
	id := w.key(&kmsapi.CreateKeyInput{MultiRegion: new(true)}).KeyId
	ok(w, admin, kmsapi.OpReplicateKey, &kmsapi.ReplicateKeyInput{KeyId: id, ReplicaRegion: new(abroad)})
	w.settle()
	out := ok(w, admin, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: id, PendingWindowInDays: new(int32(7))})
	if *out.KeyState != "PendingReplicaDeletion" || out.DeletionDate != nil || *out.PendingWindowInDays != 7 {
		t.Errorf("%+v", out)
	}
	if m := w.describe(*id); *m.PendingDeletionWindowInDays != 7 || m.DeletionDate != nil {
		t.Errorf("%+v", m)
	}
	w.advance(100 * day)
	w.describe(*id)
	ok(w, there, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: id, PendingWindowInDays: new(int32(7))})
	w.advance(7 * day)
	refused(w, there, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: id}, kmsapi.ErrNotFoundException, "*")
	m := w.describe(*id)
	if *m.KeyState != "PendingDeletion" || !m.DeletionDate.Equal(w.clock.Now().AddDate(0, 0, 7)) || m.PendingDeletionWindowInDays != nil || len(m.MultiRegionConfiguration.ReplicaKeys) != 0 {
		t.Errorf("%+v", m)
	}
	w.advance(7 * day)
	refused(w, admin, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: id}, kmsapi.ErrNotFoundException, "*")
}

// TestImportedFamily: every region imports for itself, the primary first.
func TestImportedFamily(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	there := admin.in(abroad)
	id := *w.key(&kmsapi.CreateKeyInput{MultiRegion: new(true), Origin: new("EXTERNAL")}).KeyId
	first := *w.importMaterial(id, sameMaterial, "").KeyMaterialId
	ok(w, admin, kmsapi.OpReplicateKey, &kmsapi.ReplicateKeyInput{KeyId: &id, ReplicaRegion: new(abroad)})
	w.settle()
	replica := func() *kmsapi.KeyMetadata {
		return ok(w, there, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &id}).KeyMetadata
	}
	if s := *replica().KeyState; s != "PendingImport" {
		t.Error(s)
	}
	second := []byte("the second material: 32 bytes...")[:32]
	in, err := w.importInputIn(there, id, second)
	if err != nil {
		t.Fatal(err)
	}
	refused(w, there, kmsapi.OpImportKeyMaterial, in, kmsapi.ErrIncorrectKeyMaterialException, "*")
	in.ImportType = new("NEW_KEY_MATERIAL")
	refused(w, there, kmsapi.OpImportKeyMaterial, in, kmsapi.ErrUnsupportedOperationException, "*")
	w.importMaterialIn(there, id, sameMaterial, "")
	if m := replica(); *m.KeyState != "Enabled" || *m.CurrentKeyMaterialId != first {
		t.Errorf("%+v", m)
	}
	next := *w.importMaterial(id, second, "NEW_KEY_MATERIAL").KeyMaterialId
	state := func(c *caller) string {
		l := ok(w, c, kmsapi.OpListKeyRotations, &kmsapi.ListKeyRotationsInput{KeyId: &id, IncludeKeyMaterial: new("ALL_KEY_MATERIAL")}).Rotations
		return *l[1].KeyMaterialState + " " + *l[1].ImportState
	}
	if s := state(admin); s != "PENDING_MULTI_REGION_IMPORT_AND_ROTATION IMPORTED" {
		t.Error(s)
	}
	if s := state(there); s != "PENDING_MULTI_REGION_IMPORT_AND_ROTATION PENDING_IMPORT" {
		t.Error(s)
	}
	refused(w, admin, kmsapi.OpRotateKeyOnDemand, &kmsapi.RotateKeyOnDemandInput{KeyId: &id}, kmsapi.ErrKMSInvalidStateException, "*")
	w.importMaterialIn(there, id, second, "EXISTING_KEY_MATERIAL")
	if s, r := state(admin), state(there); s != "PENDING_ROTATION IMPORTED" || r != s {
		t.Error(s, r)
	}
	ok(w, admin, kmsapi.OpRotateKeyOnDemand, &kmsapi.RotateKeyOnDemandInput{KeyId: &id})
	w.settle()
	if a, b := *w.describe(id).CurrentKeyMaterialId, *replica().CurrentKeyMaterialId; a != next || b != next {
		t.Error("not rotated everywhere")
	}
}
