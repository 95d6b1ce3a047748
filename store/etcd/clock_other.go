//go:build !linux

package etcd

import "time"

var start = time.Now()

// now is Go's monotonic clock. Where it stands still while the machine sleeps, a
// machine that sleeps must not be a node of a cluster.
func now() time.Duration { return time.Since(start) }
