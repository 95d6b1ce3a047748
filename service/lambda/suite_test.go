package lambda_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/redoubttest"
)

// The suite talks to a whole server over HTTP with AWS's own SDK. Every case has an
// account of its own on the one server.

const home = "us-east-1"

func TestMain(m *testing.M) {
	functions.Sandboxed()
	os.Exit(m.Run())
}

func TestLambda(t *testing.T) {
	server := redoubttest.Start(t, redoubttest.Options{})
	needSandbox(t, server)
	for name, run := range map[string]func(*suite){
		"lifecycle":      lifecycle,
		"configuration":  configuration,
		"refusals":       refusals,
		"versions":       versions,
		"aliases":        aliases,
		"permissions":    permissions,
		"services":       services,
		"rights":         rights,
		"layers":         layers,
		"environment":    environment,
		"concurrency":    concurrency,
		"tags":           tags,
		"invoke":         invoke,
		"role":           role,
		"archives":       archives,
		"event settings": eventSettings,
		"addresses":      addresses,
		"visits":         visits,
		"provided":       provided,
		"built-in":       builtIn,
		"hostile":        hostile,
		"from a bucket":  fromBucket,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(newSuite(t, server))
		})
	}
}

// needSandbox ends the test where this host cannot isolate functions.
func needSandbox(t *testing.T, server *redoubttest.Server) {
	t.Helper()
	s := newSuite(t, server)
	_, err := s.lambda.CreateFunction(s.ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String("probe"), Runtime: types.RuntimePython312, Handler: aws.String("index.handler"),
		Role: aws.String(s.role("probe", "")), Code: &types.FunctionCode{ZipFile: archive(t, map[string]string{"index.py": echo})},
	})
	if err != nil && strings.Contains(err.Error(), "cannot run on this server") {
		redoubttest.Lacks(t, err)
	}
	s.must(err)
}

type suite struct {
	*testing.T
	server  *redoubttest.Server
	account *redoubttest.Account
	ctx     context.Context
	lambda  *lambda.Client
	iam     *iam.Client
}

func newSuite(t *testing.T, server *redoubttest.Server) *suite {
	return suiteOf(t, server, server.NewAccount(t))
}

func suiteOf(t *testing.T, server *redoubttest.Server, a *redoubttest.Account) *suite {
	return &suite{T: t, server: server, account: a, ctx: t.Context(), lambda: lambda.NewFromConfig(a.Config(home)), iam: iam.NewFromConfig(a.Config(home))}
}

// restart stops the server and starts it again on the same data. The account must be
// the first one.
func (s *suite) restart() {
	s.Helper()
	s.server = s.server.Restart(s)
	*s = *suiteOf(s.T, s.server, s.server.Admin)
}

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}`

// role makes an execution role and answers its ARN.
func (s *suite) role(name, allow string) string {
	s.Helper()
	out, err := s.iam.CreateRole(s.ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trust)})
	if err != nil {
		s.Fatal(err)
	}
	if allow != "" {
		if _, err := s.iam.PutRolePolicy(s.ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("p"), PolicyDocument: &allow}); err != nil {
			s.Fatal(err)
		}
	}
	return *out.Role.Arn
}

func allow(actions ...string) string {
	b, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": actions, "Resource": "*"}}})
	return string(b)
}

// archive zips files.
func archive(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o755)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(text))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const echo = `
import os
def handler(event, context):
    return {"event": event, "version": os.environ["AWS_LAMBDA_FUNCTION_VERSION"], "arn": context.invoked_function_arn, "tag": os.environ.get("TAG")}
`

// python makes a function of Python code and waits until it is active.
func (s *suite) python(name, code string, change ...func(*lambda.CreateFunctionInput)) *lambda.CreateFunctionOutput {
	s.Helper()
	in := &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: types.RuntimePython312, Handler: aws.String("index.handler"),
		Code: &types.FunctionCode{ZipFile: archive(s, map[string]string{"index.py": code})}, Timeout: aws.Int32(30),
	}
	for _, f := range change {
		f(in)
	}
	if in.Role == nil {
		in.Role = aws.String(s.role("role-of-"+name, ""))
	}
	out, err := s.lambda.CreateFunction(s.ctx, in)
	if err != nil {
		s.Fatal(err)
	}
	s.settled(name)
	return out
}

// settled waits until a function and its last update are done.
func (s *suite) settled(name string) *types.FunctionConfiguration {
	s.Helper()
	var c *types.FunctionConfiguration
	redoubttest.Eventually(s, func() error {
		out, err := s.lambda.GetFunction(s.ctx, &lambda.GetFunctionInput{FunctionName: &name})
		if err != nil {
			return err
		}
		if c = out.Configuration; c.State != types.StateActive || c.LastUpdateStatus != types.LastUpdateStatusSuccessful {
			return errors.New(string(c.State) + " " + string(c.LastUpdateStatus))
		}
		return nil
	})
	return c
}

// call invokes a function with a payload.
func (s *suite) call(name, payload string, change ...func(*lambda.InvokeInput)) *lambda.InvokeOutput {
	s.Helper()
	in := &lambda.InvokeInput{FunctionName: &name, Payload: []byte(payload)}
	for _, f := range change {
		f(in)
	}
	out, err := s.lambda.Invoke(s.ctx, in)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// user makes an IAM user with one policy and answers a client of theirs.
func (s *suite) user(name, policy string) *lambda.Client {
	s.Helper()
	if _, err := s.iam.CreateUser(s.ctx, &iam.CreateUserInput{UserName: &name}); err != nil {
		s.Fatal(err)
	}
	k, err := s.iam.CreateAccessKey(s.ctx, &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		s.Fatal(err)
	}
	if policy != "" {
		if _, err := s.iam.PutUserPolicy(s.ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"), PolicyDocument: &policy}); err != nil {
			s.Fatal(err)
		}
	}
	return lambda.NewFromConfig(s.account.With(home, *k.AccessKey.AccessKeyId, *k.AccessKey.SecretAccessKey, ""))
}

// refused checks code and, unless it is "*", message of a refusal.
func (s *suite) refused(err error, code, message string) {
	s.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || message != "*" && e.ErrorMessage() != message {
		s.Errorf("got %v, want %s %q", err, code, message)
	}
}

func (s *suite) arn(resource string) string {
	return "arn:aws:lambda:" + home + ":" + s.account.ID + ":" + resource
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// same compares two values by their text.
func (s *suite) same(what string, got, want any) {
	s.Helper()
	a, b := text(got), text(want)
	if !bytes.Equal(a, b) {
		s.Errorf("%s: %s, want %s", what, a, b)
	}
}

// text is JSON whose members are in order.
func text(v any) []byte {
	b, _ := json.Marshal(v)
	var plain any
	_ = json.Unmarshal(b, &plain)
	b, _ = json.Marshal(plain)
	return b
}
