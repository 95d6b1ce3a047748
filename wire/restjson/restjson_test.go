package restjson_test

import (
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/apigatewayapi"
	"github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/api/securityhubapi"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/wiretest"
	"github.com/redoubt-sec/redoubt/wire/restjson"
)

func request(method, target, body string) *wire.Request {
	r := &wire.Request{Method: method, Target: target, Header: http.Header{}, Body: []byte(body)}
	r.Path, r.RawQuery, _ = strings.Cut(target, "?")
	return r
}

func TestMatch(t *testing.T) {
	c := restjson.New(wire.Limits{})
	for line, want := range map[string]string{
		"GET /2015-03-31/functions":                          "ListFunctions",
		"GET /2015-03-31/functions/":                         "ListFunctions",
		"GET /2015-03-31/functions/f":                        "GetFunction",
		"GET /2015-03-31/functions/a%2Fb":                    "GetFunction",
		"GET /2015-03-31/functions/f/policy":                 "GetPolicy",
		"POST /2015-03-31/functions/f/invocations":           "Invoke",
		"DELETE /2015-03-31/functions/f?Qualifier=1":         "DeleteFunction",
		"GET /2018-10-31/layers/l/versions/1":                "GetLayerVersion",
		"GET /2018-10-31/layers?find=LayerVersion&Arn=arn:x": "GetLayerVersionByArn",
		"GET /2018-10-31/layers":                             "ListLayers",
		"GET /2017-03-31/tags/arn:aws:lambda:r:a:function:f": "ListTags",
		"PATCH /2015-03-31/functions":                        "",
		"GET /nothing":                                       "",
		"GET /2015-03-31/functions//policy":                  "",
		"GET /":                                              "",
	} {
		method, target, _ := strings.Cut(line, " ")
		op, err := c.Match(&lambdaapi.Model, request(method, target, ""))
		if want != "" {
			if err != nil || op.Name != want {
				t.Errorf("%s: %v %v", line, op, err)
			}
			continue
		}
		if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != "UnknownOperationException" || e.Status != 404 {
			t.Errorf("%s: %v %v", line, op, err)
		}
	}
}

func decode(t *testing.T, svc *schema.Service, r *wire.Request, in any) error {
	t.Helper()
	c := restjson.New(wire.Limits{})
	op, err := c.Match(svc, r)
	if err != nil {
		t.Fatal(err)
	}
	return c.Decode(svc, op, r, in)
}

func TestDecode(t *testing.T) {
	r := request("POST", "/2015-03-31/functions/my%3Afunction/invocations?Qualifier=a%20b", `{"any":[1,2]}`)
	r.Header.Set("X-Amz-Invocation-Type", "Event")
	var in lambdaapi.InvokeInput
	if err := decode(t, &lambdaapi.Model, r, &in); err != nil || *in.FunctionName != "my:function" || *in.Qualifier != "a b" || *in.InvocationType != "Event" || string(in.Payload) != `{"any":[1,2]}` {
		t.Errorf("%v %+v", err, in)
	}
	// The body can't say what the path says.
	var up lambdaapi.UpdateFunctionConfigurationInput
	r = request("PUT", "/2015-03-31/functions/f/configuration", `{"FunctionName":"other","Description":"d","Timeout":3}`)
	if err := decode(t, &lambdaapi.Model, r, &up); err != nil || *up.FunctionName != "f" || *up.Description != "d" || *up.Timeout != 3 {
		t.Errorf("%v %+v", err, up)
	}
	var ex apigatewayapi.GetExportInput
	r = request("GET", "/restapis/a/stages/s/exports/oas30?extensions=integrations&x=y", "")
	r.Header.Set("Accept", "application/json")
	if err := decode(t, &apigatewayapi.Model, r, &ex); err != nil || ex.Parameters["extensions"] != "integrations" || ex.Parameters["x"] != "y" || *ex.Accepts != "application/json" {
		t.Errorf("%v %+v", err, ex)
	}
}

