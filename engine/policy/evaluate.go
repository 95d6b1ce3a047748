package policy

import (
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
)

// evaluation is a Request being decided.
type evaluation struct {
	r             *Request
	service, name string // the two halves of the action
}

func newEvaluation(r *Request) evaluation {
	service, name, _ := strings.Cut(r.Need.Action, ":")
	r.spent = 0
	return evaluation{r, service, name}
}

// found is a statement that matched; source is nil when none did.
type found struct {
	source    *Source
	statement int
}

// matches tells whether all elements of a statement match. The cheapest and most
// selective come first.
func (e *evaluation) matches(s *statement) bool {
	return e.r.spend(1) && e.action(s) && e.resource(s) && s.reach(e.r) != nobody && e.conditions(s)
}

func (e *evaluation) action(s *statement) bool {
	return s.actions.match(e.service, e.name) != s.notAction
}

// resource matches the whole ARN, so that a * runs over colons and slashes.
//
// A variable without a value matches no resource. Under NotResource that would
// make a statement apply to everything; it does so for a Deny only.
func (e *evaluation) resource(s *statement) bool {
	if s.resources == nil {
		return true
	}
	unknown := false
	for _, m := range s.resources {
		matched, known := m.match(e.r, e.r.Need.Resource)
		if matched {
			return !s.notResource
		}
		unknown = unknown || !known
	}
	return s.notResource && (s.deny || !unknown)
}

func (e *evaluation) conditions(s *statement) bool {
	for i := range s.conditions {
		if !s.conditions[i].holds(e.r, s.deny) {
			return false
		}
	}
	return true
}

// scan looks through the policies of one type for the first Deny that matches;
// without one, for the first Allow.
func (e *evaluation) scan(sources []Source) (deny, allow found) {
	for i := range sources {
		d, a := e.scanOne(&sources[i], allow)
		if d.source != nil {
			return d, found{}
		}
		allow = a
	}
	return found{}, allow
}

// scanOne goes on with scan in one policy; allow is what was found before.
func (e *evaluation) scanOne(src *Source, allow found) (found, found) {
	if src == nil {
		return found{}, allow
	}
	for j := range src.Document.statements {
		s := &src.Document.statements[j]
		if !s.deny && allow.source != nil || !e.matches(s) {
			continue
		}
		if s.deny {
			return found{src, j}, found{}
		}
		allow = found{src, j}
	}
	return found{}, allow
}

// levels scans an organization's levels: every one of them must allow.
func (e *evaluation) levels(levels [][]Source) (deny found, allowed bool) {
	allowed = true
	for _, level := range levels {
		d, a := e.scan(level)
		if d.source != nil {
			return d, false
		}
		allowed = allowed && a.source != nil
	}
	return found{}, allowed
}

// grantedBy is what a resource policy's Allow statements come to for the caller.
type grantedBy struct {
	direct, byRole, byAccount found
}

func (g *grantedBy) any() found {
	switch {
	case g.direct.source != nil:
		return g.direct
	case g.byRole.source != nil:
		return g.byRole
	}
	return g.byAccount
}

// resourcePolicy is scan for the resource's policy, which keeps apart how its
// statements mean the caller.
func (e *evaluation) resourcePolicy() (deny found, g grantedBy) {
	src := e.r.Resource
	if src == nil {
		return found{}, g
	}
	for j := range src.Document.statements {
		s := &src.Document.statements[j]
		if !s.deny && g.direct.source != nil || !e.matches(s) {
			continue
		}
		hit := found{src, j}
		if s.deny {
			return hit, grantedBy{}
		}
		to := &g.direct
		switch s.reach(e.r) {
		case byRole:
			to = &g.byRole
		case byAccount:
			to = &g.byAccount
		}
		if to.source == nil {
			*to = hit
		}
	}
	return found{}, g
}

// Evaluate decides a request: README.md, "Life of a decision", tells it step by
// step.
func Evaluate(r *Request) Decision {
	e := newEvaluation(r)
	return e.decide()
}

func (e *evaluation) decide() Decision {
	d := e.weigh()
	if e.r.Exhausted() {
		// A Deny that was not looked at to the end might have matched.
		return refuse(Undecided)
	}
	return d
}

