// Package validate holds decoded inputs against the constraints of the model
// (required, length, range, pattern, enumeration) and words the refusals as
// AWS's framework does:
//
//	2 validation errors detected: Value '' at 'tags.1.member.tagKey' failed to
//	satisfy constraint: Member must have length greater than or equal to 1; …
//
// The model's limits are not always AWS's: services add their own checks after
// these. What differs between services (the error's code, whether values are
// repeated) is in dialect.go, patterns that Go's engine can't take as they are
// in patterns.go.
package validate

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// Validator checks inputs. It keeps compiled patterns; use one for all.
type Validator struct {
	patterns sync.Map // string -> *matcher
	plans    sync.Map // *schema.Service -> []bool
	walkers  sync.Pool
}

// New makes a validator.
func New() *Validator { return &Validator{} }

// maxErrors is how many violations are listed. AWS stops there too.
const maxErrors = 10

// Input checks in, a pointer to the operation's input. The error is a
// *redoubt.Error or nil.
func (v *Validator) Input(svc *schema.Service, op *schema.Operation, in any) error {
	if op.Input == schema.None {
		return nil
	}
	plan := v.plan(svc)
	if !plan[op.Input] {
		return nil
	}
	w, _ := v.walkers.Get().(*walker)
	if w == nil {
		w = new(walker)
	}
	*w = walker{v: v, svc: svc, plan: plan, dialect: dialectOf(svc), path: w.path[:0]}
	w.structure(op.Input, reflect.ValueOf(in).Elem())
	errors, sentence, d := w.errors, w.sentence, w.dialect
	w.errors = nil
	clear(w.path[:cap(w.path)]) // names of a map's keys
	v.walkers.Put(w)
	switch {
	case len(errors) > 0:
		return d.refuse(errors)
	case sentence != "":
		return &redoubt.Error{Code: d.code, Message: sentence, Status: 400}
	}
	return nil
}

// plan says for each shape whether anything in it is constrained.
func (v *Validator) plan(svc *schema.Service) []bool {
	if p, ok := v.plans.Load(svc); ok {
		return p.([]bool)
	}
	p := make([]bool, len(svc.Shapes))
	for changed := true; changed; {
		changed = false
		for i := range svc.Shapes {
			if p[i] {
				continue
			}
			sh := &svc.Shapes[i]
			p[i] = constrained(sh)
			switch sh.Kind {
			case schema.Structure:
				for k := range sh.Members {
					m := &sh.Members[k]
					p[i] = p[i] || m.Has(schema.Required) || p[m.Shape]
				}
			case schema.List:
				p[i] = p[i] || p[sh.Elem]
			case schema.Map:
				p[i] = p[i] || p[sh.Elem] || p[sh.Key]
			}
			changed = changed || p[i]
		}
	}
	v.plans.Store(svc, p)
	return p
}

func constrained(sh *schema.Shape) bool {
	return sh.Has(schema.HasMin|schema.HasMax) && sh.Kind != schema.Structure || len(sh.Enum) > 0 || sh.Pattern != ""
}

// walker goes through one input.
type walker struct {
	v        *Validator
	svc      *schema.Service
	plan     []bool
	dialect  *dialect
	path     []step
	errors   []string
	sentence string // the first of the dialect's patterns and lengths that was missed, in its words
	secret   bool   // inside something sensitive
}

// step is one name of a path.
type step struct {
	name string
	raw  bool // a number or a map's key, not a member's name
}

func (p step) String() string {
	if p.raw || p.name == "" || p.name[0] < 'A' || p.name[0] > 'Z' {
		return p.name
	}
	return string(p.name[0]+'a'-'A') + p.name[1:]
}

// member is the step from a list's number or a map's key to the value.
var member = step{name: "member"}

func (w *walker) structure(i schema.Index, v reflect.Value) {
	sh := w.svc.At(i)
	var found []finding
	for k := range sh.Members {
		start := len(w.errors)
		if start >= maxErrors {
			break
		}
		m := &sh.Members[k]
		w.member(m, v.Field(k))
		if len(w.errors) > start {
			found = append(found, finding{m.Name, start, len(w.errors)})
		}
	}
	if w.dialect.hashed && len(found) > 1 {
		w.rearrange(found)
	}
}

func (w *walker) member(m *schema.Member, f reflect.Value) {
	if f.IsNil() {
		if m.Has(schema.Required) && !slices.Contains(w.dialect.absent, w.svc.At(m.Shape).Name) {
			w.path = append(w.path, step{name: m.Name})
			w.missing(m)
			w.path = w.path[:len(w.path)-1]
		}
		return
	}
	if !w.plan[m.Shape] {
		return
	}
	w.path = append(w.path, step{name: m.Name})
	was := w.secret
	w.secret = was || m.Has(schema.Sensitive)
	if f.Kind() == reflect.Pointer || f.Kind() == reflect.Interface {
		f = f.Elem()
	}
	w.value(m.Shape, f)
	w.secret = was
	w.path = w.path[:len(w.path)-1]
}

