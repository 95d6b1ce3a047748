package rotate

import (
	"context"
	"errors"
	"net"
	"time"
)

const (
	// connectTime bounds one attempt to sign in, handshakes included; AWS's
	// templates set the same.
	connectTime = 5 * time.Second
	// maxRead bounds what a server may send on one connection.
	maxRead = 4 << 20
)

// engine says how secrets of one kind of database look.
type engine struct {
	Name    string   // in the names of functions
	label   string   // in log lines, as AWS's templates write it
	kinds   []string // what "engine" in the secret may say
	port    int
	db      string // where dbname is absent
	maxUser int    // how long a clone's name may be, in characters
	exclude string // characters that new passwords don't have by default
	byURL   bool   // addressed by "url" in place of "host" and "port"
	// byMaster lets the master of masterarn set the password of a single user
	// who may not do so itself.
	byMaster bool
}

// entry is a line of the table of drivers.
type entry struct {
	engine engine
	driver driver
}

// dial connects to host:port.
type dial func(ctx context.Context, address string) (net.Conn, error)

// driver signs in to databases of one kind.
type driver interface {
	// open signs in, through TLS or plain as secure says. Its errors are
	// *refusal.
	open(ctx context.Context, l *login, secure bool) (session, error)
}

// session is a database that somebody signed in to. Errors are *refusal and hold
// no password.
type session interface {
	// query proves that the session works.
	query(ctx context.Context) error
	// setPassword sets the password of a user, in one step that a crash can't
	// halve. Where the engine keeps passwords, old stays good.
	setPassword(ctx context.Context, user, password, old string) error
	// clone makes sure that the user named clone exists with the rights of the
	// one whose session from is, and sets its password last, so that a clone
	// that can sign in is complete.
	clone(ctx context.Context, from session, user, clone, password string) error
	close()
}

// cause is why a server didn't do what it was asked for.
type cause int

const (
	other       cause = iota
	credentials       // user name or password not accepted
	insecure          // TLS could not be had; nothing secret was sent
	unreachable       // no connection
	locked            // the user is locked or may not sign in
	denied            // the user lacks a right
)

// refusal is the error of a driver. Its text is made of our own words, codes and
// what servers say where no password can stand.
type refusal struct {
	cause cause
	text  string
	err   error // for errors.Is: contexts, egress.ErrRefused
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.err }

// causeOf answers the cause of an error of a driver.
func causeOf(err error) cause {
	var r *refusal
	if errors.As(err, &r) {
		return r.cause
	}
	return other
}

// drivers is the table of what can be rotated: one line per engine.
func drivers(o Options, d dial) []entry {
	return []entry{
		{mysqlEngine("MySQL", "mysql", 16), &mysqlDriver{dial: d}},
		{mysqlEngine("MariaDB", "mariadb", 80), &mysqlDriver{dial: d}},
		{postgresEngine, &postgres{dial: d}},
		{redisEngine, &redis{dial: d}},
		{httpEngine, &web{gate: o.Gate}},
	}
}
