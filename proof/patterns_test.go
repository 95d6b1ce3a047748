package proof

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/redoubt-sec/redoubt/api/all"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// goPattern writes a pattern of the models, which are Java's, in Go's syntax.
// Surrogates have no place in UTF-8: ranges of them are left out.
func goPattern(p string) string {
	p = surrogates.ReplaceAllString(p, "")
	return unicodeEscape.ReplaceAllString(p, `\x{$1}`)
}

var (
	surrogates    = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}(-\\u[dD][89abAB][0-9a-fA-F]{2})?(\\u[dD][c-fC-F][0-9a-fA-F]{2}(-\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})?)?`)
	unicodeEscape = regexp.MustCompile(`\\u([0-9a-fA-F]{4})`)
)

var patterns sync.Map // string -> *regexp.Regexp, nil for those that Go cannot take

// compiled answers the pattern as one that must match the whole value, or nil.
func compiled(pattern string) *regexp.Regexp {
	if re, ok := patterns.Load(pattern); ok {
		return re.(*regexp.Regexp)
	}
	re, err := regexp.Compile(`\A(?:` + goPattern(pattern) + `)\z`)
	if err != nil {
		re = nil
	}
	patterns.Store(pattern, re)
	return re
}

// examples are values of patterns that look around, which Go's syntax lacks.
var examples = map[string]string{
	`^(?!\s*$).+`:   "made up",
	`^.{1,100000}$`: "made up",
	`^arn:aws[a-z0-9-]*:iam::\d{12}:role\/[\w-\/.@+=,]{1,1017}$`:                                 "arn:aws:iam::123456789012:role/made-up",
	`^https:\/\/[-a-zA-Z0-9@:%._\+~#=]{1,253}\.s3(\.[a-z\d-]{9,16})?\.amazonaws\.com\/.{1,2000}`: "https://made-up.s3.amazonaws.com/made-up",
	`^([\-]?\d{4}(?!\d{2}\b))((-?)((0[1-9]|1[0-2])(\3([12]\d|0[1-9]|3[01]))?|W([0-4]\d|5[0-2])(-?[1-7])?|(00[1-9]|0[1-9]\d|[12]\d{2}|3([0-5]\d|6[1-6])))([T\s]((([01]\d|2[0-3])((:?)[0-5]\d)?|24\:?00)([\.,]\d(?!:))?)?(\17[0-5]\d([\.,]\d)?)?([zZ]|([\-])([01]\d|2[0-3]):?([0-5]\d)?)?)?)?$`: "2026-01-02T03:04:05Z",
	`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`: "example1",
	`(?!^[0-9]+$)([a-zA-Z0-9-_]+)`:              "example",
	`((?!^\d+$)^[0-9a-zA-Z-_]+$)`:               "example",
	`[0-9A-Za-z\.\-_]*(?<!\.)`:                  "example",
	`(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)`: "example",
	`(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?`: "example",
}

// fits reports whether s satisfies what a shape asks of a string, as far as it
// can be told here.
func fits(sh *schema.Shape, s string) bool {
	n := utf8.RuneCountInString(s)
	if sh.Has(schema.HasMin) && float64(n) < sh.Min || sh.Has(schema.HasMax) && float64(n) > sh.Max {
		return false
	}
	if len(sh.Enum) > 0 {
		for _, e := range sh.Enum {
			if e == s {
				return true
			}
		}
		return false
	}
	if sh.Pattern == "" {
		return true
	}
	if re := compiled(sh.Pattern); re != nil {
		return re.MatchString(s)
	}
	return examples[sh.Pattern] == s
}

// text answers a short string that satisfies a shape.
func text(sh *schema.Shape) (string, bool) {
	if len(sh.Enum) > 0 {
		return sh.Enum[0], true
	}
	low := 1
	if sh.Has(schema.HasMin) {
		low = max(low, int(sh.Min))
	}
	if sh.Pattern == "" {
		return strings.Repeat("v", low), true
	}
	if s := examples[sh.Pattern]; s != "" {
		return s, true
	}
	re, err := syntax.Parse(goPattern(sh.Pattern), syntax.Perl)
	if err != nil {
		return "", false
	}
	for more := 0; more <= low+1; more += 1 + more/4 {
		for branch := range 4 {
			if s := spell(re, more, branch); s != "" && fits(sh, s) {
				return s, true
			}
		}
	}
	s := spell(re, low, 0)
	return s, fits(sh, s)
}

// spell makes a string that an expression matches: open repetitions more times,
// of alternatives the one that branch says.
func spell(re *syntax.Regexp, more, branch int) string {
	repeat := func(n int) string {
		return strings.Repeat(spell(re.Sub[0], more, branch), n)
	}
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		return string(pick(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "v"
	case syntax.OpCapture:
		return spell(re.Sub[0], more, branch)
	case syntax.OpConcat:
		var b strings.Builder
		for _, s := range re.Sub {
			b.WriteString(spell(s, more, branch))
		}
		return b.String()
	case syntax.OpAlternate:
		return spell(re.Sub[min(branch, len(re.Sub)-1)], more, branch)
	case syntax.OpStar:
		return repeat(more)
	case syntax.OpPlus:
		return repeat(max(1, more))
	case syntax.OpQuest:
		return repeat(min(1, more))
	case syntax.OpRepeat:
		n := max(re.Min, more)
		if re.Max >= 0 {
			n = min(n, re.Max)
		}
		return repeat(n)
	}
	return ""
}

// pick chooses a plain character of a class, which is pairs of bounds.
func pick(class []rune) rune {
	in := func(r rune) bool {
		for i := 0; i+1 < len(class); i += 2 {
			if class[i] <= r && r <= class[i+1] {
				return true
			}
		}
		return false
	}
	for _, r := range "vaA2x1-/ " {
		if in(r) {
			return r
		}
	}
	return class[0]
}

// TestPatterns: nearly every constrained string of every model can be made, so
// that "valid input" means it.
func TestPatterns(t *testing.T) {
	made := 0
	for _, svc := range all.Services() {
		for i := range svc.Shapes {
			sh := &svc.Shapes[i]
			if sh.Kind != schema.String || sh.Pattern == "" && len(sh.Enum) == 0 {
				continue
			}
			s, ok := text(sh)
			if !ok || compiled(sh.Pattern) == nil && examples[sh.Pattern] == "" {
				if implemented(svc) {
					t.Errorf("%s.%s: no value for %s (%q)", svc.Name, sh.Name, sh.Pattern, s)
				}
				continue
			}
			made++
		}
	}
	if made < 2000 {
		t.Errorf("only %d constrained strings can be made", made)
	}
}
