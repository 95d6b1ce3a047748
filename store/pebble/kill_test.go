package pebble

import (
	"bufio"
	"context"
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

	"github.com/redoubt-sec/redoubt/store"
)

// The environment that turns the test binary into the victim, and that makes the
// test a long one.
const (
	victimDir = "REDOUBT_TEST_VICTIM"
	soak      = "REDOUBT_SOAK" // a duration, or anything else for 10m
)

const killClients = 32

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		victim(dir)
	}
	os.Exit(m.Run())
}

// victim writes from many clients until it is killed, and says what was
// acknowledged: "client number" for every commit. Each client owns three records
// that are written together, and all share a counter, which conflicts.
func victim(dir string) {
	b, err := Open(dir, Options{})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	db := store.Open(b, 0)
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format, args...) // straight to the pipe, one write a line
	}
	for c := range killClients {
		go func() {
			start, err := number(b, fmt.Sprintf("a/%d", c))
			for n := start + 1; err == nil; n++ {
				err = db.Run(context.Background(), func(ctx context.Context) error {
					tx := store.From(ctx)
					v := fmt.Append(nil, n, " ", strings.Repeat("x", rand.IntN(2000)))
					for _, t := range []string{"a", "b", "c"} {
						if err := tx.Put(fmt.Sprintf("%s/%d", t, c), v); err != nil {
							return err
						}
					}
					if n%10 == 0 {
						sum, err := number(b, "sum")
						if err != nil {
							return err
						}
						if _, err := tx.Get("sum"); err != nil && sum > 0 {
							return err
						}
						return tx.Put("sum", fmt.Append(nil, sum+1))
					}
					return nil
				})
				if err == nil {
					say("%d %d\n", c, n)
				}
			}
			say("error %v\n", err)
		}()
	}
	select {}
}

// number reads the number that a record begins with.
func number(b store.Backend, key string) (int, error) {
	kv, ok, err := b.Get(key)
	n := 0
	if ok {
		fmt.Sscan(string(kv.Value), &n)
	}
	return n, err
}

// TestKill kills a writing process again and again. Nothing that it acknowledged
// is lost, nothing is there in part, everything opens.
func TestKill(t *testing.T) {
	deadline := time.Now().Add(2 * time.Second)
	if v := os.Getenv(soak); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			d = 10 * time.Minute
		}
		deadline = time.Now().Add(d)
	} else if testing.Short() {
		t.Skip("short")
	}
	dir := filepath.Join(t.TempDir(), "store")
	acked := map[int]int{}
	total, rounds := 0, 0
	for ; rounds < 2 || time.Now().Before(deadline); rounds++ {
		n, err := killOnce(dir, acked, time.Duration(50+rand.IntN(300))*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		total += n
		b, err := Open(dir, Options{})
		if err != nil {
			t.Fatalf("after %d kills: %v", rounds+1, err)
		}
		for c, least := range acked {
			var got [3]store.KV
			for i, tab := range []string{"a", "b", "c"} {
				if got[i], _, err = b.Get(fmt.Sprintf("%s/%d", tab, c)); err != nil {
					t.Fatal(err)
				}
			}
			n, _ := number(b, fmt.Sprintf("a/%d", c))
			// One more may have been written without its answer getting out.
			if n < least || n > least+1 {
				t.Errorf("client %d: %d is there, %d was acknowledged", c, n, least)
			}
			if string(got[0].Value) != string(got[1].Value) || string(got[0].Value) != string(got[2].Value) || got[0].Rev != got[2].Rev {
				t.Errorf("client %d: a commit is there in part", c)
			}
			acked[c] = n
		}
		sum, _ := number(b, "sum")
		want := 0
		for _, n := range acked {
			want += n / 10
		}
		if sum != want {
			t.Errorf("the counter says %d, the clients %d", sum, want)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if total < 100 {
		t.Errorf("only %d commits in %d rounds", total, rounds)
	}
	t.Logf("%d kills, %d acknowledged commits", rounds, total)
}

// killOnce runs a victim for a while, kills it, and notes what it acknowledged.
func killOnce(dir string, acked map[int]int, after time.Duration) (int, error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), victimDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	n := 0
	var once sync.Once
	kill := func() { cmd.Process.Kill() }
	var failed error
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // a torn last line was never read as an answer
		}
		if err != nil {
			failed = err
			break
		}
		if strings.HasPrefix(line, "error") {
			failed = fmt.Errorf("victim: %s", line)
			break
		}
		once.Do(func() { time.AfterFunc(after, kill) }) // counted from its first answer
		var client, number int
		fmt.Sscan(line, &client, &number)
		acked[client] = max(acked[client], number)
		n++
	}
	kill()
	cmd.Wait()
	return n, failed
}
