package trail

import (
	"bytes"
	"container/heap"
	"iter"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// How much of the log one Search looks at. A page ends there, with Next set,
// even if it is not full.
const (
	mostBatches = 1000
	mostIndexes = 20000
)

// Query asks for events of one account and region, newest first.
type Query struct {
	Account, Region string
	// From and To bound the time in whole seconds, both included; zero times
	// leave a side open.
	From, To time.Time
	By       Attribute // None: all events
	Value    string
	Data     bool      // data events instead of management events
	Before   *Position // where the page before ended
	Limit    int       // 0: 50
}

// Position is a place in the log. Events of earlier times come after it.
type Position struct {
	Nanos int64  `json:"t"`
	Sum   uint64 `json:"s"`
}

// Page is what one Search found.
type Page struct {
	Records []*Record
	// Next is where the search goes on; nil when there is no more.
	Next *Position
}

// Search finds events. It reads outside of any transaction: a log that is
// written all the time would make every reader start over.
func (l *Log) Search(q Query) (Page, error) {
	s := &search{log: l, query: q, tenant: tenant{q.Account, q.Region}, from: 0, below: Position{Nanos: 1<<63 - 1, Sum: 1<<64 - 1}}
	if s.query.Limit <= 0 {
		s.query.Limit = 50
	}
	if !q.From.IsZero() {
		s.from = q.From.Truncate(time.Second).UnixNano()
	}
	if !q.To.IsZero() {
		s.below = Position{Nanos: q.To.Truncate(time.Second).Add(time.Second).UnixNano()}
	}
	if b := q.Before; b != nil && (b.Nanos < s.below.Nanos || b.Nanos == s.below.Nanos && b.Sum < s.below.Sum) {
		s.below = *b
	}
	if q.By != None {
		s.term = term(q.By, q.Value)
		quoted := appendString(nil, q.Value)
		s.needle = quoted[1 : len(quoted)-1]
	}
	return s.run()
}

type search struct {
	log    *Log
	query  Query
	tenant tenant
	from   int64
	below  Position // exclusive
	term   uint64
	needle []byte

	open    runs
	opened  int
	indexes int
}

// run merges fresh batches and blocks. The fresh ones are asked first: what is
// folded in between then shows up twice and is dropped, while the other way
// round it would be missed.
func (s *search) run() (Page, error) {
	fresh, stopFresh := s.source(freshTable)
	defer stopFresh()
	if err := fresh.advance(); err != nil {
		return Page{}, err
	}
	index, stopIndex := s.source(indexTable)
	defer stopIndex()
	if err := index.advance(); err != nil {
		return Page{}, err
	}
	var page Page
	var seen, given frame // the last event looked at, and the last in the page
	for {
		// Whatever may hold something newer than what is at hand is opened first.
		for _, src := range [...]*source{fresh, index} {
			for src.ok && (len(s.open) == 0 || src.id.newest >= s.open[0].top().nanos) {
				if s.opened >= mostBatches || s.indexes >= mostIndexes {
					page.Next = s.resume(seen, src)
					return page, nil
				}
				if err := s.take(src); err != nil {
					return page, err
				}
				if err := src.advance(); err != nil {
					return page, err
				}
			}
		}
		if len(s.open) == 0 {
			return page, nil
		}
		f := s.open[0].pop()
		if len(s.open[0].frames) == 0 {
			heap.Pop(&s.open)
		} else {
			heap.Fix(&s.open, 0)
		}
		if seen.json != nil && compareFrames(f, seen) == 0 {
			continue // folded while the search went on
		}
		seen = f
		if s.query.By != None && !bytes.Contains(f.json, s.needle) {
			continue
		}
		r, err := parse(f.nanos, f.json)
		if err != nil {
			return page, err
		}
		if r.Data != s.query.Data || !r.has(s.query.By, s.query.Value) {
			continue
		}
		if len(page.Records) == s.query.Limit {
			page.Next = &Position{given.nanos, given.sum()}
			return page, nil
		}
		page.Records = append(page.Records, r)
		given = f
	}
}

// resume is where the next search begins when this one has looked at enough:
// behind the last event it saw, or before the newest that it did not see.
func (s *search) resume(seen frame, src *source) *Position {
	if seen.json != nil {
		return &Position{seen.nanos, seen.sum()}
	}
	at := Position{Nanos: src.id.newest + 1}
	if len(s.open) > 0 {
		at.Nanos = max(at.Nanos, s.open[0].top().nanos+1)
	}
	if s.below.Nanos < at.Nanos {
		at = s.below
	}
	return &at
}

// source walks a table backwards.
type source struct {
	table string
	next  func() (store.KV, error, bool)
	start int

	ok  bool
	key string
	val []byte
	id  batchID
}

func (s *search) source(table string) (*source, func()) {
	prefix := table + s.tenant.prefix()
	r := store.Prefix(prefix)
	if top := s.below.Nanos; top < 1<<63-1-maxSpan {
		r.End = prefix + hexTime(top+maxSpan) + "/" // '/' comes after '.'
	}
	if s.from > 0 {
		r.Start = prefix + hexTime(s.from)
	}
	next, stop := iter.Pull2(s.log.DB.Backend().Scan(r, true))
	return &source{table: table, start: len(prefix), next: next}, stop
}

// advance goes on to the next batch, which src.ok tells.
func (src *source) advance() error {
	for {
		kv, err, ok := src.next()
		if err != nil {
			return err
		}
		if !ok {
			src.ok = false
			return nil
		}
		if src.id, src.ok = parseBatchID(kv.Key[src.start:]); src.ok {
			src.key, src.val = kv.Key, kv.Value
			return nil
		}
	}
}

// take opens the source's batch if it may hold what is looked for.
func (s *search) take(src *source) error {
	if src.id.oldest > s.below.Nanos || src.id.newest < s.from {
		return nil
	}
	key, value := src.key, src.val
	if src.table == indexTable {
		s.indexes++
		raw, err := s.log.codec.seal.Open(purpose, []byte(key), value)
		if err != nil {
			return err
		}
		filter, ok := decodeIndex(raw)
		if !ok {
			return errDamaged
		}
		if s.query.By != None && !mayHold(filter, s.term) {
			return nil
		}
		key = blockTable + key[len(indexTable):]
		kv, ok, err := s.log.DB.Backend().Get(key)
		if err != nil {
			return err
		}
		if !ok {
			return nil // expired meanwhile
		}
		value = kv.Value
	}
	s.opened++
	fs, err := s.log.codec.decode(key, value)
	if err != nil {
		return err
	}
	fs = s.within(fs)
	if len(fs) > 0 {
		heap.Push(&s.open, &run{fs})
	}
	return nil
}

// within keeps the frames that the query's bounds admit.
func (s *search) within(fs []frame) []frame {
	for len(fs) > 0 && fs[0].nanos < s.from {
		fs = fs[1:]
	}
	for n := len(fs); n > 0; n = len(fs) {
		f := fs[n-1]
		if f.nanos < s.below.Nanos || f.nanos == s.below.Nanos && f.sum() < s.below.Sum {
			break
		}
		fs = fs[:n-1]
	}
	return fs
}

// run is an open batch, read from its end.
type run struct{ frames []frame }

func (r *run) top() frame { return r.frames[len(r.frames)-1] }

func (r *run) pop() frame {
	f := r.top()
	r.frames = r.frames[:len(r.frames)-1]
	return f
}

// runs is a heap by newest event.
type runs []*run

func (h runs) Len() int           { return len(h) }
func (h runs) Less(i, j int) bool { return compareFrames(h[i].top(), h[j].top()) > 0 }
func (h runs) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runs) Push(x any)        { *h = append(*h, x.(*run)) }
func (h *runs) Pop() any {
	old := *h
	r := old[len(old)-1]
	*h = old[:len(old)-1]
	return r
}
