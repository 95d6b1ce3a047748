package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-sec/redoubt/api/all"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/logs"
	"github.com/redoubt-sec/redoubt/engine/outbox"
	"github.com/redoubt-sec/redoubt/engine/schedule"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/front"
	"github.com/redoubt-sec/redoubt/service/cloudtrail"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/etcd"
	"github.com/redoubt-sec/redoubt/store/memory"
	"github.com/redoubt-sec/redoubt/store/pebble"
)

// openStore opens the storage backend that the configuration names.
func openStore(ctx context.Context, c *Config, log *slog.Logger, disk vfs.FS) (*store.DB, error) {
	switch {
	case c.Store == "memory":
		return store.Open(memory.New(), c.CacheRecords), nil
	case c.Store == "pebble":
		b, err := pebble.Open(filepath.Join(c.Data, "store"), pebble.Options{Log: log, FS: disk})
		if err != nil {
			return nil, err
		}
		return store.Open(b, c.CacheRecords), nil
	default:
		conf, err := etcd.Parse(c.Store)
		if err != nil {
			return nil, err
		}
		b, err := etcd.Open(ctx, conf, etcd.Options{Dir: filepath.Join(c.Data, "node"), Log: log})
		if err != nil {
			return nil, err
		}
		return store.Open(b, c.CacheRecords), nil
	}
}

// shared reports whether several servers may work on the store.
func (c *Config) shared() bool { return strings.HasPrefix(c.Store, "etcd://") }

// storeName is the store without what could be secret in its address.
func storeName(text string) string {
	if i := strings.IndexByte(text, '?'); i >= 0 {
		text = text[:i]
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return text
	}
	return scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
}

// openEngines opens what services share.
func (s *Server) openEngines(ctx context.Context) error {
	s.identity = identity.New(identity.Config{
		DB: s.db, Keys: s.keyring, Clock: s.clock, OpenAccounts: s.conf.Dev, IssuerBase: s.conf.issuerBase(),
	})
	s.run(ctx, "identity", s.identity.Run)
	s.outbox = outbox.New(outbox.Deps{DB: s.db, Clock: s.clock, Log: s.log})
	s.run(ctx, "outbox", s.outbox.Run)
	s.schedule = schedule.New(schedule.Deps{DB: s.db, Clock: s.clock, Log: s.log, Alone: !s.conf.shared()})
	var err error
	if s.trail, err = trail.Open(trail.Deps{DB: s.db, Seal: s.keyring, Clock: s.clock, Log: s.log}); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	if err = s.openLogs(ctx); err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	for _, o := range identity.Owners(s.keyring) {
		s.keyring.Register(o)
	}
	s.keyring.Register(keyring.Owner{Name: "trail.events", Reseal: s.trail.Reseal})
	s.keyring.Register(keyring.Owner{Name: "logs.events", Reseal: s.logs.Reseal})
	s.keyring.Register(cloudtrail.Owner(s.keyring))
	s.keyring.Register(keyring.Records("server.ca", authorities.Rows(), renewAuthority(s.keyring)))
	s.run(ctx, "audit log", s.trail.Run)
	if err = s.openObjects(); err != nil {
		return err
	}
	s.run(ctx, "objects", s.objects.Run)
	if s.keyStores, err = openKeyStores(s); err != nil {
		return err
	}
	return s.openFunctions(ctx)
}

// openLogs opens the logs. Without a place for their blocks, events stay in the store.
func (s *Server) openLogs(ctx context.Context) error {
	blocks, err := s.openBlocks()
	if err != nil {
		return err
	}
	if s.logs, err = logs.Open(logs.Deps{DB: s.db, Seal: s.keyring, Blobs: blocks, Clock: s.clock, Log: s.log}); err != nil {
		return err
	}
	s.run(ctx, "logs", s.logs.Run)
	return nil
}

// openDoor makes the front door, still without rooms.
func (s *Server) openDoor() error {
	proxies := make([]netip.Prefix, 0, len(s.conf.TrustedProxies))
	for _, p := range s.conf.TrustedProxies {
		prefix, err := ParsePrefix(p)
		if err != nil {
			return err
		}
		proxies = append(proxies, prefix)
	}
	s.door = front.New(front.Deps{
		DB: s.db, Identity: s.identity, Trail: s.trail, Clock: s.clock, Log: s.log,
		Models:         append(slices.Clone(all.Services()), &redoubtapi.Model),
		Hosts:          s.conf.Hosts,
		TrustedProxies: proxies,
		Region:         s.conf.Region,
		Account:        s.conf.Account,
		Dev:            s.conf.Dev,
		MaxBody:        int(s.conf.MaxBody),
		Quotas:         s.conf.Quotas,
		AuditFailOpen:  s.conf.AuditFailOpen,
		Ready:          s.ready,
		Control:        s.control(),
	})
	return nil
}
