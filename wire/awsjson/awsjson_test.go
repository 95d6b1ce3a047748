package awsjson_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/cloudwatchapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/api/sqsapi"
	"github.com/redoubt-sec/redoubt/api/wafv2api"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/awsjson"
	"github.com/redoubt-sec/redoubt/wire/internal/wiretest"
)

func decode(svc *schema.Service, op, body string, in any) error {
	r := &wire.Request{Method: "POST", Header: http.Header{}, Body: []byte(body)}
	return awsjson.New(wire.Limits{}).Decode(svc, svc.Find(op), r, in)
}

func TestMatch(t *testing.T) {
	c := awsjson.New(wire.Limits{})
	for target, want := range map[string]string{
		"TrentService.Encrypt": "Encrypt",
		"TrentService.Nothing": "",
		"Other.Encrypt":        "",
		"TrentService.":        "",
		"Encrypt":              "",
		"":                     "",
	} {
		op, err := c.Match(&kmsapi.Model, &wire.Request{Method: "POST", Header: http.Header{"X-Amz-Target": {target}}})
		if want != "" {
			if err != nil || op.Name != want {
				t.Errorf("%s: %v %v", target, op, err)
			}
			continue
		}
		e, ok := errors.AsType[*redoubt.Error](err)
		if !ok || e.Code != "UnknownOperationException" || e.Message != "" || wire.Status(e, nil) != 400 {
			t.Errorf("%s: %v", target, err)
		}
	}
}

