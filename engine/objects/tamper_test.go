package objects

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/redoubt-sec/redoubt/store"
)

// file is where a segment lies on disk.
func (w *world) file(seg Segment) string {
	return filepath.Join(w.dir, "blobs", seg.ID[:2], seg.ID)
}

// spoil changes a file.
func (w *world) spoil(path string, f func([]byte) []byte) (undo func()) {
	w.t.Helper()
	was, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, f(bytes.Clone(was)), 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return func() { os.WriteFile(path, was, 0o600) }
}

func (w *world) damaged(v *Version, secrets [][]byte, what string) {
	w.t.Helper()
	from, err := w.Open(context.Background(), v, Read{Secrets: secrets, Length: -1})
	if err == nil {
		_, err = io.Copy(io.Discard, from)
		from.Close()
	}
	if !errors.Is(err, ErrDamaged) {
		w.t.Errorf("%s: read with %v", what, err)
	}
	r, err := w.Verify(context.Background(), Scrub{})
	if err != nil || r.Bad == 0 {
		w.t.Errorf("%s: verify finds nothing: %+v, %v", what, r, err)
	}
	for _, f := range r.Faults {
		if !errors.Is(f.Err, ErrDamaged) {
			w.t.Errorf("%s: %+v", what, f)
		}
	}
}

// Whatever is done to the data, nobody gets a byte that was not written; ranges
// beside the damage are served.
func TestTampering(t *testing.T) {
	w := open(t)
	for _, kind := range []Kind{SSES3, SSEKMS, DSSEKMS, SSEC} {
		secrets := [][]byte{random(32, 1), random(32, 2)}[:kind.Secrets()]
		data := random(3*chunkSize+1000, 1)
		put := func(key string, data []byte) *Version {
			v, err := w.putAs(key, data, NewObject{Size: -1, Encryption: Encryption{Kind: kind}, Secrets: secrets}, Put{})
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		v, other := put("k", data), put("other", data)
		if r, err := w.Verify(context.Background(), Scrub{}); err != nil || r.Bad != 0 || kind != SSES3 && (r.Decrypted != 0 || len(r.Skipped) != 1) {
			t.Errorf("%s: %+v %v", kind, r, err)
		}
		opening := Scrub{Secrets: func(context.Context, *Version) ([][]byte, string, error) {
			var copies [][]byte
			for _, b := range secrets {
				copies = append(copies, bytes.Clone(b))
			}
			return copies, "", nil
		}}
		if r, err := w.Verify(context.Background(), opening); err != nil || r.Bad != 0 || r.Decrypted != 2 || len(r.Skipped) != 0 {
			t.Errorf("%s: %+v %v", kind, r, err)
		}
		c := stored(chunkSize, kind.layers())
		path, otherPath := w.file(v.Data.Segment), w.file(other.Data.Segment)
		for what, f := range map[string]func([]byte) []byte{
			"first byte":     func(b []byte) []byte { b[0] ^= 1; return b },
			"a bit":          func(b []byte) []byte { b[c+500] ^= 0x80; return b },
			"last byte":      func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
			"cut":            func(b []byte) []byte { return b[:len(b)-1] },
			"cut by a chunk": func(b []byte) []byte { return b[:3*c] },
			"empty":          func(b []byte) []byte { return nil },
			"chunk left out": func(b []byte) []byte { return append(b[:c], b[2*c:]...) },
			"chunks exchanged": func(b []byte) []byte {
				return append(append(append(bytes.Clone(b[c:2*c]), b[:c]...), b[2*c:3*c]...), b[3*c:]...)
			},
			"chunk repeated":   func(b []byte) []byte { return append(append(bytes.Clone(b[:c]), b[:c]...), b[2*c:]...) },
			"another object's": func([]byte) []byte { b, _ := os.ReadFile(otherPath); return b },
			"another's chunk":  func(b []byte) []byte { o, _ := os.ReadFile(otherPath); copy(b[c:2*c], o[c:2*c]); return b },
		} {
			undo := w.spoil(path, f)
			w.damaged(v, secrets, string(kind)+": "+what)
			undo()
		}
		// Data behind the end are not read, but found.
		undo := w.spoil(path, func(b []byte) []byte { return append(b, 0) })
		if r, err := w.Verify(context.Background(), Scrub{}); err != nil || r.Bad != 1 {
			t.Errorf("%+v %v", r, err)
		}
		undo()
		// A reader gets all that is before the bad chunk, and nothing of it.
		undo = w.spoil(path, func(b []byte) []byte { b[2*c+10] ^= 1; return b })
		got, err := w.read(v, Read{Secrets: secrets, Length: -1})
		if !errors.Is(err, ErrDamaged) || !bytes.Equal(got, data[:2*chunkSize]) {
			t.Errorf("%s: %d bytes, %v", kind, len(got), err)
		}
		for _, r := range []Read{{Offset: 0, Length: 2 * chunkSize}, {Offset: 3 * chunkSize, Length: 10}} {
			r.Secrets = secrets
			if got, err := w.read(v, r); err != nil || !bytes.Equal(got, data[r.Offset:r.Offset+r.Length]) {
				t.Errorf("%s: beside the damage: %d bytes, %v", kind, len(got), err)
			}
		}
		_, err = w.read(v, Read{Secrets: secrets, Offset: 2*chunkSize + 5, Length: 1})
		w.refused(err, ErrDamaged)
		undo()
		if err := os.Rename(path, path+"x"); err != nil {
			t.Fatal(err)
		}
		w.damaged(v, secrets, "removed")
		os.Rename(path+"x", path)
		if got, err := w.read(v, Read{Secrets: secrets, Length: -1}); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: restored, and still %v", kind, err)
		}
	}
	w.clean()
}

