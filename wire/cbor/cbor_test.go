package cbor_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	fxcbor "github.com/fxamacker/cbor/v2"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/cloudwatchapi"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/cbor"
	"github.com/redoubt-sec/redoubt/wire/internal/wiretest"
)

var svc = &cloudwatchapi.Model

func request(op string, body []byte) *wire.Request {
	return &wire.Request{
		Method: "POST", Path: "/service/GraniteServiceVersion20100801/operation/" + op, Body: body,
		Header: http.Header{"Smithy-Protocol": {"rpc-v2-cbor"}, "Content-Type": {"application/cbor"}},
	}
}

func decode(op string, body []byte, in any) error {
	c := cbor.New(wire.Limits{})
	o, err := c.Match(svc, request(op, body))
	if err != nil {
		return err
	}
	return c.Decode(svc, o, request(op, body), in)
}

func TestMatch(t *testing.T) {
	c := cbor.New(wire.Limits{})
	for _, r := range []*wire.Request{
		request("Nothing", nil),
		request("PutMetricData/x", nil),
		{Method: "GET", Path: "/service/GraniteServiceVersion20100801/operation/PutMetricData", Header: http.Header{"Smithy-Protocol": {"rpc-v2-cbor"}}},
		{Method: "POST", Path: "/service/Other/operation/PutMetricData", Header: http.Header{"Smithy-Protocol": {"rpc-v2-cbor"}}},
		{Method: "POST", Path: "/service/GraniteServiceVersion20100801/operation/PutMetricData", Header: http.Header{}},
	} {
		op, err := c.Match(svc, r)
		if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != "UnknownOperationException" || e.Status != 404 {
			t.Errorf("%s: %v %v", r.Path, op, err)
		}
	}
	r := request("PutMetricData", nil)
	r.Path = "/base" + r.Path
	if op, err := c.Match(svc, r); err != nil || op.Name != "PutMetricData" {
		t.Errorf("%v %v", op, err)
	}
}

func TestDecode(t *testing.T) {
	at := time.UnixMilli(1767225600123).UTC()
	body, err := fxcbor.Marshal(map[string]any{
		"Namespace": "n", "unknown": map[int]any{1: []any{1, "x", nil}},
		"MetricData": []any{map[string]any{
			"MetricName": "m", "Value": 3, "StorageResolution": 60, "Timestamp": fxcbor.Tag{Number: 1, Content: 1767225600.123}, "Unit": nil,
			"Values": []any{float32(1.5), math.Inf(1)}, "Dimensions": []any{},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var in cloudwatchapi.PutMetricDataInput
	if err := decode("PutMetricData", body, &in); err != nil {
		t.Fatal(err)
	}
	want := []cloudwatchapi.MetricDatum{{MetricName: new("m"), Value: new(3.0), StorageResolution: new(int32(60)), Timestamp: &at, Values: []float64{1.5, math.Inf(1)}, Dimensions: []cloudwatchapi.Dimension{}}}
	if *in.Namespace != "n" || !reflect.DeepEqual(in.MetricData, want) {
		t.Errorf("%+v", in)
	}
}

func TestRefusals(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                    "",
		"not a map":                "80",
		"text":                     "6161",
		"cut off":                  "bf69",
		"two values":               "a0a0",
		"no break":                 "bf",
		"break without a map":      "ff",
		"long text":                "a1694e616d6573706163657bffffffffffffffff",
		"long list":                "a16a4d6574726963446174619bffffffffffffffff",
		"huge list":                "a16a4d657472696344617461" + "9b7fffffffffffffff",
		"huge map":                 "bbffffffffffffffff",
		"key of another type":      "a10102",
		"number for text":          "a1694e616d65737061636501",
		"blob for text":            "a1694e616d6573706163654161",
		"not UTF-8":                "a1694e616d65737061636561ff",
		"the same name twice":      "a2694e616d6573706163656161694e616d6573706163656162",
		"the same unknown twice":   "a261780161 7802",
		"reserved information":     "a1694e616d6573706163651c",
		"chunks in chunks":         "a1694e616d6573706163657f7f6161ffff",
		"chunks of another type":   "a1694e616d6573706163657f4161ff",
		"time without a tag":       "a16a4d65747269634461746181a16954696d657374616d7001",
		"too many tags":            "a1694e616d657370616365" + strings.Repeat("c6", 10) + "6161",
		"nested too deeply":        "a16a4d657472696344617461" + strings.Repeat("81", 100) + "01",
		"unknown, too deep":        "a16178" + strings.Repeat("81", 100000) + "01",
		"unknown, too deep, tags":  "a16178" + strings.Repeat("c6", 100000) + "01",
		"unknown, too deep, mixed": "a16178" + strings.Repeat("bf6161", 1000) + "01",
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			t.Fatal(name, err)
		}
		err = decode("PutMetricData", b, new(cloudwatchapi.PutMetricDataInput))
		if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != "SerializationException" || e.Status != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEncodeError(t *testing.T) {
	c := cbor.New(wire.Limits{})
	r := c.EncodeError(svc, svc.Find("GetDashboard"), cloudwatchapi.ErrDashboardNotFoundError.New("no such"), "id-1")
	var body map[string]any
	if err := fxcbor.Unmarshal(r.Body, &body); err != nil {
		t.Fatal(err)
	}
	if r.Status != 404 || !reflect.DeepEqual(body, map[string]any{"__type": "DashboardNotFoundError", "message": "no such"}) ||
		r.Header.Get("Content-Type") != "application/cbor" || r.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" ||
		r.Header.Get("X-Amzn-Query-Error") != "ResourceNotFound;Sender" || r.Header.Get("X-Amzn-Requestid") != "id-1" {
		t.Errorf("%d %v %v", r.Status, body, r.Header)
	}
}

func FuzzDecodeCBOR(f *testing.F) {
	body, err := fxcbor.Marshal(map[string]any{
		"Namespace": "n", "x": []any{1, nil, map[string]any{"a": true}},
		"MetricData": []any{map[string]any{"MetricName": "m", "Value": 3, "Timestamp": fxcbor.Tag{Number: 1, Content: 1.5}, "Values": []any{float32(1)}}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte{0xbf, 0x61, 'a', 0x9f, 0xff, 0xff})
	f.Add([]byte{0xa1, 0x7f, 0x61, 'a', 0xff, 0xf9, 0x7e, 0x00})
	f.Fuzz(func(t *testing.T, body []byte) {
		wiretest.Decode(t, len(body), func() error {
			return decode("PutMetricData", bytes.Clone(body), new(cloudwatchapi.PutMetricDataInput))
		})
	})
}
