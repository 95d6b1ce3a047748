package xmlio

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// Sink is a walk.Sink that writes XML.
type Sink struct {
	B   []byte
	svc *walk.Service

	// The element that the next value goes into.
	name string
	ns   schema.Namespace
	flat bool // a list or map without an element of its own
	skip bool // the next value is an attribute, already written

	stack []part
}

// part is an open container.
type part struct {
	name  string // its element, "" where it has none
	elem  string // the element of its parts
	entry bool   // map: an entry is open
}

// NewSink makes a Sink that appends to b.
func NewSink(svc *walk.Service, b []byte) *Sink { return &Sink{B: b, svc: svc} }

// Root names the element of the next value.
func (s *Sink) Root(name string, ns schema.Namespace) {
	s.name, s.ns, s.flat, s.skip = name, ns, false, false
}

// Open writes a start tag without any value.
func (s *Sink) Open(name string, ns schema.Namespace) {
	s.B = append(append(s.B, '<'), name...)
	s.namespace(ns)
	s.B = append(s.B, '>')
}

// Close writes an end tag.
func (s *Sink) Close(name string) {
	// An element that is still empty closes itself.
	if n := len(s.B); n > len(name)+1 && s.B[n-1] == '>' && string(s.B[n-len(name)-2:n-1]) == "<"+name {
		s.B = append(s.B[:n-1], '/', '>')
		return
	}
	s.B = append(append(append(s.B, '<', '/'), name...), '>')
}

func (s *Sink) namespace(ns schema.Namespace) {
	if ns.URI == "" {
		return
	}
	s.B = append(s.B, " xmlns"...)
	if ns.Prefix != "" {
		s.B = append(append(s.B, ':'), ns.Prefix...)
	}
	s.B = append(appendText(append(s.B, '=', '"'), ns.URI, true), '"')
}

// Struct implements walk.Sink.
func (s *Sink) Struct(st *walk.Struct, v reflect.Value) {
	name, ns := s.name, s.ns
	if ns.URI == "" {
		ns = st.XMLNamespace
	}
	s.B = append(append(s.B, '<'), name...)
	s.namespace(ns)
	for k := range st.Members {
		if m := &st.Members[k]; m.Has(schema.XMLAttribute) && !v.Field(k).IsNil() {
			if m.XMLNamespace.URI != ns.URI || m.XMLNamespace.Prefix != ns.Prefix {
				s.namespace(m.XMLNamespace)
			}
			text, _ := walk.Text(v.Field(k).Interface())
			s.B = append(append(append(s.B, ' '), st.Names[k]...), '=', '"')
			s.B = append(appendText(s.B, text, true), '"')
		}
	}
	s.B = append(s.B, '>')
	s.stack = append(s.stack, part{name: name})
}

// Member implements walk.Sink.
func (s *Sink) Member(st *walk.Struct, k int) {
	m := &st.Members[k]
	sh := s.svc.At(m.Shape)
	s.name, s.ns, s.flat, s.skip = st.Names[k], m.XMLNamespace, Flat(m, sh), m.Has(schema.XMLAttribute)
	if s.ns.URI == "" && sh.Kind != schema.Structure {
		s.ns = sh.XMLNamespace
	}
}

// EndStruct implements walk.Sink.
func (s *Sink) EndStruct(*walk.Struct) { s.pop() }

func (s *Sink) pop() {
	p := s.stack[len(s.stack)-1]
	s.stack = s.stack[:len(s.stack)-1]
	if p.entry {
		s.Close(p.elem)
	}
	if p.name != "" {
		s.Close(p.name)
	}
}

// List implements walk.Sink.
func (s *Sink) List(sh *schema.Shape, _ int) {
	if s.flat {
		s.stack = append(s.stack, part{elem: s.name})
		return
	}
	s.Open(s.name, s.ns)
	s.stack = append(s.stack, part{name: s.name, elem: or(sh.ElemName, "member")})
}

