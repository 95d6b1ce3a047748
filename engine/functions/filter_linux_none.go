//go:build linux && !amd64 && !arm64

package functions

import "golang.org/x/sys/unix"

func filterProgram() []unix.SockFilter { return nil }
