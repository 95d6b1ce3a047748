package pattern

import "strings"

// field is one place of a pattern in brackets.
type field struct {
	name string
	rest bool // "...": any number of words
	test func(word string) bool
}

func parseList(text string) (*Pattern, error) {
	s := &scanner{text: text, at: 1}
	var fields []field
	ellipses := 0
	for {
		f, err := s.field()
		if err != nil {
			return nil, err
		}
		if f.rest {
			ellipses++
		}
		fields = append(fields, f)
		s.blank()
		if s.next("]") {
			break
		}
		if !s.next(",") {
			return nil, invalid("a comma or closing bracket is missing at %d", s.at)
		}
	}
	if s.blank(); !s.end() {
		return nil, invalid("there is more behind the closing bracket")
	}
	if ellipses > 1 {
		return nil, invalid("more than one ellipsis")
	}
	bind := func(m string) ([]string, bool) { return bindWords(fields, words(m)) }
	return &Pattern{
		match: func(m string) bool {
			_, ok := bind(m)
			return ok
		},
		extract: func(m string) map[string]string {
			found := map[string]string{}
			values, ok := bind(m)
			for i := range fields {
				if ok && !fields[i].rest {
					found["$"+fields[i].name] = values[i]
				}
			}
			return found
		},
	}, nil
}

// field reads "name", "name = x && name != y" or "...".
func (s *scanner) field() (field, error) {
	s.blank()
	if s.next("...") {
		return field{rest: true}, nil
	}
	var f field
	or, err := s.fieldOr(&f)
	f.test = or
	return f, err
}

func (s *scanner) fieldOr(f *field) (func(string) bool, error) {
	left, err := s.fieldAnd(f)
	if err != nil {
		return nil, err
	}
	for s.blank(); s.next("||"); s.blank() {
		right, err := s.fieldAnd(f)
		if err != nil {
			return nil, err
		}
		l := left
		left = func(w string) bool { return l(w) || right(w) }
	}
	return left, nil
}

func (s *scanner) fieldAnd(f *field) (func(string) bool, error) {
	left, err := s.fieldOne(f)
	if err != nil {
		return nil, err
	}
	for s.blank(); s.next("&&"); s.blank() {
		right, err := s.fieldOne(f)
		if err != nil {
			return nil, err
		}
		l := left
		left = func(w string) bool { return l(w) && right(w) }
	}
	return left, nil
}

func (s *scanner) fieldOne(f *field) (func(string) bool, error) {
	s.blank()
	if s.next("(") {
		if s.depth++; s.depth > mostDepth {
			return nil, invalid("nested too deeply")
		}
		t, err := s.fieldOr(f)
		if err != nil {
			return nil, err
		}
		s.depth--
		if s.blank(); !s.next(")") {
			return nil, invalid("a closing parenthesis is missing at %d", s.at)
		}
		return t, nil
	}
	from := s.at
	for !s.end() && (isWord(s.text[s.at]) || s.text[s.at] == '-') {
		s.at++
	}
	name := s.text[from:s.at]
	if name == "" {
		return nil, invalid("a name is missing at %d", from)
	}
	if f.name == "" {
		f.name = name
	} else if f.name != name {
		return nil, invalid("%q stands where only %q can", name, f.name)
	}
	s.blank()
	o, ok := s.operator()
	if !ok {
		return func(string) bool { return true }, nil
	}
	with, err := s.operand("),]&|")
	if err != nil {
		return nil, err
	}
	return func(w string) bool { return with.compare(o, w) }, nil
}

// words splits a message at blanks; what stands in quotes or brackets is one word.
func words(m string) []string {
	var out []string
	for i := 0; i < len(m); {
		switch c := m[i]; c {
		case ' ', '\t', '\n', '\r':
			i++
		case '"', '[':
			end := byte('"')
			if c == '[' {
				end = ']'
			}
			j := strings.IndexByte(m[i+1:], end)
			if j < 0 {
				out = append(out, m[i+1:])
				return out
			}
			out = append(out, m[i+1:i+1+j])
			i += j + 2
		default:
			j := strings.IndexAny(m[i:], " \t\n\r")
			if j < 0 {
				j = len(m) - i
			}
			out = append(out, m[i:i+j])
			i += j
		}
	}
	return out
}

// bindWords gives each field its word.
func bindWords(fields []field, words []string) ([]string, bool) {
	values := make([]string, len(fields))
	slack := len(words) - len(fields)
	at := 0
	for i := range fields {
		if fields[i].rest {
			n := slack + 1
			if n < 0 {
				return nil, false
			}
			at, slack = at+n, 0
			continue
		}
		if at >= len(words) || !fields[i].test(words[at]) {
			return nil, false
		}
		values[i] = words[at]
		at++
	}
	return values, at == len(words)
}
