package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// Statement is one statement of a resource policy, in the order in which AWS writes
// its members.
type Statement struct {
	Sid       string                       `json:"Sid"`
	Effect    string                       `json:"Effect"`
	Principal any                          `json:"Principal"` // "*" or a map of a type to a name
	Action    string                       `json:"Action"`
	Resource  string                       `json:"Resource"`
	Condition map[string]map[string]string `json:"Condition,omitempty"`
}

// document is the policy of a list of statements.
func document(list []Statement) string {
	b, _ := json.Marshal(struct {
		Version   string      `json:"Version"`
		ID        string      `json:"Id"`
		Statement []Statement `json:"Statement"`
	}{"2012-10-17", "default", list}) // strings and maps of strings always encode
	return string(b)
}

// maxPolicy is AWS's limit for a function's resource policy, in bytes.
const maxPolicy = 20 << 10

// grantee is the Principal element for a principal as AddPermission takes it.
func grantee(name string) any {
	switch {
	case name == "*":
		return "*"
	case identity.IsAccountID(name):
		return map[string]string{"AWS": identity.RootARN(name)}
	case strings.HasPrefix(name, "arn:"):
		return map[string]string{"AWS": name}
	}
	return map[string]string{"Service": name}
}

// statement is what AddPermission adds.
func statement(r ref, in *api.AddPermissionInput) Statement {
	st := Statement{Sid: value(in.StatementId), Effect: "Allow", Principal: grantee(value(in.Principal)), Action: value(in.Action), Resource: r.arn()}
	set := func(operator, key string, v *string) {
		if value(v) == "" {
			return
		}
		if st.Condition == nil {
			st.Condition = map[string]map[string]string{}
		}
		if st.Condition[operator] == nil {
			st.Condition[operator] = map[string]string{}
		}
		st.Condition[operator][key] = *v
	}
	set("StringEquals", "AWS:SourceAccount", in.SourceAccount)
	set("ArnLike", "AWS:SourceArn", in.SourceArn)
	set("StringEquals", "lambda:EventSourceToken", in.EventSourceToken)
	set("StringEquals", "aws:PrincipalOrgID", in.PrincipalOrgID)
	set("StringEquals", "lambda:FunctionUrlAuthType", in.FunctionUrlAuthType)
	if in.InvokedViaFunctionUrl != nil {
		text := "false"
		if *in.InvokedViaFunctionUrl {
			text = "true"
		}
		set("Bool", "lambda:InvokedViaFunctionUrl", &text)
	}
	return st
}

// addPermissionNeeds: policies may say to whom rights may be given.
func (s *Service) addPermissionNeeds(ctx context.Context, c *redoubt.Call, in *api.AddPermissionInput) ([]redoubt.Need, error) {
	m := map[string][]string{"lambda:Principal": {value(in.Principal)}}
	if in.FunctionUrlAuthType != nil {
		m["lambda:FunctionUrlAuthType"] = []string{*in.FunctionUrlAuthType}
	}
	n, err := s.versionNeed(ctx, c, in.FunctionName, in.Qualifier, "lambda:AddPermission", m)
	return []redoubt.Need{n}, err
}

