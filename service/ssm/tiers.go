package ssm

import (
	"fmt"
	"sync"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Source: PutParameter, Tier and Value; Systems Manager User Guide, "Managing
// parameter tiers".
const (
	maxStandard = 4096 // bytes of a value
	maxAdvanced = 8192

	standard    = ssmapi.ParameterTierStandard
	advanced    = ssmapi.ParameterTierAdvanced
	intelligent = ssmapi.ParameterTierIntelligentTiering
)

// Quotas bound the parameters of one account and region; zero fields mean AWS's.
type Quotas struct {
	Standard int
	Advanced int
}

func (q Quotas) withDefaults() Quotas {
	if q.Standard == 0 {
		q.Standard = 10_000
	}
	if q.Advanced == 0 {
		q.Advanced = 100_000
	}
	return q
}

// tier answers the tier of a version that is being put; old is the parameter
// before, or nil.
func (s *Service) tier(tx *store.Tx, c *redoubt.Call, in *ssmapi.PutParameterInput, policies []Policy, old *Parameter) (string, error) {
	asked := value(in.Tier)
	was := ""
	if old != nil {
		was = old.Current.Tier
	}
	if in.Tier == nil {
		preset, err := setting(tx, c.Account, c.Region, tierSetting)
		if err != nil {
			return "", err
		}
		if asked = preset.Value; was == advanced {
			asked = advanced // nothing was asked that would take it back
		}
	}
	size := len(value(in.Value))
	if asked == intelligent {
		asked = standard
		if was == advanced || size > maxStandard || len(policies) > 0 {
			asked = advanced
		} else if old == nil {
			n, err := s.tally(c.Account, c.Region)
			if err != nil {
				return "", err
			}
			if n.Standard >= s.quotas.Standard {
				asked = advanced
			}
		}
	}
	switch {
	case asked == standard && was == advanced:
		return "", invalid("This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.")
	case asked == standard && size > maxStandard:
		return "", invalid("Standard tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html", maxStandard)
	case asked == standard && len(policies) > 0:
		return "", invalid("You can't assign parameter policies to a standard-parameter tier.")
	case size > maxAdvanced:
		return "", tooLong()
	}
	return asked, nil
}

func tooLong() error {
	return invalid("The specified parameter value is too large. Advanced-tier parameters support a maximum parameter value of %d characters.", maxAdvanced)
}

// tally counts the parameters of one account and region. It is spread over shards,
// of which only the sum means anything: one may well be below zero.
type tally struct{ Standard, Advanced int }

var counts = store.RegionalTable[tally]("ssm.count")

// shards is how many there are. Whoever counts takes the next one in turn, not one
// that belongs to the parameter: so calls conflict only when as many as there are
// shards are under way at once. Drawn by name, two of 64 would meet all the time.
const shards = 256

// shard is the one whose turn it is. Servers begin at different ones.
func (s *Service) shard() string {
	return fmt.Sprintf("%02x", s.turn.Add(1)%shards)
}

func (t *tally) add(tier string, by int) {
	switch tier {
	case standard:
		t.Standard += by
	case advanced:
		t.Advanced += by
	}
}

// count notes that a parameter goes from one tier to another; "" is none.
func (s *Service) count(tx *store.Tx, account, region, from, to string) error {
	if from == to {
		return nil
	}
	if to != "" {
		if err := s.admit(tx, account, region, to); err != nil {
			return err
		}
	}
	id, rows := s.shard(), counts.In(account, region)
	var t tally
	switch old, err := rows.Get(tx, id); {
	case err == nil:
		t = *old
	case !isNotFound(err):
		return err
	}
	t.add(from, -1)
	t.add(to, +1)
	return rows.Put(tx, id, &t)
}

// admit refuses a parameter beyond the quota. The sum is taken outside of the
// transaction: the quota may be passed by as many parameters as are made at the
// very same time, which beats having them all wait for each other.
func (s *Service) admit(tx *store.Tx, account, region, tier string) error {
	n, err := s.tally(account, region)
	if err != nil {
		return err
	}
	switch {
	case tier == standard && n.Standard >= s.quotas.Standard:
		return ssmapi.ErrParameterLimitExceeded.New("You have reached the maximum number of standard parameters for this AWS account and Region (%d). To add more parameters, either delete existing parameters or upgrade to the advanced-parameter tier (charges apply).", s.quotas.Standard)
	case tier == advanced && n.Advanced >= s.quotas.Advanced:
		return ssmapi.ErrParameterLimitExceeded.New("You have reached the maximum number of advanced parameters for this AWS account and Region (%d). To add more parameters, delete existing parameters.", s.quotas.Advanced)
	}
	tx.AfterCommit(func() { s.tallies.made(account+region, tier) })
	return nil
}

// tallies remember sums while they are far from the quota: nobody sums the shards
// for every parameter.
type tallies struct {
	mu   sync.Mutex
	sums map[string]*remembered // by account and region
}

type remembered struct {
	tally
	made int       // by this server since
	at   time.Time // wall time
}

const (
	tallyAge = 5 * time.Second // other servers make parameters too
	maxSums  = 1 << 12
)

// tally answers how many parameters there are.
func (s *Service) tally(account, region string) (tally, error) {
	t := &s.tallies
	key := account + region
	t.mu.Lock()
	if r := t.sums[key]; r != nil && time.Since(r.at) < tallyAge && r.made < s.quotas.Standard/20 &&
		r.Standard < s.quotas.Standard*9/10 && r.Advanced < s.quotas.Advanced*9/10 {
		defer t.mu.Unlock()
		return r.tally, nil
	}
	t.mu.Unlock()
	var sum tally
	for row, err := range counts.In(account, region).Scan(s.db.Begin(), store.Query{}) {
		if err != nil {
			return sum, err
		}
		sum.Standard += row.Value.Standard
		sum.Advanced += row.Value.Advanced
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sums == nil || len(t.sums) >= maxSums {
		t.sums = map[string]*remembered{}
	}
	t.sums[key] = &remembered{tally: sum, at: time.Now()}
	return sum, nil
}

func (t *tallies) made(key, tier string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.sums[key]; r != nil {
		r.add(tier, +1)
		r.made++
	}
}
