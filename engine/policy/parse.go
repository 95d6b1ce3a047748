package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Parse compiles a policy of the given kind. The error is a *SyntaxError, worded
// as the service that takes such policies words it.
func Parse(text string, kind Kind) (*Document, error) {
	return parse(&compiler{text: text, kind: kind, say: dialects[kind]})
}

// ParseManaged is Parse for managed policies, which IAM refuses in the old
// version of the language.
func ParseManaged(text string) (*Document, error) {
	return parse(&compiler{text: text, kind: Identity, say: dialects[Identity], managed: true})
}

// compiler turns a text into a Document, or into the first refusal in AWS's order.
type compiler struct {
	text    string
	kind    Kind
	managed bool
	say     dialect
	d       *Document
	raws    []raw
	at      cursor
}

// raw is a statement whose elements are of the right JSON types.
type raw struct {
	node                 *node
	path                 string
	sid, effect          *node
	principal            *node
	action, resource     *node // nil: absent
	condition            *node
	notPrincipal         bool
	notAction            bool
	notResource          bool
	actions, resources   []*node
	conditions           []rawCondition
	actionAt, resourceAt string // element names for paths
}

type rawCondition struct {
	operator string
	key      string
	at       *node
	path     string
	values   []*node
}

func parse(c *compiler) (*Document, error) {
	c.d = &Document{text: c.text, kind: c.kind}
	for _, step := range []func() *SyntaxError{c.read, c.rules, c.compile} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c.d, nil
}

func (c *compiler) refuse(at int, path, message, format string, args ...any) *SyntaxError {
	p := place(c.text, at)
	return &SyntaxError{
		Message: message, Detail: fmt.Sprintf(format, args...),
		Line: p.Line, Column: p.Column, Path: path,
	}
}

// read checks JSON, element names and JSON types.
func (c *compiler) read() *SyntaxError {
	root, fault := readJSON(c.text)
	if fault != nil {
		return c.refuse(fault.at, "", c.say.json, "%s", fault.why)
	}
	if root.kind != objectNode {
		return c.refuse(root.start, "", c.say.json, "a policy is a JSON object")
	}
	var statement *node
	for _, m := range root.members {
		switch m.name {
		case "Version":
			if m.node.kind != stringNode || m.node.text != Version2012 && m.node.text != "2008-10-17" {
				return c.refuse(m.node.start, m.name, c.say.version, "the versions are 2012-10-17 and 2008-10-17")
			}
			c.d.version = m.node.text
		case "Id":
			if m.node.kind != stringNode {
				return c.refuse(m.node.start, m.name, c.say.syntax, "Id is a string")
			}
			c.d.id = m.node.text
		case "Statement":
			statement = m.node
		default:
			return c.refuse(m.at, m.name, c.say.unknown(m.name), "a policy has no element %q", m.name)
		}
	}
	if statement == nil {
		return c.refuse(root.start, "Statement", c.say.noStatement, "a policy needs statements")
	}
	list := []*node{statement}
	if statement.kind == arrayNode {
		list = statement.items
	}
	if len(list) == 0 {
		return c.refuse(statement.start, "Statement", c.say.noStatement, "a policy needs statements")
	}
	for i, n := range list {
		path := "Statement"
		if statement.kind == arrayNode {
			path = fmt.Sprintf("Statement[%d]", i)
		}
		if n.kind != objectNode {
			return c.refuse(n.start, path, c.say.syntax, "a statement is an object")
		}
		if err := c.readStatement(n, path); err != nil {
			return err
		}
		c.d.statements = append(c.d.statements, c.newStatement(n, statement.kind == arrayNode))
	}
	return nil
}

// newStatement starts a statement with its place, counted as IAM's simulator does:
// from the brace, or behind it if the one statement stands in no list, to behind
// the closing brace. Measured: AWS CLI reference, simulate-custom-policy.
func (c *compiler) newStatement(n *node, listed bool) statement {
	start := n.start
	if !listed {
		start++
	}
	return statement{start: c.at.move(c.text, start), end: c.at.move(c.text, n.end)}
}

