package rotatetest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// mariadb is MariaDB's mariadbd.
type mariadb struct{ server, installer string }

// StartMariaDB answers the MariaDB server of this test binary.
func StartMariaDB(t testing.TB) *Server {
	t.Helper()
	return shared.mariadb.share(t, startMariaDB)
}

// NewMariaDB starts a server of the test's own.
func NewMariaDB(t testing.TB, c Config) *Server {
	t.Helper()
	StartMariaDB(t) // has the template
	s := startMariaDB(t, c)
	t.Cleanup(func() { s.end("") })
	return s
}

func startMariaDB(t testing.TB, c Config) *Server {
	t.Helper()
	k := mariadb{find(t, "mariadbd", "/usr/sbin/mariadbd"), find(t, "mariadb-install-db", "/usr/bin/mariadb-install-db")}
	return start(t, &Server{Engine: "mariadb", Admin: "admin", Password: "Adm1n-of-a-test", kind: k}, c)
}

// small keeps start-up quick and files few.
var small = []string{
	"--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0",
	"--aria-log-file-size=8M", "--aria-pagecache-buffer-size=4M", "--key-buffer-size=64K", "--performance-schema=0", "--skip-log-bin", "--innodb-fast-shutdown=2",
}

func (k mariadb) install(dir string, own *syscall.Credential) error {
	args := append([]string{
		"--no-defaults", "--datadir=" + filepath.Join(dir, "data"), "--auth-root-authentication-method=normal",
		"--skip-test-db", "--skip-name-resolve",
	}, small...)
	return run(own, k.installer, args...)
}

func (k mariadb) command(s *Server) (*exec.Cmd, error) {
	s.PlainPort = s.Port
	init := filepath.Join(s.dir, "init.sql")
	statements := []string{
		"CREATE USER IF NOT EXISTS 'admin'@'%' IDENTIFIED BY '" + s.Password + "'",
		"GRANT ALL ON *.* TO 'admin'@'%' WITH GRANT OPTION",
		"DROP USER IF EXISTS 'root'@'localhost'",
		"CREATE DATABASE IF NOT EXISTS shop",
		"CREATE TABLE IF NOT EXISTS shop.orders (id INT PRIMARY KEY)",
	}
	if err := os.WriteFile(init, []byte(strings.Join(statements, ";\n")+";\n"), 0o644); err != nil {
		return nil, err
	}
	args := append([]string{
		"--no-defaults", "--datadir=" + filepath.Join(s.dir, "data"), "--bind-address=127.0.0.1", "--port=" + strconv.Itoa(s.Port),
		"--socket=" + filepath.Join(s.dir, "sock"), "--skip-name-resolve", "--init-file=" + init, "--tmpdir=" + s.dir,
		"--pid-file=" + filepath.Join(s.dir, "pid"),
	}, small...)
	if s.CA != "" {
		args = append(args, "--ssl-cert="+filepath.Join(s.dir, "cert.pem"), "--ssl-key="+filepath.Join(s.dir, "key.pem"), "--ssl-ca="+filepath.Join(s.dir, "ca.pem"))
	}
	return exec.Command(k.server, args...), nil
}

func (mariadb) exec(s *Server, user, password, statement string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.Logger = user, password, "tcp", fmt.Sprintf("%s:%d", s.Host, s.Port), &mysql.NopLogger{}
	c.TLS = s.tls()
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if statement == "" {
		return nil, db.PingContext(ctx)
	}
	rows, err := db.QueryContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		columns, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.RawBytes)
		}
		if err := rows.Scan(values...); err != nil {
			return nil, err
		}
		out = append(out, string(*values[0].(*sql.RawBytes)))
	}
	return out, rows.Err()
}

func (mariadb) addUser(user, password string) []string {
	name := "'" + strings.ReplaceAll(user, "'", "''") + "'@'%'"
	return []string{
		"CREATE USER " + name + " IDENTIFIED BY '" + strings.NewReplacer("'", "''", `\`, `\\`).Replace(password) + "'",
		"GRANT SELECT, INSERT ON shop.* TO " + name,
	}
}

func (mariadb) work() string { return "SELECT COUNT(*) FROM shop.orders" }

// tls is how the test's own sessions check the server.
func (s *Server) tls() *tls.Config {
	if s.CA == "" {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(s.CA))
	return &tls.Config{RootCAs: pool, ServerName: s.Host}
}
