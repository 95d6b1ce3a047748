package functions

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// watchEvery is how often a sandbox looks at the memory that is in use. Between
// two looks RLIMIT_DATA bounds what a process can take.
const watchEvery = 25 * time.Millisecond

// watch bounds the memory of all processes of a sandbox together.
type watch struct {
	limit   int // MiB
	highest atomic.Int64
	full    atomic.Bool
}

// peak is the most that was in use, in MiB, at most the limit as AWS reports it.
func (w *watch) peak() int {
	p := int(w.highest.Load() >> 20)
	if w.limit > 0 {
		p = min(p, w.limit)
	}
	return p
}

// look adds up what the processes use, and reports whether it is too much.
func (w *watch) look(pids []int) bool {
	var total, own int64
	for _, pid := range pids {
		resident, private := statm(pid)
		total += resident
		own += private
	}
	if total > w.highest.Load() {
		w.highest.Store(total)
	}
	if own <= int64(w.limit)<<20 {
		return false
	}
	// Processes that were forked share pages, which were counted for each. The
	// kernel's proportional count is exact, but too slow to ask for every time.
	var exact int64
	for _, pid := range pids {
		exact += proportional(pid)
	}
	if exact <= int64(w.limit)<<20 {
		return false
	}
	w.full.Store(true)
	return true
}

var pageSize = int64(os.Getpagesize())

// statm answers the resident bytes of a process, and those of them that no file
// backs (proc(5)).
func statm(pid int) (resident, private int64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, 0
	}
	f := bytes.Fields(b)
	if len(f) < 3 {
		return 0, 0
	}
	r, _ := strconv.ParseInt(string(f[1]), 10, 64)
	s, _ := strconv.ParseInt(string(f[2]), 10, 64)
	return r * pageSize, (r - s) * pageSize
}

// proportional answers the bytes of a process that no file backs, pages that
// several processes share divided among them.
func proportional(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("Pss_Anon:")); ok {
			kb, _ := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
			return kb << 10
		}
	}
	return 0
}

// processes lists the processes of the sandbox but this one.
func (b *sandbox) processes() []int {
	self := os.Getpid()
	names, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	parents := map[int]int{}
	var all []int
	for _, n := range names {
		pid, err := strconv.Atoi(n.Name())
		if err != nil || pid == self {
			continue
		}
		all = append(all, pid)
		if !b.spec.Confined {
			parents[pid] = parent(pid)
		}
	}
	if b.spec.Confined {
		return all
	}
	var below []int
	for _, pid := range all {
		for p := pid; p > 1; p = parents[p] {
			if p == self {
				below = append(below, pid)
				break
			}
		}
	}
	return below
}

// parent answers the parent of a process that is no zombie, else 0.
func parent(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 2 || f[0][0] == 'Z' {
		return 0
	}
	p, _ := strconv.Atoi(string(f[1]))
	return p
}
