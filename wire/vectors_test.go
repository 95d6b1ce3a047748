package wire_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/awsjson"
	"github.com/redoubt-sec/redoubt/wire/cbor"
	"github.com/redoubt-sec/redoubt/wire/ec2query"
	"github.com/redoubt-sec/redoubt/wire/internal/vectorapi"
	"github.com/redoubt-sec/redoubt/wire/query"
	"github.com/redoubt-sec/redoubt/wire/restjson"
	"github.com/redoubt-sec/redoubt/wire/restxml"
)

// The protocol tests that AWS publishes for its client libraries, run from the
// server's side: what a client is to send must decode to the parameters given,
// and the result given must encode to what a client is to read.

type vectorSuite struct {
	Shapes map[string]struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	} `json:"shapes"`
	Cases []vectorCase `json:"cases"`
}

type vectorCase struct {
	ID    string `json:"id"`
	Given struct {
		Name   string `json:"name"`
		Errors []struct {
			Shape string `json:"shape"`
		} `json:"errors"`
	} `json:"given"`
	Params     map[string]any `json:"params"`
	Serialized struct {
		Method  string            `json:"method"`
		URI     string            `json:"uri"`
		Body    *string           `json:"body"`
		Headers map[string]string `json:"headers"`
		Host    string            `json:"host"`
	} `json:"serialized"`
	Result       map[string]any `json:"result"`
	ErrorCode    string         `json:"errorCode"`
	ErrorMessage string         `json:"errorMessage"`
	Error        map[string]any `json:"error"`
	Response     struct {
		Status  int               `json:"status_code"`
		Headers map[string]string `json:"headers"`
		Body    *string           `json:"body"`
	} `json:"response"`
}

func codec(p schema.Protocol) wire.Codec {
	switch p {
	case schema.JSON:
		return awsjson.New(wire.Limits{})
	case schema.Query:
		return query.New(wire.Limits{})
	case schema.EC2:
		return ec2query.New(wire.Limits{})
	case schema.RESTJSON:
		return restjson.New(wire.Limits{})
	case schema.RESTXML:
		return restxml.New(wire.Limits{})
	case schema.CBOR:
		return cbor.New(wire.Limits{})
	}
	panic("no codec for " + p)
}

// idempotencyToken is what the vectors' client fills absent tokens with.
const idempotencyToken = "00000000-0000-4000-8000-000000000000"

// vectorRoot finds the protocol tests beside the module's root.
func vectorRoot(t *testing.T) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
	root := filepath.Join(dir, "..", "shared", "aws-models", "protocol-tests")
	if _, err := os.Stat(root); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("the protocol tests are missing: %v", err)
		}
		t.Skipf("the protocol tests are missing: %v", err)
	}
	return root
}

// eachVector runs f on every case of a direction's files.
func eachVector(t *testing.T, direction string, f func(t *testing.T, s vectorapi.Suite, vs *vectorSuite, c *vectorCase) error) {
	root := vectorRoot(t)
	files, err := filepath.Glob(filepath.Join(root, direction, "*.json"))
	if err != nil || len(files) < 9 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	unused := map[string]bool{}
	for id := range notApplicable {
		if strings.HasPrefix(id, direction+"/") {
			unused[id] = true
		}
	}
	ran, passed := 0, 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var suites []vectorSuite
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		if err := d.Decode(&suites); err != nil {
			t.Fatal(err)
		}
		name := direction + "/" + filepath.Base(file)
		for i := range suites {
			for k := range suites[i].Cases {
				c := &suites[i].Cases[k]
				id := strings.TrimSuffix(name, ".json") + "/" + c.ID
				ran++
				t.Run(id, func(t *testing.T) {
					s, ok := vectorapi.Find(name, i, c.Given.Name)
					if !ok {
						t.Fatalf("no generated types for %s", c.Given.Name)
					}
					err := f(t, s, &suites[i], c)
					reason, listed := notApplicable[id]
					delete(unused, id)
					switch {
					case err != nil && !listed:
						t.Error(err)
					case err == nil && listed:
						t.Errorf("listed as not applicable (%s), but it passes", reason)
					case err == nil:
						passed++
					}
				})
			}
		}
	}
	for id := range unused {
		t.Errorf("%s is listed as not applicable, but there is no such vector", id)
	}
	t.Logf("%d vectors, %d hold", ran, passed)
}

