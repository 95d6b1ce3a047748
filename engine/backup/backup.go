package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Write writes a backup of db as it is at this moment, while it is at work. skip
// names tables that are of no use later (who runs what just now).
func Write(ctx context.Context, db *store.DB, w io.Writer, to *Recipient, skip ...string) (*Summary, error) {
	s := Summary{Created: time.Now().UTC().Truncate(time.Second)}
	err := db.Run(ctx, func(ctx context.Context) (err error) {
		s.Installation, err = installationID(store.From(ctx))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	if err := incomplete(db.Backend()); err != nil {
		return nil, err
	}
	out, err := newSealer(w, to)
	if err != nil {
		return nil, err
	}
	// The walk sees one state, of this revision or a little newer: everything
	// that was acknowledged by now is in it.
	s.Revision = db.Revision()
	rw, err := newRecordWriter(out, s)
	if err != nil {
		return nil, err
	}
	for kv, err := range db.Backend().Scan(store.Range{}, false) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("backup: %w", err)
		}
		table, _, _ := strings.Cut(kv.Key, "/")
		if contains(skip, table) {
			continue
		}
		if err := rw.put(kv); err != nil {
			return nil, fmt.Errorf("backup: %w", err)
		}
	}
	if err := errors.Join(rw.close(), out.Close()); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	s.Records = rw.n
	return &s, nil
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// Save copies a backup from r to a new file that only its owner reads, reads the
// file back, compares, and makes sure that the stream has an end. A file of that
// name is not overwritten; on errors none is left.
func Save(path string, r io.Reader) (size int64, err error) {
	if _, err := os.Lstat(path); err == nil {
		return 0, fmt.Errorf("backup: %s exists", path)
	}
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			os.Remove(part)
		}
	}()
	sum, back := sha256.New(), sha256.New()
	if size, err = io.Copy(io.MultiWriter(f, sum), r); err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	if err := f.Sync(); err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	if _, err := Complete(io.TeeReader(f, back)); err != nil {
		return 0, err
	}
	if string(sum.Sum(nil)) != string(back.Sum(nil)) {
		return 0, errors.New("backup: the file does not hold what was written to it")
	}
	// Linked, not renamed: a file that came into being meanwhile stays.
	if err := os.Link(part, path); err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	return size, errors.Join(os.Remove(part), syncDir(filepath.Dir(path)))
}

// Verify reads a whole backup: it is authentic, whole and well-formed, or it
// answers an error.
func Verify(r io.Reader, id *Identity) (*Summary, error) {
	return read(r, id, func(store.KV) error { return nil })
}

func read(r io.Reader, id *Identity, f func(store.KV) error) (*Summary, error) {
	in, err := newOpener(r, id)
	if err != nil {
		return nil, err
	}
	rr, err := newRecordReader(in)
	if err != nil {
		return nil, err
	}
	defer rr.close()
	for {
		kv, err := rr.next()
		if err == io.EOF {
			return &rr.summary, nil
		}
		if err == nil {
			err = f(kv)
		}
		if err != nil {
			return nil, err
		}
	}
}
