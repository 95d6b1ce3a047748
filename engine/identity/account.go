package identity

import (
	"errors"
	"iter"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/store"
)

// Account is a tenant.
type Account struct {
	ID      string
	Name    string
	Email   string
	Created time.Time
	Alias   string
	// AccessKeys of the root user.
	AccessKeys     []string
	PasswordPolicy *PasswordPolicy
	// TokenVersion is the global endpoint's: "v1Token" or "v2Token"; empty is v1.
	TokenVersion string
}

var (
	accounts = store.GlobalTable[Account]("identity.account")
	aliases  = store.GlobalTable[nameRow]("identity.alias")
)

// CreateAccount makes an account. name may be empty.
func (i *Identity) CreateAccount(tx *store.Tx, id, name string) (*Account, error) {
	if !IsAccountID(id) {
		return nil, errors.New("an account id has 12 digits")
	}
	has, err := accounts.Rows().Has(tx, id)
	if err != nil {
		return nil, err
	}
	if has {
		return nil, &Exists{NounAccount, id}
	}
	a := &Account{ID: id, Name: name, Created: i.now()}
	return a, accounts.Rows().Put(tx, id, a)
}

// IsAccountID reports whether s has the form of an account id.
func IsAccountID(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// Account answers the account, or NotFound. Where accounts are open, one that
// was never made is answered as if it had been, but not written.
func (i *Identity) Account(tx *store.Tx, id string) (*Account, error) {
	a, err := accounts.Rows().Get(tx, id)
	if errors.Is(err, store.ErrNotFound) && i.OpenAccounts && IsAccountID(id) {
		return &Account{ID: id}, nil
	}
	if err != nil {
		return nil, notFound(err, NounAccount, id)
	}
	return a, nil
}

// Accounts walks all accounts in order of their ids.
func (i *Identity) Accounts(tx *store.Tx) iter.Seq2[*Account, error] {
	return func(yield func(*Account, error) bool) {
		for row, err := range accounts.Rows().Scan(tx, store.Query{}) {
			if !yield(row.Value, err) || err != nil {
				return
			}
		}
	}
}

// EditAccount changes an account, which is made where accounts are open.
func (i *Identity) EditAccount(tx *store.Tx, id string, f func(*Account) error) (*Account, error) {
	a, err := accounts.Rows().Edit(tx, id, f)
	if errors.Is(err, store.ErrNotFound) && i.OpenAccounts && IsAccountID(id) {
		a = &Account{ID: id, Created: i.now()}
		if err := f(a); err != nil {
			return nil, err
		}
		return a, accounts.Rows().Put(tx, id, a)
	}
	if err != nil {
		return nil, notFound(err, NounAccount, id)
	}
	return a, nil
}

// SetAlias gives the account its only alias; an empty one takes it away.
// Aliases are unique over all accounts.
func (i *Identity) SetAlias(tx *store.Tx, account, alias string) error {
	a, err := i.Account(tx, account)
	if err != nil {
		return err
	}
	if a.Alias == alias {
		return nil
	}
	if alias != "" {
		taken, err := aliases.Rows().Has(tx, alias)
		if err != nil {
			return err
		}
		if taken {
			return &Exists{NounAlias, alias}
		}
		if err := aliases.Rows().Put(tx, alias, &nameRow{account}); err != nil {
			return err
		}
	}
	if a.Alias != "" {
		if err := aliases.Rows().Delete(tx, a.Alias); err != nil {
			return err
		}
	}
	_, err = i.EditAccount(tx, account, func(a *Account) error { a.Alias = alias; return nil })
	return err
}

// RootPrincipal is the root user of an account.
func RootPrincipal(account string) redoubt.Principal {
	return redoubt.Principal{Kind: redoubt.Root, Account: account, ARN: RootARN(account), ID: account}
}
