package detect

import (
	"net"
	"net/netip"
	"strings"
)

// place is what a host name says.
type place struct {
	endpoint string // endpoint prefix: "kms", "s3", "api.ecr"
	rest     string // all that stands before the server's own name
	before   string // what stands before the endpoint
	region   string
}

// bucket is the bucket of S3's host-style addressing: what stands before "s3",
// or, where a bucket stands right before the server's name, all of it.
func (p place) bucket() string {
	if p.endpoint == "s3" {
		return p.before
	}
	return p.rest
}

// awsDomains end the names of AWS's endpoints.
var awsDomains = []string{"amazonaws.com", "amazonaws.com.cn", "api.aws"}

// locate reads a Host header: kms.us-east-1.amazonaws.com, sts.localhost,
// bucket.s3.eu-west-1.amazonaws.com, bucket.localhost, 123456789012.127.0.0.1.
func (x *Index) locate(host string) place {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return place{}
	}
	rest, ok := x.own(host)
	if !ok {
		return place{}
	}
	p := place{rest: rest}
	labels := strings.Split(rest, ".")
	found := func(i, n int, endpoint string) place {
		p.endpoint, p.before = endpoint, strings.Join(labels[:i], ".")
		if last := labels[len(labels)-1]; i+n < len(labels) && isRegion(last) {
			p.region = last
		}
		return p
	}
	// Buckets may be called as services are, so "s3" is looked for first, and
	// from the right.
	for i := len(labels) - 1; i >= 0 && x.s3 != nil; i-- {
		if l := labels[i]; l == "s3" || l == "s3-accelerate" {
			return found(i, 1, "s3")
		} else if region, ok := strings.CutPrefix(l, "s3-"); ok && isRegion(region) {
			p.region = region
			return found(i, 1, "s3")
		}
	}
	for i := range labels {
		for n := min(2, len(labels)-i); n > 0; n-- {
			if name := strings.Join(labels[i:i+n], "."); x.endpoints[name] != nil {
				return found(i, n, name)
			}
		}
	}
	return p
}

// own cuts the server's own name, or AWS's, off the end of a host.
func (x *Index) own(host string) (string, bool) {
	for _, list := range [][]string{awsDomains, x.hosts} {
		for _, d := range list {
			if host == d {
				return "", false
			}
			if rest, ok := strings.CutSuffix(host, "."+d); ok {
				return rest, true
			}
		}
	}
	// A label before an address: s3control's clients put the account there.
	if first, addr, ok := strings.Cut(host, "."); ok {
		if _, err := netip.ParseAddr(addr); err == nil {
			return first, true
		}
	}
	return "", false
}

func isRegion(s string) bool { return strings.Count(s, "-") >= 2 }
