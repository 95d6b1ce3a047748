package rotate

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

func mysqlEngine(name, kind string, maxUser int) engine {
	return engine{Name: name, label: name, kinds: []string{kind}, port: 3306, maxUser: maxUser, exclude: `/@"'\`}
}

// mysqlDriver signs in to MySQL and MariaDB.
type mysqlDriver struct{ dial dial }

func (d *mysqlDriver) open(ctx context.Context, l *login, secure bool) (session, error) {
	dialed, verified := false, false
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName = l.user, l.password, l.db
	c.Net, c.Addr, c.Timeout = "tcp", l.address(), connectTime
	c.Logger = &mysql.NopLogger{} // the default writes to stderr
	c.DialFunc = func(ctx context.Context, _, address string) (net.Conn, error) {
		conn, err := d.dial(ctx, address)
		dialed = err == nil
		return conn, err
	}
	if secure {
		c.TLS = l.tlsConfig()
		c.TLS.VerifyConnection = func(tls.ConnectionState) error { verified = true; return nil } // runs after the usual checks
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, connectRefusal(err, l)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	s := &mysqlSession{db: db}
	if s.conn, err = db.Conn(ctx); err == nil {
		err = s.prepare(ctx)
	}
	if err == nil {
		return s, nil
	}
	s.close()
	var me *mysql.MySQLError
	switch {
	case errors.As(err, &me):
		return nil, mysqlRefusal(me, l)
	case errors.Is(err, mysql.ErrNoTLS):
		return nil, &refusal{cause: insecure, text: "the server does not offer SSL/TLS"}
	case secure && dialed && !verified:
		return nil, tlsRefusal(err)
	}
	return nil, connectRefusal(err, l)
}

// mysqlRefusal words why signing in failed.
func mysqlRefusal(me *mysql.MySQLError, l *login) error {
	r := &refusal{text: scrub(fmt.Sprintf("%s (error %d)", me.Message, me.Number), l.password)}
	switch me.Number {
	case 1045, 1698:
		r.cause = credentials
	case 3118, 4151, 1820, 1862: // locked; password expired
		r.cause = locked
	case 1044, 1130:
		r.cause = denied
	case 1040, 1053, 1203, 1226: // full, stopping
		r.cause = unreachable
	}
	return r
}

type mysqlSession struct {
	db      *sql.DB
	conn    *sql.Conn
	version string
}

// prepare makes the session one in which quoteText is right, and makes sure of
// it: something between us and the server may have eaten the setting.
func (s *mysqlSession) prepare(ctx context.Context) error {
	for _, set := range []string{"SET NAMES utf8mb4", "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'"} {
		if _, err := s.conn.ExecContext(ctx, set); err != nil {
			return err
		}
	}
	var n int
	if err := s.conn.QueryRowContext(ctx, `SELECT VERSION(), LENGTH('\\')`).Scan(&s.version, &n); err != nil {
		return err
	}
	if n != 2 {
		return &refusal{text: "the session does not keep sql_mode NO_BACKSLASH_ESCAPES, without which passwords can't be quoted"}
	}
	return nil
}

func (s *mysqlSession) close() {
	if s.conn != nil {
		s.conn.Close()
	}
	s.db.Close()
}

func (s *mysqlSession) query(ctx context.Context) error {
	var now string
	return mysqlFailure(s.conn.QueryRowContext(ctx, "SELECT NOW()").Scan(&now))
}

func (s *mysqlSession) do(ctx context.Context, statement string) error {
	_, err := s.conn.ExecContext(ctx, statement)
	return mysqlFailure(err)
}

// column answers the first column of a query's rows.
func (s *mysqlSession) column(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := s.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, mysqlFailure(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, mysqlFailure(err)
		}
		out = append(out, v)
	}
	return out, mysqlFailure(rows.Err())
}

// mysqlFailure words why a statement failed. The server's message is left out:
// it quotes the statement, where a password may stand.
func mysqlFailure(err error) error {
	if err == nil {
		return nil
	}
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	var me *mysql.MySQLError
	if !errors.As(err, &me) {
		return &refusal{cause: unreachable, text: "the connection broke: " + brief(err), err: keep(err)}
	}
	r = &refusal{text: fmt.Sprintf("the server refused the statement (error %d)", me.Number)}
	switch me.Number {
	case 1044, 1045, 1142, 1143, 1227, 1370, 1410, 1698:
		r.cause, r.text = denied, fmt.Sprintf("the user lacks the right (error %d)", me.Number)
	case 1133, 1141, 1396:
		r.text = fmt.Sprintf("there is no such user at this host (error %d)", me.Number)
	case 1290, 1836:
		r.text = fmt.Sprintf("the server is read-only (error %d): name the primary as host", me.Number)
	case 1819:
		r.text = "the server's rules for passwords refuse the new one (error 1819): set PASSWORD_LENGTH or EXCLUDE_CHARACTERS of the function"
	}
	return r
}

// hashed writes a password as SET PASSWORD wants it.
func (s *mysqlSession) hashed(password string) (string, error) {
	literal, err := quoteText(password)
	if err != nil || !takesHash(s.version) {
		return literal, err
	}
	return "PASSWORD(" + literal + ")", nil
}

// takesHash tells servers where SET PASSWORD wants a hash from those where it
// wants the password: MySQL from version 8.
func takesHash(version string) bool {
	if strings.Contains(version, "MariaDB") {
		return true
	}
	return strings.HasPrefix(version, "5.")
}

// setPassword implements session: a user may always set its own password.
func (s *mysqlSession) setPassword(ctx context.Context, _, password, _ string) error {
	hashed, err := s.hashed(password)
	if err != nil {
		return err
	}
	return s.do(ctx, "SET PASSWORD = "+hashed)
}

// clone implements session.
func (s *mysqlSession) clone(ctx context.Context, from session, user, clone, password string) error {
	self, err := from.(*mysqlSession).column(ctx, "SELECT CURRENT_USER()")
	if err != nil {
		return err
	}
	if len(self) != 1 || !strings.HasPrefix(self[0], user+"@") {
		return &refusal{text: "user " + user + " signs in as another account: " + strings.Join(self, ", ")}
	}
	source := account{user, self[0][len(user)+1:]}
	target := account{user: clone}
	hosts, err := s.column(ctx, "SELECT Host FROM mysql.user WHERE User = ?", clone)
	if err != nil {
		return err
	}
	if target.host, err = pickHost(hosts, source.host, clone); err != nil {
		return err
	}
	name, err := target.quote()
	if err != nil {
		return err
	}
	if len(hosts) == 0 {
		// With a password that nobody knows: if the next statements never come,
		// the clone must not pass for complete by taking the pending password.
		unknown, err := quoteText(rand.Text() + "-" + strings.ToLower(rand.Text()))
		if err != nil {
			return err
		}
		if err := s.do(ctx, "CREATE USER "+name+" IDENTIFIED BY "+unknown); err != nil {
			return err
		}
	}
	if err := s.copyGrants(ctx, source, target); err != nil {
		return err
	}
	if err := s.copyRequirement(ctx, source, name); err != nil {
		return err
	}
	hashed, err := s.hashed(password)
	if err != nil {
		return err
	}
	return s.do(ctx, "SET PASSWORD FOR "+name+" = "+hashed)
}

// pickHost chooses the account of the clone: the one it has, or the host of the
// one that it copies.
func pickHost(has []string, like, clone string) (string, error) {
	switch {
	case len(has) == 1:
		return has[0], nil
	case len(has) == 0 || slices.Contains(has, like):
		return like, nil
	}
	return "", &refusal{text: fmt.Sprintf("user %s has accounts for several hosts and none for %s", clone, like)}
}
