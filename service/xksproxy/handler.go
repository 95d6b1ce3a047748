package xksproxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/xks"
)

// patience bounds the work for a request. KMS has given up by then; what is
// started may end.
const patience = time.Second

// request is one request on its way.
type request struct {
	body     []byte
	path     string
	metadata *xks.RequestMetadata // nil until the body was read as JSON
	export   *export
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	var q request
	answer, err := s.serve(ctx, r, &q)
	status := http.StatusOK
	if err != nil {
		e := refusal(err)
		status, answer = e.Status(), e
	}
	body, ferr := xks.Format(answer)
	if ferr != nil {
		status, body = http.StatusInternalServerError, []byte(`{"errorName":"InternalException"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that left needs no answer
	// Each of these may hold a plaintext.
	harden.Wipe(body)
	harden.Wipe(q.body)
	if d, ok := answer.(*xks.DecryptResponse); ok {
		harden.Wipe(d.Plaintext)
	}
	s.record(ctx, &q, status, err, time.Since(start))
}

// serve authenticates and routes. Nothing of the request is looked at before the
// signature holds.
func (s *Service) serve(ctx context.Context, r *http.Request, q *request) (any, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil, &xks.Error{Name: xks.ErrAuthentication, Cause: errors.New("xksproxy: no verified client certificate")}
	}
	var err error
	if q.body, err = io.ReadAll(io.LimitReader(r.Body, xks.MaxBody+1)); err != nil {
		return nil, invalid("The body ended early.")
	}
	if len(q.body) > xks.MaxBody {
		return nil, unsupported("The body is too large.")
	}
	if err := s.verifier.Verify(r, q.body); err != nil {
		return nil, err
	}
	path, ok := strings.CutPrefix(r.RequestURI, s.base+"/")
	if !ok {
		return nil, &xks.Error{Name: xks.ErrInvalidPath}
	}
	q.path = path
	if path == "health" {
		return s.health(q)
	}
	rest, ok := strings.CutPrefix(path, "keys/")
	id, operation, ok2 := strings.Cut(rest, "/")
	run := map[string]func(*Service, context.Context, *request) (any, error){
		"metadata": (*Service).metadata, "encrypt": (*Service).encrypt, "decrypt": (*Service).decrypt,
	}[operation]
	if !ok || !ok2 || run == nil {
		return nil, &xks.Error{Name: xks.ErrInvalidPath}
	}
	if q.export = s.exports[id]; q.export == nil {
		return nil, &xks.Error{Name: xks.ErrKeyNotFound}
	}
	return run(s, ctx, q)
}

// record writes one line per request: who, for which call, how it ended.
func (s *Service) record(ctx context.Context, q *request, status int, err error, took time.Duration) {
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.Int("status", status), slog.Duration("took", took), slog.String("path", q.path)}
	if q.export != nil {
		attrs = append(attrs, slog.String("key", q.export.arn))
	}
	if m := q.metadata; m != nil {
		attrs = append(attrs, slog.String("kms_request", m.RequestID), slog.String("kms_operation", m.Operation),
			slog.String("kms_key", m.KeyARN), slog.String("principal", m.PrincipalARN), slog.String("via", m.ViaService))
	}
	if err != nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Any("error", err))
		if e, ok := errors.AsType[*xks.Error](err); ok && e.Cause != nil {
			attrs = append(attrs, slog.Any("cause", e.Cause))
		}
	}
	s.log.LogAttrs(ctx, level, "xks proxy request", attrs...)
}
