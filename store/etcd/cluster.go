package etcd

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/redoubt-sec/redoubt/store"
)

// cluster is what this node knows of the others and of its own place; guarded by
// Backend.mu.
type cluster struct {
	head    int64 // etcd revision of the head that the replica stands at
	next    int64 // newest revision given out, there
	watched int64 // newest etcd revision that the watch has delivered
	viewed  int64 // newest revision that the watch (not a commit's answer) has delivered
	gaps    int   // how often the replica was listed anew
	nodes   map[string]node
	acks    []*ack // by revision

	// The batch whose fate the committer wants to know, and when it is known the
	// etcd revision and who served then.
	landing  batchName
	landed   int64
	landedBy []string

	id      string             // of this node's present record
	rewatch context.CancelFunc // ends the present watch, for a new one
	joinErr error              // why joining failed last
}

// node is a node's record as the watch has delivered it.
type node struct {
	serving bool
	rev     int64 // applied up to here
	serial  uint64
	created int64         // etcd revision
	mod     int64         // etcd revision
	seen    time.Duration // when this node learned of mod
}

// ack is a batch that is committed and not yet confirmed everywhere.
type ack struct {
	rev  int64    // the last one of the batch
	etcd int64    // its etcd revision
	need []string // nodes that served then
	done chan struct{}
}

func encodeNode(serving bool, rev int64, serial uint64) string {
	v := []byte{0}
	if serving {
		v[0] = 1
	}
	return string(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(v, uint64(rev)), serial))
}

func decodeNode(kv *mvccpb.KeyValue) (node, bool) {
	v := kv.Value
	if len(v) != 17 {
		return node{}, false
	}
	return node{
		serving: v[0] == 1,
		rev:     int64(binary.BigEndian.Uint64(v[1:])),
		serial:  binary.BigEndian.Uint64(v[9:]),
		created: kv.CreateRevision,
		mod:     kv.ModRevision,
		seen:    now(),
	}, true
}

// tell wakes whoever waits for a change; with mu held.
func (b *Backend) tell() {
	// The newest revision that all who serve are known to have applied. This node
	// itself has applied more.
	stable := b.viewed
	for id, n := range b.nodes {
		if n.serving && !b.own(id) {
			stable = min(stable, n.rev)
		}
	}
	b.stable.Store(stable)
	close(b.changed)
	b.changed = make(chan struct{})
}

// own reports whether a node record is of this process, now or before it lapsed.
func (b *Backend) own(id string) bool { return strings.HasPrefix(id, b.name+"/") }

// serving lists the other nodes that serve; with mu held.
func (b *Backend) serving() []string {
	var ids []string
	for id, n := range b.nodes {
		if n.serving && !b.own(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// wait waits until cond, called with mu held, is true.
func (b *Backend) wait(ctx context.Context, cond func() bool) error {
	for {
		b.mu.Lock()
		ok, changed := cond(), b.changed
		b.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-b.ctx.Done():
			return store.ErrClosed
		}
	}
}

// settle acknowledges the batches that everyone has confirmed; with mu held.
func (b *Backend) settle() {
	for len(b.acks) > 0 {
		a := b.acks[0]
		if b.watched < a.etcd {
			return // a node's record may still be on its way here
		}
		for _, id := range a.need {
			if n, ok := b.nodes[id]; ok && n.rev < a.rev {
				return
			}
		}
		close(a.done)
		b.acks = b.acks[1:]
	}
}

// list fills the replica anew with everything at one etcd revision.
func (b *Backend) list(ctx context.Context) error {
	for {
		ok, err := b.listOnce(ctx)
		if ok || err != nil {
			return err
		}
	}
}

// listOnce answers false when a commit of this node went through meanwhile.
func (b *Backend) listOnce(ctx context.Context) (bool, error) {
	var (
		kvs   []store.KV
		nodes = map[string]node{}
		head  headRecord
		at    int64 // the first page's etcd revision, and all others'
		limit = int64(100)
		from  = b.cfg.Prefix
		end   = clientv3.GetPrefixRangeEnd(b.cfg.Prefix)
	)
	for more := true; more; {
		resp, err := b.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithRev(at), clientv3.WithLimit(limit))
		if err != nil {
			return false, err
		}
		if at == 0 {
			at = resp.Header.Revision
		}
		size := 0
		for _, kv := range resp.Kvs {
			size += len(kv.Value)
			from = string(kv.Key) + "\x00"
			k := string(kv.Key[len(b.cfg.Prefix):])
			switch {
			case k == "h":
				if head, err = decodeHead(kv.Value); err != nil {
					return false, err
				}
				head.mod = kv.ModRevision
			case strings.HasPrefix(k, "n/"):
				if n, ok := decodeNode(kv); ok {
					nodes[k[2:]] = n
				}
			case strings.HasPrefix(k, "r"):
				rec, err := decodeRecord(k[1:], kv.Value)
				if err != nil {
					return false, err
				}
				kvs = append(kvs, rec)
			}
		}
		// Pages of a few MiB, whatever the records' size.
		if size < 1<<20 && limit < 4000 {
			limit *= 2
		} else if size > 8<<20 && limit > 16 {
			limit /= 4
		}
		more = resp.More
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if head.mod < b.head {
		return false, nil
	}
	if head.mod > b.head {
		b.replica.Replace(head.last, kvs)
	}
	b.head, b.next, b.watched, b.viewed = head.mod, head.last, at, head.last
	b.gaps++
	for id, n := range nodes {
		if old, ok := b.nodes[id]; ok && old.mod == n.mod {
			n.seen = old.seen
			nodes[id] = n
		}
	}
	b.nodes = nodes
	b.land(&head, head.mod)
	b.settle()
	b.tell()
	return true, nil
}

// follow keeps the replica up with the cluster.
func (b *Backend) follow() {
	for b.ctx.Err() == nil {
		err := b.watchOnce()
		if b.ctx.Err() != nil {
			return
		}
		b.log.Warn("store: the watch broke off", "error", err)
		if errors.Is(err, errGap) {
			if err := b.list(b.ctx); err != nil {
				b.log.Warn("store: listing failed", "error", err)
			}
		}
		pause(b.ctx, 100*time.Millisecond)
	}
}

// errGap: changes were missed or not understood, the replica must be listed anew.
var errGap = errors.New("changes were missed")

func (b *Backend) watchOnce() error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(b.ctx))
	defer cancel()
	b.mu.Lock()
	from := b.watched + 1
	b.rewatch = cancel
	b.mu.Unlock()
	for resp := range b.client.Watch(ctx, b.cfg.Prefix, clientv3.WithPrefix(), clientv3.WithRev(from)) {
		if resp.CompactRevision > 0 {
			return fmt.Errorf("%w: compacted up to %d, at %d", errGap, resp.CompactRevision, from)
		}
		if err := resp.Err(); err != nil {
			return err
		}
		for events := resp.Events; len(events) > 0; {
			n, mod := 1, events[0].Kv.ModRevision
			for n < len(events) && events[n].Kv.ModRevision == mod {
				n++
			}
			if err := b.deliver(mod, events[:n]); err != nil {
				return err
			}
			events = events[n:]
		}
	}
	return errors.New("the watch ended")
}

