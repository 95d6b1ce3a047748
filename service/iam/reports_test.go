package iam_test

import (
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

func TestCredentialReport(t *testing.T) {
	s, c := start(t)
	_, err := c.GetCredentialReport(ctx, nil)
	refused(t, err, 410, "ReportNotPresent", "")
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	must(c.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: new("bob"), Password: new("Abcdef12!")}))(t)
	must(c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: new("bob")}))(t)
	if g := must(c.GenerateCredentialReport(ctx, nil))(t); g.State != "STARTED" {
		t.Error(g.State)
	}
	if g := must(c.GenerateCredentialReport(ctx, nil))(t); g.State != "COMPLETE" {
		t.Error(g.State)
	}
	r := must(c.GetCredentialReport(ctx, nil))(t)
	rows := must(csv.NewReader(strings.NewReader(string(r.Content))).ReadAll())(t)
	if len(rows) != 4 || rows[1][0] != "<root_account>" || r.ReportFormat != "text/csv" {
		t.Fatalf("%v", rows)
	}
	row := map[string]string{}
	for n, name := range rows[0] {
		for _, r := range rows[1:] {
			if r[0] == "bob" {
				row[name] = r[n]
			}
		}
	}
	for name, want := range map[string]string{
		"arn": "arn:aws:iam::123456789012:user/bob", "password_enabled": "true", "password_last_used": "no_information",
		"mfa_active": "false", "access_key_1_active": "true", "access_key_1_last_used_date": "N/A", "access_key_2_active": "false", "cert_1_active": "false",
	} {
		if row[name] != want {
			t.Errorf("%s is %q", name, row[name])
		}
	}
	s.Clock.Advance(5 * time.Hour)
	_, err = c.GetCredentialReport(ctx, nil)
	refused(t, err, 410, "ReportExpired", "")
}

func TestAccountSummary(t *testing.T) {
	_, c := start(t)
	before := must(c.GetAccountSummary(ctx, nil))(t).SummaryMap
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	createRole(t, c, "r", ec2Trust)
	must(c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("p"), PolicyDocument: new(listBuckets)}))(t)
	after := must(c.GetAccountSummary(ctx, nil))(t).SummaryMap
	for name, d := range map[string]int32{"Users": 1, "Roles": 1, "Policies": 1, "PolicyVersionsInUse": 1, "Groups": 0} {
		if after[name]-before[name] != d {
			t.Errorf("%s: %d, then %d", name, before[name], after[name])
		}
	}
	if after["UsersQuota"] != 5000 || after["PolicySizeQuota"] != 6144 || len(after) != 34 {
		t.Errorf("%d: %v", len(after), after)
	}
}

func TestAuthorizationDetails(t *testing.T) {
	_, c := start(t)
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	must(c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: new("bob"), PolicyName: new("own"), PolicyDocument: new(listBuckets)}))(t)
	must(c.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: new("devs")}))(t)
	must(c.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: new("devs"), UserName: new("bob")}))(t)
	createRole(t, c, "r", ec2Trust)
	p := must(c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("p"), PolicyDocument: new(listBuckets)}))(t).Policy
	must(c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: new("r"), PolicyArn: p.Arn}))(t)
	kinds := map[string]int{}
	var bob *types.UserDetail
	pages := iam.NewGetAccountAuthorizationDetailsPaginator(c, &iam.GetAccountAuthorizationDetailsInput{MaxItems: new(int32(2))})
	for pages.HasMorePages() {
		d := must(pages.NextPage(ctx))(t)
		kinds["users"] += len(d.UserDetailList)
		kinds["groups"] += len(d.GroupDetailList)
		kinds["roles"] += len(d.RoleDetailList)
		kinds["policies"] += len(d.Policies)
		for _, u := range d.UserDetailList {
			if *u.UserName == "bob" {
				bob = &u
			}
		}
	}
	// The administrator and its policy are there, too.
	if kinds["users"] != 2 || kinds["groups"] != 1 || kinds["roles"] != 1 || kinds["policies"] != 2 {
		t.Errorf("%v", kinds)
	}
	if bob == nil || len(bob.GroupList) != 1 || bob.GroupList[0] != "devs" || len(bob.UserPolicyList) != 1 || document(t, bob.UserPolicyList[0].PolicyDocument) != listBuckets {
		t.Errorf("%+v", bob)
	}
	d := must(c.GetAccountAuthorizationDetails(ctx, &iam.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{"LocalManagedPolicy"}}))(t)
	if len(d.Policies) != 1 || len(d.UserDetailList) != 0 || len(d.Policies[0].PolicyVersionList) != 1 || *d.Policies[0].AttachmentCount != 1 {
		t.Errorf("%+v", d.Policies)
	}
}

