package functions

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	redoubt "github.com/redoubt-sec/redoubt"
)

// maxLog bounds what one invocation may log, in bytes; the rest is counted and
// dropped. AWS has no such bound but what CloudWatch takes.
const maxLog = 8 << 20

// journal turns what an instance writes into the events of its log stream.
type journal struct {
	clock  redoubt.Clock
	out    func([]Line) // hands a batch on
	fn     *Function
	stream string

	mu      sync.Mutex
	batch   []Line
	bytes   int
	partial []byte // a line whose end has not come
	begun   []byte // an event whose end has not come
	logged  int    // bytes of this invocation
	dropped int
	tail    []byte
}

// newStream names a log stream.
func newStream(c redoubt.Clock, version string) string {
	var id [16]byte
	rand.Read(id[:])
	return c.Now().UTC().Format("2006/01/02/") + "[" + version + "]" + hex.EncodeToString(id[:])
}

// Write takes output of the function: each line is an event.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n') + 1
		if i == 0 {
			i = len(p)
		}
		// A line without an end is cut, so that it cannot fill the memory.
		i = min(i, maxEventBytes-len(j.partial))
		j.partial = append(j.partial, p[:i]...)
		p = p[i:]
		if j.partial[len(j.partial)-1] == '\n' || len(j.partial) == maxEventBytes {
			j.output(j.partial)
			j.partial = j.partial[:0]
		}
	}
	return n, nil
}

// event takes an event that may have several lines.
func (j *journal) event(p []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.flushPartial()
	j.output(append(j.begun, p...))
	j.begun = j.begun[:0]
}

// more takes the beginning of an event that does not fit one packet.
func (j *journal) more(p []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.flushPartial()
	j.begun = append(j.begun, p[:min(len(p), maxEventBytes-len(j.begun))]...)
}

// full reports whether the invocation logged more than is kept.
func (j *journal) full() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.dropped > 0
}

// deliver hands on what came so far.
func (j *journal) deliver() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.flush()
}

// last hands on what an instance wrote outside of any invocation.
func (j *journal) last() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.flushPartial()
	j.flush()
}

func (j *journal) flushPartial() {
	if len(j.partial) > 0 {
		j.output(append(j.partial, '\n'))
		j.partial = j.partial[:0]
	}
}

// output adds what the function wrote, within bounds.
func (j *journal) output(p []byte) {
	if len(p) == 0 {
		return // CloudWatch has no empty events
	}
	if j.logged+len(p) > maxLog {
		j.dropped += len(p)
		return
	}
	j.logged += len(p)
	j.add(p)
}

func (j *journal) add(p []byte) {
	text := string(p)
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	j.batch = append(j.batch, Line{j.clock.Now(), text})
	j.bytes += len(text)
	if j.tail = append(j.tail, text...); len(j.tail) > 2*MaxTail {
		j.tail = append(j.tail[:0], j.tail[len(j.tail)-MaxTail:]...)
	}
	if j.bytes > 64<<10 {
		j.flush()
	}
}

func (j *journal) flush() {
	if len(j.batch) > 0 {
		j.out(j.batch)
		j.batch, j.bytes = nil, 0
	}
}

// platform adds a line of the platform's own, text or JSON as the function is
// configured.
func (j *journal) platform(text, kind string, record any) {
	if j.fn.JSON {
		if kind == "" {
			return
		}
		b, err := json.Marshal(struct {
			Time   string `json:"time"`
			Type   string `json:"type"`
			Record any    `json:"record"`
		}{j.clock.Now().UTC().Format(stamp), kind, record})
		if err != nil {
			return
		}
		text = string(b)
	}
	j.add([]byte(text + "\n"))
}

// stamp is the form of times in log lines.
const stamp = "2006-01-02T15:04:05.000Z"

// initStart tells of a new instance and of what runs it.
func (j *journal) initStart(rt Runtime) {
	version := "provided"
	if rt.Interpreter != "" {
		version = strings.TrimRight(rt.Name, "0123456789.x") + ":" + rt.Version
	}
	arn := "arn:" + redoubt.Partition(j.fn.Region) + ":lambda:" + j.fn.Region + "::runtime:" + rt.Build()
	text := "INIT_START Runtime Version: " + version + "\tRuntime Version ARN: " + arn
	if rt.Note != "" {
		text += "\tNote: " + rt.Note
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.platform(text, "platform.initStart", struct {
		InitializationType string `json:"initializationType"`
		Phase              string `json:"phase"`
		RuntimeVersion     string `json:"runtimeVersion"`
		RuntimeVersionARN  string `json:"runtimeVersionArn"`
		Note               string `json:"note,omitempty"`
	}{"on-demand", "init", version, arn, rt.Note})
}

// initReport tells of an initialisation that failed.
func (j *journal) initReport(d time.Duration, status, errorType string) {
	text := fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: init\tStatus: %s", millis(d), status)
	if errorType != "" {
		text += "\tError Type: " + errorType
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.flushPartial()
	j.platform(text, "platform.initReport", struct {
		InitializationType string             `json:"initializationType"`
		Phase              string             `json:"phase"`
		Status             string             `json:"status"`
		ErrorType          string             `json:"errorType,omitempty"`
		Metrics            map[string]float64 `json:"metrics"`
	}{"on-demand", "init", status, errorType, map[string]float64{"durationMs": millis(d)}})
}

// start begins the log of an invocation.
func (j *journal) start(requestID string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.platform(fmt.Sprintf("START RequestId: %s Version: %s", requestID, j.fn.Version), "platform.start", struct {
		RequestID string `json:"requestId"`
		Version   string `json:"version"`
	}{requestID, j.fn.Version})
}

// failure adds the platform's own words about a failure.
func (j *journal) failure(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.flushPartial()
	j.platform(text, "", nil)
}

// end closes the log of an invocation and answers its tail.
func (j *journal) end(requestID string, r *Result, status string) []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.flushPartial()
	if j.dropped > 0 {
		j.add(fmt.Appendf(nil, "[redoubt] %d bytes of log beyond %d were dropped\n", j.dropped, maxLog))
	}
	if !j.fn.JSON {
		j.platform("END RequestId: "+requestID, "", nil)
	}
	text := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		requestID, millis(r.Duration), r.Billed.Milliseconds(), j.fn.Memory, r.MaxMemory)
	metrics := map[string]float64{
		"durationMs": millis(r.Duration), "billedDurationMs": float64(r.Billed.Milliseconds()),
		"memorySizeMB": float64(j.fn.Memory), "maxMemoryUsedMB": float64(r.MaxMemory),
	}
	if r.Init > 0 {
		text += fmt.Sprintf("Init Duration: %.2f ms\t", millis(r.Init))
		metrics["initDurationMs"] = millis(r.Init)
	}
	reason := ""
	if status != "success" {
		text += "Status: " + status
		if status == "error" {
			reason = r.ErrorType
			text += "\tError Type: " + reason
		}
	}
	j.platform(text, "platform.report", struct {
		RequestID string             `json:"requestId"`
		Metrics   map[string]float64 `json:"metrics"`
		Status    string             `json:"status"`
		ErrorType string             `json:"errorType,omitempty"`
	}{requestID, metrics, status, reason})
	j.flush()
	tail := bytes.Clone(j.tail[max(0, len(j.tail)-MaxTail):])
	for len(tail) > 0 && !utf8.RuneStart(tail[0]) {
		tail = tail[1:] // a character that the cut split
	}
	j.begun = j.begun[:0]
	j.tail, j.logged, j.dropped = j.tail[:0], 0, 0
	return tail
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()/10) / 100 }
