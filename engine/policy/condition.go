package policy

import "strings"

// condition is one key of a Condition element under one operator.
type condition struct {
	operator string // as written, with its qualifiers
	op       operator
	ifExists bool
	set      setKind
	key      *key
	wanted   []matcher
}

// setKind is the qualifier for keys with several values.
type setKind uint8

const (
	noSet setKind = iota
	forAllValues
	forAnyValue
)

// parseOperator reads "ForAnyValue:StringLikeIfExists".
func parseOperator(name string) (op operator, set setKind, ifExists, ok bool) {
	if rest, found := strings.CutPrefix(name, "ForAllValues:"); found {
		name, set = rest, forAllValues
	} else if rest, found := strings.CutPrefix(name, "ForAnyValue:"); found {
		name, set = rest, forAnyValue
	}
	name, ifExists = strings.CutSuffix(name, "IfExists")
	op, ok = operators[name]
	if op.null && ifExists {
		ok = false // "any condition operator name except the Null condition"
	}
	return op, set, ifExists, ok
}

// holds decides the condition; deny is the statement's effect.
//
// A missing key fails a positive operator and satisfies a negated one, unless
// IfExists satisfies it anyway; ForAllValues holds over no values, ForAnyValue
// does not. A key whose only value is empty counts as no values for the two.
// Source: IAM User Guide, "Condition operators" and "Single-valued vs.
// multivalued context keys".
//
// A plain operator on a key with several values is left undefined there. Here
// every value must satisfy it in an Allow, and one is enough in a Deny, so that
// neither mistake gives more than was meant.
func (c *condition) holds(r *Request, deny bool) bool {
	v := r.value(c.key)
	if c.op.null {
		for _, w := range c.wanted {
			if w.(absence).want == (v.n == 0) {
				return true
			}
		}
		return false
	}
	if v.n == 0 {
		switch c.set {
		case forAllValues:
			return true
		case forAnyValue:
			return c.ifExists
		}
		return c.ifExists || c.op.negated
	}
	if v.n == 1 {
		if v.one == "" && c.set != noSet {
			return c.set == forAllValues
		}
		return c.satisfied(r, v.one, deny)
	}
	any := c.set == forAnyValue || c.set == noSet && deny
	for _, value := range v.many {
		if c.satisfied(r, value, deny) == any {
			return any
		}
	}
	return !any
}

// satisfied tells whether one value of the request meets the operator: one of the
// policy's values for a positive operator, none of them for a negated one.
//
// A variable without a value matches nothing. Under a negated operator that
// would satisfy the condition; it does so for a Deny only, for what cannot be
// evaluated must not allow.
func (c *condition) satisfied(r *Request, value string, deny bool) bool {
	unknown := false
	for _, w := range c.wanted {
		matched, known := w.match(r, value)
		if matched {
			return !c.op.negated
		}
		unknown = unknown || !known
	}
	return c.op.negated && (deny || !unknown)
}
