package wire_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/cloudwatchapi"
	"github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/awsjson"
)

func compressed(t *testing.T, text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Clients compress large PutMetricData requests, in any of the protocols.
func TestContentEncoding(t *testing.T) {
	svc := &cloudwatchapi.Model
	for p, v := range map[schema.Protocol]struct {
		body    string
		headers http.Header
		path    string
	}{
		schema.JSON:  {`{"Namespace":"n"}`, http.Header{"X-Amz-Target": {"GraniteServiceVersion20100801.PutMetricData"}}, "/"},
		schema.CBOR:  {"\xa1\x69Namespace\x61n", http.Header{"Smithy-Protocol": {"rpc-v2-cbor"}}, "/service/GraniteServiceVersion20100801/operation/PutMetricData"},
		schema.Query: {"Action=PutMetricData&Version=2010-08-01&Namespace=n", http.Header{}, "/"},
	} {
		for _, encoding := range []string{"gzip", "GZIP", "custom, gzip"} {
			r := &wire.Request{Method: "POST", Path: v.path, Header: v.headers.Clone(), Body: compressed(t, v.body)}
			r.Header.Set("Content-Encoding", encoding)
			c := codec(p)
			op, err := c.Match(svc, r)
			if err != nil {
				t.Fatal(p, err)
			}
			var in cloudwatchapi.PutMetricDataInput
			if err := c.Decode(svc, op, r, &in); err != nil || in.Namespace == nil || *in.Namespace != "n" {
				t.Errorf("%s %s: %v", p, encoding, err)
			}
		}
	}
	// Not compressed, though it says so; cut off; and what is not undone.
	for body, encoding := range map[string]string{`{"Namespace":"n"}`: "gzip", string(compressed(t, `{"Namespace":"n"}`)[:20]): "gzip"} {
		r := &wire.Request{Method: "POST", Header: http.Header{"Content-Encoding": {encoding}}, Body: []byte(body)}
		err := awsjson.New(wire.Limits{}).Decode(svc, svc.Find("PutMetricData"), r, new(cloudwatchapi.PutMetricDataInput))
		if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != "UnsupportedContentEncoding" || wire.Status(e, nil) != 400 {
			t.Errorf("%v", err)
		}
	}
	// A payload that is the caller's own stays as it is.
	var in lambdaapi.InvokeInput
	raw := compressed(t, "x")
	r := &wire.Request{Method: "POST", Path: "/2015-03-31/functions/f/invocations", Header: http.Header{"Content-Encoding": {"gzip"}}, Body: raw}
	c := codec(schema.RESTJSON)
	if err := c.Decode(&lambdaapi.Model, lambdaapi.Model.Find("Invoke"), r, &in); err != nil || !bytes.Equal(in.Payload, raw) {
		t.Errorf("%v", err)
	}
}

// A compression bomb costs no more than a plain body of the limit's size.
func TestBomb(t *testing.T) {
	bomb := compressed(t, strings.Repeat(" ", 200<<20))
	r := &wire.Request{Method: "POST", Header: http.Header{"Content-Encoding": {"gzip"}}, Body: bomb}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := awsjson.New(wire.Limits{}).Decode(&cloudwatchapi.Model, cloudwatchapi.Model.Find("PutMetricData"), r, new(cloudwatchapi.PutMetricDataInput))
	runtime.ReadMemStats(&after)
	if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != "RequestEntityTooLarge" || e.Status != 413 {
		t.Errorf("%v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
		t.Errorf("%d bytes for %d", n, len(bomb))
	}
}

func TestUnescape(t *testing.T) {
	for _, c := range []struct {
		in   string
		plus bool
		out  string
		ok   bool
	}{
		{"a%20b+c", true, "a b c", true},
		{"a%20b+c", false, "a b+c", true},
		{"%C3%A4%2f", false, "ä/", true},
		{"%", true, "", false},
		{"%2", true, "", false},
		{"%zz", true, "", false},
		{"%ff", true, "", false},
		{"\xff", true, "\xff", false},
	} {
		if out, ok := wire.Unescape(c.in, c.plus); ok != c.ok || ok && out != c.out {
			t.Errorf("%s: %q %v", c.in, out, ok)
		}
	}
}
