package rotatetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// postgres is PostgreSQL's postgres.
type postgres struct{ server, installer string }

// StartPostgres answers the PostgreSQL server of this test binary.
func StartPostgres(t testing.TB) *Server {
	t.Helper()
	return shared.postgres.share(t, startPostgres)
}

// NewPostgres starts a server of the test's own.
func NewPostgres(t testing.TB, c Config) *Server {
	t.Helper()
	StartPostgres(t) // has the template
	s := startPostgres(t, c)
	t.Cleanup(func() { s.end("") })
	return s
}

func startPostgres(t testing.TB, c Config) *Server {
	t.Helper()
	k := postgres{find(t, "postgres", "/usr/lib/postgresql/*/bin/postgres"), find(t, "initdb", "/usr/lib/postgresql/*/bin/initdb")}
	return start(t, &Server{Engine: "postgres", Admin: "postgres", Password: "Adm1n-of-a-test", kind: k}, c)
}

func (k postgres) install(dir string, own *syscall.Credential) error {
	password := filepath.Join(dir, "password")
	if err := write(password, []byte("Adm1n-of-a-test\n"), own); err != nil {
		return err
	}
	if err := run(own, k.installer, "-D", filepath.Join(dir, "data"), "-U", "postgres", "--pwfile="+password,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"); err != nil {
		return err
	}
	return os.Remove(password)
}

func (k postgres) command(s *Server) (*exec.Cmd, error) {
	s.PlainPort = s.Port
	args := []string{
		"-D", filepath.Join(s.dir, "data"), "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-k", s.dir,
		"-c", "fsync=off", "-c", "shared_buffers=8MB", "-c", "max_connections=40", "-c", "autovacuum=off", "-c", "log_statement=all",
	}
	if s.CA != "" {
		args = append(args, "-c", "ssl=on", "-c", "ssl_cert_file="+filepath.Join(s.dir, "cert.pem"), "-c", "ssl_key_file="+filepath.Join(s.dir, "key.pem"))
	}
	return exec.Command(k.server, args...), nil
}

func (postgres) exec(s *Server, user, password, statement string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := pgconn.ParseConfig("host=127.0.0.1 user=x sslmode=disable")
	if err != nil {
		return nil, err
	}
	c.Host, c.Port, c.User, c.Password, c.Database, c.TLSConfig, c.Fallbacks = s.Host, uint16(s.Port), user, password, "postgres", s.tls(), nil
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	if statement == "" {
		// The table that work reads is made when the administrator first comes.
		statement = "CREATE TABLE IF NOT EXISTS orders (id int)"
	}
	results, err := conn.Exec(ctx, statement).ReadAll()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, r := range results {
		for _, row := range r.Rows {
			out = append(out, string(row[0]))
		}
	}
	return out, nil
}

func (postgres) addUser(user, password string) []string {
	name := `"` + strings.ReplaceAll(user, `"`, `""`) + `"`
	return []string{
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", name, strings.ReplaceAll(password, "'", "''")),
		fmt.Sprintf("GRANT SELECT, INSERT ON orders TO %s", name),
	}
}

func (postgres) work() string { return "SELECT count(*) FROM orders" }

// Log answers what the server has logged: with PostgreSQL every statement.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
