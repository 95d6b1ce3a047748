package lambda

import (
	"errors"
	"regexp"
	"slices"
	"sync"

	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/store"
)

// offered is what AWS says that it takes, as of January 2026.
const offered = "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2"

// retired are runtimes that AWS takes no more for new functions. Source: as offered,
// and Lambda Developer Guide, "Deprecated runtimes".
var retired = []string{
	"nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x",
	"java8", "python2.7", "python3.6", "python3.7", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1",
	"dotnetcore3.1", "go1.x", "ruby2.5", "ruby2.7", "provided",
}

// runtimeExists reports whether a runtime of that name exists or existed at AWS.
func runtimeExists(name string) bool { return slices.Contains(runtimeNames(), name) }

// runtimeNames are all that the model knows.
var runtimeNames = sync.OnceValue(func() []string {
	for i := range api.Model.Shapes {
		if api.Model.Shapes[i].Name == "Runtime" {
			return api.Model.Shapes[i].Enum
		}
	}
	return nil
})

// snapStarts are the runtimes that SnapStart is for. Source: Lambda Developer Guide,
// "Improving startup performance with Lambda SnapStart".
var snapStarts = regexp.MustCompile(`^(java(11|17|21|25)|python3\.1[2-9]|dotnet(8|10))$`)

// checkRuntime sets a version's runtime if this host can run it, and what does.
func (s *Service) checkRuntime(v *Version, name string) error {
	if !runtimeExists(name) {
		return invalid("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s] or be a valid ARN", name, offered)
	}
	if slices.Contains(retired, name) {
		return invalid("The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.", name)
	}
	rt, err := s.Engine.Ready(name)
	switch {
	case errors.Is(err, functions.ErrIsolation), errors.Is(err, functions.ErrRuntime):
		return invalid("Functions of runtime %s cannot run on this server: %v.", name, err)
	case err != nil:
		return err
	}
	v.Runtime, v.Runs = name, rt.Build()
	return nil
}

// fits refuses a version whose code and layers are too large together.
func (s *Service) fits(tx *store.Tx, r ref, v *Version) error {
	p, err := packages.In(r.account, r.region).Get(tx, v.Code.ID)
	if err != nil {
		return err
	}
	total := p.Unpacked
	for _, l := range v.Layers {
		at, err := parseLayer(l.ARN)
		if err != nil {
			return err
		}
		p, err := packages.In(at.account, at.region).Get(tx, l.Code)
		if err != nil {
			return err
		}
		total += p.Unpacked
	}
	if total > maxUnpacked {
		return invalid("Function code combined with layers exceeds the maximum allowed size of %d bytes. The actual size is %d bytes.", maxUnpacked, total)
	}
	return nil
}
