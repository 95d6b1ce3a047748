package lambda_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

func redoubtEventually(s *suite, f func() error) { s.Helper(); redoubttest.Eventually(s, f) }

// eventSettings: how asynchronous invocations are configured.
func eventSettings(s *suite) {
	s.python("f", echo)
	s.python("g", echo)
	put := func(in *lambda.PutFunctionEventInvokeConfigInput) (*lambda.PutFunctionEventInvokeConfigOutput, error) {
		if in.FunctionName == nil {
			in.FunctionName = aws.String("f")
		}
		return s.lambda.PutFunctionEventInvokeConfig(s.ctx, in)
	}
	to := func(arn string) *types.DestinationConfig {
		return &types.DestinationConfig{OnSuccess: &types.OnSuccess{Destination: &arn}}
	}
	_, err := put(&lambda.PutFunctionEventInvokeConfigInput{})
	s.refused(err, "InvalidParameterValueException", "You must specify at least one of error handling or destination setting.")
	_, err = put(&lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("none"), MaximumRetryAttempts: aws.Int32(1)})
	s.refused(err, "ResourceNotFoundException", "The function doesn't exist.")
	_, err = put(&lambda.PutFunctionEventInvokeConfigInput{DestinationConfig: to(s.arn("function:f"))})
	s.refused(err, "InvalidParameterValueException", "You can't specify the function as a destination for itself.")
	_, err = put(&lambda.PutFunctionEventInvokeConfigInput{DestinationConfig: to(s.arn("function:none"))})
	s.refused(err, "InvalidParameterValueException", "The destination ARN "+s.arn("function:none")+" is invalid.")
	wrong := strings.Replace(s.arn("function:f"), ":lambda:", ":iam:", 1)
	_, err = put(&lambda.PutFunctionEventInvokeConfigInput{DestinationConfig: to(wrong)})
	s.refused(err, "InvalidParameterValueException", "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination="+wrong+"), onFailure=null) is invalid.")
	out, err := put(&lambda.PutFunctionEventInvokeConfigInput{DestinationConfig: to(s.arn("function:g")), MaximumRetryAttempts: aws.Int32(2), MaximumEventAgeInSeconds: aws.Int32(60)})
	s.must(err)
	s.same("put", []any{out.FunctionArn, out.DestinationConfig.OnSuccess.Destination, out.MaximumRetryAttempts, out.MaximumEventAgeInSeconds}, []any{s.arn("function:f:$LATEST"), s.arn("function:g"), 2, 60})
	up, err := s.lambda.UpdateFunctionEventInvokeConfig(s.ctx, &lambda.UpdateFunctionEventInvokeConfigInput{FunctionName: aws.String("f"), MaximumRetryAttempts: aws.Int32(0)})
	s.must(err)
	s.same("update", []any{up.MaximumRetryAttempts, up.MaximumEventAgeInSeconds, up.DestinationConfig.OnSuccess.Destination}, []any{0, 60, s.arn("function:g")})
	out, err = put(&lambda.PutFunctionEventInvokeConfigInput{MaximumRetryAttempts: aws.Int32(1)})
	s.must(err)
	s.same("put again", []any{out.MaximumEventAgeInSeconds, out.DestinationConfig.OnSuccess.Destination}, []any{nil, nil})
	list, err := s.lambda.ListFunctionEventInvokeConfigs(s.ctx, &lambda.ListFunctionEventInvokeConfigsInput{FunctionName: aws.String("f")})
	s.must(err)
	s.same("list", len(list.FunctionEventInvokeConfigs), 1)
	_, err = s.lambda.DeleteFunctionEventInvokeConfig(s.ctx, &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: aws.String("f")})
	s.must(err)
	_, err = s.lambda.GetFunctionEventInvokeConfig(s.ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: aws.String("f")})
	s.refused(err, "ResourceNotFoundException", "The function "+s.arn("function:f:$LATEST")+" doesn't have an EventInvokeConfig")
}

