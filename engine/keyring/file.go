package keyring

import (
	"bytes"
	"context"
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

	"golang.org/x/sys/unix"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
)

// FileSeal keeps the key that wraps the root key in a file: the default. Beside
// the data it protects nothing against a copied directory; its place is another
// disk, a mounted secret or a systemd credential.
type FileSeal struct{ path string }

const (
	filePrefix = "REDOUBT-SEAL-KEY-1 " // then 32 bytes in base64 and a newline
	fileLabel  = "redoubt file seal"
	maxSecret  = 4096 // bytes of a key or passphrase file
)

type fileParams struct{ Path string }

// NewFileSeal uses the key file at path. The first Wrap makes it, with mode
// 0600, if it does not exist; Unwrap never does.
func NewFileSeal(path string) *FileSeal { return &FileSeal{path} }

// Kind implements Seal.
func (s *FileSeal) Kind() string { return "file" }

// Close implements Seal: the key is read anew each time and never kept.
func (s *FileSeal) Close() error { return nil }

// Wrap implements Seal.
func (s *FileSeal) Wrap(_ context.Context, root, aad []byte) (Wrap, error) {
	key, err := s.read()
	if errors.Is(err, fs.ErrNotExist) {
		key, err = s.create()
	}
	if err != nil {
		return Wrap{}, err
	}
	defer harden.Wipe(key)
	params, err := json.Marshal(fileParams{s.path})
	return Wrap{s.Kind(), params, message.Append(nil, key, fileLabel, aad, root)}, err
}

// Unwrap implements Seal.
func (s *FileSeal) Unwrap(_ context.Context, w Wrap, aad []byte) ([]byte, error) {
	key, err := s.read()
	if err != nil {
		return nil, err
	}
	defer harden.Wipe(key)
	root, err := message.Open(key, fileLabel, aad, w.Blob)
	if err != nil {
		return nil, ErrWrongSeal
	}
	return root, nil
}

func (s *FileSeal) read() ([]byte, error) {
	text, err := readSecret(s.path)
	if err != nil {
		return nil, err
	}
	defer harden.Wipe(text)
	coded, ok := bytes.CutPrefix(bytes.TrimRight(text, "\r\n"), []byte(filePrefix))
	key := make([]byte, base64.StdEncoding.DecodedLen(len(coded)))
	n, err := base64.StdEncoding.Decode(key, coded)
	if !ok || err != nil || n != 32 {
		harden.Wipe(key)
		return nil, fmt.Errorf("keyring: %s is not a seal key file", s.path)
	}
	return key[:n:n], nil
}

func (s *FileSeal) create() ([]byte, error) {
	key := make([]byte, 32)
	rand.Read(key)
	text := base64.StdEncoding.AppendEncode([]byte(filePrefix), key)
	text = append(text, '\n')
	defer harden.Wipe(text)
	if err := writeSecret(s.path, text); err != nil {
		harden.Wipe(key)
		return nil, err
	}
	return key, nil
}

// readSecret reads a small file that nobody else may read: no symbolic link in
// its place, a regular file, of this user or root, without rights for group and
// others.
func readSecret(path string) ([]byte, error) {
	// O_NONBLOCK: a FIFO in the file's place must not hang the start.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("keyring: %s is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("keyring: %s can be read by others (mode %#o): chmod 600", path, info.Mode().Perm())
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("keyring: %s belongs to another user", path)
	}
	text := make([]byte, maxSecret+1)
	n, err := io.ReadFull(f, text)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if n > maxSecret {
		harden.Wipe(text)
		return nil, fmt.Errorf("keyring: %s is too large", path)
	}
	return text[:n], nil
}

// writeSecret makes a new file of mode 0600; it is on disk when it returns.
func writeSecret(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		os.Remove(path)
		return fmt.Errorf("keyring: %w", err)
	}
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
