package objects

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"sort"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/store"
)

// names are the segments that exist, in order: 17 bytes each, so that a million
// of them are no burden.
type names struct{ blobs, inlines []held }

type held struct {
	name [16]byte
	seen bool
}

func (h held) String() string { return hex.EncodeToString(h.name[:]) }

func rawName(name string) (raw [16]byte) {
	hex.Decode(raw[:], []byte(name)) // names are what hex made
	return raw
}

// see notes that something refers to a segment, and reports whether it is there.
func (n *names) see(seg Segment) bool {
	if len(seg.ID) != blob.NameLength {
		return false
	}
	list, raw := n.blobs, rawName(seg.ID)
	if seg.Inline {
		list = n.inlines
	}
	i := sort.Search(len(list), func(i int) bool { return bytes.Compare(list[i].name[:], raw[:]) >= 0 })
	if i == len(list) || list[i].name != raw {
		return false
	}
	list[i].seen = true
	return true
}

// source opens a segment as it is kept.
func (v *verification) source(seg Segment) (io.ReadCloser, error) {
	if !seg.Inline {
		r, err := v.s.Blobs.Open(v.ctx, seg.ID, 0, -1)
		if errors.Is(err, blob.ErrNotFound) {
			return nil, fmt.Errorf("%w: the blob is missing", ErrDamaged)
		}
		return r, err
	}
	b, err := v.s.DB.Begin().Get(inlines + seg.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: the inline data are missing", ErrDamaged)
	}
	return io.NopCloser(bytes.NewReader(b)), err
}

// garbage looks at what waits for the collector.
func (v *verification) garbage() error {
	prefix := garbage.Key("")
	for kv, err := range pages(v.ctx, v.s.DB, prefix) {
		if err != nil {
			return err
		}
		var w waste
		if err := decode(kv.Value, &w); err != nil {
			return err
		}
		list := w.Segments
		for n := range w.Rows {
			row, err := readRow(v.s.DB.Begin(), &Data{ID: w.Data, Starts: make([]int64, n+1)}, n, "")
			if errors.Is(err, ErrDamaged) {
				continue // removed meanwhile
			}
			if err != nil {
				return err
			}
			for _, p := range row {
				list = append(list, p.Segment)
			}
		}
		for _, seg := range list {
			if v.known.see(seg) {
				v.report.Waiting++
			}
		}
	}
	return nil
}

// pages walks the records under a prefix in many short walks, so that a long one
// does not hold on to an old state of the store.
func pages(ctx context.Context, db *store.DB, prefix string) iter.Seq2[store.KV, error] {
	const page = 500
	return func(yield func(store.KV, error) bool) {
		rg := store.Prefix(prefix)
		for list := make([]store.KV, 0, page); ; list = list[:0] {
			for kv, err := range db.Begin().Scan(rg, false) {
				if err != nil {
					yield(store.KV{}, err)
					return
				}
				if list = append(list, kv); len(list) == page {
					break
				}
			}
			for _, kv := range list {
				if err := ctx.Err(); err != nil {
					yield(store.KV{}, err)
					return
				}
				if !yield(kv, nil) {
					return
				}
			}
			if len(list) < page {
				return
			}
			rg.Start = list[len(list)-1].Key + "\x00"
		}
	}
}
