package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"redoubt": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if err := root().ExecuteContext(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "redoubt:", err)
			os.Exit(1)
		}
	}})
}

// TestScripts runs the command line as a user does, servers included. Besides
// testscript's own words there is
//
//	ready DATA [STATE]   wait until the server on DATA answers health so
//	read VAR FILE        set VAR to the first line of FILE
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("REDOUBT_LISTEN", "127.0.0.1:0")
			e.Setenv("REDOUBT_LISTEN_TLS", "off")
			e.Setenv("REDOUBT_LOG_FORMAT", "json")
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready": ready,
			"read": func(ts *testscript.TestScript, _ bool, args []string) {
				line, _, _ := strings.Cut(ts.ReadFile(args[1]), "\n")
				ts.Setenv(args[0], strings.TrimSpace(line))
			},
		},
	})
}

func ready(ts *testscript.TestScript, _ bool, args []string) {
	want := "ready"
	if len(args) > 1 {
		want = args[1]
	}
	path := filepath.Join(ts.MkAbs(args[0]), "endpoint")
	last := ""
	for start := time.Now(); time.Since(start) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
		url, err := os.ReadFile(path)
		if err != nil {
			last = err.Error()
			continue
		}
		resp, err := http.Get(strings.TrimSpace(string(url)) + "/_redoubt/health")
		if err != nil {
			last = err.Error()
			continue
		}
		b := make([]byte, 4096)
		n, _ := resp.Body.Read(b)
		resp.Body.Close()
		if last = string(b[:n]); strings.Contains(last, `"status":"`+want+`"`) {
			return
		}
	}
	ts.Fatalf("the server is not %s: %s", want, last)
}
