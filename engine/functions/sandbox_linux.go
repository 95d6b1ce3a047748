package functions

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Sandboxed turns this process into a sandbox if it was started as one, and then
// does not return. Programs that run functions, tests included, call it first.
func Sandboxed() {
	sandboxes.Store(true)
	if len(os.Args) == 0 || os.Args[0] != sandboxName {
		return
	}
	// What stays on one thread is inherited by what that thread starts: the filter
	// of system calls, no_new_privs and the bounding set.
	runtime.LockOSThread()
	b := &sandbox{}
	if err := b.run(); err != nil {
		b.tell(report{Failed: err.Error()})
		os.Exit(1)
	}
	os.Exit(0)
}

// sandbox is the helper's side. As the first process of its namespaces its end
// is the end of all others in them.
type sandbox struct {
	spec    spec
	control *net.UnixConn
	notes   []string
	frozen  atomic.Bool
	watch   watch
}

func (b *sandbox) run() error {
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0); err != nil {
		b.notes = append(b.notes, "the kernel does not prefer functions when memory runs out: "+err.Error())
	}
	// Nothing inside may trace this process or read its memory.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("dumpable: %w", err)
	}
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE, unix.SIGUSR1, unix.SIGUSR2)
	f := os.NewFile(controlFD, "control")
	c, err := net.FileConn(f)
	if err != nil {
		return err
	}
	f.Close()
	b.control = c.(*net.UnixConn)
	buf := make([]byte, 256<<10)
	n, err := b.control.Read(buf)
	if err != nil || n == 0 {
		os.Exit(0) // a spare that was not needed
	}
	if err := json.Unmarshal(buf[:n], &b.spec); err != nil {
		return err
	}
	clear(buf) // credentials were in it
	if b.spec.Confined {
		if os.Getpid() != 1 {
			return fmt.Errorf("process %d is not the first of its namespace", os.Getpid())
		}
		if err := b.mounts(); err != nil {
			return err
		}
	} else if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("subreaper: %w", err)
	}
	files, addr, err := b.network()
	if err != nil {
		return err
	}
	if err := b.limits(); err != nil {
		return err
	}
	if err := b.drop(); err != nil {
		return err
	}
	b.pass(files)
	b.spec.Env = append(b.spec.Env, "AWS_LAMBDA_RUNTIME_API="+addr)
	pid, err := b.start()
	if err != nil {
		return err
	}
	b.spec = spec{Confined: b.spec.Confined, Memory: b.spec.Memory}
	b.watch.limit = b.spec.Memory
	go b.obey()
	go b.guard()
	b.reap(pid)
	return nil
}

// start starts the runtime.
func (b *sandbox) start() (int, error) {
	null, err := os.OpenFile("/dev/null", os.O_RDONLY, 0)
	if err != nil {
		return 0, err
	}
	// What the helper was given or opened is none of the function's business.
	if err := unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return 0, fmt.Errorf("descriptors: %w", err)
	}
	pid, err := syscall.ForkExec(b.spec.Argv[0], b.spec.Argv, &syscall.ProcAttr{
		Dir: b.spec.Dir, Env: b.spec.Env,
		Files: []uintptr{null.Fd(), outputFD, outputFD, eventFD},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	null.Close()
	unix.Close(outputFD)
	unix.Close(eventFD)
	if err != nil {
		// As AWS tells it: the runtime could not be started.
		b.tell(report{Exited: true, How: fmt.Sprintf("fork/exec %s: %v", b.spec.Argv[0], err)})
		os.Exit(0)
	}
	return pid, nil
}

// reap waits for all processes; when the runtime ends, all do.
func (b *sandbox) reap(runtimePID int) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			b.tell(report{Failed: "wait: " + err.Error()})
			return
		}
		if pid != runtimePID || !status.Exited() && !status.Signaled() {
			continue
		}
		r := report{Exited: true, Memory: b.watch.peak(), Full: b.watch.full.Load()}
		switch {
		case status.Signaled():
			r.How = "signal: " + status.Signal().String()
		case status.ExitStatus() != 0:
			r.How = fmt.Sprintf("exit status %d", status.ExitStatus())
		}
		b.killAll()
		b.tell(r)
		return
	}
}

// obey follows commands until the engine is gone.
func (b *sandbox) obey() {
	var buf [1]byte
	for {
		n, err := b.control.Read(buf[:])
		if err != nil || n == 0 {
			b.killAll()
			os.Exit(0)
		}
		switch buf[0] {
		case freeze:
			b.frozen.Store(true)
			b.signalAll(unix.SIGSTOP)
		case thaw:
			b.signalAll(unix.SIGCONT)
			b.frozen.Store(false)
		}
	}
}

// guard looks at the memory that is in use.
func (b *sandbox) guard() {
	tick := time.NewTicker(watchEvery)
	told := 0
	for range tick.C {
		if b.frozen.Load() {
			continue
		}
		if b.watch.look(b.processes()) {
			b.killAll()
		}
		if p := b.watch.peak(); p > told {
			told = p
			b.tell(report{Memory: p})
		}
	}
}

// signalAll signals every process but this one. For the first process of a
// namespace that is one call, during which no process can come into being.
func (b *sandbox) signalAll(s unix.Signal) {
	if b.spec.Confined {
		unix.Kill(-1, s)
		return
	}
	for _, pid := range b.processes() {
		unix.Kill(pid, s)
	}
}

// killAll ends every process but this one.
func (b *sandbox) killAll() {
	if b.spec.Confined {
		unix.Kill(-1, unix.SIGKILL)
		return
	}
	// Without a namespace of processes they are hunted one by one, stopped first
	// so that none escapes by having children meanwhile.
	for range 100 {
		pids := b.processes()
		if len(pids) == 0 {
			return
		}
		for _, s := range []unix.Signal{unix.SIGSTOP, unix.SIGKILL} {
			for _, pid := range pids {
				unix.Kill(pid, s)
			}
		}
		for {
			if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != nil || pid <= 0 {
				break
			}
		}
	}
}

func (b *sandbox) tell(r report) {
	if b.control == nil {
		fmt.Fprintln(os.Stderr, strings.TrimSpace(r.Failed))
		return
	}
	p, _ := json.Marshal(r)
	b.control.Write(p)
}

// pass hands the sockets to the engine.
func (b *sandbox) pass(files []*os.File) {
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	p, _ := json.Marshal(report{Listening: true, Notes: b.notes})
	b.control.WriteMsgUnix(p, unix.UnixRights(fds...), nil)
	for _, f := range files {
		f.Close()
	}
}
