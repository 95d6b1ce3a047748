package blobtest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/blob"
)

// victimOf is the environment variable that turns a test binary into a victim.
const victimOf = "REDOUBT_TEST_BLOB_VICTIM"

// Main is TestMain of a backend's tests: it plays the victim of Kill where the
// environment says so. open opens the backend at a place that Kill was given.
func Main(m *testing.M, open func(place string) (blob.Store, error)) {
	place := os.Getenv(victimOf)
	if place == "" {
		os.Exit(m.Run())
	}
	b, err := open(place)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var mu sync.Mutex
	for c := range 8 {
		go func() {
			for i := byte(0); ; i++ {
				name, size := blob.NewName(), rand.IntN(10)*rand.IntN(400_000)
				if i%16 == byte(c) {
					size = 9 << 20 // more than one part
				}
				err := write(b, name, Data(size, i), -1)
				mu.Lock()
				if err == nil {
					fmt.Println("blob", name, size, i)
				} else {
					fmt.Println("error", err)
				}
				mu.Unlock()
			}
		}()
	}
	select {}
}

// Kill kills a process that writes to the backend at place, again and again.
// What it acknowledged is there, whole; what else is there is whole as well; after
// sweep nothing of the rest is left, which left counts.
func Kill(t *testing.T, place string, rounds int, open func(place string) (blob.Store, error), sweep func(blob.Store) error, left func() int) {
	b, err := open(place)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	type made struct {
		size int
		seed byte
	}
	acked := map[string]made{}
	for range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), victimOf+"="+place)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
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
				t.Fatal(line, err)
			}
			once.Do(func() {
				time.AfterFunc(time.Duration(20+rand.IntN(200))*time.Millisecond, func() { cmd.Process.Kill() })
			})
			var name string
			var m made
			if _, err := fmt.Sscanf(line, "blob %s %d %d", &name, &m.size, &m.seed); err != nil {
				t.Fatal(line, err)
			}
			acked[name] = m
		}
		cmd.Wait()
		for _, name := range names(t, b, "") {
			if m, ok := acked[name]; ok {
				want(t, b, name, Data(m.size, m.seed))
				continue
			}
			// Not acknowledged, but there: it must be one of those that were written.
			got, err := read(b, name, 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			whole := false
			for i := range 256 {
				if d := Data(min(len(got), 32), byte(i)); string(got[:len(d)]) == string(d) && string(got) == string(Data(len(got), byte(i))) {
					whole = true
					break
				}
			}
			if !whole {
				t.Errorf("%s is there, but not as it was written", name)
			}
			if err := b.Remove(ctx, name); err != nil {
				t.Fatal(err)
			}
		}
		for name, m := range acked {
			want(t, b, name, Data(m.size, m.seed))
		}
	}
	if len(acked) < rounds {
		t.Errorf("only %d blobs in %d rounds", len(acked), rounds)
	}
	if err := sweep(b); err != nil {
		t.Fatal(err)
	}
	if n := left(); n != 0 {
		t.Errorf("%d files or uploads of dead writers are left", n)
	}
	t.Logf("%d kills, %d blobs acknowledged", rounds, len(acked))
}
