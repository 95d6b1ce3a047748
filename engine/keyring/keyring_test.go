package keyring

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

var day = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newDB(t testing.TB) *store.DB {
	db := store.Open(memory.New(), 0)
	t.Cleanup(func() { db.Close() })
	return db
}

func fileSeal(t testing.TB) *FileSeal {
	return NewFileSeal(filepath.Join(t.TempDir(), "seal.key"))
}

func open(t testing.TB, db *store.DB, seal Seal) *Keyring {
	t.Helper()
	k, err := Open(context.Background(), db, seal, redoubt.NewFixed(day))
	if err != nil {
		t.Fatal(err)
	}
	k.times = times{answer: 200 * time.Millisecond, poll: 5 * time.Millisecond, retry: 10 * time.Millisecond, settle: 30 * time.Millisecond, blocked: 50 * time.Millisecond}
	t.Cleanup(func() { k.Close() })
	return k
}

func run(t testing.TB, k *Keyring) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); k.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func seal(t testing.TB, k *Keyring, purpose, aad, plaintext string) []byte {
	t.Helper()
	blob, err := k.Seal(purpose, []byte(aad), []byte(plaintext))
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func wantOpens(t testing.TB, k *Keyring, purpose, aad string, blob []byte, plaintext string) {
	t.Helper()
	got, err := k.Open(purpose, []byte(aad), blob)
	if err != nil || string(got) != plaintext {
		t.Fatalf("Open = %q, %v; want %q", got, err, plaintext)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

func TestBlobOpensOnlyInItsPlace(t *testing.T) {
	db := newDB(t)
	s := fileSeal(t)
	k := open(t, db, s)
	blob := seal(t, k, "kms.material", "key 1", "top secret")
	wantOpens(t, k, "kms.material", "key 1", blob, "top secret")
	if bytes.Contains(blob, []byte("secret")) || len(blob) != len("top secret")+Overhead {
		t.Errorf("blob %q", blob)
	}
	again := seal(t, k, "kms.material", "key 1", "top secret")
	if bytes.Equal(blob, again) {
		t.Error("two seals of the same are the same")
	}
	_, err := k.Open("iam.accesskey", []byte("key 1"), blob)
	wantErr(t, err, ErrDamaged)
	_, err = k.Open("kms.material", []byte("key 2"), blob)
	wantErr(t, err, ErrDamaged)
	// Purpose and additional data do not run into each other.
	_, err = k.Open("kms.materialkey", []byte(" 1"), blob)
	wantErr(t, err, ErrDamaged)
	for i := range blob {
		for _, bad := range [][]byte{append(bytes.Clone(blob[:i]), blob[i+1:]...), flip(blob, i)} {
			if _, err := k.Open("kms.material", []byte("key 1"), bad); !errors.Is(err, ErrDamaged) {
				t.Fatalf("changed at %d: %v", i, err)
			}
		}
	}
	// After a restart it still opens; in another installation it does not.
	k.Close()
	_, err = k.Open("kms.material", []byte("key 1"), blob)
	wantErr(t, err, ErrSealed)
	wantOpens(t, open(t, db, s), "kms.material", "key 1", blob, "top secret")
	_, err = open(t, newDB(t), s).Open("kms.material", []byte("key 1"), blob)
	wantErr(t, err, ErrDamaged)
}

func flip(b []byte, i int) []byte {
	c := bytes.Clone(b)
	c[i] ^= 0x10
	return c
}

func TestMAC(t *testing.T) {
	k := open(t, newDB(t), fileSeal(t))
	mac, err := k.MAC("kms.grant", []byte("g1"))
	if err != nil || len(mac) != 32 {
		t.Fatal(mac, err)
	}
	if err := k.VerifyMAC("kms.grant", []byte("g1"), mac); err != nil {
		t.Error(err)
	}
	wantErr(t, k.VerifyMAC("kms.import", []byte("g1"), mac), ErrDamaged)
	wantErr(t, k.VerifyMAC("kms.grant", []byte("g2"), mac), ErrDamaged)
	wantErr(t, k.VerifyMAC("kms.grant", []byte("g1"), mac[:31]), ErrDamaged)
	wantErr(t, k.VerifyMAC("kms.grant", []byte("g1"), nil), ErrDamaged)
	k.Close()
	_, err = k.MAC("kms.grant", nil)
	wantErr(t, err, ErrSealed)
	wantErr(t, k.VerifyMAC("kms.grant", []byte("g1"), mac), ErrSealed)
}

func TestRootKeyIsNotInTheStore(t *testing.T) {
	db := newDB(t)
	k := open(t, db, fileSeal(t))
	var root []byte
	r := k.roots.Load()
	r.keys[r.current].Use(func(b []byte) { root = bytes.Clone(b) })
	// A planted copy shows that the search would find it.
	if err := db.Run(context.Background(), func(ctx context.Context) error {
		return store.From(ctx).Put("planted/1", append([]byte("x"), root...))
	}); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for kv, err := range db.Backend().Scan(store.Range{}, false) {
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(kv.Value, root) {
			found[kv.Key] = true
		}
	}
	if len(found) != 1 || !found["planted/1"] {
		t.Errorf("root key found in %v", found)
	}
}

func TestWrongSealIsSealedNotFatal(t *testing.T) {
	db := newDB(t)
	right := fileSeal(t)
	k := open(t, db, right)
	blob := seal(t, k, "p", "", "x")
	k.Close()

	other := fileSeal(t)
	if _, err := other.create(); err != nil {
		t.Fatal(err)
	}
	k = open(t, db, other)
	if s := k.Status(); !s.Sealed || s.Reason == "" || s.Generation != 0 {
		t.Errorf("status %+v", s)
	}
	_, err := k.Seal("p", nil, nil)
	wantErr(t, err, ErrSealed)
	_, err = k.Open("p", nil, blob)
	wantErr(t, err, ErrSealed)
	wantErr(t, k.Unseal(context.Background()), ErrWrongSeal)
	wantErr(t, k.RotateSeal(context.Background(), right, false), ErrSealed)

	// A missing key file is never made anew for a root key that exists.
	missing := fileSeal(t)
	k = open(t, db, missing)
	if !k.Status().Sealed {
		t.Error("unsealed without a key file")
	}
	if _, err := missing.read(); err == nil {
		t.Error("the key file was made anew")
	}
	wantOpens(t, open(t, db, right), "p", "", blob, "x")
}

func TestTwoServersStartAtOnce(t *testing.T) {
	db := newDB(t)
	s := fileSeal(t)
	if _, err := s.create(); err != nil {
		t.Fatal(err)
	}
	rings := make(chan *Keyring, 8)
	for range 8 {
		go func() {
			k, err := Open(context.Background(), db, s, redoubt.Wall{})
			if err != nil {
				t.Error(err)
			}
			rings <- k
		}()
	}
	var blob []byte
	for range 8 {
		k := <-rings
		defer k.Close()
		if blob == nil {
			blob = seal(t, k, "p", "a", "same root")
		}
		wantOpens(t, k, "p", "a", blob, "same root")
	}
}

func BenchmarkSeal(b *testing.B) {
	k := open(b, newDB(b), fileSeal(b))
	b.ReportAllocs()
	for b.Loop() {
		k.Seal("kms.material", []byte("0123456789abcdef0123456789abcdef"), make([]byte, 32))
	}
}

func BenchmarkOpen(b *testing.B) {
	k := open(b, newDB(b), fileSeal(b))
	aad := []byte("0123456789abcdef0123456789abcdef")
	blob, _ := k.Seal("kms.material", aad, make([]byte, 32))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Open("kms.material", aad, blob); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	k := open(f, newDB(f), fileSeal(f))
	f.Add("p", []byte("aad"), seal(f, k, "p", "aad", "x"))
	f.Add("p", []byte{}, header(1))
	f.Fuzz(func(t *testing.T, purpose string, aad, blob []byte) {
		if out, err := k.Open(purpose, aad, blob); err == nil && (purpose != "p" || string(aad) != "aad" || string(out) != "x") {
			t.Errorf("opened %x", blob)
		} else if err != nil && !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
	})
}
