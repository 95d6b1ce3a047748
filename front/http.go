package front

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/sigv4"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/wire"
)

// step is one of the steps that every request takes, in this order.
type step struct {
	name string
	run  func(*Door, context.Context, *exchange) error
}

var steps = []step{
	{"route", (*Door).route},
	{"read", (*Door).read},
	{"identify", (*Door).identify},
	{"open", (*Door).open},
	{"decode", (*Door).decode},
	{"throttle", (*Door).throttle},
	{"execute", (*Door).run},
}

// Answer answers one request, whatever loop it came through. The request's
// body is read only until Answer returns.
func (d *Door) Answer(ctx context.Context, r *http.Request) *wire.Response {
	if problem := d.guard(r); problem != "" {
		return d.barred(r, problem)
	}
	if strings.HasPrefix(r.URL.Path, controlPrefix) && !strings.HasPrefix(r.URL.Path, adminPrefix) {
		return d.controlPath(ctx, r)
	}
	d.meters.inflight.Inc()
	defer d.meters.inflight.Dec()
	e := &exchange{http: r, start: time.Now(), requestID: trail.NewID(), wire: headOf(r)}
	if resp := d.preflight(ctx, e); resp != nil {
		return resp
	}
	d.walk(ctx, e)
	resp := d.respond(ctx, e)
	d.share(ctx, e, resp)
	return resp
}

// headOf is a request without its body.
func headOf(r *http.Request) wire.Request {
	w := wire.Request{
		Method: r.Method, Target: r.RequestURI, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery,
		Host: r.Host, Header: r.Header,
	}
	if raw, ok := rawPath(r.RequestURI); ok {
		w.Path = raw
	}
	return w
}

// barred answers what the guard refuses. Clients of S3 that do not know how long a
// body will be are told so in S3's words: others do not send any such.
func (d *Door) barred(r *http.Request, problem string) *wire.Response {
	refusal := page(http.StatusForbidden, map[string]string{"error": problem})
	if unframed(r) && r.Header.Get("X-Amz-Target") == "" {
		head := headOf(r)
		if f, ok := d.index.Find(&head, 0); ok && f.Service.SigningName == "s3" {
			refusal = d.codecs[f.Protocol].EncodeError(f.Service, nil, &redoubt.Error{
				Code: "NotImplemented", Message: "A header you provided implies functionality that is not implemented",
				Status: http.StatusNotImplemented, Fields: map[string]any{"Header": "Transfer-Encoding"},
			}, trail.NewID())
		}
	}
	refusal.Header.Set("Connection", "close")
	return refusal
}

// walk takes the steps up to the first that fails. A panic is a failure like any
// other: the caller gets an answer, and the call an event. Whoever finds one that
// a request can cause must not be able to call without leaving a trace.
func (d *Door) walk(ctx context.Context, e *exchange) {
	defer func() {
		if p := recover(); p != nil {
			d.Log.Error("panic in a call", "request", e.requestID, "panic", p, "stack", string(debug.Stack()))
			e.err = errPanic
		}
	}()
	for i := range steps {
		if e.err = steps[i].run(d, ctx, e); e.err != nil {
			return
		}
	}
}

var errPanic = errors.New("front: panic in a call")

// ServeHTTP implements http.Handler, for HTTP/2.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	write(w, r.Method, d.Answer(r.Context(), r))
}

// rawPath is the path of a request target as it was sent. net/http's own
// EscapedPath may normalise the encoding, and signatures cover what was sent.
func rawPath(target string) (string, bool) {
	if !strings.HasPrefix(target, "/") {
		return "", false
	}
	path, _, _ := strings.Cut(target, "?")
	return path, true
}

// read takes the body in, up to the limit. Bodies of S3 are left to open: they may
// be large, and who sends them is known first.
func (d *Door) read(_ context.Context, e *exchange) error {
	if e.isS3() || e.wire.Body != nil || e.public() {
		return nil
	}
	return d.take(e, e.http.Body)
}

// open takes in a body of S3, which proves itself while it is read, or hands it on
// where the operation streams it.
func (d *Door) open(_ context.Context, e *exchange) error {
	if !e.isS3() || e.public() {
		return nil
	}
	if e.form != nil {
		e.wire.Stream = e.form.Body()
		return nil
	}
	from := io.Reader(e.http.Body)
	if !hasBody(e.http) {
		// That there is none is proven too: whoever stands between must not be able
		// to leave a body out.
		from = http.NoBody
	}
	if e.wire.Body != nil {
		from = bytes.NewReader(e.wire.Body) // it looked like a form
	}
	style := sigv4.StyleOf(e.svc.Name, string(e.protocol))
	var body *sigv4.Body
	var err error
	if e.sig == nil || e.devRoot {
		body, err = sigv4.Unproven(e.signed(), from)
	} else {
		body, err = e.sig.Body(from)
	}
	if err != nil {
		return refused(err, style)
	}
	in := proven{body, style}
	if e.row != nil && e.row.Streams() {
		e.wire.Stream = in
		return nil
	}
	if !hasBody(e.http) {
		_, err := io.Copy(io.Discard, in)
		return err
	}
	return d.take(e, in)
}

