package functions

// The sandbox helper is this program itself, started again under another name
// (Sandboxed). It is told what to do over a socket, one JSON message per packet:
// first a spec, later one-byte commands; it answers with reports.

// sandboxName is the name (argv[0]) by which this program knows that it is to be
// a sandbox.
const sandboxName = "redoubt-sandbox"

// Descriptors of the helper beyond the standard ones.
const (
	controlFD = 3 // the socket to the engine
	outputFD  = 4 // what the runtime's standard output and error become
	eventFD   = 5 // what the runtime's descriptor 3 becomes: events for the log
)

// Addresses inside a sandbox. They are the same in each, since each has a network
// of its own.
const (
	runtimeAPI   = "127.0.0.1:9001"
	serverAPI    = "127.0.0.1:9002"
	resolverAddr = "127.0.0.1:53"
)

// spec says how a sandbox is to be.
type spec struct {
	Confined bool
	UID      int // 0: the helper's own
	// Stage is an empty folder on which the new root is put together.
	Stage string
	Binds []bind   // read-only, in order
	Hide  []string // what must not be seen, should a bind hold it
	Tmp   int      // size of /tmp in MiB
	// Memory is the bound for all processes together, in MiB.
	Memory int
	// Ports of other machines that the engine forwards to.
	Ports []int
	Argv  []string
	Env   []string
	Dir   string
}

// bind makes a file or folder of the host visible inside.
type bind struct{ From, To string }

// report is what a sandbox tells.
type report struct {
	// Listening comes with descriptors: the Runtime API's listener, then, if
	// confined, the server API's, the resolver's socket and a listener for each of
	// the spec's ports.
	Listening bool   `json:",omitempty"`
	Exited    bool   `json:",omitempty"` // the runtime ended; How as in Result.exit
	How       string `json:",omitempty"`
	Memory    int    `json:",omitempty"` // the most that was seen in use, MiB
	Full      bool   `json:",omitempty"` // it was killed for using too much
	Failed    string `json:",omitempty"` // the sandbox could not be made
	// Notes are what could not be enforced although the sandbox was made.
	Notes []string `json:",omitempty"`
}

// Commands to a sandbox.
const (
	freeze = 'F' // stop all processes
	thaw   = 'T' // let them go on
)
