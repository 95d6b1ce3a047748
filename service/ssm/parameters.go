package ssm

import (
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Parameter is a parameter with its newest version.
type Parameter struct {
	Name    string // as it was made: with or without the slash of the root
	Current Version
	Oldest  int64            // the lowest version that is kept
	Labels  map[string]int64 `json:",omitempty"` // label to version
	Tags    []Tag            `json:",omitempty"`
	// Shared: there is a record of resource policies.
	Shared bool `json:",omitempty"`
}

// Version is one version of a parameter.
type Version struct {
	Number   int64
	Type     string
	DataType string
	Tier     string
	// Value is the KMS ciphertext of a SecureString (of the advanced tier: an
	// envelope), and the keyring's seal around any other value.
	Value       []byte
	KeyID       string `json:",omitempty"` // as the request named it
	Description string `json:",omitempty"`
	Pattern     string `json:",omitempty"`
	Modified    time.Time
	User        string   // ARN
	Policies    []Policy `json:",omitempty"`
}

// Tag is a tag.
type Tag struct{ Key, Value string }

var parameters = store.RegionalTable[Parameter]("ssm.parameter")

// load answers the parameter, or nil when there is none.
func load(tx *store.Tx, account, region string, at place) (*Parameter, error) {
	p, err := parameters.In(account, region).Get(tx, at.id())
	if isNotFound(err) {
		return nil, nil
	}
	return p, err
}

// find answers the parameter that a request names, or why there is none.
func find(tx *store.Tx, c *redoubt.Call, n *named) (*Parameter, error) {
	if n.misplace != nil {
		return nil, n.misplace
	}
	p, err := load(tx, n.account, c.Region, n.place)
	if err == nil && p == nil {
		err = notFound()
	}
	return p, err
}

// remove forgets a parameter with all its versions.
func (s *Service) remove(tx *store.Tx, account, region string, at place, p *Parameter) error {
	id := at.id()
	if err := parameters.In(account, region).Delete(tx, id); err != nil {
		return err
	}
	if p.Oldest < p.Current.Number {
		for b := block(p.Oldest); b <= block(p.Current.Number-1); b++ {
			if err := blocks.In(account, region).Delete(tx, blockID(id, b)); err != nil {
				return err
			}
		}
	}
	if p.Shared {
		if err := shares.In(account, region).Delete(tx, id); err != nil {
			return err
		}
	}
	if len(p.Current.Policies) > 0 {
		if err := s.schedule.Cancel(tx, policyJob, jobID(account, region, at)); err != nil {
			return err
		}
	}
	return s.count(tx, account, region, p.Current.Tier, "")
}

func (p *Parameter) tags() map[string]string {
	if len(p.Tags) == 0 {
		return nil
	}
	m := make(map[string]string, len(p.Tags))
	for _, t := range p.Tags {
		m[t.Key] = t.Value
	}
	return m
}

// metadata words a parameter as DescribeParameters answers it.
func metadata(c *redoubt.Call, at place, p *Parameter) ssmapi.ParameterMetadata {
	v := &p.Current
	return ssmapi.ParameterMetadata{
		Name: &p.Name, ARN: new(at.arn(c.Partition, c.Region, c.Account)), Type: &v.Type, KeyId: present(v.KeyID),
		LastModifiedDate: &v.Modified, LastModifiedUser: &v.User, Description: present(v.Description), AllowedPattern: present(v.Pattern),
		Version: &v.Number, Tier: &v.Tier, Policies: inline(v.Policies), DataType: &v.DataType,
	}
}
