package cases

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// TestTourOfSecrets copies and pastes docs/tour-secrets.md, against a real
// PostgreSQL.
func TestTourOfSecrets(t *testing.T) {
	needTools(t)
	db := rotatetest.StartPostgres(t)
	s := redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) { c.EgressAllow = []string{"127.0.0.1"} }})
	script := `set -u; aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }` + "\n" + strings.Join(blocks(t, "../docs/tour-secrets.md"), "\n")
	cmd := exec.CommandContext(t.Context(), "timeout", "600", "bash", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), s.Admin.Environ()...)
	cmd.Env = append(cmd.Env, "AWS_PAGER=", "HOME="+cmd.Dir, "AWS_CONFIG_FILE=/nonexistent",
		"PGHOST="+db.Host, fmt.Sprint("PGPORT=", db.Port), "PGUSER="+db.Admin, "PGPASSWORD="+db.Password)
	out, err := cmd.CombinedOutput()
	var missing []string
	for _, want := range []string{
		"SecretsManagerPostgreSQLRotationSingleUser",
		`password authentication failed for user "shop"`, "the old password is refused", "the new password works",
		"now: catalog_clone", "the clone reads 0 goods", "the first user still reads 0 goods",
	} {
		if !strings.Contains(string(out), want) {
			missing = append(missing, want)
		}
	}
	if missing != nil {
		t.Errorf("nothing of %q in (%v)\n%s", missing, err, out)
	}
}
