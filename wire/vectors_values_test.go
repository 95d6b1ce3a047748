package wire_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// fillStruct makes a Go value of a vector's parameters, which are written as
// botocore takes them: members by name, blobs as text, times as epoch seconds.
// token, if not empty, is what the client fills idempotency tokens with.
func fillStruct(svc *schema.Service, i schema.Index, v reflect.Value, params map[string]any, token string) error {
	sh := svc.At(i)
	known := map[string]bool{}
	for k := range sh.Members {
		m := &sh.Members[k]
		known[m.Name] = true
		if _, ok := params[m.Name]; !ok && m.Has(schema.IdempotencyToken) && token != "" {
			v.Field(k).Set(reflect.ValueOf(new(token)))
		}
		if p, ok := params[m.Name]; ok {
			if err := fillMember(svc, m, v.Field(k), p); err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
		}
	}
	for name := range params {
		if !known[name] {
			return fmt.Errorf("%s has no member %s", sh.Name, name)
		}
	}
	return nil
}

func fillMember(svc *schema.Service, m *schema.Member, f reflect.Value, p any) error {
	if p == nil {
		return nil
	}
	sh := svc.At(m.Shape)
	if _, stream := f.Addr().Interface().(*io.ReadCloser); stream {
		f.Set(reflect.ValueOf(io.NopCloser(strings.NewReader(p.(string)))))
		return nil
	}
	if f.Kind() == reflect.Pointer {
		n := reflect.New(f.Type().Elem())
		f.Set(n)
		f = n.Elem()
	}
	return fillValue(svc, m.Shape, sh, f, p)
}

func fillValue(svc *schema.Service, i schema.Index, sh *schema.Shape, v reflect.Value, p any) error {
	if p == nil {
		return nil
	}
	num := func() float64 {
		switch p := p.(type) {
		case json.Number:
			f, _ := p.Float64()
			return f
		case string:
			switch p {
			case "NaN":
				return math.NaN()
			case "Infinity":
				return math.Inf(1)
			case "-Infinity":
				return math.Inf(-1)
			}
		}
		panic(fmt.Sprintf("%s: %T", sh.Name, p))
	}
	switch sh.Kind {
	case schema.String:
		v.SetString(p.(string))
	case schema.Integer, schema.Long:
		n, err := p.(json.Number).Int64()
		v.SetInt(n)
		return err
	case schema.Float, schema.Double:
		v.SetFloat(num())
	case schema.Boolean:
		v.SetBool(p.(bool))
	case schema.Timestamp:
		v.Set(reflect.ValueOf(time.UnixMilli(int64(math.Round(num() * 1000))).UTC()))
	case schema.Blob:
		v.SetBytes([]byte(p.(string)))
	case schema.Structure:
		return fillStruct(svc, i, v, p.(map[string]any), "")
	case schema.Document:
		v.Set(reflect.ValueOf(p))
	case schema.List:
		l := p.([]any)
		v.Set(reflect.MakeSlice(v.Type(), len(l), len(l)))
		for k, e := range l {
			if err := fillValue(svc, sh.Elem, svc.At(sh.Elem), v.Index(k), e); err != nil {
				return err
			}
		}
	case schema.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for k, e := range p.(map[string]any) {
			n := reflect.New(v.Type().Elem()).Elem()
			if err := fillValue(svc, sh.Elem, svc.At(sh.Elem), n, e); err != nil {
				return err
			}
			v.SetMapIndex(reflect.ValueOf(k), n)
		}
	}
	return nil
}

// equal compares two values deeply: NaN equals itself, documents' numbers are
// compared as numbers, streams by what they hold.
func equal(path string, want, got reflect.Value) error {
	differ := func() error { return fmt.Errorf("%s: want %s, got %s", path, show(want), show(got)) }
	if want.IsValid() != got.IsValid() || want.IsValid() && want.Type() != got.Type() {
		return differ()
	}
	if !want.IsValid() {
		return nil
	}
	switch want.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		if want.IsNil() != got.IsNil() {
			return differ()
		}
		if want.IsNil() {
			return nil
		}
	}
	if w, ok := want.Interface().(io.Reader); ok && want.Kind() == reflect.Interface {
		a, _ := io.ReadAll(w)
		b, _ := io.ReadAll(got.Interface().(io.Reader))
		if string(a) != string(b) {
			return fmt.Errorf("%s: want %q, got %q", path, a, b)
		}
		return nil
	}
	switch want.Kind() {
	case reflect.Pointer, reflect.Interface:
		return equal(path, want.Elem(), got.Elem())
	case reflect.Float32, reflect.Float64:
		a, b := want.Float(), got.Float()
		if a != b && !(math.IsNaN(a) && math.IsNaN(b)) {
			return differ()
		}
		return nil
	case reflect.Struct:
		if t, ok := want.Interface().(time.Time); ok {
			if !t.Equal(got.Interface().(time.Time)) {
				return differ()
			}
			return nil
		}
		for i := range want.NumField() {
			if err := equal(path+"."+want.Type().Field(i).Name, want.Field(i), got.Field(i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.Slice:
		if want.Len() != got.Len() {
			return differ()
		}
		for i := range want.Len() {
			if err := equal(fmt.Sprintf("%s[%d]", path, i), want.Index(i), got.Index(i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.Map:
		if want.Len() != got.Len() {
			return differ()
		}
		for _, k := range want.MapKeys() {
			if err := equal(path+"["+k.String()+"]", want.MapIndex(k), got.MapIndex(k)); err != nil {
				return err
			}
		}
		return nil
	}
	if n, ok := want.Interface().(json.Number); ok {
		a, _ := n.Float64()
		if b, _ := got.Interface().(json.Number).Float64(); a != b {
			return differ()
		}
		return nil
	}
	if !reflect.DeepEqual(want.Interface(), got.Interface()) {
		return differ()
	}
	return nil
}

func show(v reflect.Value) string {
	if !v.IsValid() {
		return "nothing"
	}
	b, err := json.Marshal(v.Interface())
	if err != nil {
		return fmt.Sprintf("%v", v.Interface())
	}
	return fmt.Sprintf("%s %.300s", v.Type(), b)
}
