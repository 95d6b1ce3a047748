package rotate

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/redoubt-sec/redoubt/egress"
)

// Options are what rotations need of the server.
type Options struct {
	// Gate is the way out to the databases.
	Gate *egress.Gate
	// Roots are the authorities that databases' certificates must come from
	// where a secret names none; nil means the system's.
	Roots *x509.CertPool
	// Timeout bounds one step; 0 means 30 s, the time-out that AWS gives its
	// templates' functions.
	Timeout time.Duration
}

// Engine holds the built-in rotation functions. It is safe for concurrent use.
type Engine struct{ functions []*Function }

// New makes the functions. It opens nothing.
func New(o Options) *Engine {
	return newEngine(o, func(ctx context.Context, address string) (net.Conn, error) {
		return o.Gate.Dial(ctx, "rotation", address, egress.Bounds{Connect: connectTime, MaxRead: maxRead})
	})
}

func newEngine(o Options, d dial) *Engine {
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	e := new(Engine)
	for _, d := range drivers(o, d) {
		for _, scheme := range []Scheme{SingleUser, MultiUser} {
			e.functions = append(e.functions, &Function{
				Name: "SecretsManager" + d.engine.Name + "Rotation" + string(scheme), Engine: d.engine.Name, Scheme: scheme,
				Description: describe(d.engine, scheme),
				driver:      d, timeout: o.Timeout, roots: o.Roots,
			})
		}
	}
	return e
}

// Scheme says how users take turns.
type Scheme string

const (
	// SingleUser sets a new password for the one user of the secret.
	SingleUser Scheme = "SingleUser"
	// MultiUser alternates between a user and its clone, whose name ends in
	// _clone, so that the old credentials stay good for one more rotation.
	MultiUser Scheme = "MultiUser"
)

// describe says what a function does.
func describe(e engine, s Scheme) string {
	if s == MultiUser {
		return "Rotates a " + e.Name + " user by alternating between the user and its clone (built in)"
	}
	return "Rotates the password of a " + e.Name + " user (built in)"
}

// Function is one built-in rotation function.
type Function struct {
	// Name is the function's name, as AWS names its templates: for example
	// SecretsManagerPostgreSQLRotationSingleUser.
	Name string
	// Engine is MySQL, MariaDB, PostgreSQL, Redis or HTTP.
	Engine string
	Scheme Scheme
	// Description says in a sentence what it does.
	Description string

	driver  entry
	timeout time.Duration
	roots   *x509.CertPool
}

// Functions lists all functions, in a fixed order.
func (e *Engine) Functions() []*Function { return e.functions }

// Function answers the function of a name, or nil.
func (e *Engine) Function(name string) *Function {
	for _, f := range e.functions {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// For answers the function that rotates secrets whose "engine" is kind, or nil.
func (e *Engine) For(kind string, s Scheme) *Function {
	for _, f := range e.functions {
		if f.Scheme == s && slices.Contains(f.driver.engine.kinds, kind) {
			return f
		}
	}
	return nil
}

// Environment answers a function's settings, of Variables, as AWS's templates read
// them. A nil Environment has none.
type Environment map[string]string

// Variables are what functions read of their environment.
var Variables = []string{
	"EXCLUDE_CHARACTERS", "EXCLUDE_LOWERCASE", "EXCLUDE_NUMBERS", "EXCLUDE_PUNCTUATION", "EXCLUDE_UPPERCASE",
	"PASSWORD_LENGTH", "REQUIRE_EACH_INCLUDED_TYPE",
}

// Run does one step of a rotation. It may be called again after any failure, or
// after a crash at any point: what is done already is found done. Errors are
// *Error where the step knows what is wrong, else those of Secrets.
func (f *Function) Run(ctx context.Context, s Secrets, env Environment, ev Event, log Log) error {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	r := &rotation{fn: f, secrets: s, env: env, id: ev.SecretID, token: ev.ClientRequestToken, log: log, plain: map[string]bool{}}
	err := r.step(ctx, ev.Step)
	if errors.Is(err, context.DeadlineExceeded) {
		var e *Error
		if !errors.As(err, &e) {
			err = &Error{Type: "TimeoutError", Message: fmt.Sprintf("%s of secret %s took longer than %s", ev.Step, ev.SecretID, f.timeout), Err: err}
		}
	}
	if err != nil {
		log(Failure, ev.Step+": "+err.Error())
	}
	return err
}
