package kms

import (
	"context"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// job is a kind of timed work on a key.
type job string

// The jobs. Each looks at the key again when its time comes, so that one that is
// late, or runs twice, does no harm.
const (
	rotation   job = "kms.rotation"   // automatic rotation, at Rotation.Next
	onDemand   job = "kms.ondemand"   // ends RotateKeyOnDemand
	settling   job = "kms.settling"   // ends Creating and Updating
	deletion   job = "kms.deletion"   // the end of a key, at Deletion.Date
	expiring   job = "kms.expiring"   // of one imported material, at its ValidTo
	connecting job = "kms.connecting" // ends ConnectCustomKeyStore
)

// register says what runs when a job's time has come. A handler works in the
// transaction that ends the job.
func (s *Service) register() {
	onKey := func(f func(tx *store.Tx, k *Key) error) func(context.Context, string) error {
		return func(ctx context.Context, id string) error {
			tx, p := store.From(ctx), store.Parts(id)
			_, err := keys.In(p[0], p[1]).Edit(tx, p[2], func(k *Key) error { return f(tx, k) })
			if isNotFound(err) {
				return nil // deleted meanwhile
			}
			return err
		}
	}
	s.schedule.Handle(string(rotation), onKey(s.automatic))
	s.schedule.Handle(string(onDemand), onKey(s.demanded))
	s.schedule.Handle(string(settling), onKey(s.settle))
	s.schedule.Handle(string(expiring), func(ctx context.Context, id string) error {
		m := store.Parts(id)[3]
		return onKey(func(tx *store.Tx, k *Key) error {
			if rec := k.find(m); rec == nil || rec.ValidTo == nil || rec.ValidTo.After(s.clock.Now()) {
				return nil
			}
			if err := s.tell(tx, k, expireEvent); err != nil {
				return err
			}
			return s.forget(tx, k, m)
		})(ctx, id)
	})
	s.schedule.Handle(string(deletion), s.expire)
	s.schedule.Handle(string(connecting), s.connect)
}

// plan sets the time of a key's job, in place of what was planned before.
func (s *Service) plan(tx *store.Tx, k *Key, j job, at time.Time) error {
	return s.schedule.At(tx, string(j), store.ID(k.Account, k.Region, k.ID), at)
}

func (s *Service) unplan(tx *store.Tx, k *Key, j job) error {
	return s.schedule.Cancel(tx, string(j), store.ID(k.Account, k.Region, k.ID))
}

// planMaterial sets the time at which an imported material expires.
func (s *Service) planMaterial(tx *store.Tx, k *Key, m *Material) error {
	return s.schedule.At(tx, string(expiring), store.ID(k.Account, k.Region, k.ID, m.ID), *m.ValidTo)
}

func (s *Service) unplanMaterial(tx *store.Tx, k *Key, id string) error {
	return s.schedule.Cancel(tx, string(expiring), store.ID(k.Account, k.Region, k.ID, id))
}
