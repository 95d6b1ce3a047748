package jsonio

import (
	"encoding/json"
	"io"
	"math"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// Source reads JSON text.
type Source struct {
	scanner
	stack []frame
	room  [8]frame // stack's first entries: most requests nest little
}

// frame is an open container.
type frame struct {
	first   bool
	next    int // the member expected next
	unknown []string
}

// maxUnknown is how many unknown names of one object are remembered to find
// duplicates among them; nobody reads their values.
const maxUnknown = 32

func (s *Source) reset(text []byte, depth int) error {
	s.b, s.max = text, depth
	s.i, s.depth = 0, 0
	s.stack = s.room[:0]
	if !utf8.Valid(text) {
		return errSyntax
	}
	return nil
}

// forget drops what belongs to the request: cursors wait for reuse, and
// plaintext must not wait with them.
func (s *Source) forget() {
	s.room = [len(s.room)]frame{}
	clear(s.buf[:cap(s.buf)])
	s.b, s.buf, s.stack = nil, s.buf[:0], nil
	if cap(s.buf) > 4096 {
		s.buf = nil
	}
}

// decode reads the structure at i into v.
func (s *Source) decode(svc *walk.Service, i schema.Index, v reflect.Value) error {
	switch s.peek() {
	case '{':
	case '[':
		return walk.UnexpectedList()
	default:
		return errSyntax
	}
	d := walk.NewDecoder(svc, s, len(s.b))
	if err := d.Struct(i, v); err != nil {
		return err
	}
	return s.end()
}

// end refuses what follows the value.
func (s *Source) end() error {
	if s.space(); s.i != len(s.b) {
		return errSyntax
	}
	return nil
}

// Null implements walk.Source.
func (s *Source) Null() (bool, error) {
	if s.peek() != 'n' {
		return false, nil
	}
	return true, s.literal("null")
}

// wrong refuses the value at the cursor.
func (s *Source) wrong(sh *schema.Shape) error {
	switch s.peek() {
	case '{':
		return walk.UnexpectedMap()
	case '[':
		return walk.UnexpectedList()
	case '"':
		if _, err := s.text(); err != nil {
			return err
		}
		return walk.Wrong("STRING_VALUE", sh)
	case 't':
		return walk.Wrong("TRUE_VALUE", sh)
	case 'f':
		return walk.Wrong("FALSE_VALUE", sh)
	}
	if _, err := s.number(); err != nil {
		return err
	}
	return walk.Wrong("NUMBER_VALUE", sh)
}

// String implements walk.Source.
func (s *Source) String(sh *schema.Shape) (string, error) {
	if s.peek() != '"' {
		return "", s.wrong(sh)
	}
	b, err := s.text()
	for _, e := range sh.Enum {
		if e == string(b) {
			return e, err // the table's own copy
		}
	}
	return string(b), err
}

// Int implements walk.Source.
func (s *Source) Int(sh *schema.Shape) (int64, error) {
	if c := s.peek(); c != '-' && !isDigit(c) {
		return 0, s.wrong(sh)
	}
	b, err := s.number()
	if err != nil {
		return 0, err
	}
	bits := 64
	if sh.Kind == schema.Integer {
		bits = 32
	}
	n, ok := walk.ParseInt(string(b), bits)
	if !ok {
		return 0, errSyntax
	}
	return n, nil
}

// Float implements walk.Source.
func (s *Source) Float(sh *schema.Shape) (float64, error) {
	c := s.peek()
	if c == '"' {
		at := s.i
		b, err := s.text()
		if err != nil {
			return 0, err
		}
		switch string(b) {
		case "NaN", "Infinity", "-Infinity":
			f, _ := walk.ParseFloat(string(b))
			return f, nil
		}
		s.i = at
	}
	if c != '-' && !isDigit(c) {
		return 0, s.wrong(sh)
	}
	b, err := s.number()
	if err != nil {
		return 0, err
	}
	f, ok := walk.ParseFloat(string(b))
	if !ok || math.IsInf(f, 0) {
		return 0, errSyntax
	}
	return f, nil
}

// Bool implements walk.Source.
func (s *Source) Bool(sh *schema.Shape) (bool, error) {
	switch s.peek() {
	case 't':
		return true, s.literal("true")
	case 'f':
		return false, s.literal("false")
	}
	return false, s.wrong(sh)
}

// Time implements walk.Source.
func (s *Source) Time(sh *schema.Shape, format string) (time.Time, error) {
	switch c := s.peek(); {
	case c == '"' && (format == walk.ISO8601 || format == walk.RFC822):
		b, err := s.text()
		if err != nil {
			return time.Time{}, err
		}
		t, ok := walk.ParseTime(string(b))
		if !ok {
			return t, walk.Wrong("STRING_VALUE", sh)
		}
		return t, nil
	case c == '-' || isDigit(c):
		b, err := s.number()
		if err != nil {
			return time.Time{}, err
		}
		f, _ := walk.ParseFloat(string(b))
		t, ok := walk.FromEpoch(f)
		if !ok {
			return t, walk.Wrong("NUMBER_VALUE", sh)
		}
		return t, nil
	}
	return time.Time{}, s.wrong(sh)
}

// Blob implements walk.Source.
func (s *Source) Blob(sh *schema.Shape) ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.wrong(sh)
	}
	b, err := s.text()
	if err != nil {
		return nil, err
	}
	return walk.DecodeBase64(b)
}

