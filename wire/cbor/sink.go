package cbor

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// sink is a walk.Sink that writes CBOR. Structures are maps of indefinite
// length: how many members are present is not known before they are written.
type sink struct{ b []byte }

// head writes a data item's head in the shortest form.
func (s *sink) head(major byte, n uint64) {
	m := major << 5
	switch {
	case n < 24:
		s.b = append(s.b, m|byte(n))
	case n <= math.MaxUint8:
		s.b = append(s.b, m|24, byte(n))
	case n <= math.MaxUint16:
		s.b = binary.BigEndian.AppendUint16(append(s.b, m|25), uint16(n))
	case n <= math.MaxUint32:
		s.b = binary.BigEndian.AppendUint32(append(s.b, m|26), uint32(n))
	default:
		s.b = binary.BigEndian.AppendUint64(append(s.b, m|27), n)
	}
}

func (s *sink) text(v string) {
	s.head(typeText, uint64(len(v)))
	s.b = append(s.b, v...)
}

// Struct implements walk.Sink.
func (s *sink) Struct(*walk.Struct, reflect.Value) { s.b = append(s.b, mapOpen) }

// Member implements walk.Sink.
func (s *sink) Member(st *walk.Struct, k int) { s.text(st.Names[k]) }

// EndStruct implements walk.Sink.
func (s *sink) EndStruct(*walk.Struct) { s.b = append(s.b, breakCode) }

// List implements walk.Sink.
func (s *sink) List(_ *schema.Shape, n int) { s.head(typeArray, uint64(n)) }

// Elem implements walk.Sink.
func (s *sink) Elem(*schema.Shape) {}

// EndList implements walk.Sink.
func (s *sink) EndList(*schema.Shape) {}

// Map implements walk.Sink.
func (s *sink) Map(_ *schema.Shape, n int) { s.head(typeMap, uint64(n)) }

// Entry implements walk.Sink.
func (s *sink) Entry(_ *schema.Shape, key string) { s.text(key) }

// EndMap implements walk.Sink.
func (s *sink) EndMap(*schema.Shape) {}

// String implements walk.Sink.
func (s *sink) String(v string) { s.text(v) }

// Int implements walk.Sink.
func (s *sink) Int(n int64) {
	if n < 0 {
		s.head(typeInt, uint64(-1-n))
		return
	}
	s.head(typeUint, uint64(n))
}

// Float implements walk.Sink.
func (s *sink) Float(f float64, bits int) {
	if bits == 32 {
		s.b = binary.BigEndian.AppendUint32(append(s.b, typeSimple<<5|simpleSingle), math.Float32bits(float32(f)))
		return
	}
	s.b = binary.BigEndian.AppendUint64(append(s.b, typeSimple<<5|simpleDouble), math.Float64bits(f))
}

// Bool implements walk.Sink.
func (s *sink) Bool(b bool) {
	c := byte(typeSimple<<5 | simpleFalse)
	if b {
		c++
	}
	s.b = append(s.b, c)
}

// Time implements walk.Sink.
func (s *sink) Time(t time.Time, _ string) {
	s.head(typeTag, tagEpoch)
	s.Float(float64(t.UnixMilli())/1000, 64)
}

// Blob implements walk.Sink.
func (s *sink) Blob(v []byte) {
	s.head(typeBytes, uint64(len(v)))
	s.b = append(s.b, v...)
}

// Document implements walk.Sink.
func (s *sink) Document(v any) error { return fmt.Errorf("wire: CBOR carries no documents (%T)", v) }

// Extra implements walk.FaultSink.
func (s *sink) Extra(name, text string) {
	s.text(name)
	s.text(text)
}
