package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/redoubt-sec/redoubt/blob"
)

const (
	formatFile = "FORMAT"
	format     = "redoubt blobs, format 1\n"
	writing    = "writing"
)

// Store is a directory of blobs.
type Store struct {
	root   *os.Root
	closed atomic.Bool

	making sync.Mutex
	ready  bool // the directories are there

	mu      sync.Mutex
	folders map[string]*folder // that were opened
}

// Open opens a directory of blobs and makes it if it is new. What lies in it is
// made when the first blob is.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("blob: %s can be read by others (mode %#o): chmod 700", dir, info.Mode().Perm())
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	s := &Store{root: root}
	if s.ready, err = s.made(); err != nil {
		root.Close()
		return nil, fmt.Errorf("blob: %s: %w", dir, err)
	}
	return s, nil
}

// made reports whether the directories are there.
func (s *Store) made() (bool, error) {
	b, err := s.root.ReadFile(formatFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && string(b) != format {
		err = fmt.Errorf("made by another version: %q", strings.TrimSpace(string(b)))
	}
	return err == nil, err
}

// prepare makes the directories. FORMAT comes last: when it is there, they are
// all durable.
func (s *Store) prepare() error {
	s.making.Lock()
	defer s.making.Unlock()
	if s.ready {
		return nil
	}
	if err := s.furnish(); err != nil {
		return err
	}
	s.ready = true
	return nil
}

func (s *Store) furnish() error {
	names := []string{writing}
	for i := range 256 {
		names = append(names, fmt.Sprintf("%02x", i))
	}
	for _, n := range names {
		if err := s.root.Mkdir(n, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := s.sync("."); err != nil {
		return err
	}
	// Another process may be doing the same.
	temp := formatFile + "." + blob.NewName()
	f, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(format)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = s.root.Rename(temp, formatFile)
	}
	if err != nil {
		s.root.Remove(temp)
		return err
	}
	return s.sync(".")
}

// sync makes a directory's entries durable.
func (s *Store) sync(dir string) error {
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// settle makes a folder's entries durable.
func (s *Store) settle(d *folder, name string) error {
	err := d.sync()
	if err != nil {
		s.reopen(name)
	}
	return err
}

// place is where a committed blob lies.
func place(name string) string { return name[:2] + "/" + name }

func (s *Store) check(ctx context.Context, name string) error {
	if s.closed.Load() {
		return blob.ErrClosed
	}
	if !blob.Valid(name) {
		return fmt.Errorf("%w: %q", blob.ErrName, name)
	}
	return ctx.Err()
}

// failure gives errors their name in the contract.
func failure(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("%w: %w", blob.ErrFull, err)
	case errors.Is(err, fs.ErrNotExist):
		return blob.ErrNotFound
	}
	return fmt.Errorf("blob: %w", err)
}

// Open implements blob.Store.
func (s *Store) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := s.check(ctx, name); err != nil {
		return nil, err
	}
	d, err := s.folder(name[:2])
	if err != nil {
		return nil, failure(err)
	}
	f, err := d.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, failure(err)
	}
	if length < 0 {
		length = 1<<63 - 1 - offset
	}
	return &reader{io.NewSectionReader(f, offset, length), f}, nil
}

type reader struct {
	*io.SectionReader
	f *os.File
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.SectionReader.Read(p)
	if err != nil && err != io.EOF {
		err = failure(err)
	}
	return n, err
}

// Close implements io.Closer.
func (r *reader) Close() error { return r.f.Close() }

// Stat implements blob.Store.
func (s *Store) Stat(ctx context.Context, name string) (blob.Info, error) {
	if err := s.check(ctx, name); err != nil {
		return blob.Info{}, err
	}
	info, err := s.root.Lstat(place(name))
	if err != nil {
		return blob.Info{}, failure(err)
	}
	return blob.Info{Name: name, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Remove implements blob.Store.
func (s *Store) Remove(ctx context.Context, name string) error {
	if err := s.check(ctx, name); err != nil {
		return err
	}
	d, err := s.folder(name[:2])
	if err == nil {
		err = d.remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.settle(d, name[:2])
	}
	return failure(err)
}

// List implements blob.Store. It holds the names of one of the 256 directories
// at a time.
func (s *Store) List(ctx context.Context, after string) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		for i := range 256 {
			dir := fmt.Sprintf("%02x", i)
			if dir < after[:min(2, len(after))] {
				continue
			}
			names, err := s.names(dir)
			for _, name := range names {
				if name <= after || !blob.Valid(name) || name[:2] != dir {
					continue
				}
				info, err := s.Stat(ctx, name)
				if errors.Is(err, blob.ErrNotFound) {
					continue // removed meanwhile
				}
				if !yield(info, err) || err != nil {
					return
				}
			}
			if err != nil {
				yield(blob.Info{}, failure(err))
				return
			}
		}
	}
}

func (s *Store) names(dir string) ([]string, error) {
	if s.closed.Load() {
		return nil, blob.ErrClosed
	}
	d, err := s.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // nothing was ever written
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// Close implements blob.Store. What is open can be read and written on.
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}
