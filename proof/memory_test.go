//go:build linux

package proof

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// TestIdleKeyIsNotInMemory reads the memory of a server, as a core image would
// hold it, after its keys have been used and left alone.
func TestIdleKeyIsNotInMemory(t *testing.T) {
	p := launch(t, filepath.Join(t.TempDir(), "data"))
	s := p.session(t, func() {})
	time.Sleep(3 * time.Second) // keys are idle when they were not used for one
	key := s["imported key"]
	// Masked, so that what is searched for is not found where the search itself
	// wrote it down.
	patterns := map[string][]byte{"key": mask(key), "name": mask([]byte(marked))}
	back := slices.Clone(key)
	slices.Reverse(back)
	patterns["key backwards"] = mask(back)
	for _, pad := range []byte{0x36, 0x5c} { // as HMAC keeps a key
		x := slices.Clone(key)
		for i := range x {
			x[i] ^= pad
		}
		patterns[fmt.Sprintf("key, masked %x", pad)] = mask(x)
	}
	found := scanMemory(t, p.cmd.Process.Pid, patterns)
	if found["name"] == 0 {
		t.Error("the search does not find the name of an alias in the server's memory")
	}
	delete(found, "name")
	for what, n := range found {
		t.Errorf("%s: %d times in the memory of an idle server", what, n)
	}
	if own := scanMemory(t, os.Getpid(), patterns); own["key"] == 0 {
		t.Error("the search does not find the key in the memory of this process, which has it")
	}
	runtime.KeepAlive(key)
}

func mask(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = c ^ 0xa5
	}
	return out
}

// scanMemory counts the places in the writable memory of a process that hold
// each of the masked patterns.
func scanMemory(t *testing.T, pid int, patterns map[string][]byte) map[string]int {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Skip("not allowed to look at the memory of another process: ", err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Skip("not allowed to read the memory of another process: ", err)
	}
	defer mem.Close()
	const step, overlap = 1 << 22, 1 << 10
	buf := make([]byte, step+overlap)
	found := map[string]int{}
	total := 0
	for line := range bytes.Lines(maps) {
		var from, to int64
		var mode string
		if _, err := fmt.Sscanf(string(line), "%x-%x %s", &from, &to, &mode); err != nil || mode[0] != 'r' {
			continue
		}
		for at := from; at < to; at += step {
			n, _ := mem.ReadAt(buf[:min(step+overlap, to-at)], at)
			for i := range buf[:n] {
				buf[i] ^= 0xa5
			}
			total += min(n, step)
			for name, p := range patterns {
				for off := 0; ; {
					i := bytes.Index(buf[off:n], p)
					if i < 0 || off+i >= step {
						break
					}
					found[name]++
					off += i + 1
				}
			}
		}
	}
	t.Logf("searched %d MB of process %d", total>>20, pid)
	return found
}
