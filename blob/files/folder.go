package files

import (
	"errors"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// folder is a directory that is kept open: what is done in it takes no path that
// somebody could lay elsewhere, and one call instead of a walk. Names in it are
// blobs' names, which are no paths; links are not followed.
type folder struct {
	f     *os.File
	flush func() error // of the directory

	flushing sync.Mutex // held by who flushes
	mu       sync.Mutex
	next     *flush // that has not begun
}

// flush is a flush of a folder that several writers wait for.
type flush struct {
	waiting int
	once    sync.Once
	err     error
}

// folder answers a directory, opening it the first time.
func (s *Store) folder(name string) (*folder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.folders[name]; d != nil {
		return d, nil
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, err
	}
	if s.folders == nil {
		s.folders = map[string]*folder{}
	}
	d := &folder{f: f, flush: f.Sync}
	s.folders[name] = d
	return d, nil
}

// reopen gives up a folder whose flush has failed: a failure is told once to whoever has a file
// open, and the next one must not succeed for want of it.
func (s *Store) reopen(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.folders, name) // others may still work in it
}

func again(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// open opens a file of the folder.
func (d *folder) open(name string, flags int) (*os.File, error) {
	fd := -1
	err := again(func() (err error) {
		fd, err = unix.Openat(int(d.f.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return nil, &fs.PathError{Op: "openat", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// stat looks at a name, not at what a link leads to.
func (d *folder) stat(name string) (st unix.Stat_t, err error) {
	err = again(func() error { return unix.Fstatat(int(d.f.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		err = &fs.PathError{Op: "fstatat", Path: name, Err: err}
	}
	return st, err
}

// holds reports whether name is the file that is open.
func (d *folder) holds(name string, f *os.File) bool {
	there, err := d.stat(name)
	var mine unix.Stat_t
	if err == nil {
		err = again(func() error { return unix.Fstat(int(f.Fd()), &mine) })
	}
	return err == nil && there.Dev == mine.Dev && there.Ino == mine.Ino
}

func (d *folder) remove(name string) error {
	return again(func() error { return unix.Unlinkat(int(d.f.Fd()), name, 0) })
}

// move gives a file its place in another folder.
func (d *folder) move(name string, to *folder) error {
	return again(func() error { return unix.Renameat(int(d.f.Fd()), name, int(to.f.Fd()), name) })
}

// sync makes the folder's entries durable. Writers that come while it is being flushed
// share the next flush.
func (d *folder) sync() error {
	d.mu.Lock()
	if d.next == nil {
		d.next = &flush{}
	}
	fl := d.next
	fl.waiting++
	d.mu.Unlock()
	d.flushing.Lock()
	defer d.flushing.Unlock()
	fl.once.Do(func() {
		d.mu.Lock()
		d.next = nil // whoever comes from now on may have come too late for this one
		d.mu.Unlock()
		fl.err = d.flush()
	})
	return fl.err
}
