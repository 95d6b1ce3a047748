package recordings

import (
	"encoding/json"
	"fmt"
	"testing"
)

// policy is a function's policy, or the one statement that was added, as text that
// has no order of members but the recorded one.
func (s scene) document(a *answer, path, want string) {
	s.Helper()
	s.h.facts.Add(1)
	if got := a.str(path); got != want {
		s.Errorf("%s is\n%s\nwant\n%s", path, got, want)
	}
}

func lambdaPermissions(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	name := "fn-" + serial()
	s.function(name, role, nil)
	arn := s.fn(name)
	one := in{"FunctionName": name, "StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
	// LS lambda_/test_lambda_api.py TestLambdaPermissions::test_permission_exceptions
	s.denied("lambda:AddPermission", one.with(in{"StatementId": "example.com"}), 400, "ValidationException",
		"1 validation error detected: Value 'example.com' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: *")
	s.denied("lambda:AddPermission", one.with(in{"FunctionName": arn + ":alias-not-42", "Qualifier": "42"}), 400, "InvalidParameterValueException",
		"The derived qualifier from the function name does not match the specified qualifier.")
	s.denied("lambda:AddPermission", one.with(in{"Qualifier": "$LATEST"}), 400, "InvalidParameterValueException", "We currently do not support adding policies for $LATEST.")
	s.denied("lambda:AddPermission", one.with(in{"Principal": "invalid.nonaws.com"}), 400, "InvalidParameterValueException",
		"The provided principal was invalid. Please check the principal and try again.")
	for _, q := range []in{{"FunctionName": "doesnotexist"}, {"FunctionName": name}, {"FunctionName": name, "Qualifier": "42"}} {
		s.denied("lambda:GetPolicy", q, 404, "ResourceNotFoundException", "The resource you requested does not exist.")
	}
	s.denied("lambda:AddPermission", one.with(in{"FunctionName": "doesnotexist"}), 404, "ResourceNotFoundException", "Function not found: "+s.fn("doesnotexist"))
	s.denied("lambda:RemovePermission", in{"FunctionName": name, "StatementId": "s3"}, 404, "ResourceNotFoundException", "No policy is associated with the given resource.")
	s.denied("lambda:AddPermission", one.with(in{"Qualifier": "alias-doesnotexist"}), 404, "ResourceNotFoundException", "Cannot find alias arn: "+arn+":alias-doesnotexist")
	s.denied("lambda:AddPermission", one.with(in{"Qualifier": "42"}), 404, "ResourceNotFoundException", "Function not found: "+arn+":42")
	s.denied("lambda:AddPermission", one.with(in{"Qualifier": "invalid-qualifier-with-?-char"}), 400, "ValidationException",
		"1 validation error detected: Value 'invalid-qualifier-with-?-char' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: *")
	s.denied("lambda:AddPermission", one.with(in{"Qualifier": "valid-with-$-but-doesnotexist"}), 404, "ResourceNotFoundException", "Function not found: "+arn+":valid-with-$-but-doesnotexist")
	// test_add_lambda_permission_aws
	a := s.ok("lambda:AddPermission", one.with(in{"SourceArn": "arn:aws:s3:::test-bucket"}), "Statement")
	first := `{"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + arn + `","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::test-bucket"}}}`
	s.document(a, "Statement", first)
	a = s.ok("lambda:GetPolicy", in{"FunctionName": name}, "Policy,RevisionId")
	s.document(a, "Policy", `{"Version":"2012-10-17","Id":"default","Statement":[`+first+`]}`)
	s.denied("lambda:AddPermission", one, 409, "ResourceConflictException", "The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing statement.")
	s.denied("lambda:RemovePermission", in{"FunctionName": "doesnotexist", "StatementId": "s3"}, 404, "ResourceNotFoundException", "No policy found for: "+s.fn("doesnotexist"))
	s.denied("lambda:RemovePermission", in{"FunctionName": name, "StatementId": "s3", "Qualifier": "alias-doesnotexist"}, 404, "ResourceNotFoundException", "Cannot find alias arn: "+arn+":alias-doesnotexist")
	// test_remove_multi_permissions
	s.denied("lambda:RemovePermission", in{"FunctionName": name, "StatementId": "non-existent"}, 404, "ResourceNotFoundException", "Statement non-existent is not found in resource policy.")
	s.must("lambda:AddPermission", one.with(in{"StatementId": "sqs", "Principal": "sqs.amazonaws.com"}))
	s.ok("lambda:RemovePermission", in{"FunctionName": name, "StatementId": "sqs"}, "")
	a = s.ok("lambda:GetPolicy", in{"FunctionName": name}, "Policy,RevisionId")
	s.document(a, "Policy", `{"Version":"2012-10-17","Id":"default","Statement":[`+first+`]}`)
	s.ok("lambda:RemovePermission", in{"FunctionName": name, "StatementId": "s3"}, "")
	s.denied("lambda:GetPolicy", in{"FunctionName": name}, 404, "ResourceNotFoundException", "The resource you requested does not exist.")
	// test_add_lambda_permission_fields
	me := s.must("iam:CreateUser", in{"UserName": "lambda-" + serial()}).str("User.Arn")
	for _, c := range []struct {
		given                in
		principal, condition string
	}{
		{in{"StatementId": "wilcard", "Principal": "*", "SourceAccount": h.account}, `"*"`, `{"StringEquals":{"AWS:SourceAccount":"` + h.account + `"}}`},
		{in{"StatementId": "lambda", "Principal": "lambda.amazonaws.com", "SourceAccount": h.account}, `{"Service":"lambda.amazonaws.com"}`, `{"StringEquals":{"AWS:SourceAccount":"` + h.account + `"}}`},
		{in{"StatementId": "account-id", "Principal": h.account}, `{"AWS":"arn:aws:iam::` + h.account + `:root"}`, ""},
		{in{"StatementId": "user-arn", "Principal": me, "SourceAccount": h.account}, `{"AWS":"` + me + `"}`, `{"StringEquals":{"AWS:SourceAccount":"` + h.account + `"}}`},
		{in{"StatementId": "alexaSkill", "Principal": "*", "EventSourceToken": "amzn1.ask.skill.x"}, `"*"`, `{"StringEquals":{"lambda:EventSourceToken":"amzn1.ask.skill.x"}}`},
	} {
		a = s.ok("lambda:AddPermission", one.with(c.given), "Statement")
		condition := ""
		if c.condition != "" {
			condition = `,"Condition":` + c.condition
		}
		s.document(a, "Statement", fmt.Sprintf(`{"Sid":"%s","Effect":"Allow","Principal":%s,"Action":"lambda:InvokeFunction","Resource":"%s"%s}`, c.given["StatementId"], c.principal, arn, condition))
	}
	a = s.ok("lambda:AddPermission", one.with(in{
		"StatementId": "urlPermission", "Action": "lambda:InvokeFunctionUrl", "Principal": "*", "SourceArn": "arn:aws:s3:::test-bucket", "SourceAccount": h.account,
		"PrincipalOrgID": "o-1234567890", "FunctionUrlAuthType": "NONE",
	}), "Statement")
	var st struct{ Condition map[string]map[string]string }
	json.Unmarshal([]byte(a.str("Statement")), &st)
	s.h.facts.Add(1)
	if got, want := fmt.Sprint(st.Condition), fmt.Sprint(map[string]map[string]string{
		"StringEquals": {"lambda:FunctionUrlAuthType": "NONE", "aws:PrincipalOrgID": "o-1234567890", "AWS:SourceAccount": h.account},
		"ArnLike":      {"AWS:SourceArn": "arn:aws:s3:::test-bucket"},
	}); got != want {
		t.Errorf("conditions %s", got)
	}
}

func lambdaTags(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	name := "fn-" + serial()
	arn := s.fn(name)
	// LS lambda_/test_lambda_api.py TestLambdaTag::test_create_tag_on_fn_create, test_tag_lifecycle[lambda_function], TestLambdaTags::test_tag_lifecycle
	s.function(name, role, in{"Tags": in{"A": "tag-a"}})
	list_ := func(fields string) *answer { t.Helper(); return s.ok("lambda:ListTags", in{"Resource": arn}, fields) }
	list_("Tags{A}")
	s.ok("lambda:GetFunction", in{"FunctionName": name}, code+config+active+"},Tags{A}")
	s.ok("lambda:TagResource", in{"Resource": arn, "Tags": in{"B": "tag-b", "C": "tag-c"}}, "")
	s.wants(list_("Tags{A,B,C}"), map[string]string{"Tags.A": "tag-a", "Tags.B": "tag-b", "Tags.C": "tag-c"})
	s.ok("lambda:TagResource", in{"Resource": arn, "Tags": in{"C": "tag-c-newsuffix", "D": "tag-d"}}, "")
	s.wants(list_("Tags{A,B,C,D}"), map[string]string{"Tags.C": "tag-c-newsuffix"})
	s.ok("lambda:UntagResource", in{"Resource": arn, "TagKeys": list{"A"}}, "")
	s.ok("lambda:UntagResource", in{"Resource": arn, "TagKeys": list{"B", "C"}}, "")
	list_("Tags{D}")
	s.ok("lambda:UntagResource", in{"Resource": arn, "TagKeys": list{"F"}}, "")
	list_("Tags{D}")
	s.ok("lambda:UntagResource", in{"Resource": arn, "TagKeys": list{"D", "F"}}, "")
	list_("Tags[]")
	s.ok("lambda:GetFunction", in{"FunctionName": name}, code+config+active+"}")
	// TestLambdaTags::test_tag_exceptions, test_tag_limits, test_tag_versions
	s.denied("lambda:UntagResource", in{"Resource": arn}, 400, "ValidationException", "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null")
	s.denied("lambda:TagResource", in{"Resource": arn, "Tags": in{}}, 400, "InvalidParameterValueException", "An error occurred and the request cannot be processed.")
	many := in{}
	for i := range 51 {
		many[fmt.Sprint(i, "_key")] = fmt.Sprint(i, "_value")
	}
	s.denied("lambda:TagResource", in{"Resource": arn, "Tags": many}, 400, "InvalidParameterValueException", "Number of tags exceeds resource tag limit.")
	delete(many, "50_key")
	s.ok("lambda:TagResource", in{"Resource": arn, "Tags": many}, "")
	s.denied("lambda:TagResource", in{"Resource": arn, "Tags": in{"a_key": "a_value"}}, 400, "InvalidParameterValueException", "Number of tags exceeds resource tag limit.")
	s.must("lambda:PublishVersion", in{"FunctionName": name})
	for _, q := range []string{":alias", ":1", ":$LATEST"} {
		s.denied("lambda:TagResource", in{"Resource": arn + q, "Tags": in{"a": "b"}}, 400, "InvalidParameterValueException", "Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	// TestLambdaTag::test_tag_exceptions, test_tag_nonexisting_resource
	at := "arn:aws:lambda:us-east-1:" + h.account + ":"
	none := "event-source-mapping:01234567-0123-0123-0123-0123456789ab"
	for _, c := range []struct{ arn, text string }{
		{s.fn("doesnotexist"), "Function not found: " + s.fn("doesnotexist")},
		{at + none, "Event source mapping not found: " + at + none},
		{at + "capacity-provider:none", "Capacity provider not found: " + at + "capacity-provider:none"},
	} {
		s.denied("lambda:TagResource", in{"Resource": c.arn, "Tags": in{"a": "b"}}, 404, "ResourceNotFoundException", c.text)
		s.denied("lambda:UntagResource", in{"Resource": c.arn, "TagKeys": list{"a"}}, 404, "ResourceNotFoundException", c.text)
		s.denied("lambda:ListTags", in{"Resource": c.arn}, 404, "ResourceNotFoundException", c.text)
	}
	for _, bad := range []string{at + "foobar:x", at + none + ":alias", "arn:aws:something"} {
		s.denied("lambda:TagResource", in{"Resource": bad, "Tags": in{"a": "b"}}, 400, "ValidationException",
			"1 validation error detected: Value '"+bad+"' at 'resource' failed to satisfy constraint: Member must satisfy regular expression pattern: *")
	}
}

func lambdaURLs(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	name := "fn-" + serial()
	s.function(name, role, nil)
	s.must("lambda:PublishVersion", in{"FunctionName": name})
	s.must("lambda:CreateAlias", in{"FunctionName": name, "Name": "urlalias", "FunctionVersion": "1"})
	arn := s.fn(name)
	const made, shown, changed = "AuthType,CreationTime,FunctionArn,FunctionUrl", "AuthType,CreationTime,FunctionArn,FunctionUrl,InvokeMode,LastModifiedTime", "AuthType,CreationTime,FunctionArn,FunctionUrl,LastModifiedTime"
	// LS lambda_/test_lambda_api.py TestLambdaUrl::test_url_config_exceptions
	for _, c := range []struct{ action, missing, unset string }{
		{"Create", "Function does not exist", ""},
		{"Get", "The resource you requested does not exist.", "The resource you requested does not exist."},
		{"Delete", "The resource you requested does not exist.", "The resource you requested does not exist."},
		{"Update", "Function does not exist", "The resource you requested does not exist."},
	} {
		action := "lambda:" + c.action + "FunctionUrlConfig"
		input := in{}
		if c.action == "Create" || c.action == "Update" {
			input["AuthType"] = "NONE"
		}
		for _, missing := range []in{{"FunctionName": "doesnotexist"}, {"FunctionName": s.fn("doesnotexist")}, {"FunctionName": name, "Qualifier": "doesnotexist"}} {
			s.denied(action, input.with(missing), 404, "ResourceNotFoundException", c.missing)
		}
		for _, bad := range []in{{"FunctionName": "doesnotexist", "Qualifier": "1"}, {"FunctionName": name, "Qualifier": "1"}, {"FunctionName": name, "Qualifier": "2"}, {"FunctionName": name, "Qualifier": "$LATEST"}} {
			s.denied(action, input.with(bad), 400, "ValidationException",
				fmt.Sprintf("1 validation error detected: Value '%s' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: ((?!^\\d+$)^[0-9a-zA-Z-_]+$)", bad["Qualifier"]))
		}
		if c.action != "Delete" {
			s.denied(action, input.with(in{"FunctionName": arn + ":urlalias-doesnotexist", "Qualifier": "urlalias"}), 400, "InvalidParameterValueException",
				"The derived qualifier from the function name does not match the specified qualifier.")
		}
		if c.unset != "" {
			s.denied(action, input.with(in{"FunctionName": name}), 404, "ResourceNotFoundException", c.unset)
		}
	}
	// test_url_config_list_paging
	s.denied("lambda:ListFunctionUrlConfigs", in{"FunctionName": "doesnotexist"}, 404, "ResourceNotFoundException", "Function does not exist")
	s.ok("lambda:ListFunctionUrlConfigs", in{"FunctionName": name}, "FunctionUrlConfigs[]")
	a := s.ok("lambda:CreateFunctionUrlConfig", in{"FunctionName": name, "AuthType": "NONE"}, made)
	s.wants(a, map[string]string{"FunctionArn": arn, "AuthType": "NONE"})
	s.wants(s.ok("lambda:CreateFunctionUrlConfig", in{"FunctionName": name, "AuthType": "NONE", "Qualifier": "urlalias"}, made), map[string]string{"FunctionArn": arn + ":urlalias"})
	a = s.ok("lambda:ListFunctionUrlConfigs", in{"FunctionName": name}, "FunctionUrlConfigs["+shown+"]")
	s.wants(a, map[string]string{"FunctionUrlConfigs.0.FunctionArn": arn, "FunctionUrlConfigs.1.FunctionArn": arn + ":urlalias", "FunctionUrlConfigs.0.InvokeMode": "BUFFERED"})
	a = s.ok("lambda:ListFunctionUrlConfigs", in{"FunctionName": name, "MaxItems": 1}, "FunctionUrlConfigs["+shown+"],NextMarker")
	s.ok("lambda:ListFunctionUrlConfigs", in{"FunctionName": name, "MaxItems": 1, "Marker": a.str("NextMarker")}, "FunctionUrlConfigs["+shown+"]")
	// test_url_config_lifecycle, test_url_config_deletion_without_qualifier
	s.denied("lambda:CreateFunctionUrlConfig", in{"FunctionName": name, "AuthType": "NONE"}, 409, "ResourceConflictException",
		"Failed to create function url config for [functionArn = "+arn+"]. Error message:  FunctionUrlConfig exists for this Lambda function")
	s.ok("lambda:GetFunctionUrlConfig", in{"FunctionName": name}, shown)
	s.wants(s.ok("lambda:UpdateFunctionUrlConfig", in{"FunctionName": name, "AuthType": "AWS_IAM"}, changed), map[string]string{"AuthType": "AWS_IAM"})
	s.ok("lambda:DeleteFunctionUrlConfig", in{"FunctionName": name}, "")
	s.denied("lambda:GetFunctionUrlConfig", in{"FunctionName": name}, 404, "ResourceNotFoundException", "The resource you requested does not exist.")
	s.ok("lambda:GetFunctionUrlConfig", in{"FunctionName": name, "Qualifier": "urlalias"}, shown)
}

func lambdaEventConfigs(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	name, other := "fn-"+serial(), "fn-"+serial()
	s.function(name, role, nil)
	s.function(other, role, nil)
	s.must("lambda:PublishVersion", in{"FunctionName": name})
	s.must("lambda:CreateAlias", in{"FunctionName": name, "Name": "eventinvokealias", "FunctionVersion": "1"})
	arn := s.fn(name)
	const put, get, del, update, all = "lambda:PutFunctionEventInvokeConfig", "lambda:GetFunctionEventInvokeConfig", "lambda:DeleteFunctionEventInvokeConfig", "lambda:UpdateFunctionEventInvokeConfig", "lambda:ListFunctionEventInvokeConfigs"
	const empty = "DestinationConfig{OnFailure[],OnSuccess[]},FunctionArn,LastModified"
	success := func(arn string) in { return in{"DestinationConfig": in{"OnSuccess": in{"Destination": arn}}} }
	fn := in{"FunctionName": name}
	// LS lambda_/test_lambda_api.py TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_exceptions
	for _, missing := range []in{{"FunctionName": "doesnotexist"}, {"FunctionName": s.fn("doesnotexist")}, {"FunctionName": name, "Qualifier": "doesnotexist"}} {
		s.denied(put, missing.with(in{"MaximumRetryAttempts": 1}), 404, "ResourceNotFoundException", "The function doesn't exist.")
	}
	s.denied(put, in{"FunctionName": "doesnotexist"}, 400, "InvalidParameterValueException", "You must specify at least one of error handling or destination setting.")
	s.denied(put, fn.with(success(s.fn("doesnotexist"))), 400, "InvalidParameterValueException", "The destination ARN "+s.fn("doesnotexist")+" is invalid.")
	s.denied(put, fn.with(success(arn)), 400, "InvalidParameterValueException", "You can't specify the function as a destination for itself.")
	a := s.ok(put, fn.with(success(s.fn(other))), "DestinationConfig{OnFailure[],OnSuccess{Destination}},FunctionArn,LastModified")
	s.wants(a, map[string]string{"FunctionArn": arn + ":$LATEST", "DestinationConfig.OnSuccess.Destination": s.fn(other)})
	bad := "arn:aws:iam:us-east-1:" + h.account + ":function:" + name
	s.denied(put, fn.with(success(bad)), 400, "InvalidParameterValueException", "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination="+bad+"), onFailure=null) is invalid.")
	s.ok(put, fn.with(in{"DestinationConfig": in{"OnSuccess": in{}}}), empty)
	s.ok(put, fn.with(in{"DestinationConfig": in{"OnFailure": in{}}}), empty)
	bad = "arn:aws:_-/!lambda:us-east-1:" + h.account + ":function:" + name
	s.denied(put, fn.with(in{"DestinationConfig": in{"OnFailure": in{"Destination": bad}}}), 400, "ValidationException",
		"1 validation error detected: Value '"+bad+"' at 'destinationConfig.onFailure.destination' failed to satisfy constraint: Member must satisfy regular expression pattern: *")
	for _, c := range []struct{ name, qualifier, arn string }{
		{name, "", arn + ":$LATEST"}, {name, "$LATEST", arn + ":$LATEST"}, {name, "1", arn + ":1"}, {name, "eventinvokealias", arn + ":eventinvokealias"},
		{arn + ":eventinvokealias", "", arn + ":eventinvokealias"}, {arn + ":eventinvokealias", "eventinvokealias", arn + ":eventinvokealias"},
		{name + ":eventinvokealias", "", arn + ":eventinvokealias"}, {name + ":1", "", arn + ":1"}, {name + ":$LATEST", "$LATEST", arn + ":$LATEST"},
	} {
		input := in{"FunctionName": c.name, "MaximumRetryAttempts": 1}
		if c.qualifier != "" {
			input["Qualifier"] = c.qualifier
		}
		s.wants(s.ok(put, input, empty+",MaximumRetryAttempts"), map[string]string{"FunctionArn": c.arn})
	}
	for _, c := range [][2]string{{arn + ":eventinvokealias", "1"}, {name + ":eventinvokealias", "1"}, {name + ":$LATEST", "1"}, {name + ":1", "$LATEST"}, {name + ":1", "eventinvokealias"}} {
		s.denied(put, in{"FunctionName": c[0], "Qualifier": c[1], "MaximumRetryAttempts": 1}, 400, "InvalidParameterValueException",
			"The derived qualifier from the function name does not match the specified qualifier.")
	}
	both := empty + ",MaximumRetryAttempts,MaximumEventAgeInSeconds"
	s.ok(put, fn.with(in{"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 21600}), both)
	s.ok(put, fn.with(in{"MaximumRetryAttempts": 0}), empty+",MaximumRetryAttempts")
	s.ok(get, fn, empty+",MaximumRetryAttempts")
	s.ok(put, fn.with(in{"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60}), both)
	s.wants(s.ok(update, fn.with(in{"MaximumRetryAttempts": 0}), both), map[string]string{"MaximumRetryAttempts": "0", "MaximumEventAgeInSeconds": "60"})
	a = s.ok(all, fn, "FunctionEventInvokeConfigs["+both+"|"+empty+",MaximumRetryAttempts]")
	s.wants(a, map[string]string{
		"FunctionEventInvokeConfigs.0.FunctionArn": arn + ":$LATEST", "FunctionEventInvokeConfigs.1.FunctionArn": arn + ":1", "FunctionEventInvokeConfigs.2.FunctionArn": arn + ":eventinvokealias",
	})
	for _, q := range []string{"$LATEST", "1", "eventinvokealias"} {
		s.ok(del, fn.with(in{"Qualifier": q}), "")
	}
	s.ok(all, fn, "FunctionEventInvokeConfigs[]")
	none := func(arn string) string { return "The function " + arn + " doesn't have an EventInvokeConfig" }
	s.denied(del, fn, 404, "ResourceNotFoundException", none(arn+":$LATEST"))
	s.denied(del, in{"FunctionName": "doesnotexist"}, 404, "ResourceNotFoundException", none(s.fn("doesnotexist:$LATEST")))
	s.denied(all, in{"FunctionName": "doesnotexist"}, 404, "ResourceNotFoundException", "The function doesn't exist.")
	s.denied(get, in{"FunctionName": "doesnotexist"}, 404, "ResourceNotFoundException", none(s.fn("doesnotexist:$LATEST")))
	s.denied(get, fn.with(in{"Qualifier": "doesnotexist"}), 404, "ResourceNotFoundException", none(arn+":doesnotexist"))
	s.denied(update, in{"FunctionName": "doesnotexist", "MaximumRetryAttempts": 0}, 404, "ResourceNotFoundException", "The function doesn't exist.")
	s.denied(get, fn.with(in{"Qualifier": "eventinvokealias"}), 404, "ResourceNotFoundException", none(arn+":eventinvokealias"))
	s.denied(update, fn.with(in{"Qualifier": "eventinvokealias", "MaximumRetryAttempts": 0}), 404, "ResourceNotFoundException", none(arn+":eventinvokealias"))
	s.denied(update, fn.with(in{"MaximumRetryAttempts": 0}), 404, "ResourceNotFoundException", none(arn+":$LATEST"))
}

func lambdaConcurrency(t *testing.T, h *house) {
	s := h.scene(t).from("eu-west-3")
	role := s.role()
	name := "fn-" + serial()
	s.function(name, role, nil)
	const put, get = "lambda:PutFunctionConcurrency", "lambda:GetFunctionConcurrency"
	// LS lambda_/test_lambda_api.py TestLambdaReservedConcurrency::test_function_concurrency_exceptions
	for _, n := range []int{1, 0} {
		s.denied(put, in{"FunctionName": "doesnotexist", "ReservedConcurrentExecutions": n}, 404, "ResourceNotFoundException", "Function not found: "+s.fn("doesnotexist:$LATEST"))
	}
	s.denied(put, in{"FunctionName": s.fn(name + ":1"), "ReservedConcurrentExecutions": 1}, 400, "InvalidParameterValueException",
		"This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.")
	// test_function_concurrency_limits
	for _, n := range []int{1001, 901} {
		s.untyped(put, in{"FunctionName": name, "ReservedConcurrentExecutions": n}, 400, "InvalidParameterValueException",
			"Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].")
	}
	// test_function_concurrency
	for _, n := range []string{"0", "1"} {
		s.wants(s.ok(put, in{"FunctionName": name, "ReservedConcurrentExecutions": json.Number(n)}, "ReservedConcurrentExecutions"), map[string]string{"ReservedConcurrentExecutions": n})
	}
	s.ok(get, in{"FunctionName": name}, "ReservedConcurrentExecutions")
	s.ok("lambda:GetFunction", in{"FunctionName": name}, code+config+active+"},Concurrency{ReservedConcurrentExecutions}")
	s.ok("lambda:DeleteFunctionConcurrency", in{"FunctionName": name}, "")
	s.ok(get, in{"FunctionName": name}, "")
}

func lambdaSigning(t *testing.T, h *house) {
	s := h.scene(t).from("eu-north-1")
	role := s.role()
	name := "fn-" + serial()
	s.function(name, role, nil)
	profile := "arn:aws:signer:eu-north-1:" + h.account + ":/signing-profiles/test"
	const fields = "{AllowedPublishers{SigningProfileVersionArns[*]},CodeSigningConfigArn,CodeSigningConfigId,CodeSigningPolicies{UntrustedArtifactOnDeployment},Description,LastModified}"
	// LS lambda_/test_lambda_api.py TestCodeSigningConfig::test_function_code_signing_config
	given := in{"Description": "Testing CodeSigning Config", "AllowedPublishers": in{"SigningProfileVersionArns": list{profile}}, "CodeSigningPolicies": in{"UntrustedArtifactOnDeployment": "Enforce"}}
	a := s.ok("lambda:CreateCodeSigningConfig", given, "CodeSigningConfig"+fields)
	arn := a.str("CodeSigningConfig.CodeSigningConfigArn")
	s.wants(a, map[string]string{
		"CodeSigningConfig.CodeSigningPolicies.UntrustedArtifactOnDeployment": "Enforce", "CodeSigningConfig.AllowedPublishers.SigningProfileVersionArns.0": profile,
		"CodeSigningConfig.CodeSigningConfigArn": "arn:aws:lambda:eu-north-1:" + h.account + ":code-signing-config:" + a.str("CodeSigningConfig.CodeSigningConfigId"),
	})
	by := in{"CodeSigningConfigArn": arn}
	a = s.ok("lambda:UpdateCodeSigningConfig", by.with(in{"CodeSigningPolicies": in{"UntrustedArtifactOnDeployment": "Warn"}}), "CodeSigningConfig"+fields)
	s.wants(a, map[string]string{"CodeSigningConfig.CodeSigningPolicies.UntrustedArtifactOnDeployment": "Warn"})
	s.ok("lambda:GetCodeSigningConfig", by, "CodeSigningConfig"+fields)
	s.ok("lambda:PutFunctionCodeSigningConfig", by.with(in{"FunctionName": name}), "CodeSigningConfigArn,FunctionName")
	s.wants(s.ok("lambda:GetFunctionCodeSigningConfig", in{"FunctionName": name}, "CodeSigningConfigArn,FunctionName"), map[string]string{"CodeSigningConfigArn": arn, "FunctionName": name})
	s.ok("lambda:ListCodeSigningConfigs", nil, "CodeSigningConfigs["+fields[1:len(fields)-1]+"]")
	s.wants(s.ok("lambda:ListFunctionsByCodeSigningConfig", by, "FunctionArns[*]"), map[string]string{"FunctionArns.0": s.fn(name)})
	s.ok("lambda:DeleteFunctionCodeSigningConfig", in{"FunctionName": name}, "")
	s.ok("lambda:DeleteCodeSigningConfig", by, "")
	// test_code_signing_not_found_excs
	s.untyped("lambda:DeleteCodeSigningConfig", by, 404, "ResourceNotFoundException", "The Lambda code signing configuration "+arn+" can not be found.")
	s.ok("lambda:DeleteFunctionCodeSigningConfig", in{"FunctionName": name}, "")
	s.denied("lambda:DeleteFunctionCodeSigningConfig", in{"FunctionName": "csc-test-doesnotexist"}, 404, "ResourceNotFoundException", "Function not found: "+s.fn("csc-test-doesnotexist"))
	known := in{"CodeSigningConfigArn": s.must("lambda:CreateCodeSigningConfig", given).str("CodeSigningConfig.CodeSigningConfigArn")}
	s.denied("lambda:PutFunctionCodeSigningConfig", known.with(in{"FunctionName": "csc-test-doesnotexist"}), 404, "ResourceNotFoundException", "Function not found: "+s.fn("csc-test-doesnotexist"))
	for _, fn := range []string{name, "csc-test-doesnotexist"} {
		s.denied("lambda:PutFunctionCodeSigningConfig", by.with(in{"FunctionName": fn}), 404, "CodeSigningConfigNotFoundException",
			"The code signing configuration cannot be found. Check that the provided configuration is not deleted: "+arn+".")
	}
	for _, action := range []string{"Update", "Get"} {
		s.untyped("lambda:"+action+"CodeSigningConfig", by, 404, "ResourceNotFoundException", "The Lambda code signing configuration "+arn+" can not be found.")
	}
	s.ok("lambda:UpdateCodeSigningConfig", known, "CodeSigningConfig"+fields)
	s.ok("lambda:GetFunctionCodeSigningConfig", in{"FunctionName": name}, "")
	s.ok("lambda:ListFunctionsByCodeSigningConfig", known, "FunctionArns[]")
	s.untyped("lambda:ListFunctionsByCodeSigningConfig", by, 404, "ResourceNotFoundException", "The Lambda code signing configuration "+arn+" can not be found.")
}
