package front

import (
	"context"
	"fmt"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// Explain decides one need of a principal that is not calling, by the same rules
// as a call, and says how. context holds condition keys of the supposed request.
// A principal that does not exist is identity's NotFound.
func (d *Door) Explain(ctx context.Context, principalARN, region string, need redoubt.Need, context map[string][]string) (policy.Trace, error) {
	tx := store.From(ctx)
	p, err := d.principal(tx, principalARN)
	if err != nil {
		return policy.Trace{}, err
	}
	service, operation, _ := strings.Cut(need.Action, ":")
	c := &redoubt.Call{
		Service: service, Operation: operation, Partition: redoubt.Partition(region), Account: p.Account, Region: region,
		Time: d.Clock.Now(), Principal: p, Source: redoubt.Source{IP: "127.0.0.1", TLS: true},
	}
	need.Conditions = context
	set, err := d.Identity.Policies(tx, &p)
	if err != nil {
		return policy.Trace{}, err
	}
	r, err := d.request(tx, c, &need, &set)
	if err != nil {
		return policy.Trace{}, err
	}
	return policy.Explain(r), nil
}

// principal answers who an ARN names: a user, a role (as a session of it), a role
// session, or an account's root.
func (d *Door) principal(tx *store.Tx, arn string) (redoubt.Principal, error) {
	a, err := redoubt.ParseARN(arn)
	if err != nil {
		return redoubt.Principal{}, err
	}
	if !identity.IsAccountID(a.Account) {
		return redoubt.Principal{}, fmt.Errorf("%q names no account", arn)
	}
	kind, rest, _ := strings.Cut(a.Resource, "/")
	last := rest[strings.LastIndexByte(rest, '/')+1:]
	switch {
	case a.Service == "iam" && a.Resource == "root":
		return identity.RootPrincipal(a.Account), nil
	case a.Service == "iam" && kind == "user":
		u, err := d.Identity.User(tx, a.Account, last)
		if err != nil {
			return redoubt.Principal{}, err
		}
		return u.Principal(a.Account), nil
	case a.Service == "iam" && kind == "role":
		r, err := d.Identity.Role(tx, a.Account, last)
		if err != nil {
			return redoubt.Principal{}, err
		}
		return r.Session(a.Account, &redoubt.Session{Name: "explain"}), nil
	case a.Service == "sts" && kind == "assumed-role":
		role, session, _ := strings.Cut(rest, "/")
		r, err := d.Identity.Role(tx, a.Account, role)
		if err != nil {
			return redoubt.Principal{}, err
		}
		return r.Session(a.Account, &redoubt.Session{Name: session}), nil
	}
	return redoubt.Principal{}, fmt.Errorf("%q names no user, role, role session or root", arn)
}
