package policy

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of the reader. IAM takes documents of up to 131,072 characters; the
// deepest value of the language lies at depth 7 (a list of condition values).
const (
	maxText  = 4 * 131072 // bytes
	maxDepth = 10
)

// A node is a JSON value that knows where it stands. encoding/json is not used
// because it forgets positions, accepts duplicate members and folds the case of
// member names, each of which would let two readers see two policies.
type node struct {
	kind       nodeKind
	start, end int // byte offsets of the value in the text
	text       string
	members    []member
	items      []*node
}

type member struct {
	name string
	at   int
	node *node
}

type nodeKind uint8

const (
	nullNode nodeKind = iota
	boolNode
	numberNode
	stringNode
	arrayNode
	objectNode
)

// find answers the named member's value, or nil.
func (n *node) find(name string) *node {
	for i := range n.members {
		if n.members[i].name == name {
			return n.members[i].node
		}
	}
	return nil
}

// A jsonFault says why and where a text is no JSON that we take.
type jsonFault struct {
	at  int
	why string
}

type reader struct {
	text string
	pos  int
}

func readJSON(text string) (*node, *jsonFault) {
	if len(text) > maxText {
		return nil, &jsonFault{0, "the policy is too long"}
	}
	if !utf8.ValidString(text) {
		return nil, &jsonFault{0, "the policy is not valid UTF-8"}
	}
	r := &reader{text: text}
	n, fault := r.value(0)
	if fault != nil {
		return nil, fault
	}
	r.space()
	if r.pos < len(text) {
		return nil, r.fault("text after the end of the policy")
	}
	return n, nil
}

func (r *reader) fault(why string) *jsonFault { return &jsonFault{min(r.pos, len(r.text)), why} }

