package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

func createRole(t *testing.T, c *iam.Client, name, trust string) *types.Role {
	t.Helper()
	return must(c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust}))(t).Role
}

func TestRoleLifecycle(t *testing.T) {
	_, c := start(t)
	made := must(c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: new("r"), Path: new("/a/"), AssumeRolePolicyDocument: new(ec2Trust), Description: new("d"), Tags: []types.Tag{{Key: new("k"), Value: new("v")}}}))(t).Role
	if *made.Arn != "arn:aws:iam::123456789012:role/a/r" || !strings.HasPrefix(*made.RoleId, "AROA") || document(t, made.AssumeRolePolicyDocument) != ec2Trust {
		t.Errorf("%+v", made)
	}
	absent(t, made, "MaxSessionDuration", "Description", "RoleLastUsed")
	got := must(c.GetRole(ctx, &iam.GetRoleInput{RoleName: new("r")}))(t).Role
	if *got.MaxSessionDuration != 3600 || *got.Description != "d" || got.RoleLastUsed == nil || got.RoleLastUsed.LastUsedDate != nil || len(got.Tags) != 1 {
		t.Errorf("%+v", got)
	}
	listed := must(c.ListRoles(ctx, &iam.ListRolesInput{PathPrefix: new("/a/")}))(t).Roles
	if len(listed) != 1 || *listed[0].MaxSessionDuration != 3600 {
		t.Errorf("%+v", listed)
	}
	absent(t, listed[0], "Tags", "RoleLastUsed")
	_, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: new("R"), AssumeRolePolicyDocument: new(ec2Trust)})
	refused(t, err, 409, "EntityAlreadyExists", "Role with name R already exists.")
	must(c.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: new("r"), MaxSessionDuration: new(int32(7200))}))(t)
	up := must(c.UpdateRoleDescription(ctx, &iam.UpdateRoleDescriptionInput{RoleName: new("r"), Description: new("e")}))(t).Role
	absent(t, up, "MaxSessionDuration", "RoleLastUsed")
	if got = must(c.GetRole(ctx, &iam.GetRoleInput{RoleName: new("r")}))(t).Role; *got.Description != "e" || *got.MaxSessionDuration != 7200 {
		t.Errorf("%+v", got)
	}
	must(c.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: new("p")}))(t)
	must(c.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: new("p"), RoleName: new("r")}))(t)
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: new("r")})
	refused(t, err, 409, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	_, err = c.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: new("p")})
	refused(t, err, 409, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	_, err = c.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: new("p"), RoleName: new("r")})
	refused(t, err, 409, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
	prof := must(c.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: new("p")}))(t).InstanceProfile
	if len(prof.Roles) != 1 || prof.Roles[0].MaxSessionDuration != nil || prof.Tags == nil {
		t.Errorf("%+v", prof)
	}
	must(c.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: new("p"), RoleName: new("r")}))(t)
	_, err = c.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: new("p"), RoleName: new("r")})
	refused(t, err, 404, "NoSuchEntity", "Role r in Instance Profile p cannot be found.")
	must(c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: new("r")}))(t)
	_, err = c.GetRole(ctx, &iam.GetRoleInput{RoleName: new("r")})
	refused(t, err, 404, "NoSuchEntity", "The role with name r cannot be found.")
	must(c.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: new("p")}))(t)
	_, err = c.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: new("p")})
	refused(t, err, 404, "NoSuchEntity", "Instance Profile p cannot be found.")
}

