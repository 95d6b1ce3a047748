package identity

import (
	"errors"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// ErrNotTrusted: a role's trust policy does not admit the service, or there is
// no such role. The two are not told apart.
var ErrNotTrusted = errors.New("identity: the role cannot be assumed")

// AssumeFor makes a session of a role for a service that acts by itself: after
// a request has ended, on a timer, on delivery. service is its host name. No
// credentials are issued. Errors: ErrNotTrusted.
func (i *Identity) AssumeFor(tx *store.Tx, service, region, roleARN, sessionName string, via redoubt.Via) (*redoubt.Principal, error) {
	r, account, err := i.RoleByARN(tx, roleARN)
	if missing(err) {
		return nil, ErrNotTrusted
	}
	if err != nil {
		return nil, err
	}
	ok, err := i.trusts(tx, r, account, service, region, via)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrNotTrusted
	}
	now := i.Clock.Now().UTC()
	p := r.Session(account, &redoubt.Session{Name: sessionName, Issued: now, Expires: now.Add(time.Hour)})
	return &p, nil
}

// Trusts reports whether a service may assume the role: what a service checks
// before it keeps a role for later. Conditions on the source are those of via.
func (i *Identity) Trusts(tx *store.Tx, roleARN, service, region string, via redoubt.Via) (bool, error) {
	r, account, err := i.RoleByARN(tx, roleARN)
	if missing(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return i.trusts(tx, r, account, service, region, via)
}

func (i *Identity) trusts(tx *store.Tx, r *Role, account, service, region string, via redoubt.Via) (bool, error) {
	text, err := i.Current(tx, r.Trust, policy.Trust)
	if err != nil {
		return false, err
	}
	d, err := i.cache.Parse(text, policy.Trust)
	if err != nil {
		return false, err
	}
	arn := r.ARN(account)
	return policy.Evaluate(&policy.Request{
		Call: &redoubt.Call{
			Service: "sts", Operation: "AssumeRole", Partition: "aws", Region: region, Time: i.Clock.Now(),
			Principal: redoubt.Principal{Kind: redoubt.Service, ARN: service}, Via: via,
		},
		Need: &redoubt.Need{
			Action: "sts:AssumeRole", Resource: arn, Account: account, Policy: text, Strict: true, Tags: r.Tags,
		},
		Resource: &policy.Source{Kind: policy.Trust, Attached: arn, Document: d},
	}).Allowed, nil
}

// PassRole states the right that a caller needs to hand a role to a service
// ("lambda.amazonaws.com") for a resource; resource may be empty.
func (i *Identity) PassRole(tx *store.Tx, roleARN, service, resource string) (redoubt.Need, error) {
	n := redoubt.Need{
		Action: "iam:PassRole", Resource: roleARN,
		Conditions: map[string][]string{"iam:PassedToService": {service}},
	}
	if resource != "" {
		n.Conditions["iam:AssociatedResourceArn"] = []string{resource}
	}
	if a, err := redoubt.ParseARN(roleARN); err == nil {
		n.Account = a.Account
	}
	r, _, err := i.RoleByARN(tx, roleARN)
	if missing(err) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	n.Tags = r.Tags
	for k, v := range r.Tags {
		n.Conditions["iam:ResourceTag/"+k] = []string{v}
	}
	return n, nil
}
