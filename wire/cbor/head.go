package cbor

import (
	"encoding/binary"
	"math"

	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// Major types and the codes that are not just a type and a length (RFC 8949).
const (
	typeUint = iota
	typeInt
	typeBytes
	typeText
	typeArray
	typeMap
	typeTag
	typeSimple

	simpleFalse     = 20
	simpleTrue      = 21
	simpleNull      = 22
	simpleUndefined = 23
	simpleHalf      = 25
	simpleSingle    = 26
	simpleDouble    = 27
	indefinite      = 31

	tagEpoch  = 1
	mapOpen   = typeMap<<5 | indefinite
	breakCode = 0xff
)

// maxTags is how many tags may stand before one value.
const maxTags = 4

// errSyntax has no message: AWS answers malformed bodies with a bare code.
var errSyntax = walk.Refuse("")

// head is a data item's first bytes: its major type, additional information
// and argument.
type head struct {
	major, info byte
	arg         uint64
}

// read reads a head.
func (s *source) read() (head, error) {
	if s.i >= len(s.b) {
		return head{}, errSyntax
	}
	c := s.b[s.i]
	s.i++
	h := head{major: c >> 5, info: c & 31}
	rest := s.b[s.i:]
	switch n := h.info; {
	case n < 24:
		h.arg = uint64(n)
		return h, nil
	case n == 24 && len(rest) >= 1:
		h.arg = uint64(rest[0])
		s.i++
	case n == 25 && len(rest) >= 2:
		h.arg = uint64(binary.BigEndian.Uint16(rest))
		s.i += 2
	case n == 26 && len(rest) >= 4:
		h.arg = uint64(binary.BigEndian.Uint32(rest))
		s.i += 4
	case n == 27 && len(rest) >= 8:
		h.arg = binary.BigEndian.Uint64(rest)
		s.i += 8
	case n == indefinite && h.major >= typeBytes && h.major <= typeMap:
	default:
		return h, errSyntax
	}
	return h, nil
}

// broken passes a break code, if there is one.
func (s *source) broken() bool {
	if s.i < len(s.b) && s.b[s.i] == breakCode {
		s.i++
		return true
	}
	return false
}

// chunks reads a byte or text string. What it answers is a part of the input
// where the string is in one piece.
func (s *source) chunks(h head) ([]byte, error) {
	if h.info != indefinite {
		if h.arg > uint64(len(s.b)-s.i) {
			return nil, errSyntax
		}
		from := s.i
		s.i += int(h.arg)
		return s.b[from:s.i:s.i], nil
	}
	var out []byte
	for !s.broken() {
		c, err := s.read()
		if err != nil {
			return nil, err
		}
		if c.major != h.major || c.info == indefinite {
			return nil, errSyntax
		}
		b, err := s.chunks(c)
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	return out, nil
}

// float reads the value of a head as a number.
func (h head) float() (float64, bool) {
	switch {
	case h.major == typeUint:
		return float64(h.arg), true
	case h.major == typeInt:
		return -1 - float64(h.arg), true
	case h.major != typeSimple:
		return 0, false
	case h.info == simpleHalf:
		return half(uint16(h.arg)), true
	case h.info == simpleSingle:
		return float64(math.Float32frombits(uint32(h.arg))), true
	case h.info == simpleDouble:
		return math.Float64frombits(h.arg), true
	}
	return 0, false
}

// half is an IEEE 754 half-precision number (RFC 8949, appendix D).
func half(u uint16) float64 {
	exp, mant := int(u>>10&31), float64(u&1023)
	var f float64
	switch exp {
	case 0:
		f = math.Ldexp(mant, -24)
	case 31:
		if f = math.Inf(1); mant != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(mant+1024, exp-25)
	}
	if u&0x8000 != 0 {
		f = -f
	}
	return f
}