func TestServiceLastAccessed(t *testing.T) {
	s, c := start(t)
	u := must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t).User
	k := must(c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: new("bob")}))(t).AccessKey
	must(c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: new("bob"), PolicyName: new("p"), PolicyDocument: new(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:*","kms:Decrypt"],"Resource":"*"}]}`)}))(t)
	must(sts.NewFromConfig(s.Admin.With("us-east-1", *k.AccessKeyId, *k.SecretAccessKey, "")).GetCallerIdentity(ctx, nil))(t)
	job := must(c.GenerateServiceLastAccessedDetails(ctx, &iam.GenerateServiceLastAccessedDetailsInput{Arn: u.Arn, Granularity: "ACTION_LEVEL"}))(t).JobId
	redoubttest.Eventually(t, func() error {
		s.Clock.Advance(time.Minute)
		d := must(c.GetServiceLastAccessedDetails(ctx, &iam.GetServiceLastAccessedDetailsInput{JobId: job}))(t)
		if len(d.ServicesLastAccessed) != 2 || d.JobStatus != "COMPLETED" || *d.ServicesLastAccessed[0].ServiceNamespace != "kms" {
			t.Fatalf("%+v", d)
		}
		if d.ServicesLastAccessed[0].LastAuthenticated != nil {
			t.Error("kms was used")
		}
		v := d.ServicesLastAccessed[1]
		if v.LastAuthenticated == nil {
			return errors.New("sts was not used")
		}
		if *v.LastAuthenticatedEntity != *u.Arn || *v.TotalAuthenticatedEntities != 1 || len(v.TrackedActionsLastAccessed) != 1 || *v.TrackedActionsLastAccessed[0].ActionName != "GetCallerIdentity" {
			t.Errorf("%+v", v)
		}
		return nil
	})
	who := must(c.GetServiceLastAccessedDetailsWithEntities(ctx, &iam.GetServiceLastAccessedDetailsWithEntitiesInput{JobId: job, ServiceNamespace: new("sts")}))(t).EntityDetailsList
	if len(who) != 1 || *who[0].EntityInfo.Name != "bob" || who[0].LastAuthenticated == nil {
		t.Errorf("%+v", who)
	}
	g := must(c.ListPoliciesGrantingServiceAccess(ctx, &iam.ListPoliciesGrantingServiceAccessInput{Arn: u.Arn, ServiceNamespaces: []string{"kms", "s3"}}))(t).PoliciesGrantingServiceAccess
	if len(g) != 2 || len(g[0].Policies) != 1 || *g[0].Policies[0].EntityName != "bob" || len(g[1].Policies) != 0 {
		t.Errorf("%+v", g)
	}
}

func TestSimulateCustomPolicy(t *testing.T) {
	_, c := start(t)
	// The example of AWS's CLI documentation, positions included.
	in := &iam.SimulateCustomPolicyInput{
		PolicyInputList: []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}`},
		ActionNames:     []string{"dynamodb:CreateBackup"},
		ContextEntries:  []types.ContextEntry{{ContextKeyName: new("aws:CurrentTime"), ContextKeyType: "date", ContextKeyValues: []string{"2019-04-25T11:00:00Z"}}},
	}
	r := must(c.SimulateCustomPolicy(ctx, in))(t).EvaluationResults[0]
	m := r.MatchedStatements
	if r.EvalDecision != "allowed" || *r.EvalResourceName != "*" || len(m) != 1 || *m[0].SourcePolicyId != "PolicyInputList.1" ||
		m[0].StartPosition.Line != 1 || m[0].StartPosition.Column != 38 || m[0].EndPosition.Column != 167 {
		t.Errorf("%+v %+v", r, m)
	}
	in.ContextEntries = nil
	if r = must(c.SimulateCustomPolicy(ctx, in))(t).EvaluationResults[0]; r.EvalDecision != "implicitDeny" || len(r.MissingContextValues) != 1 || r.MissingContextValues[0] != "aws:CurrentTime" {
		t.Errorf("%+v", r)
	}
	keys := must(c.GetContextKeysForCustomPolicy(ctx, &iam.GetContextKeysForCustomPolicyInput{PolicyInputList: in.PolicyInputList}))(t).ContextKeyNames
	if len(keys) != 1 || keys[0] != "aws:CurrentTime" {
		t.Error(keys)
	}
	in = &iam.SimulateCustomPolicyInput{
		PolicyInputList: []string{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::a/*"}]}`},
		ActionNames:     []string{"s3:GetObject", "s3:PutObject"}, ResourceArns: []string{"arn:aws:s3:::a/x", "arn:aws:s3:::b/x"}, MaxItems: new(int32(1)),
		PermissionsBoundaryPolicyInputList: []string{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}`},
	}
	first := must(c.SimulateCustomPolicy(ctx, in))(t)
	if !first.IsTruncated || len(first.EvaluationResults) != 1 {
		t.Fatalf("%+v", first)
	}
	r = first.EvaluationResults[0]
	if len(r.ResourceSpecificResults) != 2 || r.ResourceSpecificResults[0].EvalResourceDecision != "allowed" || r.ResourceSpecificResults[1].EvalResourceDecision != "implicitDeny" || r.EvalDecision != "implicitDeny" {
		t.Errorf("%+v", r)
	}
	in.Marker = first.Marker
	r = must(c.SimulateCustomPolicy(ctx, in))(t).EvaluationResults[0]
	if *r.EvalActionName != "s3:PutObject" || r.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary {
		t.Errorf("%+v", r)
	}
	_, err := c.SimulateCustomPolicy(ctx, &iam.SimulateCustomPolicyInput{PolicyInputList: []string{"{"}, ActionNames: []string{"s3:GetObject"}})
	refused(t, err, 400, "InvalidInput", "")
}

func TestSimulatePrincipalPolicy(t *testing.T) {
	_, c := start(t)
	u := must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t).User
	must(c.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: new("devs")}))(t)
	must(c.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: new("devs"), UserName: new("bob")}))(t)
	must(c.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: new("devs"), PolicyArn: new("arn:aws:iam::aws:policy/ReadOnlyAccess")}))(t)
	must(c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: new("bob"), PolicyName: new("no"), PolicyDocument: new(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kms:*","Resource":"*"}]}`)}))(t)
	in := &iam.SimulatePrincipalPolicyInput{PolicySourceArn: u.Arn, ActionNames: []string{"s3:GetObject", "kms:ListKeys", "s3:PutObject"}}
	want := []types.PolicyEvaluationDecisionType{"allowed", "explicitDeny", "implicitDeny"}
	for n, r := range must(c.SimulatePrincipalPolicy(ctx, in))(t).EvaluationResults {
		if r.EvalDecision != want[n] {
			t.Errorf("%s: %s", *r.EvalActionName, r.EvalDecision)
		}
		if n == 0 && *r.MatchedStatements[0].SourcePolicyId != "ReadOnlyAccess" || n == 1 && *r.MatchedStatements[0].SourcePolicyId != "user_bob_no" {
			t.Errorf("%+v", *r.MatchedStatements[0].SourcePolicyId)
		}
	}
	_, err := c.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: new("arn:aws:iam::123456789012:user/nobody"), ActionNames: []string{"s3:GetObject"}})
	refused(t, err, 404, "NoSuchEntity", "The user with name nobody cannot be found.")
}
