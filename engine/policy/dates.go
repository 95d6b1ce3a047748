package policy

import (
	"strconv"
	"strings"
)

// legacyDate tells whether IAM takes a date on write. Its rule is wider than the
// dates that can be compared: years before Christ and times without a date pass.
func legacyDate(text string) bool {
	text = strings.ToLower(text)
	if !strings.ContainsAny(text, "t-") {
		n, err := strconv.ParseInt(text, 10, 64)
		return err == nil && n >= 0
	}
	day, clock, _ := strings.Cut(text, "t")
	before := strings.HasPrefix(day, "-")
	fields := strings.Split(strings.TrimPrefix(day, "-"), "-")
	if before {
		fields[0] = "-" + fields[0]
	}
	if len(fields) > 3 || !between(fields[0], -292275054, 292278993) ||
		len(fields) > 1 && !between(fields[1], 1, 12) ||
		len(fields) > 2 && !between(fields[2], 1, 31) {
		return false
	}
	hours, rest, more := strings.Cut(clock, ":")
	if hours != "" && !between(hours, 0, 23) {
		return false
	}
	if !more {
		return true
	}
	minutes, seconds, more := strings.Cut(rest, ":")
	if i := strings.IndexAny(minutes, "z+-"); i >= 0 {
		// W3C's form without seconds: a colon behind the zone is the zone's.
		return between(minutes[:i], 0, 59) && legacyZone(rest[i:])
	}
	if !between(minutes, 0, 59) {
		return false
	}
	return !more || legacySeconds(seconds)
}

func legacySeconds(text string) bool {
	if i := strings.IndexAny(text, "z+-"); i >= 0 {
		if !legacyZone(text[i:]) {
			return false
		}
		text = text[:i]
	}
	whole, fraction, dot := strings.Cut(text, ".")
	return between(whole, 0, 59) && (!dot || between(fraction, 0, 999999999))
}

func legacyZone(text string) bool {
	if text == "z" {
		return true
	}
	h, m, colon := strings.Cut(text[1:], ":")
	return text[0] != 'z' && len(h) == 2 && between(h, 0, 23) && (!colon || len(m) == 2 && between(m, 0, 59))
}

func between(text string, low, high int64) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && n >= low && n <= high
}