// Who can write into the store cannot exchange one object for another either.
func TestExchangedRecords(t *testing.T) {
	w := open(t)
	for _, n := range []int{100, 100_000} {
		a, b := w.put("a", random(n, 1), Unversioned), w.put("b", random(n, 2), Unversioned)
		w.tx(func(ctx context.Context) error {
			forged := *b
			forged.Data = a.Data // b shows what a holds
			return versions.Put(store.From(ctx), versionRow(w.bucket, "b", b.Seq), &forged)
		})
		v, err := w.head("b", "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.read(v, Read{Length: -1})
		w.refused(err, ErrDamaged)
		w.tx(func(ctx context.Context) error {
			forged := *b
			forged.Data.Segment = a.Data.Segment
			return versions.Put(store.From(ctx), versionRow(w.bucket, "b", b.Seq), &forged)
		})
		if v, err = w.head("b", ""); err != nil {
			t.Fatal(err)
		}
		_, err = w.read(v, Read{Length: -1})
		w.refused(err, ErrDamaged)
	}
}

// What lies on disk is ciphertext; the search would find plaintext.
func TestCiphertextOnDisk(t *testing.T) {
	w := open(t)
	marker := []byte("marker 5c1f0e: nobody may read this")
	w.put("small", marker, Unversioned)
	w.put("large", bytes.Repeat(append(bytes.Clone(marker), make([]byte, 1000)...), 200), Unversioned)
	if err := os.WriteFile(filepath.Join(w.dir, "blobs", "control"), marker, 0o600); err != nil {
		t.Fatal(err)
	}
	found := 0
	filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(b, marker) {
				found++
			}
		}
		return nil
	})
	for kv, err := range w.DB.Backend().Scan(store.Range{}, false) {
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(kv.Value, marker) {
			t.Errorf("plaintext in %q", kv.Key)
		}
	}
	if found != 1 {
		t.Errorf("the marker was found %d times; only the control holds it", found)
	}
}

// A new root key leaves objects readable, and nothing of theirs under the old one.
func TestReseal(t *testing.T) {
	w := open(t)
	w.put("k", random(100_000, 1), Unversioned)
	next, changed, err := w.Owner().Reseal(context.Background(), w.DB, "")
	if err != nil || next != "" || changed != 0 {
		t.Fatal(next, changed, err)
	}
	w.want("k", "", random(100_000, 1))
}
