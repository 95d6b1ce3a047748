package pkcs11

import (
	"context"
	"fmt"
	"sync"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// PIN is the source of a token's user PIN. What it answers is wiped after use.
type PIN func() ([]byte, error)

// Token is a token that is logged into. It is safe for concurrent use; up to
// sessions calls run at the same time, others wait.
type Token struct {
	module *Module
	label  string
	pin    PIN
	slots  chan struct{} // one per call in flight

	mu      sync.Mutex
	slot    uintptr
	anchor  uintptr   // the session of the login: it ends when the last one does
	idle    []uintptr // sessions
	epoch   int       // counts logins: sessions and handles of another are void
	live    bool
	refused bool // the PIN; never tried again
	closed  bool
	handles map[object]uintptr
}

// sessions bounds the calls in flight to one token.
const sessions = 16

// maxHandles bounds the object handles that are remembered.
const maxHandles = 4096

// Open finds the token with a label and logs in.
func (m *Module) Open(label string, pin PIN) (*Token, error) {
	t := &Token{module: m, label: label, pin: pin, slots: make(chan struct{}, sessions), handles: map[object]uintptr{}}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.login(); err != nil {
		return nil, err
	}
	return t, nil
}

// Close logs out and closes the sessions; it waits for calls in flight.
func (t *Token) Close() error {
	for range sessions {
		t.slots <- struct{}{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	if t.live {
		_ = t.module.lib.call(fnLogout, t.anchor) // the sessions go anyway
	}
	t.drop()
	for range sessions {
		<-t.slots
	}
	return nil
}

// Ready is nil when the token answers and is logged into.
func (t *Token) Ready(ctx context.Context) error {
	_, err := t.Random(ctx, 1)
	return err
}

// Random answers n bytes from the token's generator.
func (t *Token) Random(ctx context.Context, n int) ([]byte, error) {
	b := make([]byte, n)
	err := t.do(ctx, func(session uintptr) error {
		var f frame
		defer f.unpin()
		return t.module.lib.call(fnGenerateRandom, session, f.bytes(b), uintptr(n))
	})
	return b, err
}

// do runs f with a session of its own. If its key handle was void, or the token
// was lost (the one may show the other), that is mended
// and f is run again, at most twice.
func (t *Token) do(ctx context.Context, f func(session uintptr) error) error {
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for try := 0; ; try++ {
		session, epoch, err := t.take()
		if err == nil {
			err = f(session)
		}
		t.give(session, epoch, err)
		if err == nil || try > 1 || !lost(err) && !isCode(err, codeObjectInvalid, codeKeyHandleInvalid) {
			return err
		}
	}
}

// take answers an idle session or a new one, after a new login if need be.
func (t *Token) take() (session uintptr, epoch int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, 0, ErrClosed
	}
	if !t.live {
		if err := t.login(); err != nil {
			return 0, t.epoch, err
		}
	}
	if n := len(t.idle); n > 0 {
		session, t.idle = t.idle[n-1], t.idle[:n-1]
		return session, t.epoch, nil
	}
	session, err = t.openSession()
	return session, t.epoch, err
}

// give takes a session back. After an error it is closed, since an operation
// may still be active in it.
func (t *Token) give(session uintptr, epoch int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case epoch != t.epoch:
		// Closed when its login ended.
	case lost(err):
		t.drop()
	case err != nil:
		if isCode(err, codeObjectInvalid, codeKeyHandleInvalid) {
			clear(t.handles)
		}
		if session != 0 {
			_ = t.module.lib.call(fnCloseSession, session)
		}
	default:
		t.idle = append(t.idle, session)
	}
}

// drop forgets everything of the present login.
func (t *Token) drop() {
	for _, s := range append(t.idle, t.anchor) {
		_ = t.module.lib.call(fnCloseSession, s) // it may be gone already
	}
	t.idle, t.live = nil, false
	t.epoch++
	clear(t.handles)
}

// login finds the token anew, opens a session and logs in.
func (t *Token) login() error {
	if t.refused {
		return ErrPIN
	}
	info, err := t.module.find(t.label)
	if isCode(err, codeNotInitialized) {
		if err = t.module.initialize(); err == nil {
			info, err = t.module.find(t.label)
		}
	}
	if err != nil {
		return err
	}
	t.slot = info.slot
	session, err := t.openSession()
	if err != nil {
		return err
	}
	pin, err := t.pin()
	if err != nil {
		_ = t.module.lib.call(fnCloseSession, session)
		return fmt.Errorf("pkcs11: no PIN for token %q: %w", t.label, err)
	}
	defer harden.Wipe(pin)
	var f frame
	defer f.unpin()
	err = t.module.lib.call(fnLogin, session, ckuUser, f.bytes(pin), uintptr(len(pin)))
	if err != nil && !isCode(err, codeAlreadyLoggedIn) {
		_ = t.module.lib.call(fnCloseSession, session)
		if isCode(err, codePINIncorrect, codePINInvalid, codePINLength, codePINExpired, codePINLocked) {
			t.refused = true
			return fmt.Errorf("%w of token %q: %w", ErrPIN, t.label, err)
		}
		return fmt.Errorf("pkcs11: login to token %q: %w", t.label, err)
	}
	t.anchor, t.live = session, true
	return nil
}

func (t *Token) openSession() (uintptr, error) {
	var f frame
	defer f.unpin()
	h := []uintptr{0}
	err := t.module.lib.call(fnOpenSession, t.slot, ckfSerialSession|ckfRWSession, 0, 0, f.words(h))
	return h[0], err
}

// loggedIn asks the token whether a session is still a user's.
func (t *Token) loggedIn(session uintptr) bool {
	var f frame
	defer f.unpin()
	info := make([]uintptr, 4) // CK_SESSION_INFO: slot, state, flags, device error
	return t.module.lib.call(fnGetSessionInfo, session, f.words(info)) == nil && info[1] == cksRWUser
}
