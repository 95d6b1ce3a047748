//go:build !matrix

package redoubttest

import "testing"

// clusterStore answers the address of a cluster for one test; see matrix.go.
var clusterStore func(testing.TB) string
