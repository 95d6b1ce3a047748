package policy

import (
	"bytes"
	"encoding/base64"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// operator is a condition operator without its IfExists and set qualifiers.
type operator struct {
	compile   func(text string, variables bool) (matcher, bool)
	negated   bool
	variables bool // values may hold policy variables
	null      bool
}

// operators are the condition operators of the language. Source: IAM User Guide,
// "IAM JSON policy elements: Condition operators".
var operators = map[string]operator{
	"StringEquals":              {compile: equals, variables: true},
	"StringNotEquals":           {compile: equals, variables: true, negated: true},
	"StringEqualsIgnoreCase":    {compile: equalsFold, variables: true},
	"StringNotEqualsIgnoreCase": {compile: equalsFold, variables: true, negated: true},
	"StringLike":                {compile: like, variables: true},
	"StringNotLike":             {compile: like, variables: true, negated: true},

	"NumericEquals":            {compile: number(func(c int) bool { return c == 0 })},
	"NumericNotEquals":         {compile: number(func(c int) bool { return c == 0 }), negated: true},
	"NumericLessThan":          {compile: number(func(c int) bool { return c < 0 })},
	"NumericLessThanEquals":    {compile: number(func(c int) bool { return c <= 0 })},
	"NumericGreaterThan":       {compile: number(func(c int) bool { return c > 0 })},
	"NumericGreaterThanEquals": {compile: number(func(c int) bool { return c >= 0 })},

	"DateEquals":            {compile: date(func(c int) bool { return c == 0 })},
	"DateNotEquals":         {compile: date(func(c int) bool { return c == 0 }), negated: true},
	"DateLessThan":          {compile: date(func(c int) bool { return c < 0 })},
	"DateLessThanEquals":    {compile: date(func(c int) bool { return c <= 0 })},
	"DateGreaterThan":       {compile: date(func(c int) bool { return c > 0 })},
	"DateGreaterThanEquals": {compile: date(func(c int) bool { return c >= 0 })},

	"Bool":         {compile: boolean, variables: true},
	"Null":         {compile: nullness, null: true},
	"BinaryEquals": {compile: binary},
	"IpAddress":    {compile: address},
	"NotIpAddress": {compile: address, negated: true},

	"ArnEquals":    {compile: arn, variables: true},
	"ArnLike":      {compile: arn, variables: true},
	"ArnNotEquals": {compile: arn, variables: true, negated: true},
	"ArnNotLike":   {compile: arn, variables: true, negated: true},
}

func asIs(text string) string { return text }

func equals(text string, variables bool) (matcher, bool) {
	return newText(text, asIs, variables), true
}

func like(text string, variables bool) (matcher, bool) {
	return newText(text, encode, variables), true
}

// folded compares without case.
type folded struct{ matcher }

func equalsFold(text string, variables bool) (matcher, bool) {
	return folded{newText(text, asIs, variables)}, true
}

func (f folded) match(r *Request, value string) (bool, bool) {
	r.spend(1 + len(value))
	switch m := f.matcher.(type) {
	case *pattern:
		return strings.EqualFold(m.enc, value), true
	case *template:
		b, ok := m.expand(r, nil)
		return ok && strings.EqualFold(string(b), value), ok
	}
	return false, false
}

// numeric compares decimal numbers exactly: a quota of 2^53+1 is not 2^53.
type numeric struct {
	text  string
	want  *big.Rat
	holds func(int) bool
}

func number(holds func(int) bool) func(string, bool) (matcher, bool) {
	return func(text string, _ bool) (matcher, bool) {
		n := readNumber(text)
		return &numeric{text, n, holds}, n != nil
	}
}

// readNumber bounds what big.Rat would take: "1e999999999" is a number of a
// gigabyte.
func readNumber(text string) *big.Rat {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > 40 || strings.Trim(text, "0123456789.+-") != "" {
		return nil
	}
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	return n
}

func (n *numeric) match(_ *Request, value string) (bool, bool) {
	v := readNumber(value)
	return v != nil && n.holds(v.Cmp(n.want)), true
}

func (n *numeric) String() string { return n.text }

// dated compares moments.
type dated struct {
	text  string
	want  time.Time
	ok    bool
	holds func(int) bool
}

func date(holds func(int) bool) func(string, bool) (matcher, bool) {
	return func(text string, _ bool) (matcher, bool) {
		t, ok := readDate(text)
		// IAM takes some dates that name no moment ("01T"); they match nothing.
		return &dated{text, t, ok, holds}, ok || legacyDate(text)
	}
}

func (d *dated) match(_ *Request, value string) (bool, bool) {
	t, ok := readDate(value)
	return ok && d.ok && d.holds(t.Compare(d.want)), true
}

func (d *dated) String() string { return d.text }

var dateLayouts = []string{
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05Z07",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	"2006-01-02",
	"2006-01",
	"2006",
}

// readDate reads the W3C profile of ISO 8601, or seconds since 1970. Four digits
// are a year. A time without zone is UTC.
func readDate(text string) (time.Time, bool) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if len(text) > 4 && len(text) <= 12 && strings.Trim(text, "0123456789") == "" {
		s, err := strconv.ParseInt(text, 10, 64)
		return time.Unix(s, 0), err == nil
	}
	if len(text) > 40 {
		return time.Time{}, false
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	if s, err := strconv.ParseInt(text, 10, 64); err == nil && s >= 0 && s < 1e12 {
		return time.Unix(s, 0), true
	}
	return time.Time{}, false
}

type boolValue struct{ matcher }

func boolean(text string, variables bool) (matcher, bool) {
	m := newText(text, asIs, variables)
	if p, fixed := m.(*pattern); fixed && !isBool(p.enc) {
		return nil, false
	}
	return boolValue{folded{m}}, true
}

func isBool(s string) bool {
	return strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
}

// match leaves values that are no truth values unmatched, whatever a variable
// made of the policy's side.
func (f boolValue) match(r *Request, value string) (bool, bool) {
	if !isBool(value) {
		return false, true
	}
	return f.matcher.match(r, value)
}

// absence is a value of Null: true asks that the key be absent. The condition
// handles it; it never meets a value.
type absence struct {
	text string
	want bool
}

func nullness(text string, _ bool) (matcher, bool) {
	return absence{text, strings.EqualFold(text, "true")}, isBool(text)
}

func (a absence) match(*Request, string) (bool, bool) { return !a.want, true }
func (a absence) String() string                      { return a.text }

// bytesValue compares byte for byte: base64 in the policy, plain in the request.
type bytesValue struct {
	text string
	want []byte
}

func binary(text string, _ bool) (matcher, bool) {
	b, err := base64.StdEncoding.DecodeString(text)
	return &bytesValue{text, b}, err == nil
}

func (b *bytesValue) match(_ *Request, value string) (bool, bool) {
	return bytes.Equal(b.want, []byte(value)), true
}

func (b *bytesValue) String() string { return b.text }

type network struct {
	text string
	want netip.Prefix
}

func address(text string, _ bool) (matcher, bool) {
	if ip, err := netip.ParseAddr(text); err == nil && ip.Zone() == "" {
		ip = ip.Unmap()
		return &network{text, netip.PrefixFrom(ip, ip.BitLen())}, true
	}
	p, err := netip.ParsePrefix(text)
	return &network{text, p.Masked()}, err == nil
}

func (n *network) match(_ *Request, value string) (bool, bool) {
	ip, err := netip.ParseAddr(value)
	return err == nil && n.want.Contains(ip.Unmap().WithZone("")), true
}

func (n *network) String() string { return n.text }
