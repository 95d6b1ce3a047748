package server

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// dataFormat is the version of the directory's layout. A server refuses
// versions that it does not know; upgrades go from one version to the next.
const dataFormat = 1

// Modes of a data directory. It keeps the one it was made with: dev mode lets
// any access key in, so production data must never be opened by it, nor data
// that strangers could write by production.
const (
	modeProduction = "production"
	modeDev        = "dev"
)

// dataDir is the directory that holds everything that lasts.
type dataDir struct {
	path  string
	state dataState
	fresh bool // made by this start
}

// dataState is the file "redoubt.json" in the directory.
type dataState struct {
	Format       int    `json:"format"`
	Mode         string `json:"mode"`
	Installation string `json:"installation"`
	Account      string `json:"account"` // the first account, which administers the installation
}

const stateFile = "redoubt.json"

// openData opens the directory, making it at the first start.
func openData(path string, dev bool, account string) (*dataDir, error) {
	d := &dataDir{path: path}
	mode := modeProduction
	if dev {
		mode = modeDev
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := d.checkModes(); err != nil {
		return nil, err
	}
	b, err := d.read(stateFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := d.checkEmpty(); err != nil {
			return nil, err
		}
		d.fresh = true
		d.state = dataState{Format: dataFormat, Mode: mode, Installation: token(12), Account: account}
		return d, d.saveState()
	case err != nil:
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := json.Unmarshal(b, &d.state); err != nil {
		return nil, fmt.Errorf("data directory: %s is damaged: %w", stateFile, err)
	}
	if d.state.Format != dataFormat {
		return nil, fmt.Errorf("data directory %s has format %d; this version reads format %d", path, d.state.Format, dataFormat)
	}
	if d.state.Mode != mode {
		return nil, fmt.Errorf("data directory %s was made in %s mode and cannot be opened in %s mode; use another --data", path, d.state.Mode, mode)
	}
	return d, nil
}

func (d *dataDir) saveState() error {
	b, err := json.MarshalIndent(d.state, "", "  ")
	if err != nil {
		return err
	}
	return d.replace(stateFile, append(b, '\n'))
}

// checkModes refuses a directory that others could look into or change.
func (d *dataDir) checkModes() error {
	info, err := os.Lstat(d.path)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("data directory: %s is not a directory", d.path)
	}
	if p := info.Mode().Perm(); p&0o077 != 0 {
		return fmt.Errorf("data directory %s has mode %#o, open to others: chmod 700 %s", d.path, p, d.path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("data directory %s belongs to user %d, and this is user %d", d.path, st.Uid, os.Geteuid())
	}
	return nil
}

// checkEmpty keeps a first start from settling in a directory that is used for
// something else. A seal key may have been put there before.
func (d *dataDir) checkEmpty() error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != "seal.key" {
			return fmt.Errorf("data directory %s is not empty and holds no %s: is it the right one?", d.path, stateFile)
		}
	}
	return nil
}

// read answers a file's content, refusing links and files open to others.
func (d *dataDir) read(name string) ([]byte, error) {
	f, err := os.OpenFile(filepath.Join(d.path, name), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if p := info.Mode().Perm(); p&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %#o, open to others: chmod 600 %s", f.Name(), p, f.Name())
	}
	return io.ReadAll(io.LimitReader(f, 1<<20))
}

// create writes a new file, durably; it is an error if there is one.
func (d *dataDir) create(name string, content []byte) error {
	path := filepath.Join(d.path, name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	return d.finish(f, content)
}

func (d *dataDir) finish(f *os.File, content []byte) error {
	_, err := f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = d.sync()
	}
	return err
}

// replace writes a file in place of an older one: either is seen, never half.
func (d *dataDir) replace(name string, content []byte) error {
	tmp := name + ".new"
	if err := os.Remove(filepath.Join(d.path, tmp)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.create(tmp, content); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(d.path, tmp), filepath.Join(d.path, name)); err != nil {
		return err
	}
	return d.sync()
}

// sync makes names in the directory durable.
func (d *dataDir) sync() error {
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// controlToken answers the token for control paths, making it at first use. It
// is no credential of any account and opens nothing but those paths.
func (d *dataDir) controlToken() (string, error) {
	b, err := d.read("control-token")
	if errors.Is(err, fs.ErrNotExist) {
		t := token(32)
		return t, d.create("control-token", []byte(t+"\n"))
	}
	if err != nil {
		return "", err
	}
	for len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	if len(b) < 32 {
		return "", errors.New("data directory: control-token is damaged; delete it and start again")
	}
	return string(b), nil
}

// credentials formats an AWS shared-credentials file with one profile. Source:
// AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
func credentials(keyID, secret string) []byte {
	return fmt.Appendf(nil, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", keyID, secret)
}

// token makes n random bytes readable.
func token(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
