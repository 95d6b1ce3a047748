package identity

import (
	"iter"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/store"
)

// Role is an IAM role.
type Role struct {
	ID, Name, Path string
	Created        time.Time
	Description    string `json:",omitempty"`
	MaxSession     int32  // seconds
	Trust          *Bound
	Tags           Tags   `json:",omitempty"`
	Boundary       string // ARN of a managed policy; empty for none
	Holder
	// Service is set on a service-linked role: the host name of the service that
	// alone may change it.
	Service string `json:",omitempty"`
}

// ARN is the role's.
func (r *Role) ARN(account string) string { return ARN(account, "role", r.Path, r.Name) }

var roles = store.AccountTable[Role]("identity.role")

var roleNames = named[Role]{NounRole, roles, func(r *Role) string { return r.Name }}

// Role answers the role of that name, or NotFound.
func (i *Identity) Role(tx *store.Tx, account, name string) (*Role, error) {
	return roleNames.find(tx, account, name)
}

// RoleByID answers the role with that unique id, or NotFound.
func (i *Identity) RoleByID(tx *store.Tx, account, id string) (*Role, error) {
	r, err := roles.In(account).Get(tx, id)
	if err != nil {
		return nil, notFound(err, NounRole, id)
	}
	return r, nil
}

// RoleByARN answers the role and its account, or NotFound.
func (i *Identity) RoleByARN(tx *store.Tx, arn string) (*Role, string, error) {
	account, path, name, ok := split(arn, "role")
	if !ok {
		return nil, "", &NotFound{Noun: NounRole, Name: arn}
	}
	r, err := i.Role(tx, account, name)
	if err != nil {
		return nil, "", err
	}
	if r.Path != path {
		return nil, "", &NotFound{Noun: NounRole, Name: arn}
	}
	return r, account, nil
}

// Roles walks an account's roles in order of their names.
// The walk starts behind the name after if it is given.
func (i *Identity) Roles(tx *store.Tx, account, after string) iter.Seq2[*Role, error] {
	return roleNames.all(tx, account, after)
}

// CreateRole makes a role of r's facts; its id and time are given here.
func (i *Identity) CreateRole(tx *store.Tx, account string, r Role) (*Role, error) {
	r.ID, r.Created = newID(prefixRole, account), i.now()
	if err := claim(tx, account, NounRole, r.Name, r.ID); err != nil {
		return nil, err
	}
	if arn := r.Boundary; arn != "" {
		r.Boundary = ""
		if err := i.policyExists(tx, account, arn); err != nil {
			return nil, err
		}
		if err := setBoundary(tx, account, NounRole, r.ID, &r.Boundary, arn); err != nil {
			return nil, err
		}
	}
	return &r, roles.In(account).Put(tx, r.ID, &r)
}

// EditRole changes a role's trust, tags and other facts that no index repeats.
func (i *Identity) EditRole(tx *store.Tx, account, name string, f func(*Role) error) (*Role, error) {
	r, err := i.Role(tx, account, name)
	if err != nil {
		return nil, err
	}
	return roles.In(account).Edit(tx, r.ID, f)
}

// SetRoleBoundary sets or, with an empty arn, removes the permissions boundary.
func (i *Identity) SetRoleBoundary(tx *store.Tx, account, name, arn string) error {
	if arn != "" {
		if err := i.policyExists(tx, account, arn); err != nil {
			return err
		}
	}
	_, err := i.EditRole(tx, account, name, func(r *Role) error {
		return setBoundary(tx, account, NounRole, r.ID, &r.Boundary, arn)
	})
	return err
}

// DeleteRole deletes a role without policies and instance profiles; else a
// Conflict names what is left. Its sessions end with it.
func (i *Identity) DeleteRole(tx *store.Tx, account, name string) error {
	r, err := i.Role(tx, account, name)
	if err != nil {
		return err
	}
	switch {
	case len(r.Attached) > 0:
		return &Conflict{NounRole, name, NounPolicy}
	case len(r.Inline) > 0:
		return &Conflict{NounRole, name, NounInline}
	}
	for p, err := range i.Profiles(tx, account, "") {
		if err != nil {
			return err
		}
		if p.Role == r.ID {
			return &Conflict{NounRole, name, NounProfile}
		}
	}
	return i.removeRole(tx, account, r)
}

// DeleteServiceLinkedRole deletes a service-linked role with its policies.
func (i *Identity) DeleteServiceLinkedRole(tx *store.Tx, account, name string) error {
	r, err := i.Role(tx, account, name)
	if err != nil {
		return err
	}
	for _, arn := range r.Attached {
		if err := i.Detach(tx, account, Ref{NounRole, name}, arn); err != nil {
			return err
		}
	}
	return i.removeRole(tx, account, r)
}

func (i *Identity) removeRole(tx *store.Tx, account string, r *Role) error {
	if err := setBoundary(tx, account, NounRole, r.ID, new(r.Boundary), ""); err != nil {
		return err
	}
	if err := release(tx, account, NounRole, r.Name); err != nil {
		return err
	}
	if err := forgetUse(tx, account, r.ID); err != nil {
		return err
	}
	return roles.In(account).Delete(tx, r.ID)
}

// Session is a session of the role as a principal. s.Tags are the
// session's tags; the role's own lie under them.
func (r *Role) Session(account string, s *redoubt.Session) redoubt.Principal {
	return redoubt.Principal{
		Kind:     redoubt.Role,
		Account:  account,
		ARN:      sessionARN(account, r.Name, s.Name),
		ID:       r.ID + ":" + s.Name,
		Name:     r.Name,
		Issuer:   r.ARN(account),
		IssuerID: r.ID,
		Session:  s,
		Tags:     merge(r.Tags, s.Tags),
	}
}

// merge lays session tags over a principal's own, keys without regard to case.
func merge(own, session map[string]string) map[string]string {
	if len(session) == 0 {
		return own
	}
	t := make(Tags, len(own)+len(session))
	for k, v := range own {
		t[k] = v
	}
	for k, v := range session {
		t.SetFold(k, v)
	}
	return t
}
