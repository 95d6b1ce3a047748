package functions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// invokeBuiltin runs a function whose code is part of this program, with the log
// lines and error shapes of every other.
func (e *Engine) invokeBuiltin(ctx context.Context, f *Function, in Invocation) (Result, error) {
	b := f.Builtin
	j := &journal{clock: e.conf.Clock, fn: f, stream: newStream(e.conf.Clock, f.Version)}
	j.out = func(lines []Line) { e.logs.put(f, j.stream, lines) }
	r := Result{Stream: j.stream}
	j.start(in.RequestID)

	started := time.Now() // how long code runs is a matter of real time
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), started.Add(f.Timeout))
	defer cancel()
	stop := context.AfterFunc(e.ctx, cancel)
	defer stop()
	type answer struct {
		payload []byte
		err     error
	}
	done := make(chan answer, 1)
	e.work.Go(func() {
		payload, err := e.callBuiltin(ctx, b, Event{
			Account: f.Account, Region: f.Region, RequestID: in.RequestID, InvokedARN: in.invoked(f),
			Payload: in.payload(), Env: f.Env, Deadline: started.Add(f.Timeout),
		}, j)
		done <- answer{payload, err}
	})
	status := "success"
	select {
	case a := <-done:
		switch {
		case a.err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
			status = r.timeout(j, e.conf.Clock, f, in.RequestID)
		case a.err != nil:
			r.builtinError(j, in.RequestID, a.err)
		case len(a.payload) > MaxResponse:
			r.tooLarge()
		default:
			r.Payload = a.payload
			if len(r.Payload) == 0 {
				r.Payload = []byte("null")
			}
		}
	case <-ctx.Done():
		if e.ctx.Err() != nil {
			return Result{}, ErrStopped
		}
		status = r.timeout(j, e.conf.Clock, f, in.RequestID)
	}
	r.bill(time.Since(started))
	r.Tail = j.end(in.RequestID, &r, status)
	return r, nil
}

func (e *Engine) callBuiltin(ctx context.Context, b *Builtin, ev Event, j *journal) (payload []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			e.conf.Log.Error("a built-in function panicked", "function", b.Name, "panic", p, "stack", string(debug.Stack()))
			err = &Error{"Runtime.ExitError", "RequestId: " + ev.RequestID + " Error: Runtime exited without providing a reason"}
		}
	}()
	return b.Invoke(ctx, ev, j)
}

// builtinError shapes an error as runtimes do.
func (r *Result) builtinError(j *journal, requestID string, err error) {
	failure := &Error{"Error", err.Error()}
	if f := (*Error)(nil); errors.As(err, &f) {
		failure = f
	}
	j.event(fmt.Appendf(nil, "[ERROR] %s: %s\n", failure.Type, failure.Message))
	r.FunctionError, r.ErrorType = "Unhandled", failure.Type
	r.Payload, _ = json.Marshal(struct {
		Message   string   `json:"errorMessage"`
		Type      string   `json:"errorType"`
		RequestID string   `json:"requestId"`
		Trace     []string `json:"stackTrace"`
	}{failure.Message, failure.Type, requestID, []string{}})
}