// The texts were measured on AWS's framework by others (Athena, Kinesis, SES);
// an empty one means that AWS sends none.
func TestRefusals(t *testing.T) {
	deep := strings.Repeat(`{"NotStatement":{"Statement":`, 40) + "{}" + strings.Repeat("}}", 40)
	for _, c := range []struct{ name, op, body, message string }{
		{"empty", "DescribeKey", ``, ""},
		{"cut off", "DescribeKey", `{`, ""},
		{"null", "DescribeKey", `null`, ""},
		{"text", "DescribeKey", `"x"`, ""},
		{"list", "DescribeKey", `[]`, "Start of list found where not expected"},
		{"comma at the end", "DescribeKey", `{"KeyId":"k",}`, ""},
		{"no comma", "DescribeKey", `{"KeyId":"k" "GrantTokens":[]}`, ""},
		{"two values", "DescribeKey", `{"KeyId":"k"}{}`, ""},
		{"comment", "DescribeKey", `{/**/}`, ""},
		{"single quotes", "DescribeKey", `{'KeyId':'k'}`, ""},
		{"control character", "DescribeKey", "{\"KeyId\":\"a\x01\"}", ""},
		{"unknown escape", "DescribeKey", `{"KeyId":"\x"}`, ""},
		{"lone surrogate", "DescribeKey", `{"KeyId":"\ud800"}`, ""},
		{"surrogates swapped", "DescribeKey", `{"KeyId":"\udc00\ud800"}`, ""},
		{"not UTF-8", "DescribeKey", "{\"KeyId\":\"\xff\"}", ""},
		{"number for text", "DescribeKey", `{"KeyId":1}`, "NUMBER_VALUE can not be converted to a String"},
		{"truth for text", "DescribeKey", `{"KeyId":true}`, "TRUE_VALUE can not be converted to a String"},
		{"object for text", "DescribeKey", `{"KeyId":{}}`, "Start of structure or map found where not expected."},
		{"list for text", "DescribeKey", `{"KeyId":["x"]}`, "Start of list found where not expected"},
		{"text for number", "ListKeys", `{"Limit":"1"}`, "STRING_VALUE can not be converted to an Integer"},
		{"truth for number", "ListKeys", `{"Limit":true}`, "TRUE_VALUE can not be converted to an Integer"},
		{"text for a list", "DescribeKey", `{"GrantTokens":"x"}`, "Expected list or null"},
		{"text for a map", "Encrypt", `{"EncryptionContext":"x"}`, "Expected map or null"},
		{"number in a list", "DescribeKey", `{"GrantTokens":[1]}`, "NUMBER_VALUE can not be converted to a String"},
		{"text for a structure", "CreateGrant", `{"Constraints":"x"}`, "Expected null"},
		{"text for a boolean", "Encrypt", `{"DryRun":"x"}`, "STRING_VALUE can not be converted to a Boolean"},
		{"text for a time", "ImportKeyMaterial", `{"ValidTo":"x"}`, "STRING_VALUE can not be converted to milliseconds since epoch"},
		{"time out of range", "ImportKeyMaterial", `{"ValidTo":1e300}`, "NUMBER_VALUE can not be converted to milliseconds since epoch"},
		{"base64 length", "Decrypt", `{"CiphertextBlob":"23456"}`, "Base64 encoded length is expected a multiple of 4 bytes but found: 5"},
		{"base64 letters", "Decrypt", `{"CiphertextBlob":"a b="}`, "Invalid Base64 character"},
		{"base64 line break", "Decrypt", `{"CiphertextBlob":"YW\nJj"}`, "Base64 encoded length is expected a multiple of 4 bytes but found: 5"},
		{"base64 line breaks", "Decrypt", `{"CiphertextBlob":"YWJj\n\n\n\n"}`, "Invalid Base64 character"},
		{"base64 loose bits", "Decrypt", `{"CiphertextBlob":"YWJ="}`, "Invalid Base64 character"},
		{"the same name twice", "DescribeKey", `{"KeyId":"a","KeyId":"b"}`, "The request contains a duplicate key."},
		{"the same name twice, escaped", "DescribeKey", `{"KeyId":"a","Key\u0049d":"b"}`, "The request contains a duplicate key."},
		{"null first", "DescribeKey", `{"KeyId":null,"KeyId":"b"}`, "The request contains a duplicate key."},
		{"the same unknown name twice", "DescribeKey", `{"x":1,"x":2}`, "The request contains a duplicate key."},
		{"the same key twice in a map", "Encrypt", `{"EncryptionContext":{"a":"1","a":"2"}}`, "The request contains a duplicate key."},
		{"leading zero", "ListKeys", `{"Limit":01}`, ""},
		{"long number", "ListKeys", `{"Limit":` + strings.Repeat("1", 200) + `}`, ""},
		{"nested too deeply", "CreateWebACL", `{"DefaultAction":` + deep + `}`, "The request is nested too deeply."},
		{"unknown, nested too deeply", "DescribeKey", `{"x":` + strings.Repeat("[", 100000), "The request is nested too deeply."},
	} {
		t.Run(c.name, func(t *testing.T) {
			svc, in := &kmsapi.Model, inputs[c.op]
			if c.op == "CreateWebACL" {
				svc = &wafv2api.Model
				c.body = strings.Replace(c.body, `"DefaultAction":`, `"Rules":[{"Statement":`, 1) + "]}"
			}
			err := decode(svc, c.op, c.body, reflect.New(reflect.TypeOf(in).Elem()).Interface())
			e, ok := errors.AsType[*redoubt.Error](err)
			if !ok || e.Code != "SerializationException" || e.Status != 400 {
				t.Fatalf("%v", err)
			}
			if e.Message != c.message {
				t.Errorf("got %q, want %q", e.Message, c.message)
			}
		})
	}
}

var inputs = map[string]any{
	"DescribeKey": (*kmsapi.DescribeKeyInput)(nil), "ListKeys": (*kmsapi.ListKeysInput)(nil), "Encrypt": (*kmsapi.EncryptInput)(nil),
	"Decrypt": (*kmsapi.DecryptInput)(nil), "CreateGrant": (*kmsapi.CreateGrantInput)(nil), "ImportKeyMaterial": (*kmsapi.ImportKeyMaterialInput)(nil),
	"CreateWebACL": (*wafv2api.CreateWebACLInput)(nil),
}