func TestRefusals(t *testing.T) {
	for name, r := range map[string]*wire.Request{
		"malformed body":    request("PUT", "/2015-03-31/functions/f/configuration", `{`),
		"wrong type":        request("PUT", "/2015-03-31/functions/f/configuration", `{"Timeout":"x"}`),
		"escape in a label": request("GET", "/2015-03-31/functions/%zz", ""),
		"label not UTF-8":   request("GET", "/2015-03-31/functions/%ff", ""),
		"number in a query": request("GET", "/2015-03-31/functions?MaxItems=x", ""),
	} {
		c := restjson.New(wire.Limits{})
		op, err := c.Match(&lambdaapi.Model, r)
		if err == nil {
			in := map[string]any{"UpdateFunctionConfiguration": new(lambdaapi.UpdateFunctionConfigurationInput), "GetFunction": new(lambdaapi.GetFunctionInput), "ListFunctions": new(lambdaapi.ListFunctionsInput)}[op.Name]
			err = c.Decode(&lambdaapi.Model, op, r, in)
		}
		if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != "SerializationException" || e.Status != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Empty structures of many members cost far more than what is sent for them:
// they are refused before they are made.
func TestBudget(t *testing.T) {
	body := `{"Findings":[` + strings.Repeat("{},", 300000) + `{}]}`
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := decode(t, &securityhubapi.Model, request("POST", "/findings/import", body), new(securityhubapi.BatchImportFindingsInput))
	runtime.ReadMemStats(&after)
	if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != "SerializationException" || e.Message != "The request contains too many elements." {
		t.Errorf("%v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 400*uint64(len(body)) {
		t.Errorf("%d bytes for %d", n, len(body))
	}
}

func TestEncode(t *testing.T) {
	c := restjson.New(wire.Limits{})
	out := &lambdaapi.InvokeOutput{StatusCode: new(int32(200)), FunctionError: new("Unhandled"), Payload: []byte(`{"a":1}`), LogResult: new("x\r\nSet-Cookie: y")}
	r, err := c.Encode(&lambdaapi.Model, lambdaapi.Model.Find("Invoke"), out, "id-1")
	if err != nil || r.Status != 200 || string(r.Body) != `{"a":1}` || r.Header.Get("X-Amz-Function-Error") != "Unhandled" || r.Header.Get("X-Amz-Log-Result") != "x  Set-Cookie: y" || r.Header.Get("x-amzn-RequestId") != "id-1" {
		t.Errorf("%v %d %s %v", err, r.Status, r.Body, r.Header)
	}
	r, err = c.Encode(&lambdaapi.Model, lambdaapi.Model.Find("DeleteFunction"), &lambdaapi.DeleteFunctionOutput{StatusCode: new(int32(204))}, "id-1")
	if err != nil || r.Status != 204 || r.Body != nil {
		t.Errorf("%v %+v", err, r)
	}
	r, err = c.Encode(&lambdaapi.Model, lambdaapi.Model.Find("CreateFunction"), &lambdaapi.CreateFunctionOutput{FunctionName: new("f"), State: new("Pending")}, "id-1")
	if err != nil || r.Status != 201 || string(r.Body) != `{"FunctionName":"f","State":"Pending"}` || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v %d %s", err, r.Status, r.Body)
	}
}

func TestEncodeError(t *testing.T) {
	c := restjson.New(wire.Limits{})
	e := lambdaapi.ErrResourceNotFoundException.New("Function not found: f")
	e.Fields = map[string]any{"Type": "User"}
	r := c.EncodeError(&lambdaapi.Model, lambdaapi.Model.Find("GetFunction"), e, "id-1")
	if r.Status != 404 || string(r.Body) != `{"Message":"Function not found: f","Type":"User"}` || r.Header.Get("x-amzn-ErrorType") != "ResourceNotFoundException" {
		t.Errorf("%d %s %v", r.Status, r.Body, r.Header)
	}
	e = lambdaapi.ErrTooManyRequestsException.New("Rate Exceeded.")
	e.Fields = map[string]any{"retryAfterSeconds": "5", "Reason": "CallerRateLimitExceeded"}
	r = c.EncodeError(&lambdaapi.Model, lambdaapi.Model.Find("Invoke"), e, "id-1")
	if r.Status != 429 || string(r.Body) != `{"message":"Rate Exceeded.","Reason":"CallerRateLimitExceeded"}` || r.Header.Get("Retry-After") != "5" {
		t.Errorf("%d %s %v", r.Status, r.Body, r.Header)
	}
	r = c.EncodeError(&lambdaapi.Model, nil, wire.ErrUnknownOperation.Bare(), "id-1")
	if string(r.Body) != `{}` {
		t.Errorf("%s", r.Body)
	}
}

func FuzzMatchREST(f *testing.F) {
	f.Add("POST", "/2015-03-31/functions/f/invocations?Qualifier=1", "a, \"b\"", `{"Timeout":1}`)
	f.Add("PUT", "/2015-03-31/functions/%41/configuration", "", `{"Environment":{"Variables":{"a":"b"}}}`)
	f.Add("GET", "//%2F//?&=&%", "\"", "")
	c := restjson.New(wire.Limits{})
	inputs := map[string]func() any{
		"Invoke":                      func() any { return new(lambdaapi.InvokeInput) },
		"UpdateFunctionConfiguration": func() any { return new(lambdaapi.UpdateFunctionConfigurationInput) },
		"ListFunctions":               func() any { return new(lambdaapi.ListFunctionsInput) },
		"UntagResource":               func() any { return new(lambdaapi.UntagResourceInput) },
	}
	f.Fuzz(func(t *testing.T, method, target, header, body string) {
		r := request(method, target, body)
		r.Header.Set("X-Amz-Invocation-Type", header)
		wiretest.Decode(t, len(target)+len(header)+len(body), func() error {
			op, err := c.Match(&lambdaapi.Model, r)
			if err != nil || inputs[op.Name] == nil {
				return err
			}
			return c.Decode(&lambdaapi.Model, op, r, inputs[op.Name]())
		})
	})
}
