package kms

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/op"
)

// tried calls an operation as the account's administrator.
func tried[I, O any](w *world, d op.Desc[I, O], in *I) error {
	w.t.Helper()
	_, err := do(w, w.admin(home), d, in)
	return err
}

var sameMaterial = []byte("0123456789abcdef0123456789abcdef")

// importInput wraps material for a key as a client would.
func (w *world) importInput(id string, m []byte) (*kmsapi.ImportKeyMaterialInput, error) {
	w.t.Helper()
	return w.importInputIn(w.admin(home), id, m)
}

func (w *world) importInputIn(c *caller, id string, m []byte) (*kmsapi.ImportKeyMaterialInput, error) {
	w.t.Helper()
	p, err := do(w, c, kmsapi.OpGetParametersForImport, &kmsapi.GetParametersForImportInput{KeyId: &id, WrappingAlgorithm: new("RSAES_OAEP_SHA_256"), WrappingKeySpec: new("RSA_2048")})
	if err != nil {
		return nil, err
	}
	pub, err := x509.ParsePKIXPublicKey(p.PublicKey)
	if err != nil {
		w.t.Fatal(err)
	}
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, pub.(*rsa.PublicKey), m, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &kmsapi.ImportKeyMaterialInput{KeyId: &id, ImportToken: p.ImportToken, EncryptedKeyMaterial: wrapped, ExpirationModel: new("KEY_MATERIAL_DOES_NOT_EXPIRE")}, nil
}

// importMaterial imports material that does not expire.
func (w *world) importMaterial(id string, m []byte, typ string) *kmsapi.ImportKeyMaterialOutput {
	w.t.Helper()
	return w.importMaterialIn(w.admin(home), id, m, typ)
}

func (w *world) importMaterialIn(c *caller, id string, m []byte, typ string) *kmsapi.ImportKeyMaterialOutput {
	w.t.Helper()
	in, err := w.importInputIn(c, id, m)
	if err != nil {
		w.t.Fatal(err)
	}
	if typ != "" {
		in.ImportType = &typ
	}
	return ok(w, c, kmsapi.OpImportKeyMaterial, in)
}

func (w *world) describe(id string) *kmsapi.KeyMetadata {
	w.t.Helper()
	return ok(w, w.admin(home), kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &id}).KeyMetadata
}

func TestImport(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	m := w.key(&kmsapi.CreateKeyInput{Origin: new("EXTERNAL")})
	id := *m.KeyId
	if *m.KeyState != "PendingImport" || *m.Enabled || m.CurrentKeyMaterialId != nil || m.ExpirationModel != nil {
		t.Errorf("before: %+v", m)
	}
	in, err := w.importInput(id, sameMaterial)
	if err != nil {
		t.Fatal(err)
	}
	bad := *in
	bad.ExpirationModel = nil
	refused(w, admin, kmsapi.OpImportKeyMaterial, &bad, redoubt.ErrValidation, "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
	bad = *in
	bad.ImportToken = append([]byte{}, in.ImportToken...)
	bad.ImportToken[40] ^= 1
	refused(w, admin, kmsapi.OpImportKeyMaterial, &bad, kmsapi.ErrInvalidImportTokenException, "*")
	bad = *in
	bad.EncryptedKeyMaterial = make([]byte, 256)
	refused(w, admin, kmsapi.OpImportKeyMaterial, &bad, kmsapi.ErrInvalidCiphertextException, "")
	out := ok(w, admin, kmsapi.OpImportKeyMaterial, in)
	if *out.KeyId != *m.Arn || len(*out.KeyMaterialId) != 64 {
		t.Errorf("%+v", out)
	}
	m = w.describe(id)
	if *m.KeyState != "Enabled" || *m.ExpirationModel != "KEY_MATERIAL_DOES_NOT_EXPIRE" || m.ValidTo != nil || *m.CurrentKeyMaterialId != *out.KeyMaterialId {
		t.Errorf("after: %+v", m)
	}
	blob := ok(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: &id, Plaintext: []byte("secret")}).CiphertextBlob

	// Deleting makes it unusable; only the same material brings it back.
	if d := ok(w, admin, kmsapi.OpDeleteImportedKeyMaterial, &kmsapi.DeleteImportedKeyMaterialInput{KeyId: &id}); *d.KeyId != *m.Arn || *d.KeyMaterialId != *out.KeyMaterialId {
		t.Errorf("%+v", d)
	}
	if m := w.describe(id); *m.KeyState != "PendingImport" || m.ExpirationModel != nil || m.CurrentKeyMaterialId != nil {
		t.Errorf("deleted: %+v", m)
	}
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: blob}, kmsapi.ErrKMSInvalidStateException, *m.Arn+" is pending import.")
	other, err := w.importInput(id, []byte("another material of 32 bytes ...")[:32])
	if err != nil {
		t.Fatal(err)
	}
	refused(w, admin, kmsapi.OpImportKeyMaterial, other, kmsapi.ErrIncorrectKeyMaterialException, "*")
	if again := w.importMaterial(id, sameMaterial, ""); *again.KeyMaterialId != *out.KeyMaterialId {
		t.Error("the same material has another id")
	}
	if p := ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: blob}); string(p.Plaintext) != "secret" {
		t.Error("lost")
	}

	// A token lasts a day and opens for its key only.
	in, _ = w.importInput(id, sameMaterial)
	bad = *in
	bad.KeyId = w.key(&kmsapi.CreateKeyInput{Origin: new("EXTERNAL")}).KeyId
	refused(w, admin, kmsapi.OpImportKeyMaterial, &bad, kmsapi.ErrInvalidImportTokenException, "*")
	w.advance(24*time.Hour + time.Second)
	refused(w, admin, kmsapi.OpImportKeyMaterial, in, kmsapi.ErrExpiredImportTokenException, "*")

	own := w.key(nil)
	refused(w, admin, kmsapi.OpGetParametersForImport, &kmsapi.GetParametersForImportInput{KeyId: own.KeyId, WrappingAlgorithm: new("RSAES_OAEP_SHA_256"), WrappingKeySpec: new("RSA_2048")},
		kmsapi.ErrUnsupportedOperationException, *own.Arn+" origin is AWS_KMS which is not valid for this operation.")
}

