package iam

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// simulation is what both simulators have in common once their inputs are read.
type simulation struct {
	caller    redoubt.Principal
	identity  []policy.Source
	boundary  *policy.Source
	scps      [][]policy.Source
	scpExempt bool
	resource  *string // resource-based policy
	owner     *string
	actions   []string
	arns      []string
	context   []iamapi.ContextEntry
}

// inputs parses policies of a request; Name says which it was, counted from 1.
func (s *Service) inputs(list []string, member string, kind policy.Kind) ([]policy.Source, error) {
	var out []policy.Source
	for n, text := range list {
		d, err := s.policies.Parse(text, kind)
		if err != nil {
			e := iamapi.ErrInvalidInputException.New("Invalid policy document in %s.%d: %s", member, n+1, syntax(err))
			e.Cause = err
			return nil, e
		}
		out = append(out, policy.Source{Kind: kind, Name: member + "." + strconv.Itoa(n+1), Document: d})
	}
	return out, nil
}

// one answers the boundary of a request, of which there may be one.
func (s *Service) boundaryInput(list []string) (*policy.Source, error) {
	if len(list) > 1 {
		return nil, iamapi.ErrInvalidInputException.New("Only one permissions boundary policy can be specified.")
	}
	b, err := s.inputs(list, "PermissionsBoundaryPolicyInputList", policy.Boundary)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	return &b[0], nil
}

// SimulateCustomPolicy implements iam:SimulateCustomPolicy.
func (s *Service) SimulateCustomPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.SimulateCustomPolicyInput) (*iamapi.SimulateCustomPolicyOutput, error) {
	tx := store.From(ctx)
	sim := simulation{
		caller:   redoubt.Principal{Kind: redoubt.User, Account: c.Account},
		resource: in.ResourcePolicy, owner: in.ResourceOwner, actions: in.ActionNames, arns: in.ResourceArns, context: in.ContextEntries,
	}
	var err error
	if sim.identity, err = s.inputs(in.PolicyInputList, "PolicyInputList", policy.Identity); err != nil {
		return nil, err
	}
	if sim.boundary, err = s.boundaryInput(in.PermissionsBoundaryPolicyInputList); err != nil {
		return nil, err
	}
	for _, level := range in.OrderedOrganizationPolicyInputList {
		l, err := s.inputs(level.ServiceControlPolicyInputList, "ServiceControlPolicyInputList", policy.SCP)
		if err != nil {
			return nil, err
		}
		sim.scps = append(sim.scps, l)
	}
	switch {
	case in.CallerArn != nil:
		if sim.caller, err = s.simulatedCaller(tx, c, *in.CallerArn); err != nil {
			return nil, err
		}
	case in.ResourcePolicy != nil:
		return nil, iamapi.ErrInvalidInputException.New("CallerArn is required when a resource policy is specified.")
	}
	return s.simulate(sim, in.Marker, in.MaxItems)
}

// SimulatePrincipalPolicy implements iam:SimulatePrincipalPolicy.
func (s *Service) SimulatePrincipalPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.SimulatePrincipalPolicyInput) (*iamapi.SimulatePrincipalPolicyOutput, error) {
	tx := store.From(ctx)
	r, ok := refOf(c, *in.PolicySourceArn)
	if !ok {
		return nil, iamapi.ErrInvalidInputException.New("Invalid Entity Arn: %s does not clearly define entity type and name.", *in.PolicySourceArn)
	}
	sim := simulation{resource: in.ResourcePolicy, owner: in.ResourceOwner, actions: in.ActionNames, arns: in.ResourceArns, context: in.ContextEntries}
	x, err := exclusionsOf(in.PolicyExclusionList)
	if err != nil {
		return nil, err
	}
	if err := s.simulatedPolicies(tx, c, r, x, &sim); err != nil {
		return nil, err
	}
	more, err := s.inputs(in.PolicyInputList, "PolicyInputList", policy.Identity)
	if err != nil {
		return nil, err
	}
	sim.identity = append(sim.identity, more...)
	if b, err := s.boundaryInput(in.PermissionsBoundaryPolicyInputList); err != nil {
		return nil, err
	} else if b != nil {
		sim.boundary = b
	}
	caller := *in.PolicySourceArn
	if in.CallerArn != nil {
		caller = *in.CallerArn
	} else if in.ResourcePolicy != nil && r.Noun == identity.NounGroup {
		return nil, iamapi.ErrInvalidInputException.New("CallerArn is required when a resource policy is specified.")
	}
	if in.ResourcePolicy != nil && r.Noun == identity.NounRole {
		return nil, iamapi.ErrInvalidInputException.New("Simulation of resource-based policies isn't supported for IAM roles.")
	}
	if sim.caller, err = s.simulatedCaller(tx, c, caller); err != nil {
		return nil, err
	}
	return s.simulate(sim, in.Marker, in.MaxItems)
}

