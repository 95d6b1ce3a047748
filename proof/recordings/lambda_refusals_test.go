package recordings

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func lambdaRefusals(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	name := "fn-" + serial()
	runtimes := "enum value set: ["
	// LS lambda_/test_lambda_api.py TestLambdaFunction::test_create_lambda_exceptions, test_update_lambda_exceptions
	const arn = "1 validation error detected: Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+"
	s.denied("lambda:CreateFunction", s.python(name, "r1", nil), 400, "ValidationException", arn)
	for _, runtime := range []string{"non-existent-runtime", "PYTHON3.9"} {
		s.denied("lambda:CreateFunction", s.python(name, role, in{"Runtime": runtime}), 400, "InvalidParameterValueException", "Value "+runtime+" at 'runtime' failed to satisfy constraint: Member must satisfy "+runtimes+"python3.12] or be a valid ARN")
	}
	s.denied("lambda:CreateFunction", s.python(name, role, in{"Architectures": list{"x86_64", "arm64"}}), 400, "ValidationException",
		"1 validation error detected: Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1")
	s.denied("lambda:CreateFunction", s.python(name, role, in{"Architectures": list{"X86_64"}}), 400, "ValidationException",
		"1 validation error detected: Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")
	s.denied("lambda:CreateFunction", s.python(name, role, in{"Code": in{"ZipFile": []byte("this is not a zipfile, just a random string")}}), 400, "InvalidParameterValueException",
		"Could not unzip uploaded file. Please check your file, then try to upload again.")
	s.function(name, role, nil)
	s.denied("lambda:UpdateFunctionConfiguration", in{"FunctionName": name, "Role": "r1"}, 400, "ValidationException", arn)
	for _, runtime := range []string{"non-existent-runtime", "PYTHON3.9"} {
		s.denied("lambda:UpdateFunctionConfiguration", in{"FunctionName": name, "Runtime": runtime}, 400, "InvalidParameterValueException", "Value "+runtime+" at 'runtime' failed to satisfy constraint: Member must satisfy "+runtimes+"python3.12] or be a valid ARN")
	}
	// TestRuntimeValidation::test_create_deprecated_function_runtime_with_validation_enabled
	for _, runtime := range []string{"java8", "go1.x", "provided", "ruby2.7", "nodejs14.x", "python3.7", "dotnetcore3.1", "nodejs12.x"} {
		s.denied("lambda:CreateFunction", s.python("x-"+serial(), role, in{"Runtime": runtime}), 400, "InvalidParameterValueException",
			"The runtime parameter of "+runtime+" is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.")
	}
	// TestLambdaSnapStart::test_snapstart_exceptions
	s.denied("lambda:CreateFunction", s.python("x-"+serial(), role, in{"Runtime": "python3.9", "SnapStart": in{"ApplyOn": "PublishedVersions"}}), 400, "InvalidParameterValueException",
		"python3.9 is not supported for SnapStart enabled functions.")
	s.denied("lambda:CreateFunction", s.python("x-"+serial(), role, in{"SnapStart": in{"ApplyOn": "invalidOption"}}), 400, "ValidationException",
		"1 validation error detected: Value 'invalidOption' at 'snapStart.applyOn' failed to satisfy constraint: Member must satisfy enum value set: [PublishedVersions, None]")
	// test_lambda_code_location_s3_errors
	from := func(bucket, key string) in { return in{"S3Bucket": bucket, "S3Key": key} }
	bucket := "lambda-code-" + serial()
	if a := s.h.do(s, s.h.signed(s, s.caller, "s3", "PUT", "/"+bucket, http.Header{"X-Amz-Content-Sha256": {fmt.Sprintf("%x", sha256.Sum256(nil))}}, nil)); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for _, c := range []struct{ bucket, text string }{
		{"some-random-non-existent-bucket-" + serial(), "NoSuchBucket. S3 Error Message: The specified bucket does not exist"},
		{bucket, "NoSuchKey. S3 Error Message: The specified key does not exist."},
	} {
		s.denied("lambda:CreateFunction", s.python("x-"+serial(), role, in{"Code": from(c.bucket, "key")}), 400, "InvalidParameterValueException", "Error occurred while GetObject. S3 Error Code: "+c.text)
		s.denied("lambda:UpdateFunctionCode", in{"FunctionName": name, "S3Bucket": c.bucket, "S3Key": "key"}, 400, "InvalidParameterValueException", "Error occurred while GetObject. S3 Error Code: "+c.text)
	}
	// TestLambdaSizeLimits::test_oversized_request_create_lambda, test_oversized_zipped_create_lambda
	s.denied("lambda:CreateFunction", s.python("x-"+serial(), role, in{"Code": in{"ZipFile": make([]byte, 60<<20)}}), 413, "RequestEntityTooLargeException",
		"Request must be smaller than 70167211 bytes for the CreateFunction operation")
	s.denied("lambda:CreateFunction", s.python("x-"+serial(), role, in{"Code": in{"ZipFile": make([]byte, 52428801)}}), 413, "RequestEntityTooLargeException",
		"Zipped size must be smaller than 52428800 bytes")
	// test_lambda_envvars_near_limit_succeeds
	near := strings.Repeat("x", 4096-len(`{"LARGE_VAR":""}`))
	s.ok("lambda:CreateFunction", s.python("x-"+serial(), role, in{"Environment": in{"Variables": in{"LARGE_VAR": near}}}), config+pending+",Environment{Variables{LARGE_VAR}}")
}

func lambdaLists(t *testing.T, h *house) {
	s := h.scene(t).from("eu-west-2")
	role := s.role()
	one, two := "list-1-"+serial(), "list-2-"+serial()
	// LS lambda_/test_lambda_api.py TestLambdaFunction::test_list_functions
	s.function(one, role, in{"Publish": true})
	s.function(two, role, nil)
	s.denied("lambda:ListFunctions", in{"FunctionVersion": "invalid"}, 400, "ValidationException",
		"1 validation error detected: Value 'invalid' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]")
	names := func(a *answer) (out []string) {
		all, _ := a.at("Functions")
		for i := range all.([]any) {
			if n := a.str(fmt.Sprintf("Functions.%d.FunctionName", i)); n == one || n == two {
				out = append(out, a.str(fmt.Sprintf("Functions.%d.FunctionArn", i)))
				if got, want := shape(all.([]any)[i]), canonical(listed); got != want {
					t.Errorf("listed is\n%s\nwant %s", got, want)
				}
			}
		}
		return out
	}
	h.facts.Add(2)
	if got, want := fmt.Sprint(names(s.must("lambda:ListFunctions", in{"FunctionVersion": "ALL"}))), fmt.Sprint([]string{s.fn(one + ":$LATEST"), s.fn(one + ":1"), s.fn(two + ":$LATEST")}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := fmt.Sprint(names(s.must("lambda:ListFunctions", nil))), fmt.Sprint([]string{s.fn(one), s.fn(two)}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// TestLambdaAccountSettings::test_account_settings
	s.ok("lambda:GetAccountSettings", nil, "AccountLimit{CodeSizeUnzipped,CodeSizeZipped,ConcurrentExecutions,TotalCodeSize,UnreservedConcurrentExecutions},AccountUsage{FunctionCount,TotalCodeSize}")
}
