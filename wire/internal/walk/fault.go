package walk

import (
	"reflect"
	"slices"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// Fault finds the shape of an error: among the operation's own errors first,
// since codes are not unique within every service. It is nil if the model does
// not know the error.
func (s *Service) Fault(op *schema.Operation, code string) *Struct {
	is := func(sh *schema.Shape) bool {
		return sh.Has(schema.Exception) && (sh.Code == code || sh.Name == code)
	}
	if op != nil {
		for _, i := range op.Errors {
			if is(s.At(i)) {
				return s.Struct(i)
			}
		}
	}
	for i := range s.Shapes {
		if is(&s.Shapes[i]) {
			return s.Struct(schema.Index(i))
		}
	}
	return nil
}

// FaultSink is a Sink that can also write parts of an error that its shape
// does not have.
type FaultSink interface {
	Sink
	// Extra writes a name and text outside of any shape.
	Extra(name, text string)
}

// unmodelledMessage spells the message member of errors that no model has, as
// AWS's framework does.
func unmodelledMessage(code string) string {
	switch code {
	case "SerializationException", "AccessDeniedException":
		return "Message"
	}
	return "message"
}

// FaultBody writes the members of an error that belong into the body: first
// its message under the name that the shape gives it, then its other members,
// then what the shape does not have. st may be nil. message overrides the
// message's name where that is not empty.
func (e *Encoder) FaultBody(st *Struct, err *redoubt.Error, message string, sink FaultSink, inBody func(*schema.Member) bool) {
	at := -1
	if st != nil {
		at = messageMember(st)
	}
	if text := err.Message; text != "" {
		switch {
		case message != "":
			sink.Extra(message, text)
		case at >= 0:
			sink.Member(st, at)
			sink.String(text)
		default:
			sink.Extra(unmodelledMessage(err.Code), text)
		}
	}
	if len(err.Fields) == 0 {
		return
	}
	known := 0
	if st != nil {
		for k := range st.Members {
			m := &st.Members[k]
			v, ok := err.Fields[m.Name]
			if !ok {
				continue
			}
			known++
			if rv := reflect.ValueOf(v); k != at && inBody(m) && present(rv) {
				sink.Member(st, k)
				e.loose(m, rv)
			}
		}
	}
	if known == len(err.Fields) {
		return
	}
	rest := make([]string, 0, len(err.Fields))
	for name := range err.Fields {
		if st == nil || !slices.ContainsFunc(st.Members, func(m schema.Member) bool { return m.Name == name }) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	for _, name := range rest {
		if text, ok := Text(err.Fields[name]); ok {
			sink.Extra(name, text)
		}
	}
}

func messageMember(st *Struct) int {
	for k := range st.Members {
		if strings.EqualFold(st.Members[k].Name, "message") {
			return k
		}
	}
	return -1
}

func present(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Invalid:
		return false
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return !v.IsNil()
	}
	return true
}

// loose writes a value that may be of the bare type or a pointer to it.
func (e *Encoder) loose(m *schema.Member, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	sh := e.svc.At(m.Shape)
	ok := false
	switch k := v.Kind(); sh.Kind {
	case schema.String:
		ok = k == reflect.String
	case schema.Integer, schema.Long:
		ok = v.CanInt()
	case schema.Float, schema.Double:
		ok = v.CanFloat()
	case schema.Boolean:
		ok = k == reflect.Bool
	case schema.Timestamp:
		t, is := v.Interface().(time.Time)
		if is {
			e.sink.Time(t, Format(m, sh))
			return
		}
	case schema.Structure:
		ok = k == reflect.Struct
	case schema.List:
		ok = k == reflect.Slice
	case schema.Map:
		ok = k == reflect.Map
	case schema.Blob:
		ok = k == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8
	}
	if !ok {
		e.fail("%s can't be written as %s", v.Type(), sh.Name)
		e.sink.String("")
		return
	}
	e.value(m.Shape, sh, v)
}

// Text is a scalar as headers, query strings and XML write it.
func Text(v any) (string, bool) {
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer && !rv.IsNil() {
		rv = rv.Elem()
	}
	var b []byte
	switch {
	case rv.Kind() == reflect.String:
		return rv.String(), true
	case rv.CanInt():
		b = appendInt(b, rv.Int())
	case rv.CanFloat():
		b = AppendFloat(b, rv.Float(), 64)
	case rv.Kind() == reflect.Bool:
		if rv.Bool() {
			return "true", true
		}
		return "false", true
	default:
		t, ok := v.(time.Time)
		if !ok {
			return "", false
		}
		b = AppendISO(b, t)
	}
	return string(b), true
}
