package pkcs11

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

const (
	ivSize  = 12
	tagSize = 16
)

// Overhead is how many bytes EncryptGCM adds.
const Overhead = ivSize + tagSize

// GenerateAES makes an AES-256 key inside the token: sensitive, not extractable,
// for Encrypt and Decrypt only. ErrKeyExists if the id is taken. id and label
// are not secret.
func (t *Token) GenerateAES(ctx context.Context, id []byte, label string) error {
	if len(id) == 0 {
		return errors.New("pkcs11: a key needs an id")
	}
	return t.do(ctx, func(session uintptr) error {
		if err := t.absent(session, object{ckoSecretKey, string(id)}); err != nil {
			return err
		}
		var f frame
		defer f.unpin()
		at, count, _ := f.template([]attribute{
			number(ckaClass, ckoSecretKey), number(ckaKeyType, ckkAES), number(ckaValueLen, 32),
			truth(ckaToken, true), truth(ckaPrivate, true), truth(ckaSensitive, true), truth(ckaExtractable, false),
			truth(ckaEncrypt, true), truth(ckaDecrypt, true), truth(ckaWrap, false), truth(ckaUnwrap, false),
			{ckaID, id}, {ckaLabel, []byte(label)},
		})
		return t.module.lib.call(fnGenerateKey, session, f.mechanism(ckmAESKeyGen, nil), at, count, f.words([]uintptr{0}))
	})
}

// EncryptGCM encrypts by AES-GCM inside the token: iv (12) ‖ ciphertext ‖ tag
// (16). One key must not encrypt more than 2³² messages, since the iv is random.
func (t *Token) EncryptGCM(ctx context.Context, id, aad, plaintext []byte) (sealed []byte, err error) {
	err = t.do(ctx, func(session uintptr) error {
		h, err := t.handle(session, object{ckoSecretKey, string(id)})
		if err != nil {
			return err
		}
		iv := make([]byte, ivSize)
		rand.Read(iv)
		out, err := t.crypt(session, fnEncryptInit, fnEncrypt, h, iv, aad, plaintext, len(plaintext)+tagSize)
		if err == nil && len(out) != len(plaintext)+tagSize {
			err = errors.New("pkcs11: the token's ciphertext has the wrong length")
		}
		// Some tokens insist on an iv of their own and write it back.
		sealed = append(iv, out...)
		return err
	})
	return sealed, err
}

// DecryptGCM undoes EncryptGCM, or answers ErrDamaged. The caller wipes the
// plaintext.
func (t *Token) DecryptGCM(ctx context.Context, id, aad, sealed []byte) (plaintext []byte, err error) {
	if len(sealed) < Overhead {
		return nil, ErrDamaged
	}
	err = t.do(ctx, func(session uintptr) error {
		h, err := t.handle(session, object{ckoSecretKey, string(id)})
		if err != nil {
			return err
		}
		iv, body := bytes.Clone(sealed[:ivSize]), sealed[ivSize:]
		// Room for the tag as well: SoftHSM asks for it although it does not
		// write it.
		plaintext, err = t.crypt(session, fnDecryptInit, fnDecrypt, h, iv, aad, body, len(body))
		// Modules differ in how they name a wrong tag; SoftHSM: general error.
		if isCode(err, codeEncryptedInvalid, codeEncryptedLength, 0x5, codeFunctionFailed) {
			return ErrDamaged
		}
		return err
	})
	return plaintext, err
}

func (t *Token) crypt(session uintptr, fnInit, fn int, key uintptr, iv, aad, in []byte, room int) ([]byte, error) {
	var f frame
	defer f.unpin()
	// CK_GCM_PARAMS: iv, its length in bytes and bits, aad and length, tag bits.
	params := []uintptr{f.bytes(iv), ivSize, ivSize * 8, f.bytes(aad), uintptr(len(aad)), tagSize * 8}
	if err := t.module.lib.call(fnInit, session, f.mechanism(ckmAESGCM, params), key); err != nil {
		return nil, err
	}
	out := make([]byte, max(room, 1))
	n := []uintptr{uintptr(len(out))}
	// An empty input still needs an address in some modules.
	at := f.bytes(in)
	if at == 0 {
		at = f.bytes([]byte{0})
	}
	if err := t.module.lib.call(fn, session, at, uintptr(len(in)), f.bytes(out), f.words(n)); err != nil {
		harden.Wipe(out)
		return nil, err
	}
	return out[:min(n[0], uintptr(len(out)))], nil
}
