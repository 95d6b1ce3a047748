package logs

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/store"
)

// When the fresh batches of a group are folded: there are many, or much, or they
// are old.
const (
	manyFresh  = 64
	muchFresh  = 1 << 20
	oldFresh   = time.Hour
	mostFolded = 400     // batches in one transaction
	foldBytes  = 8 << 20 // packed, in one transaction
	blockBytes = 4 << 20 // of messages in a block
	orphanAge  = time.Hour
)

// held names the blobs that index records refer to.
var held = store.GlobalTable[struct{}]("logs.blob")

// Fold makes blocks of fresh batches.
func (l *Logs) Fold(ctx context.Context) error {
	if l.Blobs == nil {
		return nil
	}
	type heap struct {
		at     spot
		keys   []string
		bytes  int
		oldest int64
	}
	var now *heap
	fold := func() error {
		if now == nil || len(now.keys) < manyFresh && now.bytes < muchFresh && now.oldest > millis(l.Clock.Now().Add(-oldFresh)) {
			return nil
		}
		return l.fold(ctx, now.at, now.keys)
	}
	for kv, err := range l.DB.Backend().Scan(store.Prefix(freshTable), false) {
		if err != nil {
			return err
		}
		at, id, ok := parseKey(freshTable, kv.Key)
		if !ok {
			continue
		}
		if now == nil || now.at != at || len(now.keys) == mostFolded || now.bytes+len(kv.Value) > foldBytes {
			if err := fold(); err != nil {
				return err
			}
			now = &heap{at: at, oldest: id.oldest}
		}
		now.keys, now.bytes = append(now.keys, kv.Key), now.bytes+len(kv.Value)
		now.oldest = min(now.oldest, id.oldest)
	}
	return fold()
}

// parseKey takes the key of a batch or block apart.
func parseKey(table, key string) (at spot, id batchID, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(key, table), "/", 4)
	if len(parts) != 4 {
		return at, id, false
	}
	id, ok = parseBatchID(parts[3])
	return spot{Place{parts[0], parts[1]}, parts[2]}, id, ok
}

// fold replaces batches of one group by blocks.
func (l *Logs) fold(ctx context.Context, at spot, keys []string) error {
	var fs []frame
	for _, key := range keys {
		part, err := l.frames(ctx, source{key: key, fresh: true}, nil)
		if errors.Is(err, errMoved) {
			return nil // another server folds them
		}
		if err != nil {
			return err
		}
		fs = append(fs, part...)
	}
	sortFrames(fs)
	if err := l.replace(ctx, at, keys, nil, fs); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// replace puts blocks of the frames in the place of records, in one transaction;
// old are the blocks among those.
func (l *Logs) replace(ctx context.Context, at spot, keys []string, old []*block, fs []frame) (err error) {
	type made struct {
		key   string
		value []byte
		blob  string
		bytes int64
	}
	var blocks []made
	defer func() {
		if err == nil {
			return
		}
		for _, m := range blocks {
			if held, herr := l.DB.Exists(held.Rows().Key(m.blob)); herr == nil && !held {
				l.Blobs.Remove(context.WithoutCancel(ctx), m.blob) // else it is swept up later
			}
		}
	}()
	for _, piece := range cut(fs) {
		name := blob.NewName()
		data, b := l.codec.encrypt(name, piece)
		id := batchID{newest: piece[len(piece)-1].Time, oldest: piece[0].Time, random: newID()}
		m := made{key: blockTable + at.prefix() + id.String(), blob: name, bytes: b.Bytes}
		m.value, err = l.codec.sealBlock(m.key, b)
		clear(b.Key)
		if err != nil {
			return err
		}
		if err := l.write(ctx, name, data); err != nil {
			return err
		}
		blocks = append(blocks, m)
	}
	err = l.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		var bytes int64
		for _, key := range keys {
			if _, err := tx.Get(key); err != nil {
				return err // somebody else was faster
			}
			if err := tx.Delete(key); err != nil {
				return err
			}
		}
		for _, b := range old {
			if err := held.Rows().Delete(tx, b.Blob); err != nil {
				return err
			}
			bytes -= b.Bytes
		}
		for _, m := range blocks {
			if err := tx.Put(m.key, m.value); err != nil {
				return err
			}
			if err := held.Rows().Put(tx, m.blob, &struct{}{}); err != nil {
				return err
			}
			bytes += m.bytes
		}
		return l.count(tx, at, bytes)
	})
	if err != nil {
		return err
	}
	for _, b := range old {
		if err := l.Blobs.Remove(ctx, b.Blob); err != nil {
			return err
		}
	}
	return nil
}

