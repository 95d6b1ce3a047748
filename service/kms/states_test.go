package kms

import (
	"context"
	"errors"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
)

// What every operation on a key answers in every state, one letter per state:
//
//	. it works         D DisabledException       S KMSInvalidStateException
//	U UnsupportedOperationException              - no such key can be in the state
//
// in the order Creating, Enabled, Disabled, PendingImport, PendingDeletion,
// PendingReplicaDeletion, Unavailable, Updating. Keys pending import have
// imported material; unavailable ones are in a custom key store.
//
// Source: KMS Developer Guide, "Key states of AWS KMS keys".
var stateTable = []struct {
	operation string
	key       string // what kind of key is used
	results   string
	call      func(w *world, id string) error
}{
	{"Encrypt", "symmetric", "S.DSSSS.", func(w *world, id string) error {
		return tried(w, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: &id, Plaintext: []byte("x")})
	}},
	{"Decrypt", "symmetric", "S.DSSSS.", func(w *world, id string) error {
		return tried(w, kmsapi.OpDecrypt, &kmsapi.DecryptInput{KeyId: &id, CiphertextBlob: w.ciphertext(id)})
	}},
	{"ReEncrypt", "symmetric", "S.DSSSS.", func(w *world, id string) error {
		return tried(w, kmsapi.OpReEncrypt, &kmsapi.ReEncryptInput{SourceKeyId: &id, DestinationKeyId: &id, CiphertextBlob: w.ciphertext(id)})
	}},
	{"GenerateDataKey", "symmetric", "S.DSSSS.", func(w *world, id string) error {
		return tried(w, kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{KeyId: &id, KeySpec: new("AES_256")})
	}},
	{"GenerateDataKeyWithoutPlaintext", "symmetric", "S.DSSSS.", func(w *world, id string) error {
		return tried(w, kmsapi.OpGenerateDataKeyWithoutPlaintext, &kmsapi.GenerateDataKeyWithoutPlaintextInput{KeyId: &id, NumberOfBytes: new(int32(7))})
	}},
	{"GenerateDataKeyPair", "symmetric", "S.DSSSS.", func(w *world, id string) error {
		return tried(w, kmsapi.OpGenerateDataKeyPair, &kmsapi.GenerateDataKeyPairInput{KeyId: &id, KeyPairSpec: new("ECC_NIST_P256")})
	}},
	{"GenerateDataKeyPairWithoutPlaintext", "symmetric", "S.DSSSS.", func(w *world, id string) error {
		return tried(w, kmsapi.OpGenerateDataKeyPairWithoutPlaintext, &kmsapi.GenerateDataKeyPairWithoutPlaintextInput{KeyId: &id, KeyPairSpec: new("ECC_NIST_P256")})
	}},
	{"Sign", "signing", "S.DSSS-.", func(w *world, id string) error {
		return tried(w, kmsapi.OpSign, &kmsapi.SignInput{KeyId: &id, Message: []byte("m"), SigningAlgorithm: new("ECDSA_SHA_256")})
	}},
	{"Verify", "signing", "S.DSSS-.", func(w *world, id string) error {
		return tried(w, kmsapi.OpVerify, &kmsapi.VerifyInput{KeyId: &id, Message: []byte("m"), SigningAlgorithm: new("ECDSA_SHA_256"), Signature: w.signature(id)})
	}},
	{"GetPublicKey", "signing", "S..SSS-.", func(w *world, id string) error {
		return tried(w, kmsapi.OpGetPublicKey, &kmsapi.GetPublicKeyInput{KeyId: &id})
	}},
	{"GenerateMac", "mac", "S.DSSS-.", func(w *world, id string) error {
		return tried(w, kmsapi.OpGenerateMac, &kmsapi.GenerateMacInput{KeyId: &id, Message: []byte("m"), MacAlgorithm: new("HMAC_SHA_256")})
	}},
	{"VerifyMac", "mac", "S.DSSS-.", func(w *world, id string) error {
		return tried(w, kmsapi.OpVerifyMac, &kmsapi.VerifyMacInput{KeyId: &id, Message: []byte("m"), MacAlgorithm: new("HMAC_SHA_256"), Mac: w.mac(id)})
	}},
	{"DeriveSharedSecret", "agreement", "S.DSSS-.", func(w *world, id string) error {
		return tried(w, kmsapi.OpDeriveSharedSecret, &kmsapi.DeriveSharedSecretInput{KeyId: &id, KeyAgreementAlgorithm: new("ECDH"), PublicKey: w.peer()})
	}},
	{"CreateGrant", "symmetric", "S.DSSS..", func(w *world, id string) error {
		return tried(w, kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new("arn:aws:iam::123456789012:user/u"), Operations: []string{"Encrypt"}})
	}},
	{"ListGrants", "symmetric", "........", func(w *world, id string) error {
		return tried(w, kmsapi.OpListGrants, &kmsapi.ListGrantsInput{KeyId: &id})
	}},
	{"RevokeGrant", "symmetric", "........", func(w *world, id string) error {
		return tried(w, kmsapi.OpRevokeGrant, &kmsapi.RevokeGrantInput{KeyId: &id, GrantId: w.grantOn(id)})
	}},
	{"RetireGrant", "symmetric", "........", func(w *world, id string) error {
		arn := "arn:aws:kms:us-east-1:123456789012:key/" + id
		return tried(w, kmsapi.OpRetireGrant, &kmsapi.RetireGrantInput{KeyId: &arn, GrantId: w.grantOn(id)})
	}},
	{"DescribeKey", "symmetric", "........", func(w *world, id string) error {
		return tried(w, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &id})
	}},
	{"EnableKey", "symmetric", "S..SSS.S", func(w *world, id string) error {
		return tried(w, kmsapi.OpEnableKey, &kmsapi.EnableKeyInput{KeyId: &id})
	}},
	{"DisableKey", "symmetric", "S..SSS.S", func(w *world, id string) error {
		return tried(w, kmsapi.OpDisableKey, &kmsapi.DisableKeyInput{KeyId: &id})
	}},
	{"ScheduleKeyDeletion", "symmetric", "S...SS.S", func(w *world, id string) error {
		return tried(w, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: &id})
	}},
	{"CancelKeyDeletion", "symmetric", "SSSS..SS", func(w *world, id string) error {
		return tried(w, kmsapi.OpCancelKeyDeletion, &kmsapi.CancelKeyDeletionInput{KeyId: &id})
	}},
	{"UpdateKeyDescription", "symmetric", "....SS..", func(w *world, id string) error {
		return tried(w, kmsapi.OpUpdateKeyDescription, &kmsapi.UpdateKeyDescriptionInput{KeyId: &id, Description: new("d")})
	}},
	{"GetKeyLastUsage", "symmetric", "........", func(w *world, id string) error {
		return tried(w, kmsapi.OpGetKeyLastUsage, &kmsapi.GetKeyLastUsageInput{KeyId: &id})
	}},
	{"TagResource", "symmetric", "....SS..", func(w *world, id string) error {
		return tried(w, kmsapi.OpTagResource, &kmsapi.TagResourceInput{KeyId: &id, Tags: tags("a", "b")})
	}},
	{"UntagResource", "symmetric", "....SS..", func(w *world, id string) error {
		return tried(w, kmsapi.OpUntagResource, &kmsapi.UntagResourceInput{KeyId: &id, TagKeys: []string{"a"}})
	}},
	{"ListResourceTags", "symmetric", "........", func(w *world, id string) error {
		return tried(w, kmsapi.OpListResourceTags, &kmsapi.ListResourceTagsInput{KeyId: &id})
	}},
	{"GetKeyPolicy", "symmetric", "........", func(w *world, id string) error {
		return tried(w, kmsapi.OpGetKeyPolicy, &kmsapi.GetKeyPolicyInput{KeyId: &id})
	}},
	{"PutKeyPolicy", "symmetric", "........", func(w *world, id string) error {
		return tried(w, kmsapi.OpPutKeyPolicy, &kmsapi.PutKeyPolicyInput{KeyId: &id, Policy: new(defaultPolicy("aws", home))})
	}},
	{"ListKeyPolicies", "symmetric", "........", func(w *world, id string) error {
		return tried(w, kmsapi.OpListKeyPolicies, &kmsapi.ListKeyPoliciesInput{KeyId: &id})
	}},
	{"CreateAlias", "symmetric", "....SS..", func(w *world, id string) error {
		return tried(w, kmsapi.OpCreateAlias, &kmsapi.CreateAliasInput{TargetKeyId: &id, AliasName: new("alias/new" + id)})
	}},
	{"UpdateAlias to it", "symmetric", "....SS..", func(w *world, id string) error {
		other := w.key(nil)
		ok(w, w.admin(home), kmsapi.OpCreateAlias, &kmsapi.CreateAliasInput{TargetKeyId: other.KeyId, AliasName: new("alias/to" + id)})
		return tried(w, kmsapi.OpUpdateAlias, &kmsapi.UpdateAliasInput{TargetKeyId: &id, AliasName: new("alias/to" + id)})
	}},
	{"UpdateAlias from it", "symmetric", "........", func(w *world, id string) error {
		w.forceAlias(id, "alias/from"+id)
		return tried(w, kmsapi.OpUpdateAlias, &kmsapi.UpdateAliasInput{TargetKeyId: w.key(nil).KeyId, AliasName: new("alias/from" + id)})
	}},
	{"DeleteAlias", "symmetric", "........", func(w *world, id string) error {
		w.forceAlias(id, "alias/gone"+id)
		return tried(w, kmsapi.OpDeleteAlias, &kmsapi.DeleteAliasInput{AliasName: new("alias/gone" + id)})
	}},
	{"ListAliases", "symmetric", "........", func(w *world, id string) error {
		return tried(w, kmsapi.OpListAliases, &kmsapi.ListAliasesInput{KeyId: &id})
	}},
	{"EnableKeyRotation", "symmetric", "S.DUSSUS", func(w *world, id string) error {
		return tried(w, kmsapi.OpEnableKeyRotation, &kmsapi.EnableKeyRotationInput{KeyId: &id})
	}},
	{"DisableKeyRotation", "symmetric", "S.DUSSUS", func(w *world, id string) error {
		return tried(w, kmsapi.OpDisableKeyRotation, &kmsapi.DisableKeyRotationInput{KeyId: &id})
	}},
	{"RotateKeyOnDemand", "symmetric", "S.DSSSUS", func(w *world, id string) error {
		return tried(w, kmsapi.OpRotateKeyOnDemand, &kmsapi.RotateKeyOnDemandInput{KeyId: &id})
	}},
	{"GetKeyRotationStatus", "symmetric", "......U.", func(w *world, id string) error {
		return tried(w, kmsapi.OpGetKeyRotationStatus, &kmsapi.GetKeyRotationStatusInput{KeyId: &id})
	}},
	{"ListKeyRotations", "symmetric", "......U.", func(w *world, id string) error {
		return tried(w, kmsapi.OpListKeyRotations, &kmsapi.ListKeyRotationsInput{KeyId: &id})
	}},
	{"GetParametersForImport", "imported", "S...SSUS", func(w *world, id string) error {
		return tried(w, kmsapi.OpGetParametersForImport, &kmsapi.GetParametersForImportInput{KeyId: &id, WrappingAlgorithm: new("RSAES_OAEP_SHA_256"), WrappingKeySpec: new("RSA_2048")})
	}},
	{"ImportKeyMaterial", "imported", "S...SSUS", func(w *world, id string) error {
		in, err := w.importInput(id, sameMaterial)
		if err != nil {
			return err
		}
		return tried(w, kmsapi.OpImportKeyMaterial, in)
	}},
	{"DeleteImportedKeyMaterial", "imported", "S.....US", func(w *world, id string) error {
		return tried(w, kmsapi.OpDeleteImportedKeyMaterial, &kmsapi.DeleteImportedKeyMaterialInput{KeyId: &id})
	}},
	{"ReplicateKey", "multi-Region", "S.D.SS-S", func(w *world, id string) error {
		return tried(w, kmsapi.OpReplicateKey, &kmsapi.ReplicateKeyInput{KeyId: &id, ReplicaRegion: new("eu-west-1")})
	}},
	{"UpdatePrimaryRegion", "multi-Region", "S.D.SS-S", func(w *world, id string) error {
		w.inState(id, func() {
			ok(w, w.admin(home), kmsapi.OpReplicateKey, &kmsapi.ReplicateKeyInput{KeyId: &id, ReplicaRegion: new("eu-west-1")})
			w.settle()
		})
		return tried(w, kmsapi.OpUpdatePrimaryRegion, &kmsapi.UpdatePrimaryRegionInput{KeyId: &id, PrimaryRegion: new("eu-west-1")})
	}},
}

