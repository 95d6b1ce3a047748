package functions

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

const counter = `
import os
n = 0
def handler(e, c):
    global n
    n += 1
    return [n, os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("X", "")]
`

func TestPool(t *testing.T) {
	clock := &redoubt.Shifted{}
	e := open(t, func(c *Config) {
		c.FirstUID, c.Clock, c.Instances, c.Memory = testUIDs, clock, 2, 512
	})
	f := python(t, counter)
	keys := []string{"A", "B", "C"}
	f.Credentials = func(context.Context) (Credentials, error) {
		k := keys[0]
		keys = keys[1:]
		return Credentials{k, "s", "t", clock.Now().Add(time.Hour)}, nil
	}
	want(t, invoke(t, e, f, ``), "", `[1,"A",""]`)
	want(t, invoke(t, e, f, ``), "", `[2,"A",""]`)
	clock.Advance(59*time.Minute + 30*time.Second)
	want(t, invoke(t, e, f, ``), "", `[1,"B",""]`) // the credentials would expire in the middle
	changed := *f
	changed.Revision, changed.Env = "2", map[string]string{"X": "y"}
	want(t, invoke(t, e, &changed, ``), "", `[1,"C","y"]`)
	if len(e.pool.idle) != 1 {
		t.Errorf("%d instances wait", len(e.pool.idle))
	}
	// Others take the place of those that wait longest.
	g, h := python(t, counter), python(t, counter)
	want(t, invoke(t, e, g, ``), "", `[1,"",""]`)
	want(t, invoke(t, e, h, ``), "", `[1,"",""]`)
	want(t, invoke(t, e, g, ``), "", `[2,"",""]`)
	if len(e.pool.idle) != 2 {
		t.Errorf("%d instances wait", len(e.pool.idle))
	}
	// Nobody waits for a place.
	slow := python(t, "import time\ndef handler(e, c):\n    time.sleep(e)\n    return e\n")
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { invoke(t, e, slow, `1`) })
	}
	for busy := 0; busy < 2; time.Sleep(time.Millisecond) {
		e.pool.mu.Lock()
		busy = len(e.pool.busy)
		e.pool.mu.Unlock()
	}
	if _, err := e.Invoke(t.Context(), g, Invocation{RequestID: requestID}); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	e.Retire(slow.ARN) // while it runs
	all.Wait()
	gone(t, e)
	if e.pool.memory != 0 {
		t.Errorf("%d MiB are taken", e.pool.memory)
	}
	want(t, invoke(t, e, g, ``), "", `[1,"",""]`)
	clock.Advance(11 * time.Minute)
	for began := time.Now(); len(leftovers(t)) > 0; time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("an instance waits for ever")
		}
	}
}

func TestProvidedAndLayers(t *testing.T) {
	e := open(t, nil)
	shell := `#!/bin/bash
set -eu
api() {
  exec 5<>/dev/tcp/127.0.0.1/9001
  printf '%s /2018-06-01/runtime/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' "$1" "$2" "${#3}" "$3" >&5
  cat <&5
}
echo "at $PWD with $_HANDLER"
while true; do
  event=$(api GET invocation/next "")
  id=$(grep -i '^lambda-runtime-aws-request-id:' <<<"$event" | tr -d '\r' | cut -d' ' -f2)
  api POST "invocation/$id/response" "\"$(cat /opt/a/one) $(cat /opt/b)\"" >/dev/null
done
`
	f := function(t, "provided.al2023", "what.ever", map[string]string{"bootstrap": shell})
	f.Layers = []Code{code(archive(t, map[string]string{"a/one": "1", "b": "old"})), code(archive(t, map[string]string{"b": "new"}))}
	r := invoke(t, e, f, `{}`)
	want(t, r, "", `"1 new"`)
	if !strings.Contains(string(r.Tail), "at /var/task with what.ever\n") {
		t.Error(string(r.Tail))
	}
	f = function(t, "provided.al2", "x", map[string]string{"other": ""})
	want(t, invoke(t, e, f, `{}`), "Unhandled", `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: `+requestID+` Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"}`)
	f = function(t, "provided.al2", "x", map[string]string{"bootstrap": "#!/nowhere\n"})
	want(t, invoke(t, e, f, `{}`), "Unhandled", `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: `+requestID+` Error: fork/exec /var/task/bootstrap: no such file or directory"}`)
	f = function(t, "java21", "x", map[string]string{"x": ""})
	if _, err := e.Invoke(t.Context(), f, Invocation{RequestID: requestID}); !errors.Is(err, ErrRuntime) {
		t.Error(err)
	}
	if rt, err := e.Ready("python3.8"); err != nil || !strings.Contains(rt.Note, "python3.8 runs on version 3.") {
		t.Error(rt, err)
	}
	e.conf.StrictRuntimes = true
	if _, err := e.Ready("python3.8"); !errors.Is(err, ErrRuntime) {
		t.Error(err)
	}
}

