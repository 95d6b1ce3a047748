package server

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redoubt-sec/redoubt/store"
)

// storeMetrics shows what the store counts: whether writes wait for the disk, for
// each other or not at all. As at the door, nothing tells about tenants.
type storeMetrics struct{ stats func() store.Stats }

// counter is one of the store's figures.
type counter struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(*store.Stats) float64
}

func count(name, help string, of func(*store.Stats) uint64) counter {
	return counter{prometheus.NewDesc("redoubt_store_"+name, help, nil, nil), prometheus.CounterValue,
		func(s *store.Stats) float64 { return float64(of(s)) }}
}

var (
	storeCounters = []counter{
		count("conflicts_total", "Commits refused because something that they rest on had changed.", func(s *store.Stats) uint64 { return s.Conflicts }),
		count("failures_total", "Commits that failed for any other reason.", func(s *store.Stats) uint64 { return s.Failures }),
		count("checks_total", "Transactions that only read.", func(s *store.Stats) uint64 { return s.Checks }),
		count("stale_total", "Transactions that only read, refused because something that they rest on had changed.", func(s *store.Stats) uint64 { return s.Stale }),
		count("cache_hits_total", "Records found decoded in memory.", func(s *store.Stats) uint64 { return s.CacheHits }),
		count("cache_misses_total", "Records asked of the storage engine.", func(s *store.Stats) uint64 { return s.CacheMisses }),
		{prometheus.NewDesc("redoubt_store_cache_records", "Records held in memory.", nil, nil), prometheus.GaugeValue,
			func(s *store.Stats) float64 { return float64(s.CacheRecords) }},
		{prometheus.NewDesc("redoubt_store_revision", "The newest revision.", nil, nil), prometheus.GaugeValue,
			func(s *store.Stats) float64 { return float64(s.Revision) }},
	}
	storeSeconds = prometheus.NewDesc("redoubt_store_commit_seconds", "How long acknowledged commits took to be durable.", nil, nil)
	storeEngine  = prometheus.NewDesc("redoubt_store_engine", "The storage engine's own figures.", []string{"figure"}, nil)
)

// Describe implements prometheus.Collector.
func (m storeMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range storeCounters {
		ch <- c.desc
	}
	ch <- storeSeconds
	ch <- storeEngine
}

// Collect implements prometheus.Collector.
func (m storeMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.stats()
	for _, c := range storeCounters {
		ch <- prometheus.MustNewConstMetric(c.desc, c.kind, c.of(&s))
	}
	buckets, below := map[float64]uint64{}, uint64(0)
	for i, bound := range store.LatencyBounds {
		below += s.Latency[i]
		buckets[bound.Seconds()] = below
	}
	below += s.Latency[len(store.LatencyBounds)] // Commits may have moved on meanwhile
	ch <- prometheus.MustNewConstHistogram(storeSeconds, below, s.Elapsed.Seconds(), buckets)
	for _, figure := range slices.Sorted(maps.Keys(s.Backend)) {
		ch <- prometheus.MustNewConstMetric(storeEngine, prometheus.GaugeValue, float64(s.Backend[figure]), figure)
	}
}
