package query_test

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/cloudwatchapi"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/snsapi"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/wiretest"
	"github.com/redoubt-sec/redoubt/wire/query"
)

func post(body string) *wire.Request {
	return &wire.Request{Method: "POST", Path: "/", Header: http.Header{}, Body: []byte(body)}
}

func TestMatch(t *testing.T) {
	c := query.New(wire.Limits{})
	for _, v := range []struct {
		r          *wire.Request
		op         string
		code, text string
	}{
		{post("Action=GetUser&Version=2010-05-08"), "GetUser", "", ""},
		{&wire.Request{Method: "GET", RawQuery: "Action=GetUser&Version=2010-05-08&UserName=a%20b", Header: http.Header{}}, "GetUser", "", ""},
		{post("Action=Nothing&Version=2010-05-08"), "", "InvalidAction", "Could not find operation Nothing for version 2010-05-08"},
		{post("Action=GetUser&Version=2009-01-01"), "", "InvalidAction", "Could not find operation GetUser for version 2009-01-01"},
		{post("Action=GetUser"), "", "InvalidAction", "Could not find operation GetUser for version NO_VERSION_SPECIFIED"},
		{post("Version=2010-05-08"), "", "MissingAction", "Missing Action"},
		{post("Action=%zz"), "", "MalformedQueryString", "The query string contains a syntax error."},
		{post("Action=%ff"), "", "MalformedQueryString", "The query string contains a syntax error."},
		{post(strings.Repeat("&a", 30000)), "", "MalformedQueryString", "The query string contains too many parameters."},
	} {
		op, err := c.Match(&iamapi.Model, v.r)
		if v.op != "" {
			if err != nil || op.Name != v.op {
				t.Errorf("%v %v", op, err)
			}
			continue
		}
		if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != v.code || e.Message != v.text || wire.Status(e, nil) != 400 {
			t.Errorf("%v", err)
		}
	}
}

func decode(svc *schema.Service, op, body string, in any) error {
	return query.New(wire.Limits{}).Decode(svc, svc.Find(op), post("Action="+op+"&Version="+svc.APIVersion+"&"+body), in)
}

func TestDecode(t *testing.T) {
	var u iamapi.CreateUserInput
	err := decode(&iamapi.Model, "CreateUser", "UserName=a%2Bb+c&Tags.member.10.Key=j&Tags.member.10.Value=10&Tags.member.2.Key=b&Tags.member.2.Value=&Unknown.member.999999999999=x&Path=", &u)
	want := iamapi.CreateUserInput{UserName: new("a+b c"), Path: new(""), Tags: []iamapi.Tag{{Key: new("b"), Value: new("")}, {Key: new("j"), Value: new("10")}}}
	if err != nil || !reflect.DeepEqual(u, want) {
		t.Errorf("%v %+v", err, u)
	}
	// An index is a name: a huge one costs nothing.
	var big iamapi.CreateUserInput
	err = decode(&iamapi.Model, "CreateUser", "Tags.member.999999999.Key=a", &big)
	if err != nil || len(big.Tags) != 1 || cap(big.Tags) > 8 {
		t.Errorf("%v %d", err, cap(big.Tags))
	}
	var p snsapi.PublishInput
	err = decode(&snsapi.Model, "Publish", "Message=m&MessageAttributes.entry.1.Name=n&MessageAttributes.entry.1.Value.DataType=Binary&MessageAttributes.entry.1.Value.BinaryValue=YWJj", &p)
	if err != nil || string(p.MessageAttributes["n"].BinaryValue) != "abc" {
		t.Errorf("%v %+v", err, p)
	}
	var m cloudwatchapi.PutMetricDataInput
	err = decode(&cloudwatchapi.Model, "PutMetricData", "Namespace=n&MetricData.member.1.MetricName=m&MetricData.member.1.Value=1.5e3&MetricData.member.1.Timestamp=2026-01-02T03%3A04%3A05.678Z&MetricData.member.1.Dimensions.member.1.Name=d", &m)
	if err != nil || *m.MetricData[0].Value != 1500 || !m.MetricData[0].Timestamp.Equal(time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)) || *m.MetricData[0].Dimensions[0].Name != "d" {
		t.Errorf("%v %+v", err, m)
	}
}

func TestRefusals(t *testing.T) {
	for _, body := range []string{
		"UserName=a&UserName=b",
		"Action=CreateUser",
		"Tags.member.x.Key=a",
		"Tags.member.01.Key=a",
		"Tags.member.-1.Key=a",
		"Tags.member.99999999999999999999.Key=a",
		"Tags.member.1=a",
		"Tags=a",
		"UserName.x=a",
		"UserName=a&UserName.x=b",
		strings.Repeat("a.", 100) + "=x",
	} {
		err := decode(&iamapi.Model, "CreateUser", body, new(iamapi.CreateUserInput))
		if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != "MalformedInput" || e.Status != 400 {
			t.Errorf("%s: %v", body, err)
		}
	}
	for body, text := range map[string]string{
		"DurationSeconds=x":   "STRING_VALUE can not be converted to an Integer",
		"DurationSeconds=":    "STRING_VALUE can not be converted to an Integer",
		"DurationSeconds=0x1": "STRING_VALUE can not be converted to an Integer",
	} {
		err := decode(&stsapi.Model, "AssumeRole", body, new(stsapi.AssumeRoleInput))
		if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != "MalformedInput" || e.Message != text {
			t.Errorf("%s: %v", body, err)
		}
	}
	r := post("Action=CreateUser&Version=2010-05-08&UserName=" + strings.Repeat("x", 2<<20))
	if _, err := query.New(wire.Limits{}).Match(&iamapi.Model, r); err == nil || wire.Status(err.(*redoubt.Error), nil) != 413 {
		t.Errorf("%v", err)
	}
}

