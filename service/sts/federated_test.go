package sts_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/redoubt-sec/redoubt/engine/identity/saml/samltest"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// idp is an OpenID Connect provider.
type idp struct {
	*httptest.Server
	key *rsa.PrivateKey
}

func newIDP(t *testing.T) *idp {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	p := &idp{httptest.NewTLSServer(mux), k}
	b64 := base64.RawURLEncoding.EncodeToString
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, p.URL, p.URL+"/keys")
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"keys":[{"kty":"RSA","kid":"k1","use":"sig","alg":"RS256","n":%q,"e":%q}]}`, b64(k.N.Bytes()), b64(big.NewInt(int64(k.E)).Bytes()))
	})
	t.Cleanup(p.Close)
	return p
}

func (p *idp) thumbprint() string {
	sum := sha1.Sum(p.Certificate().Raw)
	return hex.EncodeToString(sum[:])
}

// token signs claims over usual ones.
func (p *idp) token(t *testing.T, over map[string]any) *string {
	t.Helper()
	claims := map[string]any{"iss": p.URL, "sub": "repo:org/app", "aud": "sts.amazonaws.com", "iat": time.Now().Unix(), "exp": time.Now().Unix() + 300}
	for k, v := range over {
		claims[k] = v
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(`{"alg":"RS256","kid":"k1","typ":"JWT"}`)) + "." + b64(body)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, p.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return new(text + "." + b64(sig))
}

// recorded expects an event with a text in the log of the role's account.
func (w *world) recorded(name, text string) {
	w.t.Helper()
	var last string
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(20 * time.Millisecond) {
		got := must(cloudtrail.NewFromConfig(w.s.Admin.Config("us-east-1")).LookupEvents(ctx, &cloudtrail.LookupEventsInput{
			LookupAttributes: []types.LookupAttribute{{AttributeKey: "EventName", AttributeValue: &name}},
		}))(w.t).Events
		for _, e := range got {
			if last = *e.CloudTrailEvent; strings.Contains(last, text) {
				return
			}
		}
	}
	w.t.Errorf("no %s in the account's log with %s\n%s", name, text, last)
}

func TestAssumeRoleWithWebIdentity(t *testing.T) {
	w := start(t, redoubttest.Options{Change: func(c *server.Config) { c.EgressAllow = []string{"127.0.0.1"} }})
	p := newIDP(t)
	host := strings.TrimPrefix(p.URL, "https://")
	// Without a thumbprint it is looked up.
	provider := must(w.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: &p.URL, ClientIDList: []string{"sts.amazonaws.com"}}))(t).OpenIDConnectProviderArn
	if *provider != "arn:aws:iam::123456789012:oidc-provider/"+host {
		t.Error(*provider)
	}
	got := must(w.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: provider}))(t)
	if *got.Url != host || got.ThumbprintList[0] != p.thumbprint() || got.Tags == nil {
		t.Errorf("%+v", got)
	}
	_, err := w.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: &p.URL})
	refused(t, err, 409, "EntityAlreadyExists", "Provider with url "+p.URL+" already exists.")
	arn := w.role("ci", fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":%q},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{"StringEquals":{"%s:aud":"sts.amazonaws.com"},"StringLike":{"%s:sub":"repo:org/*"}}}]}`, *provider, host, host))
	must(w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("ci"), PolicyName: new("p"), PolicyDocument: new(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}]}`)}))(t)
	anonymous := sts.NewFromConfig(w.s.Admin.With("us-east-1", "", "", ""), func(o *sts.Options) { o.Credentials = nil })
	in := &sts.AssumeRoleWithWebIdentityInput{RoleArn: &arn, RoleSessionName: new("run1"), WebIdentityToken: p.token(t, map[string]any{
		"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string][]string{"team": {"red"}}, "transitive_tag_keys": []string{"team"}},
	})}
	ok := must(anonymous.AssumeRoleWithWebIdentity(ctx, in))(t)
	if *ok.SubjectFromWebIdentityToken != "repo:org/app" || *ok.Audience != "sts.amazonaws.com" || *ok.Provider != *provider || *ok.AssumedRoleUser.Arn != "arn:aws:sts::123456789012:assumed-role/ci/run1" {
		t.Errorf("%+v", ok)
	}
	must(iam.NewFromConfig(w.with(ok.Credentials)).ListUsers(ctx, nil))(t)

	try := func(token *string, role string) error {
		_, err := anonymous.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: new("run1"), WebIdentityToken: token})
		return err
	}
	refused(t, try(p.token(t, map[string]any{"sub": "repo:evil/app"}), arn), 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	refused(t, try(p.token(t, nil), arn+"x"), 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	refused(t, try(p.token(t, map[string]any{"aud": "other"}), arn), 400, "InvalidIdentityToken", "Incorrect token audience")
	refused(t, try(p.token(t, map[string]any{"exp": time.Now().Unix() - 1}), arn), 400, "ExpiredTokenException", "")
	refused(t, try(p.token(t, map[string]any{"iss": "https://other.example"}), arn), 400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://other.example")
	refused(t, try(new("not-a-token"), arn), 400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	forged := strings.Split(*p.token(t, nil), ".")
	forged[1] = strings.Split(*p.token(t, map[string]any{"sub": "repo:org/admin"}), ".")[1]
	refused(t, try(new(strings.Join(forged, ".")), arn), 400, "InvalidIdentityToken", "")
	w.recorded("AssumeRoleWithWebIdentity", `"type":"WebIdentityUser","principalId":"`+*provider+`:sts.amazonaws.com:repo:org/app","userName":"repo:org/app","identityProvider":"`+*provider+`"`)
	w.recorded("AssumeRoleWithWebIdentity", `"userName":"repo:evil/app"`)
	// A role that trusts only others is none for web identities.
	closed := w.role("closed", accountTrust)
	refused(t, try(p.token(t, nil), closed), 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")

	must(w.iam.RemoveClientIDFromOpenIDConnectProvider(ctx, &iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: provider, ClientID: new("sts.amazonaws.com")}))(t)
	refused(t, try(p.token(t, nil), arn), 400, "InvalidIdentityToken", "Incorrect token audience")
	must(w.iam.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: provider, ClientID: new("sts.amazonaws.com")}))(t)
	must(w.iam.UpdateOpenIDConnectProviderThumbprint(ctx, &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: provider, ThumbprintList: []string{strings.Repeat("a", 40)}}))(t)
	refused(t, try(p.token(t, nil), arn), 400, "IDPCommunicationError", "")
	must(w.iam.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: provider}))(t)
	_, err = w.iam.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: provider})
	refused(t, err, 404, "NoSuchEntity", "OpenId connect Provider "+*provider+" cannot be found.")
	// What the session may do goes on being the role's affair.
	must(iam.NewFromConfig(w.with(ok.Credentials)).ListUsers(ctx, nil))(t)
}

// Loopback is closed to requests that users cause, unless it is opened.
func TestProvidersOnLoopbackAreNotAsked(t *testing.T) {
	w := start(t, redoubttest.Options{})
	p := newIDP(t)
	_, err := w.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: &p.URL})
	refused(t, err, 400, "OpenIdIdpCommunicationError", "")
}

func TestAssumeRoleWithSAML(t *testing.T) {
	w := start(t, redoubttest.Options{})
	p, err := samltest.New("https://idp.example/saml", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.iam.CreateSAMLProvider(ctx, &iam.CreateSAMLProviderInput{Name: new("corp"), SAMLMetadataDocument: new(strings.Repeat("<x/>", 300))})
	refused(t, err, 400, "InvalidInput", "")
	provider := *must(w.iam.CreateSAMLProvider(ctx, &iam.CreateSAMLProviderInput{Name: new("corp"), SAMLMetadataDocument: new(p.Metadata())}))(t).SAMLProviderArn
	got := must(w.iam.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: &provider}))(t)
	if *got.SAMLMetadataDocument != p.Metadata() || got.ValidUntil == nil || got.AssertionEncryptionMode != "Allowed" || got.PrivateKeyList == nil {
		t.Errorf("%+v", got)
	}
	arn := w.role("staff", fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":%q},"Action":["sts:AssumeRoleWithSAML","sts:TagSession"],"Condition":{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}}]}`, provider))
	attr := "https://aws.amazon.com/SAML/Attributes/"
	a := samltest.Assertion{
		Issued: time.Now(), Until: time.Now().Add(5 * time.Minute), Subject: "alice", Audience: "urn:amazon:webservices", Recipient: "https://signin.aws.amazon.com/saml",
		Attributes: [][2]string{{attr + "Role", arn + "," + provider}, {attr + "RoleSessionName", "alice@corp"}, {attr + "PrincipalTag:team", "red"}, {attr + "SessionDuration", "1800"}},
	}
	anonymous := sts.NewFromConfig(w.s.Admin.With("us-east-1", "", "", ""), func(o *sts.Options) { o.Credentials = nil })
	try := func(a samltest.Assertion, role string) (*sts.AssumeRoleWithSAMLOutput, error) {
		signed, err := p.Sign(p.XML(a))
		if err != nil {
			t.Fatal(err)
		}
		return anonymous.AssumeRoleWithSAML(ctx, &sts.AssumeRoleWithSAMLInput{RoleArn: &role, PrincipalArn: &provider, SAMLAssertion: new(samltest.Encode(samltest.Response(signed)))})
	}
	ok := must(try(a, arn))(t)
	if *ok.AssumedRoleUser.Arn != "arn:aws:sts::123456789012:assumed-role/staff/alice@corp" || *ok.Subject != "alice" || *ok.SubjectType != "persistent" ||
		*ok.Issuer != "https://idp.example/saml" || *ok.Audience != "https://signin.aws.amazon.com/saml" {
		t.Errorf("%+v", ok)
	}
	sum := sha1.Sum([]byte("https://idp.example/saml123456789012/corp"))
	if *ok.NameQualifier != base64.StdEncoding.EncodeToString(sum[:]) {
		t.Error(*ok.NameQualifier)
	}
	if d := time.Until(*ok.Credentials.Expiration); d > 31*time.Minute {
		t.Error("lasts", d)
	}
	must(sts.NewFromConfig(w.with(ok.Credentials)).GetCallerIdentity(ctx, nil))(t)

	w.recorded("AssumeRoleWithSAML", fmt.Sprintf(`"type":"SAMLUser","principalId":"%[1]s:alice","userName":"alice","identityProvider":"%[1]s"`, *ok.NameQualifier))

	other := w.role("other", accountTrust)
	_, err = try(a, other)
	refused(t, err, 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")
	b := a
	b.Attributes = append([][2]string{{attr + "Role", other + "," + provider}}, a.Attributes...)
	_, err = try(b, other)
	refused(t, err, 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")
	b = a
	b.Issued = time.Now().Add(-6 * time.Minute)
	_, err = try(b, arn)
	refused(t, err, 400, "ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")
	b = a
	b.Recipient = "https://evil.example"
	_, err = try(b, arn)
	refused(t, err, 403, "IDPRejectedClaim", "")
	_, err = anonymous.AssumeRoleWithSAML(ctx, &sts.AssumeRoleWithSAMLInput{RoleArn: &arn, PrincipalArn: &provider, SAMLAssertion: new(samltest.Encode(samltest.Response(p.XML(a))))})
	refused(t, err, 400, "InvalidIdentityToken", "Response signature invalid")

	// Keys for encrypted assertions come and go; the key is never answered.
	k, pemText, err := samltest.PrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	must(w.iam.UpdateSAMLProvider(ctx, &iam.UpdateSAMLProviderInput{SAMLProviderArn: &provider, AddPrivateKey: &pemText, AssertionEncryptionMode: "Required"}))(t)
	_, err = try(a, arn)
	refused(t, err, 403, "IDPRejectedClaim", "")
	signed, err := p.Sign(p.XML(a))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := samltest.Encrypt(signed, &k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	must(anonymous.AssumeRoleWithSAML(ctx, &sts.AssumeRoleWithSAMLInput{RoleArn: &arn, PrincipalArn: &provider, SAMLAssertion: new(samltest.Encode(samltest.Response(sealed)))}))(t)
	keys := must(w.iam.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: &provider}))(t).PrivateKeyList
	if len(keys) != 1 || keys[0].Timestamp == nil {
		t.Fatalf("%+v", keys)
	}
	_, err = w.iam.UpdateSAMLProvider(ctx, &iam.UpdateSAMLProviderInput{SAMLProviderArn: &provider, RemovePrivateKey: keys[0].KeyId})
	refused(t, err, 400, "InvalidInput", "A private key is required when assertion encryption mode is Required.")
	must(w.iam.UpdateSAMLProvider(ctx, &iam.UpdateSAMLProviderInput{SAMLProviderArn: &provider, RemovePrivateKey: keys[0].KeyId, AssertionEncryptionMode: "Allowed"}))(t)
	if keys = must(w.iam.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: &provider}))(t).PrivateKeyList; len(keys) != 0 {
		t.Fatalf("%+v", keys)
	}
	must(try(a, arn))(t)
	must(w.iam.DeleteSAMLProvider(ctx, &iam.DeleteSAMLProviderInput{SAMLProviderArn: &provider}))(t)
	_, err = w.iam.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: &provider})
	refused(t, err, 404, "NoSuchEntity", "Manifest not found for arn "+provider)
}
