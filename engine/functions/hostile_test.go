package functions

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// leftovers lists processes of the users that an engine gives to instances.
func leftovers(t testing.TB) (all []string) {
	t.Helper()
	names, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if _, err := strconv.Atoi(n.Name()); err != nil {
			continue
		}
		b, err := os.ReadFile("/proc/" + n.Name() + "/status")
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			var uid int
			if k, _ := fmt.Sscanf(line, "Uid: %d", &uid); k == 1 && uid >= testUIDs && uid < testUIDs+64 {
				all = append(all, n.Name()+" "+strings.SplitN(string(b), "\n", 2)[0])
			}
		}
	}
	return all
}

// testUIDs are users of this test process's own, so that test runs beside it do
// not count.
var testUIDs = 2_000_000_000 + os.Getpid()%10_000*64

func hostile(t testing.TB) *Engine {
	return open(t, func(c *Config) { c.FirstUID = testUIDs })
}

// gone checks that nothing is left of a function but what waits for events.
func gone(t testing.TB, e *Engine) {
	t.Helper()
	e.pool.mu.Lock()
	idle := e.pool.takeIdle(func(*instance) bool { return true })
	e.pool.mu.Unlock()
	for _, i := range idle {
		e.discard(i)
	}
	if all := leftovers(t); len(all) > 0 {
		t.Errorf("left over: %q", all)
	}
}

