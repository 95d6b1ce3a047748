package functions

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/egress"
)

func TestMain(m *testing.M) {
	Sandboxed()
	if dir := os.Getenv("FUNCTIONS_TEST_DIR"); dir != "" {
		if err := asServer(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// record is a sink that keeps what it is given.
type record struct {
	mu    sync.Mutex
	lines []Line
}

func (r *record) Put(_, _ string, lines []Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, lines...)
}

func (r *record) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, l := range r.lines {
		b.WriteString(l.Text)
	}
	return b.String()
}

// open starts an engine that ends with the test.
func open(t testing.TB, change func(*Config)) *Engine {
	t.Helper()
	gate, err := egress.New(egress.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Dir: filepath.Join(t.TempDir(), "functions"), Clock: &redoubt.Shifted{}, Log: slog.New(slog.DiscardHandler), Gate: gate}
	if change != nil {
		change(&c)
	}
	e, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Error("the engine does not stop")
		}
	})
	if c := e.Capabilities(); !c.Confined {
		lacks(t, "this host cannot isolate functions: ", c.Missing)
	}
	return e
}

// lacks skips a test for want of something on a developer's machine, and fails it
// where changes are judged: what nobody ran is not proven.
func lacks(t testing.TB, what ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what...)
	}
	t.Skip(what...)
}

var functionNumber int

// python makes a function of one file.
func python(t testing.TB, source string) *Function {
	t.Helper()
	return function(t, "python3.11", "index.handler", map[string]string{"index.py": source})
}

func function(t testing.TB, runtime, handler string, files map[string]string) *Function {
	functionNumber++
	name := fmt.Sprintf("f%d", functionNumber)
	return &Function{
		ARN: "arn:aws:lambda:us-east-1:123456789012:function:" + name, Account: "123456789012", Region: "us-east-1", Name: name, Version: "$LATEST",
		Runtime: runtime, Handler: handler, Memory: 128, Timeout: 10 * time.Second, Code: code(archive(t, files)), Revision: "1",
		LogGroup: "/aws/lambda/" + name, Log: &record{},
	}
}

const requestID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

func invoke(t testing.TB, e *Engine, f *Function, payload string) Result {
	t.Helper()
	r, err := e.Invoke(t.Context(), f, Invocation{RequestID: requestID, Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// want compares an answer, as JSON.
func want(t testing.TB, r Result, functionError, payload string) {
	t.Helper()
	var a, b any
	if json.Unmarshal(r.Payload, &a) != nil || json.Unmarshal([]byte(payload), &b) != nil || r.FunctionError != functionError {
		t.Fatalf("%q %s\nwant %q %s\n%s", r.FunctionError, r.Payload, functionError, payload, r.Tail)
	}
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if string(x) != string(y) {
		t.Fatalf("%s\nwant %s\n%s", x, y, r.Tail)
	}
}

func TestPython(t *testing.T) {
	e := open(t, nil)
	f := python(t, `
import os, logging
print("loaded")
n = 0
def handler(event, context):
    global n
    n += 1
    print("hello", event["x"])
    logging.getLogger().warning("careful\nvery")
    return {"n": n, "twice": event["x"] * 2, "id": context.aws_request_id, "left": context.get_remaining_time_in_millis() > 5000,
            "arn": context.invoked_function_arn, "mb": context.memory_limit_in_mb, "secret": os.environ["SECRET"], "group": context.log_group_name}
`)
	f.Env = map[string]string{"SECRET": "s3cret"}
	r := invoke(t, e, f, `{"x":21}`)
	answer := `{"n":%d,"twice":42,"id":"` + requestID + `","left":true,"arn":"` + f.ARN + `","mb":"128","secret":"s3cret","group":"` + f.LogGroup + `"}`
	want(t, r, "", fmt.Sprintf(answer, 1))
	if r.Init <= 0 || r.MaxMemory < 5 || r.Billed < r.Duration {
		t.Errorf("%+v", r)
	}
	r = invoke(t, e, f, `{"x":21}`)
	want(t, r, "", fmt.Sprintf(answer, 2))
	if r.Init != 0 {
		t.Errorf("%+v", r)
	}
	invocation := "START RequestId: " + requestID + " Version: $LATEST\nhello 21\n[WARNING]\t*\t" + requestID + "\tcareful\nvery\nEND RequestId: " + requestID +
		"\nREPORT RequestId: " + requestID + "\tDuration: * ms\tBilled Duration: * ms\tMemory Size: 128 MB\tMax Memory Used: * MB\t"
	delivered(t, f, "INIT_START Runtime Version: python:3.*\nloaded\n"+invocation+"Init Duration: * ms\t\n"+invocation+"\n")
}

// delivered waits until a function's log is as wanted, "*" standing for anything.
func delivered(t testing.TB, f *Function, wanted string) {
	t.Helper()
	parts := strings.Split(wanted, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	pattern := regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$")
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		text := f.Log.(*record).text()
		if pattern.MatchString(text) {
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("the log is\n%s\nwant\n%s", text, wanted)
		}
	}
}

// What a function imports may have the names of the client's own modules, and
// finds the host's packages, exit and SDK configuration.
func TestPythonModules(t *testing.T) {
	e := open(t, nil)
	f := function(t, "python3.11", "app/main.handler", map[string]string{
		"app/main.py": `
import logs, later, endpoint, bootstrap, json, sys, builtins
import botocore.session
def handler(e, c):
    client = botocore.session.Session().create_client("kms", region_name="eu-west-1")
    return [logs.x, later.x, endpoint.x, bootstrap.x, callable(builtins.exit), client.meta.endpoint_url, client._request_signer._credentials.access_key]
`, "logs.py": "x=1", "later.py": "x=2", "endpoint.py": "x=3", "bootstrap.py": "x=4",
		// Stands for an SDK of before the variable.
		"botocore/__init__.py": "__version__ = '1.29.1'", "botocore/session.py": `
import os
class Session:
    def create_client(self, service_name, region_name=None, api_version=None, use_ssl=True, verify=None, endpoint_url=None, config=None):
        class X: pass
        c = X(); c.meta = X(); c.meta.endpoint_url = endpoint_url
        c._request_signer = X(); c._request_signer._credentials = X(); c._request_signer._credentials.access_key = os.environ["AWS_ACCESS_KEY_ID"]
        return c
`,
	})
	f.Credentials = func(context.Context) (Credentials, error) { return Credentials{AccessKeyID: "ASIA"}, nil }
	want(t, invoke(t, e, f, `{}`), "", `[1,2,3,4,true,"http://127.0.0.1:9002","ASIA"]`)
}