func TestTrustPoliciesAreChecked(t *testing.T) {
	_, c := start(t)
	trust := func(principal, action string) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":%s,"Action":"%s"}]}`, principal, action)
	}
	for text, want := range map[string]string{
		`{`: "This policy contains invalid Json",
		trust(`{"Service":"ec2.amazonaws.com"}`, "s3:GetObject"):                   "AssumeRole policy may only specify STS AssumeRole actions.",
		strings.Replace(ec2Trust, `"Action"`, `"Resource":"*","Action"`, 1):        "Has prohibited field Resource",
		trust(`{"AWS":"arn:aws:iam::123456789012:user/nobody"}`, "sts:AssumeRole"): `Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/nobody"`,
		trust(`{"AWS":"arn:aws:iam::999999999999:root"}`, "sts:AssumeRole"):        `Invalid principal in policy: "AWS":"arn:aws:iam::999999999999:root"`,
		trust(`{"Service":"nothing.example"}`, "sts:AssumeRole"):                   `Invalid principal in policy: "SERVICE":"nothing.example"`,
	} {
		_, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: new("r"), AssumeRolePolicyDocument: &text})
		refused(t, err, 400, "MalformedPolicyDocument", want)
	}
	createRole(t, c, "r", trust(`{"AWS":"123456789012"}`, "sts:AssumeRole"))
	got := must(c.GetRole(ctx, &iam.GetRoleInput{RoleName: new("r")}))(t).Role
	if text := document(t, got.AssumeRolePolicyDocument); !strings.Contains(text, `{"AWS":"arn:aws:iam::123456789012:root"}`) {
		t.Error(text)
	}
	_, err := c.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: new("none"), PolicyDocument: new(ec2Trust)})
	refused(t, err, 404, "NoSuchEntity", "The role with name none cannot be found.")
}

func TestBoundariesOfRoles(t *testing.T) {
	_, c := start(t)
	bad := "arn:aws:iam::123456789012:not_a_policy/x"
	_, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: new("r"), AssumeRolePolicyDocument: new(ec2Trust), PermissionsBoundary: &bad})
	refused(t, err, 400, "InvalidInput", "ARN "+bad+" is not valid.")
	createRole(t, c, "r", ec2Trust)
	gone := "arn:aws:iam::123456789012:policy/none"
	_, err = c.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: new("r"), PermissionsBoundary: &gone})
	refused(t, err, 404, "NoSuchEntity", "Scope ARN: "+gone+" does not exist or is not attachable.")
	p := must(c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("edge"), PolicyDocument: new(listBuckets)}))(t).Policy
	must(c.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: new("r"), PermissionsBoundary: p.Arn}))(t)
	if got := must(c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: p.Arn}))(t).Policy; *got.PermissionsBoundaryUsageCount != 1 || *got.AttachmentCount != 0 {
		t.Errorf("%+v", got)
	}
	use := must(c.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: p.Arn, PolicyUsageFilter: "PermissionsBoundary"}))(t)
	if len(use.PolicyRoles) != 1 || *use.PolicyRoles[0].RoleName != "r" {
		t.Errorf("%+v", use)
	}
	_, err = c.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: p.Arn})
	refused(t, err, 409, "DeleteConflict", "")
	must(c.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: new("r")}))(t)
	must(c.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: p.Arn}))(t)
}

func TestServiceLinkedRoles(t *testing.T) {
	_, c := start(t)
	in := &iam.CreateServiceLinkedRoleInput{AWSServiceName: new("config.amazonaws.com")}
	r := must(c.CreateServiceLinkedRole(ctx, in))(t).Role
	if *r.Arn != "arn:aws:iam::123456789012:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig" {
		t.Errorf("%+v", r)
	}
	_, err := c.CreateServiceLinkedRole(ctx, in)
	refused(t, err, 400, "InvalidInput", "Service role name AWSServiceRoleForConfig has been taken in this account, please try a different suffix.")
	_, err = c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: r.RoleName, PolicyArn: new("arn:aws:iam::aws:policy/ReadOnlyAccess")})
	refused(t, err, 400, "UnmodifiableEntity", "Cannot perform the operation on the protected role 'AWSServiceRoleForConfig' - this role is only modifiable by AWS")
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: r.RoleName})
	refused(t, err, 400, "UnmodifiableEntity", "")
	task := must(c.DeleteServiceLinkedRole(ctx, &iam.DeleteServiceLinkedRoleInput{RoleName: r.RoleName}))(t).DeletionTaskId
	if !strings.HasPrefix(*task, "task/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig/") {
		t.Error(*task)
	}
	if st := must(c.GetServiceLinkedRoleDeletionStatus(ctx, &iam.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: task}))(t); st.Status != "SUCCEEDED" {
		t.Error(st.Status)
	}
	_, err = c.GetRole(ctx, &iam.GetRoleInput{RoleName: r.RoleName})
	refused(t, err, 404, "NoSuchEntity", "")
}

