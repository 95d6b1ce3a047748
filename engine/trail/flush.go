package trail

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/redoubt-sec/redoubt/store"
)

// batch is one tenant's events in memory: frames as they will be stored, and
// the terms of each.
type batch struct {
	tenant tenant
	frames []byte
	at     []mark
	terms  []uint64
	sorted bool

	// Room for putting frames and terms in order, which nearly every batch under
	// load needs; kept with the batch for its next use.
	otherFrames []byte
	otherTerms  []uint64
	order       []placed
}

// placed is an event of a batch that is being put in order.
type placed struct {
	frame
	from, to mark
}

// mark says where an event's frame and terms end.
type mark struct {
	nanos       int64
	frame, term int
}

func (l *Log) newBatch(t tenant) *batch {
	b := &batch{}
	if n := len(l.spare); n > 0 {
		b, l.spare = l.spare[n-1], l.spare[:n-1]
	}
	b.tenant, b.frames, b.at, b.terms, b.sorted = t, b.frames[:0], b.at[:0], b.terms[:0], true
	return b
}

// add appends an event and answers its size.
func (b *batch) add(e *Event) int {
	n := len(b.frames)
	nanos := e.nanos()
	b.frames = e.AppendJSON(appendFrameHead(b.frames, nanos, 0))
	binary.BigEndian.PutUint32(b.frames[n+8:], uint32(len(b.frames)-n-frameHead))
	b.terms = e.appendTerms(b.terms)
	if k := len(b.at); k > 0 && b.at[k-1].nanos >= nanos {
		b.sorted = false
	}
	b.at = append(b.at, mark{nanos, len(b.frames), len(b.terms)})
	return len(b.frames) - n
}

// piece is what becomes one record of the store: sorted frames of a tenant.
type piece struct {
	tenant tenant
	frames []byte
	id     batchID
	count  int
	terms  []uint64
}

// pieces cuts the batch up.
func (b *batch) pieces() []piece {
	if !b.sorted {
		b.sort()
	}
	var out []piece
	add := func(from, to, frameStart, termStart int) {
		last := b.at[to-1]
		out = append(out, piece{
			tenant: b.tenant, frames: b.frames[frameStart:last.frame], count: to - from, terms: b.terms[termStart:last.term],
			id: batchID{newest: last.nanos, oldest: b.at[from].nanos, random: randomHex(6), kind: direct},
		})
	}
	from, frameStart, termStart := 0, 0, 0
	for i, m := range b.at {
		if i > from && (m.frame-frameStart > blockSize || m.nanos-b.at[from].nanos > maxSpan) {
			add(from, i, frameStart, termStart)
			from, frameStart, termStart = i, b.at[i-1].frame, b.at[i-1].term
		}
	}
	if from < len(b.at) {
		add(from, len(b.at), frameStart, termStart)
	}
	return out
}

// sort puts the events in order: calls overtake each other on their way here.
func (b *batch) sort() {
	events := b.order[:0]
	var before mark
	for _, m := range b.at {
		events = append(events, placed{frame{m.nanos, b.frames[before.frame+frameHead : m.frame]}, before, m})
		before = m
	}
	slices.SortFunc(events, func(x, y placed) int { return compareFrames(x.frame, y.frame) })
	frames := slices.Grow(b.otherFrames[:0], len(b.frames))
	terms := slices.Grow(b.otherTerms[:0], len(b.terms))
	for i, e := range events {
		frames = append(frames, b.frames[e.from.frame:e.to.frame]...)
		terms = append(terms, b.terms[e.from.term:e.to.term]...)
		b.at[i] = mark{e.nanos, len(frames), len(terms)}
	}
	clear(events)
	b.frames, b.otherFrames = frames, b.frames
	b.terms, b.otherTerms = terms, b.terms
	b.order, b.sorted = events, true
}

// newPiece makes a piece of sorted frames, reading their terms back.
func newPiece(t tenant, fs []frame, kind byte) (piece, error) {
	p := piece{tenant: t, frames: joinFrames(fs), count: len(fs), id: idOf(fs, kind)}
	for _, f := range fs {
		r, err := parse(f.nanos, f.json)
		if err != nil {
			return p, fmt.Errorf("trail: unreadable event: %w", err)
		}
		p.terms = r.appendTerms(p.terms)
	}
	return p, nil
}

// records answers what the piece writes: a fresh batch, or a block and its index.
func (l *Log) records(p piece, block bool) ([]store.Write, error) {
	name := p.tenant.prefix() + p.id.String()
	table := freshTable
	if block {
		table = blockTable
	}
	value, err := l.codec.encode(table+name, p.frames)
	if err != nil {
		return nil, err
	}
	w := []store.Write{{Key: table + name, Value: value}}
	if block {
		index := encodeIndex(p.count, len(p.frames), buildFilter(p.terms))
		if index, err = l.codec.seal.Seal(purpose, []byte(indexTable+name), index); err != nil {
			return nil, err
		}
		w = append(w, store.Write{Key: indexTable + name, Value: index})
	}
	return w, nil
}

// Flush writes what waits. What could not be written waits on and is tried again,
// under the same keys: a write whose outcome is unknown is not doubled.
func (l *Log) Flush(ctx context.Context) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	l.mu.Lock()
	taken := make([]*batch, 0, len(l.batches))
	for t, b := range l.batches {
		taken = append(taken, b)
		delete(l.batches, t)
	}
	l.mu.Unlock()

	pieces := l.retry
	l.retry = nil
	for _, b := range taken {
		pieces = append(pieces, b.pieces()...)
	}
	written, err := l.write(ctx, pieces)
	l.retry = pieces[written:]
	done := 0
	for _, p := range pieces[:written] {
		done += len(p.frames)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting -= done
	l.failure = err
	if len(taken) == 0 {
		l.spare = nil // nobody calls: their memory is given back
	}
	if err == nil {
		for _, b := range taken {
			if len(l.spare) < 4 && cap(b.frames) <= 4*blockSize {
				l.spare = append(l.spare, b)
			}
		}
	}
	return err
}

// write commits the pieces in as few transactions as the store allows, and
// answers how many are in.
func (l *Log) write(ctx context.Context, pieces []piece) (done int, err error) {
	if len(pieces) == 0 {
		return 0, nil
	}
	tx, size, writes := l.DB.Begin(), 0, 0
	for i, p := range pieces {
		records, err := l.records(p, len(p.frames) >= enough)
		if err != nil {
			return done, err
		}
		n := 0
		for _, w := range records {
			n += len(w.Key) + len(w.Value)
		}
		if writes > 0 && (size+n > store.MaxTxn || writes+len(records) > store.MaxOps) {
			if err := tx.Commit(ctx); err != nil {
				return done, err
			}
			tx, size, writes, done = l.DB.Begin(), 0, 0, i
		}
		for _, w := range records {
			if err := tx.Put(w.Key, w.Value); err != nil {
				return done, err
			}
		}
		size, writes = size+n, writes+len(records)
	}
	if err := tx.Commit(ctx); err != nil {
		return done, err
	}
	return len(pieces), nil
}
