package identity

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Group is a set of users that share policies.
type Group struct {
	ID, Name, Path string
	Created        time.Time
	Holder
}

// ARN is the group's.
func (g *Group) ARN(account string) string { return ARN(account, "group", g.Path, g.Name) }

var (
	groups = store.AccountTable[Group]("identity.group")
	// members are ID(group id, user id).
	members = store.AccountTable[struct{}]("identity.member")
)

var groupNames = named[Group]{NounGroup, groups, func(g *Group) string { return g.Name }}

// Group answers the group of that name, or NotFound.
func (i *Identity) Group(tx *store.Tx, account, name string) (*Group, error) {
	return groupNames.find(tx, account, name)
}

// Groups walks an account's groups in order of their names.
// The walk starts behind the name after if it is given.
func (i *Identity) Groups(tx *store.Tx, account, after string) iter.Seq2[*Group, error] {
	return groupNames.all(tx, account, after)
}

// CreateGroup makes a group.
func (i *Identity) CreateGroup(tx *store.Tx, account, name, path string) (*Group, error) {
	g := &Group{ID: newID(prefixGroup, account), Name: name, Path: path, Created: i.now()}
	if err := claim(tx, account, NounGroup, name, g.ID); err != nil {
		return nil, err
	}
	return g, groups.In(account).Put(tx, g.ID, g)
}

// MoveGroup gives a group another name, path, or both; empty leaves it.
func (i *Identity) MoveGroup(tx *store.Tx, account, name, newName, newPath string) (*Group, error) {
	g, err := i.Group(tx, account, name)
	if err != nil {
		return nil, err
	}
	return groups.In(account).Edit(tx, g.ID, func(g *Group) error {
		if newName != "" && newName != g.Name {
			if err := rename(tx, account, NounGroup, g.Name, newName, g.ID); err != nil {
				return err
			}
			g.Name = newName
		}
		if newPath != "" {
			g.Path = newPath
		}
		return nil
	})
}

// Members answers a group's users in order of their names.
func (i *Identity) Members(tx *store.Tx, account string, g *Group) ([]*User, error) {
	var out []*User
	for row, err := range members.In(account).Scan(tx, store.Query{Prefix: store.ID(g.ID, "")}) {
		if err != nil {
			return nil, err
		}
		u, err := users.In(account).Get(tx, store.Parts(row.ID)[1])
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b *User) int { return compareNames(a.Name, b.Name) })
	return out, nil
}

// DeleteGroup deletes a group without members and policies.
func (i *Identity) DeleteGroup(tx *store.Tx, account, name string) error {
	g, err := i.Group(tx, account, name)
	if err != nil {
		return err
	}
	has, err := some(members.In(account).Scan(tx, store.Query{Prefix: store.ID(g.ID, "")}))
	switch {
	case err != nil:
		return err
	case has:
		return &Conflict{NounGroup, name, NounUser}
	case len(g.Attached) > 0:
		return &Conflict{NounGroup, name, NounPolicy}
	case len(g.Inline) > 0:
		return &Conflict{NounGroup, name, NounInline}
	}
	if err := release(tx, account, NounGroup, name); err != nil {
		return err
	}
	return groups.In(account).Delete(tx, g.ID)
}

// compareNames orders names as lists do: without regard to case.
func compareNames(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
}
