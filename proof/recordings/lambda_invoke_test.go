package recordings

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// invoked is a fact: Invoke answers this status, with these headers and this payload;
// "-" stands for a header that is not there. A request's number and times in the
// payload are written as "ID" and "TIME".
func (s scene) invoked(input in, status int, version, failure, payload string) *answer {
	s.Helper()
	s.h.facts.Add(1)
	a := s.h.do(s, s.h.request(s, s.caller, "lambda:Invoke", input))
	body := uuids.ReplaceAllString(string(a.body), "ID")
	if a.status != status || body != payload {
		s.Errorf("Invoke %v answers %d %s, want %d %s", input, a.status, body, status, payload)
	}
	for name, want := range map[string]string{"X-Amz-Executed-Version": version, "X-Amz-Function-Error": failure} {
		got := "-"
		if v, ok := a.header[name]; ok {
			got = v[0]
		}
		if got != want {
			s.Errorf("Invoke %v: %s is %q, want %q", input, name, got, want)
		}
	}
	return a
}

var (
	uuids  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	amount = regexp.MustCompile(`\d+(\.\d+)? (ms|MB)`)
	times  = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`)
)

// masked is a line of a log without what differs from run to run.
func masked(line string) string {
	return times.ReplaceAllString(amount.ReplaceAllString(uuids.ReplaceAllString(line, "ID"), "N $2"), "TIME")
}

// writes are the lines of a log's tail.
func (s scene) writes(a *answer, lines ...string) {
	s.Helper()
	s.h.facts.Add(1)
	b, err := base64.StdEncoding.DecodeString(a.header.Get("X-Amz-Log-Result"))
	if err != nil {
		s.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(masked(string(b)), "\n"), "\n")
	for len(got) > 0 && !strings.HasPrefix(got[0], "START") {
		got = got[1:] // how the start went
	}
	if strings.Join(got, "\n") != strings.Join(lines, "\n") {
		s.Errorf("the log is\n%q, want\n%q", got, lines)
	}
}

// sources are the handlers of the scenes about Invoke, each a function's whole code.
const (
	mute   = "def handler(event, context):\n    pass\n"
	fault  = "def handler(event, context):\n    raise Exception('Handler fails')\n"
	leaves = "import os\ndef handler(event, context):\n    os._exit(0)\n"
	stops  = "import sys\nsys.exit(0)\n"
	unborn = "raise Exception('Runtime startup fails')\n"
	sleeps = "import time\ndef handler(event, context):\n    time.sleep(20)\n"
	large  = "def handler(event, context):\n    return 'x' * (6 * 1024 * 1024 + 100)\n"
	number = "import logging\ndef handler(event, context):\n    logging.getLogger().setLevel(logging.INFO)\n    logging.getLogger().info('a message')\n    return context.aws_request_id\n"
	tells  = "def handler(event, context):\n    return {'arn': context.invoked_function_arn, 'version': context.function_version, 'memory': context.memory_limit_in_mb}\n"
	twice  = "def handler(event, context):\n    return {'handler': 'one'}\ndef handler_two(event, context):\n    return {'handler': 'two'}\n"
)

func lambdaInvoke(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	made := func(source string, more in) string {
		s.Helper()
		name := "invoke-" + serial()
		given := in{"Code": in{"ZipFile": zipped("index.py", source)}}
		for k, v := range more {
			given[k] = v
		}
		s.function(name, role, given)
		return name
	}
	exited := `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited without providing a reason"}`

	// LS lambda_/test_lambda.py TestLambdaFeatures::test_invocation_type_no_return_payload, …_request_response, …_event, …_dry_run
	name := made(mute, nil)
	s.invoked(in{"FunctionName": name, "Payload": []byte("{}")}, 200, "$LATEST", "-", "null")
	s.invoked(in{"FunctionName": name, "InvocationType": "RequestResponse"}, 200, "$LATEST", "-", "null")
	s.invoked(in{"FunctionName": name, "InvocationType": "Event", "Payload": []byte("{}")}, 202, "-", "-", "")
	s.invoked(in{"FunctionName": name, "InvocationType": "DryRun", "Payload": []byte("{}")}, 204, "-", "-", "")

	// LS lambda_/test_lambda.py TestLambdaErrors::test_lambda_handler_error, test_lambda_handler_exit, test_lambda_runtime_exit, test_lambda_runtime_error
	name = made(fault, nil)
	a := s.invoked(in{"FunctionName": name, "LogType": "Tail"}, 200, "$LATEST", "Unhandled",
		`{"errorMessage": "Handler fails", "errorType": "Exception", "requestId": "ID", "stackTrace": ["  File \"/var/task/index.py\", line 2, in handler\n    raise Exception('Handler fails')\n"]}`)
	// LS lambda_/test_lambda.py TestLambdaFeatures::test_invocation_type_event_error
	s.writes(a, "START RequestId: ID Version: $LATEST", "[ERROR] Exception: Handler fails", "Traceback (most recent call last):",
		"\u00a0\u00a0File \"/var/task/index.py\", line 2, in handler", "\u00a0\u00a0\u00a0\u00a0raise Exception('Handler fails')END RequestId: ID",
		"REPORT RequestId: ID\tDuration: N ms\tBilled Duration: N ms\tMemory Size: N MB\tMax Memory Used: N MB\tInit Duration: N ms\t")
	s.invoked(in{"FunctionName": made(leaves, nil)}, 200, "$LATEST", "Unhandled", exited)
	s.invoked(in{"FunctionName": made(stops, nil)}, 200, "$LATEST", "Unhandled", exited)
	a = s.h.do(s, s.h.request(s, s.caller, "lambda:Invoke", in{"FunctionName": made(unborn, nil)}))
	s.wants(a, map[string]string{"errorMessage": "Runtime startup fails", "errorType": "Exception", "requestId": ""})
	s.fields("Invoke", a, "errorMessage,errorType,requestId[],stackTrace[*]")

	// LS lambda_/test_lambda.py TestLambdaBehavior::test_lambda_invoke_with_timeout
	s.invoked(in{"FunctionName": made(sleeps, in{"Timeout": 1})}, 200, "$LATEST", "Unhandled",
		`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 1.00 seconds"}`)
	// LS lambda_/test_lambda.py TestLambdaBaseFeatures::test_lambda_too_large_response
	s.invoked(in{"FunctionName": made(large, nil)}, 200, "$LATEST", "Unhandled",
		`{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`)

	// LS lambda_/test_lambda.py TestRequestIdHandling::test_request_id_invoke
	a = s.invoked(in{"FunctionName": made(number, nil), "LogType": "Tail"}, 200, "$LATEST", "-", `"ID"`)
	if got := strings.Trim(string(a.body), `"`); got != a.header.Get("X-Amzn-Requestid") {
		s.Errorf("the context's request is %s, the answer's %s", got, a.header.Get("X-Amzn-Requestid"))
	}
	s.writes(a, "START RequestId: ID Version: $LATEST", "[INFO]\tTIME\tID\ta message", "END RequestId: ID",
		"REPORT RequestId: ID\tDuration: N ms\tBilled Duration: N ms\tMemory Size: N MB\tMax Memory Used: N MB\tInit Duration: N ms\t")

	// LS lambda_/test_lambda.py TestLambdaAliases::test_lambda_alias_moving, TestLambdaVersions::test_lambda_versions_with_code_changes
	name = made(tells, nil)
	arn := s.fn(name)
	s.must("lambda:PublishVersion", in{"FunctionName": name})
	s.must("lambda:CreateAlias", in{"FunctionName": name, "Name": "alias1", "FunctionVersion": "1"})
	for q, runs := range map[string][2]string{"": {"", "$LATEST"}, "$LATEST": {":$LATEST", "$LATEST"}, "1": {":1", "1"}, "alias1": {":alias1", "1"}} {
		given := in{"FunctionName": name}
		if q != "" {
			given["Qualifier"] = q
		}
		s.invoked(given, 200, runs[1], "-", `{"arn": "`+arn+runs[0]+`", "version": "`+runs[1]+`", "memory": "128"}`)
	}
	s.denied("lambda:Invoke", in{"FunctionName": name, "Qualifier": "non-existent-alias"}, 404, "ResourceNotFoundException",
		"Function not found: "+arn+":non-existent-alias")
	// LS lambda_/test_lambda.py TestLambdaFeatures::test_invoke_exceptions
	s.denied("lambda:Invoke", in{"FunctionName": "doesnotexist"}, 404, "ResourceNotFoundException", "Function not found: "+s.fn("doesnotexist:$LATEST"))
	// LS lambda_/test_lambda.py TestLambdaErrors::test_lambda_invoke_payload_encoding_error
	const parse = "Could not parse request body into json: Could not parse payload into json: "
	const at = "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: "
	s.denied("lambda:Invoke", in{"FunctionName": name, "Payload": []byte("n\x87r\x9e\xe9\xb5\xd7I\xee\x9bmt")}, 400, "InvalidRequestContentException",
		parse+"Invalid UTF-8 start byte 0x87"+at+"3]")
	s.denied("lambda:Invoke", in{"FunctionName": name, "Payload": []byte("\x99\xeb,j\x07\xa1zYh")}, 400, "InvalidRequestContentException",
		parse+"Unexpected character ((CTRL-CHAR, code 153)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"+at+"1]")

	// LS lambda_/test_lambda.py TestLambdaVersions::test_lambda_handler_update
	name = made(twice, nil)
	s.invoked(in{"FunctionName": name}, 200, "$LATEST", "-", `{"handler": "one"}`)
	s.ok("lambda:UpdateFunctionConfiguration", in{"FunctionName": name, "Handler": "index.handler_two"}, config+updating)
	s.ready(name)
	s.invoked(in{"FunctionName": name}, 200, "$LATEST", "-", `{"handler": "two"}`)

	// LS lambda_/test_lambda.py TestLambdaConcurrency::test_reserved_concurrency
	s.ok("lambda:PutFunctionConcurrency", in{"FunctionName": name, "ReservedConcurrentExecutions": 0}, "ReservedConcurrentExecutions")
	s.denied("lambda:Invoke", in{"FunctionName": name}, 429, "TooManyRequestsException", "Rate Exceeded.")
	s.wants(s.h.do(s, s.h.request(s, s.caller, "lambda:Invoke", in{"FunctionName": name})), map[string]string{"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"})
	s.must("lambda:DeleteFunctionConcurrency", in{"FunctionName": name})
}