func TestStateMatrix(t *testing.T) {
	covered := map[string]bool{}
	for _, row := range stateTable {
		t.Run(row.operation, func(t *testing.T) {
			w := newWorld(t, withStores)
			for i, st := range columns {
				want := row.results[i]
				if want == '-' {
					continue
				}
				id := w.keyIn(row.key, st)
				err := row.call(w, id)
				got := byte('?')
				switch {
				case err == nil:
					got = '.'
				case errors.Is(err, kmsapi.ErrDisabledException):
					got = 'D'
				case errors.Is(err, kmsapi.ErrKMSInvalidStateException):
					got = 'S'
				case errors.Is(err, kmsapi.ErrUnsupportedOperationException):
					got = 'U'
				}
				if got != want {
					t.Errorf("%s: got %c (%v), want %c", st, got, err, want)
				}
			}
		})
		covered[row.operation] = true
	}
	for name := range matrix {
		if !covered[name] && name != "UpdateAlias" {
			t.Errorf("%s is not in the table", name)
		}
	}
}

func TestStateMessages(t *testing.T) {
	w := newWorld(t, withStores)
	arn := "arn:aws:kms:us-east-1:123456789012:key/"
	for _, test := range []struct {
		state   State
		code    redoubt.ErrorKind
		message string
	}{
		{Disabled, kmsapi.ErrDisabledException, " is disabled."},
		{PendingImport, kmsapi.ErrKMSInvalidStateException, " is pending import."},
		{PendingDeletion, kmsapi.ErrKMSInvalidStateException, " is pending deletion."},
		{Unavailable, kmsapi.ErrKMSInvalidStateException, " is unavailable."},
		{Creating, kmsapi.ErrKMSInvalidStateException, " is creating."},
	} {
		id := w.keyIn("symmetric", test.state)
		refused(w, w.admin(home), kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: &id, Plaintext: []byte("x")}, test.code, arn+id+test.message)
	}
	id := *w.key(nil).KeyId
	refused(w, w.admin(home), kmsapi.OpCancelKeyDeletion, &kmsapi.CancelKeyDeletionInput{KeyId: &id}, kmsapi.ErrKMSInvalidStateException, arn+id+" is not pending deletion.")
}

