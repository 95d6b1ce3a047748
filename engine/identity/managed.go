package identity

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/engine/identity/managed"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// Policy is a managed policy: the account's own, or one of AWS's.
type Policy struct {
	ID, Name, Path   string
	Created, Updated time.Time
	Description      string `json:",omitempty"`
	Tags             Tags   `json:",omitempty"`
	Default          string // id of the default version
	Next             int    // number of the next version
	Versions         []Version
}

// Version is one of at most five versions of a managed policy.
type Version struct {
	ID       string // "v1"
	Created  time.Time
	Document *Document
}

// ARN is the policy's; account is "aws" for AWS's own.
func (p *Policy) ARN(account string) string { return ARN(account, "policy", p.Path, p.Name) }

// Version answers the version of that id, nil if there is none.
func (p *Policy) Version(id string) *Version {
	for n := range p.Versions {
		if p.Versions[n].ID == id {
			return &p.Versions[n]
		}
	}
	return nil
}

// policies are kept by their lower-case name: unlike users, groups and roles
// they are never renamed, and none goes while it is attached.
var policies = store.AccountTable[Policy]("identity.policy")

// PolicyByARN answers a managed policy and whether it is AWS's own. account is
// whose policies may be seen besides AWS's; of others the answer is NotFound.
func (i *Identity) PolicyByARN(tx *store.Tx, account, arn string) (p *Policy, aws bool, err error) {
	owner, path, name, ok := split(arn, "policy")
	if ok && owner == "aws" {
		if m := managed.Find(arn); m != nil {
			return awsPolicy(m), true, nil
		}
	} else if ok && owner == account {
		p, err := policies.In(account).Get(tx, strings.ToLower(name))
		if err != nil {
			return nil, false, notFound(err, NounPolicy, arn)
		}
		if p.Name == name && p.Path == path {
			return p, false, nil
		}
	}
	return nil, false, &NotFound{Noun: NounPolicy, Name: arn}
}

// ManagedPolicies walks the account's own managed policies in order of their names.
// The walk starts behind the name after if it is given.
func (i *Identity) ManagedPolicies(tx *store.Tx, account, after string) iter.Seq2[*Policy, error] {
	return func(yield func(*Policy, error) bool) {
		for row, err := range policies.In(account).Scan(tx, store.Query{After: strings.ToLower(after)}) {
			if !yield(row.Value, err) || err != nil {
				return
			}
		}
	}
}

// AWSPolicies walks AWS's own managed policies in order of their names.
func AWSPolicies() iter.Seq[*Policy] {
	return func(yield func(*Policy) bool) {
		for n := range managed.Policies {
			if !yield(awsPolicy(&managed.Policies[n])) {
				return
			}
		}
	}
}

func awsPolicy(m *managed.Policy) *Policy {
	_, path, name, _ := split(m.ARN, "policy")
	created, updated := time.Unix(m.Created, 0).UTC(), time.Unix(m.Updated, 0).UTC()
	return &Policy{
		ID: m.ID(), Name: name, Path: path, Created: created, Updated: updated, Default: m.Version,
		Versions: []Version{{ID: m.Version, Created: updated, Document: NewDocument(m.Document)}},
	}
}

func (i *Identity) policyExists(tx *store.Tx, account, arn string) error {
	_, _, err := i.PolicyByARN(tx, account, arn)
	return err
}

// compiled answers a managed policy's default version, compiled.
func (i *Identity) compiled(tx *store.Tx, account, arn string) (*policy.Document, error) {
	if isAWS(arn) {
		at := managed.Index(arn)
		if at < 0 {
			return nil, &NotFound{Noun: NounPolicy, Name: arn}
		}
		if c := i.aws[at].Load(); c != nil {
			return c, nil
		}
		c, err := policy.Parse(managed.Policies[at].Document, policy.Identity)
		if err != nil {
			return nil, err
		}
		i.aws[at].Store(c)
		return c, nil
	}
	p, _, err := i.PolicyByARN(tx, account, arn)
	if err != nil {
		return nil, err
	}
	return p.Version(p.Default).Document.Compiled(policy.Identity)
}