func TestDecode(t *testing.T) {
	var in kmsapi.EncryptInput
	body := ` { "Unknown" : [ { "a" : 1.5e-3 } , "\\\"" , null, true ] , "KeyId" : "\u00e4\ud83d\ude39\/" , "Plaintext" : "" ,
		"EncryptionContext" : { "k\n" : "v" } , "GrantTokens" : [ ] , "EncryptionAlgorithm" : null, "DryRun" : false } `
	if err := decode(&kmsapi.Model, "Encrypt", body, &in); err != nil {
		t.Fatal(err)
	}
	want := kmsapi.EncryptInput{
		KeyId: new("ä😹/"), Plaintext: []byte{}, EncryptionContext: map[string]string{"k\n": "v"}, GrantTokens: []string{}, DryRun: new(false),
	}
	if !reflect.DeepEqual(in, want) {
		t.Errorf("%+v", in)
	}
}

// Numbers beyond their type are the nearest value, as AWS reads them: the
// range check then refuses them with a text that says what is allowed.
func TestNumbers(t *testing.T) {
	for text, want := range map[string]int32{
		"7": 7, "-7": -7, "7.9": 7, "1e2": 100, "99999999999": 1<<31 - 1, "-99999999999": -1 << 31, "1e400": 1<<31 - 1, "-0": 0,
	} {
		var in kmsapi.ListKeysInput
		if err := decode(&kmsapi.Model, "ListKeys", `{"Limit":`+text+`}`, &in); err != nil || *in.Limit != want {
			t.Errorf("%s: %v %v", text, err, in.Limit)
		}
	}
	var in kmsapi.ImportKeyMaterialInput
	if err := decode(&kmsapi.Model, "ImportKeyMaterial", `{"ValidTo":1767225600.123}`, &in); err != nil || !in.ValidTo.Equal(time.UnixMilli(1767225600123)) {
		t.Errorf("%v %v", err, in.ValidTo)
	}
	var ev logsapi.PutLogEventsInput
	if err := decode(&logsapi.Model, "PutLogEvents", `{"logEvents":[{"timestamp":1767225600123,"message":"m"}]}`, &ev); err != nil || *ev.LogEvents[0].Timestamp != 1767225600123 {
		t.Errorf("%v %+v", err, ev)
	}
}

// Decoded values share no memory with the body: what is kept of a request does
// not keep the rest of it.
func TestCopies(t *testing.T) {
	body := []byte(`{"KeyId":"key","Plaintext":"YWJj","EncryptionContext":{"k":"v"}}`)
	var in kmsapi.EncryptInput
	r := &wire.Request{Method: "POST", Header: http.Header{}, Body: body}
	if err := awsjson.New(wire.Limits{}).Decode(&kmsapi.Model, kmsapi.Model.Find("Encrypt"), r, &in); err != nil {
		t.Fatal(err)
	}
	clear(body)
	if *in.KeyId != "key" || string(in.Plaintext) != "abc" || in.EncryptionContext["k"] != "v" {
		t.Errorf("%+v", in)
	}
}

func TestLimits(t *testing.T) {
	c := awsjson.New(wire.Limits{Body: 100})
	r := &wire.Request{Method: "POST", Header: http.Header{}, Body: []byte(`{"KeyId":"` + strings.Repeat("k", 100) + `"}`)}
	err := c.Decode(&kmsapi.Model, kmsapi.Model.Find("DescribeKey"), r, new(kmsapi.DescribeKeyInput))
	if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != "RequestEntityTooLarge" || e.Status != 413 {
		t.Errorf("%v", err)
	}
}