// deliver takes in all events of one etcd revision.
func (b *Backend) deliver(mod int64, events []*clientv3.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if mod <= b.watched {
		return nil
	}
	var head *headRecord
	var records []*clientv3.Event
	for _, e := range events {
		k := string(e.Kv.Key[len(b.cfg.Prefix):])
		switch {
		case k == "h":
			h, err := decodeHead(e.Kv.Value)
			if err != nil {
				return fmt.Errorf("%w: %w", errGap, err)
			}
			head = &h
		case strings.HasPrefix(k, "n/"):
			if e.Type == mvccpb.DELETE {
				delete(b.nodes, k[2:])
			} else if n, ok := decodeNode(e.Kv); ok {
				b.nodes[k[2:]] = n
			}
		case strings.HasPrefix(k, "r"):
			records = append(records, e)
		}
	}
	switch {
	case head == nil && len(records) > 0:
		return fmt.Errorf("%w: someone else writes our records", errGap)
	case head != nil:
		if mod > b.head {
			commits, err := head.commits(records, len(b.cfg.Prefix)+1)
			if err != nil {
				return fmt.Errorf("%w: %w", errGap, err)
			}
			b.apply(mod, head, commits)
		}
		b.viewed = head.last
		b.land(head, mod)
	}
	b.watched = mod
	b.settle()
	b.tell()
	return nil
}

// apply brings the replica to the head of etcd revision mod; with mu held.
func (b *Backend) apply(mod int64, head *headRecord, commits []decided) {
	for _, c := range commits {
		b.replica.Apply(c.rev, c.writes)
	}
	if head.last > b.replica.Revision() {
		b.replica.Advance(b.ctx, head.last)
	}
	b.head, b.next = mod, head.last
}

// land notes that the batch that the committer asks about went through; with mu
// held, and nodes as they were then or later.
func (b *Backend) land(head *headRecord, mod int64) {
	if head.batch == b.landing && b.landed == 0 {
		b.landed, b.landedBy = mod, b.serving()
	}
}

// compact drops etcd's history beyond five minutes, from one node at a time.
func (b *Backend) compact() {
	const step, keep = time.Minute, 5
	var marks []int64 // etcd revisions, one a step
	for pause(b.ctx, step) {
		b.mu.Lock()
		marks = append(marks, b.watched)
		first := b.name
		for id, n := range b.nodes {
			if name, _, _ := strings.Cut(id, "/"); n.serving && name < first {
				first = name
			}
		}
		b.mu.Unlock()
		if len(marks) <= keep {
			continue
		}
		at := marks[0]
		marks = marks[1:]
		if first != b.name || !b.valid.ok() {
			continue
		}
		ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
		if _, err := b.client.Compact(ctx, at); err != nil && !strings.Contains(err.Error(), "has been compacted") {
			b.log.Warn("store: compacting etcd's history failed", "error", err)
		}
		cancel()
	}
}

// pause waits and reports whether ctx still lives.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
