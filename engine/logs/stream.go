package logs

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Stream is a log stream, kept under its group's id and its name. Times of events
// are milliseconds, 0 while there is none.
type Stream struct {
	ID       string // random; what its events carry
	Name     string
	Created  time.Time
	First    int64 `json:",omitzero"` // of the earliest event
	Last     int64 `json:",omitzero"` // of the latest event
	Ingested int64 `json:",omitzero"` // when the last came in
}

var (
	streams = store.RegionalTable[Stream]("logs.stream")   // by group id, name
	recents = store.RegionalTable[struct{}]("logs.recent") // by group id, time of the last event, name
)

// recent is the key by which streams go in order of their last events.
func recent(group string, s *Stream) string {
	t := strconv.FormatInt(s.Last, 10)
	return store.ID(group, strings.Repeat("0", 19-len(t))+t, s.Name)
}

// CreateStream makes a stream, or answers ErrExists.
func (l *Logs) CreateStream(tx *store.Tx, p Place, g *Group, name string) error {
	rows, id := streams.In(p.Account, p.Region), store.ID(g.ID, name)
	if ok, err := rows.Has(tx, id); ok || err != nil {
		return first(err, ErrExists)
	}
	s := &Stream{ID: newID(), Name: name, Created: l.Clock.Now()}
	if err := recents.In(p.Account, p.Region).Put(tx, recent(g.ID, s), &struct{}{}); err != nil {
		return err
	}
	return rows.Put(tx, id, s)
}

// Stream answers a stream by its name, or ErrNoStream.
func (l *Logs) Stream(tx *store.Tx, p Place, g *Group, name string) (*Stream, error) {
	s, err := streams.In(p.Account, p.Region).Get(tx, store.ID(g.ID, name))
	if errors.Is(err, store.ErrNotFound) {
		err = ErrNoStream
	}
	return s, err
}

// Streams walks streams by name.
func (l *Logs) Streams(tx *store.Tx, p Place, g *Group, prefix, after string, reverse bool) iter.Seq2[*Stream, error] {
	q := store.Query{Prefix: store.ID(g.ID, prefix), Reverse: reverse}
	if after != "" {
		q.After = store.ID(g.ID, after)
	}
	return func(yield func(*Stream, error) bool) {
		for row, err := range streams.In(p.Account, p.Region).Scan(tx, q) {
			if !yield(row.Value, err) || err != nil {
				return
			}
		}
	}
}

// Recent walks streams by the time of their last event.
func (l *Logs) Recent(tx *store.Tx, p Place, g *Group, after *Stream, reverse bool) iter.Seq2[*Stream, error] {
	q := store.Query{Prefix: store.ID(g.ID, ""), Reverse: reverse}
	if after != nil {
		q.After = recent(g.ID, after)
	}
	return func(yield func(*Stream, error) bool) {
		for row, err := range recents.In(p.Account, p.Region).Scan(tx, q) {
			if err != nil {
				yield(nil, err)
				return
			}
			parts := store.Parts(row.ID)
			if len(parts) != 3 {
				continue
			}
			s, err := l.Stream(tx, p, g, parts[2])
			if errors.Is(err, ErrNoStream) {
				continue
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// DeleteStream removes a stream with its events.
func (l *Logs) DeleteStream(tx *store.Tx, p Place, g *Group, name string) error {
	if g.Protected {
		return ErrProtected
	}
	s, err := l.Stream(tx, p, g, name)
	if err != nil {
		return err
	}
	if err := gone.In(p.Account, p.Region).Put(tx, s.ID, &Gone{Group: g.ID, Stream: s.ID}); err != nil {
		return err
	}
	if err := recents.In(p.Account, p.Region).Delete(tx, recent(g.ID, s)); err != nil {
		return err
	}
	return streams.In(p.Account, p.Region).Delete(tx, store.ID(g.ID, name))
}

// note moves a stream's times on for events that came in.
func (l *Logs) note(tx *store.Tx, p Place, g *Group, name string, oldest, newest, now int64) (*Stream, error) {
	s, err := l.Stream(tx, p, g, name)
	if err != nil {
		return nil, err
	}
	next := *s
	if next.First == 0 || oldest < next.First {
		next.First = oldest
	}
	next.Last, next.Ingested = max(next.Last, newest), now
	if next.Last != s.Last {
		rows := recents.In(p.Account, p.Region)
		if err := rows.Delete(tx, recent(g.ID, s)); err != nil {
			return nil, err
		}
		if err := rows.Put(tx, recent(g.ID, &next), &struct{}{}); err != nil {
			return nil, err
		}
	}
	return &next, streams.In(p.Account, p.Region).Put(tx, store.ID(g.ID, name), &next)
}

// removeStream takes the events of a deleted stream out of batches and blocks.
func (l *Logs) removeStream(ctx context.Context, p Place, g Gone) error {
	if err := l.rewrite(ctx, spot{p, g.Group}, g.Stream); err != nil {
		return err
	}
	return l.DB.Run(ctx, func(ctx context.Context) error {
		return gone.In(p.Account, p.Region).Delete(store.From(ctx), g.Stream)
	})
}
