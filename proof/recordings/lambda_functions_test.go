package recordings

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/redoubttest"
)

func TestMain(m *testing.M) {
	functions.Sandboxed()
	os.Exit(m.Run())
}

// Fields of a function's configuration: those that are always there, and those that
// say how far it has got. With an empty description, as a list and as the rest.
const (
	bare = `Architectures[*],CodeSha256,CodeSize,EphemeralStorage{Size},FunctionArn,FunctionName,Handler,LastModified,
		LoggingConfig{LogFormat,LogGroup},MemorySize,PackageType,RevisionId,Role,Runtime,SnapStart{ApplyOn,OptimizationStatus},
		Timeout,TracingConfig{Mode},Version`
	listed   = bare + `,Description[]`
	config   = listed + `,RuntimeVersionConfig{RuntimeVersionArn}`
	pending  = `,State,StateReason,StateReasonCode`
	active   = `,State,LastUpdateStatus`
	updating = `,State,LastUpdateStatus,LastUpdateStatusReason,LastUpdateStatusReasonCode`
	noEnv    = `,Environment{Variables[]}`
	code     = `Code{Location,RepositoryType},Configuration{`
	alias    = `AliasArn,Description,FunctionVersion,Name,RevisionId`
)

// described is a configuration whose description is not empty.
func described(fields string) string {
	return strings.Replace(fields, "Description[]", "Description", 1)
}

const trustLambda = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}`

// role makes an execution role with all rights and answers its ARN.
func (s scene) role() string {
	s.Helper()
	name := "lambda-" + serial()
	a := s.must("iam:CreateRole", in{"RoleName": name, "AssumeRolePolicyDocument": trustLambda})
	s.must("iam:PutRolePolicy", in{"RoleName": name, "PolicyName": "p", "PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`})
	probe := s.h.do(s, s.h.request(s, s.caller, "lambda:CreateFunction", s.python("probe-"+serial(), a.str("Role.Arn"), nil)))
	if strings.Contains(string(probe.body), "cannot run on this server") {
		redoubttest.Lacks(s, string(probe.body))
	}
	return a.str("Role.Arn")
}

func zipped(files ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, _ := w.Create(files[i])
		io.WriteString(f, files[i+1])
	}
	w.Close()
	return b.Bytes()
}

const echoes = "import json\ndef handler(event, context):\n    print(json.dumps(event))\n    return event\n"

// python is what makes a function of Python code, as most scenarios do.
func (s scene) python(name, role string, more in) in {
	input := in{
		"FunctionName": name, "Runtime": "python3.11", "Handler": "index.handler", "Role": role,
		"Code": in{"ZipFile": zipped("index.py", echoes)},
	}
	maps.Copy(input, more)
	return input
}

// function makes a function and waits until it is there.
func (s scene) function(name, role string, more in) *answer {
	s.Helper()
	a := s.must("lambda:CreateFunction", s.python(name, role, more))
	s.ready(name)
	return a
}

