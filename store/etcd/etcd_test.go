package etcd

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/etcd/etcdtest"
	"github.com/redoubt-sec/redoubt/store/storetest"
)

// matrix reports whether the long form is wanted.
func matrix() bool { return os.Getenv("REDOUBT_MATRIX") != "" || os.Getenv("REDOUBT_SOAK") != "" }

func join(t testing.TB, c *etcdtest.Cluster, prefix, options string, o Options) *Backend {
	t.Helper()
	cfg, err := Parse(c.URL(prefix, options))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(context.Background(), cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestContract(t *testing.T) {
	members := 1
	if matrix() {
		members = 3
	}
	c := etcdtest.Start(t, members, etcdtest.Options{})
	var n atomic.Int64
	prefixes := map[store.Backend]string{}
	at := func(t testing.TB, prefix string) store.Backend {
		b := join(t, c, prefix, "", Options{})
		prefixes[b] = prefix
		return b
	}
	storetest.Run(t, storetest.Suite{
		Open: func(t testing.TB) store.Backend { return at(t, fmt.Sprint("contract", n.Add(1))) },
		Reopen: func(t testing.TB, b store.Backend) store.Backend {
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			return at(t, prefixes[b])
		},
		Slow: !matrix(),
	})
}

// nodes opens several nodes over one prefix.
func nodes(t testing.TB, c *etcdtest.Cluster, prefix, options string, n int) ([]*Backend, []*store.DB) {
	var bs []*Backend
	var dbs []*store.DB
	for range n {
		b := join(t, c, prefix, options, Options{})
		bs, dbs = append(bs, b), append(dbs, store.Open(b, 256))
	}
	return bs, dbs
}

func TestSeveralNodes(t *testing.T) {
	c := etcdtest.Start(t, 1, etcdtest.Options{})
	load := time.Second
	if matrix() {
		load = 5 * time.Second
	}
	t.Run("lists", func(t *testing.T) {
		_, dbs := nodes(t, c, "lists", "", 3)
		storetest.Lists(t, dbs, 4, load)
	})
	t.Run("bank", func(t *testing.T) {
		_, dbs := nodes(t, c, "bank", "", 3)
		storetest.Bank(t, dbs, 3, load)
	})
	t.Run("counter", func(t *testing.T) {
		_, dbs := nodes(t, c, "counter", "", 3)
		storetest.Counter(t, dbs, 2, 8)
	})
}
