package iam

import (
	"encoding/base64"
	"iter"
	"slices"
	"strings"
)

// page is one page of a list: what IAM answers as items, IsTruncated (always
// present) and Marker (present while there is more).
type page[T any] struct {
	items     []T
	truncated *bool
	marker    *string
}

// defaultPage is how many items a page has unless MaxItems says otherwise.
const defaultPage = 100

// markerPrefix tells our markers from anything else that is base64.
const markerPrefix = "m1:"

// after reads a marker: the key behind which the page begins, empty for the
// first.
func after(marker *string) (string, error) {
	if marker == nil || *marker == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(*marker)
	key, ok := strings.CutPrefix(string(b), markerPrefix)
	if err != nil || !ok || key == "" {
		return "", validation("Invalid Marker.")
	}
	return key, nil
}

func markerOf(key string) *string {
	return new(base64.RawURLEncoding.EncodeToString([]byte(markerPrefix + key)))
}

// paginate takes a page from a walk that begins behind the marker. keep may be
// nil; key is what the next page begins behind.
func paginate[T any](seq iter.Seq2[T, error], maxItems *int32, keep func(T) bool, key func(T) string) (page[T], error) {
	limit := defaultPage
	if maxItems != nil {
		limit = int(*maxItems)
	}
	p := page[T]{items: []T{}, truncated: new(false)}
	for v, err := range seq {
		if err != nil {
			return p, err
		}
		if keep != nil && !keep(v) {
			continue
		}
		if len(p.items) == limit {
			p.truncated = new(true)
			p.marker = markerOf(key(p.items[limit-1]))
			return p, nil
		}
		p.items = append(p.items, v)
	}
	return p, nil
}

// pageOf takes a page from a list that is at hand. Where the item of the marker
// is gone, the page begins with the first key behind it.
func pageOf[T any](list []T, marker *string, maxItems *int32, key func(T) string) (page[T], error) {
	from, err := after(marker)
	if err != nil {
		return page[T]{}, err
	}
	if from != "" {
		at := slices.IndexFunc(list, func(v T) bool { return key(v) == from }) + 1
		if at == 0 {
			at = slices.IndexFunc(list, func(v T) bool { return key(v) > from })
		}
		if at < 0 {
			at = len(list)
		}
		list = list[at:]
	}
	return paginate(all(list), maxItems, nil, key)
}

// all walks a list.
func all[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// mapped makes a list's elements into others; the answer is never nil.
func mapped[A, B any](list []A, f func(A) B) []B {
	out := make([]B, 0, len(list))
	for _, v := range list {
		out = append(out, f(v))
	}
	return out
}
