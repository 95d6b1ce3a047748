package files

import (
	"os"

	"golang.org/x/sys/unix"
)

// reserve gives a file room without making it longer.
func reserve(f *os.File, size int64) error {
	return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
}