func (c *compiler) readStatement(n *node, path string) *SyntaxError {
	s := raw{node: n, path: path}
	both := func(had bool, m member) *SyntaxError {
		if had {
			return c.refuse(m.at, path+"."+m.name, c.say.syntax,
				"%s and Not%[1]s exclude each other", strings.TrimPrefix(m.name, "Not"))
		}
		return nil
	}
	for _, m := range n.members {
		at := path + "." + m.name
		var err *SyntaxError
		switch m.name {
		case "Sid":
			s.sid = m.node
			if m.node.kind != stringNode {
				err = c.refuse(m.node.start, at, c.say.syntax, "Sid is a string")
			}
		case "Effect":
			s.effect = m.node
			if m.node.kind != stringNode {
				err = c.refuse(m.node.start, at, c.say.syntax, "Effect is Allow or Deny")
			}
		case "Principal", "NotPrincipal":
			err = both(s.principal != nil, m)
			s.principal, s.notPrincipal = m.node, m.name == "NotPrincipal"
		case "Action", "NotAction":
			if err = both(s.action != nil, m); err == nil {
				s.action, s.notAction, s.actionAt = m.node, m.name == "NotAction", at
				s.actions, err = c.strings(m.node, at)
			}
		case "Resource", "NotResource":
			if err = both(s.resource != nil, m); err == nil {
				s.resource, s.notResource, s.resourceAt = m.node, m.name == "NotResource", at
				s.resources, err = c.strings(m.node, at)
			}
		case "Condition":
			s.condition = m.node
			s.conditions, err = c.readConditions(m.node, at)
		default:
			err = c.refuse(m.at, at, c.say.unknown(m.name), "a statement has no element %q", m.name)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case s.effect == nil:
		return c.refuse(n.start, path, c.say.noEffect, "a statement needs an Effect")
	case !strings.EqualFold(s.effect.text, "Allow") && !strings.EqualFold(s.effect.text, "Deny"):
		return c.refuse(s.effect.start, path+".Effect", c.say.effect(s.effect.text), "Effect is Allow or Deny")
	}
	c.raws = append(c.raws, s)
	return nil
}

// strings answers the strings of a value that is one or a list of them.
func (c *compiler) strings(n *node, path string) ([]*node, *SyntaxError) {
	switch n.kind {
	case stringNode:
		return []*node{n}, nil
	case arrayNode:
		for i, item := range n.items {
			if item.kind != stringNode {
				return nil, c.refuse(item.start, fmt.Sprintf("%s[%d]", path, i), c.say.syntax, "expected a string")
			}
		}
		return n.items, nil
	}
	return nil, c.refuse(n.start, path, c.say.syntax, "expected a string or a list of strings")
}

func (c *compiler) readConditions(n *node, path string) ([]rawCondition, *SyntaxError) {
	if n.kind != objectNode {
		return nil, c.refuse(n.start, path, c.say.syntax, "Condition is an object of operators")
	}
	var list []rawCondition
	for _, op := range n.members {
		at := path + "." + op.name
		if op.node.kind != objectNode {
			return nil, c.refuse(op.node.start, at, c.say.syntax, "an operator's value is an object of keys")
		}
		if _, _, _, ok := parseOperator(op.name); !ok && !(c.say.emptyOperators && len(op.node.members) == 0) {
			return nil, c.refuse(op.at, at, c.say.operator(op.name), "there is no condition operator %q", op.name)
		}
		for _, k := range op.node.members {
			rc := rawCondition{operator: op.name, key: k.name, at: k.node, path: at + "." + k.name}
			rc.values = []*node{k.node}
			if k.node.kind == arrayNode {
				rc.values = k.node.items
			}
			for _, v := range rc.values {
				if v.kind != stringNode && v.kind != numberNode && v.kind != boolNode {
					return nil, c.refuse(v.start, rc.path, c.say.syntax, "a condition value is a string, a number or a truth value")
				}
			}
			list = append(list, rc)
		}
	}
	return list, nil
}

// compile turns what the rules let pass into matchers.
func (c *compiler) compile() *SyntaxError {
	variables := c.d.version == Version2012
	for i := range c.raws {
		s, t := &c.raws[i], &c.d.statements[i]
		if s.sid != nil {
			t.sid = s.sid.text
		}
		t.deny = s.effect.text == "Deny"
		t.notPrincipal, t.notAction, t.notResource = s.notPrincipal, s.notAction, s.notResource
		for _, a := range s.actions {
			t.actions.add(a.text)
		}
		t.actions.finish()
		for _, r := range s.resources {
			t.resources = append(t.resources, newText(fullARN(r.text), encode, variables))
		}
		if s.principal != nil {
			set, err := c.principals(s, i)
			if err != nil {
				return err
			}
			t.principals = set
		}
		for _, rc := range s.conditions {
			cond, err := c.condition(rc, variables)
			if err != nil {
				return err
			}
			t.conditions = append(t.conditions, cond)
		}
	}
	slices.SortFunc(c.d.principals, func(a, b Named) int { return a.start - b.start })
	return nil
}

// fullARN completes an ARN that ends early, as IAM does: its missing parts are
// "*". Source: IAM's own error texts, which print them so.
func fullARN(text string) string {
	if !strings.HasPrefix(text, "arn:") {
		return text
	}
	for n := strings.Count(text, ":"); n < 5; n++ {
		text += ":*"
	}
	return text
}

func (c *compiler) condition(rc rawCondition, variables bool) (condition, *SyntaxError) {
	op, set, ifExists, _ := parseOperator(rc.operator)
	cond := condition{operator: rc.operator, op: op, set: set, ifExists: ifExists, key: newKey(rc.key)}
	for _, v := range rc.values {
		m, ok := op.compile(v.text, variables && op.variables)
		if !ok {
			return cond, c.refuse(v.start, rc.path, c.say.syntax, "%q is no value for %s", v.text, rc.operator)
		}
		cond.wanted = append(cond.wanted, m)
	}
	return cond, nil
}