// count adds to what a group holds.
func (l *Logs) count(tx *store.Tx, at spot, bytes int64) error {
	rows := sizes.In(at.Account, at.Region)
	s, err := rows.Get(tx, at.group)
	if errors.Is(err, store.ErrNotFound) {
		s, err = &Size{}, nil
	}
	if err != nil {
		return err
	}
	return rows.Put(tx, at.group, &Size{max(0, s.Bytes+bytes)})
}

func (l *Logs) write(ctx context.Context, name string, data []byte) error {
	w, err := l.Blobs.Create(ctx, name, int64(len(data)))
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Commit()
}

// cut splits sorted frames into pieces of at most a block's size and a day.
func cut(fs []frame) [][]frame {
	var out [][]frame
	start, size := 0, 0
	for i, f := range fs {
		n := len(f.message) + overhead
		if i > start && (size+n > blockBytes || f.Time-fs[start].Time > mostSpan.Milliseconds()) {
			out = append(out, fs[start:i])
			start, size = i, 0
		}
		size += n
	}
	if start < len(fs) {
		out = append(out, fs[start:])
	}
	return out
}

// rewrite takes the events of a deleted stream out of a group.
func (l *Logs) rewrite(ctx context.Context, at spot, stream string) error {
	var keys []string
	prefix := freshTable + at.prefix()
	for kv, err := range l.DB.Backend().Scan(store.Prefix(prefix), false) {
		if err != nil {
			return err
		}
		if id, ok := parseBatchID(kv.Key[len(prefix):]); ok && id.stream == stream {
			keys = append(keys, kv.Key)
		}
	}
	for part := range slices.Chunk(keys, mostFolded) {
		if err := l.drop(ctx, at, part, nil); err != nil {
			return err
		}
	}
	for kv, err := range l.DB.Backend().Scan(store.Prefix(blockTable+at.prefix()), false) {
		if err != nil {
			return err
		}
		b, err := l.codec.openBlock(kv.Key, kv.Value)
		if err != nil {
			return err
		}
		clear(b.Key)
		if !slices.Contains(b.Streams, stream) {
			continue
		}
		fs, err := l.frames(ctx, source{key: kv.Key}, nil)
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil {
			return err
		}
		kept := slices.DeleteFunc(fs, func(f frame) bool { return f.stream.id() == stream })
		if err := l.replace(ctx, at, []string{kv.Key}, []*block{b}, kept); err != nil {
			return err
		}
	}
	return nil
}

// drop removes batches and blocks of a group with what they hold.
func (l *Logs) drop(ctx context.Context, at spot, keys []string, blocks []*block) error {
	err := l.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		for _, key := range keys {
			if err := tx.Delete(key); err != nil {
				return err
			}
		}
		var bytes int64
		for _, b := range blocks {
			if err := held.Rows().Delete(tx, b.Blob); err != nil {
				return err
			}
			bytes -= b.Bytes
		}
		if len(blocks) == 0 {
			return nil
		}
		return l.count(tx, at, bytes)
	})
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if err := l.Blobs.Remove(ctx, b.Blob); err != nil {
			return err
		}
	}
	return nil
}
