package logs

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Group is a log group, kept under its name.
type Group struct {
	ID        string // random; what the data hangs on
	Name      string
	Created   time.Time
	Class     string            // STANDARD, INFREQUENT_ACCESS, DELIVERY
	Retention int               `json:",omitzero"` // days; 0: for ever
	Protected bool              `json:",omitzero"` // from deletion
	Tags      map[string]string `json:",omitempty"`
}

// Gone is a group or stream whose data is still to be removed.
type Gone struct {
	Group  string // id
	Stream string `json:",omitzero"` // id; empty: the whole group
}

// Size is how much a group holds, counted when batches are folded.
type Size struct{ Bytes int64 }

var (
	groups = store.RegionalTable[Group]("logs.group") // by name
	sizes  = store.RegionalTable[Size]("logs.size")   // by group id
	gone   = store.RegionalTable[Gone]("logs.gone")   // by group or stream id
)

// Place is an account's Region.
type Place struct{ Account, Region string }

// CreateGroup makes a group, or answers ErrExists.
func (l *Logs) CreateGroup(tx *store.Tx, p Place, g Group) (*Group, error) {
	rows := groups.In(p.Account, p.Region)
	if ok, err := rows.Has(tx, g.Name); ok || err != nil {
		return nil, first(err, ErrExists)
	}
	g.ID, g.Created = newID(), l.Clock.Now()
	return &g, rows.Put(tx, g.Name, &g)
}

// Group answers a group by its name, or ErrNoGroup.
func (l *Logs) Group(tx *store.Tx, p Place, name string) (*Group, error) {
	g, err := groups.In(p.Account, p.Region).Get(tx, name)
	if errors.Is(err, store.ErrNotFound) {
		err = ErrNoGroup
	}
	return g, err
}

// EditGroup changes a group.
func (l *Logs) EditGroup(tx *store.Tx, p Place, name string, f func(*Group) error) error {
	_, err := groups.In(p.Account, p.Region).Edit(tx, name, f)
	if errors.Is(err, store.ErrNotFound) {
		err = ErrNoGroup
	}
	return err
}

// Groups walks groups by name.
func (l *Logs) Groups(tx *store.Tx, p Place, prefix, after string) iter.Seq2[*Group, error] {
	return func(yield func(*Group, error) bool) {
		for row, err := range groups.In(p.Account, p.Region).Scan(tx, store.Query{Prefix: prefix, After: after}) {
			if !yield(row.Value, err) || err != nil {
				return
			}
		}
	}
}

// Stored is how many bytes of events the group holds, as of the last folding.
func (l *Logs) Stored(tx *store.Tx, p Place, g *Group) (int64, error) {
	s, err := sizes.In(p.Account, p.Region).Get(tx, g.ID)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return s.Bytes, nil
}

// DeleteGroup removes a group with all that is in it.
func (l *Logs) DeleteGroup(tx *store.Tx, p Place, name string) error {
	g, err := l.Group(tx, p, name)
	if err != nil {
		return err
	}
	if g.Protected {
		return ErrProtected
	}
	if err := gone.In(p.Account, p.Region).Put(tx, g.ID, &Gone{Group: g.ID}); err != nil {
		return err
	}
	return groups.In(p.Account, p.Region).Delete(tx, name)
}

// Remove removes the data of deleted groups and streams.
func (l *Logs) Remove(ctx context.Context) error {
	type item struct {
		place Place
		gone  Gone
	}
	var items []item
	tx := l.DB.Begin()
	for row, err := range gone.All().Scan(tx, store.Query{}) {
		if err != nil {
			return err
		}
		account, region, _ := gone.Split(row.ID)
		items = append(items, item{Place{account, region}, *row.Value})
	}
	for _, i := range items {
		if i.gone.Stream != "" {
			if err := l.removeStream(ctx, i.place, i.gone); err != nil {
				return err
			}
			continue
		}
		if err := l.removeGroup(ctx, i.place, i.gone.Group); err != nil {
			return err
		}
	}
	return nil
}

// removeGroup removes all that hangs on a group's id, in pieces.
func (l *Logs) removeGroup(ctx context.Context, p Place, id string) error {
	if err := l.dropBefore(ctx, spot{p, id}, 0); err != nil {
		return err
	}
	for _, prefix := range []string{
		streams.In(p.Account, p.Region).Key(store.ID(id, "")),
		recents.In(p.Account, p.Region).Key(store.ID(id, "")),
	} {
		for more := true; more; {
			err := l.DB.Run(ctx, func(ctx context.Context) error {
				tx := store.From(ctx)
				more = false
				n := 0
				for kv, err := range tx.Scan(store.Prefix(prefix), false) {
					if err != nil {
						return err
					}
					if n++; n > mostFolded {
						more = true
						break
					}
					if err := tx.Delete(kv.Key); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return l.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		if err := sizes.In(p.Account, p.Region).Delete(tx, id); err != nil {
			return err
		}
		return gone.In(p.Account, p.Region).Delete(tx, id)
	})
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
