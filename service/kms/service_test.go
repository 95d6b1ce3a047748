package kms

import (
	"path/filepath"
	"testing"

	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/store"
)

// TestEveryOperationHasARow: 54 operations, each once.
func TestEveryOperationHasARow(t *testing.T) {
	rows := new(Service).Operations()
	have := map[string]int{}
	for _, o := range rows.Operations {
		have[o.Schema.Name]++
	}
	for i := range kmsapi.Model.Operations {
		if name := kmsapi.Model.Operations[i].Name; have[name] != 1 {
			t.Errorf("%s has %d rows", name, have[name])
		}
	}
}

// TestRecordedMembersExist: what a row lets the audit log hold is a member, and
// none that carries secrets.
func TestRecordedMembersExist(t *testing.T) {
	secret := map[string]bool{"Plaintext": true, "CiphertextBlob": true, "GrantToken": true, "GrantTokens": true, "ImportToken": true, "EncryptedKeyMaterial": true,
		"Message": true, "Signature": true, "Mac": true, "PublicKey": true, "KeyStorePassword": true, "XksProxyAuthenticationCredential": true, "SharedSecret": true}
	for _, o := range new(Service).Operations().Operations {
		in, out := o.Schema.Input, o.Schema.Output
		for _, list := range []struct {
			names []string
			shape int
		}{{o.Request, int(in)}, {o.Response, int(out)}} {
			for _, name := range list.names {
				if secret[name] {
					t.Errorf("%s records %s", o.Schema.Name, name)
				}
				found := false
				if list.shape >= 0 {
					for _, m := range kmsapi.Model.Shapes[list.shape].Members {
						found = found || m.Name == name
					}
				}
				if !found {
					t.Errorf("%s has no member %s", o.Schema.Name, name)
				}
			}
		}
	}
}

// TestNewRootKey: everything sealed goes under a new root key.
func TestNewRootKey(t *testing.T) {
	w := newWorld(t, withStores)
	admin := w.admin(home)
	m := w.key(nil)
	blob := w.ciphertext(*m.KeyId)
	storeID := w.connectedStore()
	if err := w.ring.RotateSeal(t.Context(), keyring.NewFileSeal(filepath.Join(t.TempDir(), "new")), true); err != nil {
		t.Fatal(err)
	}
	for _, o := range []keyring.Owner{
		keyring.Records("kms.key", keys.All(), w.renewKey),
		keyring.Records("kms.keystore", keyStores.All(), w.renewStore),
	} {
		if next, n, err := o.Reseal(t.Context(), w.db, ""); err != nil || next != "" || n != 1 {
			t.Errorf("%s: %d changed, next %q, %v", o.Name, n, next, err)
		}
	}
	for _, rec := range w.record(*m.KeyId).Materials {
		if g, ok := keyring.Generation(rec.Sealed); !ok || g != 2 {
			t.Error("generation ", g)
		}
	}
	ok(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: blob})
	ks, err := loadStore(w.db.Begin(), home, region, storeID)
	if err != nil {
		t.Fatal(err)
	}
	if sec, err := w.openSecrets(ks); err != nil || sec.Password != "kmsPswd123" {
		t.Error(sec, err)
	}
}

// log keeps events.
type log []*trail.Event

func (l *log) Commit(_ *store.Tx, e *trail.Event) error {
	*l = append(*l, e)
	return nil
}

// TestServiceEvents: what happens without a call is recorded too.
func TestServiceEvents(t *testing.T) {
	var events log
	w := newWorld(t, func(d *Deps) { d.Events = &events })
	m := w.key(nil)
	ok(w, w.admin(home), kmsapi.OpEnableKeyRotation, &kmsapi.EnableKeyRotationInput{KeyId: m.KeyId})
	w.advance(366 * day)
	ok(w, w.admin(home), kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: m.KeyId})
	w.advance(31 * day)
	if len(events) != 2 || events[0].Name != "RotateKey" || events[1].Name != "DeleteKey" {
		t.Fatalf("%d events", len(events))
	}
	for _, e := range events {
		if e.Type != "AwsServiceEvent" || e.Account != home || e.Region != region || e.Resources[0].ARN != *m.Arn || e.Identity.InvokedBy != "AWS Internal" {
			t.Errorf("%+v", e)
		}
	}
}
