package kms

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Usage is the last successful cryptographic use of a key. Writing it down at
// every use would make reads into writes, so uses gather in memory and reach the
// store in batches; a crash forgets the last few seconds of them.
type Usage struct {
	Operation string
	Time      time.Time
	Event     string `json:",omitempty"` // CloudTrail event id
	Request   string
}

var usages = store.RegionalTable[Usage]("kms.usage")

// flushEvery is how long uses wait in memory, by the services' clock.
const flushEvery = 10 * time.Second

// usageBatch is how many uses one transaction writes.
const usageBatch = 200

// place is where a key is.
type place struct{ account, region, id string }

// recent are uses that are not in the store yet.
type recent struct {
	mu   sync.Mutex
	uses map[place]Usage
}

// used notes a use of k once the call is sure to succeed.
func (s *Service) used(ctx context.Context, c *redoubt.Call, k *Key, operation string) {
	store.From(ctx).AfterCommit(func() {
		s.recent.mu.Lock()
		defer s.recent.mu.Unlock()
		s.recent.uses[place{k.Account, k.Region, k.ID}] = Usage{operation, c.Time, c.EventID, c.RequestID}
	})
}

// lastUsage answers a key's last use; nil if there was none.
func (s *Service) lastUsage(tx *store.Tx, k *Key) (*Usage, error) {
	s.recent.mu.Lock()
	u, ok := s.recent.uses[place{k.Account, k.Region, k.ID}]
	s.recent.mu.Unlock()
	if ok {
		return &u, nil
	}
	old, err := usages.In(k.Account, k.Region).Get(tx, k.ID)
	if isNotFound(err) {
		return nil, nil
	}
	return old, err
}

// GetKeyLastUsage answers when and for what a key was last used.
func (s *Service) GetKeyLastUsage(ctx context.Context, c *redoubt.Call, in *kmsapi.GetKeyLastUsageInput) (*kmsapi.GetKeyLastUsageOutput, error) {
	k, err := s.key(ctx, c, in.KeyId, byID)
	if err != nil {
		return nil, err
	}
	out := &kmsapi.GetKeyLastUsageOutput{KeyId: &k.ID, KeyCreationDate: &k.Created, TrackingStartDate: &k.Created}
	u, err := s.lastUsage(store.From(ctx), k)
	if u == nil {
		return out, err
	}
	out.KeyLastUsage = &kmsapi.KeyLastUsageData{Operation: &u.Operation, Timestamp: &u.Time, KmsRequestId: &u.Request}
	if u.Event != "" {
		out.KeyLastUsage.CloudTrailEventId = &u.Event
	}
	return out, nil
}

// trailingDays is kms:TrailingDaysWithoutKeyUsage: whole days since the last
// use, or since the key was made.
func (s *Service) trailingDays(tx *store.Tx, k *Key) (int32, error) {
	since := k.Created
	u, err := s.lastUsage(tx, k)
	if u != nil {
		since = u.Time
	}
	return int32(s.clock.Now().Sub(since) / day), err
}

// flush writes down what is in memory. What cannot be written now waits for the
// next time.
func (s *Service) flush(ctx context.Context) {
	s.recent.mu.Lock()
	uses := maps.Clone(s.recent.uses)
	s.recent.mu.Unlock()
	for some := range slices.Chunk(slices.Collect(maps.Keys(uses)), usageBatch) {
		err := s.db.Run(ctx, func(ctx context.Context) error {
			tx := store.From(ctx)
			for _, at := range some {
				if ok, err := keys.In(at.account, at.region).Has(tx, at.id); err != nil {
					return err
				} else if !ok {
					continue // deleted meanwhile
				}
				u := uses[at]
				if err := usages.In(at.account, at.region).Put(tx, at.id, &u); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			continue
		}
		s.recent.mu.Lock()
		for _, at := range some {
			if s.recent.uses[at] == uses[at] {
				delete(s.recent.uses, at)
			}
		}
		s.recent.mu.Unlock()
	}
}
