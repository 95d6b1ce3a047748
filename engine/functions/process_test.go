package functions

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

// asServer makes this test program a server of its own that runs one function,
// says "running" when the function does, and prints what it answered.
func asServer(dir string) error {
	var c struct {
		Source     string
		UID        int
		Unconfined bool
	}
	if err := json.Unmarshal([]byte(os.Getenv("FUNCTIONS_TEST")), &c); err != nil {
		return err
	}
	e, err := Open(Config{Dir: dir, Clock: redoubt.Wall{}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), FirstUID: c.UID, Unconfined: c.Unconfined, Endpoint: "http://127.0.0.1:4566"})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	b, err := zipOf(map[string]string{"index.py": c.Source})
	if err != nil {
		return err
	}
	f := &Function{
		ARN: "arn", Name: "f", Version: "1", Runtime: "python3.11", Handler: "index.handler", Memory: 128, Timeout: time.Minute, Code: code(b),
		Log: SinkFunc(func(string, string, []Line) {}),
	}
	r, err := e.Invoke(ctx, f, Invocation{RequestID: requestID})
	if err != nil {
		return err
	}
	fmt.Printf("%s%s\n", r.FunctionError, r.Payload)
	cancel()
	return <-done
}

// server starts such a program.
func server(t *testing.T, dir string, conf map[string]any, change func(*exec.Cmd)) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	p, _ := json.Marshal(conf)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{"FUNCTIONS_TEST=" + string(p), "FUNCTIONS_TEST_DIR=" + dir, "PATH=/usr/bin:/bin"}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(cmd)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

// A server that is killed takes every function with it.
func TestServerKilled(t *testing.T) {
	hostile(t)
	cmd, _ := server(t, t.TempDir(), map[string]any{"UID": testUIDs, "Source": "import os, time\ndef handler(e, c):\n    for i in range(5):\n        if os.fork() == 0:\n            os.setsid()\n            break\n    time.sleep(50)\n"}, nil)
	for began := time.Now(); len(leftovers(t)) < 7; time.Sleep(time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatal("the function does not run")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	for began := time.Now(); len(leftovers(t)) > 0; time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("left over: %q", leftovers(t))
		}
	}
}

// worker lets a command run as nobody.
func worker(t *testing.T) (dir string, change func(*exec.Cmd)) {
	if os.Geteuid() != 0 {
		lacks(t, "only root can become another user")
	}
	dir, err := os.MkdirTemp("/tmp", "functions")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	return dir, func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		c.Dir = "/"
	}
}

const looks = `
import os
def attempt(f):
    try:
        return f()
    except OSError as e:
        return type(e).__name__
def handler(e, c):
    s = open("/proc/self/status").read()
    return [os.getuid(), [p for p in os.listdir("/proc") if p.isdigit() and p not in ("1", str(os.getpid()))], attempt(lambda: os.listdir("%s")), attempt(lambda: os.readlink("/proc/1/exe")), "CapEff:\t0000000000000000" in s, "CapBnd:\t0000000000000000" in s]
`

// Without root's rights, functions run in namespaces of users.
func TestNotRoot(t *testing.T) {
	dir, change := worker(t)
	_, out := server(t, filepath.Join(dir, "functions"), map[string]any{"Source": strings.Replace(looks, "%s", dir, 1)}, change)
	if !out.Scan() {
		t.Skip("this host has no namespaces of users for all")
	}
	if got := out.Text(); got != `[65534, [], "FileNotFoundError", "PermissionError", true, true]` {
		t.Error(got)
	}
}

// Where the host cannot isolate, functions run only if that was asked for, and
// what they start ends with them all the same.
func TestUnconfined(t *testing.T) {
	e := open(t, nil)
	e.probe = func() Capabilities { return Capabilities{Missing: "for this test"} }
	f := python(t, "import os, time\ndef handler(e, c):\n    for i in range(3):\n        if os.fork() == 0:\n            os.setsid()\n            time.sleep(77.125)\n    return [os.environ['LAMBDA_TASK_ROOT'] != '/var/task', 'NoNewPrivs:\\t1' in open('/proc/self/status').read()]\n")
	_, err := e.Invoke(t.Context(), f, Invocation{RequestID: requestID})
	if err == nil || !strings.Contains(err.Error(), "cannot isolate") || !strings.Contains(err.Error(), "for this test") {
		t.Fatal(err)
	}
	if _, err := e.Ready("python3.11"); err == nil {
		t.Error("ready")
	}
	e.conf.Unconfined = true
	want(t, invoke(t, e, f, `{}`), "", `[true, true]`)
	want(t, invoke(t, e, f, `{}`), "", `[true, true]`)
	pid := e.pool.idle[0].box.cmd.Process.Pid
	e.Retire(f.ARN)
	names, _ := os.ReadDir("/proc")
	for _, n := range names {
		if b, _ := os.ReadFile("/proc/" + n.Name() + "/environ"); strings.Contains(string(b), "AWS_LAMBDA_FUNCTION_NAME="+f.Name+"\x00") && strings.Contains(string(b), e.conf.Dir) {
			t.Errorf("process %s is left of sandbox %d", n.Name(), pid)
		}
	}
}
