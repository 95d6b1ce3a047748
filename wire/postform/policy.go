package postform

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// policy is a policy document: until when it is good, and what it admits.
type policy struct {
	Expiration string
	Conditions []json.RawMessage
	smallest   int64
	largest    int64 // negative: any
}

// condition is one that a field must satisfy.
type condition struct{ operator, field, value string }

// Check holds the form against its policy document. The signature over the document
// is another's to check. bucket and key are those of the request; now is wall time.
func (f *Form) Check(bucket, key string, now time.Time) error {
	denied := func(format string, args ...any) error {
		return refuse(403, "AccessDenied", "Invalid according to Policy: "+fmt.Sprintf(format, args...))
	}
	invalid := refuse(400, "InvalidPolicyDocument", "Invalid Policy: Invalid JSON.")
	text, err := base64.StdEncoding.DecodeString(f.Fields["policy"])
	if err != nil {
		return refuse(400, "InvalidPolicyDocument", "Invalid Policy: Invalid Base64 Encoding.")
	}
	p := &policy{largest: -1}
	if json.Unmarshal(text, p) != nil || p.Conditions == nil {
		return invalid
	}
	until, err := time.Parse(time.RFC3339, p.Expiration)
	if err != nil {
		return refuse(400, "InvalidPolicyDocument", "Invalid Policy: Invalid 'expiration' value: '"+p.Expiration+"'")
	}
	if !now.Before(until) {
		return denied("Policy expired.")
	}
	held := map[string]bool{}
	for _, raw := range p.Conditions {
		if several(raw) {
			return refuse(400, "InvalidPolicyDocument", "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
		}
		list, ok := p.read(raw)
		if !ok {
			return invalid
		}
		for _, c := range list {
			got := f.Fields[c.field]
			switch c.field {
			case "bucket":
				got = bucket
			case "key":
				got = key
			}
			held[c.field] = true
			if c.operator == "eq" && got != c.value || c.operator == "starts-with" && !startsWith(c.field, got, c.value) {
				return denied("Policy Condition failed: [%q, \"$%s\", %q]", c.operator, c.field, c.value)
			}
		}
	}
	for name := range f.Fields {
		switch {
		case held[name], name == "policy", name == "x-amz-signature", name == "file", strings.HasPrefix(name, "x-ignore-"):
		default:
			return denied("Extra input fields: %s", name)
		}
	}
	if !held["key"] || !held["bucket"] {
		return denied("Extra input fields: key")
	}
	f.policy = p
	return nil
}

// startsWith compares the beginning; of a list of content types each one's.
func startsWith(field, got, prefix string) bool {
	if field != "content-type" {
		return strings.HasPrefix(got, prefix)
	}
	for part := range strings.SplitSeq(got, ",") {
		if !strings.HasPrefix(strings.TrimSpace(part), prefix) {
			return false
		}
	}
	return true
}

// several reports whether a condition is an object of other than one property.
func several(raw json.RawMessage) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(raw, &object) == nil && len(object) != 1
}

// read reads a condition: {"acl": "private"}, ["eq", "$key", "x"], or
// ["content-length-range", 1, 10].
func (p *policy) read(raw json.RawMessage) (list []condition, ok bool) {
	var exact map[string]string
	if json.Unmarshal(raw, &exact) == nil {
		for name, v := range exact {
			list = append(list, condition{"eq", strings.ToLower(name), v})
		}
		return list, true
	}
	var parts []any
	if json.Unmarshal(raw, &parts) != nil || len(parts) != 3 {
		return nil, false
	}
	operator, isText := parts[0].(string)
	operator = strings.ToLower(operator)
	if operator == "content-length-range" {
		least, ok1 := number(parts[1])
		most, ok2 := number(parts[2])
		p.smallest, p.largest = least, most
		return nil, ok1 && ok2
	}
	field, isField := parts[1].(string)
	v, isValue := parts[2].(string)
	name, dollar := strings.CutPrefix(field, "$")
	if !isText || !isField || !isValue || !dollar || operator != "eq" && operator != "starts-with" {
		return nil, false
	}
	return []condition{{operator, strings.ToLower(name), v}}, true
}

func number(v any) (int64, bool) {
	switch v := v.(type) {
	case float64:
		return int64(v), v >= 0
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil && n >= 0
	}
	return 0, false
}

// Body is the file, which fails where it is larger or smaller than the policy says:
// in place of io.EOF, so that nothing of it is kept.
func (f *Form) Body() io.ReadCloser { return &body{f: f} }

type body struct {
	f *Form
	n int64
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.f.File.Read(p)
	b.n += int64(n)
	limit := b.f.policy
	switch {
	case limit == nil:
	case limit.largest >= 0 && b.n > limit.largest:
		more, _ := io.Copy(io.Discard, io.LimitReader(b.f.File, maxSurplus))
		return 0, size("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", b.n+more, "MaxSizeAllowed", limit.largest)
	case err == io.EOF && b.n < limit.smallest:
		return 0, size("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", b.n, "MinSizeAllowed", limit.smallest)
	}
	if err != nil && err != io.EOF {
		return n, malformed()
	}
	return n, err
}

// maxSurplus is how much of a file that is too large is read to tell its size.
const maxSurplus = 64 << 20

func size(code, message string, got int64, limit string, allowed int64) error {
	e := refuse(400, code, message)
	e.Fields = map[string]any{"ProposedSize": strconv.FormatInt(got, 10), limit: strconv.FormatInt(allowed, 10)}
	return e
}

// Close implements io.Closer; the connection drops what is left.
func (b *body) Close() error { return nil }
