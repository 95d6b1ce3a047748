package policy

import (
	"fmt"

	redoubt "github.com/redoubt-sec/redoubt"
)

// Explain decides like Evaluate and tells what every element of every statement
// did. It asks the same functions, element by element, so it cannot tell another
// story than the decision.
func Explain(r *Request) Trace {
	e := newEvaluation(r)
	d := e.decide()
	t := Trace{
		Decision: d, Allowed: d.Allowed, Reason: d.Reason.String(), Message: d.Message(r),
		Principal: r.Call.Principal.ARN, Action: r.Need.Action, Resource: r.Need.Resource, Owner: r.owner(),
	}
	if t.Principal == "" {
		t.Principal = "anonymous"
	}
	if d.Source != nil {
		t.Reason += ": " + where(d)
	}
	t.Steps = e.steps(d)
	for i, level := range r.RCPs {
		t.Policies = e.traceAll(t.Policies, level, i+1)
	}
	for i, level := range r.SCPs {
		t.Policies = e.traceAll(t.Policies, level, i+1)
	}
	t.Policies = e.traceAll(t.Policies, r.Identity, 0)
	if r.Boundary != nil {
		t.Policies = append(t.Policies, e.trace(r.Boundary, 0))
	}
	t.Policies = e.traceAll(t.Policies, r.Session, 0)
	if r.Resource != nil {
		t.Policies = append(t.Policies, e.trace(r.Resource, 0))
	}
	return t
}

// where names the statement that decided.
func where(d Decision) string {
	s := fmt.Sprintf("statement %d", d.Statement+1)
	if d.Sid != "" {
		s = fmt.Sprintf("%s %q", s, d.Sid)
	}
	if d.Source.Name != "" {
		s += " of " + d.Source.Name
	}
	if d.Source.Attached != "" && d.Source.Attached != d.Source.Name {
		s += " on " + d.Source.Attached
	}
	return s
}

func (e *evaluation) traceAll(to []PolicyTrace, sources []Source, level int) []PolicyTrace {
	for i := range sources {
		to = append(to, e.trace(&sources[i], level))
	}
	return to
}

func (e *evaluation) trace(src *Source, level int) PolicyTrace {
	p := PolicyTrace{
		Type: src.Document.kind.String(), Level: level, Name: src.Name, Attached: src.Attached, Outcome: "says nothing",
	}
	for i := range src.Document.statements {
		s := &src.Document.statements[i]
		st := e.traceStatement(s, i)
		if st.Matched && s.deny {
			p.Outcome = "denies"
		} else if st.Matched && p.Outcome != "denies" {
			p.Outcome = "allows"
		}
		p.Statements = append(p.Statements, st)
	}
	return p
}

func (e *evaluation) traceStatement(s *statement, i int) StatementTrace {
	t := StatementTrace{Index: i, Sid: s.sid, Effect: "Allow", Line: s.start.Line, Column: s.start.Column}
	if s.deny {
		t.Effect = "Deny"
	}
	t.Elements = append(t.Elements, e.traceAction(s))
	if s.resources != nil {
		t.Elements = append(t.Elements, e.traceResource(s))
	}
	if s.principals != nil {
		reach := s.reach(e.r)
		t.Reach = reach.String()
		t.Elements = append(t.Elements, e.tracePrincipal(s, reach))
	}
	for j := range s.conditions {
		t.Elements = append(t.Elements, e.traceCondition(&s.conditions[j], s.deny))
	}
	t.Matched = true
	for _, el := range t.Elements {
		t.Matched = t.Matched && el.Matched
	}
	return t
}

func not(name string, negated bool) string {
	if negated {
		return "Not" + name
	}
	return name
}

func (e *evaluation) traceAction(s *statement) ElementTrace {
	t := ElementTrace{
		Name: not("Action", s.notAction), Matched: e.action(s), Wanted: s.actions.texts, Found: []string{e.r.Need.Action},
	}
	for _, text := range s.actions.texts {
		var one actionSet
		one.add(text)
		if one.match(e.service, e.name) {
			t.Wanted, t.Note = []string{text}, "the one that matches"
		}
	}
	return t
}

func (e *evaluation) traceResource(s *statement) ElementTrace {
	t := ElementTrace{Name: not("Resource", s.notResource), Matched: e.resource(s), Found: []string{e.r.Need.Resource}}
	for _, m := range s.resources {
		matched, known := m.match(e.r, e.r.Need.Resource)
		switch {
		case matched:
			t.Wanted, t.Note = []string{m.String()}, "the one that matches"
			return t
		case !known:
			t.Note = fmt.Sprintf("a variable in %q has no value", m.String())
		}
		t.Wanted = append(t.Wanted, m.String())
	}
	return t
}

