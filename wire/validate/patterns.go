package validate

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// matcher is a compiled pattern. AWS matches whole values.
type matcher struct {
	re   *regexp.Regexp
	not  []*regexp.Regexp // none of these may match the whole value
	tail int              // the longest last group in characters; 0: any
	any  bool             // not checked
}

// matches reports whether s satisfies a pattern of the models.
func (v *Validator) matches(pattern, s string) bool {
	m, ok := v.patterns.Load(pattern)
	if !ok {
		c, err := compile(pattern)
		if err != nil {
			// patterns_test.go compiles all there are; a model that is newer
			// than the tables must not take the server down.
			c = &matcher{any: true}
		}
		m, _ = v.patterns.LoadOrStore(pattern, c)
	}
	return m.(*matcher).match(s)
}

func (m *matcher) match(s string) bool {
	if m.any {
		return true
	}
	if m.tail > 0 {
		g := m.re.FindStringSubmatch(s)
		return g != nil && utf8.RuneCountInString(g[len(g)-1]) <= m.tail
	}
	if !m.re.MatchString(s) {
		return false
	}
	for _, n := range m.not {
		if n.MatchString(s) {
			return false
		}
	}
	return true
}

// rewrite is a pattern in Go's terms.
type rewrite struct {
	match string
	not   []string
	tail  int
}

// rewrites are the patterns that look ahead or behind, or count beyond what
// Go's engine counts, said in its terms.
var rewrites = map[string]rewrite{
	`^(?!\s*$).+`:                               {match: `.+`, not: []string{`\s*`}},
	`(?!aws:)[a-zA-Z+-=._:/]+`:                  {match: `[a-zA-Z+-=._:/]+`, not: []string{`aws:[\s\S]*`}},
	`^(?!aws:)[a-zA-Z+-=._:/]+$`:                {match: `[a-zA-Z+-=._:/]+`, not: []string{`aws:[\s\S]*`}},
	`((?!^\d+$)^[0-9a-zA-Z-_]+$)`:               {match: `[0-9a-zA-Z-_]+`, not: []string{`\d+`}},
	`(?!^[0-9]+$)([a-zA-Z0-9-_]+)`:              {match: `[a-zA-Z0-9-_]+`, not: []string{`[0-9]+`}},
	`(?!^[0-9]+$)([a-zA-Z0-9\-_' ']+)`:          {match: `[a-zA-Z0-9\-_' ']+`, not: []string{`[0-9]+`}},
	`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`: {match: `[a-z0-9][a-z0-9-]{1,61}[a-z0-9]`, not: []string{`[\s\S]*--[\s\S]*`}},
	`(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)`: {match: `[_a-zA-Z0-9][^$]*`, not: []string{`system\.[\s\S]*`}},
	`^((?!\\[nr]).)+`:                           {match: `.+`, not: []string{`[\s\S]*\\[nr][\s\S]*`}},
	`[0-9A-Za-z\.\-_]*(?<!\.)`:                  {match: `([0-9A-Za-z\.\-_]*[0-9A-Za-z\-_])?`},
	`(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])`: {
		match: `(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]`,
	},
	`(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?`: {
		match: `(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:[0-9]*[a-zA-Z-_][0-9a-zA-Z-_]*)?`,
	},
	`^([a-z]|(\d(?!\d{0,2}\.\d{1,3}\.\d{1,3}\.\d{1,3})))([a-z\d]|(\.(?!(\.|-)))|(-(?!\.))){1,61}[a-z\d]$`: {
		match: `[a-z\d][a-z\d.-]{1,61}[a-z\d]`,
		not:   []string{`\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}[\s\S]*`, `[\s\S]*(\.\.|\.-|-\.)[\s\S]*`},
	},
	`^https:\/\/[-a-zA-Z0-9@:%._\+~#=]{1,253}\.s3(\.[a-z\d-]{9,16})?\.amazonaws\.com\/.{1,2000}`: {
		match: `https:\/\/[-a-zA-Z0-9@:%._\+~#=]{1,253}\.s3(\.[a-z\d-]{9,16})?\.amazonaws\.com\/(.+)`, tail: 2000,
	},
	`^arn:aws[a-z0-9-]*:iam::\d{12}:role\/[\w-\/.@+=,]{1,1017}$`: {
		match: `arn:aws[a-z0-9-]*:iam::\d{12}:role\/([\w-\/.@+=,]+)`, tail: 1017,
	},
	`https://[-a-zA-Z0-9()@:%_+.~#?&//=]{1,1024}`: {match: `https://([-a-zA-Z0-9()@:%_+.~#?&//=]+)`, tail: 1024},
	`^.{1,100000}$`: {match: `(.+)`, tail: 100000},
}