func (r *reader) space() {
	for r.pos < len(r.text) {
		switch r.text[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

// next skips blanks and answers the byte there, 0 at the end.
func (r *reader) next() byte {
	r.space()
	if r.pos < len(r.text) {
		return r.text[r.pos]
	}
	return 0
}

func (r *reader) value(depth int) (*node, *jsonFault) {
	if depth > maxDepth {
		return nil, r.fault("the policy is nested too deeply")
	}
	c := r.next()
	n := &node{start: r.pos}
	var fault *jsonFault
	switch {
	case c == '{':
		n.kind = objectNode
		fault = r.object(n, depth)
	case c == '[':
		n.kind = arrayNode
		fault = r.array(n, depth)
	case c == '"':
		n.kind = stringNode
		n.text, fault = r.str()
	case c == '-' || c >= '0' && c <= '9':
		n.kind = numberNode
		n.text, fault = r.number()
	case strings.HasPrefix(r.text[r.pos:], "true"):
		n.kind, n.text = boolNode, "true"
		r.pos += 4
	case strings.HasPrefix(r.text[r.pos:], "false"):
		n.kind, n.text = boolNode, "false"
		r.pos += 5
	case strings.HasPrefix(r.text[r.pos:], "null"):
		n.kind = nullNode
		r.pos += 4
	default:
		return nil, r.fault("expected a JSON value")
	}
	n.end = r.pos
	return n, fault
}

func (r *reader) object(n *node, depth int) *jsonFault {
	r.pos++
	if r.next() == '}' {
		r.pos++
		return nil
	}
	var seen map[string]bool
	for {
		if r.next() != '"' {
			return r.fault("expected a member name in quotes")
		}
		at := r.pos
		name, fault := r.str()
		if fault != nil {
			return fault
		}
		twice := false
		if len(n.members) < 8 {
			twice = n.find(name) != nil
		} else {
			if seen == nil {
				seen = make(map[string]bool)
				for _, m := range n.members {
					seen[m.name] = true
				}
			}
			twice = seen[name]
			seen[name] = true
		}
		if twice {
			return &jsonFault{at, strconv.Quote(name) + " appears twice"}
		}
		if r.next() != ':' {
			return r.fault("expected ':'")
		}
		r.pos++
		v, fault := r.value(depth + 1)
		if fault != nil {
			return fault
		}
		n.members = append(n.members, member{name, at, v})
		switch r.next() {
		case ',':
			r.pos++
		case '}':
			r.pos++
			return nil
		default:
			return r.fault("expected ',' or '}'")
		}
	}
}

func (r *reader) array(n *node, depth int) *jsonFault {
	r.pos++
	if r.next() == ']' {
		r.pos++
		return nil
	}
	for {
		v, fault := r.value(depth + 1)
		if fault != nil {
			return fault
		}
		n.items = append(n.items, v)
		switch r.next() {
		case ',':
			r.pos++
		case ']':
			r.pos++
			return nil
		default:
			return r.fault("expected ',' or ']'")
		}
	}
}

func (r *reader) number() (string, *jsonFault) {
	from := r.pos
	digits := func() bool {
		had := r.pos
		for r.pos < len(r.text) && r.text[r.pos] >= '0' && r.text[r.pos] <= '9' {
			r.pos++
		}
		return r.pos > had
	}
	at := func(set string) bool {
		return r.pos < len(r.text) && strings.IndexByte(set, r.text[r.pos]) >= 0
	}
	if at("-") {
		r.pos++
	}
	whole := r.pos
	if !digits() || r.text[whole] == '0' && r.pos > whole+1 {
		return "", r.fault("malformed number")
	}
	if at(".") {
		r.pos++
		if !digits() {
			return "", r.fault("malformed number")
		}
	}
	if at("eE") {
		r.pos++
		if at("+-") {
			r.pos++
		}
		if !digits() {
			return "", r.fault("malformed number")
		}
	}
	return r.text[from:r.pos], nil
}

func (r *reader) str() (string, *jsonFault) {
	r.pos++ // the opening quote
	from := r.pos
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; {
		case c == '"':
			r.pos++
			return r.text[from : r.pos-1], nil
		case c == '\\':
			return r.escaped(from)
		case c < 0x20:
			return "", r.fault("control character in a string")
		default:
			r.pos++
		}
	}
	return "", r.fault("string without an end")
}

// escaped goes on with a string in which the first backslash stands at r.pos.
func (r *reader) escaped(from int) (string, *jsonFault) {
	b := []byte(r.text[from:r.pos])
	for r.pos < len(r.text) {
		c := r.text[r.pos]
		r.pos++
		switch {
		case c == '"':
			return string(b), nil
		case c < 0x20:
			r.pos--
			return "", r.fault("control character in a string")
		case c != '\\':
			b = append(b, c)
			continue
		}
		if r.pos == len(r.text) {
			break
		}
		c = r.text[r.pos]
		r.pos++
		switch c {
		case '"', '\\', '/':
			b = append(b, c)
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			u, ok := r.hex4()
			if !ok {
				return "", r.fault("malformed \\u escape")
			}
			if utf16.IsSurrogate(u) {
				// Half a pair is refused: decoded as U+FFFD, two different
				// policies would read the same.
				var low rune
				if !strings.HasPrefix(r.text[r.pos:], `\u`) {
					return "", r.fault("half a surrogate pair")
				}
				r.pos += 2
				if low, ok = r.hex4(); !ok {
					return "", r.fault("malformed \\u escape")
				}
				if u = utf16.DecodeRune(u, low); u == utf8.RuneError {
					return "", r.fault("half a surrogate pair")
				}
			}
			b = utf8.AppendRune(b, u)
		default:
			r.pos--
			return "", r.fault("unknown escape")
		}
	}
	return "", r.fault("string without an end")
}

func (r *reader) hex4() (rune, bool) {
	if r.pos+4 > len(r.text) {
		return 0, false
	}
	u, err := strconv.ParseUint(r.text[r.pos:r.pos+4], 16, 16)
	if err != nil {
		return 0, false
	}
	r.pos += 4
	return rune(u), true
}

// place turns a byte offset into a line and a column.
func place(text string, at int) Position {
	var c cursor
	return c.move(text, min(at, len(text)))
}

// cursor turns growing offsets into places, each from the one before: counting
// from the start for every statement would take the square of the text's length.
type cursor struct {
	offset, lines, columns int
}

// move goes on to an offset that is not before the last one.
func (c *cursor) move(text string, to int) Position {
	between := text[c.offset:to]
	if last := strings.LastIndexByte(between, '\n'); last >= 0 {
		c.lines += strings.Count(between, "\n")
		c.columns = 0
		between = between[last+1:]
	}
	c.columns += utf8.RuneCountInString(between)
	c.offset = to
	return Position{Line: c.lines + 1, Column: c.columns + 1}
}
