package functions

import (
	"embed"
	"errors"
	"os"
	"path/filepath"
)

// clients are what runs in front of a function's code: they speak the Runtime
// API. Standard libraries only.
//
//go:embed all:clients
var clients embed.FS

// writeClients puts the runtime clients where sandboxes find them, readable
// whatever the umask.
func writeClients(dir string) error {
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755), os.Chmod(dir, 0o755)); err != nil {
		return err
	}
	names, err := clients.ReadDir("clients")
	if err != nil {
		return err
	}
	for _, n := range names {
		b, err := clients.ReadFile("clients/" + n.Name())
		if err != nil {
			return err
		}
		path := filepath.Join(dir, n.Name())
		if err := errors.Join(os.WriteFile(path, b, 0o644), os.Chmod(path, 0o644)); err != nil {
			return err
		}
	}
	return nil
}
