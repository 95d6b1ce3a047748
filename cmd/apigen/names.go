package main

import (
	"strconv"
	"strings"
	"unicode"
)

// packageName makes the api package's name from a model's folder.
func packageName(folder string) string {
	return strings.ReplaceAll(folder, "-", "") + "api"
}

// exported makes a Go name of a shape's or member's name: the name as it is,
// its first letter in upper case, without characters that Go refuses.
func exported(name string) string {
	name = strings.TrimLeft(strings.Map(func(r rune) rune {
		if r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, name), "_")
	if name == "" || unicode.IsDigit(rune(name[0])) {
		return "X" + name
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// constant makes the part of an enum constant's name that stands for the value:
// "RSA_2048" is Rsa2048, "us-west-2" is UsWest2, "PendingDeletion" stays. The
// AWS SDK for Go names them so too. A value without letters or digits has no
// name of its own.
func constant(value string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(value, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		if word == strings.ToUpper(word) {
			word = strings.ToLower(word)
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// scope hands out names that are unique in a package or structure. Who asks
// first gets the name itself; ask in a fixed order.
type scope map[string]bool

// take answers the first of the names that is free, or the last with a number.
func (s scope) take(names ...string) string {
	for _, n := range names {
		if !s[n] {
			s[n] = true
			return n
		}
	}
	last := names[len(names)-1]
	for i := 2; ; i++ {
		n := last + "_" + strconv.Itoa(i)
		if !s[n] {
			s[n] = true
			return n
		}
	}
}
