package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/storetest"
)

func TestContract(t *testing.T) {
	dirs := map[store.Backend]string{}
	at := func(t testing.TB, dir string) store.Backend {
		b, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		dirs[b] = dir
		return b
	}
	storetest.Run(t, storetest.Suite{
		Open: func(t testing.TB) store.Backend { return at(t, filepath.Join(t.TempDir(), "store")) },
		Reopen: func(t testing.TB, b store.Backend) store.Backend {
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			return at(t, dirs[b])
		},
	})
}

func TestDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	b, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 { // enough for tables, too
		_, err := b.Commit(context.Background(), store.Commit{Writes: []store.Write{{Key: fmt.Sprint(i), Value: make([]byte, 5000)}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // removed meanwhile
		}
		fi, err := d.Info()
		if err != nil {
			return nil
		}
		if n++; fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %04o", path, fi.Mode().Perm())
		}
		return nil
	})
	if n < 6 {
		t.Errorf("only %d files", n)
	}

	t.Run("in use", func(t *testing.T) {
		_, err := Open(dir, Options{})
		if err == nil || !strings.Contains(err.Error(), "in use") {
			t.Errorf("opened twice: %v", err)
		}
	})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	t.Run("open to others", func(t *testing.T) {
		os.Chmod(dir, 0o750)
		defer os.Chmod(dir, 0o700)
		_, err := Open(dir, Options{})
		if err == nil || !strings.Contains(err.Error(), "chmod 700") {
			t.Errorf("opened: %v", err)
		}
	})
	t.Run("newer format", func(t *testing.T) {
		name := filepath.Join(dir, "FORMAT")
		was, _ := os.ReadFile(name)
		defer os.WriteFile(name, was, 0o600)
		for text, want := range map[string]string{"redoubt store, format 3\n": "format 3", "something\n": "none of ours"} {
			os.WriteFile(name, []byte(text), 0o600)
			_, err := Open(dir, Options{})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("opened %q: %v", text, err)
			}
		}
		os.Remove(name)
		if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "missing") {
			t.Errorf("opened without FORMAT: %v", err)
		}
	})
	t.Run("records gone", func(t *testing.T) {
		records := filepath.Join(dir, "records-2")
		os.Rename(records, records+".moved")
		defer os.Rename(records+".moved", records)
		if _, err := Open(dir, Options{}); err == nil {
			t.Error("opened without its records")
		}
		os.RemoveAll(records) // what the attempt may have left
	})
	t.Run("making interrupted", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "store")
		os.MkdirAll(filepath.Join(dir, "records-2", "half"), 0o700)
		os.Chmod(dir, 0o700)
		os.WriteFile(filepath.Join(dir, "FORMAT"), []byte("redoubt store, format 2, being made\n"), 0o600)
		for range 2 {
			b, err := Open(dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			b.Close()
		}
		if b, _ := os.ReadFile(filepath.Join(dir, "FORMAT")); string(b) != "redoubt store, format 2\n" {
			t.Errorf("FORMAT says %q", b)
		}
	})
	t.Run("link", func(t *testing.T) {
		name := filepath.Join(dir, "FORMAT")
		os.Rename(name, name+".real")
		os.Symlink("FORMAT.real", name)
		defer os.Rename(name+".real", name)
		if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("opened: %v", err)
		}
	})
	if b, err = Open(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	b.Close()
}

// A directory of format 1 opens with all its records, and an upgrade that is cut
// short anywhere can be done again.
func TestUpgrade(t *testing.T) {
	mem := vfs.NewCrashableMem()
	fail := newFailure(nil)
	if err := makeDir(files{mem}, "/d"); err != nil {
		t.Fatal(err)
	}
	if err := writeFormat(files{mem}, "/d", 1, false); err != nil {
		t.Fatal(err)
	}
	old, err := pebble.Open("/d/records-1", options(files{mem}, fail))
	if err != nil {
		t.Fatal(err)
	}
	value := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 4000) }
	const n = 2000
	for i := range n {
		old.Set(fmt.Appendf(nil, "rows/%04d", i), value(i), pebble.NoSync)
	}
	old.Set([]byte("\x00rev"), []byte{0, 0, 0, 0, 0, 0, 1, 0}, pebble.Sync)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}

	// Cut short: what is synced at random moments of the upgrade opens again.
	cut := make(chan *vfs.MemFS, 1)
	stop := make(chan struct{})
	go func() {
		var clone *vfs.MemFS
		for range 40 {
			select {
			case <-stop:
			case <-time.After(time.Duration(rand.Int64N(int64(5 * time.Millisecond)))):
				clone = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))})
				if rand.IntN(4) > 0 {
					continue
				}
			}
			break
		}
		cut <- clone
	}()
	check := func(m *vfs.MemFS) {
		t.Helper()
		b, err := open("/d", Options{}, m)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		i := 0
		for kv, err := range b.Scan(store.Range{}, false) {
			if err != nil || kv.Key != fmt.Sprintf("rows/%04d", i) || kv.Rev != 256 || !bytes.Equal(kv.Value, value(i)) {
				t.Fatalf("record %d: %q at %d, %v", i, kv.Key, kv.Rev, err)
			}
			i++
		}
		if i != n || b.Revision() != 256 {
			t.Fatalf("%d records at revision %d", i, b.Revision())
		}
		if names, _ := m.List("/d"); fmt.Sprint(names) == "" || strings.Contains(fmt.Sprint(names), "records-1") {
			t.Errorf("left behind: %v", names)
		}
		if rev, err := b.Commit(context.Background(), store.Commit{Writes: []store.Write{{Key: "x", Value: []byte("1")}}}); err != nil || rev != 257 {
			t.Errorf("commit: %d, %v", rev, err)
		}
	}
	check(mem)
	close(stop)
	if m := <-cut; m != nil {
		check(m)
	}
}

