package lambda_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

func errorsIs(err error, code string) bool {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode() == code
	}
	return strings.HasPrefix(err.Error(), code+":")
}

// invoke: what goes in and what comes out.
func invoke(s *suite) {
	s.python("f", echo)
	var got map[string]any
	out := s.call("f", `{"a":1}`)
	s.decode(out.Payload, &got)
	s.same("answer", []any{got["event"], got["version"], got["arn"], out.StatusCode, out.ExecutedVersion, out.FunctionError, out.LogResult}, []any{map[string]int{"a": 1}, "$LATEST", s.arn("function:f"), 200, "$LATEST", nil, nil})
	out = s.call("f", "", func(in *lambda.InvokeInput) { in.InvocationType = types.InvocationTypeDryRun })
	s.same("dry run", []any{out.StatusCode, len(out.Payload)}, []any{204, 0})
	out = s.call("f", `{}`, func(in *lambda.InvokeInput) { in.LogType = types.LogTypeTail })
	tail, err := base64.StdEncoding.DecodeString(*out.LogResult)
	s.must(err)
	for _, want := range []string{"START RequestId: ", "END RequestId: ", "REPORT RequestId: "} {
		if !strings.Contains(string(tail), want) {
			s.Errorf("no %s in %s", want, tail)
		}
	}
	s.python("bad", "def handler(e, c): raise ValueError('no ' + e['x'])")
	out = s.call("bad", `{"x":"luck"}`)
	var failure struct{ ErrorMessage, ErrorType string }
	s.decode(out.Payload, &failure)
	s.same("error", []any{out.StatusCode, out.FunctionError, failure.ErrorMessage, failure.ErrorType}, []any{200, "Unhandled", "no luck", "ValueError"})
	_, err = s.lambda.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte(`{"secret`)})
	s.refused(err, "InvalidRequestContentException", "Could not parse request body into json: Could not parse payload into json.")
	_, err = s.lambda.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte(`"` + strings.Repeat("x", 6<<20) + `"`)})
	s.refused(err, "RequestTooLargeException", "Request must be smaller than 6291456 bytes for the InvokeFunction operation")
	_, err = s.lambda.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("none")})
	s.refused(err, "ResourceNotFoundException", "Function not found: "+s.arn("function:none:$LATEST"))
	s.python("slow", "import time\ndef handler(e, c): time.sleep(60)", func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(1) })
	out = s.call("slow", "{}")
	s.decode(out.Payload, &failure)
	if out.FunctionError == nil || !strings.Contains(failure.ErrorMessage, "Task timed out after 1.00 seconds") {
		s.Errorf("%s", out.Payload)
	}
}

// provided: a runtime of one's own.
func provided(s *suite) {
	s.python("f", "", func(in *lambda.CreateFunctionInput) {
		in.Runtime, in.Handler = types.RuntimeProvidedal2023, aws.String("main")
		in.Code.ZipFile = archive(s, map[string]string{"bootstrap": `#!/bin/sh
while true; do
	id=$(curl -sS -D - -o /tmp/event "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" | tr -d '\r' | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
	curl -sS -X POST --data-binary @/tmp/event "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" >/dev/null
done
`})
	})
	if out := s.call("f", `{"shell":true}`); string(out.Payload) != `{"shell":true}` {
		s.Errorf("%s", out.Payload)
	}
}

