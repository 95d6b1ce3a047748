package secretsmanager_test

import (
	"archive/zip"
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/redoubttest"
)

func TestMain(m *testing.M) {
	functions.Sandboxed()
	os.Exit(m.Run())
}

// python makes a rotation function that Secrets Manager may invoke.
func (s *suite) python(name, role, code string, timeout, memory int32) {
	s.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("index.py")
	must(s, err)
	_, err = f.Write([]byte(code))
	must(s, err)
	must(s, w.Close())
	_, err = lambda.NewFromConfig(s.account.Config(home)).CreateFunction(s.ctx, &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("index.handler"), Role: &role,
		Code: &lambdatypes.FunctionCode{ZipFile: b.Bytes()}, Timeout: &timeout, MemorySize: &memory,
	})
	if err != nil && strings.Contains(err.Error(), "cannot run on this server") {
		redoubttest.Lacks(s.T, err)
	}
	must(s, err)
	must(s, lambda.NewFunctionActiveV2Waiter(lambda.NewFromConfig(s.account.Config(home))).Wait(s.ctx, &lambda.GetFunctionInput{FunctionName: &name}, time.Minute))
	s.permit(name)
}

// TestHostileFunctions: whatever a rotation function does to its host, the current
// value stays and the error is told word by word.
func TestHostileFunctions(t *testing.T) {
	s := newAdmin(t, redoubttest.Start(t, redoubttest.Options{}))
	role, err := iam.NewFromConfig(s.account.Config(home)).CreateRole(s.ctx, &iam.CreateRoleInput{
		RoleName: aws.String("rotation"), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}`),
	})
	must(t, err)
	killed := " Error: Runtime exited with error: signal: killed"
	timedOut := " Error: Task timed out after 1.00 seconds"
	for name, c := range map[string]struct {
		code            string
		timeout, memory int32
		begins, ends    string // of the error; the request's id stands between
	}{
		"hangs":  {"import time\ndef handler(e, c):\n    time.sleep(100)\n", 1, 128, "Sandbox.Timedout: RequestId: ", timedOut},
		"forks":  {"import os\ndef handler(e, c):\n    while True:\n        try:\n            os.fork()\n        except OSError:\n            pass\n", 1, 128, "Sandbox.Timedout: RequestId: ", timedOut},
		"prints": {"def handler(e, c):\n    while True:\n        print('x' * 1000)\n", 1, 128, "Sandbox.Timedout: RequestId: ", timedOut},
		"eats":   {"def handler(e, c):\n    a = []\n    while True:\n        a.append(bytearray(8 << 20))\n", 60, 128, "Runtime.ExitError: RequestId: ", killed},
		"floods": {"def handler(e, c):\n    return 'x' * (100 << 20)\n", 60, 1024, "Function.ResponseSizeTooLarge: Response payload size exceeded", " maximum allowed payload size (6291556 bytes)."},
		"idle":   {"def handler(e, c):\n    pass\n", 60, 128, "Pending secret version ", " was not created by Lambda " + s.function("idle") + ". Remove the AWSPENDING staging label and restart rotation."},
	} {
		s.python(name, *role.Role.Arn, c.code, c.timeout, c.memory)
		s.create(name, "acknowledged")
		out, err := s.sm.RotateSecret(s.ctx, &sm.RotateSecretInput{SecretId: &name, RotationLambdaARN: aws.String(s.function(name)), RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}})
		must(t, err)
		s.failed(name, c.ends)
		for line := range strings.Lines(s.diagnose(name)) {
			_, text, failed := strings.Cut(strings.TrimSpace(line), ": ")
			if failed && strings.HasPrefix(strings.TrimSpace(line), "createSecret") && (!strings.HasPrefix(text, c.begins) || !strings.HasSuffix(text, c.ends)) {
				t.Errorf("%s: %s", name, line)
			}
		}
		s.is(s.value(name, ""), "acknowledged")
		d := s.describe(name)
		s.is(d.VersionIdsToStages[*out.VersionId], "[AWSPENDING]")
		if d.LastRotatedDate != nil {
			t.Errorf("%s counts as a rotation", name)
		}
		_, err = s.sm.RotateSecret(s.ctx, &sm.RotateSecretInput{SecretId: &name})
		refused(t, err, "InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted.")
	}
}
