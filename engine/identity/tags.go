package identity

import (
	"maps"
	"slices"
	"strings"
)

// Tags are a resource's tags. Keys keep their case but differ without regard to
// it: Department replaces department.
// Source: IAM User Guide, "Tags for IAM resources", case sensitivity.
type Tags map[string]string

// Keys answers the keys in order.
func (t Tags) Keys() []string { return slices.Sorted(maps.Keys(t)) }

// Set puts key=value in place of any key that differs in case alone.
func (t *Tags) Set(key, value string) {
	if *t == nil {
		*t = Tags{}
	}
	t.Remove(key)
	(*t)[key] = value
}

// Remove takes key away; an absent one is no error.
func (t Tags) Remove(key string) {
	for k := range t {
		if strings.EqualFold(k, key) {
			delete(t, k)
		}
	}
}
