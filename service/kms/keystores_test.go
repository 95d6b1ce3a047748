package kms

import (
	"bytes"
	"context"
	"crypto/sha256"
	"strconv"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/keystore"
)

// vault is a backend that remembers what it encrypted.
type vault struct {
	fail      *keystore.Failure
	kept      map[string][]byte
	destroyed []string
	settings  *keystore.Settings
}

func (v *vault) err() error {
	if v.fail != nil {
		return v.fail
	}
	return nil
}

func (v *vault) Check(_ context.Context, s, _ *keystore.Settings, _ keystore.Request) error {
	v.settings = s
	return v.err()
}

func (v *vault) Connect(_ context.Context, s *keystore.Settings, _ keystore.Request) (bool, error) {
	v.settings = s
	return s.NextPassword != "", v.err()
}

func (v *vault) Disconnect(string) {}

func (v *vault) Create(_ context.Context, _ *keystore.Settings, _ keystore.Request, k keystore.Key) (string, error) {
	if k.Backing != "" {
		return k.Backing, v.err()
	}
	return "object-" + k.ID, v.err()
}

func (v *vault) Encrypt(_ context.Context, _ *keystore.Settings, r keystore.Request, k keystore.Key, plaintext, aad []byte) ([]byte, error) {
	if v.kept == nil {
		v.kept = map[string][]byte{}
	}
	sum := sha256.Sum256(append(append([]byte(k.Backing), aad...), plaintext...))
	v.kept[string(sum[:])+string(aad)] = bytes.Clone(plaintext)
	return sum[:], v.err()
}

func (v *vault) Decrypt(_ context.Context, _ *keystore.Settings, _ keystore.Request, _ keystore.Key, ciphertext, aad []byte) ([]byte, error) {
	if p, ok := v.kept[string(ciphertext)+string(aad)]; ok {
		return bytes.Clone(p), v.err()
	}
	return nil, keystore.NotOurs
}

func (v *vault) Destroy(_ context.Context, _ *keystore.Settings, k keystore.Key) error {
	v.destroyed = append(v.destroyed, k.Backing)
	return v.err()
}

func (v *vault) Random(_ context.Context, _ *keystore.Settings, n int) ([]byte, error) {
	return bytes.Repeat([]byte{7}, n), v.err()
}

// withStores gives a world engines for both types of stores.
func withStores(d *Deps) {
	d.KeyStores = map[string]keystore.Backend{"AWS_CLOUDHSM": &vault{}, "EXTERNAL_KEY_STORE": &vault{}}
}

var stores int

func clusterStore() *kmsapi.CreateCustomKeyStoreInput {
	stores++
	return &kmsapi.CreateCustomKeyStoreInput{CustomKeyStoreName: new("store" + strconv.Itoa(stores)), CloudHsmClusterId: new("cluster-" + strconv.Itoa(stores) + "aaaaaaaaaaa"), TrustAnchorCertificate: new("pem"), KeyStorePassword: new("kmsPswd123")}
}

func externalStore() *kmsapi.CreateCustomKeyStoreInput {
	stores++
	return &kmsapi.CreateCustomKeyStoreInput{CustomKeyStoreName: new("store" + strconv.Itoa(stores)), CustomKeyStoreType: new("EXTERNAL_KEY_STORE"),
		XksProxyConnectivity: new("PUBLIC_ENDPOINT"), XksProxyUriEndpoint: new("https://proxy" + strconv.Itoa(stores) + ".example.com"), XksProxyUriPath: new("/kms/xks/v1"),
		XksProxyAuthenticationCredential: &kmsapi.XksProxyAuthenticationCredentialType{AccessKeyId: new("ABCDE12345670EXAMPLE"), RawSecretAccessKey: new("DXjSUawnel2fr6SKC7G25CNxTyWKE5PF9XX6H/u9pSo=")}}
}

func (w *world) connectedStore() string {
	w.t.Helper()
	id := *ok(w, w.admin(home), kmsapi.OpCreateCustomKeyStore, clusterStore()).CustomKeyStoreId
	w.connectStore(id)
	return id
}

func (w *world) connectStore(id string) {
	w.t.Helper()
	ok(w, w.admin(home), kmsapi.OpConnectCustomKeyStore, &kmsapi.ConnectCustomKeyStoreInput{CustomKeyStoreId: &id})
	w.settle()
}

func (w *world) storeState(id string) kmsapi.CustomKeyStoresListEntry {
	w.t.Helper()
	l := ok(w, w.admin(home), kmsapi.OpDescribeCustomKeyStores, &kmsapi.DescribeCustomKeyStoresInput{CustomKeyStoreId: &id}).CustomKeyStores
	if len(l) != 1 {
		w.t.Fatal("store ", id, " shown ", len(l), " times")
	}
	return l[0]
}

