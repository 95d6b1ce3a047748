// Package jsonio reads and writes JSON for the walker. It is its own parser:
// strict (RFC 8259, no invalid UTF-8, no lone surrogates, no duplicate names),
// bounded in depth, and it builds nothing but the values that the schema asks
// for.
package jsonio

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// errSyntax has no message: AWS answers malformed JSON with a bare code.
var errSyntax = walk.Refuse("")

// scanner is a cursor over JSON text.
type scanner struct {
	b     []byte
	i     int
	max   int    // deepest nesting allowed
	depth int    // containers open
	buf   []byte // strings with escapes are unfolded here
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek answers the first byte of what comes next, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *scanner) open() error {
	s.i++
	if s.depth++; s.depth > s.max {
		return walk.TooDeep()
	}
	return nil
}

// next moves to the next part of a container that ends with end. first says
// that nothing was read from it yet.
func (s *scanner) next(end byte, first bool) (bool, error) {
	switch c := s.peek(); {
	case c == end:
		s.i++
		s.depth--
		return false, nil
	case first:
		return true, nil
	case c == ',':
		s.i++
		if s.peek() == end {
			return false, errSyntax
		}
		return true, nil
	}
	return false, errSyntax
}

func (s *scanner) literal(word string) error {
	if end := s.i + len(word); end <= len(s.b) && string(s.b[s.i:end]) == word {
		s.i = end
		return nil
	}
	return errSyntax
}

// text reads a string; what it answers is valid until the next call.
func (s *scanner) text() ([]byte, error) {
	if s.peek() != '"' {
		return nil, errSyntax
	}
	s.i++
	rest := s.b[s.i:]
	for k, c := range rest {
		switch {
		case c == '"':
			s.i += k + 1
			return rest[:k:k], nil
		case c == '\\':
			return s.unfold(k)
		case c < 0x20:
			return nil, errSyntax
		}
	}
	return nil, errSyntax
}

// unfold reads the rest of a string whose byte k is its first escape.
func (s *scanner) unfold(k int) ([]byte, error) {
	s.buf = append(s.buf[:0], s.b[s.i:s.i+k]...)
	s.i += k
	for s.i < len(s.b) {
		c := s.b[s.i]
		s.i++
		switch {
		case c == '"':
			return s.buf, nil
		case c < 0x20:
			return nil, errSyntax
		case c != '\\':
			s.buf = append(s.buf, c)
			continue
		}
		if s.i >= len(s.b) {
			return nil, errSyntax
		}
		c = s.b[s.i]
		s.i++
		switch c {
		case '"', '\\', '/':
			s.buf = append(s.buf, c)
		case 'b':
			s.buf = append(s.buf, '\b')
		case 'f':
			s.buf = append(s.buf, '\f')
		case 'n':
			s.buf = append(s.buf, '\n')
		case 'r':
			s.buf = append(s.buf, '\r')
		case 't':
			s.buf = append(s.buf, '\t')
		case 'u':
			r, ok := s.hex()
			if ok && utf16.IsSurrogate(r) {
				if !bytes.HasPrefix(s.b[s.i:], []byte(`\u`)) {
					return nil, errSyntax
				}
				s.i += 2
				var low rune
				low, ok = s.hex()
				if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
					ok = false
				}
			}
			if !ok {
				return nil, errSyntax
			}
			s.buf = utf8.AppendRune(s.buf, r)
		default:
			return nil, errSyntax
		}
	}
	return nil, errSyntax
}

func (s *scanner) hex() (rune, bool) {
	if s.i+4 > len(s.b) {
		return 0, false
	}
	var r rune
	for _, c := range s.b[s.i : s.i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	s.i += 4
	return r, true
}

// number reads a number's text by JSON's grammar.
func (s *scanner) number() ([]byte, error) {
	from := s.i
	at := func(i int) byte {
		if i < len(s.b) {
			return s.b[i]
		}
		return 0
	}
	i := s.i
	if at(i) == '-' {
		i++
	}
	switch c := at(i); {
	case c == '0':
		i++
	case '1' <= c && c <= '9':
		for isDigit(at(i)) {
			i++
		}
	default:
		return nil, errSyntax
	}
	if at(i) == '.' {
		if i++; !isDigit(at(i)) {
			return nil, errSyntax
		}
		for isDigit(at(i)) {
			i++
		}
	}
	if c := at(i); c == 'e' || c == 'E' {
		i++
		if c := at(i); c == '+' || c == '-' {
			i++
		}
		if !isDigit(at(i)) {
			return nil, errSyntax
		}
		for isDigit(at(i)) {
			i++
		}
	}
	if i-from > walk.MaxNumber {
		return nil, errSyntax
	}
	s.i = i
	return s.b[from:i], nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// skip passes any value.
func (s *scanner) skip() error {
	switch s.peek() {
	case '{':
		if err := s.open(); err != nil {
			return err
		}
		for first := true; ; first = false {
			ok, err := s.next('}', first)
			if !ok || err != nil {
				return err
			}
			if _, err := s.text(); err != nil {
				return err
			}
			if err := s.colon(); err != nil {
				return err
			}
			if err := s.skip(); err != nil {
				return err
			}
		}
	case '[':
		if err := s.open(); err != nil {
			return err
		}
		for first := true; ; first = false {
			ok, err := s.next(']', first)
			if !ok || err != nil {
				return err
			}
			if err := s.skip(); err != nil {
				return err
			}
		}
	case '"':
		_, err := s.text()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	_, err := s.number()
	return err
}

func (s *scanner) colon() error {
	if s.peek() != ':' {
		return errSyntax
	}
	s.i++
	return nil
}
