package proof

import (
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/redoubttest"
)

// TestNamesOfAccountsThatAreNone: an ARN names an account, and an account is part
// of the keys under which records lie. One that is no account must be refused like
// one that does not exist, not end the connection without an answer or an event.
func TestNamesOfAccountsThatAreNone(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwic3ViIjoicyIsImF1ZCI6ImEiLCJleHAiOjQxMDI0NDQ4MDB9.AA"
	for _, account := range []string{"1/2", "/", "..", "12345678901", "x", "*"} {
		role := "arn:aws:iam::" + account + ":role/something"
		calls := []struct {
			svc    *schema.Service
			op     string
			in     object
			signed bool
		}{
			{&stsapi.Model, "AssumeRole", object{"RoleArn": role, "RoleSessionName": "session"}, true},
			{&stsapi.Model, "AssumeRoleWithWebIdentity", object{"RoleArn": role, "RoleSessionName": "session", "WebIdentityToken": token}, false},
			{&stsapi.Model, "AssumeRoleWithSAML", object{"RoleArn": role, "PrincipalArn": strings.Replace(role, ":role/", ":saml-provider/", 1), "SAMLAssertion": "AAAA"}, false},
			{&iamapi.Model, "SimulateCustomPolicy", object{
				"PolicyInputList": []any{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`},
				"ActionNames":     []any{"kms:Encrypt"}, "CallerArn": "arn:aws:iam::" + account + ":user/bob",
			}, true},
			{&redoubtapi.Model, "ExplainAccess", object{"PrincipalArn": "arn:aws:iam::" + account + ":user/bob", "Action": "kms:Encrypt"}, true},
		}
		for _, c := range calls {
			a := h.send(encode(c.svc, c.svc.Find(c.op), c.in), h.admin, signing{none: !c.signed})
			if a.err != nil || a.status >= 500 || a.ok() && c.op != "SimulateCustomPolicy" {
				t.Errorf("%s of account %q: %v", c.op, account, a)
			}
		}
	}
	for _, line := range h.log.lines {
		if strings.Contains(line, "panic") {
			t.Error(line)
		}
	}
}
