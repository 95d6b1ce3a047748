package files

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func mountTiny(dir string, size int) error {
	return unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size))
}

func unmount(dir string) { unix.Unmount(dir, unix.MNT_DETACH) }