// visit fetches a function's URL without a signature.
func (s scene) visit(url string) *http.Response {
	s.Helper()
	u := strings.TrimSuffix(url[strings.Index(url, "://")+3:], "/")
	r, err := http.NewRequest("GET", s.h.url+"/", nil)
	if err != nil {
		s.Fatal(err)
	}
	r.Host = u
	resp, err := s.h.http.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	return resp
}

func lambdaVisits(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	name := "visit-" + serial()
	s.function(name, role, in{"Code": in{"ZipFile": zipped("index.py", mute)}})
	url := s.ok("lambda:CreateFunctionUrlConfig", in{"FunctionName": name, "AuthType": "NONE"}, "AuthType,CreationTime,FunctionArn,FunctionUrl").str("FunctionUrl")
	seen := func(status int, body string, header map[string]string) {
		s.Helper()
		s.h.facts.Add(1)
		resp := s.visit(url)
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != status || string(b) != body {
			s.Errorf("the URL answers %d %s, want %d %s", resp.StatusCode, b, status, body)
		}
		for k, want := range header {
			if got := resp.Header.Get(k); got != want {
				s.Errorf("the URL answers %s %q, want %q", k, got, want)
			}
		}
	}
	forbidden := `{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`
	denied := map[string]string{"X-Amzn-Errortype": "AccessDeniedException"}
	// LS lambda_/test_lambda.py TestLambdaPermissions::test_lambda_permission_url_invocation
	seen(403, forbidden, denied)
	grant := in{"FunctionName": name, "StatementId": "urlPermission", "Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"}
	s.must("lambda:AddPermission", grant)
	// LS lambda_/test_lambda.py TestLambdaURL::test_lambda_url_invocation
	for source, body := range map[string]string{
		"{'hello': 'world'}": `{"hello":"world"}`, "'hello'": "hello", "3": "3", "3.1": "3.1", "True": "true",
		"['hello', 3, True]": `["hello",3,true]`, `{'statusCode': 200, 'body': '{"hello": "world"}'}`: `{"hello": "world"}`,
	} {
		s.must("lambda:UpdateFunctionCode", in{"FunctionName": name, "ZipFile": zipped("index.py", "def handler(event, context):\n    return "+source+"\n")})
		s.ready(name)
		seen(200, body, map[string]string{"Content-Type": "application/json"})
	}
	s.must("lambda:UpdateFunctionCode", in{"FunctionName": name, "ZipFile": zipped("index.py", "def handler(event, context):\n    return {'statusCode': 200, 'body': 'body123'}\n")})
	s.ready(name)
	seen(200, "body123", nil)
}

