package functions

import (
	"encoding/json"
	"fmt"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

// fail makes the result that of a failure which the platform found.
func (r *Result) fail(errorType, message string) {
	r.FunctionError, r.ErrorType = "Unhandled", errorType
	r.Payload, _ = json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{errorType, message})
}

// timeout is the result of a function that took too long.
func (r *Result) timeout(j *journal, clock redoubt.Clock, f *Function, requestID string) (status string) {
	text := fmt.Sprintf("Task timed out after %.2f seconds", f.Timeout.Seconds())
	r.fail("Sandbox.Timedout", "RequestId: "+requestID+" Error: "+text)
	j.failure(clock.Now().UTC().Format(stamp) + " " + requestID + " " + text + "\n")
	return "timeout"
}

// exit is the result of a runtime that ended; how is "exit status 1" or "signal:
// killed", empty for an orderly end.
func (r *Result) exit(j *journal, requestID, how string) {
	text := "Runtime exited without providing a reason"
	if how != "" {
		text = "Runtime exited with error: " + how
	}
	text = "RequestId: " + requestID + " Error: " + text
	r.fail("Runtime.ExitError", text)
	j.failure(text + "\nRuntime.ExitError")
}

// tooLarge is the result of an answer beyond MaxResponse.
func (r *Result) tooLarge() {
	r.fail("Function.ResponseSizeTooLarge", fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", MaxResponse))
}

// bill sets the durations.
func (r *Result) bill(d time.Duration) {
	r.Duration = d
	r.Billed = (d + r.Init + time.Millisecond - 1).Truncate(time.Millisecond)
}

func (in *Invocation) payload() []byte {
	if len(in.Payload) == 0 {
		return []byte("{}")
	}
	return in.Payload
}

func (in *Invocation) invoked(f *Function) string {
	if in.InvokedARN != "" {
		return in.InvokedARN
	}
	return f.ARN
}
