package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/etcd/etcdtest"
	"github.com/redoubt-sec/redoubt/store/storetest"
)

// proxy stands between nodes and a member and cuts connections.
type proxy struct {
	l     net.Listener
	to    string
	mu    sync.Mutex
	conns map[net.Conn]bool
	shut  bool
}

func newProxy(t testing.TB, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, to: to, conns: map[net.Conn]bool{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	t.Cleanup(func() { l.Close(); p.cut(true) })
	return p
}

func (p *proxy) serve(c net.Conn) {
	d, err := net.Dial("tcp", p.to)
	p.mu.Lock()
	if err != nil || p.shut {
		p.mu.Unlock()
		c.Close()
		if err == nil {
			d.Close()
		}
		return
	}
	p.conns[c], p.conns[d] = true, true
	p.mu.Unlock()
	pipe := func(a, b net.Conn) {
		io.Copy(a, b)
		a.Close()
		b.Close()
	}
	go pipe(c, d)
	pipe(d, c)
	p.mu.Lock()
	delete(p.conns, c)
	delete(p.conns, d)
	p.mu.Unlock()
}

// cut ends all connections; shut keeps new ones from being made.
func (p *proxy) cut(shut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = shut
	for c := range p.conns {
		c.Close()
	}
}

func joinThrough(t testing.TB, p *proxy, prefix, options string, o Options) *Backend {
	t.Helper()
	cfg, err := Parse("etcd://" + p.l.Addr().String() + "/" + prefix + "?" + options)
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

// freshness writes on some nodes and reads on all: whatever was acknowledged
// before a read began, the read must see or fail. It answers how many reads were
// served and how many refused.
func freshness(t *testing.T, bs []*Backend, writers int, stop <-chan struct{}) (served, refused int64) {
	var acked, written [8]atomic.Int64
	var ok, no atomic.Int64
	var wg sync.WaitGroup
	key := func(w int) string { return fmt.Sprint("fresh", w) }
	running := func() bool {
		select {
		case <-stop:
			return false
		default:
			return true
		}
	}
	for w := range writers {
		wg.Go(func() {
			for running() {
				n := written[w].Add(1)
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				_, err := bs[w].Commit(ctx, store.Commit{Writes: []store.Write{{Key: key(w), Value: fmt.Append(nil, n)}}})
				cancel()
				if err == nil {
					acked[w].Store(n)
				} else {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	for _, b := range bs {
		db := store.Open(b, 64)
		for range 2 {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
				for running() {
					w := rnd.IntN(writers)
					least := acked[w].Load()
					tx := db.Begin()
					v, err := tx.Get(key(w))
					if err == nil || errors.Is(err, store.ErrNotFound) {
						ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
						if cerr := tx.Check(ctx); cerr != nil {
							err = cerr
						}
						cancel()
					}
					switch {
					case errors.Is(err, store.ErrConflict):
						continue
					case err != nil && !errors.Is(err, store.ErrNotFound):
						no.Add(1)
						time.Sleep(time.Millisecond)
						continue
					}
					var n int64
					fmt.Sscan(string(v), &n)
					if n < least {
						t.Errorf("node %s read %d after %d was acknowledged", b.name, n, least)
						return
					}
					ok.Add(1)
					time.Sleep(200 * time.Microsecond) // leave the processors to the others
				}
			})
		}
	}
	wg.Wait()
	return ok.Load(), no.Load()
}

// A node that hangs stops serving before the others go on without it, and comes
// back when it can.
func TestFrozenNode(t *testing.T) {
	c := etcdtest.Start(t, 1, etcdtest.Options{})
	bs, _ := nodes(t, c, "frozen", "lease=2s", 3)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		served, refused := freshness(t, bs, 2, stop)
		t.Logf("%d reads served, %d refused", served, refused)
		if refused == 0 {
			t.Error("the frozen node refused nothing")
		}
	}()
	time.Sleep(200 * time.Millisecond)
	frozen := bs[2]
	frozen.mu.Lock() // nothing arrives, nothing is confirmed
	begin := time.Now()
	for frozen.valid.ok() {
		time.Sleep(time.Millisecond)
	}
	t.Logf("stopped serving after %v", time.Since(begin))
	if err := frozen.Ready(); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("ready: %v", err)
	}
	_, err := bs[0].Commit(context.Background(), store.Commit{Writes: []store.Write{{Key: "x", Value: []byte("1")}}})
	if d := time.Since(begin); err != nil || d > 10*time.Second {
		t.Errorf("a commit beside a frozen node: %v after %v", err, d)
	}
	frozen.mu.Unlock()
	if err := frozen.wait(context.Background(), func() bool { return frozen.valid.ok() }); err != nil {
		t.Error(err)
	}
	if v, ok, err := frozen.Get("x"); err != nil || !ok || string(v.Value) != "1" {
		t.Errorf("after coming back: %q %v %v", v.Value, ok, err)
	}
	close(stop)
	<-done
}

// Connections break at random moments, also while commits are under way: answers
// get lost, but nothing acknowledged does, nothing happens twice, and no read is
// stale.
func TestCutConnections(t *testing.T) {
	c := etcdtest.Start(t, 1, etcdtest.Options{})
	load := 2 * time.Second
	if matrix() {
		load = 15 * time.Second
	}
	var bs []*Backend
	var dbs []*store.DB
	var ps []*proxy
	for range 3 {
		p := newProxy(t, c.Hosts())
		b := joinThrough(t, p, "cut", "lease=2s", Options{})
		ps, bs, dbs = append(ps, p), append(bs, b), append(dbs, store.Open(b, 256))
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		rnd := rand.New(rand.NewPCG(3, 4))
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(rnd.IntN(600)) * time.Millisecond):
			}
			ps[rnd.IntN(len(ps))].cut(false)
		}
	})
	wg.Go(func() { freshness(t, bs, 2, stop) })
	storetest.Lists(t, dbs, 3, load)
	close(stop)
	wg.Wait()
	for _, b := range bs {
		t.Logf("node %s: %v", b.name, b.Figures())
	}
}

