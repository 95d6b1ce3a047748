package recordings

import (
	"fmt"
	"strings"
	"testing"
)

const v = "CreateDate,IsDefaultVersion,VersionId"

func iamPolicies(t *testing.T, h *house) {
	s := h.scene(t)
	arn := func(rest string) string { return "arn:aws:iam::" + h.account + ":" + rest }
	// LS iam/test_iam_policies.py TestPolicies test_policy_lifecycle, recorded 2026-02-10
	a := s.ok("iam:CreatePolicy", in{"PolicyName": "p1", "Path": "/test/path/", "PolicyDocument": inline}, "Policy{"+policy+"}")
	s.wants(a, map[string]string{"Policy.Arn": arn("policy/test/path/p1"), "Policy.AttachmentCount": "0", "Policy.DefaultVersionId": "v1", "Policy.IsAttachable": "true", "Policy.PermissionsBoundaryUsageCount": "0"})
	p := in{"PolicyArn": a.str("Policy.Arn")}
	s.ok("iam:GetPolicy", p, "Policy{"+policy+",Tags[]}")
	s.ok("iam:ListPolicies", in{"PathPrefix": "/test/path/"}, "IsTruncated,Policies["+policy+"]")
	// test_policy_errors
	s.fails("iam:CreatePolicy", in{"PolicyName": "p1", "PolicyDocument": inline}, 409, "EntityAlreadyExists", "A policy called p1 already exists. Duplicate names are not allowed.")
	// LS test_iam.py test_delete_non_existent_policy_returns_no_such_entity
	none := arn("policy/non-existent-policy")
	s.fails("iam:DeletePolicy", in{"PolicyArn": none}, 404, "NoSuchEntity", "Policy "+none+" was not found.")
	s.fails("iam:GetPolicy", in{"PolicyArn": none}, 404, "NoSuchEntity", "Policy "+none+" was not found.")
	// test_policy_version_lifecycle, …_set_default, …_limit: newest first, the document only when got
	version := func(id string) in { return in{"PolicyArn": p["PolicyArn"], "VersionId": id} }
	add := func(isDefault bool) in {
		return in{"PolicyArn": p["PolicyArn"], "PolicyDocument": inline, "SetAsDefault": isDefault}
	}
	s.wants(s.ok("iam:CreatePolicyVersion", add(true), "PolicyVersion{"+v+"}"), map[string]string{"PolicyVersion.VersionId": "v2", "PolicyVersion.IsDefaultVersion": "true"})
	s.wants(s.ok("iam:GetPolicyVersion", version("v2"), "PolicyVersion{Document,"+v+"}"), map[string]string{"PolicyVersion.IsDefaultVersion": "true"})
	s.ok("iam:CreatePolicyVersion", add(false), "PolicyVersion{"+v+"}")
	a = s.ok("iam:ListPolicyVersions", p, "IsTruncated,Versions["+v+"]")
	s.wants(a, map[string]string{"Versions.0.VersionId": "v3", "Versions.1.IsDefaultVersion": "true", "Versions.2.VersionId": "v1"})
	s.ok("iam:SetDefaultPolicyVersion", version("v1"), "")
	s.must("iam:CreatePolicyVersion", add(false))
	s.must("iam:CreatePolicyVersion", add(false))
	s.fails("iam:CreatePolicyVersion", add(false), 409, "LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
	s.ok("iam:DeletePolicyVersion", version("v3"), "")
	s.wants(s.ok("iam:CreatePolicyVersion", add(false), "PolicyVersion{"+v+"}"), map[string]string{"PolicyVersion.VersionId": "v6"})
	// test_policy_version_errors
	noVersion := func(arn, id string) string {
		return "Policy " + arn + " version " + id + " does not exist or is not attachable."
	}
	for _, op := range []string{"Get", "SetDefault"} {
		s.fails("iam:"+op+"PolicyVersion", in{"PolicyArn": none, "VersionId": "v1"}, 404, "NoSuchEntity", noVersion(none, "v1"))
	}
	for _, op := range []string{"Get", "SetDefault", "Delete"} {
		s.fails("iam:"+op+"PolicyVersion", version("v9"), 404, "NoSuchEntity", noVersion(p["PolicyArn"].(string), "v9"))
	}
	s.fails("iam:DeletePolicyVersion", version("v1"), 409, "DeleteConflict", "Cannot delete the default version of a policy.")
	pattern := `1 validation error detected: Value at 'versionId' failed to satisfy constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`
	s.fails("iam:SetDefaultPolicyVersion", version("wrong_version_id"), 400, "ValidationError", pattern)
	// AWS's text for policies with versions left
	s.fails("iam:DeletePolicy", p, 409, "DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")

	// TestListEntitiesForPolicy
	arnOf := s.policy("entities")
	e := in{"PolicyArn": arnOf}
	s.ok("iam:ListEntitiesForPolicy", e, "IsTruncated,PolicyGroups[],PolicyRoles[],PolicyUsers[]")
	s.must("iam:CreateUser", in{"UserName": "entity"})
	s.must("iam:CreateGroup", in{"GroupName": "entity"})
	s.must("iam:CreateRole", in{"RoleName": "entity", "AssumeRolePolicyDocument": trusts})
	s.must("iam:AttachUserPolicy", in{"UserName": "entity", "PolicyArn": arnOf})
	s.must("iam:AttachGroupPolicy", in{"GroupName": "entity", "PolicyArn": arnOf})
	s.must("iam:AttachRolePolicy", in{"RoleName": "entity", "PolicyArn": arnOf})
	for filter, fields := range map[string]string{
		"Role": "PolicyGroups[],PolicyRoles[RoleId,RoleName],PolicyUsers[]", "User": "PolicyGroups[],PolicyRoles[],PolicyUsers[UserId,UserName]",
		"Group": "PolicyGroups[GroupId,GroupName],PolicyRoles[],PolicyUsers[]", "LocalManagedPolicy": "PolicyGroups[],PolicyRoles[],PolicyUsers[]",
	} {
		s.ok("iam:ListEntitiesForPolicy", in{"PolicyArn": arnOf, "EntityFilter": filter}, "IsTruncated,"+fields)
	}
	s.ok("iam:ListEntitiesForPolicy", e, "IsTruncated,PolicyGroups[GroupId,GroupName],PolicyRoles[RoleId,RoleName],PolicyUsers[UserId,UserName]")
	s.fails("iam:ListEntitiesForPolicy", in{"PolicyArn": none}, 404, "NoSuchEntity", "Policy "+none+" does not exist or is not attachable.")
	s.wants(s.must("iam:GetPolicy", e), map[string]string{"Policy.AttachmentCount": "3"})
	s.fails("iam:DeletePolicy", e, 409, "DeleteConflict", "Cannot delete a policy attached to entities.")

	// LS iam/test_iam_managed_policies.py, recorded 2026-02-12: no description in lists
	managed := "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
	s.ok("iam:GetPolicyVersion", in{"PolicyArn": managed, "VersionId": "v1"}, "PolicyVersion{Document,"+v+"}")
	s.fails("iam:GetPolicyVersion", in{"PolicyArn": managed, "VersionId": "v2-does-not-exist"}, 400, "ValidationError", pattern)
	s.ok("iam:ListPolicies", in{"Scope": "AWS", "MaxItems": 3}, "IsTruncated,Marker,Policies["+policy+"]")
	s.ok("iam:ListPolicies", in{"Scope": "Local", "PathPrefix": "/nothing/"}, "IsTruncated,Policies[]")
	// LS test_iam_mfa.py list-invalid-marker-error
	s.fails("iam:ListPolicies", in{"Marker": "invalid"}, 400, "ValidationError", "Invalid Marker.")
	// MOTO test_iam_response_attributes.py test_policy_resource_returns_subset_of_available_attributes
	a = s.ok("iam:CreatePolicy", in{"PolicyName": "full", "Path": "/full/", "PolicyDocument": inline, "Description": "d", "Tags": iamTags("a", "b")}, "Policy{"+policy+",Tags[Key,Value]}")
	s.ok("iam:GetPolicy", in{"PolicyArn": a.str("Policy.Arn")}, "Policy{"+policy+",Description,Tags[Key,Value]}")
	s.ok("iam:ListPolicies", in{"PathPrefix": "/full/"}, "IsTruncated,Policies["+policy+"]")
	s.ok("iam:DeletePolicy", in{"PolicyArn": a.str("Policy.Arn")}, "")
}

func iamPolicyTags(t *testing.T, h *house) {
	s := h.scene(t)
	create := func(name string, tags list) (string, *answer) {
		t.Helper()
		a := s.ok("iam:CreatePolicy", in{"PolicyName": name, "PolicyDocument": inline, "Tags": tags}, "Policy{"+policy+",Tags[Key,Value]}")
		return a.str("Policy.Arn"), a
	}
	// LS iam/test_iam_policies.py TestPolicyTags test_policy_tag_lifecycle, test_policy_tag_order: keys of
	// policies differ by case; CreatePolicy keeps the order that was given, lists have their own
	arn, a := create("cased", iamTags("a", "lowercase", "A", "uppercase"))
	if got := tagged(a, "Policy."); got != "a=lowercase A=uppercase" {
		t.Error(got)
	}
	s.h.facts.Add(2)
	if got := tagged(s.must("iam:ListPolicyTags", in{"PolicyArn": arn}), ""); got != "A=uppercase a=lowercase" {
		t.Error(got)
	}
	ordered, _ := create("ordered", iamTags("abc", "first", "b", "second", "z", "third", "a", "fourth"))
	if got := tagged(s.must("iam:ListPolicyTags", in{"PolicyArn": ordered}), ""); got != "a=fourth b=second z=third abc=first" {
		t.Error(got)
	}
	// test_policy_tag_operations
	s.ok("iam:UntagPolicy", in{"PolicyArn": arn, "TagKeys": list{"a"}}, "")
	if got := tagged(s.must("iam:ListPolicyTags", in{"PolicyArn": arn}), ""); got != "A=uppercase" {
		t.Error(got)
	}
	s.ok("iam:TagPolicy", in{"PolicyArn": arn, "Tags": iamTags("A", "")}, "")
	s.ok("iam:ListPolicyTags", in{"PolicyArn": arn}, "IsTruncated,Tags[Key,Value[]]")
	a = s.ok("iam:ListPolicyTags", in{"PolicyArn": ordered, "MaxItems": 1}, "IsTruncated,Marker,Tags[Key,Value]")
	s.ok("iam:ListPolicyTags", in{"PolicyArn": ordered, "Marker": a.str("Marker")}, "IsTruncated,Tags[Key,Value]")
	s.must("iam:UntagPolicy", in{"PolicyArn": arn, "TagKeys": list{"A"}})
	s.ok("iam:ListPolicyTags", in{"PolicyArn": arn}, "IsTruncated,Tags[]")
	// test_policy_tag_create_errors, …_update_errors
	for _, c := range badTags("Duplicate tag keys found.") {
		s.fails("iam:CreatePolicy", in{"PolicyName": "bad", "PolicyDocument": inline, "Tags": c.tags}, 400, c.code, c.message)
		s.fails("iam:TagPolicy", in{"PolicyArn": arn, "Tags": c.tags}, 400, c.code, c.message)
	}
	for message, keys := range badKeys() {
		s.fails("iam:UntagPolicy", in{"PolicyArn": arn, "TagKeys": keys}, 400, "ValidationError", strings.TrimSpace(message))
	}
	none := "arn:aws:iam::" + h.account + ":policy/NotAPolicy"
	s.fails("iam:TagPolicy", in{"PolicyArn": none, "Tags": iamTags("a", "b")}, 404, "NoSuchEntity", "Policy "+none+" was not found.")
	s.fails("iam:UntagPolicy", in{"PolicyArn": none, "TagKeys": list{"a"}}, 404, "NoSuchEntity", "Policy "+none+" was not found.")
}

// iamDocuments holds CreatePolicy against what AWS says to documents.
// LS iam/test_iam_policies.py TestPolicyDocumentValidity, recorded 2026-02-18, by the numbers there.
func iamDocuments(t *testing.T, h *house) {
	s := h.scene(t)
	const (
		syntax  = "Syntax errors in policy."
		old     = "Policy document must be version 2012-10-17 or greater."
		vendor  = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
		colon   = "Actions/Condition can contain only one colon."
		what    = "Policy statement must contain resources."
		how     = "Policy statement must contain actions."
		legacy  = "The policy failed legacy parsing"
		nothing = "Resource  must be in ARN format or \"*\"."
		b       = "arn:aws:s3:::b"
	)
	// st is a whole document around the members of one statement.
	st := func(members string) string { return `{"Version":"2012-10-17","Statement":{` + members + `}}` }
	with := func(members string) string { return st(`"Effect":"Allow","Action":"s3:ListBucket",` + members) }
	on := func(resource string) string { return with(`"Resource":"` + resource + `"`) }
	when := func(condition string) string { return with(`"Resource":"` + b + `","Condition":` + condition) }
	partition := func(p, arn string) string {
		return `Partition "` + p + `" is not valid for resource "` + arn + `".`
	}
	for _, c := range []struct{ document, message string }{
		{"This is not a json document", syntax},                                                                          // 0
		{`{"Statement":{"Effect":"Allow","Action":"s3:ListBucket","Resource":"` + b + `"}}`, old},                        // 1
		{`{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:ListBucket","Resource":"` + b + `"}}`, old}, // 2
		{`{"Version":"2013-10-17","Statement":{"Effect":"Allow","Action":"s3:ListBucket","Resource":"` + b + `"}}`, syntax},
		{`{"Version":"2012-10-17"}`, syntax}, {`{"Version":"2012-10-17","Statement":["afd"]}`, syntax}, // 4, 5
		{strings.TrimSuffix(on(b), "}") + `,"Extra field":"value"}`, syntax},
		{with(`"Resource":"` + b + `","Extra field":"value"`), syntax},
		{strings.Replace(on(b), `{`, `{"Id":["x"],`, 1), syntax}, {strings.Replace(on(b), `{`, `{"Id":{},`, 1), syntax}, // 8, 9
		{st(`"Effect":"invalid","Action":"s3:ListBucket","Resource":"` + b + `"`), syntax},
		{st(`"Effect":"Allow","Action":"invalid","Resource":"` + b + `"`), vendor},
		{st(`"Effect":"Allow","NotAction":"","Resource":"` + b + `"`), vendor},
		{st(`"Effect":"Allow","Action":"a a:ListBucket","Resource":"` + b + `"`), "Vendor a a is not valid"},
		{st(`"Effect":"Allow","Action":"s3:List:Bucket","Resource":"` + b + `"`), colon}, // 14
		{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3s:ListBucket","Resource":"` + b + `"},{"Effect":"Allow","Action":"s:3s:ListBucket","Resource":"` + b + `"}]}`, colon},
		{on("invalid resource"), `Resource invalid resource must be in ARN format or "*".`},
		{`{"Version":"2012-10-17","Statement":[{"Sid":"One","Effect":"Allow","Action":["account:EnableRegion"],"Resource":""},{"Sid":"Two","Effect":"Allow","Action":["account:ListRegions"],"Resource":""}]}`, nothing},
		{st(`"Effect":"Allow","Action":"s:3:ListBucket","Resource":"sdfsadf"`), `Resource sdfsadf must be in ARN format or "*".`}, // 18
		{with(`"Resource":["adf"]`), `Resource adf must be in ARN format or "*".`},
		{on(""), nothing}, // 20
		{on("a:bsdfdsafsad"), partition("bsdfdsafsad", "arn:bsdfdsafsad:*:*:*:*")},
		{on("a:b:cadfsdf"), partition("b", "arn:b:cadfsdf:*:*:*")},
		{on("a:b:c:d:e:f:g:h"), partition("b", "arn:b:c:d:e:f:g:h")},
		{on("aws:s3:::example_bucket"), partition("s3", "arn:s3:::example_bucket:*")},
		{with(`"Resource":["arn:error:s3:::example_bucket","arn:error:s3::example_bucket"]`), partition("error", "arn:error:s3:::example_bucket")},
		{`{"Version":"2012-10-17","Statement":[]}`, syntax}, // 26
		{st(`"Effect":"Allow","Action":"s3:ListBucket"`), what}, {with(`"Resource":[]`), what}, {st(`"Effect":"Allow","Action":"invalid"`), what},
		{st(`"Effect":"Allow","Resource":"` + b + `"`), how}, // 30
		{st(`"Action":"s3:ListBucket","Resource":"` + b + `"`), syntax},
		{st(`"Effect":"Allow"`), how}, {st(`"Effect":"Allow","Action":[],"Resource":"` + b + `"`), how},
		{`{"Version":"2012-10-17","Statement":[{"Effect":"Deny"},{"Effect":"Allow","Action":"s3:ListBucket","Resource":"` + b + `"}]}`, how}, // 34
		{on("arn:aws:iam:::example_bucket"), `IAM resource path must either be "*", root, or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.`},
		{on("arn:aws:s3::example_bucket"), legacy}, {st(`"Effect":"Allow","Resource":"arn:aws:s3::example_bucket"`), legacy}, // 36, 37
		{on("arn:aws"), "Resource vendor must be fully qualified and cannot contain regexes."},
		{with(`"Resource":{"a":"` + b + `"}`), syntax}, {with(`"Resource":["adfdf",{}]`), syntax}, // 39, 40
		{with(`"Resource":"` + b + `","NotResource":[]`), syntax},
		{st(`"Effect":"Deny","Action":[[]],"Resource":"` + b + `"`), syntax},
		{st(`"Effect":"Allow","NotAction":"s3s:ListBucket","Action":[],"Resource":"` + b + `"`), syntax},
		{st(`"Effect":"Allow","Action":{},"Resource":"` + b + `"`), syntax}, // 44
		{when(`[]`), syntax}, {when(`"a"`), syntax}, {when(`{"a":"b"}`), syntax}, {when(`{"DateGreaterThan":"b"}`), syntax}, // 45 to 48
		{when(`{"DateGreaterThan":[]}`), syntax}, {when(`{"DateGreaterThan":{"a":{}}}`), syntax}, // 49, 50
		{st(`"Effect":"Allow","Resource":"` + b + `","Condition":{"DateGreaterThan":{"a":{}}}`), syntax}, // 51
		{when(`{"x":{"a":"1"}}`), syntax}, {when(`{"ForAnyValue::StringEqualsIfExists":{"a":"asf"}}`), syntax}, // 52, 53
		{when(`[{"ForAllValues:StringEquals":{"aws:TagKeys":"Department"}}]`), syntax},                                                         // 54
		{on("arn:aws:iam:us-east-1::example_bucket"), "IAM resource arn:aws:iam:us-east-1::example_bucket cannot contain region information."}, // 55
		{on("arn:aws:s3:us-east-1::example_bucket"), "Resource arn:aws:s3:us-east-1::example_bucket can not contain region information."},      // 56
		{with(`"Resource":"` + b + `","Sid":{}`), syntax}, {with(`"Resource":"` + b + `","Sid":[]`), syntax},                                   // 57, 58
		{`{"Version":"2012-10-17","Statement":[` + sidTwice("Allow", b) + `]}`, "Statement IDs (SID) in a single policy must be unique."}, // 59
		{`{"Statement":[` + sidTwice("Allow", b) + `]}`, old},                                                                             // 60
		{with(`"NotAction":"iam:dsf","Resource":"` + b + `"`), syntax}, {with(`"Resource":"` + b + `","NotResource":"*"`), syntax},        // 61, 62
		{st(`"Effect":"denY","Action":"s3:ListBucket","Resource":"` + b + `"`), legacy}, {when(`{"DateGreaterThan":{"a":"sdfdsf"}}`), legacy}, // 63, 64
		{strings.Replace(when(`{"DateGreaterThan":{"a":"sdfdsf"}}`), `"Version":"2012-10-17",`, "", 1), old},                       // 65
		{`{"Statement":{"Effect":"denY","Action":"s3:ListBucket","Resource":"` + b + `"}}`, old},                                   // 66
		{st(`"Effect":"Allow","Condition":{"DateGreaterThan":{"a":"sdfdsf"}}`), legacy}, {on("arn:aws::::example_bucket"), legacy}, // 67, 68
		{st(`"Effect":"allow","Resource":"arn:aws:s3:us-east-1::example_bucket"`), legacy},                                    // 69
		{`{"Version":"2012-10-17","Statement":[` + sidTwice("aLLow", b) + `]}`, legacy},                                       // 70
		{with(`"NotResource":"arn:aws:s3::example_bucket"`), legacy}, {when(`{"DateLessThanEquals":{"a":"234-13"}}`), legacy}, // 71, 72
		{when(`{"DateLessThanEquals":{"a":"2016-12-13t2:00:00.593194+1"}}`), legacy},                                                                 // 73
		{when(`{"DateLessThanEquals":{"a":"2016-12-13t2:00:00.1999999999+10:59"}}`), legacy},                                                         // 74
		{when(`{"DateLessThan":{"a":"9223372036854775808"}}`), legacy},                                                                               // 75
		{with(`"Resource":"arn:error:s3:::example_bucket","Condition":{"DateGreaterThan":{"a":"sdfdsf"}}`), legacy}, {on("arn:aws::fdsasf"), legacy}, // 76, 77
	} {
		s.h.facts.Add(1)
		a := h.do(t, h.request(t, s.caller, "iam:CreatePolicy", in{"PolicyName": "never", "PolicyDocument": c.document}))
		s.refused(c.document, a, 400, "MalformedPolicyDocument", c.message)
	}
	for i, document := range []string{
		with(`"Resource":["` + b + `","*"]`),                                                                                                      // 0, 2
		st(`"Effect":"Allow","Action":"iam: asdf safdsf af ","Resource":"` + b + `"`), st(`"Effect":"Allow","Action":"*","Resource":"` + b + `"`), // 1, 3
		st(`"Effect":"Allow","Action":"service-prefix:action-name","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2017-07-01T00:00:00Z"}}`),
		on("arn:aws:iam:::user/example_bucket"), on("arn:aws:s33:::example_bucket"), on("arn:aws:fdsasf"), // 7 to 9
		when(`{}`), when(`{"ForAllValues:StringEquals":{"aws:TagKeys":"Department"}}`), // 10, 11
		on("arn:aws:cloudwatch:us-east-1::example_bucket"), on("arn:aws:invalid-service:us-east-1::example_bucket"), // 12 to 15
		when(`{"DateGreaterThan":{}}`), when(`{"DateGreaterThan":{"a":[]}}`), when(`{"a":{}}`), when(`{"x":{},"y":{}}`), // 17 to 19, 31
		st(`"Effect":"Deny","Action":"s3:*","NotResource":["arn:aws:s3:::b/c","arn:aws:s3:::b/c/*"]`),                                                                            // 23
		strings.Replace(on(b), `{`, `{"Id":"sdfsdfsdf",`, 1),                                                                                                                     // 24
		st(`"Effect":"Allow","Action":"aaaaaadsfdsafsadfsadfaaaaa:ListBucket","Resource":"` + b + `"`), st(`"Effect":"Allow","Action":"s3.s:ListBucket","Resource":"` + b + `"`), // 25 to 27
		st(`"Effect":"Allow","NotAction":"s3:ListBucket","NotResource":"*"`),                              // 28
		when(`{"DateGreaterThan":{"a":"01T"}}`), when(`{"ForAnyValue:StringEqualsIfExists":{"a":"asf"}}`), // 30, 33
		when(`{"DateLessThanEquals":{"a":"2016-12-13T21:20:37.593194+00:00"}}`), when(`{"DateLessThanEquals":{"a":"2016-12-13t2:00:00.593194+23"}}`), // 35, 36
		when(`{"DateLessThan":{"a":"-292275054"}}`),                                                                             // 37
		on("arn:aws:iam::*:user/${aws:username}"), on("arn:aws:ec2:region:account-id:instance/*"), on("arn:aws:rds:region:*:*"), // 38, 42, 48
		on("arn:aws:s3:us-west-2:123456789012:accesspoint/my-access-point/object/*"),                                                                                     // 50
		`{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Action":"rds:*","Resource":"*"},{"Sid":"","Effect":"Allow","Action":"rds:*","Resource":"*"}]}`, // 49
	} {
		s.h.facts.Add(1)
		a := h.do(t, h.request(t, s.caller, "iam:CreatePolicy", in{"PolicyName": fmt.Sprint("valid", i), "PolicyDocument": document}))
		if a.status != 200 {
			t.Errorf("%s\nis refused: %s", document, a.str("Error.Message"))
		}
	}
}

// sidTwice are two statements of one Sid, the second without an action.
func sidTwice(effect, resource string) string {
	return `{"Sid":"sdf","Effect":"` + effect + `","Action":"s3:ListBucket","Resource":"` + resource + `"},{"Sid":"sdf","Effect":"Allow"}`
}