// ready waits until a function and its last update are done.
func (s scene) ready(name string) *answer {
	s.Helper()
	for range 1000 {
		a := s.must("lambda:GetFunctionConfiguration", in{"FunctionName": name})
		if a.str("State") == "Active" && a.str("LastUpdateStatus") == "Successful" {
			return a
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.Fatal(name, "does not settle")
	return nil
}

// denied is a fact of Lambda: refused like this, by the service itself, which says
// that it is the user's doing; the framework's refusals say nothing of that kind.
func (s scene) denied(action string, input in, status int, code, message string) {
	s.Helper()
	s.h.facts.Add(1)
	a := s.h.do(s, s.h.request(s, s.caller, action, input))
	s.refused(action, a, status, code, message)
	want := "User"
	if code == "ValidationException" || code == "RequestEntityTooLargeException" {
		want = ""
	}
	if got := a.str("Type"); got != want {
		s.Errorf("%s: %s has type %q, want %q", action, code, got, want)
	}
	name := "message"
	if code == "ResourceNotFoundException" || strings.HasSuffix(code, "ConfigNotFoundException") && !strings.HasPrefix(code, "Provisioned") {
		name = "Message"
	}
	if _, ok := a.at(name); !ok {
		s.Errorf("%s: %s has no %s: %s", action, code, name, a.body)
	}
}

// untyped is denied where AWS was seen not to say whose doing it is.
func (s scene) untyped(action string, input in, status int, code, message string) {
	s.Helper()
	s.h.facts.Add(1)
	a := s.h.do(s, s.h.request(s, s.caller, action, input))
	s.refused(action, a, status, code, message)
	if _, ok := a.at("Type"); ok {
		s.Errorf("%s: %s has a type: %s", action, code, a.body)
	}
}

func (s scene) fn(name string) string {
	return "arn:aws:lambda:" + s.caller.region + ":" + s.h.account + ":function:" + name
}

func lambdaFunctions(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	name := "fn-" + serial()
	group := in{"FunctionName": name}
	none := in{"Variables": in{}}

	// LS lambda_/test_lambda_api.py TestLambdaFunction::test_function_lifecycle
	a := s.ok("lambda:CreateFunction", s.python(name, role, in{"MemorySize": 256, "Timeout": 5, "Environment": none}), config+pending+noEnv)
	s.wants(a, map[string]string{
		"FunctionArn": s.fn(name), "FunctionName": name, "MemorySize": "256", "Timeout": "5", "State": "Pending", "StateReason": "The function is being created.",
		"StateReasonCode": "Creating", "PackageType": "Zip", "SnapStart.ApplyOn": "None", "SnapStart.OptimizationStatus": "Off", "EphemeralStorage.Size": "512",
		"TracingConfig.Mode": "PassThrough", "Version": "$LATEST", "Architectures.0": "x86_64", "LoggingConfig.LogFormat": "Text", "LoggingConfig.LogGroup": "/aws/lambda/" + name,
	})
	if !strings.HasPrefix(a.str("RuntimeVersionConfig.RuntimeVersionArn"), "arn:aws:lambda:us-east-1::runtime:") {
		t.Error(a.str("RuntimeVersionConfig.RuntimeVersionArn"))
	}
	made := a.str("RevisionId")
	s.ready(name)
	a = s.ok("lambda:GetFunction", group, code+config+active+noEnv+"}")
	s.wants(a, map[string]string{"Code.RepositoryType": "S3", "Configuration.State": "Active", "Configuration.LastUpdateStatus": "Successful"})
	if made == a.str("Configuration.RevisionId") {
		t.Error("a function keeps its revision when it becomes active")
	}
	a = s.ok("lambda:UpdateFunctionConfiguration", in{
		"FunctionName": name, "Runtime": "python3.12", "Description": "Changed-Description", "MemorySize": 512, "Timeout": 10, "Environment": in{"Variables": in{"ENV_A": "a"}},
	}, described(config)+updating+",Environment{Variables{ENV_A}}")
	s.wants(a, map[string]string{
		"Description": "Changed-Description", "LastUpdateStatus": "InProgress", "LastUpdateStatusReason": "The function is being created.",
		"LastUpdateStatusReasonCode": "Creating", "State": "Active", "Runtime": "python3.12", "MemorySize": "512", "Environment.Variables.ENV_A": "a",
	})
	s.ready(name)
	s.ok("lambda:GetFunction", group, code+described(config)+active+",Environment{Variables{ENV_A}}}")
	s.ok("lambda:UpdateFunctionCode", in{"FunctionName": name, "ZipFile": zipped("index.py", echoes+"\n")}, described(config)+updating+",Environment{Variables{ENV_A}}")
	s.ready(name)
	s.ok("lambda:GetFunction", group, code+described(config)+active+",Environment{Variables{ENV_A}}}")
	s.must("lambda:DeleteFunction", group)
	s.denied("lambda:DeleteFunction", group, 404, "ResourceNotFoundException", "Function not found: "+s.fn(name))

	// test_redundant_updates
	name = "fn-" + serial()
	s.function(name, role, in{"Description": "Initial description", "Timeout": 30})
	last := ""
	for range 2 {
		a = s.ok("lambda:UpdateFunctionConfiguration", in{"FunctionName": name, "Description": "1st update description"}, described(config)+updating)
		if a.str("RevisionId") == last {
			t.Error("an update without a change keeps the revision")
		}
		s.ready(name)
		a = s.ok("lambda:GetFunctionConfiguration", in{"FunctionName": name}, described(config)+active)
		last = a.str("RevisionId")
		a = s.ok("lambda:GetFunction", in{"FunctionName": name}, code+described(config)+active+"}")
		s.wants(a, map[string]string{"Configuration.RevisionId": last})
	}

	// test_lambda_code_location_zipfile
	name = "code-function-" + serial()
	pkg := zipped("index.py", echoes)
	s.ok("lambda:CreateFunction", s.python(name, role, in{"Code": in{"ZipFile": pkg}, "PackageType": "Zip"}), config+pending)
	sum := sha256.Sum256(pkg)
	s.ready(name)
	a = s.ok("lambda:GetFunction", in{"FunctionName": name}, code+config+active+"}")
	s.wants(a, map[string]string{"Configuration.CodeSha256": base64.StdEncoding.EncodeToString(sum[:]), "Configuration.CodeSize": fmt.Sprint(len(pkg))})
	resp, err := http.Get(a.str("Code.Location"))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if h.facts.Add(1); !bytes.Equal(got, pkg) {
		t.Errorf("the location has other code: %d", resp.StatusCode)
	}

	// TestLoggingConfig::test_function_advanced_logging_configuration, test_function_partial_advanced_logging_configuration_update
	json := strings.Replace(config, "LoggingConfig{LogFormat,LogGroup}", "LoggingConfig{LogFormat,LogGroup,ApplicationLogLevel,SystemLogLevel}", 1)
	for _, c := range []struct {
		given in
		want  [4]string
	}{
		{in{"LogFormat": "JSON"}, [4]string{"JSON", "INFO", "INFO", ""}},
		{in{"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}, [4]string{"JSON", "DEBUG", "INFO", ""}},
		{in{"LogFormat": "Text"}, [4]string{"Text", "", "", ""}},
		{in{"LogFormat": "JSON", "SystemLogLevel": "DEBUG"}, [4]string{"JSON", "INFO", "DEBUG", ""}},
		{in{"LogFormat": "Text", "LogGroup": "cool_lambda"}, [4]string{"Text", "", "", "cool_lambda"}},
	} {
		fields := config
		if c.want[0] == "JSON" {
			fields = json
		}
		a = s.ok("lambda:UpdateFunctionConfiguration", in{"FunctionName": name, "LoggingConfig": c.given}, fields+updating)
		if c.want[3] == "" {
			c.want[3] = "/aws/lambda/" + name
		}
		want := map[string]string{"LoggingConfig.LogFormat": c.want[0], "LoggingConfig.ApplicationLogLevel": c.want[1], "LoggingConfig.SystemLogLevel": c.want[2], "LoggingConfig.LogGroup": c.want[3]}
		s.wants(a, want)
		s.ready(name)
		s.wants(s.ok("lambda:GetFunctionConfiguration", in{"FunctionName": name}, fields+active), want)
	}
}

func lambdaNames(t *testing.T, h *house) {
	s := h.scene(t)
	role := s.role()
	const (
		pattern = "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: *"
		long    = "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must have length less than or equal to %d"
	)
	get := []string{"lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:DeleteFunction", "lambda:Invoke"}
	// LS lambda_/test_lambda_api.py TestLambdaFunction::test_function_name_and_qualifier_validation, test_function_arns, test_invalid_invoke
	for _, name := range []string{
		"my-function!", "*", "invalid-account:function:my-function", "arn:aws:lambda:invalid-region:111111111111:function:my-function",
		"arn:aws:ec2:us-east-1:111111111111:instance:i-1234567890abcdef0", "arn:aws:lambda:us-east-1:111111111111:function:my-function:1:2",
		"function:my-function:$LATEST:extra", "arn:aws:lambda::111111111111:function:my-function", "arn:aws:lambda:us-east-1::function:my-function",
		s.fn("my-function:$LATES"), "arn:aws:lambda:us-east-1:123400000000@function:myfn",
	} {
		for _, action := range get {
			s.denied(action, in{"FunctionName": name}, 400, "ValidationException", fmt.Sprintf(pattern, name, "functionName"))
		}
		s.denied("lambda:CreateFunction", s.python(name, role, nil), 400, "ValidationException", fmt.Sprintf(pattern, name, "functionName"))
	}
	aaa := strings.Repeat("a", 129)
	for _, action := range get {
		s.denied(action, in{"FunctionName": "my-function", "Qualifier": "invalid!"}, 400, "ValidationException", fmt.Sprintf(pattern, "invalid!", "qualifier"))
		s.denied(action, in{"FunctionName": "my-function", "Qualifier": aaa}, 400, "ValidationException", fmt.Sprintf(long, aaa, "qualifier", 128))
		s.denied(action, in{"FunctionName": s.fn("my-function:$LATEST"), "Qualifier": "1"}, 400, "InvalidParameterValueException",
			"The derived qualifier from the function name does not match the specified qualifier.")
		latest := ""
		if action == "lambda:Invoke" {
			latest = ":$LATEST"
		}
		// A name is too long only for what is to be made.
		s.denied(action, in{"FunctionName": aaa[:65]}, 404, "ResourceNotFoundException", "Function not found: "+s.fn(aaa[:65])+latest)
		s.denied(action, in{"FunctionName": "arn:aws:lambda:us-east-1:" + h.account + ":function"}, 404, "ResourceNotFoundException", "Function not found: "+s.fn("function")+latest)
		q := ":$latest"
		if action == "lambda:DeleteFunction" {
			q = ""
		}
		s.denied(action, in{"FunctionName": "my-function", "Qualifier": "$latest"}, 404, "ResourceNotFoundException", "Function not found: "+s.fn("my-function")+q)
	}
	s.denied("lambda:CreateFunction", s.python(aaa[:65], role, nil), 400, "InvalidParameterValueException", fmt.Sprintf(long, aaa[:65], "functionName", 64))
	s.denied("lambda:CreateFunction", s.python("my-function:"+aaa, role, nil), 400, "ValidationException", fmt.Sprintf(long, "my-function:"+aaa, "functionName", 140))
	s.denied("lambda:CreateFunction", s.python("arn:aws:lambda:ap-southeast-1:"+h.account+":function:f", role, nil), 404, "ResourceNotFoundException",
		"Functions from 'ap-southeast-1' are not reachable in this region ('us-east-1')")
	arn := s.fn("by-arn-" + serial())
	a := s.ok("lambda:CreateFunction", s.python(arn, role, nil), config+pending)
	s.wants(a, map[string]string{"FunctionArn": arn})
	partial := h.account + ":function:partial-" + serial()
	a = s.ok("lambda:CreateFunction", s.python(partial, role, nil), config+pending)
	s.wants(a, map[string]string{"FunctionArn": "arn:aws:lambda:us-east-1:" + partial})

	// test_ops_with_arn_qualifier_mismatch
	for _, action := range get[:3] {
		s.denied(action, in{"FunctionName": s.fn("some-function:1"), "Qualifier": "$LATEST"}, 400, "InvalidParameterValueException",
			"The derived qualifier from the function name does not match the specified qualifier.")
		if action == "lambda:DeleteFunction" {
			s.denied(action, in{"FunctionName": s.fn("some-function:$LATEST"), "Qualifier": "$LATEST"}, 400, "InvalidParameterValueException",
				"$LATEST version cannot be deleted without deleting the function.")
			continue
		}
		s.denied(action, in{"FunctionName": s.fn("some-function:$LATEST"), "Qualifier": "$LATEST"}, 404, "ResourceNotFoundException", "Function not found: "+s.fn("some-function:$LATEST"))
	}
	// test_ops_on_nonexisting_version, test_delete_on_nonexisting_version
	name := "i-exist-" + serial()
	s.function(name, role, nil)
	for _, action := range get[:2] {
		s.denied(action, in{"FunctionName": name, "Qualifier": "1221"}, 404, "ResourceNotFoundException", "Function not found: "+s.fn(name+":1221"))
	}
	s.denied("lambda:GetFunctionEventInvokeConfig", in{"FunctionName": name, "Qualifier": "1221"}, 404, "ResourceNotFoundException",
		"The function "+s.fn(name+":1221")+" doesn't have an EventInvokeConfig")
	// test_get_function_wrong_region
	for _, action := range append(get, "lambda:GetFunctionUrlConfig", "lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionEventInvokeConfig", "lambda:GetFunctionConcurrency") {
		s.denied(action, in{"FunctionName": "arn:aws:lambda:eu-central-1:" + h.account + ":function:" + name}, 404, "ResourceNotFoundException",
			"Functions from 'eu-central-1' are not reachable in this region ('us-east-1')")
	}
	for range 2 {
		s.ok("lambda:DeleteFunction", in{"FunctionName": name, "Qualifier": "1233"}, "")
	}
	s.ok("lambda:DeleteFunction", in{"FunctionName": name}, "")
	for _, q := range []in{{}, {"Qualifier": "1233"}} {
		q["FunctionName"] = name
		s.denied("lambda:DeleteFunction", q, 404, "ResourceNotFoundException", "Function not found: "+s.fn(name))
	}
	// test_ops_on_nonexisting_fn
	for _, action := range append(get[:3], "lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionConcurrency") {
		s.denied(action, in{"FunctionName": name}, 404, "ResourceNotFoundException", "Function not found: "+s.fn(name))
	}
	s.denied("lambda:GetFunctionUrlConfig", in{"FunctionName": name}, 404, "ResourceNotFoundException", "The resource you requested does not exist.")
	s.denied("lambda:GetFunctionEventInvokeConfig", in{"FunctionName": name}, 404, "ResourceNotFoundException", "The function "+s.fn(name)+":$LATEST doesn't have an EventInvokeConfig")
}