// A node that is cut off refuses, the others go on; back in touch it has caught
// up before it serves.
func TestPartition(t *testing.T) {
	c := etcdtest.Start(t, 1, etcdtest.Options{})
	p := newProxy(t, c.Hosts())
	far := joinThrough(t, p, "part", "lease=2s", Options{})
	near := join(t, c, "part", "lease=2s", Options{})
	ctx := context.Background()
	put := func(b *Backend, v string) error {
		ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		_, err := b.Commit(ctx, store.Commit{Writes: []store.Write{{Key: "k", Value: []byte(v)}}})
		return err
	}
	if err := put(near, "1"); err != nil {
		t.Fatal(err)
	}
	p.cut(true)
	lost := make(chan error, 1)
	go func() { lost <- put(far, "lost") }()
	if err := put(near, "2"); err != nil {
		t.Fatalf("beside a node that is cut off: %v", err)
	}
	if _, _, err := far.Get("k"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("read on the node that is cut off: %v", err)
	}
	if err := <-lost; !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("write on the node that is cut off: %v", err)
	}
	p.cut(false)
	wctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := far.wait(wctx, func() bool { return far.valid.ok() }); err != nil {
		t.Fatal(err)
	}
	if kv, _, err := far.Get("k"); err != nil || string(kv.Value) == "1" {
		t.Errorf("after coming back: %q, %v", kv.Value, err)
	}
	if err := put(far, "3"); err != nil {
		t.Error(err)
	}
}

