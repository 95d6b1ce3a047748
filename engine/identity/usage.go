package identity

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/store"
)

// KeyUse is when, where and for what an access key was last used.
type KeyUse struct {
	Time            time.Time
	Service, Region string
}

// Access is what is known of one principal's use of one service.
type Access struct {
	Time    time.Time
	By      string // ARN of the caller, for roles the session's
	Region  string
	Actions map[string]ActionUse `json:",omitempty"` // by name without prefix
}

// ActionUse is the last use of one action.
type ActionUse struct {
	Time       time.Time
	By, Region string
}

var (
	// keyUses stand apart from the keys: a key's record is read at every call and
	// must not change with it.
	keyUses = store.AccountTable[KeyUse]("identity.keyuse")
	// accesses are ID(unique id of user or role, or "root", service).
	accesses = store.AccountTable[Access]("identity.access")
	// roleUses are by the role's unique id.
	roleUses = store.AccountTable[KeyUse]("identity.roleuse")
)

// usage gathers uses until Flush writes them. Uses are told apart by what is
// kept of them, so that the gathering is bounded by who calls what, not by how
// often; over the bound they are dropped, since they are hints for people.
type usage struct {
	mu   sync.Mutex
	uses map[use]time.Time
}

type use struct{ account, entity, role, key, by, service, action, region string }

const maxUses = 1 << 16

// flushEvery is the services' time between two writes of usage. AWS's own
// figures lag by minutes to hours.
const flushEvery = 30 * time.Second

// Touch notes that p called a service's action, allowed or not: "kms",
// "Decrypt". It costs one map write.
func (i *Identity) Touch(p *redoubt.Principal, service, action, region string) {
	if p.Account == "" {
		return // nobody of ours
	}
	u := use{account: p.Account, key: p.AccessKeyID, by: p.ARN, service: service, action: action, region: region}
	switch p.Kind {
	case redoubt.User:
		u.entity = p.ID
	case redoubt.Role:
		u.entity, u.role = p.IssuerID, p.IssuerID
	case redoubt.Federated:
		u.entity = p.IssuerID
	case redoubt.Root:
		u.entity = RootID
	default:
		return
	}
	if p.Session != nil {
		u.key = "" // temporary keys have no record
	}
	now := i.Clock.Now()
	i.usage.mu.Lock()
	if i.usage.uses == nil {
		i.usage.uses = map[use]time.Time{}
	}
	if _, known := i.usage.uses[u]; known || len(i.usage.uses) < maxUses {
		i.usage.uses[u] = now
	}
	i.usage.mu.Unlock()
}

// RootID stands for the root user where a unique id of a user is asked for.
const RootID = "root"

// Run writes usage until ctx ends, and once more then.
func (i *Identity) Run(ctx context.Context) error {
	for {
		select {
		case <-i.Clock.After(flushEvery):
			if err := i.Flush(ctx); err != nil && ctx.Err() == nil {
				continue // kept: Flush gave back what it could not write
			}
		case <-ctx.Done():
			return i.Flush(context.WithoutCancel(ctx))
		}
	}
}

// Flush writes the usage gathered so far. What cannot be written is kept.
func (i *Identity) Flush(ctx context.Context) error {
	i.usage.mu.Lock()
	uses := i.usage.uses
	i.usage.uses = nil
	i.usage.mu.Unlock()
	byAccount := map[string]map[use]time.Time{}
	for u, at := range uses {
		if byAccount[u.account] == nil {
			byAccount[u.account] = map[use]time.Time{}
		}
		byAccount[u.account][u] = at
	}
	var failed error
	for account, uses := range byAccount {
		for len(uses) > 0 {
			// A transaction holds a thousand writes, three for each use.
			part := map[use]time.Time{}
			for u, at := range uses {
				if part[u] = at; len(part) == 250 {
					break
				}
			}
			err := i.DB.Run(store.Without(ctx), func(ctx context.Context) error {
				return writeUses(store.From(ctx), account, part)
			})
			if err != nil {
				failed = errors.Join(failed, err)
				i.usage.giveBack(uses)
				break
			}
			maps.DeleteFunc(uses, func(u use, _ time.Time) bool { _, written := part[u]; return written })
		}
	}
	return failed
}

func (g *usage) giveBack(uses map[use]time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.uses == nil {
		g.uses = map[use]time.Time{}
	}
	for u, at := range uses {
		if at.After(g.uses[u]) {
			g.uses[u] = at
		}
	}
}

func writeUses(tx *store.Tx, account string, uses map[use]time.Time) error {
	for u, at := range uses {
		at = at.UTC().Truncate(time.Second)
		if u.key != "" {
			if err := newest(tx, keyUses.In(account), u.key, KeyUse{at, u.service, u.region}); err != nil {
				return err
			}
		}
		if u.role != "" {
			if err := newest(tx, roleUses.In(account), u.role, KeyUse{at, u.service, u.region}); err != nil {
				return err
			}
		}
		if err := noteAccess(tx, account, u, at); err != nil {
			return err
		}
	}
	return nil
}

// newest writes v unless a later use is known.
func newest(tx *store.Tx, rows store.Rows[KeyUse], id string, v KeyUse) error {
	old, err := rows.Get(tx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err == nil && old.Time.After(v.Time) {
		return nil
	}
	return rows.Put(tx, id, &v)
}

func noteAccess(tx *store.Tx, account string, u use, at time.Time) error {
	rows, id := accesses.In(account), store.ID(u.entity, u.service)
	if has, err := rows.Has(tx, id); err != nil {
		return err
	} else if !has {
		if err := rows.Put(tx, id, &Access{}); err != nil {
			return err
		}
	}
	_, err := rows.Edit(tx, id, func(a *Access) error {
		if !at.Before(a.Time) {
			a.Time, a.By, a.Region = at, u.by, u.region
		}
		if a.Actions == nil {
			a.Actions = map[string]ActionUse{}
		}
		if !at.Before(a.Actions[u.action].Time) {
			a.Actions[u.action] = ActionUse{at, u.by, u.region}
		}
		return nil
	})
	return err
}

// KeyUse answers an access key's last use, nil if there was none.
func (i *Identity) KeyUse(tx *store.Tx, account, id string) (*KeyUse, error) {
	return optional(keyUses.In(account).Get(tx, id))
}

// RoleUse answers a role's last use, nil if there was none.
func (i *Identity) RoleUse(tx *store.Tx, account, id string) (*KeyUse, error) {
	return optional(roleUses.In(account).Get(tx, id))
}

// Accesses answers what a user or role, by unique id, used, by service.
func (i *Identity) Accesses(tx *store.Tx, account, entity string) (map[string]*Access, error) {
	out := map[string]*Access{}
	for row, err := range accesses.In(account).Scan(tx, store.Query{Prefix: store.ID(entity, "")}) {
		if err != nil {
			return nil, err
		}
		out[store.Parts(row.ID)[1]] = row.Value
	}
	return out, nil
}

// optional makes an absent record nil.
func optional[T any](v *T, err error) (*T, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return v, err
}

// forgetUse removes what is known of a user or role that goes.
func forgetUse(tx *store.Tx, account, id string) error {
	if err := roleUses.In(account).Delete(tx, id); err != nil {
		return err
	}
	rows := accesses.In(account)
	for row, err := range rows.Scan(tx, store.Query{Prefix: store.ID(id, "")}) {
		if err != nil {
			return err
		}
		if err := rows.Delete(tx, row.ID); err != nil {
			return err
		}
	}
	return nil
}
