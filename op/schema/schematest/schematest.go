// Package schematest checks that a service's tables hold together and that Go
// types are laid out as package schema promises. The generated packages' tests
// use it.
package schematest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// Tables checks that every index points at a shape of a fitting kind, and that
// what is searched by name is sorted.
func Tables(s *schema.Service) error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf(s.Name+": "+format, args...))
	}
	inside := func(at schema.Index) bool { return at >= 0 && int(at) < len(s.Shapes) }
	for i := range s.Shapes {
		sh := &s.Shapes[i]
		if i > 0 && s.Shapes[i-1].Name >= sh.Name {
			fail("shape %s is out of order", sh.Name)
		}
		switch sh.Kind {
		case schema.Structure:
			if sh.Payload < -1 || int(sh.Payload) >= len(sh.Members) {
				fail("%s: payload %d of %d members", sh.Name, sh.Payload, len(sh.Members))
			}
			for j := range sh.Members {
				if !inside(sh.Members[j].Shape) {
					fail("%s.%s: shape %d", sh.Name, sh.Members[j].Name, sh.Members[j].Shape)
				}
			}
		case schema.Map:
			if !inside(sh.Key) || s.At(sh.Key).Kind != schema.String {
				fail("%s: key %d", sh.Name, sh.Key)
			}
			fallthrough
		case schema.List:
			if !inside(sh.Elem) {
				fail("%s: element %d", sh.Name, sh.Elem)
			}
		case 0:
			fail("%s has no kind", sh.Name)
		}
	}
	for i := range s.Operations {
		o := &s.Operations[i]
		if i > 0 && s.Operations[i-1].Name >= o.Name {
			fail("operation %s is out of order", o.Name)
		}
		for _, at := range []schema.Index{o.Input, o.Output} {
			if at != schema.None && (!inside(at) || s.At(at).Kind != schema.Structure) {
				fail("%s: input or output %d is no structure", o.Name, at)
			}
		}
		for _, at := range o.Errors {
			if !inside(at) || !s.At(at).Has(schema.Exception) {
				fail("%s: error %d is no exception", o.Name, at)
			}
		}
	}
	if !slices.IsSortedFunc(s.Actions, func(a, b schema.Action) int { return strings.Compare(a.Name, b.Name) }) {
		fail("actions are out of order")
	}
	for _, p := range s.Paginators {
		if s.Find(p.Operation) == nil {
			fail("paginator of an unknown operation %s", p.Operation)
		}
	}
	return errors.Join(errs...)
}

// Types checks the Go type of one shape and of all that it reaches. The zero
// value is ready; one Types remembers what it has checked.
type Types struct{ seen map[key]bool }

type key struct {
	service *schema.Service
	at      schema.Index
	t       reflect.Type
}

// Check compares the structure at the index with the Go type. schema.None
// stands for the empty structure.
func (c *Types) Check(s *schema.Service, at schema.Index, t reflect.Type) error {
	if at == schema.None {
		if t.Kind() != reflect.Struct || t.NumField() != 0 {
			return fmt.Errorf("%s: %v is not empty", s.Name, t)
		}
		return nil
	}
	sh := s.At(at)
	want := bare[sh.Kind]
	switch sh.Kind {
	case schema.Structure:
		return c.structure(s, at, t)
	case schema.List:
		if t.Kind() != reflect.Slice {
			return fmt.Errorf("%s.%s: %v is no slice", s.Name, sh.Name, t)
		}
		return c.Check(s, sh.Elem, t.Elem())
	case schema.Map:
		if t.Kind() != reflect.Map || t.Key().Kind() != reflect.String {
			return fmt.Errorf("%s.%s: %v is no map", s.Name, sh.Name, t)
		}
		return c.Check(s, sh.Elem, t.Elem())
	}
	if t != want {
		return fmt.Errorf("%s.%s: %v should be %v", s.Name, sh.Name, t, want)
	}
	return nil
}

var bare = map[schema.Kind]reflect.Type{
	schema.String: reflect.TypeFor[string](), schema.Integer: reflect.TypeFor[int32](), schema.Long: reflect.TypeFor[int64](),
	schema.Float: reflect.TypeFor[float32](), schema.Double: reflect.TypeFor[float64](), schema.Boolean: reflect.TypeFor[bool](),
	schema.Timestamp: reflect.TypeFor[time.Time](), schema.Blob: reflect.TypeFor[[]byte](), schema.Document: reflect.TypeFor[any](),
}

func (c *Types) structure(s *schema.Service, at schema.Index, t reflect.Type) error {
	if c.seen[key{s, at, t}] {
		return nil
	}
	if c.seen == nil {
		c.seen = map[key]bool{}
	}
	c.seen[key{s, at, t}] = true
	sh := s.At(at)
	if t.Kind() != reflect.Struct || t.NumField() != len(sh.Members) {
		return fmt.Errorf("%s.%s: %v has not %d fields", s.Name, sh.Name, t, len(sh.Members))
	}
	var errs []error
	for i := range sh.Members {
		f, m := t.Field(i), &sh.Members[i]
		if !f.IsExported() || !strings.EqualFold(letters(f.Name), letters(m.Name)) {
			errs = append(errs, fmt.Errorf("%s.%s: field %s for member %s", s.Name, sh.Name, f.Name, m.Name))
		}
		if err := c.field(s, m, f.Type); err != nil {
			errs = append(errs, fmt.Errorf("%s.%s.%s: %w", s.Name, sh.Name, m.Name, err))
		}
	}
	return errors.Join(errs...)
}

// field checks the type of a member's field, which can be absent.
func (c *Types) field(s *schema.Service, m *schema.Member, t reflect.Type) error {
	sh := s.At(m.Shape)
	switch {
	case m.Has(schema.Streaming):
		if t.String() != "io.ReadCloser" {
			return fmt.Errorf("%v should be io.ReadCloser", t)
		}
		return nil
	case sh.Has(schema.EventStream):
		// iter.Seq2[*T, error]: func(yield func(*T, error) bool)
		if t.Kind() != reflect.Func || t.NumIn() != 1 || t.In(0).NumIn() != 2 || t.In(0).In(0).Kind() != reflect.Pointer {
			return fmt.Errorf("%v should be an iter.Seq2", t)
		}
		return c.Check(s, m.Shape, t.In(0).In(0).Elem())
	case sh.Kind == schema.List, sh.Kind == schema.Map, sh.Kind == schema.Blob, sh.Kind == schema.Document:
		return c.Check(s, m.Shape, t)
	case t.Kind() != reflect.Pointer:
		return fmt.Errorf("%v should be a pointer", t)
	}
	return c.Check(s, m.Shape, t.Elem())
}

// letters drops what cannot stand, or stands only for uniqueness, in a Go name.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || r == ':' {
			return -1
		}
		return r
	}, name)
}