func TestFailures(t *testing.T) {
	e := hostile(t)
	id := requestID
	for _, c := range []struct {
		name, source string
		payload      string // of the answer
		errorType    string
		log          []string // in this order
	}{
		{
			"exception", "def handler(e, c):\n    raise ValueError('bad \\u00fc')\n",
			`{"errorMessage":"bad ü","errorType":"ValueError","requestId":"` + id + `","stackTrace":["  File \"/var/task/index.py\", line 2, in handler\n    raise ValueError('bad \\u00fc')\n"]}`,
			"ValueError",
			[]string{"START", "[ERROR] ValueError: bad ü\nTraceback (most recent call last):\n\u00a0\u00a0File \"/var/task/index.py\", line 2, in handler", "END", "REPORT"},
		},
		{
			"import error", "import nowhere\n",
			`{"errorMessage":"Unable to import module 'index': No module named 'nowhere'","errorType":"Runtime.ImportModuleError","requestId":"","stackTrace":[]}`,
			"Runtime.ImportModuleError",
			[]string{"[ERROR] Runtime.ImportModuleError: Unable to import module 'index': No module named 'nowhere'", "INIT_REPORT Init Duration: ", "Phase: init\tStatus: error\tError Type: Runtime.ImportModuleError", "START", "END", "REPORT", "Status: error\tError Type: Runtime.ImportModuleError"},
		},
		{
			"no handler", "x = 1\n",
			`{"errorMessage":"Handler 'handler' missing on module 'index'","errorType":"Runtime.HandlerNotFound","requestId":"","stackTrace":[]}`,
			"Runtime.HandlerNotFound", nil,
		},
		{
			"exit", "import sys\ndef handler(e, c):\n    print('bye')\n    sys.exit(1)\n",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + id + ` Error: Runtime exited with error: exit status 1"}`,
			"Runtime.ExitError",
			[]string{"START", "bye\n", "RequestId: " + id + " Error: Runtime exited with error: exit status 1\nRuntime.ExitError\n", "END", "REPORT", "Status: error\tError Type: Runtime.ExitError"},
		},
		{
			"exit in order", "import os\ndef handler(e, c):\n    os._exit(0)\n",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + id + ` Error: Runtime exited without providing a reason"}`,
			"Runtime.ExitError", nil,
		},
		{
			"exit at import", "import sys\nsys.exit(3)\n",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + id + ` Error: Runtime exited with error: exit status 3"}`,
			"Runtime.ExitError", nil,
		},
		{
			"crash", "import ctypes\ndef handler(e, c):\n    ctypes.string_at(0)\n",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + id + ` Error: Runtime exited with error: signal: segmentation fault"}`,
			"Runtime.ExitError", nil,
		},
		{
			"not JSON", "def handler(e, c):\n    return {1, 2}\n",
			`{"errorMessage":"Unable to marshal response: Object of type set is not JSON serializable","errorType":"Runtime.MarshalError","requestId":"` + id + `","stackTrace":[]}`,
			"Runtime.MarshalError", nil,
		},
		{
			"hang", "import time\ndef handler(e, c):\n    print('waiting')\n    time.sleep(100)\n",
			`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ` + id + ` Error: Task timed out after 1.00 seconds"}`,
			"Sandbox.Timedout",
			[]string{"START", "waiting\n", id + " Task timed out after 1.00 seconds\n", "END", "REPORT", "Status: timeout"},
		},
		{
			"fork bomb", "import os\ndef handler(e, c):\n    while True:\n        try:\n            os.fork()\n        except OSError:\n            pass\n",
			`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ` + id + ` Error: Task timed out after 1.00 seconds"}`,
			"Sandbox.Timedout", nil,
		},
		{
			"memory", "def handler(e, c):\n    a = []\n    while True:\n        a.append(bytearray(8 << 20))\n",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + id + ` Error: Runtime exited with error: signal: killed"}`,
			"Runtime.OutOfMemory",
			[]string{"START", "signal: killed\nRuntime.ExitError\n", "END", "Max Memory Used: 128 MB", "Status: error\tError Type: Runtime.OutOfMemory"},
		},
		{
			"memory of children", "import os, time\ndef handler(e, c):\n    for i in range(4):\n        if os.fork() == 0:\n            a = bytearray(60 << 20)\n            time.sleep(100)\n    time.sleep(100)\n",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + id + ` Error: Runtime exited with error: signal: killed"}`,
			"Runtime.OutOfMemory", nil,
		},
		{
			"large answer", "def handler(e, c):\n    return 'x' * (100 << 20)\n",
			`{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`,
			"Function.ResponseSizeTooLarge", nil,
		},
		{
			"kill the first process", "import os, signal\ndef handler(e, c):\n    for s in (signal.SIGKILL, signal.SIGTERM, signal.SIGABRT, signal.SIGSEGV):\n        os.kill(1, s)\n    return os.getppid()\n",
			"1", "", nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := python(t, c.source)
			if strings.Contains(c.payload, "1.00 seconds") {
				f.Timeout = time.Second
			}
			if c.name == "large answer" {
				f.Memory, f.Timeout = 1024, 30*time.Second
			}
			if c.name == "memory of children" {
				f.Memory = 160
			}
			r := invoke(t, e, f, `{}`)
			wanted := "Unhandled"
			if c.errorType == "" {
				wanted = ""
			}
			want(t, r, wanted, c.payload)
			if r.ErrorType != c.errorType {
				t.Errorf("type %q, want %q", r.ErrorType, c.errorType)
			}
			log, rest := string(r.Tail), string(r.Tail)
			for _, s := range c.log {
				_, after, ok := strings.Cut(rest, s)
				if !ok {
					t.Fatalf("%q is not where it should be in\n%s", s, log)
				}
				rest = after
			}
			gone(t, e)
		})
	}
}

func TestPrintForever(t *testing.T) {
	e := hostile(t)
	f := python(t, "def handler(e, c):\n    while True:\n        print('x' * 1000)\n")
	f.Timeout = 2 * time.Second
	r := invoke(t, e, f, `{}`)
	if r.ErrorType != "Sandbox.Timedout" || len(r.Tail) > MaxTail || !strings.Contains(string(r.Tail), "bytes of log beyond 8388608 were dropped\n") {
		t.Errorf("%s\n%s", r.Payload, r.Tail)
	}
	gone(t, e)
	f = python(t, "import os\ndef handler(e, c):\n    while True:\n        os.write(1, b'x' * 100000)\n")
	f.Timeout = time.Second
	if r := invoke(t, e, f, `{}`); r.ErrorType != "Sandbox.Timedout" {
		t.Errorf("%s", r.Payload)
	}
	gone(t, e)
}