func (e *evaluation) tracePrincipal(s *statement, reach reached) ElementTrace {
	p := &e.r.Call.Principal
	t := ElementTrace{Name: not("Principal", s.notPrincipal), Matched: reach != nobody}
	switch {
	case p.Kind == redoubt.Anonymous:
		t.Found = []string{"anonymous"}
	case outside(p) && p.Kind != redoubt.Service && p.Session != nil:
		t.Found = []string{p.Session.Provider}
	case p.Issuer != "":
		t.Found = []string{p.ARN, p.Issuer}
	default:
		t.Found = []string{p.ARN}
	}
	set := s.principals
	if set.everyone {
		t.Wanted = append(t.Wanted, "*")
	}
	for _, list := range [][]string{set.accounts, set.arns, set.ids, set.services, set.federated, set.canonical} {
		t.Wanted = append(t.Wanted, list...)
	}
	if t.Matched && !s.notPrincipal {
		t.Note = "named " + reach.String()
	}
	return t
}

func (e *evaluation) traceCondition(c *condition, deny bool) ElementTrace {
	t := ElementTrace{Name: "Condition " + c.operator + " " + c.key.name, Matched: c.holds(e.r, deny)}
	for _, w := range c.wanted {
		t.Wanted = append(t.Wanted, w.String())
	}
	v := e.r.value(c.key)
	switch {
	case v.n == 0:
		t.Note = "the request has no such key"
	default:
		t.Found = v.list()
		for _, w := range c.wanted {
			if _, known := w.match(e.r, t.Found[0]); !known {
				t.Note = fmt.Sprintf("a variable in %q has no value", w.String())
			}
		}
	}
	if v.n > 1 && c.set == noSet && !c.op.null {
		t.Note = "a key with several values under an operator for one"
	}
	return t
}

// steps tells the decision stage by stage.
func (e *evaluation) steps(d Decision) []Step {
	r := e.r
	p := &r.Call.Principal
	var steps []Step
	say := func(name, format string, args ...any) {
		steps = append(steps, Step{name, fmt.Sprintf(format, args...)})
	}
	if d.Reason.Explicit() {
		say("explicit deny", "%s", where(d))
		return steps
	}
	say("explicit deny", "none")
	level := func(name string, levels [][]Source, exempt bool) {
		switch {
		case levels == nil:
		case exempt:
			say(name, "do not apply to this caller")
		default:
			for i, l := range levels {
				if _, a := e.scan(l); a.source == nil {
					say(name, "level %d does not allow it", i+1)
					return
				}
			}
			say(name, "every level allows it")
		}
	}
	level("resource control policies", r.RCPs, r.RCPExempt)
	level("service control policies", r.SCPs, r.SCPExempt || outside(p))
	if d.Reason == NoRCPAllow || d.Reason == NoSCPAllow {
		return steps
	}
	switch {
	case outside(p):
		say("account", "the caller belongs to none: only the resource's policy can allow it")
	case p.Account == r.owner():
		say("account", "caller and resource are both in %s", p.Account)
	default:
		say("account", "the caller is in %s, the resource in %s: both sides must allow it", p.Account, r.owner())
	}
	e.allowSteps(say)
	say("verdict", "%s", d.Reason)
	return steps
}

func (e *evaluation) allowSteps(say func(name, format string, args ...any)) {
	r := e.r
	_, res := e.resourcePolicy()
	name := "resource-based policy"
	switch hit := res.any(); {
	case r.Resource == nil:
		say(name, "the resource has none")
	case hit.source == nil:
		say(name, "does not allow it")
	case res.direct.source != nil:
		say(name, "statement %d allows it and means the caller directly", hit.statement+1)
	case res.byRole.source != nil:
		say(name, "statement %d allows it through the caller's role; boundary and session policies still limit it", hit.statement+1)
	default:
		say(name, "statement %d lets the caller's account decide", hit.statement+1)
	}
	if r.Need.Strict && res.any().source == nil {
		say("delegation", "this resource's policy must allow; identity-based policies alone do not count")
	}
	if r.Need.Grant != "" {
		say("grant", "%s allows it", r.Need.Grant)
	}
	if outside(&r.Call.Principal) {
		return
	}
	if e.isRoot() {
		say("identity-based policies", "the root user needs none")
	} else if _, a := e.scan(r.Identity); a.source != nil {
		say("identity-based policies", "%s allows it", where(allow(AllowedByIdentity, a)))
	} else {
		say("identity-based policies", "none of %d allows it", len(r.Identity))
	}
	if r.Boundary != nil {
		_, a := e.scanOne(r.Boundary, found{})
		say("permissions boundary", "%s", allows(a))
	}
	if e.sessionLimits() {
		_, a := e.scan(r.Session)
		say("session policies", "%s", allows(a))
	}
}

func allows(f found) string {
	if f.source != nil {
		return "allow it"
	}
	return "do not allow it"
}
