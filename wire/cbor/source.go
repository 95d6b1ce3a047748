package cbor

import (
	"io"
	"math"
	"time"
	"unicode/utf8"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// source is a walk.Source over CBOR.
type source struct {
	b     []byte
	i     int
	max   int
	stack []frame
}

// frame is an open container: how many parts are left, or -1 where a break
// code ends it.
type frame struct {
	left    int
	next    int
	unknown []string
}

const maxUnknown = 32

// Null implements walk.Source.
func (s *source) Null() (bool, error) {
	if s.i >= len(s.b) {
		return false, errSyntax
	}
	if c := s.b[s.i]; c == typeSimple<<5|simpleNull || c == typeSimple<<5|simpleUndefined {
		s.i++
		return true, nil
	}
	return false, nil
}

// value reads the head of a value. Tags other than the one wanted carry no
// meaning for the models and are passed over.
func (s *source) value() (head, error) {
	for range maxTags {
		h, err := s.read()
		if err != nil || h.major != typeTag {
			return h, err
		}
	}
	return head{}, errSyntax
}

// wrong refuses a value of another type.
func wrong(h head, sh *schema.Shape) error {
	switch {
	case h.major == typeMap:
		return walk.UnexpectedMap()
	case h.major == typeArray:
		return walk.UnexpectedList()
	case h.major == typeText:
		return walk.Wrong("STRING_VALUE", sh)
	case h.major == typeBytes:
		return walk.Wrong("BLOB_VALUE", sh)
	case h.major == typeSimple && h.info == simpleTrue:
		return walk.Wrong("TRUE_VALUE", sh)
	case h.major == typeSimple && h.info == simpleFalse:
		return walk.Wrong("FALSE_VALUE", sh)
	}
	return walk.Wrong("NUMBER_VALUE", sh)
}

// String implements walk.Source.
func (s *source) String(sh *schema.Shape) (string, error) {
	h, err := s.value()
	if err != nil {
		return "", err
	}
	if h.major != typeText {
		return "", wrong(h, sh)
	}
	return s.text(h)
}

func (s *source) text(h head) (string, error) {
	b, err := s.chunks(h)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", errSyntax
	}
	return string(b), nil
}

// Int implements walk.Source.
func (s *source) Int(sh *schema.Shape) (int64, error) {
	h, err := s.value()
	if err != nil {
		return 0, err
	}
	top := uint64(math.MaxInt64)
	if sh.Kind == schema.Integer {
		top = math.MaxInt32
	}
	switch {
	case h.major == typeUint && h.arg <= top:
		return int64(h.arg), nil
	case h.major == typeInt && h.arg <= top:
		return -1 - int64(h.arg), nil
	}
	return 0, wrong(h, sh)
}

// Float implements walk.Source.
func (s *source) Float(sh *schema.Shape) (float64, error) {
	h, err := s.value()
	if err != nil {
		return 0, err
	}
	f, ok := h.float()
	if !ok {
		return 0, wrong(h, sh)
	}
	return f, nil
}

// Bool implements walk.Source.
func (s *source) Bool(sh *schema.Shape) (bool, error) {
	h, err := s.value()
	if err != nil {
		return false, err
	}
	if h.major == typeSimple && (h.info == simpleTrue || h.info == simpleFalse) {
		return h.info == simpleTrue, nil
	}
	return false, wrong(h, sh)
}

// Time implements walk.Source: epoch seconds under tag 1.
func (s *source) Time(sh *schema.Shape, _ string) (time.Time, error) {
	h, err := s.read()
	if err != nil {
		return time.Time{}, err
	}
	if h.major != typeTag || h.arg != tagEpoch {
		return time.Time{}, wrong(h, sh)
	}
	if h, err = s.read(); err != nil {
		return time.Time{}, err
	}
	if f, ok := h.float(); ok {
		if t, ok := walk.FromEpoch(f); ok {
			return t, nil
		}
	}
	return time.Time{}, wrong(h, sh)
}

