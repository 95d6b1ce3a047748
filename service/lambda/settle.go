package lambda

import (
	"context"
	"errors"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// A function that was made or changed settles: what it takes to run it is looked
// at, and then it is Active, or its update Successful.

const (
	jobSettle = "lambda.settle"
	jobPurge  = "lambda.purge"
)

func (s *Service) registerJobs() {
	s.Schedule.Handle(jobSettle, s.settle)
	s.Schedule.Handle(jobPurge, s.purge)
	s.Schedule.Handle(jobDrop, s.drop)
	s.Schedule.Handle(jobEvent, s.wakeEvent)
	s.Schedule.Handle(jobForget, s.forgetDelivery)
}

// plan has the function settle right after the commit.
func (s *Service) plan(tx *store.Tx, r ref, f *Function) error {
	return s.Schedule.At(tx, jobSettle, jobID(r, f.ID), s.Clock.Now())
}

// settle ends the transient states of a function and of its versions.
func (s *Service) settle(ctx context.Context, job string) error {
	r, id, err := parseJob(job)
	if err != nil {
		return err
	}
	tx := store.From(ctx)
	f, err := functionTable.In(r.account, r.region).Get(tx, r.name)
	if errors.Is(err, store.ErrNotFound) || err == nil && f.ID != id {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	for row, err := range versions.In(r.account, r.region).Scan(tx, store.Query{Prefix: store.ID(id, ""), Reverse: true}) {
		if err != nil {
			return err
		}
		if row.Value.State.Name != pending.Name {
			break // older ones have settled long ago
		}
		if _, err := versions.In(r.account, r.region).Edit(tx, row.ID, func(v *Version) error {
			v.State, v.Update = active, successful
			return nil
		}); err != nil {
			return err
		}
	}
	_, err = edit(tx, r, func(f *Function) error {
		f.Latest.State, f.Latest.Update = active, successful
		f.Latest.Revision = newRevision()
		f.Before = nil
		return nil
	})
	s.retire(tx, f)
	return err
}

// purgeBatch is how many records purge removes at a time.
const purgeBatch = 50

// purge removes what hung on a function that was deleted.
func (s *Service) purge(ctx context.Context, job string) error {
	r, id, err := parseJob(job)
	if err != nil {
		return err
	}
	tx := store.From(ctx)
	prefix := store.Query{Prefix: store.ID(id, "")}
	left := purgeBatch
	var list []store.Row[Version]
	for row, err := range versions.In(r.account, r.region).Scan(tx, prefix) {
		if err != nil {
			return err
		}
		if list = append(list, row); len(list) == left {
			break
		}
	}
	for _, row := range list {
		if err := s.release(tx, r, row.Value); err != nil {
			return err
		}
		if err := versions.In(r.account, r.region).Delete(tx, row.ID); err != nil {
			return err
		}
	}
	left -= len(list)
	for _, sweep := range []func() (int, error){
		func() (int, error) { return sweep(tx, aliases.In(r.account, r.region), prefix, left) },
		func() (int, error) { return sweep(tx, policies.In(r.account, r.region), prefix, left) },
		func() (int, error) { return sweep(tx, eventConfigs.In(r.account, r.region), prefix, left) },
	} {
		n, err := sweep()
		if err != nil {
			return err
		}
		left -= n
	}
	if left > 0 {
		return nil
	}
	return s.Schedule.At(tx, jobPurge, job, s.Clock.Now().Add(time.Millisecond))
}

// sweep deletes up to limit rows of a prefix.
func sweep[T any](tx *store.Tx, rows store.Rows[T], q store.Query, limit int) (int, error) {
	var ids []string
	for row, err := range rows.Scan(tx, q) {
		if err != nil {
			return 0, err
		}
		if len(ids) == limit {
			break
		}
		ids = append(ids, row.ID)
	}
	for _, id := range ids {
		if err := rows.Delete(tx, id); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}
