package identity

import (
	"errors"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/store"
)

// Credential is what a request's signature is checked against, and whose it is.
type Credential struct {
	// Secret is shared and read-only. For one access key id it never changes, so
	// that what is derived from it may be kept by key id and compared secret.
	Secret    []byte
	Principal redoubt.Principal
}

// Credential answers the secret and the principal behind an access key id.
// token is empty for long-lived keys. Errors: ErrUnknownKey, ErrInactiveKey,
// ErrTokenInvalid, ErrTokenExpired, or a failure of store or keyring.
//
// A temporary key without its token is an unknown key; a token with a
// long-lived key is invalid.
func (i *Identity) Credential(tx *store.Tx, accessKeyID, token string) (*Credential, error) {
	if token != "" {
		return i.temporary(tx, accessKeyID, token)
	}
	if !strings.HasPrefix(accessKeyID, prefixAccessKey) {
		return nil, ErrUnknownKey
	}
	k, err := accessKeys.Rows().Get(tx, accessKeyID)
	if err != nil {
		return nil, or(err, ErrUnknownKey)
	}
	if !k.Active {
		return nil, ErrInactiveKey
	}
	c := &Credential{}
	if k.User == "" {
		c.Principal = RootPrincipal(k.Account)
	} else {
		u, err := users.In(k.Account).Get(tx, k.User)
		if err != nil {
			return nil, or(err, ErrUnknownKey)
		}
		c.Principal = u.Principal(k.Account)
	}
	c.Principal.AccessKeyID = accessKeyID
	c.Secret, err = k.secret(i.Keys)
	return c, err
}

// temporary answers the credential of a session.
func (i *Identity) temporary(tx *store.Tx, accessKeyID, token string) (*Credential, error) {
	s, err := i.open(accessKeyID, token)
	if err != nil {
		return nil, err
	}
	if !i.Clock.Now().Before(s.Expires) {
		return nil, ErrTokenExpired
	}
	c := &Credential{Secret: s.secret}
	switch s.kind {
	case redoubt.Root:
		c.Principal = RootPrincipal(s.account)
		c.Principal.Session = &s.Session
	case redoubt.User:
		u, err := users.In(s.account).Get(tx, s.id)
		if err != nil {
			return nil, or(err, ErrTokenInvalid)
		}
		c.Principal = u.Principal(s.account)
		c.Principal.Session = &s.Session
	case redoubt.Role:
		r, err := roles.In(s.account).Get(tx, s.id)
		if err != nil {
			return nil, or(err, ErrTokenInvalid)
		}
		c.Principal = r.Session(s.account, &s.Session)
	case redoubt.Federated:
		var u *User
		if s.id != "" {
			if u, err = users.In(s.account).Get(tx, s.id); err != nil {
				return nil, or(err, ErrTokenInvalid)
			}
		}
		c.Principal = FederatedPrincipal(s.account, s.name, u, &s.Session)
	default:
		return nil, ErrTokenInvalid
	}
	c.Principal.AccessKeyID = accessKeyID
	return c, nil
}

// Principal is the user as a caller with long-lived credentials.
func (u *User) Principal(account string) redoubt.Principal {
	return redoubt.Principal{
		Kind: redoubt.User, Account: account, ARN: u.ARN(account), ID: u.ID, Name: u.Name, Tags: u.Tags,
	}
}

// FederatedPrincipal is a session that GetFederationToken made for by, or for
// the root user when by is nil.
func FederatedPrincipal(account, name string, by *User, s *redoubt.Session) redoubt.Principal {
	p := redoubt.Principal{
		Kind: redoubt.Federated, Account: account, Name: name, ID: account + ":" + name,
		ARN: "arn:aws:sts::" + account + ":federated-user/" + name, Issuer: RootARN(account),
		Session: s, Tags: s.Tags,
	}
	if by != nil {
		p.Issuer, p.IssuerID = by.ARN(account), by.ID
	}
	return p
}

// or answers refusal when err says that a record is missing; other errors pass.
func or(err, refusal error) error {
	if errors.Is(err, store.ErrNotFound) {
		return refusal
	}
	return err
}

// notAuthentic tells a forged or damaged token from a keyring that cannot work.
func notAuthentic(err error) bool { return errors.Is(err, keyring.ErrDamaged) }
