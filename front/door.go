package front

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/sigv4"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/detect"
	"github.com/redoubt-sec/redoubt/wire/validate"
)

// Deps is what the door works with.
type Deps struct {
	DB       *store.DB
	Identity *identity.Identity
	Trail    *trail.Log
	Clock    redoubt.Clock // the services' clock
	Log      *slog.Logger

	// Models are all services that are known; those without rows answer that
	// they are not implemented.
	Models []*schema.Service

	Hosts          []string       // names by which this server is called
	TrustedProxies []netip.Prefix // whose X-Forwarded-For counts
	Region         string         // of requests that name none
	Account        string         // dev mode: account of key ids that name none
	Dev            bool
	MaxBody        int
	Quotas         map[string]float64
	// AuditFailOpen serves calls even when they cannot be recorded.
	AuditFailOpen bool
	// Ready answers why no call can be served now (sealed), or nil.
	Ready func() error
	// Control serves /_redoubt/ paths.
	Control *Control
}

// Door is the front door. It implements http.Handler and op.Invoker.
type Door struct {
	Deps
	dev     bool
	hosts   map[string]bool
	proxies []netip.Prefix

	rooms    map[*schema.Service]map[string]*op.Operation // by operation name
	sites    []*op.Site
	sharers  map[*schema.Service]op.Sharer
	index    *detect.Index
	codecs   map[schema.Protocol]wire.Codec
	valid    *validate.Validator
	keys     sigv4.Keys
	quotas   quotas
	strange  strangers
	policies *policy.Cache
	meters   *meters
	metrics  http.Handler
}

// New opens a door without rooms; Add furnishes it before the first request.
func New(d Deps) *Door {
	if d.MaxBody == 0 {
		d.MaxBody = wire.DefaultBody
	}
	door := &Door{
		Deps:     d,
		dev:      d.Dev,
		hosts:    map[string]bool{},
		proxies:  d.TrustedProxies,
		rooms:    map[*schema.Service]map[string]*op.Operation{},
		sharers:  map[*schema.Service]op.Sharer{},
		quotas:   quotas{rates: d.Quotas},
		policies: policy.NewCache(8192),
		meters:   newMeters(),
		valid:    validate.New(),
	}
	for _, h := range d.Hosts {
		door.hosts[strings.ToLower(h)] = true
	}
	door.index = detect.New(d.Models, d.Hosts...)
	door.codecs = codecs(wire.Limits{Body: d.MaxBody})
	var more []prometheus.Collector
	if d.Control != nil {
		more = d.Control.Collectors
	}
	door.metrics = metricsHandler(door.meters, more)
	return door
}

// Add brings a room in. It is not safe while requests are served.
func (d *Door) Add(s op.Service) {
	rows := make(map[string]*op.Operation, len(s.Operations))
	for i := range s.Operations {
		rows[s.Operations[i].Schema.Name] = &s.Operations[i]
	}
	d.rooms[s.Model] = rows
	if s.Site != nil {
		d.sites = append(d.sites, s.Site)
	}
	if s.Sharer != nil {
		d.sharers[s.Model] = s.Sharer
	}
}

// row answers the operation's row, or nil when there is none.
func (d *Door) row(svc *schema.Service, operation string) *op.Operation {
	return d.rooms[svc][operation]
}

// now is wall time: for signatures and quotas.
func now() time.Time { return time.Now() }