func TestImportedMaterialExpires(t *testing.T) {
	w := newWorld(t)
	id := *w.key(&kmsapi.CreateKeyInput{Origin: new("EXTERNAL")}).KeyId
	in, err := w.importInput(id, sameMaterial)
	if err != nil {
		t.Fatal(err)
	}
	in.ExpirationModel = nil
	in.ValidTo = new(w.clock.Now().Add(400 * 24 * time.Hour))
	refused(w, w.admin(home), kmsapi.OpImportKeyMaterial, in, redoubt.ErrValidation, "*")
	in.ValidTo = new(w.clock.Now())
	refused(w, w.admin(home), kmsapi.OpImportKeyMaterial, in, redoubt.ErrValidation, "*")
	in.ValidTo = new(w.clock.Now().Add(48 * time.Hour))
	ok(w, w.admin(home), kmsapi.OpImportKeyMaterial, in)
	if m := w.describe(id); *m.ExpirationModel != "KEY_MATERIAL_EXPIRES" || !m.ValidTo.Equal(*in.ValidTo) {
		t.Errorf("%+v", m)
	}
	w.advance(47 * time.Hour)
	if s := *w.describe(id).KeyState; s != "Enabled" {
		t.Error(s, " too early")
	}
	w.advance(2 * time.Hour)
	if s := *w.describe(id).KeyState; s != "PendingImport" {
		t.Error(s, " after it expired")
	}
	if w.record(id).Materials[0].Sealed != nil {
		t.Error("the expired material is still there")
	}
}