// logged are the messages of a function's log, once one of them has the last of
// these words.
func (s scene) logged(name, word string) (messages []string) {
	s.Helper()
	for range 400 {
		a := s.h.do(s, s.h.request(s, s.caller, "logs:FilterLogEvents", in{"logGroupName": "/aws/lambda/" + name}))
		events, _ := a.at("events")
		messages = nil
		found := false
		for _, e := range asList(events) {
			m, _ := e.(map[string]any)["message"].(string)
			messages = append(messages, m)
			found = found || strings.Contains(m, word)
		}
		if found {
			return messages
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.Fatalf("%s does not log %q: %q", name, word, messages)
	return nil
}

func asList(v any) []any { l, _ := v.([]any); return l }

func lambdaLogs(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	name := "logs-" + serial()
	// LS lambda_/test_lambda_runtimes.py TestCloudwatchLogs::test_multi_line_prints
	s.function(name, role, in{"Code": in{"ZipFile": zipped("index.py", "def handler(event, context):\n    print('multi\\nline\\nstring')\n    print('another\\rline')\n    raise ValueError('bad')\n")}})
	s.must("lambda:Invoke", in{"FunctionName": name})
	got := s.logged(name, "REPORT")
	if !strings.HasPrefix(got[0], "INIT_START Runtime Version: python:3.11") || !strings.Contains(got[0], "\tRuntime Version ARN: arn:aws:lambda:"+s.caller.region+"::runtime:") || !strings.HasSuffix(got[0], "\n") {
		t.Errorf("the log begins with %q", got[0])
	}
	// LS lambda_/test_lambda.py TestLambdaFeatures::test_invocation_type_event_error
	want := []string{
		"START RequestId: ID Version: $LATEST\n", "multi\n", "line\n", "string\n", "another\rline\n",
		"[ERROR] ValueError: bad\nTraceback (most recent call last):\n\u00a0\u00a0File \"/var/task/index.py\", line 4, in handler\n\u00a0\u00a0\u00a0\u00a0raise ValueError('bad')",
		"END RequestId: ID\n",
		"REPORT RequestId: ID\tDuration: N ms\tBilled Duration: N ms\tMemory Size: N MB\tMax Memory Used: N MB\tInit Duration: N ms\t\n",
	}
	for i, m := range got {
		got[i] = masked(m)
	}
	h.facts.Add(int64(len(got)))
	if !slices.Equal(got[1:], want) {
		t.Errorf("the log is\n%q, want\n%q", got[1:], want)
	}

	// LS lambda_/test_lambda.py TestLambdaBehavior::test_lambda_init_environment
	name = "environment-" + serial()
	s.function(name, role, in{"Environment": in{"Variables": in{"TEST_KEY": "TEST_VAL"}}, "Code": in{"ZipFile": zipped("index.py", "import os\ndef handler(event, context):\n    return dict(os.environ, STREAM=context.log_stream_name)\n")}})
	a := s.must("lambda:Invoke", in{"FunctionName": name})
	for variable, want := range map[string]string{
		"TEST_KEY": "TEST_VAL", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
		"AWS_DEFAULT_REGION": s.caller.region, "AWS_REGION": s.caller.region, "AWS_LAMBDA_LOG_STREAM_NAME": a.str("STREAM"), "PWD": "/var/task",
		"_HANDLER": "index.handler", "TZ": ":UTC", "LAMBDA_TASK_ROOT": "/var/task", "LANG": "en_US.UTF-8", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/" + name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "LAMBDA_RUNTIME_DIR": "/var/runtime", "SHLVL": "0", "AWS_LAMBDA_FUNCTION_NAME": name,
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR", "LC_CTYPE": "C.UTF-8", "PYTHONPATH": "/var/runtime",
	} {
		h.facts.Add(1)
		if got := a.str(variable); got != want {
			t.Errorf("the environment has %s=%q, want %q", variable, got, want)
		}
	}
	for _, variable := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API"} {
		h.facts.Add(1)
		if a.str(variable) == "" {
			t.Errorf("the environment has no %s", variable)
		}
	}
}

func lambdaDestinations(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	seen := "seen-" + serial()
	s.function(seen, role, in{"Code": in{"ZipFile": zipped("index.py", "import json\ndef handler(event, context):\n    print('SEEN', event['requestContext']['condition'], json.dumps(event))\n")}})
	to := in{"Destination": s.fn(seen)}
	result := func(source string, settings in, before func(name string), condition, fields string, values map[string]string) {
		t.Helper()
		name := "tells-" + serial()
		s.function(name, role, in{"Code": in{"ZipFile": zipped("index.py", source)}})
		given := in{"FunctionName": name, "DestinationConfig": in{"OnSuccess": to, "OnFailure": to}}
		maps.Copy(given, settings)
		s.must("lambda:PutFunctionEventInvokeConfig", given)
		if before != nil {
			before(name)
		}
		s.must("lambda:Invoke", in{"FunctionName": name, "InvocationType": "Event", "Payload": []byte(`{"a":1}`)})
		h.facts.Add(1)
		for _, m := range s.logged(seen, "SEEN "+condition+" ") {
			_, text, ok := strings.Cut(m, "SEEN "+condition+" ")
			if !ok {
				continue
			}
			a := &answer{}
			d := json.NewDecoder(strings.NewReader(text))
			d.UseNumber()
			if err := d.Decode(&a.result); err != nil {
				t.Fatal(err)
			}
			s.fields(condition, a, "requestContext{approximateInvokeCount,condition,functionArn,requestId},requestPayload{a},timestamp,version"+fields)
			s.wants(a, map[string]string{"version": "1.0", "requestContext.functionArn": s.fn(name) + ":$LATEST", "requestPayload.a": "1"})
			s.wants(a, values)
		}
	}
	failed := map[string]string{
		"requestContext.approximateInvokeCount": "1", "responseContext.statusCode": "200", "responseContext.executedVersion": "$LATEST",
		"responseContext.functionError": "Unhandled", "responsePayload.errorMessage": "Handler fails", "responsePayload.errorType": "Exception",
	}
	const failing = ",responseContext{executedVersion,functionError,statusCode},responsePayload{errorMessage,errorType,requestId,stackTrace[*]}"
	// LS lambda_/test_lambda_destinations.py TestLambdaDestinationSqs::test_assess_lambda_destination_invocation
	result("def handler(event, context):\n    return event\n", in{"MaximumRetryAttempts": 0}, nil, "Success", ",responseContext{executedVersion,statusCode},responsePayload{a}",
		map[string]string{"requestContext.approximateInvokeCount": "1", "responseContext.statusCode": "200", "responseContext.executedVersion": "$LATEST", "responsePayload.a": "1"})
	result(fault, in{"MaximumRetryAttempts": 0}, nil, "RetriesExhausted", failing, failed)
	// LS lambda_/test_lambda_destinations.py TestLambdaDestinationSqs::test_maxeventage
	result(fault, in{"MaximumEventAgeInSeconds": 60}, nil, "EventAgeExceeded", failing, failed)
	// LS lambda_/test_lambda.py TestLambdaConcurrency::test_reserved_concurrency
	result(mute, nil, func(name string) {
		s.must("lambda:PutFunctionConcurrency", in{"FunctionName": name, "ReservedConcurrentExecutions": 0})
	}, "ZeroReservedConcurrency", "", map[string]string{"requestContext.approximateInvokeCount": "0"})
}
