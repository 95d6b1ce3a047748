package recordings

import (
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

// iamAccount works on a server of its own: it is about what a whole account holds.
func iamAccount(t *testing.T, shared *house) {
	server := redoubttest.Start(t, redoubttest.Options{})
	own := *shared
	h := &own
	h.url, h.account, h.clock = server.URL, server.Admin.ID, server.Clock
	h.admin = caller{id: server.Admin.AccessKeyID, secret: server.Admin.Secret, region: home}
	s := h.scene(t)

	// LS iam/test_iam_credential_report.py test_get_credential_report_before_generated: no text at all
	s.fails("iam:GetCredentialReport", nil, 410, "ReportNotPresent", "-")
	s.ok("iam:GenerateCredentialReport", nil, "Description,State")
	s.settled("the report is there", func() bool { return s.must("iam:GenerateCredentialReport", nil).str("State") == "COMPLETE" })
	s.ok("iam:GenerateCredentialReport", nil, "State")
	s.ok("iam:GetCredentialReport", nil, "Content,GeneratedTime,ReportFormat")

	// LS iam/test_iam_account_summary.py, recorded 2026-02-17; InstanceSessions… and others are gone from it
	a := s.ok("iam:GetAccountSummary", nil, "SummaryMap{entry{key,value}}")
	entries := summary(t, a)
	for name, value := range map[string]string{
		"AccessKeysPerUserQuota": "2", "AccountAccessKeysPresent": "0", "AccountMFAEnabled": "0", "AccountPasswordPresent": "",
		"AccountSigningCertificatesPresent": "0", "AssumeRolePolicySizeQuota": "2048", "AttachedPoliciesPerGroupQuota": "10",
		"AttachedPoliciesPerRoleQuota": "10", "AttachedPoliciesPerUserQuota": "10", "GlobalEndpointTokenVersion": "1",
		"GroupPolicySizeQuota": "5120", "Groups": "", "GroupsPerUserQuota": "10", "GroupsQuota": "300", "InstanceProfiles": "",
		"InstanceProfilesQuota": "1000", "MFADevices": "", "MFADevicesInUse": "", "Policies": "", "PoliciesQuota": "1500",
		"PolicySizeQuota": "6144", "PolicyVersionsInUse": "", "PolicyVersionsInUseQuota": "10000", "Providers": "",
		"RolePolicySizeQuota": "10240", "Roles": "", "RolesQuota": "1000", "ServerCertificates": "", "ServerCertificatesQuota": "20",
		"SigningCertificatesPerUserQuota": "2", "UserPolicySizeQuota": "2048", "Users": "", "UsersQuota": "5000", "VersionsPerPolicyQuota": "5",
	} {
		got, ok := entries[name]
		if !ok || value != "" && got != value {
			t.Errorf("summary: %s is %q, want %q", name, got, value)
		}
		delete(entries, name)
	}
	for name := range entries {
		t.Errorf("summary: AWS does not have %s", name)
	}

	// LS iam/test_iam_account_password_policy.py, recorded 2026-02-13
	none := "The Password Policy with domain name " + h.account + " cannot be found."
	s.fails("iam:GetAccountPasswordPolicy", nil, 404, "NoSuchEntity", none)
	s.fails("iam:DeleteAccountPasswordPolicy", nil, 404, "NoSuchEntity", "The account policy with name PasswordPolicy cannot be found.")
	const plain = "AllowUsersToChangePassword,ExpirePasswords,MinimumPasswordLength,RequireLowercaseCharacters,RequireNumbers,RequireSymbols,RequireUppercaseCharacters"
	s.ok("iam:UpdateAccountPasswordPolicy", nil, "")
	a = s.ok("iam:GetAccountPasswordPolicy", nil, "PasswordPolicy{"+plain+"}")
	s.wants(a, map[string]string{"PasswordPolicy.MinimumPasswordLength": "6", "PasswordPolicy.AllowUsersToChangePassword": "false", "PasswordPolicy.ExpirePasswords": "false"})
	s.must("iam:UpdateAccountPasswordPolicy", in{"AllowUsersToChangePassword": true, "HardExpiry": true, "MaxPasswordAge": 60, "MinimumPasswordLength": 10, "PasswordReusePrevention": 3, "RequireLowercaseCharacters": true, "RequireNumbers": true, "RequireSymbols": true, "RequireUppercaseCharacters": true})
	s.wants(s.ok("iam:GetAccountPasswordPolicy", nil, "PasswordPolicy{"+plain+",HardExpiry,MaxPasswordAge,PasswordReusePrevention}"), map[string]string{"PasswordPolicy.ExpirePasswords": "true"})
	s.fails("iam:UpdateAccountPasswordPolicy", in{"MinimumPasswordLength": 129, "PasswordReusePrevention": 25, "MaxPasswordAge": 1096}, 400, "ValidationError",
		"3 validation errors detected: Value at 'minimumPasswordLength' failed to satisfy constraint: Member must have value less than or equal to 128; Value at 'passwordReusePrevention' failed to satisfy constraint: Member must have value less than or equal to 24; Value at 'maxPasswordAge' failed to satisfy constraint: Member must have value less than or equal to 1095")
	s.ok("iam:DeleteAccountPasswordPolicy", nil, "")
	s.fails("iam:GetAccountPasswordPolicy", nil, 404, "NoSuchEntity", none)

	// LS iam/test_iam_account_aliases.py
	s.ok("iam:ListAccountAliases", nil, "AccountAliases[],IsTruncated")
	s.ok("iam:CreateAccountAlias", in{"AccountAlias": "some-alias"}, "")
	s.ok("iam:ListAccountAliases", nil, "AccountAliases[*],IsTruncated")
	s.ok("iam:DeleteAccountAlias", in{"AccountAlias": "some-alias"}, "")

	// LS iam/test_iam_account_authorization_details.py, recorded 2026-02-17
	p := s.policy("details")
	attached := "AttachedManagedPolicies[PolicyArn,PolicyName]"
	s.must("iam:CreateRole", in{"RoleName": "details", "Path": "/my-path/", "AssumeRolePolicyDocument": trusts, "Tags": iamTags("a", "b")})
	s.must("iam:PutRolePolicy", in{"RoleName": "details", "PolicyName": "in", "PolicyDocument": inline})
	s.must("iam:AttachRolePolicy", in{"RoleName": "details", "PolicyArn": p})
	s.must("iam:CreateInstanceProfile", in{"InstanceProfileName": "details"})
	s.must("iam:AddRoleToInstanceProfile", in{"InstanceProfileName": "details", "RoleName": "details"})
	rest := "GroupDetailList[],IsTruncated,Policies[],UserDetailList[]"
	s.ok("iam:GetAccountAuthorizationDetails", in{"Filter": list{"Role"}}, rest+",RoleDetailList["+role+","+attached+",InstanceProfileList["+profile+",Roles["+role+"]],RoleLastUsed{},RolePolicyList[PolicyDocument,PolicyName],Tags[Key,Value]]")
	s.must("iam:CreateGroup", in{"GroupName": "details"})
	s.must("iam:PutGroupPolicy", in{"GroupName": "details", "PolicyName": "in", "PolicyDocument": inline})
	s.must("iam:AttachGroupPolicy", in{"GroupName": "details", "PolicyArn": p})
	s.ok("iam:GetAccountAuthorizationDetails", in{"Filter": list{"Group"}}, "IsTruncated,Policies[],RoleDetailList[],UserDetailList[],GroupDetailList["+group+","+attached+",GroupPolicyList[PolicyDocument,PolicyName]]")
	s.ok("iam:GetAccountAuthorizationDetails", in{"Filter": list{"LocalManagedPolicy"}}, "GroupDetailList[],IsTruncated,RoleDetailList[],UserDetailList[],Policies["+policy+",PolicyVersionList[Document,"+v+"]]")
	// One user with everything; the administrator of the server is there as well.
	s.must("iam:CreateUser", in{"UserName": "details", "Tags": iamTags("a", "b")})
	s.must("iam:PutUserPolicy", in{"UserName": "details", "PolicyName": "in", "PolicyDocument": inline})
	s.must("iam:AttachUserPolicy", in{"UserName": "details", "PolicyArn": p})
	s.must("iam:AddUserToGroup", in{"UserName": "details", "GroupName": "details"})
	h.facts.Add(1)
	a = s.must("iam:GetAccountAuthorizationDetails", in{"Filter": list{"User"}})
	users, _ := a.at("UserDetailList")
	found := false
	for _, u := range users.([]any) {
		if u.(map[string]any)["UserName"] == "details" {
			found = true
			if got, want := shape(u), canonical(user+","+attached+",GroupList[*],Tags[Key,Value],UserPolicyList[PolicyDocument,PolicyName]"); got != want {
				t.Errorf("user\n got %s\nwant %s", got, want)
			}
		}
	}
	if !found {
		t.Error("the user is missing")
	}
	// LS iam/test_iam_users.py test_access_key_last_used, recorded 2026-02-11
	c := s.login("seen")
	used := in{"AccessKeyId": c.id}
	a = s.ok("iam:GetAccessKeyLastUsed", used, "AccessKeyLastUsed{Region,ServiceName},UserName")
	s.wants(a, map[string]string{"AccessKeyLastUsed.Region": "N/A", "AccessKeyLastUsed.ServiceName": "N/A", "UserName": "seen"})
	s.as(c).must("iam:ListUsers", in{"MaxItems": 1})
	h.clock.Advance(time.Minute)
	s.settled("the use of the key is known", func() bool {
		return s.must("iam:GetAccessKeyLastUsed", used).str("AccessKeyLastUsed.ServiceName") == "iam"
	})
	s.wants(s.ok("iam:GetAccessKeyLastUsed", used, "AccessKeyLastUsed{LastUsedDate,Region,ServiceName},UserName"), map[string]string{"AccessKeyLastUsed.Region": home})
}

// summary reads the map of GetAccountSummary, whose entries the reader keeps one of.
func summary(t *testing.T, a *answer) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, e := range mapEntries(a.body) {
		out[e[0]] = e[1]
	}
	if len(out) == 0 {
		t.Fatalf("no summary: %s", a.body)
	}
	return out
}

