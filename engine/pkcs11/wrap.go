package pkcs11

import (
	"context"
)

// GenerateWrapping makes an AES-256 key inside the token that wraps and unwraps
// other keys, and does nothing else.
func (t *Token) GenerateWrapping(ctx context.Context, id []byte, label string) error {
	return t.do(ctx, func(session uintptr) error {
		if err := t.absent(session, object{ckoSecretKey, string(id)}); err != nil {
			return err
		}
		var f frame
		defer f.unpin()
		at, count, _ := f.template([]attribute{
			number(ckaClass, ckoSecretKey), number(ckaKeyType, ckkAES), number(ckaValueLen, 32),
			truth(ckaToken, true), truth(ckaPrivate, true), truth(ckaSensitive, true), truth(ckaExtractable, false),
			truth(ckaEncrypt, false), truth(ckaDecrypt, false), truth(ckaWrap, true), truth(ckaUnwrap, true),
			{ckaID, id}, {ckaLabel, []byte(label)},
		})
		return t.module.lib.call(fnGenerateKey, session, f.mechanism(ckmAESKeyGen, nil), at, count, f.words([]uintptr{0}))
	})
}

// UnwrapAES brings an AES-256 key into the token, wrapped by AES key wrap with
// padding (RFC 5649, material.WrapKey) under the wrapping key. In the token it is
// like one of GenerateAES.
func (t *Token) UnwrapAES(ctx context.Context, wrapping, id []byte, label string, wrapped []byte) error {
	return t.do(ctx, func(session uintptr) error {
		if err := t.absent(session, object{ckoSecretKey, string(id)}); err != nil {
			return err
		}
		h, err := t.handle(session, object{ckoSecretKey, string(wrapping)})
		if err != nil {
			return err
		}
		var f frame
		defer f.unpin()
		at, count, _ := f.template([]attribute{
			number(ckaClass, ckoSecretKey), number(ckaKeyType, ckkAES),
			truth(ckaToken, true), truth(ckaPrivate, true), truth(ckaSensitive, true), truth(ckaExtractable, false),
			truth(ckaEncrypt, true), truth(ckaDecrypt, true), truth(ckaWrap, false), truth(ckaUnwrap, false),
			{ckaID, id}, {ckaLabel, []byte(label)},
		})
		return t.module.lib.call(fnUnwrapKey, session, f.mechanism(ckmAESKeyWrapPad, nil), h,
			f.bytes(wrapped), uintptr(len(wrapped)), at, count, f.words([]uintptr{0}))
	})
}

// Wrap takes an extractable key out of the token, wrapped as UnwrapAES takes it.
// Keys that were made or unwrapped here are not extractable: the token refuses.
func (t *Token) Wrap(ctx context.Context, wrapping, id []byte) (wrapped []byte, err error) {
	err = t.do(ctx, func(session uintptr) error {
		by, err := t.handle(session, object{ckoSecretKey, string(wrapping)})
		if err != nil {
			return err
		}
		h, err := t.handle(session, object{ckoSecretKey, string(id)})
		if err != nil {
			return err
		}
		var f frame
		defer f.unpin()
		out := make([]byte, maxAttribute)
		n := []uintptr{uintptr(len(out))}
		err = t.module.lib.call(fnWrapKey, session, f.mechanism(ckmAESKeyWrapPad, nil), by, h, f.bytes(out), f.words(n))
		wrapped = out[:min(n[0], uintptr(len(out)))]
		return err
	})
	return wrapped, err
}
