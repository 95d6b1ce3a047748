package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

func TestKeys(t *testing.T) {
	service := func(r *Request) {
		r.Call.Principal = servicePrincipal("sns.amazonaws.com")
		r.Call.Via = redoubt.Via{SourceARN: "arn:aws:sns:us-east-1:111122223333:t", SourceAccount: home}
		r.SourceOrg = &Org{ID: "o-src", Path: "o-src/r-1/"}
	}
	forwarded := func(r *Request) {
		r.Call.Via = redoubt.Via{Service: "secretsmanager.us-east-1.amazonaws.com", CalledVia: []string{"cloudformation.amazonaws.com", "secretsmanager.amazonaws.com"}}
		r.Call.Source.TLS = false
	}
	session := func(r *Request) { r.Call.Principal = appSession() }
	withMFA := func(r *Request) {
		r.Call.Principal.Session = &redoubt.Session{Issued: noon.Add(-time.Hour), MFA: true, MFATime: noon.Add(-2 * time.Minute)}
	}
	web := func(r *Request) {
		r.Call.Principal = appSession()
		r.Call.Principal.Session.Provider = "accounts.google.com"
		r.Call.Principal.Session.Context = map[string]string{"accounts.google.com:AUD": "client-1"}
	}
	root := func(r *Request) { r.Call.Principal = rootUser() }
	federated := func(r *Request) { r.Call.Principal = federatedAlice() }
	anonymous := func(r *Request) { r.Call.Principal = redoubt.Principal{Kind: redoubt.Anonymous} }
	orgs := func(r *Request) {
		r.PrincipalOrg = &Org{ID: "o-1", Path: "o-1/r-a/ou-a/"}
		r.ResourceOrg = &Org{ID: "o-2", Path: "o-2/r-b/"}
	}
	from := func(conditions map[string][]string) func(*Request) {
		return func(r *Request) { r.Need.Conditions = conditions }
	}
	more := func(r *Request) {
		r.Need.Conditions = map[string][]string{"x:own": {"1"}, "x:both": {"own"}}
		r.Need.More = func() map[string][]string {
			return map[string][]string{"x:more": {"2", "3"}, "x:both": {"more"}, "aws:PrincipalArn": {"forged"}}
		}
	}
	for _, c := range []struct {
		key    string
		change func(*Request)
		want   string // values with commas; "-" is absent
	}{
		{"aws:PrincipalArn", nil, alice},
		{"aws:PrincipalArn", more, alice},
		{"x:own", more, "1"},
		{"x:more", more, "2,3"},
		{"X:BOTH", more, "own"},
		{"x:none", more, "-"},
		{"aws:PrincipalArn", session, app},
		{"aws:PrincipalArn", root, "arn:aws:iam::111122223333:root"},
		{"aws:PrincipalArn", federated, "arn:aws:sts::111122223333:federated-user/al"},
		{"aws:PrincipalArn", service, "-"},
		{"aws:PrincipalArn", anonymous, "-"},
		{"aws:PrincipalAccount", nil, home},
		{"aws:PrincipalAccount", service, "-"},
		{"AWS:PRINCIPALTYPE", nil, "User"},
		{"aws:PrincipalType", session, "AssumedRole"},
		{"aws:PrincipalType", root, "Account"},
		{"aws:PrincipalType", federated, "FederatedUser"},
		{"aws:PrincipalType", anonymous, "Anonymous"},
		{"aws:PrincipalTag/Team", nil, "blue"},
		{"aws:PrincipalTag/none", nil, "-"},
		{"aws:PrincipalIsAWSService", nil, "false"},
		{"aws:PrincipalIsAWSService", service, "true"},
		{"aws:PrincipalIsAWSService", anonymous, "-"},
		{"aws:PrincipalServiceName", service, "sns.amazonaws.com"},
		{"aws:PrincipalServiceName", nil, "-"},
		{"aws:PrincipalServiceNamesList", service, "sns.amazonaws.com"},
		{"aws:username", nil, "alice"},
		{"aws:username", session, "-"},
		{"aws:username", root, "-"},
		{"aws:userid", nil, "AIDAALICEALICEALICE00"},
		{"aws:userid", session, "AROAAPPAPPAPPAPPAPP00:run-1"},
		{"aws:userid", anonymous, "anonymous"},
		{"aws:PrincipalOrgID", nil, "-"},
		{"aws:PrincipalOrgID", orgs, "o-1"},
		{"aws:PrincipalOrgPaths", orgs, "o-1/r-a/ou-a/"},
		{"aws:ResourceOrgID", orgs, "o-2"},
		{"aws:ResourceOrgPaths", orgs, "o-2/r-b/"},
		{"aws:SourceOrgID", service, "o-src"},
		{"aws:SourceOrgPaths", service, "o-src/r-1/"},

		{"aws:SourceIp", nil, "203.0.113.7"},
		{"aws:SourceIp", forwarded, "-"},
		{"aws:SourceIp", service, "-"},
		{"aws:SecureTransport", nil, "true"},
		{"aws:SecureTransport", func(r *Request) { r.Call.Source.TLS = false }, "false"},
		{"aws:SecureTransport", forwarded, "true"},
		{"s3:TlsVersion", nil, "1.3"},
		{"s3:TlsVersion", func(r *Request) { r.Call.Source.TLSVersion = "" }, "-"},
		{"aws:UserAgent", nil, "aws-cli/2.30"},
		{"aws:Referer", nil, "-"},
		{"aws:Referer", func(r *Request) { r.Call.Source.Referer = "https://a/" }, "https://a/"},
		{"aws:RequestedRegion", nil, "us-east-1"},
		{"aws:CurrentTime", nil, "2026-11-23T12:00:00Z"},
		{"aws:EpochTime", nil, "1795435200"},
		{"aws:VpcSourceIp", from(map[string][]string{"aws:VpcSourceIp": {"10.0.0.1"}}), "-"},
		{"aws:SourceVpce", nil, "-"},

		{"aws:TokenIssueTime", nil, "-"},
		{"aws:TokenIssueTime", session, "2026-11-23T11:00:00Z"},
		{"aws:MultiFactorAuthPresent", nil, "-"},
		{"aws:MultiFactorAuthPresent", session, "false"},
		{"aws:MultiFactorAuthPresent", withMFA, "true"},
		{"aws:MultiFactorAuthAge", withMFA, "120"},
		{"aws:MultiFactorAuthAge", session, "-"},
		{"aws:SourceIdentity", session, "carol"},
		{"aws:SourceIdentity", nil, "-"},
		{"aws:FederatedProvider", web, "accounts.google.com"},
		{"accounts.google.com:aud", web, "client-1"},

		{"aws:CalledVia", forwarded, "cloudformation.amazonaws.com,secretsmanager.amazonaws.com"},
		{"aws:CalledViaFirst", forwarded, "cloudformation.amazonaws.com"},
		{"aws:CalledViaLast", forwarded, "secretsmanager.amazonaws.com"},
		{"aws:CalledVia", nil, "-"},
		{"aws:ViaAWSService", nil, "false"},
		{"aws:ViaAWSService", forwarded, "true"},
		{"kms:ViaService", forwarded, "secretsmanager.us-east-1.amazonaws.com"},
		{"kms:ViaService", nil, "-"},
		{"kms:CallerAccount", nil, home},
		{"aws:SourceArn", service, "arn:aws:sns:us-east-1:111122223333:t"},
		{"aws:SourceAccount", service, home},
		{"aws:SourceArn", nil, "-"},

		// What the call knows, no service may say otherwise.
		{"aws:SourceArn", from(map[string][]string{"aws:SourceArn": {"arn:aws:s3:::forged"}}), "-"},
		{"kms:ViaService", from(map[string][]string{"kms:ViaService": {"s3.us-east-1.amazonaws.com"}}), "-"},
		{"aws:PrincipalTag/x", from(map[string][]string{"aws:PrincipalTag/x": {"forged"}}), "-"},

		{"aws:ResourceAccount", nil, home},
		{"aws:ResourceAccount", func(r *Request) { r.Need.Account = away }, away},
		{"aws:ResourceTag/Env", func(r *Request) { r.Need.Tags = map[string]string{"env": "dev"} }, "dev"},
		{"secretsmanager:ResourceTag/env", func(r *Request) { r.Need.Tags = map[string]string{"env": "dev"} }, "dev"},
		{"aws:RequestTag/env", from(map[string][]string{"aws:RequestTag/Env": {"dev"}}), "dev"},
		{"aws:TagKeys", from(map[string][]string{"aws:tagkeys": {"a", "b"}}), "a,b"},
		{"kms:EncryptionContext:app", from(map[string][]string{"kms:EncryptionContext:App": {"x"}}), "x"},
		{"x:both", from(map[string][]string{"x:Both": {"1"}, "x:both": {"2"}}), "1,2"},
		{"x:empty", from(map[string][]string{"x:empty": {}}), "-"},
	} {
		r := setting{by: aliceUser(), change: c.change}.request(t)
		v := r.value(newKey(c.key))
		got := "-"
		if v.n > 0 {
			got = strings.Join(v.list(), ",")
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.key, got, c.want)
		}
	}
}

