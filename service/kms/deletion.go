package kms

import (
	"context"
	"slices"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/store"
)

// The waiting period, in days; the model says 1 to 365.
const (
	minWindow    = 7
	maxWindow    = 30
	presetWindow = 30
)

// ScheduleKeyDeletion makes a key unusable and sets the date of its end. A
// primary with replicas waits for them first.
func (s *Service) ScheduleKeyDeletion(ctx context.Context, c *redoubt.Call, in *kmsapi.ScheduleKeyDeletionInput) (*kmsapi.ScheduleKeyDeletionOutput, error) {
	days := int32(presetWindow)
	if in.PendingWindowInDays != nil {
		days = *in.PendingWindowInDays
	}
	if days < minWindow || days > maxWindow {
		return nil, redoubt.ErrValidation.New("PendingWindowInDays must be between %d and %d days, inclusive.", minWindow, maxWindow)
	}
	k, err := s.change(ctx, c, in.KeyId, func(tx *store.Tx, k *Key) error {
		k.State, k.Resume = PendingDeletion, ""
		k.Deletion = &Deletion{Window: days}
		if k.MultiRegion {
			f, err := families.In(k.Account).Get(tx, k.ID)
			if err != nil {
				return err
			}
			if f.Primary == k.Region && len(f.Replicas) > 0 {
				k.State = PendingReplicaDeletion
				return nil
			}
		}
		return s.startWindow(tx, k)
	})
	if err != nil {
		return nil, err
	}
	out := &kmsapi.ScheduleKeyDeletionOutput{KeyId: &k.ARN, KeyState: new(string(k.State)), PendingWindowInDays: &days}
	if d := k.Deletion.Date; !d.IsZero() {
		out.DeletionDate = &d
	}
	return out, nil
}

// startWindow begins the waiting period.
func (s *Service) startWindow(tx *store.Tx, k *Key) error {
	k.Deletion.Date = s.clock.Now().AddDate(0, 0, int(k.Deletion.Window))
	return s.plan(tx, k, deletion, k.Deletion.Date)
}

// CancelKeyDeletion keeps the key, disabled.
func (s *Service) CancelKeyDeletion(ctx context.Context, c *redoubt.Call, in *kmsapi.CancelKeyDeletionInput) (*kmsapi.CancelKeyDeletionOutput, error) {
	k, err := s.change(ctx, c, in.KeyId, func(tx *store.Tx, k *Key) error {
		k.State, k.Deletion = Disabled, nil
		if k.imported() && !k.complete() {
			k.State = PendingImport
		}
		return s.unplan(tx, k, deletion)
	})
	if err != nil {
		return nil, err
	}
	return &kmsapi.CancelKeyDeletionOutput{KeyId: &k.ARN}, nil
}

// batch is how many grants one transaction deletes: a key may have more than a
// transaction holds.
const batch = 150

// expire is the job that ends a key: its grants first, a batch at a time, then
// everything else at once.
func (s *Service) expire(ctx context.Context, id string) error {
	tx, p := store.From(ctx), store.Parts(id)
	k, err := load(tx, p[0], p[1], p[2])
	if err != nil || k == nil || k.State != PendingDeletion || k.Deletion.Date.After(s.clock.Now()) {
		return err
	}
	var gone []*Grant
	for row, err := range grants.In(k.Account, k.Region).Scan(tx, store.Query{Prefix: grantPrefix(k.ID)}) {
		if err != nil {
			return err
		}
		if gone = append(gone, row.Value); len(gone) == batch {
			break
		}
	}
	for _, g := range gone {
		if err := s.removeGrant(tx, k, g); err != nil {
			return err
		}
	}
	if len(gone) == batch {
		return s.plan(tx, k, deletion, s.clock.Now()) // the rest
	}
	return s.erase(ctx, tx, k)
}

// erase deletes a key without grants and all that belongs to it.
func (s *Service) erase(ctx context.Context, tx *store.Tx, k *Key) error {
	for _, name := range k.Aliases {
		if err := aliases.In(k.Account, k.Region).Delete(tx, name); err != nil {
			return err
		}
	}
	for i := range k.Materials {
		if err := s.unplanMaterial(tx, k, k.Materials[i].ID); err != nil {
			return err
		}
	}
	for _, job := range []job{rotation, onDemand, settling} {
		if err := s.unplan(tx, k, job); err != nil {
			return err
		}
	}
	if err := grantCounts.In(k.Account, k.Region).Delete(tx, k.ID); err != nil {
		return err
	}
	if err := usages.In(k.Account, k.Region).Delete(tx, k.ID); err != nil {
		return err
	}
	if err := s.countKey(tx, k, -1); err != nil {
		return err
	}
	if k.MultiRegion {
		if err := s.leaveFamily(tx, k); err != nil {
			return err
		}
	}
	if k.KeyStore != "" {
		if err := s.destroyInStore(ctx, tx, k); err != nil {
			return err
		}
	}
	if err := s.tell(tx, k, deleteEvent); err != nil {
		return err
	}
	return keys.In(k.Account, k.Region).Delete(tx, k.ID)
}

// leaveFamily takes a deleted key out of its family. With its last replica gone,
// a primary that waited for that begins its own waiting period.
func (s *Service) leaveFamily(tx *store.Tx, k *Key) error {
	rows := families.In(k.Account)
	f, err := rows.Get(tx, k.ID)
	if err != nil {
		return err
	}
	if f.Primary == k.Region {
		return rows.Delete(tx, k.ID) // it had no replicas: see ScheduleKeyDeletion
	}
	rest := slices.DeleteFunc(slices.Clone(f.Replicas), func(r string) bool { return r == k.Region })
	if err := rows.Put(tx, k.ID, &family{Primary: f.Primary, Replicas: rest}); err != nil || len(rest) > 0 {
		return err
	}
	p, err := load(tx, k.Account, f.Primary, k.ID)
	if err != nil || p == nil || p.State != PendingReplicaDeletion {
		return err
	}
	_, err = keys.In(p.Account, p.Region).Edit(tx, p.ID, func(p *Key) error {
		p.State = PendingDeletion
		return s.startWindow(tx, p)
	})
	return err
}

// day is the length of a day on the services' clock.
const day = 24 * time.Hour
