package kms

import (
	"context"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/store"
)

// BenchmarkHotPath is what a cryptographic call costs in this package: its needs
// and its method, without door, decision and wire.
func BenchmarkHotPath(b *testing.B) {
	w := newWorld(b)
	id := w.key(nil).KeyId
	plain := make([]byte, 256)
	blob := ok(w, w.admin(home), kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: id, Plaintext: plain}).CiphertextBlob
	admin := w.admin(home)
	for name, in := range map[string]any{
		"Encrypt":         &kmsapi.EncryptInput{KeyId: id, Plaintext: plain, EncryptionContext: map[string]string{"app": "x"}},
		"Decrypt":         &kmsapi.DecryptInput{CiphertextBlob: blob},
		"GenerateDataKey": &kmsapi.GenerateDataKeyInput{KeyId: id, KeySpec: new("AES_256")},
	} {
		row := w.rows[name]
		c := &redoubt.Call{Service: "kms", Operation: name, Partition: "aws", Account: home, Region: region, RequestID: "r", Time: w.clock.Now(), Principal: admin.Principal}
		b.Run(name+"/needs", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tx := w.db.Begin()
				if _, err := row.Needs(store.With(context.Background(), tx), c, in); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/method", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tx := w.db.Begin()
				if _, err := row.Call(store.With(context.Background(), tx), c, in); err != nil {
					b.Fatal(err)
				}
				if err := tx.Commit(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
