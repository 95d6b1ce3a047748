package recordings

import (
	"fmt"
	"testing"
)

func lambdaLayers(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	name := "layer-" + serial()
	arn := "arn:aws:lambda:us-east-1:" + h.account + ":layer:" + name
	content := in{"ZipFile": zipped("python/mod.py", "x = 1\n")}
	const (
		held    = "Content{CodeSha256,CodeSize,Location},CreatedDate,LayerArn,LayerVersionArn,Version"
		plain   = held + ",CompatibleArchitectures[*],CompatibleRuntimes[*],Description[]"
		full    = held + ",CompatibleArchitectures[*],CompatibleRuntimes[*],Description,LicenseInfo"
		publish = "lambda:PublishLayerVersion"
		none    = "The resource you requested does not exist."
	)
	// LS lambda_/test_lambda_api.py TestLambdaLayer::test_layer_exceptions
	kinds := in{"CompatibleRuntimes": list{"python3.12"}, "CompatibleArchitectures": list{"x86_64"}}
	s.ok(publish, kinds.with(in{"LayerName": name, "Content": content}), plain)
	s.denied("lambda:ListLayers", in{"CompatibleRuntime": "runtimedoesnotexist"}, 400, "ValidationException",
		"1 validation error detected: Value 'runtimedoesnotexist' at 'compatibleRuntime' failed to satisfy constraint: Member must satisfy enum value set: [python3.7, nodejs20.x]")
	s.denied("lambda:ListLayers", in{"CompatibleArchitecture": "archdoesnotexist"}, 400, "ValidationException",
		"1 validation error detected: Value 'archdoesnotexist' at 'compatibleArchitecture' failed to satisfy constraint: Member must satisfy enum value set: [x86_64, arm64]")
	s.ok("lambda:ListLayerVersions", in{"LayerName": "layer-nonexistent"}, "LayerVersions[]")
	s.denied("lambda:GetLayerVersion", in{"LayerName": "doesnotexist", "VersionNumber": 1}, 404, "ResourceNotFoundException", none)
	for _, n := range []int{-1, 0} {
		s.denied("lambda:GetLayerVersion", in{"LayerName": name, "VersionNumber": n}, 400, "InvalidParameterValueException", "Layer Version Cannot be less than 1")
	}
	s.denied("lambda:GetLayerVersion", in{"LayerName": name, "VersionNumber": 2}, 404, "ResourceNotFoundException", none)
	s.denied("lambda:GetLayerVersionByArn", in{"Arn": arn}, 400, "ValidationException",
		"1 validation error detected: Value '"+arn+"' at 'arn' failed to satisfy constraint: Member must satisfy regular expression pattern: *")
	s.denied("lambda:GetLayerVersionByArn", in{"Arn": arn + ":2"}, 404, "ResourceNotFoundException", none)
	for _, l := range []in{{"LayerName": "layer-nonexistent", "VersionNumber": 1}, {"LayerName": name, "VersionNumber": 2}, {"LayerName": name, "VersionNumber": 1}, {"LayerName": name, "VersionNumber": 1}} {
		s.ok("lambda:DeleteLayerVersion", l, "")
	}
	s.denied("lambda:DeleteLayerVersion", in{"LayerName": name, "VersionNumber": -1}, 400, "InvalidParameterValueException", "Layer Version Cannot be less than 1")
	s.ok(publish, in{"LayerName": name + "-2", "Content": content, "CompatibleRuntimes": list{}, "CompatibleArchitectures": list{}}, held+",CompatibleArchitectures[],CompatibleRuntimes[],Description[]")
	for _, given := range []string{"[invalidruntime]", "[invalidruntime, invalidruntime2, nodejs20.x]"} {
		l := list{"invalidruntime"}
		archs, a := list{"invalidarch"}, "[invalidarch]"
		if given != "[invalidruntime]" {
			l, archs, a = list{"invalidruntime", "invalidruntime2", "nodejs20.x"}, list{"invalidarch", "x86_64"}, "[invalidarch, x86_64]"
		}
		s.denied(publish, in{"LayerName": name, "Content": content, "CompatibleRuntimes": l, "CompatibleArchitectures": archs}, 400, "ValidationException",
			"2 validation errors detected: Value '"+given+"' at 'compatibleRuntimes' failed to satisfy constraint: Member must satisfy enum value set: [nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2]; Value '"+a+"' at 'compatibleArchitectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")
	}
	// test_layer_s3_content: what was not given is not shown
	s.ok(publish, in{"LayerName": name + "-3", "Content": content}, held+",Description[]")

	// test_layer_lifecycle
	fn := "fn-" + serial()
	s.function(fn, role, nil)
	name = "layer-" + serial()
	arn = "arn:aws:lambda:us-east-1:" + h.account + ":layer:" + name
	given := kinds.with(in{"LayerName": name, "Content": content, "Description": "description", "LicenseInfo": "license"})
	s.wants(s.ok(publish, given, full), map[string]string{"LayerArn": arn, "LayerVersionArn": arn + ":1", "Version": "1"})
	s.wants(s.ok(publish, given, full), map[string]string{"LayerVersionArn": arn + ":2", "Version": "2"})
	a := s.ok("lambda:UpdateFunctionConfiguration", in{"FunctionName": fn, "Layers": list{arn + ":1"}}, config+updating+",Layers[Arn,CodeSize]")
	s.wants(a, map[string]string{"Layers.0.Arn": arn + ":1"})
	s.ready(fn)
	s.ok("lambda:GetFunctionConfiguration", in{"FunctionName": fn}, config+active+",Layers[Arn,CodeSize]")
	s.ok("lambda:GetLayerVersion", in{"LayerName": name, "VersionNumber": 1}, full)
	s.ok("lambda:GetLayerVersionByArn", in{"Arn": arn + ":1"}, full)
	a = s.ok("lambda:ListLayerVersions", in{"LayerName": name}, "LayerVersions[CompatibleArchitectures[*],CompatibleRuntimes[*],CreatedDate,Description,LayerVersionArn,LicenseInfo,Version]")
	s.wants(a, map[string]string{"LayerVersions.0.Version": "2", "LayerVersions.1.Version": "1"})
	s.ok("lambda:DeleteLayerVersion", in{"LayerName": name, "VersionNumber": 1}, "")
	s.ok("lambda:GetFunctionConfiguration", in{"FunctionName": fn}, config+active+",Layers[Arn,CodeSize]")
	s.ok("lambda:DeleteLayerVersion", in{"LayerName": name, "VersionNumber": 2}, "")
	s.ok("lambda:ListLayerVersions", in{"LayerName": name}, "LayerVersions[]")
	s.wants(s.ok(publish, given, full), map[string]string{"Version": "3"})

	// test_layer_policy_exceptions, test_layer_policy_lifecycle
	v := in{"LayerName": name, "VersionNumber": 3}
	grant := v.with(in{"Action": "lambda:GetLayerVersion", "Principal": "*", "StatementId": "s1"})
	const add, get, remove = "lambda:AddLayerVersionPermission", "lambda:GetLayerVersionPolicy", "lambda:RemoveLayerVersionPermission"
	s.denied(get, v, 404, "ResourceNotFoundException", "No policy is associated with the given resource.")
	st := func(sid string) string {
		return `{"Sid":"` + sid + `","Effect":"Allow","Principal":"*","Action":"lambda:GetLayerVersion","Resource":"` + arn + `:3"}`
	}
	a = s.ok(add, grant, "RevisionId,Statement")
	s.document(a, "Statement", st("s1"))
	first := a.str("RevisionId")
	a = s.ok(get, v, "Policy,RevisionId")
	s.document(a, "Policy", `{"Version":"2012-10-17","Id":"default","Statement":[`+st("s1")+`]}`)
	s.wants(a, map[string]string{"RevisionId": first})
	s.denied(add, grant.with(in{"Action": "*", "StatementId": "s2"}), 400, "ValidationException", "1 validation error detected: Value '*' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: *")
	s.denied(add, grant, 409, "ResourceConflictException", "The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement.")
	const old = "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the latest Revision Id"
	s.denied(add, grant.with(in{"StatementId": "s3", "RevisionId": "wrong"}), 412, "PreconditionFailedException", old)
	for _, c := range []struct {
		layer string
		n     int
	}{{name + "-doesnotexist", 1}, {name, 9}} {
		missing := fmt.Sprintf("Layer version arn:aws:lambda:us-east-1:%s:layer:%s:%d does not exist.", h.account, c.layer, c.n)
		l := in{"LayerName": c.layer, "VersionNumber": c.n}
		s.denied(add, grant.with(l), 404, "ResourceNotFoundException", missing)
		s.denied(get, l, 404, "ResourceNotFoundException", missing)
		s.denied(remove, l.with(in{"StatementId": "s1"}), 404, "ResourceNotFoundException", missing)
	}
	s.denied(remove, v.with(in{"StatementId": "doesnotexist"}), 404, "ResourceNotFoundException", "Statement doesnotexist is not found in resource policy.")
	s.denied(remove, v.with(in{"StatementId": "s1", "RevisionId": "wrong"}), 412, "PreconditionFailedException", old)
	s.must(add, grant.with(in{"StatementId": "s2", "RevisionId": first}))
	s.ok(remove, v.with(in{"StatementId": "s2"}), "")
	s.document(s.ok(get, v, "Policy,RevisionId"), "Policy", `{"Version":"2012-10-17","Id":"default","Statement":[`+st("s1")+`]}`)

	// test_layer_function_exceptions, test_layer_function_quota_exception
	for range 2 {
		s.must(publish, given)
	}
	at := func(n int) string { return fmt.Sprintf("%s:%d", arn, n) }
	update := func(layers ...any) in { return in{"FunctionName": fn, "Layers": list(layers)} }
	for _, l := range [][]any{{at(3), at(4)}, {at(3), at(4), at(5)}, {at(3), at(3)}} {
		s.denied("lambda:UpdateFunctionConfiguration", update(l...), 400, "InvalidParameterValueException",
			fmt.Sprintf("Two different versions of the same layer are not allowed to be referenced in the same function. %s and %s are versions of the same layer.", l[0], l[1]))
	}
	unknown := "arn:aws:lambda:us-east-1:" + h.account + ":layer:doesnotexist:1"
	for _, l := range []string{unknown, at(9)} {
		s.denied("lambda:UpdateFunctionConfiguration", update(l), 400, "InvalidParameterValueException", "Layer version "+l+" does not exist.")
	}
	s.denied("lambda:UpdateFunctionConfiguration", update(arn), 400, "ValidationException", "1 validation error detected: Value '["+arn+"]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: *")
	far := h.scene(t).from("ap-southeast-1").must(publish, given.with(in{"LayerName": name})).str("LayerVersionArn")
	s.denied("lambda:CreateFunction", s.python("fn-"+serial(), role, in{"Layers": list{far}}), 400, "InvalidParameterValueException",
		"Layers are not in the same region as the function. Layers are expected to be in region us-east-1.")
	var six list
	for i := range 6 {
		six = append(six, s.must(publish, given.with(in{"LayerName": fmt.Sprint(name, "-", i)})).str("LayerVersionArn"))
	}
	s.denied("lambda:CreateFunction", s.python("fn-"+serial(), role, in{"Layers": six}), 400, "InvalidParameterValueException", "Cannot reference more than 5 layers.")
}