// removePermissionNeeds: and from whom they may be taken.
func (s *Service) removePermissionNeeds(ctx context.Context, c *redoubt.Call, in *api.RemovePermissionInput) ([]redoubt.Need, error) {
	r, err := statedRef(c, value(in.FunctionName), in.Qualifier)
	if err != nil {
		return nil, err
	}
	n, err := s.need(ctx, r, "lambda:RemovePermission")
	if err != nil {
		return nil, err
	}
	tx := store.From(ctx)
	f, err := s.find(tx, r)
	if errors.Is(err, store.ErrNotFound) {
		return []redoubt.Need{n}, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := policies.In(r.account, r.region).Get(tx, store.ID(f.ID, r.qualifier))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if p != nil {
		for _, st := range p.Statements {
			if st.Sid == value(in.StatementId) {
				n.Conditions = map[string][]string{"lambda:Principal": {givenPrincipal(st.Principal)}}
				if t := st.Condition["StringEquals"]["lambda:FunctionUrlAuthType"]; t != "" {
					n.Conditions["lambda:FunctionUrlAuthType"] = []string{t}
				}
			}
		}
	}
	return []redoubt.Need{n}, nil
}

// givenPrincipal undoes grantee. A record that was read holds maps of any.
func givenPrincipal(p any) string {
	switch p := p.(type) {
	case string:
		return p
	case map[string]string:
		for _, v := range p {
			return v
		}
	case map[string]any:
		for _, v := range p {
			s, _ := v.(string)
			return s
		}
	}
	return ""
}

// policyFor answers the policy of what r names of a function: store.ErrNotFound
// where there is none, AWS's refusal where there is no such version or alias.
func (s *Service) policyFor(tx *store.Tx, r ref, f *Function) (*Policy, error) {
	if isAlias(r.qualifier) {
		if _, err := s.alias(tx, r, f, r.qualifier); errors.Is(err, store.ErrNotFound) {
			return nil, noAlias(r)
		} else if err != nil {
			return nil, err
		}
	} else if _, err := s.exists(tx, r); err != nil {
		return nil, err
	}
	return policies.In(r.account, r.region).Get(tx, store.ID(f.ID, r.qualifier))
}

// revision is that of what r names: a policy has no other.
func (s *Service) revision(tx *store.Tx, r ref, f *Function) (string, error) {
	switch {
	case isAlias(r.qualifier):
		a, err := s.alias(tx, r, f, r.qualifier)
		if err != nil {
			return "", err
		}
		return a.Revision, nil
	case isVersion(r.qualifier):
		v, err := s.published(tx, r, f, r.qualifier)
		if err != nil {
			return "", err
		}
		return v.Revision, nil
	}
	return f.Latest.Revision, nil
}

// revise gives what r names a new revision, unless the caller knows an older one.
func (s *Service) revise(tx *store.Tx, r ref, f *Function, known *string) error {
	now, err := s.revision(tx, r, f)
	if err != nil {
		return err
	}
	if known != nil && *known != now {
		return staleRevision()
	}
	switch {
	case s.isInside(r):
		return nil
	case isAlias(r.qualifier):
		_, err = aliases.In(r.account, r.region).Edit(tx, store.ID(f.ID, r.qualifier), func(a *Alias) error { a.Revision = newRevision(); return nil })
	case isVersion(r.qualifier):
		_, err = versions.In(r.account, r.region).Edit(tx, versionID(f.ID, r.qualifier), func(v *Version) error { v.Revision = newRevision(); return nil })
	default:
		_, err = edit(tx, r, func(f *Function) error { f.Latest.Revision = newRevision(); return nil })
	}
	return err
}

// AddPermission adds a statement to the resource policy of a function, a version or
// an alias.
func (s *Service) AddPermission(ctx context.Context, c *redoubt.Call, in *api.AddPermissionInput) (*api.AddPermissionOutput, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), in.Qualifier)
	if err != nil {
		return nil, err
	}
	if r.qualifier == latest {
		return nil, invalid("We currently do not support adding policies for $LATEST.")
	}
	if in.FunctionUrlAuthType != nil && value(in.Action) != "lambda:InvokeFunctionUrl" {
		return nil, invalid("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")
	}
	f, err := s.find(tx, r)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noFunction(r)
	}
	if err != nil {
		return nil, err
	}
	p, err := s.policyFor(tx, r, f)
	if errors.Is(err, store.ErrNotFound) {
		p, err = &Policy{}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := s.revise(tx, r, f, in.RevisionId); err != nil {
		return nil, err
	}
	st := statement(r, in)
	if slices.ContainsFunc(p.Statements, func(x Statement) bool { return x.Sid == st.Sid }) {
		return nil, conflict("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", st.Sid)
	}
	next, err := s.extended(tx, p, st)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(st)
	if err != nil {
		return nil, err
	}
	return &api.AddPermissionOutput{Statement: new(string(text))}, policies.In(r.account, r.region).Put(tx, store.ID(f.ID, r.qualifier), next)
}

