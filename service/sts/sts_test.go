//lint:file-ignore SA1019 The model of this server knows PackedPolicySize only; what replaces it is newer.

package sts_test

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/redoubttest"
)

var ctx = context.Background()

// world is a server with an administrator's clients.
type world struct {
	t   *testing.T
	s   *redoubttest.Server
	iam *iam.Client
	sts *sts.Client
}

func start(t *testing.T, o redoubttest.Options) *world {
	t.Helper()
	s := redoubttest.Start(t, o)
	c := s.Admin.Config("us-east-1")
	return &world{t, s, iam.NewFromConfig(c), sts.NewFromConfig(c)}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func refused(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	var api smithy.APIError
	var resp *smithyhttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &resp) {
		t.Fatalf("want %s, got %v", code, err)
	}
	if resp.HTTPStatusCode() != status || api.ErrorCode() != code || message != "" && api.ErrorMessage() != message {
		t.Errorf("got  %d %s: %s\nwant %d %s: %s", resp.HTTPStatusCode(), api.ErrorCode(), api.ErrorMessage(), status, code, message)
	}
}

func (w *world) role(name, trust string) string {
	w.t.Helper()
	return *must(w.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust, MaxSessionDuration: new(int32(7200))}))(w.t).Role.Arn
}

// user makes a user with an inline policy and answers a configuration for it.
func (w *world) user(name, policy string) aws.Config {
	w.t.Helper()
	must(w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name}))(w.t)
	if policy != "" {
		must(w.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: new("p"), PolicyDocument: &policy}))(w.t)
	}
	k := must(w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name}))(w.t).AccessKey
	return w.s.Admin.With("us-east-1", *k.AccessKeyId, *k.SecretAccessKey, "")
}

func (w *world) with(c *types.Credentials) aws.Config {
	return w.s.Admin.With("us-east-1", *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

func allow(actions string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%s,"Resource":"*"}]}`, actions)
}

const accountTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}`

func TestAssumeRole(t *testing.T) {
	w := start(t, redoubttest.Options{})
	arn := w.role("worker", accountTrust)
	must(w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("worker"), PolicyName: new("p"), PolicyDocument: new(allow(`"iam:List*"`))}))(t)
	got := must(w.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: new("s1")}))(t)
	if *got.AssumedRoleUser.Arn != "arn:aws:sts::123456789012:assumed-role/worker/s1" || !strings.HasSuffix(*got.AssumedRoleUser.AssumedRoleId, ":s1") ||
		got.PackedPolicySize != nil || got.SourceIdentity != nil || !strings.HasPrefix(*got.Credentials.AccessKeyId, "ASIA") {
		t.Errorf("%+v", got)
	}
	if d := time.Until(*got.Credentials.Expiration); d < 59*time.Minute || d > 61*time.Minute {
		t.Error("lasts", d)
	}
	c := w.with(got.Credentials)
	id := must(sts.NewFromConfig(c).GetCallerIdentity(ctx, nil))(t)
	if *id.Arn != *got.AssumedRoleUser.Arn || *id.UserId != *got.AssumedRoleUser.AssumedRoleId {
		t.Errorf("%+v", id)
	}
	session := iam.NewFromConfig(c)
	must(session.ListUsers(ctx, nil))(t)
	_, err := session.GetAccountSummary(ctx, nil)
	refused(t, err, 403, "AccessDenied", "User: arn:aws:sts::123456789012:assumed-role/worker/s1 is not authorized to perform: iam:GetAccountSummary on resource: * because no identity-based policy allows the iam:GetAccountSummary action")
	// Taking the role's policy away works at once.
	must(w.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: new("worker"), PolicyName: new("p")}))(t)
	_, err = session.ListUsers(ctx, nil)
	refused(t, err, 403, "AccessDenied", "")
	w.s.Clock.Advance(time.Hour)
	_, err = session.ListUsers(ctx, nil)
	refused(t, err, 403, "ExpiredToken", "")
}

