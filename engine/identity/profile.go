package identity

import (
	"iter"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Profile is an instance profile: a name under which a machine gets a role.
type Profile struct {
	ID, Name, Path string
	Created        time.Time
	Tags           Tags   `json:",omitempty"`
	Role           string // unique id; empty for none. AWS admits one.
}

// ARN is the profile's.
func (p *Profile) ARN(account string) string { return ARN(account, "instance-profile", p.Path, p.Name) }

var profiles = store.AccountTable[Profile]("identity.profile")

var profileNames = named[Profile]{NounProfile, profiles, func(p *Profile) string { return p.Name }}

// Profile answers the instance profile of that name, or NotFound.
func (i *Identity) Profile(tx *store.Tx, account, name string) (*Profile, error) {
	return profileNames.find(tx, account, name)
}

// Profiles walks an account's instance profiles in order of their names.
// The walk starts behind the name after if it is given.
func (i *Identity) Profiles(tx *store.Tx, account, after string) iter.Seq2[*Profile, error] {
	return profileNames.all(tx, account, after)
}

// CreateProfile makes an instance profile.
func (i *Identity) CreateProfile(tx *store.Tx, account, name, path string, tags Tags) (*Profile, error) {
	p := &Profile{ID: newID(prefixProfile, account), Name: name, Path: path, Created: i.now(), Tags: tags}
	if err := claim(tx, account, NounProfile, name, p.ID); err != nil {
		return nil, err
	}
	return p, profiles.In(account).Put(tx, p.ID, p)
}

// EditProfile changes a profile's tags and role.
func (i *Identity) EditProfile(tx *store.Tx, account, name string, f func(*Profile) error) (*Profile, error) {
	p, err := i.Profile(tx, account, name)
	if err != nil {
		return nil, err
	}
	return profiles.In(account).Edit(tx, p.ID, f)
}

// DeleteProfile deletes an instance profile without a role.
func (i *Identity) DeleteProfile(tx *store.Tx, account, name string) error {
	p, err := i.Profile(tx, account, name)
	if err != nil {
		return err
	}
	if p.Role != "" {
		return &Conflict{NounProfile, name, NounRole}
	}
	if err := release(tx, account, NounProfile, name); err != nil {
		return err
	}
	return profiles.In(account).Delete(tx, p.ID)
}