// Blob implements walk.Source.
func (s *source) Blob(sh *schema.Shape) ([]byte, error) {
	h, err := s.value()
	if err != nil {
		return nil, err
	}
	if h.major != typeBytes {
		return nil, wrong(h, sh)
	}
	b, err := s.chunks(h)
	return append([]byte{}, b...), err
}

// Stream implements walk.Source.
func (s *source) Stream(*schema.Shape) (io.ReadCloser, error) { return nil, errSyntax }

// Document implements walk.Source: the protocol has no documents.
func (s *source) Document() (any, error) { return nil, errSyntax }

// Struct implements walk.Source.
func (s *source) Struct(st *walk.Struct) error { return s.enter(typeMap, st.Shape) }

// List implements walk.Source.
func (s *source) List(sh *schema.Shape) error { return s.enter(typeArray, sh) }

// Map implements walk.Source.
func (s *source) Map(sh *schema.Shape) error { return s.enter(typeMap, sh) }

func (s *source) enter(major byte, sh *schema.Shape) error {
	h, err := s.value()
	if err != nil {
		return err
	}
	if h.major != major {
		return wrong(h, sh)
	}
	if len(s.stack) >= s.max {
		return walk.TooDeep()
	}
	left, err := s.length(h)
	s.stack = append(s.stack, frame{left: left})
	return err
}

// length is a container's count of parts. Each part takes at least a byte, so
// a count that the input can't hold is refused before anything is made of it.
func (s *source) length(h head) (int, error) {
	if h.info == indefinite {
		return -1, nil
	}
	if h.arg > uint64(len(s.b)-s.i) {
		return 0, errSyntax
	}
	return int(h.arg), nil
}

// step moves to the next part of the innermost container, or leaves it.
func (s *source) step() *frame {
	f := &s.stack[len(s.stack)-1]
	if f.left == 0 || f.left < 0 && s.broken() {
		s.stack = s.stack[:len(s.stack)-1]
		return nil
	}
	if f.left > 0 {
		f.left--
	}
	return f
}

// key reads a map's key.
func (s *source) key() (string, error) {
	h, err := s.read()
	if err != nil {
		return "", err
	}
	if h.major != typeText {
		return "", errSyntax
	}
	return s.text(h)
}

// Member implements walk.Source.
func (s *source) Member(st *walk.Struct) (int, error) {
	for {
		f := s.step()
		if f == nil {
			return -1, nil
		}
		name, err := s.key()
		if err != nil {
			return 0, err
		}
		if k := st.Find([]byte(name), f.next); k >= 0 {
			f.next = k + 1
			return k, nil
		}
		for _, u := range f.unknown {
			if u == name {
				return 0, walk.Duplicate()
			}
		}
		if len(f.unknown) < maxUnknown {
			f.unknown = append(f.unknown, name)
		}
		if err := s.skip(len(s.stack)); err != nil {
			return 0, err
		}
	}
}

// Elem implements walk.Source.
func (s *source) Elem() (bool, error) { return s.step() != nil, nil }

// Entry implements walk.Source.
func (s *source) Entry() (string, bool, error) {
	if s.step() == nil {
		return "", false, nil
	}
	key, err := s.key()
	return key, err == nil, err
}

// skip passes any value that lies depth containers deep.
func (s *source) skip(depth int) error {
	if depth > s.max {
		return walk.TooDeep()
	}
	h, err := s.value()
	if err != nil {
		return err
	}
	switch h.major {
	case typeBytes, typeText:
		_, err := s.chunks(h)
		return err
	case typeArray, typeMap:
		left, err := s.length(h)
		if err != nil {
			return err
		}
		per := 1
		if h.major == typeMap {
			per = 2
		}
		for ; left != 0 && !(left < 0 && s.broken()); left-- {
			for range per {
				if err := s.skip(depth + 1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
