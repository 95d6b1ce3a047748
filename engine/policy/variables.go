package policy

import "strings"

// template is a value with policy variables: fixed parts between keys.
// Source: IAM User Guide, "IAM policy elements: Variables and tags".
type template struct {
	text  string // as written
	parts []part
}

type part struct {
	fixed    string // encoded
	key      *key   // nil: only the fixed part
	fallback string // of ${key, 'default'}
	hasElse  bool
}

// newText compiles a value: encoded is how fixed text becomes a pattern, and
// variables tells whether the document's version knows ${…}. It answers a
// *pattern if no variable is in it.
func newText(text string, encoded func(string) string, variables bool) matcher {
	if !variables || !strings.Contains(text, "${") {
		return newPattern(text, encoded(text))
	}
	parts := split(text, encoded)
	if len(parts) == 0 {
		return newPattern(text, "")
	}
	if len(parts) == 1 && parts[0].key == nil {
		return newPattern(text, parts[0].fixed)
	}
	return &template{text: text, parts: parts}
}

// split cuts a value at its variables. ${*}, ${?} and ${$} are those characters
// themselves.
func split(text string, encoded func(string) string) []part {
	var parts []part
	fixed := ""
	for {
		i := strings.Index(text, "${")
		end := -1
		if i >= 0 {
			end = strings.IndexByte(text[i:], '}')
		}
		if end < 0 {
			fixed += encoded(text)
			break
		}
		fixed += encoded(text[:i])
		name := text[i+2 : i+end]
		text = text[i+end+1:]
		switch name {
		case "*", "?", "$":
			fixed += name
			continue
		}
		p := part{fixed: fixed}
		fixed = ""
		if k, rest, ok := strings.Cut(name, ","); ok {
			rest = strings.TrimSpace(rest)
			if len(rest) >= 2 && rest[0] == '\'' && rest[len(rest)-1] == '\'' {
				name, p.fallback, p.hasElse = k, rest[1:len(rest)-1], true
			}
		}
		p.key = newKey(strings.TrimSpace(name))
		parts = append(parts, p)
	}
	if fixed != "" {
		parts = append(parts, part{fixed: fixed})
	}
	return parts
}

// expand appends the pattern that the template is for this request. It fails
// when a variable has no value, or several: which one would be meant?
func (t *template) expand(r *Request, to []byte) ([]byte, bool) {
	for i := range t.parts {
		p := &t.parts[i]
		to = append(to, p.fixed...)
		if p.key == nil {
			continue
		}
		v := r.value(p.key)
		switch {
		case v.n == 1:
			if !literal(v.one) {
				return to, false
			}
			to = append(to, v.one...)
		case v.n == 0 && p.hasElse:
			to = append(to, p.fallback...)
		default:
			return to, false
		}
	}
	return to, true
}

func (t *template) match(r *Request, value string) (bool, bool) {
	var space [128]byte
	b, ok := t.expand(r, space[:0])
	if !ok {
		return false, false
	}
	r.spend(len(b))
	return wild(r, b, value), true
}

func (t *template) String() string { return t.text }

// keys lists the keys of the template's variables.
func (t *template) keys(yield func(*key) bool) {
	for i := range t.parts {
		if k := t.parts[i].key; k != nil && !yield(k) {
			return
		}
	}
}