// keyIn makes a key of a kind and brings it into a state.
func (w *world) keyIn(kind string, st State) string {
	w.t.Helper()
	in := &kmsapi.CreateKeyInput{}
	switch kind {
	case "signing":
		in.KeySpec, in.KeyUsage = new("ECC_NIST_P256"), new("SIGN_VERIFY")
	case "mac":
		in.KeySpec, in.KeyUsage = new("HMAC_256"), new("GENERATE_VERIFY_MAC")
	case "agreement":
		in.KeySpec, in.KeyUsage = new("ECC_NIST_P256"), new("KEY_AGREEMENT")
	case "multi-Region":
		in.MultiRegion = new(true)
	case "imported":
		in.Origin = new("EXTERNAL")
	}
	if st == PendingImport {
		in.Origin = new("EXTERNAL")
	}
	if st == Unavailable {
		in = &kmsapi.CreateKeyInput{Origin: new("AWS_CLOUDHSM"), CustomKeyStoreId: new(w.connectedStore())}
	}
	id := *w.key(in).KeyId
	switch {
	case st == Unavailable:
		ok(w, w.admin(home), kmsapi.OpDisconnectCustomKeyStore, &kmsapi.DisconnectCustomKeyStoreInput{CustomKeyStoreId: in.CustomKeyStoreId})
		return id
	case kind == "imported" && st != PendingImport:
		w.importMaterial(id, sameMaterial, "")
	}
	w.force(id, func(k *Key) {
		k.State = st
		if st == PendingDeletion || st == PendingReplicaDeletion {
			k.Deletion = &Deletion{Window: 30}
		}
	})
	return id
}

