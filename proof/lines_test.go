package proof

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// post sends to a control path.
func (e *endpoint) post(path, token, body string, change ...func(*http.Request)) *answer {
	r, _ := http.NewRequest(http.MethodPost, e.url+path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, f := range change {
		f(r)
	}
	return e.do(r)
}

// Security requirement 1: control paths that change something take the token of
// the data directory and no page of the web reaches them; the dangerous ones, and
// callers whose keys nobody made, exist in dev mode only.
func TestControlPaths(t *testing.T) {
	t.Parallel()
	dev := open(t, redoubttest.Options{Change: func(c *server.Config) { c.Dev = true }})
	token := dev.server.ControlToken
	from := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(r *http.Request) { r.Host = "rebound.example" }
	for _, c := range []struct {
		what   string
		a      *answer
		status int
	}{
		{"clock without a token", dev.post("/_redoubt/clock", "", `{"advance":"1h"}`), 401},
		{"clock with another token", dev.post("/_redoubt/clock", "x"+token, `{"advance":"1h"}`), 401},
		{"reset without a token", dev.post("/_redoubt/reset", "", ""), 401},
		{"reset from a page", dev.post("/_redoubt/reset", token, "", from("Origin", "https://evil.example")), 403},
		{"reset from a page, no origin told", dev.post("/_redoubt/reset", token, "", from("Sec-Fetch-Site", "cross-site")), 403},
		{"reset under another name", dev.post("/_redoubt/reset", token, "", host), 403},
		{"unseal without a token", dev.post("/_redoubt/unseal", "", `{}`), 401},
		{"clock", dev.post("/_redoubt/clock", token, `{"advance":"1h"}`), 200},
		{"clock, backwards", dev.post("/_redoubt/clock", token, `{"advance":"-1h"}`), 400},
		{"clock, unknown member", dev.post("/_redoubt/clock", token, `{"advance":"1h","x":1}`), 400},
		{"reset by GET", dev.get("/_redoubt/reset"), 404},
		{"reset", dev.post("/_redoubt/reset", token, ""), 200},
	} {
		if c.a.status != c.status {
			t.Errorf("dev mode, %s: %v, want %d", c.what, c.a, c.status)
		}
	}
	whoami := encode(&stsapi.Model, stsapi.Model.Find("GetCallerIdentity"), object{})
	anyone := credential{id: "111122223333", secret: "whatever"}
	if a := dev.send(whoami, anyone, signing{}); !a.ok() || !strings.Contains(string(a.body), "arn:aws:iam::111122223333:root") {
		t.Errorf("dev mode, any key: %v %s", a, a.body)
	}
	for what, f := range map[string]func(*http.Request){"a page": from("Origin", "https://evil.example"), "another site": from("Sec-Fetch-Site", "cross-site"), "another name": host} {
		if a := dev.send(whoami, anyone, signing{spoil: f}); a.status != 403 {
			t.Errorf("dev mode, a call from %s: %v", what, a)
		}
	}

	// A server for production has none of this. (The tests' own clock can be moved,
	// so the clock's path is asked of a process in TestProductionHasNoClock.)
	h := open(t, redoubttest.Options{})
	if a := h.post("/_redoubt/reset", h.server.ControlToken, ""); a.status != 404 {
		t.Errorf("reset in production: %v", a)
	}
	if a := h.send(whoami, anyone, signing{}); a.code != "InvalidClientTokenId" {
		t.Errorf("any key in production: %v", a)
	}
	if a := h.post("/_redoubt/unseal", "", `{}`); a.status != 401 {
		t.Errorf("unseal without a token: %v", a)
	}
}

// Security requirement 3: through which service a call came is said by the server
// alone; a caller's bounds go along when a service calls another for them.
func TestNobodyClaimsToBeAService(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	user := h.user(t, "ann")
	key := h.key(t)
	arn := "arn:aws:kms:us-east-1:123456789012:key/" + key
	// Through redoubt's administration, and from nowhere else, ann may read the key's policy.
	h.must(t, &kmsapi.Model, "PutKeyPolicy", object{"KeyId": key, "Policy": `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/admin"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/ann"},"Action":["kms:GetKeyPolicy","kms:DescribeKey"],"Resource":"*",
		 "Condition":{"StringEquals":{"kms:ViaService":"redoubt.us-east-1.amazonaws.com"},"ForAnyValue:StringEquals":{"aws:CalledVia":"redoubt.amazonaws.com"}}},
		{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:DescribeKey","Resource":"*","Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}},
		{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:DescribeKey","Resource":"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::*"}}},
		{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:DescribeKey","Resource":"*","Condition":{"Bool":{"aws:ViaAWSService":"true"}}},
		{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"kms:*","Resource":"*"}]}`}, h.admin)
	h.must(t, &iamapi.Model, "PutUserPolicy", object{"UserName": "ann", "PolicyName": "p", "PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["redoubt:*","sts:*"],"Resource":"*"}]}`}, h.admin)

	claims := map[string]string{
		"X-Amz-Via-Service": "redoubt.us-east-1.amazonaws.com", "X-Amz-Viaservice": "redoubt.us-east-1.amazonaws.com", "X-Amz-Called-Via": "redoubt.amazonaws.com",
		"X-Amz-Source-Arn": "arn:aws:s3:::bucket", "X-Amz-Source-Account": "123456789012", "X-Amz-Invoked-By": "s3.amazonaws.com", "User-Agent": "s3.amazonaws.com",
		"Aws-Viaservice": "redoubt.us-east-1.amazonaws.com", "X-Amz-Principal": "s3.amazonaws.com", "X-Forwarded-Host": "redoubt.us-east-1.amazonaws.com",
	}
	try := func(what string, r *request) {
		t.Helper()
		if a := h.send(r, user, signing{}); a.code != "AccessDeniedException" {
			t.Errorf("%s: %v", what, a)
		}
	}
	describe := func() *request {
		return encode(&kmsapi.Model, kmsapi.Model.Find("DescribeKey"), object{"KeyId": arn})
	}
	try("no claim", describe())
	all := describe()
	for name, value := range claims {
		r := describe()
		r.header.Set(name, value)
		all.header.Set(name, value)
		try("header "+name, r)
		r = describe()
		r.query = "aws:ViaService=redoubt.us-east-1.amazonaws.com&kms:ViaService=redoubt.us-east-1.amazonaws.com&aws:SourceAccount=123456789012&" + name + "=" + value
		try("query "+name, r)
	}
	try("all claims", all)
	for _, as := range []string{"s3.amazonaws.com", "redoubt.amazonaws.com"} { // a service's name is no key
		if a := h.send(describe(), credential{id: as, secret: "x"}, signing{}); a.code != "UnrecognizedClientException" {
			t.Errorf("as %s: %v", as, a)
		}
	}

	// The control: through the administration it works, and the event says through whom.
	in := object{"PrincipalArn": "arn:aws:iam::123456789012:user/ann", "Action": "kms:Encrypt", "ResourceArn": arn}
	h.must(t, &redoubtapi.Model, "ExplainAccess", in, user)

	// ann's own bounds go along: a session of hers without rights on KMS gets nothing through it.
	f := h.must(t, &stsapi.Model, "GetFederationToken", object{"Name": "ann", "Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"redoubt:*","Resource":"*"}]}`}, user)
	bounded := credential{id: f.at("Credentials.AccessKeyId"), secret: f.at("Credentials.SecretAccessKey"), token: f.at("Credentials.SessionToken")}
	h.must(t, &redoubtapi.Model, "GetStatus", object{}, bounded)
	h.must(t, &kmsapi.Model, "PutKeyPolicy", object{"KeyId": key, "Policy": `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"kms:*","Resource":"*"}]}`}, h.admin)
	h.must(t, &iamapi.Model, "PutUserPolicy", object{"UserName": "ann", "PolicyName": "p", "PolicyDocument": allowAll}, h.admin)
	h.must(t, &redoubtapi.Model, "ExplainAccess", in, user)
	if a := h.call(&redoubtapi.Model, "ExplainAccess", in, bounded); !strings.Contains(a.code, "AccessDenied") || !strings.Contains(a.message, "kms:GetKeyPolicy") {
		t.Errorf("through a session without rights on KMS: %v", a)
	}
	h.must(t, &iamapi.Model, "CreatePolicy", object{"PolicyName": "bound", "PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"redoubt:*","Resource":"*"}]}`}, h.admin)
	h.must(t, &iamapi.Model, "PutUserPermissionsBoundary", object{"UserName": "ann", "PermissionsBoundary": "arn:aws:iam::123456789012:policy/bound"}, h.admin)
	if a := h.call(&redoubtapi.Model, "ExplainAccess", in, user); !strings.Contains(a.code, "AccessDenied") || !strings.Contains(a.message, "kms:GetKeyPolicy") {
		t.Errorf("under a boundary without rights on KMS: %v", a)
	}
	last := h.call(&stsapi.Model, "GetCallerIdentity", object{}, h.admin)
	through := 0
	for _, r := range h.settle(t, h.admin, last.header.Get("X-Amzn-Requestid")) {
		var e struct {
			UserIdentity    struct{ Arn, InvokedBy string }
			SourceIPAddress string
		}
		json.Unmarshal([]byte(r.text), &e)
		if r.EventName == "GetKeyPolicy" && strings.Contains(e.UserIdentity.Arn, "ann") {
			through++
			if e.UserIdentity.InvokedBy != "redoubt.amazonaws.com" || e.SourceIPAddress != "redoubt.amazonaws.com" {
				t.Errorf("an event of a call through a service: %s", r.text)
			}
		}
		if r.EventName == "DescribeKey" && e.UserIdentity.InvokedBy != "" {
			t.Errorf("a claim got into an event: %s", r.text)
		}
	}
	if through != 4 {
		t.Errorf("%d events of calls through a service, want 4", through)
	}
}

// Security requirement 5: giving a role to anything takes iam:PassRole for that
// role and that service.
func TestRolesArePassed(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	user := h.user(t, "ann")
	role := h.must(t, &iamapi.Model, "CreateRole", object{"RoleName": "r", "AssumeRolePolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["ec2.amazonaws.com","cloudtrail.amazonaws.com"]}}]}`}, h.admin).at("Role.Arn")
	h.must(t, &iamapi.Model, "CreateInstanceProfile", object{"InstanceProfileName": "p"}, h.admin)
	calls := map[string]func() *answer{
		"ec2.amazonaws.com": func() *answer {
			return h.call(&iamapi.Model, "AddRoleToInstanceProfile", object{"InstanceProfileName": "p", "RoleName": "r"}, user)
		},
		"cloudtrail.amazonaws.com": func() *answer {
			return h.call(&cloudtrailapi.Model, "CreateTrail", object{"Name": "trail", "S3BucketName": "bucket", "CloudWatchLogsRoleArn": role, "CloudWatchLogsLogGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:g:*"}, user)
		},
	}
	for service, call := range calls {
		for what, c := range map[string]struct {
			statement string
			passes    bool
		}{
			"no right to pass":          {`{"Effect":"Allow","Action":["iam:AddRoleToInstanceProfile","iam:Get*","cloudtrail:*"],"Resource":"*"}`, false},
			"to another service":        {`{"Effect":"Allow","Action":["iam:AddRoleToInstanceProfile","cloudtrail:*"],"Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}}`, false},
			"another role":              {`{"Effect":"Allow","Action":["iam:AddRoleToInstanceProfile","cloudtrail:*"],"Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/other"}`, false},
			"this role to this service": {`{"Effect":"Allow","Action":["iam:AddRoleToInstanceProfile","cloudtrail:*"],"Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"` + role + `","Condition":{"StringEquals":{"iam:PassedToService":"` + service + `"}}}`, true},
		} {
			h.must(t, &iamapi.Model, "PutUserPolicy", object{"UserName": "ann", "PolicyName": "p", "PolicyDocument": `{"Version":"2012-10-17","Statement":[` + c.statement + `]}`}, h.admin)
			a := call()
			if denied := strings.Contains(a.code, "AccessDenied") && strings.Contains(a.message, "iam:PassRole"); denied == c.passes {
				t.Errorf("%s, %s: %v", service, what, a)
			}
		}
	}
}

// Security requirement 7: a grant token opens nothing but its own grant, for its
// own grantee, in its own account and region, and nothing once that is revoked.
func TestGrantTokens(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	grantee, other := h.user(t, "grantee"), h.user(t, "other")
	key, second := h.key(t), h.key(t)
	grant := func() (id, token string) {
		g := h.must(t, &kmsapi.Model, "CreateGrant", object{"KeyId": key, "GranteePrincipal": "arn:aws:iam::123456789012:user/grantee", "Operations": []any{"Encrypt", "RetireGrant"}}, h.admin)
		return g.at("GrantId"), g.at("GrantToken")
	}
	id, token := grant()
	use := func(key, token string, c credential) *answer {
		return h.call(&kmsapi.Model, "Encrypt", object{"KeyId": key, "Plaintext": []byte("x"), "GrantTokens": []any{token}}, c)
	}
	if a := use(key, token, grantee); !a.ok() {
		t.Errorf("the grantee with the token: %v", a)
	}
	if a := use(key, token, other); a.code != "AccessDeniedException" {
		t.Errorf("somebody else with the token: %v", a)
	}
	if a := use(second, token, grantee); a.code != "AccessDeniedException" && a.code != "InvalidGrantTokenException" {
		t.Errorf("the token on another key: %v", a)
	}
	for i := 0; i < len(token)-4; i += 5 { // the last characters of base64 may hold unused bits
		b := []byte(token)
		if b[i]++; b[i] > 'z' {
			b[i] = 'a'
		}
		if a := use(key, string(b), grantee); a.ok() {
			t.Fatalf("a token with character %d changed: %v", i, a)
		}
	}
	foreign := h.server.NewAccount(t)
	stranger := credential{id: foreign.AccessKeyID, secret: foreign.Secret}
	arn := "arn:aws:kms:us-east-1:123456789012:key/" + key
	if a := use(arn, token, stranger); a.code != "AccessDeniedException" && a.code != "InvalidGrantTokenException" {
		t.Errorf("another account with the token: %v", a)
	}
	for what, a := range map[string]*answer{
		"another account":          h.call(&kmsapi.Model, "RetireGrant", object{"GrantToken": token}, stranger),
		"another region":           h.send(encode(&kmsapi.Model, kmsapi.Model.Find("RetireGrant"), object{"GrantToken": token}), grantee, signing{region: "eu-west-1"}),
		"somebody without a right": h.call(&kmsapi.Model, "RetireGrant", object{"GrantToken": token}, other),
	} {
		if a.ok() || a.status != 400 {
			t.Errorf("%s retires by token: %v", what, a)
		}
	}
	h.must(t, &kmsapi.Model, "RevokeGrant", object{"KeyId": key, "GrantId": id}, h.admin)
	if a := use(key, token, grantee); a.ok() {
		t.Errorf("the token of a revoked grant: %v", a)
	}
	if _, again := grant(); again == token {
		t.Error("the same token twice")
	}
}

// Security requirement 18: nothing that a caller names makes the server reach
// its own machine, its neighbours' metadata or itself.
func TestServerReachesNoForbiddenPlace(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	var reached atomic.Int64
	listening := false
	// An address of this machine that nobody else uses, with the port that HTTPS
	// without a port has.
	if l, err := net.Listen("tcp", "127.0.0.77:443"); err != nil {
		t.Log("cannot listen on 127.0.0.77:443, so only the answers count: ", err)
	} else {
		defer l.Close()
		listening = true
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				reached.Add(1)
				c.Close()
			}
		}()
	}
	role := h.must(t, &iamapi.Model, "CreateRole", object{"RoleName": "web", "AssumeRolePolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/127.0.0.77"}}]}`}, h.admin)
	for _, host := range []string{"127.0.0.77", "localhost", "169.254.169.254", "0.0.0.0"} {
		a := h.call(&kmsapi.Model, "CreateCustomKeyStore", object{
			"CustomKeyStoreName": "store-" + strings.ReplaceAll(host, ".", "-"), "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
			"XksProxyUriEndpoint": "https://" + host, "XksProxyUriPath": "/kms/xks/v1", "XksProxyConnectivity": "PUBLIC_ENDPOINT",
			"XksProxyAuthenticationCredential": object{"AccessKeyId": "ABCDEFGHIJKLMNOPQRST", "RawSecretAccessKey": strings.Repeat("A", 43)},
		}, h.admin)
		if a.status != 400 || !strings.Contains(a.code, "Xks") {
			t.Errorf("a key store at %s: %v", host, a)
		}
		// Thumbprints and token keys are fetched from the provider.
		a = h.call(&iamapi.Model, "CreateOpenIDConnectProvider", object{"Url": "https://" + host, "ClientIDList": []any{"app"}}, h.admin)
		if a.ok() {
			t.Errorf("a provider's thumbprint from %s: %v", host, a)
		}
		a = h.call(&iamapi.Model, "CreateOpenIDConnectProvider", object{"Url": "https://" + host, "ClientIDList": []any{"app"}, "ThumbprintList": []any{strings.Repeat("0a", 20)}}, h.admin)
		if a.ok() {
			token := jwt(`{"alg":"RS256","kid":"k"}`, fmt.Sprintf(`{"iss":"https://%s","aud":"app","sub":"ann","exp":%d,"iat":%d}`, host, time.Now().Add(time.Hour).Unix(), time.Now().Unix()))
			w := h.send(encode(&stsapi.Model, stsapi.Model.Find("AssumeRoleWithWebIdentity"), object{"RoleArn": role.at("Role.Arn"), "RoleSessionName": "proof", "WebIdentityToken": token}), credential{}, signing{none: true})
			if w.code != "IDPCommunicationError" {
				t.Errorf("a token of %s: %v", host, w)
			}
		}
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("the server reached 127.0.0.77 %d times", n)
	}
	if listening {
		// The control: told that it may, it does.
		h := open(t, redoubttest.Options{Change: func(c *server.Config) { c.EgressAllow = []string{"127.0.0.77"} }})
		h.call(&iamapi.Model, "CreateOpenIDConnectProvider", object{"Url": "https://127.0.0.77", "ClientIDList": []any{"app"}}, h.admin)
		if reached.Load() == 0 {
			t.Error("even when it is allowed to, the server does not reach 127.0.0.77: the test proves nothing")
		}
	}
}

// Security requirement 19: where a call comes from, and whether it was encrypted,
// is what the server saw, unless a proxy that the configuration names says where
// from; and never whether it was encrypted.
func TestProxyHeaders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		trusted bool
		header  string
		allowed bool
	}{
		{false, "", false}, {false, "203.0.113.9", false}, {true, "203.0.113.9", true}, {true, "203.0.113.9, 198.51.100.1", false}, {true, "198.51.100.1, 203.0.113.9", true}, {true, "", false}, {true, "garbage", false},
	} {
		h := open(t, redoubttest.Options{Change: func(conf *server.Config) {
			if c.trusted {
				conf.TrustedProxies = []string{"127.0.0.1"}
			}
		}})
		user := h.user(t, "ann")
		h.must(t, &iamapi.Model, "PutUserPolicy", object{"UserName": "ann", "PolicyName": "p", "PolicyDocument": `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"kms:ListKeys","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.9"}}},
			{"Effect":"Allow","Action":"kms:ListAliases","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}`}, h.admin)
		forge := signing{spoil: func(r *http.Request) {
			if c.header != "" {
				r.Header.Set("X-Forwarded-For", c.header)
			}
			r.Header.Set("X-Forwarded-Proto", "https")
			r.Header.Set("X-Forwarded-Port", "443")
			r.Header.Set("Forwarded", "for=203.0.113.9;proto=https")
			r.Header.Set("X-Real-Ip", "203.0.113.9")
		}}
		if a := h.send(encode(&kmsapi.Model, kmsapi.Model.Find("ListKeys"), object{}), user, forge); a.ok() != c.allowed {
			t.Errorf("X-Forwarded-For %q, trusted %v: %v", c.header, c.trusted, a)
		}
		if a := h.send(encode(&kmsapi.Model, kmsapi.Model.Find("ListAliases"), object{}), user, forge); a.ok() {
			t.Errorf("X-Forwarded-Proto counts for aws:SecureTransport: %v", a)
		}
	}
}
