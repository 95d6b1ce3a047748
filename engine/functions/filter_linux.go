//go:build linux && (amd64 || arm64)

package functions

import (
	"slices"

	"golang.org/x/sys/unix"
)

// filterProgram is the filter of system calls (seccomp(2)). It refuses what
// functions have no use for and what has let processes out of sandboxes: making
// namespaces and mounts, tracing, kernel modules, BPF, io_uring, keyrings, and
// sockets of families that network namespaces do not separate (vsock) or that
// exist to be attacked. All else is allowed: runtimes and their libraries change
// too often for a list of what they need.
func filterProgram() []unix.SockFilter {
	const (
		nr, arch         = 0, 4 // offsets in struct seccomp_data
		arg0, arg1       = 16, 24
		errno            = unix.SECCOMP_RET_ERRNO
		load, jumpEq, or = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		ret              = unix.BPF_RET | unix.BPF_K
		namespaces       = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
	)
	stmt := func(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }
	jump := func(code uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: code, K: k, Jt: yes, Jf: no}
	}
	p := []unix.SockFilter{
		stmt(load, arch),
		jump(jumpEq, auditArch, 1, 0),
		stmt(ret, unix.SECCOMP_RET_KILL_PROCESS),
		stmt(load, nr),
	}
	if otherABI != 0 {
		// A second numbering of the same calls (x32) would go around the list.
		p = append(p, jump(unix.BPF_JMP|unix.BPF_JGE|unix.BPF_K, otherABI, 0, 1), stmt(ret, errno|uint32(unix.ENOSYS)))
	}
	for _, n := range slices.Concat(refusedCalls, refusedHere) {
		p = append(p, jump(jumpEq, uint32(n), 0, 1), stmt(ret, errno|uint32(unix.EPERM)))
	}
	// The flags of clone3 lie in memory, out of the filter's sight. Without it,
	// libraries use clone.
	p = append(p, jump(jumpEq, unix.SYS_CLONE3, 0, 1), stmt(ret, errno|uint32(unix.ENOSYS)))
	p = append(p, jump(jumpEq, unix.SYS_CLONE, 0, 4), stmt(load, arg0), jump(or, namespaces, 0, 1), stmt(ret, errno|uint32(unix.EPERM)), stmt(ret, unix.SECCOMP_RET_ALLOW))
	p = append(p, jump(jumpEq, unix.SYS_IOCTL, 0, 4), stmt(load, arg1), jump(jumpEq, unix.TIOCSTI, 0, 1), stmt(ret, errno|uint32(unix.EPERM)), stmt(ret, unix.SECCOMP_RET_ALLOW))
	p = append(p, jump(jumpEq, unix.SYS_SOCKET, 0, 6), stmt(load, arg0),
		jump(jumpEq, unix.AF_UNIX, 4, 0), jump(jumpEq, unix.AF_INET, 3, 0), jump(jumpEq, unix.AF_INET6, 2, 0), jump(jumpEq, unix.AF_NETLINK, 1, 0),
		stmt(ret, errno|uint32(unix.EAFNOSUPPORT)))
	return append(p, stmt(ret, unix.SECCOMP_RET_ALLOW))
}

var refusedCalls = []uintptr{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP, unix.SYS_PIDFD_GETFD,
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
	unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
	unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_REBOOT, unix.SYS_KEXEC_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT,
	unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_SYSLOG, unix.SYS_VHANGUP, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME,
	unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_NFSSERVCTL,
}
