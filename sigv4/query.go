package sigv4

import (
	"slices"
	"strings"
)

// maxParams bounds the parameters of a query; AWS's largest query calls stay
// well below.
const maxParams = 4096

// param is one parameter of a query, encoded canonically. Names compare equal
// exactly when they decode to the same bytes, so %-escapes hide nothing.
type param struct{ name, value string }

// parseQuery takes a raw query apart and encodes it canonically. As in HTML
// forms a plus sign stands for a blank; AWS's front ends read it so too.
func parseQuery(raw string) ([]param, bool) {
	if raw == "" {
		return nil, true
	}
	ps := make([]param, 0, min(strings.Count(raw, "&")+1, maxParams))
	for raw != "" {
		var seg string
		seg, raw, _ = strings.Cut(raw, "&")
		if seg == "" {
			continue
		}
		if len(ps) == maxParams {
			return nil, false
		}
		n, v, _ := strings.Cut(seg, "=")
		name, ok := recode(n)
		if !ok {
			return nil, false
		}
		value, ok := recode(v)
		if !ok {
			return nil, false
		}
		ps = append(ps, param{name, value})
	}
	return ps, true
}

// recode decodes %-escapes and pluses and encodes the result as RFC 3986 with
// only the unreserved characters left alone. It fails on malformed escapes.
func recode(s string) (string, bool) {
	if canonical(s) {
		return s, true
	}
	b := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			h, ok1 := unhex(s[i+1])
			l, ok2 := unhex(s[i+2])
			if !ok1 || !ok2 {
				return "", false
			}
			c = h<<4 | l
			i += 2
		}
		b = appendEncoded(b, c)
	}
	return string(b), true
}

// canonical reports whether recode would answer s itself.
func canonical(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if unreserved(c) {
			continue
		}
		if c != '%' || i+2 >= len(s) || !upperHex(s[i+1]) || !upperHex(s[i+2]) {
			return false
		}
		h, _ := unhex(s[i+1])
		l, _ := unhex(s[i+2])
		if unreserved(h<<4 | l) {
			return false
		}
		i += 2
	}
	return true
}

// decode undoes canonical encoding.
func decode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			h, _ := unhex(s[i+1])
			l, _ := unhex(s[i+2])
			c = h<<4 | l
			i += 2
		}
		b = append(b, c)
	}
	return string(b)
}

func sortParams(ps []param) {
	slices.SortStableFunc(ps, func(a, b param) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
}

const hexDigits = "0123456789ABCDEF"

func appendEncoded(b []byte, c byte) []byte {
	if unreserved(c) {
		return append(b, c)
	}
	return append(b, '%', hexDigits[c>>4], hexDigits[c&15])
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~'
}

func upperHex(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }

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