// simulatedPolicies reads what binds a user, group or role, and its account.
func (s *Service) simulatedPolicies(tx *store.Tx, c *redoubt.Call, r identity.Ref, x exclusions, sim *simulation) error {
	add := func(r identity.Ref, h *identity.Holder) error {
		src, err := s.ids.Sources(tx, c.Account, r, h)
		if err != nil {
			return err
		}
		for _, p := range src {
			if !x.excluded(r, p) {
				sim.identity = append(sim.identity, p)
			}
		}
		return nil
	}
	h, err := s.ids.Holder(tx, c.Account, r)
	if err != nil {
		return fail(err)
	}
	if err := add(r, h); err != nil {
		return err
	}
	var p redoubt.Principal
	switch r.Noun {
	case identity.NounUser:
		u, err := s.ids.User(tx, c.Account, r.Name)
		if err != nil {
			return fail(err)
		}
		p = u.Principal(c.Account)
		groups, err := s.ids.GroupsOf(tx, c.Account, u)
		if err != nil {
			return err
		}
		for _, g := range groups {
			if err := add(identity.Ref{Noun: identity.NounGroup, Name: g.Name}, &g.Holder); err != nil {
				return err
			}
		}
	case identity.NounRole:
		role, err := s.ids.Role(tx, c.Account, r.Name)
		if err != nil {
			return fail(err)
		}
		p = role.Session(c.Account, &redoubt.Session{})
	default:
		return nil
	}
	set, err := s.ids.Policies(tx, &p)
	if err != nil {
		return err
	}
	if !x.types["permission-boundary"] {
		sim.boundary = set.Boundary
	}
	m, err := s.ids.Member(tx, c.Account)
	if err != nil || m == nil || x.types["scp"] {
		return err
	}
	sim.scps, sim.scpExempt = m.SCPs, m.Management || set.ServiceLinked
	return nil
}

// simulatedCaller makes the principal that a CallerArn names.
func (s *Service) simulatedCaller(tx *store.Tx, c *redoubt.Call, arn string) (redoubt.Principal, error) {
	a, err := redoubt.ParseARN(arn)
	kind, path, _ := strings.Cut(a.Resource, "/")
	name := path[strings.LastIndexByte(path, '/')+1:]
	if err != nil || a.Service != "iam" || !identity.IsAccountID(a.Account) || name == "" || kind != "user" && kind != "role" && kind != "group" {
		return redoubt.Principal{}, iamapi.ErrInvalidInputException.New("Invalid Entity Arn: %s does not clearly define entity type and name.", arn)
	}
	p := redoubt.Principal{Kind: redoubt.User, Account: a.Account, ARN: arn, Name: name}
	switch kind {
	case "user":
		if u, err := s.ids.User(tx, a.Account, name); err == nil && a.Account == c.Account {
			p = u.Principal(a.Account)
		}
	case "role":
		p.Kind, p.Issuer = redoubt.Role, arn
		if r, err := s.ids.Role(tx, a.Account, name); err == nil && a.Account == c.Account {
			p.ID, p.IssuerID, p.Tags = r.ID, r.ID, r.Tags
		}
	}
	return p, nil
}

