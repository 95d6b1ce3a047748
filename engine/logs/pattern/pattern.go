// Package pattern is the language of filter patterns: which log messages are meant.
//
// There are three forms. Terms, which a message contains or not; a condition in
// braces over a message that is a JSON object; and a list in brackets over the words
// of a message. Source: Amazon CloudWatch Logs User Guide, "Filter pattern syntax".
package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Pattern is a parsed filter pattern. It is safe for concurrent use.
type Pattern struct {
	match   func(message string) bool
	extract func(message string) map[string]string
}

// Limits of a pattern.
const (
	mostLength  = 1024
	mostRegexps = 5 // AWS allows two a pattern; terms of lists count too
	mostDepth   = 32
)

// ErrInvalid is a pattern that is none; its text says where.
var ErrInvalid = errors.New("invalid filter pattern")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// Parse reads a pattern. The empty one matches everything.
func Parse(text string) (*Pattern, error) {
	if len(text) > mostLength {
		return nil, invalid("longer than %d characters", mostLength)
	}
	t := strings.TrimSpace(text)
	switch {
	case t == "":
		return &Pattern{match: func(string) bool { return true }, extract: none}, nil
	case t[0] == '{':
		return parseObject(t)
	case t[0] == '[':
		return parseList(t)
	}
	return parseTerms(t)
}

// Match reports whether a message is meant.
func (p *Pattern) Match(message string) bool { return p.match(message) }

// Extract answers the values that the pattern names, "$.a.b" or "$word", of a
// message that matches.
func (p *Pattern) Extract(message string) map[string]string { return p.extract(message) }

func none(string) map[string]string { return map[string]string{} }

// scanner reads a pattern from left to right.
type scanner struct {
	text    string
	at      int
	regexps int
	depth   int
}

func (s *scanner) blank() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t' || s.text[s.at] == '\n' || s.text[s.at] == '\r') {
		s.at++
	}
}

func (s *scanner) end() bool { return s.at >= len(s.text) }

// next reports whether word comes next, and takes it.
func (s *scanner) next(word string) bool {
	if strings.HasPrefix(s.text[s.at:], word) {
		s.at += len(word)
		return true
	}
	return false
}

// keyword takes a word in any case, if a word ends there.
func (s *scanner) keyword(word string) bool {
	rest := s.text[s.at:]
	if len(rest) < len(word) || !strings.EqualFold(rest[:len(word)], word) {
		return false
	}
	if len(rest) > len(word) && isWord(rest[len(word)]) {
		return false
	}
	s.at += len(word)
	return true
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// quoted reads a text in double quotes, of which the first comes next.
func (s *scanner) quoted() (string, error) {
	start := s.at
	var b strings.Builder
	for s.at++; !s.end(); s.at++ {
		switch c := s.text[s.at]; c {
		case '"':
			s.at++
			return b.String(), nil
		case '\\':
			if s.at+1 < len(s.text) && (s.text[s.at+1] == '"' || s.text[s.at+1] == '\\') {
				s.at++
			}
			b.WriteByte(s.text[s.at])
		default:
			b.WriteByte(c)
		}
	}
	return "", invalid("the quote at %d is not closed", start)
}

// regexp reads an expression between percent signs, of which the first comes next.
func (s *scanner) regexp() (*regexp.Regexp, error) {
	start := s.at
	end := strings.IndexByte(s.text[s.at+1:], '%')
	if end < 0 {
		return nil, invalid("the expression at %d is not closed", start)
	}
	if s.regexps++; s.regexps > mostRegexps {
		return nil, invalid("more than %d expressions", mostRegexps)
	}
	text := s.text[s.at+1 : s.at+1+end]
	s.at += end + 2
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, invalid("the expression at %d: %v", start, err)
	}
	return re, nil
}

// term is one thing that a message contains.
type term func(message string) bool

func parseTerms(text string) (*Pattern, error) {
	s := &scanner{text: text}
	var all, any, not []term
	for s.blank(); !s.end(); s.blank() {
		to := &all
		switch s.text[s.at] {
		case '?':
			to = &any
			s.at++
		case '-':
			to = &not
			s.at++
		}
		if s.end() {
			return nil, invalid("nothing behind the sign at its end")
		}
		switch s.text[s.at] {
		case '"':
			t, err := s.quoted()
			if err != nil {
				return nil, err
			}
			*to = append(*to, func(m string) bool { return strings.Contains(m, t) })
		case '%':
			re, err := s.regexp()
			if err != nil {
				return nil, err
			}
			*to = append(*to, re.MatchString)
		default:
			start := s.at
			for !s.end() && (isWord(s.text[s.at]) || s.text[s.at] >= 0x80) {
				s.at++
			}
			if s.at == start || !s.end() && s.text[s.at] != ' ' && s.text[s.at] != '\t' && s.text[s.at] != '\n' {
				return nil, invalid("character %q at %d must be in quotes", s.text[min(s.at, len(s.text)-1)], s.at)
			}
			t := s.text[start:s.at]
			*to = append(*to, func(m string) bool { return strings.Contains(m, t) })
		}
	}
	if len(all)+len(not) > 0 {
		any = nil // terms with a question mark count only among themselves
	}
	return &Pattern{extract: none, match: func(m string) bool {
		for _, t := range all {
			if !t(m) {
				return false
			}
		}
		for _, t := range not {
			if t(m) {
				return false
			}
		}
		for _, t := range any {
			if t(m) {
				return true
			}
		}
		return len(any) == 0
	}}, nil
}
