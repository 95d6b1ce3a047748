package policy

import (
	"fmt"
	"strings"
	"testing"
)

// holds evaluates one condition in an Allow and in a Deny.
func holds(t *testing.T, condition string, change func(*Request)) (inAllow, inDeny bool) {
	t.Helper()
	s := setting{by: aliceUser(), change: change}
	s.identity = `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{` + condition + `}}`
	inAllow = Evaluate(s.request(t)).Allowed
	s.identity = allowAll + `,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{` + condition + `}}`
	inDeny = !Evaluate(s.request(t)).Allowed
	return inAllow, inDeny
}

// with gives the key x:k the values.
func with(values ...string) func(*Request) {
	return func(r *Request) { r.Need.Conditions = map[string][]string{"x:K": values} }
}

func TestOperators(t *testing.T) {
	for _, c := range []struct {
		operator, wanted, found string
		want                    bool
	}{
		{"StringEquals", `"a"`, "a", true},
		{"StringEquals", `"a"`, "A", false},
		{"StringEquals", `["b","a"]`, "a", true},
		{"StringEquals", `"a*"`, "ab", false},
		{"StringEquals", `"a*"`, "a*", true},
		{"StringEquals", `""`, "", true},
		{"StringEquals", `[]`, "a", false},
		{"StringNotEquals", `"a"`, "b", true},
		{"StringNotEquals", `"a"`, "a", false},
		{"StringNotEquals", `["a","b"]`, "b", false},
		{"StringNotEquals", `["a","b"]`, "c", true},
		{"StringNotEquals", `[]`, "a", true},
		{"StringEqualsIgnoreCase", `"StraßE"`, "sTRAßE", true},
		{"StringEqualsIgnoreCase", `"a*"`, "ab", false},
		{"StringNotEqualsIgnoreCase", `"ABC"`, "abc", false},
		{"StringNotEqualsIgnoreCase", `"ABC"`, "abd", true},
		{"StringLike", `"a*c?"`, "abbbcd", true},
		{"StringLike", `"a*c?"`, "abbbc", false},
		{"StringLike", `"*"`, "", true},
		{"StringLike", `"?"`, "", false},
		{"StringLike", `"?"`, "é", true},
		{"StringLike", `"A*"`, "abc", false},
		{"StringLike", `"*a*b*a*"`, "xaxbxbxax", true},
		{"StringNotLike", `"a*"`, "abc", false},
		{"StringNotLike", `["x*","y*"]`, "abc", true},
		{"StringLike", `"arn:aws:x:*:111122223333:finance/*"`, "arn:aws:x:us-east-2:999999999999:store/abc:111122223333:finance/doc.txt", true},

		{"NumericEquals", `"10"`, "10.0", true},
		{"NumericEquals", `10`, "1e1", false},
		{"NumericEquals", `"9007199254740993"`, "9007199254740992", false},
		{"NumericNotEquals", `"10"`, "11", true},
		{"NumericNotEquals", `"10"`, "ten", true},
		{"NumericLessThan", `"10"`, "9.99", true},
		{"NumericLessThan", `"10"`, "10", false},
		{"NumericLessThanEquals", `"10"`, "10", true},
		{"NumericGreaterThan", `"-1"`, "0", true},
		{"NumericGreaterThan", `"10"`, "9", false},
		{"NumericGreaterThanEquals", `["100","5"]`, "7", true},
		{"NumericLessThan", `"10"`, "", false},

		{"DateEquals", `"2026-11-23T12:00:00Z"`, "2026-11-23T13:00:00+01:00", true},
		{"DateEquals", `"1795435200"`, "2026-11-23T12:00:00Z", true},
		{"DateNotEquals", `"2026-11-23"`, "2026-11-23T00:00:00Z", false},
		{"DateLessThan", `"2027"`, "2026-12-31T23:59:59.5Z", true},
		{"DateLessThan", `"2026-11"`, "2026-11-01", false},
		{"DateLessThanEquals", `"2026-11"`, "2026-11-01", true},
		{"DateGreaterThan", `"2026-11-23T11:59Z"`, "2026-11-23T12:00:00Z", true},
		{"DateGreaterThanEquals", `"2026-11-23t12:00:00z"`, "1795435200", true},
		{"DateGreaterThan", `"2020-01-01"`, "never", false},
		{"DateGreaterThan", `"01T"`, "2026-11-23", false},

		{"Bool", `"true"`, "true", true},
		{"Bool", `true`, "TRUE", true},
		{"Bool", `"False"`, "false", true},
		{"Bool", `"true"`, "false", false},
		{"Bool", `"true"`, "1", false},

		{"BinaryEquals", `"aGVsbG8="`, "hello", true},
		{"BinaryEquals", `"aGVsbG8="`, "Hello", false},

		{"IpAddress", `"203.0.113.0/24"`, "203.0.113.7", true},
		{"IpAddress", `"203.0.113.0/24"`, "203.0.114.7", false},
		{"IpAddress", `"203.0.113.7"`, "203.0.113.7", true},
		{"IpAddress", `"203.0.113.99/24"`, "203.0.113.7", true},
		{"IpAddress", `["10.0.0.0/8","2001:DB8:1234:5678::/64"]`, "2001:db8:1234:5678::1", true},
		{"IpAddress", `"2001:db8::/32"`, "203.0.113.7", false},
		{"IpAddress", `"203.0.113.0/24"`, "::ffff:203.0.113.7", true},
		{"IpAddress", `"0.0.0.0/0"`, "not an address", false},
		{"NotIpAddress", `"203.0.113.0/24"`, "203.0.113.7", false},
		{"NotIpAddress", `"203.0.113.0/24"`, "198.51.100.1", true},
		{"NotIpAddress", `["203.0.113.0/24","198.51.100.0/24"]`, "198.51.100.1", false},

		{"ArnEquals", `"arn:aws:sns:*:111122223333:t-?"`, "arn:aws:sns:eu-west-1:111122223333:t-1", true},
		{"ArnLike", `"arn:aws:sns:*:111122223333:t-1"`, "arn:aws:sns:eu-west-1:999999999999:t-1", false},
		{"ArnLike", `"arn:aws:x:*:111122223333:finance/*"`, "arn:aws:x:us-east-2:999999999999:store/abc:111122223333:finance/doc.txt", false},
		{"ArnLike", `"arn:aws:lambda:*:*:function:*"`, "arn:aws:lambda:us-east-1:111122223333:function:f:1", true},
		{"ArnLike", `"arn:*:iam::*:role/*"`, "arn:aws-cn:iam::111122223333:role/a/b", true},
		{"ArnLike", `"*"`, "arn:aws:s3:::b", true},
		{"ArnLike", `"*"`, "no ARN", false},
		{"ArnLike", `"arn:aws:s3:*"`, "arn:aws:s3:::b", false},
		{"ArnEquals", `"arn:aws:s3:::B"`, "arn:aws:s3:::b", false},
		{"ArnNotEquals", `"arn:aws:s3:::b"`, "arn:aws:s3:::c", true},
		{"ArnNotLike", `"arn:aws:s3:::*"`, "arn:aws:s3:::c", false},
		{"ArnNotLike", `"arn:aws:s3:::*"`, "no ARN", true},
	} {
		cond := fmt.Sprintf(`%q:{"X:k":%s}`, c.operator, c.wanted)
		for _, form := range []string{"%s", "ForAllValues:%s", "ForAnyValue:%s", "%sIfExists", "ForAnyValue:%sIfExists"} {
			if c.found == "" && strings.HasPrefix(form, "For") {
				continue // an empty value is no value for the sets
			}
			a, d := holds(t, strings.Replace(cond, c.operator, fmt.Sprintf(form, c.operator), 1), with(c.found))
			if a != c.want || d != c.want {
				t.Errorf(form+" %s on %q: %v in an Allow, %v in a Deny, want %v", c.operator, c.wanted, c.found, a, d, c.want)
			}
		}
	}
}