func TestBuiltin(t *testing.T) {
	e := open(t, nil)
	f := &Function{ARN: "arn", Account: "123456789012", Region: "us-east-1", Name: "inside", Version: "$LATEST", Memory: 128, Timeout: time.Second, Log: &record{}}
	f.Builtin = &Builtin{Name: "inside", Invoke: func(ctx context.Context, ev Event, log io.Writer) ([]byte, error) {
		io.WriteString(log, "step "+string(ev.Payload)+"\n")
		switch string(ev.Payload) {
		case `"wait"`:
			<-ctx.Done()
			return nil, ctx.Err()
		case `"fail"`:
			return nil, &Error{"ValueError", "no"}
		case `"panic"`:
			panic("x")
		}
		return nil, nil
	}}
	want(t, invoke(t, e, f, `1`), "", `null`)
	want(t, invoke(t, e, f, `"fail"`), "Unhandled", `{"errorMessage":"no","errorType":"ValueError","requestId":"`+requestID+`","stackTrace":[]}`)
	want(t, invoke(t, e, f, `"wait"`), "Unhandled", `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: `+requestID+` Error: Task timed out after 1.00 seconds"}`)
	if r := invoke(t, e, f, `"panic"`); r.ErrorType != "Runtime.ExitError" {
		t.Errorf("%s", r.Payload)
	}
}

// The log in JSON, and what the runtime's own client refuses.
func TestJSONLog(t *testing.T) {
	e := open(t, nil)
	f := python(t, "import logging\ndef handler(e, c):\n    logging.getLogger().info('hello')\n    logging.getLogger().debug('quiet')\n")
	f.JSON = true
	r := invoke(t, e, f, `{}`)
	want(t, r, "", `null`)
	for _, s := range []string{`"type":"platform.start","record":{"requestId":"` + requestID + `","version":"$LATEST"}}`, `"level": "INFO", "message": "hello", "logger": "root", "requestId": "` + requestID + `"}`, `"type":"platform.report"`, `"memorySizeMB":128`} {
		if !strings.Contains(string(r.Tail), s) {
			t.Errorf("no %s in\n%s", s, r.Tail)
		}
	}
	if strings.Contains(string(r.Tail), "quiet") || strings.Contains(string(r.Tail), "END ") {
		t.Error(string(r.Tail))
	}
}

func BenchmarkWarm(b *testing.B) {
	e := open(b, nil)
	f := python(b, "def handler(e, c):\n    return e\n")
	invoke(b, e, f, `{"x":1}`)
	b.ResetTimer()
	for b.Loop() {
		invoke(b, e, f, `{"x":1}`)
	}
}

func BenchmarkCold(b *testing.B) {
	e := open(b, nil)
	f := python(b, "def handler(e, c):\n    return e\n")
	invoke(b, e, f, `{"x":1}`)
	b.ResetTimer()
	before := processorTime(b)
	defer func() {
		b.ReportMetric(float64((processorTime(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	}()
	for b.Loop() {
		b.StopTimer()
		e.Retire(f.ARN)
		for ready := false; !ready; time.Sleep(time.Millisecond) {
			e.pool.mu.Lock()
			ready = e.pool.spare != nil
			e.pool.mu.Unlock()
		}
		b.StartTimer()
		invoke(b, e, f, `{"x":1}`)
	}
}

// processorTime is what this process and its children that ended used.
func processorTime(b *testing.B) time.Duration {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}