// extended is a policy with one statement more, whose principal is bound to who has
// that name now. Principals of the others who are gone are written as the ids that
// they had, so that whoever is made under their name is not meant.
func (s *Service) extended(tx *store.Tx, p *Policy, st Statement) (*Policy, error) {
	d, err := policy.Parse(document([]Statement{st}), policy.ResourceBased)
	if err != nil {
		return nil, badPrincipal()
	}
	b, err := s.Identity.Bind(tx, d)
	var unknown *identity.InvalidPrincipal
	if errors.As(err, &unknown) {
		return nil, badPrincipal()
	}
	if err != nil {
		return nil, err
	}
	list, ids, err := s.current(tx, p)
	if err != nil {
		return nil, err
	}
	list = append(list, st)
	maps.Copy(ids, b.IDs)
	text := document(list)
	if len(text) > maxPolicy {
		return nil, user(api.ErrPolicyLengthExceededException.New("The final policy size (%d) is bigger than the limit (%d).", len(text), maxPolicy))
	}
	return &Policy{Statements: list, Bound: identity.Bound{Text: text, IDs: ids}}, nil
}

// current answers a policy's statements as they read today, with the ids of the
// principals that are still there.
func (s *Service) current(tx *store.Tx, p *Policy) ([]Statement, map[string]string, error) {
	ids := map[string]string{}
	if len(p.Statements) == 0 {
		return nil, ids, nil
	}
	text, err := s.Identity.Current(tx, &p.Bound, policy.ResourceBased)
	if err != nil {
		return nil, nil, err
	}
	if text == p.Bound.Text {
		maps.Copy(ids, p.Bound.IDs)
		return slices.Clone(p.Statements), ids, nil
	}
	var doc struct{ Statement []Statement }
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, nil, err
	}
	d, err := policy.Parse(text, policy.ResourceBased)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range d.Principals() {
		if id, ok := p.Bound.IDs[n.Value]; ok {
			ids[n.Value] = id
		}
	}
	return doc.Statement, ids, nil
}

func badPrincipal() error {
	return invalid("The provided principal was invalid. Please check the principal and try again.")
}

// RemovePermission removes a statement.
func (s *Service) RemovePermission(ctx context.Context, c *redoubt.Call, in *api.RemovePermissionInput) (*api.RemovePermissionOutput, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), in.Qualifier)
	if err != nil {
		return nil, err
	}
	f, err := s.find(tx, r)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("No policy found for: %s", r.arn())
	}
	if err != nil {
		return nil, err
	}
	p, err := s.policyFor(tx, r, f)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("No policy is associated with the given resource.")
	}
	if err != nil {
		return nil, err
	}
	if err := s.revise(tx, r, f, in.RevisionId); err != nil {
		return nil, err
	}
	list, ids, err := s.current(tx, p)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(st Statement) bool { return st.Sid == value(in.StatementId) })
	rows, id := policies.In(r.account, r.region), store.ID(f.ID, r.qualifier)
	switch {
	case len(list) == len(p.Statements):
		return nil, notFound("Statement %s is not found in resource policy.", value(in.StatementId))
	case len(list) == 0:
		return nil, rows.Delete(tx, id)
	}
	next := &Policy{Statements: list, Bound: identity.Bound{Text: document(list), IDs: ids}}
	return nil, rows.Put(tx, id, next)
}

// GetPolicy shows the resource policy of a function, a version or an alias.
func (s *Service) GetPolicy(ctx context.Context, c *redoubt.Call, in *api.GetPolicyInput) (*api.GetPolicyOutput, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), in.Qualifier)
	if err != nil {
		return nil, err
	}
	f, err := s.find(tx, r)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noResource()
	}
	if err != nil {
		return nil, err
	}
	p, err := s.policyFor(tx, r, f)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, api.ErrResourceNotFoundException) {
		return nil, noResource()
	}
	if err != nil {
		return nil, err
	}
	revision, err := s.revision(tx, r, f)
	if err != nil {
		return nil, err
	}
	text, err := s.Identity.Current(tx, &p.Bound, policy.ResourceBased)
	return &api.GetPolicyOutput{Policy: &text, RevisionId: &revision}, err
}