// force changes a record behind the service's back.
func (w *world) force(id string, f func(*Key)) {
	w.t.Helper()
	if err := w.db.Run(context.Background(), func(ctx context.Context) error {
		_, err := keys.In(home, region).Edit(store.From(ctx), id, func(k *Key) error { f(k); return nil })
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
}

// inState runs f while the key is enabled.
func (w *world) inState(id string, f func()) {
	w.t.Helper()
	var was State
	w.force(id, func(k *Key) { was, k.State = k.State, Enabled })
	f()
	w.force(id, func(k *Key) { k.State = was })
}

func (w *world) forceAlias(id, name string) {
	w.inState(id, func() {
		ok(w, w.admin(home), kmsapi.OpCreateAlias, &kmsapi.CreateAliasInput{TargetKeyId: &id, AliasName: &name})
	})
}

func (w *world) grantOn(id string) (grant *string) {
	w.inState(id, func() {
		grant = ok(w, w.admin(home), kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new("arn:aws:iam::123456789012:user/u"), Operations: []string{"Encrypt"}}).GrantId
	})
	return grant
}

func (w *world) ciphertext(id string) (blob []byte) {
	k := w.record(id)
	if len(k.Materials) == 0 || k.KeyStore != "" {
		// No ciphertext of such a key exists now: any will do.
		h := material.Header{Kind: material.Local, Account: home, KeyID: id, MaterialID: "0000000000000000000000000000000000000000000000000000000000000000"}
		blob, _ = h.Append(nil)
		return append(blob, "body"...)
	}
	w.inState(id, func() {
		blob = ok(w, w.admin(home), kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: &id, Plaintext: []byte("x")}).CiphertextBlob
	})
	return blob
}