func TestManagedPolicies(t *testing.T) {
	_, c := start(t)
	p := must(c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("p"), Path: new("/x/"), PolicyDocument: new(listBuckets), Description: new("d")}))(t).Policy
	if *p.Arn != "arn:aws:iam::123456789012:policy/x/p" || *p.DefaultVersionId != "v1" || *p.AttachmentCount != 0 || !p.IsAttachable {
		t.Errorf("%+v", p)
	}
	absent(t, p, "Description", "Tags")
	if got := must(c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: p.Arn}))(t).Policy; *got.Description != "d" || got.Tags == nil {
		t.Errorf("%+v", got)
	}
	_, err := c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("P"), PolicyDocument: new(listBuckets)})
	refused(t, err, 409, "EntityAlreadyExists", "A policy called P already exists. Duplicate names are not allowed.")
	for n := 2; n <= 5; n++ {
		must(c.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: p.Arn, PolicyDocument: new(listBuckets), SetAsDefault: n == 2}))(t)
	}
	_, err = c.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: p.Arn, PolicyDocument: new(listBuckets)})
	refused(t, err, 409, "LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
	vs := must(c.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: p.Arn}))(t).Versions
	if len(vs) != 5 || *vs[0].VersionId != "v5" || !vs[3].IsDefaultVersion || vs[0].Document != nil {
		t.Errorf("%+v", vs)
	}
	_, err = c.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: p.Arn, VersionId: new("v2")})
	refused(t, err, 409, "DeleteConflict", "Cannot delete the default version of a policy.")
	_, err = c.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: p.Arn, VersionId: new("v9")})
	refused(t, err, 404, "NoSuchEntity", "Policy arn:aws:iam::123456789012:policy/x/p version v9 does not exist or is not attachable.")
	_, err = c.SetDefaultPolicyVersion(ctx, &iam.SetDefaultPolicyVersionInput{PolicyArn: p.Arn, VersionId: new("1")})
	refused(t, err, 400, "ValidationError", `1 validation error detected: Value at 'versionId' failed to satisfy constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`)
	must(c.SetDefaultPolicyVersion(ctx, &iam.SetDefaultPolicyVersionInput{PolicyArn: p.Arn, VersionId: new("v1")}))(t)
	_, err = c.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: p.Arn})
	refused(t, err, 409, "DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	_, err = c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: new("arn:aws:iam::123456789012:policy/none")})
	refused(t, err, 404, "NoSuchEntity", "Policy arn:aws:iam::123456789012:policy/none was not found.")
	createRole(t, c, "r", ec2Trust)
	_, err = c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: new("r"), PolicyArn: new("longpolicynamebutnoarn")})
	refused(t, err, 400, "ValidationError", "ARN longpolicynamebutnoarn is not valid.")
	_, err = c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: new("r"), PolicyArn: new("arn:aws:iam::123456789012:policy/none")})
	refused(t, err, 404, "NoSuchEntity", "Policy arn:aws:iam::123456789012:policy/none does not exist or is not attachable.")
	_, err = c.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: new("r"), PolicyArn: p.Arn})
	refused(t, err, 404, "NoSuchEntity", "Policy arn:aws:iam::123456789012:policy/x/p was not found.")
	must(c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: new("r"), PolicyArn: p.Arn}))(t)
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: new("r")})
	refused(t, err, 409, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
}

func TestAWSManagedPolicies(t *testing.T) {
	_, c := start(t)
	arn := "arn:aws:iam::aws:policy/AdministratorAccess"
	p := must(c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn}))(t).Policy
	if *p.PolicyName != "AdministratorAccess" || *p.AttachmentCount != 1 || !strings.HasPrefix(*p.PolicyId, "ANPA") {
		t.Errorf("%+v", p)
	}
	v := must(c.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: p.DefaultVersionId}))(t).PolicyVersion
	if text := document(t, v.Document); !strings.Contains(text, `"Action":"*"`) {
		t.Error(text)
	}
	_, err := c.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: &arn})
	refused(t, err, 403, "AccessDenied", "")
	seen := map[string]bool{}
	pages := iam.NewListPoliciesPaginator(c, &iam.ListPoliciesInput{Scope: "AWS", MaxItems: new(int32(30))})
	for pages.HasMorePages() {
		for _, p := range must(pages.NextPage(ctx))(t).Policies {
			if seen[*p.Arn] {
				t.Error("twice:", *p.Arn)
			}
			seen[*p.Arn] = true
		}
	}
	if len(seen) < 60 || !seen["arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"] {
		t.Errorf("%d policies", len(seen))
	}
	if l := must(c.ListPolicies(ctx, &iam.ListPoliciesInput{Scope: "Local"}))(t).Policies; len(l) != 0 {
		t.Errorf("%+v", l)
	}
}

