// Package softhsm gives tests a SoftHSM token of their own: Debian package
// softhsm2. Where it is not installed tests are skipped, and fail if CI=true.
package softhsm

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/redoubt-sec/redoubt/engine/pkcs11"
)

// What New makes.
const (
	Label = "redoubt test"
	PIN   = "5678 user pin"
)

// Path answers where the module is installed, or skips the test.
func Path(t testing.TB) string {
	t.Helper()
	for _, p := range []string{os.Getenv("SOFTHSM2_MODULE"), "/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib64/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"} {
		if p == "" {
			continue
		}
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("SoftHSM is not installed (Debian: softhsm2)")
	}
	t.Skip("SoftHSM is not installed (Debian: softhsm2)")
	return ""
}

// Configure points SoftHSM at an empty directory of tokens. The module reads it
// when it is initialised: once per process, unless it was finalised.
func Configure(t testing.TB) {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	text := "directories.tokendir = " + dir + "\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
}

// New answers the module with one initialised token, Label. It is closed with
// the test; tests of one process that use it cannot run in parallel.
func New(t testing.TB) *pkcs11.Module {
	t.Helper()
	path := Path(t)
	Configure(t)
	m, err := pkcs11.Load(path)
	if errors.Is(err, pkcs11.ErrNotBuilt) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := m.Init(Label, Is("1234 officer"), Is(PIN)); err != nil {
		t.Fatal(err)
	}
	return m
}

// Is answers a PIN source.
func Is(pin string) pkcs11.PIN { return func() ([]byte, error) { return []byte(pin), nil } }
