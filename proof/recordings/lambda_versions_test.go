package recordings

import (
	"fmt"
	"testing"
)

func lambdaVersions(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	name := "fn-" + serial()
	// LS lambda_/test_lambda_api.py TestLambdaVersions::test_publish_version_on_create
	a := s.ok("lambda:CreateFunction", s.python(name, role, in{"Publish": true}), config+pending)
	s.wants(a, map[string]string{"FunctionArn": s.fn(name), "Version": "1", "State": "Pending"})
	s.ready(name)
	a = s.ok("lambda:GetFunction", in{"FunctionName": name}, code+config+active+"}")
	s.wants(a, map[string]string{"Configuration.Version": "$LATEST", "Configuration.FunctionArn": s.fn(name)})
	latest := a.str("Configuration.RevisionId")
	a = s.ok("lambda:GetFunction", in{"FunctionName": name, "Qualifier": "1"}, code+config+active+"}")
	first := a.str("Configuration.RevisionId")
	s.wants(a, map[string]string{"Configuration.Version": "1", "Configuration.FunctionArn": s.fn(name + ":1")})
	if first == latest {
		t.Error("a version has $LATEST's revision")
	}
	a = s.ok("lambda:GetFunction", in{"FunctionName": name, "Qualifier": "$LATEST"}, code+config+active+"}")
	s.wants(a, map[string]string{"Configuration.Version": "$LATEST", "Configuration.FunctionArn": s.fn(name + ":$LATEST"), "Configuration.RevisionId": latest})
	both := map[string]string{
		"Versions.0.FunctionArn": s.fn(name + ":$LATEST"), "Versions.0.Version": "$LATEST", "Versions.0.RevisionId": latest,
		"Versions.1.FunctionArn": s.fn(name + ":1"), "Versions.1.Version": "1", "Versions.1.RevisionId": first, "Versions.2.Version": "",
	}
	s.wants(s.ok("lambda:ListVersionsByFunction", in{"FunctionName": name}, "Versions["+listed+"]"), both)
	a = s.ok("lambda:PublishVersion", in{"FunctionName": name}, config+active)
	s.wants(a, map[string]string{"Version": "1", "FunctionArn": s.fn(name + ":1"), "RevisionId": first})
	s.wants(s.ok("lambda:ListVersionsByFunction", in{"FunctionName": name}, "Versions["+listed+"]"), both)

	// test_version_lifecycle
	name = "fn-" + serial()
	a = s.ok("lambda:CreateFunction", s.python(name, role, in{"Description": "No version :("}), described(config)+pending)
	s.wants(a, map[string]string{"Version": "$LATEST"})
	s.ready(name)
	s.ok("lambda:ListVersionsByFunction", in{"FunctionName": name}, "Versions["+described(listed)+"]")
	s.ok("lambda:UpdateFunctionConfiguration", in{"FunctionName": name, "Description": "First version :)"}, described(config)+updating)
	s.ready(name)
	a = s.ok("lambda:PublishVersion", in{"FunctionName": name, "Description": "First version description :)"}, described(config)+active)
	v1 := map[string]string{"Version": "1", "FunctionArn": s.fn(name + ":1"), "Description": "First version description :)", "RevisionId": a.str("RevisionId")}
	s.wants(a, v1)
	s.wants(s.ok("lambda:GetFunctionConfiguration", in{"FunctionName": name, "Qualifier": "1"}, described(config)+active), v1)
	s.ok("lambda:UpdateFunctionConfiguration", in{"FunctionName": name, "Description": "Second version :))"}, described(config)+updating)
	s.ready(name)
	s.wants(s.ok("lambda:GetFunctionConfiguration", in{"FunctionName": s.fn(name + ":1")}, described(config)+active), v1)
	a = s.ok("lambda:PublishVersion", in{"FunctionName": name}, described(config)+active)
	v2 := map[string]string{"Version": "2", "Description": "Second version :))", "RevisionId": a.str("RevisionId")}
	s.wants(a, v2)
	s.wants(s.ok("lambda:PublishVersion", in{"FunctionName": name, "Description": "Third version description :)))"}, described(config)+active), v2)
	a = s.ok("lambda:ListVersionsByFunction", in{"FunctionName": name}, "Versions["+described(listed)+"]")
	s.wants(a, map[string]string{"Versions.0.Description": "Second version :))", "Versions.1.Description": "First version description :)", "Versions.2.Description": "Second version :))", "Versions.3.Version": ""})

	// test_publish_with_wrong_revisionid, test_publish_with_wrong_sha256
	name = "fn-" + serial()
	s.function(name, role, nil)
	s.denied("lambda:PublishVersion", in{"FunctionName": name, "RevisionId": "doesntexist"}, 412, "PreconditionFailedException", stale)
	a = s.must("lambda:GetFunction", in{"FunctionName": name})
	sum := a.str("Configuration.CodeSha256")
	s.denied("lambda:PublishVersion", in{"FunctionName": name, "CodeSha256": "somenonexistentsha256"}, 400, "InvalidParameterValueException",
		fmt.Sprintf("CodeSHA256 (somenonexistentsha256) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", sum))
	a = s.ok("lambda:PublishVersion", in{"FunctionName": name, "CodeSha256": sum, "RevisionId": a.str("Configuration.RevisionId")}, config+active)
	s.wants(a, map[string]string{"Version": "1"})

	// test_publish_with_update
	name = "fn-" + serial()
	s.function(name, role, nil)
	a = s.ok("lambda:UpdateFunctionCode", in{"FunctionName": name, "ZipFile": zipped("index.py", echoes+"#"), "Publish": true}, config+pending)
	s.wants(a, map[string]string{"Version": "1", "FunctionArn": s.fn(name + ":1"), "State": "Pending", "StateReason": "The function is being created.", "StateReasonCode": "Creating"})
}

