package proof

import (
	"fmt"
	"strings"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// garbage is a value that does not belong where it stands.
type garbage struct {
	what string
	// json is its text where the protocol is JSON; text, in forms, headers and
	// paths. Empty: it cannot be said there.
	json, text string
	// parts: in forms it is a value with parts, where a plain one belongs.
	parts bool
	// twice: the member is there two times.
	twice bool
	// must: the model or the protocol rules it out, so it has to be refused. Else
	// it may be what the service takes or ignores, and must only not break it.
	must bool
}

const hugeNumber = "1e400"

// garbageFor lists what can be wrong with a value of a shape.
func garbageFor(sh *schema.Shape, required bool) []garbage {
	list := []garbage{
		{what: "null", json: `null`, must: required},
		{what: "deep nesting", json: strings.Repeat("[", 3000) + strings.Repeat("]", 3000), must: true},
		{what: "twice", json: `""`, text: "a", twice: true, must: true},
	}
	add := func(g ...garbage) { list = append(list, g...) }
	str := func(what, s string, must bool) { add(garbage{what: what, json: quoted(s), text: s, must: must}) }
	wrong := func(what, json string) { add(garbage{what: what, json: json, must: true}) }
	lengths := func(make func(n int) string) {
		if sh.Has(schema.HasMin) && sh.Min > 0 {
			add(garbage{what: "too short", json: make(int(sh.Min) - 1), must: true})
		}
		if sh.Has(schema.HasMax) && sh.Max <= 5000 {
			add(garbage{what: "too long", json: make(int(sh.Max) + 1), must: true})
		}
	}
	switch sh.Kind {
	case schema.String:
		wrong("object", `{"a":"b"}`)
		wrong("list", `["a"]`)
		wrong("invalid UTF-8", "\"a\xff\xfeb\"")
		wrong("lone surrogate", `"\ud800"`)
		add(garbage{what: "number", json: "7"}, garbage{what: "boolean", json: "true"})
		add(garbage{what: "parts", text: "a", parts: true, must: true})
		str("empty", "", !fits(sh, ""))
		for _, s := range []string{"§ no such value", "a\x00b\x1f", "*", "../../etc/passwd", "${aws:username}", "-1", "arn:aws:kms", "arn:aws:kms:us-east-1:123456789012:key/" + strings.Repeat("0", 64),
			"%s%n%d", "<x>&amp;", "{\"Version\":\"2012-10-17\",\"Statement\":[", strings.Repeat("(", 200), " ", "\u202e\U0001f511"} {
			str(fmt.Sprintf("%.20q", s), s, !fits(sh, s))
		}
		long := 20000
		if sh.Has(schema.HasMax) && sh.Max < 200000 {
			long = int(sh.Max) + 1
		}
		for _, c := range []string{"a", "A", "1", "ä"} {
			s := strings.Repeat(c, long)
			str("long "+c, s, !fits(sh, s))
		}
	case schema.Integer, schema.Long:
		wrong("object", `{"a":1}`)
		wrong("list", `[1]`)
		wrong("word", `"abc"`)
		wrong("not JSON", `0x10`)
		add(garbage{what: "word", text: "abc", must: true}, garbage{what: "parts", text: "1", parts: true, must: true})
		for _, n := range []string{"-1", "0", "1.5", "2147483648", "9223372036854775808", "-9223372036854775809", hugeNumber, "-" + hugeNumber, "1e-400"} {
			add(garbage{what: n, json: n, text: n})
		}
		wrong("endless number", strings.Repeat("9", 5000))
		if sh.Has(schema.HasMin) {
			n := fmt.Sprintf("%.0f", sh.Min-1)
			add(garbage{what: "too small", json: n, text: n, must: true})
		}
		if sh.Has(schema.HasMax) && sh.Max < 1<<31-1 {
			n := fmt.Sprintf("%.0f", sh.Max+1)
			add(garbage{what: "too large", json: n, text: n, must: true})
		}
	case schema.Float, schema.Double:
		wrong("object", `{"a":1}`)
		wrong("word", `"abc"`)
		add(garbage{what: "word", text: "abc", must: true})
		for _, n := range []string{"-1", hugeNumber, "\"NaN\"", "\"-Infinity\""} {
			add(garbage{what: n, json: n, text: strings.Trim(n, `"`)})
		}
	case schema.Boolean:
		wrong("object", `{"a":1}`)
		wrong("list", `[true]`)
		wrong("word", `"perhaps"`)
		add(garbage{what: "number", json: "1"}, garbage{what: "word", text: "perhaps", must: true}, garbage{what: "parts", text: "true", parts: true, must: true})
	case schema.Timestamp:
		wrong("object", `{"a":1}`)
		wrong("list", `[1]`)
		wrong("word", `"yesterday"`)
		add(garbage{what: "word", text: "yesterday", must: true})
		for _, n := range []string{"-1", "0", "1e300", "253402300800", "-99999999999"} {
			add(garbage{what: n, json: n, text: n})
		}
	case schema.Blob:
		wrong("object", `{"a":"b"}`)
		wrong("list", `[1,2]`)
		wrong("not base64", `"***"`)
		wrong("half base64", `"abc"`)
		add(garbage{what: "empty", json: `""`, text: "", must: sh.Has(schema.HasMin) && sh.Min > 0})
		add(garbage{what: "zeros", json: quoted(strings.Repeat("AAAA", 100))})
		lengths(func(n int) string {
			return quoted(strings.Repeat("AAAA", n/3) + []string{"", "AA==", "AAA="}[n%3])
		})
	case schema.List:
		wrong("object", `{"a":"b"}`)
		wrong("string", `"abc"`)
		wrong("number", `1`)
		if !sh.Has(schema.Sparse) {
			add(garbage{what: "list of null", json: `[null]`})
		}
		wrong("list of lists", `[[[["a"]]]]`)
		add(garbage{what: "empty", json: `[]`, must: sh.Has(schema.HasMin) && sh.Min > 0})
		add(garbage{what: "plain value", text: "abc", must: true})
		if sh.Has(schema.HasMax) && sh.Max <= 5000 {
			add(garbage{what: "too many", json: "[" + strings.Repeat(`{},`, int(sh.Max)) + "{}]", must: true})
			add(garbage{what: "too many strings", json: "[" + strings.Repeat(`"a",`, int(sh.Max)) + `"a"]`, must: true})
		}
	case schema.Map:
		wrong("list", `["a"]`)
		wrong("string", `"abc"`)
		wrong("the same key twice", `{"a":"b","a":"c"}`)
		wrong("values of values", `{"a":{"b":{"c":{}}}}`)
		add(garbage{what: "null value", json: `{"a":null}`}, garbage{what: "empty key", json: `{"":""}`}, garbage{what: "empty", json: `{}`})
		add(garbage{what: "plain value", text: "abc", must: true})
	case schema.Structure:
		wrong("list", `["a"]`)
		wrong("string", `"abc"`)
		wrong("number", `1`)
		wrong("member twice", `{"zz":1,"zz":2}`)
		add(garbage{what: "unknown members", json: `{"zz":{"yy":[1,2,{"x":null}]}}`, must: hasRequired(sh)})
		add(garbage{what: "empty", json: `{}`, must: hasRequired(sh)})
		add(garbage{what: "plain value", text: "abc", must: true})
	}
	return list
}

func hasRequired(sh *schema.Shape) bool {
	for i := range sh.Members {
		if sh.Members[i].Has(schema.Required) {
			return true
		}
	}
	return false
}

// bodies are whole bodies that are wrong, for JSON services.
var bodies = []string{
	"", " ", "null", "[]", "1", `"a"`, "{", "}", "{}}", `{"a"`, `{"a":}`, `{"a":1,}`, "{'a':1}", "{} {}", "\xff\xfe{\x00}\x00", "\xef\xbb\xbf{}",
	`{"a":` + strings.Repeat("[", 100000), strings.Repeat(`{"a":`, 50000), `{"\ud800":1}`, "{\"a\":\"\x01\"}", `{"a":1e999999999}`,
}

// forms are whole bodies that are wrong, for services of the query protocols.
// They follow the action and the version.
var forms = []string{
	"&%", "&a=%zz", "&a=%ff", "&=b", "&&&&=", "&Action=Other", "&" + strings.Repeat("x", 100000), strings.Repeat("&a=b", 30000),
	"&Tags.member.99999999999999999999.Key=a", "&Tags.member.-1.Key=a", "&Tags.member.1.Key=a&Tags.member.1.Key=b", "&Tags.member.1000000000.Key=a",
	"&Tags" + strings.Repeat(".member.1", 5000) + "=a", "&Tags.member=a", "&Tags.=a", "&Tags..member.1=a", "&.=a",
}
