package pkcs11

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
)

// Module is a loaded PKCS #11 library.
type Module struct {
	path  string
	lib   *library
	owner bool // this process had not initialised it before
	mu    sync.Mutex
	open  bool
}

// Load loads and initialises the module at an absolute path. Load each module
// once; it serves all of its tokens.
func Load(path string) (*Module, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("pkcs11: the module's path must be absolute, not %q", path)
	}
	lib, err := loadLibrary(path)
	if err != nil {
		return nil, err
	}
	m := &Module{path: path, lib: lib, open: true}
	if err := m.initialize(); err != nil {
		_ = lib.close() // the first error counts
		return nil, fmt.Errorf("pkcs11: %s does not start: %w", path, err)
	}
	return m, nil
}

func (m *Module) initialize() error {
	var f frame
	defer f.unpin()
	// CK_C_INITIALIZE_ARGS: four callbacks (none), flags, reserved.
	err := m.lib.call(fnInitialize, f.words([]uintptr{0, 0, 0, 0, ckfOSLockingOK, 0}))
	if isCode(err, codeAlreadyInitialized) {
		return nil
	}
	m.owner = err == nil
	return err
}

// Close ends the module; its tokens are closed before.
func (m *Module) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.open {
		return nil
	}
	m.open = false
	if m.owner {
		if err := m.lib.call(fnFinalize, 0); err != nil {
			return err
		}
	}
	// The library stays mapped: some modules leave threads behind that run on.
	return nil
}

// Info describes the module.
type Info struct {
	Manufacturer, Library string
	Version               string // of the library
}

// Info answers what the module says of itself.
func (m *Module) Info() (Info, error) {
	// CK_INFO: version (2), manufacturer (32), padding, flags (8), description
	// (32), version (2).
	b := make([]byte, 88)
	var f frame
	defer f.unpin()
	if err := m.lib.call(fnGetInfo, f.bytes(b)); err != nil {
		return Info{}, err
	}
	return Info{text(b[2:34]), text(b[48:80]), fmt.Sprintf("%d.%d", b[80], b[81])}, nil
}

// TokenInfo describes a token that is present.
type TokenInfo struct {
	Label, Manufacturer, Model, Serial string
	Initialized                        bool
	UserPIN                            bool // the officer has set one
	slot                               uintptr
}

// Tokens lists the tokens that are present.
func (m *Module) Tokens() ([]TokenInfo, error) {
	slots, err := m.slots()
	if err != nil {
		return nil, err
	}
	var out []TokenInfo
	for _, slot := range slots {
		t, err := m.tokenInfo(slot)
		if isCode(err, codeTokenNotPresent, codeTokenNotRecognized, codeDeviceRemoved) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

func (m *Module) slots() ([]uintptr, error) {
	var f frame
	defer f.unpin()
	// The second call may find more slots than the first: then once more.
	for range 3 {
		count := []uintptr{0}
		if err := m.lib.call(fnGetSlotList, 1, 0, f.words(count)); err != nil {
			return nil, err
		}
		if count[0] == 0 {
			return nil, nil
		}
		slots := make([]uintptr, min(count[0], 1024))
		count[0] = uintptr(len(slots))
		err := m.lib.call(fnGetSlotList, 1, f.words(slots), f.words(count))
		if isCode(err, codeBufferTooSmall) {
			continue
		}
		return slots[:min(count[0], uintptr(len(slots)))], err
	}
	return nil, codeBufferTooSmall
}

func (m *Module) tokenInfo(slot uintptr) (TokenInfo, error) {
	// CK_TOKEN_INFO: label (32), manufacturer (32), model (16), serial (16),
	// flags (8), ten more numbers, versions, time.
	b := make([]byte, 208)
	var f frame
	defer f.unpin()
	if err := m.lib.call(fnGetTokenInfo, slot, f.bytes(b)); err != nil {
		return TokenInfo{}, err
	}
	flags := binary.NativeEndian.Uint64(b[96:])
	return TokenInfo{text(b[:32]), text(b[32:64]), text(b[64:80]), text(b[80:96]), flags&ckfTokenInit != 0, flags&ckfUserPINInit != 0, slot}, nil
}

// find answers the initialised token with a label. Two with the same label are
// refused: which one would be used is chance.
func (m *Module) find(label string) (TokenInfo, error) {
	tokens, err := m.Tokens()
	if err != nil {
		return TokenInfo{}, err
	}
	var found []TokenInfo
	for _, t := range tokens {
		if t.Initialized && t.Label == label {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return TokenInfo{}, fmt.Errorf("%w: %q", ErrNoToken, label)
	case 1:
		return found[0], nil
	}
	return TokenInfo{}, fmt.Errorf("pkcs11: %d tokens have the label %q", len(found), label)
}

// text is a string padded with blanks.
func text(b []byte) string { return strings.TrimRight(string(b), " \x00") }
