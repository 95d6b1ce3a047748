package vectorapi

import (
	"reflect"
	"testing"

	"github.com/redoubt-sec/redoubt/op/schema/schematest"
)

func TestSuites(t *testing.T) {
	var types schematest.Types
	for _, s := range suites {
		if err := schematest.Tables(s.Service); err != nil {
			t.Error(err)
			continue
		}
		found, ok := Find(s.File, s.Index, s.Operation)
		if !ok || found.Service != s.Service {
			t.Errorf("%s %d %s: not found", s.File, s.Index, s.Operation)
		}
		o := s.Service.Find(s.Operation)
		if o == nil {
			t.Errorf("%s %d: no operation %s", s.File, s.Index, s.Operation)
			continue
		}
		if err := types.Check(s.Service, o.Input, reflect.TypeOf(s.NewInput()).Elem()); err != nil {
			t.Error(err)
		}
		if err := types.Check(s.Service, o.Output, reflect.TypeOf(s.NewOutput()).Elem()); err != nil {
			t.Error(err)
		}
		for _, at := range o.Errors {
			if err := types.Check(s.Service, at, reflect.TypeOf(s.NewError(s.Service.At(at).Name)).Elem()); err != nil {
				t.Error(err)
			}
		}
	}
	if _, ok := Find("input/none.json", 0, "Nothing"); ok {
		t.Error("found a suite that does not exist")
	}
}
