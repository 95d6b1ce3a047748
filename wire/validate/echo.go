package validate

import (
	"math"
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
		return real(v.Float()), true
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

// real writes a number as Java does: with a point always, and an exponent outside
// of 0.001 to 10,000,000.
func real(f float64) string {
	if a := math.Abs(f); a != 0 && (a < 1e-3 || a >= 1e7) {
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		n, _ := strconv.Atoi(exponent)
		return mantissa + "E" + strconv.Itoa(n)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
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
