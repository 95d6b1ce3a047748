package backup

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

type key struct{ Secret, State string }

var (
	kmsKeys  = store.RegionalTable[key]("kms.key")
	aliases  = store.RegionalTable[key]("kms.alias")
	access   = store.GlobalTable[key]("identity.accesskey")
	counters = store.GlobalTable[int]("test.counter")
)

var classes = []Class{{Table: "kms.key", Kind: "KMS key", Review: true}, {Table: "kms.alias"}, {Table: "identity.accesskey", Kind: "access key", Changes: true}}

func newDB(t *testing.T) *store.DB {
	t.Helper()
	db := store.Open(memory.New(), 0)
	t.Cleanup(func() { db.Close() })
	if err := Guard(context.Background(), db, classes); err != nil {
		t.Fatal(err)
	}
	return db
}

func run(t *testing.T, db *store.DB, f func(tx *store.Tx) error) {
	t.Helper()
	if err := db.Run(context.Background(), func(ctx context.Context) error { return f(store.From(ctx)) }); err != nil {
		t.Fatal(err)
	}
}

func identity(t *testing.T) *Identity {
	t.Helper()
	id, err := Keygen()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func write(t *testing.T, db *store.DB, id *Identity, skip ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := Write(context.Background(), db, &b, id.Recipient(), skip...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ledger(t *testing.T, db *store.DB) *Ledger {
	t.Helper()
	var b bytes.Buffer
	if _, err := ExportLedger(context.Background(), db, &b); err != nil {
		t.Fatal(err)
	}
	l, err := ReadLedger(&b)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// restored restores and answers the new store, guarded like the first.
func restored(t *testing.T, backup []byte, id *Identity, p Plan) (*store.DB, *Report) {
	t.Helper()
	b := memory.New()
	p.Classes = classes
	r, err := Restore(context.Background(), bytes.NewReader(backup), id, b, p)
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open(b, 0)
	if err := Usable(db); err != nil {
		t.Fatal(err)
	}
	if err := Guard(context.Background(), db, classes); err != nil {
		t.Fatal(err)
	}
	return db, r
}

var east = kmsKeys.In("123456789012", "us-east-1")

func has(t *testing.T, db *store.DB, table, id string) (ok bool) {
	t.Helper()
	run(t, db, func(tx *store.Tx) (err error) {
		switch table {
		case "key":
			ok, err = east.Has(tx, id)
		case "alias":
			ok, err = aliases.In("123456789012", "us-east-1").Has(tx, id)
		default:
			ok, err = access.Rows().Has(tx, id)
		}
		return err
	})
	return ok
}

func TestRoundTrip(t *testing.T) {
	db, id := newDB(t), identity(t)
	values := map[string][]byte{}
	for i := range 300 {
		v := make([]byte, i*37)
		rand.Read(v)
		values[fmt.Sprintf("rows/%03d\x00\xff", i)] = v
	}
	values["rows/large"] = make([]byte, store.MaxValue)
	run(t, db, func(tx *store.Tx) error {
		for k, v := range values {
			if len(v) > 1<<19 {
				continue
			}
			if len(v)%3 == 0 {
				tx.Put(k, v)
			}
		}
		return nil
	})
	for k, v := range values {
		run(t, db, func(tx *store.Tx) error { return tx.Put(k, v) })
	}
	run(t, db, func(tx *store.Tx) error { return tx.Put("claims/x", []byte("1")) })
	b := write(t, db, id, "claims")
	s, err := Verify(bytes.NewReader(b), id)
	if err != nil || s.Records != int64(len(values))+1 || s.Revision != db.Revision() {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := Complete(bytes.NewReader(b)); err != nil {
		t.Error(err)
	}
	again, r := restored(t, b, id, Plan{Ledger: ledger(t, db)})
	if r.Restored != s.Records || len(r.Withheld)+len(r.Returned)+r.WithheldOthers != 0 || r.KnownThrough.IsZero() {
		t.Errorf("%+v", r)
	}
	n := 0
	for kv, err := range again.Backend().Scan(store.Prefix("rows/"), false) {
		if err != nil || !bytes.Equal(kv.Value, values[kv.Key]) {
			t.Fatalf("%q: %d bytes, %v", kv.Key, len(kv.Value), err)
		}
		if kv.Rev <= db.Revision()+1<<30 {
			t.Fatalf("%q has revision %d, the original was at %d", kv.Key, kv.Rev, db.Revision())
		}
		n++
	}
	if n != len(values) {
		t.Errorf("%d records", n)
	}
	if _, ok, _ := again.Backend().Get("claims/x"); ok {
		t.Error("a skipped table came back")
	}
}

// A backup is one state, whatever is written meanwhile.
func TestConsistentWhileRunning(t *testing.T) {
	db, id := newDB(t), identity(t)
	set := func(n int) {
		run(t, db, func(tx *store.Tx) error {
			for i := range 50 {
				if err := counters.Rows().Put(tx, fmt.Sprintf("%02d", i), &n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	set(0)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
				set(n)
			}
		}
	})
	for range 20 {
		b := write(t, db, id)
		seen := map[string]int{}
		if _, err := read(bytes.NewReader(b), id, func(kv store.KV) error {
			if strings.HasPrefix(kv.Key, "test.counter/") {
				seen[string(kv.Value)]++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(seen) != 1 {
			t.Fatalf("one backup holds several states: %v", seen)
		}
	}
	close(stop)
	wg.Wait()
}

// Nothing of the content can be read without the key; the marker proves that the
// search would find it.
func TestEncrypted(t *testing.T) {
	db, id := newDB(t), identity(t)
	noise := make([]byte, 256) // which the compression leaves as it is
	rand.Read(noise)
	run(t, db, func(tx *store.Tx) error { return tx.Put("rows/marker", noise) })
	var plain bytes.Buffer
	w, _ := newRecordWriter(&plain, Summary{})
	w.put(store.KV{Key: "k", Value: noise})
	w.close()
	if !bytes.Contains(plain.Bytes(), noise[100:200]) {
		t.Fatal("the search finds nothing even where it should")
	}
	b := write(t, db, id)
	for _, leak := range []string{string(noise[100:116]), "rows/", id.Secret()} {
		if bytes.Contains(b, []byte(leak)) {
			t.Errorf("the backup shows %q", leak)
		}
	}
	other := identity(t)
	if _, err := Verify(bytes.NewReader(b), other); !errors.Is(err, ErrWrongKey) {
		t.Errorf("opened with another key: %v", err)
	}
	// Made with the public key alone, as by someone who found old backups.
	forged := *id
	rand.Read(forged.proof[:])
	if _, err := Verify(bytes.NewReader(write(t, db, &forged)), id); !errors.Is(err, ErrDamaged) {
		t.Errorf("a forged backup: %v", err)
	}
	if bytes.Equal(write(t, db, id)[200:300], b[200:300]) {
		t.Error("two backups are alike")
	}
}

// Whatever is cut, swapped, flipped or added, Verify and Restore refuse, and the
// store that was half filled stays unusable.
func TestTampered(t *testing.T) {
	db, id := newDB(t), identity(t)
	for i := range 20 {
		v := make([]byte, 30_000)
		rand.Read(v)
		run(t, db, func(tx *store.Tx) error { return tx.Put(fmt.Sprint("rows/", i), v) })
	}
	b := write(t, db, id)
	if len(b) < 5*chunkSize {
		t.Fatal("too small for this test")
	}
	start := bytes.IndexByte(b[len(magic):], '\n') + len(magic) + 1
	full := 4 + chunkSize + 16
	swapped := bytes.Clone(b)
	copy(swapped[start:], b[start+full:start+2*full])
	copy(swapped[start+full:], b[start:start+full])
	dropped := append(bytes.Clone(b[:start+full]), b[start+2*full:]...)
	early := bytes.Clone(b[:start+2*full])
	early[start+full] |= 0x80 // the second chunk pretends to be the last
	flip := func(i int) []byte {
		c := bytes.Clone(b)
		c[i] ^= 1
		return c
	}
	for name, c := range map[string][]byte{
		"empty": {}, "text": []byte("hello"), "other version": append([]byte("redoubt backup 9\n"), b[len(magic):]...),
		"cut in the header": b[:start-20], "cut at a chunk": b[:start+2*full], "cut in a chunk": b[:start+2*full+100], "cut at the end": b[:len(b)-1],
		"only a header": b[:start], "swapped": swapped, "dropped": dropped, "early end": early, "more at the end": append(bytes.Clone(b), 0),
		"flipped in the header": flip(len(magic) + 10), "flipped in the key": flip(start - 40), "flipped in a length": flip(start + 3),
		"flipped in a chunk": flip(start + 1000), "flipped at the end": flip(len(b) - 1), "endless header": append([]byte(magic), bytes.Repeat([]byte("x"), 100_000)...),
	} {
		if _, err := Verify(bytes.NewReader(c), id); err == nil {
			t.Errorf("%s: verified", name)
		}
		m := memory.New()
		if _, err := Restore(context.Background(), bytes.NewReader(c), id, m, Plan{WithoutLedger: true}); err == nil {
			t.Errorf("%s: restored", name)
		}
		if err := Usable(store.Open(m, 0)); !errors.Is(err, ErrIncomplete) {
			t.Errorf("%s: the store is usable: %v", name, err)
		}
	}
	for _, n := range []int{start, start + full, start + full + 5, len(b) - 3} {
		if _, err := Complete(bytes.NewReader(b[:n])); !errors.Is(err, ErrCut) {
			t.Errorf("cut at %d of %d: %v", n, len(b), err)
		}
	}
}

// What was revoked since the backup does not come back; what was made anew or
// changed back since an older revocation does.
func TestRevoked(t *testing.T) {
	db, id := newDB(t), identity(t)
	run(t, db, func(tx *store.Tx) error {
		for _, k := range []string{"kept", "deleted", "edited"} {
			if err := errors.Join(east.Put(tx, k, &key{Secret: k}), aliases.In("123456789012", "us-east-1").Put(tx, k, &key{})); err != nil {
				return err
			}
		}
		for _, k := range []string{"AKIAKEPT", "AKIADELETED", "AKIAOFF", "AKIAOFFANDON"} {
			if err := access.Rows().Put(tx, k, &key{State: "Active"}); err != nil {
				return err
			}
		}
		return nil
	})
	// Revoked and given back before the backup: comes back.
	state := func(k, s string) {
		run(t, db, func(tx *store.Tx) error {
			_, err := access.Rows().Edit(tx, k, func(k *key) error { k.State = s; return nil })
			return err
		})
	}
	state("AKIAOFFANDON", "Inactive")
	state("AKIAOFFANDON", "Active")
	early := ledger(t, db)
	run(t, db, func(tx *store.Tx) error { return tx.Put("rows/x", []byte("1")) })
	b := write(t, db, id)

	run(t, db, func(tx *store.Tx) error {
		return errors.Join(east.Delete(tx, "deleted"), aliases.In("123456789012", "us-east-1").Delete(tx, "deleted"), access.Rows().Delete(tx, "AKIADELETED"))
	})
	run(t, db, func(tx *store.Tx) error {
		_, err := east.Edit(tx, "edited", func(k *key) error { k.State = "described"; return nil })
		return err
	})
	state("AKIAOFF", "Inactive")
	late := ledger(t, db)

	ctx := context.Background()
	if _, err := Restore(ctx, bytes.NewReader(b), id, memory.New(), Plan{Classes: classes}); !errors.Is(err, ErrNoLedger) {
		t.Errorf("without a ledger: %v", err)
	}
	if _, err := Restore(ctx, bytes.NewReader(b), id, memory.New(), Plan{Classes: classes, Ledger: early}); !errors.Is(err, ErrOldLedger) {
		t.Errorf("with an old ledger: %v", err)
	}
	if _, err := Restore(ctx, bytes.NewReader(b), id, memory.New(), Plan{Classes: classes, Ledger: ledger(t, newDB(t))}); err == nil || !strings.Contains(err.Error(), "another installation") {
		t.Errorf("with a foreign ledger: %v", err)
	}
	if _, err := Restore(ctx, bytes.NewReader(b), id, db.Backend(), Plan{Classes: classes, Ledger: late}); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("into a store that is not empty: %v", err)
	}

	check := func(db *store.DB, wanted string) {
		t.Helper()
		var got []string
		for _, w := range []string{"key kept", "key deleted", "key edited", "alias kept", "alias deleted", "access AKIAKEPT", "access AKIADELETED", "access AKIAOFF", "access AKIAOFFANDON"} {
			table, id, _ := strings.Cut(w, " ")
			if has(t, db, table, id) {
				got = append(got, id)
			}
		}
		if s := strings.Join(got, " "); s != wanted {
			t.Errorf("came back: %s; want %s", s, wanted)
		}
	}
	items := func(list []Item) string {
		var s []string
		for _, i := range list {
			s = append(s, i.String())
		}
		return strings.Join(s, ", ")
	}

	second, r := restored(t, b, id, Plan{Ledger: late})
	check(second, "kept edited kept AKIAKEPT AKIAOFFANDON")
	if items(r.Withheld) != "access key AKIADELETED, access key AKIAOFF, KMS key 123456789012 us-east-1 deleted" &&
		items(r.Withheld) != "access key AKIADELETED, access key AKIAOFF, KMS key 123456789012/us-east-1/deleted" || r.WithheldOthers != 1 || r.Returned != nil || !strings.HasSuffix(items(r.Older), "edited") || len(r.Older) != 1 {
		t.Errorf("withheld %s and %d others, returned %s", items(r.Withheld), r.WithheldOthers, items(r.Returned))
	}

	db3, _ := restored(t, b, id, Plan{Ledger: late, Changed: true})
	check(db3, "kept edited kept AKIAKEPT AKIAOFF AKIAOFFANDON")

	db4, r := restored(t, b, id, Plan{WithoutLedger: true})
	check(db4, "kept deleted edited kept deleted AKIAKEPT AKIADELETED AKIAOFF AKIAOFFANDON")
	if len(r.Returned) != 7 || r.Withheld != nil || !r.KnownThrough.IsZero() {
		t.Errorf("returned %s, withheld %s", items(r.Returned), items(r.Withheld))
	}

	db5, r := restored(t, b, id, Plan{WithoutLedger: true, Withhold: []string{"access key"}})
	check(db5, "kept deleted edited kept deleted")
	if len(r.Withheld) != 4 || len(r.Returned) != 3 {
		t.Errorf("returned %s, withheld %s", items(r.Returned), items(r.Withheld))
	}

	// The second life: what it revokes, and what the first one did, both hold for
	// backups of both.
	b2 := write(t, second, id)
	run(t, second, func(tx *store.Tx) error { return east.Delete(tx, "edited") })
	third := ledger(t, second)
	db6, _ := restored(t, b, id, Plan{Ledger: third})
	check(db6, "kept kept AKIAKEPT AKIAOFFANDON")
	db7, _ := restored(t, b2, id, Plan{Ledger: third})
	check(db7, "kept kept AKIAKEPT AKIAOFFANDON")
	// The first life's own ledger is older than the second life's backup.
	if _, err := Restore(ctx, bytes.NewReader(b2), id, memory.New(), Plan{Classes: classes, Ledger: late}); !errors.Is(err, ErrOldLedger) {
		t.Errorf("with the first life's ledger: %v", err)
	}
}

func TestKeepLedger(t *testing.T) {
	db := newDB(t)
	path := filepath.Join(t.TempDir(), "revocations")
	revoke := func(k string) {
		run(t, db, func(tx *store.Tx) error { return east.Put(tx, k, &key{}) })
		run(t, db, func(tx *store.Tx) error { return east.Delete(tx, k) })
	}
	revoke("before")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); Keep(ctx, db, path, slog.New(slog.DiscardHandler)) }()
	entries := func(n int) *Ledger {
		t.Helper()
		for range 500 {
			if b, err := os.ReadFile(path); err == nil {
				if l, err := ReadLedger(bytes.NewReader(b)); err == nil && l.Entries == n {
					return l
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("the file never had %d entries", n)
		return nil
	}
	entries(1) // deleted; making a record revokes nothing
	run(t, db, func(tx *store.Tx) error { return east.Add(tx, "new", &key{}) })
	run(t, db, func(tx *store.Tx) error { // what was added becomes like any other
		if err := east.Add(tx, "brief", &key{}); err != nil {
			return err
		}
		return east.Delete(tx, "brief")
	})
	entries(2)
	run(t, db, func(tx *store.Tx) error { return east.Delete(tx, "new") })
	entries(3)
	revoke("after")
	revoke("and again")
	for i := range 40 { // faster than a disk: many come together
		revoke(fmt.Sprint("more ", i))
	}
	l := entries(45)
	if l.Revision < db.Revision()-1 {
		t.Errorf("complete up to %d of %d", l.Revision, db.Revision())
	}
	if fi, _ := os.Stat(path); fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", fi.Mode())
	}
	b, _ := os.ReadFile(path)
	// Whoever stops in order leaves nothing out, however late it was revoked.
	revoke("at last")
	cancel()
	<-done
	if l := entries(46); l.Revision != db.Revision() {
		t.Errorf("at the end complete up to %d of %d", l.Revision, db.Revision())
	}
	// A crash in the middle of a line costs that line only.
	if _, err := ReadLedger(bytes.NewReader(b[:len(b)-3])); err != nil {
		t.Errorf("cut in the last line: %v", err)
	}
	if _, err := ReadLedger(bytes.NewReader(b[:40])); err == nil {
		t.Error("a ledger that is all but cut off was read")
	}
	bad := bytes.Replace(b, []byte(`"deleted":"`), []byte(`"deleted":"!`), 1)
	if _, err := ReadLedger(bytes.NewReader(bad)); err == nil {
		t.Error("a damaged ledger was read")
	}
	for _, name := range []string{"before", "after", "us-east-1"} {
		if bytes.Contains(b, []byte(name)) || bytes.Contains(b, []byte(base64.StdEncoding.EncodeToString([]byte(name)))) {
			t.Errorf("the ledger shows %q", name)
		}
	}

	// Changes of one record take each other's place; many at once share a record.
	before := ledger(t, db).Entries
	for range 5 {
		run(t, db, func(tx *store.Tx) error { return east.Put(tx, "often", &key{}) })
	}
	for range 2 {
		run(t, db, func(tx *store.Tx) error {
			for i := range 700 {
				if err := east.Put(tx, fmt.Sprint("many", i), &key{}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if n := ledger(t, db).Entries - before; n != 701 {
		t.Errorf("%d entries", n)
	}
	if err := Prune(context.Background(), db, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if l := ledger(t, db); l.Entries != 0 || l.From.IsZero() {
		t.Errorf("after pruning: %d entries, from %v", l.Entries, l.From)
	}
}

func TestKeys(t *testing.T) {
	id := identity(t)
	again, err := ParseIdentity("# kept in the safe\n\n" + id.Secret() + "\n")
	if err != nil || again.Secret() != id.Secret() {
		t.Fatal(err)
	}
	r, err := ParseRecipient(id.Recipient().String())
	if err != nil || r.String() != id.Recipient().String() || r.Fingerprint() != id.Recipient().Fingerprint() {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "#", "hello", id.Secret(), id.Recipient().String()[:200], strings.Replace(r.String(), "A", "B", 1)} {
		if _, err := ParseRecipient(bad); err == nil {
			t.Errorf("parsed %.60q", bad)
		} else if strings.Contains(err.Error(), id.Secret()[30:]) {
			t.Error("the error shows the secret")
		}
	}
	if s := fmt.Sprint(id, *id); strings.Contains(s, id.Secret()[len(identityText):][:20]) {
		t.Error("printing an identity shows its secret")
	}
}

func TestSave(t *testing.T) {
	db, id := newDB(t), identity(t)
	b := write(t, db, id)
	path := filepath.Join(t.TempDir(), "backup")
	if n, err := Save(path, bytes.NewReader(b)); err != nil || n != int64(len(b)) {
		t.Fatal(n, err)
	}
	got, _ := os.ReadFile(path)
	fi, _ := os.Stat(path)
	if !bytes.Equal(got, b) || fi.Mode().Perm() != 0o600 {
		t.Errorf("%d bytes, mode %v", len(got), fi.Mode())
	}
	if _, err := Save(path, bytes.NewReader(b)); err == nil {
		t.Error("overwritten")
	}
	if _, err := Save(path+"2", bytes.NewReader(b[:len(b)-1])); !errors.Is(err, ErrCut) {
		t.Errorf("a download that broke off: %v", err)
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
}

func FuzzReaders(f *testing.F) {
	id, err := Keygen()
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	s, _ := newSealer(&b, id.Recipient())
	w, _ := newRecordWriter(s, Summary{Installation: "i"})
	w.put(store.KV{Key: "k", Value: []byte("v"), Rev: 3})
	w.close()
	s.Close()
	f.Add(b.Bytes(), []byte(`{"redoubtLedger":1,"installation":"x"}`+"\n"+`{"rev":3,"time":"2026-01-02T03:04:05Z"}`+"\n"))
	f.Fuzz(func(t *testing.T, stream, ledger []byte) {
		Verify(bytes.NewReader(stream), id)
		Complete(bytes.NewReader(stream))
		ReadLedger(bytes.NewReader(ledger))
		// Behind the encryption, as if whoever wrote it were mad.
		if rr, err := newRecordReader(bytes.NewReader(stream)); err == nil {
			for {
				if _, err := rr.next(); err != nil {
					if err == io.EOF {
						break
					}
					break
				}
			}
			rr.close()
		}
	})
}
