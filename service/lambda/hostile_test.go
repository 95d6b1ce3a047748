package lambda_test

import (
	"encoding/base64"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// hostile: what callers see of a function that does its host harm, word by word; the
// next event finds the function well.
func hostile(s *suite) {
	timedOut := `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 1.00 seconds"}`
	killed := `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: killed"}`
	for name, c := range map[string]struct {
		code string
		want string // ID stands for the request's id
		tail string // is somewhere in the log's end
	}{
		"hangs":  {"import time\ndef bad():\n    time.sleep(100)\n", timedOut, "Task timed out after 1.00 seconds"},
		"forks":  {"import os\ndef bad():\n    while True:\n        try:\n            os.fork()\n        except OSError:\n            pass\n", timedOut, "Status: timeout"},
		"prints": {"def bad():\n    while True:\n        print('x' * 1000)\n", timedOut, "Status: timeout"},
		"eats":   {"def bad():\n    a = []\n    while True:\n        a.append(bytearray(8 << 20))\n", killed, "Status: error\tError Type: Runtime.OutOfMemory"},
		"floods": {"def bad():\n    return 'x' * (100 << 20)\n", `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`, "REPORT RequestId: "},
	} {
		s.python(name, c.code+"def handler(e, c):\n    return 'well' if e.get('well') else bad()\n", func(in *lambda.CreateFunctionInput) {
			in.Timeout, in.MemorySize = aws.Int32(1), aws.Int32(128)
			if name == "floods" {
				in.Timeout, in.MemorySize = aws.Int32(60), aws.Int32(1024)
			}
			if name == "eats" {
				in.Timeout = aws.Int32(60)
			}
		})
		out := s.call(name, `{}`, func(in *lambda.InvokeInput) { in.LogType = types.LogTypeTail })
		id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
		var got, want any
		s.decode(out.Payload, &got)
		s.decode([]byte(strings.ReplaceAll(c.want, "ID", id)), &want)
		s.same(name, []any{out.StatusCode, out.FunctionError, got}, []any{200, "Unhandled", want})
		tail, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
		s.must(err)
		if !strings.Contains(string(tail), c.tail) || len(tail) > 4096 {
			s.Errorf("%s: %d bytes: %s", name, len(tail), tail)
		}
		_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: &name, Timeout: aws.Int32(60)})
		s.must(err)
		s.settled(name)
		if out := s.call(name, `{"well":true}`); string(out.Payload) != `"well"` {
			s.Errorf("%s afterwards: %s", name, out.Payload)
		}
	}
}