func TestWhoMayAssume(t *testing.T) {
	w := start(t, redoubttest.Options{})
	trusting := w.role("trusting", accountTrust)
	w.role("closed", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	bob := sts.NewFromConfig(w.user("bob", ""))
	assume := func(c *sts.Client, arn string) error {
		_, err := c.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: new("s1")})
		return err
	}
	// A role that trusts the account leaves it to the account's policies.
	refused(t, assume(bob, trusting), 403, "AccessDenied", "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/trusting")
	must(w.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: new("bob"), PolicyName: new("p"), PolicyDocument: new(allow(`"sts:AssumeRole"`))}))(t)
	if err := assume(bob, trusting); err != nil {
		t.Error(err)
	}
	// A role that does not trust, and one that is not there, read alike.
	for _, name := range []string{"closed", "none"} {
		arn := "arn:aws:iam::123456789012:role/" + name
		refused(t, assume(bob, arn), 403, "AccessDenied", "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: sts:AssumeRole on resource: "+arn)
	}
	for _, arn := range []string{"nothing-valid-in-here", "arn:aws:::something/test-role:longer"} {
		refused(t, assume(w.sts, arn), 400, "ValidationError", arn+" is invalid")
	}
	// By its own ARN in the trust policy a user needs nothing else.
	own := w.role("own", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/bob"},"Action":"sts:AssumeRole"}]}`)
	must(w.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: new("bob"), PolicyName: new("p")}))(t)
	if err := assume(bob, own); err != nil {
		t.Error(err)
	}
}

