package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/blob/files"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

// world is an object store with what it rests on.
type world struct {
	*Store
	t      testing.TB
	dir    string
	clock  *redoubt.Shifted
	bucket string
}

func open(t testing.TB) *world { return openOn(t, memory.New()) }

func openOn(t testing.TB, b store.Backend) *world {
	dir := t.TempDir()
	blobs, err := files.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open(b, 0)
	clock := redoubt.NewFixed(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	keys, err := keyring.Open(context.Background(), db, keyring.NewFileSeal(filepath.Join(dir, "seal.key")), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close(); blobs.Close(); db.Close() })
	w := &world{t: t, dir: dir, clock: clock, bucket: NewBucket()}
	w.Store = New(Deps{DB: db, Blobs: blobs, Keys: keys, Clock: clock, Alone: true})
	w.tx(func(ctx context.Context) error { return w.MakeBucket(ctx, w.bucket) })
	return w
}

func (w *world) do(f func(ctx context.Context) error) error {
	return w.DB.Run(context.Background(), f)
}

func (w *world) tx(f func(ctx context.Context) error) {
	w.t.Helper()
	if err := w.do(f); err != nil {
		w.t.Fatal(err)
	}
}

// write writes data in pieces of odd sizes.
func write(w io.Writer, data []byte) error {
	for len(data) > 0 {
		n := min(len(data), 1+rand.IntN(100_000))
		if _, err := w.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

func (w *world) putAs(key string, data []byte, n NewObject, p Put) (*Version, error) {
	n.Bucket, n.Key = w.bucket, key
	if n.Encryption.Kind == "" {
		n.Encryption.Kind = SSES3
	}
	to, err := w.Create(context.Background(), n)
	if err != nil {
		return nil, err
	}
	defer to.Close()
	if err := write(to, data); err != nil {
		return nil, err
	}
	sums, err := to.Finish()
	if err != nil {
		return nil, err
	}
	if len(n.Sums) > 0 {
		p.Checksum = sums.Checksum(n.Sums[0])
	}
	var v *Version
	err = w.do(func(ctx context.Context) (err error) {
		v, err = to.Commit(ctx, p)
		return err
	})
	return v, err
}

func (w *world) put(key string, data []byte, mode Versioning) *Version {
	w.t.Helper()
	v, err := w.putAs(key, data, NewObject{Size: int64(len(data))}, Put{Versioning: mode})
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) head(key, id string) (v *Version, err error) {
	err = w.do(func(ctx context.Context) (err error) {
		v, err = w.Head(ctx, w.bucket, key, id)
		return err
	})
	return v, err
}

func (w *world) read(v *Version, r Read) ([]byte, error) {
	from, err := w.Open(context.Background(), v, r)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	return io.ReadAll(from)
}

func (w *world) get(key, id string) ([]byte, error) {
	v, err := w.head(key, id)
	if err != nil {
		return nil, err
	}
	return w.read(v, Read{Length: -1})
}

func (w *world) want(key, id string, data []byte) {
	w.t.Helper()
	got, err := w.get(key, id)
	if err != nil {
		w.t.Fatalf("get %q %q: %v", key, id, err)
	}
	if !bytes.Equal(got, data) {
		w.t.Fatalf("get %q %q: %d bytes that are not the %d written", key, id, len(got), len(data))
	}
}

func (w *world) refused(err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Fatalf("error %v, want %v", err, want)
	}
}

// clean collects garbage and checks that everything is in order and nothing is
// left over.
func (w *world) clean() *Report {
	w.t.Helper()
	if left, err := w.Collect(context.Background()); err != nil || left > 0 {
		w.t.Fatalf("garbage: %d left, %v", left, err)
	}
	r, err := w.Verify(context.Background(), Scrub{})
	if err != nil {
		w.t.Fatal(err)
	}
	if r.Bad > 0 || r.Orphans > 0 || r.Waiting > 0 {
		w.t.Fatalf("verify: %+v", r)
	}
	return r
}

// random answers n bytes that are the same in every run.
func random(n int, seed uint64) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}).Read(b)
	return b
}

var sizes = []int{0, 1, 100, inlineSize - 1, inlineSize, inlineSize + 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 3*chunkSize + 17, 1 << 20}