// unchecked are patterns that are not held against values, and why.
var unchecked = map[string]string{
	`^([\-]?\d{4}(?!\d{2}\b))((-?)((0[1-9]|1[0-2])(\3([12]\d|0[1-9]|3[01]))?|W([0-4]\d|5[0-2])(-?[1-7])?|(00[1-9]|0[1-9]\d|[12]\d{2}|3([0-5]\d|6[1-6])))([T\s]((([01]\d|2[0-3])((:?)[0-5]\d)?|24\:?00)([\.,]\d(?!:))?)?(\17[0-5]\d([\.,]\d)?)?([zZ]|([\-])([01]\d|2[0-3]):?([0-5]\d)?)?)?)?$`: "refers back to its own groups; the service that takes the date parses it",
}

// loose are patterns that AWS does not hold values against as they stand, and what
// it takes. Terraform's provider asks for the tags of arn:aws:s3:::bucket, and is
// answered.
var loose = map[string]string{
	`arn:[^:]+:s3(express)?:[^:].*`: `arn:[^:]+:s3(express)?:.+`,
}

func compile(pattern string) (*matcher, error) {
	if _, ok := unchecked[pattern]; ok {
		return &matcher{any: true}, nil
	}
	w, ok := rewrites[pattern]
	if !ok {
		w.match = cmp.Or(loose[pattern], pattern)
	}
	m := &matcher{tail: w.tail}
	var err error
	if m.re, err = regexp.Compile(`\A(?:` + translate(w.match) + `)\z`); err != nil {
		return nil, err
	}
	for _, n := range w.not {
		re, err := regexp.Compile(`\A(?:` + translate(n) + `)\z`)
		if err != nil {
			return nil, err
		}
		m.not = append(m.not, re)
	}
	return m, nil
}

// What Java's dot leaves out and what its \s takes in.
const (
	javaDot   = `[^\n\r\x{85}\x{2028}\x{2029}]`
	javaSpace = `\t\n\x0b\f\r `
)

// translate writes a Java pattern in Go's syntax: \uXXXX, and the two classes
// that mean other characters.
func translate(p string) string {
	var b strings.Builder
	class := false
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '\\' && i+1 < len(p):
			i++
			switch e := p[i]; {
			case e == 'u' && i+4 < len(p):
				n, err := strconv.ParseUint(p[i+1:i+5], 16, 32)
				if err != nil {
					b.WriteString(`\u`)
					continue
				}
				i += 4
				if n >= 0xd800 && n < 0xdc00 && i+6 < len(p) && p[i+1:i+3] == `\u` {
					if low, err := strconv.ParseUint(p[i+3:i+7], 16, 32); err == nil && low >= 0xdc00 && low < 0xe000 {
						n = 0x10000 + (n-0xd800)<<10 + (low - 0xdc00)
						i += 6
					}
				}
				b.WriteString(`\x{` + strconv.FormatUint(n, 16) + `}`)
			case e == 's' && class:
				b.WriteString(javaSpace)
			case e == 's':
				b.WriteString(`[` + javaSpace + `]`)
			case e == 'S' && !class:
				b.WriteString(`[^` + javaSpace + `]`)
			default:
				b.WriteByte('\\')
				b.WriteByte(e)
			}
		case c == '[':
			class = true
			b.WriteByte(c)
		case c == ']':
			class = false
			b.WriteByte(c)
		case c == '.' && !class:
			b.WriteString(javaDot)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