// TestEvents: asynchronous invocations are tried again, end, and tell of it, across
// restarts.
func TestEvents(t *testing.T) {
	server := redoubttest.Start(t, redoubttest.Options{Store: "pebble"})
	needSandbox(t, server)
	s := suiteOf(t, server, server.Admin)
	logs := cloudwatchlogs.NewFromConfig(s.account.Config(home))
	writes := allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
	s.python("seen", "import json\ndef handler(e, c): print('SEEN ' + json.dumps(e))", func(in *lambda.CreateFunctionInput) { in.Role = aws.String(s.role("seen", writes)) })
	// shown are the lines that a function has logged.
	shown := func(function, word string) (lines []string) {
		out, err := logs.FilterLogEvents(s.ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/" + function), FilterPattern: aws.String(word)})
		if err != nil {
			return nil // not there yet
		}
		for _, e := range out.Events {
			lines = append(lines, *e.Message)
		}
		return lines
	}
	role := s.role("exec", allow("lambda:InvokeFunction", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"))
	s.python("fails", "def handler(e, c):\n    print('RUN')\n    raise ValueError('always')", func(in *lambda.CreateFunctionInput) { in.Role = &role })
	s.python("works", "def handler(e, c): return e", func(in *lambda.CreateFunctionInput) { in.Role = &role })
	for _, name := range []string{"fails", "works"} {
		_, err := s.lambda.PutFunctionEventInvokeConfig(s.ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: &name, DestinationConfig: &types.DestinationConfig{
			OnSuccess: &types.OnSuccess{Destination: aws.String(s.arn("function:seen"))}, OnFailure: &types.OnFailure{Destination: aws.String(s.arn("function:seen"))},
		}})
		s.must(err)
	}
	event := func(name, payload string) {
		t.Helper()
		out := s.call(name, payload, func(in *lambda.InvokeInput) { in.InvocationType = types.InvocationTypeEvent })
		if out.StatusCode != 202 || len(out.Payload) > 0 {
			t.Errorf("%d %s", out.StatusCode, out.Payload)
		}
	}
	until := func(what string, n int, function, word string) []string {
		t.Helper()
		var lines []string
		redoubttest.Eventually(t, func() error {
			if lines = shown(function, word); len(lines) != n {
				return fmt.Errorf("%s: %d times, want %d: %v", what, len(lines), n, lines)
			}
			return nil
		})
		return lines
	}
	event("works", `{"n":1}`)
	var rec struct {
		RequestContext struct {
			FunctionArn, Condition string
			ApproximateInvokeCount int
		}
		RequestPayload  map[string]int
		ResponseContext struct {
			StatusCode      int
			ExecutedVersion string
			FunctionError   string
		}
		ResponsePayload any
	}
	s.decode([]byte(strings.TrimPrefix(until("success", 1, "seen", "SEEN")[0], "SEEN ")), &rec)
	s.same("record", []any{rec.RequestContext, rec.RequestPayload, rec.ResponseContext, rec.ResponsePayload}, []any{
		map[string]any{"FunctionArn": s.arn("function:works:$LATEST"), "Condition": "Success", "ApproximateInvokeCount": 1}, map[string]int{"n": 1},
		map[string]any{"StatusCode": 200, "ExecutedVersion": "$LATEST", "FunctionError": ""}, map[string]int{"n": 1},
	})

	// A failure is tried again after one minute and after two more, then it is over;
	// a restart in between changes nothing.
	event("fails", `{"n":2}`)
	until("first run", 1, "fails", "RUN")
	redoubttest.Eventually(t, func() error { // until the next run is planned
		s.server.Clock.Advance(5 * time.Second)
		if n := len(shown("fails", "RUN")); n < 2 {
			return fmt.Errorf("%d runs", n)
		}
		return nil
	})
	s.restart()
	logs = cloudwatchlogs.NewFromConfig(s.account.Config(home))
	redoubttest.Eventually(t, func() error {
		s.server.Clock.Advance(5 * time.Second)
		if len(shown("seen", "RetriesExhausted")) == 0 {
			return fmt.Errorf("%d runs", len(shown("fails", "RUN")))
		}
		return nil
	})
	if n := len(shown("fails", "RUN")); n != 3 {
		t.Errorf("%d runs, want 3", n)
	}
	s.decode([]byte(strings.TrimPrefix(shown("seen", "RetriesExhausted")[0], "SEEN ")), &rec)
	s.same("record", []any{rec.RequestContext, rec.RequestPayload, rec.ResponseContext}, []any{
		map[string]any{"FunctionArn": s.arn("function:fails:$LATEST"), "Condition": "RetriesExhausted", "ApproximateInvokeCount": 3}, map[string]int{"n": 2},
		map[string]any{"StatusCode": 200, "ExecutedVersion": "$LATEST", "FunctionError": "Unhandled"},
	})
	// What was made before the restart is all there.
	if out := s.call("works", `[3]`); string(out.Payload) != "[3]" {
		t.Errorf("%s", out.Payload)
	}
}
