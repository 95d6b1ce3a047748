package recordings

import (
	"strings"
	"testing"
)

func stsSessions(t *testing.T, h *house) {
	s := h.scene(t)
	arn := func(rest string) string { return "arn:aws:iam::" + h.account + ":" + rest }
	const session = "AssumedRoleUser{Arn,AssumedRoleId},Credentials{AccessKeyId,Expiration,SecretAccessKey,SessionToken}"
	// LS sts/test_sts.py test_assume_role
	a := s.must("iam:CreateRole", in{"RoleName": "s1", "AssumeRolePolicyDocument": h.trustAccount("sts:AssumeRole")})
	id := a.str("Role.RoleId")
	use := func(more in) in {
		input := in{"RoleArn": arn("role/s1"), "RoleSessionName": "session"}
		for k, v := range more {
			input[k] = v
		}
		return input
	}
	a = s.ok("sts:AssumeRole", use(nil), session)
	s.wants(a, map[string]string{"AssumedRoleUser.Arn": "arn:aws:sts::" + h.account + ":assumed-role/s1/session", "AssumedRoleUser.AssumedRoleId": id + ":session"})
	if !strings.HasPrefix(a.str("Credentials.AccessKeyId"), "ASIA") || !strings.HasSuffix(a.str("Credentials.Expiration"), "Z") {
		t.Errorf("%s %s", a.str("Credentials.AccessKeyId"), a.str("Credentials.Expiration"))
	}
	// test_get_caller_identity_with_assumed_role_credentials, …_with_iam_user_credentials, recorded 2026-02-09
	who := s.as(credentials(a)).ok("sts:GetCallerIdentity", nil, "Account,Arn,UserId")
	s.wants(who, map[string]string{"Account": h.account, "Arn": "arn:aws:sts::" + h.account + ":assumed-role/s1/session", "UserId": id + ":session"})
	me := s.login("sts-user")
	who = s.as(me).ok("sts:GetCallerIdentity", nil, "Account,Arn,UserId")
	s.wants(who, map[string]string{"Arn": arn("user/sts-user")})
	// test_assume_role_with_policy, recorded 2026-02-09: the size appears with a policy
	s.ok("sts:AssumeRole", use(in{"Policy": inline}), session+",PackedPolicySize")
	// test_assume_role_session_name_too_long
	long := strings.Repeat("s", 65)
	s.fails("sts:AssumeRole", use(in{"RoleSessionName": long}), 400, "ValidationError",
		"1 validation error detected: Value '"+long+"' at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64")
	// test_sts_invalid_parameters, recorded 2025-07-21
	for _, bad := range []string{"nothing-valid-in-here", "arn::b:::something/test-role", "arn:a::::something/test-role", "arn:a:::something/test-role", "arn:a:a::aaaaaaaaaa:"} {
		s.fails("sts:AssumeRole", use(in{"RoleArn": bad}), 400, "ValidationError", bad+" is invalid")
	}
	s.fails("sts:AssumeRole", use(in{"RoleSessionName": "Session1:2"}), 400, "ValidationError",
		`1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`)
	// facts 14.5: an absent role and an unwilling one look alike
	caller := s.must("sts:GetCallerIdentity", nil).str("Arn")
	s.fails("sts:AssumeRole", use(in{"RoleArn": arn("role/none")}), 403, "AccessDenied", "User: "+caller+" is not authorized to perform: sts:AssumeRole on resource: "+arn("role/none"))
	s.must("iam:CreateRole", in{"RoleName": "unwilling", "AssumeRolePolicyDocument": trusts})
	s.fails("sts:AssumeRole", use(in{"RoleArn": arn("role/unwilling")}), 403, "AccessDenied", "User: "+caller+" is not authorized to perform: sts:AssumeRole on resource: "+arn("role/unwilling"))

	// TestSTSAssumeRoleTagging test_assume_role_tag_validation, recorded 2025-04-10
	s.must("iam:CreateRole", in{"RoleName": "t1", "AssumeRolePolicyDocument": h.trustAccount("sts:AssumeRole", "sts:TagSession")})
	s.must("iam:PutRolePolicy", in{"RoleName": "t1", "PolicyName": "all", "PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`})
	s.must("iam:CreateRole", in{"RoleName": "t2", "AssumeRolePolicyDocument": h.trustAccount("sts:AssumeRole", "sts:TagSession")})
	first := func(more in) in { return use(merge(more, in{"RoleArn": arn("role/t1")})) }
	s.fails("sts:AssumeRole", first(in{"Tags": iamTags("a", "1"), "TransitiveTagKeys": list{"b"}}), 400, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.")
	s.fails("sts:AssumeRole", first(in{"Tags": iamTags("a", "1", "A", "2")}), 400, "InvalidParameterValue", duplicateKey)
	// test_iam_role_chaining_override_transitive_tags
	a = s.ok("sts:AssumeRole", first(in{"Tags": iamTags("SessionTag1", "1"), "TransitiveTagKeys": list{"SessionTag1"}}), session+",PackedPolicySize")
	chained := s.as(credentials(a))
	for _, key := range []string{"SessionTag1", "sessiontag1"} {
		chained.fails("sts:AssumeRole", use(in{"RoleArn": arn("role/t2"), "Tags": iamTags(key, "2")}), 400, "InvalidParameterValue",
			"One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
	}
	chained.ok("sts:AssumeRole", use(in{"RoleArn": arn("role/t2"), "Tags": iamTags("other", "2")}), session+",PackedPolicySize")

	// test_get_federation_token: a size even without a policy
	a = s.as(me).ok("sts:GetFederationToken", in{"Name": "fed"}, "Credentials{AccessKeyId,Expiration,SecretAccessKey,SessionToken},FederatedUser{Arn,FederatedUserId},PackedPolicySize")
	s.wants(a, map[string]string{"FederatedUser.Arn": "arn:aws:sts::" + h.account + ":federated-user/fed", "FederatedUser.FederatedUserId": h.account + ":fed", "PackedPolicySize": "0"})
	s.as(me).ok("sts:GetSessionToken", nil, "Credentials{AccessKeyId,Expiration,SecretAccessKey,SessionToken}")
	s.ok("sts:GetAccessKeyInfo", in{"AccessKeyId": me.id}, "Account")
	// Known of AWS: sessions have no sessions; durations are limited by the role
	s.as(credentials(a)).fails("sts:GetSessionToken", nil, 403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	s.fails("sts:AssumeRole", use(in{"DurationSeconds": 7200}), 400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	s.as(credentials(s.must("sts:AssumeRole", first(nil)))).fails("sts:AssumeRole", use(in{"DurationSeconds": 3601}), 400, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	// Callers without an identity
	nobody := s.as(caller0)
	nobody.fails("sts:AssumeRoleWithWebIdentity", use(in{"WebIdentityToken": "token"}), 400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	nobody.fails("sts:GetCallerIdentity", nil, 403, "MissingAuthenticationToken", "Request is missing Authentication Token")
}

// caller0 is nobody: requests without a signature.
var caller0 = caller{}

func merge(maps ...in) in {
	out := in{}
	for _, m := range maps {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}
