package functions

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// A function gets processor time by its memory, as on AWS, where 1,769 MB come with
// one processor. It is a share and no ceiling: a function whose neighbours rest runs
// as fast as the host can, and starts so. Source: Lambda Developer Guide, "Configure
// Lambda function memory".

// wholeProcessor is the memory that comes with one processor, in MiB.
const wholeProcessor = 1769

// sharePrefix begins the names of our control groups.
const sharePrefix = "redoubt-"

// shares is where control groups of functions can be made.
type shares struct {
	dir string // above them; empty: nowhere
	// file takes a group's share; whole is what stands for one processor in it, and
	// least and most are what it takes.
	file               string
	whole, least, most int
}

// The two forms of the controller (cgroups(7), kernel documentation
// "Control Group v2": cpu.weight, and "CFS Bandwidth Control": cpu.shares).
var (
	weights   = shares{file: "cpu.weight", whole: 100, least: 1, most: 10_000}
	oldShares = shares{file: "cpu.shares", whole: 1024, least: 2, most: 262_144}
)

// hostShares looks once: nothing of it changes while the program runs.
var hostShares = sync.OnceValues(func() (*shares, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	return findShares(string(mounts), string(groups), func(s *shares) error { return s.try() })
})

// findShares reads mountinfo and cgroup of proc(5). In version 2 a group that has
// processes can have none below it, so that beside its own the one above is tried,
// in which systemd's DelegateSubgroup leaves room.
func findShares(mounts, groups string, try func(*shares) error) (*shares, error) {
	own := map[string]string{} // by controllers; "" is version 2
	for line := range strings.Lines(groups) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); len(f) == 3 {
			own[f[1]] = f[2]
		}
	}
	err := errors.New("no control groups for processors are mounted")
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(strings.TrimSpace(line), " - ")
		place, kind := strings.Fields(before), strings.Fields(after)
		if len(place) < 5 || len(kind) < 3 {
			continue
		}
		root, mounted := place[3], place[4]
		var found []shares
		switch kind[0] {
		case "cgroup2":
			s := weights
			s.dir = below(mounted, root, own[""])
			found = append(found, s)
			if s.dir != mounted {
				s.dir = filepath.Dir(s.dir)
				found = append(found, s)
			}
		case "cgroup":
			for controllers, path := range own {
				for c := range strings.SplitSeq(controllers, ",") {
					if c == "cpu" && hasOption(kind[2], "cpu") {
						s := oldShares
						s.dir = below(mounted, root, path)
						found = append(found, s)
					}
				}
			}
		}
		for _, s := range found {
			if err = try(&s); err == nil {
				return &s, nil
			}
		}
	}
	return nil, err
}

// below is where a group lies under a mount that shows the hierarchy from root on.
func below(mounted, root, group string) string {
	rest, ok := strings.CutPrefix(group, strings.TrimSuffix(root, "/"))
	if !ok {
		rest = "/"
	}
	return filepath.Join(mounted, filepath.Clean("/"+rest))
}

func hasOption(options, want string) bool {
	for o := range strings.SplitSeq(options, ",") {
		if o == want {
			return true
		}
	}
	return false
}

// above is the group of all functions of this process. Together they have a share of
// every processor, so that a small function on a busy host waits for other functions
// and not for everything else.
func (s *shares) above() string {
	return filepath.Join(s.dir, sharePrefix+strconv.Itoa(os.Getpid()))
}

var makingShares sync.Mutex

// ready makes the group above.
func (s *shares) ready() error {
	makingShares.Lock()
	defer makingShares.Unlock()
	dir := s.above()
	if err := os.Mkdir(dir, 0o755); err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil
		}
		return err
	}
	err := s.set(dir, runtime.NumCPU()*wholeProcessor)
	if err == nil && s.file == weights.file {
		err = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+cpu"), 0)
	}
	if err != nil {
		os.Remove(dir)
	}
	return err
}

// sweep removes groups that nothing is in: those below dir, and dir.
func sweep(dir string) {
	inner, _ := filepath.Glob(filepath.Join(dir, sharePrefix+"*"))
	for _, d := range append(inner, dir) {
		os.Remove(d) // fails for those in use
	}
}

// try makes a group and takes it away again, and what servers that were killed left.
func (s *shares) try() error {
	left, _ := filepath.Glob(filepath.Join(s.dir, sharePrefix+"*"))
	for _, dir := range left {
		sweep(dir)
	}
	dir, err := s.group(wholeProcessor)
	if err == nil {
		os.Remove(dir)
	}
	return err
}

func (s *shares) group(memory int) (dir string, err error) {
	if err := s.ready(); err != nil {
		return "", err
	}
	if dir, err = os.MkdirTemp(s.above(), sharePrefix); err != nil {
		return "", err
	}
	if err = s.set(dir, memory); err != nil {
		os.Remove(dir)
	}
	return dir, err
}

func (s *shares) set(dir string, memory int) error {
	n := min(max(memory*s.whole/wholeProcessor, s.least), s.most)
	return os.WriteFile(filepath.Join(dir, s.file), []byte(strconv.Itoa(n)), 0)
}

// put gives a process, and what it will start, the share that comes with memory in
// MiB. The answer takes the group away once all of them have ended.
func (s *shares) put(pid, memory int) (remove func(), err error) {
	dir, err := s.group(memory)
	if err != nil {
		return nil, fmt.Errorf("share of the processors: %w", err)
	}
	remove = func() { os.Remove(dir) }
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
		remove()
		return nil, fmt.Errorf("share of the processors: %w", err)
	}
	return remove, nil
}

// endShares removes the group above once no function of this process runs.
func endShares() {
	if s, err := hostShares(); err == nil {
		sweep(s.above())
	}
}

// share gives the sandbox, which waits for its spec, its share; without one it runs
// like any other process.
func (b *box) share(memory int) {
	host, err := hostShares()
	if err != nil {
		return
	}
	remove, err := host.put(b.cmd.Process.Pid, memory)
	if err != nil {
		return // it has just ended, or groups have run out
	}
	b.unshare.Store(&remove)
	if b.hasExited() {
		remove()
	}
}
