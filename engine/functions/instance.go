package functions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/net/netutil"
)

// initTimeout is how long initialisation may take ("Lambda execution environment
// lifecycle").
const initTimeout = 10 * time.Second

// instance is a sandbox with a runtime in it.
type instance struct {
	engine  *Engine
	fn      *Function
	rt      Runtime
	slot    int
	box     *box
	api     *runtimeAPIServer
	http    *http.Server
	journal *journal
	sources []*source
	release []*tree
	close   []func()
	expires time.Time

	began   time.Time // of initialisation
	init    time.Duration
	used    time.Time // on the engine's clock
	frozen  bool
	retired bool // guarded by the engine
}

// newInstance makes a sandbox for the function and starts its runtime.
func (e *Engine) newInstance(ctx context.Context, f *Function, slot int) (i *instance, err error) {
	rt, interp, err := resolve(f.Runtime, e.conf.StrictRuntimes)
	if err != nil {
		return nil, err
	}
	i = &instance{engine: e, fn: f, rt: rt, slot: slot, api: newRuntimeAPI()}
	defer func() {
		if err != nil {
			i.stop()
		}
	}()
	code, err := e.code.use(ctx, f.Code)
	if err != nil {
		return nil, err
	}
	i.release = append(i.release, code)
	p := sandboxed
	binds := []bind{{code.path, p.task}}
	unzipped, opt := code.size, ""
	if len(f.Layers) > 0 {
		layers, err := e.code.use(ctx, f.Layers...)
		if err != nil {
			return nil, err
		}
		i.release = append(i.release, layers)
		unzipped, opt = unzipped+layers.size, layers.path
		binds = append(binds, bind{opt, p.opt})
	}
	if unzipped > MaxUnzipped {
		return nil, ErrUnzipped
	}
	binds = append(binds, bind{e.clients, p.runtime})
	if interp.prefix != "" && !strings.HasPrefix(interp.path, "/usr/") {
		binds = append(binds, bind{interp.prefix, interp.prefix})
	} else if interp.path != "" && !strings.HasPrefix(interp.path, "/usr/") {
		binds = append(binds, bind{interp.path, interp.path})
	}
	i.journal = &journal{clock: e.conf.Clock, fn: f, stream: newStream(e.conf.Clock, f.Version)}
	i.journal.out = func(lines []Line) { e.logs.put(f, i.journal.stream, lines) }
	bootstrap := ""
	if rt.Interpreter == "" {
		if bootstrap = findBootstrap(code.path, opt); bootstrap == "" {
			return i, nil // the owner sees that there is no box
		}
	}
	var creds Credentials
	if f.Credentials != nil {
		if creds, err = f.Credentials(ctx); err != nil {
			return nil, fmt.Errorf("functions: credentials of the execution role: %w", err)
		}
		i.expires = creds.Expires
	}

	if i.box, err = e.takeBox(); err != nil {
		return nil, err
	}
	s := spec{
		Confined: e.confined(), Stage: e.stage, Binds: binds, Hide: e.hidden(), Tmp: max(f.Tmp, 512), Memory: f.Memory,
		Ports: e.reach.ports(), Dir: p.task,
	}
	endpoint := "http://" + serverAPI
	if s.Confined {
		s.UID = e.uid(slot)
		if rest, ok := strings.CutPrefix(bootstrap, code.path); ok {
			bootstrap = p.task + rest
		} else if bootstrap != "" {
			bootstrap = p.opt + strings.TrimPrefix(bootstrap, opt)
		}
	} else {
		endpoint = e.conf.Endpoint
		p = places{code.path, opt, e.clients}
		s.Dir = code.path
	}
	s.Argv = command(rt, p, bootstrap)
	s.Env = environment(f, rt, creds, i.journal.stream, endpoint, p, interp.site)
	i.box.share(f.Memory)
	files, err := i.box.configure(s)
	if err != nil {
		return nil, err
	}
	i.began = time.Now()
	if err := i.serve(files, s); err != nil {
		return nil, err
	}
	i.journal.initStart(rt)
	return i, nil
}

// serve begins to answer the sandbox's sockets and to read its log.
func (i *instance) serve(files []*os.File, s spec) error {
	log := slog.NewLogLogger(i.engine.conf.Log.Handler(), slog.LevelDebug)
	i.http = &http.Server{Handler: i.api, ErrorLog: log, MaxHeaderBytes: 64 << 10}
	way := &router{reach: i.engine.reach}
	listeners := make([]net.Listener, 0, len(files))
	for n, f := range files {
		if s.Confined && n == 2 {
			c, err := net.FilePacketConn(f)
			f.Close()
			if err != nil {
				return err
			}
			i.close = append(i.close, func() { c.Close() })
			i.engine.work.Go(func() { way.resolve(c) })
			continue
		}
		l, err := net.FileListener(f)
		f.Close()
		if err != nil {
			return err
		}
		listeners = append(listeners, l)
		i.close = append(i.close, func() { l.Close() })
	}
	if len(listeners) == 0 {
		return errors.New("functions: sandbox: no sockets")
	}
	main := listeners[0]
	if !s.Confined {
		main = ownUser{main}
	}
	main = netutil.LimitListener(main, maxConns) // each takes a descriptor of ours
	i.engine.work.Go(func() { i.http.Serve(main) })
	for n, l := range listeners[1:] {
		serve := way.forward
		if n == 0 {
			serve = i.engine.conf.API
		}
		c := &conns{listener: l, serve: serve, open: map[net.Conn]bool{}}
		i.close = append(i.close, c.close)
		i.engine.work.Go(c.run)
	}
	for n, f := range []*os.File{i.box.events, i.box.output} {
		take := func(p []byte) { i.journal.Write(p) }
		if n == 0 {
			take = i.packet
		}
		src, err := newSource(f, take, i.journal.full)
		if err != nil {
			return err
		}
		i.sources = append(i.sources, src)
		i.engine.work.Go(src.run)
	}
	return nil
}

