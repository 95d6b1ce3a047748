package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/blob/blobtest"
)

var ctx = context.Background()

func openStore(place string) (blob.Store, error) {
	s, err := Open(place)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func TestMain(m *testing.M) { blobtest.Main(m, openStore) }

func TestContract(t *testing.T) {
	blobtest.Run(t, blobtest.Suite{
		Open: func(t testing.TB) blob.Store {
			s, err := Open(filepath.Join(t.TempDir(), "blobs"))
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Reopen: func(t testing.TB, b blob.Store) blob.Store {
			s, err := Open(b.(*Store).root.Name())
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	})
}

func TestKill(t *testing.T) {
	rounds := 4
	if v := os.Getenv("REDOUBT_SOAK"); v != "" {
		rounds = 200
	} else if testing.Short() {
		t.Skip("short")
	}
	dir := filepath.Join(t.TempDir(), "blobs")
	blobtest.Kill(t, dir, rounds, openStore,
		func(b blob.Store) error { _, err := b.Sweep(ctx); return err },
		func() int {
			left, err := os.ReadDir(filepath.Join(dir, writing))
			if err != nil {
				t.Fatal(err)
			}
			return len(left)
		})
}

func put(t *testing.T, s *Store, name, data string) {
	t.Helper()
	w, err := s.Create(ctx, name, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, data); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, blob.NewName(), "x")
	if _, err := s.Create(ctx, blob.NewName(), 100); err != nil {
		t.Fatal(err)
	}
	n := 0
	filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		n++
		return nil
	})
	if n < 260 {
		t.Errorf("%d files", n)
	}
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a directory that others can read was opened")
	}
	os.Chmod(dir, 0o700)
	os.WriteFile(filepath.Join(dir, formatFile), []byte("redoubt blobs, format 2\n"), 0o600)
	if _, err := Open(dir); err == nil {
		t.Error("another format was opened")
	}
}

// Whoever can write into the directory cannot make the server read or write
// elsewhere.
func TestPlantedLinks(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "blobs")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, blob.NewName(), "x")
	secret := filepath.Join(base, "secret")
	os.WriteFile(secret, []byte("secret"), 0o600)
	name := blob.NewName()
	if err := os.Symlink(secret, filepath.Join(dir, name[:2], name)); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Open(ctx, name, 0, -1); err == nil {
		b, _ := io.ReadAll(r)
		t.Errorf("read %q through a link", b)
	}
	outside := filepath.Join(base, "outside")
	os.Mkdir(outside, 0o700)
	os.RemoveAll(filepath.Join(dir, "00"))
	if err := os.Symlink(outside, filepath.Join(dir, "00")); err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(ctx, "00000000000000000000000000000001", -1)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err == nil {
		t.Error("committed through a link")
	}
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Error("something was written outside")
	}
	os.Remove(filepath.Join(dir, writing))
	os.Symlink(outside, filepath.Join(dir, writing))
	if _, err := s.Create(ctx, blob.NewName(), -1); err == nil {
		t.Error("created through a link")
	}
}

// TestFull runs on a tiny file system, where mounting one is allowed.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	if err := mountTiny(dir, 8<<20); err != nil {
		t.Skip("no small file system to be had: ", err)
	}
	t.Cleanup(func() { unmount(dir) })
	s, err := Open(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(ctx, blob.NewName(), 64<<20); !errors.Is(err, blob.ErrFull) {
		t.Errorf("reserving more than there is: %v", err)
	}
	name := blob.NewName()
	w, err := s.Create(ctx, name, -1)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err = w.Write(make([]byte, 1<<20)); err != nil {
			break
		}
	}
	if !errors.Is(err, blob.ErrFull) {
		t.Fatalf("writing more than there is: %v", err)
	}
	if err := w.Commit(); !errors.Is(err, blob.ErrFull) {
		t.Errorf("commit: %v", err)
	}
	if _, err := s.Stat(ctx, name); !errors.Is(err, blob.ErrNotFound) {
		t.Error(err)
	}
	put(t, s, blob.NewName(), fmt.Sprint(time.Now())) // there is room again
}

func TestUnreadable(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, blob.NewName(), "x")
	name := blob.NewName()
	path := filepath.Join(s.root.Name(), name[:2], name)
	if err := os.Mkdir(path, 0o700); err != nil { // a directory opens, and fails to be read
		t.Fatal(err)
	}
	r, err := s.Open(ctx, name, 0, -1)
	if err == nil {
		_, err = io.ReadAll(r)
		r.Close()
	}
	if err == nil || errors.Is(err, blob.ErrNotFound) {
		t.Error(err)
	}
}