func (w *walker) value(i schema.Index, v reflect.Value) {
	sh := w.svc.At(i)
	was := w.secret
	w.secret = was || sh.Has(schema.Sensitive)
	defer func() { w.secret = was }()
	switch sh.Kind {
	case schema.Structure:
		w.structure(i, v)
	case schema.String:
		w.text(sh, v.String())
	case schema.Integer, schema.Long:
		w.number(sh, float64(v.Int()), v)
	case schema.Float, schema.Double:
		w.number(sh, v.Float(), v)
	case schema.Blob:
		if v.Kind() == reflect.Slice {
			w.length(sh, v.Len(), v)
		}
	case schema.List:
		w.length(sh, v.Len(), v)
		w.list(sh, v)
	case schema.Map:
		w.length(sh, v.Len(), v)
		w.mapping(sh, v)
	}
}

func (w *walker) text(sh *schema.Shape, s string) {
	if slices.Contains(w.dialect.free, sh.Name) {
		return
	}
	if sh.Has(schema.HasMin | schema.HasMax) {
		n := utf8.RuneCountInString(s)
		if sh.Has(schema.HasMin) && float64(n) < sh.Min {
			w.fail(reflect.ValueOf(s), atLeastLong(sh))
		}
		if sh.Has(schema.HasMax) && float64(n) > sh.Max {
			if text, ok := w.dialect.lengths[sh.Name]; ok {
				w.sentence = cmp.Or(w.sentence, text)
			} else {
				w.fail(reflect.ValueOf(s), atMostLong(sh))
			}
		}
	}
	if sh.Pattern != "" && !w.v.matches(sh.Pattern, s) {
		w.mismatch(sh.Pattern, s)
	}
	if len(sh.Enum) > 0 && !inEnum(sh, s) && !slices.Contains(w.dialect.own, w.name()) {
		w.fail(reflect.ValueOf(s), oneOf(sh))
	}
}

func inEnum(sh *schema.Shape, s string) bool {
	for _, e := range sh.Enum {
		if e == s {
			return true
		}
	}
	return false
}

// name is that of the innermost member.
func (w *walker) name() string {
	for _, p := range slices.Backward(w.path) {
		if !p.raw && p != member {
			return p.String()
		}
	}
	return ""
}

// mismatch reports a text that has not its pattern.
func (w *walker) mismatch(pattern, s string) {
	rule, own := w.dialect.patterns[pattern]
	name := w.name()
	switch {
	case !own, slices.Contains(w.dialect.plain, name):
		w.fail(reflect.ValueOf(s), "Member must satisfy regular expression pattern: "+pattern)
	case w.sentence == "":
		w.sentence = "The specified value for " + name + " is invalid. " + rule
	}
}

func (w *walker) number(sh *schema.Shape, n float64, v reflect.Value) {
	if sh.Has(schema.HasMin) && n < sh.Min {
		w.fail(v, "Member must have value greater than or equal to "+bound(sh, sh.Min))
	}
	if sh.Has(schema.HasMax) && n > sh.Max {
		w.fail(v, "Member must have value less than or equal to "+bound(sh, sh.Max))
	}
}

func (w *walker) length(sh *schema.Shape, n int, v reflect.Value) {
	if sh.Has(schema.HasMin) && float64(n) < sh.Min {
		w.fail(v, atLeastLong(sh))
	}
	if sh.Has(schema.HasMax) && float64(n) > sh.Max {
		w.fail(v, atMostLong(sh))
	}
}

// list checks the elements. Violations of plain values are reported once, for
// the list, with all that is asked of an element; those inside structures and
// lists each at their place.
func (w *walker) list(sh *schema.Shape, v reflect.Value) {
	if !w.plan[sh.Elem] {
		return
	}
	elem := w.svc.At(sh.Elem)
	if scalar(elem) {
		for k := range v.Len() {
			if !w.fits(elem, v.Index(k)) {
				if list, ok := w.dialect.offered[elem.Name]; ok {
					w.fail(v, "Member must satisfy enum value set: ["+list+"]")
				} else {
					w.fail(v, "Member must satisfy constraint: ["+strings.Join(w.demands(elem), ", ")+"]")
				}
				return
			}
		}
		return
	}
	for k := range v.Len() {
		if len(w.errors) >= maxErrors {
			return
		}
		w.path = append(w.path, step{name: strconv.Itoa(k + 1), raw: true}, member)
		w.value(sh.Elem, v.Index(k))
		w.path = w.path[:len(w.path)-2]
	}
}

