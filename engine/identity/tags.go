package identity

import (
	"maps"
	"slices"
	"strings"
)

// Tags are a resource's tags. Users' and roles' keys differ without regard to
// case, since sessions carry them as principal tags; those of other resources
// differ byte by byte. Source: IAM User Guide, "Tags for IAM resources".
type Tags map[string]string

// Keys answers the keys in order.
func (t Tags) Keys() []string { return slices.Sorted(maps.Keys(t)) }

// SetFold puts key=value in place of a key that differs in case alone.
func (t Tags) SetFold(key, value string) {
	t.RemoveFold(key)
	t[key] = value
}

// RemoveFold takes away key however it is written; an absent one is no error.
func (t Tags) RemoveFold(key string) {
	maps.DeleteFunc(t, func(k, _ string) bool { return strings.EqualFold(k, key) })
}
