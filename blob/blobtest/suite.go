// Package blobtest holds the blob contract as tests, one suite for every backend.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/redoubt-sec/redoubt/blob"
)

// Suite says how to get at a backend.
type Suite struct {
	// Open answers an empty backend that the suite closes.
	Open func(t testing.TB) blob.Store
	// Reopen answers a second handle on what b keeps.
	Reopen func(t testing.TB, b blob.Store) blob.Store
	// Large is the size of the largest blob; 0 means 20 MiB.
	Large int
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	if s.Large == 0 {
		s.Large = 20 << 20
	}
	for _, c := range []struct {
		name string
		f    func(*testing.T, Suite)
	}{
		{"RoundTrip", roundTrip},
		{"Invisible", invisible},
		{"Once", once},
		{"Names", badNames},
		{"Remove", remove},
		{"List", list},
		{"Cancelled", cancelled},
		{"Closed", closed},
		{"Concurrent", concurrent},
		{"Sweep", sweep},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(t, s) })
	}
}

func (s Suite) open(t *testing.T) blob.Store {
	t.Helper()
	b := s.Open(t)
	t.Cleanup(func() { b.Close() })
	return b
}

var ctx = context.Background()

// Data answers n bytes that are the same in every run.
func Data(n int, seed byte) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func put(t testing.TB, b blob.Store, name string, data []byte, hint int64) {
	t.Helper()
	if err := write(b, name, data, hint); err != nil {
		t.Fatal(err)
	}
}

func write(b blob.Store, name string, data []byte, hint int64) error {
	w, err := b.Create(ctx, name, hint)
	if err != nil {
		return err
	}
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 1+rand.IntN(1<<20))
		if _, err := w.Write(rest[:n]); err != nil {
			return errors.Join(err, w.Abort())
		}
		rest = rest[n:]
	}
	return w.Commit()
}

func read(b blob.Store, name string, offset, length int64) ([]byte, error) {
	r, err := b.Open(ctx, name, offset, length)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func want(t testing.TB, b blob.Store, name string, data []byte) {
	t.Helper()
	got, err := read(b, name, 0, -1)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%s: %d bytes, %v; want %d", name, len(got), err, len(data))
	}
	info, err := b.Stat(ctx, name)
	if err != nil || info.Size != int64(len(data)) || info.Name != name {
		t.Fatalf("%+v, %v", info, err)
	}
}

func absent(t testing.TB, b blob.Store, name string) {
	t.Helper()
	for _, length := range []int64{-1, 0, 1} {
		if _, err := read(b, name, 0, length); !errors.Is(err, blob.ErrNotFound) {
			t.Fatalf("open %s: %v", name, err)
		}
	}
	if _, err := b.Stat(ctx, name); !errors.Is(err, blob.ErrNotFound) {
		t.Fatalf("stat %s: %v", name, err)
	}
	for _, n := range names(t, b, "") {
		if n == name {
			t.Fatalf("%s is listed", name)
		}
	}
}

func names(t testing.TB, b blob.Store, after string) []string {
	t.Helper()
	var out []string
	for info, err := range b.List(ctx, after) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, info.Name)
	}
	return out
}

func roundTrip(t *testing.T, s Suite) {
	b := s.open(t)
	again := s.Reopen(t, b)
	defer again.Close()
	for i, n := range []int{0, 1, 1000, 64 << 10, 8 << 20, 8<<20 + 1, s.Large} {
		for _, hint := range []int64{-1, int64(n), int64(n) + 5000, int64(n) / 2} {
			name, data := blob.NewName(), Data(n, byte(i))
			put(t, b, name, data, hint)
			want(t, b, name, data)
			want(t, again, name, data)
			for range 5 {
				from := rand.Int64N(int64(n) + 1)
				length := rand.Int64N(int64(n) + 10)
				got, err := read(b, name, from, length)
				if err != nil || !bytes.Equal(got, data[from:min(from+length, int64(n))]) {
					t.Fatalf("%d bytes from %d of %d: %d, %v", length, from, n, len(got), err)
				}
			}
			if got, err := read(b, name, int64(n)+10, 5); err != nil || len(got) != 0 {
				t.Fatalf("behind the end: %d bytes, %v", len(got), err)
			}
		}
	}
}