// The simulator knows what it is told, and who would call.
func TestSimulatedKeys(t *testing.T) {
	r := setting{by: aliceUser()}.request(t)
	r.Simulated = map[string][]string{"AWS:sourceip": {"10.0.0.1"}, "aws:username": {"bob"}}
	for key, want := range map[string]string{
		"aws:SourceIp": "10.0.0.1", "aws:username": "bob", "aws:PrincipalArn": alice,
		"aws:CurrentTime": "", "aws:SecureTransport": "", "aws:ViaAWSService": "",
	} {
		v := r.value(newKey(key))
		if got := strings.Join(v.list(), ","); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
}

func TestContextKeys(t *testing.T) {
	d := must(t, Identity, wrap(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}/${aws:PrincipalTag/x, 'y'}","Condition":{
		"StringEquals":{"aws:ResourceTag/a":"${aws:PrincipalTag/a}"},"Bool":{"aws:securetransport":"${aws:ViaAWSService}"},
		"StringEqualsIgnoreCase":{"x:k":"${aws:userid}"},"ArnLike":{"aws:SourceArn":["arn:aws:s3:::${x:bucket}","${x:arn}"]}}},
		{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`))
	want := []string{"aws:PrincipalTag/a", "aws:PrincipalTag/x", "aws:ResourceTag/a", "aws:SourceArn", "aws:ViaAWSService",
		"aws:securetransport", "aws:userid", "aws:username", "x:arn", "x:bucket", "x:k"}
	if got := d.ContextKeys(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
