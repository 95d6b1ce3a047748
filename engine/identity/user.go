package identity

import (
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// User is an IAM user.
type User struct {
	ID, Name, Path string
	Created        time.Time
	Tags           Tags   `json:",omitempty"`
	Boundary       string // ARN of a managed policy; empty for none
	Holder
	Groups     []string // unique ids, in the order of joining
	AccessKeys []string
	Login      *Login `json:",omitempty"`
}

// ARN is the user's.
func (u *User) ARN(account string) string { return ARN(account, "user", u.Path, u.Name) }

var users = store.AccountTable[User]("identity.user")

var userNames = named[User]{NounUser, users, func(u *User) string { return u.Name }}

// User answers the user of that name, or NotFound.
func (i *Identity) User(tx *store.Tx, account, name string) (*User, error) {
	return userNames.find(tx, account, name)
}

// UserByID answers the user with that unique id, or NotFound.
func (i *Identity) UserByID(tx *store.Tx, account, id string) (*User, error) {
	u, err := users.In(account).Get(tx, id)
	if err != nil {
		return nil, notFound(err, NounUser, id)
	}
	return u, nil
}

// Users walks an account's users in order of their names.
// The walk starts behind the name after if it is given.
func (i *Identity) Users(tx *store.Tx, account, after string) iter.Seq2[*User, error] {
	return userNames.all(tx, account, after)
}

// CreateUser makes a user with u's name, path, tags and boundary.
func (i *Identity) CreateUser(tx *store.Tx, account string, u User) (*User, error) {
	u.ID, u.Created = newID(prefixUser, account), i.now()
	if err := claim(tx, account, NounUser, u.Name, u.ID); err != nil {
		return nil, err
	}
	if arn := u.Boundary; arn != "" {
		u.Boundary = ""
		if err := i.policyExists(tx, account, arn); err != nil {
			return nil, err
		}
		if err := setBoundary(tx, account, NounUser, u.ID, &u.Boundary, arn); err != nil {
			return nil, err
		}
	}
	return &u, users.In(account).Put(tx, u.ID, &u)
}

// EditUser changes a user's tags, login and other facts that no index repeats.
func (i *Identity) EditUser(tx *store.Tx, account, name string, f func(*User) error) (*User, error) {
	u, err := i.User(tx, account, name)
	if err != nil {
		return nil, err
	}
	return users.In(account).Edit(tx, u.ID, f)
}

// MoveUser gives a user another name, path, or both; empty leaves it.
func (i *Identity) MoveUser(tx *store.Tx, account, name, newName, newPath string) (*User, error) {
	return i.EditUser(tx, account, name, func(u *User) error {
		if newName != "" && newName != u.Name {
			if err := rename(tx, account, NounUser, u.Name, newName, u.ID); err != nil {
				return err
			}
			u.Name = newName
		}
		if newPath != "" {
			u.Path = newPath
		}
		return nil
	})
}

// SetUserBoundary sets or, with an empty arn, removes the permissions boundary.
func (i *Identity) SetUserBoundary(tx *store.Tx, account, name, arn string) error {
	if arn != "" {
		if err := i.policyExists(tx, account, arn); err != nil {
			return err
		}
	}
	_, err := i.EditUser(tx, account, name, func(u *User) error {
		return setBoundary(tx, account, NounUser, u.ID, &u.Boundary, arn)
	})
	return err
}

// DeleteUser deletes a user that has nothing left; else a Conflict names what.
func (i *Identity) DeleteUser(tx *store.Tx, account, name string) error {
	u, err := i.User(tx, account, name)
	if err != nil {
		return err
	}
	held, err := i.userHolds(tx, account, u)
	if err != nil {
		return err
	}
	if held != "" {
		return &Conflict{NounUser, name, held}
	}
	if err := setBoundary(tx, account, NounUser, u.ID, new(u.Boundary), ""); err != nil {
		return err
	}
	if err := release(tx, account, NounUser, name); err != nil {
		return err
	}
	if err := forgetUse(tx, account, u.ID); err != nil {
		return err
	}
	return users.In(account).Delete(tx, u.ID)
}

// userHolds answers what must go before the user can, empty if nothing.
func (i *Identity) userHolds(tx *store.Tx, account string, u *User) (Noun, error) {
	switch {
	case len(u.Attached) > 0:
		return NounPolicy, nil
	case len(u.Inline) > 0:
		return NounInline, nil
	case len(u.Groups) > 0:
		return NounGroup, nil
	case len(u.AccessKeys) > 0:
		return NounAccessKey, nil
	case u.Login != nil:
		return NounLogin, nil
	}
	for _, t := range []struct {
		noun Noun
		has  func() (bool, error)
	}{
		{NounMFA, func() (bool, error) { return some(i.MFADevices(tx, account, u.ID)) }},
		{NounSigning, func() (bool, error) { return some(i.SigningCertificates(tx, account, u.ID)) }},
		{NounSSHKey, func() (bool, error) { return some(i.SSHKeys(tx, account, u.ID)) }},
		{NounServiceCredential, func() (bool, error) { return some(i.ServiceCredentials(tx, account, u.ID)) }},
	} {
		if has, err := t.has(); err != nil || has {
			return t.noun, err
		}
	}
	return "", nil
}

// some reports whether a walk has anything.
func some[T any](seq iter.Seq2[T, error]) (bool, error) {
	for _, err := range seq {
		return err == nil, err
	}
	return false, nil
}

// JoinGroup adds a user to a group; joining again changes nothing.
func (i *Identity) JoinGroup(tx *store.Tx, account, user, group string) error {
	return i.membership(tx, account, user, group, func(u *User, g *Group) error {
		if slices.Contains(u.Groups, g.ID) {
			return nil
		}
		if len(u.Groups) >= MaxGroupsPerUser {
			return &Limit{"GroupsPerUser", MaxGroupsPerUser}
		}
		u.Groups = append(u.Groups, g.ID)
		return members.In(account).Put(tx, store.ID(g.ID, u.ID), &struct{}{})
	})
}

// LeaveGroup removes a user from a group; who is not in it stays so.
func (i *Identity) LeaveGroup(tx *store.Tx, account, user, group string) error {
	return i.membership(tx, account, user, group, func(u *User, g *Group) error {
		u.Groups = slices.DeleteFunc(u.Groups, func(id string) bool { return id == g.ID })
		return members.In(account).Delete(tx, store.ID(g.ID, u.ID))
	})
}

// membership changes a user that must exist, as must the group: AWS misses the
// user first.
func (i *Identity) membership(tx *store.Tx, account, user, group string, f func(*User, *Group) error) error {
	u, err := i.User(tx, account, user)
	if err != nil {
		return err
	}
	g, err := i.Group(tx, account, group)
	if err != nil {
		return err
	}
	_, err = users.In(account).Edit(tx, u.ID, func(u *User) error { return f(u, g) })
	return err
}

// GroupsOf answers the groups of a user in order of their names.
func (i *Identity) GroupsOf(tx *store.Tx, account string, u *User) ([]*Group, error) {
	out := make([]*Group, 0, len(u.Groups))
	for _, id := range u.Groups {
		g, err := groups.In(account).Get(tx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b *Group) int { return compareNames(a.Name, b.Name) })
	return out, nil
}
