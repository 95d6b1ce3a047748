package policy

import (
	"slices"
	"strings"
)

// fixing are the condition keys whose fixed values keep a policy that names
// everyone from being public. Source: Amazon S3 User Guide, "Blocking public
// access to your Amazon S3 storage", "The meaning of public".
var fixing = []string{
	"aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn",
	"aws:sourceip", "aws:vpcsourceip", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount",
	"aws:sourceorgid", "aws:sourceorgpaths", "aws:userid",
	"s3:dataaccesspointarn", "s3:dataaccesspointaccount",
}

// Public reports whether a resource's policy is public, as S3 means it: whether
// one of its statements allows something to everyone, and no condition fixes who,
// or from where, that may be. It takes no Deny into account.
func (d *Document) Public() bool {
	return slices.ContainsFunc(d.statements, func(s statement) bool {
		if s.deny || s.principals == nil || !s.principals.everyone && !s.notPrincipal {
			return false
		}
		return !slices.ContainsFunc(s.conditions, func(c condition) bool { return c.fixes() })
	})
}

// fixes reports whether a condition holds for fixed values only.
func (c *condition) fixes() bool {
	key := strings.ToLower(c.key.name)
	if c.op.negated || c.op.null || c.ifExists || c.set == forAllValues || len(c.wanted) == 0 || !slices.Contains(fixing, key) {
		return false
	}
	return !slices.ContainsFunc(c.wanted, func(m matcher) bool {
		if n, ok := m.(*network); ok {
			// A range wider than a provider's is as good as everybody.
			most := 8
			if n.want.Addr().Is6() {
				most = 32
			}
			return n.want.Bits() < most
		}
		text := m.String()
		if strings.Contains(text, "${") {
			return true
		}
		if key == "s3:dataaccesspointarn" {
			// Only the account must be fixed: the access points are its own.
			parts := strings.SplitN(text, ":", 6)
			return len(parts) < 6 || strings.ContainsAny(parts[4], "*?") || parts[4] == ""
		}
		return strings.ContainsAny(text, "*?")
	})
}
