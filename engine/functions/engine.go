package functions

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/egress"
)

// Config is how functions run on this host. Dir, Clock and Log are required.
type Config struct {
	Dir   string // holds unpacked code and nothing else; emptied at start
	Clock redoubt.Clock
	Log   *slog.Logger

	// Unconfined lets functions run although this host cannot isolate them.
	Unconfined bool
	// StrictRuntimes refuses runtimes of which the host has another version.
	StrictRuntimes bool
	// FirstUID to FirstUID+Instances-1 are the users of instances, when the server
	// runs as root. 0 means 2,000,000,000.
	FirstUID int
	// Instances that may exist at a time; 0 means 64.
	Instances int
	// Memory that all instances together may be configured for, in MiB; 0 means
	// three quarters of the host's.
	Memory int
	// Idle is how long an instance waits for its next event; 0 means 10 minutes.
	Idle time.Duration

	// API serves a connection on which a function calls this server.
	API func(net.Conn)
	// Endpoint is the address of this server's API for functions that run
	// unconfined, such as http://127.0.0.1:4566.
	Endpoint string
	// Reach lists what functions may connect to (ParseReach); Gate judges the
	// addresses behind names.
	Reach []string
	Gate  *egress.Gate
}

// Capabilities are what this host does to functions, for the start log and for
// who asks.
type Capabilities struct {
	// Confined reports whether functions are isolated from the server and from each
	// other.
	Confined bool
	// Missing says why not, in words; empty if Confined.
	Missing string
	// Notes are what is weaker than it could be, in words.
	Notes []string
	// Runtimes are the runtimes that functions may name here.
	Runtimes []Runtime
}

// Runtime is what runs functions of a runtime.
type Runtime struct {
	Name        string // "python3.12"
	Interpreter string // path; empty for provided runtimes
	Version     string // of the interpreter: "3.11.2"
	// Note says that the version is another one than the name's; empty if exact.
	Note string
}

// Engine runs functions.
type Engine struct {
	conf Config
	code *codeDir
	logs *delivery

	ctx  context.Context // ends with the engine
	stop context.CancelFunc
	work sync.WaitGroup
}

// Open prepares the engine. Nothing runs before Run does.
func Open(c Config) (*Engine, error) {
	code, err := openCodeDir(filepath.Join(c.Dir, "code"))
	if err != nil {
		return nil, err
	}
	e := &Engine{conf: c, code: code, logs: newDelivery()}
	e.ctx, e.stop = context.WithCancel(context.Background())
	return e, nil
}

// Run keeps the engine until ctx ends, then stops every instance.
func (e *Engine) Run(ctx context.Context) error {
	logs, cancel := context.WithCancel(context.Background())
	var delivered sync.WaitGroup
	delivered.Go(func() { e.logs.run(logs) })
	<-ctx.Done()
	e.stop()
	e.work.Wait()
	cancel()
	delivered.Wait()
	return nil
}

// Capabilities answers what this host enforces.
func (e *Engine) Capabilities() Capabilities {
	return Capabilities{Missing: "sandboxes are not built in"}
}

// Ready reports whether functions of a runtime can run here: nil, ErrIsolation or
// ErrRuntime, wrapped with the reason. The runtime's Note is to be shown with the
// function's configuration.
func (e *Engine) Ready(runtime string) (Runtime, error) {
	return Runtime{}, ErrIsolation
}

// Invoke runs one event and answers when it ended. It outlives ctx, as functions
// outlive clients that go away; values of ctx reach Credentials and Load. Errors
// are this engine's: ErrBusy, ErrIsolation, ErrRuntime, ErrStopped, or that code
// or credentials could not be had.
func (e *Engine) Invoke(ctx context.Context, f *Function, in Invocation) (Result, error) {
	if f.Builtin != nil {
		return e.invokeBuiltin(ctx, f, in)
	}
	return Result{}, ErrIsolation
}

// Retire stops the instances of a function: at once those that wait, the others
// after their event. arn without a qualifier means all its versions.
func (e *Engine) Retire(arn string) {}
