package kms

import (
	"context"
	"errors"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/store"
)

// form says which identifiers an operation takes.
type form bool

const (
	byID    form = false // key id and key ARN
	byAlias form = true  // these, alias name and alias ARN
)

// named is what an identifier leads to.
type named struct {
	key   *Key   // nil: missing says why
	arn   string // of the key; without one, of what was asked for
	owner string // the account in which it lies
	alias string // the alias that was used, "alias/x"; empty if none
	// missing is the method's answer when there is no key. Needs do not tell:
	// whoever has no rights must not learn what exists.
	missing error
}

// key answers the key that the identifier names, or why there is none.
func (s *Service) key(ctx context.Context, c *redoubt.Call, id *string, f form) (*Key, error) {
	n, err := s.resolve(ctx, c, value(id), f)
	if err != nil {
		return nil, err
	}
	return n.key, n.missing
}

// resolve finds what an identifier names. Its error is a failure, never a
// refusal.
func (s *Service) resolve(ctx context.Context, c *redoubt.Call, id string, f form) (named, error) {
	tx := store.From(ctx)
	n := named{owner: c.Account}
	name := id
	if strings.HasPrefix(id, "arn:") {
		a, err := redoubt.ParseARN(id)
		switch {
		case err != nil || a.Service != "kms" || a.Partition != c.Partition || !isAccount(a.Account):
			n.arn, n.missing = id, kmsapi.ErrInvalidArnException.New("Invalid arn %s", id)
			return n, nil
		case a.Region != c.Region:
			n.arn, n.owner, n.missing = id, a.Account, kmsapi.ErrNotFoundException.New("Invalid arn %s", a.Region)
			return n, nil
		}
		n.owner = a.Account
		var isKey bool
		if name, isKey = strings.CutPrefix(a.Resource, "key/"); !isKey && !strings.HasPrefix(name, aliasPrefix) {
			n.arn, n.missing = id, kmsapi.ErrInvalidArnException.New("Invalid arn %s", id)
			return n, nil
		}
	}
	if strings.HasPrefix(name, aliasPrefix) {
		if f == byID {
			n.arn, n.missing = aliasARN(c, n.owner, name), invalidKeyID(id)
			if name != id {
				// A bare alias is no key id; an alias's ARN is told apart from a key's.
				n.missing = kmsapi.ErrInvalidArnException.New("Key Aliases are not supported for this operation.")
			}
			return n, nil
		}
		return s.resolveAlias(ctx, c, n, name)
	}
	if !isKeyID(name) {
		n.arn, n.missing = keyARN(c.Partition, c.Region, n.owner, name), invalidKeyID(id)
		if name != id {
			// Inside an ARN, AWS does not quote it.
			n.missing = kmsapi.ErrNotFoundException.New("Invalid keyId %s", name)
		}
		return n, nil
	}
	k, err := load(tx, n.owner, c.Region, name)
	if k == nil {
		n.arn = keyARN(c.Partition, c.Region, n.owner, name)
		n.missing = noSuchKey(n.arn)
		return n, err
	}
	n.key, n.arn = k, k.ARN
	return n, nil
}

// resolveAlias follows an alias to its key. A predefined alias without a key
// gets one when its service calls, or when somebody describes it.
func (s *Service) resolveAlias(ctx context.Context, c *redoubt.Call, n named, name string) (named, error) {
	tx := store.From(ctx)
	n.alias = name
	n.arn = aliasARN(c, n.owner, name)
	a, err := aliases.In(n.owner, c.Region).Get(tx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if n.key, err = s.manage(ctx, c, n.owner, name); err != nil {
			return n, err
		}
		if n.key == nil {
			n.missing = noSuchAlias(n.arn)
			return n, nil
		}
	case err != nil:
		return n, err
	default:
		if n.key, err = load(tx, n.owner, c.Region, a.Key); err != nil {
			return n, err
		}
		if n.key == nil {
			n.missing = noSuchAlias(n.arn)
			return n, nil
		}
	}
	n.arn = n.key.ARN
	return n, nil
}

// isKeyID reports whether s is a UUID, or mrk- and 32 hex digits.
func isKeyID(s string) bool {
	if d, ok := strings.CutPrefix(s, "mrk-"); ok {
		return len(d) == 32 && isHex(d)
	}
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	return isHex(s[:8]) && isHex(s[9:13]) && isHex(s[14:18]) && isHex(s[19:23]) && isHex(s[24:])
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			return false
		}
	}
	return true
}

func isAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func aliasARN(c *redoubt.Call, account, name string) string {
	return "arn:" + c.Partition + ":kms:" + c.Region + ":" + account + ":" + name
}
