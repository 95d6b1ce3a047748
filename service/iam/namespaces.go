package iam

import (
	"slices"
	"strings"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// namespace is a service as policies name it.
type namespace struct {
	namespace, name string
	service         *schema.Service
}

// namespacesOf lists the services by their IAM prefixes, in order.
func namespacesOf(services []*schema.Service) []namespace {
	var list []namespace
	for _, s := range services {
		known := slices.ContainsFunc(list, func(n namespace) bool { return n.namespace == s.IAMPrefix })
		if s.IAMPrefix != "" && !known {
			list = append(list, namespace{s.IAMPrefix, s.FullName, s})
		}
	}
	slices.SortFunc(list, func(a, b namespace) int { return strings.Compare(a.namespace, b.namespace) })
	return list
}

// template answers the ARN format of the resource that an action is about: the
// first that fits one of the ARNs, else the one that the action requires; "*" if
// it has none or is unknown.
func (s *Service) template(action string, arns []string) string {
	prefix, name, _ := strings.Cut(action, ":")
	for _, n := range s.namespaces {
		if !strings.EqualFold(n.namespace, prefix) {
			continue
		}
		for _, a := range n.service.Actions {
			if strings.EqualFold(a.Name, name) && len(a.Resources) > 0 {
				return formatOf(n.service, a.Resources, arns)
			}
		}
	}
	return "*"
}

func formatOf(svc *schema.Service, kinds, arns []string) string {
	required := "*"
	for _, kind := range kinds {
		for _, r := range svc.Resources {
			if r.Name != strings.TrimSuffix(kind, "*") {
				continue
			}
			if slices.ContainsFunc(arns, func(arn string) bool { return hasFormat(arn, r.ARN) }) {
				return r.ARN
			}
			if required == "*" || strings.HasSuffix(kind, "*") {
				required = r.ARN
			}
		}
	}
	return required
}

// hasFormat reports whether an ARN has a format such as
// arn:${Partition}:s3:::${BucketName}/${ObjectName}. Names hold no slash, but for
// those that say so ("WithPath") and the last one after a slash.
func hasFormat(arn, format string) bool {
	for format != "" {
		literal, rest, more := strings.Cut(format, "${")
		var ok bool
		if arn, ok = strings.CutPrefix(arn, literal); !ok || !more {
			return ok && arn == ""
		}
		variable, after, _ := strings.Cut(rest, "}")
		format = after
		until := strings.IndexAny(arn, "/:")
		if format == "" && (strings.HasSuffix(literal, "/") || strings.HasSuffix(variable, "WithPath")) || until < 0 {
			until = len(arn)
		}
		if until == 0 {
			return false
		}
		arn = arn[until:]
	}
	return arn == ""
}
