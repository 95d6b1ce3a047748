package policy

import "testing"

func TestPublic(t *testing.T) {
	for _, c := range []struct {
		statement string
		public    bool
	}{
		{`"Principal":"*"`, true},
		{`"Principal":{"AWS":"*"}`, true},
		{`"Principal":{"AWS":"111122223333"}`, false},
		{`"Principal":{"Service":"cloudtrail.amazonaws.com"}`, false},
		{`"Principal":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}`, false},
		{`"Principal":"*","Condition":{"StringLike":{"aws:SourceVpc":"vpc-*"}}`, true},
		{`"Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`, false},
		{`"Principal":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`, true},
		{`"Principal":"*","Condition":{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`, true},
		{`"Principal":"*","Condition":{"StringEquals":{"aws:userid":"${aws:userid}"}}`, true},
		{`"Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`, false},
		{`"Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":["198.51.100.0/24","0.0.0.0/0"]}}`, true},
		{`"Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"2001:db8::/32"}}`, false},
		{`"Principal":"*","Condition":{"StringEquals":{"s3:x-amz-acl":"private"}}`, true},
		{`"Principal":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}`, true},
		{`"Principal":"*","Condition":{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:123456789012:accesspoint/*"}}`, false},
		{`"Principal":"*","Condition":{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:*:accesspoint/*"}}`, true},
		{`"NotPrincipal":{"AWS":"111122223333"}`, true},
	} {
		text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*",` + c.statement + `}]}`
		d, err := Parse(text, ResourceBased)
		if err != nil {
			t.Fatal(c.statement, err)
		}
		if d.Public() != c.public {
			t.Errorf("%s: public is %v", c.statement, d.Public())
		}
	}
	d, err := Parse(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}}`, ResourceBased)
	if err != nil || d.Public() {
		t.Error("a policy that only denies:", err)
	}
}
