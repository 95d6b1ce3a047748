// Package xmlio reads and writes XML for the walker. Documents are read into a
// small tree without namespaces, since AWS's shapes know local names only.
// Document types, entities and processing instructions are refused, and the
// numbers of elements and attributes are bounded.
package xmlio

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"

	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// Bounds of a document. The largest that AWS accepts, S3's
// CompleteMultipartUpload with 10,000 parts, has some 80,000 elements.
const (
	maxElements = 200000
	maxAttrs    = 32 // of one element
)

var errSyntax = walk.Refuse("The XML you provided was not well-formed or did not validate against our published schema")

// node is an element; its children are a list by index into tree.nodes.
type node struct {
	name        string // without prefix
	text        string
	attrs       []xml.Attr
	first, last int32 // children
	next        int32 // sibling
}

type tree struct{ nodes []node }

// none is the absent node.
const none int32 = -1

// attr answers an attribute by its name with prefix.
func (n *node) attr(name string) (string, bool) {
	for i := range n.attrs {
		if a := &n.attrs[i]; a.Name.Local == name && a.Name.Space == "" || a.Name.Space+":"+a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

// find answers the first sibling from i on with that name.
func (t *tree) find(i int32, name string) int32 {
	for ; i != none; i = t.nodes[i].next {
		if t.nodes[i].name == name {
			return i
		}
	}
	return none
}

// parse reads a document; its root is node 0.
func parse(text []byte, depth int) (*tree, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	t := &tree{}
	var open []int32
	var prefixes []string // of the open elements, which end tags must repeat
	var words strings.Builder
	done := false
	for {
		tok, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, errSyntax
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if done || len(t.nodes) >= maxElements || len(tok.Attr) > maxAttrs {
				return nil, errSyntax
			}
			if len(open) >= depth {
				return nil, walk.TooDeep()
			}
			if twice(tok.Attr) {
				return nil, errSyntax
			}
			me := int32(len(t.nodes))
			n := node{name: tok.Name.Local, first: none, last: none, next: none}
			if len(tok.Attr) > 0 {
				n.attrs = append([]xml.Attr(nil), tok.Attr...)
			}
			t.nodes = append(t.nodes, n)
			if len(open) > 0 {
				p := &t.nodes[open[len(open)-1]]
				if p.last == none {
					p.first = me
				} else {
					t.nodes[p.last].next = me
				}
				p.last = me
			}
			open = append(open, me)
			prefixes = append(prefixes, tok.Name.Space)
			words.Reset()
		case xml.EndElement:
			k := len(open) - 1
			if k < 0 {
				return nil, errSyntax
			}
			n := &t.nodes[open[k]]
			if n.name != tok.Name.Local || prefixes[k] != tok.Name.Space {
				return nil, errSyntax
			}
			if n.first == none {
				n.text = words.String()
			}
			words = strings.Builder{}
			open, prefixes = open[:k], prefixes[:k]
			done = k == 0
		case xml.CharData:
			if len(open) == 0 {
				if len(bytes.TrimSpace(tok)) > 0 && !isBOM(tok) {
					return nil, errSyntax
				}
				continue
			}
			words.Write(tok)
		case xml.ProcInst:
			if tok.Target != "xml" || len(t.nodes) > 0 {
				return nil, errSyntax
			}
		case xml.Directive:
			return nil, errSyntax // no document types, so no entities
		}
	}
	if !done || len(open) > 0 {
		return nil, errSyntax
	}
	return t, nil
}

func isBOM(b []byte) bool { return string(bytes.TrimSpace(b)) == "\ufeff" }

func twice(attrs []xml.Attr) bool {
	for i := range attrs {
		for k := range i {
			if attrs[i].Name == attrs[k].Name {
				return true
			}
		}
	}
	return false
}
