package functions

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
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
	// the host's.
	Memory int
	// Idle is how long an instance waits for its next event; 0 means 10 minutes.
	Idle time.Duration

	// API serves a connection on which a function calls this server, and closes it.
	API func(net.Conn)
	// Endpoint is the address of this server's API for functions that run
	// unconfined, such as http://127.0.0.1:4566.
	Endpoint string
	// Reach lists what functions may connect to (ParseReach); Gate judges the
	// addresses behind names.
	Reach []string
	Gate  *egress.Gate
	// Hide are files and folders that no function may see, should they lie below
	// what sandboxes show of the host.
	Hide []string
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
}

// Runtime is what runs functions of a runtime.
type Runtime struct {
	Name        string // "python3.12"
	Interpreter string // path; empty for provided runtimes
	Version     string // of the interpreter: "3.11.2"
	// Note says that the version is another one than the name's; empty if exact.
	Note string
}

// Build names what runs functions of the runtime here: "python3.11.2", or
// "python3.11.2-for-python3.12" where that is not the version of the name.
func (r Runtime) Build() string {
	if r.Interpreter == "" {
		return r.Name
	}
	b := strings.TrimRight(r.Name, "0123456789.x") + r.Version
	if r.Note != "" {
		b += "-for-" + r.Name
	}
	return b
}

// Engine runs functions.
type Engine struct {
	conf    Config
	code    *codeDir
	stage   string // empty folder
	clients string // folder with the runtime clients
	reach   *reach
	logs    *delivery
	spawner *spawner

	ctx  context.Context // ends with the engine
	stop context.CancelFunc
	work sync.WaitGroup

	probe     func() Capabilities
	pool      pool
	initLimit time.Duration
}

