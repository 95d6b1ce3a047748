package recordings

import (
	"fmt"
	"strings"
	"testing"
)

func iamRoles(t *testing.T, h *house) {
	s := h.scene(t)
	arn := func(rest string) string { return "arn:aws:iam::" + h.account + ":" + rest }
	got := "Role{" + role + ",MaxSessionDuration,RoleLastUsed{}"
	create := func(name string, more in) in {
		input := in{"RoleName": name, "AssumeRolePolicyDocument": trusts}
		for k, v := range more {
			input[k] = v
		}
		return input
	}
	r := in{"RoleName": "r1"}
	// LS iam/test_iam_roles.py TestRoleLifecycle, recorded 2026-02-11: test_create_role_defaults, test_create_describe_role
	a := s.ok("iam:CreateRole", create("r1", nil), "Role{"+role+"}")
	s.wants(a, map[string]string{"Role.Arn": arn("role/r1"), "Role.Path": "/"})
	if !strings.HasPrefix(a.str("Role.AssumeRolePolicyDocument"), "%7B") || !strings.HasPrefix(a.str("Role.RoleId"), "AROA") || len(a.str("Role.RoleId")) != 21 {
		t.Errorf("%s %s", a.str("Role.AssumeRolePolicyDocument"), a.str("Role.RoleId"))
	}
	s.wants(s.ok("iam:GetRole", r, got+"}"), map[string]string{"Role.MaxSessionDuration": "3600"})
	// test_role_errors
	for _, op := range []string{"GetRole", "UpdateRole", "DeleteRole"} {
		s.fails("iam:"+op, in{"RoleName": "test-nonexistent-role"}, 404, "NoSuchEntity", noRole("test-nonexistent-role"))
	}
	s.fails("iam:CreateRole", create("r1", nil), 409, "EntityAlreadyExists", "Role with name r1 already exists.")
	// test_delete_role_with_attached_policy, …_with_inline_policy, …_with_instance_profile
	p := s.policy("role-policy")
	s.must("iam:AttachRolePolicy", in{"RoleName": "r1", "PolicyArn": p})
	s.fails("iam:DeleteRole", r, 409, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	s.must("iam:DetachRolePolicy", in{"RoleName": "r1", "PolicyArn": p})
	s.must("iam:PutRolePolicy", in{"RoleName": "r1", "PolicyName": "in", "PolicyDocument": inline})
	s.fails("iam:DeleteRole", r, 409, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	s.must("iam:DeleteRolePolicy", in{"RoleName": "r1", "PolicyName": "in"})
	s.must("iam:CreateInstanceProfile", in{"InstanceProfileName": "holds-r1"})
	s.must("iam:AddRoleToInstanceProfile", in{"InstanceProfileName": "holds-r1", "RoleName": "r1"})
	s.fails("iam:DeleteRole", r, 409, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	s.must("iam:RemoveRoleFromInstanceProfile", in{"InstanceProfileName": "holds-r1", "RoleName": "r1"})
	s.ok("iam:DeleteRole", r, "")
	s.fails("iam:GetRole", r, 404, "NoSuchEntity", noRole("r1"))
	// test_update_role: what is not mentioned stays
	s.ok("iam:CreateRole", create("r2", in{"Description": "initial description"}), "Role{"+role+"}")
	r = in{"RoleName": "r2"}
	s.ok("iam:GetRole", r, got+",Description}")
	s.ok("iam:UpdateRole", in{"RoleName": "r2", "Description": "updated description", "MaxSessionDuration": 7200}, "")
	s.wants(s.must("iam:GetRole", r), map[string]string{"Role.MaxSessionDuration": "7200", "Role.Description": "updated description"})
	s.ok("iam:UpdateRoleDescription", in{"RoleName": "r2", "Description": "via update_role_description"}, "Role{"+role+",Description}")
	s.ok("iam:UpdateRole", r, "")
	s.wants(s.ok("iam:GetRole", r, got+",Description}"), map[string]string{"Role.MaxSessionDuration": "7200", "Role.Description": "via update_role_description"})
	// test_update_assume_role_policy, …_errors; test_iam.py test_create_role_with_malformed_assume_role_policy_document
	s.ok("iam:UpdateAssumeRolePolicy", in{"RoleName": "r2", "PolicyDocument": trusts}, "")
	for _, c := range []struct{ document, message string }{
		{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",}]}`, "This policy contains invalid Json"},
		{strings.Replace(trusts, "sts:AssumeRole", "s3:GetObject", 1), "AssumeRole policy may only specify STS AssumeRole actions."},
		{strings.Replace(trusts, `"Action"`, `"Resource":"*","Action"`, 1), "Has prohibited field Resource"},
	} {
		s.fails("iam:UpdateAssumeRolePolicy", in{"RoleName": "r2", "PolicyDocument": c.document}, 400, "MalformedPolicyDocument", c.message)
		s.fails("iam:CreateRole", in{"RoleName": "r3", "AssumeRolePolicyDocument": c.document}, 400, "MalformedPolicyDocument", c.message)
	}

	// TestRoleInlinePolicies
	named := in{"RoleName": "r2", "PolicyName": "in"}
	s.must("iam:PutRolePolicy", in{"RoleName": "r2", "PolicyName": "in", "PolicyDocument": inline})
	s.ok("iam:GetRolePolicy", named, "PolicyDocument,PolicyName,RoleName")
	s.ok("iam:ListRolePolicies", r, "IsTruncated,PolicyNames[*]")
	s.must("iam:DeleteRolePolicy", named)
	for _, op := range []string{"Get", "Delete"} {
		s.fails("iam:"+op+"RolePolicy", named, 404, "NoSuchEntity", "The role policy with name in cannot be found.")
		s.fails("iam:"+op+"RolePolicy", in{"RoleName": "nonexistent-role", "PolicyName": "in"}, 404, "NoSuchEntity", noRole("nonexistent-role"))
	}
	s.fails("iam:PutRolePolicy", in{"RoleName": "nonexistent-role", "PolicyName": "in", "PolicyDocument": inline}, 404, "NoSuchEntity", noRole("nonexistent-role"))

	// TestRoleManagedPolicies
	s.ok("iam:ListAttachedRolePolicies", r, "AttachedPolicies[],IsTruncated")
	s.fails("iam:DetachRolePolicy", in{"RoleName": "r2", "PolicyArn": p}, 404, "NoSuchEntity", "Policy "+p+" was not found.")
	// Recorded InvalidInput in 2023 (test_iam.py), ValidationError in 2026.
	for _, bad := range []string{"longpolicynamebutnoarn", "existing-policy-name"} {
		s.fails("iam:AttachRolePolicy", in{"RoleName": "r2", "PolicyArn": bad}, 400, "ValidationError", "ARN "+bad+" is not valid.")
		s.fails("iam:AttachUserPolicy", in{"UserName": "any", "PolicyArn": bad}, 400, "ValidationError", "ARN "+bad+" is not valid.")
	}
	s.fails("iam:AttachRolePolicy", in{"RoleName": "r2", "PolicyArn": arn("policy/nonexistent-policy")}, 404, "NoSuchEntity", "Policy "+arn("policy/nonexistent-policy")+" does not exist or is not attachable.")
	// test_attach_detach_aws_managed_policy_role
	managed := "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
	s.must("iam:AttachRolePolicy", in{"RoleName": "r2", "PolicyArn": managed})
	s.ok("iam:ListAttachedRolePolicies", r, "AttachedPolicies[PolicyArn,PolicyName],IsTruncated")
	s.must("iam:DetachRolePolicy", in{"RoleName": "r2", "PolicyArn": managed})
	s.fails("iam:DetachRolePolicy", in{"RoleName": "r2", "PolicyArn": managed}, 404, "NoSuchEntity", "Policy "+managed+" was not found.")
	s.fails("iam:DetachRolePolicy", in{"RoleName": "r2", "PolicyArn": "arn:aws:iam::aws:policy/Nonexistent"}, 404, "NoSuchEntity", "Policy arn:aws:iam::aws:policy/Nonexistent was not found.")

	// TestRolePermissionsBoundary
	const bound = ",PermissionsBoundary{PermissionsBoundaryArn,PermissionsBoundaryType}"
	s.ok("iam:CreateRole", create("r4", in{"PermissionsBoundary": p, "Path": "/bound/", "Description": "d", "Tags": iamTags("a", "b")}), "Role{"+role+bound+",Tags[Key,Value]}")
	r = in{"RoleName": "r4"}
	s.ok("iam:GetRole", r, got+",Description"+bound+",Tags[Key,Value]}")
	// MOTO test_iam_response_attributes.py test_role_resource_returns_subset_of_available_attributes
	s.ok("iam:ListRoles", in{"PathPrefix": "/bound/"}, "IsTruncated,Roles["+role+",Description,MaxSessionDuration]")
	s.ok("iam:DeleteRolePermissionsBoundary", r, "")
	s.ok("iam:GetRole", r, got+",Description,Tags[Key,Value]}")
	bad := arn("not_a_policy/invalid")
	s.fails("iam:PutRolePermissionsBoundary", in{"RoleName": "r4", "PermissionsBoundary": bad}, 400, "InvalidInput", "ARN "+bad+" is not valid.")
	s.fails("iam:CreateRole", create("r5", in{"PermissionsBoundary": bad}), 400, "InvalidInput", "ARN "+bad+" is not valid.")
	gone := arn("policy/nonexistent-policy")
	s.fails("iam:PutRolePermissionsBoundary", in{"RoleName": "r4", "PermissionsBoundary": gone}, 404, "NoSuchEntity", "Scope ARN: "+gone+" does not exist or is not attachable.")
	s.fails("iam:CreateRole", create("r5", in{"PermissionsBoundary": gone}), 404, "NoSuchEntity", "Scope ARN: "+gone+" does not exist or is not attachable.")
	s.fails("iam:PutRolePermissionsBoundary", in{"RoleName": "nonexistent-role", "PermissionsBoundary": p}, 404, "NoSuchEntity", noRole("nonexistent-role"))

	// TestRolePagination test_list_roles_pagination
	for i := range 5 {
		more := in{"Path": "/pages/"}
		if i%2 == 0 {
			more["Description"] = fmt.Sprint("Role ", i)
		}
		s.must("iam:CreateRole", create(fmt.Sprint("page", i), more))
	}
	both := "[" + role + ",MaxSessionDuration|" + role + ",Description,MaxSessionDuration]"
	s.ok("iam:ListRoles", in{"PathPrefix": "/pages/"}, "IsTruncated,Roles"+both)
	a = s.ok("iam:ListRoles", in{"PathPrefix": "/pages/", "MaxItems": 2}, "IsTruncated,Marker,Roles"+both)
	s.wants(a, map[string]string{"IsTruncated": "true", "Roles.1.RoleName": "page1"})
	a = s.ok("iam:ListRoles", in{"PathPrefix": "/pages/", "Marker": a.str("Marker")}, "IsTruncated,Roles"+both)
	s.wants(a, map[string]string{"IsTruncated": "false", "Roles.0.RoleName": "page2"})
	s.ok("iam:ListRoles", in{"PathPrefix": "/nothing/"}, "IsTruncated,Roles[]")
}

const (
	keyPattern   = `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`
	duplicateKey = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
	badTagKeys   = "1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: " + keyPattern + ", Member must not be null]"
)

// badTags are the tags that are refused wherever tags are given, and how.
func badTags(duplicates string) []struct {
	tags          list
	code, message string
} {
	violation := "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must "
	return []struct {
		tags          list
		code, message string
	}{
		{manyTags(51), "ValidationError", fmt.Sprintf(violation, "tags") + "have length less than or equal to 50"},
		{iamTags("a", "1", "a", "2"), "InvalidInput", duplicates},
		{iamTags(strings.Repeat("k", 129), "v"), "ValidationError", fmt.Sprintf(violation, "tags.1.member.key") + "have length less than or equal to 128"},
		{iamTags("k", strings.Repeat("v", 257)), "ValidationError", fmt.Sprintf(violation, "tags.1.member.value") + "have length less than or equal to 256"},
		{iamTags("NOWAY!", "v"), "ValidationError", fmt.Sprintf(violation, "tags.1.member.key") + "satisfy regular expression pattern: " + keyPattern},
	}
}

func manyTags(n int) list {
	var l list
	for i := range n {
		l = append(l, in{"Key": fmt.Sprint(i), "Value": "v"})
	}
	return l
}

// badKeys are lists of keys that are refused wherever tags are removed.
func badKeys() map[string]list {
	var many list
	for i := range 51 {
		many = append(many, fmt.Sprint(i))
	}
	return map[string]list{
		"1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must have length less than or equal to 50": many,
		badTagKeys:       {strings.Repeat("k", 129)},
		badTagKeys + " ": {"NOWAY!"},
	}
}

func iamRoleTags(t *testing.T, h *house) {
	s := h.scene(t)
	// LS iam/test_iam_roles.py TestRoleTags test_role_with_tags, test_role_tag_operations
	r := in{"RoleName": "tagged-role"}
	s.ok("iam:CreateRole", in{"RoleName": "empty-value", "AssumeRolePolicyDocument": trusts, "Tags": iamTags("emptykey", "")}, "Role{"+role+",Tags[Key,Value[]]}")
	s.ok("iam:ListRoleTags", in{"RoleName": "empty-value"}, "IsTruncated,Tags[Key,Value[]]")
	s.must("iam:CreateRole", in{"RoleName": "tagged-role", "AssumeRolePolicyDocument": trusts})
	expect := func(want string) {
		t.Helper()
		if got := tagged(s.must("iam:ListRoleTags", r), ""); got != want {
			t.Errorf("tags %q, want %q", got, want)
		}
	}
	s.ok("iam:TagRole", in{"RoleName": "tagged-role", "Tags": iamTags("somekey", "somevalue", "someotherkey", "someothervalue")}, "")
	s.ok("iam:GetRole", r, "Role{"+role+",MaxSessionDuration,RoleLastUsed{},Tags[Key,Value]}")
	s.ok("iam:ListRoleTags", r, "IsTruncated,Tags[Key,Value]")
	expect("somekey=somevalue someotherkey=someothervalue")
	s.must("iam:TagRole", in{"RoleName": "tagged-role", "Tags": iamTags("somekey", "updatedvalue")})
	expect("somekey=updatedvalue someotherkey=someothervalue")
	s.must("iam:TagRole", in{"RoleName": "tagged-role", "Tags": iamTags("somekey", "")})
	s.ok("iam:ListRoleTags", r, "IsTruncated,Tags[Key,Value|Key,Value[]]")
	s.ok("iam:UntagRole", in{"RoleName": "tagged-role", "TagKeys": list{"somekey"}}, "")
	expect("someotherkey=someothervalue")
	s.must("iam:UntagRole", in{"RoleName": "tagged-role", "TagKeys": list{"someotherkey"}})
	s.ok("iam:ListRoleTags", r, "IsTruncated,Tags[]")
	// test_role_tag_errors
	s.fails("iam:TagRole", in{"RoleName": "none", "Tags": iamTags("a", "b")}, 404, "NoSuchEntity", noRole("none"))
	s.fails("iam:UntagRole", in{"RoleName": "none", "TagKeys": list{"a"}}, 404, "NoSuchEntity", noRole("none"))
	s.fails("iam:ListRoleTags", in{"RoleName": "none"}, 404, "NoSuchEntity", noRole("none"))
	for _, c := range badTags(duplicateKey) {
		s.fails("iam:CreateRole", in{"RoleName": "bad-tags", "AssumeRolePolicyDocument": trusts, "Tags": c.tags}, 400, c.code, c.message)
		s.fails("iam:TagRole", in{"RoleName": "tagged-role", "Tags": c.tags}, 400, c.code, c.message)
	}
	s.fails("iam:CreateRole", in{"RoleName": "bad-tags", "AssumeRolePolicyDocument": trusts, "Tags": iamTags("a", "1", "A", "2")}, 400, "InvalidInput", duplicateKey)
	s.fails("iam:TagRole", in{"RoleName": "tagged-role", "Tags": iamTags("a", "1", "A", "2")}, 400, "InvalidInput", duplicateKey)
	for message, keys := range badKeys() {
		s.fails("iam:UntagRole", in{"RoleName": "tagged-role", "TagKeys": keys}, 400, "ValidationError", strings.TrimSpace(message))
	}
}

func iamProfiles(t *testing.T, h *house) {
	s := h.scene(t)
	arn := func(rest string) string { return "arn:aws:iam::" + h.account + ":" + rest }
	gone := func(name string) string { return "Instance Profile " + name + " cannot be found." }
	p := in{"InstanceProfileName": "p1"}
	// LS iam/test_iam_instance_profiles.py, recorded 2026-02-12
	a := s.ok("iam:CreateInstanceProfile", in{"InstanceProfileName": "p1", "Path": "/profiles/"}, "InstanceProfile{"+profile+",Roles[]}")
	s.wants(a, map[string]string{"InstanceProfile.Arn": arn("instance-profile/profiles/p1")})
	s.ok("iam:GetInstanceProfile", p, "InstanceProfile{"+profile+",Roles[],Tags[]}")
	s.fails("iam:CreateInstanceProfile", p, 409, "EntityAlreadyExists", "Instance Profile p1 already exists.")
	s.fails("iam:GetInstanceProfile", in{"InstanceProfileName": "none"}, 404, "NoSuchEntity", gone("none"))
	s.fails("iam:DeleteInstanceProfile", in{"InstanceProfileName": "none"}, 404, "NoSuchEntity", gone("none"))
	for _, name := range []string{"in-profile", "not-in-profile"} {
		s.must("iam:CreateRole", in{"RoleName": name, "AssumeRolePolicyDocument": trusts})
	}
	add := in{"InstanceProfileName": "p1", "RoleName": "in-profile"}
	s.ok("iam:AddRoleToInstanceProfile", add, "")
	full := "[" + profile + ",Roles[" + role + "]]"
	s.ok("iam:GetInstanceProfile", p, "InstanceProfile{"+profile+",Roles["+role+"],Tags[]}")
	s.ok("iam:ListInstanceProfiles", in{"PathPrefix": "/profiles/"}, "InstanceProfiles"+full+",IsTruncated")
	s.ok("iam:ListInstanceProfiles", in{"PathPrefix": "/nothing/"}, "InstanceProfiles[],IsTruncated")
	s.ok("iam:ListInstanceProfilesForRole", in{"RoleName": "in-profile"}, "InstanceProfiles"+full+",IsTruncated")
	s.ok("iam:ListInstanceProfilesForRole", in{"RoleName": "not-in-profile"}, "InstanceProfiles[],IsTruncated")
	s.fails("iam:AddRoleToInstanceProfile", in{"InstanceProfileName": "p1", "RoleName": "not-in-profile"}, 409, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
	s.fails("iam:DeleteInstanceProfile", p, 409, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	for _, op := range []string{"AddRoleTo", "RemoveRoleFrom"} {
		s.fails("iam:"+op+"InstanceProfile", in{"InstanceProfileName": "none", "RoleName": "in-profile"}, 404, "NoSuchEntity", gone("none"))
		s.fails("iam:"+op+"InstanceProfile", in{"InstanceProfileName": "p1", "RoleName": "none"}, 404, "NoSuchEntity", noRole("none"))
	}
	s.fails("iam:RemoveRoleFromInstanceProfile", in{"InstanceProfileName": "p1", "RoleName": "not-in-profile"}, 404, "NoSuchEntity", "Role not-in-profile in Instance Profile p1 cannot be found.")
	s.ok("iam:RemoveRoleFromInstanceProfile", add, "")
	s.ok("iam:GetInstanceProfile", p, "InstanceProfile{"+profile+",Roles[],Tags[]}")
	// TestInstanceProfileTags
	s.ok("iam:ListInstanceProfileTags", p, "IsTruncated,Tags[]")
	s.ok("iam:TagInstanceProfile", in{"InstanceProfileName": "p1", "Tags": iamTags("MyKey", "myValue", "MyKey2", "myValue2")}, "")
	s.ok("iam:GetInstanceProfile", p, "InstanceProfile{"+profile+",Roles[],Tags[Key,Value]}")
	s.ok("iam:UntagInstanceProfile", in{"InstanceProfileName": "p1", "TagKeys": list{"MyKey"}}, "")
	if got := tagged(s.ok("iam:ListInstanceProfileTags", p, "IsTruncated,Tags[Key,Value]"), ""); got != "MyKey2=myValue2" {
		t.Error(got)
	}
	s.ok("iam:CreateInstanceProfile", in{"InstanceProfileName": "p2", "Tags": iamTags("InitialKey", "InitialValue")}, "InstanceProfile{"+profile+",Roles[],Tags[Key,Value]}")
	s.fails("iam:TagInstanceProfile", in{"InstanceProfileName": "none", "Tags": iamTags("a", "b")}, 404, "NoSuchEntity", gone("none"))
	s.fails("iam:UntagInstanceProfile", in{"InstanceProfileName": "none", "TagKeys": list{"a"}}, 404, "NoSuchEntity", gone("none"))
	s.fails("iam:ListInstanceProfileTags", in{"InstanceProfileName": "none"}, 404, "NoSuchEntity", gone("none"))
	s.ok("iam:DeleteInstanceProfile", p, "")
	s.fails("iam:GetInstanceProfile", p, 404, "NoSuchEntity", gone("p1"))
}

func iamServiceRoles(t *testing.T, h *house) {
	s := h.scene(t)
	// LS iam/test_iam.py TestIAMServiceRoles; the texts are widely quoted
	batch := in{"AWSServiceName": "batch.amazonaws.com"}
	a := s.ok("iam:CreateServiceLinkedRole", batch, "Role{"+role+"}")
	s.wants(a, map[string]string{
		"Role.RoleName": "AWSServiceRoleForBatch", "Role.Path": "/aws-service-role/batch.amazonaws.com/",
		"Role.Arn": "arn:aws:iam::" + h.account + ":role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch",
	})
	s.fails("iam:CreateServiceLinkedRole", batch, 400, "InvalidInput", "Service role name AWSServiceRoleForBatch has been taken in this account, please try a different suffix.")
	s.fails("iam:CreateServiceLinkedRole", in{"AWSServiceName": "ecs.amazonaws.com", "CustomSuffix": "testsuffix"}, 400, "InvalidInput", "Custom suffix is not allowed for ecs.amazonaws.com")
	a = s.ok("iam:CreateServiceLinkedRole", in{"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": "mine"}, "Role{"+role+"}")
	s.wants(a, map[string]string{"Role.RoleName": "AWSServiceRoleForAutoScaling_mine"})
	s.ok("iam:GetRole", in{"RoleName": "AWSServiceRoleForAutoScaling_mine"}, "Role{"+role+",MaxSessionDuration,RoleLastUsed{}}")
	// IAM's guide: a service-linked role is not changed by hand
	s.fails("iam:DeleteRole", in{"RoleName": "AWSServiceRoleForBatch"}, 400, "UnmodifiableEntity", "Cannot perform the operation on the protected role 'AWSServiceRoleForBatch' - this role is only modifiable by AWS")
	// test_service_role_deletion
	a = s.ok("iam:DeleteServiceLinkedRole", in{"RoleName": "AWSServiceRoleForBatch"}, "DeletionTaskId")
	task := a.str("DeletionTaskId")
	if !strings.HasPrefix(task, "task/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch/") {
		t.Errorf("task %q", task)
	}
	s.settled("the role is deleted", func() bool {
		return s.must("iam:GetServiceLinkedRoleDeletionStatus", in{"DeletionTaskId": task}).str("Status") == "SUCCEEDED"
	})
	s.ok("iam:GetServiceLinkedRoleDeletionStatus", in{"DeletionTaskId": task}, "Status")
}
