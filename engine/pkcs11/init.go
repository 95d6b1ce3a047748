package pkcs11

import (
	"errors"
	"fmt"
)

// Init initialises the first token that is present and not initialised yet:
// label (at most 32 bytes), security officer's PIN, user's PIN. It never touches
// an initialised token, since that would destroy its keys.
func (m *Module) Init(label string, officer, user PIN) error {
	if len(label) == 0 || len(label) > 32 {
		return errors.New("pkcs11: a token's label has 1 to 32 bytes")
	}
	tokens, err := m.Tokens()
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if t.Initialized && t.Label == label {
			return fmt.Errorf("pkcs11: there is a token with the label %q already", label)
		}
	}
	for _, t := range tokens {
		if !t.Initialized {
			return m.init(t.slot, label, officer, user)
		}
	}
	return fmt.Errorf("%w: none is uninitialised", ErrNoToken)
}

func (m *Module) init(slot uintptr, label string, officer, user PIN) error {
	var f frame
	defer f.unpin()
	so, err := officer()
	if err != nil {
		return fmt.Errorf("pkcs11: no PIN: %w", err)
	}
	defer clear(so)
	pin, err := user()
	if err != nil {
		return fmt.Errorf("pkcs11: no PIN: %w", err)
	}
	defer clear(pin)
	padded := fmt.Appendf(nil, "%-32s", label)
	if err := m.lib.call(fnInitToken, slot, f.bytes(so), uintptr(len(so)), f.bytes(padded)); err != nil {
		return err
	}
	// The slot may have another number now.
	info, err := m.find(label)
	if err != nil {
		return err
	}
	h := []uintptr{0}
	if err := m.lib.call(fnOpenSession, info.slot, ckfSerialSession|ckfRWSession, 0, 0, f.words(h)); err != nil {
		return err
	}
	err = m.lib.call(fnLogin, h[0], ckuSO, f.bytes(so), uintptr(len(so)))
	if err == nil {
		err = m.lib.call(fnInitPIN, h[0], f.bytes(pin), uintptr(len(pin)))
	}
	_ = m.lib.call(fnLogout, h[0])
	return errors.Join(err, m.lib.call(fnCloseSession, h[0]))
}
