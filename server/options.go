package server

import (
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	redoubt "github.com/redoubt-sec/redoubt"
)

// Options are what Start takes that no configuration can set.
type Options struct {
	Log     *slog.Logger
	Version string
	// Clock replaces the services' clock and lets the clock endpoint move it.
	// Tests only; dev mode makes one itself.
	Clock *redoubt.Shifted
	// Disk replaces the disk of the embedded store. Benchmarks and tests only.
	Disk vfs.FS
}

// Warnings are settings that work but that an operator should know about.
func (c *Config) Warnings() []string {
	var w []string
	if c.Seal == "file" && filepath.Dir(c.SealKey) == filepath.Clean(c.Data) {
		w = append(w, "the seal key lies beside the data it seals: a copy of the directory opens itself (set seal-key to a path elsewhere, or use another seal)")
	}
	if c.Store == "memory" {
		w = append(w, "store memory: everything is lost when the server stops")
	}
	if c.shared() && c.Blob == "files" {
		w = append(w, "blob files with a store that several servers share: log events stay in the store and fill it, since no blocks of them can be made (set blob to s3://… or to a directory that all servers share)")
	}
	if c.AuditFailOpen {
		w = append(w, "audit-fail-open: calls are served even when they cannot be recorded")
	}
	if c.Listen != "off" {
		if host, _, err := splitHostPort(c.Listen); err == nil && !loopback(host) {
			w = append(w, fmt.Sprintf("listen %s: plain HTTP beyond this machine; plaintext keys travel in the clear", c.Listen))
		}
	}
	return w
}
