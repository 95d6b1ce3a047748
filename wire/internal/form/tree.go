// Package form reads the query protocols' parameters for the walker:
// "Tags.member.1.Key=a" is a tree whose levels are separated by dots. Lists are
// read in the order of their numbers; a number is only a name here, so a huge
// one costs nothing.
package form

import (
	"slices"
	"strings"

	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

const (
	maxNodes    = 100000
	none        = int32(-1)
	indexDigits = 9
)

var (
	errDuplicate = walk.Refuse("A parameter is given more than once.")
	errComplex   = walk.Refuse("Unexpected complex element termination")
	errIndex     = walk.Refuse("A list index is not a number.")
	errSimple    = walk.Refuse("Unexpected list element termination")
)

type node struct {
	name        string
	value       string
	set         bool // value was given
	first, next int32
}

type edge struct {
	parent int32
	name   string
}

type tree struct {
	nodes []node
	edges map[edge]int32
}

func build(f wire.Form, depth int) (*tree, error) {
	t := &tree{nodes: make([]node, 1, len(f)*2+1), edges: make(map[edge]int32, len(f)*2)}
	t.nodes[0].first = none
	for _, p := range f {
		at, deep := int32(0), 0
		for name := range strings.SplitSeq(p.Name, ".") {
			if deep++; deep > depth {
				return nil, walk.TooDeep()
			}
			next, ok := t.edges[edge{at, name}]
			if !ok {
				if len(t.nodes) >= maxNodes {
					return nil, walk.Refuse("The request contains too many elements.")
				}
				next = int32(len(t.nodes))
				t.nodes = append(t.nodes, node{name: name, first: none, next: t.nodes[at].first})
				t.nodes[at].first = next
				t.edges[edge{at, name}] = next
			}
			at = next
		}
		n := &t.nodes[at]
		if n.set {
			return nil, errDuplicate
		}
		n.value, n.set = p.Value, true
	}
	return t, nil
}

// child answers the part of at with that name, or none.
func (t *tree) child(at int32, name string) int32 {
	if c, ok := t.edges[edge{at, name}]; ok {
		return c
	}
	return none
}

// items answers the numbered parts of at in order.
func (t *tree) items(at int32) ([]int32, error) {
	var out []int32
	for c := t.nodes[at].first; c != none; c = t.nodes[c].next {
		if !isIndex(t.nodes[c].name) {
			return nil, errIndex
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b int32) int {
		x, y := t.nodes[a].name, t.nodes[b].name
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		return strings.Compare(x, y)
	})
	return out, nil
}

// isIndex accepts decimal numbers without leading zeros, so that no two names
// are one number.
func isIndex(s string) bool {
	if s == "" || len(s) > indexDigits || s[0] == '0' && len(s) > 1 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
