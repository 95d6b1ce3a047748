package pebble

import (
	"fmt"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// files keeps everything that Pebble makes to its owner (0600 and 0700), whatever
// the umask, and follows no symbolic link to a file. The directory itself is
// closed to others (Open insists), so that nobody else can plant one; the check
// is for what a careless restore or a former, laxer mode left behind.
type files struct{ vfs.FS }

// noLink refuses a symbolic link in place of a file. In-memory file systems of
// the tests have neither links nor names here, so absence is no error.
func noLink(name string) error {
	if fi, err := os.Lstat(name); err == nil && fi.Mode()&os.ModeSymlink != 0 {
		return fmt.Errorf("%s is a symbolic link", name)
	}
	return nil
}

func owned(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return f, err
	}
	if fd := f.Fd(); fd != vfs.InvalidFd {
		if err := unix.Fchmod(int(fd), 0o600); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// Create implements vfs.FS. It never follows a link: an existing name is removed
// first and the file is made anew.
func (fs files) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return owned(fs.FS.Create(name, c))
}

// Open implements vfs.FS.
func (fs files) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	if err := noLink(name); err != nil {
		return nil, err
	}
	return fs.FS.Open(name, o...)
}

// OpenReadWrite implements vfs.FS.
func (fs files) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	if err := noLink(name); err != nil {
		return nil, err
	}
	return owned(fs.FS.OpenReadWrite(name, c, o...))
}

// ReuseForWrite implements vfs.FS.
func (fs files) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := noLink(old); err != nil {
		return nil, err
	}
	return owned(fs.FS.ReuseForWrite(old, name, c))
}

// MkdirAll implements vfs.FS.
func (fs files) MkdirAll(dir string, _ os.FileMode) error { return fs.FS.MkdirAll(dir, 0o700) }

// Lock implements vfs.FS.
func (fs files) Lock(name string) (io.Closer, error) {
	if err := noLink(name); err != nil {
		return nil, err
	}
	l, err := fs.FS.Lock(name)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(name, 0o600); err != nil && !os.IsNotExist(err) {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Unwrap implements vfs.FS.
func (fs files) Unwrap() vfs.FS { return fs.FS }
