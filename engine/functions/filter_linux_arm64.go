package functions

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_AARCH64
	otherABI  = 0
)

var refusedHere = []uintptr{unix.SYS_KEXEC_FILE_LOAD}