// What a function sees of the host and may do to it.
func TestInside(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	e := hostile(t)
	f := python(t, `
import os, socket, ctypes, errno, json, subprocess
libc = ctypes.CDLL(None, use_errno=True)
def attempt(f):
    try:
        return f()
    except OSError as e:
        return errno.errorcode[e.errno]
    except BaseException as e:
        return repr(e)
def call(*args):
    ctypes.set_errno(0)
    r = libc.syscall(*args)
    return r if r >= 0 else errno.errorcode[ctypes.get_errno()]
def status():
    d = dict(l.rstrip("\n").split(":\t", 1) for l in open("/proc/self/status") if ":\t" in l)
    return [d[k] for k in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp")]
def fill():
    with open("/tmp/x", "wb", buffering=0) as f:
        n = 0
        while True:
            n += f.write(b"x" * (1 << 20))
def handler(e, c):
    return {
        "status": status(),
        "ids": [os.getuid() == os.geteuid() == os.getgid(), os.getuid() != 0, len(os.getgroups())],
        "pids": [p for p in os.listdir("/proc") if p.isdigit() and p not in ("1", str(os.getpid()))],
        "fds": [attempt(lambda: os.readlink("/proc/self/fd/" + x)).split(":")[0] for x in sorted(os.listdir("/proc/self/fd"))],
        "secret": attempt(lambda: open(e["secret"]).read()),
        "host": attempt(lambda: socket.create_connection(("127.0.0.1", e["port"]), 1)),
        "far": attempt(lambda: socket.create_connection(("192.0.2.1", 80), 1)),
        "init": [attempt(lambda: os.readlink("/proc/1/exe")), attempt(lambda: open("/proc/1/environ").read()), attempt(lambda: open("/proc/1/mem"))],
        "ptrace": call(101, 16, 1, 0, 0), "unshare": call(272, 0x10000000), "mount": call(165, 0, 0, 0, 0, 0), "clone3": call(435, 0, 0),
        "bpf": call(321, 0, 0, 0), "uring": call(425, 1, 0), "keyctl": call(250, 0, 0, 0),
        "vsock": attempt(lambda: socket.socket(40, socket.SOCK_STREAM)), "packet": attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
        "write": [attempt(lambda: open(p, "w")) for p in ("/var/task/x", "/opt/x", "/x", "/usr/x", "/etc/passwd", "/var/runtime/bootstrap.py")],
        "score": attempt(lambda: open("/proc/self/oom_score_adj", "w")),
        "oom": open("/proc/self/oom_score_adj").read().strip(),
        "tmp": attempt(fill),
        "su": attempt(lambda: [d for d, _, fs in os.walk("/usr/bin") for f in fs if os.access(d + "/" + f, os.X_OK) and os.statvfs(d).f_flag & os.ST_NOSUID == 0]),
        "root": sorted(os.listdir("/")), "dev": sorted(os.listdir("/dev")), "etc": sorted(os.listdir("/etc")),
        "name": socket.gethostname(), "parent": os.getppid(), "home": attempt(lambda: os.listdir("/home")), "sys": attempt(lambda: os.listdir("/sys")),
    }
`)
	f.Timeout = 30 * time.Second
	f.Memory = 512
	r := invoke(t, e, f, fmt.Sprintf(`{"secret":%q,"port":%d}`, secret, l.Addr().(*net.TCPAddr).Port))
	var got map[string]any
	if err := json.Unmarshal(r.Payload, &got); err != nil || r.FunctionError != "" {
		t.Fatalf("%s\n%s", r.Payload, r.Tail)
	}
	none := "0000000000000000"
	for name, wanted := range map[string]any{
		"status": []any{none, none, none, none, none, "1", "2"},
		"ids":    []any{true, true, 1.0},
		"pids":   []any{},
		"fds":    []any{"/dev/null", "pipe", "pipe", "socket", "socket", "ENOENT"}, // the log, the Runtime API, the folder
		"secret": "ENOENT", "host": "ECONNREFUSED", "far": "ENETUNREACH",
		"init":   []any{"EACCES", "EACCES", "EACCES"},
		"ptrace": "EPERM", "unshare": "EPERM", "mount": "EPERM", "clone3": "ENOSYS", "bpf": "EPERM", "uring": "EPERM", "keyctl": "EPERM",
		"vsock": "EAFNOSUPPORT", "packet": "EAFNOSUPPORT",
		"write": []any{"EROFS", "EROFS", "EROFS", "EROFS", "EROFS", "EROFS"},
		"score": "EROFS", "oom": "1000", "tmp": "ENOSPC", "su": []any{},
		"name": "sandbox", "parent": 1.0, "home": "ENOENT", "sys": "ENOENT",
		"dev": []any{"fd", "full", "null", "random", "stderr", "stdin", "stdout", "urandom", "zero"},
	} {
		x, _ := json.Marshal(got[name])
		y, _ := json.Marshal(wanted)
		if string(x) != string(y) {
			t.Errorf("%s: %s, want %s", name, x, y)
		}
	}
	t.Log(got["root"], got["etc"])
	gone(t, e)
}