func (w *walker) mapping(sh *schema.Shape, v reflect.Value) {
	key, elem := w.svc.At(sh.Key), w.svc.At(sh.Elem)
	keys := v.MapKeys()
	if w.plan[sh.Key] {
		for _, k := range keys {
			if !w.fits(key, k) {
				w.fail(v, "Map keys must satisfy constraint: ["+strings.Join(w.demands(key), ", ")+"]")
				break
			}
		}
	}
	if !w.plan[sh.Elem] {
		return
	}
	if scalar(elem) {
		for _, k := range keys {
			if !w.fits(elem, v.MapIndex(k)) {
				w.fail(v, "Map value must satisfy constraint: ["+strings.Join(w.demands(elem), ", ")+"]")
				return
			}
		}
		return
	}
	sortKeys(keys)
	for _, k := range keys {
		if len(w.errors) >= maxErrors {
			return
		}
		w.path = append(w.path, step{name: k.String(), raw: true}, member)
		w.value(sh.Elem, v.MapIndex(k))
		w.path = w.path[:len(w.path)-2]
	}
}

func scalar(sh *schema.Shape) bool {
	switch sh.Kind {
	case schema.Structure, schema.List, schema.Map:
		return false
	}
	return true
}

// fits checks a plain value without reporting.
func (w *walker) fits(sh *schema.Shape, v reflect.Value) bool {
	quiet := walker{v: w.v, svc: w.svc, plan: w.plan, dialect: w.dialect}
	switch sh.Kind {
	case schema.String:
		quiet.text(sh, v.String())
	case schema.Integer, schema.Long:
		quiet.number(sh, float64(v.Int()), v)
	case schema.Float, schema.Double:
		quiet.number(sh, v.Float(), v)
	case schema.Blob:
		quiet.length(sh, v.Len(), v)
	}
	return len(quiet.errors) == 0 && quiet.sentence == ""
}

// demands lists all that is asked of a plain value, in AWS's order.
func (w *walker) demands(sh *schema.Shape) []string {
	var out []string
	number := sh.Kind != schema.String && sh.Kind != schema.Blob
	if sh.Has(schema.HasMax) {
		if number {
			out = append(out, "Member must have value less than or equal to "+bound(sh, sh.Max))
		} else {
			out = append(out, atMostLong(sh))
		}
	}
	if sh.Has(schema.HasMin) {
		if number {
			out = append(out, "Member must have value greater than or equal to "+bound(sh, sh.Min))
		} else {
			out = append(out, atLeastLong(sh))
		}
	}
	if sh.Pattern != "" {
		out = append(out, "Member must satisfy regular expression pattern: "+sh.Pattern)
	}
	if len(sh.Enum) > 0 {
		out = append(out, oneOf(sh))
	}
	if w.dialect.notNull || w.dialect.notNullText && sh.Pattern != "" {
		out = append(out, "Member must not be null")
	}
	return out
}

func atLeastLong(sh *schema.Shape) string {
	return "Member must have length greater than or equal to " + limit(sh.Min)
}

func atMostLong(sh *schema.Shape) string {
	return "Member must have length less than or equal to " + limit(sh.Max)
}

func oneOf(sh *schema.Shape) string {
	return "Member must satisfy enum value set: [" + strings.Join(sh.Enum, ", ") + "]"
}

// bound is a number's limit, written as numbers of its kind are.
func bound(sh *schema.Shape, f float64) string {
	if sh.Kind == schema.Float || sh.Kind == schema.Double {
		return real(f)
	}
	return limit(f)
}

func limit(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// missing reports an absent member.
func (w *walker) missing(m *schema.Member) {
	null := " null"
	if w.secret || m.Has(schema.Sensitive) || w.svc.At(m.Shape).Has(schema.Sensitive) {
		null = ""
	}
	w.add(null, "Member must not be null")
}

// fail reports a value.
func (w *walker) fail(v reflect.Value, constraint string) {
	text := ""
	if !w.secret && !w.dialect.silent {
		if s, ok := w.echo(v); ok {
			text = " '" + s + "'"
		}
	}
	w.add(text, constraint)
}

func (w *walker) add(value, constraint string) {
	if len(w.errors) >= maxErrors {
		return
	}
	path := make([]string, len(w.path))
	for i, p := range w.path {
		path[i] = p.String()
	}
	w.errors = append(w.errors, "Value"+value+" at '"+strings.Join(path, ".")+"' failed to satisfy constraint: "+constraint)
}

// refuse makes the error.
func (d *dialect) refuse(errors []string) *redoubt.Error {
	if d.text != "" {
		return &redoubt.Error{Code: d.code, Message: d.text, Status: 400}
	}
	head := "1 validation error detected: "
	if n := len(errors); n != 1 {
		head = strconv.Itoa(n) + " validation errors detected: "
	}
	return &redoubt.Error{Code: d.code, Message: head + strings.Join(errors, "; "), Status: 400}
}
