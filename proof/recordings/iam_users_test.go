package recordings

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

const (
	user    = "Arn,CreateDate,Path,UserId,UserName"
	group   = "Arn,CreateDate,GroupId,GroupName,Path"
	role    = "Arn,AssumeRolePolicyDocument,CreateDate,Path,RoleId,RoleName" // as CreateRole answers
	policy  = "Arn,AttachmentCount,CreateDate,DefaultVersionId,IsAttachable,Path,PermissionsBoundaryUsageCount,PolicyId,PolicyName,UpdateDate"
	profile = "Arn,CreateDate,InstanceProfileId,InstanceProfileName,Path"
	inline  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}`
	trusts  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

func noUser(name string) string  { return "The user with name " + name + " cannot be found." }
func noRole(name string) string  { return "The role with name " + name + " cannot be found." }
func noGroup(name string) string { return "The group with name " + name + " cannot be found." }

// iamTags is a list of tags as IAM and STS have them.
func iamTags(pairs ...string) list {
	var l list
	for i := 0; i < len(pairs); i += 2 {
		l = append(l, in{"Key": pairs[i], "Value": pairs[i+1]})
	}
	return l
}

// tagged reads an answer's tags.
func tagged(a *answer, prefix string) string {
	var out []string
	for i := 0; ; i++ {
		k := a.str(fmt.Sprintf("%sTags.%d.Key", prefix, i))
		if k == "" {
			return strings.Join(out, " ")
		}
		out = append(out, k+"="+a.str(fmt.Sprintf("%sTags.%d.Value", prefix, i)))
	}
}

func (s scene) policy(name string) string {
	s.Helper()
	return s.must("iam:CreatePolicy", in{"PolicyName": name, "PolicyDocument": inline}).str("Policy.Arn")
}

// login makes a user with an access key that may do everything.
func (s scene) login(name string) caller {
	s.Helper()
	return s.reader(name, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
}

// reader makes a user with an access key and one policy.
func (s scene) reader(name, policy string) caller {
	s.Helper()
	s.must("iam:CreateUser", in{"UserName": name})
	s.must("iam:PutUserPolicy", in{"UserName": name, "PolicyName": "all", "PolicyDocument": policy})
	k := s.must("iam:CreateAccessKey", in{"UserName": name})
	return caller{id: k.str("AccessKey.AccessKeyId"), secret: k.str("AccessKey.SecretAccessKey"), region: home}
}

func iamUsers(t *testing.T, h *house) {
	s := h.scene(t)
	arn := func(rest string) string { return "arn:aws:iam::" + h.account + ":" + rest }

	// LS iam/test_iam_users.py TestUserLifecycle test_user_lifecycle, recorded 2026-02-19
	for i, path := range []string{"", "/", "/test-lifecycle-path/"} {
		name := fmt.Sprint("lifecycle", i)
		input := in{"UserName": name}
		at := "/"
		if path != "" {
			input["Path"], at = path, path
		}
		a := s.ok("iam:CreateUser", input, "User{"+user+"}")
		s.wants(a, map[string]string{"User.Arn": arn("user" + at + name), "User.Path": at})
		s.ok("iam:GetUser", in{"UserName": name}, "User{"+user+"}")
		if at != "/" {
			s.ok("iam:ListUsers", in{"PathPrefix": path}, "IsTruncated,Users["+user+"]")
			s.ok("iam:ListUsers", in{"PathPrefix": path[:10]}, "IsTruncated,Users["+user+"]")
			s.ok("iam:ListUsers", in{"PathPrefix": "/nobody/"}, "IsTruncated,Users[]")
		}
		s.ok("iam:DeleteUser", in{"UserName": name}, "")
		s.fails("iam:GetUser", in{"UserName": name}, 404, "NoSuchEntity", noUser(name))
	}
	// test_user_update
	s.must("iam:CreateUser", in{"UserName": "before"})
	s.ok("iam:UpdateUser", in{"UserName": "before", "NewUserName": "after", "NewPath": "/new/"}, "")
	s.wants(s.ok("iam:GetUser", in{"UserName": "after"}, "User{"+user+"}"), map[string]string{"User.Arn": arn("user/new/after")})
	s.fails("iam:GetUser", in{"UserName": "before"}, 404, "NoSuchEntity", noUser("before"))
	// test_user_errors
	s.fails("iam:CreateUser", in{"UserName": "after"}, 409, "EntityAlreadyExists", "User with name after already exists.")
	for _, op := range []string{"Get", "Update", "Delete"} {
		s.fails("iam:"+op+"User", in{"UserName": "nonexistent-user"}, 404, "NoSuchEntity", noUser("nonexistent-user"))
	}
	// test_delete_user_with_attached_policy, …_with_inline_policy
	p := s.policy("user-policy")
	s.must("iam:AttachUserPolicy", in{"UserName": "after", "PolicyArn": p})
	s.fails("iam:DeleteUser", in{"UserName": "after"}, 409, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	s.must("iam:DetachUserPolicy", in{"UserName": "after", "PolicyArn": p})
	s.must("iam:PutUserPolicy", in{"UserName": "after", "PolicyName": "in", "PolicyDocument": inline})
	s.fails("iam:DeleteUser", in{"UserName": "after"}, 409, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	s.must("iam:DeleteUserPolicy", in{"UserName": "after", "PolicyName": "in"})
	// facts known of AWS's texts: keys, login profile, groups
	k := s.must("iam:CreateAccessKey", in{"UserName": "after"}).str("AccessKey.AccessKeyId")
	s.fails("iam:DeleteUser", in{"UserName": "after"}, 409, "DeleteConflict", "Cannot delete entity, must delete access keys first.")
	s.must("iam:DeleteAccessKey", in{"UserName": "after", "AccessKeyId": k})
	s.must("iam:CreateLoginProfile", in{"UserName": "after", "Password": "Aa1!bcdefgh-ij"})
	s.fails("iam:DeleteUser", in{"UserName": "after"}, 409, "DeleteConflict", "Cannot delete entity, must delete login profile first.")
	s.must("iam:DeleteLoginProfile", in{"UserName": "after"})
	s.ok("iam:DeleteUser", in{"UserName": "after"}, "")

	// TestUserPolicies test_user_inline_policy_lifecycle
	u := in{"UserName": "policies"}
	s.must("iam:CreateUser", u)
	s.ok("iam:ListUserPolicies", u, "IsTruncated,PolicyNames[]")
	s.ok("iam:PutUserPolicy", in{"UserName": "policies", "PolicyName": "in", "PolicyDocument": inline}, "")
	a := s.ok("iam:GetUserPolicy", in{"UserName": "policies", "PolicyName": "in"}, "PolicyDocument,PolicyName,UserName")
	if doc, err := url.PathUnescape(a.str("PolicyDocument")); err != nil || doc != inline || !strings.HasPrefix(a.str("PolicyDocument"), "%7B%22") {
		t.Errorf("document %q", a.str("PolicyDocument"))
	}
	s.ok("iam:ListUserPolicies", u, "IsTruncated,PolicyNames[*]")
	s.fails("iam:GetUserPolicy", in{"UserName": "policies", "PolicyName": "none"}, 404, "NoSuchEntity", "The user policy with name none cannot be found.")
	s.ok("iam:DeleteUserPolicy", in{"UserName": "policies", "PolicyName": "in"}, "")
	// test_user_inline_policy_encoding: what was put comes back, signs and all
	odd := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::a+b c%20d/${aws:username}~é"}]}`
	s.must("iam:PutUserPolicy", in{"UserName": "policies", "PolicyName": "in", "PolicyDocument": odd})
	h.facts.Add(1)
	raw := s.must("iam:GetUserPolicy", in{"UserName": "policies", "PolicyName": "in"}).str("PolicyDocument")
	if doc, err := url.PathUnescape(raw); err != nil || doc != odd || strings.ContainsAny(raw, "+ {}\":") {
		t.Errorf("document %q", raw)
	}
	// test_user_managed_policy_lifecycle, …_errors
	s.ok("iam:ListAttachedUserPolicies", u, "AttachedPolicies[],IsTruncated")
	s.ok("iam:AttachUserPolicy", in{"UserName": "policies", "PolicyArn": p}, "")
	s.ok("iam:ListAttachedUserPolicies", u, "AttachedPolicies[PolicyArn,PolicyName],IsTruncated")
	s.ok("iam:DetachUserPolicy", in{"UserName": "policies", "PolicyArn": p}, "")
	s.fails("iam:AttachUserPolicy", in{"UserName": "policies", "PolicyArn": arn("policy/nonexistent")}, 404, "NoSuchEntity", "Policy "+arn("policy/nonexistent")+" does not exist or is not attachable.")
	s.fails("iam:DetachUserPolicy", in{"UserName": "policies", "PolicyArn": p}, 404, "NoSuchEntity", "Policy "+p+" was not found.")

	// TestUserTags test_user_tag_lifecycle, …_operations, …_errors
	const full = "User{" + user + ",Tags[Key,Value]}"
	a = s.ok("iam:CreateUser", in{"UserName": "tagged", "Tags": iamTags("Environment", "Test", "Team", "Platform")}, full)
	if got := tagged(a, "User."); got != "Environment=Test Team=Platform" {
		t.Error(got)
	}
	s.ok("iam:ListUserTags", in{"UserName": "tagged"}, "IsTruncated,Tags[Key,Value]")
	s.ok("iam:GetUser", in{"UserName": "tagged"}, full)
	// MOTO test_iam_response_attributes.py test_user_resource_returns_subset_of_available_attributes
	s.must("iam:CreateUser", in{"UserName": "subset", "Path": "/subset/", "Tags": iamTags("a", "b"), "PermissionsBoundary": p})
	s.ok("iam:GetUser", in{"UserName": "subset"}, "User{"+user+",PermissionsBoundary{PermissionsBoundaryArn,PermissionsBoundaryType},Tags[Key,Value]}")
	s.ok("iam:ListUsers", in{"PathPrefix": "/subset/"}, "IsTruncated,Users["+user+"]")
	s.ok("iam:ListUserTags", u, "IsTruncated,Tags[]")
	s.ok("iam:TagUser", in{"UserName": "policies", "Tags": iamTags("key-1", "value-1", "key-2", "value-2")}, "")
	s.ok("iam:UntagUser", in{"UserName": "policies", "TagKeys": list{"key-2"}}, "")
	if got := tagged(s.must("iam:ListUserTags", u), ""); got != "key-1=value-1" {
		t.Error(got)
	}
	missing := in{"UserName": "nonexistent-user", "Tags": iamTags("a", "b"), "TagKeys": list{"a"}}
	s.fails("iam:TagUser", in{"UserName": "nonexistent-user", "Tags": missing["Tags"]}, 404, "NoSuchEntity", noUser("nonexistent-user"))
	s.fails("iam:UntagUser", in{"UserName": "nonexistent-user", "TagKeys": missing["TagKeys"]}, 404, "NoSuchEntity", noUser("nonexistent-user"))
	s.fails("iam:ListUserTags", in{"UserName": "nonexistent-user"}, 404, "NoSuchEntity", noUser("nonexistent-user"))

	// LS test_iam.py test_get_user_without_username_as_user, …_as_role
	me := s.login("own-name")
	s.wants(s.as(me).ok("iam:GetUser", nil, "User{"+user+"}"), map[string]string{"User.UserName": "own-name"})
	s.as(s.assume("own-role", "own-session")).fails("iam:GetUser", nil, 400, "ValidationError", "Must specify userName when calling with non-User credentials")
	// test_create_user_with_permission_boundary, …_add_permission_boundary_afterwards
	bounded := "User{" + user + ",PermissionsBoundary{PermissionsBoundaryArn,PermissionsBoundaryType}}"
	a = s.ok("iam:CreateUser", in{"UserName": "bounded", "PermissionsBoundary": p}, bounded)
	s.wants(a, map[string]string{"User.PermissionsBoundary.PermissionsBoundaryType": "Policy", "User.PermissionsBoundary.PermissionsBoundaryArn": p})
	s.ok("iam:DeleteUserPermissionsBoundary", in{"UserName": "bounded"}, "")
	s.ok("iam:GetUser", in{"UserName": "bounded"}, "User{"+user+"}")
	s.ok("iam:PutUserPermissionsBoundary", in{"UserName": "bounded", "PermissionsBoundary": p}, "")
	s.ok("iam:GetUser", in{"UserName": "bounded"}, bounded)
}

