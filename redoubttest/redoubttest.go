// Package redoubttest runs a whole server inside a test: production's assembly
// on loopback ports of its own, with a clock that tests can move.
package redoubttest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/server"
)

// Options say how the server under test differs from the default: production
// mode, records in memory, a file seal, no TLS.
type Options struct {
	// Data is the data directory; empty: a temporary one. A server that is
	// started again on the directory of a stopped one needs Store "pebble".
	Data string
	// Store is the storage backend; empty: $REDOUBT_TEST_STORE, else memory.
	Store string
	// Blob is where data of objects are kept: "files", "s3" for a bucket of another
	// server; empty: $REDOUBT_TEST_BLOB, else files, in the data directory.
	Blob string
	// Clock of the services; nil: one that runs with the wall and can be advanced.
	Clock *redoubt.Shifted
	// Log receives what is logged; nil: the test's log, from level info.
	Log slog.Handler
	// Change adjusts the configuration further.
	Change func(*server.Config)

	blobs func(*server.Config) // of the server before a restart too
}

// Server is a running server.
type Server struct {
	*server.Server
	URL          string
	ControlToken string
	Clock        *redoubt.Shifted
	Data         string
	Admin        *Account // of the first account

	options Options
	stop    func() error
}

// Restart stops the server and starts it again on the same data, at another
// address. Its store must outlive it: "pebble" or a cluster.
func (s *Server) Restart(t testing.TB) *Server {
	t.Helper()
	if err := s.stop(); err != nil {
		t.Fatal("stopping the server:", err)
	}
	next := Start(t, s.options)
	if s.Admin != nil {
		next.Admin = &Account{ID: s.Admin.ID, AccessKeyID: s.Admin.AccessKeyID, Secret: s.Admin.Secret, url: next.URL}
	}
	return next
}

// Account is an account with an administrator's credentials.
type Account struct {
	ID          string
	AccessKeyID string
	Secret      string
	url         string
}

// Start starts a server, which stops with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Data == "" {
		o.Data = filepath.Join(t.TempDir(), "data")
	}
	if o.Store == "" {
		o.Store = os.Getenv("REDOUBT_TEST_STORE")
	}
	if o.Store == "" {
		o.Store = "memory"
	}
	if o.Store == "etcd" {
		if clusterStore == nil {
			t.Fatal("REDOUBT_TEST_STORE=etcd needs the build tag matrix")
		}
		o.Store = clusterStore(t)
	}
	if o.Clock == nil {
		o.Clock = &redoubt.Shifted{}
	}
	conf := server.Config{Data: o.Data, Store: o.Store, Listen: "127.0.0.1:0", ListenTLS: "off"}
	if o.Blob == "" {
		o.Blob = os.Getenv("REDOUBT_TEST_BLOB")
	}
	if o.Blob == "s3" && o.blobs == nil {
		o.blobs = blobsElsewhere(t)
	}
	if o.blobs != nil {
		o.blobs(&conf)
	}
	if o.Change != nil {
		o.Change(&conf)
	}
	if err := conf.Complete(); err != nil {
		t.Fatal(err)
	}
	if o.Log == nil {
		o.Log = slog.NewTextHandler(logWriter{t}, nil)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := server.Start(ctx, conf, server.Options{Clock: o.Clock, Version: "test", Log: slog.New(o.Log)})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	r := &Server{Server: s, URL: s.URL(), ControlToken: s.ControlToken(), Clock: o.Clock, Data: o.Data}
	r.options = o
	r.stop = sync.OnceValue(func() error {
		cancel()
		return s.Close()
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error("stopping the server:", err)
		}
	})
	if id, secret, ok := s.AdminCredentials(); ok {
		r.Admin = &Account{ID: conf.Account, AccessKeyID: id, Secret: secret, url: r.URL}
	}
	return r
}

// NewAccount makes an account with an administrator.
func (s *Server) NewAccount(t testing.TB) *Account {
	t.Helper()
	a, err := s.Server.CreateAccount(context.Background(), "", t.Name())
	if err != nil {
		t.Fatal(err)
	}
	return &Account{ID: a.ID, AccessKeyID: a.AccessKeyID, Secret: a.Secret, url: s.URL}
}

// Config is an SDK configuration for the account in a region. It does not retry:
// tests see the first answer.
func (a *Account) Config(region string) aws.Config {
	return a.With(region, a.AccessKeyID, a.Secret, "")
}

// With is an SDK configuration with other credentials, against the same server.
func (a *Account) With(region, keyID, secret, token string) aws.Config {
	return aws.Config{
		Region:           region,
		BaseEndpoint:     aws.String(a.url),
		Credentials:      credentials.NewStaticCredentialsProvider(keyID, secret, token),
		RetryMaxAttempts: 1,
	}
}

// Environ is the environment of a command that acts for the account.
func (a *Account) Environ() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + a.url,
		"AWS_ACCESS_KEY_ID=" + a.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + a.Secret,
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// Lacks skips a test for want of something on a developer's machine, and fails it
// where changes are judged (CI is set): what nobody ran is not proven.
func Lacks(t testing.TB, what ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what...)
	}
	t.Skip(what...)
}

// Eventually polls f, which answers nil when what it waits for has come.
func Eventually(t testing.TB, f func() error) {
	t.Helper()
	var err error
	for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

type logWriter struct{ t testing.TB }

// Write drops what is logged after the test ended; before, it goes to its log.
func (w logWriter) Write(p []byte) (int, error) {
	defer func() { recover() }()
	w.t.Log(string(p[:len(p)-1]))
	return len(p), nil
}