// Elem implements walk.Sink.
func (s *Sink) Elem(*schema.Shape) {
	s.Root(s.stack[len(s.stack)-1].elem, schema.Namespace{})
}

// EndList implements walk.Sink.
func (s *Sink) EndList(*schema.Shape) { s.pop() }

// Map implements walk.Sink.
func (s *Sink) Map(_ *schema.Shape, _ int) {
	if s.flat {
		s.stack = append(s.stack, part{elem: s.name})
		return
	}
	s.Open(s.name, s.ns)
	s.stack = append(s.stack, part{name: s.name, elem: "entry"})
}

// Entry implements walk.Sink.
func (s *Sink) Entry(sh *schema.Shape, key string) {
	p := &s.stack[len(s.stack)-1]
	if p.entry {
		s.Close(p.elem)
	}
	p.entry = true
	s.Open(p.elem, schema.Namespace{})
	s.Root(or(sh.KeyName, "key"), schema.Namespace{})
	s.String(key)
	s.Root(or(sh.ElemName, "value"), schema.Namespace{})
}

// EndMap implements walk.Sink.
func (s *Sink) EndMap(*schema.Shape) { s.pop() }

// leaf writes an element around what f appends.
func (s *Sink) leaf(f func([]byte) []byte) {
	if s.skip {
		s.skip = false
		return
	}
	s.Open(s.name, s.ns)
	s.B = f(s.B)
	s.Close(s.name)
}

// String implements walk.Sink.
func (s *Sink) String(v string) {
	s.leaf(func(b []byte) []byte { return appendText(b, v, false) })
}

// Int implements walk.Sink.
func (s *Sink) Int(n int64) {
	s.leaf(func(b []byte) []byte { return strconv.AppendInt(b, n, 10) })
}

// Float implements walk.Sink.
func (s *Sink) Float(f float64, bits int) {
	s.leaf(func(b []byte) []byte { return walk.AppendFloat(b, f, bits) })
}

// Bool implements walk.Sink.
func (s *Sink) Bool(v bool) {
	s.leaf(func(b []byte) []byte { return strconv.AppendBool(b, v) })
}

// Time implements walk.Sink.
func (s *Sink) Time(t time.Time, format string) {
	s.leaf(func(b []byte) []byte { return walk.AppendTime(b, t, format, walk.ISO8601) })
}

// Blob implements walk.Sink.
func (s *Sink) Blob(v []byte) {
	s.leaf(func(b []byte) []byte { return base64.StdEncoding.AppendEncode(b, v) })
}

// Document implements walk.Sink.
func (s *Sink) Document(v any) error { return fmt.Errorf("wire: XML carries no documents (%T)", v) }

// Extra implements walk.FaultSink.
func (s *Sink) Extra(name, text string) {
	s.Root(name, schema.Namespace{})
	s.String(text)
}

// appendText escapes text for an element's content or an attribute's value.
// What XML 1.0 can't say becomes U+FFFD.
func appendText(b []byte, v string, attr bool) []byte {
	from := 0
	for i := 0; i < len(v); {
		r, n := rune(v[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(v[i:])
		}
		esc := ""
		switch {
		case r == '&':
			esc = "&amp;"
		case r == '<':
			esc = "&lt;"
		case r == '>':
			esc = "&gt;"
		case r == '\r':
			esc = "&#13;"
		case attr && r == '"':
			esc = "&quot;"
		case attr && (r == '\n' || r == '\t'):
			esc = "&#" + strconv.Itoa(int(r)) + ";"
		case r < 0x20 && r != '\t' && r != '\n', r == 0xfffe, r == 0xffff, r == utf8.RuneError:
			esc = "\ufffd"
		}
		if esc != "" {
			b = append(append(b, v[from:i]...), esc...)
			from = i + n
		}
		i += n
	}
	return append(b, v[from:]...)
}
