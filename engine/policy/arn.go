package policy

import "strings"

// arnPattern is a value of an Arn operator. Unlike a string's, its wildcards stay
// within one of the six parts between the colons. Source: IAM User Guide,
// "Condition operators", Amazon Resource Name (ARN) condition operators.
type arnPattern struct {
	text  string
	parts [6]matcher
	// whole is set instead of parts when the policy's text has no six parts of its
	// own: a variable that stands for an ARN, or "*".
	whole matcher
}

func arn(text string, variables bool) (matcher, bool) {
	a := &arnPattern{text: text}
	fields := splitARN(text, variables)
	if len(fields) != len(a.parts) {
		a.whole = newText(text, encode, variables)
		return a, true
	}
	for i, f := range fields {
		a.parts[i] = newText(f, encode, variables)
	}
	return a, true
}

// splitARN cuts at the first five colons outside of variables, so that what a
// variable stands for stays in the part in which the policy put it: a tag value
// with a colon must not move the account into the region's place.
func splitARN(text string, variables bool) []string {
	var fields []string
	from := 0
	for i := 0; i < len(text) && len(fields) < 5; i++ {
		if variables && strings.HasPrefix(text[i:], "${") {
			if end := strings.IndexByte(text[i:], '}'); end > 0 {
				i += end
				continue
			}
		}
		if text[i] == ':' {
			fields = append(fields, text[from:i])
			from = i + 1
		}
	}
	return append(fields, text[from:])
}

func (a *arnPattern) match(r *Request, value string) (bool, bool) {
	if a.whole != nil {
		return a.matchWhole(r, value)
	}
	for i, m := range a.parts {
		field := value
		if i < len(a.parts)-1 {
			var ok bool
			if field, value, ok = strings.Cut(value, ":"); !ok {
				return false, true // no ARN
			}
		}
		if matched, known := m.match(r, field); !matched {
			return false, known
		}
	}
	return true, true
}

func (a *arnPattern) matchWhole(r *Request, value string) (bool, bool) {
	if strings.Count(value, ":") < 5 {
		return false, true
	}
	switch m := a.whole.(type) {
	case *pattern:
		return m.kind == anything, true
	case *template:
		b, ok := m.expand(r, nil)
		if !ok {
			return false, false
		}
		want := strings.SplitN(string(b), ":", 6)
		have := strings.SplitN(value, ":", 6)
		if len(want) != 6 {
			return false, true
		}
		for i := range want {
			if !wild(r, want[i], have[i]) {
				return false, true
			}
		}
		return true, true
	}
	return false, false
}

func (a *arnPattern) String() string { return a.text }