// Open prepares the engine. Functions run from then on; Run delivers their log.
func Open(c Config) (*Engine, error) {
	if c.FirstUID == 0 {
		c.FirstUID = 2_000_000_000
	}
	if c.Instances == 0 {
		c.Instances = 64
	}
	if c.Memory == 0 {
		c.Memory = hostMemory()
	}
	if c.Idle == 0 {
		c.Idle = 10 * time.Minute
	}
	if c.API == nil {
		c.API = func(c net.Conn) { c.Close() }
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	e := &Engine{conf: c, logs: newDelivery(), stage: filepath.Join(dir, "stage"), clients: filepath.Join(dir, "runtime")}
	if e.reach, err = newReach(c.Reach, c.Gate, c.Log); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if e.code, err = openCodeDir(filepath.Join(dir, "code")); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(e.stage, 0o700); err != nil {
		return nil, err
	}
	if err := writeClients(e.clients); err != nil {
		return nil, err
	}
	e.pool.init(c.Instances)
	e.spawner = newSpawner()
	e.probe = sync.OnceValue(e.lookAround)
	e.initLimit = initTimeout
	e.ctx, e.stop = context.WithCancel(context.Background())
	return e, nil
}

// Run delivers the functions' log and stops instances that nobody needs, until
// ctx ends; then it stops all of them and returns when none is left.
func (e *Engine) Run(ctx context.Context) error {
	logs, cancel := context.WithCancel(context.Background())
	var delivered sync.WaitGroup
	delivered.Go(func() { e.logs.run(logs) })
	for ctx.Err() == nil {
		select {
		case <-e.conf.Clock.After(e.conf.Idle / 4):
			e.stopIdle()
		case <-ctx.Done():
		}
	}
	e.stop()
	e.close()
	e.work.Wait()
	close(e.spawner.done)
	cancel()
	delivered.Wait()
	endShares()
	return os.RemoveAll(e.code.root) // at rest a package is ciphertext only
}

// Capabilities answers what this host enforces. The first call tries it out.
func (e *Engine) Capabilities() Capabilities { return e.probe() }

func (e *Engine) confined() bool { return e.probe().Confined }

// Ready reports whether functions of a runtime can run here: nil, ErrIsolation or
// ErrRuntime, wrapped with the reason. The runtime's Note is to be shown with the
// function's configuration.
func (e *Engine) Ready(runtime string) (Runtime, error) {
	if c := e.probe(); !c.Confined && (!e.conf.Unconfined || !sandboxable()) {
		return Runtime{}, fmt.Errorf("%w: %s", ErrIsolation, c.Missing)
	}
	rt, _, err := resolve(runtime, e.conf.StrictRuntimes)
	return rt, err
}

// uid is the user of an instance, 0 for this process's own.
func (e *Engine) uid(slot int) int {
	if os.Geteuid() != 0 {
		return 0
	}
	return e.conf.FirstUID + slot
}

// hidden are the paths that no sandbox shows.
func (e *Engine) hidden() []string {
	var all []string
	for _, p := range append([]string{e.conf.Dir}, e.conf.Hide...) {
		if abs, err := filepath.Abs(p); err == nil {
			all = append(all, abs)
		}
		if real, err := filepath.EvalSymlinks(p); err == nil {
			if abs, err := filepath.Abs(real); err == nil {
				all = append(all, abs)
			}
		}
	}
	return all
}

// lookAround makes a sandbox to see whether it can be made.
func (e *Engine) lookAround() Capabilities {
	tried.Lock()
	defer tried.Unlock()
	if !tried.made {
		notes, err := e.trySandbox()
		if err != nil {
			return Capabilities{Missing: err.Error()}
		}
		tried.made, tried.notes = true, notes
	}
	return Capabilities{Confined: true, Notes: tried.notes}
}

// tried remembers that this host can do it: engines of one process need not all
// try.
var tried struct {
	sync.Mutex
	made  bool
	notes []string
}

// Runtimes are what functions may name here. The first call looks for
// interpreters.
func (e *Engine) Runtimes() []Runtime { return known(e.conf.StrictRuntimes) }

// Invoke runs one event and answers when it ended. It outlives ctx, as functions
// outlive clients that go away; values of ctx reach Credentials and Load. Errors
// are this engine's: ErrBusy, ErrIsolation, ErrRuntime, ErrStopped, or that code
// or credentials could not be had.
func (e *Engine) Invoke(ctx context.Context, f *Function, in Invocation) (Result, error) {
	ctx = context.WithoutCancel(ctx)
	if !e.enter() {
		return Result{}, ErrStopped
	}
	defer e.work.Done()
	if f.Builtin != nil {
		return e.invokeBuiltin(ctx, f, in)
	}
	if _, err := e.Ready(f.Runtime); err != nil {
		return Result{}, err
	}
	i, err := e.acquire(ctx, f)
	if err != nil {
		return Result{}, err
	}
	if i.used.IsZero() {
		return e.first(ctx, i, in)
	}
	return e.next(i, in, Result{Stream: i.journal.stream}, time.Now())
}

// next runs an event on an instance that waits for it.
func (e *Engine) next(i *instance, in Invocation, r Result, began time.Time) (Result, error) {
	i.journal.start(in.RequestID)
	return e.finish(i, in, r, began)
}

func (e *Engine) finish(i *instance, in Invocation, r Result, began time.Time) (Result, error) {
	status, alive, err := i.invoke(in, began.Add(i.fn.Timeout), &r)
	if err != nil {
		e.discard(i)
		return Result{}, err
	}
	e.end(i, in, &r, status, began)
	if alive {
		e.giveBack(i)
	} else {
		e.discard(i)
	}
	return r, nil
}

func (e *Engine) end(i *instance, in Invocation, r *Result, status string, began time.Time) {
	if i.box != nil {
		r.MaxMemory = min(i.box.memory(), i.fn.Memory)
		if i.hasExited() && i.box.last.Full {
			r.MaxMemory = i.fn.Memory
		}
	}
	r.bill(time.Since(began))
	r.Tail = i.journal.end(in.RequestID, r, status)
}

// first runs an event on an instance whose runtime has just been started.
func (e *Engine) first(ctx context.Context, i *instance, in Invocation) (Result, error) {
	failure, late := i.start(in.RequestID, e.initLimit)
	began := time.Now()
	if late {
		// As AWS does: the runtime starts once more, now in the function's own time.
		again, err := e.replace(ctx, i)
		if err != nil {
			return Result{}, err
		}
		i = again
		if !i.used.IsZero() {
			return e.next(i, in, Result{Stream: i.journal.stream}, began)
		}
		i.journal.start(in.RequestID)
		r := Result{Stream: i.journal.stream}
		if failure, late = i.start(in.RequestID, i.fn.Timeout); late {
			status := r.timeout(i.journal, e.conf.Clock, i.fn, in.RequestID)
			e.end(i, in, &r, status, began)
			e.discard(i)
			return r, nil
		}
		if failure == nil {
			return e.finish(i, in, r, began)
		}
		return e.fail(i, in, failure, r, began)
	}
	r := Result{Stream: i.journal.stream, Init: i.init}
	if failure == nil {
		return e.next(i, in, r, began)
	}
	i.journal.start(in.RequestID)
	return e.fail(i, in, failure, r, began)
}

// fail tells of a runtime that did not start.
func (e *Engine) fail(i *instance, in Invocation, failure func(*Result), r Result, began time.Time) (Result, error) {
	defer e.discard(i)
	if e.ctx.Err() != nil {
		return Result{}, ErrStopped
	}
	failure(&r)
	e.end(i, in, &r, "error", began)
	return r, nil
}