func TestAssumeRoleOfAnotherAccount(t *testing.T) {
	w := start(t, redoubttest.Options{})
	other := w.s.NewAccount(t)
	trust := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"deal"}}}]}`, other.ID)
	arn := w.role("shared", trust)
	c := sts.NewFromConfig(other.Config("us-east-1"))
	in := &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: new("s1")}
	_, err := c.AssumeRole(ctx, in)
	refused(t, err, 403, "AccessDenied", "")
	in.ExternalId = new("deal")
	got := must(c.AssumeRole(ctx, in))(t)
	if id := must(sts.NewFromConfig(w.with(got.Credentials)).GetCallerIdentity(ctx, nil))(t); *id.Account != "123456789012" {
		t.Errorf("%+v", id)
	}
}

func TestDurations(t *testing.T) {
	w := start(t, redoubttest.Options{})
	arn := w.role("worker", accountTrust)
	must(w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("worker"), PolicyName: new("p"), PolicyDocument: new(allow(`"sts:*"`))}))(t)
	in := &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: new("s1"), DurationSeconds: new(int32(7201))}
	_, err := w.sts.AssumeRole(ctx, in)
	refused(t, err, 400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	in.DurationSeconds = new(int32(7200))
	got := must(w.sts.AssumeRole(ctx, in))(t)
	// Chaining is bounded by one hour.
	chained := sts.NewFromConfig(w.with(got.Credentials))
	_, err = chained.AssumeRole(ctx, in)
	refused(t, err, 400, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	in.DurationSeconds = nil
	must(chained.AssumeRole(ctx, in))(t)
	in.DurationSeconds = new(int32(899))
	_, err = w.sts.AssumeRole(ctx, in)
	refused(t, err, 400, "ValidationError", "")
}

func TestSessionPolicies(t *testing.T) {
	w := start(t, redoubttest.Options{})
	arn := w.role("worker", accountTrust)
	must(w.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: new("worker"), PolicyArn: new("arn:aws:iam::aws:policy/IAMFullAccess")}))(t)
	got := must(w.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: new("s1"), Policy: new(allow(`["iam:ListUsers","sts:*"]`))}))(t)
	if got.PackedPolicySize == nil || *got.PackedPolicySize < 1 {
		t.Errorf("%v", got.PackedPolicySize)
	}
	c := iam.NewFromConfig(w.with(got.Credentials))
	must(c.ListUsers(ctx, nil))(t)
	_, err := c.ListRoles(ctx, nil)
	refused(t, err, 403, "AccessDenied", "User: arn:aws:sts::123456789012:assumed-role/worker/s1 is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::123456789012:role/ because no session policy allows the iam:ListRoles action")
	got = must(w.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: new("s1"), PolicyArns: []types.PolicyDescriptorType{{Arn: new("arn:aws:iam::aws:policy/AmazonS3FullAccess")}}}))(t)
	_, err = iam.NewFromConfig(w.with(got.Credentials)).ListUsers(ctx, nil)
	refused(t, err, 403, "AccessDenied", "")
	_, err = w.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: new("s1"), Policy: new("{}")})
	refused(t, err, 400, "MalformedPolicyDocument", "")
}

func TestSessionTags(t *testing.T) {
	w := start(t, redoubttest.Options{})
	one, two := w.role("one", accountTrust), w.role("two", accountTrust)
	must(w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("one"), PolicyName: new("p"), PolicyDocument: new(allow(`"sts:*"`))}))(t)
	must(w.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: new("two"), Tags: []iamtypes.Tag{{Key: new("team"), Value: new("own")}}}))(t)
	must(w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("two"), PolicyName: new("p"), PolicyDocument: new(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}]}`)}))(t)
	tags := []types.Tag{{Key: new("Team"), Value: new("red")}, {Key: new("stage"), Value: new("x")}}
	in := &sts.AssumeRoleInput{RoleArn: &one, RoleSessionName: new("s1"), Tags: tags, TransitiveTagKeys: []string{"none"}}
	_, err := w.sts.AssumeRole(ctx, in)
	refused(t, err, 400, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.")
	in.TransitiveTagKeys, in.Tags = nil, append(tags, types.Tag{Key: new("TEAM"), Value: new("blue")})
	_, err = w.sts.AssumeRole(ctx, in)
	refused(t, err, 400, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	in.Tags, in.TransitiveTagKeys = tags, []string{"team"}
	first := sts.NewFromConfig(w.with(must(w.sts.AssumeRole(ctx, in))(t).Credentials))
	in = &sts.AssumeRoleInput{RoleArn: &two, RoleSessionName: new("s2"), Tags: []types.Tag{{Key: new("team"), Value: new("blue")}}}
	_, err = first.AssumeRole(ctx, in)
	refused(t, err, 400, "InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
	in.Tags = nil
	second := must(first.AssumeRole(ctx, in))(t)
	// The tag that was handed on stands over the role's own.
	must(iam.NewFromConfig(w.with(second.Credentials)).ListUsers(ctx, nil))(t)
	plain := must(w.sts.AssumeRole(ctx, in))(t)
	_, err = iam.NewFromConfig(w.with(plain.Credentials)).ListUsers(ctx, nil)
	refused(t, err, 403, "AccessDenied", "")
	// Tags take a right of their own.
	w.role("untagged", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`)
	_, err = w.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: new("arn:aws:iam::123456789012:role/untagged"), RoleSessionName: new("s1"), Tags: tags})
	refused(t, err, 403, "AccessDenied", "")
}

func TestSourceIdentitySticks(t *testing.T) {
	w := start(t, redoubttest.Options{})
	one, two := w.role("one", accountTrust), w.role("two", accountTrust)
	must(w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("one"), PolicyName: new("p"), PolicyDocument: new(allow(`"sts:*"`))}))(t)
	got := must(w.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &one, RoleSessionName: new("s1"), SourceIdentity: new("alice")}))(t)
	if *got.SourceIdentity != "alice" {
		t.Errorf("%+v", got)
	}
	first := sts.NewFromConfig(w.with(got.Credentials))
	_, err := first.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &two, RoleSessionName: new("s2"), SourceIdentity: new("bob")})
	refused(t, err, 403, "AccessDenied", "")
	if got = must(first.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &two, RoleSessionName: new("s2")}))(t); *got.SourceIdentity != "alice" {
		t.Errorf("%+v", got)
	}
}

// device enables an MFA device of a user and answers its serial number and codes.
func (w *world) device(user string) (serial *string, code func(d int64) *string) {
	w.t.Helper()
	d := must(w.iam.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: &user}))(w.t).VirtualMFADevice
	seed := must(base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(string(d.Base32StringSeed)))(w.t)
	code = func(d int64) *string { return new(identity.Code(seed, time.Now().Unix()/30+d)) }
	must(w.iam.EnableMFADevice(ctx, &iam.EnableMFADeviceInput{UserName: &user, SerialNumber: d.SerialNumber, AuthenticationCode1: code(-1), AuthenticationCode2: code(0)}))(w.t)
	return d.SerialNumber, code
}

func TestMFA(t *testing.T) {
	w := start(t, redoubttest.Options{})
	bob := w.user("bob", allow(`["sts:AssumeRole","iam:*"]`))
	arn := w.role("careful", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"60"}}}]}`)
	serial, code := w.device("bob")
	c := sts.NewFromConfig(bob)
	in := &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: new("s1")}
	_, err := c.AssumeRole(ctx, in)
	refused(t, err, 403, "AccessDenied", "")
	in.SerialNumber, in.TokenCode = serial, new("000000")
	_, err = c.AssumeRole(ctx, in)
	refused(t, err, 403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ")
	in.TokenCode = code(1)
	must(c.AssumeRole(ctx, in))(t)
	_, err = c.AssumeRole(ctx, in)
	refused(t, err, 403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ")
	eve := sts.NewFromConfig(w.user("eve", ""))
	_, err = eve.GetSessionToken(ctx, &sts.GetSessionTokenInput{SerialNumber: serial, TokenCode: code(1)})
	refused(t, err, 403, "AccessDenied", "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
}

func TestGetSessionToken(t *testing.T) {
	w := start(t, redoubttest.Options{})
	conf := w.user("bob", allow(`"*"`))
	bob := sts.NewFromConfig(conf)
	got := must(bob.GetSessionToken(ctx, &sts.GetSessionTokenInput{}))(t)
	if d := time.Until(*got.Credentials.Expiration); d < 11*time.Hour || d > 13*time.Hour {
		t.Error("lasts", d)
	}
	session := w.with(got.Credentials)
	if id := must(sts.NewFromConfig(session).GetCallerIdentity(ctx, nil))(t); *id.Arn != "arn:aws:iam::123456789012:user/bob" {
		t.Errorf("%+v", id)
	}
	_, err := sts.NewFromConfig(session).GetSessionToken(ctx, nil)
	refused(t, err, 403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	_, err = sts.NewFromConfig(session).GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: new("guest")})
	refused(t, err, 403, "AccessDenied", "Cannot call GetFederationToken with session credentials")
	// IAM takes a code.
	_, err = iam.NewFromConfig(session).ListUsers(ctx, nil)
	refused(t, err, 403, "InvalidClientTokenId", "")
	serial, code := w.device("bob")
	got = must(bob.GetSessionToken(ctx, &sts.GetSessionTokenInput{SerialNumber: serial, TokenCode: code(1)}))(t)
	must(iam.NewFromConfig(w.with(got.Credentials)).ListUsers(ctx, nil))(t)
}

func TestGetFederationToken(t *testing.T) {
	w := start(t, redoubttest.Options{})
	conf := w.user("bob", allow(`["sts:*","kms:*"]`))
	bob := sts.NewFromConfig(conf)
	got := must(bob.GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: new("guest"), Policy: new(allow(`"kms:ListKeys"`))}))(t)
	if *got.FederatedUser.Arn != "arn:aws:sts::123456789012:federated-user/guest" || *got.FederatedUser.FederatedUserId != "123456789012:guest" || got.PackedPolicySize == nil {
		t.Errorf("%+v", got)
	}
	guest := w.with(got.Credentials)
	if id := must(sts.NewFromConfig(guest).GetCallerIdentity(ctx, nil))(t); *id.Arn != *got.FederatedUser.Arn {
		t.Errorf("%+v", id)
	}
	_, err := iam.NewFromConfig(guest).ListUsers(ctx, nil)
	refused(t, err, 403, "InvalidClientTokenId", "")
	// Without session policies it may do nothing.
	if got = must(bob.GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: new("guest")}))(t); *got.PackedPolicySize != 0 {
		t.Errorf("%+v", got)
	}
	_, err = sts.NewFromConfig(w.with(got.Credentials)).GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: new("ASIAY34FZKBOKMUTVV7A")})
	refused(t, err, 403, "AccessDenied", "")
	// A session outlives the key that made it, not the user.
	keys := must(w.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: new("bob")}))(t).AccessKeyMetadata
	must(w.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: new("bob"), AccessKeyId: keys[0].AccessKeyId}))(t)
	must(sts.NewFromConfig(guest).GetCallerIdentity(ctx, nil))(t)
	must(w.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: new("bob"), PolicyName: new("p")}))(t)
	must(w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: new("bob")}))(t)
	_, err = sts.NewFromConfig(guest).GetCallerIdentity(ctx, nil)
	refused(t, err, 403, "InvalidClientTokenId", "")
}

