package front

import (
	"cmp"
	"context"
	"errors"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// tries bounds how often a call starts over because something that it read
// changed before it could commit.
const tries = 64

// execute runs the call in one transaction: credential, needs, decisions,
// method and audit event stand or fall together.
func (d *Door) execute(ctx context.Context, e *exchange) error {
	attempt := d.attempt
	if e.row.Effects {
		attempt = d.admit
	}
	for try := 0; ; try++ {
		tx := e.tx // in which the caller was identified
		if try > 0 || tx == nil {
			tx = d.DB.Begin()
		}
		e.out, e.nested, e.recorded = nil, nil, false
		err := attempt(store.With(context.WithValue(ctx, exchangeKey{}, e), tx), e, tx)
		switch {
		case err == nil:
			if err = d.recordIn(ctx, tx, e); err == nil {
				err = tx.Commit(ctx)
			}
			if err == nil && e.row.Effects {
				e.out, err = e.row.Call(ctx, e.call, e.in)
				return err
			}
		case !errors.Is(err, store.ErrConflict):
			// The refusal is true only if what it rests on still holds.
			if cerr := tx.Check(ctx); errors.Is(cerr, store.ErrConflict) {
				err = cerr
			}
		}
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		if try == tries {
			// So many others change the same record that this call cannot win:
			// that is what throttling is for.
			return redoubt.ErrThrottling.New("Rate exceeded")
		}
		if err := store.Backoff(ctx, try); err != nil {
			return err
		}
	}
}

// attempt is one try at a call over HTTP.
func (d *Door) attempt(ctx context.Context, e *exchange, tx *store.Tx) error {
	if e.sig != nil && tx != e.tx {
		if err := d.confirm(tx, e); err != nil {
			return err
		}
	}
	out, needs, err := d.perform(ctx, tx, e.call, e.row, e.in)
	e.out, e.needs = out, needs
	return err
}

// admit is one try at letting in a call whose method runs in no transaction.
func (d *Door) admit(ctx context.Context, e *exchange, tx *store.Tx) (err error) {
	if e.sig != nil && tx != e.tx {
		if err := d.confirm(tx, e); err != nil {
			return err
		}
	}
	e.needs, err = d.decide(ctx, tx, e.call, e.row, e.in)
	if err == nil && tx.Wrote() {
		return errors.New("front: the needs of " + e.call.Service + ":" + e.call.Operation + " wrote something")
	}
	return err
}

// perform states the needs of a call, decides them and runs the method.
func (d *Door) perform(ctx context.Context, tx *store.Tx, c *redoubt.Call, row *op.Operation, in any) (out any, needs []redoubt.Need, err error) {
	if needs, err = d.decide(ctx, tx, c, row, in); err != nil {
		return nil, needs, err
	}
	out, err = row.Call(ctx, c, in)
	return out, needs, err
}

// decide states the needs of a call and decides them.
func (d *Door) decide(ctx context.Context, tx *store.Tx, c *redoubt.Call, row *op.Operation, in any) (needs []redoubt.Need, err error) {
	if needs, err = row.Needs(ctx, c, in); err != nil {
		return needs, err
	}
	c.Denied, c.Said, c.Status = nil, nil, 0
	if row.Access == op.Authorized {
		err = d.authorize(tx, c, needs)
	}
	return needs, err
}

// authorize decides every need. A refused need with an Item is noted for the
// method; any other refuses the call.
func (d *Door) authorize(tx *store.Tx, c *redoubt.Call, needs []redoubt.Need) error {
	if len(needs) == 0 {
		// A row that needs permission but names none would be open to all.
		return &redoubt.Error{Code: string(redoubt.ErrInternal), Fault: true, Cause: errors.New("front: " + c.Service + ":" + c.Operation + " states no needs")}
	}
	set, err := d.Identity.Policies(tx, &c.Principal)
	if err != nil {
		return err
	}
	for i := range needs {
		n := &needs[i]
		r, err := d.request(tx, c, n, &set)
		if err != nil {
			return err
		}
		dec := policy.Evaluate(r)
		if dec.Allowed {
			continue
		}
		refusal := redoubt.ErrAccessDenied.New("%s", cmp.Or(n.Refusal, dec.Message(r)))
		if n.Item == "" {
			return refusal
		}
		if c.Denied == nil {
			c.Denied = map[string]error{}
		}
		c.Denied[n.Item] = refusal
	}
	return nil
}

// request gathers what decides one need.
func (d *Door) request(tx *store.Tx, c *redoubt.Call, n *redoubt.Need, set *identity.Set) (*policy.Request, error) {
	r := &policy.Request{Call: c, Need: n, Identity: set.Identity, Boundary: set.Boundary, Session: set.Session}
	if n.Policy != "" && c.Principal.Account != "" && c.Service == "s3" {
		r.CanonicalUser = identity.CanonicalID(c.Principal.Account)
	}
	if err := d.organization(tx, c, n, set, r); err != nil {
		return nil, err
	}
	if n.Policy != "" {
		kind := policy.ResourceBased
		if n.Strict {
			kind = policy.KeyPolicy
			if strings.HasPrefix(n.Action, "sts:") {
				kind = policy.Trust
			}
		}
		doc, err := d.policies.Parse(n.Policy, kind)
		if err != nil {
			return nil, err
		}
		r.Resource = &policy.Source{Kind: kind, Name: n.PolicyName, Attached: n.Resource, Document: doc}
	}
	return r, nil
}

// organization fills in what the organizations of the caller's and the
// resource's account impose.
func (d *Door) organization(tx *store.Tx, c *redoubt.Call, n *redoubt.Need, set *identity.Set, r *policy.Request) error {
	own, err := d.Identity.Member(tx, c.Principal.Account)
	if err != nil {
		return err
	}
	if own != nil {
		r.SCPs, r.PrincipalOrg = own.SCPs, &own.Org
		r.SCPExempt = own.Management || set.ServiceLinked
	}
	owner := own
	if n.Account != "" && n.Account != c.Principal.Account {
		if owner, err = d.Identity.Member(tx, n.Account); err != nil {
			return err
		}
	}
	if owner != nil {
		r.RCPs, r.ResourceOrg = owner.RCPs, &owner.Org
		r.RCPExempt = owner.Management || set.ServiceLinked
	}
	return nil
}

type exchangeKey struct{}