// simulate decides every action on every resource: one result per action.
func (s *Service) simulate(sim simulation, marker *string, maxItems *int32) (*iamapi.SimulatePolicyResponse, error) {
	from, err := after(marker)
	if err != nil {
		return nil, err
	}
	start := 0
	if from != "" {
		if start, err = strconv.Atoi(from); err != nil || start < 0 || start > len(sim.actions) {
			return nil, validation("Invalid Marker.")
		}
	}
	var res *policy.Source
	if sim.resource != nil {
		d, err := s.policies.Parse(*sim.resource, policy.ResourceBased)
		if err != nil {
			e := iamapi.ErrInvalidInputException.New("Invalid resource policy: %s", syntax(err))
			e.Cause = err
			return nil, e
		}
		res = &policy.Source{Kind: policy.ResourceBased, Name: "ResourcePolicy", Document: d}
	}
	keys := map[string][]string{}
	for _, e := range sim.context {
		keys[str(e.ContextKeyName)] = e.ContextKeyValues
	}
	p, err := paginate(all(sim.actions[start:]), maxItems, nil, func(string) string { return "" })
	if err != nil {
		return nil, err
	}
	out := &iamapi.SimulatePolicyResponse{EvaluationResults: []iamapi.EvaluationResult{}, IsTruncated: p.truncated}
	if *p.truncated {
		out.Marker = markerOf(strconv.Itoa(start + len(p.items)))
	}
	var total simulationCost
	for n, a := range p.items {
		if prefix, name, ok := strings.Cut(a, ":"); !ok || prefix == "" || name == "" {
			return nil, iamapi.ErrInvalidInputException.New("Invalid action name: %s", a)
		}
		r, cost, err := s.simulateAction(sim, a, res, keys)
		if err != nil {
			return nil, err
		}
		out.EvaluationResults = append(out.EvaluationResults, r)
		if total += cost; total > pageCost && n+1 < len(p.items) {
			out.IsTruncated, out.Marker = new(true), markerOf(strconv.Itoa(start+n+1))
			break
		}
	}
	return out, nil
}

func (s *Service) simulateAction(sim simulation, action string, res *policy.Source, keys map[string][]string) (iamapi.EvaluationResult, simulationCost, error) {
	var cost simulationCost
	arns := sim.arns
	if len(arns) == 0 {
		arns = []string{"*"}
	}
	whole := len(arns) == 1 && arns[0] == "*"
	r := iamapi.EvaluationResult{
		EvalActionName: &action, EvalResourceName: new("*"), EvalDecision: new("allowed"),
		MatchedStatements: []iamapi.Statement{}, MissingContextValues: []string{},
	}
	if !whole {
		r.EvalResourceName = new(s.template(action, arns))
		r.EvalDecisionDetails = map[string]string{}
	}
	for _, arn := range arns {
		owner := sim.caller.Account
		if a, err := redoubt.ParseARN(arn); err == nil && a.Account != "" {
			owner = a.Account
		} else if sim.owner != nil {
			owner = strings.TrimSuffix(strings.TrimPrefix(*sim.owner, "arn:aws:iam::"), ":root")
		}
		q := &policy.Request{
			Call: &redoubt.Call{Service: strings.ToLower(action[:strings.IndexByte(action, ':')]), Partition: "aws", Account: sim.caller.Account, Principal: sim.caller},
			Need: &redoubt.Need{Action: action, Resource: arn, Account: owner}, Identity: sim.identity, Boundary: sim.boundary,
			SCPs: sim.scps, SCPExempt: sim.scpExempt, Resource: res, Simulated: keys,
		}
		d := policy.Simulate(q)
		if err := cost.add(q, d, len(r.MatchedStatements)+len(r.MissingContextValues)); err != nil {
			return r, cost, err
		}
		s.addVerdict(&r, d, arn, whole, owner != sim.caller.Account)
	}
	return r, cost, nil
}

// severity orders verdicts: a result over several resources shows the worst.
var severity = []string{"allowed", "implicitDeny", "explicitDeny"}

