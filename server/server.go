// Package server puts the parts together. It is the only place that knows all
// of them: plain code, read from top to bottom. The tests of this project run
// this same assembly (package redoubttest).
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/egress"
	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/logs"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/engine/outbox"
	"github.com/redoubt-sec/redoubt/engine/schedule"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/front"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/service/admin"
	"github.com/redoubt-sec/redoubt/store"
)

// Server is a running server.
type Server struct {
	conf    Config
	log     *slog.Logger
	version string
	started time.Time
	clock   redoubt.Clock
	moving  *redoubt.Shifted // clock, when it can be moved

	dir      *dataDir
	db       *store.DB
	keyring  *keyring.Keyring
	egress   *egress.Gate
	identity *identity.Identity
	schedule *schedule.Schedule
	outbox   *outbox.Outbox
	trail    *trail.Log
	logs     *logs.Logs
	blobs    blob.Store
	objects  *objects.Store
	door     *front.Door
	rooms    rooms

	keyStores *keyStores
	functions *functions.Engine

	fromFunctions *handover // connections on which functions call; nil: there is no plain listener

	token     string // of control paths
	admin     *admin.NewAccount
	certs     atomic.Pointer[certificates]
	furnished atomic.Bool // what needs an open seal is done

	listeners map[string]net.Listener
	servers   []running
	work      sync.WaitGroup
	stop      context.CancelFunc
	failed    chan error
	closeOnce sync.Once
	closeErr  error
}

// Start starts a server. It answers once the listeners are open; a sealed server
// starts too and says so (health, log).
func Start(ctx context.Context, conf Config, o Options) (_ *Server, err error) {
	s := &Server{
		conf: conf, log: o.Log, version: o.Version, started: time.Now(),
		listeners: map[string]net.Listener{}, failed: make(chan error, 16),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.moving = o.Clock
	if s.moving == nil && conf.Dev {
		s.moving = &redoubt.Shifted{}
	}
	s.clock = redoubt.Wall{}
	if s.moving != nil {
		s.clock = s.moving
	}
	for _, gap := range harden.Process() {
		s.log.Warn("this machine does not let the process be hardened fully", "gap", gap)
	}
	for _, w := range conf.Warnings() {
		s.log.Warn(w)
	}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			s.Close()
		}
	}()

	if s.dir, err = openData(conf.Data, conf.Dev, conf.Account); err != nil {
		return nil, err
	}
	if s.token, err = s.dir.controlToken(); err != nil {
		return nil, err
	}
	if s.db, err = openStore(ctx, &conf, s.log, o.Disk); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err = s.guard(ctx); err != nil {
		return nil, err
	}
	if err = s.join(ctx); err != nil {
		return nil, err
	}
	s.run(ctx, "ledger", s.keepLedger)
	if s.egress, err = egress.New(egress.Config{Allow: conf.EgressAllow}); err != nil {
		return nil, fmt.Errorf("egress-allow: %w", err)
	}
	if err = s.openKeyring(ctx); err != nil {
		return nil, err
	}
	if err = s.openEngines(ctx); err != nil {
		return nil, err
	}
	if err = s.openDoor(); err != nil {
		return nil, err
	}
	if err = s.openRooms(ctx); err != nil {
		return nil, err
	}
	s.run(ctx, "keyring", s.keyring.Run)
	if !s.keyring.Status().Sealed {
		if err = s.furnish(ctx); err != nil {
			return nil, err
		}
	} else {
		s.log.Warn("sealed: no call is served until the seal opens", "reason", s.keyring.Status().Reason)
		s.run(ctx, "unsealing", s.awaitUnseal)
	}
	if err = s.listen(); err != nil {
		return nil, err
	}
	return s, nil
}

// openKeyring opens the root key. A seal of shares that the very first start
// makes has its shares written to files, once: nowhere else are they kept.
func (s *Server) openKeyring(ctx context.Context) error {
	made, err := keyring.Made(ctx, s.db)
	if err != nil {
		return fmt.Errorf("root key: %w", err)
	}
	seal, err := sealFor(&s.conf, !made)
	if err != nil {
		return err
	}
	split := 0
	if sh, ok := seal.(*keyring.ShamirSeal); ok && !made {
		// Before the root key: one whose shares nobody has would lock all data up.
		shares := sh.Shares()
		split = len(shares)
		if err := s.writeShares(shares); err != nil {
			return err
		}
	}
	if s.keyring, err = keyring.Open(ctx, s.db, seal, s.clock); err != nil {
		return fmt.Errorf("root key: %w", err)
	}
	if split > 0 && !s.keyring.Created() {
		// Another server on the store was faster, and its shares are the good ones.
		if err := errors.Join(s.removeShares(split), s.keyring.Close()); err != nil {
			return err
		}
		split = 0
		if s.keyring, err = keyring.Open(ctx, s.db, keyring.WaitForShares(), s.clock); err != nil {
			return fmt.Errorf("root key: %w", err)
		}
	}
	s.keyring.Resolve(s.resolveSeal)
	for _, gap := range s.keyring.Status().Gaps {
		s.log.Warn("keys in memory are less protected than they could be", "gap", gap)
	}
	if split > 0 {
		s.log.Warn(fmt.Sprintf("the root key's shares are in %s/share-1 to share-%d: give each to a different person and delete the files now; %d of them open the seal",
			s.dir.path, split, s.conf.SealThreshold))
	}
	return nil
}

