package s3

import (
	"net/netip"
	"strings"

	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/identity"
)

// owner words an account as the owner of something.
func owner(account string) *api.Owner { return &api.Owner{ID: new(identity.CanonicalID(account))} }

// bucketARN is the ARN of a bucket, whether there is one or not.
func bucketARN(partition, name string) string { return "arn:" + partition + ":s3:::" + name }

// validName reports whether a bucket may be called so. Source: Amazon S3 User
// Guide, "General purpose bucket naming rules".
func validName(name string) bool {
	if len(name) < 3 || len(name) > 63 || strings.Contains(name, "..") {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !letter && c != '-' && c != '.' || !letter && (i == 0 || i == len(name)-1) {
			return false
		}
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return false
	}
	for _, p := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, p) {
			return false
		}
	}
	for _, x := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, x) {
			return false
		}
	}
	return true
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// given is a pointer to v, or nil where it is the zero value: absent.
func given[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
