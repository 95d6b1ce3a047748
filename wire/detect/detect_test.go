package detect_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/api/all"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/detect"
)

func auth(service string) []string {
	return []string{"Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-central-1/" + service + "/aws4_request, SignedHeaders=host, Signature=00"}
}

func request(method, host, target, body string, headers ...string) *wire.Request {
	r := &wire.Request{Method: method, Host: host, Target: target, Header: http.Header{}, Body: []byte(body)}
	r.Path, r.RawQuery, _ = strings.Cut(target, "?")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func TestFind(t *testing.T) {
	form := []string{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}
	const cred = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20260102%2Fus-east-1%2Fs3%2Faws4_request"
	for _, c := range []struct {
		name     string
		r        *wire.Request
		service  string
		protocol schema.Protocol
		path     string
		region   string
	}{
		{"target", request("POST", "localhost:4566", "/", "{}", append(auth("kms"), "X-Amz-Target", "TrentService.Encrypt")...), "kms", schema.JSON, "/", ""},
		{"target without signature", request("POST", "localhost", "/", "{}", "X-Amz-Target", "secretsmanager.ListSecrets"), "secretsmanager", schema.JSON, "/", ""},
		{"target with dots", request("POST", "x", "/", "{}", "X-Amz-Target", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"), "cloudtrail", schema.JSON, "/", ""},
		{"unknown target, known scope", request("POST", "x", "/", "{}", append(auth("kms"), "X-Amz-Target", "Nothing.Known")...), "kms", schema.JSON, "/", ""},
		{"unknown target", request("POST", "x", "/", "{}", "X-Amz-Target", "Nothing.Known"), "", "", "/", ""},
		{"cloudwatch by CBOR", request("POST", "localhost", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "", append(auth("monitoring"), "Smithy-Protocol", "rpc-v2-cbor")...), "cloudwatch", schema.CBOR, "/service/GraniteServiceVersion20100801/operation/PutMetricData", ""},
		{"cloudwatch by JSON", request("POST", "localhost", "/", "{}", append(auth("monitoring"), "X-Amz-Target", "GraniteServiceVersion20100801.ListMetrics")...), "cloudwatch", schema.JSON, "/", ""},
		{"cloudwatch by query", request("POST", "localhost", "/", "Action=ListMetrics&Version=2010-08-01", append(auth("monitoring"), form...)...), "cloudwatch", schema.Query, "/", ""},
		{"query by scope", request("POST", "localhost", "/", "Action=ListUsers&Version=2010-05-08", append(auth("iam"), form...)...), "iam", schema.Query, "/", ""},
		{"elbv2's own signing name", request("POST", "localhost", "/", "", append(auth("elasticloadbalancing"), form...)...), "elbv2", schema.Query, "/", ""},
		{"ec2", request("POST", "ec2.eu-central-1.amazonaws.com", "/", "", append(auth("ec2"), form...)...), "ec2", schema.EC2, "/", "eu-central-1"},
		{"unsigned, by action", request("POST", "localhost:4566", "/", "Action=AssumeRoleWithWebIdentity&Version=2011-06-15", form...), "sts", schema.Query, "/", ""},
		{"unsigned, by action in the query", request("GET", "localhost", "/?Action=AssumeRoleWithSAML&Version=2011-06-15", ""), "sts", schema.Query, "/", ""},
		{"unsigned, by host", request("POST", "sts.us-east-1.amazonaws.com", "/", "", form...), "sts", schema.Query, "/", "us-east-1"},
		{"unsigned, by local host", request("POST", "sts.localhost:4566", "/", "", form...), "sts", schema.Query, "/", ""},
		{"endpoint of two labels", request("POST", "api.ecr.us-east-1.amazonaws.com", "/", ""), "ecr", schema.JSON, "/", "us-east-1"},
		{"rest by scope", request("GET", "localhost", "/2015-03-31/functions/", "", auth("lambda")...), "lambda", schema.RESTJSON, "/2015-03-31/functions/", ""},
		{"s3 path style", request("GET", "localhost:4566", "/bucket/key", "", auth("s3")...), "s3", schema.RESTXML, "/bucket/key", ""},
		{"s3 presigned", request("GET", "127.0.0.1:4566", "/bucket/key?"+cred, ""), "s3", schema.RESTXML, "/bucket/key", ""},
		{"s3 host style on AWS's name", request("GET", "my.bucket.s3.eu-west-1.amazonaws.com", "/key", "", auth("s3")...), "s3", schema.RESTXML, "/my.bucket/key", "eu-west-1"},
		{"s3 host style, old region form", request("GET", "b.s3-us-west-2.amazonaws.com", "/key", "", auth("s3")...), "s3", schema.RESTXML, "/b/key", "us-west-2"},
		{"s3 host style on ours", request("GET", "bucket.localhost:4566", "/key", "", auth("s3")...), "s3", schema.RESTXML, "/bucket/key", ""},
		{"a bucket called as a service", request("GET", "logs.localhost", "/key", "", auth("s3")...), "s3", schema.RESTXML, "/logs/key", ""},
		{"the same before s3, anonymous", request("GET", "logs.s3.localhost", "/key", ""), "s3", schema.RESTXML, "/logs/key", ""},
		{"s3 host style on a configured name", request("PUT", "bucket.redoubt.example", "/", "", auth("s3")...), "s3", schema.RESTXML, "/bucket/", ""},
		{"s3 on its own endpoint", request("GET", "s3.us-east-1.amazonaws.com", "/b/k", ""), "s3", schema.RESTXML, "/b/k", "us-east-1"},
		{"anonymous path", request("GET", "localhost", "/bucket/key", ""), "s3", schema.RESTXML, "/bucket/key", ""},
		{"s3control by path", request("GET", "123456789012.127.0.0.1:4566", "/v20180820/tags/arn", "", auth("s3")...), "s3control", schema.RESTXML, "/v20180820/tags/arn", ""},
		{"s3control by host", request("GET", "123456789012.s3-control.us-east-1.amazonaws.com", "/v20180820/accesspoint", "", auth("s3")...), "s3control", schema.RESTXML, "/v20180820/accesspoint", "us-east-1"},
		{"api gateway v1", request("GET", "localhost", "/restapis", "", auth("apigateway")...), "apigateway", schema.RESTJSON, "/restapis", ""},
		{"api gateway v2", request("GET", "localhost", "/v2/apis", "", auth("apigateway")...), "apigatewayv2", schema.RESTJSON, "/v2/apis", ""},
		{"unsigned rest path", request("GET", "localhost", "/2013-04-01/hostedzone", ""), "route53", schema.RESTXML, "/2013-04-01/hostedzone", ""},
		{"unknown signing name", request("POST", "localhost", "/", "", auth("dynamodb")...), "", "", "/", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := detect.New(all.Services(), "redoubt.example")
			f, ok := x.Find(c.r, 1<<20)
			name := ""
			if ok {
				name = f.Service.Name
			}
			if name != c.service || f.Protocol != c.protocol || f.Path != c.path || f.Region != c.region {
				t.Errorf("got %q by %q, path %q, region %q", name, f.Protocol, f.Path, f.Region)
			}
		})
	}
}

func TestParseScope(t *testing.T) {
	for _, c := range []struct {
		header string
		want   detect.Scope
		ok     bool
	}{
		{"AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/kms/aws4_request, SignedHeaders=a, Signature=b", detect.Scope{AccessKey: "AKID", Date: "20260102", Region: "us-east-1", Service: "kms"}, true},
		{"AWS4-HMAC-SHA256 SignedHeaders=a,Signature=b,Credential=AKID/20260102/us-east-1/kms/aws4_request", detect.Scope{AccessKey: "AKID", Date: "20260102", Region: "us-east-1", Service: "kms"}, true},
		{"AWS4-ECDSA-P256-SHA256 Credential=AKID/20260102/s3/aws4_request", detect.Scope{AccessKey: "AKID", Date: "20260102", Service: "s3"}, true},
		{"AWS4-HMAC-SHA256 Credential=a/b/20260102/us-east-1/kms/aws4_request", detect.Scope{AccessKey: "a/b", Date: "20260102", Region: "us-east-1", Service: "kms"}, true},
		{"AWS4-HMAC-SHA256 Credential=AKID/2026/us-east-1/kms/aws4_request", detect.Scope{}, false},
		{"AWS4-HMAC-SHA256 Credential=AKID", detect.Scope{}, false},
		{"AWS AKID:signature", detect.Scope{}, false},
		{"Bearer x", detect.Scope{}, false},
	} {
		got, ok := detect.ParseScope(request("GET", "h", "/", "", "Authorization", c.header))
		if got != c.want || ok != c.ok {
			t.Errorf("%s: %+v %v", c.header, got, ok)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add("POST", "bucket.s3.localhost:1", "/a/b?X-Amz-Credential=a%2F20260102%2Fr%2Fs3%2Faws4_request", "Action=x", "TrentService.Encrypt", auth("kms")[1])
	f.Add("GET", "[::1]:80", "/service/x/operation/y", "", "", "")
	x := detect.New(all.Services(), "redoubt.example")
	f.Fuzz(func(t *testing.T, method, host, target, body, amzTarget, authorization string) {
		r := request(method, host, target, body, "Content-Type", "application/x-www-form-urlencoded", "Smithy-Protocol", "rpc-v2-cbor")
		if amzTarget != "" {
			r.Header.Set("X-Amz-Target", amzTarget)
		}
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		found, ok := x.Find(r, 1<<20)
		if ok != (found.Service != nil) || ok && !detect.Speaks(found.Service, found.Protocol) {
			t.Errorf("%v %+v", ok, found)
		}
		if !strings.HasSuffix(found.Path, r.Path) {
			t.Errorf("path %q of %q", found.Path, r.Path)
		}
	})
}