func TestInlinePolicies(t *testing.T) {
	_, c := start(t)
	createRole(t, c, "r", ec2Trust)
	text := "{\"Version\":\"2012-10-17\",\n \"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b/*\"}}"
	must(c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("r"), PolicyName: new("p"), PolicyDocument: &text}))(t)
	got := must(c.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: new("r"), PolicyName: new("p")}))(t)
	if document(t, got.PolicyDocument) != text || *got.RoleName != "r" {
		t.Errorf("%+v", got)
	}
	_, err := c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("r"), PolicyName: new("q"), PolicyDocument: new(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*"}]}`)})
	refused(t, err, 400, "MalformedPolicyDocument", "Policy statement must contain resources.")
	big := strings.Replace(listBuckets, `"Resource":"*"`, `"Resource":["`+strings.Repeat("arn:aws:s3:::bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\"", 220)+`*"]`, 1)
	_, err = c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("r"), PolicyName: new("q"), PolicyDocument: &big})
	refused(t, err, 409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role r")
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: new("r")})
	refused(t, err, 409, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	must(c.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: new("r"), PolicyName: new("p")}))(t)
	_, err = c.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: new("r"), PolicyName: new("p")})
	refused(t, err, 404, "NoSuchEntity", "The role policy with name p cannot be found.")
}

// Putting a role into a profile hands it to machines: that takes iam:PassRole.
func TestInstanceProfilesTakePassRole(t *testing.T) {
	s, c := start(t)
	createRole(t, c, "r", ec2Trust)
	must(c.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: new("p")}))(t)
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	k := must(c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: new("bob")}))(t).AccessKey
	bob := iam.NewFromConfig(s.Admin.With("us-east-1", *k.AccessKeyId, *k.SecretAccessKey, ""))
	put := func(text string) {
		must(c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: new("bob"), PolicyName: new("p"), PolicyDocument: &text}))(t)
	}
	add := &iam.AddRoleToInstanceProfileInput{InstanceProfileName: new("p"), RoleName: new("r")}
	put(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}}]}`)
	_, err := bob.AddRoleToInstanceProfile(ctx, add)
	refused(t, err, 403, "AccessDenied", "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/r because no identity-based policy allows the iam:PassRole action")
	put(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}]}`)
	must(bob.AddRoleToInstanceProfile(ctx, add))(t)
}

func TestAccountsDoNotSeeEachOther(t *testing.T) {
	s, c := start(t)
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	p := must(c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("p"), PolicyDocument: new(listBuckets)}))(t).Policy
	other := otherAccount(t, s)
	_, err := other.GetUser(ctx, &iam.GetUserInput{UserName: new("bob")})
	refused(t, err, 404, "NoSuchEntity", "")
	_, err = other.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: p.Arn})
	refused(t, err, 404, "NoSuchEntity", "")
	must(c.CreateAccountAlias(ctx, &iam.CreateAccountAliasInput{AccountAlias: new("castle")}))(t)
	_, err = other.CreateAccountAlias(ctx, &iam.CreateAccountAliasInput{AccountAlias: new("castle")})
	refused(t, err, 409, "EntityAlreadyExists", "The account alias castle already exists.")
	if l := must(c.ListAccountAliases(ctx, nil))(t).AccountAliases; len(l) != 1 || l[0] != "castle" {
		t.Error(l)
	}
	must(c.DeleteAccountAlias(ctx, &iam.DeleteAccountAliasInput{AccountAlias: new("castle")}))(t)
	must(other.CreateAccountAlias(ctx, &iam.CreateAccountAliasInput{AccountAlias: new("castle")}))(t)
}

func otherAccount(t *testing.T, s *redoubttest.Server) *iam.Client {
	return iam.NewFromConfig(s.NewAccount(t).Config("us-east-1"))
}