// start waits until the runtime asks for its first event. If that does not come
// about, it answers what to tell the caller.
func (i *instance) start(requestID string, limit time.Duration) (failure func(r *Result), late bool) {
	if i.box == nil {
		return func(r *Result) {
			text := fmt.Sprintf("RequestId: %s Error: Couldn't find valid bootstrap(s): [%s/bootstrap %s/bootstrap]", requestID, sandboxed.task, sandboxed.opt)
			r.fail("Runtime.InvalidEntrypoint", text)
		}, false
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	for {
		select {
		case s := <-i.api.notices:
			if s.ready {
				i.init = time.Since(i.began)
				i.drain() // what it printed while starting stands before START
				return nil, false
			}
			if s.initError {
				return i.initFailed(s), false
			}
		case <-i.box.exited:
			if s, ok := i.api.pending(); ok && s.initError {
				return i.initFailed(s), false
			}
			i.drain()
			i.journal.initReport(time.Since(i.began), "error", i.exitType())
			return func(r *Result) { i.exit(r, requestID) }, false
		case <-t.C:
			i.drain()
			i.journal.initReport(time.Since(i.began), "timeout", "")
			return nil, true
		case <-i.engine.ctx.Done():
			return func(*Result) {}, false
		}
	}
}

// initFailed is what to tell of an error that the runtime found at its start.
func (i *instance) initFailed(s notice) func(*Result) {
	i.drain()
	i.journal.initReport(time.Since(i.began), "error", s.typeOf())
	return func(r *Result) { r.FunctionError, r.ErrorType, r.Payload = "Unhandled", s.typeOf(), s.body }
}

// invoke runs an event. It answers the status for the log, and whether the
// instance can run another.
func (i *instance) invoke(in Invocation, deadline time.Time, r *Result) (status string, alive bool, err error) {
	if i.frozen {
		i.box.command(thaw)
		i.frozen = false
	}
	i.api.send(event{in, in.invoked(i.fn), deadline})
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	flush := time.NewTicker(500 * time.Millisecond)
	defer flush.Stop()
	answered := false
	take := func(s notice) (done bool) {
		if s.response {
			answered = true
			switch {
			case s.tooLarge:
				r.tooLarge()
			case s.failed:
				r.FunctionError, r.ErrorType, r.Payload = "Unhandled", s.typeOf(), s.body
			default:
				r.Payload = s.body
			}
		}
		return s.ready && answered
	}
	for {
		select {
		case s := <-i.api.notices:
			if take(s) {
				i.drain()
				return "success", true, nil
			}
		case <-i.box.exited:
			for s, ok := i.api.pending(); ok; s, ok = i.api.pending() {
				take(s)
			}
			i.drain()
			if answered {
				return "success", false, nil
			}
			i.exit(r, in.RequestID)
			return "error", false, nil
		case <-t.C:
			i.drain()
			if answered { // but it did not come back for more
				return "timeout", false, nil
			}
			return r.timeout(i.journal, i.engine.conf.Clock, i.fn, in.RequestID), false, nil
		case <-flush.C:
			i.journal.deliver()
		case <-i.engine.ctx.Done():
			return "", false, ErrStopped
		}
	}
}

// typeOf is the type of an error that the runtime reported.
func (s notice) typeOf() string {
	var body struct {
		ErrorType string `json:"errorType"`
	}
	if s.errorType != "" {
		return s.errorType
	}
	if json.Unmarshal(s.body, &body) == nil && body.ErrorType != "" {
		return body.ErrorType
	}
	return "Runtime.Unknown"
}

// exit makes the result that of a runtime that ended.
func (i *instance) exit(r *Result, requestID string) {
	last := i.box.last
	switch {
	case last.Failed != "":
		r.exit(i.journal, requestID, last.Failed)
	case strings.HasPrefix(last.How, "fork/exec"):
		r.fail("Runtime.InvalidEntrypoint", "RequestId: "+requestID+" Error: "+last.How)
		i.journal.failure("RequestId: " + requestID + " Error: " + last.How + "\nRuntime.InvalidEntrypoint")
	default:
		r.exit(i.journal, requestID, last.How)
	}
	if last.Full {
		r.ErrorType = i.exitType() // in the log only, as AWS does
	}
}

// exitType is the type of a runtime's end as REPORT lines name it.
func (i *instance) exitType() string {
	switch {
	case i.box.last.Full:
		return "Runtime.OutOfMemory"
	case strings.HasPrefix(i.box.last.How, "fork/exec"):
		return "Runtime.InvalidEntrypoint"
	}
	return "Runtime.ExitError"
}

// hasExited reports whether the sandbox is gone.
func (i *instance) hasExited() bool { return i.box != nil && i.box.hasExited() }

// drain takes all that the function wrote so far.
func (i *instance) drain() {
	for _, s := range i.sources {
		s.drain()
	}
}

// stop ends the instance: every process of it, its sockets, its files.
func (i *instance) stop() {
	select {
	case <-i.api.gone:
		return
	default:
		close(i.api.gone)
	}
	if i.box != nil {
		if i.box.cmd != nil {
			i.box.kill()
			<-i.box.exited
		}
		i.drain()
	}
	if i.http != nil {
		i.http.Close()
	}
	for _, f := range i.close {
		f()
	}
	if i.box != nil {
		i.box.close()
	}
	if i.journal != nil {
		i.journal.last()
	}
	for _, t := range i.release {
		i.engine.code.release(t)
	}
}
