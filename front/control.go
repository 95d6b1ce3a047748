package front

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// controlPrefix is where the paths live that are ours and not AWS's.
const controlPrefix = "/_redoubt/"

// adminPrefix is the administration service's, which is signed like any other.
const adminPrefix = controlPrefix + "v1/"

// Control is what /_redoubt/ paths reach. They are not signed, because a sealed
// server can check no signature: what reads is harmless, and what changes
// something needs the token that lies in the data directory.
type Control struct {
	// Health answers what keeps the server from serving, by part; empty: ready.
	Health func() map[string]string
	// Collectors are further metrics.
	Collectors []prometheus.Collector
	// Token is the bearer token of whatever changes something.
	Token string
	// Seal answers how the root key's seal stands.
	Seal func() any
	// Unseal takes one share, or tries an automatic seal again when it is empty.
	Unseal func(ctx context.Context, share string) (any, error)

	// Reset and Advance exist in dev mode only; nil outside of it.
	Reset   func(ctx context.Context) error
	Advance func(d time.Duration) time.Time
}

func (d *Door) serveControl(w http.ResponseWriter, r *http.Request) {
	c := d.Deps.Control
	name := strings.TrimPrefix(r.URL.Path, controlPrefix)
	switch {
	case c == nil:
		http.NotFound(w, r)
	case name == "health" && read(r):
		problems := c.Health()
		status := http.StatusOK
		if len(problems) > 0 {
			status = http.StatusServiceUnavailable
		}
		state := "ready"
		if _, sealed := problems["seal"]; sealed {
			state = "sealed"
		} else if len(problems) > 0 {
			state = "unavailable"
		}
		answerJSON(w, status, map[string]any{"status": state, "problems": problems})
	case name == "metrics" && read(r):
		d.metrics.ServeHTTP(w, r)
	case name == "seal" && read(r):
		answerJSON(w, http.StatusOK, c.Seal())
	case name == "unseal" && r.Method == http.MethodPost:
		if !d.token(w, r) {
			return
		}
		var in struct {
			Share string `json:"share"`
		}
		if !readJSON(w, r, &in) {
			answerJSON(w, http.StatusBadRequest, map[string]any{"error": `send {"share":"..."}`})
			return
		}
		state, err := c.Unseal(r.Context(), in.Share)
		if err != nil {
			answerJSON(w, http.StatusConflict, map[string]any{"error": err.Error()})
			return
		}
		answerJSON(w, http.StatusOK, state)
	case name == "reset" && c.Reset != nil && r.Method == http.MethodPost:
		if !d.token(w, r) {
			return
		}
		if err := c.Reset(r.Context()); err != nil {
			d.Log.Error("reset failed", "error", err)
			answerJSON(w, http.StatusInternalServerError, map[string]any{"error": "reset failed; see the log"})
			return
		}
		answerJSON(w, http.StatusOK, map[string]any{"status": "reset"})
	case name == "clock" && c.Advance != nil && r.Method == http.MethodPost:
		if !d.token(w, r) {
			return
		}
		var in struct {
			Advance string `json:"advance"`
		}
		if !readJSON(w, r, &in) {
			answerJSON(w, http.StatusBadRequest, map[string]any{"error": `send {"advance":"24h"}`})
			return
		}
		by, err := time.ParseDuration(in.Advance)
		if err != nil || by < 0 {
			answerJSON(w, http.StatusBadRequest, map[string]any{"error": "advance is no duration such as 90s, 36h or 8784h"})
			return
		}
		answerJSON(w, http.StatusOK, map[string]any{"now": c.Advance(by).Format(time.RFC3339)})
	default:
		http.NotFound(w, r)
	}
}

// token checks the bearer token of a request that changes something.
func (d *Door) token(w http.ResponseWriter, r *http.Request) bool {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if ok && d.Deps.Control.Token != "" && subtle.ConstantTimeCompare([]byte(got), []byte(d.Deps.Control.Token)) == 1 {
		return true
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="redoubt"`)
	answerJSON(w, http.StatusUnauthorized, map[string]any{
		"error": "this needs the token in the data directory: curl -H \"Authorization: Bearer $(cat DATA/control-token)\" …",
	})
	return false
}

func read(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

func readJSON(w http.ResponseWriter, r *http.Request, in any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	dec.DisallowUnknownFields()
	return dec.Decode(in) == nil
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// metricsHandler serves the registry in Prometheus's text format.
func metricsHandler(m *meters, more []prometheus.Collector) http.Handler {
	for _, c := range more {
		m.registry.MustRegister(c)
	}
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
