// Package etcdtest runs etcd members inside the test process: real members with
// real consensus, on loopback ports and in a temporary directory.
package etcdtest

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
)

// Cluster is a set of members. Its methods fail the test instead of answering
// errors.
type Cluster struct {
	t       testing.TB
	configs []*embed.Config
	mu      sync.Mutex
	members []*embed.Etcd // nil while stopped
}

// Options change what Start makes.
type Options struct {
	// TLS serves clients with this certificate and trusts client certificates of
	// the CA in TrustedCA.
	CertFile, KeyFile, TrustedCA string
	// Sync keeps etcd's fsyncs, which tests that stop members politely can spare.
	Sync bool
}

// Start runs n members and ends them with the test.
func Start(t testing.TB, n int, o Options) *Cluster {
	t.Helper()
	c := &Cluster{t: t, members: make([]*embed.Etcd, n)}
	dir := t.TempDir()
	var initial []string
	for i := range n {
		cfg := embed.NewConfig()
		cfg.Name = fmt.Sprintf("m%d", i)
		cfg.Dir = filepath.Join(dir, cfg.Name)
		cfg.LogLevel = "panic"
		cfg.LogOutputs = []string{"/dev/null"}
		cfg.TickMs, cfg.ElectionMs = 50, 500
		cfg.UnsafeNoFsync = !o.Sync
		scheme := "http"
		if o.CertFile != "" {
			scheme = "https"
			cfg.ClientTLSInfo = transport.TLSInfo{CertFile: o.CertFile, KeyFile: o.KeyFile, TrustedCAFile: o.TrustedCA, ClientCertAuth: o.TrustedCA != "", MinVersion: tls.VersionTLS12}
		}
		cfg.ListenPeerUrls, cfg.ListenClientUrls = free(t, "http"), free(t, scheme)
		cfg.AdvertisePeerUrls, cfg.AdvertiseClientUrls = cfg.ListenPeerUrls, cfg.ListenClientUrls
		initial = append(initial, cfg.Name+"="+cfg.ListenPeerUrls[0].String())
		c.configs = append(c.configs, cfg)
	}
	t.Cleanup(func() {
		for i := range n {
			c.stop(i)
		}
	})
	var wg sync.WaitGroup
	for i, cfg := range c.configs {
		cfg.InitialCluster = strings.Join(initial, ",")
		wg.Go(func() { c.start(i) })
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return c
}

// free answers a loopback address with a port that nobody listens on. It is none of
// those that systems give to outgoing connections, which could take it meanwhile.
func free(t testing.TB, scheme string) []url.URL {
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(22_000))); err == nil {
			defer l.Close()
			return []url.URL{{Scheme: scheme, Host: l.Addr().String()}}
		}
	}
	t.Fatal(err)
	return nil
}

func (c *Cluster) start(i int) {
	e, err := embed.StartEtcd(c.configs[i])
	if err != nil {
		c.t.Errorf("etcd member %d: %v", i, err)
		return
	}
	select {
	case <-e.Server.ReadyNotify():
	case <-time.After(30 * time.Second):
		c.t.Errorf("etcd member %d does not get ready", i)
	}
	c.mu.Lock()
	c.members[i] = e
	c.mu.Unlock()
}

// Stop ends member i, as a crash of its process would for its peers.
func (c *Cluster) Stop(i int) { c.stop(i) }

func (c *Cluster) stop(i int) {
	c.mu.Lock()
	e := c.members[i]
	c.members[i] = nil
	c.mu.Unlock()
	if e != nil {
		e.Close()
	}
}

// Restart starts member i again on its data.
func (c *Cluster) Restart(i int) {
	cfg := *c.configs[i]
	cfg.ClusterState = embed.ClusterStateFlagExisting
	c.configs[i] = &cfg
	c.start(i)
}

// Leader is the member that leads now, or -1.
func (c *Cluster) Leader() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range c.members {
		if e != nil && e.Server.Leader() == e.Server.MemberID() {
			return i
		}
	}
	return -1
}

// Hosts is "host:port,host:port" of all members.
func (c *Cluster) Hosts() string {
	var hosts []string
	for _, cfg := range c.configs {
		hosts = append(hosts, cfg.ListenClientUrls[0].Host)
	}
	return strings.Join(hosts, ",")
}

// URL is the address of a store under a prefix, with query options ("lease=2s").
func (c *Cluster) URL(prefix, options string) string {
	u := "etcd://" + c.Hosts() + "/" + prefix
	if options != "" {
		u += "?" + options
	}
	return u
}
