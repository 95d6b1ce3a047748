package pkcs11

import "context"

// SetPIN changes the user PIN, as the user. Logins that exist stay; a later one
// takes the new PIN. The caller wipes both.
func (t *Token) SetPIN(ctx context.Context, old, next []byte) error {
	return t.do(ctx, func(session uintptr) error {
		var f frame
		defer f.unpin()
		return t.module.lib.call(fnSetPIN, session, f.bytes(old), uintptr(len(old)), f.bytes(next), uintptr(len(next)))
	})
}
