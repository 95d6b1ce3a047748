package front

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/wire"
)

// respond encodes the outcome, records it where that has not happened with the
// change itself, and counts it.
func (d *Door) respond(ctx context.Context, e *exchange) *wire.Response {
	var resp *wire.Response
	if e.err == nil {
		var err error
		if resp, err = e.codec.Encode(e.svc, e.op, e.out, e.requestID); err != nil {
			e.err = err
		}
		if e.call.Status != 0 && resp != nil {
			resp.Status = e.call.Status
		}
		for name, v := range e.call.Said {
			resp.Header[name] = []string{v}
		}
	}
	if e.err != nil {
		e.refusal = d.refusal(e)
	}
	if err := d.recordAfter(ctx, e); err != nil && e.err == nil {
		// An answer that cannot be recorded is not given.
		e.err = err
		e.refusal = d.refusal(e)
	}
	if e.refusal != nil {
		if resp != nil && resp.Stream != nil {
			resp.Stream.Close()
		}
		resp = d.refuse(e)
	}
	if e.form != nil && e.refusal == nil && e.err == nil {
		resp = e.answerForm(resp)
	}
	e.status = resp.Status
	d.count(e)
	return resp
}

// refuse words the refusal in the caller's protocol, as far as that is known.
func (d *Door) refuse(e *exchange) *wire.Response {
	if e.codec != nil {
		return e.codec.EncodeError(e.svc, e.op, e.refusal, e.requestID)
	}
	resp := page(cmp.Or(e.refusal.Status, http.StatusNotFound), map[string]string{"__type": e.refusal.Code, "message": e.refusal.Message})
	resp.Header.Set("X-Amzn-Requestid", e.requestID)
	resp.Header.Set("X-Amzn-Errortype", e.refusal.Code)
	return resp
}

// page is an answer of the server's own, as JSON.
func page(status int, v any) *wire.Response {
	body, err := json.Marshal(v)
	if err != nil {
		// Only what holds no JSON could fail, and nothing of the kind is answered.
		status, body = http.StatusInternalServerError, []byte("{}")
	}
	return &wire.Response{
		Status: status,
		Header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}},
		Body:   append(body, '\n'),
	}
}

// write is how an answer goes out through net/http.
func write(w http.ResponseWriter, method string, resp *wire.Response) {
	h := w.Header()
	for k, v := range resp.Header {
		h[k] = v
	}
	if resp.Stream != nil {
		defer resp.Stream.Close()
		w.WriteHeader(resp.Status)
		if method != http.MethodHead {
			if _, err := io.Copy(w, resp.Stream); err != nil {
				// The head is out: cutting the connection is the only way left to say
				// that the body is not whole.
				panic(http.ErrAbortHandler)
			}
		}
		return
	}
	if h.Get("Content-Length") == "" && resp.Status != http.StatusNoContent && resp.Status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(resp.Body)))
	}
	w.WriteHeader(resp.Status)
	if method != http.MethodHead {
		w.Write(resp.Body) // the client may be gone; nobody is left to tell
	}
}

// refusal is the error as the client may see it. What is not a *redoubt.Error is
// logged and answered as the service's internal failure.
func (d *Door) refusal(e *exchange) *redoubt.Error {
	var r *redoubt.Error
	if !errors.As(e.err, &r) {
		switch {
		case errors.Is(e.err, store.ErrUnavailable), errors.Is(e.err, store.ErrClosed):
			r = unavailable("The service is temporarily unavailable.")
		case errors.Is(e.err, store.ErrTooLarge):
			r = &redoubt.Error{Code: "LimitExceededException", Message: "The request changes more than one transaction can hold."}
		default:
			r = &redoubt.Error{Code: string(redoubt.ErrInternal), Fault: true, Status: http.StatusInternalServerError}
		}
		r.Cause = e.err
	}
	r = d.spell(e, r)
	switch {
	case faulty(e, r):
		d.Log.Error("call failed", "request", e.requestID, "service", name(e.svc), "operation", operation(e.op), "error", r, "cause", r.Cause)
	case r.Cause != nil:
		// The caller's fault, and strangers can cause it at will: no reason to
		// wake anybody.
		d.Log.Debug("call refused", "request", e.requestID, "service", name(e.svc), "operation", operation(e.op), "error", r, "cause", r.Cause)
	}
	return r
}

// faulty reports whether a refusal is the server's fault.
func faulty(e *exchange, r *redoubt.Error) bool {
	var shape *schema.Shape
	if e.svc != nil {
		shape = e.svc.ErrorShape(r.Code)
	}
	status := wire.Status(r, shape)
	return status >= http.StatusInternalServerError && status != http.StatusNotImplemented
}

func unavailable(message string) *redoubt.Error {
	return &redoubt.Error{Code: "ServiceUnavailable", Message: message, Status: http.StatusServiceUnavailable, Fault: true}
}

// spell gives the errors that every service has the code and status that the
// caller's service and protocol use for them.
func (d *Door) spell(e *exchange, r *redoubt.Error) *redoubt.Error {
	if e.svc == nil {
		return r
	}
	code, status := r.Code, r.Status
	switch redoubt.ErrorKind(r.Code) {
	case redoubt.ErrAccessDenied:
		switch {
		case e.svc.Name == "s3":
			code, status = "AccessDenied", http.StatusForbidden
		case e.svc.Name == "sns":
			code, status = "AuthorizationError", http.StatusForbidden
		case e.svc.Protocols[0] == schema.EC2:
			code, status = "UnauthorizedOperation", http.StatusForbidden
		case e.svc.Protocols[0] == schema.Query, e.protocol == schema.RESTXML:
			code, status = "AccessDenied", http.StatusForbidden
		case e.protocol == schema.RESTJSON:
			status = http.StatusForbidden
		default:
			status = http.StatusBadRequest
		}
	case redoubt.ErrInternal:
		if e.svc.Name == "s3" && r.Message == "" {
			r = &redoubt.Error{Message: "We encountered an internal error. Please try again.", Fault: true, Cause: r.Cause}
			code, status = "InternalError", http.StatusInternalServerError
		}
	case redoubt.ErrValidation:
		if e.svc.Protocols[0] == schema.Query {
			code = "ValidationError"
		}
		if status == 0 {
			status = http.StatusBadRequest
		}
	case redoubt.ErrThrottling:
		switch e.svc.Protocols[0] {
		case schema.Query, schema.RESTXML:
			code = "Throttling"
		case schema.EC2:
			code, status = "RequestLimitExceeded", http.StatusServiceUnavailable
		}
		if e.svc.Name == "s3" {
			code, status = "SlowDown", http.StatusServiceUnavailable
		}
		if status == 0 {
			status = http.StatusBadRequest
		}
	default:
		return r
	}
	s := *r
	s.Code, s.Status = code, status
	return &s
}

func name(s *schema.Service) string {
	if s == nil {
		return ""
	}
	return s.Name
}

func operation(o *schema.Operation) string {
	if o == nil {
		return ""
	}
	return o.Name
}

// tlsNames names version and cipher as CloudTrail's tlsDetails do.
func tlsNames(t *tls.ConnectionState) (version, cipher string) {
	switch t.Version {
	case tls.VersionTLS12:
		version = "TLSv1.2"
	case tls.VersionTLS13:
		version = "TLSv1.3"
	}
	return version, tls.CipherSuiteName(t.CipherSuite)
}