func TestEncode(t *testing.T) {
	c := query.New(wire.Limits{})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, v := range []struct {
		svc  *schema.Service
		op   string
		out  any
		want string
	}{
		{&iamapi.Model, "CreateUser", &iamapi.CreateUserOutput{User: &iamapi.User{Path: new("/"), UserName: new("a<b&c"), CreateDate: &at}},
			`<CreateUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateUserResult><User><Path>/</Path><UserName>a&lt;b&amp;c</UserName><CreateDate>2026-01-02T03:04:05Z</CreateDate></User></CreateUserResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></CreateUserResponse>`},
		{&iamapi.Model, "DeleteUser", &iamapi.DeleteUserOutput{},
			`<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></DeleteUserResponse>`},
		{&iamapi.Model, "ListGroups", &iamapi.ListGroupsOutput{Groups: []iamapi.Group{}, IsTruncated: new(false)},
			`<ListGroupsResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListGroupsResult><Groups/><IsTruncated>false</IsTruncated></ListGroupsResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></ListGroupsResponse>`},
		{&iamapi.Model, "GetAccountSummary", &iamapi.GetAccountSummaryOutput{SummaryMap: map[string]int32{"Users": 2, "Groups": 1}},
			`<GetAccountSummaryResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetAccountSummaryResult><SummaryMap><entry><key>Groups</key><value>1</value></entry><entry><key>Users</key><value>2</value></entry></SummaryMap></GetAccountSummaryResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></GetAccountSummaryResponse>`},
	} {
		r, err := c.Encode(v.svc, v.svc.Find(v.op), v.out, "id-1")
		if err != nil || string(r.Body) != v.want || r.Header.Get("Content-Type") != "text/xml" || r.Header.Get("x-amzn-RequestId") != "id-1" {
			t.Errorf("%v %s %v", err, r.Body, r.Header)
		}
	}
}

func TestEncodeError(t *testing.T) {
	c := query.New(wire.Limits{})
	for _, v := range []struct {
		svc    *schema.Service
		op     string
		err    *redoubt.Error
		status int
		want   string
	}{
		{&iamapi.Model, "GetUser", iamapi.ErrNoSuchEntityException.New("The user with name X cannot be found."), 404,
			`<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The user with name X cannot be found.</Message></Error><RequestId>id-1</RequestId></ErrorResponse>`},
		{&iamapi.Model, "CreateUser", iamapi.ErrServiceFailureException.Bare(), 500,
			`<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Receiver</Type><Code>ServiceFailure</Code></Error><RequestId>id-1</RequestId></ErrorResponse>`},
		{&stsapi.Model, "", &redoubt.Error{Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid.", Status: 403}, 403,
			`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message></Error><RequestId>id-1</RequestId></ErrorResponse>`},
	} {
		r := c.EncodeError(v.svc, v.svc.Find(v.op), v.err, "id-1")
		if r.Status != v.status || string(r.Body) != v.want {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
}

func BenchmarkAssumeRole(b *testing.B) {
	c := query.New(wire.Limits{})
	body := []byte("Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr&RoleSessionName=s&DurationSeconds=900&Tags.member.1.Key=k&Tags.member.1.Value=v")
	out := &stsapi.AssumeRoleOutput{Credentials: &stsapi.Credentials{AccessKeyId: new("ASIA"), SecretAccessKey: new("s"), SessionToken: new(strings.Repeat("t", 300)), Expiration: new(time.Unix(1767225600, 0))}}
	h := http.Header{}
	b.ReportAllocs()
	for b.Loop() {
		r := &wire.Request{Method: "POST", Path: "/", Header: h, Body: body}
		op, err := c.Match(&stsapi.Model, r)
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Decode(&stsapi.Model, op, r, new(stsapi.AssumeRoleInput)); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Encode(&stsapi.Model, op, out, "id"); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzDecodeQuery(f *testing.F) {
	f.Add("CreateUser", "UserName=a&Tags.member.1.Key=b&Tags.member.1.Value=c")
	f.Add("AssumeRole", "DurationSeconds=1e3&Tags.member.1.Key=%C3%A4&PolicyArns.member.2.arn=+")
	f.Add("Publish", "MessageAttributes.entry.1.Name=n&MessageAttributes.entry.1.Value.BinaryValue=YWJj")
	f.Add("CreateUser", "a.b.c.d=1&a.b=2&.=&..=&=&&%")
	c := query.New(wire.Limits{})
	f.Fuzz(func(t *testing.T, op, body string) {
		for svc, in := range map[*schema.Service]map[string]any{
			&iamapi.Model: {"CreateUser": new(iamapi.CreateUserInput), "SimulatePrincipalPolicy": new(iamapi.SimulatePrincipalPolicyInput)},
			&stsapi.Model: {"AssumeRole": new(stsapi.AssumeRoleInput)},
			&snsapi.Model: {"Publish": new(snsapi.PublishInput)},
		} {
			r := post("Action=" + op + "&Version=" + svc.APIVersion + "&" + body)
			wiretest.Decode(t, len(r.Body), func() error {
				o, err := c.Match(svc, r)
				if err != nil || in[o.Name] == nil {
					return err
				}
				return c.Decode(svc, o, r, in[o.Name])
			})
		}
	})
}
