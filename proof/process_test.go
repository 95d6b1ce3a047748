package proof

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/engine/functions"
)

var soak = os.Getenv("REDOUBT_SOAK") == "1"

// binary builds the program once, into a directory that TestMain removes.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "redoubt")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "github.com/redoubt-sec/redoubt/cmd/redoubt")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// scratch outlives single tests.
var scratch string

func TestMain(m *testing.M) {
	functions.Sandboxed() // test programs too surround the functions that they run
	if data := os.Getenv(watchedData); data != "" {
		if err := serveWatched(data); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	var err error
	if scratch, err = os.MkdirTemp("", "proof"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// process is a server of its own, as users run it.
type process struct {
	*endpoint
	cmd    *exec.Cmd
	data   string
	admin  credential
	exited chan struct{}
	log    *lines
}

// lines collects what a process writes.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// launch starts the program on a data directory and waits until it is well.
func launch(t testing.TB, data string, args ...string) *process {
	t.Helper()
	p := spawn(t, data, append([]string{"--listen", "127.0.0.1:0"}, args...)...)
	p.ready(t)
	return p
}

// ready waits until the server is well, wherever it listens.
func (p *process) ready(t testing.TB) {
	t.Helper()
	data := p.data
	var url []byte
	p.await(t, func() error {
		var err error
		if url, err = os.ReadFile(filepath.Join(data, "endpoint")); err == nil && len(url) == 0 {
			err = errors.New("empty")
		}
		return err
	})
	p.endpoint = newEndpoint(t, strings.TrimSpace(string(url)))
	p.await(t, func() error {
		if a := p.get("/_redoubt/health"); a.status != 200 {
			return fmt.Errorf("%v %s", a, a.body)
		}
		return nil
	})
	text, err := os.ReadFile(filepath.Join(data, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	p.admin = credential{id: setting(string(text), "aws_access_key_id"), secret: setting(string(text), "aws_secret_access_key")}
}

// spawn starts the program and does not wait.
func spawn(t testing.TB, data string, args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return begin(t, data, exec.Command(path, append([]string{"serve", "--data", data, "--listen-tls", "off", "--log-level", "debug"}, args...)...))
}

// begin starts a command that is a server on a data directory.
func begin(t testing.TB, data string, cmd *exec.Cmd) *process {
	t.Helper()
	os.Remove(filepath.Join(data, "endpoint"))
	p := &process{data: data, cmd: cmd, exited: make(chan struct{}), log: &lines{}}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "REDOUBT_") {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.cmd.Wait(); close(p.exited) }()
	t.Cleanup(func() { p.kill() })
	return p
}

// await polls f until it answers nil; the process must live on meanwhile.
func (p *process) await(t testing.TB, f func() error) {
	t.Helper()
	var err error
	for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(2 * time.Millisecond) {
		select {
		case <-p.exited:
			t.Fatalf("the server ended: %v\n%.4000s", p.cmd.ProcessState, p.log)
		default:
		}
		if err = f(); err == nil {
			return
		}
	}
	t.Fatalf("%v\n%.4000s", err, p.log)
}

// kill ends the process as the machine's failure would.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.exited
}

// stop ends it in order and answers whether it ended well.
func (p *process) stop(t testing.TB) {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(40 * time.Second):
		t.Fatal("the server does not stop")
	}
	if !p.cmd.ProcessState.Success() {
		t.Errorf("stopped with %v\n%.4000s", p.cmd.ProcessState, p.log)
	}
}

// quiet fails the test if the log tells of a panic or an error.
func (p *process) quiet(t testing.TB) {
	t.Helper()
	for line := range strings.Lines(p.log.String()) {
		if strings.Contains(line, "panic") || strings.Contains(line, "level=ERROR") {
			t.Errorf("log: %.1000s", line)
		}
	}
}

// setting is a value of a file of lines "name = value".
func setting(text, name string) string {
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(line, "="); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// freePort is a port that nothing listens on now.
func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
