package kms_test

import (
	"crypto/sha256"
	"encoding/json"
	"reflect"
)

func sha(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// sameMembers compares JSON texts without regard to order.
func sameMembers(got, want string) bool {
	if got == want || got == "{}" && want == "" {
		return true
	}
	var a, b any
	if json.Unmarshal([]byte(got), &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		return false
	}
	return reflect.DeepEqual(a, b)
}
