package iam

import (
	"context"
	"encoding/json"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// oneOrMore is a JSON string or list of strings.
type oneOrMore []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *oneOrMore) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*l = make(oneOrMore, 1)
		return json.Unmarshal(b, &(*l)[0])
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// allowance is the part of a statement that says which actions it is about.
type allowance struct {
	Effect            string
	Action, NotAction oneOrMore
}

// allowances are a policy's statements: a list, or one.
type allowances []allowance

// UnmarshalJSON implements json.Unmarshaler.
func (l *allowances) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		*l = make(allowances, 1)
		return json.Unmarshal(b, &(*l)[0])
	}
	return json.Unmarshal(b, (*[]allowance)(l))
}

// reach says which services a policy's Allow statements name. Resources and
// conditions do not matter: it is about what a policy is for.
type reach []allowance

// reachOf reads a policy's text, which was parsed before it was stored.
func reachOf(text string) reach {
	var p struct{ Statement allowances }
	if json.Unmarshal([]byte(text), &p) != nil {
		return nil
	}
	return reach(p.Statement)
}

// grants reports whether some action of the service is allowed.
func (r reach) grants(namespace string) bool {
	for _, a := range r {
		if a.Effect != "Allow" {
			continue
		}
		for _, p := range a.Action {
			prefix, _, _ := strings.Cut(p, ":")
			if prefix == "*" || strings.EqualFold(prefix, namespace) {
				return true
			}
		}
		if a.NotAction != nil && !excludes(a.NotAction, namespace) {
			return true
		}
	}
	return false
}

// excludes reports whether a NotAction element leaves nothing of a service.
func excludes(list []string, namespace string) bool {
	for _, p := range list {
		if p == "*" || strings.EqualFold(p, namespace+":*") {
			return true
		}
	}
	return false
}

// held is a policy of a user, group or role, and where it hangs.
type heldPolicy struct {
	name, arn string // arn is empty for inline policies
	ref       identity.Ref
	reach     reach
}

// heldBy answers the policies of one holder.
func (s *Service) heldBy(tx *store.Tx, c *redoubt.Call, r identity.Ref, h *identity.Holder) ([]heldPolicy, error) {
	var list []heldPolicy
	for _, p := range h.Inline {
		list = append(list, heldPolicy{p.Name, "", r, reachOf(p.Document.Text)})
	}
	for _, arn := range h.Attached {
		p, _, err := s.ids.PolicyByARN(tx, c.Account, arn)
		if err != nil {
			return nil, err
		}
		list = append(list, heldPolicy{p.Name, arn, r, reachOf(p.Version(p.Default).Document.Text)})
	}
	return list, nil
}

// heldOf answers the policies of a user with those of its groups, or of a group
// or role.
func (s *Service) heldOf(tx *store.Tx, c *redoubt.Call, r identity.Ref) ([]heldPolicy, error) {
	h, err := s.ids.Holder(tx, c.Account, r)
	if err != nil {
		return nil, fail(err)
	}
	list, err := s.heldBy(tx, c, r, h)
	if err != nil || r.Noun != identity.NounUser {
		return list, err
	}
	u, err := s.ids.User(tx, c.Account, r.Name)
	if err != nil {
		return nil, fail(err)
	}
	groups, err := s.ids.GroupsOf(tx, c.Account, u)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		more, err := s.heldBy(tx, c, identity.Ref{Noun: identity.NounGroup, Name: g.Name}, &g.Holder)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// refOf reads the ARN of a user, group or role of the caller's account.
func refOf(c *redoubt.Call, arn string) (identity.Ref, bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::"+c.Account+":")
	if !ok {
		return identity.Ref{}, false
	}
	kind, path, ok := strings.Cut(rest, "/")
	name := path[strings.LastIndexByte(path, '/')+1:]
	nouns := map[string]identity.Noun{"user": identity.NounUser, "group": identity.NounGroup, "role": identity.NounRole}
	noun, known := nouns[kind]
	return identity.Ref{Noun: noun, Name: name}, ok && known && name != ""
}

// principal finds the user, group or role that a member of the request names.
func (s *Service) principal(member string) about {
	return func(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
		arn := str(text(in, member))
		r, ok := refOf(c, arn)
		switch {
		case ok && r.Noun == identity.NounUser:
			return s.userSubject(tx, c.Account, r.Name)
		case ok && r.Noun == identity.NounRole:
			return s.roleSubject(tx, c.Account, r.Name)
		}
		return subject{arn: arn}, nil
	}
}

// ListPoliciesGrantingServiceAccess implements the operation of that name.
func (s *Service) ListPoliciesGrantingServiceAccess(ctx context.Context, c *redoubt.Call, in *iamapi.ListPoliciesGrantingServiceAccessInput) (*iamapi.ListPoliciesGrantingServiceAccessOutput, error) {
	r, ok := refOf(c, *in.Arn)
	if !ok {
		return nil, iamapi.ErrInvalidInputException.New("ARN %s is not valid.", *in.Arn)
	}
	list, err := s.heldOf(store.From(ctx), c, r)
	if err != nil {
		return nil, err
	}
	kinds := map[identity.Noun]string{identity.NounUser: "USER", identity.NounGroup: "GROUP", identity.NounRole: "ROLE"}
	out := &iamapi.ListPoliciesGrantingServiceAccessOutput{
		PoliciesGrantingServiceAccess: []iamapi.ListPoliciesGrantingServiceAccessEntry{}, IsTruncated: new(false),
	}
	for _, ns := range in.ServiceNamespaces {
		e := iamapi.ListPoliciesGrantingServiceAccessEntry{ServiceNamespace: &ns, Policies: []iamapi.PolicyGrantingServiceAccess{}}
		for _, p := range list {
			if !p.reach.grants(ns) {
				continue
			}
			a := iamapi.PolicyGrantingServiceAccess{PolicyName: &p.name}
			if p.arn != "" {
				a.PolicyType, a.PolicyArn = new("MANAGED"), &p.arn
			} else {
				a.PolicyType, a.EntityType, a.EntityName = new("INLINE"), new(kinds[p.ref.Noun]), &p.ref.Name
			}
			e.Policies = append(e.Policies, a)
		}
		out.PoliciesGrantingServiceAccess = append(out.PoliciesGrantingServiceAccess, e)
	}
	return out, nil
}
