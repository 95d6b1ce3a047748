package pkcs11

import (
	"context"
	"errors"
)

// object names a key in the token: its class and CKA_ID.
type object struct {
	class uintptr
	id    string
}

// Key is what the token tells of a key.
type Key struct {
	ID    []byte
	Label string
	// Extractable keys can leave the token: keys that were not made here.
	Extractable bool
}

// AES answers the AES key with an id, or ErrNoKey.
func (t *Token) AES(ctx context.Context, id []byte) (Key, error) {
	var k Key
	err := t.do(ctx, func(session uintptr) error {
		h, err := t.handle(session, object{ckoSecretKey, string(id)})
		if err != nil {
			return err
		}
		v, err := t.attributes(session, h, ckaLabel, ckaExtractable)
		if err != nil {
			return err
		}
		k = Key{id, string(v[0]), len(v[1]) != 1 || v[1][0] != 0}
		return nil
	})
	return k, err
}

// AESByLabel answers the ids of the AES keys that carry a label.
func (t *Token) AESByLabel(ctx context.Context, label string) (ids [][]byte, err error) {
	err = t.do(ctx, func(session uintptr) error {
		ids = nil
		handles, err := t.find(session, []attribute{number(ckaClass, ckoSecretKey), number(ckaKeyType, ckkAES), {ckaLabel, []byte(label)}}, 256)
		if err != nil {
			return err
		}
		for _, h := range handles {
			v, err := t.attributes(session, h, ckaID)
			if err != nil {
				return err
			}
			ids = append(ids, v[0])
		}
		return nil
	})
	return ids, err
}

// Destroy removes the key (or both halves of the pair) with an id from the
// token, for ever. ErrNoKey if there is none.
func (t *Token) Destroy(ctx context.Context, id []byte) error {
	return t.do(ctx, func(session uintptr) error {
		found := false
		for _, class := range []uintptr{ckoSecretKey, ckoPrivateKey, ckoPublicKey} {
			h, err := t.handle(session, object{class, string(id)})
			if errors.Is(err, ErrNoKey) {
				continue
			}
			if err == nil {
				err = t.module.lib.call(fnDestroyObject, session, h)
			}
			if err != nil {
				return err
			}
			found = true
		}
		t.mu.Lock()
		clear(t.handles)
		t.mu.Unlock()
		if !found {
			return ErrNoKey
		}
		return nil
	})
}

// handle answers the handle of an object, remembered as long as the login
// lives. Two with the same id are refused: which one would be used is chance.
func (t *Token) handle(session uintptr, o object) (uintptr, error) {
	t.mu.Lock()
	h, ok := t.handles[o]
	epoch := t.epoch
	t.mu.Unlock()
	if ok {
		return h, nil
	}
	if o.id == "" {
		return 0, ErrNoKey
	}
	handles, err := t.find(session, []attribute{number(ckaClass, uint64(o.class)), {ckaID, []byte(o.id)}}, 2)
	switch {
	case err != nil:
		return 0, err
	case len(handles) == 0 && !t.loggedIn(session):
		return 0, codeNotLoggedIn // private objects do not show then
	case len(handles) == 0:
		return 0, ErrNoKey
	case len(handles) > 1:
		return 0, errors.New("pkcs11: two keys in the token have the same id")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.epoch == epoch {
		if len(t.handles) >= maxHandles {
			clear(t.handles)
		}
		t.handles[o] = handles[0]
	}
	return handles[0], nil
}

func (t *Token) find(session uintptr, want []attribute, most int) ([]uintptr, error) {
	var f frame
	defer f.unpin()
	at, count, _ := f.template(want)
	if err := t.module.lib.call(fnFindObjectsInit, session, at, count); err != nil {
		return nil, err
	}
	var out []uintptr
	for len(out) < most {
		handles := make([]uintptr, most-len(out))
		n := []uintptr{0}
		err := t.module.lib.call(fnFindObjects, session, f.words(handles), uintptr(len(handles)), f.words(n))
		if err != nil {
			_ = t.module.lib.call(fnFindObjectsFinal, session)
			return nil, err
		}
		if n[0] == 0 {
			break
		}
		out = append(out, handles[:min(n[0], uintptr(len(handles)))]...)
	}
	return out, t.module.lib.call(fnFindObjectsFinal, session)
}

// maxAttribute bounds one attribute's value: an RSA-4096 modulus takes 512.
const maxAttribute = 8192

func (t *Token) attributes(session, h uintptr, kinds ...uintptr) ([][]byte, error) {
	want := make([]attribute, len(kinds))
	for i, kind := range kinds {
		want[i] = attribute{kind, make([]byte, maxAttribute)}
	}
	var f frame
	defer f.unpin()
	at, count, words := f.template(want)
	if err := t.module.lib.call(fnGetAttribute, session, h, at, count); err != nil {
		return nil, err
	}
	out := make([][]byte, len(kinds))
	for i := range out {
		out[i] = want[i].value[:min(words[3*i+2], maxAttribute)]
	}
	return out, nil
}

// absent is nil if there is no object of the class and id.
func (t *Token) absent(session uintptr, o object) error {
	_, err := t.handle(session, o)
	if err == nil {
		return ErrKeyExists
	}
	if errors.Is(err, ErrNoKey) {
		return nil
	}
	return err
}