// What a missing key does, by operator and qualifiers.
func TestMissingKey(t *testing.T) {
	wanted := map[string]string{"Numeric": `"1"`, "Date": `"2026-01-01"`, "Bool": `"true"`, "BinaryEquals": `"aGk="`, "IpAddress": `"10.0.0.1"`, "NotIpAddress": `"10.0.0.1"`}
	for name := range operators {
		if name == "Null" {
			continue
		}
		value := `"a"`
		for p, v := range wanted {
			if strings.HasPrefix(name, p) {
				value = v
			}
		}
		negated := strings.Contains(name, "Not")
		for form, want := range map[string]bool{
			"%s":                      negated,
			"%sIfExists":              true,
			"ForAllValues:%s":         true,
			"ForAllValues:%sIfExists": true,
			"ForAnyValue:%s":          false,
			"ForAnyValue:%sIfExists":  true,
		} {
			op := fmt.Sprintf(form, name)
			for _, change := range []func(*Request){nil, with()} {
				if a, d := holds(t, fmt.Sprintf(`%q:{"x:k":%s}`, op, value), change); a != want || d != want {
					t.Errorf("%s: %v, %v, want %v", op, a, d, want)
				}
			}
		}
	}
}

func TestNull(t *testing.T) {
	for _, c := range []struct {
		value   string
		change  func(*Request)
		want    bool
		because string
	}{
		{`"true"`, nil, true, "the key is absent"},
		{`"true"`, with("v"), false, "the key is present"},
		{`"false"`, with("v"), true, "the key is present"},
		{`false`, nil, false, "the key is absent"},
		{`"false"`, with(""), true, "an empty value is a value"},
		{`["true","false"]`, nil, true, "either will do"},
		{`"true"`, with("a", "b"), false, "several values are present"},
	} {
		if a, d := holds(t, `"Null":{"x:k":`+c.value+`}`, c.change); a != c.want || d != c.want {
			t.Errorf("Null %s: %v, %v, want %v: %s", c.value, a, d, c.want, c.because)
		}
	}
}

