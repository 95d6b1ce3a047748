package functions

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The Lambda Runtime API ("Using the Lambda runtime API for custom runtimes"),
// served to one instance.

const apiPrefix = "/2018-06-01/runtime/"

// phase is where an instance stands in the protocol.
type phase int

const (
	initializing phase = iota
	waiting            // asked for the next event, none there
	running            // has an event
	responded          // answered it, has not asked for the next
)

var phaseNames = [...]string{"Init", "Ready", "Running", "InvocationResponded"}

// notice is what the Runtime API tells the instance's owner.
type notice struct {
	ready     bool // the runtime asks for the next event
	initError bool
	response  bool
	failed    bool // with response: it is an error
	tooLarge  bool // with response: it was not taken
	body      []byte
	errorType string
}

// event is an invocation as the runtime gets it.
type event struct {
	Invocation
	arn      string
	deadline time.Time
}

// runtimeAPIServer serves one instance.
type runtimeAPIServer struct {
	events  chan event // to the runtime; the owner puts one in while waiting
	notices chan notice
	gone    chan struct{} // closed when the instance ends

	mu      sync.Mutex
	phase   phase
	current string // request id while running
}

func newRuntimeAPI() *runtimeAPIServer {
	return &runtimeAPIServer{events: make(chan event, 1), notices: make(chan notice, 8), gone: make(chan struct{})}
}

// send hands an event to the runtime, which must be waiting.
func (a *runtimeAPIServer) send(ev event) {
	a.mu.Lock()
	a.phase, a.current = running, ev.RequestID
	a.mu.Unlock()
	a.events <- ev
}

func (a *runtimeAPIServer) tell(s notice) {
	select {
	case a.notices <- s:
	case <-a.gone:
	}
}

// pending answers a signal that was not taken yet.
func (a *runtimeAPIServer) pending() (notice, bool) {
	select {
	case s := <-a.notices:
		return s, true
	default:
		return notice{}, false
	}
}

func (a *runtimeAPIServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, apiPrefix)
	if !ok {
		http.NotFound(w, r)
		return
	}
	if id, what, ok := cutInvocation(path); ok && r.Method == http.MethodPost && (what == "response" || what == "error") {
		a.answer(w, r, id, what == "error")
		return
	}
	switch {
	case path == "invocation/next" && r.Method == http.MethodGet:
		a.next(w, r)
	case path == "init/error" && r.Method == http.MethodPost:
		a.initError(w, r)
	default:
		http.NotFound(w, r)
	}
}

func cutInvocation(path string) (id, what string, ok bool) {
	rest, ok := strings.CutPrefix(path, "invocation/")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/")
}

func (a *runtimeAPIServer) next(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	was := a.phase
	if was == running {
		a.mu.Unlock()
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "State transition from Running to Ready failed for runtime. Error: State transition is not allowed")
		return
	}
	a.phase = waiting
	a.mu.Unlock()
	if was != waiting {
		a.tell(notice{ready: true})
	}
	select {
	case ev := <-a.events:
		h := w.Header()
		h["Lambda-Runtime-Aws-Request-Id"] = []string{ev.RequestID}
		h["Lambda-Runtime-Deadline-Ms"] = []string{strconv.FormatInt(ev.deadline.UnixMilli(), 10)}
		h["Lambda-Runtime-Invoked-Function-Arn"] = []string{ev.arn}
		if ev.TraceID != "" {
			h["Lambda-Runtime-Trace-Id"] = []string{ev.TraceID}
		}
		if len(ev.ClientContext) > 0 {
			h["Lambda-Runtime-Client-Context"] = []string{string(ev.ClientContext)}
		}
		h["Content-Type"] = []string{"application/json"}
		h["Content-Length"] = []string{strconv.Itoa(len(ev.payload()))}
		w.Write(ev.payload())
	case <-r.Context().Done():
	case <-a.gone:
	}
}

func (a *runtimeAPIServer) answer(w http.ResponseWriter, r *http.Request, id string, failed bool) {
	a.mu.Lock()
	if a.phase != running || id != a.current {
		p := a.phase
		a.mu.Unlock()
		if p == running {
			refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		} else {
			refuse(w, http.StatusForbidden, "InvalidStateTransition", "State transition from "+phaseNames[p]+" to InvocationResponse failed for runtime. Error: State transition is not allowed")
		}
		return
	}
	a.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxResponse+1))
	if err != nil {
		return // the runtime went away in the middle; its end will tell
	}
	a.mu.Lock()
	if a.phase != running || id != a.current {
		a.mu.Unlock() // a second answer was faster
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "State transition is not allowed")
		return
	}
	a.phase, a.current = responded, ""
	a.mu.Unlock()
	s := notice{response: true, failed: failed, body: body, errorType: r.Header.Get("Lambda-Runtime-Function-Error-Type")}
	if len(body) > MaxResponse {
		a.tell(notice{response: true, tooLarge: true})
		// Runtimes read the answer only when all is sent.
		io.Copy(io.Discard, io.LimitReader(r.Body, 1<<30))
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Exceeded maximum allowed payload size ("+strconv.Itoa(MaxResponse)+" bytes).")
		return
	}
	a.tell(s)
	accept(w)
}

func (a *runtimeAPIServer) initError(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	p := a.phase
	a.mu.Unlock()
	if p != initializing {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "State transition from "+phaseNames[p]+" to InitError failed for runtime. Error: State transition is not allowed")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 256<<10))
	if err != nil {
		return
	}
	a.tell(notice{initError: true, body: body, errorType: r.Header.Get("Lambda-Runtime-Function-Error-Type")})
	accept(w)
}

// accepted is the answer to what was taken.
var accepted = []byte("{\"status\":\"OK\"}\n")

func accept(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(accepted))}
	w.WriteHeader(http.StatusAccepted)
	w.Write(accepted)
}

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	b, _ := json.Marshal(map[string]string{"errorType": errorType, "errorMessage": message})
	w.Header()["Content-Type"] = []string{"application/json"}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(b))}
	w.WriteHeader(status)
	w.Write(b)
}
