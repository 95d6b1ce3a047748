package keyring

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/redoubt-sec/redoubt/engine/pkcs11"
	"github.com/redoubt-sec/redoubt/engine/pkcs11/softhsm"
)

func TestTokenSeal(t *testing.T) {
	m := softhsm.New(t)
	away := errors.New("the token is away")
	var gone bool
	inToken := func(keyID string) *TokenSeal {
		return NewTokenSeal(func() (*pkcs11.Token, error) {
			if gone {
				return nil, away
			}
			return m.Open(softhsm.Label, softhsm.Is(softhsm.PIN))
		}, keyID)
	}
	db := newDB(t)
	k := open(t, db, inToken("root"))
	blob := seal(t, k, "p", "", "x")
	wantErr(t, k.RotateSeal(ctx, inToken("root"), false), nil) // the same key again
	k.Close()

	gone = true
	k = open(t, db, inToken("root"))
	wantErr(t, k.Unseal(ctx), away)
	gone = false
	run(t, k)
	until(t, "unsealed", func() bool { return !k.Status().Sealed })
	wantOpens(t, k, "p", "", blob, "x")

	// Another key of the token does not open it, and is not made by trying.
	wantErr(t, open(t, db, inToken("other")).Unseal(ctx), pkcs11.ErrNoKey)

	// From the token to a file and back.
	if err := k.RotateSeal(ctx, fileSeal(t), true); err != nil {
		t.Fatal(err)
	}
	wantOpens(t, k, "p", "", blob, "x")
}

// The root key is in no file of the token's directory in the clear; a planted
// copy shows that the search would find it.
func TestTokenSealLeavesNoKeyOnDisk(t *testing.T) {
	m := softhsm.New(t)
	dir := filepath.Dir(os.Getenv("SOFTHSM2_CONF"))
	k := open(t, newDB(t), NewTokenSeal(func() (*pkcs11.Token, error) { return m.Open(softhsm.Label, softhsm.Is(softhsm.PIN)) }, "root"))
	k.roots.Load().keys[1].Use(func(root []byte) {
		os.WriteFile(filepath.Join(dir, "planted"), append([]byte("x"), root...), 0o600)
		var found []string
		filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if b, _ := os.ReadFile(path); bytes.Contains(b, root) {
				found = append(found, filepath.Base(path))
			}
			return err
		})
		if len(found) != 1 || found[0] != "planted" {
			t.Errorf("found in %v", found)
		}
	})
}