// proven is a body whose reading fails as the client is to be told.
type proven struct {
	*sigv4.Body
	style sigv4.Style
}

var _ redoubt.Stream = proven{}

// Read implements io.Reader.
func (p proven) Read(b []byte) (int, error) {
	n, err := p.Body.Read(b)
	if err == nil || err == io.EOF {
		return n, err
	}
	err = refused(err, p.style)
	if _, ok := errors.AsType[*redoubt.Error](err); !ok {
		err = incomplete(err)
	}
	return n, err
}

// Trailer implements redoubt.Stream.
func (p proven) Trailer() map[string][]string { return p.Body.Trailer() }

// Close implements io.Closer; the connection drops what is left.
func (p proven) Close() error { return nil }

func hasBody(r *http.Request) bool {
	return r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody
}

// take reads the whole body, up to the limit of the operation.
func (d *Door) take(e *exchange, from io.Reader) error {
	r := e.http
	if !hasBody(r) {
		return nil
	}
	limit := d.MaxBody
	if e.row != nil && e.row.MaxBody > limit {
		limit = e.row.MaxBody
		e.wire.Limit = limit
	}
	if r.ContentLength > int64(limit) {
		return e.tooLarge()
	}
	if r.ContentLength > 0 && from == r.Body {
		var err error
		e.wire.Body, err = announced(from, int(r.ContentLength))
		return err
	}
	body, err := io.ReadAll(io.LimitReader(from, int64(limit)+1))
	if err != nil {
		if _, ok := errors.AsType[*redoubt.Error](err); ok {
			return err
		}
		return incomplete(err)
	}
	if len(body) > limit {
		return e.tooLarge()
	}
	e.wire.Body = body
	return nil
}

// tooLarge is what a body beyond the limit is told.
func (e *exchange) tooLarge() error {
	if e.row != nil && e.row.TooLarge != nil {
		return e.row.TooLarge
	}
	return wire.TooLarge()
}

// onTrust is how much room a body gets before any of it has come: nobody knows yet
// who sends it, and thousands of connections may announce the most and send
// nothing.
const onTrust = 64 << 10

// announced reads a body of a known length. Mostly it takes one allocation of the
// right size.
func announced(r io.Reader, length int) ([]byte, error) {
	body := make([]byte, min(length, onTrust))
	for n := 0; ; {
		if _, err := io.ReadFull(r, body[n:]); err != nil {
			return nil, incomplete(err)
		}
		if n = len(body); n == length {
			return body, nil
		}
		larger := make([]byte, min(length, 4*n))
		copy(larger, body)
		clear(body) // it may hold what is secret
		body = larger
	}
}

func incomplete(cause error) error {
	e := redoubt.ErrorKind("IncompleteBody").New("The request body terminated unexpectedly")
	e.Status, e.Cause = http.StatusBadRequest, cause
	return e
}

// bodyHash is what the signature covers of the body.
func (e *exchange) bodyHash() ([32]byte, error) { return sha256.Sum256(e.wire.Body), nil }

// decode fills the operation's input and holds it against the model.
func (d *Door) decode(_ context.Context, e *exchange) error {
	if e.routeErr != nil {
		return e.routeErr
	}
	if e.row == nil {
		return notImplemented(e.svc.Name, e.op.Name)
	}
	in := e.row.NewInput()
	if err := e.codec.Decode(e.svc, e.op, &e.wire, in); err != nil {
		return err
	}
	e.in = in
	return d.valid.Input(e.svc, e.op, in)
}

// notImplemented is the answer of every operation without a row.
func notImplemented(service, operation string) *redoubt.Error {
	err := redoubt.ErrNotImplemented.New("%s:%s is not implemented by this server. docs/status.md lists what is.", service, operation)
	err.Status = http.StatusNotImplemented
	return err
}

// throttle refuses calls beyond their quota.
func (d *Door) throttle(_ context.Context, e *exchange) error {
	if !d.quotas.allow(e.call, now()) {
		return redoubt.ErrThrottling.New("Rate exceeded")
	}
	return nil
}

// run executes the call unless the audit log cannot take its event.
func (d *Door) run(ctx context.Context, e *exchange) error {
	err := d.execute(ctx, e)
	if errors.Is(err, store.ErrConflict) {
		return redoubt.ErrThrottling.New("Rate exceeded")
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return redoubt.ErrorKind("RequestTimeout").New("The client went away.")
	}
	return err
}
