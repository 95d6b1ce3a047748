package iam

import (
	"regexp"
	"strings"

	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
)

// exclusions are the policies that a simulation leaves out.
type exclusions struct {
	types  map[string]bool
	arns   []*regexp.Regexp
	inline []func(identity.Ref, string) bool
}

func exclusionsOf(list []iamapi.PolicyIdentifier) (exclusions, error) {
	x := exclusions{types: map[string]bool{}}
	for _, p := range list {
		switch {
		case p.PolicyType != nil:
			x.types[*p.PolicyType] = true
		case p.PolicyArn != nil:
			at := strings.LastIndexByte(*p.PolicyArn, '/')
			if strings.ContainsAny((*p.PolicyArn)[:max(at, 0)], "*?") || !strings.Contains(*p.PolicyArn, ":policy/") {
				return x, iamapi.ErrInvalidInputException.New("ARN %s is not valid.", *p.PolicyArn)
			}
			re, err := pattern(*p.PolicyArn)
			if err != nil {
				return x, err
			}
			x.arns = append(x.arns, re)
		case p.InlinePolicyIdentifier != nil:
			id := p.InlinePolicyIdentifier
			re, err := pattern(str(id.AttachmentName))
			if err != nil {
				return x, err
			}
			x.inline = append(x.inline, func(r identity.Ref, name string) bool {
				return strings.EqualFold(string(r.Noun), str(id.AttachmentType)) && re.MatchString(r.Name) && name == str(id.PolicyName)
			})
		}
	}
	return x, nil
}

// pattern compiles a name with at most one * and any number of ?.
func pattern(s string) (*regexp.Regexp, error) {
	if strings.Count(s, "*") > 1 {
		return nil, iamapi.ErrInvalidInputException.New("At most one * is allowed in %s.", s)
	}
	q := regexp.QuoteMeta(s)
	q = strings.ReplaceAll(strings.ReplaceAll(q, `\*`, ".*"), `\?`, ".")
	return regexp.MustCompile("^" + q + "$"), nil
}

// excluded reports whether a policy of a holder is left out.
func (x exclusions) excluded(r identity.Ref, p policy.Source) bool {
	if !isPolicyARN(p.Name) {
		if x.types["inline"] {
			return true
		}
		for _, f := range x.inline {
			if f(r, p.Name) {
				return true
			}
		}
		return false
	}
	aws := strings.Contains(p.Name, ":iam::aws:")
	if aws && x.types["aws-managed"] || !aws && x.types["user-managed"] {
		return true
	}
	for _, re := range x.arns {
		if re.MatchString(p.Name) {
			return true
		}
	}
	return false
}
