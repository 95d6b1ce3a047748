package iam

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
)

// fold says whether tag keys of a resource differ in case.
type fold bool

const (
	foldCase fold = true  // users, roles
	exact    fold = false // everything else
)

// newTags reads the tags of a request that makes a resource.
func newTags(list []iamapi.Tag, f fold) (identity.Tags, error) {
	if len(list) == 0 {
		return nil, nil
	}
	t := identity.Tags{}
	for _, tag := range list {
		key, value := str(tag.Key), str(tag.Value)
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return nil, iamapi.ErrInvalidInputException.New("Invalid tag key: tag keys with the prefix aws: are reserved for AWS use.")
		}
		if _, dup := t[key]; dup || f == foldCase && hasFold(t, key) {
			if f == foldCase {
				return nil, iamapi.ErrInvalidInputException.New("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
			}
			return nil, iamapi.ErrInvalidInputException.New("Duplicate tag keys found.")
		}
		t[key] = value
	}
	return t, nil
}

func hasFold(t identity.Tags, key string) bool {
	for k := range t {
		if strings.EqualFold(k, key) {
			return true
		}
	}
	return false
}

// tag lays the tags of a request over a resource's.
func tag(have *identity.Tags, list []iamapi.Tag, f fold) error {
	add, err := newTags(list, f)
	if err != nil {
		return err
	}
	t := maps.Clone(*have)
	if t == nil {
		t = identity.Tags{}
	}
	for k, v := range add {
		if f == foldCase {
			t.SetFold(k, v)
		} else {
			t[k] = v
		}
	}
	if len(t) > identity.MaxTags {
		return iamapi.ErrLimitExceededException.New("The number of tags has reached the maximum limit.")
	}
	*have = t
	return nil
}

// untag takes keys away; absent ones are no error.
func untag(have *identity.Tags, keys []string, f fold) {
	for _, k := range keys {
		if f == foldCase {
			have.RemoveFold(k)
		} else {
			delete(*have, k)
		}
	}
}

// tagList writes tags in AWS's order; never nil.
func tagList(t identity.Tags) []iamapi.Tag {
	return hashed(mapped(t.Keys(), func(k string) iamapi.Tag { return iamapi.Tag{Key: new(k), Value: new(t[k])} }))
}

// hashed brings tags, sorted by key, into the order in which AWS was seen to
// answer them: that of the smallest Java hash table for so many, so that abc
// stands behind z.
func hashed(tags []iamapi.Tag) []iamapi.Tag {
	size := uint32(1)
	for int(size)*3 < len(tags)*4+4 {
		size *= 2
	}
	bucket := func(t iamapi.Tag) uint32 {
		var h uint32
		for _, c := range utf16.Encode([]rune(*t.Key)) {
			h = h*31 + uint32(c)
		}
		return (h ^ h>>16) & (size - 1)
	}
	slices.SortStableFunc(tags, func(a, b iamapi.Tag) int { return cmp.Compare(bucket(a), bucket(b)) })
	return tags
}

// someTags writes tags, nil where there are none.
func someTags(t identity.Tags) []iamapi.Tag {
	if len(t) == 0 {
		return nil
	}
	return tagList(t)
}

// tagPage writes a page of tags. Pages follow the order of keys, a page that of tagList.
func tagPage(t identity.Tags, marker *string, maxItems *int32) (page[iamapi.Tag], error) {
	keys, err := pageOf(t.Keys(), marker, maxItems, func(k string) string { return k })
	tags := mapped(keys.items, func(k string) iamapi.Tag { return iamapi.Tag{Key: new(k), Value: new(t[k])} })
	return page[iamapi.Tag]{items: hashed(tags), truncated: keys.truncated, marker: keys.marker}, err
}