// environment: variables are ciphertext of KMS, for whoever may decrypt.
func environment(s *suite) {
	k := kms.NewFromConfig(s.account.Config(home))
	s.python("f", echo, func(in *lambda.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"TAG": "plain-text-marker"}}
	})
	var got map[string]any
	s.decode(s.call("f", "{}").Payload, &got)
	s.same("variable", got["tag"], "plain-text-marker")
	keys, err := k.ListAliases(s.ctx, &kms.ListAliasesInput{})
	s.must(err)
	found := false
	for _, a := range keys.Aliases {
		found = found || *a.AliasName == "alias/aws/lambda" && a.TargetKeyId != nil
	}
	if !found {
		s.Error("no alias/aws/lambda")
	}
	// With a key of one's own: who may not decrypt with it sees that in their place.
	key, err := k.CreateKey(s.ctx, &kms.CreateKeyInput{})
	s.must(err)
	_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), KMSKeyArn: key.KeyMetadata.Arn, Environment: &types.Environment{Variables: map[string]string{"TAG": "two"}}})
	s.must(err)
	c := s.settled("f")
	s.same("environment", []any{c.KMSKeyArn, c.Environment.Variables}, []any{key.KeyMetadata.Arn, map[string]string{"TAG": "two"}})
	s.decode(s.call("f", "{}").Payload, &got)
	s.same("variable", got["tag"], "two")
	read := s.user("reader", allow("lambda:*"))
	out, err := read.GetFunctionConfiguration(s.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("f")})
	s.must(err)
	s.same("without the right", []any{out.Environment.Variables, out.Environment.Error.ErrorCode}, []any{nil, "KMSAccessDeniedException"})
	// Without the key no new instance starts.
	_, err = k.DisableKey(s.ctx, &kms.DisableKeyInput{KeyId: key.KeyMetadata.KeyId})
	s.must(err)
	_, err = s.lambda.UpdateFunctionConfiguration(s.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Description: aws.String("x")})
	s.must(err)
	redoubtEventually(s, func() error {
		_, err = s.lambda.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
		if err == nil || !errorsIs(err, "KMSDisabledException") {
			return errors.New("invoked with a disabled key")
		}
		return nil
	})
	_, err = k.EnableKey(s.ctx, &kms.EnableKeyInput{KeyId: key.KeyMetadata.KeyId})
	s.must(err)
	s.call("f", "{}")
}

// concurrency: a share of the account's, and no more than that.
func concurrency(s *suite) {
	s.python("f", "import time\ndef handler(e, c): time.sleep(e.get('s', 0))")
	put := func(n int32) error {
		_, err := s.lambda.PutFunctionConcurrency(s.ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("f"), ReservedConcurrentExecutions: &n})
		return err
	}
	_, err := s.lambda.PutFunctionConcurrency(s.ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("none"), ReservedConcurrentExecutions: aws.Int32(9999)})
	s.refused(err, "ResourceNotFoundException", "Function not found: "+s.arn("function:none:$LATEST"))
	s.refused(put(901), "InvalidParameterValueException", "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].")
	s.must(put(0))
	_, err = s.lambda.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
	s.refused(err, "TooManyRequestsException", "Rate Exceeded.")
	var e *types.TooManyRequestsException
	if !errors.As(err, &e) || e.Reason != types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded {
		s.Errorf("%+v", e)
	}
	s.must(put(1))
	got, err := s.lambda.GetFunction(s.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("f")})
	s.must(err)
	s.same("share", got.Concurrency.ReservedConcurrentExecutions, 1)
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = s.lambda.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte(`{"s":1}`)})
		})
	}
	wg.Wait()
	ran := 0
	for _, err := range errs {
		if err == nil {
			ran++
		} else {
			s.refused(err, "TooManyRequestsException", "*")
		}
	}
	s.same("at once", ran, 1)
	_, err = s.lambda.DeleteFunctionConcurrency(s.ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String("f")})
	s.must(err)
	s.call("f", "{}")
}

func tags(s *suite) {
	s.python("f", echo, func(in *lambda.CreateFunctionInput) { in.Tags = map[string]string{"a": "1"} })
	arn := s.arn("function:f")
	got, err := s.lambda.GetFunction(s.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("f")})
	s.must(err)
	s.same("tags", got.Tags, map[string]string{"a": "1"})
	_, err = s.lambda.TagResource(s.ctx, &lambda.TagResourceInput{Resource: &arn, Tags: map[string]string{"b": "2", "a": "x"}})
	s.must(err)
	_, err = s.lambda.UntagResource(s.ctx, &lambda.UntagResourceInput{Resource: &arn, TagKeys: []string{"b", "none"}})
	s.must(err)
	list, err := s.lambda.ListTags(s.ctx, &lambda.ListTagsInput{Resource: &arn})
	s.must(err)
	s.same("tags", list.Tags, map[string]string{"a": "x"})
	_, err = s.lambda.TagResource(s.ctx, &lambda.TagResourceInput{Resource: &arn, Tags: map[string]string{"aws:x": "2"}})
	s.refused(err, "InvalidParameterValueException", "*")
	_, err = s.lambda.ListTags(s.ctx, &lambda.ListTagsInput{Resource: aws.String(s.arn("function:none"))})
	s.refused(err, "ResourceNotFoundException", "Function not found: "+s.arn("function:none"))
}
