//go:build matrix

package redoubttest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redoubt-sec/redoubt/store/etcd/etcdtest"
)

// With the build tag matrix, $REDOUBT_TEST_STORE may be "etcd": every server of a
// test then gets its own prefix in a cluster of three members. Without the tag,
// test programs would all have to link etcd's server.
var clusterStore = etcdStore

var (
	clusters sync.Map // testing.TB -> *etcdtest.Cluster
	servers  atomic.Int64
)

func etcdStore(t testing.TB) string {
	c, ok := clusters.Load(t)
	if !ok {
		c = etcdtest.Start(t, 3, etcdtest.Options{})
		clusters.Store(t, c)
		t.Cleanup(func() { clusters.Delete(t) })
	}
	return c.(*etcdtest.Cluster).URL(fmt.Sprintf("test-%d", servers.Add(1)), "")
}
