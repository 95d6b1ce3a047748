package lambda

import (
	"errors"
	"slices"

	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/store"
)

// retired are runtimes that AWS takes no more for new functions. Source: Lambda
// Developer Guide, "Deprecated runtimes".
var retired = []string{
	"nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x", "nodejs16.x",
	"java8", "python2.7", "python3.6", "python3.7", "python3.8", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1",
	"dotnetcore3.1", "dotnet6", "go1.x", "ruby2.5", "ruby2.7", "provided",
}

// checkRuntime sets a version's runtime if this host can run it, with a note where
// another version of it does.
func (s *Service) checkRuntime(v *Version, name string) error {
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
	v.Runtime, v.Note = name, rt.Note
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
