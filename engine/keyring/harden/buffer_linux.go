package harden

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func allocate(n int) (mem []byte, gaps []string, err error) {
	page := os.Getpagesize()
	size := (max(n, 1) + page - 1) / page * page
	mem, err = unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("harden: no memory for a secret: %w", err)
	}
	try := func(what string, err error) {
		if err != nil {
			gaps = append(gaps, fmt.Sprintf("%s: %v", what, err))
		}
	}
	try("key memory may be swapped out (mlock)", unix.Mlock(mem))
	try("key memory is part of core dumps (MADV_DONTDUMP)", unix.Madvise(mem, unix.MADV_DONTDUMP))
	try("key memory is seen by child processes (MADV_WIPEONFORK)", unix.Madvise(mem, unix.MADV_WIPEONFORK))
	return mem, gaps, nil
}

func release(mem []byte) {
	Wipe(mem)
	_ = unix.Munmap(mem) // also unlocks; nothing to do about a failure, the content is gone
}
