package functions

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A function has the share of the processors that comes with its memory, or the
// start-up says that it has none.
func TestShares(t *testing.T) {
	e := hostile(t)
	host, err := hostShares()
	if err != nil {
		notes := strings.Join(e.Capabilities().Notes, "\n")
		if !strings.Contains(notes, "processors are not divided by memory size: "+err.Error()) {
			t.Errorf("%v, and the start says %s", err, notes)
		}
		t.Logf("this host divides nothing: %v", err)
		return
	}
	for memory, want := range map[int]int{128: 128 * host.whole / 1769, 1769: host.whole, 3538: 2 * host.whole} {
		f := python(t, "def handler(e, c):\n    return 1\n")
		f.Memory = memory
		invoke(t, e, f, `{}`)
		groups, err := filepath.Glob(filepath.Join(host.above(), sharePrefix+"*"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, p := range leftovers(t) {
			pid, _, _ := strings.Cut(p, " ")
			for _, dir := range groups {
				procs, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
				share, _ := os.ReadFile(filepath.Join(dir, host.file))
				if strings.Contains("\n"+string(procs), "\n"+pid+"\n") && strings.TrimSpace(string(share)) == strconv.Itoa(want) {
					found = true
				}
			}
		}
		if !found {
			t.Errorf("no process of a function with %d MB has a share of %d", memory, want)
		}
		e.Retire(f.ARN)
		gone(t, e)
	}
}

// Where groups are looked for.
func TestFindShares(t *testing.T) {
	const (
		two    = "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
		one    = "31 24 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n32 24 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		inside = "33 24 0:27 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
	)
	for _, c := range []struct {
		name, mounts, groups string
		taken                string // the directory that can be used
		tried                string
	}{
		{"version 2", two, "0::/system.slice/redoubt.service\n", "/sys/fs/cgroup/system.slice/redoubt.service", "/sys/fs/cgroup/system.slice/redoubt.service"},
		{"version 2, delegated", two, "0::/system.slice/redoubt.service/main\n", "/sys/fs/cgroup/system.slice/redoubt.service", "/sys/fs/cgroup/system.slice/redoubt.service/main /sys/fs/cgroup/system.slice/redoubt.service"},
		{"version 2, at the root", two, "0::/\n", "", "/sys/fs/cgroup"},
		{"version 1", one, "4:memory:/x\n2:cpu,cpuacct:/user\n", "/sys/fs/cgroup/cpu,cpuacct/user", "/sys/fs/cgroup/cpu,cpuacct/user"},
		{"in a container", inside, "2:cpu:/docker/abc\n", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu"},
		{"none", "", "0::/\n", "", ""},
		{"a path that climbs", one, "2:cpu,cpuacct:/../../etc\n", "", "/sys/fs/cgroup/cpu,cpuacct/etc"},
	} {
		var tried []string
		s, err := findShares(c.mounts, c.groups, func(s *shares) error {
			tried = append(tried, s.dir)
			if s.dir == c.taken {
				return nil
			}
			return errors.New("no")
		})
		if strings.Join(tried, " ") != c.tried || (err == nil) != (c.taken != "") || err == nil && s.dir != c.taken {
			t.Errorf("%s: tried %q, %v, %v", c.name, tried, s, err)
		}
	}
}
