package api

import (
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/api/all"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/op/schema/schematest"
)

func TestTables(t *testing.T) {
	services := all.Services()
	if len(services) != len(models) {
		t.Fatalf("%d services listed, %d generated", len(services), len(models))
	}
	for i, s := range services {
		if s != models[i].model {
			t.Errorf("%s is listed as %s", models[i].model.Name, s.Name)
		}
		if err := schematest.Tables(s); err != nil {
			t.Error(err)
		}
		if s.SigningName == "" || s.EventSource == "" || s.IAMPrefix == "" || len(s.Protocols) == 0 {
			t.Errorf("%s: incomplete: %q %q %q %q", s.Name, s.SigningName, s.EventSource, s.IAMPrefix, s.Protocols)
		}
		for i := range s.Operations {
			if o := &s.Operations[i]; o.Action == "" || s.Find(o.Name) != o {
				t.Errorf("%s.%s: action %q", s.Name, o.Name, o.Action)
			}
		}
	}
}

// TestTypes holds every structure that an operation or error reaches against
// its shape table.
func TestTypes(t *testing.T) {
	for _, m := range models {
		if len(m.operations) != 0 && len(m.operations) != len(m.model.Operations) {
			t.Errorf("%s: %d of %d operations have descriptors", m.model.Name, len(m.operations), len(m.model.Operations))
			continue
		}
		var types schematest.Types
		for i, d := range m.operations {
			o := &m.model.Operations[i]
			if d.desc != o.Name {
				t.Errorf("%s.%s: descriptor of %s", m.model.Name, o.Name, d.desc)
			}
			if err := types.Check(m.model, o.Input, reflect.TypeOf(d.input).Elem()); err != nil {
				t.Error(err)
			}
			if err := types.Check(m.model, o.Output, reflect.TypeOf(d.output).Elem()); err != nil {
				t.Error(err)
			}
		}
		for _, e := range m.errors {
			s := m.model.ErrorShape(string(e.kind))
			if s == nil {
				t.Errorf("%s: no error has the code %s", m.model.Name, e.kind)
				continue
			}
			if s.Name != e.shape {
				t.Logf("%s: %s and %s share the code %s", m.model.Name, s.Name, e.shape, e.kind)
			}
			for i := range m.model.Shapes {
				if m.model.Shapes[i].Name == e.shape {
					if err := types.Check(m.model, schema.Index(i), reflect.TypeOf(e.value).Elem()); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
}

// TestFacts pins what clients and policies depend on and no model says.
func TestFacts(t *testing.T) {
	want := map[string]string{
		"kms":                      "kms kms kms.amazonaws.com",
		"cloudhsmv2":               "cloudhsm cloudhsm cloudhsm.amazonaws.com",
		"cloudwatch":               "monitoring cloudwatch monitoring.amazonaws.com",
		"elbv2":                    "elasticloadbalancing elasticloadbalancing elasticloadbalancing.amazonaws.com",
		"resourcegroupstaggingapi": "tagging tag tagging.amazonaws.com",
		"s3control":                "s3 s3 s3.amazonaws.com",
		"accessanalyzer":           "access-analyzer access-analyzer access-analyzer.amazonaws.com",
		"ecr":                      "ecr ecr ecr.amazonaws.com",
	}
	actions := map[string]string{
		"kms.Encrypt": "kms:Encrypt", "s3.ListObjectsV2": "s3:ListBucket", "s3.HeadObject": "s3:GetObject", "lambda.Invoke": "lambda:InvokeFunction",
		"apigateway.GetRestApi": "apigateway:GET", "cloudhsmv2.CreateCluster": "cloudhsm:CreateCluster", "sqs.SendMessageBatch": "sqs:SendMessage",
	}
	for _, s := range all.Services() {
		if w, ok := want[s.Name]; ok && w != s.SigningName+" "+s.IAMPrefix+" "+s.EventSource {
			t.Errorf("%s: signs as %s, actions of %s, events from %s", s.Name, s.SigningName, s.IAMPrefix, s.EventSource)
		}
		for i := range s.Operations {
			o := &s.Operations[i]
			if w, ok := actions[s.Name+"."+o.Name]; ok && o.Action != w {
				t.Errorf("%s.%s takes %s", s.Name, o.Name, o.Action)
			}
		}
	}
}

// TestStatic proves that the tables cost nothing when a program starts: no
// package of them has an initialisation that does anything.
func TestStatic(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "init runtime ") {
		t.Fatalf("no trace of initialisation:\n%s", out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "init ") && strings.Contains(line, "/redoubt/api/") {
			t.Errorf("initialised at start: %s", line)
		}
	}
}
