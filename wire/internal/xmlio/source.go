package xmlio

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// source is a walk.Source over a tree. The members of a structure are looked
// up in the model's order, so that unknown elements are never visited.
type source struct {
	*tree
	svc   *walk.Service
	stack []frame

	// The value at the cursor: an element, or an attribute's text.
	cur  int32
	text string
	attr bool
	flat bool // cur is the first of a flattened list's or map's elements
}

// frame is an open container.
type frame struct {
	k    int   // structure: the member to look for next
	node int32 // structure: the element; list, map: the next candidate
	name string
	key  string // map: names of an entry's parts
	val  string
	flat bool
	top  bool
}

// Decode reads the structure at i from text into v. roots are the names that
// the document's element may have.
func Decode(svc *walk.Service, i schema.Index, text []byte, depth int, v reflect.Value, roots ...string) error {
	t, err := parse(text, depth)
	if err != nil {
		return err
	}
	if len(roots) > 0 && !slices.Contains(roots, t.nodes[0].name) {
		return errSyntax
	}
	s := &source{tree: t, svc: svc}
	d := walk.NewDecoder(svc, s, len(text))
	return d.Struct(i, v)
}

// Null implements walk.Source.
func (s *source) Null() (bool, error) { return false, nil }

// scalar is the text at the cursor.
func (s *source) scalar() (string, error) {
	if s.attr {
		return s.text, nil
	}
	n := &s.nodes[s.cur]
	if n.first != none {
		return "", errSyntax
	}
	return n.text, nil
}

// String implements walk.Source.
func (s *source) String(*schema.Shape) (string, error) { return s.scalar() }

// Int implements walk.Source.
func (s *source) Int(sh *schema.Shape) (int64, error) {
	t, err := s.scalar()
	if err != nil {
		return 0, err
	}
	return Int(sh, t)
}

// Float implements walk.Source.
func (s *source) Float(sh *schema.Shape) (float64, error) {
	t, err := s.scalar()
	if err != nil {
		return 0, err
	}
	f, ok := walk.ParseFloat(strings.TrimSpace(t))
	if !ok {
		return 0, walk.Wrong("STRING_VALUE", sh)
	}
	return f, nil
}

// Bool implements walk.Source.
func (s *source) Bool(sh *schema.Shape) (bool, error) {
	t, err := s.scalar()
	if err != nil {
		return false, err
	}
	return Bool(sh, t)
}

// Time implements walk.Source.
func (s *source) Time(sh *schema.Shape, _ string) (time.Time, error) {
	t, err := s.scalar()
	if err != nil {
		return time.Time{}, err
	}
	v, ok := walk.ParseTime(strings.TrimSpace(t))
	if !ok {
		return v, walk.Wrong("STRING_VALUE", sh)
	}
	return v, nil
}

// Blob implements walk.Source. Editors wrap long base64 text: blanks between
// the lines carry no meaning in XML.
func (s *source) Blob(*schema.Shape) ([]byte, error) {
	t, err := s.scalar()
	if err != nil {
		return nil, err
	}
	return walk.DecodeBase64([]byte(strings.Join(strings.Fields(t), "")))
}

// Stream implements walk.Source.
func (s *source) Stream(*schema.Shape) (io.ReadCloser, error) { return nil, errSyntax }

// Document implements walk.Source: the protocols with XML have no documents.
func (s *source) Document() (any, error) { return nil, errSyntax }

// Struct implements walk.Source.
func (s *source) Struct(*walk.Struct) error {
	if s.attr {
		return errSyntax
	}
	if n := &s.nodes[s.cur]; n.first == none && strings.TrimSpace(n.text) != "" {
		return errSyntax // a text where parts belong
	}
	s.stack = append(s.stack, frame{node: s.cur, top: len(s.stack) == 0})
	return nil
}

// Member implements walk.Source.
func (s *source) Member(st *walk.Struct) (int, error) {
	f := &s.stack[len(s.stack)-1]
	n := &s.nodes[f.node]
	for ; f.k < len(st.Members); f.k++ {
		m := &st.Members[f.k]
		if f.top && m.Location != schema.Body {
			continue
		}
		name := st.Names[f.k]
		if m.Has(schema.XMLAttribute) {
			if text, ok := n.attr(name); ok {
				s.text, s.attr = text, true
				f.k++
				return f.k - 1, nil
			}
			continue
		}
		sh := s.svc.At(m.Shape)
		flat := Flat(m, sh)
		at := s.find(n.first, name)
		if at == none {
			continue
		}
		if !flat && s.find(s.nodes[at].next, name) != none {
			return 0, walk.Duplicate()
		}
		s.cur, s.attr, s.flat = at, false, flat
		f.k++
		return f.k - 1, nil
	}
	s.stack = s.stack[:len(s.stack)-1]
	return -1, nil
}

// Flat reports whether a member's list or map has no element of its own.
func Flat(m *schema.Member, sh *schema.Shape) bool {
	return (sh.Kind == schema.List || sh.Kind == schema.Map) && (m.Has(schema.Flattened) || sh.Has(schema.Flattened))
}

// List implements walk.Source.
func (s *source) List(sh *schema.Shape) error { return s.enter(or(sh.ElemName, "member")) }

// Map implements walk.Source.
func (s *source) Map(sh *schema.Shape) error {
	err := s.enter("entry")
	f := &s.stack[len(s.stack)-1]
	f.key, f.val = or(sh.KeyName, "key"), or(sh.ElemName, "value")
	return err
}

func (s *source) enter(part string) error {
	f := frame{node: s.cur, name: s.nodes[s.cur].name, flat: s.flat}
	if !f.flat {
		n := &s.nodes[s.cur]
		f.node, f.name = n.first, part
		if n.first == none && strings.TrimSpace(n.text) != "" {
			return errSyntax
		}
	}
	s.stack = append(s.stack, f)
	return nil
}

// step moves to the next part of a list or map, or leaves it.
func (s *source) step() (*frame, bool) {
	f := &s.stack[len(s.stack)-1]
	at := s.find(f.node, f.name)
	if at == none {
		s.stack = s.stack[:len(s.stack)-1]
		return nil, false
	}
	f.node = s.nodes[at].next
	s.cur, s.attr, s.flat = at, false, false
	return f, true
}

// Elem implements walk.Source.
func (s *source) Elem() (bool, error) {
	_, ok := s.step()
	return ok, nil
}

// Entry implements walk.Source.
func (s *source) Entry() (string, bool, error) {
	f, ok := s.step()
	if !ok {
		return "", false, nil
	}
	first := s.nodes[s.cur].first
	key, val := s.find(first, f.key), s.find(first, f.val)
	if key == none || val == none {
		return "", false, errSyntax
	}
	s.cur = val
	return s.nodes[key].text, true, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Int reads an integer from text.
func Int(sh *schema.Shape, text string) (int64, error) {
	bits := 64
	if sh.Kind == schema.Integer {
		bits = 32
	}
	n, ok := walk.ParseInt(strings.TrimSpace(text), bits)
	if !ok {
		return 0, walk.Wrong("STRING_VALUE", sh)
	}
	return n, nil
}

// Bool reads a boolean from text. AWS's parsers do not mind its case.
func Bool(sh *schema.Shape, text string) (bool, error) {
	switch t := strings.TrimSpace(text); {
	case strings.EqualFold(t, "true"):
		return true, nil
	case strings.EqualFold(t, "false"):
		return false, nil
	}
	return false, walk.Wrong("STRING_VALUE", sh)
}
