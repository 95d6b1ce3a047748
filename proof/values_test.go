package proof

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// A value as a client would send it is a tree of object, entries, []any, string,
// int64, float64, bool, []byte, time.Time, and garbage anywhere in it.
type (
	object  map[string]any // structure, by the members' names in the model
	entries map[string]any // map
)

// step leads from a shape to a part of its values.
type step struct {
	member *schema.Member // nil: the element of a list or the value of a map
	key    bool           // the key of a map
	shape  schema.Index   // what is there
}

// path leads from an operation's input to a field in it.
type path []step

func (p path) String() string {
	var b strings.Builder
	for _, s := range p {
		switch {
		case s.member != nil:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.member.Name)
		case s.key:
			b.WriteString("{key}")
		default:
			b.WriteString("[]")
		}
	}
	return b.String()
}

// names are the members on the path, "Tags.TagKey", as allow-lists name them.
func (p path) names() string {
	var names []string
	for _, s := range p {
		if s.member != nil {
			names = append(names, s.member.Name)
		}
	}
	return strings.Join(names, ".")
}

// sensitive reports whether the model marks anything on the path.
func (p path) sensitive(svc *schema.Service) bool {
	return slices.ContainsFunc(p, func(s step) bool {
		return s.member != nil && s.member.Has(schema.Sensitive) || svc.At(s.shape).Has(schema.Sensitive)
	})
}

// maxDepth is how deep fields are looked for. Shapes that contain themselves are
// entered once.
const maxDepth = 6

// fields lists every field of an input.
func fields(svc *schema.Service, input schema.Index) []path {
	if input == schema.None {
		return nil
	}
	var list []path
	var walk func(i schema.Index, p path, above []schema.Index)
	walk = func(i schema.Index, p path, above []schema.Index) {
		if len(above) > maxDepth || slices.Contains(above, i) {
			return
		}
		above = append(above[:len(above):len(above)], i)
		add := func(s step) {
			q := append(p[:len(p):len(p)], s)
			list = append(list, q)
			walk(s.shape, q, above)
		}
		switch sh := svc.At(i); sh.Kind {
		case schema.Structure:
			for k := range sh.Members {
				add(step{member: &sh.Members[k], shape: sh.Members[k].Shape})
			}
		case schema.List:
			add(step{shape: sh.Elem})
		case schema.Map:
			add(step{key: true, shape: sh.Key})
			add(step{shape: sh.Elem})
		}
	}
	walk(input, nil, nil)
	return list
}

// samples answers a value for a member by its name, where a made-up one would
// mean nothing to the service, or false.
type samples func(operation, member string) (any, bool)

// builder makes values of a service's shapes.
type builder struct {
	svc     *schema.Service
	op      string
	samples samples
	// plant, when set, chooses strings and blobs; with it everything optional is
	// filled in.
	plant func(p path, sh *schema.Shape) (any, bool)
	at    path
}

// input makes the smallest valid input, or with plant the fullest.
func (b *builder) input(o *schema.Operation) object {
	if o.Input == schema.None {
		return object{}
	}
	b.op, b.at = o.Name, nil
	return b.value(o.Input, "", nil).(object)
}

// value makes a value; name is the member that holds it.
func (b *builder) value(i schema.Index, name string, above []schema.Index) any {
	sh := b.svc.At(i)
	if b.plant != nil && (sh.Kind == schema.String || sh.Kind == schema.Blob) {
		if v, ok := b.plant(b.at, sh); ok {
			return v
		}
	}
	if b.samples != nil && name != "" {
		if v, ok := b.samples(b.op, name); ok {
			return v
		}
	}
	within := func(s step, name string) any {
		was := b.at
		b.at = append(was[:len(was):len(was)], s)
		v := b.value(s.shape, name, append(above[:len(above):len(above)], i))
		b.at = was
		return v
	}
	count := func() int {
		if sh.Has(schema.HasMin) {
			return max(1, int(sh.Min))
		}
		return 1
	}
	switch sh.Kind {
	case schema.Structure:
		o := object{}
		deep := len(above) > maxDepth || slices.Contains(above, i)
		for k := range sh.Members {
			m := &sh.Members[k]
			_, asked := b.sample(m.Name)
			if !m.Has(schema.Required) && (b.plant == nil || deep) && !(asked && len(above) == 0) {
				continue
			}
			if sh.Has(schema.Union) && len(o) > 0 {
				break
			}
			o[m.Name] = within(step{member: m, shape: m.Shape}, m.Name)
		}
		if sh.Has(schema.Union) && len(o) == 0 && len(sh.Members) > 0 && !deep {
			m := &sh.Members[0]
			o[m.Name] = within(step{member: m, shape: m.Shape}, m.Name)
		}
		return o
	case schema.List:
		l := []any{}
		if slices.Contains(above, i) {
			return l
		}
		for range count() {
			l = append(l, within(step{shape: sh.Elem}, ""))
		}
		return l
	case schema.Map:
		m := entries{}
		for n := range count() {
			k := fmt.Sprint(within(step{key: true, shape: sh.Key}, ""))
			if n > 0 {
				k += fmt.Sprint(n)
			}
			m[k] = within(step{shape: sh.Elem}, "")
		}
		return m
	case schema.String:
		if s, _ := text(sh); s != "" {
			return s
		}
		return "value"
	case schema.Integer, schema.Long:
		if sh.Has(schema.HasMin) {
			return int64(sh.Min)
		}
		return int64(1)
	case schema.Float, schema.Double:
		if sh.Has(schema.HasMin) {
			return sh.Min
		}
		return 1.0
	case schema.Boolean:
		return false
	case schema.Timestamp:
		return time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	case schema.Blob:
		return slices.Repeat([]byte("b"), count())
	}
	return object{} // a document
}

func (b *builder) sample(name string) (any, bool) {
	if b.samples == nil {
		return nil, false
	}
	return b.samples(b.op, name)
}

// put answers v, a value of shape i, with leaf at the end of p. What is on the
// way and missing is made.
func (b *builder) put(i schema.Index, v any, p path, leaf any) any {
	if len(p) == 0 {
		return leaf
	}
	sh, s := b.svc.At(i), p[0]
	name := ""
	if s.member != nil {
		name = s.member.Name
	}
	next := func(have any) any {
		if len(p) == 1 {
			return leaf
		}
		if have == nil {
			have = b.value(s.shape, name, nil)
		}
		return b.put(s.shape, have, p[1:], leaf)
	}
	switch {
	case s.member != nil:
		o := object{}
		if had, ok := v.(object); ok && !sh.Has(schema.Union) {
			for k, x := range had {
				o[k] = x
			}
		} else if ok {
			o[name] = had[name]
		}
		o[name] = next(o[name])
		return o
	case s.key:
		m, _ := v.(entries)
		for _, x := range m {
			return entries{keyOf(leaf): x}
		}
		return entries{keyOf(leaf): b.value(sh.Elem, "", nil)}
	case sh.Kind == schema.Map:
		m, _ := v.(entries)
		for k, x := range m {
			return entries{k: next(x)}
		}
		k, _ := text(b.svc.At(sh.Key))
		return entries{k: next(nil)}
	}
	l, _ := v.([]any)
	if len(l) == 0 {
		return []any{next(nil)}
	}
	l = slices.Clone(l)
	l[0] = next(l[0])
	return l
}

// keyOf is a leaf as a map's key.
func keyOf(leaf any) string {
	if g, ok := leaf.(garbage); ok {
		return g.text
	}
	return fmt.Sprint(leaf)
}
