package rotate

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/text/unicode/norm"
)

var postgresEngine = engine{
	Name: "PostgreSQL", label: "PostgreSQL", kinds: []string{"postgres", "aurora-postgresql"},
	port: 5432, db: "postgres", maxUser: 63, exclude: `:/@"'\`,
}

// postgres signs in to PostgreSQL.
type postgres struct{ dial dial }

func (p *postgres) open(ctx context.Context, l *login, secure bool) (session, error) {
	// Everything of the environment (PGHOST, PGPASSFILE, PGOPTIONS, …) that
	// ParseConfig takes in is replaced below.
	c, err := pgconn.ParseConfig("host=database user=nobody password=none sslmode=disable")
	if err != nil {
		return nil, &refusal{text: "the PG… variables in this server's environment are not usable", err: err}
	}
	c.Host, c.Port, c.Fallbacks, c.TLSConfig = "database", uint16(l.port), nil, nil
	c.User, c.Password, c.Database = l.user, l.password, l.db
	c.ConnectTimeout = connectTime
	c.RuntimeParams = map[string]string{
		"application_name": "redoubt rotation",
		"client_encoding":  "UTF8", "standard_conforming_strings": "on", // what quoteText relies on
	}
	c.MaxProtocolMessageBodyLen = maxRead
	c.SSLCertMode, c.ValidateConnect, c.KerberosSrvName, c.KerberosSpn = "disable", nil, "", ""
	c.MinProtocolVersion, c.MaxProtocolVersion, c.ChannelBinding, c.RequireAuth = "3.0", "3.0", "prefer", ""
	if !secure {
		c.RequireAuth = "!password" // a server in the middle could ask for it in the clear
	}
	c.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // the gate looks up
	c.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := p.dial(ctx, l.address())
		if err != nil || !secure {
			return conn, err
		}
		return negotiate(ctx, conn, l.tlsConfig())
	}
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return nil, postgresRefusal(err, l, secure)
	}
	return &postgresSession{conn}, nil
}

// negotiate asks for TLS as PostgreSQL's protocol does (SSLRequest) and makes
// sure that the certificate is good before anything else is said.
func negotiate(ctx context.Context, conn net.Conn, conf *tls.Config) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		conn.Close()
		return nil, err
	}
	if end, ok := ctx.Deadline(); ok {
		conn.SetDeadline(end)
	}
	if _, err := conn.Write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), 80877103)); err != nil {
		return fail(err)
	}
	// Exactly one byte: whatever else came with it would be unprotected data
	// smuggled into the session (CVE-2021-23222).
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return fail(err)
	}
	if answer[0] != 'S' {
		return fail(&refusal{cause: insecure, text: "the server does not offer SSL/TLS"})
	}
	t := tls.Client(conn, conf)
	if err := t.HandshakeContext(ctx); err != nil {
		return fail(tlsRefusal(err))
	}
	return t, nil
}

// postgresRefusal words why signing in failed.
func postgresRefusal(err error, l *login, secure bool) error {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return connectRefusal(err, l)
	}
	r := &refusal{text: scrub(fmt.Sprintf("%s (SQLSTATE %s)", pe.Message, pe.Code), l.password)}
	switch pe.Code {
	case "28P01":
		r.cause = credentials
	case "28000":
		// Messages are translated, the names of the server's functions are not:
		// this one looks for a line in pg_hba.conf, before it asks for a password.
		switch {
		case pe.Routine != "ClientAuthentication":
			r.cause = locked
		case secure:
			r.cause = insecure
		default:
			r.cause = denied
		}
	case "42501":
		r.cause = denied
	case "57P03", "53300", "57P01", "57P02": // starting, full, stopping
		r.cause = unreachable
	}
	return r
}

type postgresSession struct{ conn *pgconn.PgConn }

func (s *postgresSession) close() {
	ctx, cancel := context.WithTimeout(context.Background(), connectTime)
	defer cancel()
	s.conn.Close(ctx)
}

func (s *postgresSession) query(ctx context.Context) error {
	_, err := s.ask(ctx, "SELECT NOW()::text")
	return err
}

// ask answers the first column of a query's first row, or "".
func (s *postgresSession) ask(ctx context.Context, sql string, args ...string) (string, error) {
	params := make([][]byte, len(args))
	for i, a := range args {
		params[i] = []byte(a)
	}
	res := s.conn.ExecParams(ctx, sql, params, nil, nil, nil).Read()
	if res.Err != nil {
		return "", postgresFailure(res.Err)
	}
	if len(res.Rows) == 0 || len(res.Rows[0]) == 0 {
		return "", nil
	}
	return string(res.Rows[0][0]), nil
}

func (s *postgresSession) do(ctx context.Context, sql string) error {
	return postgresFailure(s.conn.Exec(ctx, sql).Close())
}

// postgresFailure words why a statement failed. The server's message is left
// out: it quotes the statement, where a password may stand.
func postgresFailure(err error) error {
	if err == nil {
		return nil
	}
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return &refusal{cause: unreachable, text: "the connection broke: " + brief(err), err: err}
	}
	r := &refusal{text: "the server refused the statement (SQLSTATE " + pe.Code + ")"}
	switch pe.Code {
	case "42501":
		r.cause, r.text = denied, "the user lacks the right (SQLSTATE 42501)"
	case "42704":
		r.text = "there is no such user (SQLSTATE 42704)"
	case "25006":
		r.text = "the server is read-only (SQLSTATE 25006): name the primary as host"
	case "0LP01":
		r.text = "the two users are members of each other (SQLSTATE 0LP01)"
	case "22023", "23514":
		r.text = "the server's rules for passwords refuse the new one (SQLSTATE " + pe.Code + "): set PASSWORD_LENGTH or EXCLUDE_CHARACTERS of the function"
	}
	return r
}

// setPassword implements session.
func (s *postgresSession) setPassword(ctx context.Context, user, password, _ string) error {
	name, err := quoteIdentifier(user)
	if err != nil {
		return err
	}
	return s.withPassword(ctx, "ALTER USER "+name+" WITH PASSWORD ", password)
}

// withPassword ends a statement with a password: as a verifier that was computed
// here, so that the password is neither sent nor in the server's log, or in
// plain words where the server wants to hash or judge it itself.
func (s *postgresSession) withPassword(ctx context.Context, sql, password string) error {
	how, err := s.ask(ctx, "SELECT current_setting('password_encryption')")
	if err != nil {
		return err
	}
	if how == "scram-sha-256" && isPrintable(password) {
		verifier, err := scramVerifier(password)
		if err != nil {
			return err
		}
		err = s.do(ctx, sql+verifier)
		if err == nil || causeOf(err) != other {
			return err
		}
	}
	if norm.NFKC.String(password) != password {
		// The server would normalize it (RFC 4013); not every client does.
		return &refusal{text: "the new password holds characters that clients of PostgreSQL spell in different ways"}
	}
	plain, err := quoteText(password)
	if err != nil {
		return err
	}
	return s.do(ctx, sql+plain)
}

// clone implements session. A member of a role inherits its rights, so the clone
// is made a member of the user. When it's the user's turn again it has its
// rights by itself.
func (s *postgresSession) clone(ctx context.Context, _ session, user, clone, password string) error {
	userName, err := quoteIdentifier(user)
	if err != nil {
		return err
	}
	cloneName, err := quoteIdentifier(clone)
	if err != nil {
		return err
	}
	known, err := s.ask(ctx, "SELECT 1 FROM pg_roles WHERE rolname = $1", clone)
	if err != nil {
		return err
	}
	if known == "" {
		// One message is one transaction: no clone without its rights. It has no
		// password yet, so it can't sign in.
		if err := s.do(ctx, "CREATE ROLE "+cloneName+" WITH LOGIN; GRANT "+userName+" TO "+cloneName); err != nil {
			return err
		}
	} else {
		related, err := s.ask(ctx, "SELECT 1 FROM pg_roles a, pg_roles b WHERE a.rolname = $1 AND b.rolname = $2 AND (pg_has_role(a.oid, b.oid, 'MEMBER') OR pg_has_role(b.oid, a.oid, 'MEMBER'))", user, clone)
		if err != nil {
			return err
		}
		if related == "" {
			if err := s.do(ctx, "GRANT "+userName+" TO "+cloneName); err != nil {
				return err
			}
		}
	}
	return s.withPassword(ctx, "ALTER USER "+cloneName+" WITH PASSWORD ", password)
}
