package redoubt

import (
	"fmt"
	"strings"
)

// ARN is an Amazon Resource Name split into its six parts
// (arn:partition:service:region:account:resource).
// Source: AWS General Reference, "Amazon Resource Names (ARNs)".
type ARN struct {
	Partition string
	Service   string
	Region    string // empty for global services
	Account   string // empty where the service has none (S3 buckets)
	Resource  string // everything after the fifth colon, colons included
}

// ParseARN splits s. It checks the shape only, not whether the parts exist.
func ParseARN(s string) (ARN, error) {
	var p [5]string
	rest, ok := s, true
	for i := range p {
		var more bool
		p[i], rest, more = strings.Cut(rest, ":")
		ok = ok && more
	}
	if !ok || p[0] != "arn" || p[1] == "" || p[2] == "" || rest == "" {
		return ARN{}, fmt.Errorf("%q is not an ARN", s)
	}
	return ARN{Partition: p[1], Service: p[2], Region: p[3], Account: p[4], Resource: rest}, nil
}

func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// Partition answers the AWS partition in which a region lies: names are made
// from it and clients compare them.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
