package walk

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// Sink writes a protocol's output. The walker announces each part before its
// value: Member before a structure's member, Elem before a list's element,
// Entry before a map's value. What is absent is not announced.
type Sink interface {
	Struct(st *Struct, v reflect.Value)
	Member(st *Struct, k int)
	EndStruct(st *Struct)
	List(sh *schema.Shape, n int)
	Elem(sh *schema.Shape)
	EndList(sh *schema.Shape)
	Map(sh *schema.Shape, n int)
	Entry(sh *schema.Shape, key string)
	EndMap(sh *schema.Shape)

	String(s string)
	Int(n int64)
	Float(f float64, bits int)
	Bool(b bool)
	Time(t time.Time, format string)
	Blob(b []byte)
	Document(v any) error
}

// Encoder walks Go values into a Sink.
type Encoder struct {
	svc  *Service
	sink Sink
	err  error
}

// NewEncoder makes an encoder.
func NewEncoder(svc *Service, sink Sink) Encoder { return Encoder{svc: svc, sink: sink} }

// Err is the first failure: a value that does not fit its shape.
func (e *Encoder) Err() error { return e.err }

// Struct writes the structure at i.
func (e *Encoder) Struct(i schema.Index, v reflect.Value) {
	st := e.svc.Struct(i)
	if v.NumField() != len(st.Members) {
		e.fail("%s is not laid out as %s", v.Type(), st.Name)
		return
	}
	e.sink.Struct(st, v)
	for k := range st.Members {
		if f := v.Field(k); !f.IsNil() {
			e.sink.Member(st, k)
			e.Member(&st.Members[k], f)
		}
	}
	e.sink.EndStruct(st)
}

// Members writes those members of the structure at i that are in the body and
// not attributes, without its begin and end.
func (e *Encoder) Members(st *Struct, v reflect.Value, pick func(*schema.Member) bool) {
	for k := range st.Members {
		if f := v.Field(k); pick(&st.Members[k]) && !f.IsNil() {
			e.sink.Member(st, k)
			e.Member(&st.Members[k], f)
		}
	}
}

// Member writes the value of a member that is present.
func (e *Encoder) Member(m *schema.Member, f reflect.Value) {
	sh := e.svc.At(m.Shape)
	switch sh.Kind {
	case schema.List, schema.Map, schema.Document:
		e.value(m.Shape, sh, f)
	case schema.Blob:
		if f.Kind() != reflect.Slice {
			e.fail("%s can't be written as %s", f.Type(), sh.Name)
			return
		}
		e.sink.Blob(f.Bytes())
	case schema.Structure:
		if f.Kind() != reflect.Pointer {
			e.fail("%s is not a pointer to %s", f.Type(), sh.Name)
			return
		}
		if sh.Has(schema.EventStream) {
			e.fail("%s is an event stream, which no codec writes", sh.Name)
			return
		}
		e.Struct(m.Shape, f.Elem())
	default:
		switch p := f.Interface().(type) { // pointers: no allocation
		case *string:
			e.sink.String(*p)
		case *int32:
			e.sink.Int(int64(*p))
		case *int64:
			e.sink.Int(*p)
		case *float32:
			e.sink.Float(float64(*p), 32)
		case *float64:
			e.sink.Float(*p, 64)
		case *bool:
			e.sink.Bool(*p)
		case *time.Time:
			e.sink.Time(*p, Format(m, sh))
		default:
			e.fail("%s can't be written as %s", f.Type(), sh.Name)
		}
	}
}

func (e *Encoder) value(i schema.Index, sh *schema.Shape, v reflect.Value) {
	switch sh.Kind {
	case schema.String:
		e.sink.String(v.String())
	case schema.Integer, schema.Long:
		e.sink.Int(v.Int())
	case schema.Float:
		e.sink.Float(v.Float(), 32)
	case schema.Double:
		e.sink.Float(v.Float(), 64)
	case schema.Boolean:
		e.sink.Bool(v.Bool())
	case schema.Timestamp:
		e.sink.Time(v.Interface().(time.Time), sh.Format)
	case schema.Blob:
		e.sink.Blob(v.Bytes())
	case schema.Structure:
		e.Struct(i, v)
	case schema.List:
		n := v.Len()
		e.sink.List(sh, n)
		elem := e.svc.At(sh.Elem)
		for k := range n {
			e.sink.Elem(sh)
			e.value(sh.Elem, elem, v.Index(k))
		}
		e.sink.EndList(sh)
	case schema.Map:
		e.sink.Map(sh, v.Len())
		elem := e.svc.At(sh.Elem)
		// Sorted, so that equal values make equal bytes.
		keys := make([]string, 0, v.Len())
		for _, k := range v.MapKeys() {
			keys = append(keys, k.String())
		}
		slices.Sort(keys)
		for _, k := range keys {
			e.sink.Entry(sh, k)
			e.value(sh.Elem, elem, v.MapIndex(reflect.ValueOf(k)))
		}
		e.sink.EndMap(sh)
	case schema.Document:
		if v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
			if err := e.sink.Document(v.Interface()); err != nil && e.err == nil {
				e.err = err
			}
			return
		}
		e.fail("%s is not a document", v.Type())
	}
}

func (e *Encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf("wire: "+format, args...)
	}
}