func (e *evaluation) weigh() Decision {
	r := e.r
	p := &r.Call.Principal

	// 1. An explicit Deny anywhere ends it. Identity before resource: that is the
	// one which AWS names when both deny.
	var rcpAllows, scpAllows = true, true
	if r.RCPs != nil && !r.RCPExempt {
		var deny found
		if deny, rcpAllows = e.levels(r.RCPs); deny.source != nil {
			return explicit(ExplicitDenyRCP, deny)
		}
	}
	if r.SCPs != nil && !r.SCPExempt && !outside(p) {
		var deny found
		if deny, scpAllows = e.levels(r.SCPs); deny.source != nil {
			return explicit(ExplicitDenySCP, deny)
		}
	}
	deny, identity := e.scan(r.Identity)
	if deny.source != nil {
		return explicit(ExplicitDenyIdentity, deny)
	}
	deny, boundary := e.scanOne(r.Boundary, found{})
	if deny.source != nil {
		return explicit(ExplicitDenyBoundary, deny)
	}
	deny, session := e.scan(r.Session)
	if deny.source != nil {
		return explicit(ExplicitDenySession, deny)
	}
	deny, resource := e.resourcePolicy()
	if deny.source != nil {
		return explicit(ExplicitDenyResource, deny)
	}

	// 2. The organizations' guardrails.
	switch {
	case !rcpAllows:
		return refuse(NoRCPAllow)
	case !scpAllows:
		return refuse(NoSCPAllow)
	}

	// 3. Who has no account is allowed by the resource's side or not at all.
	if outside(p) {
		return e.byResourceAlone(resource)
	}

	// 4. Within the account, naming the caller itself (or everyone) suffices.
	same := p.Account == r.owner()
	named := p.Kind == redoubt.User || p.Kind == redoubt.Root
	switch {
	case same && resource.direct.source != nil:
		return allow(AllowedByResource, resource.direct)
	case same && named && r.Need.Grant != "":
		// A grant names its grantee. That of a session is taken to be the role,
		// which leaves the session's limits in force.
		return allow(AllowedByGrant, found{})
	}

	// 5. Otherwise something must allow, and then boundary and session too.
	d := e.granted(identity, resource, same)
	switch {
	case !d.Allowed:
		return d
	case r.Boundary != nil && boundary.source == nil:
		return refuse(NoBoundaryAllow)
	case e.sessionLimits() && session.source == nil:
		return refuse(NoSessionAllow)
	}
	return d
}

func (e *evaluation) byResourceAlone(resource grantedBy) Decision {
	if hit := resource.any(); hit.source != nil {
		return allow(AllowedByResource, hit)
	}
	if e.r.Need.Grant != "" {
		return allow(AllowedByGrant, found{})
	}
	return refuse(NoResourceAllow)
}

// granted answers what allows the request before boundary and session are asked,
// or what is missing.
func (e *evaluation) granted(identity found, resource grantedBy, same bool) Decision {
	need := e.r.Need
	root := e.isRoot()
	byIdentity := root || identity.source != nil
	// delegated: the resource lets the caller's account decide.
	delegated := resource.any().source != nil
	if same {
		delegated = !need.Strict || resource.byAccount.source != nil
	}
	switch {
	case root && same && need.Strict && resource.byAccount.source != nil:
		// Naming the account names its root user.
		return allow(AllowedByResource, resource.byAccount)
	case byIdentity && delegated && identity.source == nil && !same:
		return allow(AllowedByResource, resource.any())
	case byIdentity && delegated && identity.source == nil:
		return allow(AllowedAsRoot, found{})
	case byIdentity && delegated:
		return allow(AllowedByIdentity, identity)
	case same && resource.byRole.source != nil:
		return allow(AllowedByResource, resource.byRole)
	case need.Grant != "":
		return allow(AllowedByGrant, found{})
	case !delegated:
		return refuse(NoResourceAllow)
	}
	return refuse(NoIdentityAllow)
}

// isRoot tells whether the caller is its account's root user, or a session that
// the root user federated: neither has identity-based policies, or needs any.
func (e *evaluation) isRoot() bool {
	p := &e.r.Call.Principal
	return p.Kind == redoubt.Root ||
		p.Kind == redoubt.Federated && strings.HasSuffix(p.Issuer, ":"+p.Account+":root")
}

// sessionLimits tells whether session policies must allow. A federated session
// without any has no rights but those that resources give it by name. Source:
// IAM User Guide, "How AWS enforcement code logic evaluates requests", session
// policies.
func (e *evaluation) sessionLimits() bool {
	return e.r.Session != nil || e.r.Call.Principal.Kind == redoubt.Federated
}
