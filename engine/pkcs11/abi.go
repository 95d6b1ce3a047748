//go:build linux && !nopkcs11

package pkcs11

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library is a loaded module: its table of C functions. The layouts are those
// of a 64-bit Linux, where CK_ULONG and pointers have 8 bytes and nothing is
// packed.
type library struct {
	handle    uintptr
	functions [functions]uintptr
}

func loadLibrary(path string) (*library, error) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		return nil, fmt.Errorf("pkcs11: not supported on %s", runtime.GOARCH)
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("pkcs11: %s cannot be loaded: %w", path, err)
	}
	get, err := purego.Dlsym(handle, "C_GetFunctionList")
	if err != nil {
		_ = purego.Dlclose(handle) // the first error counts
		return nil, fmt.Errorf("pkcs11: %s is not a PKCS #11 module", path)
	}
	// CK_FUNCTION_LIST: a version of 2 bytes, 6 of padding, pointers.
	type functionList struct {
		version   [2]byte
		functions [functions]uintptr
	}
	list := new(*functionList)
	var f frame
	defer f.unpin()
	f.pin.Pin(list)
	if rv, _, _ := purego.SyscallN(get, uintptr(unsafe.Pointer(list))); rv != 0 || *list == nil {
		_ = purego.Dlclose(handle)
		return nil, fmt.Errorf("pkcs11: %s gives no functions: %w", path, Code(rv))
	}
	if (*list).version[0] != 2 {
		// Version 3 modules still answer C_GetFunctionList with a 2.40 table.
		_ = purego.Dlclose(handle)
		return nil, fmt.Errorf("pkcs11: %s speaks version %d, not 2", path, (*list).version[0])
	}
	return &library{handle, (*list).functions}, nil
}

func (l *library) close() error { return purego.Dlclose(l.handle) }

// call runs a function of the module. The error is nil or a Code.
func (l *library) call(fn int, args ...uintptr) error {
	if l.functions[fn] == 0 {
		return Code(0x54) // CKR_FUNCTION_NOT_SUPPORTED
	}
	if rv, _, _ := purego.SyscallN(l.functions[fn], args...); rv != 0 {
		return Code(rv)
	}
	return nil
}

// frame holds what a call points to in its place, also pointers inside of
// structures, until unpin.
type frame struct{ pin runtime.Pinner }

func (f *frame) unpin() { f.pin.Unpin() }

// bytes answers the address of b, 0 if it is empty.
func (f *frame) bytes(b []byte) uintptr {
	if len(b) == 0 {
		return 0
	}
	f.pin.Pin(&b[0])
	return uintptr(unsafe.Pointer(&b[0]))
}

// words answers the address of w.
func (f *frame) words(w []uintptr) uintptr {
	if len(w) == 0 {
		return 0
	}
	f.pin.Pin(&w[0])
	return uintptr(unsafe.Pointer(&w[0]))
}
