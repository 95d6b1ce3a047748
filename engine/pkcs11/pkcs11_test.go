package pkcs11_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/engine/pkcs11"
	"github.com/redoubt-sec/redoubt/engine/pkcs11/softhsm"
)

var ctx = context.Background()

func token(t testing.TB) (*pkcs11.Module, *pkcs11.Token) {
	t.Helper()
	m := softhsm.New(t)
	tok, err := m.Open(softhsm.Label, softhsm.Is(softhsm.PIN))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tok.Close() })
	return m, tok
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEncryptInsideTheToken(t *testing.T) {
	m, tok := token(t)
	info, err := m.Info()
	check(t, err)
	if !strings.Contains(info.Manufacturer, "SoftHSM") || info.Version == "" {
		t.Errorf("%+v", info)
	}
	check(t, tok.Ready(ctx))
	id := []byte("key 1")
	check(t, tok.GenerateAES(ctx, id, "label"))
	if err := tok.GenerateAES(ctx, id, "label"); !errors.Is(err, pkcs11.ErrKeyExists) {
		t.Errorf("the same id again: %v", err)
	}
	k, err := tok.AES(ctx, id)
	if err != nil || k.Label != "label" || k.Extractable {
		t.Errorf("%+v, %v", k, err)
	}
	ids, err := tok.AESByLabel(ctx, "label")
	if err != nil || len(ids) != 1 || !bytes.Equal(ids[0], id) {
		t.Errorf("%q, %v", ids, err)
	}
	for _, n := range []int{1, 15, 16, 17, 4096} {
		for _, aad := range [][]byte{nil, []byte("aad"), make([]byte, 8192)} {
			plain := make([]byte, n)
			rand.Read(plain)
			sealed, err := tok.EncryptGCM(ctx, id, aad, plain)
			check(t, err)
			if len(sealed) != n+pkcs11.Overhead {
				t.Errorf("%d bytes for %d", len(sealed), n)
			}
			back, err := tok.DecryptGCM(ctx, id, aad, sealed)
			if err != nil || !bytes.Equal(back, plain) {
				t.Fatalf("%d bytes, %d of aad: %v", n, len(aad), err)
			}
			for _, i := range []int{0, 12, len(sealed) - 1} {
				bad := bytes.Clone(sealed)
				bad[i] ^= 1
				if _, err := tok.DecryptGCM(ctx, id, aad, bad); !errors.Is(err, pkcs11.ErrDamaged) {
					t.Errorf("changed at %d: %v", i, err)
				}
			}
			if _, err := tok.DecryptGCM(ctx, id, []byte("other"), sealed); !errors.Is(err, pkcs11.ErrDamaged) {
				t.Errorf("other aad: %v", err)
			}
		}
	}
	check(t, tok.Destroy(ctx, id))
	for _, err := range []error{
		tok.Destroy(ctx, id),
		second(tok.EncryptGCM(ctx, id, nil, []byte("x"))),
		second(tok.DecryptGCM(ctx, id, nil, make([]byte, 40))),
		second(tok.AES(ctx, id)),
	} {
		if !errors.Is(err, pkcs11.ErrNoKey) {
			t.Errorf("a destroyed key: %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestKeysStayInTheToken(t *testing.T) {
	_, tok := token(t)
	check(t, tok.GenerateWrapping(ctx, []byte("wrapping"), ""))
	check(t, tok.GenerateAES(ctx, []byte("key"), ""))
	if out, err := tok.Wrap(ctx, []byte("wrapping"), []byte("key")); err == nil {
		t.Errorf("the key left the token: %x", out)
	}
	// A wrapping key neither encrypts nor decrypts, or it would unwrap in the open.
	if _, err := tok.EncryptGCM(ctx, []byte("wrapping"), nil, []byte("x")); err == nil {
		t.Error("a wrapping key encrypts")
	}
}

func TestUnwrap(t *testing.T) {
	_, tok := token(t)
	check(t, tok.GenerateWrapping(ctx, []byte("wrapping"), ""))
	// The token's wrapping key cannot leave it: any RFC 5649 blob that we make
	// is under another key, and refused.
	wrapped, err := material.WrapKey(make([]byte, 32), make([]byte, 32))
	check(t, err)
	if err := tok.UnwrapAES(ctx, []byte("wrapping"), []byte("in"), "", wrapped); err == nil {
		t.Error("a key wrapped under another key came in")
	}
	if _, err := tok.AES(ctx, []byte("in")); !errors.Is(err, pkcs11.ErrNoKey) {
		t.Error(err)
	}
}

func TestSigners(t *testing.T) {
	_, tok := token(t)
	digest := sha256.Sum256([]byte("message"))
	long := sha512.Sum512([]byte("message"))
	check(t, tok.GenerateRSA(ctx, []byte("rsa"), "", 2048))
	s, err := tok.Signer(ctx, []byte("rsa"))
	check(t, err)
	sig, err := s.Sign(nil, digest[:], crypto.SHA256)
	check(t, err)
	check(t, rsa.VerifyPKCS1v15(s.Public().(*rsa.PublicKey), crypto.SHA256, digest[:], sig))
	sig, err = s.Sign(nil, long[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA512})
	check(t, err)
	check(t, rsa.VerifyPSS(s.Public().(*rsa.PublicKey), crypto.SHA512, long[:], sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
	if _, err := s.Sign(nil, digest[:20], crypto.SHA256); err == nil {
		t.Error("a short digest was signed")
	}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		id := []byte(curve.Params().Name)
		check(t, tok.GenerateEC(ctx, id, "", curve))
		s, err := tok.Signer(ctx, id)
		check(t, err)
		sig, err := s.Sign(nil, long[:], crypto.SHA512)
		check(t, err)
		if !ecdsa.VerifyASN1(s.Public().(*ecdsa.PublicKey), long[:], sig) {
			t.Errorf("%s: signature does not verify", id)
		}
		check(t, tok.Destroy(ctx, id))
		if _, err := tok.Signer(ctx, id); !errors.Is(err, pkcs11.ErrNoKey) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestWrongPINIsTriedOnce(t *testing.T) {
	m := softhsm.New(t)
	asked := 0
	_, err := m.Open(softhsm.Label, func() ([]byte, error) { asked++; return []byte("wrong pin"), nil })
	if !errors.Is(err, pkcs11.ErrPIN) || strings.Contains(err.Error(), "wrong pin") {
		t.Errorf("error %v", err)
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	if _, err := m.Open("another label", softhsm.Is(softhsm.PIN)); !errors.Is(err, pkcs11.ErrNoToken) {
		t.Errorf("error %v", err)
	}
	if _, err := m.Open(softhsm.Label, func() ([]byte, error) { return nil, errors.New("no file") }); err == nil || !strings.Contains(err.Error(), "no file") {
		t.Errorf("error %v", err)
	}
	// The right one still works: the token was not locked.
	tok, err := m.Open(softhsm.Label, softhsm.Is(softhsm.PIN))
	check(t, err)
	check(t, tok.Close())
	if err := tok.Ready(ctx); !errors.Is(err, pkcs11.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestLostTokenIsFoundAgain(t *testing.T) {
	m, tok := token(t)
	id := []byte("key")
	check(t, tok.GenerateAES(ctx, id, ""))
	sealed, err := tok.EncryptGCM(ctx, id, nil, []byte("before"))
	check(t, err)
	for name, lose := range map[string]func() error{
		"logged out": tok.LogOutBehindItsBack, "sessions closed": tok.CloseSessionsBehindItsBack, "module ended": m.FinalizeBehindItsBack,
	} {
		check(t, lose())
		plain, err := tok.DecryptGCM(ctx, id, nil, sealed)
		if err != nil || string(plain) != "before" {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	_, tok := token(t)
	id := []byte("key")
	check(t, tok.GenerateAES(ctx, id, ""))
	var wg sync.WaitGroup
	for g := range 40 {
		wg.Go(func() {
			for i := range 10 {
				plain := fmt.Appendf(nil, "message %d of %d", i, g)
				sealed, err := tok.EncryptGCM(ctx, id, plain, plain)
				if err == nil {
					var back []byte
					back, err = tok.DecryptGCM(ctx, id, plain, sealed)
					if err == nil && !bytes.Equal(back, plain) {
						err = errors.New("another message came back")
					}
				}
				if err != nil {
					t.Error(err)
				}
				if g == 0 && i == 5 {
					check(t, tok.CloseSessionsBehindItsBack())
				}
			}
		})
	}
	wg.Wait()
}

func TestLoad(t *testing.T) {
	for _, path := range []string{"libsofthsm2.so", "./libsofthsm2.so", "/nonexistent.so", "/lib/x86_64-linux-gnu/libc.so.6"} {
		if _, err := pkcs11.Load(path); err == nil {
			t.Errorf("%s was loaded", path)
		}
	}
}

func BenchmarkEncryptGCM(b *testing.B) {
	_, tok := token(b)
	id := []byte("key")
	check(b, tok.GenerateAES(ctx, id, ""))
	plain := make([]byte, 256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tok.EncryptGCM(ctx, id, nil, plain); err != nil {
			b.Fatal(err)
		}
	}
}
