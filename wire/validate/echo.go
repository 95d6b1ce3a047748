package validate

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxEcho bounds the value that a message repeats, in bytes.
const maxEcho = 8192

// echo writes a value as Java prints it. Blobs and structures are not written:
// AWS does not repeat them, or prints an address.
func (w *walker) echo(v reflect.Value) (string, bool) {
	switch v.Kind() {
	case reflect.String:
		return cut(v.String()), true
	case reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), true
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), true
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return "", false
		}
		parts := make([]string, 0, v.Len())
		for i := range v.Len() {
			s, ok := w.echo(v.Index(i))
			if !ok {
				return "", false
			}
			parts = append(parts, s)
		}
		return cut("[" + strings.Join(parts, ", ") + "]"), true
	case reflect.Map:
		keys := v.MapKeys()
		sortKeys(keys)
		parts := make([]string, 0, len(keys))
		for _, k := range keys {
			s, ok := w.echo(v.MapIndex(k))
			if !ok {
				return "", false
			}
			parts = append(parts, k.String()+"="+s)
		}
		return cut("{" + strings.Join(parts, ", ") + "}"), true
	}
	return "", false
}

func cut(s string) string {
	if len(s) <= maxEcho {
		return s
	}
	n := maxEcho
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func sortKeys(keys []reflect.Value) {
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
}
