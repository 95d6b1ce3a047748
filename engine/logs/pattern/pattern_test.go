package pattern

import (
	"errors"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	const access = `127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" 404 1534`
	const event = `{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another value"],"objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"Done":true,"latency":12.5,"user":{"id":7}}`
	for _, c := range []struct {
		pattern, message string
		want             bool
	}{
		{"", "anything", true},
		{"ERROR", "[ERROR 400] BAD REQUEST", true},
		{"ERROR", "error", false},
		{"ERROR ARGUMENTS", "[ERROR 401] UNAUTHORIZED", false},
		{"ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true},
		{"?ERROR ?ARGUMENTS", "INVALID ARGUMENTS", true},
		{"?ERROR ?ARGUMENTS", "fine", false},
		{`"INTERNAL SERVER ERROR"`, "[ERROR 500] INTERNAL SERVER ERROR", true},
		{`"INTERNAL SERVER ERROR"`, "INTERNAL ERROR", false},
		{"ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false},
		{"ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", true},
		{"-x", "y", true},
		{`"a\"b"`, `say a"b`, true},
		{`%AUTHORIZED|4[0-9]{2}%`, "[ERROR 403]", true},
		{"ERROR ?nothing", "an ERROR", true},

		{`{ $.eventType = "UpdateTrail" }`, event, true},
		{`{ $.eventType = "Update*" }`, event, true},
		{`{ $.eventType != "UpdateTrail" }`, event, false},
		{`{ $.sourceIPAddress != 123.123.* }`, event, true},
		{`{ $.arrayKey[0] = "value" }`, event, true},
		{`{ $.arrayKey[1] = value }`, event, false},
		{`{ $.objectList[*].id = 2 }`, event, true},
		{`{ $.objectList[1].id >= 2 && $.latency < 13 }`, event, true},
		{`{ $.SomeObject IS NULL }`, event, true},
		{`{ $.SomeOtherObject NOT EXISTS }`, event, true},
		{`{ $.SomeOtherObject IS NULL }`, event, false},
		{`{ $.Done IS TRUE }`, event, true},
		{`{ $.Done IS FALSE }`, event, false},
		{`{ ($.user.id = 1 || $.user.id = 7) && $.latency > 12 }`, event, true},
		{`{ $.user.id = 1 || $.user.id = 7 && $.latency > 100 }`, event, false},
		{`{ $.eventType = %^Update[A-Z]% }`, event, true},
		{`{ $['eventType'] = "UpdateTrail" }`, event, true},
		{`{ $.eventType = "x" }`, "no JSON", false},
		{`{ $.latency = "12.5" }`, event, true},

		{`[ip, user, username, timestamp, request, status_code, bytes]`, access, true},
		{`[ip, user, username, timestamp, request =*.gif*, status_code = 4*, bytes]`, access, true},
		{`[ip, user, username, timestamp, request =*.html*, status_code = 4*, bytes]`, access, false},
		{`[..., status_code = 404, bytes > 1000]`, access, true},
		{`[ip=%127\.0\.0\.[1-9]%, ...]`, access, true},
		{`[ip, ..., bytes < 1000]`, access, false},
		{`[ip, user]`, access, false},
		{`[w1 = ERROR || w1 = WARN, ...]`, "WARN all is lost", true},
		{`[w1 != ERROR && w1 != WARN, w2]`, "INFO fine", true},
	} {
		p, err := Parse(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if got := p.Match(c.message); got != c.want {
			t.Errorf("%s on %.40s: %v", c.pattern, c.message, got)
		}
	}
	p, _ := Parse(`[ip, ..., bytes]`)
	if got := p.Extract(access); got["$ip"] != "127.0.0.1" || got["$bytes"] != "1534" || len(got) != 2 {
		t.Errorf("%v", got)
	}
	p, _ = Parse(`{ $.user.id = 7 && $.eventType = "*" }`)
	if got := p.Extract(event); got["$.user.id"] != "7" || got["$.eventType"] != "UpdateTrail" {
		t.Errorf("%v", got)
	}
}

func TestInvalid(t *testing.T) {
	for _, text := range []string{
		`"open`, `a:b`, `?`, `%open`, `%(%`, `{ $.a }`, `{ $.a = 1`, `{ a = 1 }`, `{ $.a = 1 } x`, `{ $.a IS 1 }`, `{ $. = 1 }`, `{ $.a[x] = 1 }`, `{}`,
		`[a, b`, `[a b]`, `[..., a, ...]`, `[a = 1 && b = 2]`, `[]`, "{" + strings.Repeat("(", 100) + "$.a=1", strings.Repeat("a", 1025),
		`%a% %b% %c% %d% %e% %f%`,
	} {
		if _, err := Parse(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{ $.a = "x*" && ($.b[0] > 1 || $.c IS NULL) }`, `[a, ..., b = 4*]`, `?a -"b c" %d+%`} {
		f.Add(s, `{"a":"x","b":[2]}`)
	}
	f.Fuzz(func(t *testing.T, pattern, message string) {
		p, err := Parse(pattern)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Error(err)
			}
			return
		}
		p.Match(message)
		p.Extract(message)
	})
}
