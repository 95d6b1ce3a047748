package cloudtrail

import (
	"net/netip"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
)

// ref is a trail as a request names it: by name, or by ARN.
type ref struct {
	given                 string
	account, region, name string
	byARN                 bool
}

func (r ref) arn() string {
	return redoubt.ARN{Partition: redoubt.Partition(r.region), Service: "cloudtrail", Region: r.region, Account: r.account, Resource: "trail/" + r.name}.String()
}

// parseRef reads a trail's name or ARN.
func parseRef(c *redoubt.Call, s string) (ref, error) {
	if !strings.HasPrefix(s, "arn:") {
		if err := checkName(s); err != nil {
			return ref{}, err
		}
		return ref{given: s, account: c.Account, region: c.Region, name: s}, nil
	}
	a, err := redoubt.ParseARN(s)
	name, ok := strings.CutPrefix(a.Resource, "trail/")
	if err != nil || !ok || a.Service != "cloudtrail" || a.Partition != redoubt.Partition(a.Region) || !isAccount(a.Account) || !isRegion(a.Region) || checkName(name) != nil {
		return ref{}, badARN(s)
	}
	return ref{given: s, account: a.Account, region: a.Region, name: name, byARN: true}, nil
}

// checkName holds a trail's name against AWS's rules. Source: CreateTrail, Name.
func checkName(s string) error {
	bad := func(format string, args ...any) error { return api.ErrInvalidTrailNameException.New(format, args...) }
	n := len([]rune(s))
	switch {
	case n < 3:
		return bad("Trail name too short. Minimum allowed length: 3 characters. Specified name length: %d characters.", n)
	case n > 128:
		return bad("Trail name too long. Maximum allowed length: 128 characters. Specified name length: %d characters.", n)
	case !isAlnum(s[0]):
		return bad("Trail name must starts with a letter or number.")
	case !isAlnum(s[len(s)-1]):
		return bad("Trail name must ends with a letter or number.")
	}
	for i := range len(s) {
		c := s[i]
		if isAlnum(c) {
			continue
		}
		if !isMark(c) {
			return bad("Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and underscores (_).")
		}
		if isMark(s[i-1]) {
			return bad("Trail name or ARN cannot have adjacent periods (.), hyphens (-), or underscores (_).")
		}
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return bad("Trail names must not be formatted as an IP address.")
	}
	return nil
}

// checkBucket holds a bucket's name against S3's rules. Source: S3 User Guide,
// "Bucket naming rules"; names in upper case or with underscores, which old
// buckets of us-east-1 have, are not taken.
func checkBucket(s string) error {
	ok := len(s) >= 3 && len(s) <= 63 && !strings.Contains(s, "..")
	for i := 0; ok && i < len(s); i++ {
		c := s[i]
		edge := i == 0 || i == len(s)-1
		ok = 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || !edge && (c == '-' || c == '.')
	}
	if _, err := netip.ParseAddr(s); err == nil || !ok {
		return api.ErrInvalidS3BucketNameException.New("Bucket name %s is not valid.", s)
	}
	return nil
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isMark(c byte) bool { return c == '.' || c == '-' || c == '_' }

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// isRegion keeps what becomes part of a record's key to the form of Regions.
func isRegion(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
