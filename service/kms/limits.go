package kms

import (
	"strconv"

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

// keyCount counts the keys of one account and region. It is spread over shards
// by the key's id, so that keys can be made side by side without conflicting.
type keyCount struct{ N int }

var keyCounts = store.RegionalTable[keyCount]("kms.count")

const shards = 16

// shard answers the shard of a key: ids are random.
func shard(id string) string {
	return strconv.Itoa(int(id[len(id)-1]) % shards)
}

// countKey counts a key in or out. Before it counts one in, it sums the shards
// outside of the transaction: the quota may be passed by as many keys as are
// made at the very same time, which beats having them all wait for each other.
func (s *Service) countKey(tx *store.Tx, k *Key, by int) error {
	rows := keyCounts.In(k.Account, k.Region)
	if by > 0 {
		n := 0
		side := s.db.Begin()
		for row, err := range rows.Scan(side, store.Query{}) {
			if err != nil {
				return err
			}
			n += row.Value.N
		}
		if n >= s.quotas.Keys {
			return kmsapi.ErrLimitExceededException.New("The quota of %d KMS keys in this account and Region is exceeded.", s.quotas.Keys)
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
