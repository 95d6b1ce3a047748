package identity

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// Bound is a policy that names principals, with the unique ids that users and
// roles had when it was written. AWS keeps policies so: who is deleted and made
// again under the same name is not meant by them any more.
// Source: IAM User Guide, "AWS JSON policy elements: Principal".
type Bound struct {
	Text string
	// IDs lead from principals as written to unique ids; empty for an account id,
	// which is read back as the account's root ARN.
	IDs map[string]string `json:",omitempty"`
}

// InvalidPrincipal says which principal of a policy does not exist.
type InvalidPrincipal struct{ Type, Value string }

func (e *InvalidPrincipal) Error() string {
	return fmt.Sprintf("no such principal: %s %q", e.Type, e.Value)
}

// Bind ties the principals of a policy to those that exist. The error is an
// *InvalidPrincipal where one does not.
func (i *Identity) Bind(tx *store.Tx, d *policy.Document) (*Bound, error) {
	b := &Bound{Text: d.Text()}
	for _, p := range d.Principals() {
		ok, id, err := i.exists(tx, p)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, &InvalidPrincipal{p.Type, p.Value}
		}
		if id != "" || IsAccountID(p.Value) {
			if b.IDs == nil {
				b.IDs = map[string]string{}
			}
			b.IDs[p.Value] = id
		}
	}
	return b, nil
}

// Current answers the policy's text as it reads today: with the ARNs that the
// principals have now, and unique ids where they are gone. Those match nobody.
func (i *Identity) Current(tx *store.Tx, b *Bound, kind policy.Kind) (string, error) {
	now := map[string]string{}
	for written, id := range b.IDs {
		arn, err := RootARN(written), error(nil)
		if id != "" {
			arn, err = i.arnOf(tx, id)
		}
		if err != nil {
			return "", err
		}
		if arn != written {
			now[written] = arn
		}
	}
	if len(now) == 0 {
		return b.Text, nil
	}
	d, err := i.cache.Parse(b.Text, kind)
	if err != nil {
		return "", err
	}
	return d.Rename(func(n policy.Named) string {
		if arn, ok := now[n.Value]; ok && n.Type == "AWS" {
			return arn
		}
		return n.Value
	}), nil
}

// arnOf answers the ARN of a user or role, or the id itself if it is gone.
func (i *Identity) arnOf(tx *store.Tx, id string) (string, error) {
	account := AccountOf(id)
	var arn string
	var err error
	if strings.HasPrefix(id, prefixUser) {
		var u *User
		if u, err = users.In(account).Get(tx, id); err == nil {
			arn = u.ARN(account)
		}
	} else {
		var r *Role
		if r, err = roles.In(account).Get(tx, id); err == nil {
			arn = r.ARN(account)
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return id, nil
	}
	return arn, err
}

// exists reports whether a principal does, and the unique id to bind it to.
func (i *Identity) exists(tx *store.Tx, p policy.Named) (ok bool, id string, err error) {
	switch p.Type {
	case "AWS":
		return i.awsPrincipal(tx, p.Value)
	case "Service":
		return isService(p.Value), "", nil
	case "Federated":
		_, _, _, saml := split(p.Value, "saml-provider")
		_, _, _, oidc := split(p.Value, "oidc-provider")
		return saml || oidc || isWebIdentity(p.Value), "", nil
	case "CanonicalUser":
		return len(p.Value) == 64, "", nil
	}
	return p.Value == "*", "", nil
}

func (i *Identity) awsPrincipal(tx *store.Tx, v string) (bool, string, error) {
	if v == "*" {
		return true, "", nil
	}
	if IsAccountID(v) {
		ok, err := i.isAccount(tx, v)
		return ok, "", err
	}
	if len(v) == 21 && (strings.HasPrefix(v, prefixUser) || strings.HasPrefix(v, prefixRole)) && AccountOf(v) != "" {
		arn, err := i.arnOf(tx, v)
		return arn != v, v, err
	}
	if account, path, name, ok := split(v, "user"); ok {
		u, err := i.User(tx, account, name)
		if missing(err) {
			return false, "", nil
		}
		if err != nil {
			return false, "", err
		}
		return u.Path == path, u.ID, nil
	}
	if _, _, _, ok := split(v, "role"); ok {
		r, _, err := i.RoleByARN(tx, v)
		if missing(err) {
			return false, "", nil
		}
		if err != nil {
			return false, "", err
		}
		return true, r.ID, nil
	}
	if rest, ok := strings.CutPrefix(v, arnPrefix); ok && strings.HasSuffix(rest, ":root") {
		ok, err := i.isAccount(tx, strings.TrimSuffix(rest, ":root"))
		return ok, "", err
	}
	if rest, ok := strings.CutPrefix(v, "arn:aws:sts::"); ok {
		account, rest, _ := strings.Cut(rest, ":")
		what, name, _ := strings.Cut(rest, "/")
		switch what {
		case "assumed-role":
			role, session, _ := strings.Cut(name, "/")
			_, err := i.Role(tx, account, role)
			if missing(err) {
				return false, "", nil
			}
			return session != "" && err == nil, "", err
		case "federated-user":
			ok, err := i.isAccount(tx, account)
			return ok && name != "", "", err
		}
	}
	return false, "", nil
}

func (i *Identity) isAccount(tx *store.Tx, id string) (bool, error) {
	_, err := i.Account(tx, id)
	if missing(err) {
		return false, nil
	}
	return err == nil, err
}

// isService reports whether s has the form of a service principal.
func isService(s string) bool {
	for _, suffix := range []string{".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal", ".aws.com"} {
		if name, ok := strings.CutSuffix(s, suffix); ok {
			return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
		}
	}
	return false
}

// isWebIdentity reports whether s is a provider that AWS knows without an
// OpenID Connect provider in the account.
func isWebIdentity(s string) bool {
	switch s {
	case "cognito-identity.amazonaws.com", "www.amazon.com", "graph.facebook.com", "accounts.google.com":
		return true
	}
	return false
}
