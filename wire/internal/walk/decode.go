package walk

import (
	"io"
	"reflect"
	"time"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// Decoder fills Go values from a Source.
type Decoder struct {
	svc    *Service
	src    Source
	budget int
}

// Memory that decoding may take: what a Go value needs is a small multiple of
// what a client must send for it, except where empty structures of many members
// are repeated. Such requests are refused before they cost more than this.
const (
	budgetBase   = 256 << 10
	budgetFactor = 64
)

// NewDecoder makes a decoder for an input of size bytes.
func NewDecoder(svc *Service, src Source, size int) Decoder {
	return Decoder{svc: svc, src: src, budget: budgetBase + budgetFactor*size}
}

// Struct reads the structure at i into v, an addressable struct.
func (d *Decoder) Struct(i schema.Index, v reflect.Value) error {
	st := d.svc.Struct(i)
	if err := d.src.Struct(st); err != nil {
		return err
	}
	var few [2]uint64
	seen := few[:]
	if n := len(st.Members); n > 128 {
		seen = make([]uint64, (n+63)/64)
	}
	for {
		k, err := d.src.Member(st)
		if err != nil {
			return err
		}
		if k < 0 {
			return nil
		}
		if seen[k>>6]&(1<<(k&63)) != 0 {
			return errDuplicate
		}
		seen[k>>6] |= 1 << (k & 63)
		if err := d.Member(&st.Members[k], v.Field(k)); err != nil {
			return err
		}
	}
}

// Member reads a member's value into its field.
func (d *Decoder) Member(m *schema.Member, f reflect.Value) error {
	null, err := d.src.Null()
	if null || err != nil {
		return err
	}
	sh := d.svc.At(m.Shape)
	p := f.Addr().Interface()
	switch sh.Kind {
	case schema.String:
		s, err := d.src.String(sh)
		if err == nil {
			*p.(**string) = &s
		}
		return err
	case schema.Integer:
		n, err := d.src.Int(sh)
		if err == nil {
			*p.(**int32) = new(int32(n))
		}
		return err
	case schema.Long:
		n, err := d.src.Int(sh)
		if err == nil {
			*p.(**int64) = &n
		}
		return err
	case schema.Float:
		n, err := d.src.Float(sh)
		if err == nil {
			*p.(**float32) = new(float32(n))
		}
		return err
	case schema.Double:
		n, err := d.src.Float(sh)
		if err == nil {
			*p.(**float64) = &n
		}
		return err
	case schema.Boolean:
		b, err := d.src.Bool(sh)
		if err == nil {
			*p.(**bool) = &b
		}
		return err
	case schema.Timestamp:
		t, err := d.src.Time(sh, Format(m, sh))
		if err == nil {
			*p.(**time.Time) = &t
		}
		return err
	case schema.Blob:
		if r, ok := p.(*io.ReadCloser); ok {
			*r, err = d.src.Stream(sh)
			return err
		}
		*p.(*[]byte), err = d.src.Blob(sh)
		return err
	case schema.Structure:
		if err := d.spend(f.Type().Elem().Size()); err != nil {
			return err
		}
		n := reflect.New(f.Type().Elem())
		if err := d.Struct(m.Shape, n.Elem()); err != nil {
			return err
		}
		f.Set(n)
		return nil
	}
	return d.container(m.Shape, sh, f)
}

// Value reads a list element or map value, which is of the bare type.
func (d *Decoder) Value(i schema.Index, v reflect.Value) error {
	null, err := d.src.Null()
	if null || err != nil {
		return err
	}
	sh := d.svc.At(i)
	switch sh.Kind {
	case schema.String:
		s, err := d.src.String(sh)
		v.SetString(s)
		return err
	case schema.Integer, schema.Long:
		n, err := d.src.Int(sh)
		v.SetInt(n)
		return err
	case schema.Float, schema.Double:
		n, err := d.src.Float(sh)
		v.SetFloat(n)
		return err
	case schema.Boolean:
		b, err := d.src.Bool(sh)
		v.SetBool(b)
		return err
	case schema.Timestamp:
		t, err := d.src.Time(sh, sh.Format)
		*v.Addr().Interface().(*time.Time) = t
		return err
	case schema.Blob:
		b, err := d.src.Blob(sh)
		v.SetBytes(b)
		return err
	case schema.Structure:
		return d.Struct(i, v)
	}
	return d.container(i, sh, v)
}

func (d *Decoder) container(i schema.Index, sh *schema.Shape, v reflect.Value) error {
	switch sh.Kind {
	case schema.List:
		if p, ok := v.Addr().Interface().(*[]string); ok {
			return d.strings(sh, p)
		}
		return d.list(sh, v)
	case schema.Map:
		if p, ok := v.Addr().Interface().(*map[string]string); ok {
			return d.stringMap(sh, p)
		}
		return d.mapping(sh, v)
	case schema.Document:
		doc, err := d.src.Document()
		if err == nil && doc != nil {
			v.Set(reflect.ValueOf(doc))
		}
		return err
	}
	return errMap
}

func (d *Decoder) list(sh *schema.Shape, v reflect.Value) error {
	if err := d.src.List(sh); err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	size := v.Type().Elem().Size()
	for n := 0; ; n++ {
		ok, err := d.src.Elem()
		if !ok || err != nil {
			return err
		}
		if err := d.spend(size); err != nil {
			return err
		}
		v.Grow(1)
		v.SetLen(n + 1)
		if err := d.Value(sh.Elem, v.Index(n)); err != nil {
			return err
		}
	}
}

// strings is list for the most common element.
func (d *Decoder) strings(sh *schema.Shape, p *[]string) error {
	if err := d.src.List(sh); err != nil {
		return err
	}
	elem := d.svc.At(sh.Elem)
	out := []string{}
	for {
		ok, err := d.src.Elem()
		if err != nil {
			return err
		}
		if !ok {
			*p = out
			return nil
		}
		if err := d.spend(16); err != nil {
			return err
		}
		null, err := d.src.Null()
		if err != nil {
			return err
		}
		s := ""
		if !null {
			if s, err = d.src.String(elem); err != nil {
				return err
			}
		}
		out = append(out, s)
	}
}

func (d *Decoder) mapping(sh *schema.Shape, v reflect.Value) error {
	if err := d.src.Map(sh); err != nil {
		return err
	}
	t := v.Type()
	m := reflect.MakeMap(t)
	size := t.Elem().Size() + 64
	for {
		key, ok, err := d.src.Entry()
		if err != nil {
			return err
		}
		if !ok {
			v.Set(m)
			return nil
		}
		if err := d.spend(size); err != nil {
			return err
		}
		k := reflect.ValueOf(key)
		if m.MapIndex(k).IsValid() {
			return errDuplicate
		}
		elem := reflect.New(t.Elem()).Elem()
		if err := d.Value(sh.Elem, elem); err != nil {
			return err
		}
		m.SetMapIndex(k, elem)
	}
}

// stringMap is mapping for the most common value.
func (d *Decoder) stringMap(sh *schema.Shape, p *map[string]string) error {
	if err := d.src.Map(sh); err != nil {
		return err
	}
	elem := d.svc.At(sh.Elem)
	m := map[string]string{}
	for {
		key, ok, err := d.src.Entry()
		if err != nil {
			return err
		}
		if !ok {
			*p = m
			return nil
		}
		if err := d.spend(80); err != nil {
			return err
		}
		if _, dup := m[key]; dup {
			return errDuplicate
		}
		null, err := d.src.Null()
		if err != nil {
			return err
		}
		s := ""
		if !null {
			if s, err = d.src.String(elem); err != nil {
				return err
			}
		}
		m[key] = s
	}
}

func (d *Decoder) spend(bytes uintptr) error {
	if d.budget -= int(bytes); d.budget < 0 {
		return errBudget
	}
	return nil
}

// Format is the timestamp format of one use: the member's, else the shape's.
func Format(m *schema.Member, sh *schema.Shape) string {
	if m.Format != "" {
		return m.Format
	}
	return sh.Format
}