func TestRoundTrip(t *testing.T) {
	w := open(t)
	for _, kind := range []Kind{SSES3, SSEKMS, DSSEKMS, SSEC} {
		var secrets [][]byte
		for i := range kind.Secrets() {
			secrets = append(secrets, random(32, uint64(90+i)))
		}
		for _, n := range sizes {
			for _, hint := range []int64{int64(n), -1} {
				data, key := random(n, uint64(n)), fmt.Sprintf("%s/%d", kind, n)
				v, err := w.putAs(key, data, NewObject{Size: hint, Encryption: Encryption{Kind: kind}, Secrets: secrets, Sums: []Algorithm{CRC64NVME}}, Put{})
				if err != nil {
					t.Fatal(key, err)
				}
				if v.ID != NullID || v.Size != int64(n) || v.Checksum.Algorithm != CRC64NVME || !v.Latest {
					t.Fatalf("%s: %+v", key, v)
				}
				for range 6 {
					from := int64(0)
					if n > 0 {
						from = rand.Int64N(int64(n))
					}
					length := rand.Int64N(int64(n) + 100)
					got, err := w.read(v, Read{Secrets: secrets, Offset: from, Length: length})
					if err != nil || !bytes.Equal(got, data[from:min(from+length, int64(n))]) {
						t.Fatalf("%s from %d %d: %d bytes, %v", key, from, length, len(got), err)
					}
				}
				got, err := w.read(v, Read{Secrets: secrets, Length: -1})
				if err != nil || !bytes.Equal(got, data) {
					t.Fatalf("%s: %d bytes, %v", key, len(got), err)
				}
				if kind != SSES3 {
					wrong := [][]byte{random(32, 1), random(32, 2)}[:kind.Secrets()]
					_, err := w.read(v, Read{Secrets: wrong, Length: -1})
					w.refused(err, ErrKey)
					_, err = w.read(v, Read{Length: -1})
					w.refused(err, ErrKey)
				}
			}
		}
	}
	r := w.clean()
	if r.Versions != int64(4*len(sizes)) || r.Decrypted != int64(len(sizes)) {
		t.Errorf("%+v", r)
	}
}

func TestVersions(t *testing.T) {
	w := open(t)
	a, b, c, d := []byte("a"), random(100_000, 2), []byte("c"), []byte("d")
	w.put("k", []byte("before"), Unversioned)
	w.put("k", a, Unversioned)
	w.want("k", "", a)
	w.want("k", NullID, a)
	v2 := w.put("k", b, Enabled)
	if len(v2.ID) != 32 || v2.ID == NullID {
		t.Fatal(v2.ID)
	}
	w.want("k", "", b)
	w.want("k", NullID, a)
	w.want("k", v2.ID, b)
	w.put("k", c, Suspended) // replaces the null version, now the newest
	w.want("k", "", c)
	w.want("k", NullID, c)
	w.want("k", v2.ID, b)
	w.put("k", d, Suspended)
	w.want("k", NullID, d)

	del := func(d Delete) *Deleted {
		t.Helper()
		d.Bucket, d.Key = w.bucket, "k"
		var out *Deleted
		w.tx(func(ctx context.Context) (err error) { out, err = w.Delete(ctx, d); return err })
		return out
	}
	m := del(Delete{Versioning: Enabled})
	if !m.Marker || len(m.ID) != 32 {
		t.Fatalf("%+v", m)
	}
	_, err := w.head("k", "")
	w.refused(err, ErrNoKey)
	var marker *MarkerError
	if !errors.As(err, &marker) || marker.Version.ID != m.ID {
		t.Fatal(err)
	}
	_, err = w.head("k", m.ID)
	if !errors.As(err, &marker) {
		t.Fatal(err)
	}
	w.want("k", NullID, d)
	p, err := w.ListVersions(context.Background(), Query{Bucket: w.bucket, Most: 10})
	if err != nil || len(p.Items) != 3 {
		t.Fatal(p, err)
	}
	for i, want := range []string{m.ID, NullID, v2.ID} {
		if p.Items[i].ID != want || p.Items[i].Latest != (i == 0) || p.Items[i].Marker != (i == 0) {
			t.Errorf("%d: %+v", i, p.Items[i])
		}
	}
	if l, err := w.List(context.Background(), Query{Bucket: w.bucket, Most: 10}); err != nil || len(l.Items) != 0 {
		t.Fatal(l, err)
	}
	if out := del(Delete{ID: m.ID, Versioning: Enabled}); !out.Marker || out.ID != m.ID {
		t.Fatalf("%+v", out)
	}
	w.want("k", "", d)
	// In a suspended bucket a delete replaces the null version by a marker.
	if out := del(Delete{Versioning: Suspended}); !out.Marker || out.ID != NullID {
		t.Fatalf("%+v", out)
	}
	_, err = w.head("k", NullID)
	if !errors.As(err, &marker) {
		t.Fatal(err)
	}
	if out := del(Delete{ID: NullID, Versioning: Suspended}); !out.Marker {
		t.Fatalf("%+v", out)
	}
	w.want("k", "", b)
	_, err = w.head("k", NullID)
	w.refused(err, ErrNoVersion)
	_, err = w.head("k", versionID(3))
	w.refused(err, ErrNoVersion)
	for _, bad := range []string{"x", v2.ID[1:], v2.ID + "A", "!" + v2.ID[1:]} {
		_, err = w.head("k", bad)
		w.refused(err, ErrBadVersion)
	}
	w.refused(w.do(func(ctx context.Context) error { return w.DropBucket(ctx, w.bucket) }), ErrNotEmpty)
	del(Delete{ID: v2.ID, Versioning: Suspended})
	if out := del(Delete{ID: v2.ID, Versioning: Suspended}); out.Version != nil {
		t.Fatalf("%+v", out)
	}
	_, err = w.head("k", "")
	w.refused(err, ErrNoKey)
	w.clean()
	w.tx(func(ctx context.Context) error { return w.DropBucket(ctx, w.bucket) })
	_, err = w.putAs("k", a, NewObject{}, Put{})
	w.refused(err, ErrNoBucket)
	if r := w.clean(); r.Blobs != 0 || r.Versions != 0 {
		t.Errorf("%+v", r)
	}
}

