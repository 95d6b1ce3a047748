package ssm

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// Share is what shares a parameter with other accounts.
type Share struct {
	Policies []SharePolicy
	// Policy is all of them in one document: what a decision asks.
	Policy string
}

// SharePolicy is one resource policy. Principals stand in it by their unique ids:
// whoever is made later under the same name inherits nothing.
type SharePolicy struct{ ID, Hash, Text string }

var shares = store.RegionalTable[Share]("ssm.share")

// Source: ResourcePolicyLimitExceededException. AWS names no limit to the number of
// policies of a parameter; this bounds the record.
const (
	maxSharePolicy   = 1024
	maxSharePolicies = 50
)

// PutResourcePolicy adds a resource policy to a parameter of the advanced tier, or
// replaces the one that PolicyId and PolicyHash name.
func (s *Service) PutResourcePolicy(ctx context.Context, c *redoubt.Call, in *ssmapi.PutResourcePolicyInput) (*ssmapi.PutResourcePolicyOutput, error) {
	tx := store.From(ctx)
	n, p, err := shared(tx, c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Current.Tier != advanced:
		return nil, badMember("ResourceArn", "To share a parameter, it must be in the advanced parameter tier.")
	case (in.PolicyId == nil) != (in.PolicyHash == nil):
		return nil, badMember("PolicyHash", "To update a policy, you must specify PolicyId and PolicyHash.")
	case len(value(in.Policy)) > maxSharePolicy:
		return nil, tooMany("policy-size", maxSharePolicy, "A policy can't be greater than 1024 bytes in size.")
	}
	sh, err := share(tx, c.Account, c.Region, n.place, p)
	if err != nil {
		return nil, err
	}
	stored, err := s.bindPrincipals(tx, value(in.Policy))
	if err != nil {
		return nil, err
	}
	next := &Share{Policies: slices.Clone(sh.Policies)}
	i := len(next.Policies)
	if in.PolicyId == nil {
		if i >= maxSharePolicies {
			return nil, tooMany("policies", maxSharePolicies, "The parameter has too many resource policies.")
		}
		next.Policies = append(next.Policies, SharePolicy{ID: newPolicyID()})
	} else if i, err = sh.find(*in.PolicyId, *in.PolicyHash); err != nil {
		return nil, err
	}
	pol := &next.Policies[i]
	pol.Text, pol.Hash = stored, hashOf(pol.ID, stored)
	if err := next.put(tx, c, &n, p); err != nil {
		return nil, err
	}
	return &ssmapi.PutResourcePolicyOutput{PolicyId: &pol.ID, PolicyHash: &pol.Hash}, nil
}