func TestImportRotation(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	m := w.key(&kmsapi.CreateKeyInput{Origin: new("EXTERNAL")})
	id := *m.KeyId
	refused(w, admin, kmsapi.OpRotateKeyOnDemand, &kmsapi.RotateKeyOnDemandInput{KeyId: &id}, kmsapi.ErrKMSInvalidStateException, *m.Arn+" is pending import.")
	first := *w.importMaterial(id, sameMaterial, "").KeyMaterialId
	refused(w, admin, kmsapi.OpRotateKeyOnDemand, &kmsapi.RotateKeyOnDemandInput{KeyId: &id}, kmsapi.ErrKMSInvalidStateException, "No available key material pending rotation for the key: "+*m.Arn+".")
	refused(w, admin, kmsapi.OpEnableKeyRotation, &kmsapi.EnableKeyRotationInput{KeyId: &id}, kmsapi.ErrUnsupportedOperationException, *m.Arn+" origin is EXTERNAL which is not valid for this operation.")
	old := ok(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: &id, Plaintext: []byte("old")}).CiphertextBlob

	second := *w.importMaterial(id, []byte("the second material: 32 bytes...")[:32], "NEW_KEY_MATERIAL").KeyMaterialId
	if *w.describe(id).CurrentKeyMaterialId != first {
		t.Error("imported material became current by itself")
	}
	third, err := w.importInput(id, []byte("the third material : 32 bytes...")[:32])
	if err != nil {
		t.Fatal(err)
	}
	third.ImportType = new("NEW_KEY_MATERIAL")
	_, err = do(w, admin, kmsapi.OpImportKeyMaterial, third)
	if e, is := err.(*redoubt.Error); !is || e.Code != "KMSInvalidStateException" || len(e.Message) < 150 {
		t.Error(err)
	}
	list := ok(w, admin, kmsapi.OpListKeyRotations, &kmsapi.ListKeyRotationsInput{KeyId: &id, IncludeKeyMaterial: new("ALL_KEY_MATERIAL")}).Rotations
	if len(list) != 2 || *list[0].KeyMaterialState != "CURRENT" || *list[1].KeyMaterialState != "PENDING_ROTATION" || *list[1].ImportState != "IMPORTED" || list[1].RotationDate != nil {
		t.Errorf("%+v", list)
	}
	if l := ok(w, admin, kmsapi.OpListKeyRotations, &kmsapi.ListKeyRotationsInput{KeyId: &id}).Rotations; len(l) != 0 {
		t.Error("rotations before any: ", len(l))
	}
	ok(w, admin, kmsapi.OpRotateKeyOnDemand, &kmsapi.RotateKeyOnDemandInput{KeyId: &id})
	w.settle()
	if *w.describe(id).CurrentKeyMaterialId != second {
		t.Error("not rotated")
	}
	p := ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: old})
	if string(p.Plaintext) != "old" || *p.KeyMaterialId != first {
		t.Error("old ciphertext")
	}
	// Every material must be there for the key to work.
	ok(w, admin, kmsapi.OpDeleteImportedKeyMaterial, &kmsapi.DeleteImportedKeyMaterialInput{KeyId: &id, KeyMaterialId: &first})
	if s := *w.describe(id).KeyState; s != "PendingImport" {
		t.Error(s)
	}
	w.importMaterial(id, sameMaterial, "EXISTING_KEY_MATERIAL")
	if s := *w.describe(id).KeyState; s != "Enabled" {
		t.Error(s)
	}
}

func TestImportAsymmetricAndHMAC(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	mac := w.key(&kmsapi.CreateKeyInput{Origin: new("EXTERNAL"), KeySpec: new("HMAC_512"), KeyUsage: new("GENERATE_VERIFY_MAC")})
	out := w.importMaterial(*mac.KeyId, make([]byte, 64), "")
	if out.KeyMaterialId != nil {
		t.Error("HMAC keys show no material id")
	}
	ok(w, admin, kmsapi.OpGenerateMac, &kmsapi.GenerateMacInput{KeyId: mac.KeyId, Message: []byte("m"), MacAlgorithm: new("HMAC_SHA_512")})
	refused(w, admin, kmsapi.OpRotateKeyOnDemand, &kmsapi.RotateKeyOnDemandInput{KeyId: mac.KeyId}, kmsapi.ErrUnsupportedOperationException, "")
	refused(w, admin, kmsapi.OpGetParametersForImport, &kmsapi.GetParametersForImportInput{
		KeyId:             w.key(&kmsapi.CreateKeyInput{Origin: new("EXTERNAL"), KeySpec: new("RSA_2048"), KeyUsage: new("SIGN_VERIFY")}).KeyId,
		WrappingAlgorithm: new("RSAES_OAEP_SHA_256"), WrappingKeySpec: new("RSA_2048")}, kmsapi.ErrUnsupportedOperationException, "*")
	in, err := w.importInput(*mac.KeyId, make([]byte, 63))
	if err != nil {
		t.Fatal(err)
	}
	refused(w, admin, kmsapi.OpImportKeyMaterial, in, kmsapi.ErrIncorrectKeyMaterialException, "*")
}