func TestConditions(t *testing.T) {
	w := open(t)
	put := func(c Condition) error {
		_, err := w.putAs("k", random(20_000, 1), NewObject{}, Put{Condition: c})
		return err
	}
	w.refused(put(Condition{IfMatch: "*"}), ErrNoKey)
	w.refused(put(Condition{IfMatch: "0123"}), ErrNoKey)
	w.refused(put(Condition{IfNoneMatch: true}), nil)
	w.refused(put(Condition{IfNoneMatch: true}), ErrExists)
	v, _ := w.head("k", "")
	w.refused(put(Condition{IfMatch: "0123"}), ErrNotMatched)
	w.refused(put(Condition{IfMatch: v.ETag}), nil)
	w.refused(put(Condition{IfMatch: "*"}), nil)
	at, size := v.Modified.Unix(), v.Size
	del := func(c Condition) error {
		return w.do(func(ctx context.Context) error {
			_, err := w.Delete(ctx, Delete{Bucket: w.bucket, Key: "k", Condition: c})
			return err
		})
	}
	wrong := at + 1
	w.refused(del(Condition{IfModified: &wrong}), ErrNotMatched)
	w.refused(del(Condition{IfSize: &wrong}), ErrNotMatched)
	w.refused(del(Condition{IfMatch: v.ETag, IfModified: &at, IfSize: &size}), nil)
	w.refused(del(Condition{IfSize: &size}), ErrNoKey)
	w.clean()

	// Of many that want to be first, one is.
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		wg.Go(func() { errs[i] = put(Condition{IfNoneMatch: true}) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			w.refused(err, ErrExists)
		}
	}
	if won != 1 {
		t.Errorf("%d were first", won)
	}
	w.clean()
}

func TestLock(t *testing.T) {
	w := open(t)
	until := w.clock.Now().Add(time.Hour)
	put := func(l Lock) *Version {
		t.Helper()
		v, err := w.putAs("k", []byte("x"), NewObject{}, Put{Versioning: Enabled, Attributes: Attributes{Lock: l}})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	del := func(v *Version, bypass bool) error {
		return w.do(func(ctx context.Context) error {
			_, err := w.Delete(ctx, Delete{Bucket: w.bucket, Key: "k", ID: v.ID, Versioning: Enabled, Bypass: bypass})
			return err
		})
	}
	gov, com, held := put(Lock{Mode: Governance, Until: until}), put(Lock{Mode: Compliance, Until: until}), put(Lock{Hold: true})
	w.refused(del(gov, false), ErrLocked)
	w.refused(del(gov, true), nil)
	w.refused(del(com, true), ErrLocked)
	w.refused(del(held, true), ErrLocked)
	w.clock.Advance(59 * time.Minute)
	w.refused(del(com, false), ErrLocked)
	w.clock.Advance(time.Minute)
	w.refused(del(com, false), nil)
	w.tx(func(ctx context.Context) error {
		_, err := w.Edit(ctx, w.bucket, "k", held.ID, func(v *Version) error { v.Lock.Hold = false; return nil })
		return err
	})
	w.refused(del(held, false), nil)
	w.clean()
}
