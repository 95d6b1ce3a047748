package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/redoubt-sec/redoubt/blob"
)

// Writer writes one file.
type writer struct {
	s    *Store
	f    *os.File
	ctx  context.Context
	name string
	size int64
	held int64 // reserved beyond the file's end
	err  error // of a Write: final
	done bool
}

// Create implements blob.Store.
func (s *Store) Create(ctx context.Context, name string, size int64) (blob.Writer, error) {
	if err := s.check(ctx, name); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		return nil, failure(err)
	}
	f, err := s.begin(name)
	if errors.Is(err, fs.ErrExist) {
		return nil, blob.ErrExists
	}
	if err != nil {
		return nil, failure(err)
	}
	w := &writer{s: s, f: f, ctx: ctx, name: name}
	if size > 0 {
		// One extent instead of many, and a full disk is known before the data have
		// come. File systems that cannot do it do without.
		err := reserve(f, size)
		if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
			w.Abort()
			return nil, failure(err)
		}
		if err == nil {
			w.held = size
		}
	}
	return w, nil
}

// begin makes and locks a file. Between the two, Sweep may take it for a dead
// one's; then it is made again.
func (s *Store) begin(name string) (*os.File, error) {
	d, err := s.folder(writing)
	if err != nil {
		return nil, err
	}
	for range 100 {
		f, err := d.open(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
		if err != nil {
			return nil, err
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil && d.holds(name, f) {
			return f, nil
		}
		f.Close()
	}
	return nil, fmt.Errorf("%s cannot be locked", name)
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	if w.err == nil && w.done {
		w.err = blob.ErrClosed
	}
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.f.Write(p)
	w.size += int64(n)
	w.err = failure(err)
	return n, w.err
}

// Commit implements blob.Writer.
func (w *writer) Commit() error {
	if w.done {
		return blob.ErrClosed
	}
	err := w.err
	if err == nil {
		err = w.ctx.Err()
	}
	if err == nil && w.held > w.size {
		err = failure(w.f.Truncate(w.size)) // gives back what was reserved too much
	}
	if err == nil {
		// A failed flush is final: the kernel may have dropped what it could not write,
		// and a second one would report success.
		err = failure(w.f.Sync())
	}
	if err == nil {
		err = w.publish()
	}
	if err != nil {
		w.Abort()
		return err
	}
	w.done = true
	return failure(w.f.Close())
}

// publish gives the file its place. Nobody else can put anything there meanwhile:
// who writes the same name would have to hold writing/NAME as well.
func (w *writer) publish() error {
	from, err := w.s.folder(writing)
	if err != nil {
		return failure(err)
	}
	to, err := w.s.folder(w.name[:2])
	if err != nil {
		return failure(err)
	}
	if _, err := to.stat(w.name); err == nil {
		return blob.ErrExists
	}
	if err := from.move(w.name, to); err != nil {
		return failure(err)
	}
	if err := w.s.settle(to, w.name[:2]); err != nil {
		to.remove(w.name) // not known to last: not there
		return failure(err)
	}
	return nil
}

// Abort implements blob.Writer.
func (w *writer) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	d, err := w.s.folder(writing)
	if err == nil {
		err = d.remove(w.name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return failure(errors.Join(err, w.f.Close()))
}

// Sweep implements blob.Store: a file that can be locked has no writer.
func (s *Store) Sweep(ctx context.Context) (int, error) {
	names, err := s.names(writing)
	if err != nil {
		return 0, failure(err)
	}
	if len(names) == 0 {
		return 0, nil // maybe nothing was ever written
	}
	d, err := s.folder(writing)
	if err != nil {
		return 0, failure(err)
	}
	n := 0
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		if !blob.Valid(name) {
			continue
		}
		f, err := d.open(name, unix.O_RDWR)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return n, failure(err)
		}
		// Committed between the look and the lock: then the name is another file's.
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil && d.holds(name, f) {
			if err := d.remove(name); err != nil {
				f.Close()
				return n, failure(err)
			}
			n++
		}
		f.Close()
	}
	return n, nil
}