// Keys with several values.
func TestSets(t *testing.T) {
	for _, c := range []struct {
		operator, wanted string
		found            []string
		want             bool
	}{
		{"ForAllValues:StringEquals", `["a","b","c"]`, []string{"a", "b"}, true},
		{"ForAllValues:StringEquals", `["a","b"]`, []string{"a", "z"}, false},
		{"ForAnyValue:StringEquals", `["a","b"]`, []string{"z", "b"}, true},
		{"ForAnyValue:StringEquals", `["a","b"]`, []string{"y", "z"}, false},
		{"ForAllValues:StringLike", `["a*"]`, []string{"a1", "a2"}, true},
		{"ForAllValues:StringNotEquals", `["a","b"]`, []string{"y", "z"}, true},
		{"ForAllValues:StringNotEquals", `["a","b"]`, []string{"a", "z"}, false},
		{"ForAnyValue:StringNotEquals", `["a","b"]`, []string{"a", "z"}, true},
		{"ForAnyValue:StringNotEquals", `["a","b"]`, []string{"a", "b"}, false},
		// A value that is empty is none.
		{"ForAllValues:StringEquals", `["a"]`, []string{""}, true},
		{"ForAnyValue:StringEquals", `[""]`, []string{""}, false},
	} {
		if a, d := holds(t, fmt.Sprintf(`%q:{"x:k":%s}`, c.operator, c.wanted), with(c.found...)); a != c.want || d != c.want {
			t.Errorf("%s %s on %q: %v, %v, want %v", c.operator, c.wanted, c.found, a, d, c.want)
		}
	}
}

// An operator for one value meets several: an Allow wants all, a Deny one.
func TestPlainOperatorOnSeveralValues(t *testing.T) {
	for _, c := range []struct {
		operator, wanted string
		allow, deny      bool
	}{
		{"StringEquals", `"a"`, false, true},
		{"StringEquals", `["a","b"]`, true, true},
		{"StringEquals", `"z"`, false, false},
		{"StringNotEquals", `"a"`, false, true},
		{"StringNotEquals", `["a","b"]`, false, false},
		{"StringNotEquals", `"z"`, true, true},
	} {
		if a, d := holds(t, fmt.Sprintf(`%q:{"x:k":%s}`, c.operator, c.wanted), with("a", "b")); a != c.allow || d != c.deny {
			t.Errorf("%s %s: %v, %v, want %v, %v", c.operator, c.wanted, a, d, c.allow, c.deny)
		}
	}
}

