package server

import (
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"testing"
)

// TestStoreMetrics: a first start writes, and the page shows how often.
func TestStoreMetrics(t *testing.T) {
	conf := Config{Data: filepath.Join(t.TempDir(), "data"), Listen: "127.0.0.1:0", ListenTLS: "off"}
	if err := conf.Complete(); err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), conf, Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	resp, err := http.Get(s.URL() + "/_redoubt/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`redoubt_store_commit_seconds_count [1-9]`, `redoubt_store_commit_seconds_bucket\{le="\+Inf"\} [1-9]`,
		`redoubt_store_conflicts_total \d`, `redoubt_store_failures_total 0`, `redoubt_store_checks_total \d`, `redoubt_store_stale_total \d`,
		`redoubt_store_cache_hits_total \d`, `redoubt_store_cache_misses_total \d`, `redoubt_store_cache_records \d`,
		`redoubt_store_revision [1-9]`, `redoubt_store_engine\{figure="groups"\} [1-9]`,
	} {
		if !regexp.MustCompile(`(?m)^` + line).Match(page) {
			t.Errorf("no %s in\n%s", line, page)
		}
	}
}
