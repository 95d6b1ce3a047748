package cases

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/redoubttest"
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

// TestFirstSteps copies and pastes the README's first steps.
func TestFirstSteps(t *testing.T) {
	needTools(t)
	var steps string
	for _, b := range blocks(t, "../README.md") {
		if strings.HasPrefix(b, "aws sts get-caller-identity") {
			steps = b
		}
	}
	if steps == "" {
		t.Fatal("no first steps")
	}
	s := redoubttest.Start(t, redoubttest.Options{})
	cmd := exec.Command("bash", "-c", `aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }`+"\n"+steps)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), s.Admin.Environ()...)
	cmd.Env = append(cmd.Env, "AWS_PAGER=", "HOME="+cmd.Dir, "AWS_CONFIG_FILE=/nonexistent")
	out, _ := cmd.CombinedOutput()
	for _, want := range []string{
		`"Arn": "arn:aws:iam::123456789012:user/admin"`,
		"Secret message\n",
		"An error occurred (DisabledException) when calling the Decrypt operation",
		`"CreateAlias"`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("nothing of %q in\n%s", want, out)
		}
	}
}