func TestEncode(t *testing.T) {
	c := awsjson.New(wire.Limits{})
	for _, v := range []struct {
		svc  *schema.Service
		op   string
		out  any
		want string
		ct   string
	}{
		{&kmsapi.Model, "CreateAlias", &kmsapi.CreateAliasOutput{}, "", "application/x-amz-json-1.1"},
		{&kmsapi.Model, "ListKeys", &kmsapi.ListKeysOutput{Keys: []kmsapi.KeyListEntry{}, Truncated: new(false)}, `{"Keys":[],"Truncated":false}`, "application/x-amz-json-1.1"},
		{&kmsapi.Model, "Encrypt", &kmsapi.EncryptOutput{CiphertextBlob: []byte{}, KeyId: new("<\"\\\x01\u2028ä\xff>")}, "{\"CiphertextBlob\":\"\",\"KeyId\":\"<\\\"\\\\\\u0001\u2028ä\ufffd>\"}", "application/x-amz-json-1.1"},
		{&kmsapi.Model, "DescribeKey", &kmsapi.DescribeKeyOutput{KeyMetadata: &kmsapi.KeyMetadata{KeyId: new("k"), CreationDate: new(time.UnixMilli(1767225600120)), DeletionDate: new(time.Unix(1767225600, 0))}},
			`{"KeyMetadata":{"KeyId":"k","CreationDate":1767225600.12,"DeletionDate":1767225600}}`, "application/x-amz-json-1.1"},
		{&sqsapi.Model, "ListQueues", &sqsapi.ListQueuesOutput{}, `{}`, "application/x-amz-json-1.0"},
	} {
		r, err := c.Encode(v.svc, v.svc.Find(v.op), v.out, "id-1")
		if err != nil {
			t.Fatal(err)
		}
		if string(r.Body) != v.want || r.Status != 200 || r.Header.Get("Content-Type") != v.ct || r.Header.Get("x-amzn-RequestId") != "id-1" {
			t.Errorf("%s: %s %v", v.op, r.Body, r.Header)
		}
	}
	// Answers longer than the room that comes with them.
	long := strings.Repeat("x", 5000)
	r, err := c.Encode(&kmsapi.Model, kmsapi.Model.Find("GetKeyPolicy"), &kmsapi.GetKeyPolicyOutput{Policy: &long}, "id")
	if err != nil || string(r.Body) != `{"Policy":"`+long+`"}` {
		t.Errorf("%v %d", err, len(r.Body))
	}
	if _, err := c.Encode(&kmsapi.Model, kmsapi.Model.Find("DescribeKey"), &kmsapi.EncryptOutput{KeyId: new("k")}, "id"); err == nil {
		t.Error("an output of another operation was written")
	}
}

