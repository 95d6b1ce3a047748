package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Finding is something that a well-formed policy should not have.
type Finding struct {
	Code      string // "confused-deputy", "public", "all-actions", "all-resources", "not-allow"
	Text      string
	Statement int
	Line      int
	Column    int
}

// Check looks for statements that allow more than was probably meant. It never
// refuses: AWS takes all of these.
func Check(d *Document) []Finding {
	var list []Finding
	for i := range d.statements {
		s := &d.statements[i]
		if s.deny {
			continue
		}
		say := func(code, format string, args ...any) {
			list = append(list, Finding{code, fmt.Sprintf(format, args...), i, s.start.Line, s.start.Column})
		}
		if p := s.principals; p != nil {
			if len(p.services) > 0 && !s.asks("aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths") {
				say("confused-deputy", "%s may be made to act for any account: ask for aws:SourceAccount or aws:SourceArn", strings.Join(p.services, ", "))
			}
			if p.everyone && len(s.conditions) == 0 && d.kind != RCP {
				say("public", "everyone is allowed, and no condition limits it")
			}
			if s.notPrincipal {
				say("not-allow", "NotPrincipal in an Allow allows everyone else, callers without credentials too")
			}
		}
		if d.kind == SCP || d.kind == RCP || d.kind == Boundary {
			continue // they allow nothing by themselves
		}
		if s.notAction {
			say("not-allow", "NotAction in an Allow also allows actions that do not exist yet")
		}
		identity := d.kind == Identity || d.kind == SessionPolicy
		if identity && s.actions.all && !s.notAction && len(s.conditions) == 0 {
			say("all-actions", "all actions of all services are allowed")
		}
		everything := slices.ContainsFunc(s.resources, func(m matcher) bool { return m.String() == "*" })
		if identity && everything && !s.notResource && !s.notAction && !s.actions.all && len(s.conditions) == 0 {
			for _, svc := range s.actions.services {
				if svc.all {
					say("all-resources", "all actions of %s are allowed on all resources", svc.service)
				}
			}
		}
	}
	return list
}

// asks tells whether a statement has a condition on one of the keys, in lower case.
func (s *statement) asks(keys ...string) bool {
	return slices.ContainsFunc(s.conditions, func(c condition) bool {
		return !c.op.negated && !c.op.null && slices.Contains(keys, strings.ToLower(c.key.name))
	})
}
