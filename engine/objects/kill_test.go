package objects

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/blob/files"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/pebble"
)

// The environment that turns the test binary into the victim.
const victimDir = "REDOUBT_TEST_OBJECTS_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		victim(dir)
	}
	os.Exit(m.Run())
}

// lasting opens an object store on a directory.
func lasting(dir string) (*world, func(), error) {
	backend, err := pebble.Open(filepath.Join(dir, "store"), pebble.Options{})
	if err != nil {
		return nil, nil, err
	}
	db := store.Open(backend, 0)
	blobs, err := files.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, nil, err
	}
	keys, err := keyring.Open(context.Background(), db, keyring.NewFileSeal(filepath.Join(dir, "seal.key")), redoubt.Wall{})
	if err != nil {
		return nil, nil, err
	}
	w := &world{dir: dir, bucket: "thebucket"}
	w.Store = New(Deps{DB: db, Blobs: blobs, Keys: keys, Clock: redoubt.Wall{}, Alone: true})
	return w, func() { keys.Close(); blobs.Close(); db.Close() }, nil
}

// victim does all kinds of things from many clients until it is killed. It says
// what it begins, "begin KEY SEED SIZE", size -1 for a deletion, and what was
// acknowledged, "done KEY". Each client has keys of its own.
func victim(dir string) {
	w, _, err := lasting(dir)
	if err == nil {
		err = w.do(func(ctx context.Context) error {
			if has, err := buckets.Has(store.From(ctx), w.bucket); has || err != nil {
				return err
			}
			return w.MakeBucket(ctx, w.bucket)
		})
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	w.minPart = 0
	go w.Run(context.Background())
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format, args...) // straight to the pipe, one write a line
	}
	for c := range 12 {
		go func() {
			for {
				key, seed := fmt.Sprintf("%d/%d", c, rand.IntN(6)), rand.Uint64N(1<<24)
				size, what := []int{0, 500, 30_000, 200_000, 1 << 20}[rand.IntN(5)], rand.IntN(8)
				if what == 0 {
					size = -1
				}
				say("begin %s %d %d\n", key, seed, size)
				var err error
				switch {
				case what == 0:
					err = w.do(func(ctx context.Context) error {
						_, err := w.Delete(ctx, Delete{Bucket: w.bucket, Key: key})
						return err
					})
				case what < 3:
					err = w.uploadParts(key, random(size, seed))
				default:
					_, err = w.putAs(key, random(size, seed), NewObject{Size: -1}, Put{})
				}
				if err != nil {
					say("error %v\n", err)
				}
				say("done %s\n", key)
			}
		}()
	}
	select {}
}

// uploadParts uploads data in three parts, and begins another upload in vain.
func (w *world) uploadParts(key string, data []byte) error {
	var list [2]*Upload
	err := w.do(func(ctx context.Context) (err error) {
		for i := range list {
			list[i], err = w.StartUpload(ctx, NewUpload{Bucket: w.bucket, Key: key, Encryption: Encryption{Kind: SSES3}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := w.part(list[1], 1, data, nil); err != nil {
		return err
	}
	var chosen []Chosen
	for n := 1; n <= 3; n++ {
		cut := len(data) / 3
		if n == 3 {
			cut = len(data)
		}
		p, err := w.part(list[0], n, data[:cut], nil)
		if err != nil {
			return err
		}
		data = data[cut:]
		chosen = append(chosen, Chosen{Number: n, ETag: p.ETag})
	}
	if err := w.do(func(ctx context.Context) error { return w.AbortUpload(ctx, w.bucket, key, list[1].ID) }); err != nil {
		return err
	}
	_, err = w.complete(Complete{Key: key, Upload: list[0].ID, Parts: chosen})
	return err
}

// content is what a key holds: "SEED SIZE", or "" for nothing.
type content string

func (w *world) holds(key string, c content) (bool, error) {
	got, err := w.get(key, "")
	if errors.Is(err, ErrNoKey) {
		return c == "", nil
	}
	if err != nil || c == "" {
		return false, err
	}
	var seed uint64
	var size int
	fmt.Sscan(string(c), &seed, &size)
	return len(got) == size && bytes.Equal(got, random(size, seed)), nil
}

// TestKill kills a process under mixed load again and again. What it acknowledged
// is there; everything is authentic; and once the garbage is collected, nothing is
// left that nothing refers to.
func TestKill(t *testing.T) {
	deadline, least := time.Now().Add(3*time.Second), 3
	if v := os.Getenv("REDOUBT_SOAK"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			d = 10 * time.Minute
		}
		deadline = time.Now().Add(d)
	} else if testing.Short() {
		t.Skip("short")
	}
	dir := t.TempDir()
	acked := map[string]content{}
	total, rounds := 0, 0
	for ; rounds < least || time.Now().Before(deadline); rounds++ {
		begun := map[string]content{} // and not acknowledged
		err := killOnce(dir, time.Duration(50+rand.IntN(500))*time.Millisecond, func(line string) {
			word := strings.SplitN(line, " ", 3)
			switch {
			case word[0] == "done":
				acked[word[1]] = begun[word[1]]
				delete(begun, word[1])
				total++
			case strings.HasSuffix(line, " -1"):
				begun[word[1]] = ""
			default:
				begun[word[1]] = content(word[2])
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		w, done, err := lasting(dir)
		if err != nil {
			t.Fatalf("after %d kills: %v", rounds+1, err)
		}
		w.t = t
		if err := w.bury(context.Background(), map[string]sign{}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Blobs.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		// Uploads under way at the kill are still there, as they should be.
		p, err := w.ListUploads(context.Background(), Query{Bucket: w.bucket, Most: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range p.Items {
			w.tx(func(ctx context.Context) error { return w.AbortUpload(ctx, u.Bucket, u.Key, u.ID) })
		}
		w.clean()
		for key, c := range begun { // it may have happened without its answer getting out
			if ok, err := w.holds(key, c); err != nil {
				t.Errorf("%q: %v", key, err)
			} else if ok {
				acked[key] = c
			}
		}
		for key, c := range acked {
			if ok, err := w.holds(key, c); err != nil || !ok {
				t.Errorf("round %d: %q does not hold %q, which was acknowledged: %v", rounds, key, c, err)
			}
		}
		done()
	}
	if total < 20 {
		t.Errorf("only %d things were done in %d rounds", total, rounds)
	}
	t.Logf("%d kills, %d acknowledged", rounds, total)
}

// killOnce runs a victim for a while, counted from its first word, kills it, and
// hands on what it said.
func killOnce(dir string, after time.Duration, said func(line string)) error {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var once sync.Once
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // a torn last line was never read as an answer
		}
		if err != nil || strings.HasPrefix(line, "error") {
			cmd.Process.Kill()
			return fmt.Errorf("victim: %s %w", line, err)
		}
		once.Do(func() { time.AfterFunc(after, func() { cmd.Process.Kill() }) })
		said(strings.TrimSpace(line))
	}
	cmd.Wait()
	return nil
}