// Operators and keys of one Condition must all hold; of one key's values, one.
func TestConditionsAreAnded(t *testing.T) {
	both := `"StringEquals":{"x:k":["a","b"],"aws:username":"alice"},"Bool":{"aws:SecureTransport":"true"}`
	if a, _ := holds(t, both, with("b")); !a {
		t.Error("all hold, yet no match")
	}
	for _, broken := range []string{
		strings.Replace(both, `"alice"`, `"bob"`, 1),
		strings.Replace(both, `"true"`, `"false"`, 1),
		strings.Replace(both, `"b"`, `"c"`, 1),
	} {
		if a, _ := holds(t, broken, with("b")); a {
			t.Errorf("holds: %s", broken)
		}
	}
}

func TestVariables(t *testing.T) {
	by := func(name string) func(*Request) {
		return func(r *Request) {
			r.Call.Principal.Name = name
			r.Need.Conditions = map[string][]string{"x:prefix": {"home/" + "alice" + "/"}, "x:k": {"v"}}
		}
	}
	for _, c := range []struct {
		condition string
		change    func(*Request)
		want      bool
	}{
		{`"StringLike":{"x:prefix":"home/${aws:username}/*"}`, by("alice"), true},
		{`"StringLike":{"x:prefix":"home/${AWS:UserName}/*"}`, by("alice"), true},
		{`"StringLike":{"x:prefix":"home/${aws:username}/*"}`, by("bob"), false},
		{`"StringEquals":{"x:prefix":"home/${aws:username}/"}`, by("alice"), true},
		{`"StringEqualsIgnoreCase":{"x:prefix":"HOME/${aws:username}/"}`, by("ALICE"), true},
		// A wildcard in a name is a character.
		{`"StringLike":{"x:prefix":"home/${aws:username}/*"}`, by("*"), false},
		{`"StringLike":{"x:prefix":"home/${aws:username}/*"}`, by("alic?"), false},
		{`"StringLike":{"x:prefix":"home/${aws:username}/"}`, by("\xff"), false},
		// Defaults.
		{`"StringEquals":{"x:k":"${aws:PrincipalTag/none, 'v'}"}`, by("alice"), true},
		{`"StringEquals":{"x:k":"${aws:PrincipalTag/none,'v'}"}`, by("alice"), true},
		{`"StringEquals":{"x:k":"${aws:PrincipalTag/team, 'v'}"}`, by("alice"), false},
		{`"StringLike":{"x:k":"${aws:PrincipalTag/none, '*'}"}`, by("alice"), false},
		// Without a value nothing matches.
		{`"StringEquals":{"x:k":"${aws:PrincipalTag/none}"}`, by("alice"), false},
		{`"StringLike":{"x:k":"*${aws:PrincipalTag/none}"}`, by("alice"), false},
		// The characters themselves.
		{`"StringLike":{"x:k":"${*}"}`, by("alice"), false},
		{`"StringLike":{"x:k":"${*}"}`, with("*"), true},
		{`"StringLike":{"x:k":"${?}${$}*"}`, with("?$abc"), true},
		{`"StringEquals":{"x:k":"${$}{aws:username}"}`, with("${aws:username}"), true},
		// What is no variable.
		{`"StringEquals":{"x:k":"${aws:username"}`, with("${aws:username"), true},
		{`"StringEquals":{"x:k":"$aws:username"}`, with("$aws:username"), true},
		{`"Bool":{"x:k":"${aws:SecureTransport}"}`, with("true"), true},
		{`"Bool":{"x:k":"${aws:SecureTransport}"}`, with("false"), false},
		{`"Bool":{"x:k":"${aws:username}"}`, with("alice"), false},
	} {
		if a, d := holds(t, c.condition, c.change); a != c.want || d != c.want {
			t.Errorf("%s: %v, %v, want %v", c.condition, a, d, c.want)
		}
	}
}

// A variable without a value under a negated operator must not allow.
func TestUnknownVariableNegated(t *testing.T) {
	for _, cond := range []string{
		`"StringNotEquals":{"x:k":"${aws:PrincipalTag/none}"}`,
		`"StringNotLike":{"x:k":["z","a${aws:PrincipalTag/none}"]}`,
		`"ArnNotLike":{"x:k":"arn:aws:s3:::${aws:PrincipalTag/none}"}`,
	} {
		if a, d := holds(t, cond, with("arn:aws:s3:::b")); a || !d {
			t.Errorf("%s: %v in an Allow, %v in a Deny", cond, a, d)
		}
	}
	s := setting{by: aliceUser(), resource: "arn:aws:s3:::b/x", action: "s3:GetObject"}
	s.identity = `{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::b/${aws:PrincipalTag/none}"}`
	if d := Evaluate(s.request(t)); d.Allowed {
		t.Error("NotResource with an unknown variable allows")
	}
	s.identity = allowAll + `,{"Effect":"Deny","Action":"*","NotResource":"arn:aws:s3:::b/${aws:PrincipalTag/none}"}`
	if d := Evaluate(s.request(t)); d.Allowed {
		t.Error("NotResource with an unknown variable does not deny")
	}
}