// etcd forgot what a node had not seen yet: it lists everything anew, and what
// began before is refused.
func TestCompacted(t *testing.T) {
	c := etcdtest.Start(t, 1, etcdtest.Options{})
	bs, _ := nodes(t, c, "compacted", "", 2)
	ctx := context.Background()
	put := func(i int, k string) {
		t.Helper()
		if _, err := bs[i].Commit(ctx, store.Commit{Writes: []store.Write{{Key: k, Value: []byte(k)}}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		put(i%2, fmt.Sprint("k", i))
	}
	b := bs[1]
	old := b.Revision()
	put(0, "later")
	if _, err := b.client.Compact(ctx, b.Figures()["etcd_revision"]); err != nil {
		t.Fatal(err)
	}
	gaps := b.Figures()["listings"]
	b.mu.Lock()
	b.watched, b.head = 1, 1 // as if it had slept since
	b.rewatch()
	b.mu.Unlock()
	wctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := b.wait(wctx, func() bool { return int64(b.gaps) > gaps }); err != nil {
		t.Fatal(err)
	}
	for _, err := range b.Watch(ctx, "", old) {
		if !errors.Is(err, store.ErrCompacted) {
			t.Errorf("a watch across the gap: %v", err)
		}
		break
	}
	if _, err := b.Commit(ctx, store.Commit{ReadRev: old, Keys: []string{"k1"}}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a transaction across the gap: %v", err)
	}
	put(1, "after")
	for _, k := range []string{"k1", "later", "after"} {
		if _, ok, err := b.Get(k); !ok || err != nil {
			t.Errorf("%s: %v %v", k, ok, err)
		}
	}
}

// Members are lost and come back under load.
func TestMemberLoss(t *testing.T) {
	if !matrix() {
		t.Skip("set REDOUBT_MATRIX=1")
	}
	c := etcdtest.Start(t, 3, etcdtest.Options{Sync: true})
	bs, dbs := nodes(t, c, "loss", "lease=3s", 3)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for round := range 3 {
			time.Sleep(3 * time.Second)
			i := c.Leader()
			if round == 1 || i < 0 {
				i = 0 // whoever it is
			}
			c.Stop(i)
			t.Logf("member %d stopped", i)
			time.Sleep(4 * time.Second)
			c.Restart(i)
		}
		// No quorum: everything is refused, nothing is stale.
		c.Stop(0)
		c.Stop(1)
		time.Sleep(6 * time.Second)
		for _, b := range bs {
			if err := b.Ready(); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("without quorum: %v", err)
			}
		}
		var back sync.WaitGroup
		back.Go(func() { c.Restart(0) })
		back.Go(func() { c.Restart(1) })
		back.Wait()
		for _, b := range bs {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			if err := b.wait(ctx, func() bool { return b.valid.ok() }); err != nil {
				t.Errorf("after the quorum is back: %v", err)
			}
			cancel()
		}
		close(stop)
	})
	wg.Go(func() {
		served, refused := freshness(t, bs, 2, stop)
		t.Logf("%d reads served, %d refused", served, refused)
	})
	r := storetest.NewRecorder()
	for i, db := range dbs {
		for n := range 3 {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(i), uint64(n)))
				for {
					select {
					case <-stop:
						return
					case <-time.After(10 * time.Millisecond):
					}
					ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
					r.Step(ctx, db, fmt.Sprintf("%d.%d", i, n), rnd)
					cancel()
				}
			})
		}
	}
	wg.Wait()
	n, err := r.Check(dbs[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d transactions committed", n)
	if n < 100 {
		t.Error("too few")
	}
}

// crash ends a node as kill -9 does: it does not leave.
func (b *Backend) crash() {
	b.closed.Store(true)
	b.valid.end(store.ErrClosed)
	b.client.Close() // leaving fails without it
	b.cancel()
	b.tasks.Wait()
	if b.lock != nil {
		b.lock.Close()
	}
}

// With its directory, a node that crashed and starts anew delays nobody; without,
// the others wait for the lease.
func TestCrash(t *testing.T) {
	c := etcdtest.Start(t, 1, etcdtest.Options{})
	dir := t.TempDir()
	first := join(t, c, "crash", "lease=3s", Options{Dir: dir})
	if _, _, err := nodeName(dir); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("two processes with one directory: %v", err)
	}
	put := func(b *Backend) time.Duration {
		t.Helper()
		begin := time.Now()
		if _, err := b.Commit(context.Background(), store.Commit{Writes: []store.Write{{Key: "k", Value: []byte("v")}}}); err != nil {
			t.Fatal(err)
		}
		return time.Since(begin)
	}
	put(first)
	first.crash()
	second := join(t, c, "crash", "lease=3s", Options{Dir: dir})
	if d := put(second); d > 2500*time.Millisecond {
		t.Errorf("commit after a crash took %v", d)
	}
	second.crash()
	third := join(t, c, "crash", "lease=3s", Options{})
	if d := put(third); d < 1500*time.Millisecond || d > 15*time.Second {
		t.Errorf("commit beside the record of a crashed node took %v", d)
	}
}

func TestForeign(t *testing.T) {
	c := etcdtest.Start(t, 1, etcdtest.Options{})
	b := join(t, c, "mine", "", Options{})
	ctx := context.Background()
	b.client.Put(ctx, "theirs/a", "1")
	b.client.Put(ctx, "newer/f", "redoubt store, format 9")
	for prefix, want := range map[string]string{"theirs": "not ours", "newer": "format 9"} {
		cfg, _ := Parse(c.URL(prefix, ""))
		if _, err := Open(ctx, cfg, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("opened %s: %v", prefix, err)
		}
	}
	if resp, err := b.client.Get(ctx, "theirs/", clientv3.WithPrefix()); err != nil || len(resp.Kvs) != 1 {
		t.Errorf("left behind under a foreign prefix: %v %v", resp.Kvs, err)
	}
}
