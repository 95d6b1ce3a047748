package secretsmanager

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// suffixSize is the length of what an ARN has behind the name.
const suffixSize = 7

// A secret is named in three ways: by its name, by its ARN, and by its ARN
// without the hyphen and the six characters at the end. What ends in a hyphen and
// six characters is taken for a full ARN, so that a secret whose name ends so is
// not found by a partial one.
// Source: Secrets Manager User Guide, "Finding secrets from a partial ARN".
type ref struct {
	account, name string
	arn           string // it must have this one; empty for names and partial ARNs
}

// place is where a SecretId is read: names are those of its account.
type place struct{ partition, region, account string }

// parse reads a SecretId. ok is false for what can name no secret here.
func parse(c *redoubt.Call, id string) (r ref, ok bool) {
	return place{c.Partition, c.Region, c.Account}.parse(id)
}

func (p place) parse(id string) (r ref, ok bool) {
	r = ref{account: p.account, name: id}
	if strings.HasPrefix(id, "arn:") {
		a, err := redoubt.ParseARN(id)
		name, secret := strings.CutPrefix(a.Resource, "secret:")
		if err != nil || !secret || a.Service != "secretsmanager" || a.Region != p.region || a.Partition != p.partition || !identity.IsAccountID(a.Account) {
			return r, false
		}
		r.account, r.name = a.Account, name
		if hasSuffix(name) {
			r.name, r.arn = name[:len(name)-suffixSize], id
		}
	}
	return r, r.name != "" && len(r.name) <= maxName
}

// hasSuffix reports whether s ends in a hyphen and six letters or digits.
func hasSuffix(s string) bool {
	n := len(s) - suffixSize
	if n < 1 || s[n] != '-' {
		return false
	}
	for _, b := range []byte(s[n+1:]) {
		if !isAlnum(b) {
			return false
		}
	}
	return true
}

func isAlnum(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// find answers the secret that a SecretId names, shared and read-only, or
// errAbsent.
func find(ctx context.Context, c *redoubt.Call, id string) (*Secret, error) {
	return place{c.Partition, c.Region, c.Account}.find(ctx, id)
}

func (p place) find(ctx context.Context, id string) (*Secret, error) {
	r, ok := p.parse(id)
	if !ok {
		return nil, errAbsent()
	}
	sec, err := secrets.In(r.account, p.region).Get(store.From(ctx), store.ID(r.name))
	if errors.Is(err, store.ErrNotFound) || err == nil && r.arn != "" && r.arn != sec.ARN {
		return nil, errAbsent()
	}
	return sec, err
}

// absentARN is the ARN that a secret which does not exist would have: what a
// caller may do there is decided as if it were there.
func absentARN(c *redoubt.Call, id string) (arn, account string) {
	r, ok := parse(c, id)
	switch {
	case !ok:
		return c.ARN("secret:" + id), c.Account
	case strings.HasPrefix(id, "arn:"):
		return id, r.account
	}
	return c.ARN("secret:" + id + "-??????"), c.Account
}

const (
	maxName = 512
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// newSuffix makes the end of an ARN.
func newSuffix() string {
	b := make([]byte, suffixSize)
	b[0] = '-'
	for i := 1; i < len(b); i++ {
		b[i] = letters[below(len(letters))]
	}
	return string(b)
}

// below draws a number from 0 to n-1 without bias; n is at most 256.
func below(n int) int {
	limit := 256 - 256%n
	for {
		var b [1]byte
		rand.Read(b[:])
		if int(b[0]) < limit {
			return int(b[0]) % n
		}
	}
}

// checkID refuses what is neither an ARN nor a name that a secret may have.
func checkID(id string) error {
	if strings.HasPrefix(id, "arn:") {
		return nil
	}
	return checkName(id)
}

// checkName refuses names that a secret may not have.
func checkName(name string) error {
	for _, b := range []byte(name) {
		if !isAlnum(b) && !strings.ContainsRune("/_+=.@-!", rune(b)) {
			return badName()
		}
	}
	return nil
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}