func (s *Service) addVerdict(r *iamapi.EvaluationResult, d policy.Simulation, arn string, whole, foreign bool) {
	matched := statements(d.Matched)
	missing := append([]string{}, d.Missing...)
	worst := func(have, v string) string {
		return severity[max(slices.Index(severity, have), slices.Index(severity, v))]
	}
	r.EvalDecision = new(worst(*r.EvalDecision, d.Verdict))
	for _, m := range matched {
		if !slices.ContainsFunc(r.MatchedStatements, func(x iamapi.Statement) bool {
			return *x.SourcePolicyId == *m.SourcePolicyId && *x.StartPosition.Line == *m.StartPosition.Line && *x.StartPosition.Column == *m.StartPosition.Column
		}) {
			r.MatchedStatements = append(r.MatchedStatements, m)
		}
	}
	for _, k := range missing {
		if !slices.Contains(r.MissingContextValues, k) {
			r.MissingContextValues = append(r.MissingContextValues, k)
		}
	}
	if d.ByOrganization != nil {
		r.OrganizationsDecisionDetail = &iamapi.OrganizationsDecisionDetail{AllowedByOrganizations: d.ByOrganization}
	}
	var bounded *iamapi.PermissionsBoundaryDecisionDetail
	if d.ByBoundary != nil {
		bounded = &iamapi.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: d.ByBoundary}
		r.PermissionsBoundaryDecisionDetail = bounded
	}
	details := map[string]string{}
	if foreign {
		for name, v := range map[string]string{"IAM Policy": d.Identity, "Resource Policy": d.Resource, "Permissions Boundary Policy": d.Boundary} {
			if v != "" {
				details[name] = v
			}
		}
	}
	if whole {
		return
	}
	for name, v := range details {
		r.EvalDecisionDetails[name] = worst(r.EvalDecisionDetails[name], v)
	}
	r.ResourceSpecificResults = append(r.ResourceSpecificResults, iamapi.ResourceSpecificResult{
		EvalResourceName: &arn, EvalResourceDecision: &d.Verdict, MatchedStatements: matched, MissingContextValues: missing,
		EvalDecisionDetails: maps.Clone(details), PermissionsBoundaryDecisionDetail: bounded,
	})
}

// statements writes matched statements as IAM does.
func statements(list []policy.Matched) []iamapi.Statement {
	return mapped(list, func(m policy.Matched) iamapi.Statement {
		kind, id := "IAM Policy", m.Source.Name
		switch {
		case m.Source.Kind == policy.ResourceBased:
			kind = "Resource Policy"
		case isPolicyARN(id):
			_, id = pathAndName(id)
		case m.Source.Attached != "":
			a, _ := redoubt.ParseARN(m.Source.Attached)
			holder, path, _ := strings.Cut(a.Resource, "/")
			id = holder + "_" + path[strings.LastIndexByte(path, '/')+1:] + "_" + id
		}
		return iamapi.Statement{
			SourcePolicyId: &id, SourcePolicyType: &kind, StartPosition: position(m.Start), EndPosition: position(m.End),
		}
	})
}

func position(p policy.Position) *iamapi.Position {
	return &iamapi.Position{Line: new(int32(p.Line)), Column: new(int32(p.Column))}
}

// GetContextKeysForCustomPolicy implements the operation of that name.
func (s *Service) GetContextKeysForCustomPolicy(_ context.Context, _ *redoubt.Call, in *iamapi.GetContextKeysForCustomPolicyInput) (*iamapi.GetContextKeysForCustomPolicyOutput, error) {
	list, err := s.inputs(in.PolicyInputList, "PolicyInputList", policy.Identity)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetContextKeysForCustomPolicyOutput{ContextKeyNames: contextKeys(list)}, nil
}

// GetContextKeysForPrincipalPolicy implements the operation of that name.
func (s *Service) GetContextKeysForPrincipalPolicy(ctx context.Context, c *redoubt.Call, in *iamapi.GetContextKeysForPrincipalPolicyInput) (*iamapi.GetContextKeysForPrincipalPolicyOutput, error) {
	r, ok := refOf(c, *in.PolicySourceArn)
	if !ok {
		return nil, iamapi.ErrInvalidInputException.New("Invalid Entity Arn: %s does not clearly define entity type and name.", *in.PolicySourceArn)
	}
	var sim simulation
	if err := s.simulatedPolicies(store.From(ctx), c, r, exclusions{}, &sim); err != nil {
		return nil, err
	}
	list, err := s.inputs(in.PolicyInputList, "PolicyInputList", policy.Identity)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetContextKeysForPrincipalPolicyOutput{ContextKeyNames: contextKeys(append(sim.identity, list...))}, nil
}

// contextKeys answers the keys that policies ask for, each once, in order.
func contextKeys(list []policy.Source) []string {
	seen, out := map[string]bool{}, []string{}
	for _, p := range list {
		for _, k := range p.Document.ContextKeys() {
			if low := strings.ToLower(k); !seen[low] {
				seen[low] = true
				out = append(out, k)
			}
		}
	}
	slices.Sort(out)
	return out
}