func (w *world) signature(id string) (sig []byte) {
	if len(w.record(id).Materials) == 0 {
		return []byte("any")
	}
	w.inState(id, func() {
		sig = ok(w, w.admin(home), kmsapi.OpSign, &kmsapi.SignInput{KeyId: &id, Message: []byte("m"), SigningAlgorithm: new("ECDSA_SHA_256")}).Signature
	})
	return sig
}

func (w *world) mac(id string) (mac []byte) {
	if len(w.record(id).Materials) == 0 {
		return []byte("any")
	}
	w.inState(id, func() {
		mac = ok(w, w.admin(home), kmsapi.OpGenerateMac, &kmsapi.GenerateMacInput{KeyId: &id, Message: []byte("m"), MacAlgorithm: new("HMAC_SHA_256")}).Mac
	})
	return mac
}

func (w *world) peer() []byte {
	m := w.key(&kmsapi.CreateKeyInput{KeySpec: new("ECC_NIST_P256"), KeyUsage: new("KEY_AGREEMENT")})
	return ok(w, w.admin(home), kmsapi.OpGetPublicKey, &kmsapi.GetPublicKeyInput{KeyId: m.KeyId}).PublicKey
}

func (w *world) record(id string) *Key {
	w.t.Helper()
	k, err := load(w.db.Begin(), home, region, id)
	if err != nil || k == nil {
		w.t.Fatal("no record of ", id, err)
	}
	return k
}