// CreatePolicy makes a managed policy of a text that was parsed before.
func (i *Identity) CreatePolicy(tx *store.Tx, account, name, path, description, text string, tags Tags) (*Policy, error) {
	now := i.now()
	p := &Policy{
		ID: newID(prefixPolicy, account), Name: name, Path: path, Created: now, Updated: now,
		Description: description, Tags: tags, Default: "v1", Next: 2,
		Versions: []Version{{"v1", now, NewDocument(text)}},
	}
	key := strings.ToLower(name)
	has, err := policies.In(account).Has(tx, key)
	if err != nil {
		return nil, err
	}
	if has {
		return nil, &Exists{NounPolicy, name}
	}
	if err := count(tx, account, NounPolicy, 1); err != nil {
		return nil, err
	}
	return p, policies.In(account).Put(tx, key, p)
}

// EditPolicy changes one of the account's own managed policies.
func (i *Identity) EditPolicy(tx *store.Tx, account, arn string, f func(*Policy) error) (*Policy, error) {
	p, _, err := i.PolicyByARN(tx, account, arn)
	if err != nil {
		return nil, err
	}
	return policies.In(account).Edit(tx, strings.ToLower(p.Name), f)
}

// AddVersion adds a version of a text that was parsed before.
func (i *Identity) AddVersion(tx *store.Tx, account, arn, text string, asDefault bool) (v *Version, isDefault bool, err error) {
	p, err := i.EditPolicy(tx, account, arn, func(p *Policy) error {
		if len(p.Versions) >= MaxVersions {
			return &Limit{"VersionsPerPolicy", MaxVersions}
		}
		v := Version{"v" + strconv.Itoa(p.Next), i.now(), NewDocument(text)}
		p.Next++
		p.Versions = append(p.Versions, v)
		p.Updated = v.Created
		if asDefault {
			p.Default = v.ID
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	v = &p.Versions[len(p.Versions)-1]
	return v, v.ID == p.Default, nil
}

// SetDefaultVersion makes a version the one that counts.
func (i *Identity) SetDefaultVersion(tx *store.Tx, account, arn, id string) error {
	_, err := i.EditPolicy(tx, account, arn, func(p *Policy) error {
		if p.Version(id) == nil {
			return &NotFound{Noun: NounVersion, Name: id, Of: arn}
		}
		p.Default, p.Updated = id, i.now()
		return nil
	})
	return err
}

// DeleteVersion removes a version that is not the default.
func (i *Identity) DeleteVersion(tx *store.Tx, account, arn, id string) error {
	_, err := i.EditPolicy(tx, account, arn, func(p *Policy) error {
		if p.Version(id) == nil {
			return &NotFound{Noun: NounVersion, Name: id, Of: arn}
		}
		if p.Default == id {
			return &Conflict{NounVersion, id, NounPolicy}
		}
		p.Versions = slices.DeleteFunc(p.Versions, func(v Version) bool { return v.ID == id })
		return nil
	})
	return err
}

// DeletePolicy deletes a policy that is attached to nothing and has no version
// but the default.
func (i *Identity) DeletePolicy(tx *store.Tx, account, arn string) error {
	p, _, err := i.PolicyByARN(tx, account, arn)
	if err != nil {
		return err
	}
	used, err := some(i.Attachments(tx, account, arn))
	switch {
	case err != nil:
		return err
	case used:
		return &Conflict{NounPolicy, arn, NounPolicy}
	case len(p.Versions) > 1:
		return &Conflict{NounPolicy, arn, NounVersion}
	}
	if err := count(tx, account, NounPolicy, -1); err != nil {
		return err
	}
	return policies.In(account).Delete(tx, strings.ToLower(p.Name))
}
