package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// administrator is the user that a new account gets.
const administrator = "admin"

// NewAccount is an account with the credentials of its administrator. The
// secret is known only here.
type NewAccount struct {
	ID, Name, UserName, AccessKeyID, Secret string
}

// MakeAccount makes an account with an administrator in the context's
// transaction. An empty id is drawn at random.
func MakeAccount(ctx context.Context, i *identity.Identity, id, name string) (*NewAccount, error) {
	tx := store.From(ctx)
	if id == "" {
		n, err := rand.Int(rand.Reader, big.NewInt(900_000_000_000))
		if err != nil {
			return nil, err
		}
		id = fmt.Sprint(100_000_000_000 + n.Int64())
	}
	if _, err := i.CreateAccount(tx, id, name); err != nil {
		return nil, err
	}
	a, err := makeAdministrator(ctx, i, id)
	if err != nil {
		return nil, err
	}
	a.Name = name
	return a, nil
}

func makeAdministrator(ctx context.Context, i *identity.Identity, account string) (*NewAccount, error) {
	tx := store.From(ctx)
	u, err := i.User(tx, account, administrator)
	var missing *identity.NotFound
	if errors.As(err, &missing) {
		u, err = i.CreateUser(tx, account, identity.User{Name: administrator, Path: "/"})
	}
	if err != nil {
		return nil, err
	}
	if err := i.Attach(tx, account, identity.Ref{Noun: identity.NounUser, Name: administrator}, "arn:aws:iam::aws:policy/AdministratorAccess"); err != nil {
		return nil, err
	}
	key, secret, err := i.CreateAccessKey(tx, account, u)
	if err != nil {
		return nil, err
	}
	return &NewAccount{ID: account, UserName: administrator, AccessKeyID: key.ID, Secret: secret}, nil
}

// RenewAdministrator takes every access key of the account's administrator away
// and makes a new one; the user is made if it is gone, and its policy attached.
func RenewAdministrator(ctx context.Context, i *identity.Identity, account string) (*NewAccount, error) {
	tx := store.From(ctx)
	if _, err := i.Account(tx, account); err != nil {
		return nil, err
	}
	u, err := i.User(tx, account, administrator)
	if err == nil {
		keys, err := i.AccessKeys(tx, account, u)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			if err := i.DeleteAccessKey(tx, account, u, k.ID); err != nil {
				return nil, err
			}
		}
	}
	return makeAdministrator(ctx, i, account)
}

// CreateAccount makes an account with an administrator.
func (s *Service) CreateAccount(ctx context.Context, _ *redoubt.Call, in *redoubtapi.CreateAccountInput) (*redoubtapi.CreateAccountOutput, error) {
	a, err := MakeAccount(ctx, s.Identity, deref(in.AccountId), deref(in.Name))
	var exists *identity.Exists
	if errors.As(err, &exists) {
		return nil, redoubtapi.ErrAccountAlreadyExistsException.New("Account %s exists.", exists.Name)
	}
	if err != nil {
		return nil, err
	}
	out := &redoubtapi.CreateAccountOutput{AccountId: &a.ID, UserName: &a.UserName, AccessKeyId: &a.AccessKeyID, SecretAccessKey: &a.Secret}
	if a.Name != "" {
		out.Name = &a.Name
	}
	return out, nil
}

// pageSize is how many accounts a page has unless the caller wants fewer.
const pageSize = 100

// ListAccounts lists the accounts by id. The token is the last id of the page:
// ids are no secret of whoever may list them.
func (s *Service) ListAccounts(ctx context.Context, _ *redoubt.Call, in *redoubtapi.ListAccountsInput) (*redoubtapi.ListAccountsOutput, error) {
	limit := pageSize
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	out := &redoubtapi.ListAccountsOutput{Accounts: []redoubtapi.Account{}}
	after := deref(in.NextToken)
	for a, err := range s.Identity.Accounts(store.From(ctx)) {
		if err != nil {
			return nil, err
		}
		if a.ID <= after {
			continue
		}
		if len(out.Accounts) == limit {
			out.NextToken = out.Accounts[limit-1].AccountId
			break
		}
		row := redoubtapi.Account{AccountId: &a.ID, Created: &a.Created}
		if a.Name != "" {
			row.Name = &a.Name
		}
		out.Accounts = append(out.Accounts, row)
	}
	return out, nil
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