// faulty is a file system whose log files fail to sync from some moment on.
type faulty struct {
	vfs.FS
	broken *atomic.Bool
	syncs  *atomic.Int64 // after the break
}

type faultyFile struct {
	vfs.File
	of faulty
}

func (f faulty) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, c)
	if err == nil && strings.HasSuffix(name, ".log") {
		return faultyFile{file, f}, nil
	}
	return file, err
}

func (f faultyFile) sync(s func() error) error {
	if f.of.broken.Load() {
		f.of.syncs.Add(1)
		return errors.New("input/output error")
	}
	return s()
}

func (f faultyFile) Sync() error     { return f.sync(f.File.Sync) }
func (f faultyFile) SyncData() error { return f.sync(f.File.SyncData) }
func (f faultyFile) SyncTo(n int64) (bool, error) {
	return true, f.sync(func() error { _, err := f.File.SyncTo(n); return err })
}

// After an fsync has failed, nothing is acknowledged and nothing read, although
// later fsyncs would succeed; what was acknowledged before is there after a
// restart.
func TestFsyncFails(t *testing.T) {
	mem := vfs.NewCrashableMem()
	disk := faulty{mem, new(atomic.Bool), new(atomic.Int64)}
	b, err := open("/d", Options{}, disk)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	put := func(k string) error {
		_, err := b.Commit(ctx, store.Commit{ReadRev: b.Revision(), Keys: []string{k}, Writes: []store.Write{{Key: k, Value: []byte("v")}}})
		return err
	}
	if err := put("before"); err != nil {
		t.Fatal(err)
	}
	watched := make(chan error, 1)
	go func() {
		for _, err := range b.Watch(ctx, "none", b.Revision()) {
			watched <- err
			return
		}
	}()
	time.Sleep(10 * time.Millisecond)
	disk.broken.Store(true)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := put(fmt.Sprint("during", i)); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("commit on a broken disk: %v", err)
			}
		})
	}
	wg.Wait()
	if err := <-watched; !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("watch: %v", err)
	}
	disk.broken.Store(false)
	if err := put("after"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("commit after the disk came back: %v", err)
	}
	if _, _, err := b.Get("before"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("get: %v", err)
	}
	if err := b.Ready(); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("ready: %v", err)
	}
	if _, err := b.Commit(ctx, store.Commit{Keys: []string{"before"}}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("check: %v", err)
	}
	for _, err := range b.Scan(store.Range{}, false) {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("scan: %v", err)
		}
	}
	if err := b.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	again, err := open("/d", Options{}, mem.CrashClone(vfs.CrashCloneCfg{}))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, ok, err := again.Get("before"); !ok || err != nil {
		t.Errorf("acknowledged before the failure: %v, %v", ok, err)
	}
}

// Power fails while clients write: what was acknowledged at that moment is there,
// whatever of the rest reached the disk, and no commit is there in part.
func TestPowerLoss(t *testing.T) {
	for round := range 5 {
		mem := vfs.NewCrashableMem()
		b, err := open("/d", Options{}, mem)
		if err != nil {
			t.Fatal(err)
		}
		var acked [16]atomic.Int64
		var stop atomic.Bool
		var wg sync.WaitGroup
		for c := range acked {
			wg.Go(func() {
				for n := 1; !stop.Load(); n++ {
					v := fmt.Append(nil, n)
					_, err := b.Commit(context.Background(), store.Commit{Writes: []store.Write{
						{Key: fmt.Sprintf("a%d", c), Value: v}, {Key: fmt.Sprintf("b%d", c), Value: v}}})
					if err != nil {
						t.Errorf("commit: %v", err)
						return
					}
					acked[c].Store(int64(n))
				}
			})
		}
		time.Sleep(time.Duration(20+round*10) * time.Millisecond)
		var least [16]int64
		for c := range acked {
			least[c] = acked[c].Load()
		}
		rev := b.Revision()
		after := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: round * 25, RNG: rand.New(rand.NewPCG(uint64(round), 1))})
		stop.Store(true)
		wg.Wait()
		b.Close()

		again, err := open("/d", Options{}, after)
		if err != nil {
			t.Fatal(err)
		}
		if again.Revision() < rev {
			t.Errorf("revision %d, was %d", again.Revision(), rev)
		}
		for c := range acked {
			x, _, err := again.Get(fmt.Sprintf("a%d", c))
			if err != nil {
				t.Fatal(err)
			}
			y, _, _ := again.Get(fmt.Sprintf("b%d", c))
			var n int64
			fmt.Sscan(string(x.Value), &n)
			if n < least[c] || string(x.Value) != string(y.Value) || x.Rev != y.Rev {
				t.Errorf("client %d: %q and %q, %d was acknowledged", c, x.Value, y.Value, least[c])
			}
		}
		again.Close()
	}
}
