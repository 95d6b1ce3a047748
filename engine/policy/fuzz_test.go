package policy

import (
	"encoding/json"
	"strings"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
)

// FuzzParse: no text makes the reader fail otherwise than with a *SyntaxError;
// what it takes is JSON to others too, and means the same when read again.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		wrap(allowAll), one(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111122223333","Service":["ec2.amazonaws.com"]}`),
		wrap(`{"Sid":"x","Effect":"Deny","NotPrincipal":{"AWS":"*"},"NotAction":["a:b"],"NotResource":"arn:aws:s3:::b/${aws:username}","Condition":{"ForAnyValue:StringLikeIfExists":{"a:b":["${x, 'y'}",1,true]}}}`),
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`,
		wrap(`{"Effect":"Allow","Action":"a:\u00e9\ud83d\ude00","Resource":"arn:aws:x","Condition":{"DateLessThan":{"aws:CurrentTime":"2026-11-23T11:59Z"},"IpAddress":{"aws:SourceIp":"::/0"}}}`),
	} {
		for kind := range uint8(RCP) + 1 {
			f.Add(text, kind)
		}
	}
	f.Fuzz(func(t *testing.T, text string, k uint8) {
		kind := Kind(k % (uint8(RCP) + 1))
		d, err := Parse(text, kind)
		if err != nil {
			fault, ok := err.(*SyntaxError)
			if !ok || fault.Message == "" || fault.Line < 1 || fault.Column < 1 {
				t.Fatalf("%#v", err)
			}
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatal("accepted what is no JSON")
		}
		d.ContextKeys()
		Check(d)
		if same := d.Rename(func(n Named) string { return n.Value }); same != text {
			t.Fatalf("renaming nothing made %q", same)
		}
		for i := range d.Len() {
			if start, end := d.Place(i); start.Line < 1 || end.Line < start.Line {
				t.Fatal(start, end)
			}
		}
	})
}

// FuzzEvaluate: whatever stands in policies and requests, decisions come to an
// end, Explain tells the same, nobody else's * is a wildcard, and a Deny of
// everything holds.
func FuzzEvaluate(f *testing.F) {
	f.Add(wrap(allowAll), wrap(allowTo(`"*"`)), "sqs:SendMessage", queue, "alice", "x:k", "v", uint8(0))
	f.Add(wrap(`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*","Condition":{"StringLike":{"x:k":"a*?${aws:username}*"}}}`), "", "s3:GetObject", "arn:aws:s3:::b/*/x", "*", "x:k", "aaaa", uint8(1))
	f.Add(wrap(`{"Effect":"Deny","NotAction":"*:*","NotResource":"*","Condition":{"ArnLike":{"x:k":"*:*:*:*:*:*"},"NumericLessThan":{"x:k":"1"},"DateEquals":{"x:k":"2026"}}}`), "", ":", "", "", "X:K", "1", uint8(2))
	f.Fuzz(func(t *testing.T, identity, resource, action, arn, name, key, value string, who uint8) {
		if len(identity)+len(resource)+len(arn)+len(value) > 4000 {
			return // the cost of a pattern is the product of two lengths
		}
		callers := []redoubt.Principal{aliceUser(), appSession(), federatedAlice(), rootUser(), servicePrincipal(name), {Kind: redoubt.Anonymous}}
		p := callers[int(who)%len(callers)]
		p.Name = name
		r := &Request{Call: callBy(p), Need: &redoubt.Need{Action: action, Resource: arn, Account: home, Strict: who&64 != 0,
			Conditions: map[string][]string{key: {value}}, Tags: map[string]string{key: value}}}
		r.Call.Source.IP = value
		if d, err := Parse(identity, Identity); err == nil {
			r.Identity = []Source{{Document: d, Name: "i"}}
		}
		if d, err := Parse(resource, ResourceBased); err == nil {
			r.Resource = &Source{Kind: ResourceBased, Document: d}
		}
		d := Evaluate(r)
		if trace := Explain(r); trace.Decision != d || trace.Text() == "" {
			t.Fatalf("explained %+v, decided %+v", trace.Decision, d)
		}
		if m := d.Message(r); (m == "") != d.Allowed {
			t.Fatalf("message %q of %+v", m, d)
		}
		if s := Simulate(r); (s.Verdict == "allowed") != d.Allowed || (s.Verdict == "explicitDeny") != d.Reason.Explicit() {
			t.Fatalf("simulated %+v, decided %+v", s, d)
		}
		if d.Allowed && len(r.Identity) == 0 && r.Resource == nil && p.Kind != redoubt.Root {
			t.Fatal("allowed by nothing")
		}
		r.Identity = append(r.Identity, Source{Document: must(t, Identity, wrap(`{"Effect":"Deny","Action":"*","Resource":"*"}`))})
		if Evaluate(r).Allowed {
			t.Fatal("allowed against a Deny of everything")
		}
	})
}

// FuzzWild: the matcher agrees with the plainest possible one.
func FuzzWild(f *testing.F) {
	f.Add("a*b?c*", "axxbyc")
	f.Add("*?*é", "aé")
	f.Add("**a", "ba")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 12 || len(text) > 20 || strings.ToValidUTF8(pattern, "") != pattern || strings.ToValidUTF8(text, "") != text {
			return
		}
		var plain func(p, s []rune) bool
		plain = func(p, s []rune) bool {
			switch {
			case len(p) == 0:
				return len(s) == 0
			case p[0] == '*':
				return plain(p[1:], s) || len(s) > 0 && plain(p, s[1:])
			case len(s) == 0:
				return false
			}
			return (p[0] == '?' || p[0] == s[0]) && plain(p[1:], s[1:])
		}
		want := plain([]rune(pattern), []rune(text))
		if got := wild(nil, encode(pattern), text); got != want {
			t.Fatalf("wild(%q, %q) = %v", pattern, text, got)
		}
		if got, _ := newPattern(pattern, encode(pattern)).match(nil, text); got != want {
			t.Fatalf("pattern %q on %q: %v", pattern, text, got)
		}
	})
}
