package logs

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Limits of one Put. Source: the model's documentation of PutLogEvents.
const (
	mostBatch = 1 << 20 // bytes of messages, with overhead for each event
	mostEvent = 1 << 20
	overhead  = 26

	future   = 2 * time.Hour
	past     = 14 * 24 * time.Hour
	mostSpan = 24 * time.Hour
)

// Event is one event: a time in milliseconds and a text.
type Event struct {
	Time    int64
	Message string
}

// Rejected says which events of a Put were not taken, by index, -1: none. Events
// before TooOld's and Expired's index and from TooNew's on are left out.
type Rejected struct {
	TooNew  int // index of the first
	TooOld  int // index behind the last
	Expired int // index behind the last
}

// Any reports whether events were rejected.
func (r Rejected) Any() bool { return r.TooNew >= 0 || r.TooOld >= 0 || r.Expired >= 0 }

// Put takes events of a stream, which must be in order of time. Those that are
// too new, too old or beyond the group's retention are left out.
func (l *Logs) Put(tx *store.Tx, p Place, g *Group, stream string, events []Event) (Rejected, error) {
	r := Rejected{-1, -1, -1}
	now := l.Clock.Now()
	newest, oldest := millis(now.Add(future)), millis(now.Add(-past))
	expiry := g.expiry(now)
	size := 0
	for i, e := range events {
		if i > 0 && e.Time < events[i-1].Time {
			return r, ErrUnordered
		}
		if len(e.Message)+overhead > mostEvent {
			return r, ErrEventSize
		}
		size += len(e.Message) + overhead
		switch {
		case e.Time > newest && r.TooNew < 0:
			r.TooNew = i
		case e.Time < oldest:
			r.TooOld = i + 1
		case e.Time < expiry:
			r.Expired = i + 1
		}
	}
	if size > mostBatch {
		return r, ErrBatchSize
	}
	from, to := max(r.TooOld, r.Expired, 0), len(events)
	if r.TooNew >= 0 {
		to = r.TooNew
	}
	if _, err := l.Stream(tx, p, g, stream); err != nil {
		return r, err
	}
	if from >= to {
		return r, nil
	}
	taken := events[from:to]
	first, last := taken[0].Time, taken[len(taken)-1].Time
	if last-first > mostSpan.Milliseconds() {
		return r, ErrBatchSpan
	}
	s, err := l.note(tx, p, g, stream, first, last, millis(now))
	if err != nil {
		return r, err
	}
	var random [8]byte
	rand.Read(random[:])
	at := Position{Ingested: millis(now), Batch: binary.BigEndian.Uint64(random[:])}
	fs := make([]frame, len(taken))
	for i, e := range taken {
		at.Time, at.Index = e.Time, uint16(i)
		fs[i] = frame{Position: at, stream: refOf(s), message: []byte(e.Message)}
	}
	return r, l.putFresh(tx, spot{p, g.ID}, fs)
}

// putFresh writes frames of one stream as fresh batches of at most a record's size.
func (l *Logs) putFresh(tx *store.Tx, at spot, fs []frame) error {
	packed := l.codec.pack(fs)
	if len(packed) > mostFresh && len(fs) > 1 {
		// It hardly compresses: two records.
		if err := l.putFresh(tx, at, fs[:len(fs)/2]); err != nil {
			return err
		}
		return l.putFresh(tx, at, fs[len(fs)/2:])
	}
	id := batchID{newest: fs[len(fs)-1].Time, oldest: fs[0].Time, random: newID(), stream: fs[0].stream.id()}
	key := freshTable + at.prefix() + id.String()
	value, err := l.codec.seal.Seal(purpose, []byte(key), packed)
	if err != nil {
		return err
	}
	return tx.Put(key, value)
}

// mostFresh leaves room for the seal in a record of the store.
const mostFresh = store.MaxValue - 4<<10

// expiry is before when events of the group are not kept, in milliseconds.
func (g *Group) expiry(now time.Time) int64 {
	if g.Retention == 0 {
		return 0
	}
	return millis(now.Add(-time.Duration(g.Retention) * 24 * time.Hour))
}