func TestVariablesInResources(t *testing.T) {
	s := setting{by: aliceUser(), action: "s3:GetObject", identity: `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"}`}
	for name, want := range map[string]bool{"alice": true, "*": false, "al?ce": false, "ALICE": false} {
		s.resource = "arn:aws:s3:::b/alice/x"
		s.by.Name = name
		if got := Evaluate(s.request(t)).Allowed; got != want {
			t.Errorf("user %q: %v", name, got)
		}
	}
	s.by.Name = "*"
	s.resource = "arn:aws:s3:::b/*/x"
	if !Evaluate(s.request(t)).Allowed {
		t.Error("a user named * has no home of that name")
	}
	// Variables came with the version of 2012.
	old := must(t, Identity, `{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"}}`)
	s.by.Name = "alice"
	s.resource = "arn:aws:s3:::b/alice/x"
	r := s.request(t)
	r.Identity = []Source{{Document: old}}
	if Evaluate(r).Allowed {
		t.Error("a variable in an old document was replaced")
	}
	r.Need.Resource = "arn:aws:s3:::b/${aws:username}/x"
	if !Evaluate(r).Allowed {
		t.Error("an old document's ${…} is text")
	}
}

// A variable in an ARN stays in its part; one that is an ARN is taken apart.
func TestVariablesInARNs(t *testing.T) {
	tag := func(value, found string) func(*Request) {
		return func(r *Request) {
			r.Call.Principal.Tags = map[string]string{"t": value}
			r.Need.Conditions = map[string][]string{"x:k": {found}}
		}
	}
	for _, c := range []struct {
		pattern, tag, found string
		want                bool
	}{
		{"arn:aws:sns:us-east-1:${aws:PrincipalTag/t}:topic", home, "arn:aws:sns:us-east-1:111122223333:topic", true},
		{"arn:aws:sns:${aws:PrincipalTag/t}:*:topic", "us-east-1:" + away, "arn:aws:sns:us-east-1:444455556666:*:topic", false},
		{"arn:aws:sns:us-east-1:111122223333:${aws:PrincipalTag/t}", "a:b", "arn:aws:sns:us-east-1:111122223333:a:b", true},
		{"${aws:PrincipalTag/t}", "arn:aws:s3:::b", "arn:aws:s3:::b", true},
		{"${aws:PrincipalTag/t}", "arn:aws:s3:::*", "arn:aws:s3:::b", false},
		{"${aws:PrincipalTag/t}", "b", "arn:aws:s3:::b", false},
		{"${aws:PrincipalTag/t}/*", "arn:aws:s3:::b", "arn:aws:s3:::b/x", true},
		{"${aws:PrincipalTag/none}", "", "arn:aws:s3:::b", false},
	} {
		if a, _ := holds(t, fmt.Sprintf(`"ArnLike":{"x:k":%q}`, c.pattern), tag(c.tag, c.found)); a != c.want {
			t.Errorf("%s with %q on %s: %v", c.pattern, c.tag, c.found, a)
		}
	}
}

func TestTagKeysFold(t *testing.T) {
	owned := func(tags map[string]string) func(*Request) {
		return func(r *Request) { r.Need.Tags = tags }
	}
	cond := `"StringEquals":{"aws:ResourceTag/ENV":"dev"}`
	if a, d := holds(t, cond, owned(map[string]string{"env": "dev"})); !a || !d {
		t.Error("tag keys are compared without case")
	}
	// Two tags that differ in case only: neither may hide the other.
	if a, d := holds(t, cond, owned(map[string]string{"env": "dev", "Env": "prod"})); a || !d {
		t.Error("an ambiguous tag allowed, or did not deny")
	}
}
