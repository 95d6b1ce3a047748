package logs

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/store"
)

// How much one Read looks at. A page ends there, with Next set, even if it is not
// full.
const (
	mostOpened = 400
	mostBytes  = 1 << 20 // of messages in a page
)

// Query asks for events of a group.
type Query struct {
	From, To int64             // milliseconds; From included, To excluded; To 0: no end
	Streams  []string          // names; nil: all
	Prefix   string            // of stream names
	Match    func([]byte) bool // nil: all
	Reverse  bool              // newest first
	After    *Position         // where the page before ended, in the direction of reading
	Limit    int
}

// Found is an event that a query found.
type Found struct {
	Position
	Stream  string // name
	Message string
}

// Page is what one Read found, in the direction of reading. Last is where reading
// ended; More: there may be more behind it.
type Page struct {
	Events []Found
	Last   *Position
	More   bool
}

// source is a batch or block that has not been opened.
type source struct {
	batchID
	key   string
	fresh bool
}

// run is an opened one: what is left of its frames.
type run struct{ frames []frame }

// merge is a heap of runs in the direction of reading.
type merge struct {
	runs    []*run
	reverse bool
}

func (m *merge) Len() int { return len(m.runs) }
func (m *merge) Less(i, j int) bool {
	return ahead(m.runs[i].frames[0].Position, m.runs[j].frames[0].Position, m.reverse)
}
func (m *merge) Swap(i, j int) { m.runs[i], m.runs[j] = m.runs[j], m.runs[i] }
func (m *merge) Push(x any)    { m.runs = append(m.runs, x.(*run)) }
func (m *merge) Pop() any {
	last := m.runs[len(m.runs)-1]
	m.runs = m.runs[:len(m.runs)-1]
	return last
}

// ahead reports whether a comes before b in the direction of reading.
func ahead(a, b Position, reverse bool) bool {
	if reverse {
		a, b = b, a
	}
	return a.Compare(b) < 0
}

// Read answers one page. It reads outside of any transaction: a group that is
// written all the time would make every reader start over. Events that are folded
// while it reads are seen once.
func (l *Logs) Read(ctx context.Context, p Place, g *Group, q Query) (Page, error) {
	q.From = max(q.From, g.expiry(l.Clock.Now()))
	if q.To <= 0 {
		q.To = 1<<62 - 1
	}
	r := reading{l: l, q: q, at: spot{p, g.ID}, group: g, alive: map[ref]bool{}}
	if q.Streams != nil {
		tx := l.DB.Begin()
		r.wanted = map[string]bool{}
		for _, name := range q.Streams {
			s, err := l.Stream(tx, p, g, name)
			if err != nil {
				return Page{}, err
			}
			r.wanted[s.ID] = true
		}
	}
	for try := 0; ; try++ {
		err := r.run(ctx)
		if !errors.Is(err, errMoved) || try == 8 {
			return r.page, err
		}
		r.q.After = r.page.Last
	}
}

// errMoved: what was to be opened was folded meanwhile, and lies elsewhere now.
var errMoved = errors.New("logs: moved")

// reading is one Read on its way.
type reading struct {
	l      *Logs
	q      Query
	at     spot
	group  *Group
	wanted map[string]bool // ids of streams; nil: all
	alive  map[ref]bool    // whether there still is such a stream
	page   Page
	heap   merge
	bytes  int
}