func TestKeyStoreLife(t *testing.T) {
	w := newWorld(t, withStores)
	admin := w.admin(home)
	hsm := w.backends["AWS_CLOUDHSM"].(*vault)
	in := clusterStore()
	id := *ok(w, admin, kmsapi.OpCreateCustomKeyStore, in).CustomKeyStoreId
	if again := ok(w, admin, kmsapi.OpCreateCustomKeyStore, in); *again.CustomKeyStoreId != id {
		t.Error("the same store was made twice")
	}
	taken := clusterStore()
	taken.CustomKeyStoreName = in.CustomKeyStoreName
	refused(w, admin, kmsapi.OpCreateCustomKeyStore, taken, kmsapi.ErrCustomKeyStoreNameInUseException, "*")
	taken = clusterStore()
	taken.CloudHsmClusterId = in.CloudHsmClusterId
	refused(w, admin, kmsapi.OpCreateCustomKeyStore, taken, kmsapi.ErrCloudHsmClusterInUseException, "*")

	refused(w, admin, kmsapi.OpCreateKey, &kmsapi.CreateKeyInput{Origin: new("AWS_CLOUDHSM"), CustomKeyStoreId: &id}, kmsapi.ErrCustomKeyStoreInvalidStateException, "*")
	hsm.fail = keystore.WrongPassword
	w.connectStore(id)
	if e := w.storeState(id); *e.ConnectionState != "FAILED" || *e.ConnectionErrorCode != "INVALID_CREDENTIALS" {
		t.Errorf("%v %v", *e.ConnectionState, e.ConnectionErrorCode)
	}
	hsm.fail = nil
	refused(w, admin, kmsapi.OpConnectCustomKeyStore, &kmsapi.ConnectCustomKeyStoreInput{CustomKeyStoreId: &id}, kmsapi.ErrCustomKeyStoreInvalidStateException, "*")
	ok(w, admin, kmsapi.OpDisconnectCustomKeyStore, &kmsapi.DisconnectCustomKeyStoreInput{CustomKeyStoreId: &id})
	ok(w, admin, kmsapi.OpUpdateCustomKeyStore, &kmsapi.UpdateCustomKeyStoreInput{CustomKeyStoreId: &id, KeyStorePassword: new("changed123")})
	ok(w, admin, kmsapi.OpConnectCustomKeyStore, &kmsapi.ConnectCustomKeyStoreInput{CustomKeyStoreId: &id})
	if e := w.storeState(id); *e.ConnectionState != "CONNECTING" {
		t.Error(*e.ConnectionState)
	}
	w.settle()
	if e := w.storeState(id); *e.ConnectionState != "CONNECTED" || e.ConnectionErrorCode != nil || *e.CloudHsmClusterId != *in.CloudHsmClusterId || e.XksProxyConfiguration != nil {
		t.Errorf("%+v", e)
	}
	if hsm.settings.Password != "changed123" || hsm.settings.NextPassword != "" {
		t.Error("settings")
	}
	refused(w, admin, kmsapi.OpUpdateCustomKeyStore, &kmsapi.UpdateCustomKeyStoreInput{CustomKeyStoreId: &id, KeyStorePassword: new("changed456")}, kmsapi.ErrCustomKeyStoreInvalidStateException, "*")
	ok(w, admin, kmsapi.OpUpdateCustomKeyStore, &kmsapi.UpdateCustomKeyStoreInput{CustomKeyStoreId: &id, NewCustomKeyStoreName: new("renamed")})

	m := w.key(&kmsapi.CreateKeyInput{Origin: new("AWS_CLOUDHSM"), CustomKeyStoreId: &id})
	if *m.CustomKeyStoreId != id || *m.CloudHsmClusterId != *in.CloudHsmClusterId || m.CurrentKeyMaterialId != nil || *m.KeyState != "Enabled" {
		t.Errorf("%+v", m)
	}
	context := map[string]string{"a": "b"}
	enc := ok(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: m.KeyId, Plaintext: []byte("in the token"), EncryptionContext: context})
	dec := ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: enc.CiphertextBlob, EncryptionContext: context})
	if string(dec.Plaintext) != "in the token" || dec.KeyMaterialId != nil {
		t.Errorf("%+v", dec)
	}
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: enc.CiphertextBlob}, kmsapi.ErrInvalidCiphertextException, "")
	refused(w, admin, kmsapi.OpEnableKeyRotation, &kmsapi.EnableKeyRotationInput{KeyId: m.KeyId}, kmsapi.ErrUnsupportedOperationException, *m.Arn+" origin is AWS_CLOUDHSM which is not valid for this operation.")
	refused(w, admin, kmsapi.OpGenerateDataKeyPair, &kmsapi.GenerateDataKeyPairInput{KeyId: m.KeyId, KeyPairSpec: new("ECC_NIST_P256")}, kmsapi.ErrUnsupportedOperationException, "*")
	if r := ok(w, admin, kmsapi.OpGenerateRandom, &kmsapi.GenerateRandomInput{NumberOfBytes: new(int32(3)), CustomKeyStoreId: &id}); !bytes.Equal(r.Plaintext, []byte{7, 7, 7}) {
		t.Error(r.Plaintext)
	}
	hsm.fail = keystore.TokenAway
	refused(w, admin, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: m.KeyId, Plaintext: []byte("x")}, kmsapi.ErrKMSInvalidStateException, keystore.TokenAway.Message)
	hsm.fail = nil

	// Disconnecting makes its keys unavailable at once; enabling and disabling
	// still count, for later.
	ok(w, admin, kmsapi.OpDisconnectCustomKeyStore, &kmsapi.DisconnectCustomKeyStoreInput{CustomKeyStoreId: &id})
	if d := w.describe(*m.KeyId); *d.KeyState != "Unavailable" || *d.Enabled {
		t.Error(*d.KeyState)
	}
	ok(w, admin, kmsapi.OpDisableKey, &kmsapi.DisableKeyInput{KeyId: m.KeyId})
	refused(w, admin, kmsapi.OpDeleteCustomKeyStore, &kmsapi.DeleteCustomKeyStoreInput{CustomKeyStoreId: &id}, kmsapi.ErrCustomKeyStoreHasCMKsException, "*")
	w.connectStore(id)
	if d := w.describe(*m.KeyId); *d.KeyState != "Disabled" {
		t.Error(*d.KeyState)
	}
	ok(w, admin, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: m.KeyId, PendingWindowInDays: new(int32(7))})
	w.advance(8 * day)
	if len(hsm.destroyed) != 1 || hsm.destroyed[0] != "object-"+*m.KeyId {
		t.Error("the token keeps ", hsm.destroyed)
	}
	ok(w, admin, kmsapi.OpDisconnectCustomKeyStore, &kmsapi.DisconnectCustomKeyStoreInput{CustomKeyStoreId: &id})
	ok(w, admin, kmsapi.OpDeleteCustomKeyStore, &kmsapi.DeleteCustomKeyStoreInput{CustomKeyStoreId: &id})
	refused(w, admin, kmsapi.OpDescribeCustomKeyStores, &kmsapi.DescribeCustomKeyStoresInput{CustomKeyStoreId: &id}, kmsapi.ErrCustomKeyStoreNotFoundException, "*")
}

