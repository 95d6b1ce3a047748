package front

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// meters count what passes the door. Labels name services and operations of the
// models and error codes, never accounts, keys or anything a client chose: the
// number of series is bounded and the page tells nothing about tenants.
type meters struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inflight prometheus.Gauge
}

func newMeters() *meters {
	m := &meters{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redoubt_requests_total",
			Help: "Requests answered, by service, operation, HTTP status and error code.",
		}, []string{"service", "operation", "status", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "redoubt_request_seconds",
			Help:    "Time from the request's head to its answer, by service.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"service"}),
		inflight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "redoubt_requests_in_flight",
			Help: "Requests being served.",
		}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.inflight)
	return m
}

// count is the last step of every request.
func (d *Door) count(e *exchange) {
	service, operation, code := "none", "none", ""
	if e.svc != nil {
		service = e.svc.Name
	}
	if e.op != nil {
		operation = e.op.Name
	}
	if e.refusal != nil {
		code = e.refusal.Code
		if !known(code) {
			code = "other"
		}
	}
	d.meters.requests.WithLabelValues(service, operation, strconv.Itoa(e.status), code).Inc()
	d.meters.seconds.WithLabelValues(service).Observe(time.Since(e.start).Seconds())
}

// known keeps the code label to what looks like an error code of ours.
func known(code string) bool {
	if len(code) > 80 {
		return false
	}
	for i := range len(code) {
		if c := code[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.') {
			return false
		}
	}
	return true
}
