package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// one makes a document of one statement in no list.
func one(statement string) string {
	return `{"Version":"2012-10-17","Statement":{` + statement + `}}`
}

const bucket = `"Resource":"arn:aws:s3:::example"`

// What IAM refuses, and with which words, as it was seen to answer.
func TestIdentityGrammar(t *testing.T) {
	list := `"Action":"s3:ListBucket",` + bucket
	legacyOf := func(condition string) string {
		return one(`"Effect":"Allow",` + list + `,"Condition":` + condition)
	}
	const (
		vendorless = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
		colons     = "Actions/Condition can contain only one colon."
		noAction   = "Policy statement must contain actions."
		noResource = "Policy statement must contain resources."
	)
	for _, c := range []struct{ text, want string }{
		{`no JSON`, syntaxErrors},
		{``, syntaxErrors},
		{`[]`, syntaxErrors},
		{`{}`, syntaxErrors},
		{one(`"Effect":"Allow",`+list) + ` x`, syntaxErrors},
		{`{"Version":"2013-10-17","Statement":{"Effect":"Allow",` + list + `}}`, syntaxErrors},
		{`{"Version":20121017,"Statement":{"Effect":"Allow",` + list + `}}`, syntaxErrors},
		{`{"Version":"2012-10-17"}`, syntaxErrors},
		{`{"Version":"2012-10-17","Statement":[]}`, syntaxErrors},
		{`{"Version":"2012-10-17","Statement":["x"]}`, syntaxErrors},
		{`{"Version":"2012-10-17","Statement":null}`, syntaxErrors},
		{`{"Version":"2012-10-17","Version":"2012-10-17","Statement":{"Effect":"Allow",` + list + `}}`, syntaxErrors},
		{`{"Version":"2012-10-17","Id":[],"Statement":{"Effect":"Allow",` + list + `}}`, syntaxErrors},
		{`{"Version":"2012-10-17","More":"x","Statement":{"Effect":"Allow",` + list + `}}`, syntaxErrors},
		{one(`"Effect":"Allow","More":"x",` + list), syntaxErrors},
		{one(`"Effect":"Allow","Effect":"Allow",` + list), syntaxErrors},
		{one(`"effect":"Allow",` + list), syntaxErrors},
		{one(`"Effect":"Perhaps",` + list), syntaxErrors},
		{one(list), syntaxErrors},
		{one(`"Sid":{},"Effect":"Allow",` + list), syntaxErrors},
		{one(`"Effect":"Allow","NotAction":"s3:x",` + list), syntaxErrors},
		{one(`"Effect":"Allow","NotResource":[],` + list), syntaxErrors},
		{one(`"Effect":"Allow","Action":{},` + bucket), syntaxErrors},
		{one(`"Effect":"Allow","Action":[[]],` + bucket), syntaxErrors},
		{one(`"Effect":"Allow","Action":1,` + bucket), syntaxErrors},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":["a",{}]`), syntaxErrors},
		{legacyOf(`[]`), syntaxErrors},
		{legacyOf(`"x"`), syntaxErrors},
		{legacyOf(`{"x":"y"}`), syntaxErrors},
		{legacyOf(`{"x":{"a":"1"}}`), syntaxErrors},
		{legacyOf(`{"DateGreaterThan":[]}`), syntaxErrors},
		{legacyOf(`{"DateGreaterThan":{"a":{}}}`), syntaxErrors},
		{legacyOf(`{"StringEquals":{"a":null}}`), syntaxErrors},
		{legacyOf(`{"stringequals":{"a":"b"}}`), syntaxErrors},
		{legacyOf(`{"ForAnyValue::StringEquals":{"a":"b"}}`), syntaxErrors},
		{legacyOf(`{"NullIfExists":{"a":"true"}}`), syntaxErrors},
		{legacyOf(`{"Null":{"a":"maybe"}}`), syntaxErrors},
		{legacyOf(`{"Bool":{"a":"maybe"}}`), syntaxErrors},
		{legacyOf(`{"NumericEquals":{"a":"ten"}}`), syntaxErrors},
		{legacyOf(`{"IpAddress":{"a":"10.0.0.0/33"}}`), syntaxErrors},
		{legacyOf(`{"BinaryEquals":{"a":"no base64"}}`), syntaxErrors},
		{legacyOf(`{"StringEquals":{"a":"b","a":"c"}}`), syntaxErrors},

		{one(`"Effect":"Allow","Principal":"*",` + list), "Policy document should not specify a principal."},

		{one(`"Effect":"denY",` + list), legacy},
		{one(`"Effect":"allow","Resource":"arn:aws:s3:us-east-1::x"`), legacy},
		{legacyOf(`{"DateGreaterThan":{"a":"soon"}}`), legacy},
		{legacyOf(`{"DateLessThanEquals":{"a":"234-13"}}`), legacy},
		{legacyOf(`{"DateLessThanEquals":{"a":"2016-12-13t2:00:00.593194+1"}}`), legacy},
		{legacyOf(`{"DateLessThanEquals":{"a":"2016-12-13t2:00:00.1999999999+10:59"}}`), legacy},
		{legacyOf(`{"DateLessThan":{"a":"9223372036854775808"}}`), legacy},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws:s3::example"`), legacy},
		{one(`"Effect":"Allow","Action":"s3:x","NotResource":"arn:aws:s3::example"`), legacy},
		{one(`"Effect":"Allow","Resource":"arn:aws:s3::example"`), legacy},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws::::example"`), legacy},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws::x"`), legacy},

		{wrap(`{"Sid":"a","Effect":"Allow",` + list + `},{"Sid":"a","Effect":"Allow"}`), "Statement IDs (SID) in a single policy must be unique."},
		{one(`"Sid":"a b","Effect":"Allow",` + list), "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"},

		{one(`"Effect":"Allow"`), noAction},
		{one(`"Effect":"Allow",` + bucket), noAction},
		{one(`"Effect":"Allow","Action":[],` + bucket), noAction},
		{wrap(`{"Effect":"Deny"},{"Effect":"Allow",` + list + `}`), noAction},

		{one(`"Effect":"Allow","Action":"s:3:x","Resource":"example"`), `Resource example must be in ARN format or "*".`},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":""`), `Resource  must be in ARN format or "*".`},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":["*","example"]`), `Resource example must be in ARN format or "*".`},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":"a:b"`), `Partition "b" is not valid for resource "arn:b:*:*:*:*".`},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":"a:b:c"`), `Partition "b" is not valid for resource "arn:b:c:*:*:*".`},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":"a:b:c:d:e:f:g:h"`), `Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".`},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":"aws:s3:::example"`), `Partition "s3" is not valid for resource "arn:s3:::example:*".`},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":"s3::example/*"`), `Partition "" is not valid for resource "arn::example/*:*:*:*".`},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":["arn:odd:s3:::example","arn:odd:s3::example"]`), `Partition "odd" is not valid for resource "arn:odd:s3:::example".`},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws"`), "Resource vendor must be fully qualified and cannot contain regexes."},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws:s*:::x"`), "Resource vendor must be fully qualified and cannot contain regexes."},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws:iam:us-east-1::x"`), "IAM resource arn:aws:iam:us-east-1::x cannot contain region information."},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws:s3:us-east-1::x"`), "Resource arn:aws:s3:us-east-1::x can not contain region information."},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws:iam:::x"`), `IAM resource path must either be "*", root, or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.`},

		{one(`"Effect":"Allow","Action":"list",` + bucket), vendorless},
		{one(`"Effect":"Allow","Action":"list"`), "Policy statement must contain resources."},
		{one(`"Effect":"Allow","NotAction":"",` + bucket), vendorless},
		{one(`"Effect":"Allow","Action":"a a:List",` + bucket), "Vendor a a is not valid"},
		{one(`"Effect":"Allow","Action":":List",` + bucket), "Vendor  is not valid"},
		{one(`"Effect":"Allow","Action":"s3:List:x",` + bucket), colons},

		{one(`"Effect":"Allow","Action":"s3:x"`), noResource},
		{one(`"Effect":"Allow","Action":"s3:x","Resource":[]`), noResource},
	} {
		for _, kind := range []Kind{Identity, SessionPolicy, Boundary} {
			wantFault(t, kind, c.text, c.want)
		}
	}
}

// wantFault checks the message of a refusal, and that it comes with a place.
func wantFault(t *testing.T, kind Kind, text, want string) {
	t.Helper()
	_, err := Parse(text, kind)
	var fault *SyntaxError
	switch {
	case !errors.As(err, &fault):
		t.Errorf("%v: accepted, want %q\n%s", kind, want, text)
	case fault.Message != want:
		t.Errorf("%v: got %q, want %q\n%s", kind, fault.Message, want, text)
	case fault.Line < 1 || fault.Column < 1 || fault.Detail == "":
		t.Errorf("no place or detail: %+v", fault)
	}
}

func TestIdentityGrammarAccepts(t *testing.T) {
	for _, text := range []string{
		one(`"Effect":"Allow","Action":"iam: some words ",` + bucket),
		one(`"Effect":"Allow","Action":"*","Resource":["arn:aws:s3:::example","*"]`),
		one(`"Effect":"Allow","Action":"no-such.service:List",` + bucket),
		one(`"Effect":"Allow","NotAction":"s3:x","NotResource":"*"`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws:iam:::user/x"`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws:iam::111122223333:*"`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws:iam::*:user/${aws:username}"`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws:something"`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws:s3:us-west-2:111122223333:accesspoint/x"`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"arn:aws-cn:s3:::x"`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"*","Condition":{}`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"*","Condition":{"x":{},"y":{}}`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"*","Condition":{"DateGreaterThan":{"a":[]}}`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"*","Condition":{"DateGreaterThan":{"a":"01T"}}`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"*","Condition":{"DateLessThan":{"a":"-292275054"}}`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"*","Condition":{"DateLessThan":{"a":"2016-12-13t2:00:00.593194+23"}}`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"*","Condition":{"DateLessThan":{"a":1479859200}}`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"*","Condition":{"ForAnyValue:StringEqualsIfExists":{"a":"b"}}`),
		one(`"Effect":"Allow","Action":"s3:x","Resource":"*","Condition":{"Bool":{"a":true},"NumericLessThan":{"b":[10,-1.5]}}`),
		`{"Version":"2012-10-17","Id":"anything","Statement":{"Effect":"Allow","Action":"s3:x","Resource":"*"}}`,
		`{"Statement":{"Effect":"Allow","Action":"s3:x","Resource":"*"}}`,
		`{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:x","Resource":"*"}}`,
		wrap(`{"Sid":"","Effect":"Allow","Action":"s3:x","Resource":"*"},{"Sid":"","Effect":"Allow","Action":"s3:y","Resource":"*"}`),
	} {
		for _, kind := range []Kind{Identity, SessionPolicy, Boundary} {
			must(t, kind, text)
		}
	}
}

// IAM wants the current version for managed policies, before it looks further.
func TestParseManaged(t *testing.T) {
	for _, text := range []string{
		`{"Statement":{"Effect":"Allow","Action":"s3:x","Resource":"*"}}`,
		`{"Version":"2008-10-17","Statement":{"Effect":"denY","Action":"s3:x","Resource":"*"}}`,
		`{"Statement":[{"Sid":"a","Effect":"Allow"},{"Sid":"a","Effect":"Allow"}]}`,
	} {
		_, err := ParseManaged(text)
		var fault *SyntaxError
		if !errors.As(err, &fault) || fault.Message != "Policy document must be version 2012-10-17 or greater." {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := ParseManaged(wrap(allowAll)); err != nil {
		t.Error(err)
	}
}

func TestTrustGrammar(t *testing.T) {
	to := func(rest string) string { return one(`"Principal":{"AWS":"111122223333"},` + rest) }
	for _, c := range []struct{ text, want string }{
		{`{`, "This policy contains invalid Json"},
		{`{"Version":"2020-01-01","Statement":[]}`, "The policy must contain a valid version string"},
		{`{"Version":"2012-10-17","Statement":[]}`, "Could not parse the policy: Statement is empty!"},
		{`{"Version":"2012-10-17"}`, "Could not parse the policy: Statement is empty!"},
		{`{"Version":"2012-10-17","Else":1}`, "Unknown field Else"},
		{to(`"Action":"sts:AssumeRole"`), "Missing required field Effect"},
		{to(`"Effect":"Maybe","Action":"sts:AssumeRole"`), "Invalid effect: Maybe"},
		{to(`"Effect":"allow","Action":"sts:AssumeRole"`), "Invalid effect: allow"},
		{one(`"Effect":"Allow","Action":"sts:AssumeRole"`), "Missing required field Principal"},
		{one(`"Effect":"Allow","Principal":{},"Action":"sts:AssumeRole"`), "Missing required field Principal cannot be empty!"},
		{one(`"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"`), "Principal must be a JSON object."},
		{one(`"Effect":"Allow","Principal":["x"],"Action":"sts:AssumeRole"`), "Syntax error in policy."},
		{one(`"Effect":"Allow","NotPrincipal":{"AWS":"*"},"Action":"sts:AssumeRole"`), "Allow with NotPrincipal is not allowed."},
		{one(`"Effect":"Deny","NotPrincipal":{"AWS":"*"},"Action":"sts:AssumeRole"`), "AssumeRole policy must not contain NotPrincipal field."},
		{one(`"Effect":"Allow","Principal":{"CanonicalUser":"x"},"Action":"sts:AssumeRole"`), `Invalid principal in policy: "CanonicalUser"`},
		{one(`"Effect":"Allow","Principal":{"AWS":"alice"},"Action":"sts:AssumeRole"`), `Invalid principal in policy: "AWS":"alice"`},
		{one(`"Effect":"Allow","Principal":{"Service":"lambda"},"Action":"sts:AssumeRole"`), `Invalid principal in policy: "SERVICE":"lambda"`},
		{one(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/*"},"Action":"sts:AssumeRole"`), `Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*"`},
		{one(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:group/g"},"Action":"sts:AssumeRole"`), `Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:group/g"`},
		{one(`"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"`), "A condition block must be present for the Cognito provider"},
		{to(`"Effect":"Allow"`), "Missing required field Action"},
		{to(`"Effect":"Allow","Action":"*"`), "AssumeRole policy may only specify STS AssumeRole actions."},
		{to(`"Effect":"Allow","Action":["sts:AssumeRole","s3:GetObject"]`), "AssumeRole policy may only specify STS AssumeRole actions."},
		{to(`"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"`), "Has prohibited field Resource"},
		{to(`"Effect":"Allow","Action":"sts:AssumeRole","NotResource":"*"`), "AssumeRole policy must not contain resources."},
		{to(`"Effect":"Allow","Action":"sts:AssumeRole","Condition":{"StringEqual":{"a":"b"}}`), "Invalid Condition type : StringEqual"},
		{wrap(`{"Sid":"x","Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"},{"Sid":"x","Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`), "The Statement Ids in the policy are not unique"},
	} {
		wantFault(t, Trust, c.text, c.want)
	}
	must(t, Trust, to(`"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"]`))
	must(t, Trust, one(`"Effect":"Allow","Principal":{"AWS":["*","AROAAPPAPPAPPAPPAPP00"],"Service":"lambda.amazonaws.com","Federated":["accounts.google.com","arn:aws:iam::111122223333:saml-provider/idp"]},"Action":"sts:AssumeRole"`))
}

func TestResourceGrammar(t *testing.T) {
	for _, c := range []struct {
		kind       Kind
		text, want string
	}{
		{KeyPolicy, one(`"Effect":"Allow","Action":"kms:*","Resource":"*"`), "Policy contains a statement with no principal."},
		{KeyPolicy, one(`"Effect":"Allow","Principal":{"AWS":[]},"Action":"kms:*","Resource":"*"`), "Policy contains a statement with no principal."},
		{KeyPolicy, one(`"Effect":"Allow","Principal":{"AWS":"bob"},"Action":"kms:*","Resource":"*"`), "Policy contains a statement with one or more invalid principals."},
		{KeyPolicy, one(`"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*"`), "Missing required field Resource"},
		{ResourceBased, one(`"Effect":"Allow","Principal":"bob","Action":"s3:*","Resource":"*"`), `Invalid principal in policy: "bob"`},
		{ResourceBased, one(`"Effect":"Allow","Principal":{"CanonicalUser":"bob"},"Action":"s3:*","Resource":"*"`), `Invalid principal in policy: "CANONICALUSER":"bob"`},
		{ResourceBased, one(`"Effect":"Allow","Principal":"*","Action":"list","Resource":"*"`), "Policy has invalid action"},
		{ResourceBased, one(`"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"bucket"`), "Policy has invalid resource"},
		{ResourceBased, one(`"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*","Extra":1`), "Unknown field Extra"},
	} {
		wantFault(t, c.kind, c.text, c.want)
	}
	for _, principal := range []string{
		`"*"`, `{"AWS":"*"}`, `{"AWS":"111122223333"}`, `{"AWS":"arn:aws:iam::111122223333:root"}`,
		`{"AWS":["arn:aws:iam::111122223333:user/a/b","arn:aws:iam::111122223333:role/r"]}`,
		`{"AWS":"arn:aws:sts::111122223333:assumed-role/r/s@x"}`, `{"AWS":"arn:aws:sts::111122223333:federated-user/f"}`,
		`{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}`,
		`{"AWS":"AIDAALICEALICEALICE00"}`, `{"Service":"logs.us-east-1.amazonaws.com"}`,
		`{"CanonicalUser":"` + strings.Repeat("0a", 32) + `"}`,
	} {
		must(t, ResourceBased, wrap(`{"Sid":"any words 1","Effect":"Allow","Principal":`+principal+`,"Action":"s3:*","Resource":"arn:aws:s3:::b/*"}`))
	}
	must(t, KeyPolicy, `{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}`)
}

func TestOrganizationGrammar(t *testing.T) {
	everyone := `"Principal":"*",`
	for _, c := range []struct {
		kind Kind
		text string
	}{
		{SCP, `{`},
		{SCP, one(`"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"`)},
		{SCP, one(`"Effect":"Allow","Action":"*"`)},
		{SCP, one(`"Effect":"allow","Action":"*","Resource":"*"`)},
		{SCP, one(`"Sid":"a-b","Effect":"Allow","Action":"*","Resource":"*"`)},
		{RCP, one(`"Effect":"Deny","Action":"s3:*","Resource":"*"`)},
		{RCP, one(`"Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:*","Resource":"*"`)},
		{RCP, one(`"Effect":"Deny","NotPrincipal":"*","Action":"s3:*","Resource":"*"`)},
		{RCP, one(`"Effect":"Deny",` + everyone + `"NotAction":"s3:*","Resource":"*"`)},
		{RCP, one(`"Effect":"Deny",` + everyone + `"Action":"*","Resource":"*"`)},
		{RCP, one(`"Effect":"Allow",` + everyone + `"Action":"s3:*","Resource":"*"`)},
		{RCP, one(`"Effect":"Allow",` + everyone + `"Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}`)},
	} {
		wantFault(t, c.kind, c.text, notMet)
	}
	must(t, SCP, one(`"Effect":"Allow","Action":"*","Resource":"*"`))
	must(t, SCP, one(`"Effect":"Deny","NotAction":["iam:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"eu-west-1"}}`))
	must(t, RCP, one(`"Effect":"Allow",`+everyone+`"Action":"*","Resource":"*"`))
	must(t, RCP, one(`"Effect":"Deny",`+everyone+`"Action":"s3:*","NotResource":"arn:aws:s3:::open/*","Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}`))
}

// A refusal says where the fault is.
func TestFaultPlace(t *testing.T) {
	for _, c := range []struct {
		text, path   string
		line, column int
	}{
		{"{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\"Effect\": \"Allow\", \"Action\": \"list\", \"Resource\": \"*\"}\n  ]\n}", "Statement[0].Action", 4, 35},
		{"{\n\"é\": 1}", "é", 2, 1},
		{"{\"Version\": \"2012-10-17\",", "", 1, 26},
		{one(`"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.1","x"]}}`), "Statement.Condition.IpAddress.aws:SourceIp", 1, 138},
	} {
		_, err := Parse(c.text, Identity)
		var fault *SyntaxError
		if !errors.As(err, &fault) || fault.Path != c.path || fault.Line != c.line || fault.Column != c.column {
			t.Errorf("%s\ngot %+v", c.text, fault)
		}
	}
}

// Hostile texts are refused quickly, whatever they are.
func TestHostileTexts(t *testing.T) {
	for name, text := range map[string]string{
		"deep":            strings.Repeat(`{"Statement":`, 100000),
		"deep lists":      `{"Version":"2012-10-17","Statement":` + strings.Repeat("[", 100000),
		"long":            `{"Version":"2012-10-17","Id":"` + strings.Repeat("x", maxText) + `"}`,
		"bad UTF-8":       one("\"Effect\":\"Allow\",\"Action\":\"a:\xff\",\"Resource\":\"*\""),
		"half a pair":     one(`"Effect":"Allow","Action":"a:\ud800x","Resource":"*"`),
		"control":         one("\"Effect\":\"Allow\",\"Action\":\"a:\x01\",\"Resource\":\"*\""),
		"unknown escape":  one(`"Effect":"Allow","Action":"a:\x","Resource":"*"`),
		"leading zero":    one(`"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"NumericEquals":{"a":01}}`),
		"trailing comma":  one(`"Effect":"Allow","Action":["a:b",],"Resource":"*"`),
		"escaped element": one(`"Effect":"Allow","\u0045ffect":"Deny","Action":"a:b","Resource":"*"`),
		"huge number":     one(`"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"NumericEquals":{"a":1e999999999}}`),
	} {
		if _, err := Parse(text, Identity); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	many := make([]string, 20)
	for i := range many {
		many[i] = fmt.Sprintf(`"k%d":"x"`, i)
	}
	many[19] = many[3]
	if _, err := Parse(one(`"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringEquals":{`+strings.Join(many, ",")+`}}`), Identity); err == nil {
		t.Error("duplicate key among many: accepted")
	}
}

// The cost of a policy grows with its length, not with its square.
func TestLargePolicies(t *testing.T) {
	var statements, actions, keys strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&statements, `{"Effect":"Deny","Action":"a:b","Resource":"*"},`)
		fmt.Fprintf(&actions, `"s%d:x",`, i)
		fmt.Fprintf(&keys, `"k%d":"v",`, i)
	}
	for name, text := range map[string]string{
		"statements": wrap(statements.String() + allowAll),
		"services":   one(`"Effect":"Allow","Action":[` + actions.String() + `"a:b"],"Resource":"*"`),
		"keys":       one(`"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringEquals":{` + keys.String() + `"k":"v"}}`),
	} {
		from := time.Now()
		must(t, Identity, text)
		if took := time.Since(from); took > time.Second {
			t.Errorf("%d bytes of %s took %v", len(text), name, took)
		}
	}
}

func TestEscapes(t *testing.T) {
	d := must(t, Identity, `{"Version":"2012-10-17","Id":"\u0041\n\"\\\/\ud83d\ude00","Statement":{"Effect":"Allow","Action":"\u006b\u006ds:Decrypt","Resource":"*"}}`)
	if d.ID() != "A\n\"\\/😀" {
		t.Errorf("%q", d.ID())
	}
	r := setting{by: aliceUser(), action: "kms:Decrypt"}.request(t)
	r.Identity = []Source{{Document: d}}
	if !Evaluate(r).Allowed {
		t.Error("an escaped action does not match")
	}
}

// Saved policies hold unique ids instead of ARNs, and are shown with ARNs.
func TestRename(t *testing.T) {
	text := "{\"Version\": \"2012-10-17\", \"Statement\": [\n {\"Effect\": \"Allow\", \"Principal\": {\"AWS\": [ \"" + alice + "\", \"111122223333\" ]}, \"Action\": \"sts:AssumeRole\"},\n" +
		" {\"Action\": \"sts:AssumeRole\", \"Principal\": {\"Service\": \"ec2.amazonaws.com\", \"AWS\": \"" + app + "\"}, \"Effect\": \"Deny\"}]}"
	ids := map[string]string{alice: "AIDAALICEALICEALICE00", app: "AROAAPPAPPAPPAPPAPP00"}
	saved := must(t, Trust, text).Rename(func(n Named) string {
		if id, ok := ids[n.Value]; ok && n.Type == "AWS" {
			return id
		}
		return n.Value
	})
	want := strings.NewReplacer(alice, ids[alice], app, ids[app]).Replace(text)
	if saved != want {
		t.Errorf("got\n%s\nwant\n%s", saved, want)
	}
	shown := must(t, Trust, saved).Rename(func(n Named) string {
		for arn, id := range ids {
			if n.Value == id {
				return arn
			}
		}
		return n.Value
	})
	if shown != text {
		t.Errorf("got\n%s", shown)
	}
}

func TestSize(t *testing.T) {
	if n := Size("{ \"a\":\t\"é b\"\r\n}"); n != 10 {
		t.Errorf("got %d", n)
	}
}
