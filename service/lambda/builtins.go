package lambda

import (
	"slices"
	"strings"
	"time"

	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/engine/functions"
)

// Built-in functions are part of this program: they exist in every account and
// Region, are described and invoked like any other and take permissions, but cannot
// be changed or deleted. They show no
// execution role.

// builtSince is when they say that they were last modified: they are as old as the
// program, and a time that moved would look like a change.
var builtSince = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// builtinNamed answers the built-in function of a name, or nil.
func (s *Service) builtinNamed(name string) *functions.Builtin {
	i, ok := slices.BinarySearchFunc(s.inside, name, func(b *functions.Builtin, n string) int { return strings.Compare(b.Name, n) })
	if !ok {
		return nil
	}
	return s.inside[i]
}

// isInside reports whether r names a built-in function.
func (s *Service) isInside(r ref) bool { return s.builtinNamed(r.name) != nil }

// builtin is a built-in function as the records of others are.
func builtin(r ref, b *functions.Builtin) *Function {
	return &Function{
		ID: "builtin." + b.Name, Name: b.Name, ARN: r.function(),
		Latest: Version{
			Number: latest, Description: b.Description, Runtime: api.RuntimeProvidedAl2023, Handler: b.Name, Timeout: 300, Memory: 128,
			Storage: 512, Arch: api.ArchitectureX8664, Tracing: api.TracingModePassThrough, SnapStart: api.SnapStartApplyOnNone,
			Logging: Logging{Format: api.LogFormatText}, Revision: "00000000-0000-0000-0000-000000000000", Modified: builtSince,
			State: active, Update: successful,
		},
	}
}

// builtins are all of them as functions of one account and Region, in order of
// their names.
func (s *Service) builtins(partition, account, region string) []*Function {
	var list []*Function
	for _, b := range s.inside {
		list = append(list, builtin(ref{partition: partition, account: account, region: region, name: b.Name}, b))
	}
	return list
}
