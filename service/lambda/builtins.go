package lambda

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/store"
)

// Built-in functions are part of this program: they exist in every account and
// Region, are described and invoked like any other and take permissions, but cannot
// be changed or deleted. The environment variables that they read can be set, for each
// account and Region. They show no execution role.

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

// builtinSettings is what an account has set for a built-in function in a Region. The
// variables are those that the function reads, rules for passwords and no secrets,
// and stand as they are: a key and its grants would protect nothing.
type builtinSettings struct {
	Variables map[string]string
	Revision  string
	Modified  time.Time
}

var builtinTable = store.RegionalTable[builtinSettings]("lambda.builtin") // by name

// builtin is a built-in function as the records of others are.
func (s *Service) builtin(tx *store.Tx, r ref, b *functions.Builtin) (*Function, error) {
	f := &Function{
		ID: "builtin." + b.Name, Name: b.Name, ARN: r.function(),
		Latest: Version{
			Number: latest, Description: b.Description, Runtime: api.RuntimeProvidedAl2023, Handler: b.Name, Timeout: 300, Memory: 128,
			Storage: 512, Arch: api.ArchitectureX8664, Tracing: api.TracingModePassThrough, SnapStart: api.SnapStartApplyOnNone,
			Logging: Logging{Format: api.LogFormatText}, Revision: "00000000-0000-0000-0000-000000000000", Modified: builtSince,
			State: active, Update: successful,
		},
	}
	set, err := builtinTable.In(r.account, r.region).Get(tx, b.Name)
	if errors.Is(err, store.ErrNotFound) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	f.Latest.Rules, f.Latest.Revision, f.Latest.Modified = set.Variables, set.Revision, set.Modified
	return f, nil
}

// builtins are all of them as functions of one account and Region, in order of
// their names.
func (s *Service) builtins(tx *store.Tx, partition, account, region string) ([]*Function, error) {
	var list []*Function
	for _, b := range s.inside {
		f, err := s.builtin(tx, ref{partition: partition, account: account, region: region, name: b.Name}, b)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// configureBuiltin sets the one thing that can be set of a built-in function: the
// environment variables that it reads.
func (s *Service) configureBuiltin(ctx context.Context, c *redoubt.Call, r ref, b *functions.Builtin, in *api.UpdateFunctionConfigurationInput) (*api.FunctionConfiguration, error) {
	rest := *in
	rest.FunctionName, rest.RevisionId, rest.Environment = nil, nil, nil
	if in.Environment == nil || !reflect.ValueOf(rest).IsZero() {
		return nil, isBuiltin(r)
	}
	tx := store.From(ctx)
	f, err := s.builtin(tx, r, b)
	if err != nil {
		return nil, err
	}
	if in.RevisionId != nil && *in.RevisionId != f.Latest.Revision {
		return nil, staleRevision()
	}
	vars := in.Environment.Variables
	if err := checkEnvironment(vars); err != nil {
		return nil, err
	}
	for name := range vars {
		if !slices.Contains(b.Variables, name) {
			return nil, invalid("The function %s is built into this server and reads no environment variables but %s.", r.function(), strings.Join(b.Variables, ", "))
		}
	}
	set := &builtinSettings{Variables: vars, Revision: newRevision(), Modified: s.Clock.Now()}
	if err := builtinTable.In(r.account, r.region).Put(tx, b.Name, set); err != nil {
		return nil, err
	}
	f.Latest.Rules, f.Latest.Revision, f.Latest.Modified = set.Variables, set.Revision, set.Modified
	return s.configuration(ctx, c, f, &f.Latest, f.ARN)
}
