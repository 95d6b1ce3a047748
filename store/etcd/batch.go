package etcd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/internal/history"
)

// batch is one proposal.
type batch struct {
	headRecord
	from    int64 // etcd revision of the head that it replaces
	gaps    int   // of the replica when it was checked
	good    []*request
	commits []decided
	ops     []clientv3.Op
	asked   int // times that it was proposed
}

// commits is the committer.
func (b *Backend) commits() {
	for {
		requests := b.queue.take()
		if len(requests) == 0 {
			select {
			case <-b.queue.filled:
				continue
			case <-b.ctx.Done():
				return
			}
		}
		for len(requests) > 0 && b.ctx.Err() == nil {
			requests = b.propose(requests)
		}
	}
}

// propose checks the requests and brings those that hold before the cluster. It
// answers those that must be checked again because another node was faster.
func (b *Backend) propose(requests []*request) []*request {
	p := b.prepare(requests)
	if len(p.good) == 0 {
		return nil
	}
	resp, err := b.ask(p)
	switch {
	case err != nil:
		p.fail(fmt.Errorf("%w: %w", store.ErrUnavailable, explain(err)))
		return nil
	case resp.Succeeded:
		b.committed(p, resp)
		return nil
	}
	// Another node was faster; or this very batch went through and its answer was
	// lost. The replica tells, when it has come as far as the answer.
	b.refused.Add(1)
	var head int64
	if kvs := resp.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		head = kvs[0].ModRevision
	}
	var a ack
	var gap bool
	err = b.wait(b.ctx, func() bool {
		a.etcd, a.need, gap = b.landed, b.landedBy, b.gaps != p.gaps
		return b.head >= head
	})
	switch {
	case err != nil:
		p.fail(err)
	case a.etcd > 0:
		b.mu.Lock()
		b.acknowledge(p, &a)
		b.mu.Unlock()
	case gap && p.asked > 1:
		p.fail(store.ErrUnavailable) // nobody can tell any more
	default:
		return p.good
	}
	return nil
}

// prepare checks the requests against the replica and each other, refuses those
// that lost, and puts the rest into a batch.
func (b *Backend) prepare(requests []*request) *batch {
	p := new(batch)
	rand.Read(p.batch[:])
	b.mu.Lock()
	defer b.mu.Unlock()
	b.landing, b.landed, b.landedBy = p.batch, 0, nil
	p.from, p.gaps, p.last = b.head, b.gaps, b.next
	var changes history.Batch
	for _, r := range requests {
		if r.advance > 0 {
			p.last = max(p.last, r.advance)
			p.good = append(p.good, r)
			continue
		}
		read := r.c
		read.Writes = nil
		_, err := b.replica.Commit(b.ctx, read)
		if err == nil && changes.Conflicts(r.c) {
			err = store.ErrConflict
		}
		if err != nil {
			r.err = err
			close(r.done)
			continue
		}
		changes.Add(r.c.Writes)
		p.last++
		r.rev = p.last
		p.add(b, r)
		p.good = append(p.good, r)
	}
	return p
}

// add turns a commit into operations. Deleting what is not there makes no event,
// so it is left out: the replica knows, as long as the compare holds.
func (p *batch) add(b *Backend, r *request) {
	c := decided{rev: r.rev}
	for _, w := range r.c.Writes {
		key := b.key("r" + w.Key)
		if w.Value == nil {
			if _, ok, _ := b.replica.Get(w.Key); !ok {
				continue
			}
			p.ops = append(p.ops, clientv3.OpDelete(key))
		} else {
			p.ops = append(p.ops, clientv3.OpPut(key, encodeRecord(r.rev, w.Value)))
		}
		c.writes = append(c.writes, w)
	}
	p.commits = append(p.commits, c)
	p.counts = append(p.counts, len(c.writes))
}

// etcd allows 128 operations in a transaction, nested ones counted along the
// path: as many as fit beside the head and the list of nodes stand in it, more
// are nested, nine times 110.
const (
	flatOps = 100
	nestOps = 110
)

// ask proposes the batch until there is an answer that holds.
func (b *Backend) ask(p *batch) (*clientv3.TxnResponse, error) {
	head := b.key("h")
	then := []clientv3.Op{clientv3.OpPut(head, p.encode())}
	if len(p.ops) <= flatOps {
		then = append(then, p.ops...)
	} else {
		for ops := p.ops; len(ops) > 0; {
			n := min(len(ops), nestOps)
			then = append(then, clientv3.OpTxn(nil, ops[:n], nil))
			ops = ops[n:]
		}
	}
	then = append(then, clientv3.OpGet(b.key("n/"), clientv3.WithPrefix()))
	for {
		p.asked++
		b.proposed.Add(1)
		ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(b.ctx), requestLimit)
		resp, err := b.client.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(head), "=", p.from)).
			Then(then...).
			Else(clientv3.OpGet(head)).
			Commit()
		cancel()
		if err == nil || refusal(err) {
			return resp, err
		}
		b.log.Warn("store: a commit has no answer yet", "error", err)
		if !pause(b.ctx, 50*time.Millisecond) {
			return nil, b.ctx.Err()
		}
	}
}

// refusal reports whether etcd has answered no, and will again.
func refusal(err error) bool {
	for _, e := range []error{
		rpctypes.ErrRequestTooLarge, rpctypes.ErrTooManyOps, rpctypes.ErrDuplicateKey, rpctypes.ErrNoSpace,
		rpctypes.ErrPermissionDenied, rpctypes.ErrUserEmpty, rpctypes.ErrAuthFailed, rpctypes.ErrCorrupt,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// committed takes in a batch whose answer came back. The watch may have been
// faster.
func (b *Backend) committed(p *batch, resp *clientv3.TxnResponse) {
	a := &ack{etcd: resp.Header.Revision}
	for _, kv := range resp.Responses[len(resp.Responses)-1].GetResponseRange().Kvs {
		id := string(kv.Key[len(b.key("n/")):])
		if n, ok := decodeNode(kv); ok && n.serving && !b.own(id) {
			a.need = append(a.need, id)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.head == p.from {
		b.apply(a.etcd, &p.headRecord, p.commits)
	}
	b.acknowledge(p, a)
	b.tell()
}

// acknowledge lets the clients of a batch wait for the others; with mu held.
func (b *Backend) acknowledge(p *batch, a *ack) {
	a.rev, a.done = p.last, make(chan struct{})
	for _, r := range p.good {
		r.acked = a.done
		close(r.done)
	}
	b.acks = append(b.acks, a)
	b.settle()
}

func (p *batch) fail(err error) {
	for _, r := range p.good {
		r.err = err
		close(r.done)
	}
}
