package policy

import (
	"strings"
	"unicode/utf8"
)

// Patterns are kept as strings in which two bytes that no UTF-8 text contains
// stand for the wildcards. A * that came from a request, from ${*} or in an
// operator without wildcards is then just a *: what is compared literally cannot
// turn into a wildcard on the way (design rule: a * in a user name is none).
const (
	star  = 0xFF // any run of characters, also none
	quest = 0xFE // exactly one character
)

// encode turns the text of a policy into a pattern.
func encode(text string) string {
	if strings.IndexByte(text, '*') < 0 && strings.IndexByte(text, '?') < 0 {
		return text
	}
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '*':
			if len(b) == 0 || b[len(b)-1] != star {
				b = append(b, star)
			}
		case '?':
			b = append(b, quest)
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// literal tells whether text can stand in a pattern as itself. Only text that is
// no UTF-8 cannot; nothing of AWS's is such, so it matches nothing.
func literal(text string) bool {
	return strings.IndexByte(text, star) < 0 && strings.IndexByte(text, quest) < 0
}

// wild matches a pattern against a whole text. It backtracks to the last star
// only, so its cost is bounded by the product of the two lengths; the request
// bears it, and may run out.
func wild[P string | []byte](r *Request, p P, s string) bool {
	i, j := 0, 0
	back, from := -1, 0 // the last star in p, and where in s its run ends
	for j < len(s) {
		switch {
		case i < len(p) && p[i] == star:
			back, from = i, j
			i++
		case i < len(p) && p[i] == quest:
			i++
			j += width(s, j)
		case i < len(p) && p[i] == s[j]:
			i++
			j++
		case back >= 0:
			if !r.spend(j - from + 1) {
				return false
			}
			from += width(s, from)
			i, j = back+1, from
		default:
			return false
		}
	}
	r.spend(len(s) - from)
	for i < len(p) && p[i] == star {
		i++
	}
	return i == len(p)
}

// width answers how many bytes the character at s[i] has.
func width(s string, i int) int {
	if s[i] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(s[i:])
	return n
}

// wildFold is wild for actions: p is in lower case, s in any, both ASCII.
func wildFold(p, s string) bool {
	i, j := 0, 0
	back, from := -1, 0
	for j < len(s) {
		switch {
		case i < len(p) && p[i] == star:
			back, from = i, j
			i++
		case i < len(p) && (p[i] == quest || p[i] == lower(s[j])):
			i++
			j++
		case back >= 0:
			from++
			i, j = back+1, from
		default:
			return false
		}
	}
	for i < len(p) && p[i] == star {
		i++
	}
	return i == len(p)
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// matcher compares one value of a request with one value of a policy.
type matcher interface {
	// match may resolve variables in r. known is false when one of them has no
	// value: then the value matches nothing.
	match(r *Request, value string) (matched, known bool)
	// String is the value as the policy has it.
	String() string
}

// pattern is a value without variables.
type pattern struct {
	text string // as written
	enc  string
	kind patternKind
}

type patternKind uint8

const (
	general patternKind = iota
	anything
	exact  // no wildcard
	prefix // one star, at the end
)

// newPattern compiles an already encoded pattern.
func newPattern(text, enc string) *pattern {
	p := &pattern{text: text, enc: enc}
	switch {
	case enc == "\xff":
		p.kind = anything
	case literal(enc):
		p.kind = exact
	case enc[len(enc)-1] == star && literal(enc[:len(enc)-1]):
		p.kind, p.enc = prefix, enc[:len(enc)-1]
	}
	return p
}

func (p *pattern) match(r *Request, value string) (bool, bool) {
	r.spend(1)
	switch p.kind {
	case anything:
		return true, true
	case exact:
		return p.enc == value, true
	case prefix:
		return strings.HasPrefix(value, p.enc), true
	}
	return wild(r, p.enc, value), true
}

func (p *pattern) String() string { return p.text }
