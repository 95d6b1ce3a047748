package lambda_test

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// lifecycle: what AWS shows of a function from its making to its end.
func lifecycle(s *suite) {
	zip := archive(s, map[string]string{"index.py": echo})
	sum := sha256.Sum256(zip)
	hash := base64.StdEncoding.EncodeToString(sum[:])
	role := s.role("r", "")
	made := s.python("f", echo, func(in *lambda.CreateFunctionInput) { in.Role, in.Code.ZipFile, in.Timeout = &role, zip, nil })
	s.same("state", []any{made.State, made.StateReason, made.StateReasonCode, made.LastUpdateStatus}, []any{"Pending", "The function is being created.", "Creating", ""})
	s.same("made", []any{made.FunctionArn, made.CodeSha256, made.CodeSize, made.Version, made.Timeout, made.MemorySize, made.Description, made.PackageType, made.Architectures, made.Role},
		[]any{s.arn("function:f"), hash, len(zip), "$LATEST", 3, 128, "", "Zip", []string{"x86_64"}, role})
	s.same("defaults", []any{made.EphemeralStorage.Size, made.LoggingConfig.LogFormat, made.LoggingConfig.LogGroup, made.SnapStart.ApplyOn, made.TracingConfig.Mode, made.Environment, made.VpcConfig, made.DeadLetterConfig, made.KMSKeyArn},
		[]any{512, "Text", "/aws/lambda/f", "None", "PassThrough", nil, nil, nil, nil})
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$`).MatchString(*made.LastModified) {
		s.Error(*made.LastModified)
	}
	got, err := s.lambda.GetFunction(s.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("f")})
	s.must(err)
	if got.Tags != nil || got.Concurrency != nil || *got.Configuration.RevisionId == *made.RevisionId || got.Configuration.StateReason != nil {
		s.Errorf("%+v", got)
	}
	// The code's address gives the code, to whoever has it, and to nobody else.
	resp, err := http.Get(*got.Code.Location)
	s.must(err)
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 || string(body) != string(zip) {
		s.Errorf("%s: %d, %d bytes", *got.Code.Location, resp.StatusCode, len(body))
	}
	resp, err = http.Get(strings.Replace(*got.Code.Location, "Signature=", "Signature=x", 1))
	s.must(err)
	resp.Body.Close()
	if resp.StatusCode != 403 {
		s.Error(resp.StatusCode)
	}

	// Code and configuration change; what was before runs until then.
	up, err := s.lambda.UpdateFunctionCode(s.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: archive(s, map[string]string{"index.py": "def handler(e, c): return 'two'"})})
	s.must(err)
	s.same("update", []any{up.State, up.LastUpdateStatus, up.LastUpdateStatusReason, up.LastUpdateStatusReasonCode}, []any{"Active", "InProgress", "The function is being created.", "Creating"})
	s.settled("f")
	if out := s.call("f", `{}`); string(out.Payload) != `"two"` {
		s.Errorf("%s", out.Payload)
	}
	up2, err := s.lambda.UpdateFunctionConfiguration(s.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Description: aws.String("d"), MemorySize: aws.Int32(256), Timeout: aws.Int32(7)})
	s.must(err)
	s.same("update", []any{up2.Description, up2.MemorySize, up2.Timeout, up2.CodeSha256}, []any{"d", 256, 7, up.CodeSha256})
	_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Description: aws.String("e"), RevisionId: up.RevisionId})
	s.refused(err, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
	c := s.settled("f")
	_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Description: aws.String("e"), RevisionId: c.RevisionId})
	s.must(err)
	s.settled("f")
	dry, err := s.lambda.UpdateFunctionCode(s.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: zip, DryRun: true})
	s.must(err)
	s.same("dry run", dry.CodeSha256, hash)
	if c := s.settled("f"); *c.CodeSha256 == hash {
		s.Error("a dry run changed the code")
	}

	list, err := s.lambda.ListFunctions(s.ctx, &lambda.ListFunctionsInput{})
	s.must(err)
	own := added(list.Functions)
	s.same("list", []any{len(own), own[0].FunctionArn, own[0].State, list.NextMarker}, []any{1, s.arn("function:f"), "", nil})
	_, err = s.lambda.DeleteFunction(s.ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("f")})
	s.must(err)
	_, err = s.lambda.GetFunction(s.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("f")})
	s.refused(err, "ResourceNotFoundException", "Function not found: "+s.arn("function:f"))
	_, err = s.lambda.DeleteFunction(s.ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("f")})
	s.refused(err, "ResourceNotFoundException", "Function not found: "+s.arn("function:f"))
}

// added are the functions of a list that are no part of the server.
func added(list []types.FunctionConfiguration) []types.FunctionConfiguration {
	return slices.DeleteFunc(list, func(f types.FunctionConfiguration) bool { return strings.HasPrefix(*f.FunctionName, "SecretsManager") })
}

// configuration: names, pages, and settings.
func configuration(s *suite) {
	role := s.role("r", "")
	for _, name := range []string{"a", "b", "c"} {
		s.python(name, echo, func(in *lambda.CreateFunctionInput) { in.Role, in.Publish = &role, name == "b" })
	}
	for _, name := range []string{"a", "function:a", s.account.ID + ":function:a", s.arn("function:a")} {
		out, err := s.lambda.GetFunctionConfiguration(s.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name})
		s.must(err)
		s.same(name, out.FunctionArn, s.arn("function:a"))
	}
	out, err := s.lambda.GetFunctionConfiguration(s.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("b:1")})
	s.must(err)
	s.same("b:1", []any{out.FunctionArn, out.Version}, []any{s.arn("function:b:1"), "1"})
	var names []string
	p := lambda.NewListFunctionsPaginator(s.lambda, &lambda.ListFunctionsInput{MaxItems: aws.Int32(1), FunctionVersion: types.FunctionVersionAll})
	for p.HasMorePages() {
		page, err := p.NextPage(s.ctx)
		s.must(err)
		if len(page.Functions) > 1 {
			s.Errorf("%d on a page of 1", len(page.Functions))
		}
		for _, f := range added(page.Functions) {
			names = append(names, strings.TrimPrefix(*f.FunctionArn, s.arn("function:")))
		}
	}
	s.same("all versions", names, []string{"a:$LATEST", "b:$LATEST", "b:1", "c:$LATEST"})
	_, err = s.lambda.ListFunctions(s.ctx, &lambda.ListFunctionsInput{Marker: aws.String("made-up")})
	s.refused(err, "InvalidParameterValueException", "*")
	_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("a"), LoggingConfig: &types.LoggingConfig{LogFormat: types.LogFormatJson, LogGroup: aws.String("/mine")}})
	s.must(err)
	c := s.settled("a")
	s.same("logging", []any{c.LoggingConfig.LogGroup, c.LoggingConfig.ApplicationLogLevel, c.LoggingConfig.SystemLogLevel}, []any{"/mine", "INFO", "INFO"})
	settings, err := s.lambda.GetAccountSettings(s.ctx, &lambda.GetAccountSettingsInput{})
	s.must(err)
	s.same("settings", []any{settings.AccountLimit.ConcurrentExecutions, settings.AccountUsage.FunctionCount}, []any{1000, 3})
}

// refusals: codes, texts and HTTP statuses of AWS.
func refusals(s *suite) {
	role := s.role("r", "")
	zip := archive(s, map[string]string{"index.py": echo})
	create := func(change func(*lambda.CreateFunctionInput)) error {
		in := &lambda.CreateFunctionInput{FunctionName: aws.String("g"), Runtime: types.RuntimePython312, Handler: aws.String("index.handler"), Role: &role, Code: &types.FunctionCode{ZipFile: zip}}
		change(in)
		_, err := s.lambda.CreateFunction(s.ctx, in)
		return err
	}
	s.python("f", echo, func(in *lambda.CreateFunctionInput) { in.Role = &role })
	s.refused(create(func(in *lambda.CreateFunctionInput) { in.FunctionName = aws.String("f") }), "ResourceConflictException", "Function already exist: f")
	s.refused(create(func(in *lambda.CreateFunctionInput) { in.Handler = nil }), "InvalidParameterValueException", "Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	s.refused(create(func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(901) }), "ValidationException", "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900")
	s.refused(create(func(in *lambda.CreateFunctionInput) { in.Runtime = "python2.7" }), "InvalidParameterValueException", "*")
	s.refused(create(func(in *lambda.CreateFunctionInput) { in.Code.ZipFile = []byte("no zip") }), "InvalidParameterValueException", "Could not unzip uploaded file. Please check your file, then try to upload again.")
	s.refused(create(func(in *lambda.CreateFunctionInput) {
		in.Code = &types.FunctionCode{ImageUri: aws.String("x.dkr.ecr.us-east-1.amazonaws.com/a:b")}
	}), "InvalidParameterValueException", "*")
	s.refused(create(func(in *lambda.CreateFunctionInput) { in.VpcConfig = &types.VpcConfig{SubnetIds: []string{"subnet-1"}} }), "InvalidParameterValueException", "*")
	s.refused(create(func(in *lambda.CreateFunctionInput) {
		in.Role = aws.String("arn:aws:iam::" + s.account.ID + ":role/none")
	}), "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
	s.refused(create(func(in *lambda.CreateFunctionInput) { in.Role = aws.String("arn:aws:iam::999999999999:role/none") }), "AccessDeniedException", "*")
	_, err := s.iam.CreateRole(s.ctx, &iam.CreateRoleInput{RoleName: aws.String("other"), AssumeRolePolicyDocument: aws.String(strings.Replace(trust, "lambda", "ec2", 1))})
	s.must(err)
	s.refused(create(func(in *lambda.CreateFunctionInput) {
		in.Role = aws.String("arn:aws:iam::" + s.account.ID + ":role/other")
	}), "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
	s.refused(create(func(in *lambda.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"AWS_REGION": "x"}}
	}), "InvalidParameterValueException", "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION")
	s.refused(create(func(in *lambda.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"BIG": strings.Repeat("x", 4100)}}
	}), "InvalidParameterValueException", "*")
	s.refused(create(func(in *lambda.CreateFunctionInput) { in.Layers = []string{s.arn("layer:none:1")} }), "InvalidParameterValueException", "Layer version "+s.arn("layer:none:1")+" does not exist.")

	get := func(name, qualifier string) error {
		in := &lambda.GetFunctionInput{FunctionName: &name}
		if qualifier != "" {
			in.Qualifier = &qualifier
		}
		_, err := s.lambda.GetFunction(s.ctx, in)
		return err
	}
	s.refused(get("none", "$LATEST"), "ResourceNotFoundException", "Function not found: "+s.arn("function:none:$LATEST"))
	s.refused(get("f", "7"), "ResourceNotFoundException", "Function not found: "+s.arn("function:f:7"))
	s.refused(get("f:1", "2"), "InvalidParameterValueException", "The derived qualifier from the function name does not match the specified qualifier.")
	s.refused(get(strings.Replace(s.arn("function:f"), home, "us-west-2", 1), ""), "ResourceNotFoundException", "Functions from 'us-west-2' are not reachable in this region ('us-east-1')")
	_, err = s.lambda.DeleteFunction(s.ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("f"), Qualifier: aws.String("$LATEST")})
	s.refused(err, "InvalidParameterValueException", "$LATEST version cannot be deleted without deleting the function.")
	for _, err := range []error{
		func() error {
			_, err := s.lambda.GetPolicy(s.ctx, &lambda.GetPolicyInput{FunctionName: aws.String("f")})
			return err
		}(),
		func() error {
			_, err := s.lambda.GetFunctionUrlConfig(s.ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: aws.String("f")})
			return err
		}(),
	} {
		s.refused(err, "ResourceNotFoundException", "The resource you requested does not exist.")
	}
}

// archives: nothing of a package gets out of its place.
func archives(s *suite) {
	role := s.role("r", "")
	for _, name := range []string{"../evil.py", "/etc/passwd", "a/../../b", "a\\b"} {
		_, err := s.lambda.CreateFunction(s.ctx, &lambda.CreateFunctionInput{
			FunctionName: aws.String("f"), Runtime: types.RuntimePython312, Handler: aws.String("index.handler"), Role: &role,
			Code: &types.FunctionCode{ZipFile: archive(s, map[string]string{name: "x"})},
		})
		s.refused(err, "InvalidParameterValueException", "*")
	}
	// A package of several pieces comes back whole.
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(i*i>>3) ^ byte(i*7919>>5)
	}
	s.python("big", "def handler(e, c):\n    return len(open('noise', 'rb').read())", func(in *lambda.CreateFunctionInput) {
		in.Role = &role
		in.Code.ZipFile = stored(s, map[string]string{"index.py": "def handler(e, c):\n    return len(open('noise', 'rb').read())", "noise": string(noise)})
	})
	if out := s.call("big", "{}"); string(out.Payload) != "1048576" {
		s.Errorf("%s", out.Payload)
	}
}

// role: giving a function a role takes iam:PassRole for it.
func role(s *suite) {
	first, second := s.role("first", allow("sts:GetCallerIdentity")), s.role("second", "")
	zip := archive(s, map[string]string{"index.py": echo})
	client := s.user("dev", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"`+first+`","Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}}]}`)
	in := &lambda.CreateFunctionInput{FunctionName: aws.String("f"), Runtime: types.RuntimePython312, Handler: aws.String("index.handler"), Role: &second, Code: &types.FunctionCode{ZipFile: zip}}
	_, err := client.CreateFunction(s.ctx, in)
	s.refused(err, "AccessDeniedException", "User: arn:aws:iam::"+s.account.ID+":user/dev is not authorized to perform: iam:PassRole on resource: "+second+" because no identity-based policy allows the iam:PassRole action")
	in.Role = &first
	_, err = client.CreateFunction(s.ctx, in)
	s.must(err)
	s.settled("f")
	_, err = client.UpdateFunctionConfiguration(s.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Role: &second})
	s.refused(err, "AccessDeniedException", "*")

	// The function runs with credentials of its role, and as nobody else.
	s.python("who", `
import os, json, urllib.request
def handler(event, context):
    return {k: os.environ[k] for k in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL")}
`, func(in *lambda.CreateFunctionInput) { in.Role = &first })
	var env map[string]string
	s.decode(s.call("who", "{}").Payload, &env)
	out, err := sts.NewFromConfig(s.account.With(home, env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"])).GetCallerIdentity(s.ctx, &sts.GetCallerIdentityInput{})
	s.must(err)
	s.same("caller", []any{out.Arn, env["AWS_REGION"]}, []any{"arn:aws:sts::" + s.account.ID + ":assumed-role/first/who", home})
	// Once the role is gone, so is what the function may do.
	_, err = s.iam.DeleteRolePolicy(s.ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String("first"), PolicyName: aws.String("p")})
	s.must(err)
	_, err = s.iam.DeleteRole(s.ctx, &iam.DeleteRoleInput{RoleName: aws.String("first")})
	s.must(err)
	_, err = sts.NewFromConfig(s.account.With(home, env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"])).GetCallerIdentity(s.ctx, &sts.GetCallerIdentityInput{})
	if err == nil {
		s.Error("credentials of a role that is gone still work")
	}
}
