// Package vectorapi holds the models of AWS's protocol tests, generated like the
// api packages: a Go type and a shape table for each suite, so that the vectors
// run through the same tables and types as the services do.
//
// The vectors themselves (params, serialized, result, response) are not here:
// tests read them from the protocol tests' files. A test goes through a file's
// suites by position and takes the types from Find:
//
//	for i, s := range suitesIn("input/json.json") {
//		for _, c := range s.Cases {
//			v, ok := vectorapi.Find("input/json.json", i, c.Given.Name)
//			in := v.NewInput() // decode c.Serialized into it, compare with c.Params
//		}
//	}
package vectorapi

import (
	"cmp"
	"slices"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// Suite is an operation of a suite. All cases of a suite that name the operation
// share it.
type Suite struct {
	File      string // "input/rest-xml.json", below the protocol tests' folder
	Index     int    // position of the suite in the file
	Service   *schema.Service
	Operation string // given.name of the cases
	// NewInput and NewOutput answer pointers to zero values; of an empty
	// structure where the operation has no input or output.
	NewInput, NewOutput func() any
	// NewError answers a pointer to a zero value of a modelled error by its
	// shape's name, or nil. NewError is nil where the operation has no errors.
	NewError func(shape string) any
}

// Find answers an operation of the index-th suite of a file.
func Find(file string, index int, operation string) (Suite, bool) {
	i, ok := slices.BinarySearchFunc(suites, Suite{File: file, Index: index, Operation: operation}, func(a, b Suite) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Index, b.Index), cmp.Compare(a.Operation, b.Operation))
	})
	if !ok {
		return Suite{}, false
	}
	return suites[i], true
}
