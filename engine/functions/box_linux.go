package functions

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sandboxes reports whether this program called Sandboxed, without which starting
// it again would run whatever it is, tests included.
var sandboxes atomic.Bool

// box is the engine's side of a sandbox.
type box struct {
	cmd     *exec.Cmd
	control *net.UnixConn
	output  *os.File    // what the runtime writes to its standard output and error
	events  *os.File    // packets for the log
	stderr  boundedText // the helper's own last words
	socket  chan []*os.File
	exited  chan struct{} // closed when every process is gone
	peak    atomic.Int64  // MiB
	last    report        // valid once exited is closed
	notes   []string
	pid     atomic.Int64 // the runtime's, on the host; 0: not known
	unshare atomic.Pointer[func()]
}

// spawner starts processes from one thread that lasts as long as the engine: the
// kernel kills a sandbox when the thread that made it ends.
type spawner struct {
	start chan func()
	done  chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{make(chan func()), make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		for {
			select {
			case f := <-s.start:
				f()
			case <-s.done:
				runtime.UnlockOSThread()
				return
			}
		}
	}()
	return s
}

func (s *spawner) run(f func() error) error {
	result := make(chan error, 1)
	select {
	case s.start <- func() { result <- f() }:
		return <-result
	case <-s.done:
		return ErrStopped
	}
}

// newBox starts a helper that waits for its spec.
func newBox(s *spawner, confined bool) (*box, error) {
	if !sandboxes.Load() {
		return nil, errors.New("this program does not call functions.Sandboxed")
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	c, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		return nil, err
	}
	b := &box{control: c.(*net.UnixConn), socket: make(chan []*os.File, 1), exited: make(chan struct{})}
	var output, events *os.File
	if b.output, output, err = os.Pipe(); err == nil {
		b.events, events, err = socketPair()
	}
	if err != nil {
		b.close()
		return nil, err
	}
	defer output.Close()
	defer events.Close()
	b.cmd = &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{sandboxName}, Dir: "/",
		Env:         []string{"GOMAXPROCS=2", "GOGC=off", "GOMEMLIMIT=32MiB", "GOTRACEBACK=single"},
		ExtraFiles:  []*os.File{theirs, output, events},
		Stderr:      &b.stderr,
		WaitDelay:   2 * time.Second,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	}
	if confined {
		separate(b.cmd.SysProcAttr)
	}
	if err := s.run(b.cmd.Start); err != nil {
		b.close()
		return nil, err
	}
	go b.listen()
	return b, nil
}

// separate asks for namespaces. Without root's rights they come with a namespace
// of users, in which this user is itself and may do what making a sandbox takes.
func separate(a *syscall.SysProcAttr) {
	a.Cloneflags = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP
	if os.Geteuid() == 0 {
		return
	}
	a.Cloneflags |= unix.CLONE_NEWUSER
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
	a.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP, unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE}
}

// socketPair is a pair of sockets that keep packets apart.
func socketPair() (a, b *os.File, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	unix.SetNonblock(p[0], true)
	return os.NewFile(uintptr(p[0]), "socket"), os.NewFile(uintptr(p[1]), "socket"), nil
}

// configure hands the spec over and answers the sandbox's sockets.
func (b *box) configure(s spec) ([]*os.File, error) {
	p, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	if len(p) > 160<<10 {
		return nil, fmt.Errorf("functions: specification of %d bytes", len(p))
	}
	defer clear(p)
	if _, err := b.control.Write(p); err != nil {
		b.kill()
		return nil, fmt.Errorf("functions: sandbox: %w", err)
	}
	t := time.NewTimer(10 * time.Second)
	defer t.Stop()
	select {
	case files := <-b.socket:
		return files, nil
	case <-b.exited:
		select { // it may have got that far
		case files := <-b.socket:
			return files, nil
		default:
		}
		return nil, errors.New("functions: sandbox: " + b.words())
	case <-t.C:
		b.kill()
		<-b.exited
		return nil, errors.New("functions: sandbox: not ready within 10 s")
	}
}