// assume makes a role that the account may assume and do everything with, and a session of it.
func (s scene) assume(name, session string) caller {
	s.Helper()
	s.must("iam:CreateRole", in{"RoleName": name, "AssumeRolePolicyDocument": s.h.trustAccount("sts:AssumeRole")})
	s.must("iam:PutRolePolicy", in{"RoleName": name, "PolicyName": "all", "PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`})
	return credentials(s.must("sts:AssumeRole", in{"RoleArn": "arn:aws:iam::" + s.h.account + ":role/" + name, "RoleSessionName": session}))
}

func credentials(a *answer) caller {
	return caller{id: a.str("Credentials.AccessKeyId"), secret: a.str("Credentials.SecretAccessKey"), token: a.str("Credentials.SessionToken"), region: home}
}

func (h *house) trustAccount(actions ...string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + h.account + `"},"Action":["` + strings.Join(actions, `","`) + `"]}]}`
}

func iamCredentials(t *testing.T, h *house) {
	s := h.scene(t)
	// LS iam/test_iam_users.py TestUserLoginProfile, recorded 2026-02-11
	u := in{"UserName": "profiled"}
	s.must("iam:CreateUser", u)
	const login = "LoginProfile{CreateDate,PasswordResetRequired,UserName}"
	pass := in{"UserName": "profiled", "Password": "Aa1!bcdefgh-ij"}
	s.fails("iam:DeleteLoginProfile", u, 404, "NoSuchEntity", "Login Profile for User profiled cannot be found.")
	s.wants(s.ok("iam:CreateLoginProfile", pass, login), map[string]string{"LoginProfile.PasswordResetRequired": "false"})
	s.ok("iam:GetLoginProfile", u, login)
	s.fails("iam:CreateLoginProfile", pass, 409, "EntityAlreadyExists", "Login Profile for user profiled already exists.")
	s.must("iam:UpdateLoginProfile", in{"UserName": "profiled", "PasswordResetRequired": true})
	s.wants(s.ok("iam:GetLoginProfile", u, login), map[string]string{"LoginProfile.PasswordResetRequired": "true"})
	s.ok("iam:DeleteLoginProfile", u, "")
	s.fails("iam:GetLoginProfile", u, 404, "NoSuchEntity", "Login Profile for User profiled cannot be found.")
	s.fails("iam:CreateLoginProfile", in{"UserName": "nonexistent-user", "Password": pass["Password"]}, 404, "NoSuchEntity", noUser("nonexistent-user"))
	s.fails("iam:DeleteLoginProfile", in{"UserName": "nonexistent-user"}, 404, "NoSuchEntity", noUser("nonexistent-user"))

	// TestUserAccessKeys test_access_key_lifecycle, …_update_status, …_limit
	u = in{"UserName": "keyed"}
	s.must("iam:CreateUser", u)
	s.ok("iam:ListAccessKeys", u, "AccessKeyMetadata[],IsTruncated")
	k := s.ok("iam:CreateAccessKey", u, "AccessKey{AccessKeyId,CreateDate,SecretAccessKey,Status,UserName}")
	id := k.str("AccessKey.AccessKeyId")
	s.ok("iam:ListAccessKeys", u, "AccessKeyMetadata[AccessKeyId,CreateDate,Status,UserName],IsTruncated")
	s.ok("iam:UpdateAccessKey", in{"UserName": "keyed", "AccessKeyId": id, "Status": "Inactive"}, "")
	s.wants(s.must("iam:ListAccessKeys", u), map[string]string{"AccessKeyMetadata.0.Status": "Inactive"})
	s.must("iam:CreateAccessKey", u)
	s.fails("iam:CreateAccessKey", u, 409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
	s.ok("iam:DeleteAccessKey", in{"UserName": "keyed", "AccessKeyId": id}, "")
	c := s.login("own-keys")
	// test_access_key_deletion_without_username
	s.as(c).ok("iam:DeleteAccessKey", in{"AccessKeyId": c.id}, "")
	// test_access_key_errors, recorded 2026-02-24
	s.fails("iam:CreateAccessKey", in{"UserName": "nonexistent-user"}, 404, "NoSuchEntity", noUser("nonexistent-user"))
	s.fails("iam:UpdateAccessKey", in{"UserName": "keyed", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "Inactive"}, 404, "NoSuchEntity", "The Access Key with id AKIAIOSFODNN7EXAMPLE cannot be found.")
	me := s.must("sts:GetCallerIdentity", nil).str("Arn")
	s.fails("iam:GetAccessKeyLastUsed", in{"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}, 403, "AccessDenied", "User: "+me+" is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key AKIAIOSFODNN7EXAMPLE")
	s.as(s.assume("key-role", "session")).fails("iam:DeleteAccessKey", in{"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}, 400, "ValidationError", "Must specify userName when calling with non-User credentials")

	// TestUserRename, recorded 2026-03-05: what belongs to a user follows the name
	renamed := s.login("first-name")
	s.must("iam:CreateLoginProfile", in{"UserName": "first-name", "Password": "Aa1!bcdefgh-ij"})
	cred := s.ok("iam:CreateServiceSpecificCredential", in{"UserName": "first-name", "ServiceName": "codecommit.amazonaws.com"},
		"ServiceSpecificCredential{CreateDate,ServiceName,ServicePassword,ServiceSpecificCredentialId,ServiceUserName,Status,UserName}")
	s.must("iam:UploadSSHPublicKey", in{"UserName": "first-name", "SSHPublicKeyBody": sshKey(t)})
	before := s.as(renamed).ok("sts:GetCallerIdentity", nil, "Account,Arn,UserId")
	s.must("iam:UpdateUser", in{"UserName": "first-name", "NewUserName": "second-name"})
	after := s.as(renamed).ok("sts:GetCallerIdentity", nil, "Account,Arn,UserId")
	s.wants(after, map[string]string{"UserId": before.str("UserId"), "Arn": "arn:aws:iam::" + h.account + ":user/second-name"})
	now := in{"UserName": "second-name"}
	s.wants(s.must("iam:ListAccessKeys", now), map[string]string{"AccessKeyMetadata.0.UserName": "second-name"})
	s.wants(s.must("iam:GetLoginProfile", now), map[string]string{"LoginProfile.UserName": "second-name"})
	s.wants(s.ok("iam:ListSSHPublicKeys", now, "IsTruncated,SSHPublicKeys[SSHPublicKeyId,Status,UploadDate,UserName]"), map[string]string{"SSHPublicKeys.0.UserName": "second-name"})
	a := s.ok("iam:ListServiceSpecificCredentials", now, "IsTruncated,ServiceSpecificCredentials[CreateDate,ServiceName,ServiceSpecificCredentialId,ServiceUserName,Status,UserName]")
	s.wants(a, map[string]string{"ServiceSpecificCredentials.0.UserName": "second-name", "ServiceSpecificCredentials.0.ServiceUserName": "first-name-at-" + h.account})

	// LS test_iam.py TestIAMServiceSpecificCredentials: texts from its provider, which is held to recordings
	credential := cred.str("ServiceSpecificCredential.ServiceSpecificCredentialId")
	s.ok("iam:UpdateServiceSpecificCredential", in{"UserName": "second-name", "ServiceSpecificCredentialId": credential, "Status": "Inactive"}, "")
	s.ok("iam:ResetServiceSpecificCredential", in{"UserName": "second-name", "ServiceSpecificCredentialId": credential},
		"ServiceSpecificCredential{CreateDate,ServiceName,ServicePassword,ServiceSpecificCredentialId,ServiceUserName,Status,UserName}")
	s.fails("iam:CreateServiceSpecificCredential", in{"UserName": "non-existent-user", "ServiceName": "codecommit.amazonaws.com"}, 404, "NoSuchEntity", noUser("non-existent-user"))
	s.fails("iam:CreateServiceSpecificCredential", in{"UserName": "non-existent-user", "ServiceName": "nonexistentservice.amazonaws.com"}, 404, "NoSuchEntity", noUser("non-existent-user"))
	for _, service := range []string{"nonexistentservice.amazonaws.com", "o3on3n3onosneo", "lambda.amazonaws.com"} {
		s.fails("iam:CreateServiceSpecificCredential", in{"UserName": "second-name", "ServiceName": service}, 404, "NoSuchEntity", "No such service "+service+" is supported for Service Specific Credentials")
	}
	s.fails("iam:ListServiceSpecificCredentials", in{"UserName": "second-name", "ServiceName": "nonexistentservice.amazonaws.com"}, 404, "NoSuchEntity", "No such service nonexistentservice.amazonaws.com is supported for Service Specific Credentials")
	s.ok("iam:ListServiceSpecificCredentials", in{"UserName": "second-name", "ServiceName": "cassandra.amazonaws.com"}, "IsTruncated,ServiceSpecificCredentials[]")
	s.fails("iam:ResetServiceSpecificCredential", in{"UserName": "second-name", "ServiceSpecificCredentialId": "totally-wrong-credential-id-with-hyphens"}, 400, "ValidationError",
		`1 validation error detected: Value at 'serviceSpecificCredentialId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w]+`)
	s.fails("iam:ResetServiceSpecificCredential", in{"UserName": "second-name", "ServiceSpecificCredentialId": "satisfiesregexbutstillinvalid"}, 404, "NoSuchEntity", "No such credential satisfiesregexbutstillinvalid exists")
	s.must("iam:DeleteLoginProfile", now)
	s.must("iam:DeleteAccessKey", in{"UserName": "second-name", "AccessKeyId": renamed.id})
	s.must("iam:DeleteUserPolicy", in{"UserName": "second-name", "PolicyName": "all"})
	s.fails("iam:DeleteUser", now, 409, "DeleteConflict", "Cannot delete entity, must remove referenced objects first.")
}

func iamGroups(t *testing.T, h *house) {
	s := h.scene(t)
	arn := func(rest string) string { return "arn:aws:iam::" + h.account + ":" + rest }
	g := in{"GroupName": "g1"}
	// LS iam/test_iam_groups.py TestIAMGroupsCRUD, recorded 2026-02-12
	s.ok("iam:CreateGroup", g, "Group{"+group+"}")
	s.fails("iam:CreateGroup", g, 409, "EntityAlreadyExists", "Group with name g1 already exists.")
	s.ok("iam:GetGroup", g, "Group{"+group+"},IsTruncated,Users[]")
	s.fails("iam:GetGroup", in{"GroupName": "non-existent-group"}, 404, "NoSuchEntity", noGroup("non-existent-group"))
	s.wants(s.ok("iam:CreateGroup", in{"GroupName": "g2", "Path": "/some/location/"}, "Group{"+group+"}"), map[string]string{"Group.Arn": arn("group/some/location/g2")})
	s.ok("iam:ListGroups", in{"PathPrefix": "/some/"}, "Groups["+group+"],IsTruncated")
	s.fails("iam:DeleteGroup", in{"GroupName": "unknown-group"}, 404, "NoSuchEntity", noGroup("unknown-group"))
	s.ok("iam:UpdateGroup", in{"GroupName": "g2", "NewGroupName": "g3", "NewPath": "/new-path/"}, "")
	s.fails("iam:GetGroup", in{"GroupName": "g2"}, 404, "NoSuchEntity", noGroup("g2"))
	s.wants(s.must("iam:GetGroup", in{"GroupName": "g3"}), map[string]string{"Group.Arn": arn("group/new-path/g3")})
	s.fails("iam:UpdateGroup", in{"GroupName": "nonexisting", "NewGroupName": "x"}, 404, "NoSuchEntity", noGroup("nonexisting"))
	s.fails("iam:UpdateGroup", in{"GroupName": "g1", "NewGroupName": "g3"}, 409, "EntityAlreadyExists", "Group with name g3 already exists.")

	// TestIAMGroupsMembership; test_iam_users.py TestUserGroups
	u := in{"UserName": "member"}
	s.must("iam:CreateUser", u)
	both := in{"GroupName": "g1", "UserName": "member"}
	s.ok("iam:ListGroupsForUser", u, "Groups[],IsTruncated")
	s.ok("iam:AddUserToGroup", both, "")
	s.ok("iam:AddUserToGroup", both, "")
	s.ok("iam:GetGroup", g, "Group{"+group+"},IsTruncated,Users["+user+"]")
	s.ok("iam:ListGroupsForUser", u, "Groups["+group+"],IsTruncated")
	s.fails("iam:DeleteGroup", g, 409, "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	s.fails("iam:DeleteUser", u, 409, "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	s.ok("iam:RemoveUserFromGroup", both, "")
	s.ok("iam:RemoveUserFromGroup", both, "") // a user who is no member
	s.fails("iam:AddUserToGroup", in{"GroupName": "g1", "UserName": "nonexistent-user"}, 404, "NoSuchEntity", noUser("nonexistent-user"))
	s.fails("iam:AddUserToGroup", in{"GroupName": "nonexistent-group", "UserName": "member"}, 404, "NoSuchEntity", noGroup("nonexistent-group"))
	s.fails("iam:RemoveUserFromGroup", in{"GroupName": "nonexistent-group", "UserName": "member"}, 404, "NoSuchEntity", noGroup("nonexistent-group"))
	// test_remove_user_from_unknown_group: neither is there, the user is looked for first
	s.fails("iam:RemoveUserFromGroup", in{"GroupName": "non-existent-group", "UserName": "any-user"}, 404, "NoSuchEntity", noUser("any-user"))

	// TestIAMGroupsPolicies
	s.ok("iam:ListGroupPolicies", g, "IsTruncated,PolicyNames[]")
	s.fails("iam:GetGroupPolicy", in{"GroupName": "g1", "PolicyName": "in"}, 404, "NoSuchEntity", "The group policy with name in cannot be found.")
	s.ok("iam:PutGroupPolicy", in{"GroupName": "g1", "PolicyName": "in", "PolicyDocument": inline}, "")
	s.ok("iam:GetGroupPolicy", in{"GroupName": "g1", "PolicyName": "in"}, "GroupName,PolicyDocument,PolicyName")
	s.ok("iam:ListGroupPolicies", g, "IsTruncated,PolicyNames[*]")
	p := s.policy("group-policy")
	s.ok("iam:ListAttachedGroupPolicies", g, "AttachedPolicies[],IsTruncated")
	s.must("iam:AttachGroupPolicy", in{"GroupName": "g1", "PolicyArn": p})
	s.ok("iam:ListAttachedGroupPolicies", g, "AttachedPolicies[PolicyArn,PolicyName],IsTruncated")
	s.must("iam:DetachGroupPolicy", in{"GroupName": "g1", "PolicyArn": p})
	s.fails("iam:DetachGroupPolicy", in{"GroupName": "g1", "PolicyArn": p}, 404, "NoSuchEntity", "Policy "+p+" was not found.")
	s.must("iam:DeleteGroupPolicy", in{"GroupName": "g1", "PolicyName": "in"})
	s.ok("iam:DeleteGroup", g, "")
}
