package front

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// meters count what passes the door. Labels name services and operations of the
// models and error codes, never accounts, keys or anything a client chose: the
// number of series is bounded and the page tells nothing about tenants.
type meters struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inflight prometheus.Gauge

	// Looking a series up by its labels costs more than counting.
	mu     sync.RWMutex
	counts map[series]counted
}

// series is what a request is counted under. Its code is one of ours, not
// whatever an error said: there are few.
type series struct {
	service   *schema.Service   // nil: none
	operation *schema.Operation // nil: none
	status    int
	code      string
}

type counted struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

func (m *meters) of(s series) counted {
	m.mu.RLock()
	c, ok := m.counts[s]
	m.mu.RUnlock()
	if ok {
		return c
	}
	service, operation := "none", "none"
	if s.service != nil {
		service = s.service.Name
	}
	if s.operation != nil {
		operation = s.operation.Name
	}
	c = counted{m.requests.WithLabelValues(service, operation, strconv.Itoa(s.status), s.code), m.seconds.WithLabelValues(service)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts[s] = c
	return c
}

func newMeters() *meters {
	m := &meters{
		counts:   map[series]counted{},
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
	s := series{service: e.svc, operation: e.op, status: e.status}
	if e.refusal != nil {
		if s.code = e.refusal.Code; !known(s.code) {
			s.code = "other"
		}
	}
	c := d.meters.of(s)
	c.requests.Inc()
	c.seconds.Observe(time.Since(e.start).Seconds())
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
