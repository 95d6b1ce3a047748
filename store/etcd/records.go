package etcd

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/redoubt-sec/redoubt/store"
)

// batchName tells a batch from all others.
type batchName [16]byte

// headRecord is the value of the head: which commits the batch that wrote it was
// made of. A watch delivers the writes of an etcd transaction in the order of its
// operations, so the numbers of writes tell them apart.
type headRecord struct {
	batch  batchName
	last   int64 // revision of the batch's last commit
	counts []int // writes of each commit, in order
	mod    int64 // etcd revision; not part of the value
}

// decided is a commit with its revision.
type decided struct {
	rev    int64
	writes []store.Write
}

func (h *headRecord) encode() string {
	v := append([]byte{1}, h.batch[:]...)
	v = binary.BigEndian.AppendUint64(v, uint64(h.last))
	for _, n := range h.counts {
		v = binary.AppendUvarint(v, uint64(n))
	}
	return string(v)
}

func decodeHead(v []byte) (headRecord, error) {
	var h headRecord
	if len(v) < 25 || v[0] != 1 {
		return h, errors.New("the head is damaged")
	}
	copy(h.batch[:], v[1:])
	h.last = int64(binary.BigEndian.Uint64(v[17:]))
	for v = v[25:]; len(v) > 0; {
		n, size := binary.Uvarint(v)
		if size <= 0 || n > 2*store.MaxOps {
			return h, errors.New("the head is damaged")
		}
		h.counts = append(h.counts, int(n))
		v = v[size:]
	}
	return h, nil
}

func encodeRecord(rev int64, value []byte) string {
	v := make([]byte, 8, 8+len(value))
	binary.BigEndian.PutUint64(v, uint64(rev))
	return string(append(v, value...))
}

func decodeRecord(key string, v []byte) (store.KV, error) {
	if len(v) < 8 {
		return store.KV{}, fmt.Errorf("record %q is damaged", key)
	}
	return store.KV{Key: key, Value: v[8:len(v):len(v)], Rev: int64(binary.BigEndian.Uint64(v))}, nil
}

// commits takes the events of a batch apart; skip is the length of what stands
// before every record's key.
func (h *headRecord) commits(events []*clientv3.Event, skip int) ([]decided, error) {
	commits := make([]decided, len(h.counts))
	for i, n := range h.counts {
		if n > len(events) {
			return nil, errors.New("a batch has fewer writes than its head says")
		}
		c := decided{rev: h.last - int64(len(h.counts)-1-i), writes: make([]store.Write, n)}
		for j, e := range events[:n] {
			key := string(e.Kv.Key[skip:])
			if e.Type == mvccpb.DELETE {
				c.writes[j].Key = key
				continue
			}
			kv, err := decodeRecord(key, e.Kv.Value)
			if err != nil {
				return nil, err
			}
			if kv.Rev != c.rev {
				return nil, fmt.Errorf("record %q is of revision %d, its batch says %d", kv.Key, kv.Rev, c.rev)
			}
			c.writes[j] = store.Write{Key: kv.Key, Value: kv.Value}
		}
		commits[i], events = c, events[n:]
	}
	if len(events) > 0 {
		return nil, errors.New("a batch has more writes than its head says")
	}
	return commits, nil
}