func TestEncodeError(t *testing.T) {
	c := awsjson.New(wire.Limits{})
	for _, v := range []struct {
		svc    *schema.Service
		op     string
		err    *redoubt.Error
		status int
		body   string
		kind   string
		query  string
	}{
		{&kmsapi.Model, "DescribeKey", kmsapi.ErrNotFoundException.New("Key 'x' does not exist"), 400, `{"__type":"NotFoundException","message":"Key 'x' does not exist"}`, "NotFoundException", ""},
		{&kmsapi.Model, "Decrypt", kmsapi.ErrInvalidCiphertextException.Bare(), 400, `{"__type":"InvalidCiphertextException"}`, "InvalidCiphertextException", ""},
		{&secretsmanagerapi.Model, "GetSecretValue", secretsmanagerapi.ErrResourceNotFoundException.New("Secrets Manager can't find the specified secret."), 400,
			`{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`, "ResourceNotFoundException", ""},
		{&kmsapi.Model, "Encrypt", redoubt.ErrValidation.New("v"), 400, `{"__type":"ValidationException","message":"v"}`, "ValidationException", ""},
		{&kmsapi.Model, "Encrypt", redoubt.ErrAccessDenied.New("d"), 400, `{"__type":"AccessDeniedException","Message":"d"}`, "AccessDeniedException", ""},
		{&kmsapi.Model, "", wire.ErrUnknownOperation.Bare(), 400, `{"__type":"UnknownOperationException"}`, "UnknownOperationException", ""},
		{&kmsapi.Model, "Encrypt", wire.ErrSerialization.New("s"), 400, `{"__type":"SerializationException","Message":"s"}`, "SerializationException", ""},
		{&kmsapi.Model, "Encrypt", redoubt.ErrInternal.New("i"), 500, `{"__type":"InternalFailure","message":"i"}`, "InternalFailure", ""},
		{&kmsapi.Model, "Encrypt", &redoubt.Error{Code: "X", Status: 418}, 418, `{"__type":"X"}`, "X", ""},
		{&sqsapi.Model, "GetQueueUrl", sqsapi.ErrQueueDoesNotExist.New("The specified queue does not exist."), 400,
			`{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}`, "QueueDoesNotExist", ""},
		{&cloudwatchapi.Model, "GetDashboard", cloudwatchapi.ErrDashboardNotFoundError.New("no"), 404,
			`{"__type":"DashboardNotFoundError","message":"no"}`, "DashboardNotFoundError", "ResourceNotFound;Sender"},
		{&cloudwatchapi.Model, "PutMetricData", cloudwatchapi.ErrInternalServiceFault.Bare(), 500, `{"__type":"InternalServiceFault"}`, "InternalServiceFault", "InternalServiceError;Receiver"},
		{&wafv2api.Model, "CreateWebACL", &redoubt.Error{Code: "WAFInvalidParameterException", Message: "m", Fields: map[string]any{"Field": "NAME", "Parameter": new("p"), "Reason": nil}}, 400,
			`{"__type":"WAFInvalidParameterException","message":"m","Field":"NAME","Parameter":"p"}`, "WAFInvalidParameterException", ""},
	} {
		r := c.EncodeError(v.svc, v.svc.Find(v.op), v.err, "id-1")
		if r.Status != v.status || string(r.Body) != v.body || r.Header.Get("x-amzn-errortype") != v.kind || r.Header.Get("x-amzn-query-error") != v.query || r.Header.Get("x-amzn-RequestId") != "id-1" {
			t.Errorf("%s: %d %s %v", v.err.Code, r.Status, r.Body, r.Header)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"KeyId":"a","Plaintext":"YWJj","EncryptionContext":{"a":"b"},"GrantTokens":["x"],"DryRun":true}`))
	f.Add([]byte(`{"Rules":[{"Name":"\u00e4\ud83d\ude39","Priority":1e3,"Statement":{"AndStatement":{"Statements":[{}]}}}],"x":[{}]}`))
	f.Add([]byte(`{"ValidTo":-1.5,"Limit":99999999999999999999}`))
	f.Add([]byte("{\"KeyId\":\"\xff\"}"))
	c := awsjson.New(wire.Limits{})
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, v := range []struct {
			svc *schema.Service
			op  string
			in  func() any
		}{
			{&kmsapi.Model, "Encrypt", func() any { return new(kmsapi.EncryptInput) }},
			{&kmsapi.Model, "ImportKeyMaterial", func() any { return new(kmsapi.ImportKeyMaterialInput) }},
			{&wafv2api.Model, "CreateWebACL", func() any { return new(wafv2api.CreateWebACLInput) }},
		} {
			in := v.in()
			r := &wire.Request{Method: "POST", Header: http.Header{}, Body: bytes.Clone(body)}
			wiretest.Decode(t, len(body), func() error { return c.Decode(v.svc, v.svc.Find(v.op), r, in) })
		}
	})
}

func ExampleCodec() {
	c := awsjson.New(wire.Limits{})
	r := &wire.Request{Method: "POST", Header: http.Header{"X-Amz-Target": {"TrentService.ListKeys"}}, Body: []byte(`{"Limit":5}`)}
	op, _ := c.Match(&kmsapi.Model, r)
	var in kmsapi.ListKeysInput
	_ = c.Decode(&kmsapi.Model, op, r, &in)
	out := &kmsapi.ListKeysOutput{Keys: []kmsapi.KeyListEntry{{KeyId: new("k")}}, Truncated: new(false)}
	resp, _ := c.Encode(&kmsapi.Model, op, out, "id")
	fmt.Println(op.Name, *in.Limit, string(resp.Body))
	// Output: ListKeys 5 {"Keys":[{"KeyId":"k"}],"Truncated":false}
}
