package main

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// The tables are printed from the values themselves by reflection, so that a
// field added to package schema needs no line here.

var kindNames = []string{"", "Structure", "List", "Map", "String", "Integer", "Long", "Float", "Double", "Boolean", "Timestamp", "Blob", "Document"}

var locationNames = []string{"Body", "Header", "Headers", "URI", "QueryString", "StatusCode"}

var flagNames = []string{"Sensitive", "Flattened", "Union", "Wrapper", "Exception", "EventStream", "Streaming", "Required",
	"IdempotencyToken", "XMLAttribute", "HostLabel", "EventPayload", "Event", "Sender", "Fault", "HasMin", "HasMax", "Sparse", "Box", "JSONValue"}

// literal prints v as it stands inside a composite literal that gives its type.
func literal(b *bytes.Buffer, v reflect.Value) {
	switch x := v.Interface().(type) {
	case schema.Index:
		if x == schema.None {
			b.WriteString("schema.None")
			return
		}
	case schema.Kind:
		b.WriteString("schema." + kindNames[x])
		return
	case schema.Location:
		b.WriteString("schema." + locationNames[x])
		return
	case schema.Flag:
		if x >= 1<<len(flagNames) {
			panic("apigen: a flag of package schema has no name here")
		}
		var names []string
		for i, n := range flagNames {
			if x&(1<<i) != 0 {
				names = append(names, "schema."+n)
			}
		}
		b.WriteString(strings.Join(names, " | "))
		return
	}
	switch v.Kind() {
	case reflect.String:
		b.WriteString(strconv.Quote(v.String()))
	case reflect.Bool:
		b.WriteString(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int16:
		b.WriteString(strconv.FormatInt(v.Int(), 10))
	case reflect.Float64:
		b.WriteString(strconv.FormatFloat(v.Float(), 'g', -1, 64))
	case reflect.Slice:
		b.WriteString(typeName(v.Type()))
		rows(b, v)
	case reflect.Struct:
		b.WriteString(typeName(v.Type()))
		fields(b, v)
	default:
		panic("apigen: cannot print " + v.Type().String())
	}
}

// rows prints a slice's elements: structures each on a line, others in one.
func rows(b *bytes.Buffer, v reflect.Value) {
	b.WriteByte('{')
	for i := range v.Len() {
		if e := v.Index(i); e.Kind() == reflect.Struct {
			b.WriteByte('\n')
			fields(b, e)
			b.WriteByte(',')
		} else {
			if i > 0 {
				b.WriteString(", ")
			}
			literal(b, e)
		}
	}
	if v.Len() > 0 && v.Index(0).Kind() == reflect.Struct {
		b.WriteByte('\n')
	}
	b.WriteByte('}')
}

// fields prints a structure's fields that are not zero.
func fields(b *bytes.Buffer, v reflect.Value) {
	b.WriteByte('{')
	n := 0
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			continue
		}
		if n++; n > 1 {
			b.WriteString(", ")
		}
		b.WriteString(v.Type().Field(i).Name + ": ")
		literal(b, v.Field(i))
	}
	b.WriteByte('}')
}

func typeName(t reflect.Type) string {
	if t.Kind() == reflect.Slice {
		return "[]" + typeName(t.Elem())
	}
	if t.PkgPath() == "" {
		return t.String()
	}
	return fmt.Sprintf("schema.%s", t.Name())
}
