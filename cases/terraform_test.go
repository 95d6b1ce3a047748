package cases

import (
	"archive/zip"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// TestTerraform makes, changes and destroys resources with terraform and its AWS
// provider. A plan after an apply must find nothing to do: whatever an answer
// lacks, or has beyond AWS's, shows there as drift.
//
// Debian has neither of the two, so here alone their absence skips even where CI
// is set. A folder of providers is found under /opt or named by
// REDOUBT_TERRAFORM_PLUGINS; without one, terraform looks where it is configured
// to.
func TestTerraform(t *testing.T) {
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skipf("terraform is not installed, and no package of Debian's has it: %v", err)
	}
	// No function runs here: whether this host can isolate them does not matter.
	s := redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) { c.LambdaUnconfined = true }})
	dir, home := t.TempDir(), t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/terraform")); err != nil {
		t.Fatal(err)
	}
	function(t, filepath.Join(dir, "function.zip"))
	account := s.NewAccount(t)
	terraform := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "terraform", append([]string{"-chdir=" + dir}, args...)...)
		for _, v := range append(os.Environ(), account.Environ()...) {
			if !strings.HasPrefix(v, "TF_") || strings.HasPrefix(v, "TF_CLI_CONFIG_FILE=") {
				cmd.Env = append(cmd.Env, v)
			}
		}
		cmd.Env = append(cmd.Env, "HOME="+home, "AWS_CONFIG_FILE=/nonexistent", "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it stops its providers then
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	setup := []string{"init", "-no-color", "-input=false"}
	if plugins := providers(); plugins != "" {
		setup = append(setup, "-plugin-dir="+plugins)
	}
	if out, err := terraform(setup...); err != nil {
		if ctx := t.Context(); ctx.Err() != nil {
			t.Fatal(context.Cause(ctx))
		}
		t.Skipf("terraform's AWS provider cannot be had here: %v\n%s", err, out)
	}
	run := func(args ...string) {
		t.Helper()
		if out, err := terraform(args...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	for _, again := range []string{"again=false", "again=true"} {
		run("apply", "-no-color", "-input=false", "-auto-approve", "-var", again)
		run("plan", "-no-color", "-input=false", "-detailed-exitcode", "-var", again)
	}
	run("destroy", "-no-color", "-input=false", "-auto-approve", "-var", "again=true")
}

// function writes the package of a function, the same bytes each time.
func function(t *testing.T, path string) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	w, err := z.Create("index.py")
	if err == nil {
		_, err = w.Write([]byte("def handler(event, context):\n    return event\n"))
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
}

// providers is a folder that holds terraform's AWS provider, if there is one.
func providers() string {
	if dir := os.Getenv("REDOUBT_TERRAFORM_PLUGINS"); dir != "" {
		return dir
	}
	found, err := filepath.Glob("/opt/*/registry.terraform.io/hashicorp/aws")
	if err != nil || len(found) == 0 {
		return ""
	}
	return strings.TrimSuffix(found[0], "/registry.terraform.io/hashicorp/aws")
}