// Processes that a function leaves behind do nothing between events, and end with
// the instance.
func TestBackground(t *testing.T) {
	e := hostile(t)
	f := python(t, `
import os, time
def handler(e, c):
    if e.get("start") and os.fork() == 0:
        os.setsid()
        n = 0
        while True:
            n += 1
            with open("/tmp/n.new", "w") as f:
                f.write(str(n))
            os.rename("/tmp/n.new", "/tmp/n")
    if e.get("start"):
        while not os.path.exists("/tmp/n"):
            pass
    return int(open("/tmp/n").read())
`)
	count := func(payload string) (n int) {
		r := invoke(t, e, f, payload)
		if err := json.Unmarshal(r.Payload, &n); err != nil {
			t.Fatalf("%s\n%s", r.Payload, r.Tail)
		}
		return n
	}
	count(`{"start":true}`)
	// All are stopped, seen from the host.
	stopped := func() bool {
		all := 0
		for _, p := range leftovers(t) {
			pid, name, _ := strings.Cut(p, " ")
			b, _ := os.ReadFile("/proc/" + pid + "/stat")
			if strings.Contains(name, "python") {
				if all++; !strings.Contains(string(b), ") T ") {
					return false
				}
			}
		}
		return all == 2
	}
	for began := time.Now(); !stopped(); {
		if time.Since(began) > 10*time.Second {
			t.Fatal("not stopped")
		}
	}
	a := count(`{}`)
	if b := count(`{}`); b < a {
		t.Error("another instance answered")
	}
	e.Retire(f.ARN)
	gone(t, e)
}

// Initialisation that takes too long starts once more in the function's own time.
func TestLateInit(t *testing.T) {
	e := hostile(t)
	e.initLimit = 500 * time.Millisecond
	source := "import time\nprint('loading')\ntime.sleep(%d)\ndef handler(e, c):\n    return c.get_remaining_time_in_millis() < 9500\n"
	f := python(t, fmt.Sprintf(source, 1))
	r := invoke(t, e, f, `{}`)
	want(t, r, "", `true`)
	delivered(t, f, "INIT_START *\nloading\nINIT_REPORT Init Duration: 5* ms\tPhase: init\tStatus: timeout\nINIT_START *START *loading\nEND *REPORT *")
	f = python(t, fmt.Sprintf(source, 20))
	f.Timeout = time.Second
	r = invoke(t, e, f, `{}`)
	want(t, r, "Unhandled", `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: `+requestID+` Error: Task timed out after 1.00 seconds"}`)
	gone(t, e)
}

// What must not be seen is covered where a sandbox shows what lies around it.
func TestHidden(t *testing.T) {
	dir := filepath.Dir(interpreters()[0].path)
	e := open(t, func(c *Config) { c.FirstUID, c.Hide = testUIDs, []string{"/usr/share", dir + "/nothing"} })
	f := python(t, "import os\ndef handler(e, c):\n    try:\n        return os.listdir('/usr/share')\n    except OSError as e:\n        return type(e).__name__\n")
	want(t, invoke(t, e, f, `{}`), "", `"PermissionError"`)
	gone(t, e)
}
