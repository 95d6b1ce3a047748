package lambda_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// addresses: how function URLs are configured.
func addresses(s *suite) {
	s.python("f", echo)
	in := &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("f"), AuthType: types.FunctionUrlAuthTypeNone, Cors: &types.Cors{AllowOrigins: []string{"https://example.com"}}}
	out, err := s.lambda.CreateFunctionUrlConfig(s.ctx, in)
	s.must(err)
	if !regexp.MustCompile(`^https://[a-z2-7]{32}\.lambda-url\.us-east-1\.on\.aws/$`).MatchString(*out.FunctionUrl) {
		s.Error(*out.FunctionUrl)
	}
	s.same("made", []any{out.FunctionArn, out.AuthType}, []any{s.arn("function:f"), "NONE"})
	_, err = s.lambda.CreateFunctionUrlConfig(s.ctx, in)
	s.refused(err, "ResourceConflictException", "Failed to create function url config for [functionArn = "+s.arn("function:f")+"]. Error message:  FunctionUrlConfig exists for this Lambda function")
	up, err := s.lambda.UpdateFunctionUrlConfig(s.ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: aws.String("f"), AuthType: types.FunctionUrlAuthTypeAwsIam})
	s.must(err)
	s.same("update", []any{up.AuthType, up.FunctionUrl}, []any{"AWS_IAM", out.FunctionUrl})
	got, err := s.lambda.GetFunctionUrlConfig(s.ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: aws.String("f")})
	s.must(err)
	s.same("get", []any{got.AuthType, got.InvokeMode, got.Cors.AllowOrigins}, []any{"AWS_IAM", "BUFFERED", []string{"https://example.com"}})
	list, err := s.lambda.ListFunctionUrlConfigs(s.ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: aws.String("f")})
	s.must(err)
	s.same("list", len(list.FunctionUrlConfigs), 1)
	_, err = s.lambda.DeleteFunctionUrlConfig(s.ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: aws.String("f")})
	s.must(err)
	_, err = s.lambda.GetFunctionUrlConfig(s.ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: aws.String("f")})
	s.refused(err, "ResourceNotFoundException", "The resource you requested does not exist.")
}

// visit sends a request to a function URL, by the address of the server and the
// name in the Host header.
func (s *suite) visit(method, address, target, body string, creds *aws.Credentials, headers ...string) (*http.Response, string) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.ctx, method, s.server.URL+target, strings.NewReader(body))
	s.must(err)
	r.Host = strings.TrimSuffix(strings.TrimPrefix(address, "https://"), "/")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if creds != nil {
		sum := sha256.Sum256([]byte(body))
		s.must(v4.NewSigner().SignHTTP(s.ctx, *creds, r, hex.EncodeToString(sum[:]), "lambda", home, time.Now()))
	}
	resp, err := http.DefaultClient.Do(r)
	s.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	s.must(err)
	return resp, string(b)
}