// GetResourcePolicies lists the resource policies of a parameter.
func (s *Service) GetResourcePolicies(ctx context.Context, c *redoubt.Call, in *ssmapi.GetResourcePoliciesInput) (*ssmapi.GetResourcePoliciesOutput, error) {
	tx := store.From(ctx)
	n, p, err := shared(tx, c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	pg, err := s.page(c, in.MaxResults, in.NextToken, policyPage, string(n.place))
	if err != nil {
		return nil, err
	}
	sh, err := share(tx, c.Account, c.Region, n.place, p)
	if err != nil {
		return nil, err
	}
	list := sh.Policies
	if pg.after != "" {
		list = list[slices.IndexFunc(list, func(x SharePolicy) bool { return x.ID == pg.after })+1:]
	}
	out := &ssmapi.GetResourcePoliciesOutput{Policies: []ssmapi.GetResourcePoliciesResponseEntry{}}
	for i := range list {
		if len(out.Policies) == pg.limit {
			out.NextToken, err = pg.token(list[i-1].ID)
			return out, err
		}
		text, err := s.shownPolicy(tx, list[i].Text)
		if err != nil {
			return nil, err
		}
		out.Policies = append(out.Policies, ssmapi.GetResourcePoliciesResponseEntry{PolicyId: &list[i].ID, PolicyHash: &list[i].Hash, Policy: &text})
	}
	return out, nil
}

// DeleteResourcePolicy takes a resource policy away.
func (s *Service) DeleteResourcePolicy(ctx context.Context, c *redoubt.Call, in *ssmapi.DeleteResourcePolicyInput) (*ssmapi.DeleteResourcePolicyOutput, error) {
	tx := store.From(ctx)
	n, p, err := shared(tx, c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	sh, err := share(tx, c.Account, c.Region, n.place, p)
	if err != nil {
		return nil, err
	}
	i, err := sh.find(value(in.PolicyId), value(in.PolicyHash))
	if err != nil {
		return nil, err
	}
	next := &Share{Policies: slices.Delete(slices.Clone(sh.Policies), i, i+1)}
	return nil, next.put(tx, c, &n, p)
}

// shared finds the parameter of the caller's account that an ARN names.
func shared(tx *store.Tx, c *redoubt.Call, arn *string) (named, *Parameter, error) {
	n, err := readWhole(c, value(arn))
	if err != nil || !n.byARN {
		return n, nil, badMember("ResourceArn", "The resource ARN is not that of a parameter.")
	}
	p, err := find(tx, c, &n)
	if isMissing(err) || err == nil && n.account != c.Account {
		err = ssmapi.ErrResourceNotFoundException.New("The specified parameter to be shared could not be found.")
	}
	return n, p, err
}

// share answers what shares a parameter; without any, an empty Share.
func share(tx *store.Tx, account, region string, at place, p *Parameter) (*Share, error) {
	if !p.Shared {
		return &Share{}, nil
	}
	sh, err := shares.In(account, region).Get(tx, at.id())
	if isNotFound(err) {
		return &Share{}, nil // a restore withheld it
	}
	return sh, err
}

func (sh *Share) find(id, hash string) (int, error) {
	i := slices.IndexFunc(sh.Policies, func(p SharePolicy) bool { return p.ID == id })
	switch {
	case i < 0:
		return 0, ssmapi.ErrResourcePolicyNotFoundException.New("No policies with the specified policy ID and hash could be found.")
	case sh.Policies[i].Hash != hash:
		return 0, ssmapi.ErrResourcePolicyConflictException.New("The hash provided in the call doesn't match the stored hash.")
	}
	return i, nil
}

// put writes sh, and notes in the parameter's record whether there is any.
func (sh *Share) put(tx *store.Tx, c *redoubt.Call, n *named, p *Parameter) error {
	var err error
	if sh.Policy, err = joined(sh.Policies); err != nil {
		return err
	}
	rows, id := shares.In(c.Account, c.Region), n.place.id()
	if len(sh.Policies) == 0 {
		err = rows.Delete(tx, id)
	} else {
		err = rows.Put(tx, id, sh)
	}
	if is := len(sh.Policies) > 0; err == nil && is != p.Shared {
		next := new(*p)
		next.Shared = is
		err = parameters.In(c.Account, c.Region).Put(tx, id, next)
	}
	return err
}

// joined makes one document of several: the statements of all.
func joined(list []SharePolicy) (string, error) {
	if len(list) == 1 {
		return list[0].Text, nil
	}
	var all []json.RawMessage
	for _, p := range list {
		var doc struct{ Statement json.RawMessage }
		if err := json.Unmarshal([]byte(p.Text), &doc); err != nil {
			return "", err
		}
		var several []json.RawMessage
		if json.Unmarshal(doc.Statement, &several) != nil {
			several = []json.RawMessage{doc.Statement}
		}
		for _, st := range several {
			all = append(all, withoutSid(st))
		}
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": all})
	return string(text), err
}

// withoutSid drops a statement's id, which must be unique in a document.
func withoutSid(st json.RawMessage) json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(st, &m) != nil {
		return st
	}
	delete(m, "Sid")
	b, err := json.Marshal(m)
	if err != nil {
		return st
	}
	return b
}

// bindPrincipals checks a policy and answers it with the unique ids of the
// principals that have one.
func (s *Service) bindPrincipals(tx *store.Tx, text string) (string, error) {
	doc, err := policy.Parse(text, policy.ResourceBased)
	if err != nil {
		var syntax *policy.SyntaxError
		if !errors.As(err, &syntax) {
			return "", err
		}
		return "", malformed(syntax.Message)
	}
	if doc.Version() != "2012-10-17" {
		return "", malformed("The policy must have the version 2012-10-17.")
	}
	var failed error
	text = doc.Rename(func(n policy.Named) string {
		if n.Value == "*" {
			failed = malformed("A parameter can't be shared with everyone.")
		}
		if s.principals == nil || failed != nil || n.Type != "AWS" || len(n.Value) == 12 && isDigits(n.Value) {
			return n.Value
		}
		id, ok, err := s.principals.PrincipalID(tx, n.Value)
		switch {
		case err != nil:
			failed = err
		case !ok && isUniqueID(n.Value):
			_, ok, failed = s.principals.PrincipalARN(tx, n.Value)
		}
		if failed == nil && !ok {
			failed = malformed("The policy contains a statement with one or more invalid principals.")
		}
		if id == "" {
			return n.Value
		}
		return id
	})
	return text, failed
}

// shownPolicy answers a stored policy with the ARNs of principals that exist.
func (s *Service) shownPolicy(tx *store.Tx, stored string) (string, error) {
	doc, err := policy.Parse(stored, policy.ResourceBased)
	if err != nil {
		return "", err
	}
	var failed error
	text := doc.Rename(func(n policy.Named) string {
		if n.Type != "AWS" || !isUniqueID(n.Value) || s.principals == nil {
			return n.Value
		}
		arn, ok, err := s.principals.PrincipalARN(tx, n.Value)
		if err != nil || !ok {
			failed = err
			return n.Value
		}
		return arn
	})
	return text, failed
}

func isUniqueID(s string) bool {
	return strings.HasPrefix(s, "AIDA") || strings.HasPrefix(s, "AROA")
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func malformed(text string) error {
	return ssmapi.ErrMalformedResourcePolicyDocumentException.New("%s", text)
}

func badMember(name, text string) error {
	e := ssmapi.ErrResourcePolicyInvalidParameterException.New("%s", text)
	e.Fields = map[string]any{"ParameterNames": []string{name}}
	return e
}

func tooMany(kind string, limit int32, text string) error {
	e := ssmapi.ErrResourcePolicyLimitExceededException.New("%s", text)
	e.Fields = map[string]any{"Limit": limit, "LimitType": kind}
	return e
}

func newPolicyID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func hashOf(id, text string) string {
	h := sha256.Sum256([]byte(id + "\x00" + text))
	return hex.EncodeToString(h[:])
}
