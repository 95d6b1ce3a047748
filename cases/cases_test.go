// Package cases runs the snippets of the article that this project implements,
// as printed and as repaired, with the stock aws CLI and boto3 against a whole
// server. docs/seed/errata.md says what is wrong with the printed ones.
package cases

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// TestCases runs every script of testdata in an empty folder, with a shell that
// stops at the first unexpected outcome. Scripts have these words besides the
// shell's own:
//
//	refused CODE COMMAND...   the command must fail and say CODE
//	same A B                  two files or strings are equal
//	advance DURATION          move the services' clock
func TestCases(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	needTools(t)
	s := redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) { c.ListenTLS = "127.0.0.1:0" }})
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".sh"), func(t *testing.T) {
			t.Parallel()
			runScript(t, s, script)
		})
	}
}

// TestTrailDelivery has a server of its own: time passes as the script says, and not
// by leaps of other cases.
func TestTrailDelivery(t *testing.T) {
	needTools(t)
	runScript(t, redoubttest.Start(t, redoubttest.Options{}), "testdata/alone/trail-delivery.sh")
}

// runScript runs a script in an empty folder with an account of its own: the
// article's names are taken only once each.
func runScript(t *testing.T, s *redoubttest.Server, script string) {
	t.Helper()
	prelude, err := filepath.Abs("testdata/prelude")
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	account := s.NewAccount(t)
	cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-o", "pipefail", "-c", `. "$0"; . "$1"`, prelude, path)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), account.Environ()...)
	cmd.Env = append(cmd.Env,
		"ACCOUNT="+account.ID, "ENDPOINT="+s.URL, "CONTROL_TOKEN="+s.ControlToken,
		"ENDPOINT_TLS="+s.TLSURL(), "CA="+filepath.Join(s.Data, "ca.pem"), "DATA="+s.Data,
		"AWS_PAGER=", "AWS_CONFIG_FILE=/nonexistent", "AWS_MAX_ATTEMPTS=1", "HOME="+cmd.Dir, "PATH="+os.Getenv("PATH"),
	)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// needTools looks for the clients. They are required where CI is set; elsewhere
// their absence skips, and says so.
func needTools(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("scripts are for Linux")
	}
	for _, probe := range [][]string{{"bash", "--version"}, {"aws", "--version"}, {"python3", "-c", "import boto3"}} {
		if out, err := exec.Command(probe[0], probe[1:]...).CombinedOutput(); err != nil {
			redoubttest.Lacks(t, fmt.Sprintf("%v: %v\n%s\nmake deps installs it", probe, err, out))
		}
	}
}
