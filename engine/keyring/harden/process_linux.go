package harden

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Process switches core dumps off (RLIMIT_CORE 0, PR_SET_DUMPABLE 0, which also
// keeps other users' and this user's debuggers and /proc/PID/mem away). It
// answers, in words for the log, what the kernel refused.
func Process() (gaps []string) {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		gaps = append(gaps, fmt.Sprintf("core dumps are not limited (RLIMIT_CORE): %v", err))
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		gaps = append(gaps, fmt.Sprintf("the process can be dumped and traced (PR_SET_DUMPABLE): %v", err))
	}
	if !Erases {
		gaps = append(gaps, "working copies of keys on the heap are erased only by reuse: built without GOEXPERIMENT=runtimesecret")
	}
	return gaps
}
