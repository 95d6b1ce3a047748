package pattern

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// condition is a part of a pattern in braces.
type condition func(root any) bool

// selector is "$.a.b[0].*" taken apart; index -1 and name "*" stand for all.
type selector struct {
	text  string
	steps []step
}

type step struct {
	name  string
	index int
	isIdx bool
}

func parseObject(text string) (*Pattern, error) {
	s := &scanner{text: text, at: 1}
	var selectors []selector
	c, err := s.or(&selectors)
	if err != nil {
		return nil, err
	}
	s.blank()
	if !s.next("}") {
		return nil, invalid("a closing brace is missing at %d", s.at)
	}
	if s.blank(); !s.end() {
		return nil, invalid("there is more behind the closing brace")
	}
	return &Pattern{
		match: func(m string) bool {
			root, ok := object(m)
			return ok && c(root)
		},
		extract: func(m string) map[string]string {
			found := map[string]string{}
			if root, ok := object(m); ok {
				for _, sel := range selectors {
					for _, v := range sel.values(root) {
						found[sel.text] = show(v)
						break
					}
				}
			}
			return found
		},
	}, nil
}

// object reads a message that is a JSON object.
func object(m string) (any, bool) {
	if i := strings.IndexByte(m, '{'); i < 0 || strings.TrimSpace(m[:i]) != "" {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(m))
	d.UseNumber()
	var root map[string]any
	if d.Decode(&root) != nil {
		return nil, false
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, false
	}
	return root, true
}

func (s *scanner) or(sel *[]selector) (condition, error) {
	left, err := s.and(sel)
	if err != nil {
		return nil, err
	}
	for s.blank(); s.next("||"); s.blank() {
		right, err := s.and(sel)
		if err != nil {
			return nil, err
		}
		l := left
		left = func(v any) bool { return l(v) || right(v) }
	}
	return left, nil
}

func (s *scanner) and(sel *[]selector) (condition, error) {
	left, err := s.one(sel)
	if err != nil {
		return nil, err
	}
	for s.blank(); s.next("&&"); s.blank() {
		right, err := s.one(sel)
		if err != nil {
			return nil, err
		}
		l := left
		left = func(v any) bool { return l(v) && right(v) }
	}
	return left, nil
}

func (s *scanner) one(sel *[]selector) (condition, error) {
	s.blank()
	if s.next("(") {
		if s.depth++; s.depth > mostDepth {
			return nil, invalid("nested too deeply")
		}
		c, err := s.or(sel)
		if err != nil {
			return nil, err
		}
		s.depth--
		if s.blank(); !s.next(")") {
			return nil, invalid("a closing parenthesis is missing at %d", s.at)
		}
		return c, nil
	}
	x, err := s.selector()
	if err != nil {
		return nil, err
	}
	*sel = append(*sel, x)
	s.blank()
	if s.keyword("IS") {
		s.blank()
		switch {
		case s.keyword("NULL"):
			return x.some(func(v any) bool { return v == nil }), nil
		case s.keyword("TRUE"):
			return x.some(func(v any) bool { return v == true }), nil
		case s.keyword("FALSE"):
			return x.some(func(v any) bool { return v == false }), nil
		}
		return nil, invalid("IS takes NULL, TRUE or FALSE, at %d", s.at)
	}
	if s.keyword("NOT") {
		if s.blank(); !s.keyword("EXISTS") {
			return nil, invalid("NOT takes EXISTS, at %d", s.at)
		}
		return func(root any) bool { return len(x.values(root)) == 0 }, nil
	}
	if s.keyword("EXISTS") {
		return func(root any) bool { return len(x.values(root)) > 0 }, nil
	}
	o, ok := s.operator()
	if !ok {
		return nil, invalid("a comparison is missing at %d", s.at)
	}
	with, err := s.operand(")}&|")
	if err != nil {
		return nil, err
	}
	return x.some(func(v any) bool {
		switch v := v.(type) {
		case string:
			return with.compare(o, v)
		case json.Number:
			return with.compare(o, v.String())
		}
		return false
	}), nil
}

// selector reads "$.a['b'].c[0]".
func (s *scanner) selector() (selector, error) {
	start := s.at
	if !s.next("$") {
		return selector{}, invalid("a selector that begins with $ is missing at %d", s.at)
	}
	var x selector
	for {
		switch {
		case s.next("."):
			from := s.at
			for !s.end() && (isWord(s.text[s.at]) || s.text[s.at] == '-' || s.text[s.at] == '*' || s.text[s.at] >= 0x80) {
				s.at++
			}
			if s.at == from {
				return x, invalid("a name is missing at %d", from)
			}
			x.steps = append(x.steps, step{name: s.text[from:s.at]})
		case s.next("['"):
			i := strings.Index(s.text[s.at:], "']")
			if i <= 0 {
				return x, invalid("the name at %d is not closed", s.at)
			}
			x.steps = append(x.steps, step{name: s.text[s.at : s.at+i]})
			s.at += i + 2
		case s.next("["):
			i := strings.IndexByte(s.text[s.at:], ']')
			if i <= 0 {
				return x, invalid("the index at %d is not closed", s.at)
			}
			at := step{isIdx: true, index: -1}
			if t := strings.TrimSpace(s.text[s.at : s.at+i]); t != "*" {
				n, err := strconv.Atoi(t)
				if err != nil || n < 0 {
					return x, invalid("%q is no index", t)
				}
				at.index = n
			}
			x.steps = append(x.steps, at)
			s.at += i + 1
		default:
			if len(x.steps) == 0 {
				return x, invalid("a selector is missing at %d", start)
			}
			x.text = s.text[start:s.at]
			return x, nil
		}
	}
}

// values are what the selector finds.
func (x *selector) values(root any) []any {
	at := []any{root}
	for _, st := range x.steps {
		var next []any
		for _, v := range at {
			switch v := v.(type) {
			case map[string]any:
				if st.name == "*" && !st.isIdx {
					for _, e := range v {
						next = append(next, e)
					}
				} else if e, ok := v[st.name]; ok && !st.isIdx {
					next = append(next, e)
				}
			case []any:
				switch {
				case !st.isIdx:
				case st.index < 0:
					next = append(next, v...)
				case st.index < len(v):
					next = append(next, v[st.index])
				}
			}
		}
		at = next
	}
	return at
}

func (x *selector) some(f func(any) bool) condition {
	return func(root any) bool {
		for _, v := range x.values(root) {
			if f(v) {
				return true
			}
		}
		return false
	}
}
