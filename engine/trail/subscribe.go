package trail

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Followed is an event as Subscribe delivers it.
type Followed struct {
	Account, Region string
	*Record
}

// Subscribe follows the log of all accounts and regions: first what lies there
// since from, then what comes, until ctx ends. Within an account and region the
// order is roughly that of time. Every event is delivered at least once: after a
// consumer fell so far behind that changes are no longer retained, it starts over
// at the last event delivered and some come again. Consumers who must not act
// twice remember event ids.
func (l *Log) Subscribe(ctx context.Context, from time.Time) iter.Seq2[Followed, error] {
	return func(yield func(Followed, error) bool) {
		since := from
		for {
			rev := l.DB.Revision()
			if !l.replay(since, func(f Followed, err error) bool {
				if err == nil && f.Time.After(since) {
					since = f.Time
				}
				return yield(f, err)
			}) {
				return
			}
			again, ok := l.follow(ctx, rev, &since, yield)
			if !ok || !again {
				return
			}
			// Servers' clocks differ a little: go back further than the last event.
			since = since.Add(-time.Minute)
		}
	}
}

// replay yields what lies in the store since a moment.
func (l *Log) replay(since time.Time, yield func(Followed, error) bool) bool {
	for _, table := range [...]string{freshTable, blockTable} {
		stopped := false
		err := l.tenants(table, func(t tenant) error {
			if stopped {
				return nil
			}
			r := store.Prefix(table + t.prefix())
			if n := since.UnixNano(); n > 0 {
				r.Start += hexTime(n)
			}
			for kv, err := range l.DB.Backend().Scan(r, false) {
				if err != nil {
					return err
				}
				if stopped = !l.deliver(kv.Key, kv.Value, since, yield); stopped {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			yield(Followed{}, err)
			return false
		}
		if stopped {
			return false
		}
	}
	return true
}

// follow yields what comes after a revision. again: the watch fell behind.
func (l *Log) follow(ctx context.Context, rev int64, since *time.Time, yield func(Followed, error) bool) (again, ok bool) {
	for c, err := range l.DB.Backend().Watch(ctx, "trail.", rev) {
		switch {
		case errors.Is(err, store.ErrCompacted):
			return true, true
		case err != nil:
			if ctx.Err() == nil {
				yield(Followed{}, err)
			}
			return false, false
		case c.Deleted, strings.HasPrefix(c.Key, indexTable), c.Key[len(c.Key)-1] == folded, !isOurs(c.Key):
			continue
		}
		if !l.deliver(c.Key, c.Value, time.Time{}, func(f Followed, err error) bool {
			if err == nil && f.Time.After(*since) {
				*since = f.Time
			}
			return yield(f, err)
		}) {
			return false, false
		}
	}
	return false, true
}

// deliver yields the events of one batch that are not older than since.
func (l *Log) deliver(key string, value []byte, since time.Time, yield func(Followed, error) bool) bool {
	fs, err := l.codec.decode(key, value)
	if err != nil {
		return yield(Followed{}, err)
	}
	_, rest, _ := strings.Cut(key, "/")
	account, rest, _ := strings.Cut(rest, "/")
	region, _, _ := strings.Cut(rest, "/")
	if account == "-" {
		account = ""
	}
	for _, f := range fs {
		r, err := parse(f.nanos, f.json)
		if err != nil {
			return yield(Followed{}, err)
		}
		if r.Time.Before(since) {
			continue
		}
		if !yield(Followed{account, region, r}, nil) {
			return false
		}
	}
	return true
}
