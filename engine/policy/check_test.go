package policy

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	service := `"Principal":{"Service":"s3.amazonaws.com"},"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*"`
	for _, c := range []struct {
		kind       Kind
		statements string
		want       string
	}{
		{KeyPolicy, `{"Effect":"Allow",` + service + `}`, "confused-deputy"},
		{KeyPolicy, `{"Effect":"Deny",` + service + `}`, ""},
		{KeyPolicy, `{"Effect":"Allow",` + service + `,"Condition":{"StringEquals":{"AWS:SourceAccount":"111122223333"}}}`, ""},
		{KeyPolicy, `{"Effect":"Allow",` + service + `,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::b"}}}`, ""},
		{KeyPolicy, `{"Effect":"Allow",` + service + `,"Condition":{"ArnNotLike":{"aws:SourceArn":"arn:aws:s3:::b"}}}`, "confused-deputy"},
		{ResourceBased, `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}`, "public"},
		{ResourceBased, `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}`, ""},
		{ResourceBased, `{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:GetObject","Resource":"*"}`, "not-allow"},
		{Identity, allowAll, "all-actions"},
		{Identity, `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, "all-resources"},
		{Identity, `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/*"}`, ""},
		{Identity, `{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`, "not-allow"},
		{Boundary, allowAll, ""},
		{SCP, allowAll, ""},
		{RCP, `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`, ""},
	} {
		var codes []string
		for _, a := range Check(must(t, c.kind, wrap(c.statements))) {
			codes = append(codes, a.Code)
			if a.Line != 1 || a.Column != 38 || a.Text == "" {
				t.Errorf("%+v", a)
			}
		}
		if got := strings.Join(codes, ","); got != c.want {
			t.Errorf("%v %s: got %q, want %q", c.kind, c.statements, got, c.want)
		}
	}
}
