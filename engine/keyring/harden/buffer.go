package harden

import (
	"runtime"
	"sync"
)

// Buffer is a piece of memory outside the Go heap for one long-lived secret. It
// never moves, so that no copies of it stay behind.
type Buffer struct {
	mu    sync.RWMutex
	mem   []byte // whole pages
	size  int
	gaps  []string
	clean runtime.Cleanup
}

// NewBuffer answers a buffer of n zero bytes. It fails only when the memory
// cannot be had at all; what the kernel refused (locking is limited by
// RLIMIT_MEMLOCK) is told by Gaps.
func NewBuffer(n int) (*Buffer, error) {
	mem, gaps, err := allocate(n)
	if err != nil {
		return nil, err
	}
	b := &Buffer{mem: mem, size: n, gaps: gaps}
	b.clean = runtime.AddCleanup(b, release, mem)
	return b, nil
}

// Hold moves secret into a new buffer and wipes the original.
func Hold(secret []byte) (*Buffer, error) {
	b, err := NewBuffer(len(secret))
	if err != nil {
		return nil, err
	}
	copy(b.mem, secret)
	Wipe(secret)
	return b, nil
}

// Use calls f with the secret, which f must neither keep nor copy. It answers
// false, without calling f, once the buffer is destroyed.
func (b *Buffer) Use(f func(secret []byte)) bool {
	if b == nil {
		return false
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.mem == nil {
		return false
	}
	f(b.mem[:b.size:b.size])
	return true
}

// Gaps says, in words for the log, what the kernel refused.
func (b *Buffer) Gaps() []string { return b.gaps }

// Destroy wipes the secret and gives the memory back. It waits for running
// Uses; a second call does nothing.
func (b *Buffer) Destroy() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mem == nil {
		return
	}
	b.clean.Stop()
	release(b.mem)
	b.mem = nil
}

// Wipe overwrites b with zeros.
//
//go:noinline
func Wipe(b []byte) {
	clear(b)
	runtime.KeepAlive(b)
}
