//go:build linux

package harden

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"
)

func TestMain(m *testing.M) {
	if os.Getenv("HARDEN_CHILD") != "" {
		child()
		return
	}
	os.Exit(m.Run())
}

func child() {
	gaps := Process()
	limits, _ := os.ReadFile("/proc/self/limits")
	for line := range strings.Lines(string(limits)) {
		if strings.HasPrefix(line, "Max core file size") {
			fmt.Println("core", strings.Fields(line)[4:6])
		}
	}
	info, err := os.Stat("/proc/self/mem")
	fmt.Println("mem", info.Mode().Perm(), err)
	fmt.Println("gaps", len(gaps))
}

// A process that is not dumpable has its files in /proc given to root, and
// dumps no core.
func TestProcess(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HARDEN_CHILD=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	want := "core [0 0]\nmem -rw------- <nil>\ngaps 0\n"
	if !Erases {
		want = strings.Replace(want, "gaps 0", "gaps 1", 1)
	}
	if string(out) != want {
		t.Errorf("got %q\nwant %q", out, want)
	}
}

func TestBuffer(t *testing.T) {
	secret := []byte("a secret of 32 bytes, exactly...")
	copied := bytes.Clone(secret)
	b, err := Hold(secret)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(secret, make([]byte, 32)) {
		t.Error("the original is left")
	}
	var flags string
	ok := b.Use(func(p []byte) {
		if !bytes.Equal(p, copied) || cap(p) != 32 {
			t.Errorf("holds %q", p)
		}
		flags = vmFlags(t, uintptr(unsafe.Pointer(&p[0])))
	})
	if !ok {
		t.Error("not used")
	}
	// lo: locked, dd: not dumped, wf: wiped on fork (proc_pid_smaps(5)).
	if len(b.Gaps()) == 0 {
		for _, f := range []string{" lo ", " dd ", " wf "} {
			if !strings.Contains(flags, f) {
				t.Errorf("flags %q lack%s", flags, f)
			}
		}
	} else {
		t.Log("not done here: ", b.Gaps())
	}
	b.Destroy()
	b.Destroy()
	if b.Use(func([]byte) { t.Error("used after its end") }) || (*Buffer)(nil).Use(nil) {
		t.Error("used after its end")
	}
}

func vmFlags(t *testing.T, at uintptr) string {
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(smaps)) {
		var from, to uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			inside = from <= at && at < to
		} else if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && inside {
			return strings.TrimRight(flags, "\n") + " "
		}
	}
	t.Fatal("the buffer is in no mapping")
	return ""
}