// writeShares leaves the shares of a new seal in files for the operator to hand
// out and delete.
func (s *Server) writeShares(shares []string) error {
	for i, share := range shares {
		// Not over others: those may be of a store that still needs them.
		if err := s.dir.create(shareFile(i), []byte(share+"\n")); err != nil {
			return fmt.Errorf("shares of a new root key: %w", err)
		}
	}
	return nil
}

func (s *Server) removeShares(n int) error {
	var errs []error
	for i := range n {
		errs = append(errs, os.Remove(filepath.Join(s.dir.path, shareFile(i))))
	}
	return errors.Join(errs...)
}

func shareFile(i int) string { return fmt.Sprintf("share-%d", i+1) }

// furnish does what takes an open seal: the first account, and the certificate
// authority. It is repeated at every start and changes nothing when all is there.
func (s *Server) furnish(ctx context.Context) error {
	if err := s.firstAccount(ctx); err != nil {
		return err
	}
	if (s.conf.ListenTLS != "off" || s.conf.ListenXKS != "off") && s.conf.TLSCert == "" {
		c, err := openAuthority(ctx, s.db, s.keyring, s.dir, s.conf.Hosts)
		if err != nil {
			return err
		}
		s.certs.Store(c)
	}
	s.furnished.Store(true)
	return nil
}

// awaitUnseal furnishes as soon as the seal opens.
func (s *Server) awaitUnseal(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if !s.keyring.Status().Sealed {
			s.log.Info("unsealed")
			return s.furnish(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// run runs a part's background work until the server stops. A part that fails
// stops the server: half a server is worse than none.
func (s *Server) run(ctx context.Context, part string, f func(context.Context) error) {
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		if err := f(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("a part of the server failed", "part", part, "error", err)
			select {
			case s.failed <- fmt.Errorf("%s: %w", part, err):
			default:
			}
		}
	}()
}

// Wait serves until ctx ends or a part fails, then stops in order.
func (s *Server) Wait(ctx context.Context) error {
	var failure error
	select {
	case <-ctx.Done():
		s.log.Info("stopping: running calls are finished first")
	case failure = <-s.failed:
	}
	return errors.Join(failure, s.Close())
}

// Close stops listening, lets running calls finish, writes what is buffered and
// closes the store.
func (s *Server) Close() error {
	s.closeOnce.Do(func() { s.closeErr = s.shutdown() })
	return s.closeErr
}

func (s *Server) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.conf.DrainTimeout)
	defer cancel()
	var errs []error
	for _, h := range s.servers {
		if err := h.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("calls were cut off: %w", err))
			h.Close()
		}
	}
	for _, l := range s.listeners {
		l.Close() // those that no server took over; closing twice is harmless
	}
	s.stop()
	s.work.Wait()
	errs = append(errs, s.keyStores.close())
	if s.blobs != nil {
		errs = append(errs, s.blobs.Close())
	}
	if s.keyring != nil {
		errs = append(errs, s.keyring.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}

// Invoker calls operations in process, as services do: for tests.
func (s *Server) Invoker() op.Invoker { return s.door }

// URL is the address of the plain listener, or of the HTTPS one if there is no
// plain one.
func (s *Server) URL() string {
	if l := s.listeners["listen"]; l != nil {
		return "http://" + reachable(l.Addr())
	}
	return s.TLSURL()
}

// TLSURL is the address of the HTTPS listener, empty if there is none.
func (s *Server) TLSURL() string {
	if l := s.listeners["listen-tls"]; l != nil {
		return "https://" + reachable(l.Addr())
	}
	return ""
}

// reachable is a listener's address as a client on this machine dials it.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if strings.Contains(a.String(), "[") && ip.To4() == nil {
			host = "localhost"
		}
	}
	return net.JoinHostPort(host, port)
}

// ControlToken is the bearer token of control paths.
func (s *Server) ControlToken() string { return s.token }

// AdminCredentials answers the first administrator's access key, if this start
// made it.
func (s *Server) AdminCredentials() (keyID, secret string, ok bool) {
	if s.admin == nil {
		return "", "", false
	}
	return s.admin.AccessKeyID, s.admin.Secret, true
}