func TestAccessKeyInfo(t *testing.T) {
	w := start(t, redoubttest.Options{})
	if a := must(w.sts.GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: new("ASIAY34FZKBOKMUTVV7A")}))(t).Account; *a != "609629065308" {
		t.Error(*a)
	}
	if a := must(w.sts.GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: &w.s.Admin.AccessKeyID}))(t).Account; *a != w.s.Admin.ID {
		t.Error(*a)
	}
	_, err := w.sts.DecodeAuthorizationMessage(ctx, &sts.DecodeAuthorizationMessageInput{EncodedMessage: new("nonsense")})
	refused(t, err, 400, "InvalidAuthorizationMessageException", "")
}

func TestAssumeRootTakesAnOrganization(t *testing.T) {
	w := start(t, redoubttest.Options{})
	_, err := w.sts.AssumeRoot(ctx, &sts.AssumeRootInput{TargetPrincipal: new("210987654321"), TaskPolicyArn: &types.PolicyDescriptorType{Arn: new("arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials")}})
	refused(t, err, 403, "AccessDenied", "User: "+*must(w.sts.GetCallerIdentity(ctx, nil))(t).Arn+" is not authorized to perform: sts:AssumeRoot on resource: arn:aws:iam::210987654321:root")
	_, err = w.iam.ListOrganizationsFeatures(ctx, nil)
	refused(t, err, 400, "OrganizationNotFoundException", "")
}
