package pattern

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// operand is what a value is compared with.
type operand struct {
	text   string
	number float64
	isNum  bool
	wild   bool // text has a *
	re     *regexp.Regexp
}

// operators, longest first.
var operators = []string{"!=", "<=", ">=", "=", "<", ">"}

// operator reads a comparison sign.
func (s *scanner) operator() (string, bool) {
	for _, o := range operators {
		if s.next(o) {
			return o, true
		}
	}
	return "", false
}

// operand reads what stands behind a comparison sign; ends are the characters that
// end a bare one.
func (s *scanner) operand(ends string) (operand, error) {
	s.blank()
	if s.end() {
		return operand{}, invalid("nothing to compare with at its end")
	}
	switch s.text[s.at] {
	case '"':
		t, err := s.quoted()
		o := operand{text: t, wild: strings.Contains(t, "*")}
		return o, err
	case '%':
		re, err := s.regexp()
		return operand{re: re}, err
	}
	start := s.at
	for !s.end() && s.text[s.at] != ' ' && s.text[s.at] != '\t' && strings.IndexByte(ends, s.text[s.at]) < 0 {
		s.at++
	}
	t := s.text[start:s.at]
	if t == "" {
		return operand{}, invalid("nothing to compare with at %d", start)
	}
	o := operand{text: t, wild: strings.Contains(t, "*")}
	if n, err := strconv.ParseFloat(t, 64); err == nil {
		o.number, o.isNum = n, true
	}
	return o, nil
}

// compare holds a value, a string or a json.Number, against the operand.
func (o operand) compare(operator, value string) bool {
	if o.isNum {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return operator == "!="
		}
		switch operator {
		case "=":
			return n == o.number
		case "!=":
			return n != o.number
		case "<":
			return n < o.number
		case ">":
			return n > o.number
		case "<=":
			return n <= o.number
		}
		return n >= o.number
	}
	var equal bool
	switch {
	case o.re != nil:
		equal = o.re.MatchString(value)
	case o.wild:
		equal = like(o.text, value)
	default:
		equal = o.text == value
	}
	switch operator {
	case "=":
		return equal
	case "!=":
		return !equal
	}
	return false // texts have no order here
}

// like matches a text with stars for any number of characters.
func like(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(text, p)
		if i < 0 {
			return false
		}
		text = text[i+len(p):]
	}
	return len(text) >= len(last) && strings.HasSuffix(text, last)
}

// show is a JSON value as text.
func show(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	case nil:
		return "null"
	}
	b, _ := json.Marshal(v)
	return string(b)
}