func (b *box) words() string {
	if b.last.Failed != "" {
		return b.last.Failed
	}
	if s := strings.TrimSpace(b.stderr.String()); s != "" {
		return s
	}
	return "ended: " + b.cmd.ProcessState.String()
}

// listen takes reports until the sandbox is gone.
func (b *box) listen() {
	buf, oob := make([]byte, 64<<10), make([]byte, 1024)
	for {
		n, oobn, _, _, err := b.control.ReadMsgUnix(buf, oob)
		if err != nil || n == 0 {
			break
		}
		var r report
		if json.Unmarshal(buf[:n], &r) != nil {
			continue
		}
		if int64(r.Memory) > b.peak.Load() {
			b.peak.Store(int64(r.Memory))
		}
		switch {
		case r.Listening:
			b.notes = r.Notes
			b.socket <- received(oob[:oobn])
		case r.Exited, r.Failed != "":
			b.last = r
		}
	}
	// Its end may come before the last process of its namespaces is gone; the
	// kernel lets Wait return only then.
	b.kill()
	// A helper that does not find an end would keep everyone waiting.
	stuck := time.AfterFunc(10*time.Second, func() { b.cmd.Process.Kill() })
	b.cmd.Wait()
	stuck.Stop()
	if !b.last.Exited && b.last.Failed == "" {
		b.last = report{Exited: true, How: "signal: killed"}
	}
	b.control.Close()
	close(b.exited)
	if remove := b.unshare.Load(); remove != nil {
		(*remove)()
	}
}

func received(oob []byte) []*os.File {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			unix.SetNonblock(fd, true)
			files = append(files, os.NewFile(uintptr(fd), "sandbox"))
		}
	}
	return files
}

func (b *box) command(c byte) { b.control.Write([]byte{c}) }

// kill ends the sandbox: its first process, and with it all.
func (b *box) kill() {
	if b.cmd.SysProcAttr.Cloneflags != 0 {
		b.cmd.Process.Kill()
		return
	}
	// Unconfined, the helper itself must hunt its processes down: the end of the
	// connection tells it to.
	b.control.CloseWrite()
	b.control.SetReadDeadline(time.Now().Add(5 * time.Second))
}

// close ends the sandbox, waits for it and gives everything back.
func (b *box) close() {
	if b.cmd != nil && b.cmd.Process != nil {
		b.kill()
		<-b.exited
	} else if b.control != nil {
		b.control.Close()
	}
	for _, f := range []*os.File{b.output, b.events} {
		if f != nil {
			f.Close()
		}
	}
}

func (b *box) hasExited() bool {
	select {
	case <-b.exited:
		return true
	default:
		return false
	}
}

// memory is the most that was in use so far, in MiB.
func (b *box) memory() int {
	pid := int(b.pid.Load())
	if pid == 0 {
		pid = b.findRuntime()
		b.pid.Store(int64(pid))
	}
	if pid > 0 {
		resident, _ := statm(pid)
		if m := resident >> 20; m > b.peak.Load() {
			b.peak.Store(m)
		}
	}
	return int(b.peak.Load())
}

// findRuntime answers the host's number of the runtime's process, or -1.
func (b *box) findRuntime() int {
	tasks := fmt.Sprintf("/proc/%d/task", b.cmd.Process.Pid)
	names, _ := os.ReadDir(tasks)
	for _, n := range names {
		text, err := os.ReadFile(tasks + "/" + n.Name() + "/children")
		var pid int
		if _, scan := fmt.Sscan(string(text), &pid); err == nil && scan == nil {
			return pid
		}
	}
	return -1
}

// boundedText keeps the first 4 KiB of what is written to it.
type boundedText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *boundedText) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := 4<<10 - t.b.Len(); room > 0 {
		t.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (t *boundedText) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}
