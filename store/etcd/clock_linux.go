package etcd

import (
	"time"

	"golang.org/x/sys/unix"
)

// now is a monotonic clock that goes on while the machine sleeps, which Go's own
// does not.
func now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("etcd: no boot-time clock: " + err.Error()) // in every kernel since 2.6.39
	}
	return time.Duration(t.Nano())
}
