//go:build !linux || nopkcs11

package pkcs11

type library struct{}

func loadLibrary(string) (*library, error)    { return nil, ErrNotBuilt }
func (l *library) close() error               { return nil }
func (l *library) call(int, ...uintptr) error { return ErrNotBuilt }

type frame struct{}

func (f *frame) unpin()                  {}
func (f *frame) bytes([]byte) uintptr    { return 0 }
func (f *frame) words([]uintptr) uintptr { return 0 }
