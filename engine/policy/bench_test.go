package policy

import (
	"fmt"
	"testing"
)

// typical is a decision as KMS takes it all day: a role with three policies, a
// key policy that delegates to the account, two conditions.
func typical(tb testing.TB) *Request {
	r := setting{
		by: appSession(), action: "kms:Decrypt", resource: theKey, strict: true, kind: KeyPolicy,
		conditions: map[string][]string{"kms:EncryptionContext:app": {"shop"}, "kms:EncryptionAlgorithm": {"SYMMETRIC_DEFAULT"}, "kms:EncryptionContextKeys": {"app"}},
		policy: `{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},` +
			`{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/a","arn:aws:iam::111122223333:role/b"]},"Action":["kms:Encrypt","kms:Decrypt","kms:GenerateDataKey*"],"Resource":"*"}`,
	}.request(tb)
	r.Identity = []Source{
		source(tb, Identity, "logs", `{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:*:*:*"}`),
		source(tb, Identity, "storage", `{"Effect":"Allow","Action":["s3:GetObject*","s3:PutObject*"],"Resource":"arn:aws:s3:::shop-*/*"},{"Effect":"Deny","Action":"s3:DeleteBucket","Resource":"*"}`),
		source(tb, Identity, "keys", `{"Effect":"Allow","Action":["kms:Encrypt","kms:Decrypt","kms:GenerateDataKey*"],"Resource":"arn:aws:kms:*:111122223333:key/*","Condition":{"StringEquals":{"kms:EncryptionContext:app":"shop"},"Bool":{"aws:SecureTransport":"true"}}}`),
	}
	return r
}

func BenchmarkEvaluate(b *testing.B) {
	r := typical(b)
	if d := Evaluate(r); d.Reason != AllowedByIdentity {
		b.Fatal(Explain(r).Text())
	}
	b.ReportAllocs()
	for b.Loop() {
		Evaluate(r)
	}
}

// A variable, a date, an address, tags.
func BenchmarkEvaluateConditions(b *testing.B) {
	r := setting{by: aliceUser(), action: "s3:GetObject", resource: "arn:aws:s3:::b/home/alice/x",
		identity: `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/home/${aws:username}/*","Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]},"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"},"StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}"}}}`,
		tags:     map[string]string{"team": "blue", "env": "dev"}}.request(b)
	if d := Evaluate(r); !d.Allowed {
		b.Fatal(Explain(r).Text())
	}
	b.ReportAllocs()
	for b.Loop() {
		Evaluate(r)
	}
}

// One statement with a thousand actions, like AWS's ReadOnlyAccess.
func BenchmarkEvaluateManyActions(b *testing.B) {
	actions := ""
	for i := range 100 {
		for j := range 10 {
			actions += fmt.Sprintf(`"svc%d:Get%d*",`, i, j)
		}
	}
	r := setting{by: aliceUser(), action: "svc57:Get9Things", identity: `{"Effect":"Allow","Action":[` + actions + `"z:z"],"Resource":"*"}`}.request(b)
	if d := Evaluate(r); !d.Allowed {
		b.Fatal(d.Reason)
	}
	b.ReportAllocs()
	for b.Loop() {
		Evaluate(r)
	}
}

func BenchmarkParse(b *testing.B) {
	text := typical(b).Resource.Document.Text()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, KeyPolicy); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCacheHit(b *testing.B) {
	text := typical(b).Resource.Document.Text()
	c := NewCache(10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Parse(text, KeyPolicy); err != nil {
			b.Fatal(err)
		}
	}
}