func TestInputVectors(t *testing.T) {
	eachVector(t, "input", func(t *testing.T, s vectorapi.Suite, _ *vectorSuite, c *vectorCase) error {
		svc := s.Service
		cd := codec(svc.Protocols[0])
		r := &wire.Request{Method: c.Serialized.Method, Target: c.Serialized.URI, Host: c.Serialized.Host, Header: http.Header{}}
		r.Path, r.RawQuery, _ = strings.Cut(c.Serialized.URI, "?")
		for k, v := range c.Serialized.Headers {
			r.Header.Set(k, v)
		}
		// Some vectors are about one header and leave the others and the body out.
		if svc.Protocols[0] == schema.JSON && r.Header.Get("X-Amz-Target") == "" {
			r.Header.Set("X-Amz-Target", svc.TargetPrefix+"."+c.Given.Name)
		}
		if c.Serialized.Body == nil && r.Header.Get("Content-Encoding") != "" {
			return fmt.Errorf("the vector has no body")
		}
		// An endpoint may have a base path, which is not the operation's.
		if _, base, ok := strings.Cut(c.Serialized.Host, "/"); ok {
			r.Path = strings.TrimPrefix(r.Path, "/"+base)
		}
		r.Body = []byte(text(c.Serialized.Body))
		if svc.Protocols[0] == schema.CBOR {
			b, err := base64.StdEncoding.DecodeString(text(c.Serialized.Body))
			if err != nil {
				return err
			}
			r.Body = b
		}
		op, err := cd.Match(svc, r)
		if err != nil {
			return fmt.Errorf("match: %w", err)
		}
		if op.Name != c.Given.Name {
			return fmt.Errorf("matched %s", op.Name)
		}
		got := s.NewInput()
		if err := cd.Decode(svc, op, r, got); err != nil {
			return fmt.Errorf("decode: %w", err)
		}
		want := s.NewInput()
		if op.Input != schema.None {
			token := ""
			if strings.Contains(c.Serialized.URI+text(c.Serialized.Body), idempotencyToken) {
				token = idempotencyToken
			}
			if err := fillStruct(svc, op.Input, reflect.ValueOf(want).Elem(), c.Params, token); err != nil {
				return err
			}
		}
		return equal("input", reflect.ValueOf(want), reflect.ValueOf(got))
	})
}

func TestOutputVectors(t *testing.T) {
	eachVector(t, "output", func(t *testing.T, s vectorapi.Suite, vs *vectorSuite, c *vectorCase) error {
		svc := s.Service
		cd := codec(svc.Protocols[0])
		op := svc.Find(c.Given.Name)
		requestID := "requestid"
		for name, v := range c.Response.Headers { // a request id that the client is to find
			if strings.EqualFold(name, "x-amzn-requestid") {
				requestID = v
			}
		}
		var r *wire.Response
		if len(c.Given.Errors) > 0 {
			e, err := vectorError(s, vs, c)
			if err != nil {
				return err
			}
			r = cd.EncodeError(svc, op, e, requestID)
		} else {
			out := s.NewOutput()
			if op.Output != schema.None {
				if err := fillStruct(svc, op.Output, reflect.ValueOf(out).Elem(), c.Result, ""); err != nil {
					return err
				}
			}
			var err error
			if r, err = cd.Encode(svc, op, out, requestID); err != nil {
				return err
			}
		}
		if r.Stream != nil {
			b, err := io.ReadAll(r.Stream)
			if err != nil {
				return err
			}
			r.Body = b
		}
		return sameResponse(svc.Protocols[0], c, r)
	})
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// vectorError makes the error that a case describes. Vectors of XML protocols
// give some messages in the response only.
func vectorError(s vectorapi.Suite, vs *vectorSuite, c *vectorCase) (*redoubt.Error, error) {
	svc := s.Service
	name := c.Given.Errors[0].Shape
	e := &redoubt.Error{Code: name, Message: c.ErrorMessage, Fields: map[string]any{}}
	if code := vs.Shapes[name].Error.Code; code != "" {
		e.Code = code
	}
	if e.Message == "" {
		if _, rest, ok := strings.Cut(text(c.Response.Body), "<Message>"); ok {
			e.Message, _, _ = strings.Cut(rest, "</Message>")
		}
	}
	st := svc.ErrorShape(e.Code)
	if st == nil {
		return nil, fmt.Errorf("no error shape %s", e.Code)
	}
	for k := range st.Members {
		m := &st.Members[k]
		v, ok := c.Error[m.Name]
		if !ok || strings.EqualFold(m.Name, "message") {
			continue
		}
		f, err := vectorField(s, name, m, v)
		if err != nil {
			return nil, err
		}
		e.Fields[m.Name] = f
	}
	for k, v := range unmodelledFields[c.ID] {
		e.Fields[k] = v
	}
	return e, nil
}

// vectorField makes a field's value: text stays text, a structure takes the
// generated type.
func vectorField(s vectorapi.Suite, shape string, m *schema.Member, v any) (any, error) {
	if text, ok := v.(string); ok {
		return text, nil
	}
	if n := s.NewError(shape); n != nil {
		f := reflect.ValueOf(n).Elem().FieldByName(strings.ToUpper(m.Name[:1]) + m.Name[1:])
		err := fillMember(s.Service, m, f, v)
		return f.Interface(), err
	}
	return nil, fmt.Errorf("no type for %s.%s", shape, m.Name)
}