func invisible(t *testing.T, s Suite) {
	b := s.open(t)
	for _, n := range []int{10, 9 << 20} {
		name, data := blob.NewName(), Data(n, 1)
		w, err := b.Create(ctx, name, -1)
		if err != nil {
			t.Fatal(err)
		}
		absent(t, b, name)
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		absent(t, b, name)
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		want(t, b, name, data)
		if err := w.Abort(); err != nil { // nothing: it is committed
			t.Fatal(err)
		}
		want(t, b, name, data)
		if _, err := w.Write([]byte("x")); err == nil {
			t.Fatal("a write after the commit succeeded")
		}
		if err := w.Commit(); err == nil {
			t.Fatal("committed twice")
		}
		want(t, b, name, data)

		name = blob.NewName()
		if w, err = b.Create(ctx, name, int64(n)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Abort(); err != nil {
			t.Fatal(err)
		}
		absent(t, b, name)
		if err := w.Commit(); err == nil {
			t.Fatal("committed after an abort")
		}
		absent(t, b, name)
		put(t, b, name, data, -1) // an aborted name is free
		want(t, b, name, data)
	}
}

func once(t *testing.T, s Suite) {
	b := s.open(t)
	for _, n := range []int{10, 9 << 20} {
		name, data := blob.NewName(), Data(n, 2)
		put(t, b, name, data, -1)
		if err := write(b, name, Data(n, 3), -1); !errors.Is(err, blob.ErrExists) {
			t.Fatalf("a second writer: %v", err)
		}
		want(t, b, name, data)
	}
	// Of many at once, one commits.
	name := blob.NewName()
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = write(b, name, Data(100_000, byte(i)), -1) })
	}
	wg.Wait()
	won := -1
	for i, err := range errs {
		switch {
		case err == nil && won >= 0:
			t.Fatalf("%d and %d both committed", won, i)
		case err == nil:
			won = i
		case !errors.Is(err, blob.ErrExists):
			t.Fatal(err)
		}
	}
	if won < 0 {
		t.Fatal("nobody committed")
	}
	want(t, b, name, Data(100_000, byte(won)))
}

func badNames(t *testing.T, s Suite) {
	b := s.open(t)
	for _, name := range []string{
		"", ".", "..", "/", "a", "../../etc/passwd", "writing/00000000000000000000000000000000", "/etc/passwd", "00/../../../../../../../etc/hostname",
		"0000000000000000000000000000000", "000000000000000000000000000000000", "0000000000000000000000000000000A", "0000000000000000000000000000000g",
		"../000000000000000000000000000000"[:32], "00000000000000/00000000000000000", "0000000000000000000000000000000\x00", "0000000000000000000000000000000\n", "FORMAT",
	} {
		if _, err := b.Create(ctx, name, 5); !errors.Is(err, blob.ErrName) {
			t.Errorf("create %q: %v", name, err)
		}
		if _, err := b.Open(ctx, name, 0, -1); !errors.Is(err, blob.ErrName) {
			t.Errorf("open %q: %v", name, err)
		}
		if _, err := b.Stat(ctx, name); !errors.Is(err, blob.ErrName) {
			t.Errorf("stat %q: %v", name, err)
		}
		if err := b.Remove(ctx, name); !errors.Is(err, blob.ErrName) {
			t.Errorf("remove %q: %v", name, err)
		}
	}
}

