package etcd

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

const (
	formatText   = "redoubt store, format 1"
	startTimeout = 15 * time.Second
	requestLimit = 2 * time.Second // of one request; then it is made again
)

// Options are the knobs; the zero value is usable.
type Options struct {
	// Dir keeps this node's name, locked while it runs, so that after a crash its
	// former record is removed at once instead of timing out. Empty: the others
	// wait for Config.Lease then.
	Dir string
	// Log is told of lapses and returns; nil discards it.
	Log *slog.Logger
}

// Backend is one node of a cluster.
type Backend struct {
	cfg     *Config
	log     *slog.Logger
	client  *clientv3.Client
	replica *memory.Backend
	name    string    // of this node, unique
	lock    io.Closer // of the name; nil without Options.Dir

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	closed atomic.Bool

	stable   atomic.Int64 // newest revision that all who serve are known to have applied
	valid    validity
	queue    queue
	proposed atomic.Int64
	refused  atomic.Int64 // proposals that came too late

	mu      sync.Mutex
	changed chan struct{} // closed and renewed when anything below changes
	cluster
}

var (
	_ store.Backend  = (*Backend)(nil)
	_ store.Advancer = (*Backend)(nil)
	_ store.Measured = (*Backend)(nil)
)

// Open joins the cluster and answers when this node may serve. Errors say which
// endpoint could not be reached, or what it refused.
func Open(ctx context.Context, cfg *Config, o Options) (*Backend, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := &Backend{cfg: cfg, log: o.Log, replica: memory.New(), changed: make(chan struct{})}
	b.valid.init()
	b.queue.init()
	b.nodes = map[string]node{}
	var err error
	if b.name, b.lock, err = nodeName(o.Dir); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	if err := b.start(ctx); err != nil {
		b.Close()
		return nil, fmt.Errorf("store: etcd: %w", err)
	}
	return b, nil
}

func (b *Backend) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := b.cfg.reachable(ctx); err != nil {
		return err
	}
	endpoints := make([]string, len(b.cfg.Endpoints))
	for i, e := range b.cfg.Endpoints {
		endpoints[i] = "http://" + e
		if b.cfg.TLS != nil {
			endpoints[i] = "https://" + e
		}
	}
	var err error
	b.client, err = clientv3.New(clientv3.Config{
		Endpoints:            endpoints,
		TLS:                  b.cfg.TLS,
		Username:             b.cfg.Username,
		Password:             b.cfg.Password,
		DialTimeout:          5 * time.Second,
		DialKeepAliveTime:    5 * time.Second,
		DialKeepAliveTimeout: 2 * time.Second,
		Logger:               zap.NewNop(),
		// The lease runs while a connection is down: try again soon.
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 2 * time.Second,
		})},
	})
	if err != nil {
		return explain(err)
	}
	if err := b.checkFormat(ctx); err != nil {
		return err
	}
	if err := b.list(ctx); err != nil {
		return explain(err)
	}
	b.tasks.Go(b.follow)
	b.tasks.Go(b.serve)
	b.tasks.Go(b.sweep)
	b.tasks.Go(b.commits)
	if !b.cfg.KeepHistory {
		b.tasks.Go(b.compact)
	}
	err = b.wait(ctx, func() bool { return b.valid.ok() })
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil && b.joinErr != nil {
		err = fmt.Errorf("%w: %w", b.joinErr, err)
	}
	return err
}

// explain adds what an operator can do about it.
func explain(err error) error {
	hint := ""
	switch {
	case err == nil:
		return nil
	case errors.Is(err, rpctypes.ErrAuthFailed):
		hint = "the user name or password is wrong"
	case errors.Is(err, rpctypes.ErrUserEmpty), errors.Is(err, rpctypes.ErrPermissionDenied):
		hint = "the cluster wants a user (user:password@ in the address) with a role for our prefix"
	case errors.Is(err, rpctypes.ErrNoSpace):
		hint = "the cluster's database is full: compact, defragment, disarm the alarm"
	case errors.Is(err, context.DeadlineExceeded):
		hint = "no answer in time; is a quorum of members up?"
	default:
		return err
	}
	return fmt.Errorf("%s: %w", hint, err)
}

func (b *Backend) key(k string) string { return b.cfg.Prefix + k }

// checkFormat claims an empty prefix and refuses one that is not ours.
func (b *Backend) checkFormat(ctx context.Context) error {
	key := b.key("f")
	for {
		resp, err := b.client.Get(ctx, b.cfg.Prefix, clientv3.WithPrefix(), clientv3.WithLimit(1))
		if err != nil {
			return explain(err)
		}
		if len(resp.Kvs) == 0 {
			_, err := b.client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
				Then(clientv3.OpPut(key, formatText)).Commit()
			if err != nil {
				return explain(err)
			}
			continue
		}
		if string(resp.Kvs[0].Key) != key {
			return fmt.Errorf("the prefix %s holds keys that are not ours", b.cfg.Prefix)
		}
		if have := string(resp.Kvs[0].Value); have != formatText {
			return fmt.Errorf("the prefix %s holds %q and this version reads %q", b.cfg.Prefix, have, formatText)
		}
		return nil
	}
}

// nodeName answers the name that is kept in dir, and its lock.
func nodeName(dir string) (string, io.Closer, error) {
	random := make([]byte, 8)
	rand.Read(random)
	name := hex.EncodeToString(random)
	if dir == "" {
		return name, nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "node"), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return "", nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return "", nil, fmt.Errorf("%s is in use by another process", dir)
	}
	have, err := io.ReadAll(io.LimitReader(f, 64))
	if err == nil && len(have) == 0 {
		if _, err = f.WriteString(name); err == nil {
			err = f.Sync()
		}
		have = []byte(name)
	}
	if _, bad := hex.DecodeString(string(have)); err == nil && (bad != nil || len(have) != len(name)) {
		err = fmt.Errorf("%s is damaged", f.Name())
	}
	if err != nil {
		f.Close()
		return "", nil, err
	}
	return string(have), f, nil
}

// Close leaves the cluster: the others need not wait for this node.
func (b *Backend) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	b.valid.end(store.ErrClosed)
	b.cancel()
	b.tasks.Wait()
	b.queue.close()
	b.replica.Close()
	var err error
	if b.client != nil {
		err = b.client.Close()
	}
	if b.lock != nil {
		err = errors.Join(err, b.lock.Close())
	}
	return err
}
