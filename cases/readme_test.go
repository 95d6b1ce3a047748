package cases

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

var block = regexp.MustCompile("(?s)```sh\n(.*?)```")

// blocks answers the shell blocks of a page.
func blocks(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range block.FindAllStringSubmatch(string(b), -1) {
		list = append(list, m[1])
	}
	return list
}

// TestReadmesAgree holds the two languages to the same commands; comments may
// differ.
func TestReadmesAgree(t *testing.T) {
	strip := func(s string) string {
		lines := strings.Split(s, "\n")
		for i, l := range lines {
			if j := strings.Index(l, " #"); j >= 0 {
				l = l[:j]
			}
			lines[i] = strings.TrimRight(l, " ")
		}
		return strings.Join(lines, "\n")
	}
	en, ko := blocks(t, "../README.md"), blocks(t, "../README.ko.md")
	if len(en) != len(ko) {
		t.Fatalf("%d and %d blocks", len(en), len(ko))
	}
	for i := range en {
		if strip(en[i]) != strip(ko[i]) {
			t.Errorf("block %d differs:\n%s\n%s", i, en[i], ko[i])
		}
	}
}

// steps answers the README's block that begins so.
func steps(t *testing.T, begin string) string {
	t.Helper()
	for _, b := range blocks(t, "../README.md") {
		if strings.HasPrefix(b, begin) {
			return b
		}
	}
	t.Fatalf("no block begins with %q", begin)
	return ""
}

// paste copies steps of the README into a shell and looks for what they must print.
func paste(t *testing.T, s *redoubttest.Server, steps string, want ...string) {
	t.Helper()
	cmd := exec.Command("bash", "-c", `aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }`+"\n"+steps)
	cmd.Dir = t.TempDir()
	if err := os.Symlink(s.Data, filepath.Join(cmd.Dir, "redoubt-data")); err != nil {
		t.Fatal(err)
	}
	if bin, err := filepath.Abs("../bin"); err == nil {
		if err := os.Symlink(bin, filepath.Join(cmd.Dir, "bin")); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Env = append(os.Environ(), s.Admin.Environ()...)
	cmd.Env = append(cmd.Env, "AWS_PAGER=", "HOME="+cmd.Dir, "AWS_CONFIG_FILE=/nonexistent")
	out, _ := cmd.CombinedOutput()
	for _, w := range want {
		if !strings.Contains(string(out), w) {
			t.Errorf("nothing of %q in\n%s", w, out)
		}
	}
}

// TestFirstSteps copies and pastes the README's first steps.
func TestFirstSteps(t *testing.T) {
	needTools(t)
	s := redoubttest.Start(t, redoubttest.Options{})
	paste(t, s, steps(t, "aws sts get-caller-identity"),
		`"Arn": "arn:aws:iam::123456789012:user/admin"`,
		"Secret message\n",
		"An error occurred (DisabledException) when calling the Decrypt operation",
		`"CreateAlias"`,
	)
}

// TestSecretsTour rotates a secret in a live database as the README says.
func TestSecretsTour(t *testing.T) {
	needTools(t)
	db := rotatetest.NewPostgres(t, rotatetest.Config{})
	db.AddUser(t, "app", "old-password")
	s := redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) {
		c.EgressAllow = []string{fmt.Sprintf("127.0.0.1:%d", db.Port)}
	}})
	tour := strings.ReplaceAll(steps(t, "aws secretsmanager create-secret"), "5432", strconv.Itoa(db.Port))
	paste(t, s, tour, "the new password works", "password authentication failed for user \"app\"", "finishSecret")
}

// TestDataTour stores a folder and reads it back as the README says. The search for
// plaintext is shown to find some: the key's description lies in no blob.
func TestDataTour(t *testing.T) {
	needTools(t)
	s := redoubttest.Start(t, redoubttest.Options{Store: "pebble"})
	paste(t, s, steps(t, "aws s3 mb"), "the same\n", "aws:kms\tarn:aws:kms:us-east-1:123456789012:key/", "nothing in the clear\n")
}
