package front

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/redoubt-sec/redoubt/wire"
)

// controlPrefix is where the paths live that are ours and not AWS's.
const controlPrefix = "/_redoubt/"

// adminPrefix is the administration service's, which is signed like any other.
const adminPrefix = controlPrefix + "v1/"

const packagePath = "functions/code/"

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
	// Issuer answers a document of a token issuer, "ID/.well-known/jwks.json", or
	// nil if there is none; nil: no address for issuers is configured.
	Issuer func(ctx context.Context, path string) ([]byte, error)

	// Package answers the code of a function by a link that holds for a while, or nil:
	// the path below functions/code/ and the query prove themselves.
	Package func(path, query string) ([]byte, error)

	// Reset and Advance exist in dev mode only; nil outside of it.
	Reset   func(ctx context.Context) error
	Advance func(d time.Duration) time.Time
}

func (d *Door) controlPath(ctx context.Context, r *http.Request) *wire.Response {
	c := d.Deps.Control
	name := strings.TrimPrefix(r.URL.Path, controlPrefix)
	switch {
	case c == nil:
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
		return page(status, map[string]any{"status": state, "problems": problems})
	case name == "metrics" && read(r):
		var p recorded
		d.metrics.ServeHTTP(&p, r)
		return &p.Response
	case name == "seal" && read(r):
		return page(http.StatusOK, c.Seal())
	case strings.HasPrefix(name, "issuer/") && c.Issuer != nil && read(r):
		// What verifiers of web identity tokens fetch: public by nature.
		body, err := c.Issuer(ctx, strings.TrimPrefix(name, "issuer/"))
		if err != nil {
			d.Log.Error("issuer's document cannot be read", "error", err)
			return problem(http.StatusServiceUnavailable, "try again later")
		}
		if body == nil {
			return problem(http.StatusNotFound, "no such issuer")
		}
		return page(http.StatusOK, json.RawMessage(body))
	case strings.HasPrefix(name, packagePath) && c.Package != nil && read(r):
		body, err := c.Package(strings.TrimPrefix(name, packagePath), r.URL.RawQuery)
		if err != nil {
			d.Log.Error("a package cannot be read", "error", err)
			return problem(http.StatusServiceUnavailable, "try again later")
		}
		if body == nil {
			return problem(http.StatusForbidden, "the link does not hold, or no more")
		}
		return &wire.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/zip"}}, Body: body}
	case name == "unseal" && r.Method == http.MethodPost:
		return d.withToken(r, func() *wire.Response { return unseal(ctx, c, r) })
	case name == "reset" && c.Reset != nil && r.Method == http.MethodPost:
		return d.withToken(r, func() *wire.Response {
			if err := c.Reset(ctx); err != nil {
				d.Log.Error("reset failed", "error", err)
				return problem(http.StatusInternalServerError, "reset failed; see the log")
			}
			return page(http.StatusOK, map[string]any{"status": "reset"})
		})
	case name == "clock" && c.Advance != nil && r.Method == http.MethodPost:
		return d.withToken(r, func() *wire.Response { return advance(c, r) })
	}
	return problem(http.StatusNotFound, "no such path")
}

func unseal(ctx context.Context, c *Control, r *http.Request) *wire.Response {
	var in struct {
		Share string `json:"share"`
	}
	if !readJSON(r, &in) {
		return problem(http.StatusBadRequest, `send {"share":"..."}`)
	}
	state, err := c.Unseal(ctx, in.Share)
	if err != nil {
		return problem(http.StatusConflict, err.Error())
	}
	return page(http.StatusOK, state)
}

func advance(c *Control, r *http.Request) *wire.Response {
	var in struct {
		Advance string `json:"advance"`
	}
	if !readJSON(r, &in) {
		return problem(http.StatusBadRequest, `send {"advance":"24h"}`)
	}
	by, err := time.ParseDuration(in.Advance)
	if err != nil || by < 0 {
		return problem(http.StatusBadRequest, "advance is no duration such as 90s, 36h or 8784h")
	}
	return page(http.StatusOK, map[string]any{"now": c.Advance(by).Format(time.RFC3339)})
}

// withToken does what changes something, for whoever shows the bearer token.
func (d *Door) withToken(r *http.Request, do func() *wire.Response) *wire.Response {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if ok && d.Deps.Control.Token != "" && subtle.ConstantTimeCompare([]byte(got), []byte(d.Deps.Control.Token)) == 1 {
		return do()
	}
	resp := problem(http.StatusUnauthorized, "this needs the token in the data directory: curl -H \"Authorization: Bearer $(cat DATA/control-token)\" …")
	resp.Header.Set("WWW-Authenticate", `Bearer realm="redoubt"`)
	return resp
}

func read(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

func readJSON(r *http.Request, in any) bool {
	if r.Body == nil {
		return false
	}
	dec := json.NewDecoder(io.LimitReader(r.Body, 1<<16))
	dec.DisallowUnknownFields()
	return dec.Decode(in) == nil
}

func problem(status int, text string) *wire.Response {
	return page(status, map[string]any{"error": text})
}

// recorded is the answer of an http.Handler.
type recorded struct{ wire.Response }

// Header implements http.ResponseWriter.
func (p *recorded) Header() http.Header {
	if p.Response.Header == nil {
		p.Response.Header = http.Header{}
	}
	return p.Response.Header
}

// WriteHeader implements http.ResponseWriter.
func (p *recorded) WriteHeader(status int) {
	if p.Status == 0 {
		p.Status = status
	}
}

// Write implements http.ResponseWriter.
func (p *recorded) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	p.Body = append(p.Body, b...)
	return len(b), nil
}

// metricsHandler serves the registry in Prometheus's text format.
func metricsHandler(m *meters, more []prometheus.Collector) http.Handler {
	for _, c := range more {
		m.registry.MustRegister(c)
	}
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
