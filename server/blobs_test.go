package server

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/logs"
	"github.com/redoubt-sec/redoubt/sigv4"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/etcd/etcdtest"
)

// begin starts a server of a test.
func begin(t *testing.T, conf Config, clock *redoubt.Shifted) *Server {
	t.Helper()
	conf.Data, conf.Listen, conf.ListenTLS = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "off"
	if err := conf.Complete(); err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), conf, Options{Version: "test", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestBlocksInABucket: two servers on one etcd fold their logs into blocks in a
// bucket, which another redoubt has. Either reads what the other folded, and neither
// takes the blocks for data of objects.
func TestBlocksInABucket(t *testing.T) {
	for _, c := range []Config{{Store: "etcd://127.0.0.1:1/x", Blob: "files"}, {Store: "pebble", Blob: "files"}, {Store: "etcd://127.0.0.1:1/x", Blob: "s3://b"}} {
		warned := slices.ContainsFunc(c.Warnings(), func(w string) bool { return strings.Contains(w, "log events stay in the store") })
		if warned != (c.shared() && c.Blob == "files") {
			t.Errorf("%s, %s: warned: %t", c.Store, c.Blob, warned)
		}
	}
	far := begin(t, Config{Store: "memory"}, nil)
	credentials := filepath.Join(far.conf.Data, "credentials")
	id, secret, err := ReadCredentials(credentials, "default")
	if err != nil {
		t.Fatal(err)
	}
	signer := sigv4.Signer{AccessKeyID: id, Secret: secret, Region: "us-east-1", Service: "s3", S3: true}
	r, err := http.NewRequest(http.MethodPut, far.URL()+"/blobs", nil)
	if err != nil {
		t.Fatal(err)
	}
	signer.Sign(r, nil, time.Now())
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != 200 {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}

	conf := Config{
		Store: etcdtest.Start(t, 1, etcdtest.Options{}).URL("redoubt", ""), SealKey: filepath.Join(t.TempDir(), "seal.key"),
		Blob: "s3://blobs?endpoint=" + far.URL(), BlobCreds: credentials,
	}
	clock := &redoubt.Shifted{}
	a, b := begin(t, conf, clock), begin(t, conf, clock)
	place := logs.Place{Account: a.conf.Account, Region: "us-east-1"}
	if err := a.db.Run(t.Context(), func(ctx context.Context) error {
		tx := store.From(ctx)
		g, err := a.logs.CreateGroup(tx, place, logs.Group{Name: "g"})
		if err != nil {
			return err
		}
		if err := a.logs.CreateStream(tx, place, g, "s"); err != nil {
			return err
		}
		_, err = a.logs.Put(tx, place, g, "s", []logs.Event{{Time: clock.Now().UnixMilli(), Message: "hello"}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	clock.Advance(2 * time.Hour)
	if err := a.logs.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	count := func(part string) (n int) {
		shelf, err := bucketOfBlobs(&a.conf, part)
		if err != nil {
			t.Fatal(err)
		}
		defer shelf.Close()
		for _, err := range shelf.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	before := count("")
	if n := count("logs/" + a.dir.state.Installation + "/"); n != 1 {
		t.Errorf("%d blocks in the bucket", n)
	}
	if a.dir.state.Installation != b.dir.state.Installation {
		t.Error("two installations on one store")
	}
	// Neither server's housekeeping removes what is in use.
	for _, s := range []*Server{a, b} {
		if err := s.logs.Expire(t.Context()); err != nil {
			t.Error(err)
		}
	}
	var g *logs.Group
	if err := b.db.Run(t.Context(), func(ctx context.Context) (err error) {
		g, err = b.logs.Group(store.From(ctx), place, "g")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	page, err := b.logs.Read(t.Context(), place, g, logs.Query{Limit: 10})
	if err != nil || len(page.Events) != 1 || page.Events[0].Message != "hello" {
		t.Errorf("%+v, %v", page.Events, err)
	}
	if n := count(""); n != before {
		t.Errorf("%d blobs of objects, then %d", before, n)
	}
}
