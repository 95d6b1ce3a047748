package form

import (
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
	"github.com/redoubt-sec/redoubt/wire/internal/xmlio"
)

// Rules are what distinguishes the two query protocols.
type Rules struct {
	// Bare: lists are always name.1, never name.member.1 (ec2Query).
	Bare bool
}

// source is a walk.Source over a tree.
type source struct {
	*tree
	svc   *walk.Service
	rules Rules
	stack []frame
	cur   int32
	flat  bool // cur is a flattened list or map
}

// frame is an open container.
type frame struct {
	k        int   // structure: the member to look for next
	node     int32 // structure
	items    []int32
	key, val string // map: names of an entry's parts
}

// Decode reads the structure at i from parameters into v.
func Decode(svc *walk.Service, i schema.Index, f wire.Form, size, depth int, rules Rules, v reflect.Value) error {
	t, err := build(f, depth)
	if err != nil {
		return err
	}
	s := &source{tree: t, svc: svc, rules: rules}
	d := walk.NewDecoder(svc, s, size)
	return d.Struct(i, v)
}

// Null implements walk.Source.
func (s *source) Null() (bool, error) { return false, nil }

func (s *source) scalar() (string, error) {
	n := &s.nodes[s.cur]
	if n.first != none || !n.set {
		return "", errComplex
	}
	return n.value, nil
}

// String implements walk.Source.
func (s *source) String(*schema.Shape) (string, error) { return s.scalar() }

// Int implements walk.Source.
func (s *source) Int(sh *schema.Shape) (int64, error) {
	t, err := s.scalar()
	if err != nil {
		return 0, err
	}
	return xmlio.Int(sh, t)
}

// Float implements walk.Source.
func (s *source) Float(sh *schema.Shape) (float64, error) {
	t, err := s.scalar()
	if err != nil {
		return 0, err
	}
	f, ok := walk.ParseFloat(t)
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
	return xmlio.Bool(sh, t)
}

// Time implements walk.Source.
func (s *source) Time(sh *schema.Shape, _ string) (time.Time, error) {
	t, err := s.scalar()
	if err != nil {
		return time.Time{}, err
	}
	v, ok := walk.ParseTime(t)
	if !ok {
		return v, walk.Refuse("Timestamp must be in ISO8601 format")
	}
	return v, nil
}

// Blob implements walk.Source.
func (s *source) Blob(*schema.Shape) ([]byte, error) {
	t, err := s.scalar()
	if err != nil {
		return nil, err
	}
	return walk.DecodeBase64([]byte(t))
}

// Stream implements walk.Source.
func (s *source) Stream(*schema.Shape) (io.ReadCloser, error) { return nil, errComplex }

// Document implements walk.Source: the query protocols have no documents.
func (s *source) Document() (any, error) { return nil, errComplex }

// Struct implements walk.Source.
func (s *source) Struct(*walk.Struct) error {
	if n := &s.nodes[s.cur]; n.set && n.value != "" {
		return errSimple
	}
	s.stack = append(s.stack, frame{node: s.cur})
	return nil
}

// Member implements walk.Source.
func (s *source) Member(st *walk.Struct) (int, error) {
	f := &s.stack[len(s.stack)-1]
	for ; f.k < len(st.Members); f.k++ {
		m := &st.Members[f.k]
		sh := s.svc.At(m.Shape)
		flat := s.rules.Bare && sh.Kind == schema.List || xmlio.Flat(m, sh)
		at := s.child(f.node, st.Names[f.k])
		if at == none {
			continue
		}
		s.cur, s.flat = at, flat
		f.k++
		return f.k - 1, nil
	}
	s.stack = s.stack[:len(s.stack)-1]
	return -1, nil
}

// List implements walk.Source.
func (s *source) List(sh *schema.Shape) error { return s.enter(sh.ElemName, "member") }

// Map implements walk.Source.
func (s *source) Map(sh *schema.Shape) error {
	if err := s.enter("", "entry"); err != nil {
		return err
	}
	f := &s.stack[len(s.stack)-1]
	if f.key = sh.KeyName; f.key == "" {
		f.key = "key"
	}
	if f.val = sh.ElemName; f.val == "" {
		f.val = "value"
	}
	return nil
}

// enter opens the list or map at the cursor. "Name=" alone is an empty one.
func (s *source) enter(part, fallback string) error {
	n := &s.nodes[s.cur]
	if n.set && n.value != "" {
		return errSimple
	}
	at := s.cur
	if !s.flat {
		if part == "" {
			part = fallback
		}
		at = s.child(s.cur, part)
	}
	var f frame
	if at != none {
		items, err := s.items(at)
		if err != nil {
			return err
		}
		f.items = items
	}
	s.stack = append(s.stack, f)
	return nil
}

// step moves to the next part of a list or map, or leaves it.
func (s *source) step() (*frame, bool) {
	f := &s.stack[len(s.stack)-1]
	if len(f.items) == 0 {
		s.stack = s.stack[:len(s.stack)-1]
		return nil, false
	}
	s.cur, s.flat = f.items[0], s.rules.Bare
	f.items = f.items[1:]
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
	key, val := s.child(s.cur, f.key), s.child(s.cur, f.val)
	if key == none || val == none {
		return "", false, walk.Refuse("A map entry must have a key and a value.")
	}
	s.cur = val
	return s.nodes[key].value, true, nil
}

// Upper is a name with its first letter in upper case, as ec2Query spells it.
func Upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
