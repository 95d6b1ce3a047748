package identity

import (
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// Set is every policy that binds a principal, as policy.Request takes them.
type Set struct {
	Identity []policy.Source
	Boundary *policy.Source
	// Session is nil for a session without session policies, and empty but not
	// nil where they are required and absent.
	Session []policy.Source
	// ServiceLinked: the principal is a service-linked role, to which SCPs and
	// RCPs do not apply.
	ServiceLinked bool
}

// Policies answers what binds p. A principal whose user or role is gone
// has ErrTokenInvalid.
func (i *Identity) Policies(tx *store.Tx, p *redoubt.Principal) (Set, error) {
	var s Set
	var err error
	switch p.Kind {
	case redoubt.User:
		err = i.userSet(tx, p.Account, p.ID, p.ARN, &s)
	case redoubt.Federated:
		if p.IssuerID != "" {
			err = i.userSet(tx, p.Account, p.IssuerID, p.Issuer, &s)
		}
		s.Session = []policy.Source{} // without session policies it may do nothing
	case redoubt.Role:
		err = i.roleSet(tx, p.Account, p.IssuerID, &s)
	}
	if err != nil {
		return Set{}, or(err, ErrTokenInvalid)
	}
	if p.Session != nil {
		err = i.sessionSet(tx, p, &s)
	}
	return s, err
}

func (i *Identity) userSet(tx *store.Tx, account, id, arn string, s *Set) error {
	u, err := users.In(account).Get(tx, id)
	if err != nil {
		return err
	}
	s.Identity = make([]policy.Source, 0, len(u.Inline)+len(u.Attached)+2*len(u.Groups))
	if s.Identity, err = i.sources(tx, account, arn, &u.Holder, s.Identity); err != nil {
		return err
	}
	for _, id := range u.Groups {
		g, err := groups.In(account).Get(tx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if s.Identity, err = i.sources(tx, account, g.ARN(account), &g.Holder, s.Identity); err != nil {
			return err
		}
	}
	s.Boundary, err = i.boundary(tx, account, arn, u.Boundary)
	return err
}

func (i *Identity) roleSet(tx *store.Tx, account, id string, s *Set) error {
	r, err := roles.In(account).Get(tx, id)
	if err != nil {
		return err
	}
	s.ServiceLinked = r.Service != ""
	s.Identity = make([]policy.Source, 0, len(r.Inline)+len(r.Attached))
	if s.Identity, err = i.sources(tx, account, r.ARN(account), &r.Holder, s.Identity); err != nil {
		return err
	}
	s.Boundary, err = i.boundary(tx, account, r.ARN(account), r.Boundary)
	return err
}

func (i *Identity) boundary(tx *store.Tx, account, holder, arn string) (*policy.Source, error) {
	if arn == "" {
		return nil, nil
	}
	d, err := i.compiled(tx, account, arn)
	if err != nil {
		return nil, err
	}
	return &policy.Source{Kind: policy.Boundary, Name: arn, Attached: holder, Document: d}, nil
}

func (i *Identity) sessionSet(tx *store.Tx, p *redoubt.Principal, s *Set) error {
	if len(p.Session.Policies)+len(p.Session.PolicyARNs) == 0 {
		return nil
	}
	s.Session = make([]policy.Source, 0, len(p.Session.Policies)+len(p.Session.PolicyARNs))
	for _, text := range p.Session.Policies {
		d, err := i.cache.Parse(text, policy.SessionPolicy)
		if err != nil {
			return err
		}
		s.Session = append(s.Session, policy.Source{Kind: policy.SessionPolicy, Attached: p.ARN, Document: d})
	}
	for _, arn := range p.Session.PolicyARNs {
		d, err := i.compiled(tx, p.Account, arn)
		if missing(err) {
			continue // deleted since: it allows nothing any more
		}
		if err != nil {
			return err
		}
		s.Session = append(s.Session, policy.Source{Kind: policy.SessionPolicy, Name: arn, Attached: p.ARN, Document: d})
	}
	return nil
}

func missing(err error) bool {
	var nf *NotFound
	return errors.As(err, &nf)
}
