package etcd

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// span is V of doc.go: how long a node serves after a renewal was sent. The rest
// of the lease is the margin for clocks of different speed.
func (c *Config) span() time.Duration { return c.Lease * 7 / 10 }

// serve joins the cluster and stays in it, again and again until Close.
func (b *Backend) serve() {
	for first := true; b.ctx.Err() == nil; first = false {
		m, err := b.join(first)
		if err != nil {
			if b.ctx.Err() == nil {
				b.log.Warn("store: joining the cluster failed", "error", err)
				b.mu.Lock()
				b.joinErr = err
				b.mu.Unlock()
				pause(b.ctx, b.cfg.Lease/10)
			}
			continue
		}
		b.log.Info("store: this node serves", "node", m.id)
		err = m.stay()
		b.valid.end(nil)
		b.mu.Lock()
		b.tell()
		b.mu.Unlock()
		m.leave()
		if b.ctx.Err() == nil {
			b.log.Warn("store: this node stopped serving", "node", m.id, "error", err)
		}
	}
}

// member is this node from one joining to its end.
type member struct {
	b       *Backend
	id      string // NAME/ID
	key     string
	created int64 // etcd revision of its record
	serial  uint64
}

// join makes this node's record and waits until the watch has delivered it. The
// first record says that the node does not serve, so that nobody waits for one
// whose watch is broken.
func (b *Backend) join(first bool) (*member, error) {
	random := make([]byte, 8)
	rand.Read(random)
	m := &member{b: b, id: b.name + "/" + hex.EncodeToString(random)}
	m.key = b.key("n/" + m.id)
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(b.ctx), b.cfg.span())
	defer cancel()
	if first && b.lock != nil {
		// We hold the lock of the name: whoever wrote these records is gone.
		if _, err := b.client.Delete(ctx, b.key("n/"+b.name+"/"), clientv3.WithPrefix()); err != nil {
			return nil, explain(err)
		}
	}
	resp, err := b.client.Put(ctx, m.key, encodeNode(false, 0, 0))
	if err != nil {
		return nil, explain(err)
	}
	m.created = resp.Header.Revision
	if err := m.delivered(ctx, m.created); err != nil {
		m.leave()
		b.mu.Lock()
		if b.rewatch != nil {
			b.rewatch()
		}
		b.mu.Unlock()
		return nil, fmt.Errorf("the watch does not deliver: %w", err)
	}
	sent := now()
	mod, err := m.report(ctx, b.applied())
	if err == nil {
		err = m.delivered(ctx, mod)
	}
	if err != nil {
		m.leave()
		return nil, err
	}
	b.valid.begin(sent + b.cfg.span())
	b.mu.Lock()
	b.id, b.joinErr = m.id, nil
	b.tell()
	b.mu.Unlock()
	return m, nil
}

func (m *member) delivered(ctx context.Context, mod int64) error {
	return m.b.wait(ctx, func() bool { return m.b.watched >= mod })
}

func (b *Backend) applied() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next
}

// errRemoved: the others have given this node up.
var errRemoved = errors.New("this node's record was removed")

// report confirms what the replica has applied, which also renews the record.
func (m *member) report(ctx context.Context, rev int64) (int64, error) {
	m.serial++
	resp, err := m.b.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(m.key), "=", m.created)).
		Then(clientv3.OpPut(m.key, encodeNode(true, rev, m.serial))).
		Commit()
	switch {
	case err != nil:
		return 0, err
	case !resp.Succeeded:
		return 0, errRemoved
	}
	return resp.Header.Revision, nil
}

// stay confirms and renews until that no longer works in time.
func (m *member) stay() error {
	b, span := m.b, m.b.cfg.span()
	var failed error
	confirmed, renewed := int64(-1), now()
	for {
		b.mu.Lock()
		changed, rev := b.changed, b.next
		own, known := b.nodes[m.id]
		b.mu.Unlock()
		if !b.valid.ok() {
			return errors.Join(errors.New("no renewal succeeded in time"), failed)
		}
		due := now()-renewed > span/5
		// A node whose watch has died must not keep its record alive: the others
		// would wait for confirmations that never come. So no renewal while the
		// last ones were not delivered back to us.
		if late := known && m.serial > own.serial && now()-own.seen > span/2; late {
			failed, due, rev = errors.New("the watch is late"), false, confirmed
		}
		if rev > confirmed || due {
			sent := now()
			ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(b.ctx), span/3)
			_, err := m.report(ctx, rev)
			cancel()
			switch {
			case err == nil:
				b.valid.extend(sent + span)
				confirmed, renewed = rev, sent
				continue
			case errors.Is(err, errRemoved):
				return err
			}
			failed = err
			if !pause(b.ctx, 20*time.Millisecond) {
				return b.ctx.Err()
			}
			continue
		}
		t := time.NewTimer(span / 10)
		select {
		case <-changed:
		case <-t.C:
		case <-b.ctx.Done():
			t.Stop()
			return b.ctx.Err()
		}
		t.Stop()
	}
}

// leave removes the record, so that nobody waits for it. This node does not serve
// any more.
func (m *member) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), requestLimit)
	defer cancel()
	if _, err := m.b.client.Delete(ctx, m.key); err != nil {
		m.b.log.Warn("store: leaving the cluster: the others will wait for this node", "error", err)
	}
}

// sweep removes the records of nodes that went silent.
func (b *Backend) sweep() {
	for pause(b.ctx, b.cfg.Lease/20) {
		silent := map[string]int64{}
		b.mu.Lock()
		for id, n := range b.nodes {
			if now()-n.seen > b.cfg.Lease && id != b.id {
				silent[id] = n.mod
			}
		}
		b.mu.Unlock()
		for id, mod := range silent {
			key := b.key("n/" + id)
			ctx, cancel := context.WithTimeout(b.ctx, requestLimit)
			// Unchanged since it was seen, or it stays.
			resp, err := b.client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(key), "=", mod)).Then(clientv3.OpDelete(key)).Commit()
			cancel()
			if err == nil && resp.Succeeded {
				b.log.Warn("store: a node went silent and was removed", "node", id)
			}
		}
	}
}
