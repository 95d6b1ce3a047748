package keyring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/store"
)

var ctx = context.Background()

type secretRecord struct {
	Sealed []byte
	Other  string
}

var secrets = store.RegionalTable[secretRecord]("test.secret")

// keep stores n sealed records and registers their owner.
func keep(t testing.TB, k *Keyring, n int) {
	t.Helper()
	for i := range n {
		put(t, k, fmt.Sprint("record ", i))
	}
	own(k)
}

func own(k *Keyring) {
	k.Register(Records("test.secret", secrets.All(), func(id string, rec *secretRecord) (bool, error) {
		_, _, id = secrets.Split(id)
		sealed, changed, err := k.Renew("test", []byte(id), rec.Sealed)
		if err != nil {
			return false, err
		}
		rec.Sealed = sealed
		return changed, nil
	}))
}

func put(t testing.TB, k *Keyring, id string) {
	t.Helper()
	blob := seal(t, k, "test", id, "secret of "+id)
	err := k.db.Run(ctx, func(ctx context.Context) error {
		return secrets.In("123456789012", "eu-west-1").Put(store.From(ctx), id, &secretRecord{blob, "other"})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantAll checks that every record opens, and answers how many are under gen.
func wantAll(t testing.TB, k *Keyring, gen uint32) (under int) {
	t.Helper()
	for row, err := range secrets.In("123456789012", "eu-west-1").Scan(k.db.Begin(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		wantOpens(t, k, "test", row.ID, row.Value.Sealed, "secret of "+row.ID)
		if g, _ := Generation(row.Value.Sealed); g == gen {
			under++
		}
	}
	return under
}

func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: ", what)
		}
	}
}

func wraps(t testing.TB, k *Keyring) (kinds []string) {
	t.Helper()
	records, err := k.records(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records {
		for _, w := range rec.Wraps {
			kinds = append(kinds, fmt.Sprint(rec.Generation, w.Kind))
		}
	}
	return kinds
}

func passphrase(t testing.TB, phrase string) *PassphraseSeal {
	return &PassphraseSeal{func() ([]byte, error) { return []byte(phrase), nil }}
}

func TestRotateSeal(t *testing.T) {
	db := newDB(t)
	old := fileSeal(t)
	k := open(t, db, old)
	blob := seal(t, k, "p", "", "x")
	if err := k.RotateSeal(ctx, passphrase(t, "correct horse"), false); err != nil {
		t.Fatal(err)
	}
	wantOpens(t, k, "p", "", blob, "x")
	if s := k.Status(); s.Sealed || s.Seal != "passphrase" || s.Generation != 1 {
		t.Errorf("status %+v", s)
	}
	if got := strings.Join(wraps(t, k), " "); got != "1passphrase" {
		t.Errorf("wraps %q", got)
	}
	if rot, err := k.Rotation(ctx); rot != nil || err != nil {
		t.Error(rot, err)
	}
	wantOpens(t, open(t, db, passphrase(t, "correct horse")), "p", "", blob, "x")
	if !open(t, db, passphrase(t, "wrong horse")).Status().Sealed {
		t.Error("a wrong passphrase unseals")
	}
	if !open(t, db, old).Status().Sealed {
		t.Error("the old seal still unseals")
	}
	// And once more.
	if err := k.RotateSeal(ctx, fileSeal(t), false); err != nil {
		t.Fatal(err)
	}
	wantOpens(t, k, "p", "", blob, "x")
}

// brokenSeal wraps what does not open again.
type brokenSeal struct{ *FileSeal }

func (brokenSeal) Unwrap(context.Context, Wrap, []byte) ([]byte, error) {
	return make([]byte, rootSize), nil
}

func TestNewSealMustProveItself(t *testing.T) {
	db := newDB(t)
	s := fileSeal(t)
	k := open(t, db, s)
	blob := seal(t, k, "p", "", "x")
	if err := k.RotateSeal(ctx, brokenSeal{fileSeal(t)}, true); err == nil {
		t.Fatal("a seal that does not open was taken")
	}
	wantOpens(t, k, "p", "", blob, "x")
	wantOpens(t, open(t, db, s), "p", "", blob, "x")
	if got := strings.Join(wraps(t, k), " "); got != "1file" {
		t.Errorf("wraps %q", got)
	}
}

func TestRotateRoot(t *testing.T) {
	db := newDB(t)
	clock := redoubt.NewFixed(day)
	k := open(t, db, fileSeal(t))
	k.clock = clock
	keep(t, k, 3*batch/2)
	mac, _ := k.MAC("token", []byte("t"))
	session := seal(t, k, "session", "", "s")
	run(t, k)

	next := fileSeal(t)
	if err := k.RotateSeal(ctx, next, true); err != nil {
		t.Fatal(err)
	}
	if g := k.Status().Generation; g != 2 {
		t.Errorf("generation %d", g)
	}
	wantErr(t, k.RotateSeal(ctx, next, true), ErrRotating)
	until(t, "all records under the new root key", func() bool { return wantAll(t, k, 2) == 3*batch/2 })
	until(t, "a clean pass", func() bool {
		rot, err := k.rotation(ctx)
		return err == nil && rot.Clean
	})
	rot, err := k.Rotation(ctx)
	if err != nil || rot.From != 1 || rot.To != 2 || rot.Resealed != 3*batch/2 || len(rot.Waiting) > 0 {
		t.Errorf("rotation %+v, %v", rot, err)
	}
	// What clients hold under the old root key goes on for 36 hours.
	if err := k.VerifyMAC("token", []byte("t"), mac); err != nil {
		t.Error(err)
	}
	wantOpens(t, k, "session", "", session, "s")
	clock.Advance(36*time.Hour - time.Second)
	k.wakeUp()
	time.Sleep(50 * time.Millisecond)
	wantOpens(t, k, "session", "", session, "s")
	clock.Advance(time.Second)
	k.wakeUp()
	until(t, "the old root key destroyed", func() bool {
		rot, err := k.Rotation(ctx)
		return rot == nil && err == nil
	})
	until(t, "the old root key forgotten", func() bool { return k.roots.Load().keys[1] == nil })
	_, err = k.Open("session", nil, session)
	wantErr(t, err, ErrDamaged)
	wantErr(t, k.VerifyMAC("token", []byte("t"), mac), ErrDamaged)
	wantAll(t, k, 2)
	if got := strings.Join(wraps(t, k), " "); got != "2file" {
		t.Errorf("wraps %q", got)
	}
	wantAll(t, open(t, db, next), 2)
}

func TestRotateRootResumesAfterRestart(t *testing.T) {
	db := newDB(t)
	s := fileSeal(t)
	k := open(t, db, s)
	keep(t, k, batch+10)
	if err := k.RotateSeal(ctx, nil, true); err != nil {
		t.Fatal(err)
	}
	// Two steps of the work, then the server is gone.
	for range 2 {
		if _, err := k.reseal(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if n := wantAll(t, k, 2); n != batch {
		t.Fatalf("%d records under the new root key", n)
	}
	k.Close()

	k = open(t, db, s)
	own(k)
	k.node = "next"
	if err := k.DestroyNow(ctx); err != nil {
		t.Fatal(err)
	}
	if err := k.edit(ctx, must(k.rotation(ctx)).ID, func(_ *store.Tx, rot *rotationRecord) error {
		rot.Beat = rot.Beat.Add(-stale) // the dead server's last step
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	run(t, k)
	until(t, "the rotation's end", func() bool { return must(k.Rotation(ctx)) == nil })
	if n := wantAll(t, k, 2); n != batch+10 {
		t.Errorf("%d records under the new root key", n)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A root key is not destroyed while anything in the store is under it, even if
// its owner has not registered.
func TestForgottenOwnerBlocksDestruction(t *testing.T) {
	k := open(t, newDB(t), fileSeal(t))
	put(t, k, "orphan")
	if err := k.RotateSeal(ctx, nil, true); err != nil {
		t.Fatal(err)
	}
	if err := k.DestroyNow(ctx); err != nil {
		t.Fatal(err)
	}
	run(t, k)
	until(t, "blocked", func() bool {
		return strings.Join(must(k.Rotation(ctx)).Blocked, " ") == "test.secret"
	})
	time.Sleep(100 * time.Millisecond) // further attempts
	wantAll(t, k, 1)
	// With the owner there it ends.
	own(k)
	until(t, "the rotation's end", func() bool { return must(k.Rotation(ctx)) == nil })
	if wantAll(t, k, 2) != 1 {
		t.Error("the record is not under the new root key")
	}
}

// Writers never notice a rotation.
func TestRotateUnderLoad(t *testing.T) {
	db := newDB(t)
	k := open(t, db, fileSeal(t))
	k.times.settle = time.Second // no writer below takes longer from Seal to commit
	keep(t, k, 50)
	run(t, k)
	var stop atomic.Bool
	done := make(chan error)
	for w := range 4 {
		go func() {
			for i := 0; !stop.Load(); i++ {
				id := fmt.Sprint("writer ", w, " ", i%20)
				blob, err := k.Seal("test", []byte(id), []byte("secret of "+id))
				if err == nil {
					_, err = k.Open("test", []byte(id), blob)
				}
				if err == nil {
					err = db.Run(ctx, func(ctx context.Context) error {
						return secrets.In("123456789012", "eu-west-1").Put(store.From(ctx), id, &secretRecord{blob, ""})
					})
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 3 {
		if err := k.RotateSeal(ctx, fileSeal(t), true); err != nil {
			t.Fatal(err)
		}
		if err := k.DestroyNow(ctx); err != nil {
			t.Fatal(err)
		}
		until(t, "the rotation's end", func() bool { return must(k.Rotation(ctx)) == nil })
	}
	stop.Store(true)
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if k.Status().Generation != 4 || wantAll(t, k, 4) < 50 {
		t.Error("records left behind")
	}
}

func TestEveryServerProvesTheNewSeal(t *testing.T) {
	db := newDB(t)
	first := fileSeal(t)
	a, b := open(t, db, first), open(t, db, first)
	own(a)
	own(b)
	run(t, a)
	run(t, b)
	put(t, a, "record")
	registered := func(n int) func() bool {
		return func() bool {
			count := 0
			db.Run(ctx, func(ctx context.Context) error {
				count = 0
				for range nodeTable.Rows().Scan(store.From(ctx), store.Query{}) {
					count++
				}
				return nil
			})
			return count == n
		}
	}
	until(t, "both registered", registered(2))

	// b does not know the new seal: nothing changes.
	second := fileSeal(t)
	err := a.RotateSeal(ctx, second, true)
	if err == nil || !strings.Contains(err.Error(), b.node) {
		t.Fatalf("error %v", err)
	}
	if got := strings.Join(wraps(t, a), " "); got != "1file" || a.Status().Generation != 1 {
		t.Errorf("wraps %q", got)
	}
	wantAll(t, open(t, db, first), 1)

	// Now it does.
	b.Resolve(func(_ context.Context, w Wrap) (Seal, error) { return NewFileSeal(second.path), nil })
	if err := a.RotateSeal(ctx, second, true); err != nil {
		t.Fatal(err)
	}
	// Blobs of either open at the other from the first moment.
	blob := seal(t, a, "p", "", "from a")
	wantOpens(t, b, "p", "", blob, "from a")
	until(t, "b under the new root key", func() bool { return b.Status().Generation == 2 })
	wantOpens(t, a, "p", "", seal(t, b, "p", "", "from b"), "from b")
	if b.currentSeal().(*FileSeal).path != second.path {
		t.Error("b keeps the old seal")
	}
	wantAll(t, open(t, db, second), 2)

	// A server that died holds nothing up for longer than the answer takes.
	if err := db.Run(ctx, func(ctx context.Context) error {
		return nodeTable.Rows().Put(store.From(ctx), "dead", &nodeRecord{})
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.DestroyNow(ctx); err != nil {
		t.Fatal(err)
	}
	until(t, "the rotation's end", func() bool { return must(a.Rotation(ctx)) == nil })
	if err := a.RotateSeal(ctx, second, false); err != nil {
		t.Fatal(err)
	}
	until(t, "the dead one forgotten", registered(2))
}

// A crash between the proposal and the switch leaves a store that both seals
// open, and the next rotation takes over.
func TestCrashWhileProving(t *testing.T) {
	db := newDB(t)
	first, second, third := fileSeal(t), fileSeal(t), fileSeal(t)
	k := open(t, db, first)
	blob := seal(t, k, "p", "", "x")
	rot, ws, fresh, err := k.prepare(ctx, second, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.propose(ctx, rot, ws, fresh); err != nil {
		t.Fatal(err)
	}
	k.Close()
	for _, s := range []Seal{first, second} {
		k := open(t, db, s)
		wantOpens(t, k, "p", "", blob, "x")
		if k.Status().Generation != 1 {
			t.Error("a proposal became current")
		}
	}
	k = open(t, db, second)
	wantErr(t, k.RotateSeal(ctx, third, true), ErrRotating) // perhaps it still lives
	if err := k.edit(ctx, rot.ID, func(_ *store.Tx, rot *rotationRecord) error {
		rot.Beat = rot.Beat.Add(-stale)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := k.RotateSeal(ctx, third, true); err != nil {
		t.Fatal(err)
	}
	wantOpens(t, k, "p", "", blob, "x")
	wantOpens(t, open(t, db, third), "p", "", blob, "x")
	for _, s := range []Seal{first, second} {
		if !open(t, db, s).Status().Sealed {
			t.Error("a given-up seal still opens")
		}
	}
	if errors.Is(k.DestroyNow(ctx), store.ErrNotFound) {
		t.Error("no rotation")
	}
}

// A server whose new seal needs shares holds the rotation until it has them.
func TestProposedSharesAreGathered(t *testing.T) {
	db := newDB(t)
	first := fileSeal(t)
	a, b := open(t, db, first), open(t, db, first)
	b.Resolve(func(context.Context, Wrap) (Seal, error) { return WaitForShares(), nil })
	run(t, a)
	run(t, b)
	until(t, "both registered", func() bool {
		for _, id := range []string{a.node, b.node} {
			if !must(nodeTable.Rows().Has(db.Begin(), id)) {
				return false
			}
		}
		return true
	})
	split, _ := NewShamirSeal(3, 2)
	shares := split.Shares()
	done := make(chan error)
	go func() { done <- a.RotateSeal(ctx, split, false) }()
	until(t, "b waits for shares", func() bool { return b.currentCandidate() })
	select {
	case err := <-done:
		t.Fatalf("rotated without proof: %v", err)
	case <-time.After(300 * time.Millisecond): // longer than a silent server is waited for
	}
	for _, share := range shares[1:] {
		if _, err := b.Submit(ctx, share); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	until(t, "b has the new seal", func() bool { return b.Status().Seal == "shamir" })
	wantOpens(t, b, "p", "", seal(t, a, "p", "", "x"), "x")
}

func (k *Keyring) currentCandidate() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.candidate != nil
}
