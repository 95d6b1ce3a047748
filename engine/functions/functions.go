package functions

import (
	"context"
	"io"
	"time"
)

// Function is one version of a function, as much as it takes to run it.
type Function struct {
	ARN     string // invoked ARN, with its qualifier; it names the function to Retire
	Account string // 12 digits
	Region  string
	Name    string
	Version string // "$LATEST" or a number

	Runtime string // "python3.12"; ignored for built-in functions
	Handler string
	Memory  int           // MiB, 128 to 10,240
	Tmp     int           // size of /tmp in MiB, 512 to 10,240; 0 means 512
	Timeout time.Duration // 1 s to 900 s
	Env     map[string]string

	Code   Code
	Layers []Code // laid over each other in order below /opt

	// Revision is any text that changes with configuration or code. Instances of
	// an older revision finish what they run and are not used again.
	Revision string

	// Credentials of the execution role, asked for when an instance starts. An
	// instance is replaced before they expire. Nil: none.
	Credentials func(context.Context) (Credentials, error)

	LogGroup string
	JSON     bool // log format JSON instead of text
	// Level is the least application level in JSON logs: TRACE, DEBUG, INFO, WARN,
	// ERROR or FATAL; empty: INFO.
	Level string
	// Log takes the function's log; nil: it is dropped.
	Log Sink

	// Builtin is set for functions whose code is part of this program.
	Builtin *Builtin
}

// Code is a zip archive by what it holds. Load is called when the archive is not
// unpacked on this machine; the engine checks that it has the hash.
type Code struct {
	SHA256 [32]byte
	Load   func(context.Context) ([]byte, error)
}

// Credentials are temporary credentials of the execution role.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expires                                    time.Time // on the services' clock; zero: never
}

// Invocation is one event.
type Invocation struct {
	RequestID     string // UUID
	Payload       []byte // JSON; empty means {}
	ClientContext []byte // JSON of X-Amz-Client-Context, decoded; may be empty
	TraceID       string // X-Amzn-Trace-Id; may be empty
	// InvokedARN is the ARN that the caller named; empty: Function.ARN.
	InvokedARN string
}

// Result is how an invocation ended. A function that fails is a result, not an
// error.
type Result struct {
	Payload []byte
	// FunctionError is "" or "Unhandled", the value of X-Amz-Function-Error.
	FunctionError string
	// ErrorType is the errorType of a failure: what the runtime named, or
	// Sandbox.Timedout, Runtime.ExitError, Function.ResponseSizeTooLarge, ….
	ErrorType string
	// Tail is the end of the invocation's log, at most 4 KiB, not encoded.
	Tail      []byte
	Stream    string // log stream of the instance
	Duration  time.Duration
	Billed    time.Duration // whole milliseconds, initialisation included
	Init      time.Duration // 0 for a warm instance
	MaxMemory int           // MiB; 0 for built-in functions
}

// Sink takes the log of functions. Calls of one stream come one at a time and in
// order, after the invocation was answered at the earliest; they may block, which
// slows the functions that log.
type Sink interface {
	Put(group, stream string, lines []Line)
}

// Line is a log event.
type Line struct {
	Time time.Time // on the services' clock
	Text string    // as CloudWatch shows it, with the newline at its end
}

// SinkFunc is a function as a Sink.
type SinkFunc func(group, stream string, lines []Line)

// Put implements Sink.
func (f SinkFunc) Put(group, stream string, lines []Line) { f(group, stream, lines) }

// Builtin is a function whose code is part of this program, such as the
// rotation functions of Secrets Manager.
type Builtin struct {
	Name        string
	Description string
	// Service, by its endpoint's name, is whose function this is, and Role the role in an
	// account that trusts it and that the log is written with.
	Service string
	Role    func(account, region string) string
	// Variables are the environment variables that it reads; no others can be set.
	Variables []string
	// Invoke handles an event and answers JSON. What it writes to log becomes log
	// lines. An error is answered as a function's error: an *Error as it says,
	// any other as type "Error" with the error's text. ctx ends with the timeout.
	Invoke func(ctx context.Context, e Event, log io.Writer) ([]byte, error)
}

// Event is what a built-in function is given.
type Event struct {
	Account, Region string
	RequestID       string
	InvokedARN      string
	Payload         []byte
	Env             map[string]string // of Builtin.Variables, those that are set
	Deadline        time.Time         // wall time
}

// Error is a failure of a built-in function with its type.
type Error struct{ Type, Message string }

func (e *Error) Error() string { return e.Type + ": " + e.Message }

// Limits of AWS Lambda ("Lambda quotas").
const (
	MaxZip        = 50 << 20  // bytes of an archive in a request
	MaxUnzipped   = 250 << 20 // bytes of code and layers together, unpacked: 262144000
	MaxLayers     = 5
	MaxSync       = 6 << 20     // bytes of a synchronous event
	MaxAsync      = 1 << 20     // bytes of an asynchronous event
	MaxResponse   = 6<<20 + 100 // bytes of an answer: 6291556
	MaxTail       = 4 << 10     // bytes of log that an answer may carry
	MaxEnv        = 4 << 10     // bytes of environment variables
	maxFiles      = 100_000     // entries of an archive; AWS names no limit
	maxPath       = 1024        // bytes of an entry's name
	maxEventBytes = 256 << 10
)