func remove(t *testing.T, s Suite) {
	b := s.open(t)
	name, data := blob.NewName(), Data(3<<20, 4)
	if err := b.Remove(ctx, name); err != nil {
		t.Fatal("removing what is not there:", err)
	}
	put(t, b, name, data, -1)
	r, err := b.Open(ctx, name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	head := make([]byte, 10)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	if err := b.Remove(ctx, name); err != nil {
		t.Fatal(err)
	}
	absent(t, b, name)
	rest, err := io.ReadAll(r)
	if got := append(head, rest...); err == nil && !bytes.Equal(got, data) || err != nil && (!errors.Is(err, blob.ErrNotFound) || !bytes.HasPrefix(data, got)) {
		t.Errorf("an open reader after the removal: %d bytes, %v", len(got), err)
	}
	if err := b.Remove(ctx, name); err != nil {
		t.Fatal("removing again:", err)
	}
}

func list(t *testing.T, s Suite) {
	b := s.open(t)
	if got := names(t, b, ""); len(got) != 0 {
		t.Fatal(got)
	}
	all := map[string]bool{}
	for i := range 50 {
		name := blob.NewName()
		put(t, b, name, Data(i, 5), int64(i))
		all[name] = true
	}
	got := names(t, b, "")
	if len(got) != len(all) {
		t.Fatalf("%d of %d", len(got), len(all))
	}
	for i, n := range got {
		if !all[n] || i > 0 && got[i-1] >= n {
			t.Fatalf("%q, %v", got, all)
		}
	}
	for i := range got {
		if rest := names(t, b, got[i]); fmt.Sprint(rest) != fmt.Sprint(got[i+1:]) {
			t.Fatalf("behind %s: %q", got[i], rest)
		}
	}
	for range b.List(ctx, "") {
		break // an early end is no harm
	}
}

func cancelled(t *testing.T, s Suite) {
	b := s.open(t)
	name := blob.NewName()
	gone, cancel := context.WithCancel(ctx)
	w, err := b.Create(gone, name, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(Data(100, 6)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.Commit(); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	absent(t, b, name)
	if _, err := b.Create(gone, name, -1); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := b.Open(gone, name, 0, -1); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func closed(t *testing.T, s Suite) {
	b := s.open(t)
	name := blob.NewName()
	put(t, b, name, Data(100, 7), -1)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(ctx, blob.NewName(), -1); !errors.Is(err, blob.ErrClosed) {
		t.Error(err)
	}
	if _, err := b.Open(ctx, name, 0, -1); !errors.Is(err, blob.ErrClosed) {
		t.Error(err)
	}
	if _, err := b.Stat(ctx, name); !errors.Is(err, blob.ErrClosed) {
		t.Error(err)
	}
	if err := b.Remove(ctx, name); !errors.Is(err, blob.ErrClosed) {
		t.Error(err)
	}
	for _, err := range b.List(ctx, "") {
		if !errors.Is(err, blob.ErrClosed) {
			t.Error(err)
		}
	}
	if _, err := b.Sweep(ctx); !errors.Is(err, blob.ErrClosed) {
		t.Error(err)
	}
	again := s.Reopen(t, b)
	defer again.Close()
	want(t, again, name, Data(100, 7))
}

func concurrent(t *testing.T, s Suite) {
	b := s.open(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 5 {
				name, data := blob.NewName(), Data(i*1000+j, byte(i))
				if err := write(b, name, data, int64(len(data))); err != nil {
					t.Error(err)
					return
				}
				got, err := read(b, name, 0, -1)
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				if j%2 == 0 {
					if err := b.Remove(ctx, name); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if got := names(t, b, ""); len(got) != 32 {
		t.Errorf("%d are left", len(got))
	}
}

// sweep never takes from the living; what the dead leave is the kill test's.
func sweep(t *testing.T, s Suite) {
	b := s.open(t)
	other := s.Reopen(t, b)
	defer other.Close()
	for _, n := range []int{10, 9 << 20} {
		name, data := blob.NewName(), Data(n, 8)
		w, err := b.Create(ctx, name, -1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		for _, h := range []blob.Store{b, other} {
			if n, err := h.Sweep(ctx); n != 0 || err != nil {
				t.Fatalf("swept %d, %v", n, err)
			}
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		want(t, b, name, data)
		if n, err := other.Sweep(ctx); n != 0 || err != nil {
			t.Fatalf("swept %d, %v", n, err)
		}
		want(t, b, name, data)
	}
}
