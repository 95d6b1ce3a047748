package policy

import (
	"slices"
	"strings"
)

// Simulation is what IAM's policy simulator answers for one action on one
// resource.
type Simulation struct {
	Decision Decision
	// Verdict is "allowed", "explicitDeny" or "implicitDeny".
	Verdict string
	// Matched are the statements of identity- and resource-based policies that
	// led to the verdict: those that allow, or, for an explicit deny, those that
	// deny.
	Matched []Matched
	// Missing are the condition keys that identity- and resource-based policies
	// ask for where action and resource match, and that the request does not
	// have; sorted, as the policies write them.
	Missing []string
	// Identity, Resource and Boundary are each type's own verdict, as above;
	// empty where the request has no such policy.
	Identity, Resource, Boundary string
	// ByOrganization and ByBoundary tell whether the SCPs and the boundary
	// allowed; nil where there are none.
	ByOrganization, ByBoundary *bool
}

// Matched is a statement that led to a verdict. Start is the brace that opens it,
// or the character behind it if the statement stands in no list; End is the
// character behind the closing brace. So IAM counts them.
type Matched struct {
	Source     *Source
	Statement  int
	Start, End Position
}

const (
	allowed      = "allowed"
	explicitDeny = "explicitDeny"
	implicitDeny = "implicitDeny"
)

// Simulate decides a request as IAM's simulator does. Set Request.Simulated.
func Simulate(r *Request) Simulation {
	e := newEvaluation(r)
	s := Simulation{Decision: e.decide(), Verdict: implicitDeny}
	switch {
	case s.Decision.Allowed:
		s.Verdict = allowed
	case s.Decision.Reason.Explicit():
		s.Verdict = explicitDeny
	}
	missing := make(map[string]string)
	var idDeny, idAllow, resDeny, resAllow []Matched
	for i := range r.Identity {
		e.collect(&r.Identity[i], &idDeny, &idAllow, missing)
	}
	if r.Resource != nil {
		e.collect(r.Resource, &resDeny, &resAllow, missing)
		s.Resource = verdict(resDeny, resAllow)
	}
	s.Identity = verdict(idDeny, idAllow)
	if r.Boundary != nil {
		var deny, allow []Matched
		e.collect(r.Boundary, &deny, &allow, make(map[string]string))
		s.Boundary = verdict(deny, allow)
		s.ByBoundary = new(s.Boundary == allowed)
	}
	if r.SCPs != nil {
		deny, ok := e.levels(r.SCPs)
		s.ByOrganization = new(r.SCPExempt || ok && deny.source == nil)
	}
	switch s.Verdict {
	case allowed:
		s.Matched = append(idAllow, resAllow...)
	case explicitDeny:
		s.Matched = append(idDeny, resDeny...)
	}
	for _, name := range missing {
		s.Missing = append(s.Missing, name)
	}
	slices.Sort(s.Missing)
	return s
}

func verdict(deny, allow []Matched) string {
	switch {
	case len(deny) > 0:
		return explicitDeny
	case len(allow) > 0:
		return allowed
	}
	return implicitDeny
}

// collect gathers the statements of a policy that match, and the keys without a
// value in those whose other elements do.
func (e *evaluation) collect(src *Source, deny, allow *[]Matched, missing map[string]string) {
	for i := range src.Document.statements {
		s := &src.Document.statements[i]
		if !e.r.spend(1) || !e.action(s) || !e.resource(s) || s.reach(e.r) == nobody {
			continue
		}
		for k := range s.keys {
			e.r.spend(lookupCost)
			if v := e.r.value(k); v.n == 0 {
				missing[strings.ToLower(k.name)] = k.name
			}
		}
		if !e.conditions(s) {
			continue
		}
		m := Matched{Source: src, Statement: i, Start: s.start, End: s.end}
		if s.deny {
			*deny = append(*deny, m)
		} else {
			*allow = append(*allow, m)
		}
	}
}

// keys lists the condition keys of a statement, those in variables included.
func (s *statement) keys(yield func(*key) bool) {
	for _, m := range s.resources {
		if !matcherKeys(m, yield) {
			return
		}
	}
	for i := range s.conditions {
		if !yield(s.conditions[i].key) {
			return
		}
		for _, m := range s.conditions[i].wanted {
			if !matcherKeys(m, yield) {
				return
			}
		}
	}
}

// matcherKeys lists the keys of a value's variables; it answers false when yield
// wants no more.
func matcherKeys(m matcher, yield func(*key) bool) bool {
	switch m := m.(type) {
	case *template:
		for k := range m.keys {
			if !yield(k) {
				return false
			}
		}
	case folded:
		return matcherKeys(m.matcher, yield)
	case boolValue:
		return matcherKeys(m.matcher, yield)
	case *arnPattern:
		if m.whole != nil {
			return matcherKeys(m.whole, yield)
		}
		for _, p := range m.parts {
			if !matcherKeys(p, yield) {
				return false
			}
		}
	}
	return true
}

// ContextKeys lists the condition keys that a document refers to, sorted, each
// once, as it is first written (GetContextKeysForCustomPolicy).
func (d *Document) ContextKeys() []string {
	seen := make(map[string]bool)
	var names []string
	for i := range d.statements {
		for k := range d.statements[i].keys {
			if low := strings.ToLower(k.name); !seen[low] {
				seen[low] = true
				names = append(names, k.name)
			}
		}
	}
	slices.Sort(names)
	return names
}
