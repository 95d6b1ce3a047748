package validate

import (
	"regexp"
	"testing"

	"github.com/redoubt-sec/redoubt/api/all"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// Every pattern of every model is checked, or listed as unchecked; the lists
// hold nothing that is not needed.
func TestPatterns(t *testing.T) {
	used := map[string]bool{}
	n := 0
	for _, svc := range all.Services() {
		for i := range svc.Shapes {
			sh := &svc.Shapes[i]
			if sh.Pattern == "" || sh.Kind != schema.String {
				continue
			}
			n++
			if _, err := compile(sh.Pattern); err != nil {
				t.Errorf("%s.%s: %v", svc.Name, sh.Name, err)
			}
			used[sh.Pattern] = true
		}
	}
	if n < 800 {
		t.Errorf("only %d patterns", n)
	}
	needless := func(p string) {
		if !used[p] {
			t.Errorf("no model has the pattern %s", p)
		}
		if _, err := regexp.Compile(translate(p)); err == nil {
			t.Errorf("%s needs no help", p)
		}
	}
	for p := range rewrites {
		needless(p)
	}
	for p, reason := range unchecked {
		needless(p)
		if reason == "" {
			t.Errorf("%s is unchecked without a reason", p)
		}
	}
}

func TestRewrites(t *testing.T) {
	v := New()
	for _, c := range []struct {
		pattern  string
		yes, not []string
	}{
		{`^(?!\s*$).+`, []string{"a", " a "}, []string{"", "  ", "\t", "a\nb"}},
		{`(?!aws:)[a-zA-Z+-=._:/]+`, []string{"key", "xaws:"}, []string{"aws:key", "a b", ""}},
		{`((?!^\d+$)^[0-9a-zA-Z-_]+$)`, []string{"a", "1a", "a-1"}, []string{"1", "", "a b"}},
		{`(?!^[0-9]+$)([a-zA-Z0-9-_]+)`, []string{"v1", "1-"}, []string{"12", ""}},
		{`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`, []string{"abc", "a-b", "a-b-c"}, []string{"ab", "a--b", "-ab", "ab-", "A-b"}},
		{`(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)`, []string{"systemx", "a.b", "_"}, []string{"system.x", "a$b", "", "-a"}},
		{`^((?!\\[nr]).)+`, []string{`a\b`, `n`}, []string{`a\nb`, `\r`, ""}},
		{`[0-9A-Za-z\.\-_]*(?<!\.)`, []string{"", "a.b", "a-"}, []string{"a.", ".", "a/b"}},
		{`(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])`, []string{"example.com", "*.example.com", "a.b-c.de"}, []string{"ccc", "-a.com", "a-.com", "a.b", "a.-de", "**.a.com"}},
		{`(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?`, []string{"f", "f:prod", "f:1a", "function:123", "123456789012:function:f"}, []string{"f:1", "f:", "f:a b"}},
		{`^([a-z]|(\d(?!\d{0,2}\.\d{1,3}\.\d{1,3}\.\d{1,3})))([a-z\d]|(\.(?!(\.|-)))|(-(?!\.))){1,61}[a-z\d]$`, []string{"bucket", "a.b", "1.2", "1a.2.3.4"}, []string{"1.2.3.4", "a..b", "a.-b", "a-.b", "ab-", "ab"}},
		{`^.{1,100000}$`, []string{"a"}, []string{"", "a\nb"}},
		{`[\u0020-\u00FF]+`, []string{"aÿ "}, []string{"Ā", "\t", ""}},
		{`[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+`, []string{"arn:aws", "日本"}, []string{"😹", "\x00"}},
		{`[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*`, []string{"", "😹", "a\t"}, []string{"\n"}},
		{`[\w+=,.@-]*`, []string{"", "a@b"}, []string{"a:b", "ä"}},
	} {
		for _, s := range c.yes {
			if !v.matches(c.pattern, s) {
				t.Errorf("%s refuses %q", c.pattern, s)
			}
		}
		for _, s := range c.not {
			if v.matches(c.pattern, s) {
				t.Errorf("%s takes %q", c.pattern, s)
			}
		}
	}
}

func FuzzMatches(f *testing.F) {
	var patterns []string
	for p := range rewrites {
		patterns = append(patterns, p)
	}
	f.Add(0, "a.b")
	v := New()
	f.Fuzz(func(t *testing.T, i int, s string) {
		v.matches(patterns[uint(i)%uint(len(patterns))], s)
	})
}
