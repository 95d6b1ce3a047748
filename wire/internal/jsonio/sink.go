package jsonio

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// Sink writes JSON text.
type Sink struct {
	B     []byte
	comma bool // a comma precedes the next part
	walk  walk.Encoder
}

// Struct implements walk.Sink.
func (s *Sink) Struct(*walk.Struct, reflect.Value) { s.open('{') }

// Member implements walk.Sink.
func (s *Sink) Member(st *walk.Struct, k int) { s.key(st.Names[k]) }

// EndStruct implements walk.Sink.
func (s *Sink) EndStruct(*walk.Struct) { s.close('}') }

// List implements walk.Sink.
func (s *Sink) List(*schema.Shape, int) { s.open('[') }

// Elem implements walk.Sink.
func (s *Sink) Elem(*schema.Shape) {
	if s.comma {
		s.B = append(s.B, ',')
	}
	s.comma = true
}

// EndList implements walk.Sink.
func (s *Sink) EndList(*schema.Shape) { s.close(']') }

// Map implements walk.Sink.
func (s *Sink) Map(*schema.Shape, int) { s.open('{') }

// Entry implements walk.Sink.
func (s *Sink) Entry(_ *schema.Shape, key string) { s.key(key) }

// EndMap implements walk.Sink.
func (s *Sink) EndMap(*schema.Shape) { s.close('}') }

func (s *Sink) open(c byte) {
	s.B = append(s.B, c)
	s.comma = false
}

func (s *Sink) close(c byte) {
	s.B = append(s.B, c)
	s.comma = true
}

func (s *Sink) key(name string) {
	if s.comma {
		s.B = append(s.B, ',')
	}
	s.B = append(AppendString(s.B, name), ':')
	s.comma = true
}

// String implements walk.Sink.
func (s *Sink) String(v string) { s.B = AppendString(s.B, v) }

// Int implements walk.Sink.
func (s *Sink) Int(n int64) { s.B = strconv.AppendInt(s.B, n, 10) }

// Float implements walk.Sink.
func (s *Sink) Float(f float64, bits int) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		s.B = append(walk.AppendFloat(append(s.B, '"'), f, bits), '"')
		return
	}
	s.B = walk.AppendFloat(s.B, f, bits)
}

// Bool implements walk.Sink.
func (s *Sink) Bool(b bool) { s.B = strconv.AppendBool(s.B, b) }

// Time implements walk.Sink.
func (s *Sink) Time(t time.Time, format string) {
	if format == "" || format == walk.Epoch {
		s.B = walk.AppendEpoch(s.B, t)
		return
	}
	s.B = append(walk.AppendTime(append(s.B, '"'), t, format, ""), '"')
}

// Blob implements walk.Sink.
func (s *Sink) Blob(b []byte) {
	s.B = append(s.B, '"')
	s.B = base64.StdEncoding.AppendEncode(s.B, b)
	s.B = append(s.B, '"')
}

// Document implements walk.Sink.
func (s *Sink) Document(v any) error {
	switch v := v.(type) {
	case nil:
		s.B = append(s.B, "null"...)
	case string:
		s.String(v)
	case bool:
		s.Bool(v)
	case json.Number:
		if !json.Valid([]byte(v)) {
			return fmt.Errorf("wire: %q is not a number", string(v))
		}
		s.B = append(s.B, v...)
	case float64:
		s.Float(v, 64)
	case int:
		s.Int(int64(v))
	case int64:
		s.Int(v)
	case []any:
		s.open('[')
		for _, e := range v {
			s.Elem(nil)
			if err := s.Document(e); err != nil {
				return err
			}
		}
		s.close(']')
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		s.open('{')
		for _, k := range keys {
			s.key(k)
			if err := s.Document(v[k]); err != nil {
				return err
			}
		}
		s.close('}')
	default:
		return fmt.Errorf("wire: a document holds %T", v)
	}
	return nil
}

// Extra implements walk.FaultSink.
func (s *Sink) Extra(name, text string) {
	s.key(name)
	s.String(text)
}

const hexDigits = "0123456789abcdef"

// AppendString writes a JSON string. Invalid UTF-8, which only our own side
// could put there, becomes U+FFFD.
func AppendString(b []byte, v string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(v); {
		c := v[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, n := utf8.DecodeRuneInString(v[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			b = append(append(b, v[from:i]...), "\ufffd"...)
			i++
			from = i
			continue
		}
		b = append(b, v[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	return append(append(b, v[from:]...), '"')
}