// Stream implements walk.Source: JSON holds no streams.
func (s *Source) Stream(sh *schema.Shape) (io.ReadCloser, error) {
	return nil, s.wrong(sh)
}

// Document implements walk.Source.
func (s *Source) Document() (any, error) {
	switch s.peek() {
	case '{':
		if err := s.open(); err != nil {
			return nil, err
		}
		m := map[string]any{}
		for first := true; ; first = false {
			ok, err := s.next('}', first)
			if err != nil {
				return nil, err
			}
			if !ok {
				return m, nil
			}
			b, err := s.text()
			if err != nil {
				return nil, err
			}
			key := string(b)
			if _, dup := m[key]; dup {
				return nil, walk.Duplicate()
			}
			if err := s.colon(); err != nil {
				return nil, err
			}
			if m[key], err = s.Document(); err != nil {
				return nil, err
			}
		}
	case '[':
		if err := s.open(); err != nil {
			return nil, err
		}
		l := []any{}
		for first := true; ; first = false {
			ok, err := s.next(']', first)
			if err != nil {
				return nil, err
			}
			if !ok {
				return l, nil
			}
			v, err := s.Document()
			if err != nil {
				return nil, err
			}
			l = append(l, v)
		}
	case '"':
		b, err := s.text()
		return string(b), err
	case 't':
		return true, s.literal("true")
	case 'f':
		return false, s.literal("false")
	case 'n':
		return nil, s.literal("null")
	}
	b, err := s.number()
	return json.Number(b), err
}

// Struct implements walk.Source.
func (s *Source) Struct(st *walk.Struct) error { return s.enter('{', st.Shape) }

// List implements walk.Source.
func (s *Source) List(sh *schema.Shape) error { return s.enter('[', sh) }

// Map implements walk.Source.
func (s *Source) Map(sh *schema.Shape) error { return s.enter('{', sh) }

func (s *Source) enter(c byte, sh *schema.Shape) error {
	if s.peek() != c {
		return s.wrong(sh)
	}
	s.stack = append(s.stack, frame{first: true})
	return s.open()
}

// step moves to the next part of the innermost container.
func (s *Source) step(end byte) (*frame, error) {
	f := &s.stack[len(s.stack)-1]
	ok, err := s.next(end, f.first)
	if !ok || err != nil {
		s.stack = s.stack[:len(s.stack)-1]
		return nil, err
	}
	f.first = false
	return f, nil
}

// Member implements walk.Source.
func (s *Source) Member(st *walk.Struct) (int, error) {
	for {
		f, err := s.step('}')
		if f == nil {
			return -1, err
		}
		name, err := s.text()
		if err != nil {
			return 0, err
		}
		k := st.Find(name, f.next)
		if k < 0 && len(f.unknown) < maxUnknown {
			for _, u := range f.unknown {
				if u == string(name) {
					return 0, walk.Duplicate()
				}
			}
			f.unknown = append(f.unknown, string(name))
		}
		if err := s.colon(); err != nil {
			return 0, err
		}
		if k >= 0 {
			f.next = k + 1
			return k, nil
		}
		if err := s.skip(); err != nil {
			return 0, err
		}
	}
}

// Elem implements walk.Source.
func (s *Source) Elem() (bool, error) {
	f, err := s.step(']')
	return f != nil, err
}

// Entry implements walk.Source.
func (s *Source) Entry() (string, bool, error) {
	f, err := s.step('}')
	if f == nil {
		return "", false, err
	}
	name, err := s.text()
	if err != nil {
		return "", false, err
	}
	key := string(name)
	return key, true, s.colon()
}
