package policy

import (
	"encoding/json"
	"testing"
)

func TestExplainText(t *testing.T) {
	r := setting{
		by: appSession(), action: "kms:Decrypt", resource: theKey, strict: true, kind: KeyPolicy,
		identity: `{"Sid":"Use","Effect":"Allow","Action":["kms:Encrypt","kms:De*"],"Resource":"arn:aws:kms:*:*:key/*","Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.168.0.0/16"]}}},` +
			`{"Sid":"NotProd","Effect":"Deny","NotAction":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"},"StringNotLike":{"aws:PrincipalTag/team":"${aws:PrincipalTag/lead}"}}}`,
		session: `{"Effect":"Allow","Action":"*","Resource":"*"}`,
		policy: `{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},` +
			`{"Sid":"Service","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"kms:*","Resource":"*"}`,
		scps: []string{allowAll},
		tags: map[string]string{"env": "dev"},
		change: func(r *Request) {
			r.Resource.Attached = theKey
			r.Identity[0].Attached = app
		},
	}.request(t)
	trace := Explain(r)
	fixture(t, "explain.txt", trace.Text())
	if trace.Decision != Evaluate(r) {
		t.Errorf("explained %+v, decided %+v", trace.Decision, Evaluate(r))
	}
	r.Call.Source.IP = "10.1.2.3"
	fixture(t, "explain-allowed.txt", Explain(r).Text())
	r.Need.Tags["env"] = "prod"
	fixture(t, "explain-denied.txt", Explain(r).Text())
	if _, err := json.Marshal(Explain(r)); err != nil {
		t.Error(err)
	}
}