// sources answers what may hold events of the query, in the order in which it has
// to be opened.
func (r *reading) sources() (list []source, err error) {
	from, to := r.q.From, r.q.To
	if a := r.q.After; a != nil && r.q.Reverse {
		to = min(to, a.Time+1)
	} else if a != nil {
		from = max(from, a.Time)
	}
	// Fresh ones first: what is folded in between is found twice and dropped, the
	// other way round it would be missed.
	for _, table := range [...]string{freshTable, blockTable} {
		prefix := table + r.at.prefix()
		rg := store.Prefix(prefix)
		rg.Start = prefix + hexTime(from)
		if to < 1<<61 {
			rg.End = prefix + hexTime(to+mostSpan.Milliseconds()) + "/" // '/' comes after '.'
		}
		for kv, err := range r.l.DB.Backend().Scan(rg, false) {
			if err != nil {
				return nil, err
			}
			id, ok := parseBatchID(kv.Key[len(prefix):])
			if ok && id.newest >= from && id.oldest < to {
				list = append(list, source{id, kv.Key, table == freshTable})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b source) int {
		if r.q.Reverse {
			return cmp.Compare(b.newest, a.newest)
		}
		return cmp.Compare(a.oldest, b.oldest)
	})
	return list, nil
}

func (r *reading) run(ctx context.Context) error {
	r.heap = merge{reverse: r.q.Reverse}
	sources, err := r.sources()
	if err != nil {
		return err
	}
	for opened := 0; ; {
		// Whatever may hold something that comes before what is at hand is opened.
		for len(sources) > 0 && (len(r.heap.runs) == 0 || r.due(sources[0])) {
			if opened++; opened > mostOpened {
				r.page.More = true
				r.stopBefore(sources[0])
				return nil
			}
			fs, err := r.open(ctx, sources[0])
			if err != nil {
				return err
			}
			sources = sources[1:]
			if len(fs) > 0 {
				heap.Push(&r.heap, &run{fs})
			}
		}
		if len(r.heap.runs) == 0 {
			return nil
		}
		top := r.heap.runs[0]
		full, err := r.take(top.frames[0])
		if err != nil {
			return err
		}
		if full {
			r.page.More = true
			return nil
		}
		if top.frames = top.frames[1:]; len(top.frames) == 0 {
			heap.Pop(&r.heap)
		} else {
			heap.Fix(&r.heap, 0)
		}
	}
}

// due reports whether a source may hold something ahead of what is at hand.
func (r *reading) due(s source) bool {
	t := r.heap.runs[0].frames[0].Time
	if r.q.Reverse {
		return s.newest >= t
	}
	return s.oldest <= t
}

// stopBefore ends a page that found too little in too much.
func (r *reading) stopBefore(s source) {
	at := Position{Time: s.oldest - 1, Ingested: 1<<47 - 1, Batch: 1<<64 - 1, Index: 1<<16 - 1}
	if r.q.Reverse {
		at = Position{Time: s.newest + 1}
	}
	if r.page.Last == nil || ahead(*r.page.Last, at, r.q.Reverse) {
		r.page.Last = &at
	}
}

// take adds an event to the page if it is asked for. full: it would not fit.
func (r *reading) take(f frame) (full bool, err error) {
	if last := r.page.Last; last != nil && f.Position == *last {
		return false, nil // folded while this went on
	}
	if strings.HasPrefix(f.stream.name(), r.q.Prefix) && (r.wanted == nil || r.wanted[f.stream.id()]) && (r.q.Match == nil || r.q.Match(f.message)) {
		there, err := r.there(f.stream)
		if err != nil {
			return false, err
		}
		if there {
			if len(r.page.Events) == r.q.Limit || r.bytes+len(f.message) > mostBytes && len(r.page.Events) > 0 {
				return true, nil
			}
			r.bytes += len(f.message)
			r.page.Events = append(r.page.Events, Found{f.Position, f.stream.name(), string(f.message)})
		}
	}
	at := f.Position
	r.page.Last = &at
	return false, nil
}

// there reports whether an event's stream was not deleted.
func (r *reading) there(of ref) (bool, error) {
	if there, ok := r.alive[of]; ok {
		return there, nil
	}
	s, err := r.l.Stream(r.l.DB.Begin(), r.at.Place, r.group, of.name())
	if err != nil && !errors.Is(err, ErrNoStream) {
		return false, err
	}
	r.alive[of] = err == nil && s.ID == of.id()
	return r.alive[of], nil
}

// open answers the frames of a source that lie within the query, in the direction
// of reading.
func (r *reading) open(ctx context.Context, s source) ([]frame, error) {
	if s.fresh && r.wanted != nil && !r.wanted[s.stream] {
		return nil, nil
	}
	fs, err := r.l.frames(ctx, s, r.wanted)
	if err != nil {
		return nil, err
	}
	in := fs[:0]
	for _, f := range fs {
		if f.Time < r.q.From || f.Time >= r.q.To || r.q.After != nil && !ahead(*r.q.After, f.Position, r.q.Reverse) {
			continue
		}
		in = append(in, f)
	}
	if r.q.Reverse {
		slices.Reverse(in)
	}
	return in, nil
}

// frames opens a source, unless it is a block that has none of the streams. The
// error is errMoved when it is not there any more.
func (l *Logs) frames(ctx context.Context, s source, streams map[string]bool) ([]frame, error) {
	kv, ok, err := l.DB.Backend().Get(s.key)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errMoved
	}
	if s.fresh {
		packed, err := l.codec.seal.Open(purpose, []byte(s.key), kv.Value)
		if err != nil {
			return nil, err
		}
		return l.codec.unpack(packed)
	}
	b, err := l.codec.openBlock(s.key, kv.Value)
	if err != nil {
		return nil, err
	}
	defer clear(b.Key)
	if streams != nil && !slices.ContainsFunc(b.Streams, func(id string) bool { return streams[id] }) {
		return nil, nil
	}
	if l.Blobs == nil {
		return nil, fmt.Errorf("%w: %s: this server has no place of blocks", errLost, b.Blob)
	}
	in, err := l.Blobs.Open(ctx, b.Blob, 0, -1)
	if errors.Is(err, blob.ErrNotFound) {
		if still, serr := l.DB.Exists(s.key); serr == nil && !still {
			return nil, errMoved
		}
		return nil, fmt.Errorf("%w: %s", errLost, b.Blob)
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, b.Size+1))
	if err != nil {
		return nil, err
	}
	return l.codec.decrypt(b, data)
}