// stale is what AWS says of a RevisionId that is not the present one.
const stale = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"

func lambdaRevisions(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	name := "fn-" + serial()
	seen := map[string]bool{}
	revision := func(a *answer, path string) string {
		t.Helper()
		r := a.str(path)
		if h.facts.Add(1); seen[r] || r == "" {
			t.Errorf("revision %q is not new", r)
		}
		seen[r] = true
		return r
	}
	now := func(qualifier string) string {
		t.Helper()
		input := in{"FunctionName": name}
		if qualifier != "" {
			input["Qualifier"] = qualifier
		}
		return s.must("lambda:GetFunction", input).str("Configuration.RevisionId")
	}
	same := func(got, want string) {
		t.Helper()
		if h.facts.Add(1); got != want {
			t.Error("the revision changed")
		}
	}
	// LS lambda_/test_lambda_api.py TestLambdaRevisions::test_function_revisions_basic
	a := s.must("lambda:CreateFunction", s.python(name, role, nil))
	r1 := revision(a, "RevisionId")
	r2 := revision(s.ready(name), "RevisionId")
	s.denied("lambda:UpdateFunctionCode", in{"FunctionName": name, "ZipFile": zipped("index.py", echoes), "RevisionId": r1}, 412, "PreconditionFailedException", stale)
	revision(s.must("lambda:UpdateFunctionCode", in{"FunctionName": name, "ZipFile": zipped("index.py", echoes), "RevisionId": r2}), "RevisionId")
	r4 := revision(s.ready(name), "RevisionId")
	s.denied("lambda:UpdateFunctionConfiguration", in{"FunctionName": name, "Runtime": "python3.12", "RevisionId": r1}, 412, "PreconditionFailedException", stale)
	revision(s.must("lambda:UpdateFunctionConfiguration", in{"FunctionName": name, "Runtime": "python3.12", "RevisionId": r4}), "RevisionId")
	r6 := revision(s.ready(name), "RevisionId")
	// test_function_revisions_version_and_alias: publishing changes $LATEST's too
	s.denied("lambda:PublishVersion", in{"FunctionName": name, "RevisionId": r1}, 412, "PreconditionFailedException", stale)
	v1 := revision(s.must("lambda:PublishVersion", in{"FunctionName": name, "RevisionId": r6}), "RevisionId")
	same(now("1"), v1)
	r7 := now("")
	if h.facts.Add(1); r7 == r6 {
		t.Error("publishing keeps $LATEST's revision")
	}
	a1 := revision(s.must("lambda:CreateAlias", in{"FunctionName": name, "Name": "revision_alias", "FunctionVersion": "1"}), "RevisionId")
	same(now(""), r7)
	same(now("1"), v1)
	s.denied("lambda:UpdateAlias", in{"FunctionName": name, "Name": "revision_alias", "RevisionId": r1, "Description": "something changed"}, 412, "PreconditionFailedException", stale)
	revision(s.must("lambda:UpdateAlias", in{"FunctionName": name, "Name": "revision_alias", "RevisionId": a1, "Description": "something changed"}), "RevisionId")
	// test_function_revisions_permissions, TestLambdaPermissions::test_lambda_permission_fn_versioning, test_lambda_permission_revisions:
	// a policy has the revision of what it belongs to
	grant := in{"FunctionName": name, "StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
	give := func(more in) in {
		g := in{}
		for k, v := range grant {
			g[k] = v
		}
		for k, v := range more {
			g[k] = v
		}
		return g
	}
	s.denied("lambda:AddPermission", give(in{"RevisionId": r1}), 412, "PreconditionFailedException", stale)
	s.must("lambda:AddPermission", give(in{"RevisionId": r7}))
	p := revision(s.ok("lambda:GetPolicy", in{"FunctionName": name}, "Policy,RevisionId"), "RevisionId")
	same(now(""), p)
	s.denied("lambda:GetPolicy", in{"FunctionName": name, "Qualifier": "1"}, 404, "ResourceNotFoundException", "The resource you requested does not exist.")
	s.must("lambda:AddPermission", give(in{"Qualifier": "1", "RevisionId": v1}))
	same(now(""), p)
	pv := revision(s.ok("lambda:GetPolicy", in{"FunctionName": name, "Qualifier": "1"}, "Policy,RevisionId"), "RevisionId")
	same(now("1"), pv)
	old := s.must("lambda:GetAlias", in{"FunctionName": name, "Name": "revision_alias"}).str("RevisionId")
	s.denied("lambda:AddPermission", give(in{"Qualifier": "revision_alias", "RevisionId": a1}), 412, "PreconditionFailedException", stale)
	s.must("lambda:AddPermission", give(in{"Qualifier": "revision_alias", "RevisionId": old}))
	pa := revision(s.ok("lambda:GetPolicy", in{"FunctionName": name, "Qualifier": "revision_alias"}, "Policy,RevisionId"), "RevisionId")
	same(s.must("lambda:GetAlias", in{"FunctionName": name, "Name": "revision_alias"}).str("RevisionId"), pa)
	s.denied("lambda:RemovePermission", in{"FunctionName": name, "StatementId": "s3", "RevisionId": r1}, 412, "PreconditionFailedException", stale)
	s.ok("lambda:RemovePermission", in{"FunctionName": name, "StatementId": "s3", "RevisionId": p}, "")
	// TestLambdaTags::test_tag_lifecycle
	s.ok("lambda:TagResource", in{"Resource": s.fn(name), "Tags": in{"key": "value"}}, "")
	tagged := now("")
	seen[tagged] = seen[tagged] || tagged == p
	s.ok("lambda:UntagResource", in{"Resource": s.fn(name), "TagKeys": list{"key"}}, "")
	if h.facts.Add(1); seen[tagged] || now("") == tagged {
		t.Error("tags keep the revision")
	}
}

func lambdaAliases(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	name := "fn-" + serial()
	env := func(v string) in { return in{"FunctionName": name, "Environment": in{"Variables": in{"testenv": v}}} }
	// LS lambda_/test_lambda_api.py TestLambdaAlias::test_alias_lifecycle
	s.function(name, role, in{"Environment": in{"Variables": in{"testenv": "staging"}}})
	s.ok("lambda:PublishVersion", in{"FunctionName": name}, config+active+",Environment{Variables{testenv}}")
	s.must("lambda:UpdateFunctionConfiguration", env("prod"))
	s.ready(name)
	a := s.ok("lambda:PublishVersion", in{"FunctionName": name}, config+active+",Environment{Variables{testenv}}")
	s.wants(a, map[string]string{"Version": "2", "Environment.Variables.testenv": "prod"})
	give := func(alias, version string, more in) in {
		input := in{"FunctionName": name, "Name": alias, "FunctionVersion": version}
		for k, v := range more {
			input[k] = v
		}
		return input
	}
	weights := func(v string, w float64) in { return in{"AdditionalVersionWeights": in{v: w}} }
	split := alias + ",RoutingConfig{AdditionalVersionWeights{2}}"
	a = s.ok("lambda:CreateAlias", give("aliasname1_1", "1", in{"Description": "custom-alias", "RoutingConfig": weights("2", 0.2)}), split)
	s.wants(a, map[string]string{"AliasArn": s.fn(name + ":aliasname1_1"), "Name": "aliasname1_1", "FunctionVersion": "1", "RoutingConfig.AdditionalVersionWeights.2": "0.2"})
	s.ok("lambda:GetAlias", in{"FunctionName": name, "Name": "aliasname1_1"}, split)
	for _, by := range []in{{"FunctionName": name, "Qualifier": "aliasname1_1"}, {"FunctionName": s.fn(name + ":aliasname1_1")}} {
		a = s.ok("lambda:GetFunction", by, code+config+active+",Environment{Variables{testenv}}}")
		s.wants(a, map[string]string{"Configuration.FunctionArn": s.fn(name + ":aliasname1_1"), "Configuration.Version": "1", "Configuration.Environment.Variables.testenv": "staging"})
	}
	for _, by := range []in{{"FunctionName": name, "Qualifier": "aliasdoesnotexist"}, {"FunctionName": s.fn(name + ":aliasdoesnotexist")}} {
		s.denied("lambda:GetFunction", by, 404, "ResourceNotFoundException", "Function not found: "+s.fn(name+":aliasdoesnotexist"))
	}
	s.ok("lambda:CreateAlias", give("aliasname1_2", "1", in{"Description": "custom-alias"}), alias)
	none := "AliasArn,Description[],FunctionVersion,Name,RevisionId"
	s.ok("lambda:CreateAlias", give("aliasname1_3", "1", nil), none)
	s.ok("lambda:GetAlias", in{"FunctionName": name, "Name": "aliasname1_3"}, none)
	s.ok("lambda:CreateAlias", give("aliasname2", "2", in{"Description": "custom-alias"}), alias)
	s.ok("lambda:ListAliases", in{"FunctionName": name}, "Aliases["+split+"|"+alias+"|"+none+"]")
	s.ok("lambda:UpdateAlias", in{"FunctionName": name, "Name": "aliasname1_1", "RoutingConfig": in{"AdditionalVersionWeights": in{}}}, alias)
	s.ok("lambda:GetAlias", in{"FunctionName": name, "Name": "aliasname1_1"}, alias)
	s.ok("lambda:UpdateAlias", in{"FunctionName": name, "Name": "aliasname1_2"}, alias)
	a = s.ok("lambda:ListAliases", in{"FunctionName": name, "FunctionVersion": "1"}, "Aliases["+alias+"|"+none+"]")
	s.wants(a, map[string]string{"Aliases.0.Name": "aliasname1_1", "Aliases.1.Name": "aliasname1_2", "Aliases.2.Name": "aliasname1_3", "Aliases.3.Name": ""})
	s.ok("lambda:DeleteAlias", in{"FunctionName": name, "Name": "aliasname1_1"}, "")
	// test_non_existent_alias_deletion, test_non_existent_alias_update
	s.ok("lambda:DeleteAlias", in{"FunctionName": name, "Name": "non-existent"}, "")
	s.denied("lambda:UpdateAlias", in{"FunctionName": name, "Name": "non-existent"}, 404, "ResourceNotFoundException", "Alias not found: "+s.fn(name+":non-existent"))
	// test_alias_naming
	s.ok("lambda:CreateAlias", give("2024-01-02", "1", in{"Description": "custom-alias"}), alias)
	s.denied("lambda:CreateAlias", give("2024", "1", nil), 400, "ValidationException",
		"1 validation error detected: Value '2024' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")

	// test_notfound_and_invalid_routingconfigs
	route := func(version string, w in) in {
		return give("custom", version, in{"RoutingConfig": in{"AdditionalVersionWeights": w}})
	}
	const value = "1 validation error detected: Value '%s' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]"
	s.denied("lambda:CreateAlias", route("1", in{"1": 0.8, "2": 0.2}), 400, "InvalidParameterValueException", "Number of items in AdditionalVersionWeights cannot be greater than 1")
	s.denied("lambda:CreateAlias", route("1", in{"2": 2}), 400, "ValidationException", fmt.Sprintf(value, "{2=2.0}"))
	s.denied("lambda:CreateAlias", route("1", in{"2": -1}), 400, "ValidationException", fmt.Sprintf(value, "{2=-1.0}"))
	s.denied("lambda:CreateAlias", route("1", in{"1": 0.5}), 400, "InvalidParameterValueException", "Invalid function version 1. Function version 1 is already included in routing configuration.")
	s.denied("lambda:CreateAlias", route("10", in{"2": 0.5}), 404, "ResourceNotFoundException", "Function not found: "+s.fn(name+":10"))
	s.denied("lambda:CreateAlias", route("1", in{"10": 0.5}), 404, "ResourceNotFoundException", "Function not found: "+s.fn(name+":10"))
	s.untyped("lambda:CreateAlias", route("$LATEST", in{"1": 0.5}), 400, "InvalidParameterValueException", "$LATEST is not supported for an alias pointing to more than 1 version")
	s.denied("lambda:CreateAlias", route("1", in{"$LATEST": 0.5}), 400, "ValidationException",
		"1 validation error detected: Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+, Member must not be null]")
	s.ok("lambda:CreateAlias", give("custom-latest", "$LATEST", nil), none)
	s.denied("lambda:CreateAlias", in{"FunctionName": name + "-unknown", "Name": "custom", "FunctionVersion": "1"}, 404, "ResourceNotFoundException", "Function not found: "+s.fn(name+"-unknown:1"))
	s.ok("lambda:CreateAlias", give("custom-empty-routingconfig", "1", in{"RoutingConfig": in{"AdditionalVersionWeights": in{}}}), none)
	s.ok("lambda:CreateAlias", route("1", in{"2": 0.5}), none+",RoutingConfig{AdditionalVersionWeights{2}}")
	s.denied("lambda:CreateAlias", route("1", in{"2": 0.5}), 409, "ResourceConflictException", "Alias already exists: "+s.fn(name+":custom"))
	s.denied("lambda:GetAlias", in{"FunctionName": name, "Name": "non-existent"}, 404, "ResourceNotFoundException", "Cannot find alias arn: "+s.fn(name+":non-existent"))
}
