package iam_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

const ec2Trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

const listBuckets = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}`

var ctx = context.Background()

// start runs a server and answers its administrator's client.
func start(t *testing.T) (*redoubttest.Server, *iam.Client) {
	t.Helper()
	s := redoubttest.Start(t, redoubttest.Options{})
	return s, iam.NewFromConfig(s.Admin.Config("us-east-1"))
}

// must answers what a call answered.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// refused expects a refusal: status, code and message.
func refused(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	var api smithy.APIError
	var resp *smithyhttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &resp) {
		t.Fatalf("want %s, got %v", code, err)
	}
	if resp.HTTPStatusCode() != status || api.ErrorCode() != code || message != "" && api.ErrorMessage() != message {
		t.Errorf("got  %d %s: %s\nwant %d %s: %s", resp.HTTPStatusCode(), api.ErrorCode(), api.ErrorMessage(), status, code, message)
	}
}

// document decodes a document as IAM answers it.
func document(t *testing.T, s *string) string {
	t.Helper()
	if s == nil {
		t.Fatal("no document")
	}
	if strings.ContainsAny(*s, `{}" `) {
		t.Errorf("document is not percent-encoded: %s", *s)
	}
	text, err := url.PathUnescape(*s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// absent expects that JSON of v has none of the members: v as the SDK has it.
func absent(t *testing.T, v any, members ...string) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for _, name := range members {
		if m[name] != nil {
			t.Errorf("%s is there: %v", name, m[name])
		}
	}
}
