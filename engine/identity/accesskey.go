package identity

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// AccessKey is a long-lived credential of a user or of an account's root user.
type AccessKey struct {
	ID      string
	Account string
	User    string // unique id; empty for the root user
	Sealed  []byte // the secret
	Active  bool
	Created time.Time

	// opened is the secret in the clear, beside the decoded record and for as
	// long: signatures are checked with it many times a second.
	opened atomic.Pointer[[]byte]
}

// accessKeys are global: the id is all that a request brings.
var accessKeys = store.GlobalTable[AccessKey]("identity.accesskey")

const purposeAccessKey = "identity.accesskey"

// secret opens the key's secret.
func (k *AccessKey) secret(s Sealer) ([]byte, error) {
	if p := k.opened.Load(); p != nil {
		return *p, nil
	}
	b, err := s.Open(purposeAccessKey, []byte(k.ID), k.Sealed)
	if err != nil {
		return nil, err
	}
	k.opened.Store(&b)
	return b, nil
}

// AccessKeys answers the keys of a user, or of the root user when user is nil,
// in the order of their making.
func (i *Identity) AccessKeys(tx *store.Tx, account string, user *User) ([]*AccessKey, error) {
	ids, err := i.accessKeyIDs(tx, account, user)
	if err != nil {
		return nil, err
	}
	out := make([]*AccessKey, 0, len(ids))
	for _, id := range ids {
		k, err := accessKeys.Rows().Get(tx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue // revoked, and withheld by a restore of what names it
		}
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

func (i *Identity) accessKeyIDs(tx *store.Tx, account string, user *User) ([]string, error) {
	if user != nil {
		return user.AccessKeys, nil
	}
	a, err := i.Account(tx, account)
	if err != nil {
		return nil, err
	}
	return a.AccessKeys, nil
}

// CreateAccessKey makes a key for a user, or for the root user when user is nil,
// and answers its secret, which cannot be read again.
func (i *Identity) CreateAccessKey(tx *store.Tx, account string, user *User) (*AccessKey, string, error) {
	keys, err := i.AccessKeys(tx, account, user)
	if err != nil {
		return nil, "", err
	}
	if len(keys) >= MaxAccessKeysPerUser {
		return nil, "", &Limit{"AccessKeysPerUser", MaxAccessKeysPerUser}
	}
	k := &AccessKey{ID: newID(prefixAccessKey, account), Account: account, Active: true, Created: i.now()}
	if has, err := accessKeys.Rows().Has(tx, k.ID); err != nil || has {
		return nil, "", errors.Join(err, errors.New("identity: access key id drawn twice"))
	}
	secret := newSecret()
	if k.Sealed, err = i.Keys.Seal(purposeAccessKey, []byte(k.ID), []byte(secret)); err != nil {
		return nil, "", err
	}
	if user != nil {
		k.User = user.ID
	}
	if err := i.editKeyIDs(tx, account, k.User, func(ids []string) []string { return append(ids, k.ID) }); err != nil {
		return nil, "", err
	}
	return k, secret, accessKeys.Rows().Put(tx, k.ID, k)
}

func (i *Identity) editKeyIDs(tx *store.Tx, account, user string, f func([]string) []string) error {
	if user != "" {
		_, err := users.In(account).Edit(tx, user, func(u *User) error { u.AccessKeys = f(u.AccessKeys); return nil })
		return err
	}
	_, err := i.EditAccount(tx, account, func(a *Account) error { a.AccessKeys = f(a.AccessKeys); return nil })
	return err
}

// AccessKey answers a key by its id, whosever it is, or NotFound.
func (i *Identity) AccessKey(tx *store.Tx, id string) (*AccessKey, error) {
	k, err := accessKeys.Rows().Get(tx, id)
	if err != nil {
		return nil, notFound(err, NounAccessKey, id)
	}
	return k, nil
}

// keyOf answers a key that must belong to user, or to the root user.
func (i *Identity) keyOf(tx *store.Tx, account string, user *User, id string) (*AccessKey, error) {
	k, err := i.AccessKey(tx, id)
	if err != nil {
		return nil, err
	}
	owner := ""
	if user != nil {
		owner = user.ID
	}
	if k.Account != account || k.User != owner {
		return nil, &NotFound{Noun: NounAccessKey, Name: id}
	}
	return k, nil
}

// SetAccessKeyActive makes a key usable or not.
func (i *Identity) SetAccessKeyActive(tx *store.Tx, account string, user *User, id string, active bool) error {
	if _, err := i.keyOf(tx, account, user, id); err != nil {
		return err
	}
	_, err := accessKeys.Rows().Edit(tx, id, func(k *AccessKey) error { k.Active = active; return nil })
	return err
}

// DeleteAccessKey deletes a key.
func (i *Identity) DeleteAccessKey(tx *store.Tx, account string, user *User, id string) error {
	k, err := i.keyOf(tx, account, user, id)
	if err != nil {
		return err
	}
	remove := func(ids []string) []string {
		return slices.DeleteFunc(ids, func(x string) bool { return x == id })
	}
	if err := i.editKeyIDs(tx, account, k.User, remove); err != nil {
		return err
	}
	if err := keyUses.In(account).Delete(tx, id); err != nil {
		return err
	}
	return accessKeys.Rows().Delete(tx, id)
}
