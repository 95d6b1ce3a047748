package outbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Bounds of one ordering transaction.
const (
	orderEvents = 300
	orderBytes  = 600 << 10
)

// Run orders events and drops old ones, until ctx ends. Every server runs it.
func (o *Outbox) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := o.order(ctx)
		if err == nil {
			err = o.trim(ctx)
		}
		wait := time.Minute // for age, and for what a server that died left behind
		if err != nil && ctx.Err() == nil {
			o.Log.Error("outbox: events cannot be ordered", "error", err)
			wait = time.Second
		}
		t := time.NewTimer(wait)
		select {
		case <-o.wake:
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
	return nil
}

// errOvertaken: another server has ordered what this one meant to.
var errOvertaken = errors.New("outbox: overtaken")

// order moves what is fresh into the log.
//
// The walk sees one state; all fresh events of it, sorted by revision, come before
// whatever a later walk finds. If another server orders in between, the state of
// the log has changed, or an event is gone from where it lay: walk again.
func (o *Outbox) order(ctx context.Context) error {
	for {
		list, err := o.found()
		if err != nil || len(list) == 0 {
			return err
		}
		for len(list) > 0 && err == nil {
			n, bytes := 0, 0
			for n < len(list) && n < orderEvents && (n == 0 || bytes+list[n].size <= orderBytes) {
				bytes += list[n].size
				n++
			}
			err = o.append(ctx, list[:n])
			list = list[n:]
		}
		if err != nil && !errors.Is(err, errOvertaken) {
			return err
		}
	}
}

// place is where a fresh event lies.
type place struct {
	id   string
	rev  int64
	size int
}

func (o *Outbox) found() ([]place, error) {
	prefix := fresh.Rows().Key("")
	var list []place
	for kv, err := range o.DB.Backend().Scan(store.Prefix(prefix), false) {
		if err != nil {
			return nil, err
		}
		list = append(list, place{kv.Key[len(prefix):], kv.Rev, len(kv.Value)})
	}
	slices.SortStableFunc(list, func(a, b place) int {
		return int(min(max(a.rev-b.rev, -1), 1))
	})
	return list, nil
}

// append gives events their numbers. It does not start over on a conflict, since
// the list would be outdated.
func (o *Outbox) append(ctx context.Context, list []place) error {
	tx := o.DB.Begin()
	l, err := state(tx)
	if err != nil {
		return err
	}
	for _, p := range list {
		e, err := fresh.Rows().Get(tx, p.id)
		if errors.Is(err, store.ErrNotFound) {
			return errOvertaken
		}
		if err != nil {
			return err
		}
		if err := entries.Rows().Put(tx, number(l.Next), &entry{*e, o.Clock.Now(), int64(p.size)}); err != nil {
			return err
		}
		if err := fresh.Rows().Delete(tx, p.id); err != nil {
			return err
		}
		l.Next++
		l.Bytes += int64(p.size)
	}
	if err := logs.Rows().Put(tx, "state", &l); err != nil {
		return err
	}
	err = tx.Commit(ctx)
	if errors.Is(err, store.ErrConflict) {
		return errOvertaken
	}
	return err
}

// trim drops entries that are too old or too many.
func (o *Outbox) trim(ctx context.Context) error {
	for more := true; more; {
		var dropped int64
		err := o.DB.Run(ctx, func(ctx context.Context) error {
			tx := store.From(ctx)
			l, err := state(tx)
			if err != nil {
				return err
			}
			first := l.First
			oldest := o.Clock.Now().Add(-o.MaxAge)
			for l.First < l.Next && l.First-first < 500 {
				e, err := entries.Rows().Get(tx, number(l.First))
				if err != nil {
					return err
				}
				if l.Bytes <= o.MaxBytes && !e.Kept.Before(oldest) {
					break
				}
				if err := entries.Rows().Delete(tx, number(l.First)); err != nil {
					return err
				}
				l.First++
				l.Bytes -= e.Bytes
				l.Dropped++
			}
			dropped = l.First - first
			if more = dropped == 500; dropped == 0 {
				return nil
			}
			return logs.Rows().Put(tx, "state", &l)
		})
		if err != nil {
			return err
		}
		if dropped > 0 {
			o.warn(ctx, dropped)
		}
	}
	return nil
}

// warn says which consumers lose by what was dropped.
func (o *Outbox) warn(ctx context.Context, dropped int64) {
	s, err := o.Stats(ctx)
	if err != nil {
		return
	}
	for name, p := range s.Consumers {
		if p.Lost > 0 {
			o.Log.Warn("outbox: events were dropped that a consumer had not handled", "consumer", name, "dropped", dropped, "lost", p.Lost)
		}
	}
}