// visits: requests to function URLs reach the function, as far as the policy says.
func visits(s *suite) {
	s.python("f", `
import json
def handler(event, context):
    if event["rawPath"] == "/plain":
        return {"hello": "world"}
    if event["rawPath"] == "/fail":
        raise ValueError("no")
    return {"statusCode": 201, "headers": {"X-Mine": "a", "Content-Length": "7", "Bad\nName": "x"}, "cookies": ["a=b"], "body": json.dumps(event)}
`)
	out, err := s.lambda.CreateFunctionUrlConfig(s.ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("f"), AuthType: types.FunctionUrlAuthTypeNone})
	s.must(err)
	url := *out.FunctionUrl
	if resp, body := s.visit("GET", url, "/", "", nil); resp.StatusCode != 403 || resp.Header.Get("X-Amzn-Errortype") != "AccessDeniedException" {
		s.Errorf("without permission: %d %s", resp.StatusCode, body)
	}
	_, err = s.lambda.AddPermission(s.ctx, &lambda.AddPermissionInput{FunctionName: aws.String("f"), StatementId: aws.String("public"), Action: aws.String("lambda:InvokeFunctionUrl"), Principal: aws.String("*"), FunctionUrlAuthType: types.FunctionUrlAuthTypeNone})
	s.must(err)
	resp, body := s.visit("POST", url, "/a%20b?x=1&x=2&y=", `{"in":1}`, nil, "Content-Type", "application/json", "Cookie", "c=d; e=f", "X-Twice", "t")
	var event struct {
		Version, RawPath, RawQueryString, Body string
		Cookies                                []string
		Headers, QueryStringParameters         map[string]string
		IsBase64Encoded                        bool
		RequestContext                         struct {
			AccountId, DomainPrefix string
			Http                    struct{ Method, Path, SourceIp string }
		}
	}
	s.decode([]byte(body), &event)
	s.same("event", []any{event.Version, event.RawPath, event.RawQueryString, event.Body, event.Cookies, event.Headers["x-twice"], event.QueryStringParameters, event.IsBase64Encoded, event.RequestContext.AccountId, event.RequestContext.Http.Method, event.RequestContext.Http.SourceIp},
		[]any{"2.0", "/a b", "x=1&x=2&y=", `{"in":1}`, []string{"c=d", "e=f"}, "t", map[string]string{"x": "1,2", "y": ""}, false, "anonymous", "POST", "127.0.0.1"})
	s.same("reply", []any{resp.StatusCode, resp.Header.Get("X-Mine"), resp.Header.Get("Set-Cookie")}, []any{201, "a", "a=b"})
	resp, body = s.visit("GET", url, "/plain", "", nil)
	s.same("plain", []any{resp.StatusCode, resp.Header.Get("Content-Type"), strings.ReplaceAll(body, " ", "")}, []any{200, "application/json", `{"hello":"world"}`})
	if resp, _ = s.visit("GET", url, "/fail", "", nil); resp.StatusCode != 502 {
		s.Error(resp.StatusCode)
	}
	_, body = s.visit("POST", url, "/", "\x00\xff", nil, "Content-Type", "application/octet-stream")
	if !bytes.Contains([]byte(strings.ReplaceAll(body, " ", "")), []byte(`"isBase64Encoded":true`)) {
		s.Error(body)
	}
	if resp, _ = s.visit("GET", strings.Replace(url, url[8:12], "aaaa", 1), "/", "", nil); resp.StatusCode != 404 {
		s.Error(resp.StatusCode)
	}

	// With AWS_IAM only the signed come in, and only those with the right.
	_, err = s.lambda.UpdateFunctionUrlConfig(s.ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: aws.String("f"), AuthType: types.FunctionUrlAuthTypeAwsIam, Cors: &types.Cors{AllowOrigins: []string{"https://example.com"}, AllowMethods: []string{"GET"}, MaxAge: aws.Int32(5)}})
	s.must(err)
	if resp, _ = s.visit("GET", url, "/plain", "", nil); resp.StatusCode != 403 {
		s.Error(resp.StatusCode)
	}
	admin := &aws.Credentials{AccessKeyID: s.account.AccessKeyID, SecretAccessKey: s.account.Secret}
	if resp, body = s.visit("GET", url, "/plain", "", admin); resp.StatusCode != 200 {
		s.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, body = s.visit("GET", url, "/plain", "", &aws.Credentials{AccessKeyID: s.account.AccessKeyID, SecretAccessKey: "wrong"}); resp.StatusCode != 403 {
		s.Errorf("%d %s", resp.StatusCode, body)
	}
	resp, _ = s.visit("OPTIONS", url, "/", "", nil, "Origin", "https://example.com", "Access-Control-Request-Method", "GET")
	s.same("preflight", []any{resp.StatusCode, resp.Header.Get("Access-Control-Allow-Origin"), resp.Header.Get("Access-Control-Allow-Methods"), resp.Header.Get("Access-Control-Max-Age")}, []any{200, "https://example.com", "GET", "5"})
	resp, _ = s.visit("OPTIONS", url, "/", "", nil, "Origin", "https://evil.example", "Access-Control-Request-Method", "GET")
	s.same("another page", resp.Header.Get("Access-Control-Allow-Origin"), "")
	_, err = s.lambda.DeleteFunction(s.ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("f")})
	s.must(err)
	if resp, _ = s.visit("GET", url, "/plain", "", admin); resp.StatusCode != 404 {
		s.Error(resp.StatusCode)
	}
}