func TestExternalKeyStore(t *testing.T) {
	w := newWorld(t, withStores)
	admin := w.admin(home)
	xks := w.backends["EXTERNAL_KEY_STORE"].(*vault)
	in := externalStore()
	xks.fail = keystore.ProxyAuthentication
	refused(w, admin, kmsapi.OpCreateCustomKeyStore, in, kmsapi.ErrXksProxyIncorrectAuthenticationCredentialException, keystore.ProxyAuthentication.Message)
	xks.fail = nil
	id := *ok(w, admin, kmsapi.OpCreateCustomKeyStore, in).CustomKeyStoreId
	w.connectStore(id)
	e := w.storeState(id)
	if x := e.XksProxyConfiguration; e.CloudHsmClusterId != nil || *x.AccessKeyId != "ABCDE12345670EXAMPLE" || *x.UriPath != "/kms/xks/v1" || x.VpcEndpointServiceName != nil {
		t.Errorf("%+v", e)
	}
	m := w.key(&kmsapi.CreateKeyInput{Origin: new("EXTERNAL_KEY_STORE"), CustomKeyStoreId: &id, XksKeyId: new("bb8562717f809024")})
	if *m.XksKeyConfiguration.Id != "bb8562717f809024" || m.CloudHsmClusterId != nil {
		t.Errorf("%+v", m)
	}
	refused(w, admin, kmsapi.OpCreateKey, &kmsapi.CreateKeyInput{Origin: new("EXTERNAL_KEY_STORE"), CustomKeyStoreId: &id, XksKeyId: new("bb8562717f809024")}, kmsapi.ErrXksKeyAlreadyInUseException, "*")
	enc := ok(w, admin, kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{KeyId: m.KeyId, KeySpec: new("AES_256")})
	for _, seen := range xks.kept {
		if bytes.Contains(seen, enc.Plaintext) {
			t.Error("the proxy saw the data key in the clear")
		}
	}
	dec := ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	if !bytes.Equal(dec.Plaintext, enc.Plaintext) {
		t.Error("round trip")
	}
	refused(w, admin, kmsapi.OpGenerateRandom, &kmsapi.GenerateRandomInput{NumberOfBytes: new(int32(3)), CustomKeyStoreId: &id}, kmsapi.ErrUnsupportedOperationException, "*")
	xks.fail = keystore.ProxyKeyNotFound
	refused(w, admin, kmsapi.OpCreateKey, &kmsapi.CreateKeyInput{Origin: new("EXTERNAL_KEY_STORE"), CustomKeyStoreId: &id, XksKeyId: new("none")}, kmsapi.ErrXksKeyNotFoundException, "*")
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: enc.CiphertextBlob}, kmsapi.ErrKMSInvalidStateException, keystore.ProxyKeyNotFound.Message)

	bare := newWorld(t)
	refused(bare, bare.admin(home), kmsapi.OpCreateCustomKeyStore, externalStore(), redoubt.ErrNotImplemented, "*")
}
