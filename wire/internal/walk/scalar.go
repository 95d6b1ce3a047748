package walk

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"
)

// Timestamp formats of the models.
const (
	ISO8601 = "iso8601"
	Epoch   = "unixTimestamp"
	RFC822  = "rfc822"
)

// MaxNumber is the longest number in characters that is looked at.
const MaxNumber = 128

// AppendEpoch writes seconds since 1970 with up to milliseconds, as AWS does.
func AppendEpoch(b []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	if ms < 0 {
		b = append(b, '-')
		ms = -ms
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	if f := ms % 1000; f != 0 {
		b = append(b, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return b
}

// AppendTime writes t in a format; fallback serves where format is "".
func AppendTime(b []byte, t time.Time, format, fallback string) []byte {
	if format == "" {
		format = fallback
	}
	switch format {
	case Epoch:
		return AppendEpoch(b, t)
	case RFC822:
		return t.UTC().AppendFormat(b, "Mon, 02 Jan 2006 15:04:05 GMT")
	}
	return AppendISO(b, t)
}

// AppendISO writes 2006-01-02T15:04:05Z, with milliseconds when there are any.
func AppendISO(b []byte, t time.Time) []byte {
	t = t.UTC().Truncate(time.Millisecond)
	if t.Nanosecond() == 0 {
		return t.AppendFormat(b, "2006-01-02T15:04:05Z")
	}
	return t.AppendFormat(b, "2006-01-02T15:04:05.000Z")
}

// ParseTime reads a timestamp from text. Clients do not all keep to the
// format, and each of the three is told apart by its look, as AWS does.
func ParseTime(s string) (time.Time, bool) {
	if len(s) == 0 || len(s) > 64 {
		return time.Time{}, false
	}
	c := s[0]
	if c >= 'A' && c <= 'Z' {
		for _, layout := range [...]string{time.RFC1123, "Mon, 2 Jan 2006 15:04:05 MST", "Mon, 02 Jan 2006 15:04:05.999999999 MST", time.RFC850, time.ANSIC} {
			if t, err := time.Parse(layout, s); err == nil {
				return t.UTC(), validYear(t)
			}
		}
		return time.Time{}, false
	}
	if strings.IndexByte(s, 'T') > 0 || strings.Count(s, "-") >= 2 {
		for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "20060102T150405Z", "2006-01-02"} {
			if t, err := time.Parse(layout, s); err == nil {
				return t.UTC(), validYear(t)
			}
		}
		return time.Time{}, false
	}
	f, ok := ParseFloat(s)
	if !ok {
		return time.Time{}, false
	}
	return FromEpoch(f)
}

// FromEpoch makes a time of seconds since 1970, to the millisecond: a double
// does not hold more of today's times.
func FromEpoch(f float64) (time.Time, bool) {
	if !(math.Abs(f) < 253402300800) { // year 10000; NaN too
		return time.Time{}, false
	}
	t := time.UnixMilli(int64(math.Round(f * 1000))).UTC()
	return t, validYear(t)
}

func validYear(t time.Time) bool { return t.Year() >= 0 && t.Year() <= 9999 }

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// AppendFloat writes a number as the shortest decimal that reads back the same;
// NaN and the infinities as their names.
func AppendFloat(b []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "NaN"...)
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, f, format, -1, bits)
}

// ParseFloat reads a decimal number, NaN, Infinity or -Infinity.
func ParseFloat(s string) (float64, bool) {
	switch s {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	if !decimal(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || math.IsInf(f, 0)
}

// ParseInt reads an integer. As AWS's parser does, it cuts a fraction off and
// takes the nearest value that the type holds.
func ParseInt(s string, bits int) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, bits)
	if err == nil {
		return n, decimal(s)
	}
	if !decimal(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	top := int64(1)<<(bits-1) - 1
	switch {
	case f >= float64(top):
		return top, true
	case f <= -float64(top):
		return -top - 1, true
	}
	return int64(f), true
}

// decimal reports whether s is of the form -?digits(.digits)?([eE][+-]?digits)?.
func decimal(s string) bool {
	if len(s) > MaxNumber {
		return false
	}
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	digits := func() bool {
		from := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return i > from
	}
	if !digits() {
		return false
	}
	if i < len(s) && s[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(s)
}

// strict refuses the line breaks that encoding/base64 skips, and non-zero bits
// after the end: two texts must not mean the same bytes.
var strict = base64.StdEncoding.Strict()

var errBase64 = Refuse("Invalid Base64 character")

// DecodeBase64 reads a blob from text.
func DecodeBase64(s []byte) ([]byte, error) {
	if len(s)%4 != 0 {
		return nil, Refuse("Base64 encoded length is expected a multiple of 4 bytes but found: " + strconv.Itoa(len(s)))
	}
	for _, c := range s {
		if c == '\n' || c == '\r' {
			return nil, errBase64
		}
	}
	n := len(s) / 4 * 3
	for i := len(s); i > 0 && len(s)-i < 2 && s[i-1] == '='; i-- {
		n--
	}
	out := make([]byte, n)
	if m, err := strict.Decode(out, s); err != nil || m != n {
		return nil, errBase64
	}
	return out, nil
}
