package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// While calls come, the collector may let the heap grow to four times what lives,
// instead of two: what lives is small, and every collection looks through the
// tables of all services too. What that takes is given back when calls stop.
// GOGC and GOMEMLIMIT in the environment count as always.
const (
	busyGC    = 300
	idleCheck = 15 * time.Second
	idleBytes = 8 << 20 // allocated between two checks by a server that does nothing much
)

// tendMemory sets the collector up and tends it until ctx ends.
func tendMemory(ctx context.Context) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(busyGC)
	}
	tick := time.NewTicker(idleCheck)
	defer tick.Stop()
	last, held := uint64(0), true // what starting took is held
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := allocated()
		switch idle := now-last < idleBytes; {
		case idle && held:
			debug.FreeOSMemory()
			held = false
		case !idle:
			held = true
		}
		last = now
	}
}

// allocated is how many bytes the heap has handed out since the start.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
