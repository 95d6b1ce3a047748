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

// template answers the ARN format of the resource that an action is about, "*"
// if it has none or is unknown.
func (s *Service) template(action string) string {
	prefix, name, _ := strings.Cut(action, ":")
	for _, n := range s.namespaces {
		if !strings.EqualFold(n.namespace, prefix) {
			continue
		}
		for _, a := range n.service.Actions {
			if !strings.EqualFold(a.Name, name) || len(a.Resources) == 0 {
				continue
			}
			kind := a.Resources[0]
			for _, r := range a.Resources {
				if strings.HasSuffix(r, "*") {
					kind = r
					break
				}
			}
			for _, r := range n.service.Resources {
				if r.Name == strings.TrimSuffix(kind, "*") {
					return r.ARN
				}
			}
		}
	}
	return "*"
}
