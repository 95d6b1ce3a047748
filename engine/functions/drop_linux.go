package functions

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// limits bounds what the runtime and its children may take. They are set for the
// helper itself, whose children inherit them.
func (b *sandbox) limits() error {
	mib := uint64(1) << 20
	for _, l := range []struct {
		name     string
		resource int
		value    uint64
	}{
		{"core", unix.RLIMIT_CORE, 0},
		{"files", unix.RLIMIT_NOFILE, 1024},    // "Lambda quotas": file descriptors
		{"processes", unix.RLIMIT_NPROC, 1024}, // "Lambda quotas": processes and threads
		{"file size", unix.RLIMIT_FSIZE, (uint64(b.spec.Tmp) + 1) * mib},
		{"message queues", unix.RLIMIT_MSGQUEUE, 0},
		{"locked memory", unix.RLIMIT_MEMLOCK, 64 << 10},
		{"realtime", unix.RLIMIT_RTPRIO, 0},
		// A brake for what grows faster than the watch looks. RLIMIT_AS would be
		// too blunt: Node and Go reserve far more than they use.
		{"data", unix.RLIMIT_DATA, max(2*uint64(b.spec.Memory), uint64(b.spec.Memory)+1024) * mib},
	} {
		if !b.spec.Confined && l.resource == unix.RLIMIT_NPROC {
			continue // it would count all processes of the server's user
		}
		var old unix.Rlimit
		if err := unix.Getrlimit(l.resource, &old); err != nil {
			return fmt.Errorf("limit of %s: %w", l.name, err)
		}
		v := min(l.value, old.Max)
		// syscall's, so that starting a process does not put the old one back.
		if err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: v, Max: v}); err != nil {
			return fmt.Errorf("limit of %s: %w", l.name, err)
		}
	}
	// The server goes first where processors are scarce, and last where memory is.
	unix.Setpriority(unix.PRIO_PROCESS, 0, 5)
	return nil
}

// drop gives up every privilege, for this process and for what this thread
// starts.
func (b *sandbox) drop() error {
	if b.spec.Confined {
		for c := 0; c <= 63; c++ {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
				if err == unix.EINVAL {
					break // the kernel knows no further capabilities
				}
				return fmt.Errorf("bounding set: %w", err)
			}
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
			return fmt.Errorf("ambient set: %w", err)
		}
	}
	if id := b.spec.UID; id != 0 {
		if err := syscall.Setgroups([]int{id}); err != nil {
			return fmt.Errorf("groups: %w", err)
		}
		if err := syscall.Setresgid(id, id, id); err != nil {
			return fmt.Errorf("group: %w", err)
		}
		if err := syscall.Setresuid(id, id, id); err != nil {
			return fmt.Errorf("user: %w", err)
		}
		// Another user's process lost the signal that tells of its parent's end.
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
			return fmt.Errorf("parent's end: %w", err)
		}
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			return fmt.Errorf("dumpable: %w", err)
		}
	}
	if b.spec.Confined {
		h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&h, &none[0]); err != nil {
			return fmt.Errorf("capabilities: %w", err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	return b.filter()
}

// filter installs the filter of system calls.
func (b *sandbox) filter() error {
	if len(filterProgram()) == 0 {
		b.notes = append(b.notes, "no filter of system calls for "+runtime.GOARCH)
		return nil
	}
	p := filterProgram()
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	_, _, no := unix.Syscall(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)))
	if no != 0 {
		b.notes = append(b.notes, "system calls are not filtered: "+no.Error())
	}
	runtime.KeepAlive(p)
	return nil
}
