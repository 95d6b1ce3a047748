package kms

import (
	"sync"
	"time"

	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Quotas are KMS's resource quotas; zero fields mean AWS's defaults.
//
// Source: KMS Developer Guide, "Resource quotas"; RotateKeyOnDemand.
type Quotas struct {
	Keys              int // per account and region
	AliasesPerKey     int
	GrantsPerKey      int
	KeyStores         int // per account and region
	OnDemandRotations int // in a key's life
}

func (q Quotas) withDefaults() Quotas {
	set := func(v *int, preset int) {
		if *v == 0 {
			*v = preset
		}
	}
	set(&q.Keys, 100_000)
	set(&q.AliasesPerKey, 50)
	set(&q.GrantsPerKey, 50_000)
	set(&q.KeyStores, 10)
	set(&q.OnDemandRotations, 25)
	return q
}

// Limits that are no quotas. The model's own are checked before a call comes
// here; these are tighter or depend on the key.
const (
	maxPolicy    = 32 << 10 // bytes; the model says 131,072 characters
	maxTags      = 50
	maxPlaintext = 4096
)

// keyCount counts the keys of one account and region, or some of them: it is
// spread over shards by the key's id, which is random, so that keys can be made
// side by side without conflicting. Only the sum means anything.
type keyCount struct{ N int }

var keyCounts = store.RegionalTable[keyCount]("kms.count")

// shard answers the shard of a key, one of 256.
func shard(id string) string { return id[max(0, len(id)-2):] }

// countKey counts a key in or out.
func (s *Service) countKey(tx *store.Tx, k *Key, by int) error {
	rows := keyCounts.In(k.Account, k.Region)
	if by > 0 {
		if err := s.roomForKey(rows, k); err != nil {
			return err
		}
	}
	id := shard(k.ID)
	c := keyCount{}
	if old, err := rows.Get(tx, id); err == nil {
		c = *old
	} else if !isNotFound(err) {
		return err
	}
	c.N += by
	return rows.Put(tx, id, &c)
}

// roomForKey refuses a key beyond the quota. It sums the shards outside of the
// call's transaction: the quota may be passed by as many keys as are made at the
// very same time, which beats having them all wait for each other. While there is
// plenty of room it does not look for each key.
func (s *Service) roomForKey(rows store.Rows[keyCount], k *Key) error {
	now, where := s.clock.Now(), place{k.Account, k.Region, ""}
	if s.room.take(where, now) {
		return nil
	}
	n := 0
	for row, err := range rows.Scan(s.db.Begin(), store.Query{}) {
		if err != nil {
			return err
		}
		n += row.Value.N
	}
	if n >= s.quotas.Keys {
		return kmsapi.ErrLimitExceededException.New("The quota of %d KMS keys in this account and Region is exceeded.", s.quotas.Keys)
	}
	s.room.found(where, s.quotas.Keys-n, now)
	return nil
}

// room remembers for a moment how many keys may be made without another look at
// the counts: an eighth of what was free, because other servers on the same store
// make keys too. Close to the quota that is none.
type room struct {
	mu   sync.Mutex
	left map[place]allowance
}

type allowance struct {
	keys int
	till time.Time
}

const (
	roomShare  = 8
	roomFor    = time.Second
	roomPlaces = 1024 // more are forgotten
)

func (r *room) take(where place, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.left[where]
	if a.keys <= 0 || !now.Before(a.till) {
		return false
	}
	a.keys--
	r.left[where] = a
	return true
}

func (r *room) found(where place, free int, now time.Time) {
	if free < roomShare {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.left) >= roomPlaces || r.left == nil {
		r.left = map[place]allowance{}
	}
	r.left[where] = allowance{free / roomShare, now.Add(roomFor)}
}