func iamSimulation(t *testing.T, h *house) {
	s := h.scene(t)
	s.must("iam:CreateUser", in{"UserName": "simulated"})
	s.must("iam:PutUserPolicy", in{"UserName": "simulated", "PolicyName": "in", "PolicyDocument": inline})
	source := "arn:aws:iam::" + h.account + ":user/simulated"
	// LS iam/test_iam.py test_simulate_principle_policy; the names of results as IAM's reference has them since 2026
	for action, decision := range map[string]string{"s3:ListBucket": "allowed", "s3:PutObject": "implicitDeny"} {
		h.facts.Add(1)
		resource, format := "arn:aws:s3:::bucket", "arn:${Partition}:s3:::${BucketName}"
		if action == "s3:PutObject" {
			resource, format = "arn:aws:s3:::bucket/a/b", "arn:${Partition}:s3:::${BucketName}/${ObjectName}"
		}
		a := s.must("iam:SimulatePrincipalPolicy", in{"PolicySourceArn": source, "ActionNames": list{action}, "ResourceArns": list{resource}})
		s.wants(a, map[string]string{"EvaluationResults.0.EvalDecision": decision, "EvaluationResults.0.EvalActionName": action, "EvaluationResults.0.EvalResourceName": format, "EvaluationResults.0.ResourceSpecificResults.0.EvalResourceName": resource, "IsTruncated": "false"})
	}
	s.ok("iam:GetContextKeysForPrincipalPolicy", in{"PolicySourceArn": source}, "ContextKeyNames[]")
	s.fails("iam:SimulatePrincipalPolicy", in{"PolicySourceArn": source + "-none", "ActionNames": list{"s3:ListBucket"}}, 404, "NoSuchEntity", "?")
}
