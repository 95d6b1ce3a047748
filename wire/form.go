package wire

import (
	"strings"
	"unicode/utf8"
)

// Form is a list of name/value pairs in the order sent. A list, not a map: the
// protocols care about order, about duplicates and about "a" against "a=".
type Form []Pair

// Pair is one decoded name and value.
type Pair struct{ Name, Value string }

// maxPairs bounds a form: beyond it the body limit would allow a million empty
// pairs. AWS's own limit is not published.
const maxPairs = 20000

// Get answers the first value of that name.
func (f Form) Get(name string) (string, bool) {
	for i := range f {
		if f[i].Name == name {
			return f[i].Value, true
		}
	}
	return "", false
}

// Query is the request target's query, decoded.
func (r *Request) Query() (Form, error) {
	if r.have&haveQuery == 0 {
		f, err := ParseForm(r.RawQuery)
		if err != nil {
			return nil, err
		}
		r.query = f
		r.have |= haveQuery
	}
	return r.query, nil
}

// Form is what the query protocols read: the form in the body, or, in a GET,
// the query. Parameters of both are one set.
func (r *Request) Form(limit int) (Form, error) {
	if r.have&haveForm != 0 {
		return r.form, nil
	}
	body, err := r.Content(limit)
	if err != nil {
		return nil, err
	}
	f, err := ParseForm(string(body))
	if err != nil {
		return nil, err
	}
	q, err := r.Query()
	if err != nil {
		return nil, err
	}
	r.form = append(q[:len(q):len(q)], f...)
	r.have |= haveForm
	return r.form, nil
}

// ParseForm decodes application/x-www-form-urlencoded text.
func ParseForm(s string) (Form, error) {
	if s == "" {
		return nil, nil
	}
	n := strings.Count(s, "&") + 1
	if n > maxPairs {
		return nil, ErrMalformedQuery.New("The query string contains too many parameters.")
	}
	f := make(Form, 0, n)
	for part := range strings.SplitSeq(s, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		n, ok1 := Unescape(name, true)
		v, ok2 := Unescape(value, true)
		if !ok1 || !ok2 {
			return nil, ErrMalformedQuery.New("The query string contains a syntax error.")
		}
		f = append(f, Pair{n, v})
	}
	return f, nil
}

// Unescape undoes percent-encoding; plus says that "+" is a blank. It refuses
// malformed escapes and what is not UTF-8.
func Unescape(s string, plus bool) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && (!plus || strings.IndexByte(s, '+') < 0) {
		return strings.Clone(s), utf8.ValidString(s)
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if i+2 >= len(s) {
				return "", false
			}
			hi, ok1 := unhex(s[i+1])
			lo, ok2 := unhex(s[i+2])
			if !ok1 || !ok2 {
				return "", false
			}
			b = append(b, hi<<4|lo)
			i += 2
		case c == '+' && plus:
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	if !utf8.Valid(b) {
		return "", false
	}
	return string(b), true
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
